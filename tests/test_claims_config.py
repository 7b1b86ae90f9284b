"""The claims of this project: well formed, measured by tables that the workflow makes, and decided by those alone."""

import copy
import importlib
import math
from pathlib import Path

import pandas as pd
import pytest
from snakemake.utils import update_config

from scalinglaws.claims import FAILS, INCONCLUSIVE, REPLICATED, band, measurements, trial
from scalinglaws.store import load_records, load_yaml, save_arrays

ROOT = Path(__file__).resolve().parents[1]
DEFAULT = load_yaml(ROOT / "config/config.yaml")
EXPERIMENTS = load_yaml(ROOT / "workflow/shells.yaml")
CLAIMS = load_yaml(ROOT / "config/claims.yaml")["claims"]
MEASURES = [(claim, measure) for claim in CLAIMS for measure in claim.get("measures", [])]
MEASURE_IDS = [f"{claim['id']}-{measure['quantity']}" for claim, measure in MEASURES]

KEYS = {"id", "paper", "place", "statement", "scope", "measures", "not_attempted"}
MEASURE_KEYS = {"quantity", "table", "value", "why", "where", "label", "low", "high", "seeds", "statistic"}
BAND_KEYS = {"predicted", "tolerance", "at_most", "at_least"}


def test_claims_are_well_formed_and_have_their_own_ids():
    ids = [entry["id"] for entry in CLAIMS]
    assert len(set(ids)) == len(ids) > 0
    for entry in CLAIMS:
        assert set(entry) <= KEYS
        texts = [entry[name] for name in ("id", "paper", "place", "statement", "scope")]
        assert all(isinstance(text, str) and text.strip() for text in texts), entry["id"]
        assert bool(entry.get("measures")) != bool(entry.get("not_attempted")), entry["id"]
        quantities = [measured["quantity"] for measured in entry.get("measures", [])]
        assert len(set(quantities)) == len(quantities), entry["id"]


@pytest.mark.parametrize(("entry", "measured"), MEASURES, ids=MEASURE_IDS)
def test_measures_are_well_formed(entry, measured):
    assert set(measured) <= MEASURE_KEYS | BAND_KEYS
    assert all(isinstance(measured[name], str) and measured[name] for name in ("quantity", "table", "value", "why"))
    assert set(measured) & BAND_KEYS in ({"predicted", "tolerance"}, {"at_most"}, {"at_least"}, {"at_least", "at_most"})
    assert all(isinstance(measured[name], int | float) for name in set(measured) & BAND_KEYS)
    lower, upper = band(measured)
    assert lower < upper


SMALL_DATA = {"power_law": {"n_samples": 12, "dim": 8}, "digits": {"n_samples": 12}}
# What makes each experiment small and still leaves the rows that claims name.
SMALL = {
    "sweep": {"network": {"width": 6}, "richness": [0.001, 0.01, 0.1, 30.0], "duration": 5.0, "tolerance": 1e-2},
    "widths": {"widths": [4, 6, 8], "richness": [0.1], "richness0": [0.1], "duration": 0.5, "tolerance": 1e-2},
    "orders": {"network": {"width": 6}, "n_centres": 1, "steps": [0.04, 0.02, 0.01]},
    "exponents": {"n_modes": 64, "networks": {"n_modes": 6, "widths": [8, 16, 2048]}},
    "drift": {
        "network": {"width": 6},
        "cases": [{"dataset": "power_law", "richness0": [1.0]}],
        "windows": {"first_time": 0.3, "count": 4},
        "duration": 50.0,
        "tolerance": 1e-2,
    },
    "couplings": {"widths": [4], "times": [0.5], "null_draws": 2, "rescaling": {"width": 4, "depth": 1, "n_seeds": 1}},
    "double_descent": {
        "features": {
            "activations": ["tanh"],
            "data": {"n_samples": 8, "n_test": 20, "dims": [3]},
            "n_features": [4, 8],
        },
        "widths": {"data": {"n_samples": 8, "n_test": 20, "dims": [3]}, "widths": [1, 2, 4], "duration": 10.0},
        "epochs": {
            "data": {"n_samples": 12, "n_test": 20, "dims": [6, 2]},
            "network": {"width": 6},
            "descent": {"n_steps": 50, "n_points": 5},
            "duration": 10.0,
        },
    },
    "minibatch": {"network": {"width": 6}, "batch_sizes": [2, 4, 12], "duration": 1.0},
}


