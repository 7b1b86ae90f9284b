"""Linear teachers with label noise and blocks of inputs of different strength: the data of double descent.

Strong blocks are learned fast and weak ones slowly. While the time scales are far apart, least squares has settled on
the first blocks and not begun on the later ones, whose signal acts as label noise; hence the plateaus of test error.
"""

from dataclasses import dataclass

import numpy as np

from scalinglaws import checks


@dataclass(frozen=True, eq=False)
class NoisyRegression:
    """Training inputs (n, dim) with noisy `targets` and the `truth` behind them, (n,), and fresh test points.

    test_truth (n_test,) is without noise: test error is the mean square of prediction minus truth.
    """

    inputs: np.ndarray
    targets: np.ndarray
    truth: np.ndarray
    test_inputs: np.ndarray
    test_truth: np.ndarray


def block_regression(rng, *, n_samples, n_test, dims, variances, signals, noise_std):
    """Draw y = sum over blocks of w_b.x_b + noise, x_b ~ N(0, variance_b I), w_b in a random direction.

    dims, variances, signals: one entry per block; signal_b = variance_b |w_b|^2 is the variance that the block explains
    (0 allowed), so that the error of the zero function is sum(signals). Noise is N(0, noise_std^2), on training targets
    alone. Training and test points are independent draws. ValueError on bad sizes or lists of different length.
    """
    dims, variances, signals = _checked_blocks(dims, variances, signals)
    n_samples, n_test = checks.integer("n_samples", n_samples, minimum=2), checks.integer("n_test", n_test, minimum=1)
    checks.at_least("noise_std", noise_std, 0)
    scales = np.repeat(np.sqrt(variances), dims)
    weights = np.concatenate([_direction(rng, *block) for block in zip(dims, signals / variances, strict=True)])
    inputs, test_inputs = (scales * rng.standard_normal((count, scales.size)) for count in (n_samples, n_test))
    truth = inputs @ weights
    noisy = truth + noise_std * rng.standard_normal(n_samples)
    return NoisyRegression(inputs, noisy, truth, test_inputs, test_inputs @ weights)


def plateaus(*, n_samples, dims, signals, noise_std):
    """Test error while least squares has settled on the first 0, 1, ... all blocks, shape (n_blocks + 1,).

    With D inputs in use, and variance s^2 = noise_std^2 + signals of later blocks not explained by them, the mean over
    Gaussian data is exactly (later signals) + s^2 D / (n - D - 1), from the mean inverse of a Wishart matrix. It holds
    in time where the blocks' scales are far apart: later blocks have not begun when the smallest eigenvalue of the
    earlier ones, about variance (1 - sqrt(D/n))^2, is learned. Test error goes down, up, down when the fast block's
    plateau lies above the last one and above its own best early stop. ValueError unless n_samples > sum(dims) + 1.
    """
    dims, _, signals = _checked_blocks(dims, np.ones(len(dims)), signals)
    checks.integer("n_samples", n_samples, minimum=int(dims.sum()) + 2)
    in_use = np.concatenate([[0], np.cumsum(dims)])
    unlearned = np.concatenate([[signals.sum()], signals.sum() - np.cumsum(signals)])
    return unlearned + (checks.at_least("noise_std", noise_std, 0) ** 2 + unlearned) * in_use / (n_samples - in_use - 1)


def _checked_blocks(dims, variances, signals):
    counts = np.array([checks.integer("dims", dim, minimum=1) for dim in dims])
    variances, signals = checks.positive_array("variances", variances, ndim=1), checks.array("signals", signals, ndim=1)
    for signal in signals:
        checks.at_least("signals", float(signal), 0)
    if not len(counts) == len(variances) == len(signals):
        sizes = f"{len(counts)}, {len(variances)} and {len(signals)}"
        raise ValueError(f"dims, variances and signals have {sizes} entries and must have as many, one per block")
    return counts, variances, signals


def _direction(rng, dim, squared_norm):
    vector = rng.standard_normal(dim)
    return vector * np.sqrt(squared_norm) / np.linalg.norm(vector)
