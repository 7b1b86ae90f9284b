"""Linear measurements Tr S Z_i of a symmetric matrix S by which a quadratic network sees its inputs.

Both kinds have the same mean 0 and covariance, Var Tr S Z = 2 |S|_F^2 / dim. Each has `predict(S)`, the vector of
Tr S Z_i, `predict_product(factor)`, the same of S = factor factor^T, and the transpose `adjoint(residual)`, the
symmetric matrix sum_i residual_i Z_i.
"""

from dataclasses import dataclass

import numpy as np

SENSING = ("outer", "goe")


@dataclass(frozen=True, eq=False)
class OuterProducts:
    """Z_i = (x_i x_i^T - 1) / sqrt(dim) of inputs (n_samples, dim), never stored: a quadratic network's own."""

    inputs: np.ndarray

    @property
    def dim(self):
        """Rows of S."""
        return self.inputs.shape[1]

    def predict(self, S):
        """(x_i^T S x_i - Tr S) / sqrt(dim), shape (n_samples,)."""
        products = self.inputs @ S
        products *= self.inputs
        return (products.sum(axis=1) - np.trace(S)) / np.sqrt(self.dim)

    def predict_product(self, factor):
        """`predict` of factor factor^T for a factor (dim, rank): the fewer columns, the fewer operations."""
        return (((self.inputs @ factor) ** 2).sum(axis=1) - (factor**2).sum()) / np.sqrt(self.dim)

    def adjoint(self, residual):
        """(X^T diag(residual) X - 1 sum_i residual_i) / sqrt(dim), shape (dim, dim)."""
        weighted = self.inputs.T @ (residual[:, None] * self.inputs)
        weighted[np.diag_indices(self.dim)] -= residual.sum()
        return weighted / np.sqrt(self.dim)


@dataclass(frozen=True, eq=False)
class GaussianMatrices:
    """Independent Gaussian symmetric Z_i, entries of variance 1 / dim off and 2 / dim on the diagonal.

    coordinates : (n_samples, dim (dim + 1) / 2), those of the upper triangle in an orthonormal basis of the symmetric
        matrices, each of variance 2 / dim.
    """

    coordinates: np.ndarray
    dim: int

    def predict(self, S):
        """Tr S Z_i, shape (n_samples,)."""
        return self.coordinates @ (S[np.triu_indices(self.dim)] * self._lengths())

    def predict_product(self, factor):
        """`predict` of factor factor^T."""
        return self.predict(factor @ factor.T)

    def adjoint(self, residual):
        """sum_i residual_i Z_i, shape (dim, dim)."""
        upper = np.zeros((self.dim, self.dim))
        upper[np.triu_indices(self.dim)] = (residual @ self.coordinates) / self._lengths()
        return upper + np.triu(upper, 1).T

    def _lengths(self):
        """Norm of a matrix with 1 at an entry of the upper triangle and at its mirror image."""
        rows, columns = np.triu_indices(self.dim)
        return np.where(rows == columns, 1.0, np.sqrt(2))


def draw_outer(rng, n_samples, dim):
    """`OuterProducts` of inputs x ~ N(0, 1_dim)."""
    return OuterProducts(rng.standard_normal((n_samples, dim)))


def draw_goe(rng, n_samples, dim):
    """`GaussianMatrices`."""
    coordinates = rng.standard_normal((n_samples, dim * (dim + 1) // 2))
    coordinates *= np.sqrt(2 / dim)
    return GaussianMatrices(coordinates, dim)
