"""Shards of an experiment: records keep their members' places, seeds that train as one stay together, one may stop."""

from types import SimpleNamespace

import numpy as np
import pytest
from drift_runs import SETTINGS

from scalinglaws.shards import run_shard
from scalinglaws.shells.experiments import drift
from scalinglaws.shells.experiments import setup as of_shells


class Stop(Exception):
    """What a member of the toy experiment may raise."""


def toy(bad=(), **more):
    """An experiment of numbers, each ten times as large when it is run; some stop, alone and in a batch."""

    def run(settings, member):
        if member in bad:
            raise Stop(f"{member} is bad")
        return {"value": 10 * member}

    def run_batch(settings, batch):
        return [run(settings, member) | {"among": len(batch)} for member in batch]

    return SimpleNamespace(members=lambda settings: list(range(100, 107)), run=run, **({"run_batch": run_batch} | more))


SETUP = SimpleNamespace(STOPS=(Stop,), batches=lambda settings, members: settings["batches"])
ALONE = [[index] for index in range(7)]
PAIRS = [[0, 4], [1, 5], [2, 6], [3]]


def in_shards(experiment, setup, settings, n_shards):
    """Records and failures of all shards together, and the lines that were said."""
    lines, records, failures = [], {}, {}
    for shard in range(n_shards):
        made, stopped = run_shard(experiment, setup, settings, shard, n_shards, lines.append)
        assert not records.keys() & made.keys()
        records, failures = records | made, failures | stopped
    return dict(sorted(records.items())), failures, lines


@pytest.mark.parametrize("batches", [ALONE, PAIRS])
@pytest.mark.parametrize("n_shards", [1, 3, 20])
def test_every_member_is_run_once_in_any_number_of_shards(n_shards, batches):
    records, failures, _ = in_shards(toy(), SETUP, {"batches": batches}, n_shards)
    assert {key: record["value"] for key, record in records.items()} == {f"{i:05d}": 1000 + 10 * i for i in range(7)}
    assert failures == {}
    together = {index: len(batch) for batch in batches for index in batch}
    assert [record.get("among", 1) for record in records.values()] == [together[index] for index in range(7)]


def test_an_experiment_without_batches_runs_its_members_alone():
    experiment = toy()
    del experiment.run_batch
    records, _, lines = in_shards(experiment, SimpleNamespace(STOPS=(Stop,)), {}, 2)
    assert len(records) == len(lines) == 7


@pytest.mark.parametrize(("batches", "alone"), [(ALONE, range(7)), (PAIRS, [1, 3, 5])])
def test_a_member_that_stops_costs_the_others_nothing(batches, alone):
    records, failures, lines = in_shards(toy(bad=[101]), SETUP, {"batches": batches}, 2)
    assert failures == {"00001": "101: 101 is bad"}
    assert sorted(records) == [f"{index:05d}" for index in (0, 2, 3, 4, 5, 6)]
    assert [index for index in alone if index != 1] == [int(key) for key in records if "among" not in records[key]]
    assert sum("stopped, now each alone: 101 is bad" in line for line in lines) == (batches is PAIRS)
    assert sum("s: stopped: 101 is bad" in line for line in lines) == 1


def test_what_is_no_stop_stops_everything():
    with pytest.raises(Stop, match="102 is bad"):
        in_shards(toy(bad=[102]), SimpleNamespace(STOPS=(), batches=SETUP.batches), {"batches": PAIRS}, 1)


def identity(record):
    return tuple(str(record[name]) for name in ("dataset", "value", "width", "activation", "seed"))


def test_seeds_of_the_drift_experiment_that_train_as_one_never_depend_on_shards():
    alone, *_ = in_shards(drift, of_shells, SETTINGS, 2)
    one, failures, lines = in_shards(drift, of_shells, SETTINGS | {"batch_seeds": True}, 1)
    three, *_ = in_shards(drift, of_shells, SETTINGS | {"batch_seeds": True}, 3)
    assert failures == {}
    assert sum(" together from " in line for line in lines) == len(alone) // 2
    assert [*alone] == [*one] == [*three]
    for key in alone:
        assert identity(alone[key]) == identity(one[key]) == identity(three[key])
        for name in ("time", "loss", "eigenvalues", "mode_energy"):
            np.testing.assert_array_equal(one[key][name], three[key][name])
    assert any(len(alone[key]["time"]) != len(one[key]["time"]) for key in alone)
