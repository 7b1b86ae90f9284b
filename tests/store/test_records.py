"""Stored results come back as they went in, have the same bytes whenever they are written, and show any damage."""

import hashlib
import json
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from scalinglaws import store
from scalinglaws.store import (
    Corrupted,
    checksum,
    load_arrays,
    load_records,
    load_sidecar,
    save_arrays,
    save_figure,
    sidecar,
    software_versions,
)
from scalinglaws.store.records import signed

ARRAYS = {
    "time": np.array([0.0, 1.5, np.nan, np.inf, -0.0, 5e-324]),
    "window": ["sharp", "smooth"],
    "count": np.int64(2**62),
    "empty": np.zeros((0, 3)),
    "members": {"00000": {"kernel": np.arange(6.0).reshape(2, 3), "error": {"central é": np.float32([1, 2])}}},
}
exactly = settings(deadline=None, derandomize=True, max_examples=40)


@pytest.fixture
def record(tmp_path):
    """A saved record's path."""
    path = tmp_path / "0.npz"
    save_arrays(path, ARRAYS, params={"width": 8}, seed=[0, 1], code="0123")
    return path


def assert_same(ours, expected):
    """Equal nested dicts of arrays, in dtype, shape and bits."""
    assert isinstance(ours, dict) == isinstance(expected, dict)
    if isinstance(expected, dict):
        assert list(ours) == list(expected)
        for name in expected:
            assert_same(ours[name], expected[name])
    else:
        expected = np.asarray(expected)
        assert (ours.dtype, ours.shape, ours.tobytes()) == (expected.dtype, expected.shape, expected.tobytes())


# --- arrays ---------------------------------------------------------------------------------------------------------


def test_nested_arrays_come_back_in_dtype_shape_and_bits(record):
    assert_same(load_arrays(record), ARRAYS)


@exactly
@given(st.data())
def test_any_numeric_array_comes_back(tmp_path_factory, data):
    kinds = st.one_of(hnp.floating_dtypes(endianness="="), hnp.integer_dtypes(endianness="="), hnp.boolean_dtypes())
    array = data.draw(hnp.arrays(kinds, hnp.array_shapes(min_dims=0, min_side=0, max_side=4)))
    path = tmp_path_factory.getbasetemp() / "any.npz"
    save_arrays(path, {"array": array}, params={})
    assert_same(load_arrays(path), {"array": array})


def test_a_shard_without_members_is_a_record_too(tmp_path):
    save_arrays(tmp_path / "0.npz", {"members": {}, "failures": {}}, params={})
    assert load_arrays(tmp_path / "0.npz") == {}
    assert load_records([tmp_path / "0.npz"]) == ([], [])


def test_same_content_has_the_same_bytes_in_another_folder_and_under_another_name(record, tmp_path):
    other, params = tmp_path / "elsewhere" / "17.npz", {"width": 8, "depth": {"a": 1, "b": 2}}
    save_arrays(record, ARRAYS, params=params, seed=[0, 1], code="0123")
    reordered = {"depth": {"b": 2, "a": 1}, "width": 8}
    save_arrays(other, ARRAYS, params=reordered, seed=[0, 1], code="0123")
    assert other.read_bytes() == record.read_bytes()
    assert sidecar(other).read_bytes() == sidecar(record).read_bytes()


def test_the_archive_holds_no_dates(record):
    with zipfile.ZipFile(record) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize(
    "value",
    [None, {1, 2}, [object()], [[1], "a", None], np.array([1, None])],
    ids=["None", "set", "1", "mixed", "array"],
)
def test_object_arrays_are_refused_by_name_before_anything_is_written(tmp_path, value):
    with pytest.raises(ValueError, match=r"array 'members/a' has dtype object and must hold numbers or text"):
        save_arrays(tmp_path / "0.npz", {"fine": 1, "members": {"a": np.asarray(value, dtype=object)}}, params={})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["file", "allow_pickle", "a/b", "members/00000"])
def test_names_that_would_not_come_back_are_refused_before_anything_is_written(tmp_path, name):
    with pytest.raises(ValueError, match=f"array name '{name}' must not"):
        save_arrays(tmp_path / "0.npz", {"fine": 1.0, name: 2.0}, params={})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["0.data", "0", "0.npz.tmp"])
def test_another_suffix_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match=r"must end in \.npz"):
        save_arrays(tmp_path / name, {"a": 1.0}, params={})
    assert list(tmp_path.iterdir()) == []


# --- the sidecar ----------------------------------------------------------------------------------------------------


