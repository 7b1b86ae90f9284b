"""Solutions and trace of (A + ridge)^-1 for one symmetric matrix A >= 0 and one ridge or many.

One ridge takes a Cholesky factor, n^3 / 3 operations; several share one eigendecomposition, which costs about ten of
them and then next to nothing per ridge.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack

EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Resolvents:
    """What ridge regression needs of R = (A + ridge)^-1, A of n rows, for each ridge; at ridge 0 the pseudo-inverse.

    solution : (n, n_ridges, n_sides), R sides.
    trace : (n_ridges,), tr R.
    squares : (n_ridges, n_sides, n_sides), sides^T R^2 sides, from the factors of A and not from `solution`.
    """

    solution: np.ndarray
    trace: np.ndarray
    squares: np.ndarray


def resolvents(matrix, ridges, sides, rank):
    """The `Resolvents` of a symmetric matrix (n, n) >= 0 of known rank, for ridges (n_ridges,) and sides (n, n_sides).

    ridges are >= 0. ValueError when a ridge is too small for double precision: not above the rounding errors of a
    Cholesky factor or, at ridge 0, some of the `rank` largest eigenvalues not above n * eps times the largest.
    """
    if len(ridges) == 1 and ridges[0] > 0:
        return _by_cholesky(matrix, ridges[0], sides)
    return _by_eigenvectors(matrix, ridges, sides, rank)


def _by_cholesky(matrix, ridge, sides):
    shifted = matrix.copy()
    np.einsum("ii->i", shifted)[:] += ridge
    # LAPACK wants columns: the transpose of a symmetric matrix in rows is the same matrix in columns, without a copy.
    factor, failure = lapack.dpotrf(shifted.T, lower=1, clean=1, overwrite_a=1)
    if failure:
        raise ValueError(f"ridge = {ridge} must exceed the rounding errors of a kernel of trace {np.trace(matrix):.3g}")
    solution, _ = lapack.dpotrs(factor, sides, lower=1)
    inverse, _ = lapack.dtrtri(factor, lower=1, overwrite_c=1)
    again = inverse.T @ (inverse @ sides)
    return Resolvents(solution[:, None], np.array([np.vdot(inverse, inverse)]), (again.T @ again)[None])


def _by_eigenvectors(matrix, ridges, sides, rank):
    eigenvalues, vectors = np.linalg.eigh(matrix)
    eigenvalues[: len(matrix) - rank] = 0.0
    if ridges.min() == 0 and eigenvalues[-rank] <= len(matrix) * EPS * eigenvalues[-1]:
        ratio = eigenvalues[-rank] / eigenvalues[-1]
        raise ValueError(f"ridge = 0.0 must be > 0 here: the kernel's eigenvalues fall by {ratio:.1g}, to rounding")
    shifted = np.maximum(eigenvalues, 0.0)[:, None] + ridges
    inverses = np.divide(1.0, shifted, where=shifted > 0, out=np.zeros_like(shifted))
    components = inverses[:, :, None] * (vectors.T @ sides)[:, None]
    solution = (vectors @ components.reshape(len(matrix), -1)).reshape(components.shape)
    return Resolvents(solution, inverses.sum(0), np.einsum("kra,krb->rab", components, components))
