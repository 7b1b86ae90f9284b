"""Verdicts: what an interval against a band means, that nothing missing passes, and that the claims can be judged."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalinglaws.claims import (
    COLOURS,
    FAILS,
    INCONCLUSIVE,
    NOT_ATTEMPTED,
    PARTIAL,
    REPLICATED,
    VERDICTS,
    as_markdown,
    band,
    cells,
    counts,
    judge,
    measurements,
    summary,
    trial,
)

NAN, INF = math.nan, math.inf
exactly = settings(deadline=None, derandomize=True)


def measure(**changes):
    """A measure of the slope per data set, allowed in [0.9, 1.1]."""
    usual = {"quantity": "slope of x", "table": "t", "value": "slope", "why": "theory", "label": ["dataset"]}
    return {**usual, "predicted": 1.0, "tolerance": 0.1, **changes}


def without(*names, **changes):
    return {name: value for name, value in measure(**changes).items() if name not in names}


def claim(*measures, **changes):
    about = {"id": "a-claim", "paper": "2512.10427", "place": "abstract", "statement": "It is so.", "scope": "toys"}
    return {**about, "measures": list(measures), **changes}


def table(*slopes, half=0.01):
    """A table with a row per slope, its interval of this half width."""
    names = [f"set {index}" for index in range(len(slopes))]
    slopes = np.array(slopes, dtype=float)
    bounds = {"low": slopes - half, "high": slopes + half}
    return pd.DataFrame({"dataset": names, "slope": slopes, **bounds, "seeds": 5})


def verdict(claim_, **tables):
    """The verdict of one claim on these tables."""
    (row,) = trial([claim_], tables)[0].to_dict("records")
    return row["verdict"]


# --- an interval against a band -------------------------------------------------------------------------------------

JUDGED = [
    # value, low, high, lower, upper, verdict
    (1.0, 0.95, 1.05, 0.9, 1.1, REPLICATED),
    (1.0, 0.9, 1.1, 0.9, 1.1, REPLICATED),
    (1.0, 1.0, 1.0, 0.9, 1.1, REPLICATED),
    (0.9, 0.9, 0.9, 0.9, 1.1, REPLICATED),
    (-3.0, -INF, 0.0, -INF, 0.0, REPLICATED),
    (1.0, 0.89, 1.05, 0.9, 1.1, INCONCLUSIVE),
    (1.0, 0.95, 1.11, 0.9, 1.1, INCONCLUSIVE),
    (1.0, 0.5, 1.5, 0.9, 1.1, INCONCLUSIVE),
    (1.2, 1.1, 1.3, 0.9, 1.1, INCONCLUSIVE),
    (1.0, NAN, NAN, 0.9, 1.1, INCONCLUSIVE),
    (1.0, 0.95, NAN, 0.9, 1.1, INCONCLUSIVE),
    (1.0, NAN, 1.05, 0.9, 1.1, INCONCLUSIVE),
    (9.0, NAN, NAN, 0.9, 1.1, INCONCLUSIVE),
    (1.2, 1.11, 1.3, 0.9, 1.1, FAILS),
    (0.8, 0.7, 0.89, 0.9, 1.1, FAILS),
    (1.11, 1.11, 1.11, 0.9, 1.1, FAILS),
    (1e-11, 1e-11, 1e-11, -INF, 1e-12, FAILS),
    (0.05, 0.05, 0.05, 0.1, INF, FAILS),
    (INF, INF, INF, -INF, 1.0, FAILS),
    (NAN, NAN, NAN, 0.9, 1.1, INCONCLUSIVE),
    (NAN, 0.95, 1.05, 0.9, 1.1, INCONCLUSIVE),
    (NAN, NAN, NAN, -INF, INF, INCONCLUSIVE),
    (1.0, 1.05, 0.95, 0.9, 1.1, INCONCLUSIVE),
    (1.0, 1.0, 1.0, NAN, 1.1, INCONCLUSIVE),
    (1.0, 1.0, 1.0, 1.1, 0.9, FAILS),
    # An interval that does not hold its value is no better than the value.
    (9.0, 0.95, 1.05, 0.9, 1.1, INCONCLUSIVE),
    (1.0, 1.2, 1.3, 0.9, 1.1, INCONCLUSIVE),
    (9.0, 1.2, 1.3, 0.9, 1.1, FAILS),
    (1.09, 0.95, 1.05, 0.9, 1.1, REPLICATED),
    # A number that overflowed is not large.
    (INF, INF, INF, 0.1, INF, INCONCLUSIVE),
    (INF, 1.0, INF, 0.1, INF, INCONCLUSIVE),
    (-INF, -INF, -INF, -INF, 1.0, INCONCLUSIVE),
    (-INF, -INF, -INF, 0.1, INF, FAILS),
]


@pytest.mark.parametrize(("value", "low", "high", "lower", "upper", "expected"), JUDGED)
def test_judged_by_the_interval(value, low, high, lower, upper, expected):
    assert judge(value, low, high, lower, upper) == expected


numbers = st.floats(-10, 10) | st.just(NAN)


@exactly
@given(numbers, numbers, numbers, st.floats(-10, 10), st.floats(0, 10), st.floats(-5, 5))
def test_judging_does_not_depend_on_the_origin_nor_on_the_sign(value, low, high, centre, half, shift):
    """Mirrored numbers get the mirrored interval; nothing that is not a number is replicated."""
    lower, upper = centre - half, centre + half
    expected = judge(value, low, high, lower, upper)
    assert judge(-value, -high, -low, -upper, -lower) == expected
    if math.isnan(value):
        assert expected == INCONCLUSIVE
    if expected == REPLICATED:
        assert lower <= value <= upper
    if expected == REPLICATED:
        assert judge(value, low, high, lower - abs(shift), upper + abs(shift)) == REPLICATED


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({"predicted": 2.0, "tolerance": 0.25}, (1.75, 2.25)),
        ({"predicted": -1, "tolerance": 1}, (-2, 0)),
        ({"at_most": 1e-12}, (-INF, 1e-12)),
        ({"at_least": 0.1}, (0.1, INF)),
        ({"at_least": 0.1, "at_most": 0.2}, (0.1, 0.2)),
    ],
)
def test_bands(stated, expected):
    assert band(stated) == expected


# --- rows of tables -------------------------------------------------------------------------------------------------


def test_every_selected_row_is_judged_with_its_label_and_seeds():
    slopes = pd.concat([table(1.0, 1.5), table(9.0)], ignore_index=True)
    slopes["held"] = ["richness", "richness", "width"]
    rows = measurements(claim(measure(where={"held": "richness"}, label=["dataset", "held"])), {"t": slopes})
    assert [(row.rows, row.value, row.low, row.high, row.seeds, row.verdict) for row in rows] == [
        ("set 0, richness", 1.0, 0.99, 1.01, 5, REPLICATED),
        ("set 1, richness", 1.5, 1.49, 1.51, 5, FAILS),
    ]
    assert {(row.claim, row.quantity, row.table, row.why) for row in rows} == {("a-claim", "slope of x", "t", "theory")}
    assert {(row.lower, row.upper) for row in rows} == {(0.9, 1.1)}


def test_a_row_without_a_label_is_judged_all_the_same():
    slopes = table(1.0, 1.0)
    slopes["held"] = ["richness", None]
    rows = measurements(claim(measure(label=["dataset", "held"])), {"t": slopes})
    assert [row.rows for row in rows] == ["set 0, richness", "set 1, "]


@pytest.mark.parametrize(
    ("where", "expected"), [({}, 3), ({"kind": ["a", "b"]}, 2), ({"kind": "c", "dataset": "set 2"}, 1)]
)
def test_rows_are_chosen_by_value_or_by_list(where, expected):
    slopes = table(1.0, 1.0, 1.0).assign(kind=["a", "b", "c"])
    assert len(measurements(claim(measure(where=where)), {"t": slopes})) == expected


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [("max", 1.3), ("min", 0.7), ("mean", 1.0), ("median", 1.0)],
    ids=lambda value: str(value),
)
def test_a_statistic_reduces_all_rows_to_one(statistic, expected):
    runs = pd.DataFrame({"slope": [0.7, 1.0, 1.3, 1.0], "seed": [0, 1, 2, 0], "low": 0.0, "high": 9.0})
    (row,) = measurements(claim(measure(statistic=statistic)), {"t": runs})
    assert (row.rows, row.seeds) == (f"{statistic} of 4 rows", 3)
    assert (row.value, row.low, row.high) == pytest.approx((expected,) * 3)


def test_columns_of_other_names_and_none_for_no_interval():
    other = table(1.0, half=0.5).rename(columns={"slope": "order", "low": "from", "high": "to"})
    (wide,) = measurements(claim(measure(value="order", low="from", high="to")), {"t": other})
    assert (wide.low, wide.high, wide.verdict) == (0.5, 1.5, INCONCLUSIVE)
    (alone,) = measurements(claim(measure(low="none", high="none")), {"t": table(1.0, half=0.5)})
    assert (alone.low, alone.high, alone.verdict) == (1.0, 1.0, REPLICATED)


MISSING = {
    "no table": (measure(), {}),
    "no rows": (measure(), {"t": table()}),
    "no such rows": (measure(where={"dataset": "elsewhere"}), {"t": table(1.0)}),
    "no column": (measure(value="order"), {"t": table(1.0)}),
    "no column to choose by": (measure(where={"held": "richness"}), {"t": table(1.0)}),
    "no number": (measure(), {"t": table(NAN)}),
    "no number in a wide band": (measure(tolerance=1e300), {"t": table(NAN)}),
    "no number among others": (measure(), {"t": table(1.0, NAN)}),
    "no number in a statistic": (measure(statistic="max"), {"t": table(1.0, NAN)}),
    "no number in a minimum": (measure(statistic="min"), {"t": table(1.0, NAN)}),
    "no rows for a statistic": (measure(statistic="mean"), {"t": table()}),
    "no interval": (measure(), {"t": table(1.0, half=NAN)}),
    "no interval, far outside": (measure(), {"t": table(9.0, half=NAN)}),
    "no interval among others": (measure(), {"t": pd.concat([table(1.0, half=NAN), table(1.0)])}),
    "no lower bound": (measure(), {"t": table(1.0).assign(low=NAN)}),
    "no column of upper bounds, only of lower": (measure(), {"t": table(1.0).drop(columns="high")}),
    "no column of lower bounds, only of upper": (measure(), {"t": table(1.0).drop(columns="low")}),
    "no column of the name given to a bound": (measure(low="from", high="none"), {"t": table(1.0)}),
    "no columns of the names given": (measure(low="from", high="to"), {"t": table(1.0).drop(columns=["low", "high"])}),
    "one of two values": (measure(where={"dataset": ["set 0", "set 1"]}), {"t": table(1.0)}),
    "two of three": (measure(where={"seeds": 5, "dataset": ["x", "set 0", "y"]}, statistic="max"), {"t": table(1.0)}),
    "an overflow, where more is better": (without("predicted", "tolerance", at_least=1.0), {"t": table(INF, half=0.0)}),
    "no upper bound, the other elsewhere": (measure(low="none"), {"t": table(1.0).assign(high=NAN)}),
}


@pytest.mark.parametrize(("measured", "tables"), MISSING.values(), ids=MISSING)
def test_what_is_missing_is_inconclusive_never_replicated(measured, tables):
    assert verdict(claim(measured), **tables) == INCONCLUSIVE
    # Nor does another measure of the claim, which is fine, make up for it.
    assert verdict(claim(measured, measure(table="fine")), **tables, fine=table(1.0)) == INCONCLUSIVE


@pytest.mark.parametrize(("changes", "measured"), [({}, "set 1"), ({"statistic": "max"}, "max of 1 rows")])
def test_each_value_that_is_listed_must_have_a_row(changes, measured):
    listed = {"dataset": ["set 0", "set 1", "set 2"], "seeds": [5, 7]}
    rows = measurements(claim(measure(where=listed, **changes)), {"t": table(1.0, 1.0).iloc[1:]})
    missing = [f"no such rows: {name}" for name in ("dataset set 0", "dataset set 2", "seeds 7")]
    assert [row.rows for row in rows] == [measured, *missing]
    assert [row.verdict for row in rows] == [REPLICATED, *[INCONCLUSIVE] * 3]
    assert all(math.isnan(row.value) and row.seeds == 0 for row in rows[1:])


def test_a_number_that_is_missing_does_not_hide_a_failure():
    listed = measure(where={"dataset": ["set 0", "set 1"]})
    assert verdict(claim(listed), t=table(1.5)) == FAILS
    assert verdict(claim(listed, measure(table="fine")), t=table(1.5), fine=table(1.0)) == PARTIAL


def test_a_table_without_intervals_is_judged_by_its_values():
    alone = table(1.0, 1.5).drop(columns=["low", "high"])
    rows = measurements(claim(measure()), {"t": alone})
    assert [(row.low, row.high, row.verdict) for row in rows] == [(1.0, 1.0, REPLICATED), (1.5, 1.5, FAILS)]


# --- from rows to claims --------------------------------------------------------------------------------------------

CLAIM_VERDICTS = [
    ((1.0,), REPLICATED),
    ((1.0, 1.05), REPLICATED),
    ((1.0, 1.5), PARTIAL),
    ((1.0, 1.1, 1.5), PARTIAL),
    ((1.5, 1.5), FAILS),
    ((1.1, 1.5), FAILS),
    ((NAN, 1.5), FAILS),
    ((1.0, 1.1), INCONCLUSIVE),
    ((1.1,), INCONCLUSIVE),
]


@pytest.mark.parametrize(("slopes", "expected"), CLAIM_VERDICTS)
def test_a_claim_is_what_its_rows_are(slopes, expected):
    assert verdict(claim(measure()), t=table(*slopes)) == expected
    assert verdict(claim(measure()), t=table(*slopes[::-1])) == expected


def test_a_claim_without_measures_says_why():
    row = trial([claim(not_attempted="needs a cluster")], {})[0].iloc[0]
    assert (row.verdict, row.why, row.measured) == (NOT_ATTEMPTED, "needs a cluster", 0)


def test_failures_come_first_and_else_the_order_stays():
    slopes = {"good": (1.0,), "none": (), "bad": (2.0,), "part": (1.0, 2.0), "wide": (1.1,), "fine": (1.0,)}
    claims_ = [claim(measure(table=name), id=name) for name, rows in slopes.items() if rows]
    claims_.insert(1, claim(id="none", not_attempted="later"))
    rows, judged = trial(claims_, {name: table(*values) for name, values in slopes.items()})
    assert rows.id.tolist() == ["bad", "part", "wide", "none", "good", "fine"]
    assert rows.verdict.tolist() == [*VERDICTS, REPLICATED]
    assert judged.claim.tolist() == ["bad", "part", "part", "wide", "good", "fine"]
    assert rows.set_index("id").loc["part", ["measured", "passed"]].tolist() == [2, 1]


WORST = [
    ({"predicted": 1.0, "tolerance": 0.1}, (1.0, 1.2, 0.5), 0.5),
    ({"predicted": 1.0, "tolerance": 0.1}, (1.0, 1.02, 0.99), 1.02),
    ({"predicted": 1.0, "tolerance": 0.1}, (0.5, NAN, 9.0), 9.0),
    ({"predicted": 1.0, "tolerance": 0.1}, (1.0, NAN, 1.05), NAN),
    ({"at_most": 1.0}, (0.5, 3.0, 2.0), 3.0),
    ({"at_most": -1.0}, (-5.0, -2.0, -0.5), -0.5),
    ({"at_least": 0.1}, (0.05, 0.2, 0.01), 0.01),
    ({"at_least": 0.0}, (-0.05, 0.2, -1.0), -1.0),
]


@pytest.mark.parametrize(("stated", "slopes", "worst"), WORST)
def test_a_claim_shows_its_worst_row(stated, slopes, worst):
    measured = {**without("predicted", "tolerance"), **stated}
    row = trial([claim(measured)], {"t": table(*slopes, half=0.0)})[0].iloc[0]
    np.testing.assert_equal(row.value, worst)


def test_the_worst_row_is_that_whose_value_is_furthest_out_even_of_its_interval():
    slopes = table(1.3, 1.2, half=0.0)
    slopes.loc[1, "slope"] = 5.0
    row = trial([claim(measure())], {"t": slopes})[0].iloc[0]
    assert (row.value, row.high, row.verdict) == (5.0, 1.2, FAILS)


@pytest.mark.parametrize("columns", [["low"], ["high"], ["low", "high"]])
def test_a_row_without_an_interval_is_shown_before_those_that_pass(columns):
    slopes = table(1.0, 1.05, 1.0)
    slopes.loc[1, columns] = NAN
    row = trial([claim(measure())], {"t": slopes})[0].iloc[0]
    assert (row.verdict, row.value, row.passed) == (INCONCLUSIVE, 1.05, 2)


def test_the_worst_row_is_measured_in_units_of_its_own_band():
    """0.2 over a band of width 0.2 is worse than 1 over one of width 20, and a bound's unit is the bound."""
    narrow, wide = measure(quantity="narrow"), measure(quantity="wide", table="u", tolerance=10.0)
    tables = {"t": table(1.3, half=0.0), "u": table(12.0, half=0.0)}
    row = trial([claim(wide, narrow)], tables)[0].iloc[0]
    assert (row.quantity, row.rows, row.lower, row.upper, row.table) == ("narrow", "set 0", 0.9, 1.1, "t")


