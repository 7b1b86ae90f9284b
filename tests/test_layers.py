"""The library's layers: who may import whom, torch, matplotlib or the disk, and what every file must look like."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from scalinglaws.store import library_modules

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "scalinglaws"
FILES = sorted(LIBRARY.rglob("*.py"))
SCRIPTS = sorted((ROOT / "workflow/scripts").glob("*.py"))

# A part of the library imports itself and parts of a lower rank; parts of one rank are strangers.
RANKS = (
    ("checks", "shards"),
    ("spectra", "solvers", "fits", "contradictions", "claim_entries"),
    ("problems",),
    ("networks",),
    ("shells", "shallow", "ridge"),
    ("claims",),
    ("claims_page", "settings", "store", "plots", "agreement"),
)
RANK = {part: rank for rank, parts in enumerate(RANKS) for part in parts}

# Packages from outside, and where alone they may be imported.
HOMES = {
    "torch": ("networks/", "shells/experiments/", "shells/lanczos.py"),
    "matplotlib": ("plots/",),
    "mpl_toolkits": ("plots/",),
    "seaborn": ("plots/",),
    "yaml": ("store/",),
    "jsonschema": ("settings.py",),
    "snakemake": (),
    "rocrate": ("store/",),
    **dict.fromkeys(("os", "pathlib", "tempfile", "shutil", "io", "glob", "subprocess"), ("store/",)),
    # Networks are entries of settings, which a job imports by their names.
    "importlib": ("store/", "networks/named.py"),
    **dict.fromkeys(("pickle", "joblib", "h5py"), ()),
}
# Names that touch the disk or the screen when they are called, as functions and as attributes.
DISK_FUNCTIONS = {"open", "print", "__import__", "exec", "eval"}
DISK_ATTRIBUTES = {
    *("open", "read_text", "write_text", "read_bytes", "write_bytes", "mkdir", "unlink"),
    *("load", "save", "savez", "savez_compressed", "savetxt", "loadtxt", "genfromtxt", "fromfile", "tofile", "memmap"),
    *("read_csv", "to_csv", "to_pickle", "read_pickle", "savefig", "print_figure", "print_png", "print_pdf"),
}
UNTELLING = {"utils", "util", "helpers", "helper", "misc"}


def part_of(name):
    """The part of the library that a dotted module name or a relative path belongs to."""
    return name.removeprefix("scalinglaws.").replace("/", ".").removesuffix(".py").split(".")[0]


def imported(tree):
    """(line, dotted name) of everything that a file imports anywhere, functions included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            # `from scalinglaws import fits` names its part in the alias.
            yield from ((node.lineno, f"{base}.{a.name}" if base == "scalinglaws" else base) for a in node.names)


def import_violations(path, tree):
    """Lines on imports that the layers forbid; `path` is relative to the library."""
    for line, name in imported(tree):
        outside = name.split(".")[0]
        if name.startswith("."):
            yield f"{path}:{line} imports relatively, which code_hash does not follow"
        elif outside in HOMES and not path.startswith(HOMES[outside] or ("nowhere",)):
            yield f"{path}:{line} imports {outside}"
        elif outside == "scalinglaws":
            mine, other = part_of(path), part_of(name)
            if other not in RANK or (other != mine and not RANK[other] < RANK.get(mine, -1)):
                yield f"{path}:{line} imports {name}"


def disk_violations(path, tree):
    """Lines on calls that read or write, or print, outside store/."""
    if path.startswith("store/"):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in DISK_FUNCTIONS:
            yield f"{path}:{node.lineno} uses {node.id}"
        elif isinstance(node, ast.Attribute) and node.attr in DISK_ATTRIBUTES and ast.unparse(node.value) != "super()":
            yield f"{path}:{node.lineno} uses .{node.attr}"


def package_violations(path, tree):
    """Lines on statements in an __init__.py that do more than pass names on: `code_hash` looks through packages."""
    if Path(path).name != "__init__.py":
        return
    for index, node in enumerate(tree.body):
        docstring = index == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        listing = isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]
        passing_on = isinstance(node, ast.ImportFrom) and all(a.asname is None and a.name != "*" for a in node.names)
        if not (docstring or listing or passing_on):
            yield f"{path}:{node.lineno} does more than pass names on: {ast.unparse(node)[:40]}"


def shape_violations(path, source, tree):
    """Lines on names that tell nothing, files too long to read, and public things without a docstring."""
    if UNTELLING & set(Path(path).with_suffix("").parts):
        yield f"{path} has a name that tells nothing"
    if len(source.splitlines()) > 400:
        yield f"{path} has {len(source.splitlines())} lines"
    if ast.get_docstring(tree) is None:
        yield f"{path} has no docstring"
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    scopes = [("", tree), *((f"{node.name}.", node) for node in classes)]
    for scope, body in scopes:
        for node in body.body:
            named = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
            if named and ast.get_docstring(node) is None:
                yield f"{path}:{node.lineno} {scope}{node.name} has no docstring"


def violations(path, source):
    """Everything that is wrong with one file of the library."""
    tree = ast.parse(source)
    found = [*import_violations(path, tree), *disk_violations(path, tree), *package_violations(path, tree)]
    return found + list(shape_violations(path, source, tree))


