"""Unbiased parts against explicit loops and a random-effects model of known variances; calibration of the jackknife."""

import numpy as np
import pytest

from scalinglaws.ridge.decomposition import Draws, parts, standard_errors

# Of the mean, the data's effect, the features' and that of the pair.
SQUARES = (1.0, 4.0, 0.25, 0.5)


def draws_of(errors, noise, statistics=None):
    """`Draws` from error vectors (n_points, n_data, n_features, dim) of both kinds."""
    statistics = np.zeros((*errors.shape[:3], 0)) if statistics is None else statistics
    products = np.einsum("pijd,pkld->pijkl", errors, errors)
    return Draws(products, np.einsum("pijd,pild->pijl", noise, noise), statistics)


def effects(rng, n_points, n_data, n_features, dim=3):
    """d_ij = mean + a_i + b_j + c_ij: crossed random effects of mean squares `SQUARES`, no b for a single map."""
    shapes = ((1, 1), (n_data, 1), (1, n_features), (n_data, n_features))
    terms = [
        np.sqrt(s / dim) * rng.standard_normal((n_points, *shape, dim))
        for s, shape in zip(SQUARES, shapes, strict=True)
    ]
    terms[0] = np.sqrt(SQUARES[0] / dim)
    return sum(terms[:2]) + terms[3] + (terms[2] if n_features > 1 else 0.0)


def test_parts_are_means_over_the_four_kinds_of_pairs():
    rng = np.random.default_rng(0)
    errors, noise = rng.standard_normal((2, 1, 3, 4, 5)) + 0.7
    statistics = rng.standard_normal((1, 3, 4, 2))
    pairs = {(same_data, same_map): [] for same_data in (0, 1) for same_map in (0, 1)}
    noises = {0: [], 1: []}
    for i in range(3):
        for j in range(4):
            for k in range(3):
                for m in range(4):
                    pairs[int(i == k), int(j == m)].append(errors[0, i, j] @ errors[0, k, m])
                    if i == k:
                        noises[int(j == m)].append(noise[0, i, j] @ noise[0, k, m])
    mean = {kind: np.mean(products) for kind, products in pairs.items()}
    bias, var_x, var_f = mean[0, 0], mean[1, 0] - mean[0, 0], mean[0, 1] - mean[0, 0]
    var_xe = np.mean(noises[0])
    expected = [bias, var_x, var_f, mean[1, 1] - bias - var_x - var_f, var_xe, np.mean(noises[1]) - var_xe]
    found = parts(draws_of(errors, noise, statistics))
    np.testing.assert_allclose(found, [[*expected, *statistics[0].mean((0, 1))]], rtol=1e-12)


def test_without_features_all_variance_is_that_of_the_data():
    rng = np.random.default_rng(1)
    errors, noise = rng.standard_normal((2, 2, 5, 1, 3)) + 0.7
    found = parts(draws_of(errors, noise))
    apart = [[errors[p, i, 0] @ errors[p, k, 0] for i in range(5) for k in range(5) if i != k] for p in range(2)]
    bias, signal = np.mean(apart, axis=1), (errors**2).sum(3).mean((1, 2))
    none = np.zeros(2)
    expected = np.column_stack([bias, signal - bias, none, none, (noise**2).sum(3).mean((1, 2)), none])
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("shape", [(2, 2), (3, 5), (6, 1)])
def test_parts_are_unbiased_for_effects_of_known_variance(shape):
    errors = effects(np.random.default_rng(2), 4000, *shape)
    found = parts(draws_of(errors, errors))[:, :4]
    expected = SQUARES if shape[1] > 1 else (1.0, 4.5, 0.0, 0.0)
    error = found.std(0) / np.sqrt(len(found))
    np.testing.assert_array_less(np.abs(found.mean(0) - expected), 4 * error + 1e-12)


@pytest.mark.parametrize("shape", [(6, 6), (8, 4), (10, 1)])
def test_standard_errors_match_the_scatter_of_repetitions(shape):
    errors = effects(np.random.default_rng(3), 4000, *shape, dim=12)
    draws = draws_of(errors, errors, (errors**2).sum(3, keepdims=True))
    columns = [0, 1, 4, 6] if shape[1] == 1 else [0, 1, 2, 3, 4, 5, 6]
    found, error = parts(draws)[:, columns], standard_errors(draws)[:, columns]
    # Efron & Stein (1981): on average the jackknife counts a term that m draws make together about m times, m <= 4
    # here; 0.95: the scatter of 4000 repetitions has a relative error of 0.02 to 0.03
    ratio = (error**2).mean(0) / found.var(0)
    assert (ratio > 0.95).all(), ratio
    assert (ratio < 4).all(), ratio
    z_scores = (found - found.mean(0)) / error
    # Gauss has 98.8 % within 2.5; with as few draws the error itself is uncertain and the tails are those of Student
    assert (np.mean(np.abs(z_scores) < 2.5, axis=0) > 0.93).all()


@pytest.mark.parametrize("shape", [(6, 4), (5, 1)])
def test_standard_error_of_a_mean_adds_those_over_samples_and_over_maps(shape):
    rng = np.random.default_rng(5)
    statistics, errors = rng.standard_normal((3, *shape, 2)), np.zeros((3, *shape, 1))
    over = [statistics.mean(axis) for axis in (2, 1)][: 1 + (shape[1] > 1)]
    # Of a mean of n numbers the jackknife's variance is the sample variance over n, exactly.
    variance = sum(means.var(axis=1, ddof=1) / means.shape[1] for means in over)
    found = standard_errors(draws_of(errors, errors, statistics))[:, -2:]
    np.testing.assert_allclose(found, np.sqrt(variance), rtol=1e-12)


def test_two_draws_leave_the_error_unknown_and_infinite_values_are_sure():
    rng = np.random.default_rng(4)
    errors, noise = rng.standard_normal((2, 1, 3, 3, 5))
    statistics = np.full((1, 3, 3, 1), np.inf)
    assert standard_errors(draws_of(errors, noise, statistics))[0, -1] == 0
    for data, maps in ((2, 3), (3, 2)):
        few = draws_of(errors[:, :data, :maps], noise[:, :data, :maps], statistics[:, :data, :maps])
        assert (standard_errors(few) == np.inf).all()
