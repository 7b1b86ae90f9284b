"""Tracking the shells of a torch module: net fluxes against exact budgets, and the caller's model left alone."""

import copy

import numpy as np
import pytest
import torch

from scalinglaws.networks import Diverged
from scalinglaws.networks.operators import TangentOperator
from scalinglaws.shells import SplineShells, budget, decompose, edge_density, fit_drift
from scalinglaws.shells.measure import measure, measure_operator
from scalinglaws.shells.tracking import drift_field, net_exchange, track

EDGES = np.array([0.0, *np.geomspace(1e-4, 1e3, 15), np.inf])


def task(seed=0, n=12, dim=4, n_outputs=1, width=16):
    """A small tanh network, inputs and targets."""
    torch.manual_seed(seed)
    inputs, targets = torch.randn(n, dim).double(), torch.randn(n, n_outputs).double()
    layers = (torch.nn.Linear(dim, width), torch.nn.Tanh(), torch.nn.Linear(width, n_outputs))
    return torch.nn.Sequential(*layers).double(), inputs, targets


def modes(model, inputs, targets):
    """Exact modes of the module as it is."""
    operator = TangentOperator(model, inputs)
    kernel = np.stack([operator(column) for column in np.eye(operator.size)])
    return decompose((kernel + kernel.T) / 2, operator.residual(targets), n_samples=len(inputs))


class Linear:
    """The operator of a kernel that stays, and how a residual decays under it."""

    def __init__(self, kernel):
        self.kernel = kernel

    def __call__(self, vector):
        return self.kernel @ vector

    def residual(self, start, time):
        values, vectors = np.linalg.eigh(self.kernel)
        return vectors @ (np.exp(-values * time) * (vectors.T @ start))


# --- net exchange ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1.0, 1e-8, 1e8])
@pytest.mark.parametrize("duration", [1e-9, 0.3, 4.0, 1e3])
def test_modes_that_only_decay_exchange_nothing(duration, scale):
    """However many of them share a shell, and however far they have decayed."""
    operator = Linear(np.diag([2.0, 1.9, 1.1, 0.7, 2e-3, 1e-3]))
    start = scale * np.array([1.0, -2.0, 0.1, 0.5, 3.0, 1.0])
    pair = [measure_operator(operator, operator.residual(start, t), 2, edges=EDGES) for t in (0.0, duration)]
    np.testing.assert_allclose(net_exchange(*pair, duration) / pair[0].loss, 0, atol=1e-13)


def test_a_shell_in_balance_gains_what_it_dissipates():
    """Energy that stays at an eigenvalue of 3 for a time of 2 has dissipated, and been given, twelve times itself."""
    shells = measure_operator(Linear(3.0 * np.eye(2)), np.ones(2), 2, edges=EDGES)
    np.testing.assert_allclose(net_exchange(shells, shells, 2.0), 12 * shells.energy, rtol=1e-12)


def test_one_eigenvalue_decays_exactly():
    operator = Linear(3.0 * np.eye(5))
    start = np.random.default_rng(0).standard_normal(5)
    pair = [measure_operator(operator, operator.residual(start, t), 5, edges=EDGES) for t in (0.0, 1.7)]
    np.testing.assert_allclose(net_exchange(*pair, 1.7), 0, atol=1e-14 * pair[0].loss)


def test_energy_that_moves_without_loss_passes_the_edges_between():
    """A kernel whose energy sits at 0.01 and then at 10, with no time to dissipate."""
    before, after = (
        measure_operator(Linear(np.diag([top, 0.0])), np.array([1.0, 0.0]), 2, edges=EDGES) for top in (0.01, 10.0)
    )
    exchange = net_exchange(before, after, 1e-12)
    np.testing.assert_allclose(exchange, after.energy - before.energy, atol=1e-10)
    upwards = np.append(np.cumsum(exchange[::-1])[::-1], 0.0)
    inside = (EDGES > 0.1) & (EDGES < 1.0)
    np.testing.assert_allclose(upwards[inside], before.loss, rtol=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"duration": 0.0}, "duration = 0.0 must be"), ({"edges": EDGES * 2}, "edges=before.edges")],
)
def test_what_cannot_be_compared_is_refused(change, message):
    operator, start = Linear(np.eye(2)), np.ones(2)
    before = measure_operator(operator, start, 2, edges=EDGES)
    after = measure_operator(operator, start, 2, edges=change.get("edges", EDGES))
    with pytest.raises(ValueError, match=message):
        net_exchange(before, after, change.get("duration", 1.0))


# --- track ----------------------------------------------------------------------------------------------------------