def small_settings(experiment):
    """The default settings of an experiment made small: data sets of a dozen samples, two seeds."""
    settings = copy.deepcopy(DEFAULT["shells"][experiment])
    update_config(settings, {**SMALL[experiment], "seeds": [0, 1]})
    data = {name: DEFAULT["data"][name] for name in settings.get("datasets", [])}
    small = {name: {**kind, **SMALL_DATA.get(kind["kind"], {})} for name, kind in data.items()}
    return {"device": "cpu", "dtype": "float64", "data": small, "grid": DEFAULT["shells"]["grid"], **settings}


PRESENTED = {
    "sweep": {"contrast": {"lazy": 0.001, "rich": 30.0}, "task_exponents": {"power_law": 1.0}},
    "drift": {"windows": SMALL["drift"]["windows"]},
}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """The tables that claims may name, from the smallest real runs, written and read as the workflow does."""
    found = {}
    for name, made in EXPERIMENTS.items():
        settings = small_settings(name)
        experiment = importlib.import_module(f"scalinglaws.shells.experiments.{name}")
        runs = {f"{i:03d}": experiment.run(settings, m) for i, m in enumerate(experiment.members(settings))}
        path = tmp_path_factory.mktemp("runs") / "0.npz"
        save_arrays(path, {"members": runs, "failures": {}}, params={}, seed=[0, 1], code="")
        reduce = importlib.import_module(f"scalinglaws.shells.tables.{name}").tables
        of_experiment = reduce(load_records([path])[0], **PRESENTED.get(name, {}))
        assert set(of_experiment) == set(made["tables"])
        found |= {f"shells/{table}": rows for table, rows in of_experiment.items()}
    return found


def test_the_workflow_hands_these_tables_to_the_trial(tables):
    assert {measured["table"] for _, measured in MEASURES} <= set(tables)


@pytest.mark.parametrize(("entry", "measured"), MEASURES, ids=MEASURE_IDS)
def test_every_column_and_row_that_a_measure_names_exists(tables, entry, measured):
    columns = set(tables[measured["table"]].columns)
    named = {measured["value"], *measured.get("where", {}), *measured.get("label", [])}
    assert named <= columns
    assert {measured.get(name, "none") for name in ("low", "high", "seeds")} <= columns | {"none"}
    rows = measurements({"id": entry["id"], "measures": [measured]}, tables)
    assert all(row.rows != "no such rows" and not math.isnan(row.value) for row in rows)
    if "statistic" not in measured:
        assert len({row.rows for row in rows}) == len(rows), "the label does not tell the rows apart"


def verdict(claim, tables):
    """The verdict of one claim on these tables."""
    return trial([claim], tables)[0].verdict.item()


def rows_around(measured, position, half):
    """A table with one row whose value lies at `position` in units of the band: 0 is its lower end, 1 its upper."""
    lower, upper = band(measured)
    unit = upper - lower if math.isfinite(upper - lower) else abs(upper if math.isfinite(upper) else lower)
    value = (lower if math.isfinite(lower) else upper - unit) + position * unit
    names = [measured.get(name, name) for name in ("value", "low", "high")]
    numbers = dict(zip(names, (value, value - half * unit, value + half * unit), strict=True))
    place = {name: value[0] if isinstance(value, list) else value for name, value in measured.get("where", {}).items()}
    row = {**dict.fromkeys(measured.get("label", []), "a"), **place, **numbers}
    return {measured["table"]: pd.DataFrame([row])}


@pytest.mark.parametrize(("entry", "measured"), MEASURES, ids=MEASURE_IDS)
def test_a_changed_table_flips_the_verdict_of_every_measure(entry, measured):
    alone, (_, upper) = {**entry, "measures": [measured]}, band(measured)
    outside, edge = (1.5, 1.0) if math.isfinite(upper) else (-0.5, 0.0)
    assert verdict(alone, rows_around(measured, 0.5, 0.2)) == REPLICATED
    assert verdict(alone, rows_around(measured, outside, 0.2)) == FAILS
    assert verdict(alone, rows_around(measured, math.nan, 0.2)) == INCONCLUSIVE
    if "statistic" not in measured and measured.get("low") != "none":
        assert verdict(alone, rows_around(measured, edge, 0.2)) == INCONCLUSIVE
