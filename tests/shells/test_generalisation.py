"""Networks on noisy data: frozen models against explicit Jacobians, and trained networks against their prediction."""

import numpy as np
import pytest
import torch

from scalinglaws.networks import Network, forward, initialise
from scalinglaws.shells.double_descent import descent_response, flow_response
from scalinglaws.shells.experiments.generalisation import FLOOR, N_RESTING, error_curve, frozen_model
from scalinglaws.shells.linear_models import feature_model, gradient_descent
from scalinglaws.shells.noisy_regression import block_regression

NETWORK = {"width": 6, "depth": 1, "activation": "tanh", "residual": False, "weight_scale": 2.0}
TRAINING = {"richness": 1e-5, "duration": 100.0, "tolerance": 1e-4, "first_step": 0.1}
PLACE = {"device": "cpu", "dtype": "float64"}


def problem_of(seed=0):
    sizes = {"n_samples": 10, "n_test": 8, "dims": [3], "variances": [1.0], "signals": [1.0]}
    return block_regression(np.random.default_rng(seed), **sizes, noise_std=0.5)


def curve_of(**changes):
    return error_curve(np.random.default_rng(1), problem_of(), NETWORK, **{**TRAINING, **PLACE, **changes})


def jacobian(network, parameters, inputs):
    """Gradients of every output with respect to all parameters, by automatic differentiation."""
    rows = torch.func.jacrev(lambda *p: forward(network, p, inputs).outputs[:, 0], tuple(range(len(parameters))))
    return torch.cat([block.flatten(1) for block in rows(*parameters)], dim=1).numpy()


@pytest.mark.parametrize("depth", [1, 2])
def test_a_frozen_network_is_gradient_descent_on_its_linearisation(depth):
    problem, network = problem_of(), Network(3, 5, depth)
    parameters = initialise(np.random.default_rng(2), network)
    inputs, tests = (torch.as_tensor(array) for array in (problem.inputs, problem.test_inputs))
    model = frozen_model(network, parameters, inputs, tests, problem.targets)
    features, test_features = (jacobian(network, parameters, x) for x in (inputs, tests))
    linear = feature_model(features, problem.targets, test_features)
    np.testing.assert_allclose(model.modes.eigenvalues, linear.modes.eigenvalues, rtol=1e-9, atol=1e-14)
    rate = 1 / linear.modes.eigenvalues.max()
    (weights,) = gradient_descent(features, problem.targets, rate, [2000])
    outputs = model.test_outputs(descent_response(model.modes.eigenvalues, rate, 2000))
    np.testing.assert_allclose(outputs, test_features @ weights, rtol=0, atol=1e-9)


def test_a_lazy_network_follows_its_prediction_and_a_rich_one_does_not():
    """Deviations are linear in richness: 1e-5 leaves 1e-5 times constants of order 1 to 10, beside the tolerance."""
    gaps = {}
    for richness in (1e-5, 1e-3, 1.0):
        curve = curve_of(richness=richness)
        gaps[richness] = np.abs(curve.measured / curve.predicted - 1).max()
    assert gaps[1e-5] < 1e-4
    assert gaps[1e-3] / gaps[1e-5] == pytest.approx(100, rel=0.1)
    assert gaps[1.0] > 0.05


def test_a_curve_starts_untrained_and_ends_at_its_duration():
    curve, problem = curve_of(), problem_of()
    assert curve.time[0] == 0
    assert curve.time[-1] == TRAINING["duration"]
    assert curve.measured[0] == curve.predicted[0] == pytest.approx((problem.test_truth**2).mean())
    assert curve.train_error[0] == pytest.approx((problem.targets**2).mean())
    assert (np.diff(curve.train_error) <= 0).all()
    assert len(curve.time) == len(curve.measured) == len(curve.predicted) == len(curve.train_error)


def test_a_finished_run_rests_until_its_end():
    """20 samples' worth of parameters per sample: nothing is left to learn long before the end."""
    curve = curve_of(duration=1e8)
    resting = slice(-N_RESTING - 1, None)
    assert curve.train_error[-1] <= FLOOR * curve.train_error[0] < curve.train_error[-N_RESTING - 2]
    assert len(set(curve.measured[resting])) == len(set(curve.train_error[resting])) == 1
    np.testing.assert_allclose(np.diff(np.log(curve.time[resting])), np.log(1e8 / curve.time[resting][0]) / N_RESTING)
    assert curve.time[-1] == pytest.approx(1e8, rel=1e-12)
    assert curve.measured[-1] == pytest.approx(curve.predicted[-1], rel=1e-3)


def test_the_first_step_is_in_units_of_the_fastest_mode():
    problem, rng = problem_of(), np.random.default_rng(1)
    network = Network(**NETWORK, n_inputs=3)
    parameters = initialise(rng, network)
    inputs, tests = (torch.as_tensor(array) for array in (problem.inputs, problem.test_inputs))
    model = frozen_model(network, parameters, inputs, tests, problem.targets)
    for first_step in (0.1, 1.0):
        curve = curve_of(first_step=first_step)
        assert curve.time[1] == pytest.approx(first_step / model.modes.eigenvalues.max())
        response = flow_response(model.modes.eigenvalues, curve.time[1])
        assert curve.predicted[1] == pytest.approx(model.test_error(response, problem.test_truth))
