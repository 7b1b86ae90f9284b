"""Every figure has a rule that draws it, and a caption that fits the settings and says the verdicts of its claims."""

import copy
import html
import importlib
import inspect
import math
import re
from pathlib import Path
from types import SimpleNamespace

import jinja2
import pandas as pd
import pytest
from docutils.core import publish_parts
from hypothesis import given, settings
from hypothesis import strategies as st
from snakemake.utils import update_config

from scalinglaws.captions import allowed, anchor, measured, named, parameters, verdict_links, with_verdicts
from scalinglaws.claims import as_markdown
from scalinglaws.store import load_table, load_yaml

ROOT = Path(__file__).resolve().parents[1]
STEMS = sorted(path.stem for path in (ROOT / "scalinglaws/plots").glob("[!_]*.py"))
MODULES = {stem: importlib.import_module(f"scalinglaws.plots.{stem}") for stem in STEMS}
# Drawn by `make benchmark`: the workflow has no rule for it.
OF_BENCHMARK = "benchmark_sizes"
FIGURES = {stem: module for stem, module in MODULES.items() if hasattr(module, "TABLES") and stem != OF_BENCHMARK}
STUDIES = load_yaml(ROOT / "workflow/studies.yaml")
EXPERIMENTS = {f"{study}-{name}": made for study in STUDIES for name, made in STUDIES[study]["experiments"].items()}
DEFAULT = load_yaml(ROOT / "config/config.yaml")
# What claims' ids begin with.
PREFIXES = "shells|ridge|rf|nlrf|rm|notebooks|shallow"
KNOWN = {claim["id"] for claim in load_yaml(ROOT / "config/claims.yaml")["claims"]}
SMOKE = copy.deepcopy(DEFAULT)
update_config(SMOKE, load_yaml(ROOT / "config/smoke.yaml"))
TEMPLATES = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / "workflow/report").glob("*.rst"))}
# Drawn by a rule of its own from the tables of claims; it bears on all of them.
OF_CLAIMS = "claims_overview"
COMMITTED = load_table(ROOT / "figures/tables/claims.csv")


def rendered(template, config=DEFAULT):
    """A caption as Snakemake fills it in."""
    return jinja2.Template(template, undefined=jinja2.StrictUndefined).render(snakemake=SimpleNamespace(config=config))


def shown(template):
    """The text that a reader sees of a caption; docutils stops at anything that it would warn of."""
    overrides = {"halt_level": 2, "warning_stream": False}
    body = publish_parts(rendered(template), writer="html", settings_overrides=overrides)["body"]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", body)).split())


def test_a_module_that_draws_names_its_tables():
    assert FIGURES
    assert [stem for stem, module in MODULES.items() if hasattr(module, "draw") != hasattr(module, "TABLES")] == []


@pytest.mark.parametrize("stem", FIGURES)
def test_every_figure_has_a_rule_and_takes_the_tables_it_names(stem):
    assert tuple(inspect.signature(FIGURES[stem].draw).parameters) == FIGURES[stem].TABLES
    rules = sum(made["figures"].count(stem) for made in EXPERIMENTS.values())
    assert rules == (0 if stem == OF_CLAIMS else 1)


@pytest.mark.parametrize("made", EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_an_experiment_makes_the_tables_of_its_figures(made):
    for figure in made["figures"]:
        assert set(FIGURES[figure].TABLES) <= set(made["tables"]), figure


@pytest.mark.parametrize("stem", TEMPLATES)
@pytest.mark.parametrize("config", [DEFAULT, SMOKE], ids=["default", "smoke"])
def test_captions_fit_the_settings_and_the_claims(stem, config):
    caption = rendered(TEMPLATES[stem], config)
    assert len(caption) > 80
    assert set(re.findall(rf"\b(?:{PREFIXES})-[a-z-]+[a-z]", caption)) <= KNOWN
    if stem in FIGURES and stem != OF_CLAIMS:
        assert re.search(r"seeds 0, 1|\d seeds|drawn at random", caption)
        assert "Claim" in caption
        assert len(parameters(caption)) > 20


def test_every_caption_belongs_to_a_figure_or_a_page():
    assert set(TEMPLATES) == {*FIGURES, "workflow", "claims"}


# --- verdicts in captions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stem", TEMPLATES)
def test_captions_say_the_verdict_of_every_claim_that_they_name(stem):
    text, claims = shown(with_verdicts(TEMPLATES[stem], COMMITTED)), named(TEMPLATES[stem], COMMITTED)
    assert (len(claims) > 0) == (stem in FIGURES and stem != OF_CLAIMS)
    for claim in claims.itertuples():
        assert f"{claim.id}: {claim.verdict}, {claim.passed} of {claim.measured} measurements hold" in text
        assert f"({claim.rows}): {measured(claim)}; allowed {allowed(claim)}" in text


def one_claim(**changed):
    """A table with one claim."""
    said = {"id": "rf-a", "verdict": "fails", "quantity": "slope", "rows": "x", "why": "so"}
    numbers = {
        "measured": 3,
        "passed": 1,
        "value": 2.0,
        "low": 1.5,
        "high": 2.5,
        "lower": 0.0,
        "upper": 1.0,
        "seeds": 5,
    }
    return pd.DataFrame([said | numbers | changed])


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({}, "fails, 1 of 3 measurements hold; the worst: slope (x): 2 [1.5, 2.5]; allowed ≥ 0 and ≤ 1; 5 seeds"),
        (
            {"low": 2.0, "high": 2.0, "seeds": math.nan, "lower": -math.inf},
            "fails, 1 of 3 measurements hold; the worst: slope (x): 2; allowed ≤ 1",
        ),
        (
            {"low": math.nan, "high": math.nan, "seeds": 1, "upper": math.inf},
            "fails, 1 of 3 measurements hold; the worst: slope (x): 2 [no interval]; allowed ≥ 0; 1 seed",
        ),
        (
            {"value": math.nan, "low": math.nan, "high": math.nan, "seeds": 0},
            "fails, 1 of 3 measurements hold; the worst: slope (x): no number; allowed ≥ 0 and ≤ 1; 0 seeds",
        ),
        ({"verdict": "not attempted", "measured": 0, "quantity": math.nan}, "not attempted, so"),
    ],
    ids=["interval", "judged by itself", "single seed", "no number", "not attempted"],
)
def test_a_verdict_is_written_with_all_that_belongs_to_it(changed, line):
    assert shown(with_verdicts("It rises. Claim: rf-a.", one_claim(**changed))).endswith(f"Verdicts: rf-a: {line}")


