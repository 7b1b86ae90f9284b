"""tools/environments.py: what it asks pip for, how it reads what make says, its table, and the committed one."""

import importlib
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from scalinglaws.agreement import Verification, as_text
from scalinglaws.store import load_table, save_table

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
VERSIONS = {"python": "3.11.7", "numpy": "2.0.2", "scipy": "1.15.0", "torch": "2.13.0+cpu", "pandas": "3.1.0"}
VERSIONS |= {"matplotlib": "3.10.7", "scikit-learn": "1.6.0", "snakemake": "9.11.7"}
TRIED = {"environment": "oldest", "commit": "g123456789012", **VERSIONS}
TESTS = {"passed": 8, "failed": 1, "skipped": 2}
RUN = {"identical": 1, "within": 1, "outside": 1}
RUN |= {"claims_agree": 1, "claims": 2, "measurements_agree": 3, "measurements": 3}


@pytest.fixture(scope="module")
def tool():
    """What tools/environments.py and the module beside it define, and the module itself to be changed."""
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        table, main = (importlib.import_module(name) for name in ("environment_table", "environments"))
    finally:
        sys.path.remove(str(ROOT / "tools"))
    return SimpleNamespace(**vars(table) | vars(main), module=main)


def verified():
    """What verify.py prints of two tables that agree, one that does not, and two claims of which one does not."""
    statuses = {"shells/runs": "identical", "shells/fits": "within tolerance", "ridge/points": "outside"}
    rows = {"id": ["one", "two"], "agrees": [True, False], "tolerance": 0.1}
    rows |= {f"{what} {side}": 1.0 for what in ("verdict", "value") for side in ("here", "committed")}
    measurements = pd.DataFrame({"agrees": [True] * 3})
    return as_text(
        Verification(["numpy: 1 here, 2 committed"], statuses, [], pd.DataFrame(rows), measurements, [], [], 9)
    )


# --- what is installed ------------------------------------------------------------------------------------------------


def test_the_oldest_is_every_lower_bound_and_the_newest_has_none_but_the_stated(tool):
    pyproject = {"build-system": {"requires": ["setuptools>=77"]}}
    extras = {"workflow": ["pulp[cbc]<4,>=3.1"], "slurm": ["not-pinned>=1"]}
    pyproject["project"] = {"dependencies": ["torch==2.13.0"], "optional-dependencies": extras}
    assert tool.requirements("oldest", pyproject) == ["setuptools==77", "torch==2.13.0", "pulp[cbc]==3.1"]
    assert tool.requirements("newest", pyproject) == ["setuptools>=77", "torch==2.13.0", "pulp[cbc]<4,>=3.1"]


@pytest.mark.parametrize("requirement", ["numpy", "numpy<3", "numpy>=2,>=1"])
def test_a_dependency_without_one_lower_bound_is_named(tool, requirement):
    with pytest.raises(ValueError, match=r"numpy.* must have one lower bound"):
        tool.lowest(tool.Requirement(requirement))


def test_every_dependency_of_the_project_has_its_lower_bound(tool):
    assert len(tool.requirements("oldest", PYPROJECT)) == len(tool.requirements("newest", PYPROJECT)) > 15


def test_the_pythons_are_the_ends_of_the_supported_range(tool):
    assert [tool.interpreter(name, PYPROJECT) for name in tool.NAMES] == ["python3.11", "python3.13"]


# --- what make says ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        ("===== 5 passed in 1.20s =====", (5, 0, 0)),
        ("== 1 failed, 8 passed, 2 skipped in 83.10s (0:01:23) ==", (8, 1, 2)),
        ("= 1 failed, 8 passed, 3 deselected, 4 warnings, 2 errors in 9.00s =", (8, 3, 0)),
        ("=== 1 error in 0.12s ===", (0, 1, 0)),
    ],
)
def test_tests_are_counted_by_outcome(tool, line, counts):
    assert tuple(tool.tests_counted(f"==== 9 passed in 1.00s ====\n.....\n{line}\n").values()) == counts


def test_a_verification_is_counted_as_it_is_printed(tool):
    assert tool.run_compared(f"12 of 62 jobs, 3 s gone\n{verified()}make: *** [Makefile:1: verify] Error 1\n") == RUN


def test_what_ended_early_is_no_outcome(tool):
    with pytest.raises(ValueError, match="make test ended before"):
        tool.tests_counted("..... [ 40%]\nmake: *** [Makefile:1: test] Killed\n")
    with pytest.raises(ValueError, match="make verify ended before"):
        tool.run_compared(verified().partition("measurements of claims")[0])


# --- the table --------------------------------------------------------------------------------------------------------


def test_halves_of_a_row_meet_if_they_are_of_one_commit_and_its_versions(tool):
    table = tool.with_row(pd.DataFrame(), TRIED | TESTS)
    assert tool.with_row(table, TRIED | RUN).to_dict("records") == [TRIED | TESTS | RUN]
    for other in ({"commit": "gother"}, {"numpy": "2.1.0"}):
        (row,) = tool.with_row(table, TRIED | other | RUN).to_dict("records")
        assert pd.isna([row[name] for name in TESTS]).all()


