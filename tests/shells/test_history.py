"""Accounts of whole runs: conservation at every step, a replay by hand, and the lazy prediction in closed form."""

from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.linalg import expm

from scalinglaws.networks import gradient_flow, take_snapshot
from scalinglaws.shells import SharpShells, SplineShells, StepTooLarge, budgets, energies, geometric_edges, of_snapshot
from scalinglaws.shells import history as history_module
from scalinglaws.shells.history import ShellHistory, record_histories, record_history
from scalinglaws.shells.lazy import lazy_gap, lazy_residual

# Identities of the books: rounding, relative to the energy.
ROUNDING = 1e-12
DURATION = 6.0

RUNS = {
    "lazy": {"richness": 1e-3},
    "rich": {"richness": 8.0},
    "residual, erf": {"richness": 2.0, "activation": "erf", "residual": True, "depth": 3},
    "three outputs": {"n": 5, "richness": 3.0, "n_outputs": 3},
    "relu": {"richness": 3.0, "activation": "relu"},
    "linear, of low rank": {"n": 14, "dim": 6, "richness": 3.0, "activation": "linear", "depth": 1},
}


def partitions(modes):
    """Sharp and smooth shells on two grids."""
    top = modes.eigenvalues.max()
    grids = [geometric_edges(1e-6 * top, 1e3 * top, 3.0, grid_offset=offset, anchor=top) for offset in (-0.25, 0.0)]
    return [kind(edges) for kind in (SharpShells, SplineShells) for edges in grids]


@pytest.fixture(scope="module", params=RUNS.values(), ids=RUNS)
def run(request, make_flow):
    """(flow, parameters, history) of a small network."""
    flow, parameters = make_flow(**{"n": 12, "dim": 8, "width": 16, **request.param})
    return flow, parameters, record_history(flow, parameters, DURATION, partitions)


@pytest.fixture(scope="module")
def snapshots(run):
    flow, parameters, _ = run
    return list(gradient_flow(flow, parameters, DURATION))


# --- conservation ---------------------------------------------------------------------------------------------------


def test_budget_closes_at_every_step_in_every_partition(run):
    *_, history = run
    total = history.energy[:, :-1].sum(-1, keepdims=True)
    gained = -history.dissipation + history.transfer + history.crossing
    assert (np.abs(np.diff(history.energy, axis=1) - gained) <= ROUNDING * total).all()
    for name in ("closure", "self_transfer", "net_transfer"):
        assert getattr(history, name).max() <= ROUNDING, name


def test_energies_sum_to_the_loss_and_dissipation_to_its_fall(run):
    *_, history = run
    np.testing.assert_allclose(history.energy.sum(-1), np.tile(history.loss, (4, 1)), rtol=1e-12)
    np.testing.assert_allclose(history.mode_energy.sum(-1), history.loss, rtol=1e-12)
    np.testing.assert_allclose(history.dissipation.sum((1, 2)), history.loss[0] - history.loss[-1], rtol=1e-11)
    assert (np.diff(history.loss) < 0).all()


def test_shells_gain_in_all_what_the_matrix_of_transfers_says(run):
    *_, history = run
    matrix = history.transfer_matrix
    np.testing.assert_allclose(matrix.sum(2), history.transfer.sum(1), atol=1e-13)
    np.testing.assert_allclose(matrix, -matrix.swapaxes(1, 2), atol=1e-13)
    np.testing.assert_allclose(history.crossing.sum(-1), 0, atol=1e-13)


# --- a replay -------------------------------------------------------------------------------------------------------


def test_history_is_that_of_the_gradient_flow(run, snapshots):
    *_, history = run
    modes = [of_snapshot(snapshot) for snapshot in snapshots]
    np.testing.assert_array_equal(history.time, [s.time for s in snapshots])
    assert (history.time[0], history.time[-1]) == (0.0, DURATION)
    np.testing.assert_allclose(history.loss, [float(s.loss) for s in snapshots], rtol=1e-13)
    np.testing.assert_allclose(history.trace, [float(s.kernel.trace()) for s in snapshots], rtol=1e-12)
    np.testing.assert_array_equal(history.eigenvalues, [m.eigenvalues for m in modes])
    expected = [m.coefficients**2 / (2 * m.n_samples) for m in modes]
    np.testing.assert_allclose(history.mode_energy, expected, rtol=1e-12)


