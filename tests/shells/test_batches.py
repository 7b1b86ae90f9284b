"""Seeds that train as one: which do, that each keeps its own books, and how far their records are from single ones."""

from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from drift_runs import SETTINGS as DRIFT

from scalinglaws.networks import Diverged, gradient_flow, stack, start_flow
from scalinglaws.shells import Modes, SharpShells, SplineShells, StepTooLarge, budgets, energies, geometric_edges
from scalinglaws.shells import history as history_module
from scalinglaws.shells.experiments import drift, setup, sweep
from scalinglaws.shells.experiments.setup import Member, batches, prepare, prepare_batch
from scalinglaws.shells.history import ShellHistory, record_batch, record_histories
from scalinglaws.shells.lazy import lazy_gap

# Identities of the books: rounding, relative to the energy.
ROUNDING = 1e-12
DURATION = 6.0
SWEEP = {
    "data": {
        "synthetic": {"kind": "power_law", "n_samples": 8, "dim": 5, "capacity": 1.5, "source": 0.5},
        "digits": {"kind": "digits", "n_samples": 6, "labels": "classes"},
    },
    "datasets": ["synthetic", "digits"],
    "device": "cpu",
    "dtype": "float64",
    "network": {"width": 10, "depth": 2, "activation": "tanh", "residual": False, "weight_scale": 1.0},
    "grid": {"shell_ratio": 3.0, "grid_offsets": [-0.25, 0.0], "decades_below": 5, "decades_above": 2},
    "richness": [0.1, 4.0],
    "seeds": [0, 1, 2],
    "duration": 20.0,
    "tolerance": 1e-5,
}
EXPERIMENTS = {"sweep": (sweep, SWEEP), "drift": (drift, {**DRIFT, "tolerance": 1e-5})}
every_experiment = pytest.mark.parametrize(("experiment", "settings"), EXPERIMENTS.values(), ids=EXPERIMENTS)


def first_batches(experiment, settings):
    """The members of every batch with seeds in it."""
    members = experiment.members(settings)
    return [[members[position] for position in batch] for batch in batches({"batch_seeds": True}, members)]


# --- which members train as one -------------------------------------------------------------------------------------


@every_experiment
@pytest.mark.parametrize("unset", [{}, {"batch_seeds": False}])
def test_without_the_setting_every_member_trains_alone_in_its_place(experiment, settings, unset):
    members = experiment.members(settings)
    assert batches(unset, members) == [[position] for position in range(len(members))]


@every_experiment
def test_with_it_the_seeds_of_one_setting_train_as_one(experiment, settings):
    """Seeds are the last to vary: batches are neighbours, and whatever else differs is another batch."""
    members, n_seeds = experiment.members(settings), len(settings["seeds"])
    found = batches({"batch_seeds": True}, members)
    assert found == [list(range(first, first + n_seeds)) for first in range(0, len(members), n_seeds)]
    for batch in found:
        assert [members[position].seed for position in batch] == settings["seeds"]
        assert len({replace(members[position], seed=0) for position in batch}) == 1


def test_members_that_are_no_neighbours_are_found_too():
    members = [Member("digits", "richness", value, 8, seed) for seed in (3, 1) for value in (0.1, 2.0)]
    assert batches({"batch_seeds": True}, members) == [[0, 2], [1, 3]]


def test_a_batch_has_the_draws_of_its_seeds_along_its_first_axis():
    members = [Member("digits", "richness", 0.3, 7, seed) for seed in (4, 0, 1)]
    flow, parameters = prepare_batch("any", members, SWEEP)
    for index, member in enumerate(members):
        alone, start = prepare("any", member, SWEEP)
        assert (flow.network, flow.richness) == (alone.network, alone.richness)
        assert torch.equal(flow.inputs[index], alone.inputs)
        assert torch.equal(flow.targets[index], alone.targets)
        assert all(torch.equal(ours[index], expected) for ours, expected in zip(parameters, start, strict=True))
        np.testing.assert_allclose(flow.initial_outputs[index], alone.initial_outputs, rtol=1e-13, atol=1e-14)


def assert_identical(ours, expected, place="record"):
    if isinstance(expected, dict):
        assert ours.keys() == expected.keys(), place
        for name in expected:
            assert_identical(ours[name], expected[name], f"{place}.{name}")
    else:
        np.testing.assert_array_equal(ours, expected, err_msg=place)


@every_experiment
def test_a_batch_of_one_is_that_member_to_the_last_bit(experiment, settings):
    member = experiment.members(settings)[1]
    flow, _ = prepare_batch("any", [member], settings)
    assert flow.inputs.ndim == 2
    assert_identical(experiment.run_batch(settings, [member])[0], experiment.run(settings, member))


