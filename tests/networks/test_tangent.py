"""Tangent kernels against explicit Jacobians, closed forms of linear and infinitely wide networks, and symmetries."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from scalinglaws.networks import (
    Network,
    initialise,
    kernel_rate,
    layer_kernels,
    linearise,
    pull_back,
    stack,
    tangent_kernel,
)

# Relative, in the Frobenius norm: rounding of sums over layers and units.
ROUNDING = 1e-13

SHAPES = [
    {"depth": depth, "residual": residual, "n_outputs": n_outputs, "weight_scale": scale}
    for depth in (1, 2, 3)
    for residual in (False, True)
    for n_outputs, scale in ((1, 1.0), (1, 1.6), (3, 0.7))
]
SCALED = [
    {"activation": "tanh", "depth": 2, "residual": False, "n_outputs": 3, "weight_scale": 1.0, "output_scale": 2.3},
    {"activation": "erf", "depth": 3, "residual": True, "n_outputs": 1, "weight_scale": 1.3, "output_scale": 0.4},
]
# The scaled ones come last: SOME picks the others by their place.
ALL = [{"activation": name, **shape} for name in ("tanh", "erf", "relu", "linear") for shape in SHAPES] + SCALED
SOME = [ALL[index] for index in (0, 4, 9, 14, 17, 22, 29, 33, 35, 40, 53, 58, 71, 72, 73)]


def drawn(architecture, seed=0, n=5, dim=3, width=7):
    """A network with parameters, inputs and a direction of motion."""
    rng = np.random.default_rng(seed)
    network = Network(dim, width, **architecture)
    parameters, velocity = initialise(rng, network), initialise(rng, network)
    return network, parameters, torch.as_tensor(rng.standard_normal((n, dim))), velocity


def kernel_of(network, parameters, inputs):
    return tangent_kernel(network, linearise(network, parameters, inputs))


def rate_of(network, parameters, inputs, velocity):
    return kernel_rate(network, parameters, linearise(network, parameters, inputs), velocity)


def jacobian(network, parameters, inputs):
    """J, rows sample first and columns all parameters, by reverse-mode differentiation."""

    def outputs(moving):
        return linearise(network, moving, inputs).pass_.outputs.reshape(-1)

    return torch.cat([block.flatten(1) for block in torch.func.jacrev(outputs)(parameters)], dim=1)


def assert_close(ours, expected, tolerance):
    error = torch.linalg.vector_norm(ours - expected) / torch.linalg.vector_norm(expected)
    assert ours.shape == expected.shape
    assert float(error) <= tolerance


# --- against differentiation ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", ALL)
def test_kernel_is_the_gram_matrix_of_the_jacobian(architecture):
    network, parameters, inputs, _ = drawn(architecture)
    rows = jacobian(network, parameters, inputs)
    assert_close(kernel_of(network, parameters, inputs), rows @ rows.mT / 5, ROUNDING)


@pytest.mark.parametrize("architecture", ALL)
def test_layer_kernels_are_the_gram_matrices_of_the_jacobians_of_each_layer(architecture):
    """In the order of the parameters; their sum is the tangent kernel."""
    network, parameters, inputs, _ = drawn(architecture)
    kernels = layer_kernels(network, linearise(network, parameters, inputs))
    sizes = [parameter.numel() for parameter in parameters]
    for ours, rows in zip(kernels, jacobian(network, parameters, inputs).split(sizes, dim=1), strict=True):
        assert_close(ours, rows @ rows.mT / 5, ROUNDING)
    assert_close(sum(kernels), kernel_of(network, parameters, inputs), ROUNDING)


@pytest.mark.parametrize("architecture", ALL)
def test_pull_back_is_the_transposed_jacobian(architecture):
    network, parameters, inputs, _ = drawn(architecture)
    covector = torch.as_tensor(np.random.default_rng(1).standard_normal(5 * network.n_outputs))
    gradients = pull_back(network, linearise(network, parameters, inputs), covector)
    assert [g.shape for g in gradients] == [p.shape for p in parameters]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    assert_close(flat, jacobian(network, parameters, inputs).mT @ covector, ROUNDING)


@pytest.mark.parametrize("architecture", ALL)
def test_kernel_rate_is_the_directional_derivative(architecture):
    """For relu both sides are the rate of the smooth pieces."""
    network, parameters, inputs, velocity = drawn(architecture)
    _, expected = torch.autograd.functional.jvp(lambda *p: kernel_of(network, p, inputs), parameters, velocity)
    assert_close(rate_of(network, parameters, inputs, velocity), expected, ROUNDING)


@pytest.mark.parametrize("architecture", SOME)
def test_kernel_rate_is_the_limit_of_differences(architecture):
    """Central differences: h^2 times a third derivative and 1e-16 / h of rounding, both below 1e-8 at h = 1e-5."""
    network, parameters, inputs, velocity = drawn(architecture)
    ends = [
        kernel_of(network, tuple(p + step * v for p, v in zip(parameters, velocity, strict=True)), inputs)
        for step in (1e-5, -1e-5)
    ]
    assert_close(rate_of(network, parameters, inputs, velocity), (ends[0] - ends[1]) / 2e-5, 1e-8)


@pytest.mark.parametrize("architecture", SOME)
def test_kernel_and_pull_back_agree(architecture):
    """c.M c = |J^T c|^2 / n, without any Jacobian."""
    network, parameters, inputs, _ = drawn(architecture, n=6)
    linearisation = linearise(network, parameters, inputs)
    covector = torch.as_tensor(np.random.default_rng(2).standard_normal(6 * network.n_outputs))
    squares = sum(float((g**2).sum()) for g in pull_back(network, linearisation, covector))
    assert float(covector @ tangent_kernel(network, linearisation) @ covector) == pytest.approx(squares / 6, rel=1e-13)


# --- closed forms ---------------------------------------------------------------------------------------------------


def test_linear_network_with_one_hidden_layer_by_hand():
    """h = w W x / sqrt(N d): M = X (W^T W + |w|^2 I) X^T s^2 / (N d n), and M' by the product rule."""
    scale = 1.3
    network, parameters, inputs, velocity = drawn({"depth": 1, "activation": "linear", "weight_scale": scale})
    (weight, readout), (d_weight, d_readout) = parameters, velocity
    prefactor = scale**2 / (7 * 3 * 5)
    identity = torch.eye(3, dtype=torch.float64)
    inner = weight.mT @ weight + (readout**2).sum() * identity
    d_inner = weight.mT @ d_weight + d_weight.mT @ weight + 2 * (readout * d_readout).sum() * identity
    assert_close(kernel_of(network, parameters, inputs), prefactor * inputs @ inner @ inputs.mT, ROUNDING)
    assert_close(rate_of(network, parameters, inputs, velocity), prefactor * inputs @ d_inner @ inputs.mT, ROUNDING)


