"""Quadratic networks trained with weight decay: they end where the convex problem does."""

import numpy as np
import pytest
from scipy.optimize import check_grad

from scalinglaws.shallow import QuadraticProblem, power_law_strengths, quadratic_network
from scalinglaws.shallow.quadratic import draw, solve_path
from scalinglaws.shallow.quadratic_network import objective_and_gradient, train
from scalinglaws.shallow.sensing import SENSING
from scalinglaws.solvers import NotConverged

WEIGHT_DECAYS = np.array([0.1, 1.0, 3.0])
# The duality gap of a network is of first order in the gradient that is left; the others of second and first order.
GAP, OBJECTIVE, PARAMETERS = 1e-4, 1e-7, 1e-3


def make_sample(dim=10, n_samples=50, noise_std=0.5, *, sensing="outer", seed=0, scale=1.0):
    problem = QuadraticProblem(scale * power_law_strengths(dim, 1.0), n_samples, 1.0, noise_std)
    return draw(problem, np.random.default_rng(seed), sensing)


def rng():
    return np.random.default_rng(7)


def assert_same_minimum(network, convex):
    assert (network.gap <= GAP).all()
    np.testing.assert_allclose(network.objective, convex.objective, rtol=OBJECTIVE)
    size = np.linalg.norm(convex.teacher)
    np.testing.assert_allclose(network.parameters, convex.parameters, atol=PARAMETERS * size)
    np.testing.assert_allclose(network.excess_risk, convex.excess_risk, atol=PARAMETERS * size**2)


@pytest.mark.parametrize("sensing", SENSING)
@pytest.mark.parametrize("noise_std", [0.0, 0.5])
@pytest.mark.parametrize("n_samples", [25, 50, 150])
def test_networks_end_at_the_convex_solution(sensing, noise_std, n_samples):
    sample = make_sample(n_samples=n_samples, noise_std=noise_std, sensing=sensing)
    assert_same_minimum(train(sample, WEIGHT_DECAYS, rng()), solve_path(sample, WEIGHT_DECAYS))


@pytest.mark.parametrize("options", [{"scale": 1e-2}, {"scale": 10.0}, {"width": 13}, {"width": 40}], ids=str)
def test_neither_the_start_nor_more_hidden_units_matter(options):
    sample = make_sample()
    assert_same_minimum(train(sample, WEIGHT_DECAYS, rng(), **options), solve_path(sample, WEIGHT_DECAYS))


def test_a_single_unit_finds_the_best_matrix_of_rank_one():
    """It lies above the convex minimum, and w solves (price - 2 correlation) w = 0."""
    sample = make_sample()
    network, convex = train(sample, WEIGHT_DECAYS, rng(), width=1), solve_path(sample, WEIGHT_DECAYS)
    assert (network.objective >= convex.objective).all()
    assert (network.objective[:2] > 1.01 * convex.objective[:2]).all()
    for weight_decay, S in zip(WEIGHT_DECAYS, network.parameters, strict=True):
        residual = sample.labels - sample.sensing.predict(S)
        gradient = 10 * weight_decay * np.eye(10) - 2 * sample.sensing.adjoint(residual)
        assert np.linalg.matrix_rank(S) == 1
        assert np.abs(gradient @ S).max() < 1e-3 * 10 * weight_decay * np.trace(S)


@pytest.mark.parametrize("width", [1, 4, 9])
def test_the_objective_is_the_one_written_and_its_gradient_exact(width):
    sample, W = make_sample(dim=4, n_samples=6), rng().standard_normal((4, width))
    x = sample.sensing.inputs
    # f = (1 / (sqrt(width) dim)) sum_j (w_j . x)^2 - |w_j|^2
    f = (((x @ W) ** 2).sum(axis=1) - (W**2).sum()) / (np.sqrt(width) * 4)
    expected = np.sum((sample.labels - f) ** 2) + 0.3 * np.sqrt(4 / width) * np.sum(W**2)
    assert objective_and_gradient(sample, 0.3, W)[0] == pytest.approx(expected)

    def part(index):
        return lambda flat: np.ravel(objective_and_gradient(sample, 0.3, flat.reshape(W.shape))[index])

    error = check_grad(lambda flat: part(0)(flat)[0], part(1), W.ravel())
    assert error < 1e-5 * np.linalg.norm(part(1)(W.ravel()))


def test_with_too_few_samples_minima_of_the_same_height_differ():
    """At 0.05 dim^2 outer products and little weight decay a whole face of matrices fits equally well."""
    sample = make_sample(20, 20)
    first, second = (train(sample, [0.05], np.random.default_rng(seed)) for seed in (1, 2))
    np.testing.assert_allclose(first.objective, second.objective, rtol=1e-7)
    np.testing.assert_allclose(first.objective, solve_path(sample, [0.05]).objective, rtol=1e-7)
    assert np.linalg.norm(first.parameters - second.parameters) > 0.05 * np.linalg.norm(first.parameters)


def test_shapes_and_draws():
    sample, weight_decays = make_sample(), np.array([[1.0, 0.1], [3.0, 1.0]])
    found, again = (train(sample, weight_decays, rng()) for _ in range(2))
    assert found.parameters.shape == (2, 2, 10, 10)
    assert found.gap.shape == found.iterations.shape == (2, 2)
    np.testing.assert_array_equal(found.parameters, again.parameters)
    np.testing.assert_array_equal(found.parameters[0, 0], found.parameters[1, 1])


def test_training_cut_short_is_no_minimum(monkeypatch):
    monkeypatch.setattr(quadratic_network, "MAX_ITERATIONS", 3)
    with pytest.raises(NotConverged, match=r"quadratic network at weight_decay = 0\.1 did not converge") as caught:
        train(make_sample(), [0.1], rng())
    assert caught.value.last.shape == (10, 10)
    assert caught.value.iterations == 3


@pytest.mark.parametrize(
    ("weight_decays", "options", "message"),
    [
        (-1.0, {}, r"weight_decay = -1\.0 must be > 0"),
        (1.0, {"scale": 0.0}, r"scale = 0\.0 must be finite and > 0"),
        (1.0, {"width": 0}, r"width = 0 must be an integer >= 1"),
        (1.0, {"width": 2.5}, r"width = 2\.5 must be an integer >= 1"),
    ],
)
def test_bad_input_is_refused(weight_decays, options, message):
    with pytest.raises(ValueError, match=message):
        train(make_sample(), weight_decays, rng(), **options)
