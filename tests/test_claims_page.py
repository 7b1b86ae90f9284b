"""The page of verdicts: whole, escaped, without anything from outside, and legible to machines that read it aloud."""

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from scalinglaws.claims import COLOURS, VERDICTS, as_markdown, trial
from scalinglaws.claims_page import STYLE, as_html

VOID = {"meta", "br", "hr", "img", "link", "input"}
HOSTILE = "<script>alert(\"1\")</script> & '=1+1' </td></table>"


class Page(HTMLParser):
    """What a browser sees: elements with their attributes, tables as rows of texts, all text.

    ValueError on elements that are not closed in order.
    """

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.tables, self.texts = [], [], [], []
        self.feed(text)
        self.close()
        if self.open:
            raise ValueError(f"elements = {self.open} must be closed")

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            raise ValueError(f"tag = </{tag}> must close what is open")

    def handle_data(self, data):
        if "style" not in self.open:
            self.texts.append(data)
        if "td" in self.open or "th" in self.open:
            self.tables[-1][-1][-1] += data

    def attributes(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]

    @property
    def text(self):
        return " ".join("".join(self.texts).split())


AROUND_ONE = {"predicted": 1.0, "tolerance": 0.1}


def measure(band=AROUND_ONE, **changes):
    usual = {"quantity": "slope", "table": "study/slopes", "value": "slope", "why": "theory", "label": ["case"]}
    return {**usual, **band, **changes}


def claim(name, *measures, **changes):
    about = {"paper": "2512.10427", "place": "abstract", "statement": f"It is {name}.", "scope": "toys"}
    return {"id": name, **about, "measures": list(measures), **changes}


def slopes(*values, half=0.01, names="abcdef"):
    values = np.array(values, dtype=float)
    cases = list(names[: len(values)])
    return pd.DataFrame({"case": cases, "slope": values, "low": values - half, "high": values + half, "seeds": 5})


TABLES = {"study/slopes": slopes(1.0, 1.234567), "study/good": slopes(1.0), "study/wide": slopes(1.0, half=0.5)}
CLAIMS = [
    claim("good-one", measure(table="study/good"), measure(table="study/good", quantity="order")),
    claim("later-one", not_attempted="needs a cluster"),
    claim("half-one", measure()),
    claim("wide-one", measure(table="study/wide")),
    claim("bad-one", measure({"at_most": 0.5}, table="study/good"), paper="a book"),
    claim("lost-one", measure(table="study/none")),
]
JUDGED = trial(CLAIMS, TABLES)
ORDER = ["bad-one", "half-one", "wide-one", "lost-one", "later-one", "good-one"]


@pytest.fixture(scope="module")
def page():
    return Page(as_html(*JUDGED))


def test_it_is_one_page_of_html_that_needs_nothing_else(page):
    text = as_html(*JUDGED)
    assert text.startswith("<!DOCTYPE html>\n")
    assert [page.attributes(tag) for tag in ("html", "title", "main", "h1")] == [[{"lang": "en"}], [{}], [{}], [{}]]
    assert {"charset": "utf-8"} in page.attributes("meta")
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in page.elements}
    assert not any(name == "src" or name.startswith("on") for _, attrs in page.elements for name in attrs)
    assert "url(" not in text
    assert "@import" not in text
    links = {attrs["href"] for attrs in page.attributes("a") if not attrs["href"].startswith("#")}
    assert links == {"https://arxiv.org/abs/2512.10427"}


def test_every_claim_is_in_the_first_table_failures_first_and_leads_to_its_section(page):
    head, *rows = page.tables[0]
    assert head == ["claim", "verdict", "worst measurement", "measured", "interval", "allowed", "seeds", "passed"]
    assert [row[0] for row in rows] == ORDER
    assert [attrs["id"] for attrs in page.attributes("section")] == ORDER
    assert {attrs["href"] for attrs in page.attributes("a")} >= {f"#{name}" for name in ORDER}
    assert rows[0] == ["bad-one", "fails", "slope: a", "1", "0.99 to 1.01", "any to 0.5", "5", "0/1"]
    assert rows[1] == ["half-one", "partial scope", "slope: b", "1.235", "1.225 to 1.245", "0.9 to 1.1", "5", "1/2"]
    assert rows[3] == ["lost-one", "inconclusive", "slope: no such rows", "nan", "", "0.9 to 1.1", "0", "0/1"]
    assert rows[4] == ["later-one", "not attempted", "needs a cluster", "", "", "", "", ""]
    assert "6 claims: 1 fails, 1 partial scope, 2 inconclusive, 1 not attempted, 1 replicated." in page.text


