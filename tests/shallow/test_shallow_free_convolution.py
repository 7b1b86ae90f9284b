"""Spectrum of S + delta GOE: closed forms without S, direct integration, large matrices, the identity of the risk."""

import numpy as np
import pytest
from scipy.integrate import quad

from scalinglaws.shallow import semicircle
from scalinglaws.shallow.free_convolution import NoisySpectrum

RNG = np.random.default_rng(0)
# Spectra: one atom, two, a power law, many zeros with spikes, and no order at all; shares sum to 1.
SPECTRA = {
    "atom": (np.array([0.4]), np.ones(1)),
    "pair": (np.array([3.0, 0.0]), np.array([0.3, 0.7])),
    "power law": (np.sqrt(30) / np.arange(1, 31.0), np.full(30, 1 / 30)),
    "spikes": (np.array([40.0, 5.0, 0.0]), np.array([0.05, 0.1, 0.85])),
    "uneven": (RNG.exponential(size=12), RNG.dirichlet(np.ones(12))),
}
# Noise and threshold: bands that overlap or not; thresholds in the bulk, in a gap, beyond.
NOISE = [(0.05, 0.2), (0.5, 0.3), (0.5, 1.2), (2.0, 0.0), (2.0, 3.0), (1.0, -0.7)]
GRID = [(name, *noise) for name in SPECTRA for noise in NOISE]


def noisy(name, delta):
    return NoisySpectrum(*SPECTRA[name], delta)


def goe(dim, rng):
    """Symmetric, off-diagonal variance 1 / dim: the spectrum ends at 2."""
    matrix = rng.standard_normal((dim, dim)) / np.sqrt(2 * dim)
    return matrix + matrix.T


# --- no signal ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delta", [0.01, 1.0, 50.0])
@pytest.mark.parametrize("centre", [0.0, 0.7, 3.0])
def test_one_atom_is_a_shifted_semicircle(delta, centre):
    spectrum = NoisySpectrum(np.array([centre]), np.ones(1), delta)
    x = np.array([-1.9, -0.3, 0.0, 1.5, 1.999, 2.5])
    expected = np.sqrt(np.maximum(4 - x**2, 0)) / (2 * np.pi * delta)
    # Places relative to the centre are only known to its rounding: hence the tolerance where noise is weak.
    np.testing.assert_allclose(spectrum.density(centre + delta * x), expected, rtol=1e-9, atol=1e-12 / delta)
    above = spectrum.moments_above(centre - 3 * delta)
    np.testing.assert_allclose((above.mass, above.square), (1, 10 * delta**2), rtol=1e-10)


@pytest.mark.parametrize("c", [-2.5, -1.3, 0.0, 0.4, 1.0, 1.9, 2.0, 3.0])
def test_moments_of_the_semicircle_above_a_threshold(c):
    # x = 2 cos t, without the square root at the edge.
    end = np.arccos(np.clip(c / 2, -1, 1))
    expected = quad(lambda t: (2 * np.cos(t) - c) ** 2 * 2 * np.sin(t) ** 2 / np.pi, 0, end, epsabs=1e-15)[0]
    null = NoisySpectrum(np.zeros(1), np.ones(1), 1.0)
    assert null.moments_above(c).square == pytest.approx(expected, rel=1e-9, abs=1e-13)
    if c >= -2:
        assert semicircle.null_risk(c) == pytest.approx(expected, rel=1e-9, abs=1e-13)


@pytest.mark.parametrize("c", [0.0, 0.9, 1.7])
def test_without_signal_the_square_is_homogeneous_of_degree_2(c):
    """J(delta, c delta) = delta^2 J(1, c), so that b dJ/db + delta dJ/d delta = 2 J, and the risk is J."""
    for delta in (0.2, 7.0):
        null = NoisySpectrum(np.zeros(1), np.ones(1), delta)
        above = null.moments_above(c * delta)
        assert above.square == pytest.approx(delta**2 * semicircle.null_risk(c), rel=1e-11)
        euler = c * delta * above.threshold_slope + delta * above.delta_slope
        assert euler == pytest.approx(2 * above.square, rel=1e-11)
        assert null.thresholded(c * delta)[0] == pytest.approx(above.square, rel=1e-11)


