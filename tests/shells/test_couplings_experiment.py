"""The couplings experiment on tiny settings: its members, what a member keeps, and that its result is its own."""

import itertools

import numpy as np
import pytest
import torch

from scalinglaws.networks import gradient_flow, kernel_velocity, layer_kernels
from scalinglaws.shells import SharpShells, geometric_edges, of_snapshot, rotation_rates
from scalinglaws.shells.conditions import by_layer_distance, coherent_layers, excess_coherence, kernel_path
from scalinglaws.shells.couplings import (
    boundary_shares,
    distance_shares,
    log_shift,
    null_transfers,
    scale_free_rotation,
    shell_transfers,
)
from scalinglaws.shells.experiments import couplings
from scalinglaws.shells.experiments.setup import member_rng, prepare, reproducible
from scalinglaws.shells.rescaling import QUANTITIES

SETTINGS = {
    "data": {
        "synthetic": {"kind": "power_law", "n_samples": 14, "dim": 8, "capacity": 1.5, "source": 0.5},
        "digits": {"kind": "digits", "n_samples": 12},
    },
    "datasets": ["synthetic", "digits"],
    "device": "cpu",
    "dtype": "float64",
    "network": {"activation": "tanh", "weight_scale": 1.0},
    "depths": [2, 3],
    "widths": [8],
    "richness0": 1.0,
    "times": [0.5, 3.0],
    "tolerance": 1e-2,
    "shell_ratios": [2.0, 3.0],
    "grid_offsets": [-0.25, 0.1],
    "decades_below": 6,
    "decades_above": 2,
    "null_draws": 3,
    "reach": 4,
    "rescaling": {"width": 6, "depth": 2, "duration": 1.0, "time_scales": [4.0, 9.0], "n_seeds": 1},
    "seeds": [0, 1],
}


def member_of(**wanted):
    """The first member whose fields are those wanted."""
    return next(m for m in couplings.members(SETTINGS) if all(getattr(m, k) == v for k, v in wanted.items()))


def assert_identical(ours, expected):
    assert ours.keys() == expected.keys()
    for name in ours:
        if isinstance(ours[name], dict):
            assert_identical(ours[name], expected[name])
        else:
            np.testing.assert_array_equal(ours[name], expected[name], err_msg=name)


def test_members_are_all_combinations_and_the_rescaling_test_on_fewer_seeds():
    keys = {(m.part, m.dataset, m.depth, m.width, m.residual, m.seed) for m in couplings.members(SETTINGS)}
    datasets, architectures = ("synthetic", "digits"), (False, True)
    measured = itertools.product(["architecture"], datasets, [2, 3], [8], architectures, [0, 1])
    tested = itertools.product(["rescaling"], datasets, [2], [6], architectures, [0])
    assert keys == {*measured, *tested}
    assert len(couplings.members(SETTINGS)) == len(keys) == 20
    assert {m.richness for m in couplings.members(SETTINGS)} == {8**0.5, 6**0.5}


@pytest.mark.parametrize("part", ["architecture", "rescaling"])
def test_a_member_has_one_result_whatever_ran_before_and_says_whose_it_is(part):
    members = [m for m in couplings.members(SETTINGS) if m.part == part and m.seed == 0]
    members = [members[0], members[-1]]
    with reproducible():
        forwards = [couplings.run(SETTINGS, member) for member in members]
        backwards = [couplings.run(SETTINGS, member) for member in reversed(members)][::-1]
    for ours, expected, member in zip(forwards, backwards, members, strict=True):
        assert_identical(ours, expected)
        assert {name: ours[name] for name in member.identity()} == member.identity()
    assert {"depth", "residual", "part", "seed"} <= set(members[0].identity())


def test_networks_differ_in_architecture_alone():
    """Plain and residual nets of one seed start from the same weights on the same data."""
    flows = []
    for residual in (False, True):
        member = member_of(dataset="digits", residual=residual)
        network = {**SETTINGS["network"], "depth": member.depth, "residual": residual}
        flows.append(prepare("shells/couplings", member, {**SETTINGS, "network": network}))
    (plain, first), (residual, second) = flows
    assert torch.equal(plain.inputs, residual.inputs)
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))
    assert (plain.network.residual, residual.network.residual) == (False, True)


