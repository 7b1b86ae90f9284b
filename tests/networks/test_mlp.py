"""Perceptrons against hand-written recursions, autograd, moments of random networks and their symmetries."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import special

from scalinglaws.networks import ACTIVATIONS, Network, forward, initialise, stack

# An even number of points: zero, where relu has its kink, is not among them.
POINTS = torch.linspace(-3, 3, 24, dtype=torch.float64)

VALUES = {
    "tanh": math.tanh,
    "erf": special.erf,
    "relu": lambda z: max(z, 0.0),
    "linear": lambda z: z,
}

ARCHITECTURES = [
    {"depth": 1, "activation": "tanh", "residual": False, "n_outputs": 1},
    {"depth": 1, "activation": "erf", "residual": True, "n_outputs": 2},
    {"depth": 2, "activation": "relu", "residual": False, "n_outputs": 3},
    {"depth": 3, "activation": "erf", "residual": False, "n_outputs": 1, "weight_scale": 1.7},
    {"depth": 3, "activation": "tanh", "residual": True, "n_outputs": 2, "weight_scale": 0.6},
    {"depth": 4, "activation": "linear", "residual": True, "n_outputs": 1},
    {"depth": 2, "activation": "tanh", "residual": True, "n_outputs": 2, "output_scale": 2.3},
]


def drawn(architecture, seed=0, n=5, dim=3, width=7):
    """A network with its parameters and inputs."""
    rng = np.random.default_rng(seed)
    network = Network(dim, width, **architecture)
    return network, initialise(rng, network), torch.as_tensor(rng.standard_normal((n, dim)))


# --- activations ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_is_the_named_function(name):
    expected = [VALUES[name](z) for z in POINTS.tolist()]
    np.testing.assert_allclose(ACTIVATIONS[name].value(POINTS), expected, rtol=1e-14, atol=1e-16)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slope_and_curvature_are_the_derivatives(name):
    activation = ACTIVATIONS[name]
    for function, derivative in ((activation.value, activation.slope), (activation.slope, activation.curvature)):
        _, expected = torch.autograd.functional.jvp(function, POINTS, torch.ones_like(POINTS))
        np.testing.assert_allclose(derivative(POINTS), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_activation_and_derivatives_keep_shape_and_type(name, dtype):
    activation = ACTIVATIONS[name]
    z = torch.ones(2, 3, 4, dtype=dtype)
    for function in (activation.value, activation.slope, activation.curvature):
        assert (function(z).shape, function(z).dtype) == (z.shape, dtype)


# --- the recursion --------------------------------------------------------------------------------------------------


def by_hand(network, parameters, x):
    """z_l, h_l and h of one sample, unit by unit, from the definition."""
    *weights, readout = [parameter.tolist() for parameter in parameters]
    hidden, preactivations = [x.tolist()], []
    for level, weight in enumerate(weights, start=1):
        below = hidden[-1]
        scale = network.weight_scale / math.sqrt(len(below))
        z = [scale * sum(w * h for w, h in zip(row, below, strict=True)) for row in weight]
        keep, branch = (1.0, 1 / math.sqrt(network.depth)) if network.residual and level > 1 else (0.0, 1.0)
        skipped = below if level > 1 else [0.0] * network.width
        value = VALUES[network.activation]
        hidden.append([keep * s + branch * value(v) for s, v in zip(skipped, z, strict=True)])
        preactivations.append(z)
    scale = network.output_scale / math.sqrt(network.width)
    outputs = [scale * sum(w * h for w, h in zip(row, hidden[-1], strict=True)) for row in readout]
    return preactivations, hidden, outputs


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_forward_follows_the_recursion_unit_by_unit(architecture):
    network, parameters, inputs = drawn(architecture)
    pass_ = forward(network, parameters, inputs)
    for i, x in enumerate(inputs):
        preactivations, hidden, outputs = by_hand(network, parameters, x)
        for ours, expected in (
            *zip(pass_.preactivations, preactivations, strict=True),
            *zip(pass_.hidden, hidden, strict=True),
            (pass_.outputs, outputs),
        ):
            np.testing.assert_allclose(ours[i], expected, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_sizes_are_those_announced(architecture):
    network, parameters, inputs = drawn(architecture)
    pass_ = forward(network, parameters, inputs)
    assert tuple(tuple(p.shape) for p in parameters) == network.shapes
    assert len(pass_.preactivations) == network.depth == len(pass_.hidden) - 1 == len(network.shapes) - 1
    assert [tuple(h.shape) for h in pass_.hidden] == [(5, 3)] + [(5, 7)] * network.depth
    assert tuple(pass_.outputs.shape) == (5, network.n_outputs)


def test_one_hidden_layer_is_the_same_plain_and_residual():
    network, parameters, inputs = drawn({"depth": 1})
    residual = Network(3, 7, 1, residual=True)
    assert torch.equal(forward(network, parameters, inputs).outputs, forward(residual, parameters, inputs).outputs)


# --- symmetries -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_hidden_units_may_be_renumbered(architecture):
    """One numbering for all layers: a residual stream carries it through."""
    network, parameters, inputs = drawn(architecture)
    order = torch.as_tensor(np.random.default_rng(1).permutation(7))
    first, *deeper, readout = parameters
    renumbered = (first[order], *(w[order][:, order] for w in deeper), readout[:, order])
    ours, expected = (forward(network, p, inputs).outputs for p in (renumbered, parameters))
    np.testing.assert_allclose(ours, expected, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("name", ["relu", "linear"])
@pytest.mark.parametrize("depth", [1, 2, 4])
def test_homogeneous_plain_networks_scale_as_weight_scale_to_the_depth(name, depth):
    network, parameters, inputs = drawn({"depth": depth, "activation": name})
    scaled = Network(3, 7, depth, activation=name, weight_scale=1.5)
    ours, expected = (forward(net, parameters, inputs).outputs for net in (scaled, network))
    np.testing.assert_allclose(ours, 1.5**depth * expected, rtol=1e-13)


@pytest.mark.parametrize("scale", [0.5, 4.0, 3.0])
def test_output_scale_multiplies_the_output_alone(scale):
    """Exactly for powers of two, to rounding otherwise; and a scale of one is no scale."""
    network, parameters, inputs = drawn({"depth": 2})
    plain, scaled = (forward(replace(network, output_scale=s), parameters, inputs) for s in (1.0, scale))
    by_definition = plain.hidden[-1] @ parameters[-1].mT / math.sqrt(7)
    assert torch.equal(plain.outputs, by_definition)
    np.testing.assert_allclose(scaled.outputs, scale * plain.outputs, rtol=0 if scale != 3 else 1e-15)
    for ours, expected in zip(scaled.hidden, plain.hidden, strict=True):
        assert torch.equal(ours, expected)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_stacked_parameters_give_what_each_gives_alone(architecture):
    members = [drawn(architecture, seed) for seed in range(3)]
    network = members[0][0]
    parameters = stack([p for _, p, _ in members])
    shared, own = members[0][2], torch.stack([inputs for *_, inputs in members])
    with_shared, with_own = (forward(network, parameters, inputs).outputs for inputs in (shared, own))
    for index, (_, alone, inputs) in enumerate(members):
        np.testing.assert_allclose(with_shared[index], forward(network, alone, shared).outputs, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(with_own[index], forward(network, alone, inputs).outputs, rtol=1e-12, atol=1e-14)


def test_stacks_of_stacks_broadcast_too():
    network, parameters, inputs = drawn(ARCHITECTURES[4])
    twice = stack([stack([parameters] * 3)] * 2)
    outputs = forward(network, twice, inputs).outputs
    assert tuple(outputs.shape) == (2, 3, 5, 2)
    expected = forward(network, parameters, inputs).outputs.expand(2, 3, 5, 2)
    np.testing.assert_allclose(outputs, expected, rtol=1e-13, atol=1e-14)


# --- random networks ------------------------------------------------------------------------------------------------

# Factors by which the first and each later layer multiply the mean square, from E[phi(z)^2], exact at any width.
VARIANCES = [
    ("linear", False, lambda scale, depth: (scale**2, scale**2)),
    ("linear", True, lambda scale, depth: (scale**2, 1 + scale**2 / depth)),
    ("relu", False, lambda scale, depth: (scale**2 / 2, scale**2 / 2)),
]


@pytest.mark.parametrize(("name", "residual", "factors"), VARIANCES, ids=["linear", "linear residual", "relu"])
@pytest.mark.parametrize(("depth", "scale"), [(1, 1.0), (2, 1.4), (3, 0.8)])
def test_variance_of_random_outputs(name, residual, factors, depth, scale):
    """E h^2 = |x|^2 / dim times one factor per layer; 4000 networks, 5 standard errors."""
    network = Network(3, 8, depth, activation=name, residual=residual, weight_scale=scale)
    rng = np.random.default_rng(depth)
    x = torch.as_tensor(rng.standard_normal((1, 3)))
    parameters = stack([initialise(rng, network) for _ in range(4000)])
    outputs = forward(network, parameters, x).outputs.flatten().numpy()
    first, later = factors(scale, depth)
    expected = float((x**2).sum()) / 3 * first * later ** (depth - 1)
    squares = outputs**2
    assert abs(squares.mean() - expected) < 5 * squares.std() / math.sqrt(squares.size)
    assert abs(outputs.mean()) < 5 * outputs.std() / math.sqrt(outputs.size)


def test_parameters_are_standard_normal():
    """Mean and variance of 20,000 weights of a layer within 5 standard errors: 1/sqrt(n) and sqrt(2/n)."""
    network = Network(100, 200, 2, n_outputs=100)
    for weights in initialise(np.random.default_rng(0), network):
        size = weights.numel()
        assert abs(float(weights.mean())) < 5 / math.sqrt(size)
        assert abs(float(weights.var()) - 1) < 5 * math.sqrt(2 / size)


def test_a_seed_means_one_network_in_every_precision():
    network = Network(3, 7, 2)
    double, again, other = (initialise(np.random.default_rng(seed), network) for seed in (4, 4, 5))
    single = initialise(np.random.default_rng(4), network, dtype=torch.float32)
    for d, a, o, s in zip(double, again, other, single, strict=True):
        assert d.dtype == torch.float64
        assert torch.equal(d, a)
        assert not torch.equal(d, o)
        assert torch.equal(d.to(torch.float32), s)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"n_inputs": 0}, r"n_inputs = 0 must be an integer >= 1"),
        ({"width": 2.5}, r"width = 2\.5 must be an integer >= 1"),
        ({"depth": 0}, r"depth = 0 must be an integer >= 1"),
        ({"depth": True}, r"depth = True must be an integer >= 1"),
        ({"n_outputs": -1}, r"n_outputs = -1 must be an integer >= 1"),
        ({"activation": "sine"}, r"activation = 'sine' must be one of 'tanh', 'erf', 'relu', 'linear'"),
        ({"weight_scale": 0.0}, r"weight_scale = 0\.0 must be finite and > 0"),
        ({"weight_scale": float("nan")}, r"weight_scale = nan must be finite and > 0"),
        ({"output_scale": -2.0}, r"output_scale = -2\.0 must be finite and > 0"),
        ({"output_scale": float("inf")}, r"output_scale = inf must be finite and > 0"),
    ],
)
def test_bad_architecture_is_named(setting, message):
    with pytest.raises(ValueError, match=message):
        Network(**{"n_inputs": 3, "width": 4, "depth": 2, **setting})
