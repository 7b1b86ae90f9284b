"""The drift of error energy through the spectrum: flux through each boundary, velocity, and the law it may follow.

The budget gives the energy that passes each boundary; velocity = flux / energy density (arXiv 2512.10427 posits
v ~ -c(t) lambda^b). In log eigenvalue the density at a boundary is sum_u K(ln lambda_u - ln edge) E_u, where K is the
slope of the cumulative shell window. With that K, modes that all move at one relative velocity u = d ln lambda / dt
give flux = u * density exactly in continuous time, whatever their energies; finite steps err at order 2. Where u
depends on lambda the shells average it: for u ~ lambda^(b-1) and an even energy per e-fold every cell is too large by
one factor, (sinh(x/2) / (x/2))^3 with x = (b - 1) ln shell_ratio, which leaves the exponent as it is.
"""

from dataclasses import dataclass

import numpy as np

from scalinglaws import checks
from scalinglaws.fits import bootstrap_interval
from scalinglaws.shells.partition import TINIEST, SplineShells

# Cells count as resolved when the time-integrated density exceeds this share of the largest in their time window.
RESOLVED_SHARE = 1e-4
# Ranges of 2 * eigenvalue * time: below 0.5 a lazy mode has kept most of its energy, above 4 it has kept less than
# e^-4 of it, and what is found there has arrived from elsewhere.
REGIONS = {"all": (0.0, np.inf), "unlearned": (0.0, 0.5), "frontier": (0.5, 4.0), "learned": (4.0, np.inf)}


class NothingToFit(ValueError):
    """No window of time holds three resolved cells of one sign."""


@dataclass(frozen=True)
class DriftField:
    """Energy that passed each boundary in each time window, and the density that was there to be moved.

    time_edges (W + 1,); eigenvalues (B,), the boundaries; passed (W, B), energy towards larger eigenvalues, in units of
    the loss; exposure (W, B), integral over the window of energy per unit of log eigenvalue; growth (W,), mean rate
    d ln tr M / dt.
    """

    time_edges: np.ndarray
    eigenvalues: np.ndarray
    passed: np.ndarray
    exposure: np.ndarray
    growth: np.ndarray

    @property
    def times(self):
        """Geometric centre of each window; its end where it begins at zero."""
        first = np.where(self.time_edges[:-1] > 0, self.time_edges[:-1], self.time_edges[1:])
        return np.sqrt(first * self.time_edges[1:])

    @property
    def resolved(self):
        """Cells (W, B) that hold more than RESOLVED_SHARE of their window's largest exposure."""
        return self.exposure > RESOLVED_SHARE * self.exposure.max(axis=1, keepdims=True)

    @property
    def relative_velocity(self):
        """u = v / eigenvalue, e-folds per unit of time, (W, B); NaN where not resolved."""
        resolved = self.resolved
        return np.where(resolved, self.passed, np.nan) / np.where(resolved, self.exposure, 1.0)

    def without_growth(self):
        """The field that is left when every eigenvalue's common growth d ln tr M / dt is taken out."""
        passed = self.passed - self.growth[:, None] * self.exposure
        return DriftField(self.time_edges, self.eigenvalues, passed, self.exposure, self.growth)


def edge_density(edges, eigenvalues, mode_energy):
    """Energy per unit of log eigenvalue at the inner edges of spline shells.

    edges (S + 1,) from 0 to inf, geometric between; eigenvalues and mode_energy (..., m). Returns (..., S - 1).
    """
    inner = SplineShells(edges).edges[1:-1]
    log_ratio = np.log(inner[1] / inner[0])
    position = (np.log(np.maximum(eigenvalues, TINIEST)) - np.log(inner[0])) / log_ratio
    nearest = np.round(position).astype(int)
    rows = np.arange(position[..., 0].size).reshape(*position.shape[:-1], 1)
    # A mode reaches its nearest edge and the two beside it; columns on either side collect what falls off the grid.
    density = np.zeros(rows.size * (inner.size + 2))
    for shift, weight in zip((-1, 0, 1), _bump(position - nearest), strict=True):
        column = np.clip(nearest + shift + 1, 0, inner.size + 1)
        place = rows * (inner.size + 2) + column
        density += np.bincount(place.ravel(), (weight * mode_energy).ravel(), density.size)
    return density.reshape(*position.shape[:-1], inner.size + 2)[..., 1:-1] / log_ratio


def _bump(offset):
    """Quadratic B-splines, slopes of cumulative cubic ones, of the edges before, at and after the one `offset` away."""
    return (0.5 - offset) ** 2 / 2, 0.75 - offset**2, (0.5 + offset) ** 2 / 2


