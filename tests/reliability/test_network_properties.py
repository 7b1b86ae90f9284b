"""Properties of networks drawn at random: kernels by their Jacobian, falling losses, and models left as they were."""

import copy
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from random_kernels import property_tests
from torch import nn
from torch.func import functional_call, jacrev

from scalinglaws.networks import (
    ACTIVATIONS,
    Diverged,
    Network,
    fixed_steps,
    forward,
    gradient_descent_step,
    gradient_flow,
    initialise,
    linearise,
    pull_back,
    start_flow,
    tangent_kernel,
)
from scalinglaws.networks.operators import TangentOperator
from scalinglaws.shells import budget, measure, of_snapshot, track

# Sums over layers and units, relative to the largest entry; up to 1e-15 of it has been seen.
ROUNDING = 1e-13


@dataclass(frozen=True)
class Case:
    """A network of `Network` with its data: n samples, targets and richness in any unit."""

    seed: int
    n: int
    network: Network
    scale: float
    richness: float

    @property
    def flow(self):
        """The flow and its parameters."""
        rng = np.random.default_rng(self.seed)
        shapes = (self.n, self.network.n_inputs), (self.n, self.network.n_outputs)
        inputs, targets = (torch.as_tensor(rng.standard_normal(shape)) for shape in shapes)
        parameters = initialise(rng, self.network)
        return start_flow(self.network, parameters, inputs, self.scale * targets, self.richness), parameters


NETWORKS = st.builds(
    Network,
    n_inputs=st.integers(1, 4),
    width=st.integers(1, 8),
    depth=st.integers(1, 4),
    n_outputs=st.integers(1, 3),
    activation=st.sampled_from(tuple(ACTIVATIONS)),
    residual=st.booleans(),
    weight_scale=st.sampled_from((0.5, 1.0, 2.0)),
    output_scale=st.sampled_from((0.1, 1.0, 10.0)),
)
CASES = st.builds(
    Case,
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(2, 6),
    network=NETWORKS,
    scale=st.sampled_from((0.0, 1e-6, 1.0, 1e3)),
    richness=st.sampled_from((1e-4, 0.1, 1.0, 10.0)),
)
SMOOTH = CASES.filter(lambda case: case.network.activation != "relu")
# Layers from 4 features to 4, by name; every module ends in a readout.
LAYERS = {
    "linear": lambda: nn.Linear(4, 4),
    "no bias": lambda: nn.Linear(4, 4, bias=False),
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
    "softplus": nn.Softplus,
    "norm": lambda: nn.LayerNorm(4),
    "dropout": lambda: nn.Dropout(0.5),
    "batch norm": lambda: nn.BatchNorm1d(4),
    "convolution": lambda: nn.Sequential(nn.Unflatten(1, (1, 4)), nn.Conv1d(1, 1, 3, padding=1), nn.Flatten()),
    "constant": lambda: nn.Linear(4, 4).requires_grad_(False),
}
MODULES = st.tuples(
    st.integers(0, 2**32 - 1),
    st.lists(st.sampled_from(tuple(LAYERS)), min_size=1, max_size=4),
    st.integers(1, 3),
    st.integers(2, 6),
)


def module_of(drawn):
    """A module in evaluation mode, inputs and targets."""
    seed, names, n_outputs, n = drawn
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        model = nn.Sequential(*(LAYERS[name]() for name in names), nn.Linear(4, n_outputs)).double().eval()
        return model, torch.randn(n, 4).double(), torch.randn(n, n_outputs).double()


def jacobian(function, parameters):
    """J with rows sample first, by reverse-mode differentiation of a function of the parameters."""
    blocks = jacrev(lambda values: function(values).reshape(-1))(parameters)
    blocks = blocks.values() if isinstance(blocks, dict) else blocks
    return torch.cat([block.flatten(1) for block in blocks], dim=1).numpy()


# --- kernels --------------------------------------------------------------------------------------------------------


