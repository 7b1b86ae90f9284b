"""Problems: what is refused and how, and what the records hold."""

import numpy as np
import pytest

from scalinglaws.ridge import RandomFeatureProblem, RidgeProblem, learning_curve

RIDGE = {"eigenvalues": [2.0, 1.0, 0.5], "target": [1.0, 0.0, -1.0], "n_samples": 2.5, "ridge": 0.1, "noise_std": 0.2}
FEATURES = {**RIDGE, "widths": 4}
NAN, INF = float("nan"), float("inf")

# What is changed, and all that the message must hold: argument, value, limit.
BAD_RIDGE = [
    ({"n_samples": 0}, ("n_samples", "0.0", "must be > 0")),
    ({"n_samples": [3, -1]}, ("n_samples[1]", "-1.0", "must be > 0")),
    ({"n_samples": NAN}, ("n_samples", "nan", "must be finite")),
    ({"n_samples": []}, ("n_samples", "0 entries", "at least 1")),
    ({"eigenvalues": [2.0, -1.0, 0.5]}, ("eigenvalues[1]", "-1.0", "must be >= 0")),
    ({"eigenvalues": [2.0, 1.0, NAN]}, ("eigenvalues[2]", "nan", "must be finite")),
    ({"eigenvalues": [INF, 1.0, 1.0]}, ("eigenvalues[0]", "inf", "must be finite")),
    ({"eigenvalues": [0.0, 0.0, 0.0]}, ("eigenvalues", "3 zeros", "an entry > 0")),
    ({"eigenvalues": [[2.0, 1.0, 0.5]]}, ("eigenvalues", "(1, 3)", "1 dimension")),
    ({"eigenvalues": 2.0}, ("eigenvalues", "()", "1 dimension")),
    ({"eigenvalues": [], "target": []}, ("eigenvalues", "0 entries", "at least 1")),
    ({"target": [1.0, 2.0]}, ("target", "2 entries", "eigenvalues, 3")),
    ({"target": [1.0, 2.0, INF]}, ("target[2]", "inf", "must be finite")),
    ({"multiplicities": [1.0, 2.0]}, ("multiplicities", "2 entries", "eigenvalues, 3")),
    ({"multiplicities": [1.0, 0.0, 1.0]}, ("multiplicities[1]", "0.0", "must be > 0")),
    ({"ridge": -1e-300}, ("ridge", "-1e-300", "must be >= 0")),
    ({"ridge": [0.0, NAN]}, ("ridge[1]", "nan", "must be finite")),
    ({"ridge": INF}, ("ridge", "inf", "must be finite")),
    ({"noise_std": -0.5}, ("noise_std", "-0.5", "must be >= 0")),
    ({"n_samples": [1, 2], "ridge": [1, 2, 3]}, ("broadcast", "n_samples (2,)", "ridge (3,)")),
    ({"noise_std": [1, 2, 3], "ridge": [1, 2]}, ("broadcast", "noise_std (3,)", "ridge (2,)")),
]
BAD_FEATURES = [
    ({"widths": 0}, ("widths[0]", "0.0", "must be > 0")),
    ({"widths": (4, 0)}, ("widths[1]", "0.0", "must be > 0")),
    ({"widths": (NAN, 4)}, ("widths[0]", "nan", "must be finite")),
    ({"widths": np.array([4.0, 3.0])}, ("widths", "(2,)", "list or tuple with an entry per layer")),
    ({"widths": ()}, ("widths", "()", "at least one layer")),
    ({"widths": ([2, 3], 4), "ridge": [1, 2, 3]}, ("broadcast", "widths[0] (2,)", "ridge (3,)")),
    ({"feature_noise_std": -0.1}, ("feature_noise_std", "-0.1", "must be >= 0")),
    ({"feature_noise_std": 0.1, "widths": (4, 3)}, ("feature_noise_std", "0.1", "must be 0 for 2 layers")),
    ({"feature_noise_std": [0, 1, 2], "ridge": [1, 2]}, ("broadcast", "feature_noise_std (3,)", "ridge (2,)")),
    ({"feature_eigenvalues": [1.0, 2.0]}, ("feature_eigenvalues[0]", "2 entries", "widths[0] = 4")),
    ({"feature_eigenvalues": np.ones(4), "widths": (4, 4)}, ("feature_eigenvalues", "1 layer", "2")),
    ({"feature_eigenvalues": [None, np.ones(5)], "widths": (4, 4)}, ("feature_eigenvalues[1]", "5 entries", "4")),
    ({"feature_eigenvalues": [1, 1, -1, 1]}, ("feature_eigenvalues[0][2]", "-1.0", "must be >= 0")),
    ({"feature_eigenvalues": np.zeros(4)}, ("feature_eigenvalues[0]", "4 zeros", "an entry > 0")),
    (
        {"feature_eigenvalues": [1.0, 2.0], "feature_multiplicities": [1.0, 2.0]},
        ("feature_eigenvalues[0]", "3 entries", "widths[0] = 4"),
    ),
    (
        {"feature_eigenvalues": [1.0, 2.0], "feature_multiplicities": [4.0]},
        ("feature_multiplicities[0]", "1 entries", "feature_eigenvalues[0], 2"),
    ),
    ({"feature_multiplicities": [4.0]}, ("feature_multiplicities[0]", "must be None", "feature_eigenvalues[0]")),
    ({"convention": "fan_in"}, ("convention", "'fan_in'", "'input', 'layer', 'output'")),
]