def test_the_page_lists_everything_failures_first():
    claims_ = [
        claim(measure(), id="good"),
        claim(measure(table="u", quantity="norm |x|"), id="bad"),
        claim(id="later", not_attempted="needs a cluster"),
    ]
    page = as_markdown(*trial(claims_, {"t": table(1.0), "u": table(1.5, half=0.0)}))
    assert "3 claims: 1 fails, 1 not attempted, 1 replicated." in page
    assert page.index("## bad: fails") < page.index("## later: not attempted") < page.index("## good: replicated")
    assert "| slope of x | set 0 | 1 | 0.99 to 1.01 | 0.9 to 1.1 | 5 | replicated |" in page
    assert "| norm \\|x\\| | set 0 | 1.5 |  | 0.9 to 1.1 | 5 | fails |" in page
    assert "needs a cluster" in page
    assert "Source: arXiv 2512.10427, abstract. Scope: toys." in page


def test_one_sided_bands_are_written_with_any():
    bounded = without("predicted", "tolerance", at_most=2.0)
    assert "| any to 2 |" in as_markdown(*trial([claim(bounded)], {"t": table(1.0)}))


def test_an_interval_that_is_missing_is_left_blank():
    missing = {"t": table(NAN), "u": table(1.0, half=NAN), "v": table(1.0).assign(high=NAN)}
    page = as_markdown(*trial([claim(*(measure(table=name) for name in missing), measure(table="none"))], missing))
    assert page.count("| 1 |  | 0.9 to 1.1 | 5 | inconclusive |") == 2
    assert "nan to" not in page
    assert "to nan" not in page


