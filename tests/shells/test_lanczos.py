"""Spectral measures by Lanczos' method: closed forms, dense eigenvectors as a twin, and how they converge."""

import numpy as np
import pytest
from scipy.stats import ortho_group

from scalinglaws.shells import SplineShells, anchored_edges, lanczos

# Rounding of sums, relative to the largest value.
ROUNDING = 1e-12


def diagonal(eigenvalues):
    """The operator with these eigenvalues on the coordinate axes."""
    return lambda vector: eigenvalues * vector


def moments(nodes, weights, powers):
    """sum_i weight_i node_i^power for every power."""
    return np.array([weights @ nodes**power for power in powers])


@pytest.mark.parametrize("n_steps", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_quadrature_is_exact_for_polynomials_below_twice_the_steps(n_steps, scale):
    """And too small for the next by start^T start times the squares of all off-diagonal entries up to the next."""
    rng = np.random.default_rng(n_steps)
    eigenvalues, start = scale * rng.uniform(0, 1, 30), rng.standard_normal(30)
    found = lanczos(diagonal(eigenvalues), start, n_steps + 1)
    nodes, weights = found.measure(n_steps)
    assert len(nodes) == n_steps
    assert (np.diff(nodes) > 0).all()
    powers = range(2 * n_steps + 1)
    ours, exact = moments(nodes, weights, powers), moments(eigenvalues, start**2, powers)
    np.testing.assert_allclose(ours[:-1], exact[:-1], rtol=ROUNDING)
    # The gap is down to 1e-9 of the two, which are known to 1e-14.
    gap = start @ start * np.prod(found.off_diagonal**2)
    np.testing.assert_allclose(exact[-1] - ours[-1], gap, rtol=1e-4)


@pytest.mark.parametrize("size", [1, 2, 7, 40])
def test_all_steps_give_all_eigenvalues(size):
    rng = np.random.default_rng(size)
    matrix = rng.standard_normal((size, size + 3))
    matrix, start = matrix @ matrix.T, rng.standard_normal(size)
    eigenvalues, vectors = np.linalg.eigh(matrix)
    nodes, weights = lanczos(lambda vector: matrix @ vector, start, size + 5).measure()
    np.testing.assert_allclose(nodes, eigenvalues, atol=ROUNDING * eigenvalues.max())
    np.testing.assert_allclose(weights, (vectors.T @ start) ** 2, rtol=1e-8, atol=ROUNDING)


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
@pytest.mark.parametrize("values", [(2.0,), (0.0, 3.0), (1.0, 2.0, 5.0)])
def test_few_eigenvalues_are_found_exactly_and_stop_the_steps(values, scale):
    """An invariant subspace: as many steps as the start sees distinct eigenvalues."""
    eigenvalues = scale * np.resize(values, 12)
    start = np.arange(1.0, 13.0)
    found = lanczos(diagonal(eigenvalues), start, 10)
    nodes, weights = found.measure()
    assert found.n_steps == len(values)
    np.testing.assert_allclose(nodes, scale * np.array(values), atol=1e-13 * scale * max(values))
    expected = [(start[eigenvalues == scale * value] ** 2).sum() for value in values]
    np.testing.assert_allclose(weights, expected, rtol=ROUNDING)


def test_an_eigenvector_and_an_operator_that_is_zero_take_one_step():
    for eigenvalues in (np.full(5, 3.0), np.zeros(5)):
        found = lanczos(diagonal(eigenvalues), np.ones(5), 4)
        np.testing.assert_allclose(found.measure(), ([eigenvalues[0]], [5.0]), rtol=1e-14)


def test_scale_of_operator_and_start_and_the_basis_do_not_matter():
    rng = np.random.default_rng(5)
    eigenvalues, start = rng.uniform(0.1, 3, 50), rng.standard_normal(50)
    nodes, weights = lanczos(diagonal(eigenvalues), start, 9).measure()
    turn = ortho_group.rvs(50, random_state=rng)
    turned = lanczos(lambda vector: turn @ (eigenvalues * (turn.T @ vector)), turn @ start, 9).measure()
    scaled = lanczos(diagonal(1e5 * eigenvalues), 1e-4 * start, 9).measure()
    np.testing.assert_allclose(turned, (nodes, weights), rtol=1e-9)
    np.testing.assert_allclose(scaled, (1e5 * nodes, 1e-8 * weights), rtol=1e-9)


def test_fewer_steps_of_a_longer_run_are_a_shorter_run():
    eigenvalues, start = np.arange(1.0, 61.0) ** -1.5, np.ones(60)
    longer, shorter = (lanczos(diagonal(eigenvalues), start, k) for k in (20, 12))
    np.testing.assert_array_equal(longer.measure(12), shorter.measure())
    np.testing.assert_array_equal(longer.measure(99), longer.measure())


def test_directions_stay_orthogonal():
    """Seen by the operator: without orthogonalisation a spectrum of 8 decades gives copies after some 40 steps."""
    seen = []
    eigenvalues = np.logspace(-8, 0, 300)
    lanczos(lambda vector: seen.append(vector.copy()) or eigenvalues * vector, np.ones(300), 120)
    basis = np.array(seen)
    assert basis.shape == (120, 300)
    np.testing.assert_allclose(basis @ basis.T, np.eye(120), atol=1e-13)


# --- smooth shells --------------------------------------------------------------------------------------------------


def shell_error(eigenvalues, start, nodes, weights):
    """Distance of the energies in smooth shells of ratio 2, relative to their sum."""
    shells = SplineShells(anchored_edges(eigenvalues.max(), 2.0))
    energy, ours = shells.windows(eigenvalues) @ start**2, shells.windows(nodes) @ weights
    return np.abs(energy - ours).sum() / energy.sum()


@pytest.mark.parametrize("size", [1000, 4000])
def test_errors_of_shells_fall_with_the_steps(size):
    """A power law over 5.4 decades at n = 4000 (1000: 4.5), with energies k^-1: 120 steps resolve smooth shells."""
    order = np.arange(1.0, size + 1)
    eigenvalues, start = order**-1.5, order**-0.5
    found = lanczos(diagonal(eigenvalues), start, 200)
    errors = [shell_error(eigenvalues, start, *found.measure(k)) for k in (25, 50, 100, 200)]
    assert (np.diff(np.log(errors)) < -1).all()
    assert errors[2] < 1e-3
    assert errors[3] < 1e-4


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operator", "start", "n_steps", "words"),
    [
        (diagonal(1.0), np.zeros(4), 3, "start = 0 must have"),
        (diagonal(1.0), [1.0, np.nan], 3, "start"),
        (diagonal(1.0), np.ones((2, 2)), 3, "start has shape"),
        (diagonal(1.0), np.ones(4), 0, "n_steps = 0"),
        (diagonal(np.nan), np.ones(4), 3, "operator"),
        (lambda vector: vector[:2], np.ones(4), 3, "operator.vector. has 2 entries"),
    ],
)
def test_what_cannot_be_measured_is_named(operator, start, n_steps, words):
    with pytest.raises(ValueError, match=words):
        lanczos(operator, start, n_steps)


def test_an_operator_with_eigenvalues_below_zero_is_refused_but_not_its_rounding():
    start = np.ones(3)
    with pytest.raises(ValueError, match=r"operator has the eigenvalue -0\.5"):
        lanczos(diagonal(np.array([1.0, 0.2, -0.5])), start, 3).measure()
    nodes, _ = lanczos(diagonal(np.array([1.0, 0.2, -1e-7])), start, 3).measure()
    assert nodes[0] == 0
