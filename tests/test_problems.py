"""Regression problems against their declared spectra and targets, and the digits against scikit-learn's own labels."""

import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from sklearn.datasets import load_digits

from scalinglaws.problems import (
    RegressionProblem,
    digits_problem,
    make_problem,
    multi_index_problem,
    power_law_problem,
)

SYNTHETIC = {"n_samples": 40, "dim": 6, "capacity": 1.5, "source": 0.4}
INDEXED = {"n_samples": 50, "dim": 6, "n_indices": 2}


def synthetic(seed=0, **changes):
    return power_law_problem(np.random.default_rng(seed), **{**SYNTHETIC, **changes})


def indexed(seed=0, **changes):
    return multi_index_problem(np.random.default_rng(seed), **{**INDEXED, **changes})


def digits(seed=0, **settings):
    return digits_problem(np.random.default_rng(seed), **settings)


# --- power laws -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("capacity", [0.0, 1.0, 2.5])
def test_inputs_have_the_declared_covariance(capacity):
    """Diagonal k^-capacity with trace dim, to 5 standard errors: sqrt(l_i l_j / n), on the diagonal times sqrt(2)."""
    n_samples, dim = 40_000, 6
    inputs = synthetic(n_samples=n_samples, capacity=capacity).inputs
    spectrum = np.arange(1, dim + 1.0) ** -capacity
    spectrum *= dim / spectrum.sum()
    errors = np.sqrt(np.outer(spectrum, spectrum) * (1 + np.eye(dim)) / n_samples)
    assert (np.abs(inputs.T @ inputs / n_samples - np.diag(spectrum)) < 5 * errors).all()
    assert (np.abs(inputs.mean(0)) < 5 * np.sqrt(spectrum / n_samples)).all()


@pytest.mark.parametrize(("capacity", "source"), [(1.5, 0.4), (2.0, 1.5), (0.0, 0.0)])
def test_target_is_linear_with_the_declared_power_per_mode_and_unit_spread(capacity, source):
    """Without noise the weights can be read off exactly: eigenvalue_k w_k^2 falls as k^-(1 + 2 capacity source)."""
    problem = synthetic(capacity=capacity, source=source)
    assert problem.targets.shape == (40, 1)
    assert problem.targets.std() == pytest.approx(1, rel=1e-13)
    weights, *_ = np.linalg.lstsq(problem.inputs, problem.targets[:, 0])
    np.testing.assert_allclose(problem.inputs @ weights, problem.targets[:, 0], atol=1e-12)
    ranks = np.arange(1, 7.0)
    power = ranks**-capacity * weights**2
    np.testing.assert_allclose(power / power[0], ranks ** -(1 + 2 * capacity * source), rtol=1e-10)


@pytest.mark.parametrize("draw", [synthetic, indexed], ids=["power_law", "multi_index"])
def test_noise_adds_its_standard_deviation_and_leaves_the_rest(draw):
    """Within 5 standard errors of sqrt(1 / 2n); twice the noise is twice the same draws."""
    clean, noisy, noisier = (draw(n_samples=5000, noise_std=noise) for noise in (0.0, 0.2, 0.4))
    noise = noisy.targets - clean.targets
    np.testing.assert_allclose(noisier.targets - clean.targets, 2 * noise, atol=1e-13)
    np.testing.assert_array_equal(noisy.inputs, clean.inputs)
    assert abs(noise.std() / 0.2 - 1) < 5 / math.sqrt(2 * 5000)
    assert abs(noise.mean()) < 5 * 0.2 / math.sqrt(5000)
    assert abs((noise * clean.targets).mean()) < 5 * 0.2 / math.sqrt(5000)


# --- multi-index ----------------------------------------------------------------------------------------------------


def quadratic_form(problem):
    """The constant, linear and quadratic coefficients of a target that is a polynomial of degree 2 of its inputs."""
    dim = problem.inputs.shape[1]
    rows, columns = np.triu_indices(dim)
    products = problem.inputs[:, rows] * problem.inputs[:, columns]
    design = np.hstack([np.ones((problem.n_samples, 1)), problem.inputs, products])
    coefficients, *_ = np.linalg.lstsq(design, problem.targets[:, 0])
    np.testing.assert_allclose(design @ coefficients, problem.targets[:, 0], atol=1e-11)
    square = np.zeros((dim, dim))
    square[rows, columns] = coefficients[dim + 1 :]
    return coefficients[0], coefficients[1 : dim + 1], (square + square.T) / 2