@pytest.mark.parametrize("residual", [False, True])
def test_a_record_is_what_its_snapshots_say(residual):
    """Every number again, from the library's functions one by one, at the first snapshot at or after each time."""
    member = member_of(dataset="synthetic", depth=3, residual=residual, seed=1)
    record = couplings.run(SETTINGS, member)
    network = {**SETTINGS["network"], "depth": 3, "residual": residual}
    flow, parameters = prepare("shells/couplings", member, {**SETTINGS, "network": network})
    snapshots = list(gradient_flow(flow, parameters, 3.0, tolerance=1e-2))
    chosen = [next(i for i, s in enumerate(snapshots) if s.time >= time) for time in (0.0, 0.5, 3.0)]
    rng = member_rng("shells/couplings/null", "synthetic", 1)
    assert record["time"] == [0.0, 0.5, 3.0]
    for t, index in enumerate(chosen):
        past = snapshots[: index + 1]
        steps = [kernel_path(a.kernel.numpy(), b.kernel.numpy()) for a, b in itertools.pairwise(past)]
        assert record["kernel_path"][t] == pytest.approx(sum(steps), rel=1e-12)
        tops = [float(s.eigenvalues[-1]) for s in past]
        assert record["jacobian_growth"][t] == pytest.approx((max(tops) / tops[0]) ** 0.5, rel=1e-12)
        assert record["snapshot_time"][t] == past[-1].time
        assert_moment(record, t, flow, past[-1], rng)
    kernels = [kernel.numpy() for kernel in layer_kernels(flow.network, snapshots[0].linearisation)]
    excess = excess_coherence(kernels)
    np.testing.assert_allclose(record["coherence"]["excess"], by_layer_distance(excess), rtol=1e-12)
    assert record["coherent_layers"]["excess"] == pytest.approx(coherent_layers(excess), rel=1e-12)
    assert record["coherence"]["raw"].shape == (4,)


def assert_moment(record, t, flow, snapshot, rng):
    modes = of_snapshot(snapshot)
    rotation = rotation_rates(modes, kernel_velocity(flow, snapshot).numpy())
    nulls = [scale_free_rotation(rng, modes.eigenvalues) for _ in range(3)]
    top = modes.eigenvalues[-1]
    assert record["loss"][t] == modes.loss
    for q, ratio in enumerate((2.0, 3.0)):
        edges = [geometric_edges(top * 1e-6, top * 1e2, ratio, grid_offset=x, anchor=top) for x in (-0.25, 0.1)]
        found = [log_shift(modes.eigenvalues, rotation, SharpShells(e), nulls) for e in edges]
        for name in ("index", "null_index", "null_std", "tilt", "n_shells"):
            expected = np.mean([getattr(one, name) for one in found])
            assert record[name][t, q] == pytest.approx(expected, rel=1e-12), name
        shares = [distance_shares(shell_transfers(modes, rotation, SharpShells(e))) for e in edges]
        null_shares = [distance_shares(null_transfers(modes, SharpShells(e))) for e in edges]
        for name, values in (("share", shares), ("null_share", null_shares)):
            np.testing.assert_allclose(record[name][t, q], np.mean(values, 0)[:4], rtol=1e-12)
            passing = np.mean([boundary_shares(v) for v in values], 0)[:4]
            np.testing.assert_allclose(record[f"boundary_{name}"][t, q], passing, rtol=1e-12)


def test_the_rescaling_test_finds_the_same_run_in_other_units():
    """Exactly at s = 4, to rounding at s = 9."""
    record = couplings.run(SETTINGS, member_of(part="rescaling", dataset="synthetic"))
    assert list(record["time_scale"]) == [4.0, 9.0]
    assert set(record["gap"]) == set(QUANTITIES)
    for values in record["gap"].values():
        assert values[0] == 0
        assert values[1] < 1e-9
