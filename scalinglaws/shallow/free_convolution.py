"""Spectrum of S + delta G, G a GOE matrix of spectral radius 2: free convolution of a point measure with a semicircle.

mu_delta is computed in the plane of subordination (Biane, Indiana Univ. Math. J. 46, 705, 1997). With
g(w) = sum_i p_i / (w - s_i), the map z(w) = w + delta^2 g(w) takes the region above the curve v(u),
sum_i p_i / ((u - s_i)^2 + v^2) = 1 / delta^2 (v = 0 where the sum stays below), one to one to the upper half-plane, and
the curve to the real axis: x(u) = u + delta^2 sum_i p_i (u - s_i) / ((u - s_i)^2 + v^2) increases, and the density at
x(u) is v(u) / (pi delta^2). There the Stieltjes transform of mu_delta is g(w) itself: moments of mu_delta above b are
contour integrals of analytic functions, without a grid of x and without a root for each of its points.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import hyp2f1

# Nodes of a Gauss-Legendre panel that is no longer than its distance to the nearest pole: an error of about 4^-32.
POINTS, SHARES = np.polynomial.legendre.leggauss(16)
RELATIVE = 4 * np.finfo(float).eps
SMALLEST = 1e-300
# Halvings that lead from 1 to below that.
HALVINGS = 1000


@dataclass(frozen=True)
class MomentsAbove:
    """Of mu_delta above b: J = integral of (x - b)^2, its derivatives with b and with delta, and the mass."""

    square: float
    threshold_slope: float
    delta_slope: float
    mass: float


class NoisySpectrum:
    """mu_delta of eigenvalues s (n_modes,) with shares p (n_modes,) > 0 of sum 1, delta > 0; inputs are not checked."""

    def __init__(self, eigenvalues, shares, delta):
        self.s, self.p, self.delta = eigenvalues, shares, delta

    def height(self, u):
        """v(u) >= 0, the boundary's height over the real u."""
        distances = (u - self.s) ** 2

        def excess(v):
            return self.p @ (1 / (distances + v**2)) - self.delta**-2

        # A single pole alone lifts the boundary to here; the sum never lifts it above delta.
        lower = np.sqrt(max(0.0, np.max(self.p * self.delta**2 - distances)))
        if lower >= self.delta:
            return self.delta
        if excess(lower) <= 0:
            return lower
        upper = self.delta * (1 + RELATIVE)
        return brentq(excess, lower, upper, xtol=SMALLEST, rtol=RELATIVE, maxiter=HALVINGS)

    def position(self, u):
        """x(u), the real number that the boundary's point over u is mapped to."""
        gaps = u - self.s
        return u + self.delta**2 * (self.p @ (gaps / (gaps**2 + self.height(u) ** 2)))

    def preimage(self, x):
        """w = u + i v on the boundary with z(w) = x; |x(u) - u| <= delta by Cauchy and Schwarz."""
        reach = self.delta * (1 + 1e-9) + 1e-12 * abs(x)
        u = brentq(lambda u: self.position(u) - x, x - reach, x + reach, xtol=SMALLEST, rtol=RELATIVE, maxiter=HALVINGS)
        return complex(u, self.height(u))

    def density(self, x):
        """Density of mu_delta at every entry of the vector x."""
        return np.array([self.preimage(place).imag for place in x]) / (np.pi * self.delta**2)

    def moments_above(self, b):
        """`MomentsAbove` of the threshold b: with I[f] the integral of f z'(w) dw along a path from the preimage of b
        through the upper half-plane to the real axis right of everything,

        J = -Im I[(z - b)^2 g] / pi, mass = -Im I[g] / pi,
        dJ/db = 2 Im I[(z - b) g] / pi, dJ/d delta = -2 delta Im I[(z - b) g^2] / pi.
        """
        start = self.preimage(b)
        if self._is_right_of_all(start):
            return MomentsAbove(0.0, 0.0, 0.0, 0.0)
        w, dw = self._path(start)
        g, slope = self._transforms(w)
        above, dz = w + self.delta**2 * g - b, dw * (1 + self.delta**2 * slope)
        integrals = np.array([above**2 * g, 2 * above * g, 2 * self.delta * above * g * g, g]) @ dz / np.pi
        return MomentsAbove(*(float(i) for i in integrals.imag * (-1, 1, -1, -1)))

    def thresholded(self, b):
        """(risk, slope, mass): <(relu(Y - b) - S)^2>, <.> the trace over dim and Y = S + delta G; its part
        dJ/d delta / delta; the mass above b.

        The risk equals <s^2> - J + b dJ/db + delta dJ/d delta, whose terms cancel where delta is small. Here the
        overlaps of Y's eigenvectors with those of S are used instead, u + i v the preimage of b. What lies above b has
        -Im I[sum_i p_i (z - b - s_i)^2 / (w - s_i)] / pi with z - b - s_i = (w - s_i) + e, e = delta^2 g - b, so that
        sum_i (...) = (w - <s>) + 2 e + e^2 g. What lies below has sum_i p_i s_i^2 P_i,
        pi P_i = atan2(v, s_i - u) + delta^2 Im(integral of g' / (w - s_i) dw). Strengths far above delta cancel to
        leading orders in both, since delta^2 Im(integral of g' dw) = v; here they have been cancelled by hand.
        """
        start, second_moment = self.preimage(b), self.p * self.s**2
        if self._is_right_of_all(start):
            return float(second_moment.sum()), 0.0, 0.0
        w, dw = self._path(start)
        near, far, closed = self._split(start, second_moment)
        g, slope, near, far = self._transforms(w, near, far)
        variance, from_start = self.delta**2, w - start.real
        e, dz = variance * g - b, dw * (1 + variance * slope)
        below = closed + variance * ((near + from_start * far) * slope @ dw).imag
        above = -(variance * (from_start * slope @ dw) + (2 * variance * g + e**2 * g) @ dz).imag
        return (below + above) / np.pi, -2 / np.pi * ((w + e) * g * g @ dz).imag, -(g @ dz).imag / np.pi

    def _split(self, start, weights):
        """The weights m_i of integral m_i g' / (w - s_i) dw, those of m_i (w - u) g' / ((s_i - u) (w - s_i)), into
        which the former turn for s_i - u > v, and pi sum_i m_i P_i but for these integrals.
        """
        gaps, v = self.s - start.real, start.imag
        is_far = gaps > v
        x = v / gaps[is_far]
        # atan(x) - x without cancellation
        closed = -weights[is_far] @ (x**3 / 3 * hyp2f1(1, 1.5, 2.5, -(x**2)))
        closed += weights[~is_far] @ np.arctan2(v, gaps[~is_far])
        return np.where(is_far, 0.0, weights), np.where(is_far, weights, 0.0) / np.where(is_far, gaps, 1.0), closed

    def _is_right_of_all(self, start):
        return start.imag == 0 and start.real > self.s.max()

    def _transforms(self, w, *weights):
        """g and g' at the points w, and sum_i weights_i / (w - s_i) for each vector of weights."""
        poles = 1 / (w[:, None] - self.s)
        others = [poles @ each for each in weights]
        g = poles @ self.p
        poles *= poles
        return g, -(poles @ self.p), *others

    def _path(self, start):
        """Nodes and complex weights: up from the start, across, and down right of the support, in graded panels."""
        nearest = np.abs(start - self.s).min()
        right = self.s.max() + 2 * self.delta + max(0.0, self.s.max() - start.real) / 2
        top = max((right - start.real) / 2, 2 * start.imag)
        rises = [start.imag]
        while rises[-1] < top:
            rises.append(rises[-1] + max(rises[-1], nearest))
        up = start.real + 1j * np.array(rises)
        across = np.linspace(up[-1], complex(right, rises[-1]), 2 + int((right - start.real) / rises[-1]))
        falls = np.linspace(across[-1], right, 2 + int(rises[-1] / (right - self.s.max())))
        edges = np.concatenate([up, across[1:], falls[1:]])
        half = np.diff(edges)[:, None] / 2
        return (edges[:-1, None] + half * (1 + POINTS)).ravel(), (half * SHARES).ravel()
