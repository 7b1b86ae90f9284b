"""Power-law exponents with bootstrap intervals, and the window over which an exponent is steady.

Exponents are signed: y ~ amplitude * x^exponent. All fits are least squares of log y on log x.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from scalinglaws import checks

LOG_SMALLEST, LOG_LARGEST = np.log(np.finfo(np.float64).tiny), np.log(np.finfo(np.float64).max)


@dataclass(frozen=True, eq=False)
class PowerLawFit:
    """y ~ amplitude * x^exponent, fitted over `window`.

    `interval` is the bootstrap interval (low, high) of the exponent; `n_replicates` the number of curves it is from;
    `window` the first and last x used, `n_points` their number; `residual_rms` the root mean square over those points
    of log y minus the line.
    `local_x` and `local_slopes`, shape (number of x - 1,), cover the whole range, not the window alone.
    """

    exponent: float
    interval: tuple[float, float]
    n_replicates: int
    amplitude: float
    window: tuple[float, float]
    n_points: int
    local_x: np.ndarray
    local_slopes: np.ndarray
    residual_rms: float

    @property
    def replicate_interval(self):
        """(low, high) over replicates: (NaN, NaN) for a single curve, which cannot tell where another would lie."""
        return self.interval if self.n_replicates > 1 else (np.nan, np.nan)


def power_law(x, y, *, window=None, n_bootstrap=1000, level=0.95, rng=None):
    """Fit y ~ amplitude * x^exponent by least squares of log y on log x.

    With replicates (seeds) the fitted curve is the mean of log y over them, and the interval comes from
    resampling whole replicates: the points of one curve share their seed, so resampling points would
    treat correlated errors as independent and be too narrow. With a single curve the residuals about
    the line are resampled over points: that interval tells only how well the points follow a line (for
    exact power-law data it collapses to the exponent), not how far another seed would move it, and it
    is too narrow where neighbouring residuals go together, as they do on a bent curve, and for fewer than
    about 8 points. Percentile intervals, expanded as in `bootstrap_interval`, which says how few
    replicates are too few.

    Parameters
    ----------
    x : (n_points,), > 0, strictly increasing.
    y : (n_points,) or (n_replicates, n_points), finite, > 0 within the window; outside it entries <= 0
        (a noisy estimate near 0) make the local slopes next to them NaN.
    window : None for the whole range, or (low, high), both ends included; it must hold >= 3 points.
    n_bootstrap : number of resamples, >= 2.
    level : coverage aimed at, in (0, 1).
    rng : numpy Generator; None stands for a fixed seed, so that the same call gives the same interval.

    Returns a `PowerLawFit`. `local_slopes` are d log y / d log x between neighbours (of the mean log
    curve) at the geometric mid-points `local_x`. Bad input, or an amplitude beyond
    double precision: ValueError.
    """
    x, curves = _checked_curves(x, y)
    inside = _inside(window, x)
    log_curves = np.log(checks.positive_array("y within the window", curves[:, inside]))
    weights = _slope_weights(np.log(x[inside]))
    exponent, amplitude, residuals = _line(np.log(x[inside]), log_curves.mean(axis=0))
    rng = np.random.default_rng(0) if rng is None else rng
    if len(curves) > 1:
        interval = bootstrap_interval(rng, log_curves @ weights, level=level, n_bootstrap=n_bootstrap)
    else:
        interval = exponent + _residual_interval(rng, residuals, weights, level, n_bootstrap)
    return PowerLawFit(
        exponent=exponent,
        interval=(float(interval[0]), float(interval[1])),
        n_replicates=len(curves),
        amplitude=amplitude,
        window=(float(x[inside][0]), float(x[inside][-1])),
        n_points=int(inside.sum()),
        local_x=_mid_points(x),
        local_slopes=_local_slopes(x, curves),
        residual_rms=float(np.sqrt(np.mean(residuals**2))),
    )


def steady_window(x, y, *, tolerance=0.1, minimum_decades=0.5):
    """Widest window (low, high), in log x, that one power law describes.

    Steady means that every local slope inside stays within `tolerance` of the exponent fitted to that
    same window. Of equally wide windows the one with the smallest such deviation is taken.

    The test is on slopes between neighbours, whose noise is sqrt(2) * (noise of log y) / (spacing of
    log x): on noisy or densely sampled curves a window ends at the first outlier, so raise `tolerance`
    above that noise or thin the points. An interval fitted in a window chosen this way does not
    include the uncertainty of the choice.

    `x` and `y` as in `power_law` (windows that would hold a y <= 0 are passed over); `tolerance` > 0 in
    units of the exponent; `minimum_decades` >= 0, factors of ten in x. Windows hold >= 3 points.
    ValueError if no such window is that wide, naming the widest there is, or on bad input.
    """
    x, curves = _checked_curves(x, y)
    tolerance = checks.positive("tolerance", tolerance)
    minimum_decades = checks.at_least("minimum_decades", minimum_decades, 0)
    decades, _, first, last = max(_steady_windows(x, curves, tolerance), default=(0.0, 0.0, 0, 0))
    if last == first or decades < minimum_decades:
        raise ValueError(
            f"no window of minimum_decades = {minimum_decades} has every local slope within "
            f"tolerance = {tolerance} of its exponent; the widest that has spans {decades:.3g} decades"
        )
    return float(x[first]), float(x[last])


def bootstrap_interval(rng, samples, statistic=np.mean, level=0.95, n_bootstrap=1000):
    """Bootstrap percentile interval of `statistic` over axis 0 (seeds) of `samples`.

    A plain percentile interval of few samples is too narrow: for the mean of 5 Gaussian samples a nominal
    0.95 covers 0.83. The percentiles are therefore moved outwards by the amount that makes the mean of
    Gaussian samples right (the expanded percentile interval of Hesterberg, Am. Stat. 69, 371, 2015).
    No resample leaves the range of the data, so very few samples still fall short: of nominal 0.95, the
    mean of Gaussian samples is covered 0.94 for 10 samples, 0.91 for 5, 0.74 for 3 and 0.5 for 2.

    `samples` has shape (n_samples, ...), n_samples >= 2, finite; `statistic(array, axis=0)` reduces axis 0;
    `level` lies in (0, 1); `n_bootstrap` >= 2. All resamples are held at once:
    n_bootstrap * samples.size * 8 bytes. Returns (low, high), each of shape samples.shape[1:].
    Bad input, or a statistic that overflows: ValueError. One that is NaN
    makes the interval NaN.
    """
    samples = checks.array("samples", samples)
    if samples.ndim == 0 or len(samples) < 2:
        raise ValueError(f"samples has shape {samples.shape} and must have at least 2 entries along axis 0")
    n_samples = len(samples)
    draws = samples[_resamples(rng, n_samples, n_bootstrap)]
    with np.errstate(over="ignore"):
        values = statistic(draws, axis=0)
    if np.isinf(values).any():
        largest = np.abs(samples).max()
        raise ValueError(f"samples of up to {largest:.3g} must have a statistic that double precision holds")
    return _percentiles(values, level, n_samples, n_samples - 1)


def seed_interval(samples, statistic=np.mean):
    """(low, high): 95 % `bootstrap_interval` of `statistic` over axis 0 (seeds), always from the same resamples.

    Fewer than two seeds have no interval: NaN, of shape samples.shape[1:], numbers for a vector.
    """
    samples = np.asarray(samples, dtype=np.float64)
    if samples.ndim > 0 and len(samples) < 2:
        # Of single numbers the mean is a number, not an array without axes, which a table would keep as an object.
        missing = np.full(samples.shape[1:], np.nan)[()]
        return missing, missing
    return bootstrap_interval(np.random.default_rng(0), samples, statistic)


def _residual_interval(rng, residuals, weights, level, n_bootstrap):
    """Interval of the slope's error when independent residuals are resampled over the points of one line."""
    errors = weights @ residuals[_resamples(rng, residuals.size, n_bootstrap)]
    return np.array(_percentiles(errors, level, residuals.size, residuals.size - 2))


