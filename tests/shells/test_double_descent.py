"""Frozen-kernel training in closed form against gradient descent, matrix exponentials and brute-force averages."""

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.stats import ortho_group

from scalinglaws.shells import SharpShells
from scalinglaws.shells.double_descent import descent_response, flow_response, lazy_model
from scalinglaws.shells.lazy import lazy_residual
from scalinglaws.shells.linear_models import feature_model, gradient_descent, least_norm, random_features

# (samples, features): under-parametrised, at the threshold, over-parametrised.
SIZES = [(12, 5), (9, 9), (6, 15)]
EIGENVALUES = np.array([0.0, 1e-300, 1e-12, 1e-3, 0.7, 30.0])


def linear_problem(seed, n_samples, n_features, *, scale=1.0, n_test=7):
    rng = np.random.default_rng(seed)
    features, tests = (scale * rng.standard_normal((count, n_features)) for count in (n_samples, n_test))
    return features, 3.0 + rng.standard_normal(n_samples), tests


def general_model(seed=0, size=6, n_test=5):
    """A positive definite kernel, any readout, and functions that do not start at zero."""
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((size, size + 2))
    drawn = (rng.standard_normal(shape) for shape in ((n_test, size), size, n_test))
    return root @ root.T / size, *drawn


# --- responses ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("time", [0.0, 1e-9, 0.3, 1e5])
def test_flow_response_is_the_integral_of_the_decay(time):
    """Against Gauss-Legendre quadrature of exp(-lambda s), in pieces short enough to be exact to rounding."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    eigenvalues = EIGENVALUES[EIGENVALUES * time < 40]
    expected = [(weights * np.exp(-value * time * (1 + nodes) / 2)).sum() * time / 2 for value in eigenvalues]
    np.testing.assert_allclose(flow_response(eigenvalues, time), expected, rtol=1e-12, atol=0)


def test_flow_response_at_infinite_time_inverts_all_but_null_eigenvalues():
    response = flow_response(np.array([0.0, 1e-17, 1e-9, 0.5, 2.0]), np.inf)
    np.testing.assert_allclose(response, [0, 0, 1e9, 2, 0.5], rtol=1e-15)


@pytest.mark.parametrize("rate", [1e-3, 0.04, 0.066])
@pytest.mark.parametrize("n_steps", [0, 1, 7, 400])
def test_descent_response_is_the_geometric_sum(rate, n_steps):
    terms = [rate * (1 - rate * EIGENVALUES) ** step for step in range(n_steps)]
    ours = descent_response(EIGENVALUES, rate, n_steps)
    # Of the two terms that cancel to the power of a negative base, rounding leaves 1e-16 of 1 / lambda.
    np.testing.assert_allclose(ours, np.sum(terms, axis=0), rtol=1e-12, atol=1e-15)


def test_short_steps_of_descent_are_the_flow_to_first_order():
    errors = [
        np.abs(descent_response(EIGENVALUES, 2.0 / steps, steps) - flow_response(EIGENVALUES, 2.0)).max()
        for steps in (1000, 2000, 4000)
    ]
    np.testing.assert_allclose(np.divide(errors[:-1], errors[1:]), 2.0, rtol=0.02)


def test_responses_of_many_times_are_rows():
    times, steps = np.array([0.0, 2.0, np.inf]), np.array([0, 3, 50])
    for respond, moments in ((flow_response, times), (lambda e, k: descent_response(e, 0.05, k), steps)):
        rows = respond(EIGENVALUES, moments)
        np.testing.assert_array_equal(rows, [respond(EIGENVALUES, moment) for moment in moments])


BAD = [
    (lambda: flow_response(EIGENVALUES, -1.0), r"time = -1.0 must be >= 0"),
    (lambda: flow_response(EIGENVALUES, np.nan), r"time = nan must be >= 0"),
    (lambda: flow_response([-1e-3, 1.0], 1.0), r"eigenvalues reach down to -0.001 and must be >= 0"),
    (lambda: descent_response(EIGENVALUES, 0.1, 3), r"rate = 0.1 must be < 2 / 30"),
    (lambda: descent_response(EIGENVALUES, 0.0, 3), r"rate = 0.0 must be finite and > 0"),
    (lambda: descent_response(EIGENVALUES, 0.01, 2.5), r"n_steps = 2.5 must be whole numbers"),
    (lambda: lazy_model(np.eye(3), np.ones((4, 2)), np.ones(3)), r"test_kernel has shape \(4, 2\) .* 3 columns"),
    (lambda: lazy_model(np.eye(3), np.ones((4, 3)), np.ones(3), np.ones(2)), r"test_start has 2 entries"),
    (lambda: lazy_model(-np.eye(3), np.ones((4, 3)), np.ones(3)), r"eigenvalue -1"),
    (lambda: lazy_model(np.eye(3), np.full((4, 3), np.nan), np.ones(3)), r"test_kernel\[0, 0\] = nan"),
    (lambda: random_features(np.ones((2, 3)), np.ones((4, 3)), "sine"), r"activation = 'sine' must be one of"),
    (lambda: next(gradient_descent(np.eye(2), np.ones(2), -1.0, [1])), r"rate = -1.0"),
    (lambda: next(gradient_descent(np.eye(2), np.ones(2), 0.1, [3, 2])), r"n_steps\[0\], n_steps\[1\]"),
    (lambda: next(gradient_descent(np.eye(2), np.ones(2), 0.1, [-1])), r"n_steps\[0\] = .* must be an integer >= 0"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --- the model ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n_samples", "n_features"), SIZES)
@pytest.mark.parametrize("share", [0.1, 1.0, 1.9])
@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_gradient_descent_on_a_linear_model_is_exactly_its_filter(n_samples, n_features, share, scale):
    features, targets, tests = linear_problem(n_samples, n_samples, n_features, scale=scale)
    model = feature_model(features, targets, tests)
    rate, n_steps = share / model.modes.eigenvalues.max(), [0, 1, 10, 3000]
    weights = np.array(list(gradient_descent(features, targets, rate, n_steps)))
    response = descent_response(model.modes.eigenvalues, rate, n_steps)
    np.testing.assert_allclose(model.test_outputs(response), weights @ tests.T, rtol=0, atol=1e-10)
    np.testing.assert_allclose(model.train_residual(response), weights @ features.T - targets, rtol=0, atol=1e-10)


@pytest.mark.parametrize("time", [0.0, 0.4, 9.0])
def test_flow_is_the_matrix_exponential_of_training_and_test_points_together(time):
    """(e, f_test)' = -[[M, 0], [K_test, 0]] (e, f_test), integrated as one linear system."""
    kernel, test_kernel, residual, start = general_model()
    model = lazy_model(kernel, test_kernel, residual, start)
    generator = np.zeros((len(residual) + len(start),) * 2)
    generator[: len(residual), : len(residual)], generator[len(residual) :, : len(residual)] = kernel, test_kernel
    expected = expm(-time * generator) @ np.concatenate([residual, start])
    response = flow_response(model.modes.eigenvalues, time)
    ours = np.concatenate([model.train_residual(response), model.test_outputs(response)])
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(model.train_residual(response), lazy_residual(model.modes, time), atol=1e-13)


