"""Diagonal networks: one coefficient in closed form, the LASSO as twin, the trap of balanced starts, symmetries."""

import numpy as np
import pytest

from scalinglaws.shallow import diagonal_network
from scalinglaws.shallow.diagonal_network import train
from scalinglaws.shallow.lasso import DiagonalSample, draw, solve_path
from scalinglaws.shallow.problem import DiagonalProblem, power_law_strengths
from scalinglaws.solvers import NotConverged

# (dim, n_samples, noise_std)
SIZES = [(30, 12, 0.0), (30, 15, 0.7), (40, 40, 0.7), (40, 40, 0.0), (20, 200, 0.7)]


def sample_of(dim, n_samples, noise_std, seed=0):
    problem = DiagonalProblem(power_law_strengths(dim, 1.0), n_samples, 1.0, noise_std, teacher="gaussian")
    return draw(problem, np.random.default_rng(seed))


def decays(dim):
    return np.array([1 / dim, 1.0, np.sqrt(dim)])


def one_coefficient(overlap, square):
    """Two samples of one input with A^T A = square and A^T y = overlap; the second label, 1, cannot be explained."""
    input_, label = np.sqrt(square), overlap / np.sqrt(square)
    return DiagonalSample(np.array([[input_], [0.0]]), np.array([label, 1.0]), np.zeros(1))


@pytest.mark.parametrize("scale", [1e-12, 1e-3, 1.0, 5.0])
@pytest.mark.parametrize(
    ("overlap", "square", "weight_decay"), [(1.0, 1.0, 0.3), (-4.0, 2.0, 1.0), (3.0, 0.5, 2.5), (0.5, 1.0, 0.7)]
)
def test_one_coefficient_is_soft_thresholded(overlap, square, weight_decay, scale):
    """Training stops at a gradient of 1e-7 weight_decay: that is the distance of theta, up to its curvature.

    At scale 1e-12 the gradient is that small from the start, which is next to the saddle a = w = 0.
    """
    expected = np.sign(overlap) * max(abs(overlap) - weight_decay, 0) / square
    found = train(one_coefficient(overlap, square), weight_decay, np.random.default_rng(1), scale=scale)
    assert found.parameters == pytest.approx([expected], abs=1e-6)
    residual = overlap / np.sqrt(square) - np.sqrt(square) * expected
    assert found.objective == pytest.approx((residual**2 + 1) / 2 + weight_decay * abs(expected), rel=1e-10)


@pytest.mark.parametrize("scale", [0.01, 1.0, 10.0])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_the_network_reaches_the_lasso_solution_from_any_unbalanced_start(sizes, scale):
    """To the project's acceptance: objective 1e-8 and coefficients 1e-3, relative; its own gap bounds the objective."""
    sample, weight_decays = sample_of(*sizes), decays(sizes[0])
    exact, found = (
        solve_path(sample, weight_decays),
        train(sample, weight_decays, np.random.default_rng(1), scale=scale),
    )
    above = found.objective / exact.objective - 1
    assert (np.abs(above) <= 1e-8).all()
    assert (above <= found.gap + 1e-12).all()
    distance = np.linalg.norm(found.parameters - exact.parameters, axis=1)
    assert (distance <= 1e-3 * np.linalg.norm(exact.parameters, axis=1) + 1e-6).all()
    for name in ("excess_risk", "train_error"):
        # Errors of coefficients enter squares of residuals to first order.
        np.testing.assert_allclose(getattr(found, name), getattr(exact, name), rtol=1e-2, atol=1e-7, err_msg=name)


def test_a_nearly_singular_sample_is_no_harder():
    """Singular values 1 to 1e-5: least squares leaves theta thousands of times as long as the LASSO does.

    A quadratic form in A^T A has no digits left there.
    """
    rng = np.random.default_rng(0)
    left, right = (np.linalg.qr(rng.standard_normal((12, 12)))[0] for _ in range(2))
    inputs = np.sqrt(12) * (left * np.logspace(0, -5, 12)) @ right
    sample = DiagonalSample(inputs, rng.standard_normal(12), np.zeros(12))
    exact, found = solve_path(sample, 0.01), train(sample, 0.01, rng)
    assert found.objective == pytest.approx(exact.objective, rel=1e-8)
    np.testing.assert_allclose(found.parameters, exact.parameters, atol=1e-3 * np.linalg.norm(exact.parameters))


