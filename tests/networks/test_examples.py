"""Networks and data that are shown: what the factories make, that it can be measured, and what they refuse."""

import numpy as np
import pytest
import torch

from scalinglaws.networks import examples
from scalinglaws.networks.operators import TangentOperator

FACTORIES = {
    "perceptron": examples.perceptron,
    "convolution": examples.convolution,
    "transformer": examples.transformer,
}


def made(name, **options):
    torch.manual_seed(0)
    return FACTORIES[name](**options).double()


@pytest.mark.parametrize(
    ("name", "options", "n_parameters"),
    [
        ("perceptron", {}, 64 * 64 + 64 + 64 * 64 + 64 + 64 * 10 + 10),
        ("perceptron", {"width": 5, "depth": 1, "n_inputs": 3, "n_outputs": 1}, 3 * 5 + 5 + 5 + 1),
        ("perceptron", {"width": 5, "depth": 3, "n_inputs": 3, "n_outputs": 2}, 3 * 5 + 5 + 2 * (25 + 5) + 10 + 2),
        ("convolution", {}, 9 * 8 + 8 + 9 * 8 * 16 + 16 + 4 * 16 * 10 + 10),
        ("convolution", {"channels": [3], "n_outputs": 2}, 9 * 3 + 3 + 16 * 3 * 2 + 2),
        ("convolution", {"channels": [2, 2, 2], "n_outputs": 1}, 9 * 2 + 2 + 2 * (9 * 4 + 2) + 2 + 1),
        # Embedding, places, attention with its output, two layers of width 2 w, two norms; readout.
        ("transformer", {}, 9 * 16 + 8 * 16 + 4 * (16 + 1) * 16 + 17 * 32 + 33 * 16 + 4 * 16 + 17 * 10),
    ],
)
def test_networks_have_the_outputs_and_parameters_asked_for(name, options, n_parameters):
    model = made(name, **options)
    assert sum(value.numel() for value in model.parameters()) == n_parameters
    inputs = torch.randn(4, options.get("n_inputs", 64)).double()
    assert model(inputs).shape == (4, options.get("n_outputs", 10))


@pytest.mark.parametrize("name", FACTORIES)
def test_networks_are_smooth_functions_of_each_sample(name):
    """Outputs agree alone and among others, and M v follows a finite difference of the outputs along J^T v."""
    model, inputs = made(name, n_outputs=2), torch.randn(5, 64).double()
    operator = TangentOperator(model, inputs)
    vector = np.random.default_rng(0).standard_normal(operator.size)
    tangents, outputs, step = operator.pull_back(vector), [], 1e-5
    for shift in (step, -2 * step):
        for parameter, value in operator.parameters.items():
            value.add_(tangents[parameter], alpha=shift)
        outputs.append(operator.outputs().ravel())
    for parameter, value in operator.parameters.items():
        value.add_(tangents[parameter], alpha=step)
    difference = (outputs[0] - outputs[1]) / (2 * step) / operator.n_samples
    np.testing.assert_allclose(difference, operator(vector), rtol=1e-6, atol=1e-6 * np.abs(difference).max())


def test_the_transformer_tells_rows_apart_by_their_place():
    model, inputs = made("transformer"), torch.randn(3, 64).double()
    turned = inputs.unflatten(-1, (8, 8)).flip(1).flatten(1)
    assert not torch.allclose(model(inputs), model(turned), atol=1e-3)
    with torch.no_grad():
        model.place.zero_()
    torch.testing.assert_close(model(inputs), model(turned))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("perceptron", {"width": 0}, "width = 0 must be"),
        ("perceptron", {"depth": 0}, "depth = 0 must be"),
        ("convolution", {"channels": []}, r"channels = \[\] must have 1 to 3"),
        ("convolution", {"channels": [1, 1, 1, 1]}, "must have 1 to 3 entries"),
        ("transformer", {"width": 16, "heads": 3}, "width = 16 must be a multiple of heads = 3"),
        ("transformer", {"heads": 0}, "heads = 0 must be"),
        ("transformer", {"depth": 0}, "depth = 0 must be"),
    ],
)
def test_sizes_that_make_no_network_are_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        made(name, **options)


def test_data_follow_from_the_seed_and_from_their_kind():
    draws = {"n_samples": 12, "dim": 6, "n_indices": 2}
    for factory, options in ((examples.digits, {"n_samples": 12}), (examples.multi_index, draws)):
        (inputs, targets), again, other = (factory(seed, **options) for seed in (0, 0, 1))
        np.testing.assert_array_equal(inputs, again[0])
        np.testing.assert_array_equal(targets, again[1])
        assert not np.array_equal(inputs, other[0])
        assert len(inputs) == len(targets) == 12
    assert examples.digits(0, 12)[1].shape == (12, 10)
    assert examples.digits(0, 12, labels="parity")[1].shape == (12, 1)


def test_noise_is_added_to_the_targets_alone():
    draws = {"n_samples": 400, "dim": 6, "n_indices": 2}
    (inputs, clean), (same, noisy) = (examples.multi_index(0, **draws, noise_std=std) for std in (0.0, 0.5))
    np.testing.assert_array_equal(inputs, same)
    # The standard deviation of 400 draws errs by 0.5 / sqrt(800) = 0.018: four of those.
    assert (noisy - clean).std() == pytest.approx(0.5, abs=0.07)
