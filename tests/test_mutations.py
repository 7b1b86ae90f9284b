"""The mutation check: its tables are about the library as it is, its page is about its tables, and it can tell."""

import ast
import functools
import importlib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]

with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(ROOT / "tools")
    tool = importlib.import_module("mutations")

MUTATIONS = tool.load(ROOT / tool.TABLES)

LIBRARY = """def twice(x):
    while x > 1e6:
        x -= 1
    return 2 * x  # a comment
"""
TESTS = """from scalinglaws.toy import twice

def test_twice():
    assert [twice(x) for x in (0, 2e6)] == [0, 2e6]
"""


@functools.cache
def module(name):
    """Text of a module, and what it means without comments and layout."""
    text = (ROOT / tool.PACKAGE / name).read_text(encoding="utf-8")
    return text, ast.dump(ast.parse(text))


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_mutation_changes_what_its_module_does(mutation):
    text, meaning = module(mutation.module)
    assert ast.dump(ast.parse(mutation.applied(text))) != meaning


def test_tests_of_every_mutation_are_there_and_not_the_mutation_check_itself():
    named = {test for mutation in MUTATIONS for test in mutation.tests}
    assert all(mutation.tests for mutation in MUTATIONS)
    assert not [name for name in named if not (ROOT / "tests" / name).is_file()]
    assert Path(__file__).name not in named


def test_page_tells_of_every_mutation_and_of_no_other():
    page = ROOT / tool.PAGE
    told = tool.read_page(page)
    assert set(told) == {mutation.name for mutation in MUTATIONS}, "make mutations"
    assert page.read_text(encoding="utf-8") == tool.as_page(MUTATIONS, told), "make mutations"


def test_enough_is_caught_and_every_survivor_is_explained():
    told = tool.read_page(ROOT / tool.PAGE)
    survivors = [mutation for mutation in MUTATIONS if told[mutation.name] == tool.SURVIVED]
    assert len(survivors) <= (1 - tool.ENOUGH) * len(MUTATIONS)
    assert not [mutation.name for mutation in survivors if not mutation.equivalent]
    assert not [one.name for one in MUTATIONS if one.equivalent and one not in survivors]


@pytest.mark.parametrize(("text", "times"), [("twice", 0), ("x", 4)])
def test_text_that_is_not_there_once_is_refused(text, times):
    mutation = tool.Mutation("toy.py", ("test_toy.py",), "a change", text * (1 + (times == 0)), "y")
    with pytest.raises(ValueError, match=f"toy.py: a change: .* is there {times} times and must be there once"):
        mutation.applied(LIBRARY)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Function that makes a project of one module and one test, with a table of (change, was, becomes)."""
    # Half of the time that pytest takes to start.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    # Where the processes that run the tests find what runs them.
    monkeypatch.syspath_prepend(ROOT / "tools")

    def make(*changes, tests=TESTS):
        listed = [dict(zip(("change", "was", "becomes"), change, strict=True)) for change in changes]
        table = yaml.safe_dump([{"module": "toy.py", "tests": ["test_toy.py"], "mutations": listed}])
        files = {"scalinglaws/__init__.py": "", "scalinglaws/toy.py": LIBRARY, "tests/test_toy.py": tests}
        for name, text in {**files, f"{tool.TABLES}/toy.yaml": table, tool.PAGE: ""}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path

    return make


CAUGHT = ("three times", "2 * x", "3 * x")
MISSED = ("steps of two", "x -= 1", "x -= 2")
UNIMPORTABLE = ("no module at all", "def twice(x):", "def twice(x, y=1 / 0):")


def test_what_is_caught_and_what_survives_is_told(project, capsys):
    root = project(MISSED, CAUGHT, UNIMPORTABLE)
    assert tool.main(["--workers", "1"], root) == 1
    found = ["survived", "test_toy.py::test_twice", "test_toy.py"]
    names = [f"toy.py: {change}" for change, _, _ in (MISSED, CAUGHT, UNIMPORTABLE)]
    assert tool.read_page(root / tool.PAGE) == dict(zip(names, found, strict=True))
    assert capsys.readouterr().out.endswith(f"2 of 3 mutations caught; the page is {tool.PAGE}\n")
    assert "| toy.py | three times | `test_toy.py::test_twice` |" in (root / tool.PAGE).read_text(encoding="utf-8")
    assert (root / "scalinglaws/toy.py").read_text(encoding="utf-8") == LIBRARY


def test_rows_of_those_not_asked_for_stay(project, monkeypatch):
    root, before = project(CAUGHT, MISSED), {"toy.py: steps of two": "survived"}
    (root / tool.PAGE).write_text(tool.as_page(tool.load(root / tool.TABLES), before), encoding="utf-8")
    monkeypatch.setattr(tool, "outcomes", lambda _, chosen, workers: {one.name: "test_toy.py" for one in chosen})
    assert tool.main(["--only", "three"], root) == 0
    assert tool.read_page(root / tool.PAGE) == {**before, "toy.py: three times": "test_toy.py"}


def test_a_loop_without_end_is_caught(project):
    root = project()
    (root / "scalinglaws/toy.py").write_text(LIBRARY.replace("x -= 1", "x += 1"), encoding="utf-8")
    assert tool._outcome(None, *tool.run_tests(root, ["test_toy.py"], 1)) == tool.ENDLESS


def test_tests_that_fail_by_themselves_prove_nothing(project):
    root = project(CAUGHT, tests=TESTS.replace("[0, 2e6]", "[1, 2e6]"))
    with pytest.raises(SystemExit, match="the tests fail, and nothing was changed"):
        tool.main([], root)
    assert (root / tool.PAGE).read_text(encoding="utf-8") == ""


def test_mutations_of_one_name_are_refused(project):
    with pytest.raises(ValueError, match=r"mutations have one name: toy\.py: three times"):
        tool.load(project(CAUGHT, CAUGHT) / tool.TABLES)