@pytest.mark.parametrize("kind", [RidgeProblem, RandomFeatureProblem])
@pytest.mark.parametrize(("change", "told"), BAD_RIDGE)
def test_bad_input_of_either_problem_is_named(kind, change, told):
    given = (RIDGE if kind is RidgeProblem else FEATURES) | change
    with pytest.raises(ValueError, match=r"^[^\n]+$") as error:
        kind(**given)
    assert all(part in str(error.value) for part in told), str(error.value)


@pytest.mark.parametrize(("change", "told"), BAD_FEATURES)
def test_bad_input_of_random_features_is_named(change, told):
    with pytest.raises(ValueError, match=r"^[^\n]+$") as error:
        RandomFeatureProblem(**FEATURES | change)
    assert all(part in str(error.value) for part in told), str(error.value)


def test_bounds_themselves_are_allowed():
    problem = RandomFeatureProblem(**FEATURES | {"ridge": 0, "noise_std": 0, "eigenvalues": [1, 0, 0], "widths": 1e-3})
    assert np.isfinite(learning_curve(problem).excess_risk)


def test_fields_are_float_arrays_and_lists_will_do():
    problem = RidgeProblem([2, 1], [1, 0], [3, 4], 1, 0, multiplicities=[2, 5])
    assert problem.dim == 7.0
    assert problem.shape == (2,)
    for name in ("eigenvalues", "target", "n_samples", "ridge", "noise_std", "multiplicities"):
        assert getattr(problem, name).dtype == np.float64
    assert RidgeProblem(**RIDGE).dim == 3.0
    assert RidgeProblem(**RIDGE).shape == ()


@pytest.mark.parametrize(
    ("widths", "depth", "shape"),
    [(4, 1, ()), ([4], 1, ()), ((4, 5, 6), 3, ()), ((np.ones((2, 1)), 5), 2, (2, 1)), ([np.arange(1, 4)], 1, (3,))],
)
def test_depth_and_shape_follow_the_widths(widths, depth, shape):
    problem = RandomFeatureProblem(**FEATURES | {"widths": widths})
    assert (problem.depth, problem.shape) == (depth, shape)


def test_every_array_counts_for_the_shape():
    arrays = {"n_samples": np.ones((2, 1, 1, 1, 1)), "ridge": np.ones((3, 1, 1, 1)), "noise_std": np.ones((4, 1, 1))}
    more = {"feature_noise_std": np.ones((5, 1)), "widths": [np.arange(1, 7)]}
    problem = RandomFeatureProblem(**FEATURES | arrays | more)
    assert problem.shape == (2, 3, 4, 5, 6)
    assert learning_curve(problem).excess_risk.shape == problem.shape


@pytest.mark.parametrize(
    ("widths", "spectra", "lengths"),
    [
        (2, [1.0, 2.0], [2]),
        (2, np.array([1.0, 2.0]), [2]),
        (2, [np.array([1.0, 2.0])], [2]),
        ((2, 3), [None, [1.0, 2.0, 0.0]], [None, 3]),
        ((2, 3), (np.ones(2), np.ones(3)), [2, 3]),
    ],
)
def test_feature_spectra_may_be_given_for_one_layer_or_for_each(widths, spectra, lengths):
    problem = RandomFeatureProblem(**FEATURES | {"widths": widths, "feature_eigenvalues": spectra})
    assert [None if one is None else one.size for one in problem.feature_eigenvalues] == lengths


def test_records_cannot_be_changed():
    problem = RidgeProblem(**RIDGE)
    with pytest.raises(AttributeError):
        problem.ridge = 1.0
