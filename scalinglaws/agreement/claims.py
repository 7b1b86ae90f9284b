"""Do a run's verdicts agree with the committed ones: claim by claim and measurement by measurement."""

import math

import pandas as pd

# A claim's number may differ by this share of what its claim allows: other processors round differently, and training
# amplifies it; a difference that could decide a verdict is far larger.
SHARE = 0.1
COMPARED = ("verdict here", "verdict committed", "value here", "value committed", "tolerance", "agrees")
MEASUREMENT = ("claim", "quantity", "rows")
NEEDED = ("verdict", "quantity", "value", "lower", "upper")


def compare_claims(here, committed):
    """One row per claim of either table (as made by `claims.trial`), those that do not agree first.

    A claim agrees when its verdict and the quantity it shows are the same and its value differs by no more than SHARE
    of the width of the allowed band, or of the bound where the band has one side. A claim that either side lacks does
    not agree. ValueError if a table lacks a column that this needs.
    """
    return _compare(here, committed, ["id"])


def compare_measurements(here, committed):
    """One row per measurement of either table, named by claim, quantity and rows; agreement as of claims."""
    return _compare(here, committed, list(MEASUREMENT))


def _compare(here, committed, keys):
    for table in (here, committed):
        if missing := sorted({*keys, *NEEDED} - set(table.columns)):
            raise ValueError(f"a table of claims or measurements must have the columns {', '.join(missing)}")
    # Counted, so that a row which one side holds twice has no partner.
    sides = [table.assign(repeat=table.groupby(keys).cumcount()) for table in (here, committed)]
    both = pd.merge(*sides, on=[*keys, "repeat"], how="outer", suffixes=(" here", " committed"))
    records = both.to_dict("records")
    rows = pd.DataFrame([(*map(record.get, keys), *_row(record)) for record in records], columns=[*keys, *COMPARED])
    # Another verdict is worse than another number.
    rows["same verdict"] = rows["verdict here"] == rows["verdict committed"]
    rows = rows.sort_values(["agrees", "same verdict"], kind="stable").reset_index(drop=True)
    return rows.drop(columns="same verdict")


def _row(record):
    verdicts = [record[f"verdict {side}"] for side in ("here", "committed")]
    values = [record[f"value {side}"] for side in ("here", "committed")]
    tolerance = _tolerance(record["lower committed"], record["upper committed"])
    same_value = all(map(math.isnan, values)) or abs(values[0] - values[1]) <= tolerance
    # Where the quantity is what rows were paired by, there is one column of it; a claim not attempted has none.
    quantities = [record.get(f"quantity {side}") for side in ("here", "committed")]
    same_measure = all(map(pd.isna, quantities)) or quantities[0] == quantities[1]
    return *verdicts, *values, tolerance, verdicts[0] == verdicts[1] and same_measure and same_value


def _tolerance(lower, upper):
    width = upper - lower
    if math.isfinite(width):
        return SHARE * width
    return SHARE * abs(upper if math.isfinite(upper) else lower)
