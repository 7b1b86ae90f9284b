"""Experiments on tiny settings: which members there are, that a member's result is its own, and who shares draws."""

import binascii
import itertools

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from scalinglaws.networks import gradient_flow
from scalinglaws.problems import digits_problem
from scalinglaws.shells import SharpShells, SplineShells, energies, geometric_edges, of_snapshot
from scalinglaws.shells.convergence import measure_orders
from scalinglaws.shells.experiments import orders, sweep, widths
from scalinglaws.shells.experiments.setup import Member, choose_device, member_rng, prepare, reproducible
from scalinglaws.shells.lazy import lazy_gap
from scalinglaws.shells.orders import EXPECTED_ORDERS

PLACE = {
    "data": {
        "synthetic": {"kind": "power_law", "n_samples": 8, "dim": 5, "capacity": 1.5, "source": 0.5},
        "digits": {"kind": "digits", "n_samples": 7},
    },
    "datasets": ["synthetic", "digits"],
    "device": "cpu",
    "dtype": "float64",
    "seeds": [0, 1],
    "duration": 2.0,
    "tolerance": 1e-3,
}
NETWORK = {"depth": 2, "activation": "tanh", "residual": False, "weight_scale": 1.0}
GRID = {"shell_ratio": 3.0, "grid_offsets": [-0.25, 0.0], "decades_below": 5, "decades_above": 2}

SETTINGS = {
    sweep: {**PLACE, "network": {**NETWORK, "width": 10}, "richness": [0.1, 2.0], "grid": GRID},
    widths: {**PLACE, "network": NETWORK, "widths": [6, 10], "richness": [0.5], "richness0": [0.1, 1.0]},
    orders: {
        **PLACE,
        "network": {**NETWORK, "width": 10},
        "richness": 2.0,
        "steps": [0.04, 0.02],
        "n_centres": 2,
        "shell_ratio": 4.0,
    },
}
EXPERIMENTS = list(SETTINGS)
NAMES = [module.__name__.rpartition(".")[2] for module in EXPERIMENTS]
NAME_OF = {module: f"shells/{name}" for module, name in zip(EXPERIMENTS, NAMES, strict=True)}


def run(module, member):
    return module.run(SETTINGS[module], member)


def flattened(result):
    """All values of a result by name, one level of nesting undone."""
    nested = {f"{k}.{inner}": v for k, d in result.items() if isinstance(d, dict) for inner, v in d.items()}
    return {**{k: v for k, v in result.items() if not isinstance(v, dict)}, **nested}


def assert_identical(ours, expected):
    ours, expected = flattened(ours), flattened(expected)
    assert ours.keys() == expected.keys()
    for name in ours:
        np.testing.assert_array_equal(ours[name], expected[name], err_msg=name)


# --- members --------------------------------------------------------------------------------------------------------


def test_members_of_the_sweep_are_all_combinations():
    product = itertools.product(["synthetic", "digits"], [0.1, 2.0], [0, 1])
    expected = {(dataset, "richness", value, 10, seed) for dataset, value, seed in product}
    members = sweep.members(SETTINGS[sweep])
    assert len(members) == len(expected) == 8
    assert {(m.dataset, m.held, m.value, m.width, m.seed) for m in members} == expected


def test_members_of_the_width_sweep_are_all_combinations():
    held = [("richness", 0.5), ("richness0", 0.1), ("richness0", 1.0)]
    product = itertools.product(["synthetic", "digits"], held, [6, 10], [0, 1])
    expected = {(dataset, *which, width, seed) for dataset, which, width, seed in product}
    members = widths.members(SETTINGS[widths])
    assert len(members) == len(expected) == 24
    assert {(m.dataset, m.held, m.value, m.width, m.seed) for m in members} == expected


def test_members_of_the_orders_are_all_combinations():
    expected = {(dataset, "richness", 2.0, 10, seed) for dataset in ("synthetic", "digits") for seed in (0, 1)}
    members = orders.members(SETTINGS[orders])
    assert len(members) == len(expected) == 4
    assert {(m.dataset, m.held, m.value, m.width, m.seed) for m in members} == expected


