"""Shell budgets against two modes by hand, sums over modes, symmetries, and rates of smooth families of kernels."""

import itertools
import math
from dataclasses import fields

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from scipy.stats import ortho_group

from scalinglaws.shells import (
    Modes,
    SharpShells,
    ShellBudget,
    SplineShells,
    StepTooLarge,
    budget,
    budgets,
    decompose,
    energies,
    followable,
    geometric_edges,
    rates,
)

KINDS = [SharpShells, SplineShells]
EDGES = geometric_edges(0.05, 40.0, 2.0, grid_offset=0.13)
PARTS = ("dissipation", "transfer", "crossing")

# Closure is an identity in exact arithmetic: what is left is rounding, relative to the energy.
ROUNDING = 1e-12


def turn_of(rng, size, angle):
    """A rotation whose largest angle is `angle`."""
    generator = rng.standard_normal((size, size))
    generator -= generator.T
    return expm(angle * generator / np.linalg.norm(generator, 2))


def step_of(seed, *, size=9, angle=0.3, change=0.5, n_samples=None):
    """Modes before and after a step: turned basis, drifting eigenvalues over two decades, any change of residual."""
    rng = np.random.default_rng(seed)
    eigenvalues = np.sort(np.exp(rng.uniform(np.log(0.1), np.log(20), size)))
    vectors, residual = ortho_group.rvs(size, random_state=rng), rng.standard_normal(size)
    moved = np.sort(eigenvalues * np.exp(0.4 * rng.standard_normal(size)))
    count = n_samples or size
    after = Modes(moved, vectors @ turn_of(rng, size, angle), residual + change * rng.standard_normal(size), count)
    return Modes(eigenvalues, vectors, residual, count), after


def assert_same(ours, expected, tolerance=1e-12):
    for field in fields(ShellBudget):
        a, b = getattr(ours, field.name), getattr(expected, field.name)
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=tolerance, err_msg=field.name)


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
def test_budget_closes_for_any_step(kind, angle, change, size):
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
def test_all_identities_of_a_budget_hold(kind, seed):
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
def test_steps_telescope(kind):
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
def test_with_standing_modes_the_dissipation_is_the_energy_lost(kind):
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
def test_budget_by_sums_over_modes(kind, n_samples):
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


def test_energies_of_sharp_shells_by_membership():
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


def test_several_partitions_at_once_are_those_of_each_alone():
    before, after = step_of(4)
    partitions = [EDGES, SplineShells(EDGES), SharpShells([0, 1, math.inf])]
    for ours, partition in zip(budgets(before, after, partitions), partitions, strict=True):
        assert_same(ours, budget(before, after, partition), 0)


