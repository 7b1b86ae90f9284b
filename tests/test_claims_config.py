"""The claims of this project: well formed, measured by tables that the workflow makes, and decided by those alone."""

import copy
import importlib
import itertools
import math
from pathlib import Path

import pandas as pd
import pytest
from snakemake.utils import update_config

from scalinglaws.claims import FAILS, INCONCLUSIVE, REPLICATED, band, measurements, trial
from scalinglaws.settings import member_settings
from scalinglaws.store import load_records, load_table, load_yaml, save_arrays

ROOT = Path(__file__).resolve().parents[1]
DEFAULT = load_yaml(ROOT / "config/config.yaml")
SMOKE = copy.deepcopy(DEFAULT)
update_config(SMOKE, load_yaml(ROOT / "config/smoke.yaml"))
STUDIES = load_yaml(ROOT / "workflow/studies.yaml")
CLAIMS = load_yaml(ROOT / "config/claims.yaml")["claims"]
MEASURES = [(claim, measure) for claim in CLAIMS for measure in claim.get("measures", [])]
MEASURE_IDS = [f"{claim['id']}-{measure['quantity']}" for claim, measure in MEASURES]

KEYS = {"id", "paper", "place", "statement", "scope", "measures", "not_attempted"}
MEASURE_KEYS = {"quantity", "table", "value", "why", "where", "label", "low", "high", "seeds", "statistic"}
BAND_KEYS = {"predicted", "tolerance", "at_most", "at_least"}

# Spectral shells and their companion, shallow networks, ridge and random features.
PAPERS = {"2512.10427", "2512.18209", "2509.24882", "2405.00592"}
# Every statement of the papers that a computation can touch; ids are stable, and others may join them.
ON_TRIAL = {
    "shells": """
        error-ode mode-ode cancellation dissipation budget locality drift-form drift-sign drift-exponent transport
        selfsimilar frontier effective-time lazy-limit feature-limit loss-exponents double-descent-model
        double-descent-epoch log-shift rescaling incoherence jacobian-growth gradient-propagation rigidity""",
    "shallow": """
        lasso-equivalence nuclear-equivalence risk-diagonal risk-quadratic peak-exponent fast-rate bias-exponent
        ridge-exponent bayes-rate under-regularised noiseless plateau spectrum-bulk spectrum-spikes spectrum-zeros
        heavy-tail pruning decomposition phase-diagram kernel-rich""",
    "ridge": """
        equivalence s-transform gcv kare bias-variance double-descent multiple-descent source-law capacity-law""",
    "rf": """
        decomposition conventions structured-weights width-exponent variance-limited regimes-noiseless regimes-noisy""",
    "nlrf": "decomposition transition noise-mitigation",
    "rm": "wigner marchenko-pastur structured-wishart deep-wishart",
    "notebooks": "newton",
}


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


def test_every_statement_of_the_papers_is_on_trial():
    expected = {f"{prefix}-{name}" for prefix, names in ON_TRIAL.items() for name in names.split()}
    assert expected - {entry["id"] for entry in CLAIMS} == set()
    assert {entry["paper"] for entry in CLAIMS} == PAPERS


@pytest.mark.parametrize("entry", CLAIMS, ids=lambda entry: entry["id"])
def test_bounds_are_reasoned(entry):
    reasons = [measured["why"] for measured in entry.get("measures", [])]
    assert not reasons or not reasons[0].startswith("as above"), "nothing is above it"
    # Numbers may tell what a reason amounts to; a bound put round what came out is none.
    assert not [why for why in reasons if len(why) < len("exact") or "as measured" in why]


@pytest.mark.parametrize(("entry", "measured"), MEASURES, ids=MEASURE_IDS)
def test_measures_are_well_formed(entry, measured):
    assert set(measured) <= MEASURE_KEYS | BAND_KEYS
    assert all(isinstance(measured[name], str) and measured[name] for name in ("quantity", "table", "value", "why"))
    assert set(measured) & BAND_KEYS in ({"predicted", "tolerance"}, {"at_most"}, {"at_least"}, {"at_least", "at_most"})
    assert all(isinstance(measured[name], int | float) for name in set(measured) & BAND_KEYS)
    lower, upper = band(measured)
    assert lower < upper