def _erf_moments(gram, norms):
    inflated = 1 + 2 * norms
    value = 2 / math.pi * torch.asin(2 * gram / torch.sqrt(inflated * inflated.mT))
    return value, 4 / math.pi / torch.sqrt(inflated * inflated.mT - 4 * gram**2)


def _relu_moments(gram, norms):
    lengths = torch.sqrt(norms * norms.mT)
    angle = torch.acos((gram / lengths).clamp(-1, 1))
    value = lengths / (2 * math.pi) * (torch.sin(angle) + (math.pi - angle) * torch.cos(angle))
    return value, (math.pi - angle) / (2 * math.pi)


# E[phi phi] and E[phi' phi'] over Gaussian preactivations: Williams (1997) for erf, Cho & Saul (2009) for relu.
MOMENTS = {
    "erf": _erf_moments,
    "relu": _relu_moments,
    "linear": lambda gram, norms: (gram, torch.ones_like(gram)),
}


@pytest.mark.parametrize("name", MOMENTS)
@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_mean_kernel_of_one_hidden_layer_is_that_of_infinite_width(name, scale):
    """n E[M] = E[phi phi] + S E[phi' phi'], S = s^2 X X^T / d, exact at any width; 500 networks, 5 standard errors."""
    network = Network(3, 12, 1, activation=name, weight_scale=scale)
    rng = np.random.default_rng(3)
    inputs = torch.as_tensor(rng.standard_normal((4, 3)))
    parameters = stack([initialise(rng, network) for _ in range(500)])
    gram = scale**2 * inputs @ inputs.mT / 3
    values, slopes = MOMENTS[name](gram, torch.diag(gram)[:, None])
    kernels = 4 * kernel_of(network, parameters, inputs)
    error = (kernels.mean(0) - (values + gram * slopes)).abs() / (kernels.std(0) / math.sqrt(500))
    assert float(error.max()) < 5


# --- symmetries -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", SOME)
def test_kernel_is_symmetric_and_positive_semi_definite(architecture):
    """20 samples in 3 dimensions: most eigenvalues of a linear network are zero, and may round to -1e-15."""
    network, parameters, inputs, velocity = drawn(architecture, n=20)
    kernel, rate = kernel_of(network, parameters, inputs), rate_of(network, parameters, inputs, velocity)
    assert_close(kernel.mT, kernel, 1e-15)
    assert_close(rate.mT, rate, 1e-15)
    eigenvalues = torch.linalg.eigvalsh(kernel)
    assert float(eigenvalues[0]) >= -1e-14 * float(eigenvalues[-1])


