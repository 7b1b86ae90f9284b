"""Eigenmodes of the tangent kernel with the residual's components, and how modes are followed from step to step."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from scalinglaws import checks

# Eigenvalues closer than this share of the largest one are one degenerate eigenvalue: LAPACK resolves no better.
DEGENERATE = 1e-13
# A kernel's rate in single precision is symmetric to 1e-7 of its largest entry, and less where sums are long.
SYMMETRIC = 1e-5


@dataclass(frozen=True)
class Modes:
    """Eigenpairs of M and the residual e: eigenvalues (m,) ascending, eigenvectors (m, m) in columns, residual (m,).

    m = n_samples * n_outputs; energies are divided by n_samples, so that they sum to the loss ||e||^2 / (2n).
    """

    eigenvalues: np.ndarray
    eigenvectors: np.ndarray
    residual: np.ndarray
    n_samples: int

    @property
    def coefficients(self):
        """g_u = <phi_u, e>."""
        return self.eigenvectors.T @ self.residual

    @property
    def loss(self):
        """||e||^2 / (2n)."""
        return float(self.residual @ self.residual) / (2 * self.n_samples)


def decompose(kernel, residual, n_samples=None):
    """Modes of a symmetric positive semi-definite kernel; n_samples defaults to the length of the residual.

    ValueError on NaN, a kernel that is not square, symmetric (to 1e-10 of its largest entry) and positive
    semi-definite (likewise), with eigenvalues that are no doubles, or a residual of another length.
    """
    kernel, residual = checks.array("kernel", kernel, ndim=2), checks.array("residual", residual, ndim=1)
    if kernel.shape != (residual.size, residual.size):
        raise ValueError(f"kernel has shape {kernel.shape} and must be {(residual.size, residual.size)}, as residual")
    scale = np.abs(kernel).max()
    asymmetry = np.abs(kernel - kernel.T).max()
    if asymmetry > 1e-10 * scale:
        raise ValueError(
            f"kernel differs from its transpose by {asymmetry:.3g} and must be symmetric to 1e-10 * {scale:.3g}"
        )
    # Halves first: the sum of two entries may be too large for a double.
    eigenvalues, eigenvectors = np.linalg.eigh(kernel / 2 + kernel.T / 2)
    checks.array("eigenvalues of kernel", eigenvalues)
    if eigenvalues[0] < -1e-10 * scale:
        raise ValueError(f"kernel has the eigenvalue {eigenvalues[0]:.3g} and must have none below 0")
    count = residual.size if n_samples is None else checks.integer("n_samples", n_samples, minimum=1)
    return Modes(np.maximum(eigenvalues, 0.0), eigenvectors, residual, count)


def of_snapshot(snapshot):
    """Modes of a training snapshot (without batch axes), on the host, in double precision.

    A kernel in single precision is decomposed anew: eigenvectors that are orthogonal to 1e-6 only cannot be followed.
    """
    return _in_double(*_on_host(snapshot), snapshot.n_samples)


def of_batch(snapshot):
    """The modes of each network of a snapshot with one batch axis, a list; of the only one where there is none."""
    arrays = _on_host(snapshot)
    entries = zip(*arrays, strict=True) if snapshot.residual.ndim > 1 else [arrays]
    return [_in_double(*entry, snapshot.n_samples) for entry in entries]


def _on_host(snapshot):
    tensors = (snapshot.eigenvalues, snapshot.eigenvectors, snapshot.residual, snapshot.kernel)
    return [tensor.detach().cpu().numpy() for tensor in tensors]


def _in_double(eigenvalues, eigenvectors, residual, kernel, n_samples):
    if kernel.dtype == np.float64:
        return Modes(eigenvalues, eigenvectors, residual, n_samples)
    eigenvalues, eigenvectors = np.linalg.eigh(kernel.astype(np.float64))
    return Modes(np.maximum(eigenvalues, 0.0), eigenvectors, residual.astype(np.float64), n_samples)


def align(before, after):
    """`after` with its modes reordered, rotated and signed to continue those of `before` as closely as possible.

    Hungarian assignment on squared overlaps; then, inside each degenerate eigenspace, whose basis is arbitrary, the
    rotation closest to the old modes; then signs; then, if the change of basis is still improper, the worst mode is
    flipped. Without this O + I is singular and the step has no Cayley generator.
    """
    overlaps = after.eigenvectors.T @ before.eigenvectors
    rows, columns = linear_sum_assignment(-(overlaps**2))
    order = rows[np.argsort(columns)]
    eigenvalues, vectors = after.eigenvalues[order], after.eigenvectors[:, order]
    vectors = _turn_degenerate_spaces(eigenvalues, vectors, before.eigenvectors)
    vectors = vectors * np.where((vectors * before.eigenvectors).sum(0) < 0, -1.0, 1.0)
    rotation = vectors.T @ before.eigenvectors
    if np.linalg.slogdet(rotation)[0] < 0:
        vectors[:, np.argmin(np.diag(rotation))] *= -1
    return Modes(eigenvalues, vectors, after.residual, after.n_samples)


def _turn_degenerate_spaces(eigenvalues, vectors, targets):
    """Replace the basis of each degenerate eigenspace by its rotation closest to `targets` (orthogonal Procrustes)."""
    vectors = vectors.copy()
    for members in degenerate_groups(eigenvalues):
        left, _, right = np.linalg.svd(vectors[:, members].T @ targets[:, members])
        vectors[:, members] = vectors[:, members] @ (left @ right)
    return vectors


def degenerate_groups(eigenvalues):
    """Index arrays of the groups of two or more eigenvalues that cannot be told apart."""
    order = np.argsort(eigenvalues, kind="stable")
    gaps = np.diff(eigenvalues[order]) > DEGENERATE * max(eigenvalues.max(), np.finfo(np.float64).tiny)
    groups = np.split(order, np.flatnonzero(gaps) + 1)
    return [group for group in groups if group.size > 1]


def rotation_rates(modes, kernel_rate):
    """Omega_uv = <phi_v, M' phi_u> / (lambda_u - lambda_v), antisymmetric, with dphi_u/dt = sum_v Omega_uv phi_v.

    Shape (m, m). Kato (1950): the parallel transport of eigenvectors. Zero between modes of one degenerate
    eigenvalue, where the basis is a free choice. ValueError on a kernel_rate M' that is not finite and symmetric.
    """
    kernel_rate = _checked_rate(modes, kernel_rate)
    rates = modes.eigenvectors.T @ kernel_rate @ modes.eigenvectors
    gaps = modes.eigenvalues[:, None] - modes.eigenvalues[None, :]
    apart = np.abs(gaps) > DEGENERATE * modes.eigenvalues.max()
    return np.where(apart, rates, 0.0) / np.where(apart, gaps, 1.0)


def eigenvalue_rates(modes, kernel_rate):
    """dlambda_u/dt = <phi_u, M' phi_u>, shape (m,). ValueError as in `rotation_rates`."""
    kernel_rate = _checked_rate(modes, kernel_rate)
    return np.einsum("iu,ij,ju->u", modes.eigenvectors, kernel_rate, modes.eigenvectors, optimize=True)


def _checked_rate(modes, kernel_rate):
    kernel_rate = checks.array("kernel_rate", kernel_rate, ndim=2)
    if kernel_rate.shape != modes.eigenvectors.shape:
        raise ValueError(f"kernel_rate has shape {kernel_rate.shape} and must be {modes.eigenvectors.shape}, as kernel")
    asymmetry, scale = np.abs(kernel_rate - kernel_rate.T).max(), np.abs(kernel_rate).max()
    if asymmetry > SYMMETRIC * scale:
        limit = SYMMETRIC * scale
        raise ValueError(f"kernel_rate differs from its transpose by {asymmetry:.3g} and may by {limit:.3g} only")
    return kernel_rate
