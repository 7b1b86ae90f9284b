"""The minibatch experiment on tiny settings: members, the account against steps taken by hand, and runs that fail."""

import itertools

import numpy as np
import pytest

from scalinglaws.networks import Diverged, gradient_flow, take_snapshot
from scalinglaws.shells import Modes, SplineShells, budget, energies, geometric_edges, of_snapshot
from scalinglaws.shells.experiments import minibatch
from scalinglaws.shells.experiments.setup import member_rng, prepare, reproducible
from scalinglaws.shells.minibatch import draw_batch, expected_injection, split_change

SETTINGS = {
    "data": {
        "synthetic": {"kind": "power_law", "n_samples": 8, "dim": 5, "capacity": 1.5, "source": 0.5},
        "digits": {"kind": "digits", "n_samples": 6, "labels": "classes"},
    },
    "datasets": ["synthetic", "digits"],
    "device": "cpu",
    "dtype": "float64",
    "network": {"width": 10, "depth": 2, "activation": "tanh", "residual": False, "weight_scale": 1.0},
    "richness0": [0.3, 1.0],
    "batch_sizes": [2, 6],
    "learning_rates": [0.1, 0.4],
    "shell_ratio": 3.0,
    "seeds": [0, 1],
    "duration": 2.0,
    "tolerance": 1e-4,
}
CAUSES = ("drift", "fluctuation", "injection", "curvature")
TERMS = (*CAUSES, "transfer", "crossing", "expected_injection")
MEMBERS = minibatch.members(SETTINGS)


def member(dataset="synthetic", value=1.0, seed=0, batch_size=2, learning_rate=0.4):
    return minibatch.MinibatchMember(dataset, "richness0", value, 10, seed, batch_size, learning_rate)


@pytest.fixture(scope="module")
def result():
    return minibatch.run(SETTINGS, member())


def test_members_are_all_combinations_and_each_seeds_gradient_flow():
    batches = [*itertools.product([2, 6], [0.1, 0.4])]
    expected = {
        (dataset, value, seed, *batch)
        for dataset, full in (("synthetic", 8), ("digits", 6))
        for value, seed in itertools.product([0.3, 1.0], [0, 1])
        for batch in [(full, 0.0), *batches]
    }
    assert len(MEMBERS) == len(expected) == 2 * 2 * 2 * 5
    assert {(m.dataset, m.value, m.seed, m.batch_size, m.learning_rate) for m in MEMBERS} == expected
    assert {(m.held, m.width) for m in MEMBERS} == {("richness0", 10)}


def test_a_member_has_one_result_whatever_ran_before():
    chosen = [member(), member("digits", batch_size=6), member(learning_rate=0.0, batch_size=8)]
    with reproducible():
        forwards = [minibatch.run(SETTINGS, one) for one in chosen]
        backwards = [minibatch.run(SETTINGS, one) for one in reversed(chosen)][::-1]
    for one, ours, expected in zip(chosen, forwards, backwards, strict=True):
        assert {name: ours[name] for name in one.identity()} == one.identity()
        for name in ours:
            np.testing.assert_array_equal(ours[name], expected[name], err_msg=name)


@pytest.mark.parametrize("dataset", ["synthetic", "digits"])
@pytest.mark.parametrize(("batch_size", "learning_rate"), [(2, 0.4), (6, 0.1), (None, 0.0)])
def test_the_account_closes_at_every_moment(dataset, batch_size, learning_rate):
    """Energy gained since the start is what causes and exchanges gave, and the exchanges sum to zero."""
    full = SETTINGS["data"][dataset]["n_samples"]
    ours = minibatch.run(SETTINGS, member(dataset, batch_size=batch_size or full, learning_rate=learning_rate))
    loss = ours["energy"][0].sum()
    gained = sum(ours[name] for name in (*CAUSES, "transfer", "crossing"))
    np.testing.assert_allclose(ours["energy"] - ours["energy"][0], gained, atol=1e-12 * loss)
    np.testing.assert_allclose((ours["transfer"] + ours["crossing"]).sum(1), 0, atol=1e-12 * loss)
    assert ours["closure"] <= 1e-12
    assert ours["n_samples"] == full
    noiseless = batch_size in (None, full)
    for name in ("fluctuation", "injection", "expected_injection"):
        assert (np.abs(ours[name][-1]).max() == 0) == noiseless, name
        np.testing.assert_array_equal(ours[name][0], 0)


def test_moments_are_those_of_the_steps(result):
    """Five steps of 0.4 to time 2, all kept, in units of the inverse of the first largest eigenvalue."""
    np.testing.assert_allclose(result["time"], 0.4 * np.arange(6), rtol=1e-13, atol=0)
    assert result["n_steps"] == 5
    assert {result[name].shape for name in (*TERMS, "energy")} == {(6, len(result["edges"]) - 1)}


def test_few_moments_of_many_steps_are_kept_evenly_in_log_time():
    ours = minibatch.run({**SETTINGS, "duration": 30.0}, member(learning_rate=0.1))
    steps = np.round(ours["time"] / 0.1).astype(int)
    assert (steps[0], steps[1], steps[-1], ours["n_steps"]) == (0, 1, 300, 300)
    assert len(steps) <= minibatch.N_MOMENTS + 1
    ratios = steps[9:] / steps[8:-1]
    np.testing.assert_allclose(np.log(ratios), np.log(300) / (minibatch.N_MOMENTS - 1), rtol=0.1)
    np.testing.assert_allclose(ours["energy"][-1] - ours["energy"][0], sum(ours[n][-1] for n in TERMS[:-1]), atol=1e-11)