# --- books ----------------------------------------------------------------------------------------------------------


def groups(modes):
    """Sharp shells, and smooth ones of another number."""
    top = modes.eigenvalues.max()
    sharp, smooth = (geometric_edges(1e-6 * top, 1e3 * top, ratio, anchor=top) for ratio in (3.0, 5.0))
    return [[SharpShells(sharp), SplineShells(sharp)], [SplineShells(smooth)]]


def batch_of(flows):
    """One flow of several with the same network and richness."""
    parameters = stack([start for _, start in flows])
    inputs, targets = (torch.stack([getattr(flow, name) for flow, _ in flows]) for name in ("inputs", "targets"))
    return start_flow(flows[0][0].network, parameters, inputs, targets, flows[0][0].richness), parameters


CASES = {"one output": {"richness": 4.0}, "three outputs": {"n": 5, "richness": 2.0, "n_outputs": 3}}


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES)
def batch(request, make_flow):
    """Three networks as one flow, with its parameters, and the networks one by one."""
    flows = [make_flow(seed, **{"n": 9, "dim": 6, "width": 12, **request.param}) for seed in range(3)]
    return *batch_of(flows), flows


def test_each_network_has_the_books_of_its_own_path(batch):
    """A replay: budgets of the snapshots of the common flow, network by network."""
    flow, parameters, _ = batch
    snapshots = list(gradient_flow(flow, parameters, DURATION))
    recorded = record_batch(flow, parameters, DURATION, groups)
    assert len(recorded) == 3
    for index, histories in enumerate(recorded):
        parts = [[getattr(s, name)[index].numpy() for name in NEEDED] for s in snapshots]
        modes = [Modes(*arrays, flow.n_samples) for arrays in parts]
        for history, shells in zip(histories, groups(modes[0]), strict=True):
            np.testing.assert_array_equal(history.time, [s.time for s in snapshots])
            np.testing.assert_array_equal(history.eigenvalues, [m.eigenvalues for m in modes])
            for place, partition in enumerate(shells):
                np.testing.assert_array_equal(history.energy[place], [energies(m, partition) for m in modes])
                steps = [budgets(*step, [partition])[0] for step in pairwise(modes)]
                np.testing.assert_array_equal(history.dissipation[place], [step.dissipation for step in steps])
                np.testing.assert_array_equal(history.transfer[place], [step.transfer.sum(1) for step in steps])
            assert history.closure.max() <= ROUNDING


NEEDED = ("eigenvalues", "eigenvectors", "residual")


def test_each_network_is_compared_with_its_own_lazy_twin(batch):
    flow, parameters, _ = batch
    snapshots = list(gradient_flow(flow, parameters, DURATION))
    for index, histories in enumerate(record_batch(flow, parameters, DURATION, groups)):
        names = (*NEEDED, "kernel")
        start, end = (replace(s, **{n: getattr(s, n)[index] for n in names}) for s in (snapshots[0], snapshots[-1]))
        expected = lazy_gap(start, end)
        for name in ("lazy_loss", "deviation", "kernel_drift"):
            assert getattr(histories[0], name)[-1] == getattr(expected, name) > 0


def test_equal_networks_have_the_books_that_one_has_alone(make_flow):
    """They take its steps; products of stacked matrices are summed in another order."""
    alone = make_flow(n=9, dim=6, width=12, richness=4.0)
    expected = record_histories(*alone, DURATION, groups)
    for histories in record_batch(*batch_of([alone, alone]), DURATION, groups):
        for ours, theirs in zip(histories, expected, strict=True):
            for field in fields(ShellHistory):
                one, two = getattr(ours, field.name), getattr(theirs, field.name)
                np.testing.assert_allclose(one, two, rtol=1e-7, atol=1e-10, err_msg=field.name)


def test_one_whose_modes_cannot_be_followed_halves_the_step_of_all(batch, monkeypatch):
    """The second of three refuses the second step: nothing of that attempt is booked for the first."""
    flow, parameters, _ = batch
    smooth, calls = record_batch(flow, parameters, DURATION, groups), []

    def stumbling(before, after, shells):
        calls.append(None)
        if len(calls) == 5:
            raise StepTooLarge("stumbled")
        return budgets(before, after, shells)

    monkeypatch.setattr(history_module, "budgets", stumbling)
    recorded = record_batch(flow, parameters, DURATION, groups)
    times, expected = recorded[0][0].time, smooth[0][0].time
    np.testing.assert_array_equal(times[:2], expected[:2])
    assert times[2] - times[1] == pytest.approx((expected[2] - expected[1]) / 2, rel=1e-12)
    # Two calls for the attempt that was refused, three for each that was not.
    assert len(calls) == 2 + 3 * (len(times) - 1)
    for [history, _] in recorded:
        np.testing.assert_array_equal(history.time, times)
        assert history.closure.max() <= ROUNDING


