"""Quantiles, frontiers, collapse and clocks against closed forms, brute force, and changes of units."""

import math

import numpy as np
import pytest
from scipy.interpolate import BSpline
from scipy.special import gamma, gammaincinv

from scalinglaws.shells import SplineShells
from scalinglaws.shells.partition import anchored_edges
from scalinglaws.shells.selfsimilar import (
    POSITIONS,
    collapse_score,
    effective_times,
    eigenvalue_quantile,
    profiles,
    resolution_frontier,
)
from scalinglaws.shells.transport import GriddedDrift, PowerLawDrift, characteristics

SPACING = POSITIONS[1] - POSITIONS[0]


def lazy_power_law(rank_energy, times, *, n_modes=4000, decades=10):
    """(eigenvalues, energies): a frozen kernel with even modes in ln lambda below 1, of energy lambda^rank_energy."""
    eigenvalues = np.geomspace(10.0**-decades, 1.0, n_modes)
    energy = eigenvalues**rank_energy * np.exp(-2 * np.outer(times, eigenvalues))
    return np.tile(eigenvalues, (len(times), 1)), energy


# --- quantiles ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_modes", [1, 2, 5, 8])
def test_the_median_of_equal_weights_is_the_middle_mode(n_modes):
    """For an even number the geometric mean of the middle two."""
    eigenvalues = np.geomspace(0.01, 7, n_modes)[None]
    middle = math.sqrt(eigenvalues[0, (n_modes - 1) // 2] * eigenvalues[0, n_modes // 2])
    np.testing.assert_allclose(eigenvalue_quantile(eigenvalues, np.ones((1, n_modes)), 0.5), middle, rtol=1e-13)


@pytest.mark.parametrize("level", [0.1, 0.3, 0.5, 0.77])
def test_even_modes_have_the_quantiles_of_an_even_distribution(level):
    """20 modes even in ln lambda: mode k sits at the share (k + 1/2) / 20, and between modes all is linear."""
    log_eigenvalues = np.arange(20.0)
    found = eigenvalue_quantile(np.exp(log_eigenvalues), np.ones(20), level)
    np.testing.assert_allclose(np.log(found), [20 * level - 0.5], rtol=1e-12)


def test_quantiles_by_hand_for_uneven_weights():
    """Weights 1, 2, 5 put the modes at 1/16, 1/4 and 11/16; beyond the outermost the quantile stays."""
    eigenvalues, weights = np.exp([[0.0, 1.0, 3.0]]), np.array([[1.0, 2.0, 5.0]])
    expected = {1 / 32: 0.0, 1 / 16: 0.0, 5 / 32: 0.5, 1 / 4: 1.0, 15 / 32: 2.0, 11 / 16: 3.0, 0.9: 3.0}
    for level, place in expected.items():
        assert np.log(eigenvalue_quantile(eigenvalues, weights, level)) == pytest.approx(place, abs=1e-12)


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
def test_quantiles_know_no_order_units_or_norm_and_rise_with_the_level(level):
    rng = np.random.default_rng(0)
    eigenvalues, weights = np.exp(rng.uniform(-8, 0, (3, 15))), rng.uniform(0, 1, (3, 15))
    found = eigenvalue_quantile(eigenvalues, weights, level)
    order = rng.permutation(15)
    np.testing.assert_allclose(eigenvalue_quantile(eigenvalues[:, order], weights[:, order], level), found, rtol=1e-12)
    np.testing.assert_allclose(eigenvalue_quantile(7 * eigenvalues, 0.03 * weights, level), 7 * found, rtol=1e-12)
    assert (eigenvalue_quantile(eigenvalues, weights, level + 0.05) > found).all()
    assert ((eigenvalues.min(1) <= found) & (found <= eigenvalues.max(1))).all()


def test_a_mode_that_holds_half_the_weight_each_way_is_the_median():
    """Whatever lies beside it, an eigenvalue of zero included."""
    eigenvalues, weights = np.array([[0.0, 0.3, 2.0]]), np.array([[0.0, 1.0, 0.0]])
    np.testing.assert_allclose(eigenvalue_quantile(eigenvalues, weights, 0.5), 0.3, rtol=1e-13)


def test_without_weight_there_is_no_quantile():
    found = eigenvalue_quantile(np.ones((2, 3)), np.array([[0.0, 0, 0], [0, 1, 0]]), 0.5)
    np.testing.assert_array_equal(found, [np.nan, 1.0])


@pytest.mark.parametrize("level", [0.0, 1.0, -0.2, math.nan])
def test_levels_outside_are_refused(level):
    with pytest.raises(ValueError, match=r"level = .* must lie strictly between 0 and 1"):
        eigenvalue_quantile(np.ones((1, 2)), np.ones((1, 2)), level)


# --- the frontier ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rank_energy", [0.3, 1.0, 2.0])
def test_the_frontier_of_a_frozen_power_law_falls_as_one_over_time(rank_energy):
    """Dissipation per e-fold ~ lambda^(1 + a) exp(-2 lambda t): its median is that of a Gamma law, over 2 t.

    While the top has been learned, exp(-60) there, and below the spectrum's end lies a share of (1e-10 t)^1.3 < 1e-6.
    """
    times = np.geomspace(30, 1e5, 12)
    found = resolution_frontier(*lazy_power_law(rank_energy, times))
    # Modes are 0.006 e-folds apart: a sum over them is exact to far less, its linear interpolation to their square.
    np.testing.assert_allclose(found * times, gammaincinv(1 + rank_energy, 0.5) / 2, rtol=1e-5)
    assert np.polyfit(np.log(times), np.log(found), 1)[0] == pytest.approx(-1, abs=1e-5)


def test_the_frontier_moves_with_the_kernel_and_not_with_the_energy():
    eigenvalues, energy = lazy_power_law(0.5, np.array([1.0, 10.0]), n_modes=50)
    found = resolution_frontier(eigenvalues, energy)
    np.testing.assert_allclose(resolution_frontier(3 * eigenvalues, 0.1 * energy), 3 * found, rtol=1e-12)


# --- collapse -------------------------------------------------------------------------------------------------------

EDGES = anchored_edges(1.0, 2.0, decades_below=12, decades_above=3)


def shell_energies(eigenvalues, energy):
    shells = SplineShells(EDGES)
    return np.array([shells.windows(lam) @ e for lam, e in zip(eigenvalues, energy, strict=True)])


def test_profiles_are_shares_that_integrate_to_one():
    """Linear between centres of shells on a grid of 0.1 e-folds: exact to the kinks, 0.1 / 0.69 / 12 of them or so."""
    rng = np.random.default_rng(1)
    eigenvalues, energy = np.exp(rng.uniform(-3, 0, (4, 30))), rng.uniform(0, 1, (4, 30))
    rows = profiles(EDGES, shell_energies(eigenvalues, energy), resolution_frontier(eigenvalues, energy))
    assert rows.shape == (4, POSITIONS.size)
    assert rows.min() >= 0
    np.testing.assert_allclose(rows.sum(1) * SPACING, 1, atol=0.01)


def test_a_profile_by_hand():
    """Shells of one e-fold, energies 1 and 3 in the second and third, the frontier at the edge between them."""
    inner = np.exp(np.arange(-2.0, 3.0))
    energy = np.array([[9.0, 0.0, 1.0, 3.0, 0.0, 9.0]])
    (row,) = profiles(np.array([0, *inner, math.inf]), energy, np.array([1.0]))
    expected = np.interp(POSITIONS, [-1.5, -0.5, 0.5, 1.5], [0, 0.25, 0.75, 0], left=0, right=0)
    np.testing.assert_allclose(row, expected, atol=1e-14)


def test_profiles_do_not_depend_on_units():
    rng = np.random.default_rng(2)
    energy, frontier = rng.uniform(0, 1, (3, EDGES.size - 1)), np.array([0.1, 0.4, 3.0])
    finite = np.concatenate([EDGES[:-1] * 5, [math.inf]])
    np.testing.assert_allclose(
        profiles(finite, 7 * energy, 5 * frontier), profiles(EDGES, energy, frontier), atol=1e-12
    )


def test_a_profile_without_energy_is_zero():
    assert not profiles(EDGES, np.zeros((1, EDGES.size - 1)), np.ones(1)).any()


def bump(centre, width=0.4):
    """A profile of unit integral."""
    row = np.maximum(1 - np.abs(POSITIONS - centre) / width, 0)
    return row / (row.sum() * SPACING)


def test_scores_are_zero_for_a_collapse_and_one_without_overlap():
    assert collapse_score([bump(0.3)] * 5) == 0
    assert collapse_score([bump(c) for c in (-4, -1, 2, 5)]) == pytest.approx(1, rel=1e-13)


def test_a_score_by_hand_over_pairs():
    """Two equal rows and one apart: of three pairs two have the distance 1; a mixture is half as far."""
    assert collapse_score([bump(0), bump(0), bump(3)]) == pytest.approx(2 / 3, rel=1e-13)
    assert collapse_score([bump(0), (bump(0) + bump(3)) / 2]) == pytest.approx(1 / 2, rel=1e-13)


def test_scores_know_no_order_and_no_shift():
    rng = np.random.default_rng(3)
    rows = rng.uniform(0, 1, (4, POSITIONS.size))
    score = collapse_score(rows)
    assert collapse_score(rows[[2, 0, 3, 1]]) == pytest.approx(score, rel=1e-13)
    assert collapse_score(np.roll(rows, 5, axis=1)) == pytest.approx(score, rel=1e-13)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.zeros((1, 121)), "number of profile_rows = 1 must be an integer >= 2"),
        (np.zeros(121), "profile_rows has shape .121,. and must have 2 dimension"),
        (np.full((2, 121), np.nan), r"profile_rows\[0, 0\] = nan must be finite"),
    ],
)
def test_bad_rows_are_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        collapse_score(rows)