def test_the_sidecar_says_what_made_the_record_and_when_is_none_of_it(record):
    text = sidecar(record).read_text(encoding="utf-8")
    about = json.loads(text, parse_constant=pytest.fail)
    assert about == load_sidecar(record)
    said = {
        "params": {"width": 8},
        "seed": [0, 1],
        "code": "0123",
        "versions": software_versions(),
        "sha256": checksum(record),
    }
    own = hashlib.sha256((json.dumps(said, indent=1, sort_keys=True) + "\n").encode()).hexdigest()
    assert about == {**said, "sha256_of_all_else": own}
    assert text.endswith("}\n")


def test_versions_are_those_installed_without_build_tags(monkeypatch):
    monkeypatch.setattr(store.environment, "NUMERICAL", ("numpy", "torch", "no-such-package"))
    found = software_versions()
    assert found["numpy"] == np.__version__
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert "+" not in found["torch"]
    assert found["no-such-package"] is None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.arange(3)], ids=["nan", "inf", "array"])
def test_refused_params_leave_the_old_record(record, value):
    with pytest.raises((ValueError, TypeError), match="JSON"):
        save_arrays(record, {"a": 1}, params={"x": value})
    assert_same(load_arrays(record), ARRAYS)


# --- damage ---------------------------------------------------------------------------------------------------------


def flip(position):
    """A damage: one bit of the byte at this share of the file."""

    def damage(path):
        content = bytearray(path.read_bytes())
        content[int(position * (len(content) - 1))] ^= 1
        path.write_bytes(content)

    return damage


def rewrite(edit):
    """A damage: the file's bytes changed by a function."""
    return lambda path: path.write_bytes(edit(path.read_bytes()))


