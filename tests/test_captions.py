"""Every figure has a caption, a rule that draws it, and a caption that fits the settings and the claims."""

import copy
import importlib
import inspect
import re
from pathlib import Path
from types import SimpleNamespace

import jinja2
import pytest
from snakemake.utils import update_config

from scalinglaws.store import load_yaml

ROOT = Path(__file__).resolve().parents[1]
STEMS = sorted(path.stem for path in (ROOT / "scalinglaws/plots").glob("[!_]*.py"))
MODULES = {stem: importlib.import_module(f"scalinglaws.plots.{stem}") for stem in STEMS}
FIGURES = {stem: module for stem, module in MODULES.items() if hasattr(module, "TABLES")}
STUDIES = load_yaml(ROOT / "workflow/studies.yaml")
EXPERIMENTS = {f"{study}-{name}": made for study in STUDIES for name, made in STUDIES[study]["experiments"].items()}
DEFAULT = load_yaml(ROOT / "config/config.yaml")
# What claims' ids begin with.
PREFIXES = "shells|ridge|rf|nlrf|rm|notebooks|shallow"
SMOKE = copy.deepcopy(DEFAULT)
update_config(SMOKE, load_yaml(ROOT / "config/smoke.yaml"))


def test_a_module_that_draws_names_its_tables():
    assert FIGURES
    assert [stem for stem, module in MODULES.items() if hasattr(module, "draw") != (stem in FIGURES)] == []


@pytest.mark.parametrize("stem", FIGURES)
def test_every_figure_has_a_caption_a_rule_and_the_tables_it_names(stem):
    assert tuple(inspect.signature(FIGURES[stem].draw).parameters) == FIGURES[stem].TABLES
    assert sum(made["figures"].count(stem) for made in EXPERIMENTS.values()) == 1


@pytest.mark.parametrize("made", EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_an_experiment_makes_the_tables_of_its_figures(made):
    for figure in made["figures"]:
        assert set(FIGURES[figure].TABLES) <= set(made["tables"]), figure


@pytest.mark.parametrize("path", sorted((ROOT / "workflow/report").glob("*.rst")), ids=lambda path: path.stem)
@pytest.mark.parametrize("config", [DEFAULT, SMOKE], ids=["default", "smoke"])
def test_captions_fit_the_settings_and_the_claims(path, config):
    template = jinja2.Template(path.read_text(encoding="utf-8"), undefined=jinja2.StrictUndefined)
    caption = template.render(snakemake=SimpleNamespace(config=config))
    assert len(caption) > 80
    known = {claim["id"] for claim in load_yaml(ROOT / "config/claims.yaml")["claims"]}
    assert set(re.findall(rf"\b(?:{PREFIXES})-[a-z-]+[a-z]", caption)) <= known
    if path.stem in FIGURES:
        assert re.search(r"seeds 0, 1|\d seeds|drawn at random", caption)
        assert "Claim" in caption


def test_every_caption_belongs_to_a_figure_or_a_page():
    stems = {path.stem for path in (ROOT / "workflow/report").glob("*.rst")}
    assert stems == {*FIGURES, "workflow", "claims"}
