"""Shells of a perceptron, from all eigenvectors of its kernel and by Lanczos' method: time, memory, agreement.

The kernel comes from Gram products, the fastest way, which perceptrons alone have; and from one product of the operator
for each sample, the way of any other module.
"""

import time
from typing import NamedTuple

import numpy as np
import torch

from benchmarks.alone import alone
from benchmarks.sizes import BOUND, Size, growth, per_unit
from benchmarks.timing import row, timed
from scalinglaws.networks import Network, forward, initialise, linearise, tangent_kernel
from scalinglaws.problems import power_law_problem
from scalinglaws.shells import SplineShells, measure

EXACT, PRODUCTS, LANCZOS, TWO_CORES = "exact", "exact, any module", "Lanczos", "Lanczos, 2 cores"
DIM, WIDTH, DEPTH, N_STEPS = 64, 256, 2, 120
SAMPLES = {
    EXACT: (500, 1000, 2000, 4000),
    PRODUCTS: (250, 500, 1000),
    LANCZOS: (500, 1000, 2000, 4000, 8000, 20_000),
}
# Memory against the number of parameters, 1e5 to 1e7, where samples and steps take next to none.
WIDTHS, FEW_SAMPLES, FEW_STEPS = (256, 1000, 3100), 64, 2
QUICK_SAMPLES, QUICK_WIDTH = 2000, 1000
SECONDS_AT_MOST, GB_AT_MOST, EXPONENT_AT_MOST, COPIES_AT_MOST, DEVIATION_AT_MOST = 60, 2, 1.15, 12, 1e-3
# Short measurements are repeated: in this many seconds, or REPEATS times.
REPEATS, PATIENCE = 3, 8.0


class Case(NamedTuple):
    """Sizes of one measurement."""

    n_samples: int
    width: int = WIDTH
    n_steps: int = N_STEPS


TINY = Case(4, 3, 2)


class Perceptron(torch.nn.Module):
    """A `Network` as a torch module, so that both methods see the same kernel."""

    def __init__(self, network, parameters):
        super().__init__()
        self.network, self.weights = network, torch.nn.ParameterList(map(torch.nn.Parameter, parameters))

    def forward(self, inputs):
        """Outputs (n_samples, n_outputs)."""
        return forward(self.network, tuple(self.weights), inputs).outputs


def shell_grid(quick=False, samples=SAMPLES, widths=WIDTHS):
    """Rows and sizes, `samples` by method; quick: up to QUICK_SAMPLES and QUICK_WIDTH, and one core."""
    samples = {method: [n for n in sizes if n <= QUICK_SAMPLES or not quick] for method, sizes in samples.items()}
    widths = [width for width in widths if width <= QUICK_WIDTH or not quick]
    lanczos = {n: _best(module_shells, Case(n)) for n in samples[LANCZOS]}
    products = {n: _best(module_shells, Case(n), "exact") for n in samples[PRODUCTS]}
    exact = {n: _best(exact_shells, Case(n), lanczos[n][2][0]) for n in samples[EXACT]}
    rows, sizes = [], []
    for method, measured in ((EXACT, exact), (PRODUCTS, products), (LANCZOS, lanczos)):
        rows += _growth_rows(method, measured)
        sizes += [Size("shells", method, "n_samples", n, *measured[n][:2]) for n in measured]
    rows += [line for n in exact for line in _agreement_rows(n, exact[n], lanczos[n])]
    for more_rows, more_sizes in (*([] if quick else [_largest(max(lanczos))]), _memory(widths)):
        rows, sizes = rows + more_rows, sizes + more_sizes
    return rows, sizes


def module_shells(case, method="lanczos"):
    """(seconds, (edges, energies over the loss, error told, number of parameters)) of `shells.measure`."""
    network, parameters, inputs, targets = _drawn(case)
    model, seconds = Perceptron(network, parameters), []
    options = {"n_steps": case.n_steps, "method": method}
    shells = timed(seconds, lambda: measure(model, inputs, targets, **options), _clock())
    n_parameters = sum(map(torch.numel, parameters))
    return seconds[0], (shells.edges, shells.energy / shells.loss, shells.error, n_parameters)


def exact_shells(case, edges):
    """(seconds, (energies over the loss,)) with all eigenvectors of the kernel from Gram products: the fastest way."""
    network, parameters, inputs, targets = _drawn(case)
    seconds = []
    energy = timed(seconds, lambda: _all_modes(network, parameters, inputs, targets, SplineShells(edges)), _clock())
    return seconds[0], (energy / energy.sum(),)


