"""Closed-form laws of the eigenvalues of large random matrices, Wigner's and Marchenko and Pastur's; distance to a law.

A law has `edges` (n_bulks, 2), the ends of its continuous parts in ascending order, `atom`, its mass at 0, and
`density(x)` and `cdf(x)` for x of any shape. The density leaves the atom out, is 0 outside the bulks and inf at a hard
edge, where it diverges; the cdf, right-continuous, has the atom in it. `ratio` is dim / n_samples, q in formulas.
Ensembles: arXiv:2405.00592, its sections on random matrices and their S-transforms.
"""

from dataclasses import dataclass

import numpy as np

from scalinglaws import checks


class Semicircle:
    """Wigner's law: symmetric matrices with independent entries of variance 1/dim off the diagonal."""

    edges, atom = np.array([[-2.0, 2.0]]), 0.0

    def density(self, x):
        """sqrt(4 - x^2) / (2 pi), shape of x."""
        x = checks.array("x", x, minimum_size=0)
        return np.sqrt(np.maximum(4 - x**2, 0)) / (2 * np.pi)

    def cdf(self, x):
        """1/2 + x sqrt(4 - x^2) / (4 pi) + arcsin(x/2) / pi, shape of x."""
        x = np.clip(checks.array("x", x, minimum_size=0), -2, 2)
        return 0.5 + x * np.sqrt(4 - x**2) / (4 * np.pi) + np.arcsin(x / 2) / np.pi


@dataclass(frozen=True)
class MarchenkoPastur:
    """White Wishart: X^T X / n_samples with independent entries of variance 1; ratio > 0, else ValueError."""

    ratio: float

    def __post_init__(self):
        checks.positive("ratio", self.ratio)

    @property
    def atom(self):
        """max(0, 1 - 1/q)."""
        return max(0.0, 1 - 1 / self.ratio)

    @property
    def edges(self):
        """(1 -+ sqrt q)^2."""
        root = np.sqrt(self.ratio)
        return np.array([[(1 - root) ** 2, (1 + root) ** 2]])

    def density(self, x):
        """sqrt((high - x) (x - low)) / (2 pi q x), shape of x."""
        x, (low, high) = checks.array("x", x, minimum_size=0), self.edges[0]
        inside = (x > low) & (x < high)
        height = np.where((x == 0) & (low == 0), np.inf, 0.0)
        height[inside] = np.sqrt((high - x[inside]) * (x[inside] - low)) / (2 * np.pi * self.ratio * x[inside])
        return height

    def cdf(self, x):
        """With x = 1 + q - 2 sqrt(q) cos(angle) the density is sin^2 over a Poisson kernel, integrated term by term.

        r = min(sqrt q, 1/sqrt q) and wedge = arg(1 - r e^(-i angle)) give
        F = atom + [angle/2 + (r sin(angle) - (1 - r^2) wedge) / (2 r^2)] * 2 / (pi max(1, q)); the hard edge of q = 1
        is no special case.
        """
        x, (low, high) = checks.array("x", x, minimum_size=0), self.edges[0]
        angle = 2 * np.arcsin(np.sqrt((np.clip(x, low, high) - low) / (high - low)))
        r = min(self.ratio**0.5, self.ratio**-0.5)
        wedge = np.arctan2(r * np.sin(angle), 1 - r * np.cos(angle))
        area = angle / 2 + (r * np.sin(angle) - (1 - r**2) * wedge) / (2 * r**2)
        return np.where(x < 0, 0.0, self.atom + area * 2 / (np.pi * max(1.0, self.ratio)))


def ks_distance(eigenvalues, cdf, jumps=(0.0,)):
    """Kolmogorov-Smirnov distance: the largest |share of eigenvalues <= x - cdf(x)| over all x.

    `eigenvalues` has any shape and >= 1 entries; `cdf` is a vectorised right-continuous function, continuous but for
    `jumps`, where its limit from below is its value at the next smaller double. Between neighbouring eigenvalues the
    share is constant, so the largest difference is at one of them or just below it. Bad input: ValueError.
    """
    values, counts = np.unique(checks.array("eigenvalues", eigenvalues), return_counts=True)
    share = np.cumsum(counts) / counts.sum()
    at = cdf(values)
    below, jump = at.copy(), np.isin(values, jumps)
    below[jump] = cdf(np.nextafter(values[jump], -np.inf))
    return float(max(np.abs(share - at).max(), np.abs(share - counts / counts.sum() - below).max()))
