"""Files that were made to do harm: nothing in them is run, unpacked or believed, and each is refused by its name."""

import json
import pickle
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest

from scalinglaws.claims import as_markdown, trial
from scalinglaws.claims_page import as_html
from scalinglaws.networks.named import named_network
from scalinglaws.store import (
    Corrupted,
    case_problems,
    checksum,
    load_arrays,
    load_data,
    load_sidecar,
    load_table,
    save_arrays,
)
from scalinglaws.store.own_modules import _spec
from scalinglaws.store.records import signed

GOOD = {"inputs": np.arange(6.0).reshape(3, 2), "targets": np.array([1, 0, 1])}
GROUP, REFUSED = "Hostile files", "refused by name; nothing run, written or unpacked"


class Payload:
    """Pickled, it makes a folder when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        import os

        return os.mkdir, (str(self.path),)


def header(shape, descr="<f8"):
    """What stands before the numbers of a .npy."""
    text = repr({"descr": descr, "fortran_order": False, "shape": shape}).ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def members(path, contents):
    """An archive of both arrays, and of members with these bytes."""
    whole = {f"{name}.npy": None for name in GOOD} | contents
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in whole.items():
            with archive.open(name, "w", force_zip64=True) as member:
                if content is None:
                    np.lib.format.write_array(member, GOOD[name.removesuffix(".npy")])
                else:
                    member.write(content)


def lying(path, size):
    """An archive whose list of contents says that a member is as large as its shape says."""
    members(path, {"inputs.npy": header((size // 8, 1))})
    whole = path.read_bytes()
    true = struct.pack("<I", len(header((size // 8, 1))))
    start = whole.index(b"PK\x01\x02")
    path.write_bytes(whole[:start] + whole[start:].replace(true, struct.pack("<I", min(size, 0xFFFFFFFE)), 1))


def twice(path):
    members(path, {})
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("inputs.npy", header((1,)) + bytes(8))


def objects(path, trap):
    np.savez(path, inputs=np.array([Payload(trap)], dtype=object), targets=np.ones(1))


def nested(path, trap):
    inner = np.empty(1, dtype=object)
    inner[0] = {"deeper": np.array([Payload(trap)], dtype=object)}
    np.savez(path, inputs=inner, targets=np.ones(1))


ARCHIVES = {
    "a pickle for an archive": lambda path, trap: path.write_bytes(pickle.dumps({"inputs": Payload(trap)})),
    "a pickle in an array": objects,
    "a pickle in an array in an array": nested,
    "a pickle under a harmless header": lambda path, trap: members(
        path, {"inputs.npy": header((3,), "|O") + pickle.dumps(Payload(trap))}
    ),
    "an array of 100 GB in a hundred bytes": lambda path, _: members(path, {"inputs.npy": header((12_500_000_000, 1))}),
    "an array of 10^30 numbers": lambda path, _: members(path, {"inputs.npy": header((10**15, 10**15))}),
    "an array of negative size": lambda path, _: members(path, {"inputs.npy": header((-3, 2))}),
    "an array of 4 GB, and a list of contents that agrees": lambda path, _: lying(path, 4_000_000_000),
    "an array whose header is a hundred brackets": lambda path, _: members(
        path, {"inputs.npy": b"\x93NUMPY\x01\x00" + struct.pack("<H", 200) + b"(" * 100 + b")" * 100}
    ),
    "an array whose header calls a function": lambda path, trap: members(
        path,
        {"inputs.npy": b"\x93NUMPY\x01\x00" + struct.pack("<H", 60) + b"__import__('os').mkdir('x')".ljust(59) + b"\n"},
    ),
    "a member named `../../evil.npy`": lambda path, _: members(path, {"../../evil.npy": header((1,)) + bytes(8)}),
    "a member named `/evil.npy`": lambda path, _: members(path, {"/evil.npy": header((1,)) + bytes(8)}),
    "two members of one name": lambda path, _: twice(path),
}


@pytest.mark.parametrize("name", ARCHIVES, ids=ARCHIVES)
def test_an_archive(name, tell, tmp_path, monkeypatch):
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    path, trap = folder / "0.npz", tmp_path / "sprung"
    save_arrays(path, GOOD, params={})
    ARCHIVES[name](path, trap)
    about = signed(load_sidecar(path) | {"sha256": checksum(path)})
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ValueError, match=r"0\.npz") as refused:
        load_data(path)
    assert str(refused.value).isprintable()
    # A sidecar that was forged with it.
    path.with_suffix(".json").write_text(json.dumps(about), encoding="utf-8")
    with pytest.raises(Corrupted, match=r"0\.npz is no archive of plain arrays"):
        load_arrays(path)
    assert sorted(tmp_path.rglob("*")) == before
    tell(GROUP, f"a record, and a file of data: {name}", REFUSED)


def test_an_array_that_asks_for_all_memory_is_refused_without_it(tmp_path):
    """In 4 GB of addresses, of which the imports take one: not even room that is never used is asked for."""
    members(tmp_path / "0.npz", {"inputs.npy": header((12_500_000_000, 1))})
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))\n"
        "from scalinglaws.store import load_data\n"
        f"try: load_data({str(tmp_path / '0.npz')!r})\nexcept ValueError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert "its array 'inputs' has 128 bytes, and its shape (12500000000, 1) of float64 takes" in done.stdout


SIDECARS = {
    "a million brackets": '{"a": ' + "[" * 1_000_000 + "]" * 1_000_000 + "}",
    "a number of 5000 digits": '{"a": 1' + "0" * 5000 + "}",
    "equal keys": '{"sha256": "a", "sha256": "b"}',
    "NaN": '{"a": NaN}',
    "a list": "[]",
}


@pytest.mark.parametrize("name", SIDECARS, ids=SIDECARS)
def test_a_sidecar(name, tell, tmp_path):
    save_arrays(tmp_path / "0.npz", GOOD, params={})
    (tmp_path / "0.json").write_text(SIDECARS[name], encoding="utf-8")
    with pytest.raises(Corrupted, match=r"0\.json") as refused:
        load_arrays(tmp_path / "0.npz")
    assert str(refused.value).isprintable()
    tell(GROUP, f"a sidecar: {name}", "refused by name")


TABLES = {
    "a million columns": ("a," * 999_999 + "a\n").encode(),
    "a field of a megabyte": b"a\n" + b"x" * 1_000_000 + b"\n",
    "a quote that is not closed": b'a,b\n"1,2\n',
    "a NUL byte": b"a\n\x00\n1,2\n",
    "Latin-1": "a\né\n".encode("latin-1"),
}


@pytest.mark.parametrize("name", TABLES, ids=TABLES)
def test_a_table(name, tell, tmp_path):
    (tmp_path / "a.csv").write_bytes(TABLES[name])
    with pytest.raises(Corrupted, match=r"a\.csv cannot be read as a table") as refused:
        load_table(tmp_path / "a.csv")
    assert str(refused.value).isprintable()
    tell(GROUP, f"a table: {name}", "refused by name")


TEXTS = {
    "a formula that runs a program": "=cmd|' /C calc'!A0",
    "a formula with a link": '=HYPERLINK("http://evil.example","a")',
    "a script": "<script>alert(1)</script>",
    "an attribute that runs": '" onmouseover="alert(1)',
    "the end of the page": "</td></table></main></html>",
}


@pytest.mark.parametrize("name", TEXTS, ids=TEXTS)
def test_a_text_in_a_table_of_claims(name, tell):
    text = TEXTS[name]
    table = pd.DataFrame({"case": [text], "x": [1.0]})
    measure = {"quantity": text, "table": "t", "value": "x", "label": ["case"], "why": text, "at_most": 2.0}
    claim = {"id": text, "paper": text, "place": text, "statement": text, "scope": text, "measures": [measure]}
    judged = trial([claim], {"t": table})
    page = as_html(*judged)
    assert ("<script" in page, ' onmouseover="' in page, page.count("</html>")) == (False, False, 1)
    assert 'href="http' not in page
    # Nothing of it begins a line of the other page, where it would be more than a cell.
    assert not any(line.startswith(text[:4]) for line in as_markdown(*judged).splitlines() if line != text)
    tell(GROUP, f"a text in tables and claims: {name}", "shown as text")


# Names of networks and data, and what is said of them.
NAMES = {
    **{
        name: "is a module of Python's own"
        for name in ("os:system", "subprocess:run", "builtins:eval", "posix:system", "runpy:run_path", "code:interact")
    },
    **{
        name: "is installed, but not of a package that is built on numpy or torch"
        for name in ("yaml:unsafe_load", "snakemake:main", "pytest:main", "_pytest.config:main", "pip:main")
    },
    **{
        name: "must be written package.module:factory"
        for name in (
            "../evil:build",
            "/tmp/evil:build",
            "evil .x:build",
            "evil:build now",
            "evil:__dict__",
            "evil",
            ":",
        )
    },
    **{
        name: "there is no module"
        for name in ("evil.py:build", "nowhere:build", "folder:build", "evil.build:build", "torch.nowhere:build")
    },
    "evil:nothing": "evil.py defines no nothing",
}


@pytest.mark.parametrize("name", NAMES, ids=NAMES)
def test_a_name_of_a_network(name, tell, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "evil.py").write_text("import os\nos.mkdir('sprung')\n\n\ndef build():\n    pass\n", encoding="utf-8")
    _spec.cache_clear()
    for case in ({"network": name, "data": "evil:build"}, {"network": "evil:build", "data": name}):
        (line,) = case_problems([case], [tmp_path])
        assert NAMES[name] in line
        assert repr(name) in line
        assert line.isprintable()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["evil.py", "folder"]
    tell(GROUP, f"a network or data named `{name}`", REFUSED.replace(", written or unpacked", ""))


def test_modules_of_ones_own_and_of_what_networks_are_built_with_are_taken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("def build():\n    pass\n", encoding="utf-8")
    _spec.cache_clear()
    names = (
        "mine:build",
        "torch.nn:Linear",
        "sklearn.datasets:make_regression",
        "scalinglaws.networks.examples:digits",
    )
    assert not list(case_problems([{"network": name, "data": name} for name in names], [tmp_path]))


@pytest.mark.parametrize("where", ["imported", "called"])
def test_a_network_that_exits_fails_as_any_other(where, tell, tmp_path, monkeypatch):
    lines = {"imported": "raise SystemExit(0)\n", "called": "def build():\n    raise SystemExit(0)\n"}
    (tmp_path / f"exits_{where}.py").write_text(lines[where], encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="SystemExit: 0") as refused:
        named_network(f"exits_{where}:build", 0, {}, device="cpu", dtype=None)
    assert str(refused.value).startswith(f"network = 'exits_{where}:build': ")
    tell(GROUP, f"a module of one's own that exits when {where}", "refused by name")
