"""Both factorisations against the dense inverse, with and without null directions, and where digits run out."""

import numpy as np
import pytest

from scalinglaws.ridge.resolvent import resolvents


def semidefinite(rank, n=12, seed=0):
    """A symmetric matrix >= 0 of this rank, scaled off 1, and two right-hand sides."""
    rng = np.random.default_rng(seed)
    root = 3.0 * rng.standard_normal((n, rank))
    return root @ root.T / rank, rng.standard_normal((n, 2))


@pytest.mark.parametrize("ridges", [[0.3], [1e4], [0.02, 0.3, 7.0]], ids=str)
@pytest.mark.parametrize("rank", [12, 5])
def test_solutions_traces_and_squares_are_those_of_the_inverse(ridges, rank):
    matrix, sides = semidefinite(rank)
    found = resolvents(matrix, np.array(ridges), sides, rank)
    for index, ridge in enumerate(ridges):
        inverse = np.linalg.inv(matrix + ridge * np.eye(12))
        # condition numbers up to 40 / 0.02: a few hundred eps each
        np.testing.assert_allclose(found.solution[:, index], inverse @ sides, rtol=1e-11)
        np.testing.assert_allclose(found.trace[index], np.trace(inverse), rtol=1e-11)
        np.testing.assert_allclose(found.squares[index], sides.T @ inverse @ inverse @ sides, rtol=1e-11)


@pytest.mark.parametrize("rank", [12, 5])
def test_ridge_zero_is_the_pseudo_inverse(rank):
    matrix, sides = semidefinite(rank)
    found = resolvents(matrix, np.array([0.0, 0.3]), sides, rank)
    inverse = np.linalg.pinv(matrix, rcond=1e-10, hermitian=True)
    np.testing.assert_allclose(found.solution[:, 0], inverse @ sides, rtol=1e-9)
    np.testing.assert_allclose(found.trace[0], np.trace(inverse), rtol=1e-9)
    np.testing.assert_allclose(found.squares[0], sides.T @ inverse @ inverse @ sides, rtol=1e-9)


def test_the_matrix_is_left_as_it_was():
    matrix, sides = semidefinite(12)
    before = matrix.copy()
    for ridges in ([0.3], [0.0, 0.3]):
        resolvents(matrix, np.array(ridges), sides, 12)
        np.testing.assert_array_equal(matrix, before)


@pytest.mark.parametrize(
    ("ridges", "message"),
    [
        ([1e-18], r"ridge = 1e-18 must exceed the rounding errors of a kernel of trace"),
        ([0.0], r"ridge = 0\.0 must be > 0 here: the kernel's eigenvalues fall by .*, to rounding"),
        ([0.0, 1.0], r"ridge = 0\.0 must be > 0 here"),
    ],
)
def test_digits_that_are_not_there_are_refused(ridges, message):
    # said to be of full rank, but half of the eigenvalues are rounding errors, some of them negative
    matrix, sides = semidefinite(5, n=40)
    with pytest.raises(ValueError, match=message):
        resolvents(matrix - 1e-14 * np.eye(40), np.array(ridges), sides, 40)
