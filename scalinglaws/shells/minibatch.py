"""Minibatch noise in the shell budget: what a random batch does to the residual beyond the whole training set.

A step theta <- theta - learning_rate (richness / b) J_B^T e_B on a batch B of b out of n samples is, to first order in
the learning rate, e <- e - learning_rate M W e: W is diagonal with n/b on the batch and 0 elsewhere, and its mean over
batches is 1. So the change of the residual has three parts,

    drift      -learning_rate M e             what the whole training set does
    noise      -learning_rate M (W - 1) e     zero on average over batches, and zero for the full batch
    curvature   the rest                      second order in the learning rate, zero for a frozen kernel

and the dissipation of the exact budget splits alike (`split_dissipation`). The noise part falls into a fluctuation,
linear in the noise, which averages to zero, and an injection, quadratic in it, which feeds energy to the shells.
"""

import numpy as np

from scalinglaws import checks


def draw_batch(rng, n_samples, batch_size):
    """Weights W_ii, shape (n_samples,): n_samples / batch_size on a batch drawn without repetition, else 0.

    Every call draws anew from the whole training set, so that the noise has mean zero whatever happened before.
    ValueError unless 1 <= batch_size <= n_samples.
    """
    n_samples = checks.integer("n_samples", n_samples, minimum=1)
    batch_size = _check_batch(batch_size, n_samples)
    weights = np.zeros(n_samples)
    weights[rng.choice(n_samples, size=batch_size, replace=False)] = n_samples / batch_size
    return weights


def split_change(before, after, learning_rate, weights):
    """The parts drift, noise and curvature of after.residual - before.residual: dict of arrays (m,), exact as a sum.

    before, after: `Modes` of one step of learning rate `learning_rate` on the batch of the given `weights`.
    """
    checks.positive("learning_rate", learning_rate)
    weights = checks.array("weights", weights, ndim=1)
    if weights.size != before.n_samples:
        raise ValueError(f"weights have {weights.size} entries and must have {before.n_samples}, one per sample")
    excess = np.repeat(weights - 1, before.residual.size // before.n_samples) * before.residual
    drift, noise = (-learning_rate * _apply_kernel(before, vector) for vector in (before.residual, excess))
    # In double precision, so that the parts add up exactly whatever the precision of the run.
    change = np.subtract(after.residual, before.residual, dtype=np.float64)
    return {"drift": drift, "noise": noise, "curvature": change - drift - noise}


def noise_scale(n_samples, batch_size, learning_rate):
    """learning_rate (n - b) / (b (n - 1)): about learning_rate / b for small batches, 0 for the full batch.

    The variance of the mean over a batch without repetition is (n - b) / (b (n - 1)) times that over single samples.
    """
    batch_size = _check_batch(batch_size, n_samples)
    checks.integer("n_samples", n_samples, minimum=2)
    return checks.positive("learning_rate", learning_rate) * (n_samples - batch_size) / (batch_size * (n_samples - 1))


def expected_injection(modes, learning_rate, batch_size, shells):
    """Energy that the noise of one step feeds to each shell on average over batches, shape (n_shells,).

    E<phi_u, noise>^2 = learning_rate noise_scale lambda_u^2 (n sum_i p_iu^2 - g_u^2), p_iu the share of sample i in
    g_u = sum_i p_iu; summed with the shell's windows and divided by 2n. Products of noise and curvature are left out.
    """
    n = modes.n_samples
    shares = (modes.eigenvectors * modes.residual[:, None]).reshape(n, -1, modes.residual.size).sum(1)
    spread = n * (shares**2).sum(0) - modes.coefficients**2
    variance = learning_rate * noise_scale(n, batch_size, learning_rate) * modes.eigenvalues**2 * spread
    return shells.windows(modes.eigenvalues) @ variance / (2 * n)


def _apply_kernel(modes, vector):
    return modes.eigenvectors @ (modes.eigenvalues * (modes.eigenvectors.T @ vector))


def _check_batch(batch_size, n_samples):
    batch_size = checks.integer("batch_size", batch_size, minimum=1)
    if batch_size > n_samples:
        raise ValueError(f"batch_size = {batch_size} must be at most n_samples = {n_samples}")
    return batch_size
