"""What the README promises: its example runs, its paths exist, its verdicts are those of the committed tables."""

import importlib.util
import re
from pathlib import Path

import pytest

from scalinglaws.store import load_table, load_yaml

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def gallery():
    """tools/gallery.py as a module."""
    spec = importlib.util.spec_from_file_location("gallery", ROOT / "tools/gallery.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def verdicts():
    return load_table(ROOT / "figures/tables/claims.csv")


def test_the_readme_examples_run():
    budget, curve = [_run(example) for example in re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)]
    assert budget["step"].closure < 1e-12
    assert budget["step"].dissipation.sum() > 0
    assert (curve["measured"].standard_error.excess_risk < 0.2 * curve["theory"].excess_risk).all()


def _run(example):
    names = {}
    exec(compile(example, "README.md", "exec"), names)
    return names


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`([\w./-]+/[\w.-]*)`|\]\(([\w./-]+)\)", README))))
def test_paths_in_the_readme_exist(path):
    path = "".join(path)
    assert path.startswith("results/") or (ROOT / path).exists()


def test_the_readme_shows_the_committed_verdicts(gallery, verdicts):
    assert gallery.with_headline(README, verdicts) == README


def test_the_gallery_page_is_in_step(gallery, verdicts):
    pictures = sorted(path.relative_to(ROOT / "figures") for path in (ROOT / "figures").glob("*/*.png"))
    page = (ROOT / "figures/README.md").read_text(encoding="utf-8")
    assert gallery.gallery_page(pictures, verdicts) == page
    studies = load_yaml(ROOT / "workflow/studies.yaml")
    drawn = {f"{study}/{name}.png" for study in studies for name in _figures(studies[study])}
    assert {picture.as_posix() for picture in pictures} == drawn
    assert all(f"]({picture})" in page for picture in drawn)


def _figures(study):
    return [name for made in study["experiments"].values() for name in made["figures"]]


def test_a_changed_verdict_would_be_noticed(gallery, verdicts):
    changed = verdicts.assign(verdict=[*verdicts.verdict[:-1], "fails"])
    assert gallery.with_headline(README, changed) != README


def test_documents_are_short_enough_to_read():
    assert len(README.splitlines()) <= 125
