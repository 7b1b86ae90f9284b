"""Agreement of a run with the committed one: equal verdicts and values within tolerance, else named."""

import numpy as np
import pandas as pd
import pytest

from scalinglaws.agreement import SHARE, compare_claims

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


def test_a_run_agrees_with_itself():
    assert compare_claims(COMMITTED, COMMITTED).agrees.all()


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
