"""Entries of claims: what each must say, and how, checked before anything is measured; each failure as one line."""

import math

STATISTICS = ("max", "min", "mean", "median")
REQUIRED = ("quantity", "table", "value", "why")
BAND = ("predicted", "tolerance", "at_most", "at_least")
NAMES = ("low", "high", "seeds", "statistic")
KNOWN = (*REQUIRED, *BAND, "where", "label", *NAMES)
CLAIM_TEXTS = ("id", "paper", "place", "statement", "scope", "not_attempted")


def check_claims(claims):
    """ValueError, naming the claim and the key, unless `claims` are entries that can be judged, each of its own id."""
    if not isinstance(claims, list):
        raise ValueError(f"claims = {_short(claims)}: must be a list")
    seen = set()
    for index, claim in enumerate(claims):
        name = claim.get("id") if isinstance(claim, dict) else None
        if not _is_text(name):
            raise ValueError(f"claim {index}: must have an id, one line of text")
        if name in seen:
            raise ValueError(f"claim {_short(name)}: the id must not be that of an earlier claim")
        seen.add(name)
        try:
            _check_claim(claim)
        except ValueError as error:
            raise ValueError(f"claim {_short(name)}: {error}") from None


def _check_claim(claim):
    for name in sorted(set(claim) - {"measures"}, key=str):
        if name not in CLAIM_TEXTS:
            raise ValueError(f"{_short(name)} is no key of a claim; there are measures, {', '.join(CLAIM_TEXTS)}")
        if not _is_text(claim[name]):
            raise ValueError(f"{name} = {_short(claim[name])}: must be one line of text")
    measures = claim.get("measures", [])
    if not isinstance(measures, list) or not all(isinstance(measure, dict) for measure in measures):
        raise ValueError(f"measures = {_short(measures)}: must be a list of entries with keys")
    if not measures and "not_attempted" not in claim:
        raise ValueError("must have measures or, in words, not_attempted")
    for measure in measures:
        check_measure(measure)


def check_measure(measure):
    """ValueError, naming the quantity, on an entry that lacks a part, has an unknown or odd one, or states no band."""
    missing = [name for name in REQUIRED if not _is_text(measure.get(name))]
    unknown = sorted(set(measure) - set(KNOWN), key=str)
    if missing or unknown:
        raise bad(measure, f"must give {', '.join(REQUIRED)} as text (missing: {missing}); unknown keys: {unknown}")
    for name in NAMES:
        if name in measure and not _is_text(measure[name]):
            raise bad(measure, f"{name} = {_short(measure[name])} must be one line of text")
    if "statistic" in measure and measure["statistic"] not in STATISTICS:
        raise bad(measure, f"statistic = {measure['statistic']!r} must be one of {', '.join(STATISTICS)}")
    label = measure.get("label", [])
    if not isinstance(label, list) or not all(map(_is_text, label)):
        raise bad(measure, f"label = {_short(label)} must be a list of columns")
    _check_where(measure)
    band(measure)


def _check_where(measure):
    """Rows are chosen by columns' values: a value that is missing would choose the rows that lack one."""
    where = measure.get("where", {})
    if not isinstance(where, dict) or not all(map(_is_text, where)):
        raise bad(measure, f"where = {_short(where)} must be values by column")
    for column, wanted in where.items():
        listed = wanted if isinstance(wanted, list) else [wanted]
        if not listed or not all(_is_text(value) or isinstance(value, bool) or is_finite(value) for value in listed):
            raise bad(measure, f"where.{column} = {_short(wanted)} must be text or a finite number, or a list of these")


def band(measure):
    """(lower, upper) allowed by a measure; ValueError unless it states a prediction in one of the allowed ways."""
    stated = {name: measure[name] for name in BAND if name in measure}
    for name, value in stated.items():
        if isinstance(value, bool) or not is_finite(value):
            raise bad(measure, f"{name} = {_short(value)} must be a finite number")
    if set(stated) == {"predicted", "tolerance"} and stated["tolerance"] > 0:
        bounds = stated["predicted"] - stated["tolerance"], stated["predicted"] + stated["tolerance"]
        if not all(map(is_finite, bounds)) or not bounds[0] < stated["predicted"] < bounds[1]:
            raise bad(measure, f"{stated}: no float lies between the prediction and an end of its band, or none beyond")
        return bounds
    lower, upper = stated.get("at_least", -math.inf), stated.get("at_most", math.inf)
    if not stated or not set(stated) <= {"at_most", "at_least"} or not lower < upper:
        ways = "predicted and tolerance > 0, or at_most, or at_least, or both bounds in order"
        raise bad(measure, f"{stated} must state {ways}")
    return lower, upper


def is_finite(value):
    """Whether a value is a number that a float holds."""
    try:
        return isinstance(value, int | float) and math.isfinite(value)
    except OverflowError:
        return False


def bad(measure, problem):
    """The error that an entry of this quantity raises."""
    return ValueError(f"measure {_short(measure.get('quantity'))}: {problem}")


def _is_text(value):
    return isinstance(value, str) and bool(value) and value.isprintable()


def _short(value):
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits
        return "a number of thousands of digits"
    return text if len(text) <= 60 else f"{text[:57]}..."
