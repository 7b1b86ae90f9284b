"""What rounding leaves of budget and modes over ten thousand steps, twelve decades, two thousand samples."""

import numpy as np
import pytest
import torch
from random_kernels import symmetric, turn
from scipy.stats import ortho_group

from scalinglaws.networks import Network, fixed_steps, gradient_descent_step, initialise, start_flow
from scalinglaws.shells import (
    SharpShells,
    SplineShells,
    align,
    anchored_edges,
    budgets,
    decompose,
    energies,
    lanczos,
    of_snapshot,
)

EDGES = anchored_edges(1.0, 2.0, decades_below=13)
SHELLS = [SharpShells(EDGES), SplineShells(EDGES)]
SIZE = 24


def trained(n_steps):
    """Modes along gradient descent of a small tanh network, to where half of its loss is gone."""
    rng = np.random.default_rng(0)
    network = Network(4, 16, 2)
    inputs, targets = (torch.as_tensor(rng.standard_normal((SIZE, columns))) for columns in (4, 1))
    parameters = initialise(rng, network)
    flow = start_flow(network, parameters, inputs, targets, 1.0)
    for snapshot in fixed_steps(flow, parameters, 100 / n_steps, n_steps, gradient_descent_step):
        yield of_snapshot(snapshot)


def turning(n_steps):
    """Modes of a kernel over 12 decades that turns a hundredth of a radian in each step, by eigenvalues that wander.

    The residual follows e' = -M e for 20 times of the fastest mode.
    """
    rng = np.random.default_rng(1)
    eigenvalues, residual = np.logspace(-12, 0, SIZE), rng.standard_normal(SIZE)
    vectors, rotation = ortho_group.rvs(SIZE, random_state=rng), turn(rng, SIZE, 0.01)
    for _ in range(n_steps + 1):
        kernel = symmetric(vectors, eigenvalues)
        yield decompose(kernel, residual)
        # Multiplied ten thousand times, a rotation is one to 1e-13: the kernel stays symmetric whatever becomes of it.
        vectors, residual = vectors @ rotation, residual - 20 / n_steps * kernel @ residual
        eigenvalues = eigenvalues * np.exp(1e-3 * rng.standard_normal(SIZE))


def not_orthonormal(modes):
    """Largest entry of V^T V - 1."""
    return np.abs(modes.eigenvectors.T @ modes.eigenvectors - np.eye(len(modes.eigenvalues))).max()


def followed(run):
    """Errors of a run, followed step by step from the modes as they were aligned: of the sum, of a step, of the modes.

    The first is that of all steps' dissipation and exchange together against the change of each shell's energy; all are
    relative to the energy at the start.
    """
    run = iter(run)
    first = before = next(run)
    booked, worst, skew = np.zeros((2, len(EDGES) - 1)), 0.0, 0.0
    for after in run:
        accounts = budgets(before, after, SHELLS)
        booked += [account.exchange - account.dissipation for account in accounts]
        worst = max(worst, *(account.closure * before.loss / first.loss for account in accounts))
        before = align(before, after)
        skew = max(skew, not_orthonormal(before))
    change = [energies(before, shells) - energies(first, shells) for shells in SHELLS]
    # It must be worth adding up.
    assert before.loss < 0.95 * first.loss
    return np.abs(booked - change).max() / first.loss, worst, skew


RUNS = {"a network in training": trained, "a kernel over 12 decades that turns": turning}


@pytest.mark.parametrize("name", RUNS)
def test_budgets_close_over_some_hundred_steps(tell, name):
    """A step rounds to some 1e-15 of the energy, and eigenvectors of 24 samples to 1e-14."""
    of_sum, worst, skew = followed(RUNS[name](200))
    assert of_sum < 1e-13
    assert worst < 3e-14
    assert skew < 1e-13
    tell("Long runs", f"{name}, 200 steps", "closure of the summed budget below 1e-13; orthogonality below 1e-13")


@pytest.mark.long
@pytest.mark.parametrize("name", RUNS)
def test_budgets_close_over_ten_thousand_steps(tell, name):
    """Errors of steps have either sign: their sum grows as the root of the number of steps, a hundredfold."""
    of_sum, worst, skew = followed(RUNS[name](10_000))
    assert of_sum < 1e-12
    assert worst < 3e-14
    assert skew < 1e-13
    tell("Long runs", f"{name}, 10000 steps", "closure of the summed budget below 1e-12; orthogonality below 1e-13")


def cayley_turned(rng, vectors, angle):
    """Eigenvectors turned by (1 - A/2)^-1 (1 + A/2), A random and antisymmetric and of that norm."""
    size = len(vectors)
    generator = rng.standard_normal((size, size))
    # Antisymmetric Gaussian matrices have their norm near 2 (2 n)^(1/2).
    generator = (generator - generator.T) * (angle / (2 * np.sqrt(2 * size)))
    return vectors @ np.linalg.solve(np.eye(size) - generator / 2, np.eye(size) + generator / 2)


@pytest.fixture(scope="module")
def large():
    """Kernels of 2000 samples over 12 decades before and after a step, as modes; and the first kernel."""
    rng, size = np.random.default_rng(2), 2000
    eigenvalues, residual = np.logspace(-12, 0, size), rng.standard_normal(size)
    vectors, _ = np.linalg.qr(rng.standard_normal((size, size)))
    kernel = symmetric(vectors, eigenvalues)
    # Neighbours are 1.4 per cent apart: a tenth of a radian in all, spread over 2000 modes, mixes them.
    moved = symmetric(cayley_turned(rng, vectors, 0.1), eigenvalues * np.exp(0.01 * rng.standard_normal(size)))
    return decompose(kernel, residual), decompose(moved, residual - 0.5 * kernel @ residual), kernel


@pytest.mark.long
def test_a_budget_of_two_thousand_samples(tell, large):
    """Rounding of 1e-16 over the root of 2000 in a coefficient; eigenvectors orthonormal to that times the root."""
    before, after, _ = large
    errors = [account.closure for account in budgets(before, after, SHELLS)]
    skew = max(map(not_orthonormal, (before, after)))
    assert max(errors) < 1e-15
    assert skew < 1e-13
    tell("Long runs", "2000 samples over 12 decades, one step", "closure below 1e-15; orthogonality below 1e-13")


@pytest.mark.long
def test_lanczos_in_two_thousand_dimensions(tell, large):
    """Directions are made orthogonal twice, and so to rounding, however many eigenvalues have converged."""
    modes, _, kernel = large
    asked = []
    found = lanczos(lambda v: asked.append(v.copy()) or kernel @ v, modes.residual, 400)
    skew = np.abs(np.array(asked) @ np.array(asked).T - np.eye(400)).max()
    total = abs(found.measure()[1].sum() / (modes.residual @ modes.residual) - 1)
    assert skew < 1e-14
    assert total < 1e-14
    tell(
        "Long runs",
        "2000 samples over 12 decades, 400 Lanczos steps",
        "weights sum to the energy to 1e-14; orthogonality below 1e-14",
    )
