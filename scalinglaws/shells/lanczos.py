"""The spectral measure of a vector in a symmetric operator, by Lanczos' method: where its energy sits, without modes.

k steps from e give a tridiagonal matrix whose eigenvalues and first components are the nodes and weights of Gauss
quadrature: e^T f(M) e = sum_i weight_i f(node_i), exactly for polynomials of degree below 2k (Golub & Meurant, 1994).
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh_tridiagonal

from scalinglaws import checks

# A direction shorter than this share of the largest entry is rounding: all that the vector sees of M has been seen.
EXHAUSTED = 1e-13
# Nodes may lie below 0 by this share of the largest: an operator in single precision rounds to 1e-6.
INDEFINITE = 1e-5


@dataclass(frozen=True)
class Tridiagonal:
    """M in the Krylov basis of a vector: diagonal (k,), off_diagonal (k - 1,), and the vector's norm."""

    diagonal: np.ndarray
    off_diagonal: np.ndarray
    norm: float

    @property
    def n_steps(self):
        """Number of steps, at most the number asked for: fewer where the vector's spectral measure has fewer points."""
        return len(self.diagonal)

    def measure(self, n_steps=None):
        """Nodes, ascending, and weights of the first `n_steps` steps (all by default); weights sum to norm^2.

        Nodes that rounding put below 0 are 0; ValueError on n_steps < 1 and an operator that is not positive
        semi-definite.
        """
        k = self.n_steps if n_steps is None else min(checks.integer("n_steps", n_steps, minimum=1), self.n_steps)
        nodes, vectors = eigh_tridiagonal(self.diagonal[:k], self.off_diagonal[: k - 1])
        # A start in the null space sees rounding alone in its first step, and more of the operator in later ones.
        return above_zero(nodes, np.abs(self.diagonal).max()), self.norm**2 * vectors[0] ** 2


def above_zero(eigenvalues, known=0.0):
    """Eigenvalues, 0 for those that rounding put below; ValueError on those that no rounding did.

    known: a lower bound on the operator's norm, where it is more than what these eigenvalues tell.
    """
    lowest, scale = eigenvalues.min(), max(np.abs(eigenvalues).max(), known)
    if lowest < -INDEFINITE * scale:
        raise ValueError(f"operator has the eigenvalue {lowest:.3g}, next to {scale:.3g}, and must have none below 0")
    return np.maximum(eigenvalues, 0.0)


def image_of(operator, vector):
    """M v as a float64 vector; ValueError unless it is finite and as long as v."""
    image = checks.array("operator(vector)", operator(vector), ndim=1)
    return checks.as_many("operator(vector)", image, "vector", vector)


def lanczos(operator, start, n_steps):
    """Tridiagonalise a symmetric positive semi-definite `operator` (vector -> vector) from `start`.

    Every direction is made orthogonal to all before it, twice: without that, copies of converged eigenvalues appear and
    take weight from others. The basis, (n_steps, m), is all that is kept; its cost grows as n_steps^2 m. ValueError
    on a start that is zero or not finite, on an operator that gives NaN, inf or another number of entries, and on
    either where squares overflow or vanish.
    """
    start = checks.squarable("start", checks.array("start", start, ndim=1))
    n_steps = min(checks.integer("n_steps", n_steps, minimum=1), start.size)
    norm = float(np.linalg.norm(start))
    if norm == 0:
        raise ValueError("start = 0 must have an entry that is not 0")
    basis = np.empty((n_steps, start.size))
    basis[0] = start / norm
    diagonal, off_diagonal = np.empty(n_steps), np.empty(n_steps)
    for k in range(n_steps):
        image = checks.squarable("operator(vector)", image_of(operator, basis[k]))
        diagonal[k] = basis[k] @ image
        for _ in range(2):
            image = image - (basis[: k + 1] @ image) @ basis[: k + 1]
        off_diagonal[k] = np.linalg.norm(image)
        if k + 1 == n_steps or off_diagonal[k] <= EXHAUSTED * max(diagonal[: k + 1].max(), off_diagonal[: k + 1].max()):
            return Tridiagonal(diagonal[: k + 1], off_diagonal[:k], norm)
        basis[k + 1] = image / off_diagonal[k]
