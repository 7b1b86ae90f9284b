"""Shells: a partition of the eigenvalue axis into logarithmic windows, sharp or smooth.

Edges form a geometric grid with ratio q, closed by the outer edges 0 and inf so that no mode is lost. Sharp windows are
the paper's definition (arXiv 2512.10427); cubic B-spline windows in log eigenvalue let the budget's rates converge at
their proper order, since a mode that crosses an edge then moves its energy smoothly.
"""

from dataclasses import dataclass

import numpy as np

from scalinglaws import checks

TINIEST = np.finfo(np.float64).tiny


def geometric_edges(smallest, largest, shell_ratio, *, grid_offset=0.0, anchor=None):
    """Edges 0, anchor * shell_ratio^(k + 1/2 + grid_offset) covering [smallest, largest], inf.

    The anchor (default: `largest`) is the geometric centre of a shell when grid_offset = 0. Anchor at the top
    eigenvalue: were it an edge, a drift of 1e-5 would book the whole top mode's energy as crossing.
    grid_offset, in units of a shell, lies in (-1/2, 1/2). ValueError on shell_ratio <= 1 or an empty range.
    """
    smallest, largest = checks.positive("smallest", smallest), checks.positive("largest", largest)
    if not shell_ratio > 1 or not np.isfinite(shell_ratio):
        raise ValueError(f"shell_ratio = {shell_ratio!r} must be finite and > 1")
    if largest <= smallest:
        raise ValueError(f"largest = {largest!r} must be > smallest = {smallest!r}")
    checks.between("grid_offset", grid_offset, -0.5, 0.5)
    anchor = largest if anchor is None else checks.positive("anchor", anchor)
    # One shell to spare below makes the number of shells the same for every offset.
    first = int(np.floor(np.log(smallest / anchor) / np.log(shell_ratio))) - 1
    last = int(np.ceil(np.log(largest / anchor) / np.log(shell_ratio)))
    inner = anchor * shell_ratio ** (np.arange(first, last + 1) + 0.5 + grid_offset)
    return np.concatenate([[0.0], inner, [np.inf]])


def anchored_edges(top, shell_ratio, *, grid_offset=0.0, decades_below=8.0, decades_above=3.0):
    """Geometric edges anchored at the eigenvalue `top`, with so many decades of room below and above it.

    The number of edges is the same for every `top`. ValueError as in `geometric_edges`.
    """
    low, high = top * 10.0**-decades_below, top * 10.0**decades_above
    return geometric_edges(low, high, shell_ratio, grid_offset=grid_offset, anchor=top)


def check_edges(edges):
    """Edges as a float64 vector; ValueError unless they increase strictly from 0 to inf with finite ones between."""
    edges = checks.increasing("edges", edges, minimum_size=3)
    if edges[0] != 0 or not np.isposinf(edges[-1]):
        raise ValueError(
            f"edges run from {edges[0]} to {edges[-1]} and must run from 0 to inf, so that no mode is lost"
        )
    return edges


@dataclass(frozen=True)
class SharpShells:
    """Windows that are 1 on [edge_a, edge_{a+1}) and 0 elsewhere."""

    edges: np.ndarray

    def __post_init__(self):
        object.__setattr__(self, "edges", check_edges(self.edges))

    @property
    def n_shells(self):
        """Number of shells, one less than the number of edges."""
        return len(self.edges) - 1

    def windows(self, eigenvalues):
        """W_a(lambda_u), shape (n_shells, n_modes); columns sum to one."""
        return (self.members(eigenvalues) == np.arange(self.n_shells)[:, None]).astype(np.float64)

    def members(self, eigenvalues):
        """Index of the shell that holds each eigenvalue (eigenvalues below 0 by rounding count as 0).

        ValueError on NaN or inf, which no shell holds.
        """
        eigenvalues = checks.array("eigenvalues", eigenvalues, minimum_size=0)
        return np.searchsorted(self.edges, np.maximum(eigenvalues, 0.0), side="right") - 1


@dataclass(frozen=True)
class SplineShells:
    """Cubic B-spline windows in log eigenvalue on a geometric grid; smooth, non-negative, summing to one.

    Window a is centred on shell a and reaches two shells to either side; the outermost two collect the tails.
    """

    edges: np.ndarray

    def __post_init__(self):
        edges = check_edges(self.edges)
        steps = np.diff(np.log(edges[1:-1]))
        if len(steps) < 1 or np.ptp(steps) > 1e-9 * steps.max():
            raise ValueError("edges must be geometric (one constant ratio, at least 2 inner edges) for spline shells")
        object.__setattr__(self, "edges", edges)

    @property
    def n_shells(self):
        """Number of shells, one less than the number of edges."""
        return len(self.edges) - 1

    def windows(self, eigenvalues):
        """W_a(lambda_u), shape (n_shells, n_modes); columns sum to one."""
        return self._collect(_bump(np.abs(self._distances(eigenvalues))))

    def slopes(self, eigenvalues):
        """dW_a/dlambda at each eigenvalue, shape (n_shells, n_modes); columns sum to zero."""
        distances = self._distances(eigenvalues)
        bumps = self._collect(np.sign(distances) * _bump_slope(np.abs(distances)))
        return bumps / (self._log_ratio * np.maximum(eigenvalues, TINIEST))

    @property
    def _log_ratio(self):
        return np.log(self.edges[2] / self.edges[1])

    def _distances(self, eigenvalues):
        """Distance in shells from every bump's centre, three virtual bumps on either side of the grid included.

        ValueError on eigenvalues that are NaN or inf, which have none.
        """
        eigenvalues = checks.array("eigenvalues", eigenvalues, minimum_size=0)
        first_centre = np.log(self.edges[1]) - self._log_ratio / 2
        position = (np.log(np.maximum(eigenvalues, TINIEST)) - first_centre) / self._log_ratio
        # Beyond the first and last virtual centre the outer windows are exactly one: stay there.
        position = np.clip(position, -1.0, float(self.n_shells))
        return position[None, :] - np.arange(-3, self.n_shells + 3)[:, None]

    def _collect(self, bumps):
        low, high = bumps[:4].sum(0), bumps[-4:].sum(0)
        return np.concatenate([low[None], bumps[4:-4], high[None]])


def _bump(distance):
    """The cubic B-spline on whole knots, at a distance >= 0 from its centre."""
    beyond = np.maximum(2 - distance, 0.0)
    # Products, since numpy's powers of 3 cost ten times as much.
    return np.where(distance < 1, 2 / 3 - distance * distance * (1 - distance / 2), beyond * beyond * beyond / 6)


def _bump_slope(distance):
    """Its derivative on the positive side."""
    beyond = np.maximum(2 - distance, 0.0)
    return np.where(distance < 1, distance * (1.5 * distance - 2), -beyond * beyond / 2)
