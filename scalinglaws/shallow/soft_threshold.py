"""Soft thresholding of a noisy coefficient: risk and share kept, for a given coefficient and for Gaussian ones.

soft(y; b) = sign(y) max(|y| - b, 0) applied to y = theta + delta Z, Z ~ N(0, 1). Q is the Gaussian upper tail. With
A = (b - theta) / delta and B = (b + theta) / delta (arXiv:2509.24882, state evolution of the LASSO):

    kept = Q(A) + Q(B)
    risk = delta^2 [A phi(A) + Q(A) + B phi(B) + Q(B)] - 2 delta b [phi(A) + phi(B)] + b^2 kept + theta^2 (1 - kept)
"""

import numpy as np
from scipy.special import gammainc, ndtr


def gaussian_density(x):
    """phi(x), the standard normal density."""
    return np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)


def fixed(theta, delta, b):
    """(risk, kept) of each theta >= 0: E (soft(theta + delta Z; b) - theta)^2 and P(|theta + delta Z| > b)."""
    A, B = (b - theta) / delta, (b + theta) / delta
    kept_above, kept_below, phi_A, phi_B = ndtr(-A), ndtr(-B), gaussian_density(A), gaussian_density(B)
    kept = kept_above + kept_below
    risk = delta**2 * (A * phi_A + B * phi_B + kept) - 2 * delta * b * (phi_A + phi_B) + b**2 * kept
    return risk + theta**2 * (ndtr(A) - kept_below), kept


def gaussian(std, delta, b):
    """The same averaged over theta ~ N(0, std^2), for every entry of `std`.

    y = theta + delta Z has variance omega^2 = std^2 + delta^2 and E[theta | y] = k y, k = std^2 / omega^2. With
    c = b / omega, kept = 2 Q(c), t_2 = E[z^2; |z| > c] and t_1 = E[|z|; |z| > c] the risk is the mean square of
    soft(y; b) - k y, plus the variance of theta given y:
    omega^2 (1 - k)^2 t_2 - 2 b (1 - k) omega t_1 + b^2 kept + k^2 omega^2 (1 - t_2) + std^2 delta^2 / omega^2.
    """
    omega = np.hypot(std, delta)
    k, rest, c = (std / omega) ** 2, (delta / omega) ** 2, b / omega
    kept, t_1 = 2 * ndtr(-c), 2 * gaussian_density(c)
    t_2 = c * t_1 + kept
    seen = (rest * omega) ** 2 * t_2 - 2 * b * rest * omega * t_1 + b**2 * kept
    # 1 - t_2 is the distribution function of chi squared with 3 degrees of freedom: no cancellation at small c.
    return seen + (k * omega) ** 2 * gammainc(1.5, c**2 / 2) + k * delta**2, kept


def null_risk(c):
    """Risk of theta = 0 at delta = 1: 2 [(1 + c^2) Q(c) - c phi(c)], from 1 at c = 0 down to 0."""
    return 2 * ((1 + c**2) * ndtr(-c) - c * gaussian_density(c))
