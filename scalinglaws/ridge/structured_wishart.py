"""Eigenvalues of the sample covariance of structured inputs: the generalised Marchenko-Pastur law, gaps and all."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scalinglaws import checks
from scalinglaws.ridge.curve_law import CurveLaw
from scalinglaws.solvers import NotConverged, bracketed_root

# A sum of n doubles that are all positive carries a relative error of at most a few eps (pairwise summation).
ROUNDING = 16 * float(np.finfo(np.float64).eps)
MOST_NEWTON_STEPS = 200


@dataclass(frozen=True, eq=False)
class StructuredWishart(CurveLaw):
    """Sample covariance X^T X / n_samples of inputs with given population eigenvalues e.

    eigenvalues : (n,), > 0, in any order.
    ratio : > 0.
    multiplicities : (n,), > 0, relative numbers of directions that share each eigenvalue; None for equal ones.

    The companion Stieltjes transform m solves z = -1/m + q mean(e / (1 + e m)) (Marchenko and Pastur 1967; Silverstein
    1995). With u = -1/m = p + iv that is z = u (1 + q mean(e / (u - e))): the equation of the renormalised ridge -u at
    the ridge -z. On real z inside a bulk Im z = 0 says q mean(e^2 / |u - e|^2) = 1, which has exactly one v > 0 at each
    real p with q mean(e^2 / (p - e)^2) > 1. Then |1 - dz/du| < 1, so x rises with p; and of two solutions at one x,
    Cauchy-Schwarz allows one in the upper half plane, so this is the physical one. Ends of the bulks are where v = 0
    (Silverstein and Choi 1995). Integrating m dz = -z'(u) du / u gives the cdf.

    Bad input: ValueError. Arrays of x.size * n doubles are held.
    """

    eigenvalues: np.ndarray
    ratio: float
    multiplicities: np.ndarray | None = None

    def __post_init__(self):
        given = checks.positive_array("eigenvalues", self.eigenvalues, ndim=1)
        counts = np.ones(given.size) if self.multiplicities is None else self.multiplicities
        counts = checks.positive_array("multiplicities", counts, ndim=1)
        if counts.size != given.size:
            raise ValueError(
                f"multiplicities has {counts.size} entries and must have as many as eigenvalues, {given.size}"
            )
        distinct, place = np.unique(given, return_inverse=True)
        object.__setattr__(self, "eigenvalues", distinct)
        object.__setattr__(self, "multiplicities", np.bincount(place, counts) / counts.sum())
        object.__setattr__(self, "ratio", checks.positive("ratio", self.ratio))

    @property
    def atom(self):
        """max(0, 1 - 1/q): more directions than samples."""
        return max(0.0, 1 - 1 / self.ratio)

    @cached_property
    def ends(self):
        """Values of p at which v = 0, that is sum of a / (p - e)^2 = 1 with a = q * weight * e^2."""
        e, reach = self.eigenvalues, np.sqrt(self._strength)
        total = 2 * np.sqrt(self._strength.sum())
        # Half a term's reach from its pole the sum is >= 4; twice the total reach outside all poles it is <= 1/4.
        last = bracketed_root(self._excess, e[-1] + reach[-1] / 2, e[-1] + total).value
        # At p = 0 the sum is q.
        below = (0.0, e[0] - reach[0] / 2) if self.ratio < 1 else (e[0] - total, 0.0)
        first = 0.0 if self.ratio == 1 else bracketed_root(self._excess, *below).value
        return np.concatenate([[first], self._gaps().ravel(), [last]]).reshape(-1, 2)

    def _gaps(self):
        """(n_gaps, 2): between two poles the sum is convex, and a gap is where it falls below 1."""
        e, reach = self.eigenvalues, np.sqrt(self._strength)
        # In a gap no single term exceeds 1.
        low, high = e[:-1] + reach[:-1], e[1:] - reach[1:]
        dips = np.flatnonzero(low < high)
        dips = dips[(self._slope(low[dips]) < 0) & (self._slope(high[dips]) > 0)]
        if dips.size == 0:
            return np.empty((0, 2))
        bottom = bracketed_root(self._slope, low[dips], high[dips]).value
        parted = self._excess(bottom) < 0
        dips, bottom = dips[parted], bottom[parted]
        if dips.size == 0:
            return np.empty((0, 2))
        left = bracketed_root(self._excess, e[dips] + reach[dips] / 2, bottom).value
        right = bracketed_root(self._excess, bottom, e[dips + 1] - reach[dips + 1] / 2).value
        return np.stack([left, right], axis=1)

    @cached_property
    def edges(self):
        """The eigenvalues x at `ends`."""
        return self._real_part(self.ends, 0.0)

    @property
    def _shares(self):
        return self.ratio * self.multiplicities

    @property
    def _strength(self):
        return self._shares * self.eigenvalues**2

    def _excess(self, p):
        """Sum of a / (p - e)^2 - 1 for real p, summed as `_square` does."""
        e = self.eigenvalues
        return (self.ratio - 1) + (p[..., None] * (2 * e - p[..., None]) / (p[..., None] - e) ** 2) @ self._shares

    def _slope(self, p):
        return (-2 / np.subtract.outer(p, self.eigenvalues) ** 3) @ self._strength

    def _square(self, p):
        """v^2 at p: Newton on 1 / sum of a / (d + s) = 1, d = (p - e)^2, from below.

        A weighted harmonic mean of lines is concave and increasing in s = v^2, so Newton's steps never overshoot and
        converge from any s at which the sum is >= 1: here where the largest single term is 1, or 0.
        """
        e, strength, p = self.eigenvalues, self._strength, p[..., None]
        d, rest = (p - e) ** 2, p * (2 * e - p)
        s = np.maximum((strength - d - ROUNDING * (strength + d)).max(axis=-1, keepdims=True), 0.0)
        for _ in range(MOST_NEWTON_STEPS):
            inverse = 1 / (d + s)
            # q mean(e^2 / |u - e|^2) - 1 as (q - 1) + q mean(e^2 / |u - e|^2 - 1): at a hard edge all terms are small.
            excess = (self.ratio - 1) + ((rest - s) * inverse) @ self._shares
            inverse *= inverse
            step = np.maximum((1 + excess) * excess / (inverse @ strength), 0.0)
            s = s + step[..., None]
            if (step <= ROUNDING * s[..., 0]).all():
                return s[..., 0]
        advice = "the eigenvalues span more than double precision can resolve"
        raise NotConverged("StructuredWishart", s[..., 0], excess, MOST_NEWTON_STEPS, advice)

    def _real_part(self, p, s):
        p, s = p[..., None], np.asarray(s)[..., None]
        e, share = self.eigenvalues, self._strength / self.eigenvalues
        return p[..., 0] + ((p * (p - e) + s) / ((p - e) ** 2 + s)) @ share

    def _eigenvalue(self, p):
        return self._real_part(p, self._square(p))

    def _height(self, p, x):
        s = self._square(p)
        return np.sqrt(s) / (np.pi * self.ratio * (p**2 + s))

    def _mass(self, p):
        e, v = self.eigenvalues, np.sqrt(self._square(p))
        d = np.subtract.outer(p, e)
        terms = np.arctan2(v[..., None], d) - e * v[..., None] / (d**2 + v[..., None] ** 2)
        outside = (1 - self.ratio) * np.arctan2(v, p) / self.ratio
        return 1 - (outside + terms @ self.multiplicities) / np.pi
