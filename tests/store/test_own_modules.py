"""Networks that settings name are found by their sources alone, with all that they import; what is missing is told."""

import importlib
import sys

import numpy as np
import pytest

from scalinglaws.store import case_problems, code_hash, named_modules, own_modules, own_sources, sources

OWN = {
    # Run, it would fail: nothing here may be run.
    "nets.py": (
        '"""Nets."""\n\nimport torch\nfrom helper import layer\nfrom scalinglaws.networks import operators\n\n'
        "raise RuntimeError\n\nLIMIT, (SIZE, *REST) = 1, (2, 3)\nWIDTH: int = 4\nDEPTH: int\n\n\n"
        "def build(width):\n    inner = layer(width)\n    return inner\n\n\nclass Net:\n    size = 3\n\n\n"
        "if LIMIT:\n    try:\n        async def later():\n            pass\n    except OSError:\n"
        "        other = build\n\n_hidden = build\n"
    ),
    "helper.py": "def layer(width):\n    from pack.deep import inner\n\n    return inner\n",
    "stranger.py": "COLOUR = 'blue'\n",
    "pack/__init__.py": "from . import left\nfrom .right import *\n",
    "pack/left.py": "from ....helper import layer\nfrom ..nowhere import beyond\nfrom .deep.inner import value\n",
    "pack/right.py": "import math, numpy, pack.left as left\n",
    "pack/unused.py": "COLOUR = 'blue'\n",
    "pack/deep/__init__.py": "from .. import left\n",
    "pack/deep/inner.py": "value = 1\n",
    "bare/net.py": "from .. import helper\nfrom . import layers\nimport bare.layers\n\n\ndef build():\n    pass\n",
    "bare/layers.py": "WIDTH = 3\n",
    "star.py": "from helper import *\n",
    "lazily.py": "def __getattr__(name):\n    return name\n",
    "many.py": "".join(f"name{n} = {n}\n" for n in range(9)),
    "empty.py": "import helper\n",
    "broken.py": "def build(:\n    pass\n",
    "on_broken.py": "import broken\n\n\ndef build():\n    pass\n",
    "alone.py": "from . import nets\nfrom .nets import build\n",
    "coded.py": "# coding: latin-1\n\u00e9t\u00e9 = 1\n",
}
PACK = {"pack", "pack.left", "pack.right", "pack.deep", "pack.deep.inner"}


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Modules of somebody's own in a folder that Python does not know; work goes on there."""
    for name, text in OWN.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(text, encoding="latin-1")
    monkeypatch.chdir(tmp_path)
    forget()
    yield tmp_path
    forget()


def forget():
    """Clear the caches: a process that builds the graph does not edit, a test does."""
    importlib.invalidate_caches()
    for module in (own_modules, sources):
        for function in vars(module).values():
            getattr(function, "cache_clear", lambda: None)()


FOLLOWED = {
    "nets": {"nets", "helper", *PACK},
    "helper": {"helper", *PACK},
    "pack.deep.inner": PACK,
    "bare.net": {"bare.net", "bare.layers"},
    "star": {"star", "helper", *PACK},
    "alone": {"alone"},
    "scalinglaws.networks.examples": set(),
    "sys": set(),
    "no_such": set(),
}


@pytest.mark.parametrize(("module", "found"), FOLLOWED.items())
def test_imports_are_followed_through_modules_of_ones_own(own, module, found):
    files = own_sources([module], [own])
    assert set(files) == found
    for name, path in files.items():
        inside = own.joinpath(*name.split("."))
        assert path in (inside.with_suffix(".py"), inside / "__init__.py")


def test_an_installed_module_counts_by_its_own_file_alone(own):
    files = own_sources(["numpy.linalg", "json"], [own])
    assert set(files) == {"numpy.linalg", "json"}
    assert "numpy.linalg" not in sys.modules or files["numpy.linalg"].name == "__init__.py"


def test_the_hash_sees_what_runs_in_ones_own_modules_and_nothing_else(own, tmp_path):
    def hash_now(module="nets"):
        forget()
        return code_hash(tmp_path / "stranger.py", own=own_sources([module], [own]))

    latest, bare = hash_now(), hash_now("bare.net")
    for name in ("helper.py", "pack/left.py", "pack/deep/inner.py", "nets.py"):
        path = own / name
        path.write_text(path.read_text(encoding="latin-1") + "# A comment.\n", encoding="latin-1")
        assert hash_now() == latest
        path.write_text(path.read_text(encoding="latin-1") + "new = 1\n", encoding="latin-1")
        before, latest = latest, hash_now()
        assert latest != before, f"an edit of {name} goes unseen"
    (own / "pack/unused.py").write_text("COLOUR = 'red'\n", encoding="utf-8")
    assert (hash_now(), hash_now("bare.net")) == (latest, bare)


def test_the_hash_follows_ones_own_modules_into_the_library(own):
    (own / "on_library.py").write_text("from scalinglaws.networks import operators\n", encoding="utf-8")
    (own / "script.py").touch()
    files = own_sources(["on_library"], [own])
    assert set(files) == {"on_library"}
    operators = code_hash(own / "script.py", modules=["scalinglaws.networks.operators"])
    assert code_hash(own / "script.py", own=files) != operators
    (own / "on_library.py").write_text("", encoding="utf-8")
    forget()
    assert code_hash(own / "script.py", own=files, modules=["scalinglaws.networks.operators"]) != operators