def test_sections_hold_all_that_belongs_to_a_claim(page):
    assert "Source: arXiv 2512.10427, abstract. Scope: toys." in page.text
    assert "Source: a book, abstract." in page.text
    assert all(entry["statement"] in page.text for entry in CLAIMS)
    assert page.text.count("needs a cluster") == 2
    assert page.tables[2] == [
        ["rows", "measured", "interval", "allowed", "seeds", "verdict"],
        ["slopeWhy this band: theory. Table: study/slopes."],
        ["a", "1", "0.99 to 1.01", "0.9 to 1.1", "5", "replicated"],
        ["b", "1.235", "1.225 to 1.245", "0.9 to 1.1", "5", "fails"],
    ]
    assert [row[0] for row in page.tables[-1][1::2]] == [
        f"{name}Why this band: theory. Table: study/good." for name in ("slope", "order")
    ]


def test_numbers_are_those_of_the_other_page(page):
    lines = re.findall(r"^\| .* \|$", as_markdown(*JUDGED), flags=re.MULTILINE)
    cells = [line.strip("| ").split(" | ") for line in lines if not line.startswith("| quantity")]
    shown = [row for table in page.tables[1:] for row in table[1:] if len(row) > 1]
    assert [row[1:] for row in cells] == shown


def test_tables_say_what_their_headers_head(page):
    assert {attrs.get("scope") for attrs in page.attributes("th")} == {"col", "row", "rowgroup"}
    captions, tables = page.attributes("caption"), page.attributes("table")
    assert len(captions) == len(tables) == len(page.tables) == 1 + 5
    named = {attrs["id"] for _, attrs in page.elements if "id" in attrs}
    assert {attrs["aria-labelledby"] for attrs in page.attributes("section")} <= named
    assert len(named) == 2 * len(ORDER)


@pytest.mark.parametrize("field", ["id", "paper", "place", "statement", "scope", "not_attempted"])
def test_whatever_a_claim_says_is_text(field):
    entry = claim("a-claim", not_attempted="later") | {field: HOSTILE}
    seen = Page(as_html(*trial([entry], {})))
    assert HOSTILE in seen.text
    assert "script" not in {tag for tag, _ in seen.elements}
    assert [sorted(attrs) for attrs in seen.attributes("section")] == [["aria-labelledby", "id"]]


@pytest.mark.parametrize("field", ["quantity", "why", "rows"])
def test_whatever_a_measurement_says_is_text(field):
    judged = trial([claim("a-claim", measure(**({} if field == "rows" else {field: HOSTILE})))], TABLES)
    if field == "rows":
        judged = [table.assign(rows=HOSTILE) for table in judged]
    seen = Page(as_html(*judged))
    assert seen.text.count(HOSTILE) >= (1 if field == "why" else 2)
    assert "script" not in {tag for tag, _ in seen.elements}


def test_a_cell_that_a_spreadsheet_would_compute_is_shown_as_it_is():
    judged = trial([claim("a-claim", measure(quantity="=1+1"))], {"study/slopes": slopes(1.0, names="=")})
    assert {"=1+1: =", "="} <= {cell for table in Page(as_html(*judged)).tables for row in table for cell in row}


@pytest.mark.parametrize("claims", [[], CLAIMS[1:2]], ids=["no claims", "none attempted"])
def test_a_page_without_measurements(claims):
    seen = Page(as_html(*trial(claims, {})))
    assert len(seen.tables) == 1
    assert [row[0] for row in seen.tables[0][1:]] == [entry["id"] for entry in claims]


# --- legible --------------------------------------------------------------------------------------------------------


def luminance(colour):
    """Relative luminance of the web's accessibility guidelines of #rgb or #rrggbb."""
    digits = colour.lstrip("#")
    digits = digits if len(digits) == 6 else "".join(2 * digit for digit in digits)
    parts = np.array([int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one, other):
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_that_of_the_guidelines_where_it_is_known():
    assert contrast("#000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01)


def test_text_is_dark_on_every_background():
    inks = re.findall(r"[ {]color: (#\w+);", STYLE)
    grounds = re.findall(r"background: (#\w+);", STYLE)
    assert len(inks) >= 3
    assert "#fff" in grounds
    assert all(contrast(ink, ground) >= 4.5 for ink in inks for ground in grounds)


def test_verdicts_are_written_beside_their_colours_which_colour_no_text(page):
    text = as_html(*JUDGED)
    for verdict, colour in COLOURS.items():
        assert f".{verdict.replace(' ', '-')} {{ border-color: {colour}; }}" in text
    marked = [attrs["class"] for attrs in page.attributes("span") if attrs["class"].startswith("verdict")]
    assert {name.split()[1] for name in marked} == {verdict.replace(" ", "-") for verdict in VERDICTS}


def test_wide_tables_scroll_by_themselves_and_can_be_reached_by_keyboard(page):
    boxes = page.attributes("div")
    assert len(boxes) == len(page.tables)
    assert all((box["tabindex"], box["role"]) == ("0", "region") and box["aria-label"] for box in boxes)
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.attributes("meta")
    assert "@media print" in STYLE
