"""Power-law fits and intervals over wide ranges: exact laws, units, coverage, tails, and nonsense that is refused."""

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st
from random_kernels import property_tests
from random_problems import decades, or_refused

from scalinglaws.fits import bootstrap_interval, power_law, seed_interval, steady_window
from scalinglaws.shallow import power_law_tail

# Draws of each property, some seconds of all of them and half a minute; curves of which the coverage is counted.
SHORT, LONG = 40, 300
CURVES, LEVEL, EXPONENT = 400, 0.8, -0.7
SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def grids(draw):
    """x over 1 to 30 decades, anywhere within 30 of them, evenly in its logarithm or not."""
    size, span = draw(st.integers(3, 40)), draw(st.floats(1, 30))
    inside = np.sort(np.random.default_rng(draw(SEEDS)).uniform(0, 1, size - 2))
    inside = np.linspace(0, 1, size)[1:-1] if draw(st.booleans()) else inside
    assume((np.diff(inside) > 1e-6).all())
    return 10 ** (draw(st.floats(-30, 0)) + span * np.concatenate([[0.0], inside, [1.0]]))


def curves_about(rng, x, exponent, count):
    """Curves (count, n) with scatter of some tenths about a power law of amplitude 1."""
    return x**exponent * np.exp(0.3 * rng.standard_normal((count, x.size)))


# --- fits -----------------------------------------------------------------------------------------------------------


def exact_laws(drawn):
    """Exponent, interval and local slopes to 1e-10 of it; with a spacing of 1e-6 decades slopes lose six digits."""
    x, exponent, amplitude = drawn
    fit = power_law(x, amplitude * x**exponent)
    for value in (fit.exponent, *fit.interval):
        assert value == pytest.approx(exponent, abs=1e-10)
    assert fit.amplitude == pytest.approx(amplitude, rel=1e-9)
    np.testing.assert_allclose(fit.local_slopes, exponent, atol=1e-6)
    assert steady_window(x, amplitude * x**exponent, tolerance=1e-5) == (x[0], x[-1])


def units_and_powers(drawn):
    """x and y in other units move the amplitude alone; y times x^p moves exponent, interval and slopes by p."""
    x, seed, count, x_unit, y_unit, power = drawn
    curves = curves_about(np.random.default_rng(seed), x, EXPONENT, count)
    fit, moved = power_law(x, curves), power_law(x_unit * x, y_unit * curves * x**power)
    assert moved.exponent == pytest.approx(fit.exponent + power, abs=1e-10)
    np.testing.assert_allclose(moved.interval, np.add(fit.interval, power), atol=1e-10)
    logs = np.log([moved.amplitude, fit.amplitude, y_unit, x_unit]) @ [1, -1, -1, moved.exponent]
    assert logs == pytest.approx(0, abs=1e-8)
    assert moved.residual_rms == pytest.approx(fit.residual_rms, abs=1e-10)


def order_of_replicates(drawn):
    x, seed, count = drawn
    rng = np.random.default_rng(seed)
    curves = curves_about(rng, x, EXPONENT, count)
    fit, shuffled = power_law(x, curves), power_law(x, rng.permutation(curves))
    assert shuffled.exponent == pytest.approx(fit.exponent, abs=1e-12)
    assert shuffled.amplitude == pytest.approx(fit.amplitude, rel=1e-10)
    assert shuffled.interval[0] <= shuffled.exponent <= shuffled.interval[1]


NONSENSE = {
    "0": ("y", 0.0),
    "a negative number": ("y", -1.0),
    "NaN": ("y", np.nan),
    "inf": ("y", np.inf),
    "x = 0": ("x", 0.0),
    "x = NaN": ("x", np.nan),
    "x = inf": ("x", np.inf),
    "x < 0": ("x", -1.0),
}


def nonsense_is_refused(drawn):
    """One entry of x or y that has no logarithm, of any curve."""
    x, what, place = drawn
    arrays = {"x": x.copy(), "y": np.stack([x, x**2])}
    name, value = NONSENSE[what]
    arrays[name].flat[place % arrays[name].size] = value
    with pytest.raises(ValueError, match=f"^{name}") as caught:
        power_law(arrays["x"], arrays["y"])
    assert "\n" not in str(caught.value)


