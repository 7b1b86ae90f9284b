"""Gradient flow of diagonal networks: twins, conservation of the imbalance, and where each start ends."""

import itertools

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from scalinglaws.shallow.implicit_bias import minimum_potential_interpolator
from scalinglaws.shallow.initialisation import (
    decaying_flow,
    gradient_flow,
    imbalance_of,
    orthant_lasso,
    start_of_imbalance,
    theta_of,
)
from scalinglaws.shallow.lasso import DiagonalSample, solve_path
from scalinglaws.solvers import NotConverged


def regression(seed, n_samples=20, dim=6):
    """Inputs over sqrt(dim), so that they are a sample's design, and labels."""
    rng = np.random.default_rng(seed)
    inputs, teacher = rng.standard_normal((n_samples, dim)), 2 * rng.standard_normal(dim)
    return inputs / np.sqrt(dim), inputs @ teacher / np.sqrt(dim) + rng.standard_normal(n_samples)


def lasso(inputs, labels, weight_decay):
    dim = inputs.shape[1]
    return solve_path(DiagonalSample(inputs * np.sqrt(dim), labels, np.zeros(dim)), weight_decay).parameters


# --- without weight decay -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1e-4, 0.05, 1.0, 10.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_flow_ends_in_the_minimum_of_the_potential(seed, scale):
    """Theorem 1 of arXiv:2002.09277. Errors: a residual of 1e-8 over the smallest singular value, 1.2; 1e-9 scale^2."""
    rng = np.random.default_rng(seed)
    inputs, labels = rng.standard_normal((5, 12)), rng.standard_normal(5)
    found = gradient_flow(inputs, labels, scale)
    assert np.linalg.norm(labels - inputs @ found.value) / np.linalg.norm(labels) == pytest.approx(found.residual)
    assert found.residual <= 1e-8
    expected = minimum_potential_interpolator(inputs, labels, scale).value
    np.testing.assert_allclose(found.value, expected, atol=1e-6 * np.abs(expected).max())


def test_a_flow_that_has_nothing_to_learn_stays():
    found = gradient_flow(np.eye(2, 3), np.zeros(2), 0.5)
    assert found.iterations == 0
    np.testing.assert_array_equal(found.value, 0.0)


def test_a_residual_below_rounding_is_not_reached():
    inputs, labels = regression(2, 3, 6)
    with pytest.raises(NotConverged, match="gradient_flow did not converge"):
        gradient_flow(inputs, labels, 1.0, tolerance=1e-18)


# --- with weight decay ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weight_decay", [0.0, 0.3, 2.0])
def test_the_flow_is_that_of_a_and_w(weight_decay):
    """Twin: the gradient of the objective in a and w themselves, by another integrator."""
    (inputs, labels), times = regression(3), np.array([0.0, 0.1, 0.7, 3.0])
    a, w = np.random.default_rng(4).standard_normal((2, 6))

    def descent(time, state):
        a, w = np.split(state, 2)
        g = inputs.T @ (labels - inputs @ (a * w))
        return np.concatenate([w * g - weight_decay * a, a * g - weight_decay * w])

    twin = solve_ivp(descent, (0, 3), np.append(a, w), method="DOP853", t_eval=times, rtol=1e-11, atol=1e-12)
    a, w = twin.y.T.reshape(4, 2, 6).swapaxes(0, 1)
    state = decaying_flow(inputs, labels, weight_decay, np.array([a[0] + w[0], a[0] - w[0]]) / 2, times)
    np.testing.assert_allclose(theta_of(state), a * w, atol=1e-6)
    np.testing.assert_allclose(imbalance_of(state), a**2 - w**2, atol=1e-6)


@pytest.mark.parametrize("weight_decay", [0.0, 0.2, 1.5])
@pytest.mark.parametrize("imbalance", [1e-9, 0.1, 0.99])
def test_the_imbalance_falls_at_twice_the_weight_decay_whatever_the_data(weight_decay, imbalance):
    """Errors of 1e-9 at each of some thousand steps."""
    (inputs, labels), times = regression(5), np.linspace(0, 10, 6)
    start = start_of_imbalance(np.random.default_rng(6), 6, imbalance)
    state = decaying_flow(inputs, labels, weight_decay, start, times)
    expected = np.exp(-2 * weight_decay * times)[:, None] * imbalance_of(start)
    np.testing.assert_allclose(imbalance_of(state), expected, rtol=1e-5)
    assert np.abs(theta_of(state) - theta_of(start)).max() > 1


def test_without_labels_both_parts_shrink_at_the_weight_decay():
    start = np.array([[1.0, -2.0], [0.5, 1e-8]])
    state = decaying_flow(np.zeros((1, 2)), [0.0], 0.7, start, [0.0, 1.0, 5.0])
    np.testing.assert_allclose(state, np.exp(-0.7 * np.array([0.0, 1.0, 5.0]))[:, None, None] * start, rtol=1e-7)


@pytest.mark.parametrize("seed", [7, 8, 9])
def test_a_balanced_start_ends_in_the_lasso_of_its_orthant(seed):
    """Its signs never change, exactly; entries on the boundary vanish as slowly as their slope is small."""
    (inputs, labels), weight_decay = regression(seed), 0.5
    start = start_of_imbalance(np.random.default_rng(seed), 6, 0.0)
    states = decaying_flow(inputs, labels, weight_decay, start, [0.0, 1.0, 300.0])
    assert not imbalance_of(states).any()
    assert (np.sign(theta_of(states)) * np.sign(theta_of(start)) >= 0).all()
    expected = orthant_lasso(inputs, labels, weight_decay, np.sign(theta_of(start)))
    np.testing.assert_allclose(theta_of(states)[-1], expected, atol=1e-4)
    wrong = theta_of(start) * lasso(inputs, labels, weight_decay) < 0
    assert wrong.any()
    assert not expected[wrong].any()


