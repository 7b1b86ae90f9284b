"""Features of a real non-linearity: moments against quadrature, and errors as noise of their strength gives them."""

import numpy as np
import pytest

from scalinglaws.ridge import RandomFeatureProblem, RidgeProblem, learning_curve
from scalinglaws.ridge.erf_features import LARGEST_NOISE_STD, ErfFeatures, erf_learning_curve
from scalinglaws.ridge.simulate import PARTS

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(120)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
STRENGTHS = (0.05, 0.25, 0.4)
DIM, WIDTH = 60, 30


def problem(feature_noise_std, n_samples, *, dim=DIM, width=WIDTH, ridge=0.02, noise_std=0.3):
    target = np.full(dim, dim**-0.5)
    return RandomFeatureProblem(np.ones(dim), target, n_samples, ridge, noise_std, width, feature_noise_std)


@pytest.mark.parametrize("noise_std", STRENGTHS)
def test_linear_coefficient_is_one_and_the_rest_has_the_strength_that_was_asked_for(noise_std):
    features = ErfFeatures(noise_std).of(NODES)
    assert WEIGHTS @ (NODES * features) == pytest.approx(1.0, rel=1e-8)
    assert WEIGHTS @ (features - NODES) ** 2 == pytest.approx(noise_std**2, rel=1e-7)


def test_no_erf_is_noisier_than_the_sign():
    assert ErfFeatures(0.999 * LARGEST_NOISE_STD).gain > 10
    sign = np.sign(NODES) * np.sqrt(np.pi / 2)
    assert WEIGHTS @ sign**2 - 1 == pytest.approx(LARGEST_NOISE_STD**2)


@pytest.mark.parametrize("noise_std", STRENGTHS)
def test_moments_are_those_of_the_features_for_weights_of_any_norm(noise_std):
    # Two preactivations of given variances and covariance, by quadrature in two dimensions.
    weights = np.array([[1.1, 0.2, 0.6], [0.0, -0.8, 0.9]])
    points = np.stack(np.meshgrid(NODES, NODES, indexing="ij"), axis=-1).reshape(-1, 2)
    mass = np.outer(WEIGHTS, WEIGHTS).ravel()
    features = ErfFeatures(noise_std)
    z = features.of(points @ weights)
    np.testing.assert_allclose(features.covariance(weights, weights), z.T @ (mass[:, None] * z), rtol=1e-6)
    np.testing.assert_allclose(features.overlap(weights), points.T @ (mass[:, None] * z), rtol=1e-6, atol=1e-9)


def test_exact_errors_are_those_on_a_large_test_set():
    # One fit done by hand, with its error on fresh inputs instead of arcsines; 2e5 inputs resolve about 1 %.
    given, rng = problem(0.4, [50]), np.random.default_rng(3)
    parts, _ = erf_learning_curve(given, np.random.default_rng(5), 2, 2)
    rng_twin, features = np.random.default_rng(5), ErfFeatures(0.4)
    maps = [rng_twin.standard_normal((DIM, WIDTH)) / np.sqrt(DIM) for _ in range(2)]
    fresh = rng.standard_normal((200_000, DIM))
    tests = [features.of(fresh @ weights) for weights in maps]
    risks = []
    for _ in range(2):
        inputs = rng_twin.standard_normal((50, DIM))
        noise = 0.3 * rng_twin.standard_normal(50)
        for weights, test in zip(maps, tests, strict=True):
            z = features.of(inputs @ weights)
            solve = np.linalg.solve(
                z.T @ z / 50 + 0.02 * np.eye(WIDTH), z.T @ np.column_stack([inputs @ given.target, noise]) / 50
            )
            clean, noisy = (test @ solve).T
            risks.append(np.mean((fresh @ given.target - clean) ** 2) + np.mean(noisy**2))
    np.testing.assert_allclose(parts["excess_risk"], np.mean(risks), rtol=0.01)


def test_errors_are_those_of_theory_with_noise_and_not_of_theory_without():
    # Jackknife errors of 8 by 8 draws: 5 of them leave one false alarm in 1e3 for Student's t of 7 degrees of freedom.
    given = problem(0.5, [60, 200, 400], dim=200, width=100, ridge=1e-2)
    parts, errors = erf_learning_curve(given, np.random.default_rng(0), 8, 8)
    noisy, linear = learning_curve(given), learning_curve(problem(0.0, [60, 200, 400], dim=200, width=100, ridge=1e-2))
    for part in (*PARTS, "excess_risk"):
        assert (np.abs(parts[part] - getattr(noisy, part)) < 5 * errors[part]).all(), part
    assert (parts["excess_risk"] - linear.excess_risk)[1:].min() > 5 * errors["excess_risk"][1:].max()


def test_parts_sum_to_the_excess_risk_and_draws_are_repeatable():
    first, _ = erf_learning_curve(problem(0.3, [20, 40]), np.random.default_rng(1), 3, 3)
    again, _ = erf_learning_curve(problem(0.3, [20, 40]), np.random.default_rng(1), 3, 3)
    np.testing.assert_allclose(sum(first[part] for part in PARTS), first["excess_risk"], rtol=1e-12)
    np.testing.assert_array_equal(first["bias"], again["bias"])


def test_both_forms_of_the_fit_agree_where_samples_pass_the_width():
    # Twice the same draws: one more sample changes the form, and the errors hardly.
    parts, _ = erf_learning_curve(problem(0.3, [WIDTH - 1, WIDTH], ridge=1.0), np.random.default_rng(1), 3, 3)
    np.testing.assert_allclose(parts["excess_risk"][0], parts["excess_risk"][1], rtol=0.02)


@pytest.mark.parametrize("noise_std", [0.0, -0.1, 0.76, np.nan])
def test_strengths_that_no_erf_has_are_refused(noise_std):
    with pytest.raises(ValueError, match="noise_std"):
        ErfFeatures(noise_std)


@pytest.mark.parametrize(
    "given",
    [
        RandomFeatureProblem(np.array([1.0, 2.0]), np.ones(2), [4], 0.1, 0.0, 3, 0.3),
        RandomFeatureProblem(np.ones(2), np.ones(2), [4], 0.1, 0.0, [3, 3]),
        RandomFeatureProblem(np.ones(2), np.ones(2), 4, 0.1, 0.0, 3, 0.3),
    ],
    ids=["spectrum", "depth", "no curve"],
)
def test_problems_that_are_no_isotropic_curve_of_one_layer_are_refused(given):
    with pytest.raises(ValueError, match="problem must have eigenvalues 1"):
        erf_learning_curve(given, np.random.default_rng(0), 2, 2)
    assert isinstance(given, RidgeProblem)