def kernels_are_gram_matrices(case):
    """M = J J^T / n and J^T e, with J by automatic differentiation; M symmetric, no eigenvalue below 0."""
    flow, parameters = case.flow
    explicit = jacobian(lambda values: forward(case.network, values, flow.inputs).outputs, parameters)
    at = linearise(case.network, parameters, flow.inputs)
    kernel, expected = tangent_kernel(case.network, at).numpy(), explicit @ explicit.T / case.n
    size = np.abs(expected).max()
    np.testing.assert_allclose(kernel, expected, rtol=0, atol=ROUNDING * size)
    np.testing.assert_allclose(kernel, kernel.T, rtol=0, atol=ROUNDING * size)
    assert np.linalg.eigvalsh(kernel).min() >= -ROUNDING * size * len(kernel)
    covector = torch.linspace(-1, 1, len(kernel), dtype=torch.float64)
    pulled = torch.cat([part.flatten() for part in pull_back(case.network, at, covector)]).numpy()
    np.testing.assert_allclose(pulled, covector.numpy() @ explicit, rtol=0, atol=ROUNDING * size**0.5 * case.n)


def operators_are_jacobians(drawn):
    """J J^T v / n, J^T v and J u of any stack of layers."""
    model, inputs, _ = module_of(drawn)
    moving = {name: value.detach() for name, value in model.named_parameters() if value.requires_grad}
    explicit = jacobian(lambda values: functional_call(model, values, (inputs,)), moving)
    operator, rng = TangentOperator(model, inputs), np.random.default_rng(drawn[0])
    vector, size = rng.standard_normal(operator.size), np.abs(explicit).max()
    pulled = operator.pull_back(vector)
    tangent = {name: torch.as_tensor(rng.standard_normal(value.shape)) for name, value in moving.items()}
    flat = np.concatenate([tangent[name].numpy().ravel() for name in moving])
    tolerance = {"rtol": 0, "atol": ROUNDING * max(explicit.shape) * max(size, size**2)}
    np.testing.assert_allclose(operator(vector), explicit @ (explicit.T @ vector) / len(inputs), **tolerance)
    gradient = np.concatenate([pulled[name].numpy().ravel() for name in moving])
    np.testing.assert_allclose(gradient, vector @ explicit, **tolerance)
    np.testing.assert_allclose(operator.push_forward(tangent), explicit @ flat, **tolerance)


# --- gradient flow --------------------------------------------------------------------------------------------------


def losses_fall(case):
    """Finite and never rising to exactly the end, the budget of every step closed; or Diverged, in words."""
    flow, parameters = case.flow
    kernel = tangent_kernel(case.network, linearise(case.network, parameters, flow.inputs))
    fastest = np.linalg.eigvalsh(kernel.numpy()).max()
    duration = 3 / max(fastest, 1e-300)
    try:
        snapshots = list(gradient_flow(flow, parameters, duration, tolerance=1e-2, max_steps=100))
    except Diverged:
        return
    assert snapshots[-1].time == duration
    modes = [of_snapshot(snapshot) for snapshot in snapshots]
    # Of the terms of e = (h - h_0) / richness - y: what small richness costs in digits.
    size = float(flow.initial_outputs.norm()) / case.richness
    rounding = 1e-13 * (1 + size / max(float(flow.targets.norm()), 1e-300))
    edges = np.array([0.0, *np.geomspace(1e-3, 1.0, 7) * fastest, np.inf])
    for before, after in pairwise(modes):
        assert after.loss <= before.loss * (1 + 1e-9) + rounding * modes[0].loss
        assert budget(before, after, edges).closure <= 1e-12 or before.loss == 0


def linear_models_decay_exactly(drawn):
    """One linear layer has a constant kernel: e(t) = exp(-t M) e(0) to what Runge-Kutta steps leave, no exchange."""
    seed, _, n_outputs, n = drawn
    model, inputs, targets = module_of((seed, ["norm"], n_outputs, n))
    model = model[-1:]
    operator = TangentOperator(model, inputs)
    kernel = np.stack([operator(column) for column in np.eye(operator.size)])
    values, vectors = np.linalg.eigh((kernel + kernel.T) / 2)
    start = vectors.T @ operator.residual(targets)
    times = np.array([0.5, 2.0, 5.0]) / values[-1]
    for snapshot in list(track(model, (inputs, targets), times))[1:]:
        loss = (np.exp(-2 * np.maximum(values, 0) * snapshot.time) * start**2).sum() / (2 * n)
        # Steps of 0.4 over the largest eigenvalue: (0.4)^5 / 120 of a mode in each.
        assert abs(snapshot.shells.loss - loss) <= 1e-3 * (start @ start) / (2 * n)
        assert np.abs(snapshot.exchange).max() <= 1e-3 * (start @ start) / (2 * n)