# --- the real tree --------------------------------------------------------------------------------------------------


def test_there_are_files_to_check():
    assert {"checks.py", "store/sources.py", "plots/style.py", "shells/tables/sweep.py"} <= {
        path.relative_to(LIBRARY).as_posix() for path in FILES
    }


@pytest.mark.parametrize("path", [path.relative_to(LIBRARY).as_posix() for path in FILES])
def test_every_file_of_the_library_keeps_the_rules(path):
    assert violations(path, (LIBRARY / path).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", SCRIPTS, ids=[path.name for path in SCRIPTS])
def test_scripts_are_short_and_say_what_they_do(path):
    source = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(source))
    assert len(source.splitlines()) <= 40


@pytest.mark.parametrize("path", SCRIPTS, ids=[path.name for path in SCRIPTS])
def test_scripts_import_light_modules_and_are_told_the_others(path):
    """What a study needs, torch for one, is loaded by the jobs of that study alone."""
    assert {part_of(name) for name in library_modules(path)} <= {*LIGHT, "checks", "claim_entries"}


def modules_of(package):
    """Files of a package by their stem, and the packages in it by their name."""
    return {path.stem for path in package.glob("*.py")} | {path.parent.name for path in package.glob("*/__init__.py")}


@pytest.mark.parametrize("path", [p for p in FILES if p.name == "__init__.py"], ids=lambda path: path.parent.name)
def test_a_name_passed_on_is_not_a_module_of_another_content(path):
    """`from package import name` prefers the attribute to the module; `code_hash` takes the module."""
    tree, modules = ast.parse(path.read_text(encoding="utf-8")), modules_of(path.parent)
    for node in (node for node in tree.body if isinstance(node, ast.ImportFrom)):
        for alias in node.names:
            assert alias.name not in modules or node.module.endswith(f".{alias.name}")


LIGHT = ("store", "shards", "captions", "claims", "claims_page", "settings", "agreement")
DRAWING = sorted(f"plots.{path.stem}" for path in (LIBRARY / "plots").glob("*.py") if path.name != "__init__.py")
TABLES = sorted(f"{path.parents[1].name}.tables.{path.stem}" for path in LIBRARY.glob("*/tables/[!_]*.py"))


def modules_under(folder):
    """Dotted names of all modules of a study, below the library."""
    return sorted(".".join(p.relative_to(LIBRARY).with_suffix("").parts) for p in LIBRARY.glob(f"{folder}/**/[!_]*.py"))


RIDGE, SHALLOW = modules_under("ridge"), modules_under("shallow")


@pytest.mark.parametrize(
    ("modules", "heavy"),
    [
        (LIGHT, ("torch", "matplotlib", "seaborn", "sklearn", "snakemake")),
        (TABLES, ("torch", "matplotlib", "seaborn", "sklearn", "snakemake")),
        (DRAWING, ("torch", "sklearn", "snakemake")),
        (RIDGE, ("torch", "matplotlib", "seaborn", "snakemake")),
        (SHALLOW, ("torch", "matplotlib", "seaborn", "sklearn", "snakemake")),
    ],
    ids=["store and claims", "tables", "plots", "ridge", "shallow"],
)
def test_light_modules_load_nothing_heavy_even_indirectly(modules, heavy):
    """`import torch` would cost every job that reads or draws a table two seconds."""
    names = ", ".join(f"scalinglaws.{module}" for module in modules)
    program = f"import sys, {names}; print(sorted({set(heavy)!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


# --- the checker itself ---------------------------------------------------------------------------------------------