@pytest.mark.parametrize("architecture", SOME)
def test_samples_may_be_renumbered(architecture):
    network, parameters, inputs, velocity = drawn(architecture)
    order = torch.tensor([3, 0, 4, 1, 2])
    rows = (order[:, None] * network.n_outputs + torch.arange(network.n_outputs)).flatten()
    for function, extra in ((kernel_of, ()), (rate_of, (velocity,))):
        ours = function(network, parameters, inputs[order], *extra)
        assert_close(ours, function(network, parameters, inputs, *extra)[rows][:, rows], ROUNDING)


@pytest.mark.parametrize("architecture", SOME)
def test_a_subset_of_samples_has_the_same_kernel_but_for_the_divisor(architecture):
    network, parameters, inputs, _ = drawn(architecture)
    rows = 3 * network.n_outputs
    whole, part = kernel_of(network, parameters, inputs), kernel_of(network, parameters, inputs[:3])
    assert_close(3 * part, 5 * whole[:rows, :rows], ROUNDING)


@pytest.mark.parametrize("architecture", [a for a in SOME if a["n_outputs"] == 3])
def test_outputs_of_linear_readout_decouple_in_its_own_block(architecture):
    """With the hidden layers' contribution removed (readout zero) the kernel is the same for each output, else zero."""
    network, parameters, inputs, _ = drawn(architecture)
    silent = (*parameters[:-1], torch.zeros_like(parameters[-1]))
    linearisation = linearise(network, silent, inputs)
    last = linearisation.pass_.hidden[-1]
    expected = network.output_scale**2 * torch.kron(last @ last.mT / (7 * 5), torch.eye(3, dtype=torch.float64))
    assert_close(tangent_kernel(network, linearisation), expected, ROUNDING)


@pytest.mark.parametrize("architecture", SOME)
@pytest.mark.parametrize("scale", [0.5, 2.0, 3.0])
def test_output_scale_multiplies_kernels_by_its_square_and_gradients_by_itself(architecture, scale):
    """Bit by bit for powers of two, which leave the rounding as it is."""
    network, parameters, inputs, velocity = drawn(architecture)
    scaled = replace(network, output_scale=scale * network.output_scale)
    covector = torch.as_tensor(np.random.default_rng(1).standard_normal(5 * network.n_outputs))
    ours, expected = (_tangents(net, parameters, inputs, velocity, covector) for net in (scaled, network))
    for power in ours:
        for one, other in zip(ours[power], expected[power], strict=True):
            if scale == 3.0:
                assert_close(one, 3.0**power * other, ROUNDING)
            else:
                assert torch.equal(one, scale**power * other)


def _tangents(network, parameters, inputs, velocity, covector):
    """All that scales with the output, by the power that it scales with."""
    linearisation = linearise(network, parameters, inputs)
    kernels = (tangent_kernel(network, linearisation), *layer_kernels(network, linearisation))
    rate = kernel_rate(network, parameters, linearisation, velocity)
    return {1: (linearisation.pass_.outputs, *pull_back(network, linearisation, covector)), 2: (*kernels, rate)}


@pytest.mark.parametrize("architecture", SOME)
def test_kernel_rate_is_linear_in_the_velocity(architecture):
    network, parameters, inputs, first = drawn(architecture)
    second = initialise(np.random.default_rng(7), network)
    mixed = tuple(2 * a - 0.5 * b for a, b in zip(first, second, strict=True))
    rates = [rate_of(network, parameters, inputs, direction) for direction in (first, second, mixed)]
    assert_close(rates[2], 2 * rates[0] - 0.5 * rates[1], ROUNDING)


@pytest.mark.parametrize("architecture", SOME)
@pytest.mark.parametrize("own_inputs", [False, True])
def test_batches_give_what_each_member_gives_alone(architecture, own_inputs):
    members = [drawn(architecture, seed) for seed in range(3)]
    network = members[0][0]
    parameters, velocity = (stack([member[place] for member in members]) for place in (1, 3))
    inputs = torch.stack([member[2] for member in members]) if own_inputs else members[0][2]
    covectors = torch.as_tensor(np.random.default_rng(5).standard_normal((3, 5 * network.n_outputs)))
    linearisation = linearise(network, parameters, inputs)
    batch = (tangent_kernel(network, linearisation), kernel_rate(network, parameters, linearisation, velocity))
    layers = layer_kernels(network, linearisation)
    gradients = pull_back(network, linearisation, covectors)
    for index, (_, alone, own, direction) in enumerate(members):
        data = own if own_inputs else inputs
        single = linearise(network, alone, data)
        assert_close(batch[0][index], tangent_kernel(network, single), ROUNDING)
        assert_close(batch[1][index], kernel_rate(network, alone, single, direction), ROUNDING)
        for ours, expected in zip(layers, layer_kernels(network, single), strict=True):
            assert_close(ours[index], expected, ROUNDING)
        for ours, expected in zip(gradients, pull_back(network, single, covectors[index]), strict=True):
            assert_close(ours[index], expected, ROUNDING)
