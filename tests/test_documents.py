"""What the README promises: its examples run, its paths exist; and the gallery is in step with what it is made of."""

import importlib.util
import re
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# What tells the verdict of a claim, and what tells its words.
PAGES = ["figures/README.md", "README.md"]
MEASURED = "figures/tables/claim_measurements.csv"
TRIAL = ["figures/claims.md", "figures/claims.html", "figures/tables/claims.csv"]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def gallery():
    """tools/gallery.py as a module."""
    spec = importlib.util.spec_from_file_location("gallery", ROOT / "tools/gallery.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_readme_examples_run():
    """Those of the library; the network and its settings are run by the test of networks of one's own."""
    _, library = [_run(example) for example in re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)]
    assert library["step"].closure < 1e-12
    assert library["step"].dissipation.sum() > 0
    assert (library["measured"].standard_error.excess_risk < 0.2 * library["theory"].excess_risk).all()


def _run(example):
    names = {}
    exec(compile(example, "README.md", "exec"), names)
    return names


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`([\w./-]+/[\w.-]*)`|\]\(([\w./-]+)\)", README))))
def test_paths_in_the_readme_exist(path):
    path = "".join(path)
    assert path.startswith("results/") or (ROOT / path).exists()


def test_the_gallery_holds_what_the_workflow_makes_and_its_pages_are_in_step(gallery):
    assert (gallery.missing() or gallery.out_of_step(gallery.judged() | gallery.pages())) == []


def test_every_picture_and_table_of_the_gallery_is_on_its_page():
    folder = ROOT / "figures"
    page = (folder / "README.md").read_text(encoding="utf-8")
    files = [path.relative_to(folder).as_posix() for path in [*folder.glob("*/*.png"), *folder.glob("tables/*/*.csv")]]
    assert [path for path in files if f"]({path})" not in page] == []
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page)
    assert [link for link in links if not (folder / link).is_file()] == []


def test_links_to_claims_lead_to_their_headings():
    page, claims = ((ROOT / "figures" / name).read_text(encoding="utf-8") for name in ("README.md", "claims.md"))
    headings = re.findall(r"^## (.*)$", claims, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    linked = set(re.findall(r"\(claims\.md#([^)]*)\)", page))
    assert linked
    assert linked <= anchors


@pytest.fixture(scope="module")
def elsewhere(gallery, tmp_path_factory):
    """A copy of what the gallery is made of, claims and pages made anew, which the tool takes for the project."""
    folder = tmp_path_factory.mktemp("project")
    for part in ("config", "workflow", "figures"):
        shutil.copytree(ROOT / part, folder / part)
    shutil.copyfile(ROOT / "README.md", folder / "README.md")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gallery, "ROOT", folder)
        patch.setattr(gallery, "GALLERY", folder / "figures")
        for made in (gallery.judged, gallery.pages):
            for path, text in made().items():
                (folder / path).write_text(text, encoding="utf-8")
        yield folder


def test_pages_just_made_are_in_step(gallery, elsewhere):
    assert gallery.out_of_step(gallery.judged() | gallery.pages()) == []


@pytest.mark.parametrize(
    ("path", "old", "new", "stale"),
    [
        ("figures/tables/claims.csv", "shells-selfsimilar,fails", "shells-selfsimilar,replicated", PAGES),
        ("config/config.yaml", "duration: 400.0", "duration: 401.0", ["figures/README.md"]),
        ("workflow/report/lazy_limit.rst", "Parameters: {{", "Parameters: about {{", ["figures/README.md"]),
        ("README.md", "<!-- end of verdicts -->", "More.\n<!-- end of verdicts -->", ["README.md"]),
        ("figures/tables/ridge/width_exponents.csv", ",0.", ",9.", [*TRIAL, MEASURED]),
        ("config/claims.yaml", "The drift exponent b is 2.", "The drift exponent b is 3.", TRIAL),
    ],
    ids=["verdict", "setting", "caption", "page", "table", "claim"],
)
def test_what_is_out_of_step_is_named(gallery, elsewhere, path, old, new, stale):
    text = (elsewhere / path).read_text(encoding="utf-8")
    assert old in text
    (elsewhere / path).write_text(text.replace(old, new), encoding="utf-8")
    lines = gallery.out_of_step(gallery.judged() if set(TRIAL) <= set(stale) else gallery.pages())
    (elsewhere / path).write_text(text, encoding="utf-8")
    assert [line.split()[0] for line in lines] == stale


def test_what_is_missing_or_made_by_no_rule_is_named(gallery, elsewhere):
    before, folder = gallery.missing(), elsewhere / "figures"
    (folder / "shells/loss.png").rename(folder / "shells/loses.png")
    (folder / "tables/ridge/width_exponents.csv").unlink()
    assert set(gallery.missing()) - set(before) == {
        "figures/shells/loss.png is missing",
        "figures/tables/ridge/width_exponents.csv is missing",
        "figures/shells/loses.png is made by no rule",
    }


@pytest.mark.parametrize("faults", [[], ["figures/README.md is out of step"]])
def test_a_check_writes_nothing_and_fails_where_it_must(gallery, monkeypatch, capsys, faults):
    for name, answer in {"missing": [], "judged": {}, "pages": {}}.items():
        monkeypatch.setattr(gallery, name, lambda answer=answer: answer)
    monkeypatch.setattr(gallery, "out_of_step", lambda texts: faults)
    monkeypatch.setattr(gallery, "save_text", None)
    monkeypatch.setattr(gallery, "take", None)
    monkeypatch.setattr(sys, "argv", ["gallery.py", "--check"])
    assert gallery.main() == len(faults)
    assert capsys.readouterr().out.splitlines() == (faults or ["figures/ and README.md are in step."])


def test_documents_are_short_enough_to_read():
    assert len(README.splitlines()) <= 125
