"""The law of a learned spectrum: closed forms, large random matrices and coefficients, symmetries, limits."""

import numpy as np
import pytest
from scipy.stats import kstest, norm

from scalinglaws.shallow.problem import DiagonalProblem, QuadraticProblem, power_law_strengths
from scalinglaws.shallow.semicircle import null_risk
from scalinglaws.shallow.spectra import learned_law, thresholded_law
from scalinglaws.shallow.state_evolution import state_evolution

KINDS = {"quadratic": QuadraticProblem, "diagonal": DiagonalProblem}


def law_of(kind, strengths, delta, threshold, multiplicities=None):
    """Law of a teacher for a given noise; samples, weight decay and label noise do not enter."""
    problem = KINDS[kind](np.asarray(strengths, float), 10.0, 1.0, 1.0, multiplicities=multiplicities)
    return thresholded_law(problem, delta, threshold)


def goe(rng, dim):
    """A symmetric Gaussian matrix of spectral radius 2."""
    half = rng.standard_normal((dim, dim)) / np.sqrt(2 * dim)
    return half + half.T


# Strengths, delta, threshold: noise learned and not, spikes in and out, a dense teacher; shifted and scaled.
CASES = [
    ([6.0, 3.0] + [0.0] * 398, 1.0, 0.7),
    ([6.0, 3.0, 1.1, 0.9] + [0.0] * 396, 1.0, 2.4),
    (5 * np.linspace(0.2, 2.0, 400), 3.0, 1.5),
    (100 * np.arange(1, 401) ** -1.0, 2.0, 0.1),
]


@pytest.mark.parametrize("case", CASES)
def test_a_large_matrix_has_the_spectrum_of_the_quadratic_law(case):
    """Rigid eigenvalues: sqrt(2) ln(400) / (400 pi) = 0.007 of repulsion, spikes fluctuate among themselves."""
    strengths, delta, threshold = case
    law = law_of("quadratic", *case)
    noisy = np.diag(strengths) + delta * goe(np.random.default_rng(0), 400)
    values = np.maximum(np.linalg.eigvalsh(noisy) - threshold, 0.0)
    assert law.distance(values) < 0.012
    assert (values == 0).mean() == pytest.approx(law.zeros, abs=0.01)


@pytest.mark.parametrize("case", CASES)
def test_many_coefficients_have_the_diagonal_law(case):
    """Kolmogorov's distance exceeds 1.63 / sqrt(n) in 1 % of draws; a fixed teacher makes it smaller."""
    strengths, delta, threshold = case
    noise = delta * np.random.default_rng(0).standard_normal((10, 400))
    values = np.maximum(np.abs(strengths + noise) - threshold, 0.0).ravel()
    assert law_of("diagonal", *case).distance(values) < 1.63 / np.sqrt(values.size)


@pytest.mark.parametrize("threshold", [0.0, 0.5, 1.9, 2.5])
def test_noise_alone_is_a_shifted_semicircle(threshold):
    law, x = law_of("quadratic", [0.0] * 3, 1.0, threshold), np.array([0.0, 0.05, 0.7, 1.3, 3.0])
    y = np.minimum(x + threshold, 2.0)
    expected = 0.5 + y * np.sqrt(4 - y**2) / (4 * np.pi) + np.arcsin(y / 2) / np.pi
    np.testing.assert_allclose(law.cdf(x), expected, atol=1e-10)
    np.testing.assert_allclose(law.density(x), np.sqrt(4 - y**2) / (2 * np.pi), atol=1e-7)
    assert law.edge == 2 - threshold
    assert law.spikes.size == 0
    assert law.risk(threshold) == pytest.approx(2 * null_risk(threshold), abs=1e-12)


def test_one_coefficient_is_a_folded_gaussian():
    law = law_of("diagonal", [-2.0], 0.5, 1.0)
    expected = norm.cdf((1 + 0.3 - 2) / 0.5) - norm.cdf((-1 - 0.3 - 2) / 0.5)
    assert law.cdf(0.3) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CASES)
def test_mass_at_zero_and_density_add_up_to_the_distribution(kind, case):
    law = law_of(kind, *case)
    assert law.cdf(-1e-12) == 0
    assert law.cdf(0.0) == pytest.approx(law.zeros)
    assert law.density(-1.0) == 0
    # Away from the square-root edges of the quadratic law, where a difference converges slowly.
    x, h = np.array([[0.21, 0.53], [0.87, 1.4]]), 1e-5
    middle = law.density(x)
    np.testing.assert_allclose((law.cdf(x + h) - law.cdf(x - h)) / (2 * h), middle, rtol=1e-4, atol=1e-6)
    assert law.cdf(1e3 * max(case[0])) == pytest.approx(1.0)


@pytest.mark.parametrize("kind", KINDS)
def test_laws_scale_with_teacher_noise_and_threshold_together(kind):
    small, large = law_of(kind, [4.0, 1.0, 0.2], 0.5, 0.3), law_of(kind, [12.0, 3.0, 0.6], 1.5, 0.9)
    x = np.linspace(0, 4, 7)
    np.testing.assert_allclose(large.cdf(3 * x), small.cdf(x), atol=1e-12)
    np.testing.assert_allclose(3 * large.density(3 * x), small.density(x), atol=1e-9)
    np.testing.assert_allclose(large.spikes, 3 * small.spikes)
    assert large.edge == pytest.approx(3 * small.edge)
    assert large.risk(0.9) == pytest.approx(9 * small.risk(0.3))


