"""Drift laws against closed forms, a general integrator, limits, and the symmetries of lam' = v(lam, t)."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp

from scalinglaws.shells.drift_laws import GriddedDrift, PowerLawDrift, image_of_infinity

EXPONENTS = [0.5, 1.0, 1.5, 2.0, 3.0]
# Between the special values, and where the drift does not vanish at 0.
MORE_EXPONENTS = [-0.5, 0.0, 1.2, 2.5]
LAM = np.geomspace(0.1, 0.9, 9)
FOREVER = [0.0, math.inf]


def constant(rate, exponent):
    """v = rate * lam^exponent from time 0 on."""
    return PowerLawDrift(FOREVER, [rate], exponent)


def three_windows(exponent, scale=1.0):
    """Windows that meet and change sign, inside a drift-free time before and after."""
    return PowerLawDrift([0.3, 0.8, 1.1, 2.0], np.array([0.25, -0.4, 0.15]) * scale, exponent)


def gridded(seed=0, n_points=7, n_windows=3):
    """Random values of both signs on an uneven grid: modes pass nodes, approach zeros of v, and leave the grid."""
    rng = np.random.default_rng(seed)
    grid = np.exp(np.sort(rng.uniform(-3, 1, n_points)))
    edges = np.cumsum(rng.uniform(0.3, 0.55, n_windows + 1))
    return GriddedDrift(edges, grid, rng.uniform(-2, 2, (n_windows, n_points)))


DRIFTS = {f"exponent {b}": three_windows(b) for b in EXPONENTS + MORE_EXPONENTS}
DRIFTS |= {f"gridded {seed}": gridded(seed) for seed in range(4)} | {"gridded, two points": gridded(5, n_points=2)}


# --- closed forms ---------------------------------------------------------------------------------------------------

CLOSED_FORMS = {
    0.5: (
        lambda lam, c, t: (np.sqrt(lam) + c * t / 2) ** 2,
        lambda lam, c, t: ((np.sqrt(lam) + c * t / 2) ** 3 - lam**1.5) / (1.5 * c),
    ),
    1.0: (lambda lam, c, t: lam * np.exp(c * t), lambda lam, c, t: lam * (np.exp(c * t) - 1) / c),
    1.5: (
        lambda lam, c, t: (lam**-0.5 - c * t / 2) ** -2,
        lambda lam, c, t: 2 * (1 / (lam**-0.5 - c * t / 2) - np.sqrt(lam)) / c,
    ),
    2.0: (lambda lam, c, t: lam / (1 - c * lam * t), lambda lam, c, t: -np.log(1 - c * lam * t) / c),
    3.0: (
        lambda lam, c, t: (lam**-2 - 2 * c * t) ** -0.5,
        lambda lam, c, t: (1 / lam - np.sqrt(lam**-2 - 2 * c * t)) / c,
    ),
}


@pytest.mark.parametrize("rate", [0.3, -0.3])
@pytest.mark.parametrize("exponent", EXPONENTS)
@pytest.mark.parametrize("start", [0.0, 0.4])
def test_constant_power_laws_have_their_closed_forms(exponent, rate, start):
    after, exposure = constant(rate, exponent).advance(LAM, start, start + 1.7)
    expected = [form(LAM, rate, 1.7) for form in CLOSED_FORMS[exponent]]
    # The textbook forms of the exposure are differences of numbers up to 30 times as large.
    np.testing.assert_allclose(after, expected[0], rtol=1e-13)
    np.testing.assert_allclose(exposure, expected[1], rtol=1e-12)


@pytest.mark.parametrize("exponent", EXPONENTS + MORE_EXPONENTS)
@pytest.mark.parametrize("rate", [0.0, 1e-300, 1e-18, -1e-18])
def test_the_limit_without_drift_loses_no_digits(exponent, rate):
    after, exposure = constant(rate, exponent).advance(LAM, 0.5, 3.0)
    np.testing.assert_allclose(after, LAM, rtol=1e-15)
    np.testing.assert_allclose(exposure, 2.5 * LAM, rtol=1e-15)


@pytest.mark.parametrize("rate", [1e-6, -1e-6, 1e-10, -1e-10])
@pytest.mark.parametrize("exponent", EXPONENTS + MORE_EXPONENTS)
def test_weak_drifts_follow_the_expansion_to_second_order(exponent, rate):
    """lam + v t and lam t + v t^2 / 2, the rest being of order (c t lam^(b-1))^2 <= 1e-10."""
    velocity = rate * LAM**exponent
    after, exposure = constant(rate, exponent).advance(LAM, 0.0, 2.0)
    second = 8 * rate**2 * LAM ** (2 * exponent - 2) + 1e-15
    assert (np.abs(after / LAM - 1 - 2 * velocity / LAM) <= second).all()
    assert (np.abs(exposure / LAM - 2 - 2 * velocity / LAM) <= second).all()


@pytest.mark.parametrize("exponent", [1.0, 2.0])
@pytest.mark.parametrize("rate", [0.5, -0.5])
@pytest.mark.parametrize("shift", [1e-15, -1e-15, 1e-9, -1e-9])
def test_exponents_one_and_two_are_not_special(exponent, rate, shift):
    here, there = (constant(rate, b).advance(LAM, 0.0, 1.5) for b in (exponent, exponent + shift))
    # d ln lam / db = int c lam^(b-1) ln lam dt: at most about 3 here.
    np.testing.assert_allclose(there, here, rtol=1e-14 + 5 * abs(shift))


# --- reaching zero and infinity -------------------------------------------------------------------------------------


@pytest.mark.parametrize("exponent", [-0.5, 0.0, 0.5, 0.9])
def test_below_exponent_one_modes_reach_zero_and_stay_there(exponent):
    arrival = LAM ** (1 - exponent) / (1 - exponent) / 0.3
    for lam, moment in zip(LAM, arrival, strict=True):
        drift = PowerLawDrift([0, 2 * moment, math.inf], [-0.3, 0.7], exponent)
        assert drift.advance(lam, 0, 0.999 * moment)[0] > 0
        after, exposure = drift.advance(lam, 0, 5 * moment)
        assert after == 0
        assert exposure == pytest.approx(lam ** (2 - exponent) / ((2 - exponent) * 0.3), rel=1e-13)


@pytest.mark.parametrize("exponent", [1.2, 1.5, 2.0, 2.5, 3.0])
def test_above_exponent_one_modes_reach_infinity_in_finite_time(exponent):
    arrival = LAM ** (1 - exponent) / (exponent - 1) / 0.3
    for lam, moment in zip(LAM, arrival, strict=True):
        assert math.isfinite(constant(0.3, exponent).advance(lam, 0, 0.999 * moment)[0])
        assert constant(0.3, exponent).advance(lam, 0, 1.001 * moment) == (math.inf, math.inf)


@pytest.mark.parametrize("missing", [1e-3, 1e-6, 1e-9])
def test_exposure_on_the_way_to_infinity_is_finite_only_above_exponent_two(missing):
    """With the share s = `missing` of the time to go X grows as 1/s for b = 1.5, as ln(1/s) for b = 2."""

    def exposure(exponent, rate=0.3, lam=0.7):
        arrival = lam ** (1 - exponent) / (exponent - 1) / rate
        return constant(rate, exponent).advance(lam, 0, (1 - missing) * arrival)[1]

    # 1 - missing is rounded to 1e-16, which shows as 1e-16 / missing.
    tolerance = 1e-13 + 1e-15 / missing
    assert exposure(2.0) == pytest.approx(math.log(1 / missing) / 0.3, rel=tolerance)
    assert exposure(1.5) == pytest.approx(2 * math.sqrt(0.7) / 0.3 * (1 / missing - 1), rel=tolerance)
    assert exposure(3.0) == pytest.approx((1 - math.sqrt(missing)) / (0.7 * 0.3), rel=tolerance)


@pytest.mark.parametrize("exponent", [1.2, 1.5, 2.0, 2.5, 3.0])
def test_infinity_is_the_limit_of_large_eigenvalues(exponent):
    drift = three_windows(exponent, scale=-1.0)
    # lam^(1-b) = tau (b-1) + lam0^(1-b): the start is forgotten to double precision.
    large = 10.0 ** (17 / (exponent - 1))
    after, exposure = drift.advance([large, math.inf], 0.3, 0.7)
    assert after[1] == pytest.approx(after[0], rel=1e-13)
    assert after[1] == pytest.approx((0.1 * (exponent - 1)) ** (-1 / (exponent - 1)), rel=1e-13)
    if exponent <= 2:
        assert exposure[1] == math.inf
    else:
        # The integral of ((b-1)|c|t)^(-1/(b-1)); a finite start misses the share (lam/lam0)^(b-2) of it.
        assert exposure[1] == pytest.approx(after[1] * 0.4 * (exponent - 1) / (exponent - 2), rel=1e-13)
        assert exposure[1] == pytest.approx(exposure[0], rel=1.01 * (after[1] / large) ** (exponent - 2))


@pytest.mark.parametrize("drift", DRIFTS.values(), ids=DRIFTS)
def test_zero_and_infinity_stay_without_drift_and_without_time(drift):
    np.testing.assert_array_equal(drift.advance([0.0, math.inf], 9.0, 10.0), [[0, math.inf], [0, math.inf]])
    np.testing.assert_array_equal(drift.advance([0.0, 2.0, math.inf], 1.0, 1.0), [[0, 2, math.inf], [0, 0, 0]])


def test_numbers_beyond_the_doubles_are_infinite_or_zero_and_never_nan():
    grid = GriddedDrift(FOREVER, [1, 2], [[1.0, 1.0]])
    for drift in (constant(1.0, 1.0), grid):
        assert tuple(drift.advance(2.0, 0, 800)) == (math.inf, math.inf)
    after, exposure = constant(-1.0, 1.0).advance(2.0, 0, 800)
    assert (after, exposure) == (0, pytest.approx(2, rel=1e-15))


def test_image_of_infinity_broadcasts_and_starts_at_infinity():
    np.testing.assert_allclose(image_of_infinity(1.5, [[0.0, 1.0], [2.0, 4.0]]), [[math.inf, 4], [1, 0.25]], rtol=1e-15)


# --- brute force and symmetries -------------------------------------------------------------------------------------


def brute_force(drift, lam, start, stop):
    """y' = v/lam, X' = lam by a general integrator between the edges of windows."""
    state = np.array([math.log(lam), 0.0])
    cuts = [start, *(edge for edge in drift.time_edges if start < edge < stop), stop]
    for begin, end in pairwise(cuts):
        middle = (begin + end) / 2

        def slope(_, state, middle=middle):
            lam = np.exp(state[0])
            return [drift.velocity(lam, middle) / lam, lam]

        state = solve_ivp(slope, (begin, end), state, "DOP853", rtol=1e-11, atol=1e-12, max_step=0.01).y[:, -1]
    return math.exp(state[0]), state[1]


@pytest.mark.parametrize("drift", DRIFTS.values(), ids=DRIFTS)
@pytest.mark.parametrize("span", [(0.0, 2.3), (0.45, 1.0)])
def test_advance_agrees_with_a_general_integrator(drift, span):
    lam = np.array([0.15, 0.5, 1.1])
    expected = np.array([brute_force(drift, one, *span) for one in lam]).T
    # At the kinks of gridded laws any such integrator errs by step^2 / 8 times the change of slope, of up to 10 here.
    tolerance = 1e-9 if isinstance(drift, PowerLawDrift) else 1e-4
    np.testing.assert_allclose(drift.advance(lam, *span), expected, rtol=tolerance)


@pytest.mark.parametrize("drift", DRIFTS.values(), ids=DRIFTS)
def test_two_parts_of_the_way_make_the_whole(drift):
    lam = np.geomspace(0.1, 1.2, 11)
    rng = np.random.default_rng(4)
    whole = drift.advance(lam, 0.1, 2.4)
    for middle in (0.8, *rng.uniform(0.1, 2.4, 5)):
        half, first = drift.advance(lam, 0.1, middle)
        after, second = drift.advance(half, middle, 2.4)
        np.testing.assert_allclose([after, first + second], whole, rtol=1e-12)


@pytest.mark.parametrize("scale", [0.125, 3.0, 40.0])
@pytest.mark.parametrize("drift", DRIFTS.values(), ids=DRIFTS)
def test_faster_time_and_larger_eigenvalues_are_one_symmetry(drift, scale):
    """mu = s lam, t' = t/s: d mu/dt' = s^2 c lam^b = c s^(2-b) mu^b, v/lam grows by s, and int lam dt is the same."""
    edges = drift.time_edges / scale
    if isinstance(drift, PowerLawDrift):
        scaled = PowerLawDrift(edges, drift.rates * scale ** (2 - drift.exponent), drift.exponent)
    else:
        scaled = GriddedDrift(edges, drift.eigenvalue_grid * scale, drift.relative_velocity * scale)
    lam = np.geomspace(0.1, 1.2, 11)
    after, exposure = drift.advance(lam, 0.1, 2.4)
    np.testing.assert_allclose(scaled.advance(lam * scale, 0.1 / scale, 2.4 / scale), [after * scale, exposure], 1e-12)


@pytest.mark.parametrize("drift", DRIFTS.values(), ids=DRIFTS)
def test_time_reversed_drift_brings_modes_back(drift):
    end = 2.4
    edges = end - drift.time_edges[::-1]
    if isinstance(drift, PowerLawDrift):
        back = PowerLawDrift(edges, -drift.rates[::-1], drift.exponent)
    else:
        back = GriddedDrift(edges, drift.eigenvalue_grid, -drift.relative_velocity[::-1])
    lam = np.geomspace(0.1, 1.2, 11)
    there, exposure = drift.advance(lam, 0.0, end)
    returned, again = back.advance(there, 0.0, end)
    # A drift that pushes modes together by e^3 or so loses as much when it is undone.
    np.testing.assert_allclose([returned, again], [lam, exposure], rtol=1e-11)


@pytest.mark.parametrize("drift", DRIFTS.values(), ids=DRIFTS)
def test_modes_keep_their_order_and_shape(drift):
    lam = np.geomspace(0.01, 1.3, 60)
    after, exposure = drift.advance(lam.reshape(3, 20), 0.0, 3.0)
    assert after.shape == exposure.shape == (3, 20)
    assert (np.diff(after.ravel()) > 0).all()
    assert (np.diff(exposure.ravel()) > 0).all()
    assert np.shape(drift.advance(0.2, 0.0, 3.0)) == (2,)
    alone = drift.advance(lam[7], 0.0, 3.0)
    np.testing.assert_allclose(alone, [after.ravel()[7], exposure.ravel()[7]], rtol=1e-14)


@pytest.mark.parametrize("drift", DRIFTS.values(), ids=DRIFTS)
def test_velocity_holds_in_its_window_and_vanishes_outside(drift):
    edges, lam = drift.time_edges, np.array([0.3, 0.7])
    values = np.array([drift.velocity(lam, edge) for edge in edges])
    np.testing.assert_array_equal(values[-1], 0)
    np.testing.assert_array_equal(drift.velocity(lam, edges[0] - 1e-9), 0)
    np.testing.assert_array_equal(values[:-1], [drift.velocity(lam, m) for m in (edges[1:] + edges[:-1]) / 2])
    assert len(np.unique(values[:-1, 0])) == edges.size - 1


def test_pieces_end_at_the_edges_of_windows():
    drift = three_windows(1.0)
    assert drift.pieces(0.3, 0.3) == []
    np.testing.assert_allclose(drift.pieces(0.8, 1.0), [(0.9, 0.2)])
    np.testing.assert_allclose(drift.pieces(0, 1.5), [(0.15, 0.3), (0.55, 0.5), (0.95, 0.3), (1.3, 0.4)])


# --- gridded laws ---------------------------------------------------------------------------------------------------


def sampled(drift, n_points):
    grid = np.geomspace(0.02, 5, n_points)
    return GriddedDrift(drift.time_edges, grid, drift.rates[:, None] * grid ** (drift.exponent - 1))


def test_a_gridded_law_of_exponent_one_is_exact():
    drift = three_windows(1.0)
    np.testing.assert_allclose(sampled(drift, 9).advance(LAM, 0, 3), drift.advance(LAM, 0, 3), rtol=1e-14)


@pytest.mark.parametrize("exponent", [0.5, 1.5, 2.0, 3.0])
def test_gridded_power_laws_err_at_second_order_in_the_spacing(exponent):
    drift = three_windows(exponent)
    exact = np.array(drift.advance(LAM, 0, 3))
    errors = [np.abs(np.array(sampled(drift, n).advance(LAM, 0, 3)) / exact - 1).mean() for n in (101, 201, 401)]
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    assert errors[0] < 1e-3
    np.testing.assert_allclose(orders, 2, atol=0.3)


@pytest.mark.parametrize("slope", [-2.0, 2.0])
@pytest.mark.parametrize("time", [0.1, 1.0, 9.0])
def test_modes_approach_and_leave_a_zero_of_the_drift_exponentially(slope, time):
    """v/lam = slope * ln(lam): ln lam = ln lam0 e^(slope t), until it leaves the grid (at +-20, far from here)."""
    drift = GriddedDrift(FOREVER, np.exp([-20.0, 20.0]), [[-20 * slope, 20 * slope]])
    lam = np.exp(np.array([-1.0, -1e-8, 0.0, 1e-8, 1.0]) * np.exp(-max(slope, 0) * time))
    after, exposure = drift.advance(lam, 0, time)
    expected = [quad(lambda t, y=y: math.exp(y * math.exp(slope * t)), 0, time, epsabs=0)[0] for y in np.log(lam)]
    # Rounding of ln lam next to 0 grows with e^(slope t).
    rounding = 1e-14 * math.exp(max(slope, 0) * time)
    np.testing.assert_allclose(np.log(after), np.log(lam) * math.exp(slope * time), rtol=1e-13, atol=rounding)
    np.testing.assert_allclose(exposure, expected, rtol=1e-13 + rounding)


@pytest.mark.parametrize("gap", [1e-3, 1e-6, 1e-12])
def test_a_steep_zero_between_close_points_holds_modes_for_any_time(gap):
    """v/lam falls from 1 to -1 within `gap` of 1, so modes come from both sides and stay; its mirror expels them."""
    grid = np.array([0.01, np.exp(-gap), np.exp(gap), 100.0])
    lam, time = np.array([0.5, 1 - gap / 2, 1.0, 1 + gap / 2, 2.0]), 1e6
    after, exposure = GriddedDrift(FOREVER, grid, [[1, 1, -1, -1]]).advance(lam, 0, time)
    np.testing.assert_allclose(after, 1, rtol=0, atol=2e-14)
    # |1 - lam| on the way, which takes |ln lam|, up to the gap and rounding of 1e-13 over the whole time.
    expected = time - np.abs(np.log(lam)) + np.abs(1 - lam)
    np.testing.assert_allclose(exposure, expected, rtol=1e-13, atol=2 * gap)
    expelled, _ = GriddedDrift(FOREVER, grid, [[-1, -1, 1, 1]]).advance(lam[[0, -1]], 0, 3)
    np.testing.assert_allclose(expelled, [0.5 * math.exp(-3), 2 * math.exp(3)], rtol=1e-14)


def test_outside_the_grid_the_relative_velocity_is_that_of_its_ends():
    drift = GriddedDrift(FOREVER, [0.5, 1.0, 2.0], [[-0.7, 0.1, 0.9]])
    lam = np.array([1e-9, 0.4, 0.5, 2.0, 3.0, 1e9])
    for below, rate in ((slice(0, 3), -0.7), (slice(3, 6), 0.9)):
        expected = constant(rate, 1.0).advance(lam[below], 0, 4)
        np.testing.assert_allclose(drift.advance(lam[below], 0, 4), expected, rtol=1e-13)


# --- bad input ------------------------------------------------------------------------------------------------------

BAD_LAWS = {
    "edges fall": (PowerLawDrift, ([0, 2, 1], [1, 1], 1), r"time_edges\[1\], time_edges\[2\] = 2.0, 1.0 must increase"),
    "edges before 0": (PowerLawDrift, ([-1, 2], [1], 1), r"time_edges\[0\] = .*-1.0.* must be finite and >= 0"),
    "one edge": (PowerLawDrift, ([1], [], 1), r"time_edges has shape \(1,\)"),
    "edge nan": (PowerLawDrift, ([0, math.nan], [1], 1), r"time_edges\[0\], time_edges\[1\] = 0.0, nan must increase"),
    "too many rates": (PowerLawDrift, ([0, 1], [1, 2], 1), "rates has 2 entries and must have 1, one a window"),
    "rate inf": (PowerLawDrift, ([0, 1], [math.inf], 1), r"rates\[0\] = inf must be finite"),
    "exponent nan": (PowerLawDrift, ([0, 1], [1], math.nan), r"exponent.* = nan must be finite"),
    "exponents": (PowerLawDrift, ([0, 1], [1], [1, 2]), r"exponent has shape \(2,\) and must have 0 dim"),
    "gridded edges": (GriddedDrift, ([0, 0], [1, 2], [[1, 1]]), r"time_edges\[0\], time_edges\[1\]"),
    "grid falls": (GriddedDrift, ([0, 1], [2, 1], [[1, 1]]), r"eigenvalue_grid\[0\], .* must increase"),
    "grid at 0": (GriddedDrift, ([0, 1], [0, 1], [[1, 1]]), r"eigenvalue_grid\[0\] = 0.0 must be > 0"),
    "grid of one": (GriddedDrift, ([0, 1], [1], [[1]]), r"eigenvalue_grid has shape \(1,\)"),
    "values short": (
        GriddedDrift,
        ([0, 1], [1, 2], [[1]]),
        r"relative_velocity has shape \(1, 1\) and must have \(1, 2\)",
    ),
    "values nan": (GriddedDrift, ([0, 1], [1, 2], [[1, math.nan]]), r"relative_velocity\[0, 1\] = nan must be finite"),
}


@pytest.mark.parametrize(("law", "arguments", "message"), BAD_LAWS.values(), ids=BAD_LAWS)
def test_bad_laws_are_refused_in_one_line(law, arguments, message):
    with pytest.raises(ValueError, match=message) as refusal:
        law(*arguments)
    assert "\n" not in str(refusal.value)


BAD_WAYS = {
    "negative eigenvalue": (([0.1, -1e-9], 0, 1), "eigenvalues hold -1e-09 and must all be >= 0"),
    "nan eigenvalue": (([math.nan], 0, 1), "eigenvalues hold nan and must all be >= 0"),
    "start before 0": (([1.0], -1, 1), "start = -1 must be finite and >= 0"),
    "stop before start": (([1.0], 2, 1), r"stop = 1 must be finite and >= 2.0"),
    "stop inf": (([1.0], 0, math.inf), "stop = inf must be finite"),
}


@pytest.mark.parametrize("drift", [three_windows(1.5), gridded()], ids=["power law", "gridded"])
@pytest.mark.parametrize(("arguments", "message"), BAD_WAYS.values(), ids=BAD_WAYS)
def test_bad_ways_are_refused_in_one_line(drift, arguments, message):
    with pytest.raises(ValueError, match=message) as refusal:
        drift.advance(*arguments)
    assert "\n" not in str(refusal.value)


def test_a_power_beyond_the_doubles_is_refused():
    with pytest.raises(ValueError, match=r"eigenvalues\^\(exponent - 1\)\[1\] = .*inf must be finite"):
        constant(0.1, 3.0).advance([1.0, 1e200], 0, 1)
