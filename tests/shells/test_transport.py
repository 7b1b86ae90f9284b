"""Modes on characteristics: energy that only decays, and frontiers against modes that start at infinity."""

import math

import numpy as np
import pytest

from scalinglaws.shells.transport import GriddedDrift, PowerLawDrift, characteristics, frontier

WINDOWS = [0.5, 1.0, 2.5, 4.0]
TIMES = np.array([0.2, 0.9, 1.7, 3.3, 6.0])
LAM = np.geomspace(1e-3, 0.5, 8)
ENERGY = np.arange(1.0, 9.0)
DRIFTS = {
    "power law": PowerLawDrift(WINDOWS, [0.3, -0.2, 0.4], 1.5),
    "power law down": PowerLawDrift(WINDOWS, [-0.3, -0.2, -0.4], 0.5),
    "gridded": GriddedDrift(WINDOWS, [0.01, 0.1, 1.0], [[0.3, -0.5, 0.2], [1, 0, -1], [0.1, 0.4, 0.2]]),
}
STILL = {
    "power law": PowerLawDrift([0, 1], [0.0], 2.0),
    "gridded": GriddedDrift([0, 1], [1, 2], [[0.0, 0.0]]),
    "over before it starts": PowerLawDrift([0, 0.2], [3.0], 2.0),
}


@pytest.mark.parametrize("drift", STILL.values(), ids=STILL)
def test_without_drift_every_mode_decays_as_in_the_lazy_limit(drift):
    eigenvalues, energy = characteristics(drift, LAM, ENERGY, TIMES)
    np.testing.assert_array_equal(eigenvalues, np.tile(LAM, (5, 1)))
    expected = ENERGY * np.exp(-2 * LAM * (TIMES - TIMES[0])[:, None])
    np.testing.assert_allclose(energy, expected, rtol=1e-14)


@pytest.mark.parametrize("drift", DRIFTS.values(), ids=DRIFTS)
def test_every_row_is_what_one_advance_from_the_first_time_gives(drift):
    eigenvalues, energy = characteristics(drift, LAM, ENERGY, TIMES)
    assert eigenvalues.shape == energy.shape == (5, 8)
    for row, time in enumerate(TIMES):
        after, exposure = drift.advance(LAM, TIMES[0], time)
        np.testing.assert_allclose(eigenvalues[row], after, rtol=1e-12)
        np.testing.assert_allclose(energy[row], ENERGY * np.exp(-2 * exposure), rtol=1e-12)


@pytest.mark.parametrize("drift", DRIFTS.values(), ids=DRIFTS)
def test_energy_starts_as_given_never_grows_and_is_linear(drift):
    _, energy = characteristics(drift, LAM, ENERGY, TIMES)
    np.testing.assert_array_equal(energy[0], ENERGY)
    assert (np.diff(energy, axis=0) <= 0).all()
    assert (energy[-1] < ENERGY).all()
    np.testing.assert_allclose(characteristics(drift, LAM, -3 * ENERGY, TIMES)[1], -3 * energy, rtol=1e-15)


@pytest.mark.parametrize("drift", DRIFTS.values(), ids=DRIFTS)
def test_the_loss_rate_is_twice_the_eigenvalue(drift):
    """d ln E/dt = -2 lam by a central difference, whose error is h^2 lam'' / 3, with lam'' below 1 here."""
    step = 1e-4
    for time in (0.3, 0.7, 1.9, 3.1, 5.0):
        eigenvalues, energy = characteristics(drift, LAM, ENERGY, [0, time - step, time, time + step])
        rate = np.log(energy[3] / energy[1]) / (2 * step)
        # Rounding of E, 1e-16 / step, adds 1e-11 or so.
        np.testing.assert_allclose(rate, -2 * eigenvalues[2], rtol=0, atol=step**2 / 3 + 1e-11)


def test_energy_that_reaches_infinity_is_gone_and_energy_at_zero_is_safe():
    up, down = PowerLawDrift([0, 9], [1.0], 2.0), PowerLawDrift([0, 9], [-1.0], 0.5)
    np.testing.assert_array_equal(characteristics(up, [1.0], [5.0], [0, 1.1, 2])[1], [[5], [0], [0]])
    eigenvalues, energy = characteristics(down, [1.0], [5.0], [0, 2.1, 8])
    np.testing.assert_array_equal(eigenvalues[1:], 0)
    # X = lam^1.5 / (1.5 |c|) = 2/3.
    np.testing.assert_allclose(energy[1:], 5 * math.exp(-4 / 3), rtol=1e-14)


def test_one_moment_gives_the_modes_back():
    eigenvalues, energy = characteristics(DRIFTS["gridded"], LAM, ENERGY, [1.0])
    np.testing.assert_array_equal([eigenvalues[0], energy[0]], [LAM, ENERGY])


# --- frontiers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0, 3.0])
def test_the_lazy_frontier_is_one_over_twice_the_time(exponent):
    times = np.array([[0.01, 1.0], [7.0, 1e6]])
    found = frontier(PowerLawDrift(WINDOWS, [0, 0, 0], exponent), times)
    np.testing.assert_allclose(found, 1 / (2 * times), rtol=1e-14)


@pytest.mark.parametrize("exponent", [1.2, 1.5, 2.0, 2.5, 3.0])
def test_a_downward_frontier_is_where_modes_from_infinity_are(exponent):
    drift = PowerLawDrift(WINDOWS, [-0.3, 0, -0.4], exponent)
    times = np.array([0.1, 0.5, 0.7, 1.0, 2.0, 3.0, 9.0])
    eigenvalues, _ = characteristics(drift, [math.inf], [1.0], [0, *times])
    np.testing.assert_allclose(frontier(drift, times), eigenvalues[1:, 0], rtol=1e-13)
    displacement = np.array([0, 0, 0.06, 0.15, 0.15, 0.35, 0.75])
    expected = [math.inf if tau == 0 else ((exponent - 1) * tau) ** (-1 / (exponent - 1)) for tau in displacement]
    np.testing.assert_allclose(frontier(drift, times), expected, rtol=1e-13)


