"""Simulations against theory, closed forms of finite samples, themselves in another order, and bad input."""

from dataclasses import fields

import numpy as np
import pytest

from scalinglaws.ridge import RandomFeatureProblem, RidgeProblem, learning_curve
from scalinglaws.ridge.simulate import simulate

PARTS = ("bias", "var_x", "var_f", "var_xf", "var_xe", "var_xfe")
NAMES = (*PARTS, "excess_risk", "train_error", "gcv", "kare", "kappa1", "s_transform", "df1")

DIM = 120
EIGENVALUES = 2.0 * np.arange(1, DIM + 1) ** -0.6
TARGET = np.random.default_rng(8).standard_normal(DIM)
# away from interpolation thresholds, where theory needs more than a hundred samples to hold to a percent
SAMPLES = [40, 70, 240]


def case(kind=RandomFeatureProblem, ridge=0.02, **options):
    """A problem of about a hundred directions, samples and features, with label noise as strong as 0.3 of the label."""
    widths = {"widths": 100} if kind is RandomFeatureProblem else {}
    noise_std = 0.3 * np.sqrt(EIGENVALUES @ TARGET**2)
    return kind(EIGENVALUES, TARGET, SAMPLES, ridge, noise_std, **{**widths, **options})


def spectrum(width):
    """Eigenvalues of a structured layer, scaled off 1."""
    return 1.7 * np.arange(1, width + 1) ** -0.7


CASES = {
    "ridge": case(RidgeProblem),
    "ridge, least squares": case(RidgeProblem, ridge=0.0),
    "white": case(),
    "white, least squares": case(ridge=0.0),
    "wide": case(widths=300),
    "output convention": case(convention="output", ridge=0.05),
    "deep, input": case(widths=[150, 100], ridge=0.01),
    "deep, layer": case(widths=[150, 100], convention="layer"),
    "deep, output": case(widths=[150, 90, 100], convention="output"),
    "structured": case(feature_eigenvalues=spectrum(100)),
    "deep, one layer structured": case(widths=[150, 100], feature_eigenvalues=[None, spectrum(100)]),
    "feature noise": case(feature_noise_std=0.5),
    "feature noise, wide": case(feature_noise_std=[0.2, 0.5, 1.0], widths=300),
}


@pytest.mark.parametrize("name", CASES)
def test_theory_is_met_within_errors(name):
    problem = CASES[name]
    found, theory = simulate(problem, np.random.default_rng(0), 8, 8), learning_curve(problem)
    expected = {part: getattr(theory, part) for part in (*PARTS, "excess_risk", "train_error")}
    expected["gcv"] = theory.excess_risk + problem.noise_std**2
    for quantity, value in expected.items():
        error = getattr(found.standard_error, quantity)
        # 1e-12: what is exactly 0 in theory, as the train error of an interpolating fit, has no error either
        np.testing.assert_array_less(
            np.abs(getattr(found, quantity) - value), 3.5 * error + 1e-12 * theory.excess_risk, err_msg=quantity
        )
    for quantity in ("kappa1", "df1"):
        # these vary so little between draws that corrections to theory show, of relative order 1 / n_samples
        value, error = getattr(theory, quantity), getattr(found.standard_error, quantity)
        limit = 3.5 * error + (value + 1e-12) / problem.n_samples
        np.testing.assert_array_less(np.abs(getattr(found, quantity) - value), limit, err_msg=quantity)
    np.testing.assert_allclose(found.kare, found.gcv, rtol=1e-10)
    total = sum(getattr(found, part) for part in PARTS)
    np.testing.assert_allclose(found.excess_risk, total, rtol=1e-12)


def gauss(dim, n_samples, noise_std=0.5, ridge=0.0):
    """Isotropic inputs of variance 2 and a target of power 2 * dim."""
    return RidgeProblem(np.full(dim, 2.0), np.ones(dim), n_samples, ridge, noise_std)


def test_least_squares_of_isotropic_gauss_has_its_exact_errors_at_any_size():
    """The row space is uniformly distributed, and the mean of an inverse Wishart matrix is known."""
    samples = np.array([4, 8, 20, 30])
    found = simulate(gauss(12, samples), np.random.default_rng(1), 400)
    share = np.minimum(samples / 12, 1)
    expected = {
        "bias": 24 * (1 - share) ** 2,
        "var_x": 24 * (1 - share) * share,
        "var_xe": 0.25 * np.minimum(samples, 12) / (np.abs(samples - 12) - 1),
        "train_error": 0.25 * (1 - np.minimum(12 / samples, 1)),
    }
    for name, value in expected.items():
        error = getattr(found.standard_error, name)
        np.testing.assert_array_less(np.abs(getattr(found, name) - value), 4 * error + 1e-12, err_msg=name)
    np.testing.assert_allclose(found.s_transform, [np.inf, np.inf, 1 / (1 - 12 / 20), 1 / (1 - 12 / 30)], rtol=1e-12)
    np.testing.assert_allclose(found.standard_error.s_transform, 0, atol=1e-12)
    np.testing.assert_allclose(found.df1, share, rtol=1e-14)
    assert all(np.isfinite(getattr(found, name)).all() for name in NAMES if name != "s_transform")


def test_two_draws_are_as_unbiased_as_many():
    rng = np.random.default_rng(2)
    pairs = [simulate(gauss(12, 6), rng, 2) for _ in range(400)]
    for name, value in {"bias": 24 / 4, "var_x": 24 / 4, "var_xe": 0.25 * 6 / 5}.items():
        found = np.array([getattr(pair, name) for pair in pairs])
        assert abs(found.mean() - value) < 4 * found.std() / np.sqrt(len(found))
        assert (getattr(pairs[0].standard_error, name) == np.inf).all()