# What makes an experiment smaller than a smoke run does, or leaves the rows that claims name where that does not.
SMALL = {
    "shells": {
        "sweep": {
            "network": {"width": 6},
            "richness": [0.001, 0.01, 0.1, 30.0],
            "contrast": {"lazy": 0.001, "rich": 30.0},
            "tolerance": 1e-2,
        },
        "widths": {"widths": [4, 6, 8], "richness": [0.1], "duration": 0.5, "tolerance": 1e-2},
        "orders": {"network": {"width": 6}},
        "exponents": {"n_modes": 64, "networks": {"n_modes": 6, "widths": [8, 16, 2048]}},
        "drift": {
            "network": {"width": 6},
            "cases": [{"dataset": "power_law", "richness0": [1.0]}],
            "windows": {"first_time": 0.3, "count": 4},
            "duration": 50.0,
            "tolerance": 1e-2,
        },
        "couplings": {
            "datasets": ["power_law_medium", "digits_medium"],
            "depths": [8, 16],
            "widths": [4],
            "times": [0.5],
            "rescaling": {"width": 4, "depth": 1},
        },
        "double_descent": {
            "features": {"data": {"n_samples": 8, "n_test": 20, "dims": [3]}, "n_features": [4, 8]},
            "widths": {
                "data": {"n_samples": 8, "n_test": 20, "dims": [3]},
                "widths": [1, 2, 4],
                "richness": [1e-5, 1e-3, 0.1, 1.0],
                "duration": 10.0,
            },
            "epochs": {
                "data": {"n_samples": 12, "n_test": 20, "dims": [6, 2]},
                "network": {"width": 6},
                "richness": [1e-5, 0.1, 1.0],
                "descent": {"n_steps": 50, "n_points": 5},
                "duration": 10.0,
            },
        },
        "minibatch": {
            "network": {"width": 6},
            "batch_sizes": [2, 4, 16],
            "learning_rates": [0.1, 0.2],
            "duration": 1.0,
        },
        # Long enough for cells above the frontier.
        "models": {"cases": SMOKE["shells"]["models"]["cases"][:1], "times": {"last": 30.0, "count": 16}},
    },
    "ridge": {
        # Draws enough that some standard errors are small beside the values.
        "learning_curves": {
            "sections": {
                "nlrf_transition": {"draws": {"data": 12, "features": 12}},
                "nlrf_noise_mitigated": {"draws": {"data": 12, "features": 12}},
            }
        },
        "regimes": {"widths": {"feature_capacities": DEFAULT["ridge"]["regimes"]["widths"]["feature_capacities"]}},
    },
    "shallow": {
        "quadratic": {
            "simulations": [
                {
                    **{"dim": 50, "sensing": "outer", "ratios": [0.02, 0.06], "weight_decay_exponents": [0.0]},
                    **{"seeds": [0, 1], "network_seeds": [0]},
                },
                {"dim": 50, "sensing": "goe", "ratios": [0.02], "weight_decay_exponents": [0.0], "seeds": [0, 1]},
                {"dim": 100, "sensing": "outer", "ratios": [0.02], "weight_decay_exponents": [0.0], "seeds": [0, 1]},
                # Few samples at the larger weight decay learn nothing and are not counted.
                {"dim": 100, "sensing": "outer", "ratios": [0.25], "weight_decay_exponents": [0.5], "seeds": [0, 1]},
                {"dim": 200, "sensing": "outer", "ratios": [0.02], "weight_decay_exponents": [0.0], "seeds": [0, 1]},
            ]
        },
        "initialisation": {"balance": {"imbalances": DEFAULT["shallow"]["initialisation"]["balance"]["imbalances"]}},
        # A point that keeps ten values in every data set.
        "spectra": {
            "points": [
                *SMOKE["shallow"]["spectra"]["points"],
                {
                    **{"kind": "quadratic", "phase": "fast rate", "dims": [40], "decays": [1.0]},
                    **{"ratio": 1.0, "weight_decay": 0.1},
                },
            ]
        },
    },
}
# What follows from the settings of an experiment and its tables take.
DERIVED = {"task_exponents": {"power_law": 1.0}}


def small_settings(study, experiment):
    """The settings of a smoke run, with those of an experiment made smaller still."""
    small = copy.deepcopy(SMOKE)
    update_config(small[study][experiment], SMALL.get(study, {}).get(experiment, {}))
    return small


