"""Two equations by nested roots, each in a bracket that holds for every problem: slow, and the last resort.

The equations are those of `state_evolution`. At a fixed c = b / delta the first is
oversampling = (noise + risk) / delta^2, whose right-hand side falls with delta, from a limit at delta -> 0 (infinite
with noise) to null_risk(c), the risk of a teacher 0: one root if null_risk(c) < oversampling < limit. The second is
then an equation for c alone, negative at the lower and positive at the upper end of its range.
"""

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from scalinglaws.solvers import NotConverged

RELATIVE = 4 * np.finfo(float).eps
# Logarithms are searched in doubling steps of up to this: beyond, numbers leave double precision.
FARTHEST = 256.0


def nested_roots(estimator, oversampling, noise, weight_decay):
    """(delta, b); NotConverged where no bracket is found within double precision."""
    along = _along_ratios if oversampling <= estimator.weak_noise_limit(0.0) else _along_thresholds
    pair_at = along(estimator, oversampling, noise)

    def mismatch(place):
        delta, b = pair_at(place)
        return b * (oversampling - estimator.at(delta, b)[1]) - weight_decay if delta > 0 else -weight_decay

    return pair_at(brentq(mismatch, *_sign_change(mismatch, 0.0), xtol=1e-15, rtol=RELATIVE))


def smallest_ratio(estimator, oversampling):
    """c_min, at and below which the first equation has no root: null_risk(c_min) = oversampling, or 0."""
    if oversampling >= estimator.null_risk(0.0):
        return 0.0
    return _upper_root(lambda c: oversampling - estimator.null_risk(c), 0.0)


def recovery_ratio(estimator, oversampling):
    """c at which weak_noise_limit rises through oversampling, None if it stays above.

    Without noise enough samples of a sparse teacher let delta vanish with weight_decay (Donoho, Maleki and Montanari,
    PNAS 106, 18914, 2009): the ratio c then falls to this one. weak_noise_limit is convex.
    """
    limit = estimator.weak_noise_limit
    lowest = minimize_scalar(limit, bounds=(0.0, 40.0), method="bounded", options={"xatol": 1e-8})
    return _upper_root(lambda c: limit(c) - oversampling, lowest.x) if lowest.fun < oversampling else None


def _upper_root(rising, lower):
    upper = max(2.0, 2 * lower)
    while rising(upper) <= 0:
        upper *= 2
    return brentq(rising, lower, upper, xtol=1e-300, rtol=RELATIVE)


def _along_ratios(estimator, oversampling, noise):
    """(delta, b) as a function of log(c - c_min), c = b / delta."""
    c_min = smallest_ratio(estimator, oversampling)
    if noise == 0:
        c_min = recovery_ratio(estimator, oversampling) or c_min

    def pair_at(log_distance):
        c = c_min + np.exp(log_distance)
        delta = delta_of_ratio(estimator, oversampling, noise, c)
        return delta, c * delta

    return pair_at


def _along_thresholds(estimator, oversampling, noise):
    """(delta, b) as a function of log b.

    With many samples and little noise risk / delta^2 hardly depends on delta at given c. At given b, though, the risk
    grows by less than oversampling for each unit of delta^2: again there is one root.
    """

    def pair_at(log_b):
        b = np.exp(log_b)
        guess = np.log((noise + b**2) / oversampling) / 2
        return _delta_of(estimator, oversampling, noise, lambda delta: b, guess), b

    return pair_at


def delta_of_ratio(estimator, oversampling, noise, c):
    """delta at b = c delta from the first equation; 0 where no noise is left at so small a threshold."""
    if noise == 0 and estimator.weak_noise_limit(c) <= oversampling:
        return 0.0
    # 0 if c is c_min to the last digit.
    margin = max(oversampling - estimator.null_risk(c), RELATIVE * oversampling)
    # risk <= null_risk delta^2 + signal
    guess = np.log((noise + estimator.signal) / margin) / 2
    return _delta_of(estimator, oversampling, noise, lambda delta: c * delta, guess)


def _delta_of(estimator, oversampling, noise, threshold_at, guess):
    """Root delta of (noise + risk) / delta^2 = oversampling, which is too large below and too small above it."""

    def deficit(log_delta):
        delta = np.exp(log_delta)
        return oversampling - (noise + estimator.at(delta, threshold_at(delta))[0]) / delta**2

    return np.exp(brentq(deficit, *_sign_change(deficit, guess), xtol=1e-15, rtol=RELATIVE))


def _sign_change(function, start):
    """Bracket of a change from negative to positive, searched outwards from `start` in doubling steps."""
    ends = []
    for direction in (-1, 1):
        end, step, value = start, direction, function(start)
        while np.sign(value) not in (0, direction):
            end, step = end + step, 2 * step
            value = function(end)
            if abs(step) > FARTHEST:
                raise NotConverged(
                    "state evolution, the search for a bracket,", end, value, 0, "the problem is too extreme"
                )
        ends.append(end)
    return ends
