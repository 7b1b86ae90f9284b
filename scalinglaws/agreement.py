"""Does a run agree with the committed one: claim by claim, within a stated tolerance."""

import math

import pandas as pd

# A claim's number may differ by this share of what its claim allows: other processors round differently, and training
# amplifies it; a difference that could decide a verdict is far larger.
SHARE = 0.1
COLUMNS = ("id", "verdict here", "verdict committed", "value here", "value committed", "tolerance", "agrees")


def compare_claims(here, committed):
    """One row per claim of either table (as made by `claims.trial`), those that do not agree first.

    A claim agrees when its verdict is the same and its value differs by no more than SHARE of the width of the allowed
    band, or of the bound where the band has one side. A claim that either side lacks does not agree.
    """
    both = pd.merge(here, committed, on="id", how="outer", suffixes=(" here", " committed"))
    rows = pd.DataFrame([_row(record) for record in both.to_dict("records")], columns=COLUMNS)
    return rows.sort_values("agrees", kind="stable").reset_index(drop=True)


def _row(record):
    verdicts = [record[f"verdict {side}"] for side in ("here", "committed")]
    values = [record[f"value {side}"] for side in ("here", "committed")]
    tolerance = _tolerance(record["lower committed"], record["upper committed"])
    same_value = all(map(math.isnan, values)) or abs(values[0] - values[1]) <= tolerance
    same_measure = record["quantity here"] == record["quantity committed"]
    return record["id"], *verdicts, *values, tolerance, verdicts[0] == verdicts[1] and same_measure and same_value


def _tolerance(lower, upper):
    width = upper - lower
    if math.isfinite(width):
        return SHARE * width
    return SHARE * abs(upper if math.isfinite(upper) else lower)
