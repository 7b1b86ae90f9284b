"""Shell budgets: closure of any step, two modes by hand, sums over modes, and steps that are too large to follow."""

import itertools
import math
from dataclasses import fields, replace

import numpy as np
import pytest

from scalinglaws.shells import (
    Modes,
    SharpShells,
    ShellBudget,
    SplineShells,
    StepTooLarge,
    budget,
    budgets,
    energies,
    followable,
    geometric_edges,
)

KINDS = [SharpShells, SplineShells]
EDGES = geometric_edges(0.05, 40.0, 2.0, grid_offset=0.13)
PARTS = ("dissipation", "transfer", "crossing")

# Closure is an identity in exact arithmetic: what is left is rounding, relative to the energy.
ROUNDING = 1e-12


def assert_closed(account):
    """All identities of a budget, written out."""
    total = account.energy_before.sum()
    change = account.energy_after - account.energy_before
    exchange = account.transfer.sum(1) + account.crossing
    np.testing.assert_allclose(change, -account.dissipation + exchange, atol=ROUNDING * total, rtol=0)
    np.testing.assert_allclose(account.transfer, -account.transfer.T, atol=ROUNDING * total, rtol=0)
    np.testing.assert_allclose(np.diag(account.transfer), 0, atol=ROUNDING * total)
    np.testing.assert_allclose(account.crossing.sum(), 0, atol=ROUNDING * total)
    np.testing.assert_allclose(account.flux[[0, -1]], 0, atol=ROUNDING * total)
    assert account.closure <= ROUNDING


# --- closure --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-3, 0.3, 1.0])
@pytest.mark.parametrize("change", [0.0, 1e-6, 0.5, 20.0])
@pytest.mark.parametrize("size", [2, 3, 12])
def test_budget_closes_for_any_step(step_of, kind, angle, change, size):
    for seed in range(3):
        before, after = step_of(seed, size=size, angle=angle, change=change)
        # The identity holds relative to the larger end; closure is reported relative to the energy before.
        account = budget(before, after, kind(EDGES))
        scale = max(1.0, after.loss / before.loss)
        assert account.closure <= ROUNDING * scale
        assert account.energy_before.sum() == pytest.approx(before.loss, rel=1e-13)
        assert account.energy_after.sum() == pytest.approx(after.loss, rel=1e-13)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(5))
def test_all_identities_of_a_budget_hold(step_of, kind, seed):
    account = budget(*step_of(seed), kind(EDGES))
    assert_closed(account)
    assert np.abs(account.transfer).max() > 1e-3
    assert np.abs(account.crossing).max() > 1e-3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("angle", [0.5, 2.0, 3.0])
def test_budget_closes_for_wide_turns_in_a_plane_that_no_renumbering_undoes(kind, angle):
    before, after = plane_turn(angle)
    assert_closed(budget(before, after, kind(EDGES)))


@pytest.mark.parametrize("kind", KINDS)
def test_steps_telescope(step_of, turn_of, kind):
    """Along a path every step's end is the next one's start, and the sums close over the whole."""
    rng = np.random.default_rng(0)
    path = [step_of(0)[0]]
    for _ in range(6):
        last = path[-1]
        vectors = last.eigenvectors @ turn_of(rng, 9, 0.2)
        path.append(Modes(last.eigenvalues * 1.2, vectors, 0.8 * last.residual, last.n_samples))
    accounts = [budget(before, after, kind(EDGES)) for before, after in itertools.pairwise(path)]
    for this, following in itertools.pairwise(accounts):
        np.testing.assert_allclose(this.energy_after, following.energy_before, atol=1e-14)
    change = sum(a.transfer.sum(1) + a.crossing - a.dissipation for a in accounts)
    np.testing.assert_allclose(accounts[-1].energy_after - accounts[0].energy_before, change, atol=1e-13)


