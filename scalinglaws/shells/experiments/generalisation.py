"""A network's test error along its gradient flow, beside the lazy prediction from its tangent kernel at time zero."""

from dataclasses import dataclass

import numpy as np
import torch

from scalinglaws.networks import Network, forward, gradient_flow, initialise, linearise, start_flow, tangent_kernel
from scalinglaws.shells.double_descent import flow_response, lazy_model
from scalinglaws.shells.experiments.setup import DTYPES, choose_device

# Training is over when the loss has fallen to this share of its first value: residuals of 1e-6 move no test error that
# is compared to 1e-2, and below, at small richness, rounding of (h - h_0) / richness hides the flow from its steps.
FLOOR = 1e-12
# Points in log time between the end of training and the end of the run, during which the function rests.
N_RESTING = 30


@dataclass(frozen=True, eq=False)
class ErrorCurve:
    """time (T,), from 0; measured and predicted test error (T,); train_error (T,), the mean square of the residual."""

    time: np.ndarray
    measured: np.ndarray
    predicted: np.ndarray
    train_error: np.ndarray


def error_curve(rng, problem, settings, *, richness, duration, tolerance, first_step, device, dtype):
    """Train a network on a `NoisyRegression` and test it at every snapshot.

    settings: those of `Network` but its inputs, one output; its parameters are drawn from `rng`. first_step is in units
    of 1/lambda_max: steps are exact in the lazy limit, so that only the curve's resolution asks for small ones.
    ValueError on bad settings; Diverged as in `gradient_flow`.
    """
    place = {"device": choose_device(device), "dtype": DTYPES[dtype]}
    network = Network(**settings, n_inputs=problem.inputs.shape[1], n_outputs=1)
    parameters = initialise(rng, network, **place)
    inputs, tests = (torch.as_tensor(array, **place) for array in (problem.inputs, problem.test_inputs))
    targets = torch.as_tensor(problem.targets[:, None], **place)
    model = frozen_model(network, parameters, inputs, tests, problem.targets)
    flow = start_flow(network, parameters, inputs, targets, richness)
    control = {"tolerance": tolerance, "first_step": first_step / model.modes.eigenvalues.max()}
    rows = list(_snapshots(flow, parameters, tests, problem.test_truth, duration, control))
    time, measured, train_error = (np.array(column) for column in zip(*rows, strict=True))
    return _rested(model, problem.test_truth, duration, time, measured, train_error)


def frozen_model(network, parameters, inputs, tests, targets):
    """The `LazyModel` of a network whose function starts at zero, from its kernel on training and test inputs."""
    n_samples, together = len(inputs), torch.cat([inputs, tests])
    kernel = tangent_kernel(network, linearise(network, parameters, together)) * (len(together) / n_samples)
    kernel = kernel[:, :n_samples].double().cpu().numpy()
    return lazy_model(kernel[:n_samples], kernel[n_samples:], -targets)


def _snapshots(flow, parameters, tests, truth, duration, control):
    """Yield (time, test error, train error) until `duration` or until nothing is left to learn."""
    before, first = forward(flow.network, parameters, tests).outputs, None
    for snapshot in gradient_flow(flow, parameters, duration, **control):
        outputs = (forward(flow.network, snapshot.parameters, tests).outputs - before) / flow.richness
        loss = float(snapshot.loss)
        first = loss if first is None else first
        yield snapshot.time, ((outputs[:, 0].cpu().numpy() - truth) ** 2).mean(), 2 * loss
        if loss <= FLOOR * first:
            return


def _rested(model, truth, duration, time, measured, train_error):
    """The curve with its last value held until `duration`, and the prediction at all its times."""
    if time[-1] < duration:
        rest = np.geomspace(time[-1], duration, N_RESTING + 1)[1:]
        time = np.append(time, rest)
        measured, train_error = (np.append(c, np.full(N_RESTING, c[-1])) for c in (measured, train_error))
    predicted = model.test_error(flow_response(model.modes.eigenvalues, time), truth)
    return ErrorCurve(time, measured, predicted, train_error)