@pytest.mark.parametrize(("n_samples", "n_features"), SIZES)
def test_infinite_time_is_least_norm(n_samples, n_features):
    features, targets, tests = linear_problem(3, n_samples, n_features)
    model = feature_model(features, targets, tests)
    settled = flow_response(model.modes.eigenvalues, np.inf)
    for solution in (least_norm(features, targets), np.linalg.pinv(features) @ targets):
        # The kernel squares the condition number of the features, here up to 1e2.
        np.testing.assert_allclose(model.test_outputs(settled), tests @ solution, rtol=0, atol=1e-9)


def test_test_error_is_the_mean_square_at_every_time():
    kernel, test_kernel, residual, start = general_model(1)
    model, truth = lazy_model(kernel, test_kernel, residual, start), np.arange(5.0)
    responses = flow_response(model.modes.eigenvalues, np.array([0.0, 1.0, 30.0]))
    expected = [np.mean((model.test_outputs(response) - truth) ** 2) for response in responses]
    np.testing.assert_allclose(model.test_error(responses, truth), expected, rtol=1e-13)
    np.testing.assert_allclose(model.test_outputs(responses[0]), start, rtol=1e-15)


@pytest.mark.parametrize("change", ["rotation", "rescaling"])
def test_what_must_not_matter_does_not(change):
    """The basis of the training points, and the unit of time."""
    kernel, test_kernel, residual, start = general_model(2)
    turn = ortho_group.rvs(len(residual), random_state=0) if change == "rotation" else np.eye(len(residual))
    factor = 7.0 if change == "rescaling" else 1.0
    model = lazy_model(kernel, test_kernel, residual, start)
    moved = lazy_model(factor * turn @ kernel @ turn.T, factor * test_kernel @ turn.T, turn @ residual, start)
    responses = (flow_response(m.modes.eigenvalues, 2.0 / f) for m, f in ((model, 1.0), (moved, factor)))
    outputs = [m.test_outputs(response) for m, response in zip((model, moved), responses, strict=True)]
    np.testing.assert_allclose(*outputs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("time", [0.5, 40.0, np.inf])
def test_noise_adds_to_the_test_error_mode_by_mode(time):
    """Test error is quadratic in the targets: the mean of +-noise along each axis, minus the clean error, is exact."""
    kernel, test_kernel, residual, _ = general_model(3)
    truth, noise_std = np.linspace(-1, 1, 5), 0.7
    clean = lazy_model(kernel, test_kernel, residual)
    response = flow_response(clean.modes.eigenvalues, time)

    def error(noise):
        return lazy_model(kernel, test_kernel, residual - noise).test_error(response, truth)

    axes = noise_std * np.eye(residual.size)
    added = sum((error(axis) + error(-axis)) / 2 - error(np.zeros(residual.size)) for axis in axes)
    by_mode = clean.noise_error(response, noise_std)
    np.testing.assert_allclose(by_mode.sum(), added, rtol=1e-10)
    shells = SharpShells(np.array([0.0, 0.5, 2.0, np.inf]))
    by_shell = shells.windows(clean.modes.eigenvalues) @ by_mode
    np.testing.assert_allclose(by_shell.sum(), added, rtol=1e-10)
    low = clean.modes.eigenvalues < 0.5
    np.testing.assert_allclose(by_shell[0], by_mode[low].sum(), rtol=1e-14)


# --- random features ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("activation", "phi"), [("tanh", np.tanh), ("relu", lambda z: z * (z > 0))])
def test_random_features_unit_by_unit(activation, phi):
    rng = np.random.default_rng(0)
    inputs, weights = rng.standard_normal((4, 3)), rng.standard_normal((5, 3))
    expected = [[phi(sum(x * w) / 3**0.5) / 5**0.5 for w in weights] for x in inputs]
    np.testing.assert_allclose(random_features(inputs, weights, activation), expected, rtol=1e-14, atol=1e-17)


def test_at_the_threshold_the_smallest_modes_carry_the_noise():
    """n features for n samples: the Marchenko-Pastur bulk reaches down to 1/n^2, where responses are largest."""
    n, rng = 60, np.random.default_rng(0)
    shares = []
    for n_features in (n // 3, n, 3 * n):
        features, tests = (rng.standard_normal((count, n_features)) for count in (n, 400))
        model = feature_model(features, rng.standard_normal(n), tests)
        eigenvalues = model.modes.eigenvalues
        noise = model.noise_error(flow_response(eigenvalues, np.inf), 1.0)
        shares.append(noise[eigenvalues < 0.01 * eigenvalues.mean()].sum() / noise.sum())
    below, at, above = shares
    # Away from the threshold no non-zero eigenvalue is that small: (1 - sqrt(3))^2 / 3 = 0.18 of the mean.
    assert below < 1e-12
    assert above < 1e-12
    assert at > 0.5