# --- by hand --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("angle", [-0.6, 0.01, 0.7])
def test_two_turning_modes_by_hand(angle):
    """Nothing dissipates when the residual stands still: the shells exchange exactly what the rotation moves."""
    a, b = 0.8, -1.7
    cos, sin = math.cos(angle), math.sin(angle)
    before = Modes(np.array([1.0, 9.0]), np.eye(2), np.array([a, b]), 2)
    after = Modes(np.array([1.2, 7.0]), np.array([[cos, -sin], [sin, cos]]), before.residual, 2)
    account = budget(before, after, [0, 3, math.inf])
    gained = ((a * cos + b * sin) ** 2 - a**2) / 4
    np.testing.assert_allclose(account.transfer, [[0, gained], [-gained, 0]], rtol=1e-13, atol=1e-16)
    np.testing.assert_allclose(account.dissipation, 0, atol=1e-16)
    np.testing.assert_array_equal(account.crossing, 0)
    np.testing.assert_allclose(account.flux, [0, -gained, 0], rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("kind", KINDS)
def test_with_standing_modes_the_dissipation_is_the_energy_lost(step_of, kind):
    before, _ = step_of(1)
    after = Modes(before.eigenvalues, before.eigenvectors, 0.3 * before.residual + 0.1, before.n_samples)
    account = budget(before, after, kind(EDGES))
    np.testing.assert_allclose(account.transfer, 0, atol=1e-15)
    np.testing.assert_array_equal(account.crossing, 0)
    lost = energies(before, kind(EDGES)) - energies(after, kind(EDGES))
    np.testing.assert_allclose(account.dissipation, lost, atol=1e-14)
    np.testing.assert_allclose(account.flux, 0, atol=1e-14)


@pytest.mark.parametrize(("low", "high", "sign"), [(1.0, 5.0, 1.0), (5.0, 1.0, -1.0), (1.0, 500.0, 1.0)])
def test_a_mode_that_crosses_edges_carries_its_energy_over_each(low, high, sign):
    """Flux is positive towards larger eigenvalues, through every edge on the way."""
    edges = [0, 0.5, 2, 8, 100, math.inf]
    residual = np.array([3.0, 2.0])
    before, after = (Modes(np.array([0.1, value]), np.eye(2), residual, 2) for value in (low, high))
    account = budget(before, after, edges)
    between = [sign if min(low, high) < edge <= max(low, high) else 0.0 for edge in edges]
    np.testing.assert_allclose(account.flux, np.array(between) * 2.0**2 / 4, atol=1e-16)
    np.testing.assert_array_equal(account.transfer, 0)
    np.testing.assert_array_equal(account.dissipation, 0)
    np.testing.assert_allclose(account.crossing, account.energy_after - account.energy_before, atol=1e-16)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_samples", [9, 3])
def test_budget_by_sums_over_modes(step_of, kind, n_samples):
    """The formulas of the module's docstring, term by term, with the generator from an explicit inverse."""
    before, after = step_of(2, n_samples=n_samples)
    shells = kind(EDGES)
    size, count = len(before.eigenvalues), shells.n_shells
    rotation, identity = after.eigenvectors.T @ before.eigenvectors, np.eye(size)
    generator = 2 * (rotation - identity) @ np.linalg.inv(rotation + identity)
    ends = [modes.eigenvectors.T @ modes.residual for modes in (before, after)]
    windows = [shells.windows(modes.eigenvalues) for modes in (before, after)]
    mean, window = (ends[0] + ends[1]) / 2, (windows[0] + windows[1]) / 2
    change = before.eigenvectors.T @ (after.residual - before.residual)
    lost = [-mean[u] * (change[u] + sum(generator[u, v] * change[v] for v in range(size)) / 2) for u in range(size)]
    transfer, dissipation, crossing = np.zeros((count, count)), np.zeros(count), np.zeros(count)
    for a in range(count):
        for u in range(size):
            dissipation[a] += window[a, u] * lost[u] / n_samples
            crossing[a] += (windows[1] - windows[0])[a, u] * (ends[0][u] ** 2 + ends[1][u] ** 2) / (4 * n_samples)
            for b, v in itertools.product(range(count), range(size)):
                transfer[a, b] += window[a, u] * mean[u] * generator[u, v] * mean[v] * window[b, v] / n_samples
    ours = budget(before, after, shells)
    np.testing.assert_allclose(ours.transfer, transfer, atol=1e-13)
    np.testing.assert_allclose(ours.dissipation, dissipation, atol=1e-13)
    np.testing.assert_allclose(ours.crossing, crossing, atol=1e-13)
    np.testing.assert_array_equal(ours.edges, EDGES)


def test_energies_of_sharp_shells_by_membership(step_of):
    modes, _ = step_of(3, n_samples=3)
    g = [modes.eigenvectors[:, u] @ modes.residual for u in range(9)]
    expected = [
        sum(g[u] ** 2 / 6 for u in range(9) if low <= modes.eigenvalues[u] < high)
        for low, high in itertools.pairwise(EDGES)
    ]
    np.testing.assert_allclose(energies(modes, SharpShells(EDGES)), expected, atol=1e-15)


def test_derived_quantities_of_a_budget_by_hand():
    transfer = np.array([[0.0, 1.0, -2.0], [-1.0, 0.0, 4.0], [2.0, -4.0, 0.0]])
    account = ShellBudget(
        edges=np.array([0, 1, 2, math.inf]),
        energy_before=np.array([1.0, 2.0, 5.0]),
        energy_after=np.array([0.5, 4.0, 1.5]),
        dissipation=np.array([0.5, 0.5, 1.0]),
        transfer=transfer,
        crossing=np.array([0.25, -0.5, 0.25]),
    )
    np.testing.assert_allclose(account.exchange, [-0.75, 2.5, -1.75])
    np.testing.assert_allclose(account.flux, [0, 0.75, -1.75, 0])
    # Errors by shell: -0.5 + 0.5 + 0.75, 2 + 0.5 - 2.5, -3.5 + 1 + 1.75.
    assert account.closure == pytest.approx(0.75 / 8)


def test_several_partitions_at_once_are_those_of_each_alone(step_of):
    before, after = step_of(4)
    partitions = [EDGES, SplineShells(EDGES), SharpShells([0, 1, math.inf])]
    for ours, partition in zip(budgets(before, after, partitions), partitions, strict=True):
        alone = budget(before, after, partition)
        for field in fields(ShellBudget):
            np.testing.assert_array_equal(getattr(ours, field.name), getattr(alone, field.name), err_msg=field.name)


# --- steps that are too large ---------------------------------------------------------------------------------------


def plane_turn(angle, size=16, seed=0):
    """Modes turned in one plane that is oblique to all of them: each barely moves, so that alignment keeps them all.

    I + sin G + (1 - cos) G^2, with G^2 = -(a a^T + b b^T) / size free of rounding when size is a power of two.
    """
    rng = np.random.default_rng(seed)
    a, b = np.ones(size), np.tile([1.0, -1.0], size // 2)
    generator, squared = (np.outer(a, b) - np.outer(b, a)) / size, -(np.outer(a, a) + np.outer(b, b)) / size
    sine = math.sin(angle) if angle != math.pi else 0.0
    turn = np.eye(size) + sine * generator + (1 - math.cos(angle)) * squared
    before = Modes(np.geomspace(0.1, 20, size), np.eye(size), rng.standard_normal(size), size)
    return before, Modes(before.eigenvalues, turn, 0.9 * before.residual, size)


@pytest.mark.parametrize("size", [16, 32])
def test_half_a_circle_cannot_be_followed(size):
    """O + I is singular: the solver finds a pivot of exactly zero in one size, and in the other one of 1e-16."""
    step = plane_turn(math.pi, size)
    with pytest.raises(StepTooLarge, match="halve"):
        budget(*step, EDGES)
    assert not followable(*step)


@pytest.mark.parametrize("angle", [0.0, 0.3, 3.0])
def test_less_than_half_a_circle_can(angle):
    assert followable(*plane_turn(angle))


@pytest.mark.parametrize("planes", [[(0, 1)], [(0, 1), (2, 5)], [(0, 3), (1, 4), (2, 5)]])
def test_half_a_circle_in_a_plane_of_modes_is_their_signs(step_of, planes):
    """Alignment sees through it: the same modes, so nothing is transferred."""
    before, _ = step_of(12, size=6)
    vectors = before.eigenvectors.copy()
    for pair in planes:
        vectors[:, pair] *= -1
    after = Modes(before.eigenvalues, vectors, 0.5 * before.residual, 6)
    account = budget(before, after, EDGES)
    np.testing.assert_allclose(account.transfer, 0, atol=1e-15)
    np.testing.assert_allclose(account.dissipation, 0.75 * account.energy_before, atol=1e-14)


# --- bad input ------------------------------------------------------------------------------------------------------


BEFORE = Modes(np.arange(3.0), np.eye(3), np.ones(3), 3)
AFTER = replace(BEFORE, residual=0.5 * np.ones(3))
FOUR = Modes(np.arange(4.0), np.eye(4), np.ones(4), 4)


@pytest.mark.parametrize(
    ("before", "after", "edges", "message"),
    [
        (BEFORE, AFTER, [0, 2, 1, math.inf], r"edges\[1\], edges\[2\] = 2\.0, 1\.0 must increase"),
        (BEFORE, AFTER, [1, 2, math.inf], r"edges run from 1\.0 to inf and must run from 0 to inf"),
        (BEFORE, FOUR, EDGES, r"\(3, 3\), n = 3 and \(4, 4\), n = 4 and must describe one"),
        (BEFORE, replace(AFTER, n_samples=1), EDGES, r"n = 3 and \(3, 3\), n = 1 and must describe one"),
        (replace(BEFORE, residual=np.full(3, np.nan)), AFTER, EDGES, r"before\.residual\[0\] = nan must be finite"),
        (BEFORE, replace(AFTER, eigenvalues=[1, np.inf, 2]), EDGES, r"after\.eigenvalues\[1\] = inf must be finite"),
        (BEFORE, replace(AFTER, eigenvectors=np.ones(3)), EDGES, r"after\.eigenvectors has shape \(3,\)"),
        (
            replace(BEFORE, eigenvalues=np.ones(2)),
            AFTER,
            EDGES,
            r"before's eigenvalues, eigenvectors and residual have shapes \(2,\), \(3, 3\) and \(3,\)",
        ),
        (BEFORE, replace(AFTER, residual=np.ones(1)), EDGES, r"after's .* have shapes \(3,\), \(3, 3\) and \(1,\)"),
        (
            replace(BEFORE, eigenvectors=np.eye(3)[:, :2]),
            replace(AFTER, eigenvectors=np.eye(3)[:, :2]),
            EDGES,
            r"before's .* have shapes \(3,\), \(3, 2\) and \(3,\)",
        ),
    ],
)
def test_bad_steps_are_named(before, after, edges, message):
    with pytest.raises(ValueError, match=message):
        budget(before, after, edges)