DAMAGES = {
    "first bit": flip(0.0),
    "some bit": flip(0.37),
    "last bit": flip(1.0),
    "truncated": rewrite(lambda content: content[: len(content) // 2]),
    "one byte short": rewrite(lambda content: content[:-1]),
    "empty": rewrite(lambda content: b""),
    "missing": Path.unlink,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_record_is_refused_by_name(record, damage):
    damage(record)
    with pytest.raises(Corrupted) as refusal:
        load_arrays(record)
    assert str(record) in str(refusal.value)
    assert "run the same command again" in str(refusal.value)
    assert "\n" not in str(refusal.value)


SIDECAR_DAMAGES = {
    "missing": Path.unlink,
    "empty": rewrite(lambda content: b""),
    "truncated": rewrite(lambda content: content[: len(content) // 2]),
    "no object": rewrite(lambda content: b"[]"),
    "no checksum": rewrite(lambda content: b"{}"),
    "no text": rewrite(lambda content: b"\xff\xfe"),
    "another checksum": rewrite(lambda content: content.replace(b'"sha256": "', b'"sha256": "0')),
    "another seed": rewrite(lambda content: content.replace(b"1", b"3", 1)),
    "another width": rewrite(lambda content: content.replace(b'"width": 8', b'"width": 9')),
    "without its own checksum": rewrite(lambda content: content.replace(b"sha256_of_all_else", b"sha256_of_all_elsf")),
    "deep": rewrite(lambda content: b'{"a": ' * 10**5),
}


@pytest.mark.parametrize("damage", SIDECAR_DAMAGES.values(), ids=SIDECAR_DAMAGES)
def test_a_damaged_sidecar_is_refused_by_name(record, damage):
    damage(sidecar(record))
    with pytest.raises(Corrupted) as refusal:
        load_arrays(record)
    assert str(sidecar(record)) in str(refusal.value)
    assert "run the same command again" in str(refusal.value)


class Payload:
    """Unpickling it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


PLANTS = {
    "in an array": lambda path, payload: np.savez(path, array=np.array([payload], dtype=object)),
    "bare": lambda path, payload: path.write_bytes(pickle.dumps({"array": payload})),
}


@pytest.mark.parametrize("plant", PLANTS.values(), ids=PLANTS)
def test_a_pickle_is_refused_not_run_even_with_a_matching_sidecar(record, tmp_path, plant):
    trap = tmp_path / "sprung"
    plant(record, Payload(trap))
    about = signed({**load_sidecar(record), "sha256": checksum(record)})
    sidecar(record).write_text(json.dumps(about), encoding="utf-8")
    with pytest.raises(Corrupted, match=r"0\.npz is no archive of plain arrays"):
        load_arrays(record)
    assert not trap.exists()
    pickle.loads(pickle.dumps(Payload(trap)))
    assert trap.exists(), "the payload does nothing: this test would pass for no reason"


FORGERIES = {
    "an archive of nothing that numpy knows": rewrite(lambda content: b"PK\x05\x06" + b"\1" * 18),
    "a compressed array cut in its middle": rewrite(lambda content: content[:120] + b"\xff" * 40 + content[160:]),
    "one array, no archive": lambda path: path.with_suffix(".npy").replace(path),
    "text": rewrite(lambda content: b"time,loss\n0,1\n"),
    "nothing": rewrite(lambda content: b""),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_what_is_no_archive_is_refused_by_name_even_with_a_matching_sidecar(record, forge):
    np.save(record.with_suffix(".npy"), np.arange(3.0))
    forge(record)
    about = signed({**load_sidecar(record), "sha256": checksum(record)})
    sidecar(record).write_text(json.dumps(about), encoding="utf-8")
    with pytest.raises(Corrupted, match=r"0\.npz is no archive of plain arrays") as refusal:
        load_arrays(record)
    assert "\n" not in str(refusal.value)


# --- shards ---------------------------------------------------------------------------------------------------------


def save_shard(path, members=(), failures=()):
    records = {f"{index:05d}": {"seed": np.int64(index)} for index in members}
    words = {f"{index:05d}": f"member {index}: diverged" for index in failures}
    save_arrays(path, {"members": records, "failures": words}, params={})
    return path


def test_members_come_in_their_order_whatever_the_shards(tmp_path):
    one = [save_shard(tmp_path / "a.npz", range(12), [12, 13])]
    three = [
        save_shard(tmp_path / "0.npz", (0, 3, 6, 9), [12]),
        save_shard(tmp_path / "1.npz", (1, 4, 7, 10), [13]),
        save_shard(tmp_path / "2.npz", (2, 5, 8, 11)),
    ]
    for paths in (one, three, three[::-1]):
        records, failures = load_records(paths)
        assert [int(record["seed"]) for record in records] == list(range(12))
        assert failures == ["member 12: diverged", "member 13: diverged"]


def test_one_damaged_shard_is_refused(tmp_path):
    paths = [save_shard(tmp_path / f"{shard}.npz", [shard]) for shard in range(3)]
    flip(0.5)(paths[1])
    with pytest.raises(Corrupted, match=r"1\.npz"):
        load_records(paths)


@pytest.mark.parametrize("copied", ["members", "failures"])
def test_a_shard_in_place_of_another_is_refused_by_name(tmp_path, copied):
    """A copy of a shard and of its sidecar is whole, but the members that should be there are not."""
    paths = [save_shard(tmp_path / f"{shard}.npz", **{copied: [0, 2]}) for shard in range(2)]
    with pytest.raises(Corrupted, match=r"1\.npz has members of another shard: delete it"):
        load_records(paths)


# --- figures --------------------------------------------------------------------------------------------------------

PROGRAM = """
import sys
from pathlib import Path
from matplotlib.figure import Figure
from scalinglaws.store import save_arrays, save_figure, checksum
figure = Figure(figsize=(3, 2))
ax = figure.subplots()
ax.plot([1, 2], label="a line $\\\\lambda$")
ax.fill_between([0, 1], [1, 2], [2, 3], alpha=0.2)
ax.legend(title="legend")
folder = Path(sys.argv[1])
for name in ("a.png", "a.pdf"):
    save_figure(folder / name, figure)
save_arrays(folder / "a.npz", {"a": [1.0]}, params={"b": 1, "a": {"d": 2, "c": 3}})
print(*(checksum(folder / name) for name in ("a.png", "a.pdf", "a.npz", "a.json")))
"""


def test_results_have_the_same_bytes_at_another_time_in_another_process(tmp_path):
    """Other hash seeds change the order of sets, and SOURCE_DATE_EPOCH the date that matplotlib would write."""
    runs = []
    for seed in ("1", "2"):
        changed = {"PYTHONHASHSEED": seed, "SOURCE_DATE_EPOCH": f"{seed}00000000", "TZ": f"UTC-{seed}"}
        command = [sys.executable, "-c", PROGRAM, str(tmp_path / f"folder {seed}")]
        runs.append(subprocess.Popen(command, env={**os.environ, **changed}, stdout=subprocess.PIPE, text=True))
    printed = [run.communicate(timeout=60)[0].split() for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert len(printed[0]) == 4
    assert printed[0] == printed[1]


@pytest.mark.parametrize(
    ("suffix", "start"), [(".png", b"\x89PNG"), (".pdf", b"%PDF")], ids=lambda value: str(value).strip(".")
)
def test_a_figure_saved_twice_has_the_same_bytes_and_no_date(tmp_path, suffix, start):
    figure = Figure()
    figure.subplots().plot([1, 2], label="λ")
    paths = [tmp_path / f"one{suffix}", tmp_path / "folder" / f"two{suffix}"]
    for path in paths:
        save_figure(path, figure)
    one, two = (path.read_bytes() for path in paths)
    assert one == two
    assert one.startswith(start)
    assert not any(word in one for word in (b"CreationDate", b"atplotlib", b"one."))


@pytest.mark.parametrize("name", ["a.svg", "a", "a.PNG"])
def test_a_format_that_would_write_dates_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match=rf"path = '.*/{name}' must end in one of \.png, \.pdf"):
        save_figure(tmp_path / "new folder" / name, Figure())
    assert list(tmp_path.iterdir()) == []
