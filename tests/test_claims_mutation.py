"""The committed verdicts follow the committed tables: whichever measure's table is changed, they change with it."""

import math
from pathlib import Path

import pandas as pd
import pytest

from scalinglaws.claims import (
    FAILS,
    INCONCLUSIVE,
    REPLICATED,
    Measurement,
    band,
    measurements,
    trial,
    verdict_of,
)
from scalinglaws.store import load_table, load_yaml, save_table

ROOT = Path(__file__).resolve().parents[1]
COMMITTED = ROOT / "figures/tables"
CLAIMS = load_yaml(ROOT / "config/claims.yaml")["claims"]
MEASURES = [(claim, measure) for claim in CLAIMS for measure in claim.get("measures", [])]
# A statistic that passes over single rows: the largest value says nothing of a row too small, nor the median of any.
SEES_EVERY_ROW = {("max", True), ("min", False), ("mean", True), ("mean", False)}


@pytest.fixture(scope="module")
def tables():
    """Every committed table that a claim names."""
    return {name: load_table(COMMITTED / f"{name}.csv") for name in sorted({m["table"] for _, m in MEASURES})}


@pytest.fixture(scope="module")
def cases(tables):
    """Every measure with its claim and what of its table matters: which of the rows count, and five others."""
    return [(claim, measure, *_what_matters(measure, tables[measure["table"]])) for claim, measure in MEASURES]


def _what_matters(measure, table):
    rows = counting(measure, table)
    kept = table[rows | ((~rows).cumsum() <= 5)].reset_index(drop=True)
    named = {*numbers(measure, table), *measure.get("where", {}), *measure.get("label", []), "seed", "seeds"}
    return kept[[name for name in kept if name in named]], counting(measure, kept)


def alone(claim, measure, tables):
    return measurements({"id": claim["id"], "measures": [measure]}, tables)


def listed(wanted):
    return wanted if isinstance(wanted, list) else [wanted]


def counting(measure, table):
    """Which rows of its table a measure takes."""
    chosen = pd.Series(True, table.index)
    for column, wanted in measure.get("where", {}).items():
        chosen &= pd.Series([found in listed(wanted) for found in table[column]], table.index, dtype=bool)
    return chosen


def interval(measure, table):
    """Columns of a measure's interval, if it has one."""
    named = [measure.get(end, end) for end in ("low", "high")]
    return [] if "statistic" in measure else [name for name in named if name != "none" and name in table]


def numbers(measure, table):
    """Columns whose numbers a measure is judged by."""
    return [measure["value"], *interval(measure, table)]


def replaced(table, rows, columns, number):
    """The table with this number in these columns of these rows."""
    changed = table.assign(**{name: table[name].astype(float) for name in columns})
    changed.loc[rows, columns] = number
    return changed


def unit(measure):
    lower, upper = band(measure)
    size = upper - lower if math.isfinite(upper - lower) else abs(upper if math.isfinite(upper) else lower)
    return size or 1.0


def far(measure, steps=100.0):
    """Numbers outside the band: beyond each of its ends."""
    lower, upper = band(measure)
    ends = [(upper, steps * unit(measure)), (lower, -steps * unit(measure))]
    return [end + away for end, away in ends if math.isfinite(end)]


def middle(measure):
    """A number well inside the band."""
    lower, upper = band(measure)
    if math.isfinite(upper - lower):
        return (lower + upper) / 2
    return upper - unit(measure) / 2 if math.isfinite(upper) else lower + unit(measure) / 2


# --- the verdicts that are committed --------------------------------------------------------------------------------


def test_the_committed_verdicts_are_those_of_the_committed_tables(tables, tmp_path):
    for name, made in zip(("claims", "claim_measurements"), trial(CLAIMS, tables), strict=True):
        save_table(tmp_path / f"{name}.csv", made)
        # Means of many rows may differ in their last digit with the version of pandas.
        pd.testing.assert_frame_equal(
            load_table(tmp_path / f"{name}.csv"), load_table(COMMITTED / f"{name}.csv"), rtol=1e-12
        )


def test_every_measurement_is_finite_and_of_a_row_of_its_own(cases):
    for claim, measure, table, _ in cases:
        rows = alone(claim, measure, {measure["table"]: table})
        assert all(math.isfinite(row.value) and row.low <= row.high for row in rows), (claim["id"], measure["quantity"])
        assert len({row.rows for row in rows}) == len(rows) > 0, (claim["id"], measure["quantity"])


# --- a table that is changed ----------------------------------------------------------------------------------------