@pytest.mark.parametrize(
    ("held", "value", "width", "richness"), [("richness", 0.3, 64, 0.3), ("richness0", 0.3, 64, 2.4)]
)
def test_richness_is_the_value_or_the_value_times_sqrt_width(held, value, width, richness):
    member = Member("digits", held, value, width, 5)
    assert member.richness == pytest.approx(richness, rel=1e-15)
    expected = {"dataset": "digits", "held": held, "value": value, "width": width, "seed": 5}
    assert member.identity() == {**expected, "richness": member.richness}


# --- independence ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", EXPERIMENTS, ids=NAMES)
def test_a_member_has_one_result_whatever_ran_before(module):
    """Run alone, after others, and after them in the opposite order, as another number of shards would."""
    members = module.members(SETTINGS[module])
    members = [members[0], members[1], members[-1]]
    with reproducible():
        forwards = [run(module, member) for member in members]
        backwards = [run(module, member) for member in reversed(members)][::-1]
    for ours, expected, member in zip(forwards, backwards, members, strict=True):
        assert_identical(ours, expected)
        assert {name: ours[name] for name in member.identity()} == member.identity()


@pytest.mark.parametrize("module", EXPERIMENTS, ids=NAMES)
@pytest.mark.parametrize("dataset", PLACE["datasets"])
def test_a_seed_is_one_data_set_and_other_seeds_are_others(module, dataset):
    """Members of one seed share data across richness and width; other seeds and experiments draw anew."""
    settings = {**SETTINGS[module]}
    draws = {
        (experiment, seed, held, width): prepare(experiment, Member(dataset, held, 0.7, width, seed), settings)[0]
        for experiment in (NAME_OF[module], "another")
        for seed in (0, 1)
        for held in ("richness", "richness0")
        for width in (6, 9)
    }
    for (one, ours), (two, others) in itertools.combinations(draws.items(), 2):
        assert torch.equal(ours.inputs, others.inputs) == (one[:2] == two[:2])
        if one[:2] == two[:2]:
            assert torch.equal(ours.targets, others.targets)


def test_networks_of_one_seed_start_equal_at_every_richness_and_differ_between_seeds():
    starts = [
        prepare("any", Member("synthetic", "richness", value, 6, seed), SETTINGS[sweep])[1]
        for value, seed in ((0.1, 0), (3.0, 0), (0.1, 1))
    ]
    for one, two, other in zip(*starts, strict=True):
        assert torch.equal(one, two)
        assert not torch.equal(one, other)


def test_generators_depend_on_experiment_data_set_and_seed():
    keys = list(itertools.product(("a", "b"), ("x", "y"), (0, 1)))
    draws = {key: member_rng(*key).random() for key in keys}
    assert len(set(draws.values())) == len(keys)
    assert all(member_rng(*key).random() == draw for key, draw in draws.items())
    # A checksum of the names, the same in every process, which Python's own hash of text is not.
    assert draws["a", "y", 1] == np.random.default_rng([binascii.crc32(b"a/y"), 1]).random()


def test_prepared_flow_is_that_of_the_member():
    member = Member("digits", "richness0", 0.5, 9, 3)
    flow, parameters = prepare("any", member, {**SETTINGS[sweep], "dtype": "float32"})
    assert flow.richness == pytest.approx(1.5)
    assert (flow.network.width, flow.network.n_inputs, flow.network.n_outputs) == (9, 64, 1)
    assert {tensor.dtype for tensor in (flow.inputs, flow.targets, *parameters)} == {torch.float32}
    problem = digits_problem(member_rng("any", "digits", 3), n_samples=7)
    np.testing.assert_array_equal(flow.inputs, problem.inputs.astype(np.float32))
    np.testing.assert_array_equal(flow.targets, problem.targets)


# --- results --------------------------------------------------------------------------------------------------------


def flow_of(module, member):
    return prepare(NAME_OF[module], member, SETTINGS[module])


