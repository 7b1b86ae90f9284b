"""Samples and random feature maps of a regression problem, in whitened coordinates.

An input x ~ N(0, diag(eigenvalues)) is written x = eigenvalues^1/2 g with g ~ N(0, 1). A predictor's coefficients in g
are those in x times eigenvalues^1/2, and a population mean of products is their plain inner product. Draws are nested:
with the same seed fewer samples, or fewer features of the last layer, are the leading ones of more.
"""

import numpy as np

# What a stream of random numbers is for: draws of different kinds are independent even with equal seeds.
INPUTS, LABEL_NOISE, WEIGHTS, FEATURE_NOISE = range(4)


def draw_sample(problem, n_samples, seed, out=None):
    """Standard inputs g (n_samples, dim) and labels (n_samples, 2): the noiseless w . x and unit label noise.

    The estimators are linear in the labels, so these two columns tell the fit for any noise_std. The inputs are written
    into `out`, if it is given: an array of their shape.
    """
    inputs = _rng(INPUTS, seed).standard_normal((n_samples, problem.eigenvalues.size), out=out)
    clean = inputs @ (np.sqrt(problem.eigenvalues) * problem.target)
    return inputs, np.column_stack([clean, _rng(LABEL_NOISE, seed).standard_normal(n_samples)])


def draw_feature_map(problem, widths, seed):
    """The map from g to the features without their noise: (F_1 ... F_L)^T diag(eigenvalues^1/2), (width_L, dim).

    Layer l has the weights F_l = G diag(feature_eigenvalues)^1/2, shape (inputs, features), with independent Gaussian
    entries of G whose variance `problem.convention` says. `widths` has an integer for each layer.
    """
    dim = inputs = problem.eigenvalues.size
    whole = np.sqrt(problem.eigenvalues)
    generators, spectra = _rng(WEIGHTS, seed).spawn(len(widths)), problem.feature_eigenvalues
    for generator, width, spectrum in zip(generators, widths, spectra, strict=True):
        weights = generator.standard_normal((width, inputs))
        variance = 1 / {"input": dim, "layer": inputs, "output": width}[problem.convention]
        weights *= np.sqrt(variance * (np.ones(width) if spectrum is None else spectrum))[:, None]
        whole = np.multiply(weights, whole, out=weights) if whole.ndim == 1 else weights @ whole
        inputs = width
    return whole


def draw_feature_noise(shape, data_seed, feature_seed):
    """The feature noise xi, (n_samples, n_features): anew for every pair of a sample and a feature map."""
    return _rng(FEATURE_NOISE, data_seed, feature_seed).standard_normal(shape)


def _rng(kind, *seeds):
    return np.random.default_rng([kind, *seeds])
