"""Sums over the modes of a covariance that all deterministic equivalents are made of, at any number of kappas at once.

With r = eigenvalue / (eigenvalue + kappa) the share of a mode that is learned and s = 1 - r = kappa / (eigenvalue +
kappa) the rest, everything is a sum over modes of products of r and s; none is a difference of large numbers.
"""

from dataclasses import dataclass

import numpy as np

# Modes times kappas held at once: a few MB, which stay in cache.
CHUNK = 1 << 18


@dataclass(frozen=True, eq=False)
class Modes:
    """The directions of positive eigenvalue: eigenvalues, how many share each, and the power they give the target.

    power is multiplicity * eigenvalue * target^2, the part of the noiseless label's variance.
    """

    eigenvalues: np.ndarray
    multiplicities: np.ndarray
    power: np.ndarray

    @classmethod
    def of(cls, eigenvalues, multiplicities, target=0.0):
        """Those of a spectrum with zeros, which neither carry a label nor can be learned, left out."""
        kept = eigenvalues > 0
        power = multiplicities * eigenvalues * np.square(target)
        return cls(eigenvalues[kept], multiplicities[kept], power[kept])

    @property
    def rank(self):
        """Number of directions."""
        return float(self.multiplicities.sum())

    @property
    def trace(self):
        """Sum of the eigenvalues."""
        return float(self.multiplicities @ self.eigenvalues)

    def learned(self, kappa):
        """Degrees of freedom, sum of r, at each kappa >= 0 (n,); at 0 it is the rank."""
        (result,) = self._over_chunks(kappa, lambda part: (self._shares(part) @ self.multiplicities,))
        return result

    def split(self, kappa):
        """Sums of r and of s at each kappa > 0 (n,): two arrays that add up to the rank, neither a difference."""
        return self._over_chunks(kappa, self._split)

    def at(self, kappa):
        """Sums of r^2 and r s over directions, and of s^2 and r s over the target's power: four arrays (n,)."""
        return self._over_chunks(kappa, self._sums)

    def _split(self, kappa):
        inverse = 1 / (self.eigenvalues + kappa[:, None])
        return inverse @ (self.eigenvalues * self.multiplicities), kappa * (inverse @ self.multiplicities)

    def _sums(self, kappa):
        r = self._shares(kappa)
        s = kappa[:, None] / (self.eigenvalues + kappa[:, None])
        rs = r * s
        return (r * r) @ self.multiplicities, rs @ self.multiplicities, (s * s) @ self.power, rs @ self.power

    def _shares(self, kappa):
        return self.eigenvalues / (self.eigenvalues + kappa[:, None])

    def _over_chunks(self, kappa, sums):
        size = max(1, CHUNK // self.eigenvalues.size)
        parts = [sums(kappa[first : first + size]) for first in range(0, len(kappa), size)]
        return tuple(np.concatenate(columns) for columns in zip(*parts, strict=True))
