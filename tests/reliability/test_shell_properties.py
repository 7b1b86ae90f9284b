"""Properties of the shell budget for drawn kernels and steps: identities, symmetries, and no NaN without a word."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st
from random_kernels import CASES, drawn_kernels, drawn_step, property_tests, turn

from scalinglaws.shells import (
    SharpShells,
    ShellBudget,
    SplineShells,
    StepTooLarge,
    anchored_edges,
    budget,
    decompose,
    eigenvalue_rates,
    energies,
    rates,
    rotation_rates,
)

KINDS = (SharpShells, SplineShells)
# A sum of some hundred products, of which each rounds to 1e-16 of the larger energy; up to 3e-15 of it has been seen.
ROUNDING = 3e-14
# Simple spectra, whose modes two solvers agree on: to 1e-16 over the smallest gap.
SIMPLE = CASES.filter(lambda case: case.spectrum in ("random", "power law"))

REGULAR = CASES.filter(lambda case: case.spectrum not in ("low rank", "rank 1", "zero"))


def edges_of(case, scale=1.0):
    """Geometric edges from 13 decades below the scale to 4 above."""
    return anchored_edges(scale, case.ratio, grid_offset=case.grid_offset, decades_below=13, decades_above=4)


def assert_same(ours, expected, tolerance, factor=1.0):
    """Every array of two budgets alike, to this share of the larger energy."""
    scale = factor * max(expected.energy_before.sum(), expected.energy_after.sum())
    for name in (field.name for field in fields(ShellBudget) if field.name != "edges"):
        pair = getattr(ours, name), factor * getattr(expected, name)
        np.testing.assert_allclose(*pair, rtol=0, atol=tolerance * scale, err_msg=name)


def assert_closed(account, before, after):
    """Each shell's change is what it loses and exchanges; what is exchanged sums to 0, and what is lost to the loss."""
    scale = max(before.loss, after.loss)
    error = account.energy_after - account.energy_before + account.dissipation - account.exchange
    for left in (error, account.transfer + account.transfer.T, account.crossing.sum(), account.flux[[0, -1]]):
        assert np.abs(left).max() <= ROUNDING * scale
    totals = account.energy_before.sum(), account.energy_after.sum(), account.dissipation.sum()
    np.testing.assert_allclose(
        totals, (before.loss, after.loss, before.loss - after.loss), rtol=0, atol=ROUNDING * scale
    )
    assert min(account.energy_before.min(), account.energy_after.min()) >= 0


# --- identities -----------------------------------------------------------------------------------------------------


def closes(case):
    """Degenerate, rank-deficient and zero kernels, empty shells, no residual: every small step can be followed."""
    before, after = drawn_step(case)
    for kind in KINDS:
        assert_closed(budget(before, after, kind(edges_of(case))), before, after)


def closes_or_says_too_large(case):
    """Modes that have nothing to do with each other."""
    before = drawn_step(case)[0]
    after = drawn_step(replace(case, seed=case.seed + 1, spectrum="random"))[0]
    try:
        account = budget(before, after, edges_of(case))
    except StepTooLarge:
        return
    # The generator is as large as a turn is close to half a circle, where its rounding counts: 1e-6 is the limit told.
    scale = max(before.loss, after.loss)
    error = account.energy_after - account.energy_before + account.dissipation - account.exchange
    assert np.abs(error).max() <= 1e-9 * scale


def all_in_one_shell(case):
    """However modes turn, nothing is exchanged, and the one shell loses what the loss falls by."""
    before, after = drawn_step(case)
    account = budget(before, after, [0.0, 1e-300, 1e300, np.inf])
    scale = max(before.loss, after.loss)
    np.testing.assert_array_equal(account.energy_before[[0, 2]], 0)
    np.testing.assert_allclose(account.exchange, 0, atol=ROUNDING * scale)
    np.testing.assert_allclose(account.dissipation[1], before.loss - after.loss, rtol=0, atol=ROUNDING * scale)


