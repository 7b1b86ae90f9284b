"""Power-law fits against exact laws, brute-force twins, symmetries and the coverage of their intervals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from scalinglaws.fits import bootstrap_interval, power_law, seed_interval, steady_window

X = np.geomspace(2.0, 2000.0, 13)


def noisy_curves(seed, n_replicates, *, exponent=-0.7, tilt=0.1, scatter=0.05, x=X):
    """Replicates whose own exponents spread by `tilt` about `exponent`, with independent scatter on top."""
    rng = np.random.default_rng(seed)
    tilts = tilt * rng.standard_normal((n_replicates, 1))
    return np.exp((exponent + tilts) * np.log(x) + scatter * rng.standard_normal((n_replicates, x.size)))


def broken_law(x, breaks, exponents):
    """Continuous curve with the given exponent on every stretch between `breaks`."""
    edges = np.concatenate([[x[0]], breaks, [x[-1]]])
    pieces = zip(edges[:-1], edges[1:], exponents, strict=True)
    return np.exp(sum(exponent * np.log(np.clip(x, low, high)) for low, high, exponent in pieces))


# --- exact laws -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exponent", [-1.5, -0.3, 0.0, 2.0])
@pytest.mark.parametrize("amplitude", [1e-6, 1.0, 40.0])
def test_exact_power_law_is_recovered(exponent, amplitude):
    fit = power_law(X, amplitude * X**exponent)
    assert fit.exponent == pytest.approx(exponent, abs=1e-13)
    assert fit.amplitude == pytest.approx(amplitude, rel=1e-12)
    assert fit.interval == pytest.approx((exponent, exponent), abs=1e-13)
    assert fit.residual_rms < 1e-13
    assert fit.window == (X[0], X[-1])
    assert fit.n_points == X.size
    np.testing.assert_allclose(fit.local_slopes, exponent, atol=1e-12)
    np.testing.assert_allclose(fit.local_x, np.exp((np.log(X[1:]) + np.log(X[:-1])) / 2), rtol=1e-13)


@pytest.mark.parametrize(
    ("window", "exponent", "n_points"),
    [((1, 10), 1.0, 11), ((10, 100), -0.5, 11), ((10, 1000), -0.5, 21), ((9.99, 101), -0.5, 11), ((0, 2), 1.0, 4)],
)
def test_window_selects_its_points_ends_included(window, exponent, n_points):
    x = 10 ** (np.arange(31) / 10)
    fit = power_law(x, broken_law(x, [10.0], [1.0, -0.5]), window=window)
    assert fit.exponent == pytest.approx(exponent, abs=1e-12)
    assert fit.n_points == n_points
    inside = x[(x >= window[0]) & (x <= window[1])]
    assert fit.window == (inside[0], inside[-1])
    np.testing.assert_allclose(fit.local_slopes, [1.0] * 10 + [-0.5] * 20, atol=1e-12)


# --- twins ----------------------------------------------------------------------------------------------------------


def test_line_and_residuals_agree_with_another_least_squares():
    y = noisy_curves(5, 1)[0]
    fit, twin = power_law(X, y), stats.linregress(np.log(X), np.log(y))
    residuals = np.log(y) - twin.intercept - twin.slope * np.log(X)
    assert fit.exponent == pytest.approx(twin.slope, rel=1e-12)
    assert fit.amplitude == pytest.approx(np.exp(twin.intercept), rel=1e-12)
    assert fit.residual_rms == pytest.approx(np.sqrt(np.mean(residuals**2)), rel=1e-10)


def test_replicates_fit_their_geometric_mean():
    curves = noisy_curves(6, 4)
    fit, mean_fit = power_law(X, curves), power_law(X, stats.gmean(curves, axis=0))
    assert fit.exponent == pytest.approx(mean_fit.exponent, rel=1e-12)
    assert fit.amplitude == pytest.approx(mean_fit.amplitude, rel=1e-12)
    assert fit.residual_rms == pytest.approx(mean_fit.residual_rms, rel=1e-9)
    np.testing.assert_allclose(fit.local_slopes, mean_fit.local_slopes, rtol=1e-10)


def test_replicate_interval_agrees_with_refitting_every_resampled_set():
    curves = noisy_curves(7, 10)
    rng = np.random.default_rng(1)
    sets = curves[rng.integers(10, size=(4000, 10))]
    refits = np.polynomial.polynomial.polyfit(np.log(X), np.log(sets).mean(axis=1).T, 1)[1]
    outside = stats.norm.sf(stats.t.ppf(0.95, 9) * np.sqrt(10 / 9))
    low, high = np.quantile(refits, [outside, 1 - outside])
    fit = power_law(X, curves, level=0.9, n_bootstrap=4000)
    # standard error of a quantile of 4000 Gaussian draws, for the difference of two of them
    density = stats.norm.pdf(stats.norm.isf(outside)) / refits.std()
    tolerance = 4 * np.sqrt(2 * outside * (1 - outside) / 4000) / density
    assert fit.interval == pytest.approx((low, high), abs=tolerance)
    assert tolerance < 0.1 * (high - low)


def test_single_curve_interval_agrees_with_the_textbook_one():
    x = np.geomspace(1.0, 100.0, 200)
    y = noisy_curves(8, 1, tilt=0, x=x)[0]
    twin = stats.linregress(np.log(x), np.log(y))
    half_width = stats.t.ppf(0.975, 198) * twin.stderr
    fit = power_law(x, y, n_bootstrap=4000)
    assert fit.interval[0] == pytest.approx(twin.slope - half_width, abs=0.1 * half_width)
    assert fit.interval[1] == pytest.approx(twin.slope + half_width, abs=0.1 * half_width)


@pytest.mark.parametrize("exponents", [[-0.8, -0.5], [-0.8, -0.7, -0.5], [-0.8, -0.7, -0.6, -0.5]])
def test_replicates_that_are_exact_laws_still_spread_the_interval(exponents):
    # resampling points would give an interval of no width here; the level of so few reaches the extreme resamples
    fit = power_law(X, X ** np.array(exponents)[:, None])
    assert fit.residual_rms < 1e-13
    assert fit.exponent == pytest.approx(np.mean(exponents), rel=1e-12)
    assert fit.interval == pytest.approx((-0.8, -0.5), abs=1e-12)


def test_one_replicate_is_one_curve():
    y = noisy_curves(9, 1)
    assert power_law(X, y).interval == power_law(X, y[0]).interval


@pytest.mark.parametrize("n_replicates", [2, 5])
def test_an_interval_over_replicates_takes_several(n_replicates):
    several, alone = (power_law(X, noisy_curves(9, n)) for n in (n_replicates, 1))
    assert (several.n_replicates, alone.n_replicates) == (n_replicates, 1)
    assert several.replicate_interval == several.interval
    assert np.isnan(alone.replicate_interval).all()
    assert np.isfinite(alone.interval).all()


# --- symmetries -----------------------------------------------------------------------------------------------------


@settings(deadline=None, derandomize=True, max_examples=40)
@given(
    x_scale=st.floats(1e-8, 1e8),
    y_scale=st.floats(1e-8, 1e8),
    n_replicates=st.sampled_from([1, 3]),
    first=st.integers(0, 5),
)
def test_scaling_x_and_y_moves_the_amplitude_only(x_scale, y_scale, n_replicates, first):
    curves = noisy_curves(10, n_replicates)
    fit = power_law(X, curves, window=(X[first], X[10]))
    scaled = power_law(x_scale * X, y_scale * curves, window=(x_scale * X[first], x_scale * X[10]))
    assert scaled.exponent == pytest.approx(fit.exponent, abs=1e-11)
    assert scaled.interval == pytest.approx(fit.interval, abs=1e-11)
    assert scaled.amplitude == pytest.approx(fit.amplitude * y_scale * x_scale**-fit.exponent, rel=1e-10)
    assert scaled.window == pytest.approx(tuple(x_scale * np.array(fit.window)), rel=1e-14)
    assert scaled.residual_rms == pytest.approx(fit.residual_rms, abs=1e-11)


def test_inverting_y_turns_the_exponent_round():
    curves = noisy_curves(11, 5)
    fit, inverse = power_law(X, curves), power_law(X, 1 / curves)
    assert inverse.exponent == pytest.approx(-fit.exponent, rel=1e-12)
    assert inverse.interval == pytest.approx((-fit.interval[1], -fit.interval[0]), rel=1e-10)


def test_order_of_replicates_does_not_move_the_fit():
    curves = noisy_curves(12, 5)
    assert power_law(X, curves[::-1]).exponent == pytest.approx(power_law(X, curves).exponent, rel=1e-13)


def test_generator_decides_the_interval():
    curves = noisy_curves(13, 5)
    default = power_law(X, curves).interval
    assert power_law(X, curves).interval == default
    assert power_law(X, curves, rng=np.random.default_rng(0)).interval == default
    assert power_law(X, curves, rng=np.random.default_rng(1)).interval != default


@pytest.mark.parametrize("n_replicates", [1, 8])
def test_higher_level_contains_the_lower(n_replicates):
    curves = noisy_curves(14, n_replicates)
    inner, outer = (power_law(X, curves, level=level).interval for level in (0.5, 0.9))
    assert outer[0] < inner[0] < inner[1] < outer[1]


# --- values that are not positive -----------------------------------------------------------------------------------


def test_values_below_zero_outside_the_window_only_blank_their_local_slopes():
    curves = noisy_curves(15, 3)
    clean = power_law(X, curves, window=(X[0], X[8]))
    curves[1, 10] = -1e-3
    fit = power_law(X, curves, window=(X[0], X[8]))
    assert fit.exponent == clean.exponent
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(fit.local_slopes)), [9, 10])


# --- coverage -------------------------------------------------------------------------------------------------------


def binomial_tolerance(level, n_draws):
    return 4 * np.sqrt(level * (1 - level) / n_draws)


@pytest.mark.parametrize(("n_samples", "level"), [(5, 0.8), (10, 0.8), (10, 0.95), (20, 0.95)])
def test_bootstrap_interval_of_a_mean_covers_at_its_level(n_samples, level):
    # without the expansion they cover 0.68, 0.73, 0.89 and 0.92; with Student's t alone the first covers 0.76
    n_draws, rng = 3000, np.random.default_rng(16)
    samples = 3.0 + rng.standard_normal((n_samples, n_draws))
    low, high = bootstrap_interval(rng, samples, level=level, n_bootstrap=400)
    assert np.mean((low <= 3) & (high >= 3)) == pytest.approx(level, abs=binomial_tolerance(level, n_draws))


@pytest.mark.parametrize(("n_replicates", "tilt", "n_points"), [(12, 0.1, 12), (1, 0.0, 8)])
def test_power_law_interval_covers_at_its_level(n_replicates, tilt, n_points):
    # replicates with a tilt of their own: resampling points would cover far less
    n_draws, level, hits = 1500, 0.8, 0
    x, rng = np.geomspace(3.0, 300.0, n_points), np.random.default_rng(17)
    for draw in range(n_draws):
        low, high = power_law(x, noisy_curves(draw, n_replicates, tilt=tilt, x=x), level=level, rng=rng).interval
        hits += low <= -0.7 <= high
    assert hits / n_draws == pytest.approx(level, abs=binomial_tolerance(level, n_draws))


# --- bootstrap_interval ---------------------------------------------------------------------------------------------


def test_bootstrap_interval_keeps_the_trailing_shape_and_treats_columns_alike():
    samples = np.random.default_rng(18).standard_normal((6, 2, 3))
    low, high = bootstrap_interval(np.random.default_rng(2), samples, np.median)
    one_low, one_high = bootstrap_interval(np.random.default_rng(2), samples[:, 1, 2], np.median)
    assert low.shape == high.shape == (2, 3)
    assert (low < high).all()
    assert (one_low, one_high) == (low[1, 2], high[1, 2])


def test_bootstrap_interval_uses_the_statistic_it_is_given():
    samples = np.array([0.0, 0.1, 0.2, 0.3, 100.0])
    _, mean_high = bootstrap_interval(np.random.default_rng(3), samples, level=0.5)
    _, median_high = bootstrap_interval(np.random.default_rng(3), samples, np.median, level=0.5)
    assert median_high < 1 < mean_high


def test_bootstrap_interval_of_equal_samples_has_no_width():
    assert bootstrap_interval(np.random.default_rng(4), [2.5, 2.5, 2.5]) == (2.5, 2.5)


# --- steady_window --------------------------------------------------------------------------------------------------

GRID = 10 ** (np.arange(41) / 10)


@pytest.mark.parametrize(
    ("breaks", "exponents", "window"),
    [
        ([], [-0.5], (0, 40)),
        ([10.0], [-0.2, -1.0], (10, 40)),
        ([1000.0], [-0.2, -1.0], (0, 30)),
        ([10.0, 1000.0], [0.5, -1.0, -0.3], (10, 30)),
        ([100.0], [-1.0, -1.05], (0, 40)),
    ],
)
@pytest.mark.parametrize("scale", [1.0, 1e-5, 300.0])
def test_steady_window_is_the_widest_straight_stretch(breaks, exponents, window, scale):
    y = broken_law(GRID, breaks, exponents)
    tolerance = 0.03
    assert steady_window(scale * GRID, y, tolerance=tolerance) == tuple(scale * GRID[list(window)])


@pytest.mark.parametrize(
    ("corner", "tolerance", "decades"),
    [(100.0, 0.049, 2), (100.0, 0.051, 4), (10.0, 0.08, 3.5), (10.0, 0.086, 4)],
)
def test_slopes_are_compared_with_the_exponent_of_their_own_window(corner, tolerance, decades):
    # Least squares weighs the slope of interval i of m by i (m + 1 - i): the 10 of exponent -1 have the share
    # 0.163 in all 40, whose exponent is thus 0.084 from -1 (their mean 0.075), and 0.205 in the first 35.
    low, high = steady_window(GRID, broken_law(GRID, [corner], [-1.0, -1.1]), tolerance=tolerance)
    assert np.log10(high / low) == pytest.approx(decades)


def test_three_points_are_a_window():
    assert steady_window(GRID[:3], GRID[:3] ** 2, minimum_decades=0.2) == (GRID[0], GRID[2])


@pytest.mark.parametrize("scale", [1.0, 3.0, 7e-5, 1.1e6])
def test_equally_wide_windows_are_told_apart_by_their_deviation(scale):
    wiggle = 1 + 1e-3 * (-1.0) ** np.arange(GRID.size) * (GRID <= 100)
    x, y = scale * GRID, broken_law(GRID, [100.0], [1.0, -1.0])
    assert steady_window(x, y * wiggle, tolerance=0.04) == (x[20], x[40])
    assert steady_window(x, y * wiggle[::-1], tolerance=0.04) == (x[0], x[20])


@pytest.mark.parametrize("scale", [1.0, 3.0, 7e-5, 1.1e6])
def test_minimum_width_includes_its_end(scale):
    x, y = scale * GRID, broken_law(GRID, [10.0, 10**1.5, 10**2.5], [1.0, 2.0, 4.0, 7.0])
    assert steady_window(x, y, minimum_decades=1.5) == (x[25], x[40])
    with pytest.raises(ValueError, match=r"minimum_decades = 1\.51 .* tolerance = 0\.1 .* spans 1\.5 decades"):
        steady_window(x, y, minimum_decades=1.51)


def test_steady_window_of_replicates_is_that_of_their_mean_log_curve():
    bend = np.minimum(GRID / GRID[15], 1) ** 0.4
    assert steady_window(GRID, GRID**-1.0 * np.array([bend, 1 / bend])) == (GRID[0], GRID[-1])
    assert steady_window(GRID, GRID**-1.0 * np.array([bend, bend])) == (GRID[15], GRID[40])


def test_steady_window_passes_over_values_below_zero():
    y = GRID**-1.0
    y[15] = -1
    assert steady_window(GRID, y) == (GRID[16], GRID[40])


# --- bad input ------------------------------------------------------------------------------------------------------

Y = X**-0.5


@pytest.mark.parametrize(
    ("x", "y", "options", "message"),
    [
        (X[::-1], Y, {}, r"x\[0\], x\[1\] = .* must increase"),
        ([1.0, 2, 2, 3], Y[:4], {}, r"x\[1\], x\[2\] = 2\.0, 2\.0 must increase"),
        ([0.0, 1, 2], Y[:3], {}, r"x\[0\] = 0\.0 must be > 0"),
        (1e15 + np.arange(3) / 8, Y[:3], {}, r"log\(x\)\[0\], log\(x\)\[1\] = .* must increase"),
        ([X], Y, {}, r"x has shape \(1, 13\) and must have 1 dimension"),
        (X, Y[:-1], {}, r"y has shape \(12,\) and must have shape \(13,\) or \(n_replicates, 13\)"),
        (X, np.ones((13, 2)), {}, r"y has shape \(13, 2\) and must have shape"),
        (X, np.ones((2, 2, 13)), {}, r"y has shape \(2, 2, 13\) and must have shape"),
        (X, np.where(X > 50, np.nan, Y), {}, r"y\[\d+\] = nan must be finite"),
        (X, np.where(X > 1500, 0.0, Y), {}, r"y within the window\[0, 12\] = 0\.0 must be > 0"),
        (X[:2], Y[:2], {}, r"window = \(2\.0, .*\) holds 2 points of x and must hold at least 3"),
        (X, Y, {"window": (2.0, 5)}, r"window = \(2\.0, 5\) holds 2 points of x and must hold at least 3"),
        (X, Y, {"window": (5e3, 1e4)}, r"window = \(5000\.0, 10000\.0\) holds 0 points"),
        (X, Y, {"window": (50, 5)}, r"window = \(50, 5\) must have low < high"),
        (X, Y, {"window": (1, np.nan)}, r"window = \(1, nan\) must have low < high"),
        (X, Y, {"level": 1.0}, r"level = 1\.0 must lie strictly between 0 and 1"),
        (X, Y, {"n_bootstrap": 1}, r"n_bootstrap = 1 must be an integer >= 2"),
    ],
)
def test_power_law_names_bad_input(x, y, options, message):
    with pytest.raises(ValueError, match=message):
        power_law(x, y, **options)


@pytest.mark.parametrize(
    ("x", "y", "options", "message"),
    [
        (X, Y, {"tolerance": 0.0}, r"tolerance = 0\.0 must be finite and > 0"),
        (X, Y, {"minimum_decades": -1}, r"minimum_decades = -1 must be finite and >= 0"),
        (X, Y, {"minimum_decades": 3.5}, r"minimum_decades = 3\.5 .* spans 3 decades"),
        (X, np.exp(-X / 10), {"tolerance": 1e-3, "minimum_decades": 0}, r"widest that has spans 0 decades"),
        (X[:2], Y[:2], {"minimum_decades": 0}, r"widest that has spans 0 decades"),
        (X[::-1], Y, {}, r"x\[0\], x\[1\] = .* must increase"),
    ],
)
def test_steady_window_names_bad_input(x, y, options, message):
    with pytest.raises(ValueError, match=message):
        steady_window(x, y, **options)


@pytest.mark.parametrize(
    ("samples", "options", "message"),
    [
        ([1.0], {}, r"samples has shape \(1,\) and must have at least 2 entries along axis 0"),
        (1.0, {}, r"samples has shape \(\) and must have at least 2 entries along axis 0"),
        ([1.0, np.inf], {}, r"samples\[1\] = inf must be finite"),
        ([1.0, 2.0], {"level": 0.0}, r"level = 0\.0 must lie strictly between 0 and 1"),
        ([1.0, 2.0], {"n_bootstrap": 0}, r"n_bootstrap = 0 must be an integer >= 2"),
    ],
)
def test_bootstrap_interval_names_bad_input(samples, options, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_interval(np.random.default_rng(0), samples, **options)


@pytest.mark.parametrize("statistic", [np.mean, np.median])
def test_seed_interval_is_the_bootstrap_from_one_seed_and_missing_for_a_single_sample(statistic):
    samples = np.random.default_rng(3).standard_normal((5, 2))
    again = bootstrap_interval(np.random.default_rng(0), samples, statistic)
    np.testing.assert_array_equal(seed_interval(samples, statistic), again)
    assert np.isnan(seed_interval(samples[:1], statistic)).all()
    assert np.shape(seed_interval(samples[:1], statistic)) == (2, 2)
    assert np.shape(seed_interval([1.0], statistic)) == (2,)
