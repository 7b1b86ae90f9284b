"""Draws: moments of samples and of every kind of feature map, nesting, independence."""

import numpy as np
import pytest

from scalinglaws.ridge import RandomFeatureProblem, RidgeProblem
from scalinglaws.ridge.sampling import draw_feature_map, draw_feature_noise, draw_sample

DIM = 40
EIGENVALUES = 3.0 * np.arange(1, DIM + 1) ** -0.8
TARGET = np.linspace(2, -1, DIM)


def feature_problem(widths, **options):
    """Random features of these widths; what else a problem holds does not matter here."""
    return RandomFeatureProblem(EIGENVALUES, TARGET, 10, 0.1, 0.0, widths, **options)


def test_inputs_are_standard_and_labels_linear():
    problem = RidgeProblem(EIGENVALUES, TARGET, 10, 0.1, 0.0)
    inputs, labels = draw_sample(problem, 20_000, 3)
    # entries of a covariance estimated from n samples err by sqrt(2 / n) at most, here 0.01; 5 of these
    np.testing.assert_allclose(inputs.T @ inputs / 20_000, np.eye(DIM), atol=0.05)
    np.testing.assert_allclose(inputs.mean(0), 0, atol=0.035)
    np.testing.assert_allclose(labels[:, 0], (inputs * np.sqrt(EIGENVALUES)) @ TARGET, rtol=1e-10, atol=1e-12)
    assert labels[:, 1].var() == pytest.approx(1, abs=0.05)
    np.testing.assert_allclose(inputs.T @ labels[:, 1] / 20_000, 0, atol=0.035)


def test_inputs_are_written_where_they_are_wanted():
    problem = RidgeProblem(EIGENVALUES, TARGET, 10, 0.1, 0.0)
    room = np.full((10, DIM), np.nan)
    inputs, labels = draw_sample(problem, 10, 3, out=room)
    assert inputs is room
    for found, expected in zip((inputs, labels), draw_sample(problem, 10, 3), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_fewer_samples_and_features_are_the_leading_ones():
    problem = feature_problem([12, 30])
    for whole, part in zip(draw_sample(problem, 50, 7), draw_sample(problem, 20, 7), strict=True):
        np.testing.assert_allclose(part, whole[:20], rtol=1e-12)
    whole, part = (draw_feature_map(problem, (12, width), 7) for width in (30, 11))
    # the variance of "input" does not depend on the widths
    np.testing.assert_allclose(part, whole[:11], rtol=1e-12)
    np.testing.assert_array_equal(draw_feature_noise((4, 9), 1, 2), draw_feature_noise((6, 9), 1, 2)[:4])


# widths, convention, variance of each layer's entries
CONVENTIONS = [
    ((25,), "input", [1 / DIM]),
    ((25,), "layer", [1 / DIM]),
    ((25,), "output", [1 / 25]),
    ((30, 20, 25), "input", [1 / DIM] * 3),
    ((30, 20, 25), "layer", [1 / DIM, 1 / 30, 1 / 20]),
    ((30, 20, 25), "output", [1 / 30, 1 / 20, 1 / 25]),
]


@pytest.mark.parametrize(("widths", "convention", "variances"), CONVENTIONS)
@pytest.mark.parametrize("structured", [False, True])
def test_second_moments_of_the_map(widths, convention, variances, structured):
    """E M M^T over the draws: a feature's variance is its layer's share of what arrives there, summed over inputs."""
    spectra = [4.0 * np.arange(1, width + 1) ** -0.5 if structured else np.ones(width) for width in widths]
    options = {"feature_eigenvalues": spectra if len(widths) > 1 else spectra[0]} if structured else {}
    problem = feature_problem(widths, convention=convention, **options)
    maps = np.array([draw_feature_map(problem, widths, seed) for seed in range(400)])
    arriving = EIGENVALUES
    for variance, spectrum in zip(variances, spectra, strict=True):
        arriving = variance * spectrum * arriving.sum()
    squares = (maps**2).sum(2)
    error = squares.std(0) / np.sqrt(len(maps))
    np.testing.assert_array_less(np.abs(squares.mean(0) - arriving), 4 * error)
    products = np.einsum("sad,sbd->sab", maps[:, :5], maps[:, -5:])
    np.testing.assert_array_less(np.abs(products.mean(0)), 4.5 * products.std(0) / np.sqrt(len(maps)))
    # and over the features: M^T M is diagonal on average, in proportion to the inputs' eigenvalues
    powers = (maps**2).sum(1)
    expected = EIGENVALUES * arriving.sum() / EIGENVALUES.sum()
    np.testing.assert_array_less(np.abs(powers.mean(0) - expected), 4 * powers.std(0) / np.sqrt(len(maps)))


def test_seeds_give_independent_draws():
    problem = feature_problem(2000)
    rows = [draw_feature_map(problem, (2000,), seed)[:, 0] for seed in (0, 1)]
    rows += [draw_sample(problem, 2000, seed)[0][:, 0] for seed in (0, 1)]
    rows += [draw_feature_noise((2000, 1), *seeds)[:, 0] for seeds in ((0, 0), (0, 1), (1, 0), (1, 1))]
    # correlations of independent columns are N(0, 1 / 2000): 4.5 standard deviations
    np.testing.assert_allclose(np.corrcoef(rows), np.eye(len(rows)), atol=0.1)