def test_the_flow_is_the_gradient_flow_of_the_loss():
    """Against a thousand times smaller steps of plain gradient descent on autograd's gradient."""
    model, inputs, targets = task()
    *_, last = track(model, (inputs, targets), [0.5])
    step, count = 1e-4, 5000
    for _ in range(count):
        loss = (model(inputs) - targets).square().sum() / (2 * len(inputs))
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        with torch.no_grad():
            for value, gradient in zip(model.parameters(), gradients, strict=True):
                value -= step * gradient
    for expected, value in zip(model.parameters(), last.model.parameters(), strict=True):
        torch.testing.assert_close(value, expected, rtol=0, atol=2e-4)


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_exchange_is_that_of_the_exact_budget_at_second_order(n_outputs):
    """Both err by the square of the time between snapshots, relative to what is exchanged."""
    model, inputs, targets = task(n=12 // n_outputs, n_outputs=n_outputs)
    gaps = []
    for count in (10, 20, 40):
        times = np.linspace(0, 0.4, count + 1)[1:]
        tracked, exact, before = 0.0, 0.0, modes(model, inputs, targets)
        for snapshot in track(model, (inputs, targets), times, edges=EDGES):
            after = modes(snapshot.model, inputs, targets)
            if snapshot.time > 0:
                exact = exact + budget(before, after, SplineShells(EDGES)).exchange
            before, tracked = after, tracked + snapshot.exchange
        gaps.append(np.abs(tracked - exact).sum() / np.abs(exact).sum())
    assert gaps[-1] < 1e-2
    orders = np.log2(np.array(gaps[:-1]) / gaps[1:])
    np.testing.assert_allclose(orders, 2, atol=0.3)


def test_snapshots_begin_at_zero_share_edges_and_book_everything():
    model, inputs, targets = task(n=30)
    snapshots = list(track(model, (inputs, targets), [0.01, 0.03, 0.1]))
    assert [one.time for one in snapshots] == [0.0, 0.01, 0.03, 0.1]
    assert not snapshots[0].exchange.any()
    for one in snapshots[1:]:
        np.testing.assert_array_equal(one.shells.edges, snapshots[0].shells.edges)
        assert one.flux[-1] == 0
        assert abs(one.unbooked) < 1e-3
        assert one.flux[0] == pytest.approx(one.exchange.sum())
    assert np.all(np.diff([one.shells.loss for one in snapshots]) < 0)


def test_lanczos_and_exact_shells_track_alike():
    model, inputs, targets = task(n=100, n_outputs=2)
    runs = [list(track(model, (inputs, targets), [0.02, 0.05], edges=EDGES, method=m)) for m in ("exact", "lanczos")]
    for exact, lanczos in zip(*runs, strict=True):
        assert np.abs(exact.shells.energy - lanczos.shells.energy).sum() < 1e-3 * exact.shells.loss
        np.testing.assert_allclose(exact.exchange, lanczos.exchange, atol=2e-3 * exact.shells.loss)


def test_the_callers_model_gradients_and_random_numbers_stay():
    model, inputs, targets = task()
    model(inputs).sum().backward()
    kept, state = copy.deepcopy(model), torch.get_rng_state()
    gradients = [value.grad.clone() for value in model.parameters()]
    list(track(model.train(), (inputs, targets), [0.1]))
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)
    for value, old, gradient in zip(model.parameters(), kept.parameters(), gradients, strict=True):
        assert torch.equal(value, old)
        assert torch.equal(value.grad, gradient)


@pytest.mark.parametrize("times", [[0.0], [0.2, 0.1], [], [np.nan], [-1.0], [np.inf]])
def test_times_that_do_not_increase_are_refused(times):
    model, inputs, targets = task()
    with pytest.raises(ValueError, match="times"):
        list(track(model, (inputs, targets), times))


def test_a_run_that_diverges_says_so():
    """A product of two large weights, whose kernel grows as they do."""
    model = torch.nn.Sequential(torch.nn.Linear(1, 1, bias=False), torch.nn.Linear(1, 1, bias=False)).double()
    with torch.no_grad():
        model[0].weight.fill_(1e-3)
        model[1].weight.fill_(1e-3)
    inputs, targets = torch.ones(2, 1).double(), torch.full((2, 1), 1e6).double()
    with pytest.raises(Diverged, match="ask for more times"):
        list(track(model, (inputs, targets), [1e3]))


# --- the drift field ------------------------------------------------------------------------------------------------


def test_the_drift_field_holds_the_flux_and_the_density_of_the_run():
    model, inputs, targets = task(n=40)
    times = np.linspace(0, 0.5, 21)[1:]
    snapshots = list(track(model, (inputs, targets), times))
    field = drift_field(snapshots, np.array([0.0, 0.25, 0.5]))
    passed = sum(one.flux[1:-1] for one in snapshots)
    np.testing.assert_allclose(field.passed.sum(0), passed, atol=1e-12 * snapshots[0].shells.loss)
    density = [edge_density(one.shells.edges, one.shells.nodes, one.shells.node_energy) for one in snapshots]
    np.testing.assert_allclose(field.exposure.sum(0), np.trapezoid(density, dx=0.025, axis=0), rtol=1e-9, atol=1e-15)
    tops = [snapshots[k].shells.nodes.max() for k in (0, 10, 20)]
    np.testing.assert_allclose(field.growth, np.diff(np.log(tops)) / 0.25, rtol=1e-9)


def test_a_drift_law_can_be_fitted():
    """Feature learning moves energy up: the network is rich enough at these sizes for the fit to find cells."""
    model, inputs, targets = task(n=60, width=32)
    snapshots = list(track(model, (inputs, 3 * targets), np.geomspace(0.02, 2.0, 12)))
    fit = fit_drift([[drift_field(snapshots, np.geomspace(0.02, 2.0, 5))]])
    assert fit.n_cells >= 10
    assert np.isfinite(fit.exponent)
    assert measure(snapshots[-1].model, inputs, 3 * targets).loss == pytest.approx(snapshots[-1].shells.loss)


def test_a_linear_module_decays_as_its_modes_do():
    """The fastest mode goes through 10 steps of h lambda = 0.4, each off by h^5 lambda^5 / 120 = 1e-4 of it at most."""
    _, inputs, _ = task()
    model, targets = torch.nn.Linear(4, 1, bias=False).double(), inputs.sum(1)
    exact = Linear((inputs @ inputs.T).numpy() / len(inputs))
    start = TangentOperator(model, inputs).residual(targets)
    unit = 1 / np.linalg.eigvalsh(exact.kernel)[-1]
    for snapshot in track(model, (inputs, targets), [0.8 * unit, 2 * unit, 4 * unit]):
        found = TangentOperator(snapshot.model, inputs).residual(targets)
        assert np.linalg.norm(found - exact.residual(start, snapshot.time)) <= 1e-4 * np.linalg.norm(start)
