"""Stated tolerances of the tables' quantities: by how much another machine may differ, and why."""

import math
from dataclasses import dataclass
from fnmatch import fnmatchcase

KEYS = ("tables", "columns", "relative", "absolute", "why")


@dataclass(frozen=True)
class Tolerance:
    """What a column may differ by: absolute + relative * max(|committed value|, scale), and why it is that.

    The scale is a thousandth of the median absolute value of the column over its rows of the same text
    (`tables.scales`). tables and columns are patterns with * and ?, such as shells/*.
    """

    tables: tuple
    columns: tuple
    relative: float
    absolute: float
    why: str

    def covers(self, table, column):
        """Whether a table and a column of it match one pattern each."""
        patterns = ((table, self.tables), (column, self.columns))
        return all(any(fnmatchcase(name, pattern) for pattern in listed) for name, listed in patterns)


def read_tolerances(content):
    """The tolerances that a file lists under `tolerances`, in its order; the first that covers a column counts.

    ValueError, in one line that names the entry, on one that lacks tables, columns, why or a number, or has an unknown
    key; and unless the last covers every column of every table.
    """
    listed = content.get("tolerances") if isinstance(content, dict) else None
    if not isinstance(listed, list) or not listed:
        raise ValueError("tolerances must be a list, under the key tolerances, with an entry or more")
    tolerances = tuple(_tolerance(number, entry) for number, entry in enumerate(listed, start=1))
    if (tolerances[-1].tables, tolerances[-1].columns) != (("*",), ("*",)):
        raise ValueError("the last entry of tolerances must be that of all others: tables and columns ['*']")
    return tolerances


def tolerance_of(tolerances, table, column):
    """The first tolerance that covers a column."""
    return next(tolerance for tolerance in tolerances if tolerance.covers(table, column))


def _tolerance(number, entry):
    if not isinstance(entry, dict) or not {"tables", "columns", "why"} <= set(entry) <= set(KEYS):
        raise _bad(number, f"{entry!r} must give tables, columns, why, and relative or absolute, and nothing else")
    patterns = [_patterns(number, name, entry[name]) for name in ("tables", "columns")]
    if not isinstance(entry["why"], str) or not entry["why"].strip():
        raise _bad(number, f"why = {entry['why']!r} must be a reason")
    if not {"relative", "absolute"} & set(entry):
        raise _bad(number, "must give relative, absolute or both")
    numbers = [_number(number, name, entry.get(name, 0.0)) for name in ("relative", "absolute")]
    return Tolerance(*patterns, *numbers, " ".join(entry["why"].split()))


def _patterns(number, name, listed):
    if not isinstance(listed, list) or not listed or not all(isinstance(pattern, str) for pattern in listed):
        raise _bad(number, f"{name} = {listed!r} must be a list of patterns")
    return tuple(listed)


def _number(number, name, value):
    # YAML takes 1e-6 for text; it wants 1.0e-6.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise _bad(number, f"{name} = {value!r} must be a finite number of at least 0, written as 1.0e-6")
    return float(value)


def _bad(number, problem):
    return ValueError(f"entry {number} of tolerances: {problem}")
