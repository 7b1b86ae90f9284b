"""The claims of this project: well formed, measured by tables that the workflow makes, and decided by those alone."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scalinglaws.claims import FAILS, INCONCLUSIVE, REPLICATED, band, measurements, trial
from scalinglaws.shells.experiments import orders as orders_experiment
from scalinglaws.shells.experiments import sweep as sweep_experiment
from scalinglaws.shells.experiments import widths as widths_experiment
from scalinglaws.shells.tables import orders, sweep, widths
from scalinglaws.store import load_yaml

ROOT = Path(__file__).resolve().parents[1]
CLAIMS = load_yaml(ROOT / "config/claims.yaml")["claims"]
MEASURES = [(claim, measure) for claim in CLAIMS for measure in claim.get("measures", [])]
MEASURE_IDS = [f"{claim['id']}-{measure['quantity']}" for claim, measure in MEASURES]

MEASURE_KEYS = {"quantity", "table", "value", "why", "where", "label", "low", "high", "seeds", "statistic"}
BAND_KEYS = {"predicted", "tolerance", "at_most", "at_least"}


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


SETTINGS = {
    "data": {"toy": {"kind": "power_law", "n_samples": 5, "dim": 4, "capacity": 1.5, "source": 0.5}},
    "datasets": ["toy"],
    "device": "cpu",
    "dtype": "float64",
    "seeds": [0, 1],
    "duration": 0.5,
    "tolerance": 1e-2,
}
NETWORK = {"depth": 2, "activation": "tanh", "residual": False, "weight_scale": 1.0}
GRID = {"shell_ratio": 4.0, "grid_offsets": [0.0], "decades_below": 3, "decades_above": 2}


@pytest.fixture(scope="module")
def tables():
    """The tables that claims may name, from the smallest real runs."""

    def records(experiment, **more):
        settings_ = {**SETTINGS, **more}
        return [experiment.run(settings_, member) for member in experiment.members(settings_)]

    def arrays(record):
        return {name: np.asarray(value) if not isinstance(value, dict) else value for name, value in record.items()}

    network = {**NETWORK, "width": 6}
    swept = records(sweep_experiment, network=network, richness=[0.001, 0.01, 0.1, 30.0], grid=GRID)
    of_width = records(widths_experiment, network=NETWORK, widths=[4, 6, 8], richness=[0.1], richness0=[0.1])
    steps = {"richness": 2.0, "steps": [0.04, 0.02, 0.01], "n_centres": 1, "shell_ratio": 4.0}
    runs = sweep.runs(map(arrays, swept))
    return {
        "shells/runs": runs,
        "shells/lazy_slopes": sweep.lazy_slopes(runs),
        "shells/width_slopes": widths.width_slopes(widths.runs(map(arrays, of_width))),
        "shells/order_fits": orders.order_fits(orders.errors(records(orders_experiment, network=network, **steps))),
    }


def test_the_workflow_hands_these_tables_to_the_trial(tables):
    rules = (ROOT / "workflow/rules/common.smk").read_text(encoding="utf-8")
    assert all(f'"{name}"' in rules for name in tables)
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
    row = {**dict.fromkeys(measured.get("label", []), "a"), **measured.get("where", {}), **numbers}
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