def test_a_run_is_the_sum_of_its_steps_by_hand(result):
    """The first two steps with the same draws of batches; the cause of each in all shells is its work on the loss."""
    flow, parameters = prepare("shells/minibatch", member(), SETTINGS)
    rng = member_rng("shells/minibatch/2/0.4", "synthetic", 0)
    snapshot = take_snapshot(flow, 0.0, parameters)
    top = float(snapshot.eigenvalues.max())
    shells = SplineShells(geometric_edges(1e-5 * top, 1e2 * top, 3.0, anchor=top))
    np.testing.assert_allclose(result["edges"] * top, shells.edges)
    totals = dict.fromkeys(TERMS, 0.0)
    for index in (1, 2):
        weights, before = draw_batch(rng, 8, 2), of_snapshot(snapshot)
        snapshot = take_snapshot(flow, 0.0, minibatch._moved(flow, snapshot, 0.4 / top, weights))
        after = of_snapshot(snapshot)
        change, parts = after.residual - before.residual, split_change(before, after, 0.4 / top, weights)
        middle = before.residual + change / 2
        totals["drift"] += middle @ parts["drift"] / 8
        totals["fluctuation"] += before.residual @ parts["noise"] / 8
        totals["injection"] += change @ parts["noise"] / 16
        totals["curvature"] += middle @ parts["curvature"] / 8
        totals["expected_injection"] += expected_injection(before, 0.4 / top, 2, shells).sum()
        for name in (*CAUSES, "expected_injection"):
            assert result[name][index].sum() == pytest.approx(totals[name], rel=1e-10, abs=1e-14), name
        np.testing.assert_allclose(result["energy"][index], energies(after, shells), atol=1e-14)
        totals["crossing"] = totals["crossing"] + budget(before, after, shells).crossing
        np.testing.assert_allclose(result["crossing"][index], totals["crossing"], atol=1e-14)


def test_gradient_flow_is_all_drift_and_ends_where_the_flow_does():
    one = member(learning_rate=0.0, batch_size=8)
    ours = minibatch.run(SETTINGS, one)
    flow, parameters = prepare("shells/minibatch", one, SETTINGS)
    start = take_snapshot(flow, 0.0, parameters)
    *_, end = gradient_flow(flow, parameters, 2.0 / float(start.eigenvalues.max()), tolerance=1e-4)
    assert ours["time"][-1] == pytest.approx(2.0, rel=1e-12)
    assert ours["energy"][-1].sum() == pytest.approx(float(end.loss), rel=1e-12)
    assert ours["drift"][-1].sum() == pytest.approx(float(end.loss - start.loss), rel=1e-11)


def test_small_learning_rates_of_the_full_batch_approach_gradient_flow_at_first_order():
    """Loss and drift of plain gradient descent: halving the rate halves the distance, to a tenth."""
    flow = minibatch.run({**SETTINGS, "tolerance": 1e-6}, member(learning_rate=0.0, batch_size=8))
    distances = [
        np.linalg.norm(
            minibatch.run(SETTINGS, member(batch_size=8, learning_rate=rate))["drift"][-1] - flow["drift"][-1]
        )
        for rate in (0.02, 0.01)
    ]
    assert distances[0] / distances[1] == pytest.approx(2, rel=0.1)


def test_runs_of_one_seed_start_alike_and_draw_their_own_batches():
    """Two learning rates see other batches: were they the same, halved steps would inject in the same proportions."""
    runs = [minibatch.run(SETTINGS, member(batch_size=b, learning_rate=r)) for b, r in ((2, 0.1), (2, 0.05), (6, 0.1))]
    for one in runs[1:]:
        np.testing.assert_array_equal(one["energy"][0], runs[0]["energy"][0])
    first = [one["fluctuation"][1] for one in runs]
    assert np.abs(first[0] / 2 - first[1]).max() > 0.1 * np.abs(first[1]).max()


def test_a_learning_rate_beyond_stability_stops_the_run_alone():
    with pytest.raises(Diverged, match=r"the loss ran away at time .*: lower learning_rate or raise batch_size"):
        minibatch.run({**SETTINGS, "duration": 200.0}, member(batch_size=2, learning_rate=8.0))


def test_modes_that_cannot_be_followed_stop_the_run_alone():
    """Half a circle in one plane oblique to all modes, which no renumbering undoes."""
    a, b = np.ones(16), np.tile([1.0, -1.0], 8)
    turn = np.eye(16) - 2 * (np.outer(a, a) + np.outer(b, b)) / 16
    before = Modes(np.geomspace(0.1, 20, 16), np.eye(16), np.ones(16), 16)
    after = Modes(before.eigenvalues, turn, before.residual, 16)
    parts = dict.fromkeys(("drift", "noise", "curvature"), np.zeros(16))
    shells = SplineShells(geometric_edges(0.05, 40.0, 2.0))
    step = minibatch.Step(1.5, before, after, parts, np.zeros(shells.n_shells))
    with pytest.raises(Diverged, match=r"at time 1\.5 the modes cannot be followed: .* halve"):
        minibatch._account(before, [step], shells)


def test_a_batch_larger_than_the_data_is_refused():
    with pytest.raises(ValueError, match=r"batch_size = 9 must be at most n_samples = 8"):
        minibatch.run(SETTINGS, member(batch_size=9))
