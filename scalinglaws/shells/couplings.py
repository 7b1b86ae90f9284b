"""Couplings between spectral shells: do they depend on the distance of two shells alone, and do they reach far?

Modes u and v turn into each other at the rate Omega_uv (Kato). Between geometric shells a and b, sharp, of one ratio,

    K_ab = root mean square of Omega_uv over u in a, v in b,      T_ab = sum_{u in a, v in b} g_u Omega_uv g_v / n.

Log-shift invariance (arXiv 2512.18209, abstract) says that K_ab is a function of |a - b|. The yardstick is a kernel
that moves without a preferred scale, M' = M^(1/2) G M^(1/2) with G symmetric Gaussian, of the same eigenvalues:

    Omega_uv = sqrt(lam_u lam_v) G_uv / (lam_u - lam_v),

a function of lam_u / lam_v alone but for its noise and for where in their shells the eigenvalues happen to lie. R^2 of
the fit cannot tell the two apart: couplings fall over decades with distance, which explains most of their variance.
"""

from dataclasses import dataclass

import numpy as np

from scalinglaws import checks
from scalinglaws.shells.modes import DEGENERATE


def shell_couplings(eigenvalues, rotation, shells):
    """K_ab, shape (n_shells, n_shells), symmetric.

    eigenvalues (m,), rotation (m, m) as from `rotation_rates`, shells a `SharpShells`. NaN on the diagonal, where
    nothing is exchanged, for shells without modes, and for the two outermost, which have no place on the log axis.
    """
    members = shells.windows(eigenvalues)
    members[[0, -1]] = 0
    counts = members.sum(1)
    pairs = np.outer(counts, counts)
    np.fill_diagonal(pairs, 0)
    squares = members @ rotation**2 @ members.T
    return np.sqrt(np.divide(squares, pairs, out=np.full(pairs.shape, np.nan), where=pairs > 0))


def log_shift_index(couplings):
    """Root mean square residual of the fit ln K_ab = f(|a - b|), f free at every distance: 0 when invariant.

    Only pairs count whose distance occurs more than once: a single pair is fitted exactly and says nothing.
    ValueError when there are none (fewer than 3 neighbouring shells with modes), or on couplings <= 0.
    """
    return float(np.sqrt(np.mean(_residuals(couplings)[0] ** 2)))


def log_shift_tilt(couplings):
    """Slope of ln K_ab against (a + b) / 2 at fixed |a - b|, per shell: the commonest way to miss invariance.

    Couplings that grow as a power of the pair's mean eigenvalue have this slope, and nothing else but noise in their
    residuals. Errors as for `log_shift_index`.
    """
    residuals, heights = _residuals(couplings)
    return float(residuals @ heights / (heights @ heights))


def _residuals(couplings):
    """ln K_ab and (a + b) / 2, less their means over the pairs at the same distance, for distances that recur."""
    first, second = np.nonzero(np.triu(np.isfinite(couplings), 1))
    logs = np.log(checks.positive_array("couplings", couplings[first, second], minimum_size=2))
    _, distance, times = np.unique(second - first, return_inverse=True, return_counts=True)
    repeated = times[distance] > 1
    if not repeated.any():
        raise ValueError(
            f"couplings of {len(logs)} pairs of shells must hold 2 pairs at one distance: refine the shells"
        )
    heights = (first + second) / 2
    centred = [values - (np.bincount(distance, values) / times)[distance] for values in (logs, heights)]
    return [values[repeated] for values in centred]


def scale_free_amplitudes(eigenvalues):
    """sqrt(lam_u lam_v) / (lam_u - lam_v), shape (m, m), antisymmetric; 0 within a degenerate eigenvalue."""
    gaps = eigenvalues[:, None] - eigenvalues[None, :]
    apart = np.abs(gaps) > DEGENERATE * eigenvalues.max()
    return np.where(apart, np.sqrt(np.outer(eigenvalues, eigenvalues)), 0.0) / np.where(apart, gaps, 1.0)


def scale_free_rotation(rng, eigenvalues):
    """One draw of the rotation rates of M' = M^(1/2) G M^(1/2), off-diagonal entries of G standard normal."""
    upper = np.triu(rng.standard_normal((len(eigenvalues),) * 2), 1)
    return scale_free_amplitudes(eigenvalues) * (upper + upper.T)


@dataclass(frozen=True)
class LogShift:
    """Log-shift index of a kernel and, for the same eigenvalues and shells, mean and standard deviation of the null's.

    tilt: exponent of the couplings' growth with the eigenvalue at fixed distance (`log_shift_tilt` per unit of
    ln lambda; 0 for the null); n_shells: the shells that the index is made from.
    """

    index: float
    tilt: float
    null_index: float
    null_std: float
    n_shells: int


def log_shift(eigenvalues, rotation, shells, null_rotations):
    """Compare a kernel's log-shift index with that of draws of the null (`scale_free_rotation`), at least 2."""
    couplings = shell_couplings(eigenvalues, rotation, shells)
    drawn = [log_shift_index(shell_couplings(eigenvalues, draw, shells)) for draw in null_rotations]
    checks.integer("number of null_rotations", len(drawn), minimum=2)
    return LogShift(
        index=log_shift_index(couplings),
        tilt=log_shift_tilt(couplings) / float(np.log(shells.edges[2] / shells.edges[1])),
        null_index=float(np.mean(drawn)),
        null_std=float(np.std(drawn, ddof=1)),
        n_shells=int(np.isfinite(couplings).any(0).sum()),
    )


def shell_transfers(modes, rotation, shells):
    """T_ab, the energy that shell a gains from shell b per unit of time, antisymmetric, in units of the loss."""
    windows, g = shells.windows(modes.eigenvalues), modes.coefficients
    return windows @ (g[:, None] * rotation * g[None, :]) @ windows.T / modes.n_samples


def null_transfers(modes, shells):
    """E|T_ab| of the null, shape (n_shells, n_shells), zero on the diagonal (sharp shells).

    Each T_ab, a != b, is Gaussian with variance sum g_u^2 g_v^2 lam_u lam_v / (lam_u - lam_v)^2 / n^2, since every
    pair of modes has its own G_uv; the mean of |T_ab| is sqrt(2 / pi) times its standard deviation.
    """
    windows, squares = shells.windows(modes.eigenvalues), modes.coefficients**2
    spread = np.outer(squares, squares) * scale_free_amplitudes(modes.eigenvalues) ** 2
    variance = windows @ spread @ windows.T
    np.fill_diagonal(variance, 0.0)
    return np.sqrt(2 / np.pi * variance) / modes.n_samples


def distance_shares(transfers):
    """Share of sum_{a != b} |T_ab| at |a - b| = 1, 2, ..., n_shells - 1, shape (n_shells - 1,); sums to one.

    A share within a number of shells depends on the shells' ratio: finer shells put the same two modes further apart.
    What is comparable is a kernel and its null in the same shells. ValueError when nothing is transferred.
    """
    sizes = np.abs(transfers)
    by_distance = np.array([np.trace(sizes, distance) for distance in range(1, len(sizes))])
    if not by_distance.sum() > 0:
        raise ValueError("transfers must not all be zero between different shells: there is nothing to share out")
    return by_distance / by_distance.sum()


def boundary_shares(shares):
    """The same shares with each pair counted once for every shell edge between its shells: what edges see pass.

    The flux through an edge is the sum of T_ab over the pairs that it parts; a pair at distance d has d edges between.
    """
    passing = shares * np.arange(1, len(shares) + 1)
    return passing / passing.sum()
