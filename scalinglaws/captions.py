"""What stands beside a figure: the caption with the verdicts of the claims it names, and its parts for a page.

A caption's template is reStructuredText with jinja. It names claims by their ids and states the settings in a paragraph
that begins with `Parameters:`. Claims are rows of the table that `claims.trial` makes, failures first.
"""

import math
import re


def named(text, claims):
    """The rows of the table `claims` whose ids are whole words of `text`, in the table's order."""
    return claims[[re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) is not None for name in claims.id]]


def with_verdicts(template, claims):
    """The caption `template` with a list of verdicts on the claims it names, for jinja and docutils to read."""
    lines = [f"- {_verdict(row)}\n" for row in named(template, claims).itertuples()]
    return f"{template.rstrip()}\n\nVerdicts:\n\n{''.join(lines)}" if lines else template


def _verdict(row):
    head = f"{_literal(row.id)}: **{row.verdict}**"
    if not row.measured:
        return f"{head}, {_literal(row.why)}"
    seeds = "" if math.isnan(row.seeds) else f"; {row.seeds:.0f} seed{'s' * (row.seeds != 1)}"
    worst = f"{_literal(row.quantity)} ({_literal(row.rows)}): {measured(row)}; allowed {allowed(row)}{seeds}"
    return f"{head}, {row.passed} of {row.measured} measurements hold; the worst: {worst}"


def _literal(text):
    """Text in one line that means itself: neither docutils nor jinja, which reads it first, finds markup in it."""
    escaped = re.sub(r"[^\w\s]|_", r"\\\g<0>", " ".join(str(text).split()))
    return escaped.replace("{", '{{ "{" }}')


def measured(row):
    """A claim's worst number with its interval: none is written where the value is judged by itself."""
    if math.isnan(row.value):
        return "no number"
    missing = math.isnan(row.low) or math.isnan(row.high)
    interval = " [no interval]" if missing else f" [{row.low:.4g}, {row.high:.4g}]"
    return f"{row.value:.4g}{'' if row.low == row.high else interval}"


def allowed(row):
    """The band that a claim allows, in words."""
    bounds = (("≥", row.lower), ("≤", row.upper))
    return " and ".join(f"{sign} {value:.3g}" for sign, value in bounds if math.isfinite(value))


def parameters(caption):
    """What a caption, filled in, says after `Parameters:`, as Markdown, without the claims that it ends with.

    ValueError if it has no such paragraph.
    """
    found = re.search(r"^Parameters:\s+(.*?)(?:\s+Claims?: [^.]*\.)?\s*(?:\n\n|\Z)", caption, re.DOTALL | re.MULTILINE)
    if not found:
        raise ValueError(f"caption = {caption[:60]!r}... must have a paragraph that begins with 'Parameters:'")
    text = re.sub(r"``(.+?)``", r"`\1`", " ".join(found[1].split()))
    return re.sub(r"\\(.)", r"\1", text)


def anchor(row):
    """Where GitHub puts the heading of a claim on the page that `claims.as_markdown` makes."""
    return re.sub(r"[^\w -]", "", f"{row.id}: {row.verdict}".lower()).replace(" ", "-")


def verdict_links(claims, page):
    """The verdicts on the claims of a table as a line of Markdown, each with a link to the claim on `page`."""
    return ", ".join(f"[{row.id}]({page}#{anchor(row)}) **{row.verdict}**" for row in claims.itertuples())
