"""Claims on trial: from entries that say what a paper predicts, and tables that say what was measured, to verdicts.

A claim has measures; a measure names a table, the rows of it that count, the column measured and what is predicted:
`predicted` with `tolerance`, or `at_most`, or `at_least`, or both bounds. Each row is judged by its interval over
seeds, [low, high] (the value itself where the table has no such columns), against the allowed band:

    replicated    the interval lies inside the band
    fails         the interval lies outside it
    inconclusive  the interval straddles the band's edge, or is missing, as that of a single seed, or the value is

Each value that `where` lists must have a row, or it counts as missing. A claim is replicated when all its rows are, and
is of partial scope when some are replicated and others fail.
"""

import math
from dataclasses import asdict, dataclass, fields

import pandas as pd

from scalinglaws.claim_entries import bad, band, check_claims, check_measure

REPLICATED, PARTIAL, FAILS = "replicated", "partial scope", "fails"
INCONCLUSIVE, NOT_ATTEMPTED = "inconclusive", "not attempted"
# The order of every listing: what fails is printed first.
VERDICTS = (FAILS, PARTIAL, INCONCLUSIVE, NOT_ATTEMPTED, REPLICATED)
# Of the house palette of figures; nothing is told by colour alone.
COLOURS = {
    FAILS: "#d55e00",
    PARTIAL: "#de8f05",
    INCONCLUSIVE: "#cc78bc",
    NOT_ATTEMPTED: "#949494",
    REPLICATED: "#0173b2",
}
SHOWN = ("quantity", "rows", "value", "low", "high", "lower", "upper", "seeds", "table", "why")
NO_ROWS = "no such rows"
ABOUT = ("paper", "place", "statement", "scope")
CELLS = ("quantity", "rows", "measured", "interval", "allowed", "seeds")
CLAIM_COLUMNS = ("id", "verdict", "measured", "passed", *SHOWN, *ABOUT)


@dataclass(frozen=True)
class Measurement:
    """One judged number: value with interval [low, high], the allowed band [lower, upper], seeds, and the verdict.

    low and high are the value itself where no interval belongs to it, and NaN where one is missing.
    """

    claim: str
    quantity: str
    table: str
    rows: str
    value: float
    low: float
    high: float
    lower: float
    upper: float
    seeds: float
    verdict: str
    why: str

    @property
    def misfit(self):
        """How far the interval reaches outside the band, in units of the band's width or bound; infinite for NaN."""
        if any(map(math.isnan, (self.value, self.low, self.high))):
            return math.inf
        low, high = _spanned(self.value, self.low, self.high)
        excess = max(self.lower - low, high - self.upper)
        scale = self.upper - self.lower if math.isfinite(self.upper - self.lower) else self._bound
        return excess / (scale or 1.0)

    @property
    def _bound(self):
        return abs(self.upper if math.isfinite(self.upper) else self.lower)


def judge(value, low, high, lower, upper):
    """Verdict of an interval against a band; missing or infinite numbers are never replicated.

    An interval that does not hold its value is widened to hold it.
    """
    if math.isnan(value) or not low <= high:
        return INCONCLUSIVE
    low, high = _spanned(value, low, high)
    if lower <= low and high <= upper:
        return REPLICATED if math.isfinite(value) else INCONCLUSIVE
    return FAILS if high < lower or low > upper else INCONCLUSIVE


def _spanned(value, low, high):
    return min(low, value), max(high, value)


def measurements(claim, tables):
    """Judge every row that the measures of one claim name; `tables` maps a table's name to its DataFrame."""
    return [row for measure in claim.get("measures", []) for row in _measure_rows(claim["id"], measure, tables)]


def _measure_rows(claim_id, measure, tables):
    check_measure(measure)
    where = measure.get("where", {})
    rows = _select(tables.get(measure["table"]), where)
    if rows is None or rows.empty or measure["value"] not in rows:
        return [_missing(claim_id, measure, NO_ROWS)]
    _check_numbers(measure, rows)
    judged = _reduced(measure, rows) if "statistic" in measure else _each(measure, rows)
    absent = [_missing(claim_id, measure, f"{NO_ROWS}: {name}") for name in _absent(rows, where)]
    return [_measurement(claim_id, measure, *row) for row in judged] + absent


def _check_numbers(measure, rows):
    """ValueError unless the columns that are judged by hold numbers."""
    for name in ("value", "low", "high", "seeds"):
        column = measure.get(name, name)
        if column in rows and not pd.api.types.is_numeric_dtype(rows[column]):
            raise bad(measure, f"{name} = {column!r}: this column of {measure['table']} must hold numbers")


def _select(table, where):
    """Rows whose columns equal, or are among, the values asked for; None without the table or a column."""
    if table is None or not set(where) <= set(table.columns):
        return None
    for column, wanted in where.items():
        table = table[table[column].isin(_listed(wanted))]
    return table


def _listed(wanted):
    return wanted if isinstance(wanted, list) else [wanted]


def _absent(rows, where):
    """Names of the listed values that no row has."""
    for column, wanted in where.items():
        found = set(rows[column])
        yield from (f"{column} {value}" for value in _listed(wanted) if value not in found)


def _reduced(measure, rows):
    """The one number, with its label and seeds, that a statistic makes of all rows."""
    value = rows[measure["value"]].agg(measure["statistic"], skipna=False)
    seeds = rows["seed"].nunique() if "seed" in rows else math.nan
    return [(f"{measure['statistic']} of {len(rows)} rows", value, value, value, seeds)]