def test_random_features_with_two_draws_are_as_unbiased_as_with_many():
    problem = RandomFeatureProblem(np.arange(1, 9) ** -0.5, np.ones(8), 7, 0.05, 0.5, 5, feature_noise_std=0.3)
    rng = np.random.default_rng(3)
    few, many = ([simulate(problem, rng, n, n) for _ in range(repeats)] for n, repeats in ((2, 500), (8, 40)))
    for name in PARTS:
        small, large = (np.array([getattr(found, name) for found in group]) for group in (few, many))
        error = np.sqrt(small.var() / len(small) + large.var() / len(large))
        assert abs(small.mean() - large.mean()) < 4 * error, name


@pytest.mark.parametrize("name", ["ridge", "white", "deep, layer", "structured", "feature noise"])
def test_an_infinite_ridge_learns_nothing(name):
    problem = CASES[name]
    frozen = {field.name: getattr(problem, field.name) for field in fields(problem)}
    found = simulate(type(problem)(**{**frozen, "ridge": 1e9}), np.random.default_rng(4), 3, 3)
    power = EIGENVALUES @ TARGET**2
    # what is learned is of the order of the kernel's trace / ridge
    np.testing.assert_allclose(found.excess_risk, power, rtol=1e-5)
    np.testing.assert_allclose(found.bias, power, rtol=1e-5)
    np.testing.assert_allclose(found.kappa1, 1e9, rtol=1e-5)
    np.testing.assert_allclose(found.s_transform, 1, rtol=1e-5)


@pytest.mark.parametrize("random_features", [False, True])
def test_a_curve_in_one_call_is_its_points_one_by_one(random_features):
    eigenvalues, target = EIGENVALUES[:20], TARGET[:20]
    n_samples, ridge = np.array([[6], [40], [13]]), np.array([0.3, 0.01])
    noise_std = np.array([[[0.0]], [[0.4]]])
    more = {"widths": [np.array([[12], [9], [12]])], "feature_noise_std": 0.3} if random_features else {}
    kind = RandomFeatureProblem if random_features else RidgeProblem
    whole = simulate(kind(eigenvalues, target, n_samples, ridge, noise_std, **more), np.random.default_rng(5), 3, 3)
    for index in np.ndindex(2, 3, 2):
        level, size, column = index
        own = {**more, "widths": int(more["widths"][0][size, 0])} if more else {}
        point = kind(eigenvalues, target, n_samples[size, 0], ridge[column], noise_std[level, 0, 0], **own)
        alone = simulate(point, np.random.default_rng(5), 3, 3)
        for name in NAMES:
            assert getattr(whole, name).shape == (2, 3, 2)
            assert getattr(alone, name).shape == ()
            pairs = [(whole, alone), (whole.standard_error, alone.standard_error)]
            for one, other in pairs:
                found, expected = getattr(one, name)[index], getattr(other, name)
                # parts are differences of products about as large as the risk, errors are differences of those
                assert found == pytest.approx(expected, rel=1e-9, abs=1e-12 * alone.excess_risk), name
    assert whole.standard_error.standard_error is None


def test_the_feature_draws_of_plain_ridge_regression_do_not_matter():
    first, second = (simulate(gauss(5, 8), np.random.default_rng(0), 4, maps) for maps in (0, 8))
    np.testing.assert_array_equal(first.excess_risk, second.excess_risk)
    for name in ("var_f", "var_xf", "var_xfe"):
        assert getattr(first, name) == getattr(first.standard_error, name) == 0


def test_the_next_draws_of_a_generator_are_others():
    rng = np.random.default_rng(0)
    first, second = (simulate(gauss(5, 8), rng, 3) for _ in range(2))
    again = simulate(gauss(5, 8), np.random.default_rng(0), 3)
    assert first.excess_risk == again.excess_risk != second.excess_risk


def features(**options):
    """A small problem with random features."""
    return RandomFeatureProblem(np.ones(4), np.ones(4), 6, 0.1, 0.0, **{"widths": 3, **options})


@pytest.mark.parametrize(
    ("problem", "draws", "message"),
    [
        (gauss(4, 2.5), (3, 3), r"n_samples\[\] = 2\.5 must be an integer in a simulation"),
        (gauss(4, [3, 4.5]), (3, 3), r"n_samples\[1\] = 4\.5 must be an integer in a simulation"),
        (features(widths=2.5), (3, 3), r"widths\[0\]\[\] = 2\.5 must be an integer in a simulation"),
        (features(widths=[3, [2, 3.5]]), (3, 3), r"widths\[1\]\[1\] = 3\.5 must be an integer in a simulation"),
        (
            RidgeProblem(np.ones(2), np.ones(2), 4, 0.1, 0.0, multiplicities=[1, 3]),
            (3, 3),
            r"multiplicities\[1\] = 3\.0 must be 1 in a simulation",
        ),
        (
            features(feature_eigenvalues=np.ones(2), feature_multiplicities=np.array([1, 2])),
            (3, 3),
            r"feature_multiplicities\[0\]\[1\] = 2\.0 must be 1 in a simulation",
        ),
        (gauss(4, 6), (1, 3), r"n_data_draws = 1 must be an integer >= 2"),
        (gauss(4, 6), (2.5, 3), r"n_data_draws = 2\.5 must be an integer >= 2"),
        (features(), (3, 1), r"n_feature_draws = 1 must be an integer >= 2"),
        (
            RidgeProblem([1.0, 1e-30], np.ones(2), 6, 0.0, 0.0),
            (3, 3),
            r"ridge = 0\.0 must be > 0 here: the kernel's eigenvalues fall by",
        ),
    ],
)
def test_bad_input_is_named(problem, draws, message):
    with pytest.raises(ValueError, match=message):
        simulate(problem, np.random.default_rng(0), *draws)
