"""Products of errors against predictions on an explicit test set, made by plain least squares from the same draws."""

import numpy as np
import pytest

from scalinglaws.ridge import RandomFeatureProblem, RidgeProblem
from scalinglaws.ridge.ensemble import Design, fit_ensemble
from scalinglaws.ridge.sampling import draw_feature_map, draw_feature_noise, draw_sample

DIM, N_SAMPLES, RIDGE = 6, 9, 0.05
EIGENVALUES = 2.0 * np.arange(1, DIM + 1) ** -1.0
TARGET = np.array([1.0, -0.5, 0.0, 2.0, 1.0, -1.0])
DATA_SEEDS, MAP_SEEDS = [11, 12, 13], [21, 22]
N_TEST = 40_000
BASE = (EIGENVALUES, TARGET, N_SAMPLES, RIDGE, 0.5)


def predictions(problem, widths, feature_noise_std, column):
    """Predictions on a common test set, (n_data, n_maps, N_TEST), trained on one column of the labels.

    The noise of test features is drawn once for each map: that is what predictors of one map share.
    """
    rng = np.random.default_rng(5)
    test_inputs = rng.standard_normal((N_TEST, DIM))
    result = np.empty((len(DATA_SEEDS), len(MAP_SEEDS) if widths else 1, N_TEST))
    for j, map_seed in enumerate(MAP_SEEDS[: result.shape[1]]):
        feature_map = draw_feature_map(problem, widths, map_seed) if widths else np.diag(np.sqrt(EIGENVALUES))
        test = test_inputs @ feature_map.T
        test += feature_noise_std * rng.standard_normal(test.shape)
        for i, data_seed in enumerate(DATA_SEEDS):
            inputs, labels = draw_sample(problem, N_SAMPLES, data_seed)
            features = inputs @ feature_map.T
            features += feature_noise_std * draw_feature_noise(features.shape, data_seed, map_seed)
            # |y - Z v|^2 / n + ridge |v|^2, as one least-squares problem with as many rows more as features
            rows = np.vstack([features, np.sqrt(N_SAMPLES * RIDGE) * np.eye(features.shape[1])])
            targets = np.concatenate([labels[:, column], np.zeros(features.shape[1])])
            result[i, j] = test @ np.linalg.lstsq(rows, targets, rcond=None)[0]
    return result, test_inputs @ (np.sqrt(EIGENVALUES) * TARGET)


def assert_means(found, samples):
    """`found` are the means of the samples (..., N_TEST) within 4.5 standard errors: 36 of them, at 7e-6 each."""
    error = samples.std(-1) / np.sqrt(N_TEST)
    np.testing.assert_array_less(np.abs(found - samples.mean(-1)), 4.5 * error)


@pytest.mark.parametrize(
    ("problem", "widths", "feature_noise_std"),
    [
        (RidgeProblem(*BASE), (), 0.0),
        (RandomFeatureProblem(*BASE, 5), (5,), 0.0),
        (RandomFeatureProblem(*BASE, 14, feature_noise_std=0.4), (14,), 0.4),
        (RandomFeatureProblem(*BASE, [7, 4], convention="layer"), (7, 4), 0.0),
    ],
    ids=["ridge", "features", "feature noise, dual", "deep"],
)
def test_products_are_those_of_predictions(problem, widths, feature_noise_std):
    design = Design(widths, feature_noise_std, ((N_SAMPLES, np.array([RIDGE])),))
    map_seeds = MAP_SEEDS if widths else MAP_SEEDS[:1]
    products, noise_products, _, _ = fit_ensemble(problem, design, DATA_SEEDS, map_seeds)
    clean, truth = predictions(problem, widths, feature_noise_std, 0)
    noise, _ = predictions(problem, widths, feature_noise_std, 1)
    errors = clean - truth
    assert_means(products[0], errors[:, :, None, None] * errors)
    assert_means(noise_products[0], noise[:, :, None] * noise[:, None])


def test_maps_in_batches_are_maps_together(monkeypatch):
    problem = RandomFeatureProblem(*BASE, 5, feature_noise_std=0.4)
    design = Design((5,), 0.4, ((4, np.array([RIDGE])), (N_SAMPLES, np.array([RIDGE, 1.0]))))
    together = fit_ensemble(problem, design, DATA_SEEDS, [1, 2, 3])
    monkeypatch.setattr("scalinglaws.ridge.ensemble.MAPS_IN_SAMPLES", 0)
    for one, other in zip(together, fit_ensemble(problem, design, DATA_SEEDS, [1, 2, 3]), strict=True):
        np.testing.assert_array_equal(one, other)