def test_half_of_the_noise_is_kept_above_0():
    above = NoisySpectrum(np.zeros(1), np.ones(1), 1.0).moments_above(0.0)
    expected = (0.5, 0.5, -8 / (3 * np.pi), 1.0)
    found = (above.mass, above.square, above.threshold_slope, above.delta_slope)
    np.testing.assert_allclose(found, expected, rtol=1e-13)


# --- twins ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["pair", "power law", "uneven"])
def test_moments_are_integrals_of_the_density(name):
    """Trapezia over x(u): square roots at the edges of a band cost (step / width)^1.5.

    The narrowest band, of one eigenvalue in thirty, is 180 steps wide: 4e-4.
    """
    delta, b = 0.5, 0.3
    spectrum = noisy(name, delta)
    start = spectrum.preimage(b).real
    u = np.linspace(start, spectrum.s.max() + 1.1 * delta, 6_001)
    x = np.array([spectrum.position(place) for place in u])
    density = np.array([spectrum.height(place) for place in u]) / (np.pi * delta**2)
    above = spectrum.moments_above(b)
    moments = [density, -2 * (x - b) * density, (x - b) ** 2 * density]
    found = (above.mass, above.threshold_slope, above.square)
    np.testing.assert_allclose(found, np.trapezoid(moments, x), rtol=4e-4)


@pytest.mark.parametrize("name", ["power law", "spikes", "pair"])
@pytest.mark.parametrize(("delta", "b"), [(0.5, 0.3), (2.0, 1.0)])
def test_a_large_matrix_has_this_spectrum_and_this_risk(name, delta, b):
    """Linear statistics of a GOE of 900 rows fluctuate by O(1 / rows); 1.5 % leaves room for that of a few spikes."""
    rows = 900
    s, p = SPECTRA[name]
    diagonal = np.repeat(s, np.round(rows * p).astype(int))
    values, vectors = np.linalg.eigh(np.diag(diagonal) + delta * goe(diagonal.size, np.random.default_rng(1)))
    kept = np.maximum(values - b, 0)
    risk = ((vectors * kept) @ vectors.T - np.diag(diagonal)).ravel()
    above, (half_risk, _, share) = noisy(name, delta).moments_above(b), noisy(name, delta).thresholded(b)
    assert half_risk == pytest.approx(risk @ risk / diagonal.size, rel=0.015)
    assert (above.mass, share) == pytest.approx((np.mean(values > b),) * 2, abs=0.005)
    assert above.square == pytest.approx(np.mean(kept**2), rel=0.015)
    assert above.threshold_slope == pytest.approx(-2 * kept.mean(), rel=0.015)


@pytest.mark.parametrize(("name", "delta", "b"), GRID)
def test_slopes_are_derivatives(name, delta, b):
    step = 1e-5

    def square(delta, b):
        return noisy(name, delta).moments_above(b).square

    above = noisy(name, delta).moments_above(b)
    slopes = [
        (square(delta, b + step) - square(delta, b - step)) / (2 * step),
        (square(delta + step * delta, b) - square(delta - step * delta, b)) / (2 * step * delta),
    ]
    # Differences of squares up to 80, known to 1e-14, over steps of 1e-5 and of their third derivative.
    np.testing.assert_allclose((above.threshold_slope, above.delta_slope), slopes, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("name", "delta", "b"), GRID)
def test_risk_is_a_combination_of_the_square_and_its_slopes(name, delta, b):
    """risk / 2 = <s^2> - J + b dJ/db + delta dJ/d delta: by Stein, for S as for coefficients."""
    spectrum = noisy(name, delta)
    above, (risk, slope, mass) = spectrum.moments_above(b), spectrum.thresholded(b)
    second = spectrum.p @ spectrum.s**2
    combined = second - above.square + b * above.threshold_slope + delta * above.delta_slope
    # Terms of size <s^2> cancel in the combination.
    assert risk == pytest.approx(combined, rel=1e-12, abs=1e-12 * second)
    assert slope * delta == pytest.approx(above.delta_slope, rel=1e-10, abs=1e-13)
    assert mass == pytest.approx(above.mass, abs=1e-13)


