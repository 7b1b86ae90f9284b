"""Ridge regression along a learning curve: nested samples share one Gram matrix, ridges one factorisation."""

from dataclasses import dataclass

import numpy as np

from scalinglaws.ridge.resolvent import resolvents


@dataclass(frozen=True, eq=False)
class RidgeFits:
    """Ridge regression on one sample of n rows for each of several ridges and several labels at once.

    With features Z, labels Y, K = Z Z^T and v = Z^T (K / n + ridge)^-1 Y / n. The estimator is linear in the labels:
    for labels Y a every quadratic form below is a^T form a.

    weights : (n_features, n_ridges, n_labels), v; at ridge 0 those of least norm among the least-squares ones.
    train_error : (n_ridges, n_labels, n_labels), (Y - Z v)^T (Y - Z v) / n.
    gcv : of the same shape, generalised cross-validation, s_transform^2 train_error (Golub, Heath & Wahba 1979), at
        ridge -> 0 its limit.
    kare : of the same shape, the kernel alignment risk estimator, Y^T R^2 Y / n / (tr R / n)^2, R = (K / n + ridge)^-1
        (Jacot et al. 2020), at ridge -> 0 its limit.
    kappa1 : (n_ridges,), 1 / (tr R / n).
    s_transform : (n_ridges,), kappa1 / ridge; inf at ridge 0 where the labels are interpolated.
    degrees_of_freedom : (n_ridges,), tr K (K + n ridge)^-1.
    """

    weights: np.ndarray
    train_error: np.ndarray
    gcv: np.ndarray
    kare: np.ndarray
    kappa1: np.ndarray
    s_transform: np.ndarray
    degrees_of_freedom: np.ndarray


def ridge_fits(features, labels, paths, support):
    """Yield the `RidgeFits` of the leading n_samples rows for each (n_samples, ridges) in `paths`.

    features : (n, n_features); labels : (n, n_labels).
    paths : sequence of (n_samples, ridges (n_ridges,)), n_samples increasing and at most n, ridges >= 0.
    support : the rank that the features reach as n grows.

    Up to n_features samples the kernel K is factorised (dual form), all of them blocks of the largest; beyond, the
    covariance of the features (primal form), to which each size adds only its own rows.
    """
    n_features = features.shape[1]
    dual = [path for path in paths if path[0] <= n_features]
    if dual:
        largest = dual[-1][0]
        gram = features[:largest] @ features[:largest].T
        for n_samples, ridges in dual:
            kernel = gram[:n_samples, :n_samples] / n_samples
            yield _dual(features[:n_samples], labels[:n_samples], kernel, ridges, min(n_samples, support))
    covariance, products, start = 0.0, 0.0, 0
    for n_samples, ridges in paths[len(dual) :]:
        rows, targets = features[start:n_samples], labels[start:n_samples]
        covariance, products, start = covariance + rows.T @ rows, products + rows.T @ targets, n_samples
        moments = covariance / n_samples, products / n_samples
        yield _primal(features[:n_samples], labels[:n_samples], *moments, ridges, min(n_features, support))


def _dual(features, labels, kernel, ridges, rank):
    n_samples = len(features)
    found = resolvents(kernel, ridges, labels, rank)
    # Y - Z v = ridge R Y: no digits are lost where the labels are all but interpolated.
    residuals = ridges[:, None] * found.solution
    unreached = (ridges == 0) & (rank < n_samples)
    if unreached.any():
        residuals[:, unreached] = labels[:, None] - _times(kernel, found.solution[:, unreached])
    kappa1 = np.where(unreached, 0.0, n_samples / found.trace)
    share = np.where(unreached, 1 - rank / n_samples, ridges * found.trace / n_samples)
    s_transform = np.divide(1.0, share, where=share > 0, out=np.full(len(ridges), np.inf))
    train_error = _squares(residuals)
    limit, inside = _squares(found.solution), (kappa1 > 0)[:, None, None]
    square, beyond = kappa1[:, None, None] ** 2, train_error / np.where(inside, 1.0, share[:, None, None]) ** 2
    return RidgeFits(
        weights=_times(features.T, found.solution) / n_samples,
        train_error=train_error,
        gcv=np.where(inside, square * limit, beyond),
        kare=np.where(inside, square * found.squares / n_samples, beyond),
        kappa1=kappa1,
        s_transform=s_transform,
        degrees_of_freedom=np.where(ridges == 0, rank, n_samples - ridges * found.trace),
    )


def _primal(features, labels, covariance, products, ridges, rank):
    n_samples, n_features = features.shape
    found = resolvents(covariance, ridges, products, rank)
    train_error = _squares(labels[:, None] - _times(features, found.solution))
    degrees_of_freedom = np.where(ridges == 0, rank, n_features - ridges * found.trace)
    s_transform = 1 / (1 - degrees_of_freedom / n_samples)
    # K has n - n_features eigenvalues 0 more than the covariance, and R Y = (Y - Z v) / ridge.
    share = np.where(ridges == 0, n_samples - rank, n_samples - n_features + ridges * found.trace) / n_samples
    return RidgeFits(
        weights=found.solution,
        train_error=train_error,
        gcv=s_transform[:, None, None] ** 2 * train_error,
        kare=train_error / share[:, None, None] ** 2,
        kappa1=ridges * s_transform,
        s_transform=s_transform,
        degrees_of_freedom=degrees_of_freedom,
    )


def _times(matrix, stack):
    """matrix (m, n) times a stack (n, n_ridges, n_labels), as one product."""
    return (matrix @ stack.reshape(len(stack), -1)).reshape(len(matrix), *stack.shape[1:])


def _squares(stack):
    """stack^T stack / n for each ridge."""
    return np.einsum("nra,nrb->rab", stack, stack) / len(stack)