def test_verdicts_come_in_the_order_of_the_table_and_only_for_whole_names():
    claims = pd.concat([one_claim(id=name) for name in ("rf-b", "rf-a-b", "rf-a", "rf-c")])
    assert list(named("Claims: rf-a, rf-c.\nrf-b-d, and\nnot-rf-b (rf-a-b)", claims).id) == ["rf-a-b", "rf-a", "rf-c"]
    assert with_verdicts("No claim.", claims) == "No claim."


HOSTILE = [
    "|KARE / GCV - 1|",
    "a_law_, `x`_ and *y*",
    "{{ x }} {% for %} {# a #}",
    "\\|a\\| \\",
    "a\n\n.. raw:: html",
    "1::",
]
# What reStructuredText and jinja read as markup, and what separates words of it.
MARKUP = st.text(alphabet="a1 .:-+=>*_`|\\{}%#<&[]()'\"\n^~$", min_size=1, max_size=30).filter(str.strip)


@pytest.mark.parametrize("place", ["quantity", "rows"])
@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_claims_means_itself(place, text):
    assert " ".join(text.split()) in shown(with_verdicts("Claim: rf-a.", one_claim(**{place: text})))


@settings(deadline=None, derandomize=True, max_examples=200)
@given(quantity=MARKUP, rows=MARKUP, why=MARKUP)
def test_no_text_of_a_claim_is_markup(quantity, rows, why):
    claims = pd.concat([one_claim(quantity=quantity, rows=rows), one_claim(id="rf-b", measured=0, why=why)])
    quantity, rows, why = (" ".join(text.split()) for text in (quantity, rows, why))
    said = shown(with_verdicts("Claims: rf-a, rf-b.", claims))
    assert f"the worst: {quantity} ({rows}): 2 [1.5, 2.5]" in said
    assert said.endswith(f"rf-b: fails, {why}")


# --- the parts of a caption that the gallery shows -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("caption", "said"),
    [
        ("A.\n\nParameters: width 3;\nseeds 0, 1. Claim: rf-a.", "width 3; seeds 0, 1."),
        (
            "A.\n\nParameters: ``tanh``, \\|z\\|, 1.5.\nNothing is drawn. Claims: rf-a, rf-b.\n",
            "`tanh`, |z|, 1.5. Nothing is drawn.",
        ),
        ("A.\n\nParameters: width 3.\n\nClaims: rf-a.", "width 3."),
    ],
    ids=["lines", "markup", "paragraph"],
)
def test_parameters_of_a_caption_as_markdown(caption, said):
    assert parameters(caption) == said


def test_a_caption_without_parameters_is_refused():
    with pytest.raises(ValueError, match=r"caption = 'It rises\.'\.\.\. must have a paragraph that begins with 'Param"):
        parameters("It rises.")


def test_links_to_verdicts_are_the_anchors_of_the_claims_page():
    """GitHub's anchor of a heading: in small letters, without punctuation, with hyphens for blanks."""
    page = as_markdown(COMMITTED, pd.DataFrame(columns=["claim"]))
    headings = re.findall(r"^## (.*)$", page, re.MULTILINE)
    anchors = [re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings]
    assert [anchor(row) for row in COMMITTED.itertuples()] == anchors
    first = COMMITTED.iloc[[0]]
    assert verdict_links(first, "c.md") == f"[{first.id[0]}](c.md#{anchors[0]}) **{first.verdict[0]}**"
