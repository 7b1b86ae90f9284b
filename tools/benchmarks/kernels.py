"""The tangent kernel from Gram products against jacrev + vmap of torch.func, on one thread."""

import numpy as np
import torch

from benchmarks.sizes import Size
from benchmarks.timing import row, side_by_side
from scalinglaws.networks import Network, forward, initialise, linearise, tangent_kernel

METHODS = ("Gram products", "torch.func")
DEPTH = 3
WIDTHS, SAMPLES, FIXED = (64, 128, 256, 512, 1024), (128, 256, 512, 1024), 256
QUICK = 256
# Sizes whose Jacobian, which torch.func forms, is larger are ours alone.
JACOBIAN_BYTES = 3e9
# Seconds after which no further round is begun.
PATIENCE = 6.0


def kernel_rows(n_samples, width, depth, measured=None):
    """Rows of one size."""
    seconds, error = measured or compare(n_samples, width, depth)
    ours, theirs = (seconds[method] for method in METHODS)
    name = f"tangent kernel, n = width = {width}, {depth} hidden layers"
    return [
        row(name, "seconds, Gram products", ours),
        row(name, "seconds, torch.func", theirs),
        row(name, "ratio", theirs / ours, at_least=20),
        row(name, "relative difference", error, at_most=1e-13),
    ]


def kernel_grid(quick=False, widths=WIDTHS, samples=SAMPLES, fixed=FIXED):
    """Rows and sizes against width at `fixed` samples and against samples at `fixed` width; quick: up to QUICK."""
    widths, samples = ([size for size in sizes if size <= QUICK or not quick] for sizes in (widths, samples))
    shapes = {(fixed, width): None for width in widths} | {(n_samples, fixed): None for n_samples in samples}
    measured = {shape: compare(*shape, DEPTH, PATIENCE) for shape in shapes}
    rows = kernel_rows(fixed, fixed, DEPTH, measured[fixed, fixed])
    for (n_samples, width), (seconds, _) in measured.items():
        if (n_samples, width) != (fixed, fixed) and len(seconds) == len(METHODS):
            name = f"tangent kernel, n = {n_samples}, width = {width}, {DEPTH} hidden layers"
            rows.append(row(name, "ratio", seconds[METHODS[1]] / seconds[METHODS[0]]))
    along_width = [(("width", width), measured[fixed, width]) for width in widths]
    along_samples = [(("n_samples", n_samples), measured[n_samples, fixed]) for n_samples in samples]
    lines = [(size, method, taken) for size, found in along_width + along_samples for method, taken in found[0].items()]
    return rows, [Size("tangent kernel", method, *size, taken) for size, method, taken in lines]


def compare(n_samples, width, depth, patience=np.inf):
    """({method: seconds}, relative difference of the kernels, NaN where one of them is left out)."""
    rng = np.random.default_rng(0)
    network = Network(width, width, depth)
    parameters = initialise(rng, network)
    inputs = torch.as_tensor(rng.standard_normal((n_samples, width)))
    computations = {METHODS[0]: lambda: tangent_kernel(network, linearise(network, parameters, inputs))}
    if 8 * n_samples * sum(map(torch.numel, parameters)) <= JACOBIAN_BYTES:
        computations[METHODS[1]] = lambda: _functional_kernel(network, parameters, inputs)
    seconds, kernels = side_by_side(computations, patience)
    gram, func = kernels[METHODS[0]], kernels.get(METHODS[1])
    return seconds, np.nan if func is None else float((gram - func).abs().max() / func.abs().max())


def _functional_kernel(network, parameters, inputs):
    def output(weights, sample):
        return forward(network, weights, sample[None]).outputs[0, 0]

    jacobian = torch.func.vmap(torch.func.jacrev(output), in_dims=(None, 0))(parameters, inputs)
    return sum(block.flatten(1) @ block.flatten(1).T for block in jacobian) / len(inputs)
