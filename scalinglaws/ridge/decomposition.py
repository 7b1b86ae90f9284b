"""Unbiased parts of the error from repeated draws of data and features, and their jackknife standard errors.

The error of a predictor trained on data i and features j is a vector d_ij with <d_ij, d_ij> its excess risk. Products
of vectors that share a draw contain the variance over it and products of vectors that share none do not, so means
over the four kinds of pairs (U-statistics, Hoeffding 1948) give the parts of the analysis of variance without the
upward bias, variance / draws, of averaging predictors first.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Draws:
    """Products and statistics of points along a curve over n_data samples and n_features feature maps.

    products : (n_points, n_data, n_features, n_data, n_features), <d_ij, d_kl> for noiseless labels.
    noise_products : (n_points, n_data, n_features, n_features), <n_ij, n_il> for labels that are noise alone.
    statistics : (n_points, n_data, n_features, n_statistics), anything to be averaged over all draws.

    n_features is 1 where there are no random features: nothing varies over them.
    """

    products: np.ndarray
    noise_products: np.ndarray
    statistics: np.ndarray

    def without_data(self, i):
        """The same without sample i."""
        products = np.delete(np.delete(self.products, i, 1), i, 3)
        return Draws(products, np.delete(self.noise_products, i, 1), np.delete(self.statistics, i, 1))

    def without_features(self, j):
        """The same without feature map j."""
        products = np.delete(np.delete(self.products, j, 2), j, 4)
        noise_products = np.delete(np.delete(self.noise_products, j, 2), j, 3)
        return Draws(products, noise_products, np.delete(self.statistics, j, 2))


def parts(draws):
    """bias, var_x, var_f, var_xf, var_xe, var_xfe and the statistics' means: (n_points, 6 + n_statistics).

    bias, bias + var_x and bias + var_f are the means of <d_ij, d_kl> over i != k and j != l, i = k and j != l, i != k
    and j = l; all four sum to the mean over i = k and j = l. var_xe is the mean of <n_ij, n_il> over j != l and
    var_xfe what is left of that over j = l. Without features (n_features = 1) var_f, var_xf and var_xfe are 0.
    """
    _, n_data, n_features, _ = draws.statistics.shape
    same = np.einsum("pijij->p", draws.products)
    noise = np.einsum("pijj->p", draws.noise_products) / (n_data * n_features)
    if n_features == 1:
        signal = same / n_data
        bias = (draws.products.sum((1, 2, 3, 4)) - same) / (n_data * (n_data - 1))
        none = np.zeros_like(bias)
        split = [bias, signal - bias, none, none, noise, none]
    else:
        split = [*_signal_parts(draws.products, same), *_noise_parts(draws.noise_products, noise)]
    return np.column_stack([*split, draws.statistics.mean((1, 2))])


def _signal_parts(products, same):
    _, n_data, n_features, _, _ = products.shape
    n_pairs = n_data * n_features
    same_data, same_features = np.einsum("pijil->p", products), np.einsum("pijkj->p", products)
    neither = products.sum((1, 2, 3, 4)) - same_data - same_features + same
    bias = neither / (n_pairs * (n_data - 1) * (n_features - 1))
    var_x = (same_data - same) / (n_pairs * (n_features - 1)) - bias
    var_f = (same_features - same) / (n_pairs * (n_data - 1)) - bias
    return bias, var_x, var_f, same / n_pairs - bias - var_x - var_f


def _noise_parts(noise_products, noise):
    _, n_data, n_features, _ = noise_products.shape
    apart = noise_products.sum((1, 2, 3)) - noise * n_data * n_features
    var_xe = apart / (n_data * n_features * (n_features - 1))
    return var_xe, noise - var_xe


def standard_errors(draws, estimate=parts):
    """Jackknife standard errors of `estimate(draws)`, of its shape.

    One draw is left out at a time, samples and feature maps in turn, and the two variances are added: what varies
    over the pairs alone is counted twice, on the safe side (Owen 2007, on crossed random effects). A value that is
    infinite in every draw has the error 0. inf throughout where leaving one out of two leaves no pair to compare.
    """
    _, n_data, n_features, _ = draws.statistics.shape
    if n_data < 3 or n_features == 2:
        return np.full(estimate(draws).shape, np.inf)
    variance = _jackknife_variance([estimate(draws.without_data(i)) for i in range(n_data)])
    if n_features > 1:
        variance = variance + _jackknife_variance([estimate(draws.without_features(j)) for j in range(n_features)])
    return np.sqrt(variance)


def _jackknife_variance(values):
    values = np.array(values)
    return (len(values) - 1) * np.where(np.isinf(values), 0.0, values).var(0)
