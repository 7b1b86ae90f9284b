"""Test error of lazy training from the tangent kernel at time zero: exact at any time, mode by mode.

With the kernel frozen, e' = -M e with M = K_train/n = V diag(lambda) V^T, and outputs at test points follow
f_test' = -(K_test,train/n) e. Both are linear, so with g = V^T e(0) and a response r_u = int_0^t exp(-lambda_u s) ds

    e(t) = V (1 - lambda r) g,   f_test(t) = f_test(0) - (K_test,train/n) V r g,  r_u = (1 - exp(-lambda_u t))/lambda_u.

Gradient descent has r_u = rate sum_{j<k} (1 - rate lambda_u)^j instead; t -> inf is the least-norm solution. Small
eigenvalues have large responses: label noise that falls on them is what makes both peaks of double descent.
"""

from dataclasses import dataclass

import numpy as np

from scalinglaws import checks
from scalinglaws.shells.modes import Modes, decompose


def flow_response(eigenvalues, time):
    """(1 - exp(-lambda t)) / lambda of gradient flow, `time` at lambda = 0; shape (..., m) for times of shape (...).

    At time inf: 1 / lambda, and 0 for null eigenvalues (below m * eps of the largest, as in numpy's matrix_rank), which
    the least-norm solution leaves alone. ValueError on negative times or eigenvalues.
    """
    eigenvalues, time = _checked_eigenvalues(eigenvalues), np.asarray(time, dtype=np.float64)[..., None]
    if not (time >= 0).all():
        raise ValueError(f"time = {time[..., 0]} must be >= 0")
    null = eigenvalues <= eigenvalues.size * np.finfo(np.float64).eps * eigenvalues.max()
    safe = np.where(eigenvalues > 0, eigenvalues, 1.0)
    finite = np.where(np.isinf(time), 0.0, time)
    moving = np.where(eigenvalues > 0, -np.expm1(-safe * finite) / safe, finite)
    return np.where(np.isinf(time), np.where(null, 0.0, 1 / safe), moving)


def descent_response(eigenvalues, rate, n_steps):
    """(1 - (1 - rate lambda)^k) / lambda after k = n_steps of gradient descent, `rate * k` at lambda = 0.

    Shape (..., m) for numbers of steps of shape (...). ValueError on rate <= 0, on rate * lambda >= 2, where gradient
    descent diverges, on negative steps or eigenvalues.
    """
    eigenvalues, n_steps = _checked_eigenvalues(eigenvalues), np.asarray(n_steps, dtype=np.float64)[..., None]
    product = checks.positive("rate", rate) * eigenvalues
    if product.max() >= 2:
        raise ValueError(f"rate = {rate!r} must be < 2 / {eigenvalues.max():.6g}, or gradient descent diverges")
    if not (n_steps >= 0).all() or not (n_steps == np.floor(n_steps)).all():
        raise ValueError(f"n_steps = {n_steps[..., 0]} must be whole numbers >= 0")
    small = product < 0.5
    # Small products lose their digits in 1 - product; large ones, whose power may be negative, lose none.
    decayed = np.where(
        small, -np.expm1(n_steps * np.log1p(-np.where(small, product, 0.0))), 1 - (1 - product) ** n_steps
    )
    return np.where(eigenvalues > 0, decayed / np.where(eigenvalues > 0, eigenvalues, 1.0), rate * n_steps)


def _checked_eigenvalues(eigenvalues):
    eigenvalues = checks.array("eigenvalues", eigenvalues, ndim=1)
    if (eigenvalues < 0).any():
        raise ValueError(f"eigenvalues reach down to {eigenvalues.min():.6g} and must be >= 0")
    return eigenvalues


@dataclass(frozen=True, eq=False)
class LazyModel:
    """A model with its tangent kernel frozen at time zero, in the eigenbasis of the training kernel.

    modes: of M and the residual e(0); readout (n_test, m) = (K_test,train/n) V; test_start (n_test,) = f_test(0).
    Methods take a response (m,) or (..., m), of `flow_response` or `descent_response`, which says how long it trained.
    """

    modes: Modes
    readout: np.ndarray
    test_start: np.ndarray

    def train_residual(self, response):
        """e = V (1 - lambda r) g, shape (..., m)."""
        return ((1 - self.modes.eigenvalues * response) * self.modes.coefficients) @ self.modes.eigenvectors.T

    def test_outputs(self, response):
        """f_test = f_test(0) - (K_test,train/n) V r g, shape (..., n_test)."""
        return self.test_start - (response * self.modes.coefficients) @ self.readout.T

    def test_error(self, response, truth):
        """Mean over test points of (f_test - truth)^2, shape (...)."""
        return ((self.test_outputs(response) - truth) ** 2).mean(-1)

    def noise_error(self, response, noise_std):
        """What label noise adds to the test error through each mode, in the mean over the noise, shape (..., m).

        Noise N(0, noise_std^2) has independent components of equal variance on the modes, so its effect is the sum
        over modes, without cross terms, of noise_std^2 r_u^2 times the mean square of the readout's column u. The test
        error's mean over the noise is this sum plus the test error of the same model trained on clean targets.
        """
        return noise_std**2 * response**2 * (self.readout**2).mean(0)


def lazy_model(kernel, test_kernel, residual, test_start=None):
    """LazyModel from M = K_train/n (m, m), K_test,train/n (n_test, m), e(0) (m,) and f_test(0) (default: zero).

    ValueError on a kernel that is not symmetric positive semi-definite, NaN, or shapes that do not fit.
    """
    modes, test_kernel = decompose(kernel, residual), checks.array("test_kernel", test_kernel, ndim=2)
    if test_kernel.shape[1] != modes.residual.size:
        raise ValueError(f"test_kernel has shape {test_kernel.shape} and must have {modes.residual.size} columns")
    start = np.zeros(len(test_kernel)) if test_start is None else checks.array("test_start", test_start, ndim=1)
    if len(start) != len(test_kernel):
        raise ValueError(f"test_start has {len(start)} entries and must have {len(test_kernel)}, as test_kernel rows")
    return LazyModel(modes, test_kernel @ modes.eigenvectors, start)