def test_sweep_keeps_the_account_in_every_window_at_every_offset():
    member = sweep.members(SETTINGS[sweep])[2]
    result = run(sweep, member)
    assert list(zip(result["window"], result["grid_offset"], strict=True)) == [
        ("sharp", -0.25),
        ("sharp", 0.0),
        ("smooth", -0.25),
        ("smooth", 0.0),
    ]
    snapshots = list(gradient_flow(*flow_of(sweep, member), 2.0, tolerance=1e-3))
    np.testing.assert_array_equal(result["time"], [s.time for s in snapshots])
    start, end = (of_snapshot(snapshots[index]) for index in (0, -1))
    top = start.eigenvalues.max()
    for index, (kind, offset) in enumerate(itertools.product((SharpShells, SplineShells), (-0.25, 0.0))):
        edges = geometric_edges(1e-5 * top, 1e2 * top, 3.0, grid_offset=offset, anchor=top)
        np.testing.assert_allclose(result["edges"][index], edges, rtol=1e-13)
        np.testing.assert_allclose(result["energy"][index, -1], energies(end, kind(edges)), atol=1e-14)
    assert result["closure"].max() <= 1e-12


def test_width_sweep_keeps_the_largest_deviation_and_the_last_drift():
    """Over so long a time that the deviation has passed its peak: both solutions end at zero residual."""
    member = widths.members(SETTINGS[widths])[0]
    start, *later = gradient_flow(*flow_of(widths, member), 300.0, tolerance=1e-7)
    gaps = [lazy_gap(start, snapshot) for snapshot in later]
    result = widths.run({**SETTINGS[widths], "duration": 300.0, "tolerance": 1e-7}, member)
    assert result["deviation"] == max(gap.deviation for gap in gaps) > 1.1 * gaps[-1].deviation
    assert result["kernel_drift"] == gaps[-1].kernel_drift > 0


def test_orders_keep_the_error_of_every_discretisation_at_every_step():
    member = orders.members(SETTINGS[orders])[0]
    result = run(orders, member)
    expected = measure_orders(*flow_of(orders, member), [0.04, 0.02], 2, 4.0)
    assert result["step"] == [0.04, 0.02]
    assert list(result["error"]) == list(EXPECTED_ORDERS)
    for name, error in result["error"].items():
        np.testing.assert_array_equal(error, expected[name])


# --- the machine ----------------------------------------------------------------------------------------------------


def thread_settings():
    pools = tuple(sorted((pool["filepath"], pool["num_threads"]) for pool in threadpool_info()))
    return torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), pools


def fail_inside(seen):
    with reproducible():
        seen.append(thread_settings())
        raise KeyboardInterrupt


def test_reproducible_is_single_threaded_and_restores_what_was():
    """Also when the block fails."""
    outside, seen = torch.get_num_threads(), []
    try:
        with threadpool_limits(2):
            torch.set_num_threads(2)
            before = thread_settings()
            with pytest.raises(KeyboardInterrupt):
                fail_inside(seen)
            assert thread_settings() == before
    finally:
        torch.set_num_threads(outside)
    [(threads, deterministic, pools)] = seen
    assert (threads, deterministic) == (1, True)
    assert {count for _, count in pools} == {1}


def determinism():
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()


@pytest.mark.parametrize(("deterministic", "warn_only"), [(False, False), (True, False), (True, True)])
def test_reproducible_restores_determinism(deterministic, warn_only):
    """Inside, an operation that is not deterministic is an error, never only a warning."""
    outside = determinism()
    torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
    try:
        with reproducible():
            assert determinism() == (True, False)
        assert determinism() == (deterministic, warn_only)
    finally:
        torch.use_deterministic_algorithms(outside[0], warn_only=outside[1])


@pytest.mark.parametrize(("name", "device"), [("auto", "cuda"), ("cuda", "cuda"), ("cpu", "cpu")])
def test_a_cuda_device_is_taken_unless_the_cpu_is_asked_for(monkeypatch, name, device):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device(name) == device


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_cuda_without_a_device_is_refused_and_auto_is_the_cpu():
    with pytest.raises(ValueError, match=r"device = 'cuda' must be 'cpu' or 'auto' .* no CUDA device"):
        choose_device("cuda")
    assert choose_device("auto") == "cpu"


def test_devices_are_known_by_name():
    assert choose_device("cpu") == "cpu"
    with pytest.raises(ValueError, match=r"device = 'gpu' must be one of 'auto', 'cpu', 'cuda'"):
        choose_device("gpu")
