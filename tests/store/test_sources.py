"""The hash of the code behind a result changes with what the result depends on, and with nothing else."""

import shutil
from pathlib import Path

import pytest

from scalinglaws.store import code_hash, library_modules, sources

ROOT = Path(__file__).resolve().parents[2]
TINY = {
    "__init__.py": '"""A package."""\n',
    "low.py": '"""Low."""\n\nLIMIT = 3\n\n\ndef scale(x):\n    """Scale x."""\n    return LIMIT * x  # why three\n',
    "middle.py": "from tiny.low import scale\n\n\ndef twice(x):\n    return 2 * scale(x)\n",
    "late.py": "def later(x):\n    import tiny.low\n\n    return tiny.low.scale(x)\n",
    "stranger.py": "COLOUR = 'blue'\n",
    "study/__init__.py": (
        '"""A study."""\n\nfrom tiny.study.one import first\nfrom tiny.study.two import Second\n'
        '\n__all__ = ["Second", "first"]\n'
    ),
    "study/one.py": "from tiny.middle import twice\n\n\ndef first(x):\n    return twice(x)\n",
    "study/two.py": "class Second:\n    SIZE = 2\n",
    "study/deep/__init__.py": "from tiny.study.deep.inner import depth\n",
    "study/deep/inner.py": "def depth():\n    return 1\n",
    "outer.py": "from tiny.study import deep\n\n\ndef outer():\n    return deep.depth()\n",
    "ring_a.py": "import tiny.ring_b\n",
    "ring_b.py": "import tiny.ring_a\n",
}


class Library:
    """A package on disk in place of the real one; `edit` changes a file and forgets what was read before."""

    def __init__(self, folder):
        self.folder = folder

    def edit(self, name, old, new):
        text = (self.folder / name).read_text(encoding="utf-8")
        assert old in text, f"{name} does not hold {old!r}"
        (self.folder / name).write_text(text.replace(old, new), encoding="utf-8")
        forget()

    def script(self, text):
        path = self.folder.parent / "script.py"
        path.write_text(text, encoding="utf-8")
        forget()
        return path


def forget():
    """Clear the caches: a process that hashes does not edit, a test does."""
    for function in vars(sources).values():
        getattr(function, "cache_clear", lambda: None)()


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """The library of TINY."""
    for name, text in TINY.items():
        path = tmp_path / "tiny" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    monkeypatch.setattr(sources, "PACKAGE", tmp_path / "tiny")
    forget()
    yield Library(tmp_path / "tiny")
    forget()


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the real library."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(sources.PACKAGE, tmp_path / "scalinglaws", ignore=ignored)
    monkeypatch.setattr(sources, "PACKAGE", tmp_path / "scalinglaws")
    forget()
    yield Library(tmp_path / "scalinglaws")
    forget()


# --- a tiny library -------------------------------------------------------------------------------------------------

TRACED = {
    "import tiny.low": {"tiny.low"},
    "import tiny.low as low": {"tiny.low"},
    "from tiny import low": {"tiny.low"},
    "from tiny.low import scale, LIMIT": {"tiny.low"},
    "from tiny.middle import twice": {"tiny.middle", "tiny.low"},
    "if True:\n    def f():\n        from tiny.middle import twice": {"tiny.middle", "tiny.low"},
    "import tiny.late": {"tiny.late", "tiny.low", "tiny"},
    "from tiny.study import Second": {"tiny.study.two"},
    "from tiny.study import first": {"tiny.study.one", "tiny.middle", "tiny.low"},
    "from tiny.study.deep import depth": {"tiny.study.deep.inner"},
    "import numpy, os.path\nfrom tinyness import low": set(),
    "import tiny.ring_a": {"tiny.ring_a", "tiny.ring_b"},
    "'import tiny.low'": set(),
}
# An import of a package as a whole counts with all that it passes on.
STUDY = {"tiny.study", "tiny.study.one", "tiny.study.two", "tiny.middle", "tiny.low"}
WHOLE = {
    "from tiny import study": STUDY,
    "import tiny.study": STUDY,
    "from tiny.study import *": STUDY,
    "from tiny.study import unheard_of": STUDY,
    "import tiny.outer": {"tiny.outer", "tiny.study.deep", "tiny.study.deep.inner"},
}