def models_stay_as_they_are(drawn):
    """Parameters, gradients, buffers, mode, and the state of random numbers, by `measure` and `track` alike."""
    model, inputs, targets = module_of(drawn)
    model(inputs).sum().backward()
    kept, state = copy.deepcopy(model), torch.get_rng_state()
    gradients = [None if value.grad is None else value.grad.clone() for value in model.parameters()]
    data = inputs.clone(), targets.clone()
    shells = measure(model, inputs, targets)
    [*_, last] = track(model, (inputs, targets), [0.1 / max(shells.nodes.max(), 1e-300)])
    assert last.shells.loss <= shells.loss * (1 + 1e-9)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(inputs, data[0])
    assert torch.equal(targets, data[1])
    assert [module.training for module in model.modules()] == [module.training for module in kept.modules()]
    for name, value in model.state_dict().items():
        assert torch.equal(value, kept.state_dict()[name]), name
    for value, gradient in zip(model.parameters(), gradients, strict=True):
        assert value.grad is gradient is None or torch.equal(value.grad, gradient)


def what_is_not_finite_is_refused(drawn):
    """NaN and inf in inputs or targets, and NaN in weights: ValueError of one line or, of a run, Diverged."""
    case, bad, place = drawn
    flow, parameters = case.flow
    data = [flow.inputs.clone(), flow.targets.clone()]
    data[place % 2].view(-1)[0] = bad
    with pytest.raises(ValueError, match=r"\A[^\n]+\Z"):
        start_flow(case.network, parameters, *data, 1.0)
    spoiled = [value.clone() for value in parameters]
    # An infinite weight is the limit of a large one where it saturates a unit: only NaN is no network.
    spoiled[place % len(spoiled)].view(-1)[0] = np.nan
    with pytest.raises(Diverged, match=r"\A[^\n]+\Z"):
        list(gradient_flow(start_flow(case.network, spoiled, flow.inputs, flow.targets, 1.0), spoiled, 1.0))
    model, inputs, targets = module_of((case.seed, ["tanh"], case.network.n_outputs, case.n))
    arrays = [inputs, targets, next(model.parameters())]
    with torch.no_grad():
        arrays[place % 3].view(-1)[0] = bad
    # What a module makes of an infinite input is its own affair: tanh makes it 1.
    if place % 3 or np.isnan(bad):
        for call in (lambda: measure(model, inputs, targets), lambda: list(track(model, (inputs, targets), [0.1]))):
            with pytest.raises(ValueError, match=r"\A[^\n]+\Z"):
                call()


BAD = st.tuples(CASES, st.sampled_from((np.nan, np.inf, -np.inf)), st.integers(0, 11))
PROPERTIES = {
    "tangent kernels of perceptrons are those of their Jacobian: depth 1 to 4, plain and residual, all activations": (
        kernels_are_gram_matrices,
        CASES,
    ),
    "tangent operators of random stacks of layers are those of their Jacobian": (operators_are_jacobians, MODULES),
    "gradient flow: loss finite and never rising, every budget closed; or Diverged": (losses_fall, SMOOTH),
    "gradient flow of linear models: exponential decay, no exchange": (linear_models_decay_exactly, MODULES),
    "measuring and tracking leave model, gradients, data and random numbers alone": (models_stay_as_they_are, MODULES),
    "NaN and inf in inputs and targets, NaN in weights: ValueError of one line, or Diverged": (
        what_is_not_finite_is_refused,
        BAD,
    ),
}

test_properties, test_properties_at_length = property_tests(PROPERTIES, 30, 200)


@pytest.mark.parametrize(("step", "n_steps"), [(0.0, 3), (np.nan, 3), (0.1, -1)])
def test_steps_that_are_none_are_refused(make_flow, step, n_steps):
    with pytest.raises(ValueError, match="step"):
        list(fixed_steps(*make_flow(), step, n_steps, gradient_descent_step))


def test_a_loss_that_overflows_is_no_start(make_flow):
    """Residuals of 1e200 are numbers, their squares are not."""
    with pytest.raises(Diverged, match="initial network"):
        list(fixed_steps(*make_flow(target_scale=1e200), 0.1, 3, gradient_descent_step))