def _clock():
    """CPU time on one thread, where nothing that else runs is in it; on more, the wall's."""
    return time.process_time if torch.get_num_threads() == 1 else time.perf_counter


def _all_modes(network, parameters, inputs, targets, shells):
    linearisation = linearise(network, parameters, inputs)
    residual = (linearisation.pass_.outputs - targets).numpy().ravel()
    eigenvalues, eigenvectors = np.linalg.eigh(tangent_kernel(network, linearisation).numpy())
    return shells.windows(np.maximum(eigenvalues, 0.0)) @ (eigenvectors.T @ residual) ** 2


def _drawn(case):
    rng, network = np.random.default_rng(0), Network(DIM, case.width, DEPTH)
    problem = power_law_problem(rng, n_samples=case.n_samples, dim=DIM, capacity=1.0, source=0.5)
    return network, initialise(rng, network), torch.as_tensor(problem.inputs), torch.as_tensor(problem.targets)


def _best(compute, case, *arguments, n_threads=1):
    """(seconds, peak in GB, outcome): the best of several, each in a new process."""
    runs = []
    while len(runs) < REPEATS and sum(seconds for seconds, _, _ in runs) < PATIENCE:
        (seconds, outcome), peak = alone(compute, case, *arguments, rehearsal=(TINY, *arguments), n_threads=n_threads)
        runs.append((seconds, peak / 1e9, outcome))
    return min(run[0] for run in runs), min(run[1] for run in runs), runs[-1][2]


def _growth_rows(method, measured):
    n_samples, (seconds, peaks, _) = list(measured), zip(*measured.values(), strict=True)
    bound = {"at_most": EXPONENT_AT_MOST} if method == LANCZOS else {}
    name = _name(method, f"{min(n_samples)} to {max(n_samples)}")
    return [
        row(name, "growth exponent of seconds", growth(n_samples, seconds), **bound),
        row(name, "growth exponent of memory", growth(n_samples, peaks)),
    ]


def _agreement_rows(n_samples, exact, lanczos):
    name, deviation = _name(f"{EXACT} and {LANCZOS}", n_samples), np.abs(exact[2][0] - lanczos[2][1]).sum()
    return [
        row(name, "seconds, exact / Lanczos", exact[0] / lanczos[0]),
        row(name, "memory, exact / Lanczos", exact[1] / lanczos[1]),
        row(name, "deviation of energies, share of the loss", deviation, at_most=DEVIATION_AT_MOST),
    ]


def _largest(n_samples):
    """What one measurement at the largest size costs on two cores."""
    seconds, peak, (_, _, error, _) = _best(module_shells, Case(n_samples), n_threads=2)
    name = f"{_name(LANCZOS, n_samples)}, on 2 cores"
    rows = [
        row(name, "wall seconds", seconds, at_most=SECONDS_AT_MOST),
        row(name, "peak memory, GB", peak, at_most=GB_AT_MOST),
        row(name, "error told, share of the loss", error),
    ]
    costs = {TWO_CORES: (seconds, peak), BOUND: (SECONDS_AT_MOST, GB_AT_MOST)}
    return rows, [Size("shells", method, "n_samples", n_samples, *cost) for method, cost in costs.items()]


def _memory(widths):
    """Memory against the number of parameters, in copies of the model, which is one of them."""
    found = [_best(module_shells, Case(FEW_SAMPLES, width, FEW_STEPS)) for width in widths]
    n_parameters, peaks = [outcome[3] for _, _, outcome in found], [peak for _, peak, _ in found]
    copies = [8e-9 * count for count in n_parameters]
    name = f"{LANCZOS} shells, {FEW_SAMPLES} samples, {min(n_parameters):.1g} to {max(n_parameters):.1g} parameters"
    rows = [row(name, "memory that grows, copies of the model", per_unit(copies, peaks), at_most=COPIES_AT_MOST)]
    costs = [(count, seconds, peak) for count, (seconds, peak, _) in zip(n_parameters, found, strict=True)]
    allowed = peaks[0] + COPIES_AT_MOST * (np.array(copies) - copies[0])
    bounds = [(count, np.nan, float(peak)) for count, peak in zip(n_parameters, allowed, strict=True)]
    lines = {LANCZOS: costs, BOUND: bounds}
    return rows, [Size("shells", method, "n_parameters", *cost) for method, line in lines.items() for cost in line]


def _name(method, n_samples):
    return f"{method} shells, {DEPTH} hidden layers of {WIDTH}, n = {n_samples}"
