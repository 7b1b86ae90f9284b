"""Models linear in their parameters, lazy at any richness: random features, their least-norm fit, gradient descent."""

import numpy as np

from scalinglaws import checks
from scalinglaws.shells.double_descent import lazy_model

ACTIVATIONS = {"tanh": np.tanh, "relu": lambda z: np.maximum(z, 0.0)}


def random_features(inputs, weights, activation):
    """phi(inputs W^T / sqrt(dim)) / sqrt(p), shape (n, p), for fixed first-layer weights W (p, dim)."""
    phi = ACTIVATIONS[checks.one_of("activation", activation, tuple(ACTIVATIONS))]
    return phi(inputs @ weights.T / np.sqrt(weights.shape[1])) / np.sqrt(len(weights))


def feature_model(features, targets, test_features):
    """The `LazyModel` of f = features w, w = 0 at the start: K_train = features features^T, e(0) = -targets."""
    n_samples = len(targets)
    return lazy_model(features @ features.T / n_samples, test_features @ features.T / n_samples, -targets)


def least_norm(features, targets):
    """The least-squares weights of least norm, by singular values: where gradient descent from zero ends."""
    return np.linalg.lstsq(features, targets, rcond=None)[0]


def gradient_descent(features, targets, rate, n_steps):
    """Yield the weights after each of the increasing numbers of steps `n_steps` of plain gradient descent from zero.

    Loss ||features w - targets||^2 / (2n), learning rate `rate`. ValueError on rate <= 0 or n_steps that do not
    increase from >= 0.
    """
    checks.positive("rate", rate)
    wanted = checks.increasing("n_steps", n_steps, minimum_size=1)
    checks.integer("n_steps[0]", wanted[0], minimum=0)
    weights, done = np.zeros(features.shape[1]), 0
    for total in wanted:
        for _ in range(done, int(total)):
            weights = weights - rate / len(targets) * ((features @ weights - targets) @ features)
        done = int(total)
        yield weights