def frozen_modes_only_lose(case):
    """e -> exp(-h M) e with M standing, to h = 100 over the top: no shell gains or exchanges, dissipation is >= 0."""
    before = drawn_step(case)[0]
    time = 100 * case.grid_offset**2 / max(before.eigenvalues[-1], 1e-300)
    decayed = before.eigenvectors @ (np.exp(-time * before.eigenvalues) * before.coefficients)
    for kind in KINDS:
        account = budget(before, replace(before, residual=decayed), kind(edges_of(case)))
        assert (account.dissipation >= -ROUNDING * before.loss).all()
        assert np.abs(account.exchange).max() <= ROUNDING * before.loss


def coarse_shells_are_sums_of_fine_ones(case):
    """Whatever edges are left out: energies, losses, transfers and crossings add up."""
    before, after = drawn_step(case)
    edges = edges_of(case)
    keep = np.random.default_rng(case.seed).random(len(edges)) < 0.4
    keep[[0, 1, -1]] = True
    fine, coarse = budget(before, after, edges), budget(before, after, edges[keep])
    merge = np.add.outer(-np.arange(keep.sum() - 1), np.cumsum(keep[:-1]) - 1) == 0
    summed = {name: merge @ getattr(fine, name) for name in ("energy_before", "energy_after", "dissipation")}
    expected = ShellBudget(
        edges[keep], **summed, transfer=merge @ fine.transfer @ merge.T, crossing=merge @ fine.crossing
    )
    assert_same(coarse, expected, ROUNDING)
    np.testing.assert_allclose(coarse.flux, fine.flux[keep], rtol=0, atol=ROUNDING * max(before.loss, after.loss))


# --- symmetries -----------------------------------------------------------------------------------------------------


def samples_in_any_order_and_basis(case):
    """M -> Q M Q^T, e -> Q e: rotations and permutations; modes agree to rounding over gaps, which are asked for."""
    *pairs, rng = drawn_kernels(case)
    shells, steps = SplineShells(edges_of(case)), [decompose(*pair) for pair in pairs]
    assume(min(np.diff(modes.eigenvalues).min() / modes.eigenvalues[-1] for modes in steps) > 1e-4)
    for basis in (turn(rng, case.size, 3.0), np.eye(case.size)[rng.permutation(case.size)]):
        moved = [decompose(basis @ kernel @ basis.T, basis @ residual) for kernel, residual in pairs]
        assert_same(budget(*moved, shells), budget(*steps, shells), 1e-10)


def unit_of_eigenvalues_and_time(case):
    """M -> s M: the same budget in shells s times as high, and rates s times as fast; s a power of 4, for its roots."""
    *pairs, rng = drawn_kernels(case)
    scale = 4.0 ** rng.integers(-50, 50)
    steps, scaled = ([decompose(unit * kernel, residual) for kernel, residual in pairs] for unit in (1.0, scale))
    shells, higher = SplineShells(edges_of(case)), SplineShells(scale * edges_of(case))
    assert_same(budget(*scaled, higher), budget(*steps, shells), ROUNDING)
    rate = pairs[1][0] - pairs[0][0]
    slow, fast = rates(steps[0], rate, shells), rates(scaled[0], scale * scale * rate, higher)
    for name in ("dissipation", "transfer", "crossing"):
        expected = scale * getattr(slow, name)
        size = max(np.abs(expected).max(), scale * slow.energy.sum())
        np.testing.assert_allclose(getattr(fast, name), expected, rtol=0, atol=1e-12 * size)


def unit_of_targets(case):
    """e -> s e: everything times s^2."""
    step = drawn_step(case)
    scale = 10.0 ** (80 * case.grid_offset)
    scaled = [replace(modes, residual=scale * modes.residual) for modes in step]
    for kind in KINDS:
        expected = budget(*step, kind(edges_of(case)))
        assert_same(budget(*scaled, kind(edges_of(case))), expected, ROUNDING, factor=scale**2)