def test_the_gradient_is_the_slope_of_the_objective():
    """Central differences of step 1e-5: their error is 1e-10 of the third derivative, rounding 1e-16 |value| / 1e-5."""
    training = diagonal_network._Training(sample_of(6, 9, 0.5))
    x, step = np.random.default_rng(0).standard_normal(12), 1e-5
    _, gradient = training._objective(x, 0.7)
    for i, direction in enumerate(np.eye(12)):
        above, below = (training._objective(x + s * step * direction, 0.7)[0] for s in (1, -1))
        assert gradient[i] == pytest.approx((above - below) / (2 * step), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_a_balanced_start_locks_signs_and_ends_in_the_best_theta_with_them(sizes):
    """The best theta with given signs is the LASSO over theta_i >= 0 of inputs with these signs, from scikit-learn.

    Coordinate descent stops at a duality gap of 1e-13 |y|^2.
    """
    from sklearn.linear_model import Lasso

    sample = sample_of(*sizes)
    found = train(sample, 1.0, np.random.default_rng(2), balanced=True)
    signs = np.sign(np.prod(np.random.default_rng(2).standard_normal((2, sizes[0])), axis=0))
    assert (found.parameters * signs >= 0).all()
    twin = Lasso(alpha=1 / sizes[1], fit_intercept=False, positive=True, tol=1e-13, max_iter=10**6)
    twin.fit(sample.design * signs, sample.labels)
    np.testing.assert_allclose(found.parameters * signs, twin.coef_, atol=1e-5)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_the_gap_tells_a_trap_from_a_minimum(sizes):
    sample, rngs = sample_of(*sizes), (np.random.default_rng(2) for _ in range(2))
    free, trapped = (
        train(sample, 0.3, rng, balanced=balanced) for rng, balanced in zip(rngs, (False, True), strict=True)
    )
    assert trapped.objective > 1.01 * free.objective
    assert trapped.gap > 0.01 > 1e-3 > free.gap


def test_a_balanced_start_with_the_right_signs_reaches_the_minimum():
    """Without noise and with 50 samples a coefficient these are the teacher's: of 16 choices, 100 seeds try all."""
    sample = sample_of(4, 200, 0.0)
    starts = [np.prod(np.random.default_rng(seed).standard_normal((2, 4)), axis=0) for seed in range(100)]
    seed = next(i for i, start in enumerate(starts) if (start * sample.teacher > 0).all())
    found = train(sample, 0.1, np.random.default_rng(seed), balanced=True)
    np.testing.assert_allclose(found.parameters, solve_path(sample, 0.1).parameters, atol=1e-6)


def test_every_weight_decay_starts_afresh_in_any_shape():
    sample, weight_decays = sample_of(10, 20, 0.5), np.array([[1.0], [0.1]])
    path = train(sample, weight_decays, np.random.default_rng(4))
    assert path.parameters.shape == (2, 1, 10)
    for place in np.ndindex(2, 1):
        single = train(sample, weight_decays[place], np.random.default_rng(4))
        for name in ("parameters", "excess_risk", "objective", "gap", "iterations"):
            np.testing.assert_array_equal(getattr(path, name)[place], getattr(single, name), err_msg=name)


def test_the_start_has_the_scale_asked_for_and_is_balanced_if_asked():
    free, balanced = (diagonal_network._start(np.random.default_rng(0), 5000, b) for b in (False, True))
    assert free.std() == pytest.approx(1, rel=4 / np.sqrt(2 * 10_000))
    a, w = np.split(balanced, 2)
    np.testing.assert_array_equal(np.abs(a), np.abs(w))
    # The share of equal signs, 4 standard errors.
    assert np.mean(a == w) == pytest.approx(0.5, abs=2 / np.sqrt(5000))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight_decays": 0.0}, r"weight_decay = 0\.0 must be > 0"),
        ({"weight_decays": [1.0, -1.0]}, r"weight_decay\[1\] = -1\.0 must be > 0"),
        ({"scale": 0.0}, r"scale = 0\.0 must be finite and > 0"),
        ({"scale": np.inf}, r"scale = inf must be finite"),
    ],
)
def test_bad_input_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        train(sample_of(5, 5, 0.5), **{"weight_decays": 1.0, "rng": np.random.default_rng(0), **change})


def test_training_that_stops_too_early_says_so_with_its_last_iterate(monkeypatch):
    monkeypatch.setattr(diagonal_network, "MAX_ITERATIONS", 3)
    with pytest.raises(NotConverged, match=r"diagonal network at weight_decay = 0\.1 did not converge") as stop:
        train(sample_of(20, 20, 0.5), 0.1, np.random.default_rng(0))
    assert (stop.value.last.shape, stop.value.iterations) == ((20,), 3)
