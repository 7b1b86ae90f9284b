"""Where feature noise takes over: three scaling laws of one learning curve, of features on a power-law spectrum.

Without ridge the degrees of freedom fill the samples: n_samples = sum of eigenvalue / (eigenvalue + kappa2) + trace /
kappa2, with trace = dim feature_noise_std^2, and the number of features takes the place of n_samples once it is the
smaller. The first sum is about kappa2^(-1/capacity). Hence kappa2 falls as n_samples^-capacity while that sum is the
larger one, as n_samples^-1 once the noise takes most degrees of freedom, and stops at trace / width. Bias and excess
risk go as kappa2^(2 min(source, 1)) where they are not set by the variance over features.
"""

from dataclasses import dataclass

import numpy as np

from scalinglaws import checks
from scalinglaws.ridge.binned import power_law_bins
from scalinglaws.ridge.equivalents import learning_curve
from scalinglaws.ridge.problem import RandomFeatureProblem

# Quantities that scale, and what of kappa2's exponent they have, given the source.
QUANTITIES = {
    "kappa2": lambda source: 1.0,
    "bias": lambda source: 2 * min(source, 1.0),
    "excess_risk": lambda source: 2 * min(source, 1.0),
}


@dataclass(frozen=True)
class Regime:
    """From `low` to `high` samples kappa2 ~ n_samples^rate."""

    name: str
    low: float
    high: float
    rate: float

    @property
    def middle(self):
        """The geometric middle, farthest from both borders, where corrections are smallest."""
        return float(np.sqrt(self.low * self.high))


def regimes(capacity, trace, width, first, last):
    """The `Regime`s between `first` and `last` samples: linear, noisy (if trace > 0), and plateau beyond the width.

    capacity > 1; trace >= 0; 0 < first < width < last. The noise takes over where both kinds of degrees of freedom
    would be equal, at trace^(-1/(capacity - 1)) samples, which must lie between first and width. Else ValueError.
    """
    if checks.at_least("capacity", capacity, 1) == 1:
        raise ValueError("capacity = 1 must be above 1: at 1 the noise changes no exponent")
    width = checks.between("width", width, checks.positive("first", first), last)
    plateau = Regime("plateau", width, last, 0.0)
    if checks.at_least("trace", trace, 0) == 0:
        return [Regime("linear", first, width, -capacity), plateau]
    onset = trace ** (-1 / (capacity - 1))
    checks.between("trace^(-1/(capacity - 1))", onset, first, width)
    return [Regime("linear", first, onset, -capacity), Regime("noisy", onset, width, -1.0), plateau]


def noisy_curve(dim, capacity, source, width, trace, n_samples):
    """The exact `LearningCurve` without ridge and label noise, of a label of variance 1, with noise of that trace."""
    eigenvalues, target, counts = power_law_bins(dim, capacity, source)
    target = target / np.sqrt(np.sum(counts * eigenvalues * target**2))
    noise_std = np.sqrt(checks.at_least("trace", trace, 0) / dim)
    problem = RandomFeatureProblem(eigenvalues, target, n_samples, 0.0, 0.0, width, noise_std, multiplicities=counts)
    return learning_curve(problem)


def local_slopes(n_samples, values):
    """Of a curve (n,), between neighbours: mid-points, values there, and d log values / d log n_samples, each (n - 1,).

    values are > 0; next to an infinite one, as where samples equal features exactly, the last two are NaN.
    """
    n_samples, values = checks.increasing("n_samples", n_samples), np.asarray(values, dtype=np.float64)
    logs = np.log(checks.positive_array("values", np.where(np.isinf(values), 1.0, values)))
    logs = np.where(np.isinf(values), np.nan, logs)
    middles = np.sqrt(n_samples[1:] * n_samples[:-1])
    return middles, np.exp((logs[1:] + logs[:-1]) / 2), np.diff(logs) / np.diff(np.log(n_samples))