def grid_shifted_by_a_shell(case):
    """M -> ratio M on the same edges: every shell's account moves up by one; modes of eigenvalue 0 stay."""
    step, shells = drawn_step(case), SplineShells(edges_of(case))
    moved = [replace(modes, eigenvalues=case.ratio * modes.eigenvalues) for modes in step]
    ours, expected = budget(*moved, shells), budget(*step, shells)
    scale = max(expected.energy_before.sum(), expected.energy_after.sum())
    for name in ("energy_before", "energy_after", "dissipation", "exchange", "crossing"):
        found, known = getattr(ours, name), getattr(expected, name)
        np.testing.assert_allclose(found[2:], known[1:-1], rtol=0, atol=10 * ROUNDING * scale)
        np.testing.assert_allclose(found[:2].sum(), known[0], rtol=0, atol=10 * ROUNDING * scale)


def rates_are_a_budget(case):
    """For any symmetric M': transfers antisymmetric, dissipation >= 0 and e.Me / n in all, crossings sum to 0."""
    *pairs, rng = drawn_kernels(case)
    modes, rate = decompose(*pairs[0]), rng.standard_normal((case.size, case.size))
    rate = rate + rate.T
    found = rates(modes, rate, SplineShells(edges_of(case)))
    gaps = np.abs(np.subtract.outer(modes.eigenvalues, modes.eigenvalues))
    apart = gaps[gaps > 1e-13 * modes.eigenvalues[-1]]
    # Omega = M'_uv / gap carries the rounding of M'_uv, which a small gap makes large.
    turning = np.linalg.norm(rate) * modes.loss * (1 / apart.min() if apart.size else 0.0)
    assert np.abs(found.transfer + found.transfer.T).max() <= ROUNDING * turning
    assert (found.dissipation >= 0).all()
    power = modes.residual @ pairs[0][0] @ modes.residual / case.size
    assert abs(found.dissipation.sum() - power) <= ROUNDING * modes.loss * max(modes.eigenvalues[-1], 1e-300)
    moving = np.abs(SplineShells(edges_of(case)).slopes(modes.eigenvalues)).max() * np.linalg.norm(rate)
    assert abs(found.crossing.sum()) <= ROUNDING * modes.loss * moving


# --- no NaN without a word ------------------------------------------------------------------------------------------


def poisoned(value, place, bad):
    """A copy of an array with a bad number at a place that wraps around."""
    value = np.array(value, dtype=float)
    value.flat[place % value.size] = bad
    return value


def bad_numbers_are_refused(drawn):
    """NaN and inf anywhere in what is given: a ValueError of one line, from every function that sees them."""
    case, place, bad = drawn
    (kernel, residual), _, _ = drawn_kernels(case)
    modes, edges = drawn_step(case)[0], edges_of(case)
    shells = SplineShells(edges)
    calls = [
        lambda: decompose(poisoned(kernel, place, bad), residual),
        lambda: decompose(kernel, poisoned(residual, place, bad)),
        lambda: rotation_rates(modes, poisoned(kernel, place, bad)),
        lambda: eigenvalue_rates(modes, poisoned(kernel, place, bad)),
        lambda: budget(modes, modes, [*poisoned(edges[:-1], place, bad), np.inf]),
        lambda: shells.windows(poisoned(modes.eigenvalues, place, bad)),
    ]
    for name in ("eigenvalues", "eigenvectors", "residual"):
        worse = replace(modes, **{name: poisoned(getattr(modes, name), place, bad)})
        calls += [lambda w=worse: budget(w, modes, edges), lambda w=worse: budget(modes, w, edges)]
        calls += [lambda w=worse: energies(w, shells), lambda w=worse: rates(w, kernel, shells)]
    for call in calls:
        with pytest.raises(ValueError, match=r"\A[^\n]+\Z"):
            call()