def test_rows_are_in_order_and_survive_the_file(tool, tmp_path):
    table = pd.DataFrame()
    for row in (TRIED | {"environment": "newest"} | RUN, TRIED | TESTS):
        save_table(tmp_path / "table.csv", tool.with_row(table, row))
        table = load_table(tmp_path / "table.csv")
    assert table.environment.tolist() == ["oldest", "newest"]
    assert {name: table[name].tolist() for name in ("numpy", "commit")} == {
        "numpy": ["2.0.2"] * 2,
        "commit": ["g123456789012"] * 2,
    }
    assert table.failed.tolist()[0] == 1
    assert table.identical.isna().tolist() == [True, False]


def test_the_page_tells_the_table_and_nothing_else_changes(tool):
    page = f"Before.\n\n{tool.BEGIN}\nold\n{tool.END}\n\nAfter.\n"
    table = tool.with_row(tool.with_row(pd.DataFrame(), TRIED | RUN), TRIED | {"environment": "newest"} | TESTS)
    told = tool.with_table(page, table)
    assert told == tool.with_table(told, table)
    assert told.startswith("Before.\n\n<!--")
    assert told.endswith("-->\n\nAfter.\n")
    for line in (
        "|  | oldest | newest |\n|---|---|---|\n| Python | 3.11.7 | 3.11.7 |",
        "| tests | not tried | 8 passed, 1 failed, 2 skipped |",
        "| tables | 1 identical, 1 within tolerance, 1 outside | not tried |",
        "| claims, measurements that agree | 1 of 2, 3 of 3 | not tried |",
    ):
        assert line in told


def test_the_committed_table_is_of_the_bounds_of_today_and_all_is_well_in_it(tool):
    """Where this fails: `make test-environments`."""
    page = tool.PAGE.read_text(encoding="utf-8")
    if not tool.TABLE.exists():
        assert "Not tried yet." in page
        return
    table = load_table(tool.TABLE)
    assert tool.with_table(page, table) == page
    assert table.environment.tolist() == list(tool.NAMES)
    pinned = map(tool.Requirement, tool.requirements("oldest", PYPROJECT))
    oldest, bounds = table.iloc[0], {each.name: str(each.specifier).removeprefix("==") for each in pinned}
    assert [name for name in tool.PACKAGES if not oldest[name].startswith(bounds[name])] == []
    assert (table[["failed", "outside"]] == 0).all(axis=None)
    assert (table[["claims_agree", "measurements_agree"]].to_numpy() == table[["claims", "measurements"]]).all(
        axis=None
    )


# --- a whole trial, of a project in which make says what it is told ---------------------------------------------------


@pytest.fixture
def project(tool, tmp_path, monkeypatch):
    """A small project under git, in the place of this one; nothing is installed in its clones."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "verified").write_text(verified(), encoding="utf-8")
    (root / "Makefile").write_text("test:\n\t@echo '== 5 passed in 1.20s =='\nverify:\n\t@cat verified; exit 1\n")
    (root / "environments.md").write_text(f"{tool.BEGIN}\n{tool.END}\n", encoding="utf-8")
    changed = {"ROOT": root, "TABLE": root / "environments.csv", "PAGE": root / "environments.md"}
    changed |= {"install": lambda *_: None, "versions": lambda _: VERSIONS}
    for name, value in changed.items():
        monkeypatch.setattr(tool.module, name, value)
    git(root, "init")
    git(root, "add", ".")
    committed(root)
    return root


def git(root, *words):
    """Run git as somebody."""
    subprocess.run(
        ["git", "-C", root, "-c", "user.name=a", "-c", "user.email=a@b", *words], check=True, capture_output=True
    )


def committed(root):
    """Another commit."""
    git(root, "commit", "--allow-empty", "-m", "another")


def test_a_trial_tells_what_came_of_it_and_fails_with_make(tool, project, tmp_path):
    assert tool.main(["oldest", "--into", str(tmp_path / "tried"), "--only", "tests"]) == 0
    assert tool.main(["oldest", "--into", str(tmp_path / "tried")]) == 2
    (row,) = load_table(project / "environments.csv").to_dict("records")
    assert row == TRIED | {"commit": row["commit"]} | {"passed": 5, "failed": 0, "skipped": 0} | RUN
    assert "5 passed" in (project / "environments.md").read_text(encoding="utf-8")
    assert "5 passed" in (tmp_path / "tried/oldest-test.log").read_text(encoding="utf-8")


def test_a_clone_of_another_commit_is_refused_by_name(tool, project, tmp_path):
    tool.cloned(tmp_path / "clone")
    committed(project)
    with pytest.raises(ValueError, match=r"clone is not of commit g[0-9a-f]{12}: remove it"):
        tool.cloned(tmp_path / "clone")