@pytest.mark.parametrize("kind", KINDS)
def test_multiplicities_stand_for_repeated_strengths(kind):
    repeated, counted = law_of(kind, [3.0, 1.0, 1.0, 1.0], 0.5, 0.3), law_of(kind, [3.0, 1.0], 0.5, 0.3, [1.0, 3.0])
    x = np.linspace(0, 3, 5)
    np.testing.assert_allclose(counted.cdf(x), repeated.cdf(x), atol=1e-12)
    assert counted.dim == repeated.dim == 4
    assert counted.noise_edge == repeated.noise_edge


def test_quadratic_spikes_stand_outside_the_noise_or_nowhere():
    strengths = [0.9, 5.0, 1.2, 2.0]
    np.testing.assert_allclose(law_of("quadratic", strengths, 1.0, 0.0).spikes, [5.2, 2.5, 1.2 + 1 / 1.2])
    np.testing.assert_allclose(law_of("quadratic", strengths, 1.0, 2.2).spikes, [3.0, 0.3])
    assert law_of("quadratic", strengths, 1.0, 5.3).spikes.size == 0


def test_spikes_of_few_strengths_are_eigenvalues_of_a_large_matrix():
    """One strong direction among 800 fluctuates by delta sqrt(2 / 800) = 0.05 delta."""
    law = law_of("quadratic", [6.0, 3.0, *[0.0] * 798], 1.0, 0.5)
    noisy = np.diag(law.strengths) + goe(np.random.default_rng(1), 800)
    np.testing.assert_allclose(np.linalg.eigvalsh(noisy)[:-3:-1] - 0.5, law.spikes, atol=0.15)


def test_diagonal_spikes_stand_above_the_largest_noise():
    strengths, dim = [-5.0, 2.0, 1.0], np.exp(2.0)
    law = law_of("diagonal", strengths, 0.75, 0.5, [1.0, 1.0, dim - 2])
    assert law.noise_edge == pytest.approx(0.75 * 2)
    assert law.edge == pytest.approx(1.0)
    np.testing.assert_allclose(law.spikes, [4.5, 1.5])


@pytest.mark.parametrize("kind", KINDS)
def test_distances_are_those_of_a_brute_force_search(kind):
    law = law_of(kind, [4.0, 1.0, 0.2, 0.0], 0.7, 0.4)
    values = np.array([0.0, 1.3, 0.2, 0.0, 2.0, 0.2, 0.0])
    x = np.concatenate([np.linspace(0, 6, 301), values, np.nextafter(values[values > 0], 0)])
    shares = (values <= x[:, None]).mean(axis=1)
    assert law.distance(values) == pytest.approx(np.abs(shares - law.cdf(x)).max(), abs=1e-12)
    assert law.distance(np.zeros(5)) == pytest.approx(1 - law.zeros)


def test_distances_agree_with_scipy_where_nothing_is_zero():
    law = law_of("diagonal", [1.0, 3.0], 1.0, 0.0)
    values = np.random.default_rng(0).random(40) * 4
    assert law.distance(values) == pytest.approx(kstest(values, law.cdf).statistic, abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("n_samples", "weight_decay"), [(200.0, 0.1), (2000.0, 3.0)])
def test_learned_laws_are_those_of_state_evolution(kind, n_samples, weight_decay):
    problem = KINDS[kind](power_law_strengths(30, 1.0), n_samples, weight_decay, 0.7)
    law, solution = learned_law(problem), state_evolution(problem)
    assert (law.delta, law.threshold) == (solution.delta, solution.threshold)
    assert 1 - law.zeros == pytest.approx(solution.kept, rel=1e-6)
    assert law.risk(law.threshold) == pytest.approx(solution.excess_risk, rel=1e-6)


DIAGONAL = DiagonalProblem(np.ones(3), 10.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: learned_law(DiagonalProblem(np.ones(3), [1.0, 2.0], 1.0, 1.0)), r"shape \(2,\) and must be a single"),
        (lambda: learned_law(DiagonalProblem(np.ones(3), 5.0, 1.0, 1.0, teacher="gaussian")), "teacher = 'gaussian'"),
        (lambda: thresholded_law("teacher", 1.0, 1.0), "problem = 'teacher' must be a DiagonalProblem"),
        (lambda: thresholded_law(DIAGONAL, 0.0, 1.0), "delta = 0.0 must be finite and > 0"),
        (lambda: thresholded_law(DIAGONAL, 1.0, -0.1), "threshold = -0.1 must be finite and >= 0"),
        (lambda: thresholded_law(DIAGONAL, 1.0, 0.1).distance([0.1, -0.2]), r"values\[1\] = -0.2 must be >= 0"),
        (lambda: thresholded_law(DIAGONAL, 1.0, 0.1).cdf([np.nan]), r"x\[0\] = nan must be finite"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