def outside(measure, table, rows):
    yield from (replaced(table, rows, numbers(measure, table), number) for number in far(measure))


def outside_in_value_alone(measure, table, rows):
    yield from (replaced(table, rows, [measure["value"]], number) for number in far(measure))


def outside_in_one_end_alone(measure, table, rows):
    """A low or a high beyond the band, the other in it: the interval straddles its edge, or is none."""
    inside = replaced(table, rows, numbers(measure, table), middle(measure))
    for end in interval(measure, table):
        yield from (replaced(inside, rows, [end], number) for number in far(measure))


def outside_in_one_row(measure, table, rows):
    for number in far(measure, steps=1000.0 * rows.sum()):
        if "statistic" not in measure or (measure["statistic"], number > band(measure)[1]) in SEES_EVERY_ROW:
            yield replaced(table, rows.index == rows[::-1].idxmax(), numbers(measure, table), number)


def no_number(measure, table, rows):
    yield replaced(table, rows, [measure["value"]], math.nan)


def no_number_in_one_row(measure, table, rows):
    yield replaced(table, rows.index == rows.idxmax(), [measure["value"]], math.nan)


def no_interval(measure, table, rows):
    ends = interval(measure, table)
    yield from (replaced(table, rows, chosen, math.nan) for chosen in (*([end] for end in ends), ends) if chosen)


def an_end_lost(measure, table, rows):
    """A table that has lost one column of the interval, not both: then nothing says that there should be one."""
    yield from (table.drop(columns=end) for end in interval(measure, table) if len(interval(measure, table)) == 2)


def infinite(measure, table, rows):
    yield from (replaced(table, rows, numbers(measure, table), number) for number in (math.inf, -math.inf))


def no_rows(measure, table, rows):
    yield table[~rows]
    yield table.iloc[:0]


def a_listed_value_lost(measure, table, rows):
    for column, wanted in measure.get("where", {}).items():
        yield from (table[~(rows & (table[column] == value))] for value in listed(wanted))


def no_column(measure, table, rows):
    yield from (table.drop(columns=name) for name in {measure["value"], *measure.get("where", {})})


MUTATIONS = [
    outside,
    outside_in_value_alone,
    outside_in_one_end_alone,
    outside_in_one_row,
    no_number,
    no_number_in_one_row,
    no_interval,
    an_end_lost,
    infinite,
    no_rows,
    a_listed_value_lost,
    no_column,
]
# What some mutations make of every row of the measure.
EVERY_ROW = {outside: FAILS, no_number: INCONCLUSIVE, no_interval: INCONCLUSIVE, no_rows: INCONCLUSIVE}


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_no_claim_is_replicated_on_a_table_that_is_spoilt_for_one_measure(mutation, cases):
    """Whatever the claim's other measures say, and were they all replicated."""
    survivors, tried = [], 0
    for claim, measure, table, rows in cases:
        for changed in mutation(measure, table, rows):
            found, tried = alone(claim, measure, {measure["table"]: changed}), tried + 1
            spoilt = {row.verdict for row in found} <= {EVERY_ROW.get(mutation, row.verdict) for row in found}
            if not spoilt or verdict_of([*found, passing(claim)]) == REPLICATED:
                survivors.append((claim["id"], measure["quantity"]))
    assert tried > 0
    assert survivors == []


def passing(claim):
    """A measurement that is replicated."""
    texts = dict.fromkeys(("quantity", "table", "rows", "why"), "another")
    bounds = {"value": 0.0, "low": 0.0, "high": 0.0, "lower": -1.0, "upper": 1.0, "seeds": 5.0}
    return Measurement(claim=claim["id"], verdict=REPLICATED, **texts, **bounds)


def test_no_claim_is_replicated_without_the_table_of_a_measure(tables):
    for claim in (claim for claim in CLAIMS if claim.get("measures")):
        for name in {measure["table"] for measure in claim["measures"]}:
            left = {other: table for other, table in tables.items() if other != name}
            assert verdict_of(measurements(claim, left)) != REPLICATED, (claim["id"], name)


def test_every_claim_is_replicated_on_tables_in_the_middle_of_its_bands(cases):
    """What fails does so by its numbers alone."""
    for claim, measure, table, rows in cases:
        changed = replaced(table, rows, numbers(measure, table), middle(measure))
        found = alone(claim, measure, {measure["table"]: changed})
        assert {row.verdict for row in found} == {REPLICATED}, (claim["id"], measure["quantity"])