@pytest.mark.parametrize("rank_energy", [0.7, 1.5])
def test_a_frozen_power_law_collapses_about_its_frontier_and_nowhere_else(rank_energy):
    """Energy per e-fold is (2 x)^a exp(-2 x) / Gamma(a), x = lambda t, at all times, smoothed by the shells' windows.

    Linear interpolation between shells of h = 0.69 e-folds leaves up to h^2 p'' / 8 of a profile p: half its integral
    is 0.03 with int |p''| = 4 max |p'| = 1.
    """
    times, width = np.geomspace(30, 1e3, 8), math.log(2)
    modes = lazy_power_law(rank_energy, times)
    energy, frontier = shell_energies(*modes), resolution_frontier(*modes)
    assert collapse_score(profiles(EDGES, energy, frontier)) < 0.03
    place = frontier[3]
    window = np.nan_to_num(BSpline.basis_element(np.arange(-2.0, 3.0), extrapolate=False)(POSITIONS / width)) / width
    x = place * np.exp(POSITIONS) * times[:, None]
    density = (2 * x) ** rank_energy * np.exp(-2 * x) / gamma(rank_energy)
    expected = collapse_score([np.convolve(row, window * SPACING, mode="same") for row in density])
    fixed = collapse_score(profiles(EDGES, energy, np.full(8, place)))
    assert fixed == pytest.approx(expected, abs=0.03)
    assert fixed > 0.3


