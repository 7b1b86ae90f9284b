"""Pruning: the operation on matrices and coefficients, and its predicted risk against large ones."""

import numpy as np
import pytest

from scalinglaws.shallow import lasso, quadratic
from scalinglaws.shallow.problem import DiagonalProblem, QuadraticProblem, power_law_strengths
from scalinglaws.shallow.pruning import parameter_risk, prune, pruned_risk
from scalinglaws.shallow.spectra import learned_law, thresholded_law

NOISE = np.sqrt(0.5)


def noisy_matrix(seed, dim, delta):
    """A diagonal teacher of three strengths, and the same in GOE noise."""
    half = np.random.default_rng(seed).standard_normal((dim, dim)) * delta / np.sqrt(2 * dim)
    teacher = np.diag([8.0, 4.0, 2.0] + [0.0] * (dim - 3))
    return teacher, teacher + half + half.T


def cut(matrix, threshold):
    """relu(matrix - threshold), a matrix function."""
    values, vectors = np.linalg.eigh(matrix)
    return vectors @ np.diag(np.maximum(values - threshold, 0.0)) @ vectors.T


@pytest.mark.parametrize("threshold", [0.3, 1.7])
def test_pruning_is_thresholding_of_the_noisy_teacher_at_the_end_of_the_noise(threshold):
    _, noisy = noisy_matrix(0, 30, 1.0)
    np.testing.assert_allclose(prune(cut(noisy, threshold), 2 - threshold), cut(noisy, 2.0), atol=1e-12)
    coefficients = np.random.default_rng(0).standard_normal(50)
    soft = np.sign(coefficients) * np.maximum(np.abs(coefficients) - threshold, 0.0)
    expected = np.sign(coefficients) * np.maximum(np.abs(coefficients) - 2, 0.0)
    np.testing.assert_allclose(prune(soft, 2 - threshold), expected, atol=1e-12)


@pytest.mark.parametrize("edge", [0.0, -1.5])
def test_without_learned_noise_pruning_changes_nothing(edge):
    for parameters in (np.array([0.1, -2.0]), np.array([[1.0, 0.2], [0.2, 3.0]])):
        np.testing.assert_array_equal(prune(parameters, edge), parameters)


@pytest.mark.parametrize("threshold", [0.0, 0.8, 2.7])
def test_quadratic_prediction_holds_for_a_large_matrix(threshold):
    """The errors of three spikes of 400 directions fluctuate by a few percent each."""
    dim, delta = 400, 1.0
    teacher, noisy = noisy_matrix(1, dim, delta)
    law = thresholded_law(QuadraticProblem(np.diag(teacher), 10.0, 1.0, 1.0), delta, threshold)
    found = parameter_risk(prune(cut(noisy, threshold), law.edge), teacher)
    assert found == pytest.approx(pruned_risk(law), rel=0.05)


@pytest.mark.parametrize("threshold", [0.0, 0.8, 5.0])
def test_diagonal_prediction_holds_for_many_coefficients(threshold):
    """10^5 draws for each of 20 coefficients leave 1 % of the mean."""
    teacher = 5 * np.arange(1, 21) ** -1.0
    law = thresholded_law(DiagonalProblem(teacher, 10.0, 1.0, 1.0), 0.7, threshold)
    noisy = teacher + 0.7 * np.random.default_rng(0).standard_normal((100_000, 20))
    learned = np.sign(noisy) * np.maximum(np.abs(noisy) - threshold, 0.0)
    pruned = prune(learned.ravel(), law.edge).reshape(learned.shape)
    assert ((pruned - teacher) ** 2).mean() == pytest.approx(pruned_risk(law), rel=0.01)


def test_prediction_is_the_risk_itself_where_no_noise_is_left():
    law = thresholded_law(QuadraticProblem(power_law_strengths(20, 1.0), 10.0, 1.0, 1.0), 0.5, 1.1)
    assert law.edge < 0
    assert pruned_risk(law) == law.risk(1.1)


@pytest.mark.parametrize(
    ("ratio", "weight_decay", "before", "after"),
    [(0.25, 0.01, 1.20, 0.92), (1.0, 0.01, 0.26, 0.31), (0.5, 1.0, 0.29, 0.46), (0.5, 10.0, 1.75, 1.75)],
)
def test_pruning_helps_at_the_peak_and_hurts_beyond_it(ratio, weight_decay, before, after):
    """Values of state evolution to two digits, at dim = 100."""
    law = learned_law(QuadraticProblem(power_law_strengths(100, 1.0), ratio * 1e4, weight_decay, NOISE))
    assert law.risk(law.threshold) == pytest.approx(before, abs=0.005)
    assert pruned_risk(law) == pytest.approx(after, abs=0.005)


def test_risks_are_those_of_the_estimates():
    rng = np.random.default_rng(0)
    sample = lasso.draw(DiagonalProblem(np.ones(8), 20, 1.0, NOISE, teacher="gaussian"), rng)
    estimate = lasso.solve_path(sample, 1.0)
    assert parameter_risk(estimate.parameters, estimate.teacher) == pytest.approx(float(estimate.excess_risk))
    sample = quadratic.draw(QuadraticProblem(np.ones(5), 40, 1.0, NOISE), rng)
    estimate = quadratic.solve_path(sample, 1.0)
    assert parameter_risk(estimate.parameters, estimate.teacher) == pytest.approx(float(estimate.excess_risk))


@pytest.mark.parametrize("shape", [(), (2, 3), (2, 2, 2)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"parameters has shape .* must be a vector or a square matrix"):
        prune(np.ones(shape), 1.0)
