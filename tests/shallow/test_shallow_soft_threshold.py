"""Soft thresholding of a noisy coefficient against direct integration, closed forms and its symmetries."""

import numpy as np
import pytest
from scipy.integrate import quad

from scalinglaws.shallow import soft_threshold
from scalinglaws.shallow.soft_threshold import gaussian_density, null_risk

# (coefficient, delta, b): smaller and larger than noise and threshold, and thresholds of almost 0 and of many delta.
CASES = [(0.0, 1.0, 0.5), (0.7, 1.3, 0.4), (3.0, 0.5, 1.0), (1.0, 1.0, 3.0), (0.2, 2.0, 1e-3), (5.0, 0.3, 4.9)]


def integrated(theta, delta, b):
    """(risk, kept) by quadrature over y, in the three pieces between which soft(y; b) has kinks."""
    tail = 40 * delta

    def piece(estimate, low, high):
        def weighted(y, power):
            return (estimate(y) - theta) ** power * gaussian_density((y - theta) / delta) / delta

        # The mass sits within a few delta of theta.
        low, high = max(low, theta - tail), min(high, theta + tail)
        if low >= high:
            return np.zeros(2)
        middle = [p for p in (theta - 6 * delta, theta, theta + 6 * delta) if low < p < high]
        return np.array([quad(weighted, low, high, (p,), points=middle, epsabs=1e-14)[0] for p in (2, 0)])

    above = piece(lambda y: y - b, b, np.inf)
    below = piece(lambda y: y + b, -np.inf, -b)
    between = piece(lambda y: 0.0, -b, b)
    return (above + below + between)[0], (above + below)[1]


@pytest.mark.parametrize(("theta", "delta", "b"), CASES)
def test_fixed_coefficients_by_direct_integration(theta, delta, b):
    found = np.ravel(soft_threshold.fixed(np.array([theta]), delta, b))
    np.testing.assert_allclose(found, integrated(theta, delta, b), rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize(("std", "delta", "b"), CASES[1:])
def test_gaussian_coefficients_are_the_average_of_fixed_ones(std, delta, b):
    """Trapezoidal sums over theta converge faster than any power."""
    theta = np.linspace(-9, 9, 40_001)
    weights = gaussian_density(theta) * (theta[1] - theta[0])
    average = [weights @ each for each in soft_threshold.fixed(np.abs(std * theta), delta, b)]
    np.testing.assert_allclose(np.ravel(soft_threshold.gaussian(np.array([std]), delta, b)), average, rtol=1e-10)


@pytest.mark.parametrize("delta", [0.1, 1.0, 30.0])
@pytest.mark.parametrize("c", [0.0, 0.3, 1.0, 4.0])
def test_a_coefficient_0_is_noise_alone_in_either_law(delta, c):
    expected = delta**2 * null_risk(c)
    for law in (soft_threshold.fixed, soft_threshold.gaussian):
        ((risk,), (kept,)) = law(np.zeros(1), delta, c * delta)
        # Terms of size delta^2 cancel.
        assert risk == pytest.approx(expected, rel=1e-10, abs=1e-15 * delta**2)
        assert kept == pytest.approx(integrated(0.0, 1.0, c)[1] if c else 1.0, rel=1e-9)
    assert null_risk(0.0) == 1.0


@pytest.mark.parametrize("law", [soft_threshold.fixed, soft_threshold.gaussian])
def test_without_threshold_the_risk_is_the_noise_and_with_a_high_one_the_signal(law):
    strengths = np.array([0.0, 0.1, 1.0, 20.0])
    np.testing.assert_allclose(law(strengths, 0.7, 0.0), [np.full(4, 0.49), np.ones(4)], rtol=1e-13)
    np.testing.assert_allclose(law(strengths, 0.7, 1e4), [strengths**2, np.zeros(4)], rtol=1e-13, atol=1e-300)


@pytest.mark.parametrize("law", [soft_threshold.fixed, soft_threshold.gaussian])
@pytest.mark.parametrize("scale", [1e-3, 17.0])
def test_the_unit_of_coefficients_is_free(law, scale):
    theta, delta, b = np.array([0.0, 0.4, 3.0]), 0.8, 1.1
    risk, kept = law(theta, delta, b)
    np.testing.assert_allclose(law(scale * theta, scale * delta, scale * b), [scale**2 * risk, kept], rtol=1e-12)


def test_weak_noise_shifts_what_it_keeps():
    """theta far above b: every draw is kept, and the risk is delta^2 + b^2 to exponentially small terms."""
    risk, kept = soft_threshold.fixed(np.array([5.0]), 1e-3, 0.2)
    assert risk[0] == pytest.approx(1e-6 + 0.04, rel=1e-12)
    assert kept[0] == 1.0


@pytest.mark.parametrize(("theta", "delta", "b"), CASES)
def test_slope_with_the_variance_is_half_the_mean_curvature(theta, delta, b):
    """Stein: d risk / d delta^2 = kept - theta (p(b) - p(-b)), p the density of y = theta + delta Z."""
    step = 1e-5 * delta
    upper, lower = (soft_threshold.fixed(np.array([theta]), delta + h, b)[0][0] for h in (step, -step))
    densities = [gaussian_density((y - theta) / delta) / delta for y in (b, -b)]
    kept = soft_threshold.fixed(np.array([theta]), delta, b)[1][0]
    expected = 2 * delta * (kept - theta * (densities[0] - densities[1]))
    assert (upper - lower) / (2 * step) == pytest.approx(expected, rel=1e-7, abs=1e-8)