def too_little_is_refused(drawn):
    """Two points or one, x constant or falling, a y of another length, and windows that hold less than three points."""
    x, window = drawn
    for arguments in ((x[:2], x[:2]), (x[:1], x[:1]), (np.full(3, x[0]), x[:3]), (x[::-1], x), (x, x[1:])):
        with pytest.raises(ValueError, match=r"^(x|y|window)") as caught:
            power_law(*arguments)
        assert "\n" not in str(caught.value)
    inside = ((x >= window[0]) & (x <= window[1])).sum()
    assume(inside < 3 or not window[0] < window[1])
    with pytest.raises(ValueError, match=r"^window"):
        power_law(x, x, window=window)


def any_numbers(drawn):
    """Curves of any doubles > 0: finite results, or a ValueError of one line."""
    x, logs = drawn
    y = np.exp(np.resize(logs, x.size))
    fit = or_refused(lambda: power_law(x, y))
    if fit is not None:
        values = (fit.exponent, fit.amplitude, *fit.interval, fit.residual_rms, *fit.local_x, *fit.local_slopes)
        assert np.isfinite(values).all()
        assert fit.amplitude > 0
    window = or_refused(lambda: steady_window(x, y))
    assert window is None or window[0] < window[1]


@pytest.mark.parametrize("count", [1, 12])
def test_the_interval_of_a_noisy_power_law_covers_its_exponent(tell, count):
    """Over 30 decades, within four standard errors of a count of so many curves."""
    x, rng = np.geomspace(1e-15, 1e15, 16), np.random.default_rng(20)
    fits = [power_law(x, curves_about(rng, x, EXPONENT, count), level=LEVEL, n_bootstrap=300) for _ in range(CURVES)]
    covered = np.mean([fit.interval[0] <= EXPONENT <= fit.interval[1] for fit in fits])
    assert covered == pytest.approx(LEVEL, abs=4 * np.sqrt(LEVEL * (1 - LEVEL) / CURVES))
    tried = f"interval of the exponent of {count} noisy power law{'s' * (count > 1)} over 30 decades"
    tell("Properties of the library", tried, "covers at its level")


# --- intervals over seeds -------------------------------------------------------------------------------------------


def interval_moves_with_its_samples(drawn):
    """a + s x has the interval a + s (low, high), turned round for s < 0: percentiles of the same resamples."""
    seed, count, shift, scale = drawn
    samples = np.random.default_rng(seed).standard_normal((count, 2))
    low, high = seed_interval(samples)
    assert (low <= high).all()
    size = abs(shift) + abs(scale)
    for factor in (scale, -scale):
        ends = np.sort([shift + factor * low, shift + factor * high], axis=0)
        np.testing.assert_allclose(seed_interval(shift + factor * samples), ends, rtol=0, atol=1e-13 * size)
    for end, column in zip(seed_interval(samples[:, 0]), (low, high), strict=True):
        assert end == column[0]


def interval_of_any_numbers(drawn):
    """Within the range of the samples, NaN for one alone, ValueError for what is no number or has no finite mean."""
    samples = np.array(drawn)
    found = or_refused(lambda: seed_interval(samples))
    if found is None:
        assert not np.isfinite(samples).all() or np.abs(samples).max() > 1e300
    elif samples.size < 2:
        assert np.isnan(found).all()
    else:
        slack = 1e-15 * np.abs(samples).max()
        assert samples.min() - slack <= found[0] <= found[1] <= samples.max() + slack


def test_one_number_is_no_sample(tell):
    for samples in (3.0, np.float64(3.0)):
        with pytest.raises(ValueError, match=r"samples has shape \(\)"):
            seed_interval(samples)
    with pytest.raises(ValueError, match="at least 2 entries"):
        bootstrap_interval(np.random.default_rng(0), [1.0])
    tell("Properties of the library", "interval over seeds of a single number", "refused by name")


# --- tails ----------------------------------------------------------------------------------------------------------


