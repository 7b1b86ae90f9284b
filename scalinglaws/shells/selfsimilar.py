"""Self-similarity of the energy spectrum: the resolution frontier, collapse of profiles about it, and effective times.

If training only moves one frontier through a scale-free spectrum, the share of the remaining energy per e-fold of
eigenvalue is one function of eigenvalue / frontier at all times (arXiv 2512.10427). Here the frontier is the eigenvalue
that halves the dissipation, where learning takes place: it needs no threshold, and it falls as 1/t when the kernel is
frozen and the spectrum a power law. The median of the energy itself would feel the spectrum's lower end much earlier.
"""

from itertools import pairwise

import numpy as np

from scalinglaws import checks
from scalinglaws.shells.partition import TINIEST

# Energy per e-fold is read on this grid of ln(eigenvalue / frontier), which spans what 128 modes can hold.
POSITIONS = np.linspace(-6.0, 6.0, 121)


def resolution_frontier(eigenvalues, mode_energy):
    """Eigenvalue that halves the dissipation, eigenvalue * energy: (T,) for eigenvalues and mode_energy (T, m)."""
    return eigenvalue_quantile(eigenvalues, eigenvalues * mode_energy, 0.5)


def eigenvalue_quantile(eigenvalues, weights, level):
    """Eigenvalue below which the share `level` of the weights lies, (T,) for arrays (T, m); NaN without weight.

    Linear in ln eigenvalue between the modes' mid-points of the cumulative weight, so that it moves continuously.
    """
    level = checks.between("level", level, 0, 1)
    pairs = zip(np.atleast_2d(eigenvalues), np.atleast_2d(weights), strict=True)
    return np.array([_quantile(*pair, level) for pair in pairs])


def _quantile(eigenvalues, weights, level):
    order = np.argsort(eigenvalues, kind="stable")
    total = weights.sum()
    if not total > 0:
        return np.nan
    cumulative = (np.cumsum(weights[order]) - weights[order] / 2) / total
    # The logarithm of an eigenvalue of 0 must only be a number.
    return float(np.exp(np.interp(level, cumulative, np.log(np.maximum(eigenvalues[order], TINIEST)))))


def profiles(edges, energy, frontier):
    """Share of the remaining energy per e-fold at each of POSITIONS = ln(eigenvalue / frontier), shape (T, positions).

    edges (S + 1,) from 0 to inf, geometric between; energy (T, S) of the shells; frontier (T,). The outermost two
    shells, which have no width, are left out of the share.
    """
    inner = np.asarray(edges)[1:-1]
    centres, widths = np.log(inner[1:] * inner[:-1]) / 2, np.diff(np.log(inner))
    density = energy[:, 1:-1] / widths / np.maximum(energy[:, 1:-1].sum(1, keepdims=True), TINIEST)
    rows = zip(np.log(frontier), density, strict=True)
    return np.array([np.interp(POSITIONS, centres - at, row, left=0.0, right=0.0) for at, row in rows])


def collapse_score(profile_rows):
    """Mean over pairs of rows of their distance, half the integral of |p - p'|: 0 for a collapse, 1 for no overlap.

    profile_rows: (T, positions), T >= 2, on the grid POSITIONS.
    """
    rows = checks.array("profile_rows", profile_rows, ndim=2)
    checks.integer("number of profile_rows", len(rows), minimum=2)
    first, second = np.triu_indices(len(rows), k=1)
    return float(np.abs(rows[first] - rows[second]).sum(1).mean() * (POSITIONS[1] - POSITIONS[0]) / 2)


def effective_times(law, times):
    """Two clocks of a drift law with exponent 1, read at `times` (T,), increasing from > 0: each (T,), from 0.

    Drift time tau(t) = integral of c(s) ds, the e-folds by which every eigenvalue has grown; learning time, the
    integral of e^tau ds: every mode has decayed as exp(-2 eigenvalue(0) * learning time), so it is the time that a
    frozen kernel would have needed. ValueError on another exponent, for which modes have no common clock.
    """
    if law.exponent != 1:
        raise ValueError(f"law.exponent = {law.exponent!r} must be 1: with another, modes have no common clock")
    position, exposure, clocks = np.ones(1), 0.0, []
    for start, stop in pairwise([0.0, *times]):
        position, passed = law.advance(position, start, stop)
        exposure = exposure + passed[0]
        clocks.append((np.log(position[0]), exposure))
    drift_time, learning_time = np.array(clocks).T
    return drift_time, learning_time
