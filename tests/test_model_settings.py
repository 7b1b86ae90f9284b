"""Settings of networks of one's own that contradict one another: each in one line, before any job."""

import copy
from pathlib import Path

import pytest

from scalinglaws.settings import BadSetting, check_settings
from scalinglaws.store import load_yaml

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = load_yaml(ROOT / "workflow/schemas/config.schema.yaml")
DEFAULT = load_yaml(ROOT / "config/config.yaml")
NET = {"name": "mine", "network": "nets:build", "data": "nets:digits"}
FILE = {"name": "yours", "network": "nets:build", "network_options": {"width": 3}, "data": "a b/mine.npz"}


def settings_with(**models):
    """The default settings with entries of shells.models replaced."""
    settings = copy.deepcopy(DEFAULT)
    settings["shells"]["models"] |= models
    return settings


@pytest.mark.parametrize(
    "models",
    [
        {"cases": [NET]},
        {"cases": [FILE, {**NET, "data_options": {}}]},
        {"n_steps": 15, "compare": {"steps": [1, 15], "largest": 0}},
        {"times": {"first": 1.0, "last": 1.001, "count": 2}},
    ],
    ids=["factories", "file", "steps", "times"],
)
def test_the_limits_themselves_are_allowed(models):
    check_settings(settings_with(**models), SCHEMA)


REFUSED = [
    ({"cases": [NET, FILE, {**FILE, "name": "mine"}]}, "cases.2.name = 'mine': must not repeat an earlier case"),
    (
        {"cases": [NET, {**FILE, "data_options": {"n": 3}}]},
        "cases.1.data_options = {'n': 3}: must be left out for a file of data",
    ),
    (
        {"times": {"first": 2.0, "last": 2.0, "count": 3}},
        "times.first = 2.0: must be < shells.models.times.last = 2.0",
    ),
    ({"compare": {"steps": [30, 15], "largest": 9}}, "compare.steps = [30, 15]: must increase"),
    (
        {"n_steps": 100, "compare": {"steps": [15, 101], "largest": 9}},
        "compare.steps = 101: must be <= shells.models.n_steps = 100",
    ),
    ({"cases": [{**NET, "network": "nets"}]}, "cases.0.network = 'nets': must match "),
    ({"cases": [{**NET, "data": "mine.npy"}]}, "cases.0.data = 'mine.npy': must match "),
    ({"cases": [{**NET, "seed": 3}]}, "cases.0.seed = 3: unknown key; allowed here: data, data_options, name, network"),
    ({"cases": []}, "cases = []: must have at least 1 entries"),
]


@pytest.mark.parametrize(("models", "message"), REFUSED, ids=[message[:30] for _, message in REFUSED])
def test_a_contradiction_is_named_with_its_key(models, message):
    with pytest.raises(BadSetting) as refused:
        check_settings(settings_with(**models), SCHEMA)
    assert str(refused.value).startswith(f"shells.models.{message}")
    assert len(str(refused.value).splitlines()) == 1


def test_a_bound_on_memory_is_a_number_above_zero():
    with pytest.raises(BadSetting, match=r"^memory_gb = 0: must be > 0$"):
        check_settings({**DEFAULT, "memory_gb": 0}, SCHEMA)