@pytest.mark.parametrize("gap", [1e2, 1e5, 1e8])
def test_spikes_far_out_cost_the_risk_no_digits(gap):
    """As for a coefficient far above noise and threshold, to orders delta^2 / spike^2.

    A share q of spikes is shifted by b and blurred: (1 - (1 - q)^2) delta^2 of the noise's squares touch it, and what
    is left is thresholded noise of variance (1 - q) delta^2.
    """
    q, delta, b = 0.2, 1.0, 0.8
    risk, slope, mass = NoisySpectrum(np.array([gap, 0.0]), np.array([q, 1 - q]), delta).thresholded(b)
    null = (1 - q) ** 2 * semicircle.null_risk(b / np.sqrt(1 - q))
    assert risk == pytest.approx(q * b**2 + (1 - (1 - q) ** 2) * delta**2 + null, rel=max(1e-12, 10 / gap))
    assert q < mass < 1
    assert slope > 0


# --- symmetries and limits ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SPECTRA)
def test_order_repetition_and_unit_of_eigenvalues_do_not_matter(name):
    s, p = SPECTRA[name]
    expected = NoisySpectrum(s, p, 0.6).thresholded(0.5)
    split = NoisySpectrum(np.append(s, s)[::-1], np.append(0.25 * p, 0.75 * p)[::-1], 0.6).thresholded(0.5)
    np.testing.assert_allclose(split, expected, rtol=1e-11)
    for scale in (1e-4, 30.0):
        risk, *shares = NoisySpectrum(scale * s, p, scale * 0.6).thresholded(scale * 0.5)
        np.testing.assert_allclose((risk / scale**2, *shares), expected, rtol=1e-10)


@pytest.mark.parametrize("name", SPECTRA)
def test_shifting_everything_shifts_the_spectrum(name):
    """With the mean: mass 1 below, J that of all the noise."""
    s, p = SPECTRA[name]
    one, other = NoisySpectrum(s, p, 0.6).moments_above(0.5), NoisySpectrum(s + 2.3, p, 0.6).moments_above(2.8)
    for field in ("square", "threshold_slope", "delta_slope", "mass"):
        assert getattr(other, field) == pytest.approx(getattr(one, field), rel=1e-10, abs=1e-13)


@pytest.mark.parametrize("name", SPECTRA)
def test_below_everything_moments_are_those_of_a_sum(name):
    """Mass 1, mean <s>, variance Var s + delta^2."""
    s, p = SPECTRA[name]
    delta, b = 0.8, -5.0
    above = NoisySpectrum(s, p, delta).moments_above(b)
    np.testing.assert_allclose(above.mass, 1, rtol=1e-12)
    np.testing.assert_allclose(above.threshold_slope, -2 * (p @ s - b), rtol=1e-12)
    np.testing.assert_allclose(above.square, p @ (s - b) ** 2 + delta**2, rtol=1e-12)
    np.testing.assert_allclose(above.delta_slope, 2 * delta, rtol=1e-10)


@pytest.mark.parametrize("name", SPECTRA)
def test_beyond_everything_nothing_is_left(name):
    spectrum = noisy(name, 0.3)
    b = spectrum.s.max() + 0.7
    assert spectrum.thresholded(b) == (pytest.approx(spectrum.p @ spectrum.s**2, rel=1e-14), 0.0, 0.0)
    above = spectrum.moments_above(b)
    assert (above.square, above.threshold_slope, above.delta_slope, above.mass) == (0, 0, 0, 0)


@pytest.mark.parametrize("name", SPECTRA)
def test_the_boundary_is_mapped_to_the_real_axis_in_order(name):
    spectrum = noisy(name, 0.5)
    x = np.linspace(-2.0, spectrum.s.max() + 2.0, 41)
    w = np.array([spectrum.preimage(each) for each in x])
    image = w + 0.25 * (spectrum.p / (w[:, None] - spectrum.s)).sum(axis=1)
    np.testing.assert_allclose(image, x, atol=1e-12 * spectrum.s.max() + 1e-12)
    assert (np.diff(w.real) > 0).all()