def test_every_step_has_its_own_budget(run, snapshots):
    *_, history = run
    modes = [of_snapshot(snapshot) for snapshot in snapshots]
    shells = partitions(modes[0])
    for index, partition in enumerate(shells):
        np.testing.assert_array_equal(history.edges[index], partition.edges)
        np.testing.assert_allclose(history.energy[index], [energies(m, partition) for m in modes], atol=1e-15)
    for step, (before, after) in enumerate(pairwise(modes)):
        for index, account in enumerate(budgets(before, after, shells)):
            np.testing.assert_allclose(history.dissipation[index, step], account.dissipation, atol=1e-15)
            np.testing.assert_allclose(history.transfer[index, step], account.transfer.sum(1), atol=1e-15)
            np.testing.assert_allclose(history.crossing[index, step], account.crossing, atol=1e-15)


@pytest.mark.parametrize("richness", [0.01, 8.0])
def test_a_run_in_single_precision_keeps_its_books_and_follows_double(make_flow, richness):
    """Its rounding of 1e-7 in h is divided by the richness; the books of what it did are as exact as any."""
    case = {"n": 12, "dim": 8, "width": 16, "richness": richness}
    single, double = (
        record_history(*make_flow(dtype=dtype, **case), DURATION, partitions)
        for dtype in (torch.float32, torch.float64)
    )
    for name in ("closure", "self_transfer", "net_transfer"):
        assert getattr(single, name).max() <= ROUNDING, name
    assert single.time[-1] == DURATION
    np.testing.assert_allclose(single.loss[-1], double.loss[-1], rtol=1e-3)
    np.testing.assert_allclose(single.dissipation.sum(1), double.dissipation.sum(1), atol=1e-3 * double.loss[0])


def test_history_has_the_shapes_that_it_documents(run):
    flow, _, history = run
    n_times, n_shells = len(history.time), len(history.edges[0]) - 1
    n_modes = flow.targets.numel()
    over_time = dict.fromkeys(("time", "loss", "lazy_loss", "deviation", "kernel_drift", "trace"), (n_times,))
    per_step = dict.fromkeys(("dissipation", "transfer", "crossing"), (4, n_times - 1, n_shells))
    errors = dict.fromkeys(("closure", "self_transfer", "net_transfer"), (4, n_times - 1))
    expected = {
        **over_time,
        **per_step,
        **errors,
        **dict.fromkeys(("eigenvalues", "mode_energy"), (n_times, n_modes)),
        "edges": (4, n_shells + 1),
        "energy": (4, n_times, n_shells),
        "transfer_matrix": (4, n_shells, n_shells),
    }
    assert {field.name: getattr(history, field.name).shape for field in fields(ShellHistory)} == expected


def test_a_step_that_cannot_be_followed_is_halved_and_booked_once(make_flow, monkeypatch):
    flow, parameters = make_flow(richness=2.0)
    smooth = record_history(flow, parameters, DURATION, partitions)
    calls = []

    def stumbling(before, after, shells):
        calls.append(None)
        if len(calls) == 5:
            raise StepTooLarge("stumbled")
        return budgets(before, after, shells)

    monkeypatch.setattr(history_module, "budgets", stumbling)
    history = record_history(flow, parameters, DURATION, partitions)
    np.testing.assert_array_equal(history.time[:5], smooth.time[:5])
    assert history.time[5] - history.time[4] == pytest.approx((smooth.time[5] - smooth.time[4]) / 2, rel=1e-12)
    assert len(calls) == len(history.time)
    assert history.closure.max() <= ROUNDING


# --- several groups of partitions -----------------------------------------------------------------------------------


def assert_same_history(one, other):
    for field in fields(ShellHistory):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), err_msg=field.name)


def wider(modes):
    """One sharp partition with other shells, and another number of them."""
    return [SharpShells(geometric_edges(1e-3, 1e2 * modes.eigenvalues.max(), 10.0))]


GROUPS = {
    "one": [partitions],
    "another shape behind": [partitions, wider],
    "another shape first": [wider, partitions],
    "three": [wider, partitions, wider],
}


