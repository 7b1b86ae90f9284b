"""Drift laws v(lam, t) of energy along the eigenvalue axis, and the modes that they carry: lam' = v(lam, t).

A law is constant in time inside windows and zero outside all of them. It knows where it brings a mode, and the mode's
exposure X, the integral of lam dt on the way: dissipation leaves exp(-2 X) of its energy.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import exprel

from scalinglaws import checks

# A gridded drift goes through a cell in parts no longer than this share of the cell's time scales: ln lam then changes
# by 0.65 at most in a part, and the quadrature of lam over it is exact to rounding.
LARGEST_CHANGE = 0.5
NODES, WEIGHTS = np.polynomial.legendre.leggauss(10)
# A mode this close to a zero of v, relative to ln lam, is at it: the rounding of ln lam leaves the rest undecided.
AT_ZERO = 1e-14


class _Drift:
    """What every drift shares: it is constant in time between its `time_edges` and zero outside them."""

    def advance(self, eigenvalues, start, stop):
        """Where modes are at `stop` that had `eigenvalues` at `start`, and their exposure between the two.

        eigenvalues: array of any shape, entries in [0, inf]; start, stop: 0 <= start <= stop < inf. Returns two arrays
        of that shape. A mode at 0 stays there, without exposure; one at inf has lost all its energy (exposure inf)
        unless the drift carries it away. Numbers above the largest double are inf. Bad input: ValueError.
        """
        position = checked_eigenvalues(eigenvalues)
        exposure = np.zeros_like(position)
        for middle, duration in self.pieces(start, stop):
            position, gained = self._carry(position, middle, duration)
            exposure = exposure + gained
        return position, exposure

    def pieces(self, start, stop):
        """(middle, duration) of the intervals from `start` to `stop` inside which the drift does not change."""
        start = checks.at_least("start", start, 0)
        stop = checks.at_least("stop", stop, start)
        inside = self.time_edges[(self.time_edges > start) & (self.time_edges < stop)]
        cuts = [start, *inside.tolist(), stop]
        return [((begin + end) / 2, end - begin) for begin, end in pairwise(cuts) if end > begin]

    def _at(self, values, time):
        """The entry of `values` (one a window) that holds at `time`; zero outside the windows."""
        outside = np.zeros_like(values[:1])
        return np.concatenate([outside, values, outside])[np.searchsorted(self.time_edges, time, side="right")]


@dataclass(frozen=True)
class PowerLawDrift(_Drift):
    """v = rates[w] * lam^exponent while time is in [time_edges[w], time_edges[w + 1]), and v = 0 outside all windows.

    time_edges: (W + 1,), increasing, from >= 0, the last may be inf; rates: (W,), finite, signed (positive: towards
    larger eigenvalues), in units of eigenvalue^(2 - exponent); exponent: finite. Bad input: ValueError.
    `advance` is exact up to rounding: with x = c t lam^(b-1), q = 1 - b, p = 2 - b, the characteristic is

        ln(lam_t / lam) = L = log1p(q x) / q,      X = lam t * [expm1(p L) / (p L)] * [log1p(q x) / (q x)],

    brackets being 1 where their arguments vanish: b = 1, b = 2 and c = 0 are not special. Where 1 + q x <= 0,
    c < 0 (b < 1): the mode has reached 0, at X = lam^p / (p |c|), and stays there, also under a later drift away from
    0 (of the solutions that start at 0, the one that stays);
    c > 0 (b > 1): it has reached infinity in finite time. Until then X is infinite for 1 < b <= 2, and finite for
    b > 2, lam^p / ((b - 2) c): there the mode arrives with energy left. At infinity all is lost at once: X = inf.
    Under c < 0, b > 1 modes come down from infinity, for 1 < b <= 2 with X = inf, for b > 2 with finite X.
    """

    time_edges: np.ndarray
    rates: np.ndarray
    exponent: float

    def __post_init__(self):
        edges, rates = checked_windows(self.time_edges), checks.array("rates", self.rates, ndim=1)
        if rates.size != edges.size - 1:
            raise ValueError(f"rates has {rates.size} entries and must have {edges.size - 1}, one a window")
        exponent = float(checks.array("exponent", self.exponent, ndim=0))
        for name, value in (("time_edges", edges), ("rates", rates), ("exponent", exponent)):
            object.__setattr__(self, name, value)

    def velocity(self, eigenvalues, time):
        """v at the eigenvalues (> 0, any shape) and one moment; on an edge of two windows that of the later one."""
        return self._at(self.rates, time) * np.asarray(eigenvalues, dtype=np.float64) ** self.exponent

    def _carry(self, eigenvalues, time, duration):
        rate, at_infinity = self._at(self.rates, time), np.isposinf(eigenvalues)
        between = np.where((eigenvalues > 0) & ~at_infinity, eigenvalues, 1.0)
        moved = _along_power_law(between, rate, self.exponent, duration)
        fallen = _from_infinity(rate, self.exponent, duration)
        return tuple(
            np.where(at_infinity, of_infinity, np.where(eigenvalues > 0, of_finite, 0.0))
            for of_infinity, of_finite in zip(fallen, moved, strict=True)
        )


def _along_power_law(lam, rate, exponent, duration):
    """Position and exposure of modes with 0 < lam < inf; the formulas of `PowerLawDrift`."""
    q, p = 1 - exponent, 2 - exponent
    with np.errstate(over="ignore"):
        x = checks.array("rate * duration * eigenvalues^(exponent - 1)", rate * duration * lam**-q)
        running = 1 + q * x > 0
        shrunk = _log1p_over(np.where(running, q * x, 0.0))
        after = lam * np.exp(x * shrunk)
        exposure = lam * duration * exprel(p * x * shrunk) * shrunk
    # Reached in finite time: 0 under a negative rate (then exponent < 1, so p > 1), else infinity.
    stuck = (0.0, lam * duration / np.where(running, 1.0, -p * x)) if rate < 0 else (np.inf, np.inf)
    return np.where(running, after, stuck[0]), np.where(running, exposure, stuck[1])


def _log1p_over(z):
    """log1p(z) / z, and 1 at z = 0."""
    return np.divide(np.log1p(z), z, out=np.ones_like(z), where=z != 0)


def _from_infinity(rate, exponent, duration):
    """Position and exposure of a mode that starts at infinity; lam ~ t^(-1/(b-1)) is integrable only for b > 2."""
    if not (rate < 0 and exponent > 1):
        return np.inf, np.inf
    after = image_of_infinity(exponent, -rate * duration)
    return after, after * duration * (exponent - 1) / (exponent - 2) if exponent > 2 else np.inf


def image_of_infinity(exponent, displacement):
    """[(b - 1) tau]^(-1/(b-1)), b = exponent > 1: where v = -c(t) lam^b has brought infinity when tau = int c dt >= 0.

    `displacement` is tau, of any shape; inf where it is 0. From lam^(1-b) = lam0^(1-b) + (b - 1) tau as lam0 -> inf.
    """
    with np.errstate(divide="ignore", over="ignore"):
        return ((exponent - 1) * np.asarray(displacement, dtype=np.float64)) ** (-1 / (exponent - 1))


@dataclass(frozen=True)
class GriddedDrift(_Drift):
    """v / lam on a grid: linear in ln lam between its points, constant beyond both ends, zero outside all windows.

    time_edges: (W + 1,), increasing, from >= 0, the last may be inf; eigenvalue_grid: (B,), B >= 2, increasing, > 0;
    relative_velocity: (W, B), finite, signed, per unit of time. Bad input: ValueError.
    `advance` follows each mode from grid point to grid point, where y = ln lam obeys a linear equation with a closed
    solution; exposures are Gauss-Legendre integrals over it. Both are exact for the interpolated drift up to rounding
    (relative error 1e-13 or so in lam and X); against the drift that was sampled they err at order 2 in the spacing.
    """

    time_edges: np.ndarray
    eigenvalue_grid: np.ndarray
    relative_velocity: np.ndarray

    def __post_init__(self):
        edges, grid = checked_windows(self.time_edges), checks.positive_array("eigenvalue_grid", self.eigenvalue_grid)
        checks.increasing("eigenvalue_grid", grid)
        values = checks.array("relative_velocity", self.relative_velocity, ndim=2)
        if values.shape != (edges.size - 1, grid.size):
            expected = (edges.size - 1, grid.size)
            raise ValueError(f"relative_velocity has shape {values.shape} and must have {expected}")
        for name, value in (("time_edges", edges), ("eigenvalue_grid", grid), ("relative_velocity", values)):
            object.__setattr__(self, name, value)

    def velocity(self, eigenvalues, time):
        """v at the eigenvalues (> 0, any shape) and one moment; on an edge of two windows that of the later one."""
        eigenvalues = np.asarray(eigenvalues, dtype=np.float64)
        values = self._at(self.relative_velocity, time)
        return eigenvalues * np.interp(np.log(eigenvalues), np.log(self.eigenvalue_grid), values)

    def _carry(self, eigenvalues, time, duration):
        movable = (eigenvalues > 0) & np.isfinite(eigenvalues)
        start = np.log(np.where(movable, eigenvalues, 1.0))
        position, exposure = start, np.zeros_like(eigenvalues)
        left, values = np.full_like(eigenvalues, duration), self._at(self.relative_velocity, time)
        with np.errstate(over="ignore"):
            while (left > 0).any():
                position, gained, spent = _along_line(position, left, np.log(self.eigenvalue_grid), values)
                exposure, left = exposure + gained, left - spent
            # The difference leaves a mode that does not move exactly where it is.
            after = eigenvalues * np.exp(position - start)
        # At 0 and at infinity modes stay: the exposure is 0 and inf.
        return np.where(movable, after, eigenvalues), np.where(movable, exposure, eigenvalues * duration)


def _along_line(position, left, nodes, values):
    """Follow y' = r + s (y - position) to the next node, for at most `left`; new y, exposure, and the time it took."""
    rate, slope, end, end_rate = _cell_ahead(position, nodes, values)
    arrival = _time_to(end - position, rate, end_rate)
    pace = np.maximum(np.abs(rate), np.abs(slope))
    longest = np.divide(LARGEST_CHANGE, pace, out=np.full_like(pace, np.inf), where=slope != 0)
    spent = np.minimum(np.minimum(left, arrival), longest)
    # y(t) = position + r t (e^(s t) - 1)/(s t); where s = 0 the integral of its exponential is closed.
    moments = spent * (1 + NODES.reshape(-1, *[1] * position.ndim)) / 2
    height = np.exp(position + rate * moments * exprel(slope * moments))
    bent, straight = np.tensordot(WEIGHTS, height, 1) / 2, np.exp(position) * exprel(rate * spent)
    exposure = spent * np.where(slope != 0, bent, straight)
    after = np.where(spent == arrival, end, position + rate * spent * exprel(slope * spent))
    return after, exposure, spent


