"""Eigenvalues of random matrices that are drawn and diagonalised: what the laws of large ones are compared with."""

from itertools import pairwise

import numpy as np

from scalinglaws import checks


def wigner_eigenvalues(rng, dim):
    """Gaussian orthogonal ensemble: symmetric, entries of variance 1/dim off the diagonal and 2/dim on it.

    Returns shape (dim,), ascending. Bad input: ValueError.
    """
    dim = checks.integer("dim", dim, minimum=1)
    matrix = rng.standard_normal((dim, dim)) / np.sqrt(2 * dim)
    return np.linalg.eigvalsh(matrix + matrix.T)


def wishart_eigenvalues(rng, population, n_samples):
    """Sample covariance X^T X / n_samples of n_samples >= 1 inputs x ~ N(0, diag(population)).

    `population`, all > 0, has shape (dim,). Returns shape (dim,), ascending; of more directions than samples dim -
    n_samples are exactly 0. Bad input: ValueError.
    """
    population = checks.positive_array("population", population, ndim=1)
    n_samples = checks.integer("n_samples", n_samples, minimum=1)
    inputs = rng.standard_normal((n_samples, population.size)) * np.sqrt(population / n_samples)
    # Both products have the same eigenvalues but for zeros; what rounds to less than 0 is 0.
    product = inputs.T @ inputs if n_samples >= population.size else inputs @ inputs.T
    return _padded(np.maximum(np.linalg.eigvalsh(product), 0.0), population.size)


def deep_wishart_eigenvalues(rng, sizes):
    """W^T W for W = X_L ... X_1, X_l of shape (sizes[l], sizes[l - 1]) with independent entries of variance 1/sizes[l].

    `sizes` are >= 2 integers >= 1, the first of them dim. Returns shape (dim,), ascending; dim - min(sizes) are exactly
    0. Singular values are squared, since small eigenvalues of the product would be lost in rounding. Bad input:
    ValueError.
    """
    if len(sizes) < 2:
        raise ValueError(f"sizes = {tuple(sizes)} must hold at least 2 sizes")
    sizes = [checks.integer(f"sizes[{i}]", size, minimum=1) for i, size in enumerate(sizes)]
    product = np.eye(sizes[0])
    for columns, rows in pairwise(sizes):
        product = rng.standard_normal((rows, columns)) / np.sqrt(rows) @ product
    singular = np.linalg.svd(product, compute_uv=False)[: min(sizes)]
    return _padded(singular[::-1] ** 2, sizes[0])


def _padded(eigenvalues, dim):
    return np.concatenate([np.zeros(dim - eigenvalues.size), eigenvalues])
