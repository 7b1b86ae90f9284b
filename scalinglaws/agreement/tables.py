"""Does one table agree with the committed one: the same rows, columns and text, numbers within stated tolerances."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scalinglaws.agreement.tolerances import tolerance_of

# A number smaller than this part of its like is held to their size: sums that nearly cancel round as their terms do.
SMALL = 1e-3


@dataclass(frozen=True)
class Deviation:
    """How a column differs from the committed one, told at its worst row.

    rows: how many rows are not within tolerance; line: that of the worst in the csv file (0: the whole table); here and
    committed: what stands there; allowed: by how much they may differ; ratio: by how many times that they do, infinite
    for what no tolerance covers (text, a number on one side, rows or columns of one side).
    """

    table: str
    column: str
    rows: int
    line: int
    here: object
    committed: object
    allowed: float
    ratio: float


def compare_table(name, here, committed, tolerances):
    """The columns that differ, as Deviations, none for equal content; a table of other rows or columns is one of them.

    here, committed: the table as a DataFrame, or None where that side has none.
    """
    shapes = [_shape(table) for table in (here, committed)]
    if shapes[0] != shapes[1]:
        return [Deviation(name, "", 0, 0, *_difference(here, committed), 0.0, math.inf)]
    if committed.empty:
        return []
    sizes = scales(committed)
    found = [
        _compare_column(name, here[column], committed[column], sizes.get(column), tolerances)
        for column in committed.columns
    ]
    return [deviation for deviation in found if deviation is not None]


def scales(table):
    """The scale of each number: SMALL times the median |value| of its column over the rows of the same text.

    Truth values are text here. Zeros, infinities and missing values are left out; 0 where that leaves none.
    """
    kinds = {column: _is_number(table[column]) for column in table.columns}
    text = [column for column, number in kinds.items() if not number]
    sizes = table[[column for column, number in kinds.items() if number]].abs().replace([0, np.inf], np.nan)
    groups = [_text(table[column]) for column in text] or np.zeros(len(table))
    return sizes.astype(float).groupby(groups, sort=False).transform("median").fillna(0.0) * SMALL


def _shape(table):
    return None if table is None else (list(table.columns), len(table))


def _difference(here, committed):
    """What either side has, in words: no table, or the columns of its own, or the number of its rows."""
    if here is None or committed is None:
        return tuple("no such table" if table is None else "a table" for table in (here, committed))
    if list(here.columns) != list(committed.columns):
        pairs = ((here, committed), (committed, here))
        own = [[column for column in one.columns if column not in other.columns] for one, other in pairs]
        return tuple(f"own columns: {', '.join(names)}" if names else "columns in another order" for names in own)
    return tuple(f"{len(table)} rows" for table in (here, committed))


def _compare_column(name, here, committed, scale, tolerances):
    """The Deviation of one column, or None if its content is equal."""
    if _is_number(here) and _is_number(committed):
        tolerance = tolerance_of(tolerances, name, committed.name)
        allowed = tolerance.absolute + tolerance.relative * np.maximum(committed.abs(), scale).to_numpy(float)
        ratios = _ratios(here.to_numpy(float), committed.to_numpy(float), allowed)
    else:
        allowed = np.zeros(len(committed))
        ratios = np.where(_text(here) == _text(committed), 0.0, np.inf)
    worst = int(ratios.argmax())
    if ratios[worst] == 0:
        return None
    # The head of the file is its line 1.
    place = (int((ratios > 1).sum()), worst + 2, here.iloc[worst], committed.iloc[worst])
    return Deviation(name, committed.name, *place, float(np.nan_to_num(allowed[worst])), float(ratios[worst]))


def _ratios(here, committed, allowed):
    """Differences in units of what is allowed; infinite where only one side is a finite number."""
    same = (here == committed) | (np.isnan(here) & np.isnan(committed))
    both = np.isfinite(here) & np.isfinite(committed)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.abs(here - committed) / allowed
    return np.where(same, 0.0, np.where(both, ratios, np.inf))


def _is_number(column):
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _text(column):
    """A column as text, so that truth values, and what is text on one side alone, compare; missing is empty."""
    return column.astype(object).where(column.notna(), "").astype(str)