def _resamples(rng, n_samples, n_bootstrap):
    n_bootstrap = checks.integer("n_bootstrap", n_bootstrap, minimum=2)
    return rng.integers(n_samples, size=(n_samples, n_bootstrap))


def _percentiles(values, level, n_samples, degrees_of_freedom):
    """(low, high) percentiles of bootstrap `values` over axis 0, expanded for the finite sample.

    The bootstrap spread is sqrt(degrees_of_freedom / n_samples) too small and its tails are Gaussian where
    Student's belong; both are put right by reading the normal quantiles further out.
    """
    level = checks.between("level", level, 0, 1)
    reach = special.stdtrit(degrees_of_freedom, (1 + level) / 2) * np.sqrt(n_samples / degrees_of_freedom)
    outside = special.ndtr(-reach)
    low, high = np.quantile(values, [outside, 1 - outside], axis=0)
    return low, high


def _checked_curves(x, y):
    """x as a vector and y as (n_replicates, n_points)."""
    x = checks.increasing("x", checks.positive_array("x", x, ndim=1))
    checks.increasing("log(x)", np.log(x))  # neighbouring doubles may share their logarithm
    curves = np.atleast_2d(checks.array("y", y))
    if curves.ndim != 2 or curves.shape[1] != x.size:
        raise ValueError(
            f"y has shape {np.shape(y)} and must have shape ({x.size},) or (n_replicates, {x.size}) like x"
        )
    return x, curves


