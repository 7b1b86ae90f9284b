"""Fits along a curve against dense formulas, each by itself; ridge 0 against least squares; GCV against KARE."""

import numpy as np
import pytest

from scalinglaws.ridge.paths import ridge_fits

N_FEATURES = 12
RIDGES = np.array([0.004, 0.1, 2.0])
# below, next to and above n_features: dual up to it, primal beyond
SIZES = (3, 11, 12, 13, 40)


def sample(n_features=N_FEATURES, rank=None, n_samples=40, seed=0):
    """Features of eigenvalues 2, 1, 2/3... through `rank` directions, and two columns of labels."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((n_samples, n_features)) * np.sqrt(2 / np.arange(1, n_features + 1))
    if rank is not None:
        features = features[:, :rank] @ rng.standard_normal((rank, n_features))
    return features, rng.standard_normal((n_samples, 2))


def fit_all(features, labels, sizes, ridges, support=N_FEATURES):
    """{n_samples: fits}."""
    paths = [(size, np.array(ridges)) for size in sizes]
    return dict(zip(sizes, ridge_fits(features, labels, paths, support), strict=True))


@pytest.mark.parametrize("size", SIZES)
def test_all_fields_are_their_definitions(size):
    features, labels = sample()
    found = fit_all(features, labels, SIZES, RIDGES)[size]
    rows, targets = features[:size], labels[:size]
    kernel = rows @ rows.T / size
    for index, ridge in enumerate(RIDGES):
        weights = np.linalg.solve(rows.T @ rows / size + ridge * np.eye(N_FEATURES), rows.T @ targets / size)
        residuals = targets - rows @ weights
        inverse = np.linalg.inv(kernel + ridge * np.eye(size))
        kappa1 = size / np.trace(inverse)
        expected = {
            "train_error": residuals.T @ residuals / size,
            "gcv": (kappa1 / ridge) ** 2 * residuals.T @ residuals / size,
            "kare": kappa1**2 * targets.T @ inverse @ inverse @ targets / size,
            "kappa1": kappa1,
            "s_transform": kappa1 / ridge,
            "degrees_of_freedom": np.trace(kernel @ inverse),
        }
        np.testing.assert_allclose(found.weights[:, index], weights, rtol=1e-10)
        for name, value in expected.items():
            np.testing.assert_allclose(getattr(found, name)[index], value, rtol=1e-10, err_msg=name)


def test_nested_samples_and_ridges_together_are_each_by_itself():
    features, labels = sample()
    together = fit_all(features, labels, SIZES, RIDGES)
    for size in SIZES:
        for index, ridge in enumerate(RIDGES):
            alone = fit_all(features[:size], labels[:size], [size], [ridge])[size]
            np.testing.assert_allclose(together[size].weights[:, index], alone.weights[:, 0], rtol=1e-10)
            for name in ("train_error", "gcv", "kare", "kappa1", "s_transform", "degrees_of_freedom"):
                np.testing.assert_allclose(
                    getattr(together[size], name)[index], getattr(alone, name)[0], rtol=1e-10, err_msg=name
                )


@pytest.mark.parametrize(("n_features", "rank"), [(12, None), (30, 12)], ids=["full rank", "more features than rank"])
@pytest.mark.parametrize("size", [5, 12, 13, 25, 40])
def test_ridge_zero_is_least_squares_of_least_norm(n_features, rank, size):
    features, labels = sample(n_features, rank)
    found = fit_all(features, labels, [size], [0.0])[size]
    rows, targets = features[:size], labels[:size]
    weights, *_ = np.linalg.lstsq(rows, targets, rcond=1e-10)
    residuals = targets - rows @ weights
    np.testing.assert_allclose(found.weights[:, 0], weights, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(found.train_error[0], residuals.T @ residuals / size, rtol=1e-8, atol=1e-14)
    assert found.degrees_of_freedom == min(size, 12)
    if size <= 12:
        inverse = np.linalg.inv(rows @ rows.T / size)
        kappa1 = size / np.trace(inverse)
        assert found.s_transform == np.inf
        assert (found.train_error == 0).all()
        np.testing.assert_allclose(found.kappa1, kappa1, rtol=1e-8)
        estimate = kappa1**2 * targets.T @ inverse @ inverse @ targets / size
    else:
        np.testing.assert_allclose(found.s_transform, 1 / (1 - 12 / size), rtol=1e-12)
        assert found.kappa1 == 0
        estimate = residuals.T @ residuals / size / (1 - 12 / size) ** 2
    for name in ("gcv", "kare"):
        np.testing.assert_allclose(getattr(found, name)[0], estimate, rtol=1e-7, err_msg=name)


@pytest.mark.parametrize(("n_features", "rank"), [(12, None), (30, 12)], ids=["full rank", "more features than rank"])
@pytest.mark.parametrize("size", [5, 13, 40])
def test_ridge_zero_is_the_limit_of_small_ridges(n_features, rank, size):
    features, labels = sample(n_features, rank)
    # one factorises by eigenvectors, the other by Cholesky
    ridge = 1e-7
    zero, small = (fit_all(features, labels, [size], [value], 12)[size] for value in (0.0, ridge))
    eigenvalues = np.linalg.svd(features[:size], compute_uv=False)[: min(size, 12)] ** 2 / size
    # the limit is reached like ridge / eigenvalue; rounding along null directions grows like eps * eigenvalue / ridge
    tolerance = 10 * ridge / eigenvalues.min() + 2e-15 * eigenvalues.max() / ridge
    for name in ("weights", "train_error", "gcv", "kare", "kappa1", "degrees_of_freedom"):
        close, limit = np.ravel(getattr(small, name)), np.ravel(getattr(zero, name))
        floor = tolerance * np.abs(limit).max() + 20 * ridge
        np.testing.assert_allclose(close, limit, rtol=tolerance, atol=floor, err_msg=name)


@pytest.mark.parametrize("ridge", [1e-12, 1e-6])
def test_digits_of_the_train_error_survive_interpolation(ridge):
    """The residuals, ridge times 1 / (eigenvalue + ridge), are far below the rounding errors of the labels."""
    features, labels = sample()
    limit = fit_all(features, labels, [8], [0.0])[8]
    found = fit_all(features, labels, [8], [ridge])[8]
    kappa1 = limit.kappa1[0]
    np.testing.assert_allclose(found.train_error / ridge**2, limit.gcv / kappa1**2, rtol=1e-12 + 1e4 * ridge)


@pytest.mark.parametrize("seed", range(4))
def test_kare_is_gcv(seed):
    features, labels = sample(seed=seed)
    for ridges in (RIDGES, [1e-8], [0.0, 1e-5]):
        for size, fits in fit_all(features, labels, SIZES, ridges).items():
            np.testing.assert_allclose(fits.kare, fits.gcv, rtol=1e-10, err_msg=f"{size} samples, ridges {ridges}")


def test_scaled_features_and_ridge_predict_the_same():
    features, labels = sample()
    plain, scaled = (fit_all(c * features, labels, SIZES, c**2 * RIDGES) for c in (1.0, 7.0))
    for size in SIZES:
        np.testing.assert_allclose(7 * scaled[size].weights, plain[size].weights, rtol=1e-10)
        np.testing.assert_allclose(scaled[size].kappa1, 49 * plain[size].kappa1, rtol=1e-10)
        np.testing.assert_allclose(scaled[size].gcv, plain[size].gcv, rtol=1e-10)