@pytest.mark.parametrize(("dim", "n_indices"), [(6, 1), (6, 2), (6, 6), (1, 1)])
def test_multi_index_target_is_the_declared_polynomial_of_orthonormal_directions(dim, n_indices):
    """The target is b.x + (x.Q.x - n_indices) / sqrt(2) up to one factor, b = sum v_i and Q = sum v_i v_i^T: read off
    exactly, Q is a projection of the declared rank, and b lies in its range with squared length n_indices."""
    problem = indexed(dim=dim, n_indices=n_indices)
    assert problem.targets.shape == (50, 1)
    assert problem.targets.std() == pytest.approx(1, rel=1e-13)
    constant, linear, square = quadratic_form(problem)
    scale = np.linalg.eigvalsh(square).max()
    projection, direction = square / scale, linear / (math.sqrt(2) * scale)
    assert constant / scale == pytest.approx(-n_indices, abs=1e-9)
    np.testing.assert_allclose(projection @ projection, projection, atol=1e-9)
    assert np.trace(projection) == pytest.approx(n_indices, abs=1e-9)
    np.testing.assert_allclose(projection @ direction, direction, atol=1e-9)
    assert direction @ direction == pytest.approx(n_indices, abs=1e-9)


def test_multi_index_inputs_are_isotropic_and_the_unscaled_target_has_unit_variance():
    """Covariance 1 to 5 standard errors. The factor that scales the sample is 1 to 5 standard errors, sqrt(kurtosis
    minus 1) / 2 over sqrt(n) with the kurtosis measured."""
    n_samples = 40_000
    problem = indexed(n_samples=n_samples)
    errors = np.sqrt((1 + np.eye(6)) / n_samples)
    assert (np.abs(problem.inputs.T @ problem.inputs / n_samples - np.eye(6)) < 5 * errors).all()
    assert (np.abs(problem.inputs.mean(0)) < 5 / math.sqrt(n_samples)).all()
    _, linear, _ = quadratic_form(problem)
    kurtosis = ((problem.targets - problem.targets.mean()) ** 4).mean()
    # The linear part b / sqrt(2 n_indices) has length 1 / sqrt(2) before the scaling.
    assert abs(math.sqrt(2) * np.linalg.norm(linear) - 1) < 5 * math.sqrt((kurtosis - 1) / 4 / n_samples)


def test_multi_index_directions_are_spread_over_the_sphere():
    """Mean of the linear part's direction over seeds within 5 standard errors of zero, sqrt(1 / dim) each."""
    units = [linear / np.linalg.norm(linear) for _, linear, _ in map(quadratic_form, map(indexed, range(200)))]
    assert (np.abs(np.mean(units, axis=0)) < 5 / math.sqrt(6 * 200)).all()


# --- digits ---------------------------------------------------------------------------------------------------------


def whole_set():
    """Standardised pixels and labels, constant pixels set to zero."""
    pixels, labels = load_digits(return_X_y=True)
    varying = pixels.std(0) > 0
    standardised = np.zeros_like(pixels)
    standardised[:, varying] = (pixels - pixels.mean(0))[:, varying] / pixels.std(0)[varying]
    return standardised, labels


def rows_of(inputs):
    """Where each row is found among the whole set: distinct rows, so that each is found once."""
    pixels, _ = whole_set()
    distance = np.abs(inputs[:, None] - pixels[None]).max(-1)
    assert ((distance < 1e-9).sum(1) == 1).all()
    return distance.argmin(1)


def test_the_whole_set_of_digits_is_standardised():
    """Also where fewer are drawn: the pixels are those of the whole set, not rescaled to the sample."""
    inputs = digits(n_samples=1797).inputs
    np.testing.assert_allclose(inputs.mean(0), 0, atol=1e-12)
    spread = inputs.std(0)
    np.testing.assert_allclose(spread[spread > 0], 1, rtol=1e-12)
    np.testing.assert_array_equal(spread == 0, load_digits(return_X_y=True)[0].std(0) == 0)
    np.testing.assert_allclose(np.sort(inputs, axis=0), np.sort(whole_set()[0], axis=0), atol=1e-12)


@pytest.mark.parametrize("seed", range(2))
def test_digits_are_drawn_without_replacement_with_their_own_labels(seed):
    parity, classes = (digits(seed, n_samples=150, labels=labels) for labels in ("parity", "classes"))
    np.testing.assert_array_equal(parity.inputs, classes.inputs)
    rows = rows_of(parity.inputs)
    assert len(set(rows)) == 150
    labels = load_digits(return_X_y=True)[1][rows]
    np.testing.assert_array_equal(parity.targets[:, 0], [1.0 if label in (0, 2, 4, 6, 8) else -1.0 for label in labels])
    assert (parity.targets.shape, classes.targets.shape) == ((150, 1), (150, 10))
    np.testing.assert_array_equal(classes.targets.argmax(1), labels)
    np.testing.assert_array_equal(np.sort(classes.targets, axis=1), np.tile([0.0] * 9 + [1.0], (150, 1)))


def test_parity_is_the_default():
    np.testing.assert_array_equal(digits(n_samples=9).targets, digits(n_samples=9, labels="parity").targets)


