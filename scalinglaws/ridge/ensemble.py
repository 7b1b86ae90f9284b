"""All fits of an ensemble, every sample with every feature map, reduced to products of their errors."""

from dataclasses import dataclass

import numpy as np

from scalinglaws.ridge.paths import ridge_fits
from scalinglaws.ridge.sampling import draw_feature_map, draw_feature_noise, draw_sample

# Fields of `RidgeFits` that are quadratic in the labels, and those that do not depend on them.
FORMS = ("train_error", "gcv", "kare")
SCALARS = ("kappa1", "s_transform", "degrees_of_freedom")
# Feature maps kept at a time: one, or as many as take the memory of this many samples.
MAPS_IN_SAMPLES = 4


@dataclass(frozen=True, eq=False)
class Design:
    """The points of a curve that share their features.

    widths : integers, one per layer of random features; () for the inputs themselves.
    feature_noise_std : >= 0.
    paths : (n_samples, ridges (n_ridges,)) pairs, n_samples increasing.
    """

    widths: tuple
    feature_noise_std: float
    paths: tuple

    @property
    def n_fits(self):
        """Number of (n_samples, ridge) pairs."""
        return sum(len(ridges) for _, ridges in self.paths)


def fit_ensemble(problem, design, data_seeds, map_seeds):
    """Fit the design on every sample with every feature map, one map standing for the inputs themselves.

    Returns products (n_fits, n_data, n_maps, n_data, n_maps) and noise_products (n_fits, n_data, n_maps, n_maps) as in
    `decomposition.Draws`, for unit label noise; forms (n_fits, n_data, n_maps, len(FORMS), 2, 2), quadratic forms in
    the coefficients of noiseless label and noise; scalars (n_fits, n_data, n_maps, len(SCALARS)).
    """
    truth = np.sqrt(problem.eigenvalues) * problem.target
    # Without label noise anywhere on the curve only the noiseless label is fitted.
    n_labels = 2 if problem.noise_std.any() else 1
    draws = design.n_fits, len(data_seeds), len(map_seeds)
    errors = np.empty((n_labels, *draws, truth.size))
    weights = np.empty((n_labels, *draws, design.widths[-1] if design.feature_noise_std else 0))
    forms, scalars = np.zeros((*draws, len(FORMS), 2, 2)), np.empty((*draws, len(SCALARS)))
    for i, j, features, labels, feature_map in _pairs(problem, design, data_seeds, map_seeds):
        fits = list(ridge_fits(features, labels[:, :n_labels], design.paths, _support(problem, design)))
        found = np.concatenate([fit.weights for fit in fits], axis=1).transpose(2, 1, 0)
        errors[:, :, i, j] = _through(found, feature_map)
        weights[:, :, i, j] = found[..., : weights.shape[-1]]
        forms[:, i, j, :, :n_labels, :n_labels] = _stacked(fits, FORMS)
        scalars[:, i, j] = _stacked(fits, SCALARS)
    errors[0] -= truth
    return *_products(errors, design.feature_noise_std * weights), forms, scalars


def _pairs(problem, design, data_seeds, map_seeds):
    """Every pair of a sample and a feature map with its features; samples are drawn anew for each batch of maps."""
    n_samples, dim = design.paths[-1][0], problem.eigenvalues.size
    batch = max(1, MAPS_IN_SAMPLES * n_samples // (design.widths[-1] if design.widths else dim))
    inputs = np.empty((n_samples, dim))
    for start in range(0, len(map_seeds), batch):
        seeds = map_seeds[start : start + batch]
        maps = [_feature_map(problem, design.widths, seed) for seed in seeds]
        for i, data_seed in enumerate(data_seeds):
            inputs, labels = draw_sample(problem, n_samples, data_seed, out=inputs)
            for j, (map_seed, feature_map) in enumerate(zip(seeds, maps, strict=True), start):
                features = _features(inputs, feature_map)
                if design.feature_noise_std:
                    features += design.feature_noise_std * draw_feature_noise(features.shape, data_seed, map_seed)
                yield i, j, features, labels, feature_map


def _feature_map(problem, widths, seed):
    return draw_feature_map(problem, widths, seed) if widths else np.sqrt(problem.eigenvalues)


def _features(inputs, feature_map):
    # In place for the inputs themselves: they are not needed again, and a copy would take as much memory once more.
    return np.multiply(inputs, feature_map, out=inputs) if feature_map.ndim == 1 else inputs @ feature_map.T


def _through(weights, feature_map):
    """The coefficients in whitened coordinates of weights (..., n_features) on the features."""
    if feature_map.ndim == 1:
        return weights * feature_map
    return (weights.reshape(-1, len(feature_map)) @ feature_map).reshape(*weights.shape[:-1], -1)


def _support(problem, design):
    """The rank that the features' covariance reaches: no more than directions, or features, of non-zero variance."""
    directions = np.count_nonzero(problem.eigenvalues)
    if not design.widths or design.feature_noise_std:
        return design.widths[-1] if design.widths else directions
    pairs = zip(design.widths, problem.feature_eigenvalues, strict=True)
    return min(directions, *(width if spectrum is None else np.count_nonzero(spectrum) for width, spectrum in pairs))


def _stacked(fits, names):
    return np.stack([np.concatenate([getattr(fit, name) for fit in fits]) for name in names], axis=1)


def _products(errors, noise_weights):
    """Products of the errors, and of the feature noise's part in them for predictors of one map."""
    clean, noise = errors[0], errors[1] if len(errors) == 2 else np.zeros((*errors.shape[1:4], 1))
    flat = clean.reshape(len(clean), -1, clean.shape[-1])
    products = (flat @ flat.transpose(0, 2, 1)).reshape(*clean.shape[:3], *clean.shape[1:3])
    noise_products = noise @ noise.transpose(0, 1, 3, 2)
    for j in range(clean.shape[2]):
        shared = noise_weights[:, :, :, j]
        products[:, :, j, :, j] += shared[0] @ shared[0].transpose(0, 2, 1)
        noise_products[:, :, j, j] += (shared[1:] ** 2).sum((0, -1))
    return products, noise_products