DOC = '"""What it is."""\n'
FORBIDDEN = [
    ("checks.py", "from scalinglaws import fits", "imports scalinglaws.fits"),
    ("checks.py", "from scalinglaws.fits import power_law", "imports scalinglaws.fits"),
    ("fits.py", "from scalinglaws.solvers import root", "imports scalinglaws.solvers"),
    ("spectra.py", "import scalinglaws.problems", "imports scalinglaws.problems"),
    ("problems.py", "from scalinglaws.networks import mlp", "imports scalinglaws.networks"),
    ("networks/mlp.py", "def f():\n    'Do.'\n    from scalinglaws.shells import budget", "imports scalinglaws.shells"),
    ("shells/budget.py", "from scalinglaws.ridge import simulate", "imports scalinglaws.ridge"),
    ("ridge/simulate.py", "from scalinglaws import checks, shallow", "imports scalinglaws.shallow"),
    ("shells/history.py", "from scalinglaws.store import save_arrays", "imports scalinglaws.store"),
    ("claims.py", "from scalinglaws.store import load_table", "imports scalinglaws.store"),
    ("claims.py", "from scalinglaws.plots import style", "imports scalinglaws.plots"),
    ("plots/loss.py", "from scalinglaws import claims_page", "imports scalinglaws.claims_page"),
    ("store/records.py", "from scalinglaws.plots import style", "imports scalinglaws.plots"),
    ("newcomer.py", "from scalinglaws import checks", "imports scalinglaws.checks"),
    ("shells/budget.py", "from scalinglaws import newcomer", "imports scalinglaws.newcomer"),
    ("shells/budget.py", "from . import modes", "imports relatively"),
    ("shells/budget.py", "from .modes import align", "imports relatively"),
    ("shells/modes.py", "import torch", "imports torch"),
    ("shells/tables/sweep.py", "from torch import nn", "imports torch"),
    ("shallow/quadratic_network.py", "import torch", "imports torch"),
    ("claims.py", "import torch.nn as nn", "imports torch"),
    ("shells/modes.py", "if True:\n    from matplotlib.figure import Figure", "imports matplotlib"),
    ("fits.py", "import seaborn as sns", "imports seaborn"),
    ("settings.py", "import yaml", "imports yaml"),
    ("store/records.py", "import snakemake.utils", "imports snakemake"),
    ("fits.py", "import os.path", "imports os"),
    ("claims.py", "from pathlib import Path", "imports pathlib"),
    ("shells/modes.py", "import tempfile", "imports tempfile"),
    ("shells/modes.py", "import pickle", "imports pickle"),
    ("networks/mlp.py", "import importlib", "imports importlib"),
    ("claims.py", "text = open('a').readline()", "uses open"),
    ("claims.py", "write = open", "uses open"),
    ("claims.py", "print('here')", "uses print"),
    ("claims.py", "torch = __import__('torch')", "uses __import__"),
    ("fits.py", "import numpy as np\nx = np.load('a.npy')", "uses .load"),
    ("fits.py", "import numpy as np\nnp.save('a', 1)", "uses .save"),
    ("plots/loss.py", "def draw(f):\n    'Draw.'\n    f.savefig('a.png')", "uses .savefig"),
    ("claims.py", "def f(p):\n    'Read.'\n    return p.read_text()", "uses .read_text"),
    ("claims.py", "def f(p):\n    'Write.'\n    return p.write_text('')", "uses .write_text"),
    ("shells/__init__.py", "LIMIT = 3", "does more than pass names on: LIMIT = 3"),
    ("shells/__init__.py", "import numpy", "does more than pass names on"),
    ("shells/__init__.py", "def f():\n    'Do.'", "does more than pass names on"),
    ("shells/__init__.py", "from scalinglaws.shells.modes import *", "does more than pass names on"),
    ("shells/__init__.py", "from scalinglaws.shells.modes import align as turn", "does more than pass names on"),
    ("shells/utils.py", "", "has a name that tells nothing"),
    ("helpers.py", "", "has a name that tells nothing"),
    ("shells/misc/order.py", "", "has a name that tells nothing"),
    ("fits.py", "\n" * 400, "has 401 lines"),
    ("fits.py", "def power_law():\n    return 1", "power_law has no docstring"),
    ("fits.py", "class Fit:\n    'A fit.'\n    def slope(self):\n        return 1", "Fit.slope has no docstring"),
    ("fits.py", "class Fit:\n    pass", "Fit has no docstring"),
]
ALLOWED = [
    ("fits.py", "import math\nimport numpy as np\nfrom scalinglaws import checks"),
    ("problems.py", "from scalinglaws.spectra import power_law_spectrum"),
    ("networks/mlp.py", "import torch\nfrom scalinglaws.networks.tangent import linearise"),
    ("shells/experiments/setup.py", "import torch\nfrom scalinglaws.networks import Network"),
    ("shells/lanczos.py", "import torch"),
    ("networks/named.py", "import importlib"),
    ("shallow/quadratic.py", "from scipy.optimize import minimize\nfrom scalinglaws import solvers"),
    ("shells/modes.py", "from scalinglaws.shells.tables import common"),
    ("plots/loss.py", "import matplotlib.pyplot as plt\nfrom scalinglaws.shells.tables import common"),
    ("plots/style.py", "class F:\n    'A figure.'\n    def savefig(self):\n        'Save.'\n        super().savefig()"),
    ("claims.py", "from scalinglaws import checks, fits"),
    ("plots/loss.py", "from scalinglaws.claims import COLOURS"),
    ("store/files.py", "import os\nfrom pathlib import Path\nprint(open('a').read())"),
    ("store/records.py", "import yaml\nfrom scalinglaws.store.files import atomic"),
    ("shells/__init__.py", "from scalinglaws.shells.modes import align\n__all__ = ['align']"),
    ("fits.py", "def _line():\n    return 1\n\n\nclass _Fit:\n    def slope(self):\n        return 1"),
    ("fits.py", "\n" * 399),
]


@pytest.mark.parametrize(("path", "source", "complaint"), FORBIDDEN)
def test_the_checker_names_what_is_forbidden(path, source, complaint):
    (found,) = violations(path, DOC + source)
    assert found.startswith(path)
    assert complaint in found


@pytest.mark.parametrize(("path", "source"), ALLOWED)
def test_the_checker_lets_pass_what_is_allowed(path, source):
    assert violations(path, DOC + source) == []


def test_the_checker_wants_a_docstring_for_every_file():
    assert violations("fits.py", "import math\n") == ["fits.py has no docstring"]