def tail_whatever_the_unit(drawn):
    """Another unit moves x_min; x^p has the tail index p times as large; what is <= 0 does not count."""
    seed, count, exponent, unit, power = drawn
    rng = np.random.default_rng(seed)
    values = rng.random(count) ** (-1 / (exponent - 1))
    fit = power_law_tail(values)
    moved = power_law_tail(rng.permutation(np.append(unit * values**power, [0.0, -3.0])))
    assert moved.n_tail == fit.n_tail
    assert moved.x_min == pytest.approx(unit * fit.x_min**power, rel=1e-9)
    assert moved.exponent - 1 == pytest.approx((fit.exponent - 1) / power, rel=1e-6)
    assert moved.distance == pytest.approx(fit.distance, abs=1e-6)


def tail_of_any_numbers(drawn):
    values, minimum = drawn
    fit = or_refused(lambda: power_law_tail(values, minimum_tail=minimum))
    if fit is not None:
        assert np.isfinite([fit.exponent, fit.standard_error, fit.distance]).all()
        assert fit.exponent > 1
        assert fit.n_tail >= minimum
        assert fit.x_min <= max(values)


def test_tail_estimates_spread_by_their_standard_error(tell):
    """Hill's estimator over a whole sample: errors in units of the standard error have mean 0 and variance 1."""
    rng, exponent, size = np.random.default_rng(21), 2.3, 300
    draws = rng.random((CURVES, size)) ** (-1 / (exponent - 1))
    fits = [power_law_tail(values, minimum_tail=size) for values in draws]
    errors = np.array([(fit.exponent - exponent) / fit.standard_error for fit in fits])
    # Four standard errors of mean and variance, and the estimator's bias, 1 / sqrt(size) of its error.
    assert abs(errors.mean()) <= 4 / np.sqrt(CURVES) + 1 / np.sqrt(size)
    assert errors.var() == pytest.approx(1, abs=4 * np.sqrt(2 / CURVES) + 2 / np.sqrt(size))
    tell("Properties of the library", "tail exponents of draws from power laws", "spread by their standard error")


# What was tried: the property, what it is tried on, and the outcome.
PROPERTIES = {
    "fits of exact power laws over 1 to 30 decades, exponents -5 to 5: to 1e-10": (
        exact_laws,
        st.tuples(grids(), st.floats(-5, 5), decades(-20, 20)),
        "holds",
    ),
    "fits whatever the units of x and y over 40 decades, and of y x^p": (
        units_and_powers,
        st.tuples(grids(), SEEDS, st.sampled_from([1, 2, 5]), decades(-20, 20), decades(-20, 20), st.floats(-3, 3)),
        "holds",
    ),
    "fits whatever the order of replicates": (
        order_of_replicates,
        st.tuples(grids(), SEEDS, st.integers(2, 6)),
        "holds",
    ),
    "fits of curves with 0, negative numbers, NaN or inf": (
        nonsense_is_refused,
        st.tuples(grids(), st.sampled_from(sorted(NONSENSE)), st.integers(0, 1000)),
        "refused by name",
    ),
    "fits of less than three points, of x constant or falling": (
        too_little_is_refused,
        st.tuples(grids(), st.tuples(decades(-30, 30), decades(-30, 30))),
        "refused by name",
    ),
    "fits of curves of any numbers from 1e-300 to 1e300": (
        any_numbers,
        st.tuples(grids(), st.lists(st.floats(-690, 690), min_size=1, max_size=9)),
        "holds, or ValueError of one line",
    ),
    "interval over seeds moves with shift and scale, over 40 decades": (
        interval_moves_with_its_samples,
        st.tuples(SEEDS, st.integers(2, 12), st.one_of(decades(-20, 20), st.just(0.0)), decades(-20, 20)),
        "holds",
    ),
    "interval over seeds of any numbers, NaN and inf": (
        interval_of_any_numbers,
        st.lists(st.floats(), min_size=1, max_size=8),
        "holds, or ValueError of one line",
    ),
    "tail exponent whatever the unit, and of powers": (
        tail_whatever_the_unit,
        st.tuples(SEEDS, st.integers(20, 80), st.floats(1.3, 6), decades(-20, 20), st.floats(0.2, 3)),
        "holds",
    ),
    "tail exponent of any numbers, NaN, inf, equal ones": (
        tail_of_any_numbers,
        st.tuples(st.lists(st.floats() | st.sampled_from([1.0, 2.0, 0.0]), max_size=40), st.integers(2, 10)),
        "holds, or ValueError of one line",
    ),
}

test_properties, test_properties_at_length = property_tests(PROPERTIES, SHORT, LONG)