def _inside(window, x):
    low, high = (x[0], x[-1]) if window is None else window
    if not low < high:
        raise ValueError(f"window = ({low}, {high}) must have low < high")
    inside = (x >= low) & (x <= high)
    if inside.sum() < 3:
        raise ValueError(f"window = ({low}, {high}) holds {inside.sum()} points of x and must hold at least 3")
    return inside


def _slope_weights(log_x):
    """Weights w whose product w @ log_y is the least-squares slope; they sum to 0."""
    centred = log_x - log_x.mean()
    return centred / (centred @ centred)


def _line(log_x, log_y):
    """(exponent, amplitude, residuals) of the least-squares line."""
    exponent = _slope_weights(log_x) @ log_y
    offset = log_y.mean() - exponent * log_x.mean()
    if not LOG_SMALLEST < offset < LOG_LARGEST:
        raise ValueError(f"y at x = 1 must lie within double precision and is e^{offset:.5g} on the line: rescale x")
    return float(exponent), float(np.exp(offset)), log_y - offset - exponent * log_x


def _mean_log(curves):
    """Mean of log y over replicates; NaN where a replicate is <= 0."""
    logs = np.log(curves, out=np.full_like(curves, np.nan), where=curves > 0)
    return logs.mean(axis=0)


def _mid_points(x):
    return np.sqrt(x[1:]) * np.sqrt(x[:-1])


def _local_slopes(x, curves):
    return np.diff(_mean_log(curves)) / np.diff(np.log(x))


def _steady_windows(x, curves, tolerance):
    """Yield (decades, -deviation, first, last) of every steady window of at least 3 points."""
    log_x, log_y, slopes = np.log(x), _mean_log(curves), _local_slopes(x, curves)
    for first in range(x.size - 2):
        for last in range(first + 2, x.size):
            points = slice(first, last + 1)
            deviation = np.abs(slopes[first:last] - _slope_weights(log_x[points]) @ log_y[points]).max()
            if deviation <= tolerance:
                # Rounded, so that equal windows of a geometric grid tie and minimum_decades includes its end.
                yield round((log_x[last] - log_x[first]) / np.log(10), 9), -deviation, first, last
