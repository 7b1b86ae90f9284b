"""Exponent of a power-law tail and where it begins: Clauset, Shalizi and Newman, SIAM Rev. 51, 661 (2009), section 3.

For a density x^-exponent above x_min and n_tail values there, the likelihood is largest at
1 / (exponent - 1) = mean log(x / x_min) (Hill's estimator), with standard error (exponent - 1) / sqrt(n_tail). x_min is
the value from which on data and fitted law are closest: least Kolmogorov-Smirnov distance.

This is what the package `powerlaw` does for continuous data, and the tests hold the two together. It is not used here:
it imports matplotlib and tqdm (half a second in every job that makes a table), takes ten times as long for a spectrum
of a hundred values, and unless told otherwise leaves out exponents above 3, which spectra of fitted noise have.

Whether a tail is a power law at all is another question, which a few dozen eigenvalues do not decide. Here the law that
the values are drawn from is known, and what the estimator says of it can be computed (`typical_spectra`).
"""

from dataclasses import dataclass

import numpy as np

from scalinglaws import checks

# An exponent from fewer values is uncertain by more than a third of its distance to 1: 1 / sqrt(10) = 0.32.
MINIMUM_TAIL = 10
# Candidates for x_min; of more values these are spread evenly in the logarithm of the rank.
N_CANDIDATES = 400


@dataclass(frozen=True)
class TailFit:
    """Density ~ x^-exponent for x >= x_min, where n_tail of the values lie at the distance `distance` from that law."""

    exponent: float
    standard_error: float
    x_min: float
    n_tail: int
    distance: float


def power_law_tail(values, *, minimum_tail=MINIMUM_TAIL):
    """`TailFit` of positive numbers, whose largest ones may follow a power law.

    values : (n,), in any order; those <= 0 (eigenvalues that are thresholded to 0) are left out.
    minimum_tail : least number of values in the tail, >= 2.

    Every value with at least `minimum_tail` values from it upwards is tried as x_min; of more than `N_CANDIDATES` that
    many. The distance is the largest difference between the fitted distribution function and the share of the tail that
    lies below a value, at the values: the convention of the authors' programs. ValueError if fewer than `minimum_tail`
    values are positive, or if none of the candidates has a larger value above it.
    """
    minimum_tail = checks.integer("minimum_tail", minimum_tail, minimum=2)
    values = checks.array("values", values, ndim=1)
    logs = -np.sort(-np.log(values[values > 0]))
    if logs.size < minimum_tail:
        raise ValueError(f"values has {logs.size} positive entries and must have at least {minimum_tail}")
    sizes = np.unique(np.geomspace(minimum_tail, logs.size, N_CANDIDATES).round().astype(int))
    sizes = np.arange(minimum_tail, logs.size + 1) if logs.size <= N_CANDIDATES else sizes
    index = np.cumsum(logs)[sizes - 1] / sizes - logs[sizes - 1]
    # Of equal values only the last rank has all of them in its tail; tails of equal values have no exponent.
    allowed = (logs[0] > logs[sizes - 1]) & (logs[sizes - 1] > np.append(logs, -np.inf)[sizes])
    if not allowed.any():
        raise ValueError(f"values has {logs.size} equal positive entries and must have different ones")
    tails = zip(sizes[allowed], index[allowed], strict=True)
    distance, n_tail, tail_index = min((_distance(logs[:size], value), size, value) for size, value in tails)
    exponent = 1 + 1 / tail_index
    return TailFit(
        exponent=float(exponent),
        standard_error=float((exponent - 1) / np.sqrt(n_tail)),
        x_min=float(np.exp(logs[n_tail - 1])),
        n_tail=int(n_tail),
        distance=float(distance),
    )


def _distance(logs, index):
    """Kolmogorov-Smirnov distance of a tail, descending logarithms, to the power law of that tail index."""
    above = np.arange(1, logs.size + 1) / logs.size
    return np.abs(np.exp((logs[-1] - logs) / index) - above).max()
