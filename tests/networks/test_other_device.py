"""Networks, kernels, steps and operators on a device that is not the host: all stays there, with the same numbers."""

import math
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest
import torch
from other_device import NAME, Mixed, OtherDevice, OtherTensor
from torch import nn

from scalinglaws.networks import (
    Network,
    exponential_midpoint_step,
    gradient_descent_step,
    gradient_flow,
    initialise,
    kernel_rate,
    kernel_velocity,
    layer_kernels,
    linearise,
    pull_back,
    runge_kutta_step,
    stack,
    start_flow,
    take_snapshot,
    tangent_kernel,
    velocity,
)
from scalinglaws.networks.operators import TangentOperator

NETWORKS = {
    "plain": Network(4, 8, 2),
    "three outputs": Network(4, 8, 2, 3, "erf"),
    "residual": Network(4, 8, 3, 2, "relu", residual=True),
    "linear": Network(4, 8, 1, 1, "linear"),
}
BATCHES = {"alone": (), "batch": (2,)}


def flow_on(device, network, batch):
    """Flow and parameters from the same draws, in a batch or alone."""
    rng = np.random.default_rng(5)
    drawn = [initialise(rng, network, device=device) for _ in range(math.prod(batch))]
    parameters = stack(drawn) if batch else drawn[0]
    shapes = (*batch, 6, network.n_inputs), (*batch, 6, network.n_outputs)
    inputs, targets = (torch.as_tensor(rng.standard_normal(shape), device=device) for shape in shapes)
    return start_flow(network, parameters, inputs, targets, 0.7), parameters


def everything(flow, parameters):
    """Results of all that networks and their flows can do, by name."""
    network, snapshot = flow.network, take_snapshot(flow, 0.0, parameters)
    linearisation, direction = linearise(network, parameters, flow.inputs), velocity(flow, parameters)
    steppers = (gradient_descent_step, runge_kutta_step, exponential_midpoint_step)
    return {
        "linearisation": linearisation,
        "kernel": tangent_kernel(network, linearisation),
        "layers": layer_kernels(network, linearisation),
        "velocity": direction,
        "pulled": pull_back(network, linearisation, snapshot.residual),
        "rate": kernel_rate(network, parameters, linearisation, direction),
        "kernel velocity": kernel_velocity(flow, snapshot),
        "snapshot": snapshot,
        "loss": snapshot.loss,
        "steps": [stepper(flow, snapshot, 0.01) for stepper in steppers],
        "run": list(gradient_flow(flow, parameters, 0.1)),
    }


def leaves(value, place=""):
    """(place, tensor or number) of all that is in dataclasses, dicts, lists and tuples."""
    if is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else None
    if items is None:
        yield place, value
    else:
        for name, item in items:
            yield from leaves(item, f"{place}.{name}")


@pytest.mark.parametrize("batch", BATCHES.values(), ids=BATCHES)
@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_all_stays_on_the_device_of_the_parameters_with_the_same_numbers(network, batch):
    expected = dict(leaves(everything(*flow_on("cpu", network, batch))))
    with OtherDevice():
        found = dict(leaves(everything(*flow_on(NAME, network, batch))))
    assert found.keys() == expected.keys()
    for place, value in found.items():
        assert isinstance(value, OtherTensor) == isinstance(expected[place], torch.Tensor), place
        held = value.held if isinstance(value, OtherTensor) else value
        np.testing.assert_array_equal(held, expected[place], err_msg=place)


# --- operators ------------------------------------------------------------------------------------------------------

MODULES = {
    "perceptron": (lambda: nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2)), (5, 4)),
    "convolution": (lambda: nn.Sequential(nn.Conv1d(1, 3, 3), nn.Tanh(), nn.AvgPool1d(2), nn.Flatten()), (5, 1, 8)),
    "attention": (
        lambda: nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, activation="gelu", batch_first=True),
        (5, 3, 8),
    ),
}


def products(device, make, shape):
    """Outputs, residual, M v and J^T v of a module with drawn weights."""
    rng = np.random.default_rng(3)
    model = make().double().to(device)
    with torch.no_grad():
        for value in model.parameters():
            value.copy_(torch.as_tensor(0.5 * rng.standard_normal(value.shape), device=device))
    operator = TangentOperator(model, torch.as_tensor(rng.standard_normal(shape), device=device))
    vector = rng.standard_normal(operator.size)
    residual = operator.residual(rng.standard_normal((shape[0], *operator.output_shape)))
    pulled = {name: value.cpu().numpy() for name, value in operator.pull_back(vector).items()}
    return {"outputs": operator.outputs(), "residual": residual, "product": operator(vector), **pulled}


@pytest.mark.parametrize("case", MODULES.values(), ids=MODULES)
def test_an_operator_on_another_device_has_the_same_products(case):
    expected = products("cpu", *case)
    with OtherDevice():
        found = products(NAME, *case)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


# --- the device itself ----------------------------------------------------------------------------------------------


def test_the_other_device_refuses_what_a_gpu_refuses():
    with OtherDevice():
        away, here = torch.ones(3, device=NAME), torch.ones(3)
        for meet in (lambda: away + here, lambda: torch.outer(here, away), lambda: away.add_(here)):
            with pytest.raises(Mixed, match="on meta and on the host"):
                meet()
        for read in (away.numpy, lambda: np.asarray(away)):
            with pytest.raises((RuntimeError, TypeError)):
                read()
        np.testing.assert_array_equal((away + 2.0).cpu().numpy(), [3, 3, 3])
        assert isinstance(here.to(NAME), OtherTensor)
        assert float(away.sum()) == 3.0


@pytest.mark.parametrize("misplaced", ["inputs", "targets", "initial_outputs"])
def test_a_flow_with_a_part_on_the_host_is_refused(misplaced):
    with OtherDevice():
        flow, parameters = flow_on(NAME, NETWORKS["plain"], ())
        with pytest.raises(Mixed):
            take_snapshot(replace(flow, **{misplaced: getattr(flow, misplaced).cpu()}), 0.0, parameters)
