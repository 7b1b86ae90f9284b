"""Spectra that theory expects of a trained network: quantiles of the learned law, and draws of it at finite size.

A trained network behaves as its thresholded noisy teacher (`state_evolution`): coefficients soft(theta* + delta Z; b),
eigenvalues relu(mu_delta - b). In the notation of `free_convolution` the mass of mu_delta above x(u) is, with
G(w) = sum_i p_i log(w - s_i) + delta^2 g(w)^2 / 2 the integral of g z',

    Im G(u + i v) / pi = [sum_i p_i arg(u + i v - s_i) - v (x(u) - u) / delta^2] / pi,

at every u without an integral. At u = s_i of an eigenvalue that stands alone half of its mass lies above.
"""

import numpy as np
from scipy.special import ndtr

from scalinglaws.solvers import NotConverged

# Places at which the laws are evaluated, between which their quantiles are interpolated.
N_COEFFICIENTS, N_BULK = 2000, 400
# Coefficients are followed from this share of the noise, and up to so many standard deviations.
SMALLEST, FARTHEST = 1e-4, 8.0
# Newton's steps, and the last one of them in units of delta^2.
STEPS, PRECISION = 200, 1e-12


def typical_coefficients(strengths, multiplicities, delta, threshold):
    """Magnitudes of the coefficients of a diagonal network, for the Gaussian teacher, that are not 0.

    strengths, multiplicities : (n_modes,), as in `DiagonalProblem`; delta, threshold > 0: state evolution's.
    The quantiles (j - 1/2) / dim from the top, descending; as many as the network keeps, to the nearest.
    """
    omega = np.hypot(strengths, delta)
    x = np.geomspace(SMALLEST * delta, FARTHEST * omega.max(), N_COEFFICIENTS)
    above = 2 * ndtr(-(x[:, None] + threshold) / omega) @ multiplicities / multiplicities.sum()
    return _quantiles(x, above, multiplicities.sum())


def typical_eigenvalues(eigenvalues, multiplicities, delta, threshold):
    """Eigenvalues of a quadratic network that are not 0; arguments and result as for `typical_coefficients`."""
    shares = multiplicities / multiplicities.sum()
    bulk = np.linspace(eigenvalues.min() - delta, eigenvalues.min() + 2 * delta, N_BULK)
    u = np.union1d(bulk, eigenvalues)
    gaps = u[:, None] - eigenvalues
    v = _heights(gaps**2, shares, delta)
    drift = (gaps / (gaps**2 + v[:, None] ** 2)) @ shares
    above = np.arctan2(v[:, None], gaps) @ shares - v * drift
    return _quantiles(u + delta**2 * drift - threshold, above / np.pi, multiplicities.sum())


def drawn_coefficients(rng, strengths, delta, threshold, n_draws):
    """Magnitudes of the thresholded noisy coefficients of `n_draws` Gaussian teachers, (n_draws, dim), unsorted."""
    noisy = np.hypot(strengths, delta) * rng.standard_normal((n_draws, strengths.size))
    return np.maximum(np.abs(noisy) - threshold, 0)


def drawn_eigenvalues(rng, eigenvalues, delta, threshold, n_draws):
    """Eigenvalues of relu(S* + delta GOE - b), (n_draws, dim), ascending, for `n_draws` matrices of the noise."""
    dim = eigenvalues.size
    noise = rng.standard_normal((n_draws, dim, dim))
    noise += noise.swapaxes(1, 2)
    noise *= delta / np.sqrt(2 * dim)
    return np.maximum(np.linalg.eigvalsh(noise + np.diag(eigenvalues)) - threshold, 0)


def _quantiles(x, above, dim):
    """What lies at the shares (j - 1/2) / dim from the top and is > 0, from the shares above increasing places x."""
    shares = (np.arange(round(float(dim))) + 0.5) / dim
    quantiles = np.interp(shares, np.maximum.accumulate(above[::-1]), x[::-1])
    return quantiles[quantiles > max(0.0, x[0])]


def _heights(squares, shares, delta):
    """v(u) of `NoisySpectrum` for squared distances of places and modes, (n_places, n_modes).

    The weighted harmonic mean of distance^2 + v^2 is delta^2. It is concave in v^2: Newton's steps from the left stay
    there.
    """
    square = np.maximum(0.0, (shares * delta**2 - squares).max(axis=1))
    for _ in range(STEPS):
        poles = 1 / (squares + square[:, None])
        mean = 1 / (poles @ shares)
        step = np.maximum(0.0, (delta**2 - mean) / (mean**2 * (poles**2 @ shares)))
        square += step
        if step.max() <= PRECISION * delta**2:
            return np.sqrt(square)
    raise NotConverged("heights of the noisy spectrum", square, step.max(), STEPS, "delta is too extreme")
