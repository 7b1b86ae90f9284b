"""Members of every experiment on a device that is not the host: they run, and give the same record to the last bit."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
from other_device import NAME, OtherDevice

from scalinglaws.shells.experiments.setup import reproducible
from scalinglaws.store import load_yaml

ROOT = Path(__file__).parents[2]
PACKAGE = "scalinglaws.shells.experiments"
STUDY = load_yaml(ROOT / "workflow/studies.yaml")["shells"]


def merged(below, above):
    """Settings with an overlay on them, as Snakemake lays it."""
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return below | {name: merged(below.get(name), value) for name, value in above.items()}


# The smoke run, and shorter still: every operation here takes ten times as long as usual.
CONFIG = merged(load_yaml(ROOT / "config/config.yaml"), load_yaml(ROOT / "config/smoke.yaml"))
SHORT = {
    "sweep": {"duration": 1.0},
    "drift": {"duration": 1.0},
    "orders": {"steps": [0.04, 0.02]},
    "models": {"n_steps": 6, "compare": {"steps": [4]}, "times": {"first": 0.1, "count": 1}},
}
# The first and the last member of an experiment run most of its code.
CASES = [(name, position) for name in STUDY["experiments"] for position in (0, -1)]


def settings_of(name):
    """With all blocks of the study: more than its members take does no harm."""
    taken = {*STUDY["takes"], *STUDY["experiments"][name].get("takes", ()), "data"}
    own = merged(CONFIG["shells"][name], SHORT.get(name, {}))
    return {key: CONFIG[key] for key in taken} | CONFIG["shells"] | own


def assert_same(one, other, place="record"):
    if isinstance(one, dict):
        assert one.keys() == other.keys(), place
        for name in one:
            assert_same(one[name], other[name], f"{place}.{name}")
    else:
        np.testing.assert_array_equal(one, other, err_msg=place)


def on_other_device(monkeypatch, function, *arguments):
    """What a function returns where every experiment is told to use the other device."""
    for name, module in list(sys.modules.items()):
        if name.startswith(PACKAGE) and hasattr(module, "choose_device"):
            monkeypatch.setattr(module, "choose_device", lambda device: NAME)
    with reproducible(), OtherDevice():
        return function(*arguments)


@pytest.mark.parametrize(("name", "position"), CASES)
def test_a_member_on_another_device_has_the_record_that_it_has_on_the_host(monkeypatch, name, position):
    experiment, settings = importlib.import_module(f"{PACKAGE}.{name}"), settings_of(name)
    member = experiment.members(settings)[position]
    with reproducible():
        expected = experiment.run(settings, member)
    assert_same(on_other_device(monkeypatch, experiment.run, settings, member), expected)


@pytest.mark.parametrize("name", ["sweep", "drift"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_so_have_members_that_train_as_one(monkeypatch, name, dtype):
    experiment, settings = importlib.import_module(f"{PACKAGE}.{name}"), {**settings_of(name), "dtype": dtype}
    members = experiment.members(settings)[:2]
    with reproducible():
        expected = experiment.run_batch(settings, members)
    for ours, theirs in zip(
        on_other_device(monkeypatch, experiment.run_batch, settings, members), expected, strict=True
    ):
        assert_same(ours, theirs)