def _each(measure, rows):
    """Label, value, interval and seeds of every row."""
    unknown = sorted(set(measure.get("label", [])) - set(rows.columns))
    if unknown:
        raise bad(measure, f"label = {unknown} must be columns of {measure['table']}: {', '.join(rows.columns)}")
    named = rows[measure["label"]].astype(str).fillna("").agg(", ".join, axis=1) if measure.get("label") else rows.index
    value, none = rows[measure["value"]], pd.Series(math.nan, rows.index)
    seeds = rows.get(measure.get("seeds", "seeds"), none)
    bounds = [_end(measure, rows, end, value, none) for end in ("low", "high")]
    return zip(map(str, named), value, *bounds, seeds, strict=True)


def _end(measure, rows, end, value, none):
    """One end of the intervals: the value where none is asked for or the table has none, NaN where one is lost."""
    if measure.get(end) == "none" or (end not in measure and not {"low", "high"} & set(rows.columns)):
        return value
    return rows.get(measure.get(end, end), none)


def _missing(claim_id, measure, rows):
    return _measurement(claim_id, measure, rows, math.nan, math.nan, math.nan, 0)


def _measurement(claim_id, measure, rows, value, low, high, seeds):
    lower, upper = band(measure)
    verdict = judge(value, low, high, lower, upper)
    bounds = {"value": value, "low": low, "high": high, "lower": lower, "upper": upper}
    bounds = {name: float(number) for name, number in bounds.items()}
    named = {"claim": claim_id, "quantity": measure["quantity"], "table": measure["table"], "rows": rows}
    return Measurement(**named, **bounds, seeds=float(seeds), verdict=verdict, why=measure["why"])


def verdict_of(judged):
    """Verdict of a claim from those of its measurements."""
    verdicts = {row.verdict for row in judged}
    if not verdicts:
        return NOT_ATTEMPTED
    if FAILS in verdicts:
        return PARTIAL if REPLICATED in verdicts else FAILS
    return INCONCLUSIVE if INCONCLUSIVE in verdicts else REPLICATED


def trial(claims, tables):
    """Judge all claims: (one row per claim, one row per measurement) as DataFrames, failures first.

    A claim's row shows its worst measurement: a failing one if there is one, and that which reaches furthest out of its
    band. ValueError, one line with the claim and the key, on an entry that cannot be judged.
    """
    check_claims(claims)
    order = {verdict: rank for rank, verdict in enumerate(VERDICTS)}
    judged = [(claim, _judged(claim, tables)) for claim in claims]
    judged.sort(key=lambda pair: order[verdict_of(pair[1])])
    rows = [_claim_row(claim, measured) for claim, measured in judged]
    columns = [field.name for field in fields(Measurement)]
    return pd.DataFrame(rows, columns=CLAIM_COLUMNS), pd.DataFrame(
        [asdict(row) for _, measured in judged for row in measured], columns=columns
    )


def _judged(claim, tables):
    try:
        return measurements(claim, tables)
    except ValueError as error:
        raise ValueError(f"claim {claim['id']!r}: {error}") from error


def _claim_row(claim, measured):
    about = {name: claim.get(name, "") for name in ABOUT}
    row = {"id": claim["id"], "verdict": verdict_of(measured), "measured": len(measured)}
    row["passed"] = sum(one.verdict == REPLICATED for one in measured)
    if not measured:
        return row | about | {"why": claim.get("not_attempted", "")}
    worst = max(measured, key=lambda one: (one.verdict == FAILS, one.misfit))
    return row | {name: getattr(worst, name) for name in SHOWN} | about


def counts(claim_table):
    """(verdict, number of claims) of the verdicts that occur, failures first."""
    found = claim_table.verdict.value_counts()
    return [(verdict, int(found[verdict])) for verdict in VERDICTS if verdict in found]


def summary(claim_table):
    """How many claims there are and how they came out, as a sentence."""
    found = ", ".join(f"{count} {verdict}" for verdict, count in counts(claim_table)) or "none"
    return f"{len(claim_table)} claims: {found}."


def cells(row):
    """What a page says, as text, of a measurement or of a claim's worst one, by the names in CELLS.

    `row` is a record of either table of `trial`; what it lacks, as a claim that was not attempted does, is left blank.
    """
    if not isinstance(row["quantity"], str):
        return dict.fromkeys(CELLS, "")
    bounds = (row["low"], row["high"])
    # A value judged by itself has bounds that are equal, and a single seed has none.
    interval = "" if bounds[0] == bounds[1] or any(map(math.isnan, bounds)) else "{:.4g} to {:.4g}".format(*bounds)
    allowed = f"{_bound(row['lower'])} to {_bound(row['upper'])}"
    seeds = str(int(row["seeds"])) if math.isfinite(row["seeds"]) else ""
    texts = (row["quantity"], row["rows"], f"{row['value']:.4g}", interval, allowed, seeds)
    return dict(zip(CELLS, map(str, texts), strict=True))


def _bound(value):
    return f"{value:.4g}" if math.isfinite(value) else "any"


def as_markdown(claim_table, measurement_table):
    """The verdicts as a page: a summary, then every claim with all its measurements, failures first."""
    parts = [f"# Claims on trial\n\n{summary(claim_table)}\n"]
    for claim in claim_table.to_dict("records"):
        parts.append(f"## {claim['id']}: {claim['verdict']}\n\n{claim['statement']}\n")
        parts.append(f"Source: arXiv {claim['paper']}, {claim['place']}. Scope: {claim['scope']}.\n")
        rows = measurement_table[measurement_table.claim == claim["id"]].to_dict("records")
        parts.append(_measurement_lines(rows) if rows else f"{claim['why']}\n")
    return "\n".join(parts)


def _measurement_lines(rows):
    head = f"| {' | '.join(CELLS)} | verdict |\n{'|---' * (len(CELLS) + 1)}|\n"
    return head + "".join(_measurement_line(row) for row in rows)


def _measurement_line(row):
    texts = (*cells(row).values(), row["verdict"])
    return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |\n"
