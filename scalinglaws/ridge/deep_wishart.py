"""Squared singular values of products of white matrices: deep Wishart matrices, Fuss-Catalan laws among them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scalinglaws import checks
from scalinglaws.ridge.curve_law import CurveLaw
from scalinglaws.solvers import bracketed_root

# A deep law's last parameter is this close to pi: there x is quadratic, so that it differs from the edge by 1e-18.
NEAR_PI = np.pi * (1 - 1e-9)


@dataclass(frozen=True)
class DeepWishart(CurveLaw):
    """W^T W for a product W = X_L ... X_1 of white factors: X_l has dim/ratio_l rows, entries of variance ratio_l/dim.

    `ratios`, > 0 (else ValueError), has an entry per factor, in any order; a single one is the Marchenko-Pastur law,
    all equal to 1 the Fuss-Catalan law.

    S-transforms 1/(1 + q_l t) multiply, so that t = z G(z) - 1 solves z = ((1 + t)/t) prod(1 + q_l t). With 1 among the
    q_l and t = -r e^(-ip), real z > 0 on the physical sheet says sum of arg(1 + q_l t) = arg t = pi - p. The left side
    grows with r from 0 to (L + 1)(pi - p): there is one r at each p in (0, pi). d(log z)/d(log t) has the imaginary
    part sum of Im(q_l t / (1 + q_l t)) > 0, so x rises with p. Integrating G dz = (1 + t) d(log z) gives the cdf.
    """

    ratios: tuple

    def __post_init__(self):
        ratios = checks.positive_array("ratios", self.ratios, ndim=1)
        object.__setattr__(self, "ratios", tuple(ratios.tolist()))

    @property
    def atom(self):
        """max(0, 1 - 1/q) of the narrowest factor."""
        return max(0.0, 1 - 1 / max(self.ratios))

    @property
    def ends(self):
        """Parameters of the edges; at 0 the curve is a limit."""
        return np.array([[0.0, NEAR_PI]])

    @cached_property
    def edges(self):
        """Eigenvalues where dz/dt = 0, that is sum of q_l t / (1 + q_l t) = 1.

        One at t > 0; and one between the two poles next to 0 on the left, or, if they are one, the hard edge x = 0.
        """
        q = self._descending

        def pull(t):
            moved = t[..., None] * q
            return (moved / (1 + moved)).sum(-1) - 1

        # All terms equal would give t = 1/(L q); the largest q and the smallest enclose it.
        top = bracketed_root(pull, 0.5 / ((q.size - 1) * q[0]), 2 / ((q.size - 1) * q[-1])).value
        return np.array([[self._low_edge(), np.prod(1 + q * top) / top]])

    def _low_edge(self):
        """With t = -1/q_0 - y between the poles 1 + q_l t is q_l (pole_l - y); dz/dt = 0 where 1/that sums to L."""
        q = self._descending
        pole = 1 / q - 1 / q[0]
        if pole[1] == 0:
            return 0.0

        def pull(y):
            return q.size - 1 - (1 / (q * (pole - y[..., None]))).sum(-1)

        # Nearer than 1e-15 to a pole its term is the largest by far.
        y = bracketed_root(pull, 1e-15 * pole[1], (1 - 1e-15) * pole[1]).value
        return np.prod(q * (pole - y)) / -(1 / q[0] + y)

    @property
    def _descending(self):
        return np.sort([1.0, *self.ratios])[::-1]

    def _point(self, p):
        """r, and 1 + q_l t along a further axis for l, largest q first, at parameters p.

        In the triangle 0, 1, 1 + q_0 t let b be the angle at 1 + q_0 t: the sum says that the other args add up to b,
        and they fall as b rises from 0 to pi - p. By the law of sines q_0 r = sin(p + b) / sin(b).
        """
        q = self._descending
        b = bracketed_root(
            lambda b, p: np.angle(_factors(q[1:] / q[0], p, b)).sum(-1) - b, np.zeros_like(p), np.pi - p, args=(p,)
        ).value
        return np.sin(p + b) / (q[0] * np.sin(b)), _factors(q / q[0], p, b) / np.sin(b)[..., None]

    def _eigenvalue(self, p):
        radius, factors = self._point(p)
        return np.abs(factors).prod(-1) / radius

    def _height(self, p, x):
        radius, _ = self._point(p)
        return radius * np.sin(p) / (np.pi * x)

    def _mass(self, p):
        radius, factors = self._point(p)
        turned = np.angle(factors) @ (1 - 1 / self._descending)
        return (p + len(self.ratios) * radius * np.sin(p) + turned) / np.pi


def _factors(share, p, b):
    """(1 + q_l t) sin(b) for q_l = share * q_0, written as 1 - share plus share of the largest: nothing cancels."""
    p, b = p[..., None], b[..., None]
    largest = -np.sin(p) * np.exp(-1j * (p + b))
    return (1 - share) * np.sin(b) + share * largest