def test_cells_are_text_and_blank_for_what_was_not_attempted():
    entries = [claim(measure(), measure(table="u")), claim(id="later", not_attempted="later")]
    claims_, judged = trial(entries, {"t": table(1.0)})
    good, missing = judged.to_dict("records")
    assert [*cells(good).values()] == ["slope of x", "set 0", "1", "0.99 to 1.01", "0.9 to 1.1", "5"]
    assert [*cells(missing).values()] == ["slope of x", "no such rows", "nan", "", "0.9 to 1.1", "0"]
    assert [cells(row)["rows"] for row in claims_.to_dict("records")] == ["no such rows", ""]
    assert {*cells(claims_.iloc[1]).values()} == {""}


def test_counts_are_in_the_order_of_verdicts():
    entries = [claim(measure()), claim(id="later", not_attempted="later"), claim(measure(), id="another")]
    claims_, _ = trial(entries, {"t": table(1.0)})
    assert counts(claims_) == [(NOT_ATTEMPTED, 1), (REPLICATED, 2)]
    assert summary(claims_) == "3 claims: 1 not attempted, 2 replicated."
    assert counts(trial([], {})[0]) == []


def test_every_verdict_has_a_colour_of_its_own():
    assert [*COLOURS] == [*VERDICTS]
    assert len(set(COLOURS.values())) == len(VERDICTS)


