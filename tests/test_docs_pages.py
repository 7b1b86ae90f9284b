"""What the pages in docs promise: short, links that lead somewhere, examples and commands that run."""

import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from scalinglaws.claims import trial
from scalinglaws.store import load_table, load_yaml

ROOT = Path(__file__).resolve().parents[1]
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md"))}


def module(path):
    """A file of the tests as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def blocks(page, language):
    """The blocks of a page in one language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGES[page], flags=re.DOTALL)


def test_there_are_at_most_five_pages_and_the_readme_names_each():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert 0 < len(PAGES) <= 5
    assert [page for page in PAGES if f"](docs/{page}.md)" not in readme] == []


@pytest.mark.parametrize("page", PAGES)
def test_pages_are_short_and_not_wide(page):
    assert len(PAGES[page].splitlines()) <= 90
    assert max(map(len, PAGES[page].splitlines())) <= 120


@pytest.mark.parametrize("page", PAGES)
def test_links_and_paths_exist(page):
    for link in re.findall(r"\]\(([^)#]+)\)", PAGES[page]):
        assert (ROOT / "docs" / link).resolve().exists(), link
    for path in re.findall(r"`([\w.-]+/[\w./-]*)`", PAGES[page]):
        assert path.startswith(("results/", ".venv/")) or (ROOT / path).exists(), path


def test_the_example_of_your_own_network_runs():
    """Budget closed, energy summed to the loss; what the page says of its numbers is asserted there."""
    (example,) = blocks("your-own-network", "python")
    names = {}
    exec(compile(example, "your-own-network.md", "exec"), names)
    assert names["step"].closure < 1e-12
    assert names["step"].dissipation.sum() > 0


# --- the experiment and the claim that the pages add -----------------------------------------------------------------


def merged(old, new):
    """Settings with others put under the same keys; lists are continued."""
    if isinstance(old, dict):
        return old | {key: merged(old[key], value) if key in old else value for key, value in new.items()}
    return old + new if isinstance(old, list) else new


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """A checkout in which both pages were followed, its files by path, and the figure made at toy size."""
    checkout = module(ROOT / "tests/workflow/conftest.py").Checkout(tmp_path_factory.mktemp("docs") / "example")
    written = blocks("add-an-experiment", "python") + blocks("add-an-experiment", "rst")
    files = {re.match(r"(?:#|\.\.) (\S+)\n", text)[1]: text for text in written}
    for path, text in files.items():
        assert not (checkout.folder / path).exists(), f"{path} is in the project already"
        (checkout.folder / path).write_text(text, encoding="utf-8")
    for text in blocks("add-an-experiment", "yaml") + blocks("add-a-claim", "yaml"):
        for path, entries in yaml.safe_load(text).items():
            file = checkout.folder / path
            file.write_text(yaml.safe_dump(merged(load_yaml(file), entries)), encoding="utf-8")
    checkout.files = files
    return checkout


def test_the_experiment_of_the_page_runs_and_its_claim_is_judged(example):
    (words,) = commands("add-an-experiment")
    done = snakemake(example, words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (example.folder / "results/smoke/figures/ridge/rm_edge.png").stat().st_size > 5000
    table = load_table(example.folder / "results/smoke/tables/ridge/edges.csv")
    assert table.ratio.nunique() * table.seed.nunique() == len(table) == 9
    (claim,) = [
        claim for claim in load_yaml(example.folder / "config/claims.yaml")["claims"] if claim["id"] == "rm-edge"
    ]
    assert len(trial([claim], {"ridge/edges": table})[1]) == 9


def test_the_experiment_of_the_page_keeps_the_rules_of_the_library(example):
    violations = module(ROOT / "tests/test_layers.py").violations
    sources = {path: text for path, text in example.files.items() if path.startswith("scalinglaws/")}
    assert len(sources) == 3
    assert [violations(path.removeprefix("scalinglaws/"), text) for path, text in sources.items()] == [[], [], []]


def test_an_entry_left_out_is_named_before_any_job(example):
    with example.edited("workflow/schemas/config.schema.yaml", "edge:", "egde:"):
        assert "config: ridge" in example.run("--dry-run").stderr.splitlines()[-1]


# --- commands -------------------------------------------------------------------------------------------------------


def commands(page):
    """The command lines of a page, each as words."""
    lines = [line for text in blocks(page, "sh") for line in text.replace("\\\n", "").splitlines()]
    return [shlex.split(line, comments=True) for line in lines]


def snakemake(checkout, words, *more):
    """Run a page's command in a checkout."""
    assert words[0] == ".venv/bin/snakemake"
    command = [sys.executable, "-m", "snakemake", *more, *words[1:]]
    return subprocess.run(command, cwd=checkout.folder, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize(
    "words", [words for page in ("add-a-claim", "paper-size") for words in commands(page)], ids=" ".join
)
def test_commands_would_run(words, example):
    """`make` as what it would do, snakemake as a dry run."""
    if words[0] == "make":
        assert subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True).returncode == 0
    else:
        done = snakemake(example, words, *([] if "--unlock" in words else ["--dry-run"]))
        assert done.returncode == 0, done.stdout + done.stderr
