"""The experiment on any models, on tiny settings: its members, what a run keeps, and that its result is its own."""

import numpy as np
import pytest
import torch
from model_runs import SETTINGS, records

from scalinglaws import shells
from scalinglaws.networks.examples import digits, perceptron
from scalinglaws.shells.experiments import models
from scalinglaws.shells.experiments.setup import reproducible
from scalinglaws.store import load_arrays, save_arrays

MEMBERS = models.members(SETTINGS)
N_TIMES = SETTINGS["times"]["count"] + 1


def equal(ours, expected):
    assert ours.keys() == expected.keys()
    for name, value in ours.items():
        if isinstance(value, dict):
            equal(value, expected[name])
        else:
            np.testing.assert_array_equal(value, expected[name], err_msg=name)


def test_members_are_every_case_at_every_seed():
    assert [(member.case, member.seed) for member in MEMBERS] == [
        (case, seed) for case in ("perceptron", "from_file", "convolution") for seed in (0, 1)
    ]
    assert len({repr(member) for member in MEMBERS}) == len(MEMBERS)


@pytest.mark.parametrize("index", range(len(MEMBERS)))
def test_a_record_says_whose_it_is_and_closes_its_books(index):
    member, record = MEMBERS[index], records()[index]
    assert (record["case"], record["seed"]) == (member.case, member.seed)
    shape = (N_TIMES, len(record["edges"]) - 1)
    assert {record[name].shape for name in ("energy", "dissipation", "exchange")} == {shape}
    assert {record[name].shape for name in ("time", "loss", "position", "largest", "error")} == {shape[:1]}
    np.testing.assert_allclose(record["energy"].sum(1), record["loss"], rtol=1e-12)
    np.testing.assert_allclose(record["node_energy"].sum(1), record["loss"], rtol=1e-12)
    np.testing.assert_array_equal(record["nodes"].max(1), record["largest"])
    assert not record["exchange"][0].any()
    assert (np.abs(record["exchange"].sum(1)) < 0.02 * record["loss"]).all()


@pytest.mark.parametrize(
    ("index", "sizes"), [(0, (30, 1, 64 * 6 + 6 + 7)), (2, (10, 2, 16 + 10)), (4, (16, 10, 30 + 16 * 30 + 10))]
)
def test_a_record_tells_its_sizes(index, sizes):
    assert tuple(records()[index][name] for name in ("n_samples", "n_outputs", "n_parameters")) == sizes


@pytest.mark.parametrize("index", range(len(MEMBERS)))
def test_times_and_edges_are_in_units_of_the_largest_eigenvalue_at_the_start(index):
    record = records()[index]
    times = record["time"] * record["top"]
    np.testing.assert_allclose(times, [0.0, *np.geomspace(0.3, 10.0, 8)], rtol=1e-12)
    assert record["top"] == pytest.approx(record["largest"][0], rel=1e-9)
    inner = record["edges"][1:-1] / record["top"]
    np.testing.assert_allclose(np.log2(inner) % 1, 0.5, atol=1e-9)


def drawn_perceptron(seed):
    """The seed's network, drawn in double precision."""
    torch.manual_seed(seed)
    torch.set_default_dtype(torch.float64)
    try:
        return perceptron(width=6, depth=1, n_outputs=1)
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_record_is_what_tracking_the_network_gives():
    """Made by hand, with the seed's weights and data."""
    model = drawn_perceptron(1)
    data = tuple(torch.as_tensor(part) for part in digits(1, 30, "parity"))
    record = records()[1]
    options = {"edges": record["edges"], "n_steps": SETTINGS["n_steps"]}
    for k, one in enumerate(shells.track(model, data, record["time"][1:], **options)):
        np.testing.assert_allclose(record["energy"][k], one.shells.energy, rtol=0, atol=1e-12)
        np.testing.assert_allclose(record["exchange"][k], one.exchange, rtol=0, atol=1e-12)
        assert record["position"][k] == pytest.approx(one.shells.position)


def test_lanczos_is_compared_with_exact_shells_where_there_are_few_outputs():
    """Some 20 or 30 steps see all of 20 or 30 outputs; the convolution's 160 are too many to compare."""
    assert ["compared" in record for record in records()] == [True] * 4 + [False] * 2
    for record in records()[:4]:
        compared = record["compared"]
        assert compared["distance"].shape == compared["told"].shape == (2, 3)
        assert compared["time"].tolist() == [0.0, record["time"][-1]]
        # Eigenvalues of 1e-8 of the largest are known to 1e-8 of themselves, and so is the share of a shell.
        assert (compared["distance"][:, 2] < 1e-6).all()
        assert (compared["told"][:, 2] < 1e-6).all()
        assert (compared["told"][:, 0] > 1e-6).all()


def test_what_is_compared_is_what_a_measurement_gives():
    """At the start and at the end, against `measure` itself; where 23 steps leave a part of 30 outputs unseen."""
    model = drawn_perceptron(0)
    data = tuple(torch.as_tensor(part) for part in digits(0, 30, "parity"))
    record = records()[0]
    *_, last = shells.track(model, data, record["time"][1:], edges=record["edges"], n_steps=SETTINGS["n_steps"])
    for moment, network in enumerate((model, last.model)):
        exact, few = (
            shells.measure(network, *data, edges=record["edges"], n_steps=3, method=method)
            for method in ("exact", "lanczos")
        )
        distance = np.abs(exact.energy - few.energy).sum() / exact.loss
        assert record["compared"]["distance"][moment, 0] == pytest.approx(distance, rel=1e-6, abs=1e-12)
        assert record["compared"]["told"][moment, 0] == pytest.approx(few.error, rel=1e-6)


def test_a_member_has_one_result_whatever_ran_before():
    with reproducible():
        torch.rand(3)
        for index in (2, 0):
            equal(models.run(SETTINGS, MEMBERS[index]), records()[index])


def test_seeds_differ_in_their_weights_and_a_file_in_nothing_else():
    first, second = records()[2:4]
    assert not np.array_equal(first["loss"], second["loss"])
    assert not np.array_equal(records()[0]["loss"], records()[1]["loss"])


def test_single_precision_gives_the_same_shells_to_its_rounding():
    """The loss to 1e-5; eigenvalues above the rounding, 1e-6 of the largest, hold all energy but a few per cent."""
    record = records()[0]
    with reproducible():
        single = models.run({**SETTINGS, "dtype": "float32", "compare": {"steps": [3], "largest": 0}}, MEMBERS[0])
    np.testing.assert_allclose(single["loss"], record["loss"], rtol=1e-5)
    assert np.abs(single["energy"] - record["energy"]).sum(1).max() < 0.05 * record["loss"][0]


def test_a_case_that_cannot_be_made_says_which_of_its_entries_is_wrong():
    broken = {**SETTINGS["cases"][0], "network_options": {"depth": 0}}
    with pytest.raises(ValueError, match=r"network = 'scalinglaws\.networks\.examples:perceptron'"):
        models.run({**SETTINGS, "cases": [broken]}, MEMBERS[0])


def test_records_survive_being_stored(tmp_path):
    save_arrays(tmp_path / "one.npz", {"members": {"00000": records()[0]}}, params={})
    equal(load_arrays(tmp_path / "one.npz")["members"]["00000"], records()[0])