def measure_field(time, edges, eigenvalues, mode_energy, exchange, time_edges):
    """The drift field of one run.

    time (T,) increasing from 0; edges (S + 1,) of spline shells; eigenvalues, mode_energy (T, m); exchange (T - 1, S),
    the energy each shell gained from others in each step; time_edges (W + 1,) increasing, within the run. Steps
    that straddle a window's edge are divided in proportion. ValueError on windows outside the run or other shapes.
    """
    time, time_edges = checks.increasing("time", time), checks.increasing("time_edges", time_edges)
    if time_edges[0] < time[0] or time_edges[-1] > time[-1] * (1 + 1e-12):
        raise ValueError(f"time_edges run from {time_edges[0]} to {time_edges[-1]} and must lie within the run's times")
    exchange = checks.array("exchange", exchange, ndim=2)
    if exchange.shape != (time.size - 1, len(edges) - 1):
        raise ValueError(f"exchange has shape {exchange.shape} and must have {(time.size - 1, len(edges) - 1)}")
    flux = np.cumsum(exchange[:, ::-1], axis=1)[:, -2::-1]
    density = edge_density(edges, eigenvalues, mode_energy)
    exposure = np.diff(time)[:, None] * (density[1:] + density[:-1]) / 2
    log_trace = np.log(eigenvalues.sum(axis=1))
    growth = np.diff(np.interp(time_edges, time, log_trace)) / np.diff(time_edges)
    parts = (_by_window(time, steps, time_edges) for steps in (flux, exposure))
    return DriftField(time_edges, np.asarray(edges)[1:-1], *parts, growth)


def _by_window(time, steps, time_edges):
    """Sums of per-step values (T - 1, B) over each window, (W, B)."""
    running = np.concatenate([np.zeros((1, steps.shape[1])), np.cumsum(steps, axis=0)])
    return np.diff([np.interp(time_edges, time, column) for column in running.T], axis=1).T


@dataclass(frozen=True)
class DriftFit:
    """Power law v = sign * c(t) * eigenvalue^exponent fitted to the fields of several seeds.

    exponent is fitted to ln |v| over the resolved cells of the dominant sign, with a free amplitude for each seed and
    window; interval is over seeds (NaN for one seed). share_up is the share of cells that move towards larger
    eigenvalues, share_up_energy the same weighted by |energy passed|; upward_interval its interval over seeds.
    residual_rms is the scatter of ln |v| about the law. explained maps exponents to the share of the squared relative
    velocity, weighted by energy, that the law with that exponent explains, signs included; best_explained is
    the exponent at which it is largest.
    """

    sign: int
    exponent: float
    interval: tuple[float, float]
    share_up: float
    share_up_energy: float
    upward_interval: tuple[float, float]
    residual_rms: float
    explained: dict
    best_explained: float
    n_cells: int
    n_seeds: int


# Exponents at which the explained share is evaluated.
EXPONENTS = np.round(np.arange(-1.0, 4.0001, 0.05), 2)


def fit_drift(fields, *, region="all"):
    """Fit one drift exponent to the fields of several seeds (a list per seed: one field for each grid offset).

    fields: list over seeds, not empty, of lists of `DriftField`. Cells of one seed are pooled over its grids. Windows
    with fewer than 3 cells of the dominant sign do not count; NothingToFit when none is left. ValueError on an unknown
    region.
    """
    seeds = _cells_by_seed(fields, region)
    sign, directions, moments = _pooled(seeds, region)
    exponent, n_cells = _slope(moments), int(moments[:, 3].sum())
    rms = np.sqrt(max(moments[:, 2].sum() - exponent**2 * moments[:, 0].sum(), 0.0) / n_cells)
    explained = np.mean([_explained(of_seed) for of_seed in seeds], axis=0)
    return DriftFit(
        sign=sign,
        exponent=float(1 + exponent),
        interval=_interval(moments, lambda draws, axis: 1 + _slope(draws, axis)),
        share_up=float(directions[:, 0].sum() / directions[:, 1].sum()),
        share_up_energy=_ratio(directions[:, 2:], axis=0),
        upward_interval=_interval(directions[:, 2:], _ratio),
        residual_rms=float(rms),
        explained=dict(zip(EXPONENTS.tolist(), explained.tolist(), strict=True)),
        best_explained=float(EXPONENTS[np.argmax(explained)]),
        n_cells=n_cells,
        n_seeds=len(seeds),
    )


