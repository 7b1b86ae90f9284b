"""The two equations of state evolution for (delta, b): Newton steps in their logarithms, nested roots where they fail.

As functions of log delta and log b, the logarithms

    log (noise + risk) / (oversampling delta^2),    log (oversampling b) / (weight_decay + b kept)

are close to linear wherever one term leads, and defined everywhere. Newton's method with halved steps, from
delta^2 = (noise + signal) / oversampling or so, solves almost all problems in 5 steps to the last digits; it does not
matter how it got there, since the minimum of a convex problem is one. The others, teachers with few coefficients that
stand out by orders of magnitude, start from the limit of a noiseless, recovered teacher, or where nested roots end.
"""

import numpy as np

from scalinglaws.shallow.nested_roots import nested_roots, recovery_ratio, smallest_ratio
from scalinglaws.solvers import NotConverged

# Largest relative violation of the two equations that passes for a solution.
TOLERANCE = 1e-10
# Errors at which a step more gains nothing: about the rounding of sums over the teacher's coefficients.
ROUNDING = 1e-14
MOST_STEPS, LONGEST, SHORTEST = 40, 3.0, 1e-3
# Of the difference quotients: their error slows the last steps down by as much.
INCREMENT = 1e-7


def solve(estimator, oversampling, noise, weight_decay):
    """(delta, b, risk, kept, share of what is not 0, residual); NotConverged with the last (delta, b).

    estimator : has `at(delta, b)` -> (risk, kept, share), `signal`, `null_risk(c)` and `weak_noise_limit(c)`.
    oversampling, noise, weight_decay : floats; noise is a variance.
    """
    point = (estimator, oversampling, noise, weight_decay)
    found = (np.nan, np.nan, np.inf)
    for start in (_wide_start, _recovery_start, nested_roots):
        found = _attempt(point, start) or found
        if found[-1] <= TOLERANCE:
            return found
    raise NotConverged("state evolution", found[:2], found[-1], MOST_STEPS, "the problem is too extreme")


def _attempt(point, start):
    """What `solve` returns, from one start, or None. What leaves double precision is judged by the residual."""
    with np.errstate(all="ignore"):
        try:
            pair = start(*point)
            return pair and _judged(*point, *_newton(*point, *pair))
        except (ValueError, RuntimeError):
            # SciPy's brentq, or the search for its bracket, on numbers that are no longer any.
            return None


def _wide_start(estimator, oversampling, noise, weight_decay):
    """delta of an estimate 0 and a threshold above the noise: on the side of too much regularisation."""
    c = max(2.0, 1.2 * smallest_ratio(estimator, oversampling))
    margin = max(oversampling - estimator.null_risk(c), oversampling / 2)
    delta = np.sqrt((noise + estimator.signal) / margin)
    return delta, max(weight_decay / oversampling, c * delta)


def _recovery_start(estimator, oversampling, noise, weight_decay):
    """The limit of weight_decay -> 0 where delta vanishes in proportion; None where it does not."""
    c = recovery_ratio(estimator, oversampling) if noise == 0 else None
    if c is None:
        return None
    delta = 1e-6 * np.sqrt(estimator.signal)
    delta *= weight_decay / (c * delta * (oversampling - estimator.at(delta, c * delta)[1]))
    return delta, c * delta


def _newton(estimator, oversampling, noise, weight_decay, delta, b):
    """(delta, b) after steps for as long as they help."""

    def errors(place):
        delta, b = np.exp(place)
        risk, kept, _ = estimator.at(delta, b)
        return np.log([(noise + risk) / (oversampling * delta**2), oversampling * b / (weight_decay + b * kept)])

    place = np.log([delta, b])
    value = errors(place)
    for _ in range(MOST_STEPS):
        slopes = np.stack([(errors(place + row) - value) / INCREMENT for row in INCREMENT * np.eye(2)], axis=1)
        determinant = np.linalg.det(slopes)
        if not (np.isfinite(determinant) and determinant != 0):
            break
        step = -np.linalg.solve(slopes, value)
        better = _shortened(errors, place, value, step * min(1.0, LONGEST / np.abs(step).max()))
        if better is None:
            break
        place, value = better
        if np.abs(value).max() < ROUNDING:
            break
    return np.exp(place)


def _shortened(errors, place, value, step):
    """The first of step, step / 2, ... that diminishes the larger error; None if none does."""
    share, before = 1.0, np.abs(value).max()
    while share > SHORTEST:
        after = errors(place + share * step)
        if np.abs(after).max() < before * (1 - share / 10):
            return place + share * step, after
        share /= 2
    return None


def _judged(estimator, oversampling, noise, weight_decay, delta, b):
    """What `solve` returns; the residual is infinite where it is not a number."""
    risk, kept, share = estimator.at(delta, b)
    first = (noise + risk) / (oversampling * delta**2) - 1
    second = (b * (oversampling - kept) - weight_decay) / (b * oversampling + weight_decay)
    residual = max(abs(first), abs(second))
    return delta, b, risk, kept, share, residual if np.isfinite(residual) else np.inf
