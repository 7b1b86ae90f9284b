"""CPU and CUDA agree, within tolerances that follow from rounding; a CPU that sums in another order stands in for CUDA.

What two devices do differently is the order in which sums are taken. Hidden units in another order do the same to a
network, whose function stays the same: the tolerances are tested on every machine, and CUDA where there is one.

ONE is for one evaluation: sums of w terms round to about sqrt(w) eps, through a few layers and back; with w = 1000 and
depth 5 that is some 300 eps. All else follows from it:

    outputs, kernel, its rate, products    ONE eps of their norm
    eigenvalues                            ONE eps of the largest (Weyl): small ones have fewer digits
    end of a run                           steps * ONE eps: each step adds its own, and downhill they hardly grow;
                                           in single precision other steps are chosen, 2 * tolerance * steps more
    times of its steps                     / tolerance, since errors of that size are differences of numbers near one
    energy above an edge                   ONE eps * top / edge: windows are smooth in log(eigenvalue)
    exchange of a shell during a run       steps * ONE eps * condition, top / smallest gap: modes turn by as much
"""

import os

import numpy as np
import pytest
import torch
from torch import nn

from scalinglaws.networks import (
    Network,
    gradient_flow,
    initialise,
    kernel_rate,
    linearise,
    start_flow,
    take_snapshot,
    tangent_kernel,
    velocity,
)
from scalinglaws.networks.operators import TangentOperator
from scalinglaws.shells import measure
from scalinglaws.shells.experiments import setup, sweep

# Before the first product on a GPU: without it CUDA's are not deterministic, and `reproducible` makes them errors.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

ONE = 1e3
TOLERANCE = 1e-4
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device")
PLACES = [pytest.param("reordered"), pytest.param("cuda", marks=needs_cuda)]
everywhere = pytest.mark.parametrize("place", PLACES)
both_precisions = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["double", "single"])

NETWORKS = {
    "plain": Network(5, 64, 3),
    "three outputs": Network(5, 64, 2, 3, "erf"),
    "residual": Network(5, 64, 4, 1, "relu", residual=True),
}
every_network = pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)


def other_order(parameters):
    """The same network with its hidden units, of every layer alike, in the opposite order."""
    first, *hidden, readout = parameters
    return first.flip(0), *(weight.flip(0, 1) for weight in hidden), readout.flip(1)


def device_of(place):
    return "cpu" if place == "reordered" else place


def flow_at(place, network, dtype, n_samples=12, richness=2.0):
    """The same flow and parameters at a place: "cpu" is what the others are compared with."""
    rng, on = np.random.default_rng(7), {"device": device_of(place), "dtype": dtype}
    parameters = initialise(rng, network, **on)
    shapes = (n_samples, network.n_inputs), (n_samples, network.n_outputs)
    inputs, targets = (torch.as_tensor(rng.standard_normal(shape), **on) for shape in shapes)
    parameters = other_order(parameters) if place == "reordered" else parameters
    return start_flow(network, parameters, inputs, targets, richness), parameters


def assert_close(ours, expected, relative, name=""):
    """In the norm of all entries."""
    ours, expected = (np.asarray(torch.as_tensor(value).cpu(), dtype=float) for value in (ours, expected))
    assert np.linalg.norm(ours - expected) <= relative * np.linalg.norm(expected), name


def rounding(dtype):
    return ONE * torch.finfo(dtype).eps


# --- one evaluation -------------------------------------------------------------------------------------------------


def evaluated(flow, parameters):
    linearisation = linearise(flow.network, parameters, flow.inputs)
    snapshot, direction = take_snapshot(flow, 0.0, parameters), velocity(flow, parameters)
    return {
        "outputs": linearisation.pass_.outputs,
        "kernel": tangent_kernel(flow.network, linearisation),
        "kernel rate": kernel_rate(flow.network, parameters, linearisation, direction),
        "eigenvalues": snapshot.eigenvalues,
        "residual": snapshot.residual,
    }


@everywhere
@both_precisions
@every_network
def test_kernels_their_rates_and_eigenvalues(place, dtype, network):
    ours, expected = (evaluated(*flow_at(where, network, dtype)) for where in (place, "cpu"))
    for name, value in expected.items():
        assert ours[name].dtype == dtype
        assert_close(ours[name], value, rounding(dtype), name)


@everywhere
@both_precisions
def test_eigenvectors_are_orthonormal_and_rebuild_the_kernel(place, dtype):
    flow, parameters = flow_at(place, NETWORKS["plain"], dtype)
    snapshot = take_snapshot(flow, 0.0, parameters)
    vectors, eigenvalues = snapshot.eigenvectors, snapshot.eigenvalues
    assert_close(vectors.mT @ vectors, np.eye(12), rounding(dtype))
    assert_close(vectors * eigenvalues @ vectors.mT, snapshot.kernel, rounding(dtype))


# --- runs -----------------------------------------------------------------------------------------------------------


@everywhere
@both_precisions
@every_network
def test_runs_end_where_they_do_on_the_cpu(place, dtype, network):
    runs = [list(gradient_flow(*flow_at(at, network, dtype), 5.0, tolerance=TOLERANCE)) for at in (place, "cpu")]
    n_steps = max(map(len, runs))
    allowed = n_steps * (rounding(dtype) + (2 * TOLERANCE if dtype == torch.float32 else 0))
    (*_, ours), (first, *_, expected) = runs
    assert ours.time == expected.time == 5.0
    # The residual begins as large as the targets and ends smaller: its rounding is that of the beginning.
    difference = torch.linalg.vector_norm(ours.residual.cpu() - expected.residual)
    assert float(difference) <= allowed * float(torch.linalg.vector_norm(first.residual))
    assert_close(ours.eigenvalues, expected.eigenvalues, allowed)
    if dtype == torch.float64:
        # An error estimate of `tolerance` is a difference of numbers of order one.
        np.testing.assert_allclose([s.time for s in runs[0]], [s.time for s in runs[1]], rtol=allowed / TOLERANCE)


