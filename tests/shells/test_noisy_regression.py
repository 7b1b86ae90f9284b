"""Two-scale regression: what a draw is made of, and its plateaus against least squares and slow flows."""

import numpy as np
import pytest

from scalinglaws.shells.double_descent import flow_response
from scalinglaws.shells.linear_models import feature_model, least_norm
from scalinglaws.shells.noisy_regression import block_regression, plateaus

BLOCKS = {"dims": [6, 3], "variances": [2.0, 0.05], "signals": [1.0, 0.7]}
SIZES = {"n_samples": 30, "n_test": 20}


def draw(seed=0, *, noise_std=0.5, **changes):
    return block_regression(np.random.default_rng(seed), **{**SIZES, **BLOCKS, "noise_std": noise_std, **changes})


def test_without_noise_targets_are_linear_with_the_stated_signals():
    problem = draw(noise_std=0.0)
    weights = np.linalg.lstsq(problem.inputs, problem.targets, rcond=None)[0]
    np.testing.assert_allclose(problem.test_inputs @ weights, problem.test_truth, rtol=0, atol=1e-12)
    signals = [2.0 * weights[:6] @ weights[:6], 0.05 * weights[6:] @ weights[6:]]
    np.testing.assert_allclose(signals, BLOCKS["signals"], rtol=1e-10)


def test_noise_falls_on_training_targets_alone():
    noisy, clean = draw(3), draw(3, noise_std=0.0)
    np.testing.assert_array_equal(noisy.truth, clean.targets)
    np.testing.assert_array_equal(noisy.test_truth, clean.test_truth)
    assert np.abs(noisy.targets - noisy.truth).min() > 0


def test_moments_of_inputs_and_noise():
    """4 standard errors of a variance, variance * sqrt(2 / draws)."""
    problem = draw(n_samples=20000, n_test=5000)
    noise = problem.targets - problem.truth
    assert noise.var() == pytest.approx(0.25, rel=4 * np.sqrt(2 / noise.size))
    for inputs in (problem.inputs, problem.test_inputs):
        for columns, variance in ((inputs[:, :6], 2.0), (inputs[:, 6:], 0.05)):
            assert columns.var() == pytest.approx(variance, rel=4 * np.sqrt(2 / columns.size))
    assert not np.isin(problem.test_inputs, problem.inputs).any()


def test_plateaus_are_the_mean_error_of_least_squares_on_the_first_blocks():
    """Exact for Gaussian data: mean over 400 draws within 4 standard errors; test error from the weights, exactly."""
    errors = []
    for seed in range(400):
        problem = draw(seed, n_test=1)
        weights = np.linalg.lstsq(problem.inputs, problem.truth, rcond=None)[0]
        variances, row = np.repeat(BLOCKS["variances"], BLOCKS["dims"]), []
        for in_use in (0, 6, 9):
            fitted = np.zeros(9)
            fitted[:in_use] = least_norm(problem.inputs[:, :in_use], problem.targets) if in_use else 0.0
            row.append(variances @ (fitted - weights) ** 2)
        errors.append(row)
    expected = plateaus(n_samples=30, dims=BLOCKS["dims"], signals=BLOCKS["signals"], noise_std=0.5)
    standard_error = np.std(errors, axis=0) / np.sqrt(len(errors))
    assert expected[0] == pytest.approx(1.7)
    assert (np.abs(np.mean(errors, axis=0) - expected) <= 4 * standard_error + 1e-12).all()


@pytest.mark.parametrize("seed", [0, 1])
def test_between_well_separated_scales_the_flow_is_least_squares_on_the_fast_block(seed):
    """With variances 1 and 1e-12, a time of 1e5 has settled the fast block and left the slow one to 1e-7."""
    problem = draw(seed, variances=[1.0, 1e-12])
    model = feature_model(problem.inputs, problem.targets, problem.test_inputs)
    outputs = model.test_outputs(flow_response(model.modes.eigenvalues, 1e5))
    fitted = least_norm(problem.inputs[:, :6], problem.targets)
    # The slow block moves outputs by variance * time = 1e-7 of its signal.
    np.testing.assert_allclose(outputs, problem.test_inputs[:, :6] @ fitted, rtol=0, atol=1e-6)


def test_one_block_and_no_signal_are_allowed():
    assert draw(dims=[4], variances=[1.0], signals=[0.0]).test_truth.tolist() == [0.0] * 20
    np.testing.assert_allclose(plateaus(n_samples=10, dims=[4], signals=[0.0], noise_std=1.0), [0.0, 4 / 5])


BAD = [
    ({"dims": [6, 0]}, r"dims = 0 must be an integer >= 1"),
    ({"dims": [6]}, r"have 1, 2 and 2 entries and must have as many"),
    ({"variances": [1.0, -1.0]}, r"variances\[1\] = -1.0 must be > 0"),
    ({"signals": [1.0, -0.1]}, r"signals = -0.1 must be finite and >= 0"),
    ({"noise_std": -0.5}, r"noise_std = -0.5"),
    ({"n_samples": 1}, r"n_samples = 1 must be an integer >= 2"),
    ({"n_test": 0}, r"n_test = 0 must be an integer >= 1"),
]


@pytest.mark.parametrize(("changes", "message"), BAD)
def test_bad_settings_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        draw(**changes)


def test_plateaus_need_more_samples_than_inputs():
    with pytest.raises(ValueError, match="n_samples = 10 must be an integer >= 11"):
        plateaus(n_samples=10, dims=[6, 3], signals=[1.0, 1.0], noise_std=0.5)