# --- clocks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.7, -0.4, 1e-9, 0.0])
def test_clocks_of_a_constant_drift_have_closed_forms(rate):
    """tau = c t and (e^(c t) - 1) / c, which is t without drift."""
    times = np.array([0.1, 1.0, 2.0, 5.0])
    drift_time, learning_time = effective_times(PowerLawDrift([0, math.inf], [rate], 1.0), times)
    np.testing.assert_allclose(drift_time, rate * times, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(learning_time, np.expm1(rate * times) / rate if rate else times, rtol=1e-12)


def test_clocks_of_windows_add_up():
    """c = 1, then -2, then none: tau rises to 1 and falls to 0; e^tau is integrated piece by piece."""
    law = PowerLawDrift([0, 1.0, 1.5], [1.0, -2.0], 1.0)
    drift_time, learning_time = effective_times(law, [0.5, 1.0, 1.25, 1.5, 4.0])
    np.testing.assert_allclose(drift_time, [0.5, 1.0, 0.5, 0.0, 0.0], atol=1e-14)
    first, second, e = math.expm1(0.5), math.expm1(1), math.e
    expected = [first, second, second + (e - e**0.5) / 2, second + (e - 1) / 2, second + (e - 1) / 2 + 2.5]
    np.testing.assert_allclose(learning_time, expected, rtol=1e-13)


def test_learning_time_is_what_a_frozen_kernel_would_have_needed():
    """Modes that the drift carries have decayed as exp(-2 lambda(0) T) with one T for all, and grown by e^tau."""
    law, times = PowerLawDrift([0, 0.7, 2.0, 3.0], [0.8, -0.3, 0.1], 1.0), np.array([0.4, 1.1, 2.9, 3.5])
    start = np.geomspace(1e-3, 1, 9)
    eigenvalues, energy = characteristics(law, start, np.ones(9), [0, *times])
    drift_time, learning_time = effective_times(law, times)
    np.testing.assert_allclose(energy[1:], np.exp(-2 * np.outer(learning_time, start)), rtol=1e-12)
    np.testing.assert_allclose(eigenvalues[1:], np.outer(np.exp(drift_time), start), rtol=1e-12)


def test_clocks_do_not_depend_on_the_times_at_which_they_are_read():
    law = PowerLawDrift([0, 0.7, 2.0], [0.8, -0.3], 1.0)
    coarse, fine = effective_times(law, [1.0, 3.0]), effective_times(law, np.linspace(0.05, 3.0, 60))
    for one, other in zip(coarse, fine, strict=True):
        np.testing.assert_allclose(one, other[[19, 59]], rtol=1e-12, atol=1e-14)


def test_laws_without_a_common_clock_are_refused():
    with pytest.raises(ValueError, match=r"law.exponent = 1.5 must be 1"):
        effective_times(PowerLawDrift([0, 1], [0.3], 1.5), [1.0])
    with pytest.raises(ValueError, match=r"stop = .* must be finite and >= "):
        effective_times(PowerLawDrift([0, 1], [0.3], 1.0), [1.0, 0.5])
    with pytest.raises(AttributeError):
        effective_times(GriddedDrift([0, 1], [1, 2], [[0.1, 0.2]]), [1.0])