# --- operators and their shells -------------------------------------------------------------------------------------


def module_at(place, dtype):
    """A small perceptron of torch's own layers, its inputs and targets."""
    rng, on = np.random.default_rng(2), {"device": device_of(place), "dtype": dtype}
    drawn = [rng.standard_normal(shape) for shape in ((64, 5), (64,), (2, 64), (2,), (12, 5), (12, 2))]
    if place == "reordered":
        drawn[:3] = drawn[0][::-1].copy(), drawn[1][::-1].copy(), drawn[2][:, ::-1].copy()
    *weights, inputs, targets = (torch.as_tensor(array, **on) for array in drawn)
    model = nn.Sequential(nn.Linear(5, 64), nn.Tanh(), nn.Linear(64, 2)).to(**on)
    with torch.no_grad():
        for value, weight in zip(model.parameters(), weights, strict=True):
            value.copy_(weight)
    return model, inputs, targets


@everywhere
@both_precisions
def test_products_of_an_operator(place, dtype):
    found = [module_at(where, dtype) for where in (place, "cpu")]
    operators = [TangentOperator(model, inputs) for model, inputs, _ in found]
    vector = np.random.default_rng(4).standard_normal(24)
    assert_close(*(operator(vector) for operator in operators), rounding(dtype))
    assert_close(*(operator.residual(at[2]) for operator, at in zip(operators, found, strict=True)), rounding(dtype))
    norms = [torch.cat([part.cpu().flatten() for part in op.pull_back(vector).values()]).norm() for op in operators]
    assert_close(*norms, rounding(dtype))


@everywhere
@both_precisions
@pytest.mark.parametrize("method", ["exact", "lanczos"])
def test_shells_of_a_module(place, dtype, method):
    reference = measure(*module_at("cpu", dtype), method=method)
    ours = measure(*module_at(place, dtype), method=method, edges=reference.edges)
    assert ours.loss == pytest.approx(reference.loss, rel=rounding(dtype))
    above = [np.cumsum(shells.energy[::-1])[::-1][1:] / reference.loss for shells in (ours, reference)]
    allowed = rounding(dtype) * reference.nodes.max() / reference.edges[1:-1]
    assert (np.abs(above[0] - above[1]) <= allowed).all()
    assert allowed.min() < 1e-3


# --- a member -------------------------------------------------------------------------------------------------------

SETTINGS = {
    "data": {"synthetic": {"kind": "power_law", "n_samples": 16, "dim": 12, "capacity": 1.5, "source": 0.5}},
    "datasets": ["synthetic"],
    "dtype": "float64",
    "network": {"width": 64, "depth": 2, "activation": "tanh", "residual": False, "weight_scale": 1.0},
    "grid": {"shell_ratio": 3.0, "grid_offsets": [-0.25, 0.0], "decades_below": 5, "decades_above": 2},
    "richness": [2.0],
    "seeds": [0, 1],
    "duration": 5.0,
    "tolerance": TOLERANCE,
}
PATHS = ("dissipation", "transfer", "crossing")


@everywhere
@pytest.mark.parametrize("n_seeds", [1, 2])
def test_a_member_of_the_sweep_and_seeds_that_train_as_one(place, n_seeds, monkeypatch):
    settings = {**SETTINGS, "device": device_of(place)}
    members = sweep.members(settings)[:n_seeds]
    with setup.reproducible():
        expected = sweep.run_batch({**settings, "device": "cpu"}, members)
        if place == "reordered":
            monkeypatch.setattr(setup, "initialise", lambda *args, **more: other_order(initialise(*args, **more)))
        found = sweep.run_batch(settings, members)
    for ours, theirs in zip(found, expected, strict=True):
        assert_same_member(ours, theirs)


def assert_same_member(ours, theirs):
    n_steps, eigenvalues, first_loss = len(theirs["time"]) - 1, theirs["eigenvalues"], theirs["loss"][0]
    allowed = n_steps * rounding(torch.float64)
    np.testing.assert_allclose(ours["time"], theirs["time"], rtol=allowed / TOLERANCE)
    assert_close(ours["loss"], theirs["loss"], allowed / TOLERANCE)
    assert_close(ours["eigenvalues"], eigenvalues, allowed / TOLERANCE)
    condition = (eigenvalues[:, -1] / np.diff(eigenvalues).min(axis=1)).max()
    for name in PATHS:
        exchanged = [record[name].sum(1) / first_loss for record in (ours, theirs)]
        assert np.abs(exchanged[0] - exchanged[1]).max() <= allowed * condition, name
    assert allowed * condition < 1e-3
    assert ours["closure"].max() <= 1e-12


@needs_cuda
def test_a_member_on_cuda_gives_the_same_bytes_twice():
    settings = {**SETTINGS, "device": "cuda"}
    member = sweep.members(settings)[0]
    with setup.reproducible():
        once, twice = (sweep.run(settings, member) for _ in range(2))
    for name in once:
        np.testing.assert_array_equal(once[name], twice[name], err_msg=name)
