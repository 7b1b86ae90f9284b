"""The drift experiment on tiny settings: its members, what a run keeps, and that its result is its own."""

import itertools

import numpy as np
import pytest
import torch
from drift_runs import SETTINGS, records, tables

from scalinglaws.shells import SplineShells
from scalinglaws.shells.experiments import drift
from scalinglaws.shells.experiments.setup import prepare, reproducible
from scalinglaws.shells.history import record_history
from scalinglaws.shells.partition import anchored_edges
from scalinglaws.store import load_arrays, save_arrays

MEMBERS = drift.members(SETTINGS)
KEYS = ("dataset", "value", "depth", "width", "activation", "tolerance", "seed")


def flow_of(member):
    network = {**SETTINGS["network"], "depth": member.depth, "activation": member.activation}
    return prepare("shells/drift", member, {**SETTINGS, "network": network})


def test_members_are_every_case_at_every_richness0_and_seed():
    """A case changes what it names; the rest is the experiment's."""
    usual, varied = (2, 16, "tanh", 1e-3), (1, 8, "erf", 1e-6)
    cases = [
        ("synthetic", 0.3, *usual),
        ("synthetic", 1.0, *usual),
        ("digits", 1.0, *usual),
        ("synthetic", 1.0, *varied),
    ]
    expected = [(*case, seed) for case, seed in itertools.product(cases, (0, 1))]
    assert [tuple(getattr(member, key) for key in KEYS) for member in MEMBERS] == expected
    assert {member.held for member in MEMBERS} == {"richness0"}
    assert [member.richness for member in MEMBERS[::2]] == [1.2, 4.0, 4.0, 8**0.5]
    assert len({repr(member) for member in MEMBERS}) == len(MEMBERS)


@pytest.mark.parametrize("index", range(len(MEMBERS)))
def test_a_record_says_whose_it_is_and_closes_its_books(index):
    member, record = MEMBERS[index], records()[index]
    assert {name: record[name] for name in member.identity()} == member.identity()
    assert set(KEYS) <= set(record)
    assert list(record["grids"]) == ["2.0", "4.0"]
    assert record["time"][-1] == SETTINGS["duration"]
    for grid in record["grids"].values():
        assert grid["closure"].max() <= 1e-12
        np.testing.assert_allclose(grid["energy"].sum(-1), np.tile(record["loss"], (3, 1)), rtol=1e-12)
        np.testing.assert_allclose(grid["transfer"].sum(-1), 0, atol=1e-13)
        np.testing.assert_allclose(grid["crossing"].sum(-1), 0, atol=1e-13)


@pytest.mark.parametrize("index", [2, 7], ids=["usual network", "another network"])
def test_a_record_is_the_history_of_its_training(index):
    """In the shells of each ratio alone, anchored at the first largest eigenvalue."""
    member, record = MEMBERS[index], records()[index]
    flow, parameters = flow_of(member)
    for ratio, grid in record["grids"].items():
        tops = []

        def shells(modes, ratio=ratio, tops=tops):
            tops.append(modes.eigenvalues.max())
            room = {"decades_below": 8, "decades_above": 3}
            edges = [anchored_edges(tops[0], float(ratio), grid_offset=offset, **room) for offset in (-0.25, 0.0, 0.25)]
            return [SplineShells(of_grid) for of_grid in edges]

        history = record_history(flow, parameters, SETTINGS["duration"], shells, tolerance=member.tolerance)
        for name, values in grid.items():
            np.testing.assert_array_equal(values, getattr(history, name), err_msg=name)
        for name in ("time", "loss", "eigenvalues", "mode_energy"):
            np.testing.assert_array_equal(record[name], getattr(history, name), err_msg=name)
        assert tops == [record["eigenvalues"][0].max()]


def test_a_member_has_one_result_whatever_ran_before():
    with reproducible():
        again = [drift.run(SETTINGS, MEMBERS[index]) for index in (4, 0)]
    for ours, index in zip(again, (4, 0), strict=True):
        expected = records()[index]
        assert ours.keys() == expected.keys()
        for name in ours.keys() - {"grids"}:
            np.testing.assert_array_equal(ours[name], expected[name], err_msg=name)
        for ratio, grid in ours["grids"].items():
            for name, values in grid.items():
                np.testing.assert_array_equal(values, expected["grids"][ratio][name], err_msg=name)


def test_networks_of_one_seed_share_the_data_and_at_one_architecture_the_weights():
    flows = [flow_of(member) for member in MEMBERS]
    (low, first), (_, _), (high, second) = flows[:3]
    for one, other in ((0, 2), (0, 6), (1, 3), (1, 7)):
        assert torch.equal(flows[one][0].inputs, flows[other][0].inputs)
        assert torch.equal(flows[one][0].targets, flows[other][0].targets)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert (low.richness, high.richness) == (1.2, 4.0)
    assert not torch.equal(low.inputs, flows[1][0].inputs)
    assert (flows[6][0].network.activation, flows[6][0].network.depth, flows[6][0].network.width) == ("erf", 1, 8)


def test_records_survive_being_stored(tmp_path):
    save_arrays(tmp_path / "one.npz", {"members": {"00000": records()[0]}}, params={})
    loaded = load_arrays(tmp_path / "one.npz")["members"]["00000"]
    for ratio, grid in records()[0]["grids"].items():
        for name, values in grid.items():
            np.testing.assert_array_equal(loaded["grids"][ratio][name], values, err_msg=name)
    assert loaded["dataset"].item() == "synthetic"


def test_the_table_of_runs_has_a_row_for_each_record_with_its_worst_closure():
    rows, found = tables()["drift_runs"], records()
    assert len(rows) == len(found)
    by_place = {(r["dataset"], r["value"], r["width"], r["seed"]): r for r in found}
    for row in rows.itertuples():
        record = by_place[row.dataset, row.richness0, row.width, row.seed]
        assert row.closure == max(grid["closure"].max() for grid in record["grids"].values()) <= 1e-12
        assert (row.first_loss, row.final_loss) == (record["loss"][0], record["loss"][-1])
        assert row.n_steps == len(record["time"]) - 1
        assert row.trace_growth == pytest.approx(record["eigenvalues"][-1].sum() / record["eigenvalues"][0].sum())
