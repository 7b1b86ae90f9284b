"""Transport and dissipation of energy along the eigenvalue axis, solved on characteristics.

    d_t eps + d_lam(v eps) = -2 lam eps,    eps(lam, t) the energy per unit of eigenvalue.

Along a characteristic lam' = v(lam, t), the energy of a mode falls by exp(-2 X), X the integral of lam dt. Derived from
the gradient flow e' = -M e: g_u^2 falls at the rate 2 lam_u, and v stands for all that moves energy between modes.
"""

from itertools import pairwise

import numpy as np

from scalinglaws import checks
from scalinglaws.shells.drift_laws import GriddedDrift, PowerLawDrift, checked_eigenvalues, image_of_infinity

__all__ = ["GriddedDrift", "PowerLawDrift", "characteristics", "checked_times", "frontier"]


def characteristics(drift, eigenvalues, energy, times):
    """Modes carried by the drift: their eigenvalues (T, m) and energies (T, m), energy decaying as exp(-2 exposure).

    drift: PowerLawDrift or GriddedDrift; eigenvalues: (m,), in [0, inf], and energy: (m,), finite, those at times[0];
    times: (T,), increasing, from >= 0. As exact as the drift's `advance`, no energy is made or moved between modes.
    Bad input: ValueError.
    """
    position, times = checked_eigenvalues(eigenvalues), checked_times(times)
    energy = checks.array("energy", energy, ndim=1)
    if position.shape != energy.shape:
        raise ValueError(f"energy has shape {energy.shape} and must have that of eigenvalues, {position.shape}")
    positions, exposures = [position], [np.zeros_like(position)]
    for start, stop in pairwise(times):
        position, exposure = drift.advance(position, start, stop)
        positions.append(position)
        exposures.append(exposures[-1] + exposure)
    return np.array(positions), energy * np.exp(-2 * np.array(exposures))


def frontier(drift, time):
    """The eigenvalue above which energy is lost at `time` (> 0, any shape), for a PowerLawDrift with a closed form.

    exponent = 1, or all rates zero: where the energy has fallen by e since time 0, exposure = 1/2. The exposure is
    proportional to lam: lam_t / (2 X). Without drift 1 / (2 t); for constant c, c / (2 (1 - e^(-c t))) -> c/2.
    exponent b > 1, rates <= 0: the image of infinity, [(b - 1) tau]^(-1/(b-1)), tau = int |c| dt; inf while tau = 0.
    No mode is above, but those below may have decayed too: for b = 2 and constant c the energy has fallen by e at
    (1 - e^(-|c|/2)) / (|c| t), which is the image of infinity, 1 / (|c| t), only for |c| >> 2.
    ValueError for any other drift, which has no closed form, or time <= 0.
    """
    time = checks.positive_array("time", time)
    if drift.exponent == 1 or not drift.rates.any():
        after, exposure = np.moveaxis([drift.advance(np.ones(1), 0.0, stop) for stop in time.flat], 1, 0)
        # Infinite where ln lam has grown by more than 709, the range of doubles.
        return (checks.array("growth since time 0", after) / (2 * exposure)).reshape(time.shape)
    if not (drift.exponent > 1 and (drift.rates <= 0).all()):
        raise ValueError(
            f"exponent = {drift.exponent!r}, rates = {drift.rates.tolist()} must be 1, or > 1 with rates <= 0"
        )
    elapsed = np.diff(np.minimum(drift.time_edges, time[..., None]))
    return image_of_infinity(drift.exponent, elapsed @ -drift.rates)


def checked_times(times):
    """Times as a vector; ValueError unless they are finite and increase from a number >= 0."""
    times = checks.increasing("times", checks.array("times", times, ndim=1), minimum_size=1)
    checks.at_least("times[0]", times[0], 0)
    return times
