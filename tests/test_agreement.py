"""Agreement of a run with the committed one: equal verdicts, numbers within stated tolerances, else named."""

import math

import numpy as np
import pandas as pd
import pytest

from scalinglaws.agreement import (
    SHARE,
    compare_claims,
    compare_measurements,
    compare_table,
    read_tolerances,
    tolerance_of,
)
from scalinglaws.agreement.tables import scales

COMMITTED = pd.DataFrame(
    {
        "id": ["band", "bound", "open"],
        "verdict": ["replicated", "fails", "not attempted"],
        "quantity": ["slope", "closure", np.nan],
        "value": [1.0, 3.0, np.nan],
        "lower": [0.5, -np.inf, np.nan],
        "upper": [1.5, 2.0, np.nan],
    }
).fillna({"quantity": "none"})
MEASURED = COMMITTED.rename(columns={"id": "claim"}).assign(rows=["a", "b", "c"])


# --- claims ---------------------------------------------------------------------------------------------------------


def test_a_run_agrees_with_itself():
    assert compare_claims(COMMITTED, COMMITTED).agrees.all()
    assert compare_measurements(MEASURED, MEASURED).agrees.all()


@pytest.mark.parametrize(
    ("column", "row", "value", "agrees"),
    [
        ("value", 0, 1.0 + 0.99 * SHARE, True),
        ("value", 0, 1.0 + 1.01 * SHARE, False),
        ("value", 0, 1.0 - 1.01 * SHARE, False),
        ("value", 1, 3.0 + 1.99 * SHARE, True),
        ("value", 1, 3.0 + 2.01 * SHARE, False),
        ("value", 0, np.nan, False),
        ("value", 2, 1.0, False),
        ("verdict", 1, "replicated", False),
        ("quantity", 0, "another slope", False),
    ],
)
def test_one_change(column, row, value, agrees):
    here = COMMITTED.copy()
    here.loc[row, column] = value
    compared = compare_claims(here, COMMITTED)
    assert compared.agrees.sum() == (3 if agrees else 2)
    assert compared.agrees.iloc[0] == agrees
    if not agrees:
        assert compared.id.iloc[0] == COMMITTED.id[row]


def test_a_claim_that_one_side_lacks_does_not_agree():
    for here, committed in ((COMMITTED[:2], COMMITTED), (COMMITTED, COMMITTED[:2])):
        compared = compare_claims(here, committed)
        assert compared.id.iloc[0] == "open"
        assert not compared.agrees.iloc[0]
        assert compared.agrees.sum() == 2


def test_other_verdicts_come_before_other_numbers():
    here = COMMITTED.assign(value=[2.0, 3.0, np.nan], verdict=["replicated", "replicated", "not attempted"])
    assert compare_claims(here, COMMITTED).id.tolist() == ["bound", "band", "open"]


@pytest.mark.parametrize(
    ("here", "committed", "agreeing"),
    [
        (MEASURED[::-1], MEASURED, 3),
        (MEASURED.assign(rows=["a", "b", "another"]), MEASURED, 2),
        (MEASURED.assign(value=[1.0, 3.3, np.nan]), MEASURED, 2),
        (pd.concat([MEASURED, MEASURED[:1]]), MEASURED, 3),
        (MEASURED, pd.concat([MEASURED, MEASURED[:1]]), 3),
    ],
    ids=["order", "rows", "value", "twice here", "twice committed"],
)
def test_measurements_pair_by_claim_quantity_and_rows(here, committed, agreeing):
    compared = compare_measurements(here, committed)
    assert compared.agrees.sum() == agreeing
    assert len(compared) == max(len(here), len(committed)) + (agreeing == 2 and "another" in set(here.rows))


# --- tables ---------------------------------------------------------------------------------------------------------

STATED = read_tolerances(
    {
        "tolerances": [
            {"tables": ["shells/*"], "columns": ["residue", "*_gap"], "absolute": 1e-9, "why": "rounding"},
            {"tables": ["*"], "columns": ["*"], "relative": 1e-3, "why": "the others"},
        ]
    }
)
TABLE = pd.DataFrame(
    {
        "quantity": ["loss", "loss", "loss", "slope", "slope"],
        "deep": [True, False, True, True, True],
        "count": [1, 2, 3, 4, 5],
        "residue": [1e-16, 0.0, -1e-16, 3e-16, np.nan],
        "value": [100.0, 200.0, 1e-9, -0.5, np.inf],
    }
)


def changed(column, row, value):
    table = TABLE.astype({"count": float, "deep": object})
    table.loc[row, column] = value
    return table


def test_a_table_agrees_with_itself():
    assert compare_table("shells/runs", TABLE, TABLE, STATED) == []
    assert compare_table("shells/runs", TABLE[:0], TABLE[:0], STATED) == []
    missing = TABLE.assign(deep=[True, None, None, False, True], quantity=["loss", None, None, "slope", None])
    assert compare_table("shells/runs", missing, missing, STATED) == []
    np.testing.assert_allclose(scales(missing).value[:3], [0.1, 0.1, 0.1])


def test_the_scale_is_a_thousandth_of_the_median_of_rows_with_the_same_text():
    sizes = scales(TABLE.assign(deep="yes")) * 1000
    np.testing.assert_allclose(sizes.value, [100.0, 100.0, 100.0, 0.5, 0.5])
    np.testing.assert_allclose(sizes.residue, [1e-16, 1e-16, 1e-16, 3e-16, 3e-16])
    np.testing.assert_allclose(scales(TABLE[["count"]])["count"], 0.003)
    assert (scales(TABLE[["count"]] * 0)["count"] == 0).all()