# --- symmetries -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("end", [0, 1])
@pytest.mark.parametrize("seed", range(4))
def test_number_and_sign_of_modes_do_not_matter(kind, end, seed):
    rng = np.random.default_rng(seed)
    step = list(step_of(seed))
    expected = budget(*step, kind(EDGES))
    order, signs = rng.permutation(9), rng.choice([-1.0, 1.0], 9)
    modes = step[end]
    step[end] = Modes(modes.eigenvalues[order], modes.eigenvectors[:, order] * signs, modes.residual, modes.n_samples)
    assert_same(budget(*step, kind(EDGES)), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_basis_of_the_sample_space_does_not_matter(kind):
    step = step_of(5)
    turn = ortho_group.rvs(9, random_state=np.random.default_rng(0))
    turned = [Modes(m.eigenvalues, turn @ m.eigenvectors, turn @ m.residual, m.n_samples) for m in step]
    assert_same(budget(*turned, kind(EDGES)), budget(*step, kind(EDGES)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [1e-5, -3.0])
def test_budget_is_quadratic_in_the_residual(kind, scale):
    step = step_of(6)
    scaled = [Modes(m.eigenvalues, m.eigenvectors, scale * m.residual, m.n_samples) for m in step]
    ours, expected = budget(*scaled, kind(EDGES)), budget(*step, kind(EDGES))
    for name in ("energy_before", "energy_after", *PARTS):
        np.testing.assert_allclose(
            getattr(ours, name), scale**2 * getattr(expected, name), rtol=1e-10, atol=1e-13 * scale**2
        )
    assert ours.closure <= ROUNDING


@pytest.mark.parametrize("kind", KINDS)
def test_budget_is_inverse_to_the_number_of_samples(kind):
    many, few = (budget(*step_of(6, n_samples=n), kind(EDGES)) for n in (12, 3))
    for name in ("energy_before", "energy_after", *PARTS):
        np.testing.assert_allclose(4 * getattr(many, name), getattr(few, name), rtol=1e-13)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_a_step_backwards_undoes_the_budget(kind, seed):
    before, after = step_of(seed)
    forth, back = budget(before, after, kind(EDGES)), budget(after, before, kind(EDGES))
    for name in PARTS:
        np.testing.assert_allclose(getattr(back, name), -getattr(forth, name), atol=1e-12)
    np.testing.assert_array_equal(back.energy_before, forth.energy_after)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [1e-6, 1e4])
def test_unit_of_the_eigenvalues_does_not_matter(kind, scale):
    step = step_of(7)
    scaled = [Modes(scale * m.eigenvalues, m.eigenvectors, m.residual, m.n_samples) for m in step]
    ours, expected = budget(*scaled, kind(scale * EDGES)), budget(*step, kind(EDGES))
    for name in ("energy_before", "energy_after", *PARTS):
        np.testing.assert_allclose(getattr(ours, name), getattr(expected, name), atol=1e-12)


# --- limiting cases -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_residual_of_zero_has_nothing_to_account_for(kind):
    before, after = (Modes(m.eigenvalues, m.eigenvectors, 0 * m.residual, 9) for m in step_of(8))
    account = budget(before, after, kind(EDGES))
    for name in ("energy_before", "energy_after", *PARTS):
        np.testing.assert_array_equal(getattr(account, name), 0)
    assert account.closure == 0


@pytest.mark.parametrize("kind", KINDS)
def test_all_energy_in_one_shell_stays_when_modes_stand(kind):
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
def test_empty_shells_have_nothing(kind):
    """Smooth windows reach two shells beyond the modes, sharp ones none."""
    edges = geometric_edges(1e-9, 1e9, 3.0)
    before, after = step_of(10)
    account = budget(before, after, kind(edges))
    both = np.concatenate([before.eigenvalues, after.eigenvalues])
    far = np.array([high < both.min() / 9 or low > both.max() * 9 for low, high in itertools.pairwise(edges)])
    assert far.sum() > 20
    for name in ("energy_before", "energy_after", *PARTS):
        np.testing.assert_array_equal(getattr(account, name)[far], 0)
    assert_closed(account)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rank", [1, 4])
def test_rank_deficient_kernels_close(kind, rank):
    """Kernels of X X^T with X turning: the null space has an arbitrary basis at either end and exchanges energy."""
    rng = np.random.default_rng(rank)
    features, drift = rng.standard_normal((2, 9, rank))
    residual = rng.standard_normal(9)
    ends = [decompose(x @ x.T / 9, e) for x, e in ((features, residual), (features + 0.2 * drift, 0.7 * residual))]
    account = budget(*ends, kind(EDGES))
    assert_closed(account)
    assert np.abs(account.transfer[0]).max() > 1e-4


@pytest.mark.parametrize("kind", KINDS)
def test_degenerate_kernels_that_stand_exchange_nothing(kind):
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
def test_half_a_circle_in_a_plane_of_modes_is_their_signs(planes):
    """Alignment sees through it: the same modes, so nothing is transferred."""
    before, _ = step_of(12, size=6)
    vectors = before.eigenvectors.copy()
    for pair in planes:
        vectors[:, pair] *= -1
    after = Modes(before.eigenvalues, vectors, 0.5 * before.residual, 6)
    account = budget(before, after, EDGES)
    np.testing.assert_allclose(account.transfer, 0, atol=1e-15)
    np.testing.assert_allclose(account.dissipation, 0.75 * account.energy_before, atol=1e-14)


# --- rates ----------------------------------------------------------------------------------------------------------

SMOOTH = SplineShells(EDGES)


def solved(kernel, times, size=6):
    """Modes at the given times of e' = -M(t) e, from the first of them on."""
    start = np.random.default_rng(9).standard_normal(size)
    solution = solve_ivp(
        lambda t, e: -kernel(t) @ e,
        (times[0], times[-1]),
        start,
        "DOP853",
        times,
        rtol=1e-12,
        atol=1e-13,
        max_step=0.02,
    )
    return [decompose(kernel(t), e) for t, e in zip(times, solution.y.T, strict=True)]


@pytest.mark.parametrize("seed", range(3))
def test_rates_are_the_derivative_of_the_shell_energies(make_kernels, seed):
    """Central differences over 2e-4: errors of h^2 = 1e-8 times a sixth of a third derivative of up to 100."""
    kernel, rate = make_kernels(seed)
    low, here, high = solved(kernel, [0.2, 0.2001, 0.2002])
    account = rates(here, rate(0.2001), SMOOTH)
    expected = (energies(high, SMOOTH) - energies(low, SMOOTH)) / 2e-4
    np.testing.assert_allclose(account.total, expected, atol=1e-6)
    np.testing.assert_allclose(account.energy, energies(here, SMOOTH), atol=1e-14)
    np.testing.assert_allclose(account.transfer, -account.transfer.T, atol=1e-13)
    assert account.crossing.sum() == pytest.approx(0, abs=1e-13)
    power = here.residual @ kernel(0.2001) @ here.residual / 6
    assert account.dissipation.sum() == pytest.approx(power, rel=1e-12)
    for part in (account.dissipation, account.transfer.sum(1), account.crossing):
        assert np.abs(part).max() > 2e-3


def test_rates_without_motion_are_dissipation_alone(make_kernels):
    kernel, _ = make_kernels(0)
    modes = decompose(kernel(0.0), np.ones(6), 3)
    account = rates(modes, np.zeros((6, 6)), SMOOTH)
    np.testing.assert_array_equal(account.transfer, 0)
    np.testing.assert_array_equal(account.crossing, 0)
    expected = SMOOTH.windows(modes.eigenvalues) @ (modes.eigenvalues * modes.coefficients**2) / 3
    np.testing.assert_allclose(account.dissipation, expected, rtol=1e-13)


@pytest.mark.parametrize("seed", range(2))
def test_discrete_budget_converges_to_the_integrated_rates_at_order_two(make_kernels, seed):
    """Sums over steps against Simpson's rule of the rates on a grid eight times finer; orders 2 +- 0.2."""
    kernel, rate = make_kernels(seed)
    finest = 256
    times = np.linspace(0.0, 0.8, finest + 1)
    modes = solved(kernel, times)
    weights = np.array([1, *[4, 2] * (finest // 2 - 1), 4, 1]) * (0.8 / finest / 3)
    exact = [rates(m, rate(t), SMOOTH) for m, t in zip(modes, times, strict=True)]
    for name in PARTS:
        integral = sum(w * getattr(r, name) for w, r in zip(weights, exact, strict=True))
        errors = []
        for stride in (32, 16, 8):
            pairs = itertools.pairwise(modes[::stride])
            booked = sum(getattr(budget(before, after, SMOOTH), name) for before, after in pairs)
            errors.append(np.linalg.norm(booked - integral) / np.linalg.norm(integral))
        orders = np.log2(np.divide(errors[:-1], errors[1:]))
        np.testing.assert_allclose(orders, 2, atol=0.2, err_msg=name)
        assert errors[-1] < 0.01


# --- bad input ------------------------------------------------------------------------------------------------------


def replaced(modes, **changes):
    return Modes(**{field.name: changes.get(field.name, getattr(modes, field.name)) for field in fields(Modes)})


BEFORE, AFTER = step_of(0, size=3)


@pytest.mark.parametrize(
    ("before", "after", "edges", "message"),
    [
        (BEFORE, AFTER, [0, 2, 1, math.inf], r"edges\[1\], edges\[2\] = 2\.0, 1\.0 must increase"),
        (BEFORE, AFTER, [1, 2, math.inf], r"edges run from 1\.0 to inf and must run from 0 to inf"),
        (BEFORE, step_of(0, size=4)[1], EDGES, r"\(3, 3\), n = 3 and \(4, 4\), n = 4 and must describe one"),
        (BEFORE, replaced(AFTER, n_samples=1), EDGES, r"n = 3 and \(3, 3\), n = 1 and must describe one"),
        (replaced(BEFORE, residual=np.full(3, np.nan)), AFTER, EDGES, r"before\.residual\[0\] = nan must be finite"),
        (BEFORE, replaced(AFTER, eigenvalues=[1, np.inf, 2]), EDGES, r"after\.eigenvalues\[1\] = inf must be finite"),
        (BEFORE, replaced(AFTER, eigenvectors=np.ones(3)), EDGES, r"after\.eigenvectors has shape \(3,\)"),
    ],
)
def test_bad_steps_are_named(before, after, edges, message):
    with pytest.raises(ValueError, match=message):
        budget(before, after, edges)