@pytest.mark.parametrize("imbalance", [1e-12, 1e-3])
@pytest.mark.parametrize("seed", [7, 8, 9])
def test_any_imbalance_ends_in_the_lasso(seed, imbalance):
    inputs, labels = regression(seed)
    start = start_of_imbalance(np.random.default_rng(seed), 6, imbalance)
    end = theta_of(decaying_flow(inputs, labels, 0.5, start, [0.0, 300.0]))[-1]
    np.testing.assert_allclose(end, lasso(inputs, labels, 0.5), atol=1e-4)


# --- starts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("imbalance", [0.0, 1e-12, 0.3, 0.999])
def test_starts_have_the_imbalance_asked_for_and_share_their_draws(imbalance):
    start, balanced = (start_of_imbalance(np.random.default_rng(0), 200, value) for value in (imbalance, 0.0))
    a, w = start.sum(axis=0), start[0] - start[1]
    np.testing.assert_allclose(imbalance_of(start) / (a**2 + w**2), imbalance, rtol=1e-12)
    np.testing.assert_allclose(start.max(axis=0), balanced.max(axis=0))
    np.testing.assert_array_equal(np.sign(theta_of(start)), np.sign(theta_of(balanced)))
    # A fair coin: three standard deviations of 200.
    assert abs((theta_of(start) > 0).mean() - 0.5) < 3 * 0.5 / np.sqrt(200)


# --- LASSO of an orthant --------------------------------------------------------------------------------------------


def test_orthogonal_inputs_are_thresholded_within_the_orthant():
    rotation = np.linalg.qr(np.random.default_rng(1).standard_normal((5, 4)))[0]
    overlap, signs = np.array([3.0, -2.0, 0.5, -4.0]), np.array([1.0, 1.0, 1.0, -1.0])
    found = orthant_lasso(rotation, rotation @ overlap, 1.0, signs)
    np.testing.assert_allclose(found, [2.0, 0.0, 0.0, -3.0], atol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_the_orthant_lasso_is_the_best_of_all_supports(seed):
    (inputs, labels), weight_decay = regression(seed, 8, 4), 0.8
    signs = np.where(np.random.default_rng(seed).random(4) < 0.5, -1.0, 1.0)

    def objective(theta):
        return ((labels - inputs @ theta) ** 2).sum() / 2 + weight_decay * np.abs(theta).sum()

    candidates = []
    for kept in map(np.flatnonzero, itertools.product((0, 1), repeat=4)):
        theta, columns = np.zeros(4), inputs[:, kept]
        theta[kept] = np.linalg.solve(columns.T @ columns, columns.T @ labels - weight_decay * signs[kept])
        candidates += [theta] if (theta * signs >= 0).all() else []
    np.testing.assert_allclose(
        orthant_lasso(inputs, labels, weight_decay, signs), min(candidates, key=objective), atol=1e-10
    )


def test_in_the_orthant_of_the_lasso_it_is_the_lasso():
    inputs, labels = regression(11)
    expected = lasso(inputs, labels, 0.4)
    found = orthant_lasso(inputs, labels, 0.4, np.where(expected < 0, -1.0, 1.0))
    np.testing.assert_allclose(found, expected, atol=1e-9)


# --- refusals -------------------------------------------------------------------------------------------------------

EYE = np.eye(2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gradient_flow(EYE, [1.0], 1.0), "labels has 1 entries"),
        (lambda: gradient_flow(EYE, [1.0, 1.0], -1.0), "scale = -1.0 must be finite and > 0"),
        (lambda: gradient_flow(EYE, [1.0, 1.0], 1.0, tolerance=0), "tolerance = 0 must lie strictly between 0 and 1"),
        (lambda: decaying_flow(EYE, [1, 1], -1.0, EYE, [0.0, 1.0]), "weight_decay = -1.0 must be finite and >= 0"),
        (lambda: decaying_flow(EYE, [1, 1], 1.0, np.eye(2, 3), [0.0, 1.0]), r"start has shape \(2, 3\) and must"),
        (lambda: decaying_flow(EYE, [1, 1], 1.0, EYE, [-1.0, 1.0]), r"times\[0\] = -1.0 must be >= 0"),
        (lambda: decaying_flow(EYE, [1, 1, 1], 1.0, EYE, [0.0, 1.0]), "labels has 3 entries"),
        (lambda: start_of_imbalance(np.random.default_rng(0), 3, 1.0), "imbalance = 1.0 must be < 1"),
        (lambda: start_of_imbalance(np.random.default_rng(0), 0, 0.5), "dim = 0 must be an integer >= 1"),
        (lambda: orthant_lasso(EYE, [1, 1], 0.1, [1, 0]), "signs = .* must be 1 or -1"),
        (lambda: orthant_lasso(EYE, [1, 1], 0.1, [1]), "signs has 1 entries and must have as many as"),
        (lambda: orthant_lasso(np.eye(1, 2), [1], 0.1, [1, 1]), "must have independent columns"),
        (lambda: orthant_lasso(EYE, [1, 1], 0.0, [1, 1]), "weight_decay = 0.0 must be finite and > 0"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