# --- all ------------------------------------------------------------------------------------------------------------


DRAWS = {"power_law": synthetic, "multi_index": indexed, "digits": lambda seed: digits(seed, n_samples=30)}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_the_generator_alone_decides(draw):
    one, again, other = draw(3), draw(3), draw(4)
    np.testing.assert_array_equal(one.inputs, again.inputs)
    np.testing.assert_array_equal(one.targets, again.targets)
    assert not np.array_equal(one.inputs, other.inputs)


@pytest.mark.parametrize(
    ("kind", "settings", "function"),
    [
        ("power_law", SYNTHETIC, power_law_problem),
        ("multi_index", INDEXED, multi_index_problem),
        ("digits", {"n_samples": 12, "labels": "classes"}, digits_problem),
    ],
)
def test_problems_are_made_by_name(kind, settings, function):
    ours = make_problem(np.random.default_rng(1), kind, **settings)
    expected = function(np.random.default_rng(1), **settings)
    np.testing.assert_array_equal(ours.inputs, expected.inputs)
    np.testing.assert_array_equal(ours.targets, expected.targets)
    assert ours.n_samples == settings["n_samples"] == len(ours.inputs)


def test_problems_are_frozen_float64_arrays():
    problem = RegressionProblem([[1, 2], [3, 4], [5, 6]], [[1], [0], [1]])
    assert problem.inputs.dtype == problem.targets.dtype == np.float64
    assert problem.n_samples == 3
    with pytest.raises(FrozenInstanceError):
        problem.inputs = None


ONES = np.ones((3, 2))


@pytest.mark.parametrize(
    ("inputs", "targets", "message"),
    [
        (ONES[:, 0], ONES, r"inputs has shape \(3,\) and must have 2 dimension"),
        (ONES, ONES[:, 0], r"targets has shape \(3,\) and must have 2 dimension"),
        (np.where(np.eye(3, 2) > 0, np.nan, ONES), ONES, r"inputs\[0, 0\] = nan must be finite"),
        (ONES, np.where(np.eye(3, 2)[::-1] > 0, -np.inf, ONES), r"targets\[1, 1\] = -inf must be finite"),
        (ONES[:1], ONES[:1], r"n_samples = 1 must be an integer >= 2"),
        (ONES, ONES[:2], r"inputs have 3 rows and targets 2"),
        (ONES[:2], ONES, r"inputs have 2 rows and targets 3"),
        (ONES[:, :0], ONES, r"inputs has 0 entries"),
    ],
)
def test_bad_arrays_are_named(inputs, targets, message):
    with pytest.raises(ValueError, match=message):
        RegressionProblem(inputs, targets)


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        ("power_law", {**SYNTHETIC, "n_samples": 1}, r"n_samples = 1 must be an integer >= 2"),
        ("power_law", {**SYNTHETIC, "n_samples": 4.5}, r"n_samples = 4\.5 must be an integer >= 2"),
        ("power_law", {**SYNTHETIC, "dim": 0}, r"dim = 0 must be an integer >= 1"),
        ("power_law", {**SYNTHETIC, "capacity": -1.0}, r"capacity = -1\.0 must be finite and >= 0"),
        ("power_law", {**SYNTHETIC, "source": math.nan}, r"source = nan must be finite and >= 0"),
        ("power_law", {**SYNTHETIC, "noise_std": -0.1}, r"noise_std = -0\.1 must be finite and >= 0"),
        ("multi_index", {**INDEXED, "n_samples": 1}, r"n_samples = 1 must be an integer >= 2"),
        ("multi_index", {**INDEXED, "dim": 0}, r"dim = 0 must be an integer >= 1"),
        ("multi_index", {**INDEXED, "n_indices": 0}, r"n_indices = 0 must be an integer >= 1"),
        ("multi_index", {**INDEXED, "n_indices": 1.5}, r"n_indices = 1\.5 must be an integer >= 1"),
        ("multi_index", {**INDEXED, "n_indices": 7}, r"n_indices = 7 must be at most dim = 6"),
        ("multi_index", {**INDEXED, "noise_std": math.inf}, r"noise_std = inf must be finite and >= 0"),
        ("digits", {"n_samples": 1}, r"n_samples = 1 must be an integer >= 2"),
        ("digits", {"n_samples": 1798}, r"n_samples = 1798 must be at most 1797"),
        ("digits", {"n_samples": 5, "labels": "odd"}, r"labels = 'odd' must be one of 'parity', 'classes'"),
        ("cifar", {}, r"kind = 'cifar' must be one of 'power_law', 'multi_index', 'digits'"),
    ],
)
def test_bad_settings_are_named(kind, settings, message):
    with pytest.raises(ValueError, match=message):
        make_problem(np.random.default_rng(0), kind, **settings)