@pytest.mark.parametrize(
    ("column", "row", "value", "ratio"),
    [
        ("value", 0, 100.05, 0.5),
        ("value", 0, 99.8, 2.0),
        ("value", 1, 200.4, 2.0),
        # The third row's scale is told by the first, of the same text: a thousandth of half of 100.
        ("value", 2, 2.5e-5 + 1e-9, 0.5),
        ("value", 3, -0.501, 2.0),
        ("count", 2, 3.006, 2.0),
        ("residue", 3, 3e-16 - 5e-10, 0.5),
        ("residue", 1, 3e-9, 3.0),
        ("value", 0, np.nan, math.inf),
        ("value", 0, np.inf, math.inf),
        ("value", 4, -np.inf, math.inf),
        ("value", 4, 7.0, math.inf),
        ("residue", 4, 0.0, math.inf),
        ("quantity", 0, "lost", math.inf),
        ("quantity", 0, np.nan, math.inf),
        ("deep", 0, False, math.inf),
    ],
)
def test_a_changed_cell_is_told_in_units_of_its_tolerance(column, row, value, ratio):
    (found,) = compare_table("shells/runs", changed(column, row, value), TABLE, STATED)
    assert (found.table, found.column, found.line) == ("shells/runs", column, row + 2)
    assert found.rows == (ratio > 1)
    assert found.ratio == pytest.approx(ratio, rel=1e-6)
    assert str(found.here) == str(value)


def test_the_worst_row_of_a_column_is_told_and_the_others_are_counted():
    here = TABLE.assign(value=[101.0, 190.0, 1e-9, -0.5, np.inf])
    (found,) = compare_table("ridge/points", here, TABLE, STATED)
    assert (found.rows, found.line, found.here, found.committed) == (2, 3, 190.0, 200.0)
    assert found.allowed == pytest.approx(0.2)


def test_what_is_tight_in_one_table_may_be_loose_in_another():
    here = TABLE.assign(residue=[2e-16, 0.0, -1e-16, 3e-16, np.nan])
    (shells,) = compare_table("shells/runs", here, TABLE, STATED)
    (ridge,) = compare_table("ridge/runs", here, TABLE, STATED)
    assert shells.ratio < 1 < ridge.ratio


@pytest.mark.parametrize(
    ("here", "committed", "said"),
    [
        (None, TABLE, ("no such table", "a table")),
        (TABLE, None, ("a table", "no such table")),
        (TABLE[:4], TABLE, ("4 rows", "5 rows")),
        (TABLE.rename(columns={"value": "worth"}), TABLE, ("own columns: worth", "own columns: value")),
        (TABLE[TABLE.columns[::-1]], TABLE, ("columns in another order", "columns in another order")),
    ],
    ids=["missing", "new", "rows", "columns", "order"],
)
def test_a_table_of_another_shape_is_one_deviation(here, committed, said):
    (found,) = compare_table("shells/runs", here, committed, STATED)
    assert (found.here, found.committed) == said
    assert found.ratio == math.inf


# --- tolerances -----------------------------------------------------------------------------------------------------

LAST = {"tables": ["*"], "columns": ["*"], "relative": 1e-6, "why": "the others"}


def test_the_first_entry_that_covers_a_column_counts():
    assert tolerance_of(STATED, "shells/runs", "dissipation_gap").why == "rounding"
    assert tolerance_of(STATED, "shells/runs", "gap").why == "the others"
    assert tolerance_of(STATED, "ridge/runs", "residue").why == "the others"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "must be a list"),
        ({"tolerances": []}, "must be a list"),
        ({"tolerances": {"relative": 1}}, "must be a list"),
        ({"tolerances": ["tight"]}, "entry 1 .* must give"),
        ({"tolerances": [{**LAST, "relativ": 1.0}]}, "entry 1 .* nothing else"),
        ({"tolerances": [{name: LAST[name] for name in ("tables", "columns", "relative")}]}, "entry 1 .* must give"),
        ({"tolerances": [LAST | {"why": " "}]}, "why = ' ' must be a reason"),
        ({"tolerances": [LAST | {"tables": "*"}]}, r"tables = '\*' must be a list"),
        ({"tolerances": [LAST | {"columns": []}]}, r"columns = \[\] must be a list"),
        ({"tolerances": [LAST | {"relative": "1e-6"}]}, "relative = '1e-6' must be a finite number"),
        ({"tolerances": [LAST | {"absolute": -1}]}, "absolute = -1 must be a finite number"),
        ({"tolerances": [LAST | {"relative": math.inf}]}, "relative = inf must be a finite number"),
        ({"tolerances": [LAST | {"relative": True}]}, "relative = True must be a finite number"),
        ({"tolerances": [{name: LAST[name] for name in ("tables", "columns", "why")}]}, "relative, absolute or both"),
        ({"tolerances": [LAST, LAST | {"tables": ["shells/*"]}]}, "last entry"),
    ],
)
def test_a_malformed_list_of_tolerances_is_refused_in_one_line(content, problem):
    with pytest.raises(ValueError, match=problem) as refused:
        read_tolerances(content)
    assert "\n" not in str(refused.value)