def test_the_hash_does_not_depend_on_the_folder_and_takes_compiled_modules(own, tmp_path):
    one = code_hash(own / "stranger.py", own=own_sources(["pack"], [own]))
    own.joinpath("pack").rename(tmp_path / "pack_elsewhere")
    (tmp_path / "far").mkdir()
    (tmp_path / "pack_elsewhere").rename(tmp_path / "far/pack")
    forget()
    files = own_sources(["pack"], [tmp_path / "far"])
    assert code_hash(own / "stranger.py", own=files) == one
    compiled = tmp_path / "fast.so"
    hashes = []
    for content in (b"\x7fELF one", b"\x7fELF two"):
        compiled.write_bytes(content)
        hashes.append(code_hash(own / "stranger.py", own={"fast": compiled}))
    assert hashes[0] != hashes[1]


# --- what a job would not find ----------------------------------------------------------------------------------------

FOUND = [
    *(f"nets:{name}" for name in ("build", "Net", "LIMIT", "SIZE", "REST", "WIDTH", "later", "other", "_hidden")),
    *("nets:layer", "nets:torch", "star:anything", "lazily:anything", "bare.net:build", "pack.deep.inner:value"),
    *("numpy.linalg:norm", "scalinglaws.networks.examples:perceptron", "coded:été"),
]
DEFINED = "build, Net, LIMIT, SIZE, REST, WIDTH, later, other"
MISSING = {
    "nets:buld": "nets.py defines no buld; it defines LIMIT, SIZE, REST, WIDTH, build, Net, later, other",
    "nets:DEPTH": "nets.py defines no DEPTH; it defines LIMIT, ",
    "nets:inner": "nets.py defines no inner; it defines LIMIT, ",
    "nets:size": "nets.py defines no size; it defines LIMIT, ",
    "empty:build": "empty.py defines no build; it defines nothing",
    "many:build": "many.py defines no build; it defines name0, name1, name2, name3, name4, name5, name6, name7, ...",
    "net:build": "there is no module net in {own}, nor is one installed",
    "pack.up:build": "there is no module pack.up in {own}, nor is one installed",
    "nets.build:now": "there is no module nets.build in {own}, nor is one installed",
    "bare:net": "there is no module bare in {own}, nor is one installed",
    "broken:build": "broken.py, line 1: invalid syntax",
    "on_broken:build": "broken.py, line 1: invalid syntax",
    "math:sqrt": "math is a module of Python's own, and makes neither networks nor data",
    "os.path:join": "os is a module of Python's own",
    "yaml:unsafe_load": "yaml is installed, but not of a package that is built on numpy or torch",
    "nets:__dict__": "must be written package.module:factory",
    "nets": "must be written package.module:factory",
    "a..b:c": "must be written package.module:factory",
}


@pytest.mark.parametrize("name", FOUND)
def test_what_a_source_defines_is_found(own, name):
    assert list(case_problems([{"network": name, "data": name}], [own])) == []


@pytest.mark.parametrize(("name", "problem"), MISSING.items())
def test_what_is_missing_is_told_with_its_key(own, name, problem):
    good = {"network": "nets:build", "data": "nets:build"}
    for entry in ("network", "data"):
        (line,) = case_problems([good, good | {entry: name}], [own])
        assert line.startswith(f"1.{entry} = {name!r}: {problem.format(own=own)}")
        assert len(line.splitlines()) == 1


def test_files_of_data_are_looked_into(own):
    np.savez(own / "good.npz", inputs=np.ones(3), targets=np.ones(3))
    np.savez(own / "bad.npz", inputs=np.ones(3), labels=np.ones(3))
    (own / "text.npz").write_text("inputs", encoding="utf-8")
    names = ["good.npz", "bad.npz", "text.npz", "none.npz", str(own / "none.npz")]
    lines = list(case_problems([{"network": "nets:build", "data": name} for name in names], [own]))
    assert lines == [
        "1.data = 'bad.npz': bad.npz has no array targets; it has inputs, labels",
        "2.data = 'text.npz': text.npz is no .npz file: numpy.savez(path, inputs=..., targets=...) makes one",
        f"3.data = 'none.npz': there is no such file in {own}",
        f"4.data = {str(own / 'none.npz')!r}: there is no such file",
    ]


def test_nothing_of_ones_own_and_no_torch_is_imported(own):
    before = set(sys.modules)
    assert list(case_problems([{"network": "nets:build", "data": "pack.deep.inner:value"}], [own])) == []
    own_sources(["nets", "torch.nn"], [own])
    assert {name for name in set(sys.modules) - before if name.split(".")[0] in ("nets", "pack", "torch")} == set()


def test_modules_are_named_once_and_files_are_none():
    cases = [{"network": "a.b:c", "data": "a.b:d"}, {"network": "e:c", "data": "x:y.npz"}]
    assert named_modules(cases) == ["a.b", "e"]