def _cell_ahead(position, nodes, values):
    """Rate at `position`, slope of the rate in the cell ahead, that cell's far end (or +-inf), and the rate there."""
    rate = np.interp(position, nodes, values)
    upwards = rate > 0
    cell = np.where(upwards, np.searchsorted(nodes, position, "right"), np.searchsorted(nodes, position, "left"))
    slope = np.concatenate([[0.0], np.diff(values) / np.diff(nodes), [0.0]])[cell]
    ends = np.concatenate([[-np.inf], nodes, [np.inf]])
    end = ends[cell + upwards]
    at_zero = np.abs(rate) <= AT_ZERO * np.maximum(np.abs(position), 1.0) * np.abs(slope)
    rate, slope = np.where(at_zero, 0.0, rate), np.where(at_zero, 0.0, slope)
    return rate, slope, end, np.interp(end, nodes, values)


def _time_to(distance, rate, end_rate):
    """Time to the end of a cell, distance * ln(r1/r0) / (r1 - r0); inf where the rate vanishes on the way."""
    passes = np.sign(rate) * np.sign(end_rate) > 0
    ratio = np.divide(end_rate, rate, out=np.ones_like(rate), where=passes)
    # log(ratio) / (ratio - 1) is accurate next to 1 as well: both are, for the same rounded ratio.
    mean = np.divide(np.log(ratio), ratio - 1, out=np.ones_like(rate), where=ratio != 1)
    return np.where(passes, distance / np.where(passes, rate, 1.0) * mean, np.inf)


def checked_windows(time_edges):
    """Edges of the windows of time as a vector; ValueError unless they increase from a number >= 0."""
    edges = checks.increasing("time_edges", time_edges)
    checks.at_least("time_edges[0]", edges[0], 0)
    return edges


def checked_eigenvalues(eigenvalues):
    """Eigenvalues as an array; ValueError unless each is in [0, inf]."""
    eigenvalues = np.asarray(eigenvalues, dtype=np.float64)
    if not (eigenvalues >= 0).all():
        raise ValueError(f"eigenvalues hold {eigenvalues[~(eigenvalues >= 0)][0]} and must all be >= 0")
    return eigenvalues
