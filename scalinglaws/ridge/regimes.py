"""Scaling regimes of random-feature ridge regression: which term of the error falls slowest, and how fast.

With P samples of power-law data, N = P^width_exponent features and ridge P^-ridge_exponent the model learns about P^m
directions, m = min(1, ridge_exponent / capacity, width_exponent): samples, ridge or width bind. Then kappa2 =
P^(-capacity m), and the terms of the error fall as

    source     kappa2^(2 source)                  bias, of directions not yet learned
    capacity   kappa2^2                           bias, of directions learned: shrinkage
    VarF       kappa2 / (gain of the width)       variance over features
    noise      P^(m - 1)                          variance that label noise causes

arXiv:2405.00592, sections on the scaling regimes of linear random features; the gain of structured features is derived
in `width_gain`.
"""

from dataclasses import dataclass, field

import numpy as np

from scalinglaws import checks

BOUNDS, TERMS = ("samples", "ridge", "width"), ("source", "capacity", "VarF", "noise")
# Name of each regime: a row per bound, a column per term. Where width binds VarF is what kappa2^2 would be otherwise.
NAMES = np.array(
    [
        ("signal source", "signal capacity", "VarF", "noise"),
        ("ridge source", "ridge capacity", "VarF, ridge", "noise, ridge"),
        ("width source", "", "width capacity", "noise, width"),
    ]
)
# In the order in which they are listed and drawn.
REGIMES = tuple(str(name) for name in NAMES[:, :3].ravel() if name) + tuple(map(str, NAMES[:, 3]))


@dataclass(frozen=True, eq=False)
class Scaling:
    """How sizes grow with the number of samples P; scalars, or for phase diagrams arrays that broadcast.

    capacity > 1 (else df1 is not set by a power of kappa), source > 0 : of the data.
    width_exponent > 0 : N = P^width_exponent features; inf for ridge regression.
    ridge_exponent > 0 : ridge = P^-ridge_exponent, F with entries of variance 1/N; inf for ridge 0.
    noisy : whether labels are noisy, with a standard deviation that does not depend on P.
    feature_capacity >= 0 : F = G diag(eigenvalues)^1/2 with eigenvalues k^-feature_capacity of mean 1; 0 is white.
    """

    capacity: float
    source: float
    width_exponent: np.ndarray = field(default=np.inf)
    ridge_exponent: np.ndarray = field(default=np.inf)
    noisy: bool = False
    feature_capacity: float = 0.0

    def __post_init__(self):
        checks.between("capacity", self.capacity, 1, np.inf)
        checks.positive("source", self.source)
        checks.at_least("feature_capacity", self.feature_capacity, 0)
        for name in ("width_exponent", "ridge_exponent"):
            value = np.asarray(getattr(self, name), dtype=np.float64)
            if not (value > 0).all():
                raise ValueError(f"{name} = {value.min()} must be > 0")
            object.__setattr__(self, name, value)
        if self.feature_capacity > 0 and np.isinf(self.width_exponent).any():
            raise ValueError(f"width_exponent = inf must be finite for feature_capacity = {self.feature_capacity}")

    @property
    def limits(self):
        """(3, ...): what m would be if only samples, ridge or width bound it.

        For feature_capacity > 1 features compress kappa2 by P^(m (1 - feature_capacity)), which the ridge must meet.
        """
        compressed = self.capacity + max(self.feature_capacity - 1.0, 0.0)
        return np.stack(np.broadcast_arrays(1.0, self.ridge_exponent / compressed, self.width_exponent))

    @property
    def learned(self):
        """m: the number of directions learned is P^m."""
        return self.limits.min(axis=0)

    @property
    def terms(self):
        """(4, ...): exponents in 1/P of the `TERMS`; noise is inf without it."""
        m = self.learned
        gain = width_gain(self.feature_capacity, self.width_exponent, m)
        noise = 1 - m if self.noisy else np.full_like(m, np.inf)
        return np.stack([2 * self.capacity * m * self.source, 2 * self.capacity * m, self.capacity * m + gain, noise])

    @property
    def rate(self):
        """The excess risk falls as P^-rate."""
        return self.terms.min(axis=0)

    @property
    def regime(self):
        """Name of the regime, one of `REGIMES`; on a boundary that of the first bound and term."""
        return NAMES[self.limits.argmin(axis=0), self.terms.argmin(axis=0)]

    @property
    def margin(self):
        """Distance from the boundaries: corrections to the power law fall at least about as fast as P^-margin.

        The lead of the slowest term over the next one, or of the bound that binds m over the next, if that is less.
        """
        leads = [np.diff(np.sort(exponents, axis=0)[:2], axis=0)[0] for exponents in (self.terms, self.limits)]
        return np.minimum(*leads)

    @property
    def sufficient_width(self):
        """The width exponent from which more features no longer lower the error's exponent (without noise).

        Between m and it the error is variance-limited: there are more features than directions learned, and still VarF
        is the slowest term. It equals m for source <= 1/2, and is inf for feature_capacity >= 1.
        """
        m = Scaling(self.capacity, self.source, np.inf, self.ridge_exponent).learned
        needed = self.capacity * m * max(2 * min(self.source, 1.0) - 1, 0.0)
        near, far = width_exponents(self.feature_capacity)
        with np.errstate(divide="ignore"):
            return np.where(needed <= m, m + np.divide(needed, near), np.divide(needed + m, far))


def width_exponents(feature_capacity):
    """(near, far): VarF falls as N^-near up to a width of about n_learned^(1 / (1 - a)), as N^-far beyond it.

    near = (1 - a) / a is what the paper states for 1/2 < a < 1, a = feature_capacity; far = 2 (1 - a), from the limit
    in which nu is above all eigenvalues of the features: then VarF is in proportion to sum e^2 / (sum e)^2. Both are
    1 for a <= 1/2 and 0 for a >= 1.
    """
    a = checks.at_least("feature_capacity", feature_capacity, 0)
    if a <= 0.5 or a >= 1:
        return (1.0, 1.0) if a <= 0.5 else (0.0, 0.0)
    return (1 - a) / a, 2 * (1 - a)


def crossover_width(feature_capacity, n_learned):
    """Width at which the exponent of VarF changes: ((1 - a) n_learned)^(1 / (1 - a)), for 1/2 < a < 1.

    There nu, from (1 / nu) sum e = n_learned with sum_k^N k^-a = N^(1 - a) / (1 - a), is the largest eigenvalue.
    """
    a = checks.between("feature_capacity", feature_capacity, 0.5, 1)
    return ((1 - a) * checks.positive_array("n_learned", n_learned)) ** (1 / (1 - a))


def width_gain(feature_capacity, width_exponent, learned):
    """Exponent x >= 0: variance over features is kappa2 P^-x, with N = P^width_exponent >= P^learned features.

    White: 1 - rho is the share P^learned / N of the features that are in use. Structured, e = k^-a: 1 - rho is
    sum r^2 / sum r with r = e / (e + nu) and sum r = P^learned. For nu below the largest e the first nu^(-1/a) modes
    make sum r^2, while sum r = N^(1-a) / nu: x = (1 - a) / a (width_exponent - learned). For nu above it sum r^2 =
    sum e^2 / nu^2, a constant over nu^2: x = 2 (1 - a) width_exponent - learned. The larger of both holds.
    """
    width_exponent, learned = np.broadcast_arrays(width_exponent, learned)
    near, far = width_exponents(feature_capacity)
    spare = width_exponent - learned
    if near == 1 or near == 0:
        return spare if near else np.zeros_like(spare)
    return np.maximum(near * spare, far * width_exponent - learned)
