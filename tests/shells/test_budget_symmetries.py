"""Symmetries of shell budgets, and limiting cases in which the energy has nowhere to go."""

import itertools
import math
from dataclasses import fields

import numpy as np
import pytest
from scipy.stats import ortho_group

from scalinglaws.shells import (
    Modes,
    SharpShells,
    ShellBudget,
    SplineShells,
    budget,
    decompose,
    geometric_edges,
)

KINDS = [SharpShells, SplineShells]
EDGES = geometric_edges(0.05, 40.0, 2.0, grid_offset=0.13)
PARTS = ("dissipation", "transfer", "crossing")

# Closure is an identity in exact arithmetic: what is left is rounding, relative to the energy.
ROUNDING = 1e-12


def assert_same(ours, expected, tolerance=1e-12):
    for field in fields(ShellBudget):
        a, b = getattr(ours, field.name), getattr(expected, field.name)
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=tolerance, err_msg=field.name)


# --- symmetries -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("end", [0, 1])
@pytest.mark.parametrize("seed", range(4))
def test_number_and_sign_of_modes_do_not_matter(step_of, kind, end, seed):
    rng = np.random.default_rng(seed)
    step = list(step_of(seed))
    expected = budget(*step, kind(EDGES))
    order, signs = rng.permutation(9), rng.choice([-1.0, 1.0], 9)
    modes = step[end]
    step[end] = Modes(modes.eigenvalues[order], modes.eigenvectors[:, order] * signs, modes.residual, modes.n_samples)
    assert_same(budget(*step, kind(EDGES)), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_basis_of_the_sample_space_does_not_matter(step_of, kind):
    step = step_of(5)
    turn = ortho_group.rvs(9, random_state=np.random.default_rng(0))
    turned = [Modes(m.eigenvalues, turn @ m.eigenvectors, turn @ m.residual, m.n_samples) for m in step]
    assert_same(budget(*turned, kind(EDGES)), budget(*step, kind(EDGES)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [1e-5, -3.0])
def test_budget_is_quadratic_in_the_residual(step_of, kind, scale):
    step = step_of(6)
    scaled = [Modes(m.eigenvalues, m.eigenvectors, scale * m.residual, m.n_samples) for m in step]
    ours, expected = budget(*scaled, kind(EDGES)), budget(*step, kind(EDGES))
    for name in ("energy_before", "energy_after", *PARTS):
        np.testing.assert_allclose(
            getattr(ours, name), scale**2 * getattr(expected, name), rtol=1e-10, atol=1e-13 * scale**2
        )
    assert ours.closure <= ROUNDING


@pytest.mark.parametrize("kind", KINDS)
def test_budget_is_inverse_to_the_number_of_samples(step_of, kind):
    many, few = (budget(*step_of(6, n_samples=n), kind(EDGES)) for n in (12, 3))
    for name in ("energy_before", "energy_after", *PARTS):
        np.testing.assert_allclose(4 * getattr(many, name), getattr(few, name), rtol=1e-13)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_a_step_backwards_undoes_the_budget(step_of, kind, seed):
    before, after = step_of(seed)
    forth, back = budget(before, after, kind(EDGES)), budget(after, before, kind(EDGES))
    for name in PARTS:
        np.testing.assert_allclose(getattr(back, name), -getattr(forth, name), atol=1e-12)
    np.testing.assert_array_equal(back.energy_before, forth.energy_after)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [1e-6, 1e4])
def test_unit_of_the_eigenvalues_does_not_matter(step_of, kind, scale):
    step = step_of(7)
    scaled = [Modes(scale * m.eigenvalues, m.eigenvectors, m.residual, m.n_samples) for m in step]
    ours, expected = budget(*scaled, kind(scale * EDGES)), budget(*step, kind(EDGES))
    for name in ("energy_before", "energy_after", *PARTS):
        np.testing.assert_allclose(getattr(ours, name), getattr(expected, name), atol=1e-12)


# --- limiting cases -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_residual_of_zero_has_nothing_to_account_for(step_of, kind):
    before, after = (Modes(m.eigenvalues, m.eigenvectors, 0 * m.residual, 9) for m in step_of(8))
    account = budget(before, after, kind(EDGES))
    for name in ("energy_before", "energy_after", *PARTS):
        np.testing.assert_array_equal(getattr(account, name), 0)
    assert account.closure == 0


@pytest.mark.parametrize("kind", KINDS)
def test_all_energy_in_one_shell_stays_when_modes_stand(step_of, kind):
    before, _ = step_of(9)
    residual = 2.0 * before.eigenvectors[:, 4]
    centred = np.full(9, math.sqrt(EDGES[5] * EDGES[6]))
    before, after = (Modes(centred, before.eigenvectors, e, 9) for e in (residual, residual / 2))
    account = budget(before, after, kind(EDGES))
    # The centre of a shell is shared 1 : 4 : 1 by smooth windows.
    share = {SharpShells: [0, 1, 0], SplineShells: [1 / 6, 2 / 3, 1 / 6]}[kind]
    expected = np.zeros(len(EDGES) - 1)
    expected[4:7] = np.array(share) * 4 / 18
    np.testing.assert_allclose(account.energy_before, expected, atol=1e-13)
    np.testing.assert_allclose(account.dissipation, 0.75 * expected, atol=1e-13)
    np.testing.assert_allclose(account.exchange, 0, atol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
def test_empty_shells_have_nothing(step_of, kind):
    """Smooth windows reach two shells beyond the modes, sharp ones none."""
    edges = geometric_edges(1e-9, 1e9, 3.0)
    before, after = step_of(10)
    account = budget(before, after, kind(edges))
    both = np.concatenate([before.eigenvalues, after.eigenvalues])
    far = np.array([high < both.min() / 9 or low > both.max() * 9 for low, high in itertools.pairwise(edges)])
    assert far.sum() > 20
    for name in ("energy_before", "energy_after", *PARTS):
        np.testing.assert_array_equal(getattr(account, name)[far], 0)
    assert account.closure <= ROUNDING


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rank", [1, 4])
def test_rank_deficient_kernels_close(kind, rank):
    """Kernels of X X^T with X turning: the null space has an arbitrary basis at either end and exchanges energy."""
    rng = np.random.default_rng(rank)
    features, drift = rng.standard_normal((2, 9, rank))
    residual = rng.standard_normal(9)
    ends = [decompose(x @ x.T / 9, e) for x, e in ((features, residual), (features + 0.2 * drift, 0.7 * residual))]
    account = budget(*ends, kind(EDGES))
    assert account.closure <= ROUNDING
    assert np.abs(account.transfer[0]).max() > 1e-4


@pytest.mark.parametrize("kind", KINDS)
def test_degenerate_kernels_that_stand_exchange_nothing(step_of, kind):
    """The basis of an eigenspace is arbitrary: another one, as a solver may return it, is no motion."""
    rng = np.random.default_rng(0)
    before = step_of(11, size=6)[0]
    before = Modes(np.array([0.0, 0.0, 2.0, 2.0, 2.0, 7.0]), before.eigenvectors, before.residual, 6)
    vectors = before.eigenvectors.copy()
    for block in (slice(0, 2), slice(2, 5)):
        vectors[:, block] = vectors[:, block] @ ortho_group.rvs(block.stop - block.start, random_state=rng)
    account = budget(before, Modes(before.eigenvalues, vectors, 0.5 * before.residual, 6), kind(EDGES))
    np.testing.assert_allclose(account.transfer, 0, atol=1e-14)
    np.testing.assert_allclose(account.dissipation, 0.75 * account.energy_before, atol=1e-14)