def what_is_no_kernel_is_refused(case):
    """Not symmetric, of another shape, with an eigenvalue below 0, modes that are not orthonormal, n_samples = 0."""
    (kernel, residual), _, _ = drawn_kernels(case)
    modes, edges, tilt = drawn_step(case)[0], edges_of(case), np.triu(np.ones_like(kernel), 1)
    scale = max(np.abs(kernel).max(), 1.0)
    stretched = replace(modes, eigenvectors=1.01 * modes.eigenvectors, residual=np.ones(case.size))
    for call in (
        lambda: decompose(kernel + 1e-9 * scale * tilt, residual),
        lambda: decompose(kernel[:, 1:], residual),
        lambda: decompose(kernel, residual[1:]),
        lambda: decompose(kernel - 1.1 * scale * np.eye(case.size) * case.size, residual),
        lambda: rotation_rates(modes, scale * tilt),
        lambda: rates(modes, kernel[1:, 1:], SplineShells(edges)),
        lambda: budget(stretched, stretched, edges),
        lambda: energies(replace(modes, n_samples=0), SharpShells(edges)),
    ):
        with pytest.raises(ValueError, match=r"\A[^\n]+\Z") as caught:
            call()
        assert not isinstance(caught.value, StepTooLarge)


def units_far_apart_stay_finite(drawn):
    """Kernels and residuals in units so far from 1 that squares only just are doubles."""
    case, kernel_power, residual_power = drawn
    *pairs, _ = drawn_kernels(case)
    assume(case.residual != "large")
    pairs = [(10.0**kernel_power * kernel, 10.0**residual_power * residual) for kernel, residual in pairs]
    step = [decompose(*pair) for pair in pairs]
    account = budget(*step, edges_of(case, 10.0**kernel_power))
    assert_closed(account, *step)
    assert all(np.isfinite(getattr(account, field.name)[:-1]).all() for field in fields(ShellBudget))


PROPERTIES = {
    "shell budget of a small step closes: kernels random, degenerate, low rank, zero, over 12 decades; n from 2": (
        closes,
        CASES,
    ),
    "shell budget of a step between unrelated kernels closes to 1e-9, or StepTooLarge": (
        closes_or_says_too_large,
        CASES,
    ),
    "all energy in one shell: nothing is exchanged": (all_in_one_shell, REGULAR),
    "a frozen kernel: no exchange, no shell gains": (frozen_modes_only_lose, CASES),
    "coarse shells are sums of fine ones": (coarse_shells_are_sums_of_fine_ones, CASES),
    "shell budget whatever the order and basis of the samples": (samples_in_any_order_and_basis, SIMPLE),
    "shell budget and rates whatever the unit of eigenvalues and time, over 60 decades": (
        unit_of_eigenvalues_and_time,
        CASES,
    ),
    "shell budget quadratic in the targets, over 78 decades": (unit_of_targets, CASES),
    "shell budget shifts with the grid": (grid_shifted_by_a_shell, CASES),
    "rates for any symmetric rate of the kernel: antisymmetric transfer, dissipation >= 0": (rates_are_a_budget, CASES),
    "NaN and inf in kernels, modes, residuals, rates, edges: ValueError of one line": (
        bad_numbers_are_refused,
        st.tuples(CASES, st.integers(0, 1000), st.sampled_from((np.nan, np.inf, -np.inf))),
    ),
    "kernels not symmetric, not square, negative; modes not orthonormal; no samples: ValueError of one line": (
        what_is_no_kernel_is_refused,
        CASES,
    ),
    "shell budget finite and closed with kernels over 280 decades and residuals over 240": (
        units_far_apart_stay_finite,
        st.tuples(CASES, st.integers(-140, 140), st.integers(-120, 120)),
    ),
}

test_properties, test_properties_at_length = property_tests(PROPERTIES, 60, 1500)
