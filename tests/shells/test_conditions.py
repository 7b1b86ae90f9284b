"""Incoherence of layers and growth of the Jacobian: explicit Jacobians, extreme cases, and random kernels."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.stats import ortho_group

from scalinglaws.networks import Network, initialise, layer_kernels, linearise
from scalinglaws.shells.conditions import (
    by_layer_distance,
    coherent_layers,
    excess_coherence,
    jacobian_growth,
    kernel_path,
    layer_coherence,
)

KINDS = [layer_coherence, excess_coherence]


def random_kernels(seed=0, layers=4, size=6):
    factors = np.random.default_rng(seed).standard_normal((layers, size, size + 2))
    return factors @ factors.swapaxes(1, 2)


# --- incoherence ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_coherence_is_that_of_explicit_jacobians(residual, n_outputs):
    """||J_l^T J_m||_F^2 / (||J_l^T J_l||_F ||J_m^T J_m||_F), J_l from reverse-mode differentiation."""
    rng = np.random.default_rng(1)
    network = Network(3, 6, 3, n_outputs=n_outputs, residual=residual)
    parameters, inputs = initialise(rng, network), torch.as_tensor(rng.standard_normal((5, 3)))
    blocks = torch.func.jacrev(lambda p: linearise(network, p, inputs).pass_.outputs.reshape(-1))(parameters)
    jacobians = [block.flatten(1).numpy() for block in blocks]
    products = np.array([[np.linalg.norm(one.T @ other) ** 2 for other in jacobians] for one in jacobians])
    expected = products / np.sqrt(np.outer(np.diag(products), np.diag(products)))
    kernels = [kernel.numpy() for kernel in layer_kernels(network, linearise(network, parameters, inputs))]
    np.testing.assert_allclose(layer_coherence(kernels), expected, rtol=1e-12)


@pytest.mark.parametrize("coherence", KINDS)
def test_coherence_is_a_cosine_that_knows_no_units_and_no_basis(coherence):
    kernels = random_kernels()
    found = coherence(kernels)
    np.testing.assert_allclose(np.diag(found), 1, rtol=1e-14)
    np.testing.assert_allclose(found, found.T, rtol=1e-14)
    turn = ortho_group.rvs(6, random_state=2)
    scales = np.array([0.1, 1.0, 7.0, 1e5])[:, None, None]
    np.testing.assert_allclose(coherence(scales * (turn @ kernels @ turn.T)), found, rtol=1e-11, atol=1e-13)


def test_kernels_on_different_samples_are_incoherent_and_below_chance():
    """Projections on p and q of m axes: raw 0, and excess -sqrt(pq / ((m - p)(m - q))), from the traces by hand."""
    kernels = np.array([np.diag([1.0, 1.0, 0, 0, 0, 0]), np.diag([0, 0, 0, 1.0, 1.0, 1.0])])
    assert layer_coherence(kernels)[0, 1] == 0
    assert excess_coherence(kernels)[0, 1] == pytest.approx(-math.sqrt(2 * 3 / (4 * 3)), rel=1e-13)


def test_excess_of_randomly_turned_kernels_is_zero_on_average_where_the_raw_coherence_is_not():
    """1000 rotations, 5 standard errors, around the chance share tr M_l tr M_m / (m ||M_l|| ||M_m||) = 0.84."""
    one, other = random_kernels(3, layers=2)
    chance = np.trace(one) * np.trace(other) / (6 * np.linalg.norm(one) * np.linalg.norm(other))
    turns = ortho_group.rvs(6, size=1000, random_state=4)
    pairs = [np.array([one, turn @ other @ turn.T]) for turn in turns]
    for coherence, expected in ((excess_coherence, 0.0), (layer_coherence, chance)):
        values = np.array([coherence(pair)[0, 1] for pair in pairs])
        assert abs(values.mean() - expected) < 5 * values.std() / math.sqrt(1000)
    assert chance > 0.5


def test_means_by_distance_and_number_of_coherent_layers():
    coherence = np.array([[1.0, 0.5, 0.1], [0.5, 1.0, 0.3], [0.1, 0.3, 1.0]])
    np.testing.assert_allclose(by_layer_distance(coherence), [1.0, 0.4, 0.1], rtol=1e-14)
    assert coherent_layers(coherence) == pytest.approx(4.8 / 3, rel=1e-14)
    assert coherent_layers(np.eye(5)) == 1
    assert coherent_layers(np.ones((5, 5))) == 5


@pytest.mark.parametrize("coherence", KINDS)
def test_kernels_without_direction_are_refused(coherence):
    nothing = {layer_coherence: np.zeros((4, 4)), excess_coherence: np.eye(4)}[coherence]
    with pytest.raises(ValueError, match=r"norms of kernels\[1\] = 0\.0 must be > 0"):
        coherence(np.array([np.diag([1.0, 2.0, 3.0, 4.0]), nothing]))


# --- growth ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [1.0, 1e-3])
def test_growth_is_that_of_the_operator_norm(factor):
    """Of explicit Jacobians with M = J J^T / n."""
    jacobians = [factor * np.random.default_rng(seed).standard_normal((4, 9)) * 1.5**seed for seed in range(4)]
    tops = [np.linalg.eigvalsh(j @ j.T / 4)[-1] for j in jacobians]
    norms = np.array([np.linalg.norm(j, 2) for j in jacobians])
    assert (np.diff(norms) > 0).all()
    np.testing.assert_allclose(jacobian_growth(tops), norms / norms[0], rtol=1e-12)


def test_maxima_that_fall_are_refused():
    with pytest.raises(ValueError, match=r"largest_eigenvalues = \.\.\., 2\.0, 1\.0, \.\.\. must never fall"):
        jacobian_growth([1.0, 2.0, 1.0])


def test_path_of_a_kernel_that_grows_in_place_is_the_logarithm_of_its_growth():
    """The step's error is ln(r)^3 / 12 for a growth by r: order two over a path."""
    kernel, errors = random_kernels()[0], []
    for n_steps in (8, 16, 32):
        sizes = np.geomspace(1.0, 20.0, n_steps + 1)
        path = sum(kernel_path(a * kernel, b * kernel) for a, b in itertools.pairwise(sizes))
        errors.append(math.log(20.0) - path)
    np.testing.assert_allclose(np.log2(np.divide(errors[:-1], errors[1:])), 2, atol=0.05)
    assert errors[-1] == pytest.approx(32 * (math.log(20.0) / 32) ** 3 / 12, rel=0.02)


def test_a_path_is_longer_than_the_growth_where_the_kernel_turns():
    before, after = random_kernels(layers=2)
    growth = abs(math.log(np.linalg.norm(after) / np.linalg.norm(before)))
    assert kernel_path(before, after) > 1.5 * growth > 0
    assert kernel_path(before, after) == pytest.approx(kernel_path(after, before), rel=1e-14)