@pytest.mark.parametrize(("source", "modules"), [*TRACED.items(), *WHOLE.items()])
def test_imports_are_traced_to_the_defining_modules(tiny, source, modules):
    found = set(library_modules(tiny.script(source)))
    assert found - {"tiny"} == modules - {"tiny"}


SCRIPT = "from tiny.study import first\n\nprint(first(1))\n"
# Edits of (file, old, new), by whether the hash of SCRIPT must change.
CHANGES = {
    "a value, two imports away": ("low.py", "LIMIT = 3", "LIMIT = 4"),
    "an operation": ("low.py", "LIMIT * x", "LIMIT + x"),
    "a new branch": ("middle.py", "    return", "    x = x or 1\n    return"),
    "a default argument": ("study/one.py", "first(x)", "first(x=0)"),
    "a decorator": ("middle.py", "def twice", "@staticmethod\ndef twice"),
    "a string that is no docstring": ("low.py", "LIMIT = 3", "LIMIT = '3'"),
    "an import": ("middle.py", "from tiny.low", "import math\nfrom tiny.low"),
}
NO_CHANGES = {
    "a comment": ("low.py", "# why three", "# three is enough"),
    "another comment": ("low.py", "LIMIT = 3\n", "# A limit.\nLIMIT = 3\n"),
    "a function's docstring": ("low.py", "Scale x.", "The scaled x."),
    "a module's docstring": ("low.py", '"""Low."""', '"""At the bottom."""'),
    "a first docstring": ("middle.py", "    return", '    """Twice x."""\n    return'),
    "layout": ("low.py", "LIMIT * x", "(\n        LIMIT * x\n    )"),
    "blank lines": ("study/one.py", "\n\n\n", "\n\n\n\n"),
    "quotes": ("low.py", '"""Scale x."""', "'Scale x.'"),
    "a module that is not imported": ("stranger.py", "blue", "red"),
    "a module that only the package imports": ("study/two.py", "SIZE = 2", "SIZE = 3"),
    "what the package passes on": ("study/__init__.py", "from tiny.study.two import Second\n", ""),
}


@pytest.mark.parametrize(("name", "old", "new"), CHANGES.values(), ids=CHANGES)
def test_what_runs_changes_the_hash(tiny, name, old, new):
    script = tiny.script(SCRIPT)
    before = code_hash(script)
    tiny.edit(name, old, new)
    assert code_hash(script) != before


@pytest.mark.parametrize(("name", "old", "new"), NO_CHANGES.values(), ids=NO_CHANGES)
def test_what_does_not_run_or_is_not_imported_leaves_the_hash(tiny, name, old, new):
    script = tiny.script(SCRIPT)
    before = code_hash(script)
    tiny.edit(name, old, new)
    assert code_hash(script) == before


def test_the_script_itself_counts_without_its_comments(tiny):
    one = code_hash(tiny.script(SCRIPT))
    assert code_hash(tiny.script("# Print.\n" + SCRIPT)) == one
    assert code_hash(tiny.script(SCRIPT.replace("first(1)", "first(2)"))) != one


def test_named_modules_count_as_if_imported(tiny):
    script = tiny.script("import importlib\n")
    alone, named = code_hash(script), code_hash(script, modules=("tiny.study.one",))
    assert alone != named
    tiny.edit("low.py", "LIMIT = 3", "LIMIT = 4")
    assert code_hash(script) == alone
    assert code_hash(script, modules=("tiny.study.one",)) != named


def test_the_hash_is_short_repeats_and_does_not_depend_on_the_folder(tiny, tmp_path, monkeypatch):
    script = tiny.script(SCRIPT)
    one = code_hash(script)
    assert len(one) == 16
    assert set(one) <= set("0123456789abcdef")
    moved = tmp_path / "très loin"
    moved.mkdir()
    shutil.copytree(tiny.folder, moved / "tiny")
    shutil.copy(script, moved / "script.py")
    monkeypatch.setattr(sources, "PACKAGE", moved / "tiny")
    forget()
    assert code_hash(moved / "script.py") == one