@pytest.mark.parametrize("groups", GROUPS.values(), ids=GROUPS)
def test_each_group_has_the_history_that_it_would_have_alone(make_flow, groups):
    flow, parameters = make_flow(n=12, dim=8, width=16, richness=8.0)
    made = []

    def of_modes(modes):
        made.append(modes)
        return [group(modes) for group in groups]

    histories = record_histories(flow, parameters, DURATION, of_modes)
    assert len(histories) == len(groups)
    assert len(made) == 1
    for history, group in zip(histories, groups, strict=True):
        assert_same_history(history, record_history(flow, parameters, DURATION, group))


def test_histories_keep_to_the_tolerance_that_they_are_given(make_flow):
    flow, parameters = make_flow(richness=2.0)
    coarse, fine = (
        record_histories(flow, parameters, DURATION, lambda modes: [wider(modes)], tolerance=tolerance)[0]
        for tolerance in (1e-2, 1e-5)
    )
    assert len(coarse.time) < len(fine.time)


# --- the lazy prediction --------------------------------------------------------------------------------------------


def test_no_gap_at_time_zero(run):
    *_, history = run
    assert history.kernel_drift[0] == 0
    assert history.deviation[0] <= 1e-14
    assert history.lazy_loss[0] == pytest.approx(history.loss[0], rel=1e-13)


def test_gap_from_the_exponential_of_the_first_kernel(run, snapshots):
    *_, history = run
    start = snapshots[0]
    kernel, residual, n_samples = start.kernel.numpy(), start.residual.numpy(), start.n_samples
    for index in range(0, len(snapshots), 5):
        snapshot = snapshots[index]
        lazy = expm(-snapshot.time * kernel) @ residual
        deviation = np.linalg.norm(snapshot.residual.numpy() - lazy) / np.linalg.norm(residual)
        drift = np.linalg.norm(snapshot.kernel.numpy() - kernel) / np.linalg.norm(kernel)
        assert history.lazy_loss[index] == pytest.approx(lazy @ lazy / (2 * n_samples), rel=1e-9)
        assert history.deviation[index] == pytest.approx(deviation, rel=1e-9, abs=1e-12)
        assert history.kernel_drift[index] == pytest.approx(drift, rel=1e-9)


@pytest.mark.parametrize(("first", "second"), [(0.0, 1.3), (0.4, 0.4), (3.0, 50.0)])
def test_lazy_residuals_compose(make_flow, first, second):
    """exp(-(s + t) M) = exp(-s M) exp(-t M)."""
    modes = of_snapshot(take_snapshot(make_flow()[0], 0.0, make_flow()[1]))
    halfway = replace(modes, residual=lazy_residual(modes, first))
    np.testing.assert_allclose(lazy_residual(halfway, second), lazy_residual(modes, first + second), atol=1e-14)
    np.testing.assert_allclose(lazy_residual(modes, 0.0), modes.residual, atol=1e-14)


def test_a_run_that_has_nothing_to_learn_stays_where_the_lazy_solution_is(make_flow):
    flow, parameters = make_flow(target_scale=0.0)
    start, *later = gradient_flow(flow, parameters, 3.0)
    for snapshot in (start, *later):
        gap = lazy_gap(start, snapshot)
        assert (gap.lazy_loss, gap.deviation, gap.kernel_drift) == (0.0, 0.0, 0.0)


def test_a_kernel_that_is_zero_does_not_drift(make_flow):
    flow, parameters = make_flow()
    start = take_snapshot(flow, 0.0, tuple(0 * p for p in parameters))
    gap = lazy_gap(start, replace(start, time=2.0))
    assert (gap.deviation, gap.kernel_drift) == (0.0, 0.0)


def test_gap_of_a_made_up_snapshot_by_hand(make_flow):
    """Kernel doubled: a drift of one. Residual off the lazy one by 0.3 of the first: a deviation of 0.3."""
    flow, parameters = make_flow()
    start = take_snapshot(flow, 0.0, parameters)
    lazy = expm(-2.0 * start.kernel.numpy()) @ start.residual.numpy()
    shifted = start.residual.new_tensor(lazy) + 0.3 * start.residual
    gap = lazy_gap(start, replace(start, time=2.0, kernel=2 * start.kernel, residual=shifted))
    assert gap.kernel_drift == pytest.approx(1, rel=1e-14)
    assert gap.deviation == pytest.approx(0.3, rel=1e-12)
    assert gap.lazy_loss == pytest.approx(lazy @ lazy / 12, rel=1e-12)