def small_tables(study, experiment, path):
    """An experiment's tables from the smallest real runs, written to `path` and read as the workflow does."""
    made, small = STUDIES[study]["experiments"][experiment], small_settings(study, experiment)
    settings, chosen = member_settings(small, STUDIES, study, experiment), small[study][experiment]
    module = importlib.import_module(f"scalinglaws.{study}.experiments.{experiment}")
    runs = {f"{i:03d}": module.run(settings, member) for i, member in enumerate(module.members(settings))}
    save_arrays(path, {"members": runs, "failures": {}}, params={}, seed=settings.get("seeds"), code="")
    shown = {name: DERIVED[name] if name in DERIVED else chosen[name] for name in made.get("presentation", [])}
    resources = {
        name: load_table(ROOT / "workflow/resources" / file) for name, file in made.get("resources", {}).items()
    }
    reduce = importlib.import_module(f"scalinglaws.{study}.tables.{experiment}").tables
    found = reduce(load_records([path])[0], **shown, **resources)
    assert set(found) == set(made["tables"])
    return {f"{study}/{table}": rows for table, rows in found.items()}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """All tables that claims may name."""
    folder, found = tmp_path_factory.mktemp("runs"), {}
    for study, about in STUDIES.items():
        for experiment in about["experiments"]:
            found |= small_tables(study, experiment, folder / f"{study}-{experiment}.npz")
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


@pytest.fixture(scope="module")
def committed():
    """The tables of the default run that the gallery shows."""
    names = {measured["table"] for _, measured in MEASURES}
    return {name: load_table(ROOT / f"figures/tables/{name}.csv") for name in names}


def listed(where):
    """What rows are asked for, as a list of values for each column."""
    return {column: value if isinstance(value, list) else [value] for column, value in where.items()}


@pytest.mark.parametrize(("entry", "measured"), MEASURES, ids=MEASURE_IDS)
def test_a_measure_finds_all_it_names_in_the_committed_tables(committed, entry, measured):
    rows, where = committed[measured["table"]], measured.get("where", {})
    assert {measured["value"], *where, *measured.get("label", [])} <= set(rows.columns)
    for column, values in listed(where).items():
        rows = rows[rows[column].isin(values)]
    assert len(rows) > 0
    assert all(set(values) <= set(rows[column]) for column, values in listed(where).items())
    assert rows[measured["value"]].notna().all()


def verdict(claim, tables):
    """The verdict of one claim on these tables."""
    return trial([claim], tables)[0].verdict.item()


def rows_around(measured, position, half):
    """A table of rows whose value lies at `position` in units of the band: 0 is its lower end, 1 its upper."""
    lower, upper = band(measured)
    unit = upper - lower if math.isfinite(upper - lower) else abs(upper if math.isfinite(upper) else lower)
    value = (lower if math.isfinite(lower) else upper - unit) + position * unit
    names = [measured.get(name, name) for name in ("value", "low", "high")]
    numbers = dict(zip(names, (value, value - half * unit, value + half * unit), strict=True))
    where = listed(measured.get("where", {}))
    places = [dict(zip(where, chosen, strict=True)) for chosen in itertools.product(*where.values())]
    labels = dict.fromkeys(measured.get("label", []), "a")
    return {measured["table"]: pd.DataFrame([{**labels, **place, **numbers} for place in places])}


@pytest.mark.parametrize(("entry", "measured"), MEASURES, ids=MEASURE_IDS)
def test_a_changed_table_flips_the_verdict_of_every_measure(entry, measured):
    alone, (_, upper) = {**entry, "measures": [measured]}, band(measured)
    outside, edge = (1.5, 1.0) if math.isfinite(upper) else (-0.5, 0.0)
    assert verdict(alone, rows_around(measured, 0.5, 0.2)) == REPLICATED
    assert verdict(alone, rows_around(measured, outside, 0.2)) == FAILS
    assert verdict(alone, rows_around(measured, math.nan, 0.2)) == INCONCLUSIVE
    if "statistic" not in measured and measured.get("low") != "none":
        assert verdict(alone, rows_around(measured, edge, 0.2)) == INCONCLUSIVE