# --- against single runs --------------------------------------------------------------------------------------------


@every_experiment
def test_records_of_a_batch_agree_with_single_ones_within_the_tolerance(experiment, settings):
    """A step may err by `tolerance` of ||e|| and a flow downhill hardly makes errors grow: two runs with other steps
    end apart by the tolerance times all their steps, in sqrt(loss / first loss) and in the eigenvalues' norm. Books of
    smooth shells are of order 2 in the step, a tenth of the time at most: 0.1^2 of the first loss."""
    for members in first_batches(experiment, settings):
        tolerance = getattr(members[0], "tolerance", settings["tolerance"])
        together = experiment.run_batch(settings, members)
        assert len({tuple(record["time"]) for record in together}) == 1
        for member, ours in zip(members, together, strict=True):
            alone = experiment.run(settings, member)
            assert ours.keys() == alone.keys()
            assert {name: ours[name] for name in member.identity()} == member.identity()
            for name in set(ours) - {"grids"}:
                assert np.shape(ours[name])[2:] == np.shape(alone[name])[2:], name
            allowed = tolerance * (len(ours["time"]) + len(alone["time"]) - 2)
            (ours_left, ours_top), (left, top) = end_of(ours), end_of(alone)
            assert abs(ours_left - left) <= allowed
            assert np.linalg.norm(ours_top - top) <= allowed * np.linalg.norm(top)
            for one, two in zip(smooth_exchange(ours), smooth_exchange(alone), strict=True):
                np.testing.assert_allclose(one, two, atol=0.01 * alone["loss"][0])
            assert ours["time"][-1] == alone["time"][-1] == settings["duration"]
            assert ours["loss"][0] == pytest.approx(alone["loss"][0], rel=1e-12)


def end_of(record):
    """sqrt(loss / first loss) and the eigenvalues at the end of a run."""
    return np.sqrt(record["loss"][-1] / record["loss"][0]), record["eigenvalues"][-1]


def smooth_exchange(record):
    """By grid, what each smooth shell gained from the others during the run: (n_offsets, n_shells)."""
    smooth = np.array([window == "smooth" for window in record.get("window", ["smooth"] * len(record["grid_offset"]))])
    grids = record.get("grids", {"": record}).values()
    return [(grid["transfer"] + grid["crossing"])[smooth].sum(1) for grid in grids]


@every_experiment
def test_books_of_a_batch_close(experiment, settings):
    for record in experiment.run_batch(settings, first_batches(experiment, settings)[1]):
        for grid in record.get("grids", {"": record}).values():
            assert grid["closure"].max() <= ROUNDING
            for energy in grid["energy"].sum(-1):
                np.testing.assert_allclose(energy, record["loss"], rtol=1e-12)


def test_a_batch_diverges_where_one_of_its_networks_does(make_flow):
    """Beside sound networks, one that nothing can move: it fails alone, and so all fail."""
    sound, still = (make_flow(seed, richness=2.0) for seed in (0, 1))
    still = (still[0], tuple(torch.zeros_like(tensor) for tensor in still[1]))
    flow, parameters = batch_of([sound, still])
    with pytest.raises(Diverged, match="zero kernel"):
        record_batch(flow, parameters, DURATION, groups)
    record_histories(*sound, DURATION, groups)


@every_experiment
def test_seeds_of_a_batch_that_diverges_can_be_run_alone(experiment, settings, monkeypatch):
    """Data of one seed whose squares no double holds: the batch stops, the other seeds do not."""
    members = first_batches(experiment, settings)[0]
    drawn = setup._draw

    def spoiled(name, member, chosen):
        network, parameters, inputs, targets = drawn(name, member, chosen)
        return network, parameters, inputs * (1e200 if member.seed == 1 else 1), targets

    monkeypatch.setattr(setup, "_draw", spoiled)
    with pytest.raises(Diverged, match="non-finite"):
        experiment.run_batch(settings, members)
    for member in members:
        if member.seed == 1:
            with pytest.raises(Diverged, match="non-finite"):
                experiment.run(settings, member)
        else:
            assert experiment.run(settings, member)["seed"] == member.seed