def test_a_missing_script_is_an_error(tiny, tmp_path):
    with pytest.raises(FileNotFoundError):
        code_hash(tmp_path / "no_such.py")


@pytest.mark.parametrize(
    "relative", ["from . import low", "from .low import scale", "def f():\n    from ..tiny import low"]
)
def test_a_relative_import_is_refused_by_file_and_line(tiny, relative):
    """Not followed, it would leave a result standing when what it depends on changes."""
    with pytest.raises(ValueError, match=r"script\.py:\d imports relatively and must name its modules in full"):
        code_hash(tiny.script(relative))
    tiny.edit("middle.py", "from tiny.low import scale", relative)
    for run in (lambda: code_hash(tiny.script(SCRIPT)), lambda: library_modules(tiny.script("import tiny.middle"))):
        with pytest.raises(ValueError, match=r"middle\.py:\d imports relatively"):
            run()


def test_a_package_that_passes_on_relatively_is_refused(tiny):
    tiny.edit("study/__init__.py", "from tiny.study.one import first", "from .one import first")
    with pytest.raises(ValueError, match=r"study/__init__\.py:3 imports relatively"):
        code_hash(tiny.script(SCRIPT))


def test_a_missing_module_is_an_error(tiny):
    with pytest.raises(FileNotFoundError, match=r"no module tiny\.no_such"):
        code_hash(tiny.script(SCRIPT), modules=("tiny.no_such",))


# --- the real library -----------------------------------------------------------------------------------------------


def test_verdicts_do_not_hang_on_training():
    modules = library_modules(ROOT / "workflow/scripts/judge.py")
    assert {"scalinglaws.claims", "scalinglaws.store.records"} <= set(modules)
    assert modules == sorted(modules)
    assert not [name for name in modules if name.startswith(("scalinglaws.networks", "scalinglaws.shells"))]


# What a job's hash must follow, and what it must not, by the script and the module that the rule names.
DEPENDENCE = {
    ("run_members.py", "scalinglaws.shells.experiments.sweep"): (
        "shells/experiments/sweep shells/experiments/setup shells/history shells/budget shells/lazy shells/modes "
        "networks/training networks/mlp networks/tangent problems spectra store/records",
        "shells/convergence shells/experiments/orders shells/tables/sweep plots/style fits claims settings",
    ),
    ("run_members.py", "scalinglaws.shells.experiments.orders"): (
        "shells/experiments/orders shells/convergence shells/orders shells/partition",
        "shells/history shells/lazy shells/experiments/sweep shells/experiments/widths",
    ),
    ("tables.py", "scalinglaws.shells.tables.sweep"): (
        "shells/tables/sweep shells/tables/common fits",
        "shells/tables/widths shells/budget networks/training plots/style",
    ),
    ("draw.py", "scalinglaws.plots.lazy_limit"): (
        "plots/lazy_limit plots/style plots/grouping shells/tables/common",
        "plots/orders plots/loss shells/tables/sweep shells/budget claims networks/mlp",
    ),
    ("judge.py", "scalinglaws.claims"): ("claims store/files", "checks settings fits plots/style agreement/claims"),
}


@pytest.mark.parametrize(("script", "module"), DEPENDENCE)
def test_a_job_depends_on_what_it_imports_and_on_nothing_else(copy, script, module):
    def hash_now():
        forget()
        return code_hash(ROOT / "workflow/scripts" / script, modules=(module,))

    def edit(name):
        with open(copy.folder / f"{name}.py", "a", encoding="utf-8") as file:
            file.write("\n\nNEW = 1\n")

    followed, ignored = (names.split() for names in DEPENDENCE[script, module])
    assert all((copy.folder / f"{name}.py").is_file() for name in (*followed, *ignored))
    latest = hash_now()
    for name in ignored:
        edit(name)
    assert hash_now() == latest
    for name in followed:
        edit(name)
        before, latest = latest, hash_now()
        assert latest != before, f"an edit of {name} goes unseen"
