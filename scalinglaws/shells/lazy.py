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
    modes = of_snapshot(start)
    residual = snapshot.residual.detach().cpu().numpy()
    lazy = lazy_residual(modes, snapshot.time)
    kernel, kernel0 = (moment.kernel.detach().cpu().numpy() for moment in (snapshot, start))
    return LazyGap(
        lazy_loss=float(lazy @ lazy) / (2 * modes.n_samples),
        deviation=_relative(residual - lazy, modes.residual),
        kernel_drift=_relative(kernel - kernel0, kernel0),
    )


def _relative(difference, reference):
    size = np.linalg.norm(difference)
    return float(size / np.linalg.norm(reference)) if size else 0.0