def drift_exponent(fields, *, region="all"):
    """The exponent of `fit_drift` alone."""
    return float(1 + _slope(_pooled(_cells_by_seed(fields, region), region)[2]))


def _cells_by_seed(fields, region):
    bounds = REGIONS[checks.one_of("region", region, tuple(REGIONS))]
    return [[_cells(field, *bounds) for field in of_seed] for of_seed in fields]


def _pooled(seeds, region):
    """Dominant sign, and per seed the directions and moments of the cells."""
    directions = np.array([_directions(of_seed) for of_seed in seeds])
    sign = _dominant(directions)
    moments = np.array([_moments(of_seed, sign) for of_seed in seeds])
    if not moments[:, 0].sum() > 0:
        raise NothingToFit(f"fields hold no window with 3 resolved cells of one sign in the region {region!r}")
    return sign, directions, moments


def _dominant(directions):
    return 1 if directions[:, 0].sum() >= directions[:, 1].sum() / 2 else -1


def compare_regions(fields, first, second):
    """Exponent in one region minus that in another: (difference, low, high) over seeds; None if a region has no cells.

    Signs as the dominant one of the whole field; `fields` as in `fit_drift`.
    """
    sign = _dominant(np.array([_directions(of_seed) for of_seed in _cells_by_seed(fields, "all")]))
    pair = np.array([[_moments(of_seed, sign) for of_seed in _cells_by_seed(fields, name)] for name in (first, second)])
    if not (pair[:, :, 0].sum(1) > 0).all():
        return None
    by_seed = pair.swapaxes(0, 1)
    low, high = _interval(by_seed, _difference)
    return float(_difference(by_seed, 0)), low, high


def _difference(draws, axis):
    slopes = _slope(draws, axis)
    return slopes[..., 0] - slopes[..., 1]


def _cells(field, low, high):
    """Per window: log eigenvalue, relative velocity, exposure of the resolved cells with low <= 2 lambda t < high."""
    position = 2 * field.eigenvalues * field.times[:, None]
    chosen = field.resolved & (position >= low) & (position < high)
    velocity, log_eigenvalue = field.relative_velocity, np.log(field.eigenvalues)
    return [(log_eigenvalue[c], v[c], e[c]) for c, v, e in zip(chosen, velocity, field.exposure, strict=True)]


def _directions(of_seed):
    """Number of cells that move up, number of cells, energy that passed upwards, energy that passed."""
    passed = np.concatenate([velocity * exposure for field in of_seed for _, velocity, exposure in field])
    return (passed > 0).sum(), passed.size, passed[passed > 0].sum(), np.abs(passed).sum()


def _moments(of_seed, sign):
    """Sxx, Sxy, Syy of ln |u| on ln lambda within windows, and the number of cells, summed over windows and grids."""
    total = np.zeros(4)
    for log_eigenvalue, velocity, _ in (window for field in of_seed for window in field):
        along = velocity * sign > 0
        if along.sum() >= 3:
            x, y = log_eigenvalue[along], np.log(np.abs(velocity[along]))
            x, y = x - x.mean(), y - y.mean()
            total += (x @ x, x @ y, y @ y, along.sum())
    return total


def _explained(of_seed):
    """For each of EXPONENTS: mean over windows of the share of sum(exposure * u^2) that u = c lambda^(b-1) explains."""
    shares = []
    for log_eigenvalue, velocity, exposure in (window for field in of_seed for window in field):
        total = np.sum(exposure * velocity**2)
        if velocity.size >= 3 and total > 0:
            shape = np.exp(np.outer(EXPONENTS - 1, log_eigenvalue - log_eigenvalue.mean()))
            shares.append((shape @ (exposure * velocity)) ** 2 / ((shape**2 @ exposure) * total))
    return np.mean(shares, axis=0) if shares else np.zeros(EXPONENTS.size)


def _slope(moments, axis=0):
    sums = moments.sum(axis=axis)
    return sums[..., 1] / np.where(sums[..., 0] > 0, sums[..., 0], np.nan)


def _ratio(parts, axis):
    sums = parts.sum(axis=axis)
    return sums[..., 0] / np.where(sums[..., 1] > 0, sums[..., 1], np.nan)


def _interval(samples, statistic):
    """Bootstrap interval over seeds; NaN for one seed, or where a resample holds no usable window."""
    if len(samples) < 2:
        return float("nan"), float("nan")
    low, high = bootstrap_interval(np.random.default_rng(0), samples, statistic)
    return float(low), float(high)
