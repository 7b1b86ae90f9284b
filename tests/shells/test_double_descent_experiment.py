"""The double-descent experiment on tiny settings: its members, whose draws they share, and what records hold."""

import numpy as np
import pytest
import torch

from scalinglaws.shells.experiments import double_descent
from scalinglaws.shells.experiments.setup import reproducible
from scalinglaws.shells.noisy_regression import plateaus

DATA = {"n_samples": 12, "n_test": 9, "dims": [3], "variances": [1.0], "signals": [1.0], "noise_std": 0.5}
BLOCKS = {**DATA, "dims": [3, 2], "variances": [1.0, 0.01], "signals": [1.0, 0.6]}
NETWORK = {"depth": 1, "activation": "tanh", "residual": False, "weight_scale": 2.0}
TRAINING = {"duration": 50.0, "tolerance": 1e-3, "first_step": 1.0}
SETTINGS = {
    "device": "cpu",
    "dtype": "float64",
    "seeds": [0, 3],
    "features": {
        "activations": ["tanh", "relu"],
        "data": DATA,
        "n_features": [6, 12, 24],
        "rate": 1.0,
        "n_steps": 50,
        "seeds": [0, 1, 2],
    },
    "widths": {"data": DATA, "network": NETWORK, "widths": [2, 3], "richness": [1e-5, 1.0], **TRAINING},
    "epochs": {
        "data": BLOCKS,
        "descent": {"rate": 1.0, "n_steps": 500, "n_points": 12},
        "network": {**NETWORK, "width": 5},
        "richness": [1e-5, 1.0],
        **TRAINING,
    },
}
MEMBERS = double_descent.members(SETTINGS)


def first(model, **wanted):
    return next(m for m in MEMBERS if m.model == model and all(getattr(m, k) == v for k, v in wanted.items()))


def run(member):
    return double_descent.run(SETTINGS, member)


def flattened(result):
    nested = {f"{k}.{inner}": v for k, d in result.items() if isinstance(d, dict) for inner, v in d.items()}
    return {**{k: v for k, v in result.items() if not isinstance(v, dict)}, **nested}


def test_members_are_all_combinations_of_each_model():
    counts = {model: sum(m.model == model for m in MEMBERS) for model in double_descent.RUNS}
    assert counts == {"random_features": 6, "network": 8, "two_scale_regression": 2, "two_scale_network": 4}
    assert len(set(MEMBERS)) == len(MEMBERS) == 20
    networks = {(m.richness, m.width, m.seed) for m in MEMBERS if m.model == "network"}
    assert networks == {(r, w, s) for r in (1e-5, 1.0) for w in (2, 3) for s in (0, 3)}


def test_a_member_has_one_result_whatever_ran_before():
    members = [first(model, seed=0) for model in double_descent.RUNS]
    with reproducible():
        forwards = [run(member) for member in members]
        backwards = [run(member) for member in reversed(members)][::-1]
    for ours, expected, member in zip(forwards, backwards, members, strict=True):
        assert {name: ours[name] for name in ("model", "activation", "richness", "width", "seed")} == vars(member)
        assert flattened(ours).keys() == flattened(expected).keys()
        for name, value in flattened(ours).items():
            np.testing.assert_array_equal(value, flattened(expected)[name], err_msg=name)


@pytest.mark.parametrize("model", ["network", "two_scale_network"])
def test_richness_changes_the_training_alone(model):
    """Members of one seed share data and start, and with them the prediction; other seeds draw anew."""
    lazy, rich, other = (run(first(model, **w)) for w in ({"seed": 3}, {"seed": 3, "richness": 1.0}, {"seed": 0}))
    predictions = [np.atleast_1d(result["predicted"])[-1] for result in (lazy, rich, other)]
    assert predictions[0] == predictions[1] != predictions[2]
    assert np.atleast_1d(lazy["measured"])[-1] == pytest.approx(predictions[0], rel=1e-2)
    assert np.atleast_1d(rich["measured"])[-1] != pytest.approx(predictions[0], rel=1e-2)


def test_regression_and_network_learn_the_same_two_scale_data():
    """Both start at zero: their first test error is the same mean square of the same truth."""
    regression, network = (run(first(f"two_scale_{kind}", seed=3)) for kind in ("regression", "network"))
    assert regression["measured"][0] == network["measured"][0]
    assert regression["time"][0] == network["time"][0] == 0


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_features_agree_with_their_prediction_at_every_size(activation):
    result = run(first("random_features", activation=activation))
    np.testing.assert_array_equal(result["ratio"], [0.5, 1.0, 2.0])
    for training in ("least_norm", "early_stopping"):
        # The kernel squares the features' condition number, at the threshold up to 1e4.
        np.testing.assert_allclose(result["predicted"][training], result["measured"][training], rtol=1e-6)
    assert np.isinf(result["duration"]["least_norm"]).all()
    assert np.isfinite(result["duration"]["early_stopping"]).all()
    clean, noise = result["parts"]["clean"], result["parts"]["noise"]
    assert noise.shape == (3, len(double_descent.NOISE_EDGES) - 1)
    assert (noise >= 0).all()
    assert (clean > 0).all()
    np.testing.assert_array_equal(result["edges"][[0, -1]], [0, np.inf])


def test_the_parts_of_the_error_sum_to_its_mean_over_noise():
    """Over seeds, measured errors scatter about clean plus noise: 4 standard errors. As many inputs as samples and
    five times as many features keep eigenvalues from 0, and with them the tails light."""
    settings = {**SETTINGS, "features": {**SETTINGS["features"], "data": {**DATA, "dims": [12]}, "n_features": [60]}}
    runs = [double_descent.run(settings, double_descent.Run("random_features", "tanh", 0.0, 0, s)) for s in range(150)]
    excess = [r["measured"]["least_norm"][0] - r["parts"]["clean"][0] - r["parts"]["noise"].sum() for r in runs]
    scale = np.mean([r["parts"]["noise"].sum() for r in runs])
    assert np.std(excess) / np.sqrt(150) < 0.1 * scale
    assert abs(np.mean(excess)) <= 4 * np.std(excess) / np.sqrt(150)


def test_a_network_is_placed_by_its_parameters_per_sample():
    result = run(first("network", width=3))
    assert result["ratio"] == sum(weights.numel() for weights in (torch.empty(3, 3), torch.empty(1, 3))) / 12
    assert result["duration"] == 50.0
    assert result["train_error"] < 1.0


def test_regression_is_read_at_log_spaced_steps_and_equals_its_filter():
    result = run(first("two_scale_regression"))
    steps = result["time"] / result["time"][1]
    np.testing.assert_allclose(steps[[0, 1, -1]], [0, 1, 500], rtol=1e-12)
    assert result["output_gap"] <= 1e-10
    np.testing.assert_allclose(result["predicted"], result["measured"], rtol=1e-9)
    sizes = {name: BLOCKS[name] for name in ("n_samples", "dims", "signals", "noise_std")}
    np.testing.assert_array_equal(result["plateaus"], plateaus(**sizes))