@pytest.mark.parametrize("rates", [[0.3, 0.2, 0.6], [-0.3, 0.2, -0.6], [-1, -2, -3]])
def test_at_exponent_one_the_frontier_has_lost_all_but_one_part_in_e(rates):
    drift = PowerLawDrift(WINDOWS, rates, 1.0)
    for time in (0.3, 0.8, 2.0, 6.0):
        place = frontier(drift, time)
        start = place / drift.advance(1.0, 0, time)[0]
        eigenvalues, energy = characteristics(drift, [start], [1.0], [0, time])
        assert eigenvalues[1, 0] == pytest.approx(place, rel=1e-14)
        assert energy[1, 0] == pytest.approx(math.exp(-1), rel=1e-13)


@pytest.mark.parametrize("rate", [1.5, 0.2, -0.2, -1.5])
def test_constant_growth_has_the_closed_frontier_that_stops_at_half_the_rate(rate):
    times = np.geomspace(0.01, 20, 9)
    found = frontier(PowerLawDrift([0, math.inf], [rate], 1.0), times)
    np.testing.assert_allclose(found, -rate / (2 * np.expm1(-rate * times)), rtol=1e-13)
    if rate == 1.5:
        assert found[-1] == pytest.approx(0.75, rel=1e-12)


@pytest.mark.parametrize("rate", [0.01, 1.0, 40.0])
def test_at_exponent_two_energy_has_fallen_by_e_below_the_image_of_infinity(rate):
    """(1 - e^(-c/2)) / (c t): the lazy 1/(2t) for weak drifts, the image of infinity 1/(c t) for strong ones."""
    drift, time = PowerLawDrift([0, math.inf], [-rate], 2.0), 3.0
    place = -math.expm1(-rate / 2) / (rate * time)
    start = place / (1 - rate * time * place)
    eigenvalues, energy = characteristics(drift, [start], [1.0], [0, time])
    # 1 - c t lam = e^(-c/2), down to 2e-9 for the strongest drift: as much of its digits is lost.
    tolerance = 1e-15 * math.exp(rate / 2)
    assert eigenvalues[1, 0] == pytest.approx(place, rel=1e-13)
    assert energy[1, 0] == pytest.approx(math.exp(-1), rel=1e-13 + tolerance)
    assert place == pytest.approx({0.01: 1 / (2 * time), 1.0: 0.3935 / time, 40.0: 1 / (40 * time)}[rate], rel=3e-3)
    assert place < frontier(drift, time)


# --- bad input ------------------------------------------------------------------------------------------------------

BAD_MODES = {
    "energies short": ((LAM, ENERGY[1:], TIMES), r"energy has shape \(7,\) and must have that of eigenvalues, \(8,\)"),
    "energies 2-d": ((LAM, [ENERGY], TIMES), r"energy has shape \(1, 8\) and must have 1 dimension"),
    "energy nan": (([1.0], [math.nan], TIMES), r"energy\[0\] = nan must be finite"),
    "eigenvalue < 0": (([-1.0], [1.0], TIMES), "eigenvalues hold -1.0 and must all be >= 0"),
    "times fall": (([1.0], [1.0], [0, 2, 1]), r"times\[1\], times\[2\] = 2.0, 1.0 must increase"),
    "time repeated": (([1.0], [1.0], [1, 1]), r"times\[0\], times\[1\] = 1.0, 1.0 must increase"),
    "time < 0": (([1.0], [1.0], [-1, 1]), r"times\[0\] = .*-1.0.* must be finite and >= 0"),
    "time inf": (([1.0], [1.0], [0, math.inf]), r"times\[1\] = inf must be finite"),
    "no time": (([1.0], [1.0], []), "times has 0 entries"),
}


@pytest.mark.parametrize(("arguments", "message"), BAD_MODES.values(), ids=BAD_MODES)
def test_bad_modes_are_refused_in_one_line(arguments, message):
    with pytest.raises(ValueError, match=message) as refusal:
        characteristics(DRIFTS["power law"], *arguments)
    assert "\n" not in str(refusal.value)


BAD_FRONTIERS = {
    "up": (
        PowerLawDrift([0, 1], [0.3], 2.0),
        1.0,
        r"exponent = 2.0, rates = \[0.3\] must be 1, or > 1 with rates <= 0",
    ),
    "mixed": (PowerLawDrift([0, 1, 2], [-1, 1], 1.5), 1.0, "must be 1, or > 1 with rates <= 0"),
    "below one": (PowerLawDrift([0, 1], [-0.3], 0.5), 1.0, "exponent = 0.5"),
    "time 0": (PowerLawDrift([0, 1], [-0.3], 2.0), [1.0, 0.0], r"time\[1\] = 0.0 must be > 0"),
    "beyond doubles": (PowerLawDrift([0, 900], [1.0], 1.0), 800.0, r"growth since time 0\[0\] = inf, .*finite|= inf"),
}


@pytest.mark.parametrize(("drift", "time", "message"), BAD_FRONTIERS.values(), ids=BAD_FRONTIERS)
def test_frontiers_without_a_closed_form_are_refused_in_one_line(drift, time, message):
    with pytest.raises(ValueError, match=message) as refusal:
        frontier(drift, time)
    assert "\n" not in str(refusal.value)