def test_a_page_without_claims():
    claims_, judged = trial([], {})
    assert "0 claims: none." in as_markdown(claims_, judged)
    assert claims_.columns.tolist() == trial([claim(measure())], {"t": table(1.0)})[0].columns.tolist()


def test_a_page_of_claims_not_attempted():
    assert "needs a cluster" in as_markdown(*trial([claim(not_attempted="needs a cluster")], {}))


# --- bad entries ----------------------------------------------------------------------------------------------------


BAD = {
    "no band": without("predicted", "tolerance"),
    "no prediction": without("predicted"),
    "no tolerance": without("tolerance"),
    "negative tolerance": measure(tolerance=-0.1),
    "zero tolerance": measure(tolerance=0),
    "tolerance not a number": measure(tolerance=NAN),
    "prediction not a number": measure(predicted=NAN),
    "prediction as text": measure(predicted="1e-4"),
    "bound as text": without("predicted", "tolerance", at_most="1e-7"),
    "bound not a number": without("predicted", "tolerance", at_most=NAN),
    "bound infinite": without("predicted", "tolerance", at_least=-INF),
    "empty band": without("predicted", "tolerance", at_least=2.0, at_most=1.0),
    "two predictions": measure(at_most=2.0),
    "unknown statistic": measure(statistic="maximum"),
    "unknown key": measure(labels=["dataset"]),
    "unknown label": measure(label=["data set"]),
    "no reason": without("why"),
    "no table": without("table"),
}


@pytest.mark.parametrize("entry", BAD.values(), ids=BAD)
def test_a_bad_entry_is_refused_by_its_quantity(entry):
    with pytest.raises(ValueError, match=r"measure 'slope of x': .") as refusal:
        trial([claim(entry)], {"t": table(1.0)})
    assert "\n" not in str(refusal.value)
