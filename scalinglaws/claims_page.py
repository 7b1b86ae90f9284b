"""The verdicts as one page for a browser: it needs no script and no other file, and reads on a phone and in print."""

import re
from html import escape
from itertools import groupby

from scalinglaws.claims import COLOURS, cells, counts, summary

STYLE = """
:root { color-scheme: light; }
body { margin: 0; background: #fff; color: #222; font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 72rem; margin: 0 auto; padding: 1rem; }
h1, h2 { line-height: 1.25; }
h2 { margin: 2.5rem 0 0.5rem; padding-top: 0.75rem; border-top: 1px solid #bbb; overflow-wrap: anywhere; }
p { max-width: 48rem; margin: 0.5rem 0; }
a { color: #00559b; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; width: 100%; font-size: 0.875rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: 0.25rem; color: #444; }
th, td { padding: 0.25rem 0.6rem; border-bottom: 1px solid #ddd; text-align: left; vertical-align: top; }
th { font-weight: 600; }
tbody th[scope="row"] { font-weight: 400; }
th[scope="rowgroup"] { background: #f2f2f2; }
.why { display: block; font-weight: 400; color: #444; }
.number { text-align: right; white-space: nowrap; }
.verdict { white-space: nowrap; font-weight: 600; padding-left: 0.4rem; border-left: 0.6rem solid; }
.counts { list-style: none; display: flex; flex-wrap: wrap; gap: 0.5rem 1.5rem; padding: 0; }
@media print {
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  .scroll { overflow: visible; }
  thead { display: table-header-group; }
  tr { break-inside: avoid; }
  h2 { break-after: avoid; }
}
"""
ABOUT_VERDICTS = (
    "A claim is replicated when every measurement's interval over seeds lies in its allowed band, fails when none does "
    "and at least one lies outside, and is of partial scope when some are replicated and others fail. It is "
    "inconclusive when none fails but an interval straddles the band's edge or is missing."
)
CLAIM_HEAD = ("claim", "verdict", "worst measurement", "measured", "interval", "allowed", "seeds", "passed")
MEASUREMENT_HEAD = ("rows", "measured", "interval", "allowed", "seeds", "verdict")
NUMBERS = {"measured", "interval", "allowed", "seeds", "passed"}
ARXIV = re.compile(r"\d{4}\.\d{4,5}(v\d+)?")


def as_html(claims, measurements):
    """The verdicts as a page: counts, a table of all claims, then every claim with its measurements, failures first.

    `claims` and `measurements` are the tables of `claims.trial`.
    """
    by_claim = dict(list(measurements.groupby("claim", sort=False)))
    records = claims.to_dict("records")
    sections = [_section(row, by_claim.get(row["id"])) for row in records]
    return _page("\n".join([_overview(claims, records), *sections]))


def _page(body):
    colours = "".join(f".{_slug(verdict)} {{ border-color: {colour}; }}\n" for verdict, colour in COLOURS.items())
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>Claims on trial</title>\n'
        f"<style>{STYLE}{colours}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _overview(claims, records):
    listed = "".join(f"<li>{_verdict(verdict)} {count}</li>" for verdict, count in counts(claims))
    table = _table("Every claim with its worst measurement, failures first.", CLAIM_HEAD, [map(_claim_row, records)])
    return (
        f'<h1>Claims on trial</h1>\n<p>{escape(summary(claims))}</p>\n<ul class="counts">{listed}</ul>\n'
        f"<p>{escape(ABOUT_VERDICTS)}</p>\n{table}"
    )


def _claim_row(claim):
    texts = cells(claim)
    name = f'<a href="#{escape(claim["id"])}">{escape(claim["id"])}</a>'
    worst = escape(": ".join(filter(None, (texts["quantity"], texts["rows"])))) or escape(str(claim["why"]))
    passed = f"{claim['passed']}/{claim['measured']}" if claim["measured"] else ""
    numbers = [_cell(texts[part], part) for part in CLAIM_HEAD[3:7]]
    cells_ = [f'<th scope="row">{name}</th>', f"<td>{_verdict(claim['verdict'])}</td>", f"<td>{worst}</td>", *numbers]
    return f"<tr>{''.join(cells_)}{_cell(passed, 'passed')}</tr>"


def _section(claim, rows):
    paper = str(claim["paper"])
    source = f'<a href="https://arxiv.org/abs/{paper}">arXiv {paper}</a>' if ARXIV.fullmatch(paper) else escape(paper)
    name = escape(claim["id"])
    parts = [
        f'<section id="{name}" aria-labelledby="{name}-title">',
        f'<h2 id="{name}-title">{name} {_verdict(claim["verdict"])}</h2>',
        f"<p>{escape(claim['statement'])}</p>",
        f"<p>Source: {source}, {escape(claim['place'])}. Scope: {escape(claim['scope'])}.</p>",
        f"<p>{escape(str(claim['why']))}</p>" if rows is None else _measured(claim, rows.to_dict("records")),
        "</section>",
    ]
    return "\n".join(parts)


def _measured(claim, rows):
    groups = []
    for (quantity, table, why), group in groupby(rows, lambda row: (row["quantity"], row["table"], row["why"])):
        reason = f'<span class="why">Why this band: {escape(why)}. Table: {escape(table)}.</span>'
        span = len(MEASUREMENT_HEAD)
        head = f'<tr><th scope="rowgroup" colspan="{span}">{escape(quantity)}{reason}</th></tr>'
        groups.append([head, *map(_measurement_row, group)])
    return _table(f"{claim['passed']} of {claim['measured']} measurements are replicated.", MEASUREMENT_HEAD, groups)


def _measurement_row(row):
    texts = cells(row)
    numbers = "".join(_cell(texts[part], part) for part in MEASUREMENT_HEAD[1:5])
    return f'<tr><th scope="row">{escape(texts["rows"])}</th>{numbers}<td>{_verdict(row["verdict"])}</td></tr>'


def _table(caption, head, groups):
    named = "".join(f'<th scope="col"{_alignment(name)}>{name}</th>' for name in head)
    bodies = "".join("<tbody>\n{}\n</tbody>\n".format("\n".join(lines)) for lines in groups)
    return (
        f'<div class="scroll" role="region" aria-label="{escape(caption)}" tabindex="0"><table>\n'
        f"<caption>{escape(caption)}</caption>\n<thead><tr>{named}</tr></thead>\n{bodies}</table></div>"
    )


def _cell(text, part):
    return f"<td{_alignment(part)}>{escape(text)}</td>"


def _alignment(part):
    return ' class="number"' if part in NUMBERS else ""


def _verdict(verdict):
    return f'<span class="verdict {_slug(verdict)}">{escape(verdict)}</span>'


def _slug(verdict):
    return verdict.replace(" ", "-")
