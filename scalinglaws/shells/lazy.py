"""The lazy limit: the solution with the tangent kernel frozen at its start, and how far a run is from it."""

from dataclasses import dataclass

import numpy as np

from scalinglaws.shells.modes import of_snapshot


def lazy_residual(modes, time):
    """e(t) = exp(-t M) e(0) with M frozen, from the modes at time zero, shape (m,)."""
    return modes.eigenvectors @ (np.exp(-time * modes.eigenvalues) * modes.coefficients)


@dataclass(frozen=True)
class LazyGap:
    """Distance of a run from its lazy prediction at one time.

    lazy_loss = ||e_lazy||^2 / (2n); deviation = ||e - e_lazy|| / ||e(0)||; kernel_drift = ||M - M(0)|| / ||M(0)||
    (Frobenius norm). Where e(0) or M(0) is zero it stays zero, and so are the deviation or the drift.
    """

    lazy_loss: float
    deviation: float
    kernel_drift: float


def lazy_gap(start, snapshot):
    """Compare a training snapshot with the lazy prediction from the snapshot at time zero."""
    residual, kernel, kernel0 = (
        tensor.detach().cpu().numpy() for tensor in (snapshot.residual, snapshot.kernel, start.kernel)
    )
    return gap_between(of_snapshot(start), kernel0, snapshot.time, residual, kernel)


def gap_between(start, kernel0, time, residual, kernel):
    """The same from arrays: modes and kernel at time zero, and residual (m,) and kernel (m, m) at `time`."""
    lazy = lazy_residual(start, time)
    return LazyGap(
        lazy_loss=float(lazy @ lazy) / (2 * start.n_samples),
        deviation=_relative(residual - lazy, start.residual),
        kernel_drift=_relative(kernel - kernel0, kernel0),
    )


def _relative(difference, reference):
    size = np.linalg.norm(difference)
    return float(size / np.linalg.norm(reference)) if size else 0.0
