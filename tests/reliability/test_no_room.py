"""A full disk, and a folder that must not be written to: one clear line, nothing lost, and room is all it takes."""

import os
import resource
import subprocess
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from one_experiment import one_experiment

from scalinglaws.store import job_log, save_arrays, save_figure, save_table, save_tables, save_text, sidecar

GROUP = "No room and no rights"
FULL, READ_ONLY = "No space left on device", "Read-only file system"
# Draws at random do not pack.
NOISE = np.random.default_rng(0).standard_normal(200_000)


def draw(path):
    """Save a figure whose pixels do not pack either."""
    figure = Figure(figsize=(8, 6))
    figure.subplots().imshow(NOISE[:40_000].reshape(200, 200))
    save_figure(path, figure, dpi=300)


def log(path):
    """Log more than there is room for."""
    with job_log(path) as say:
        say("x" * NOISE.nbytes)
        say("the end")


# By the file that they write: functions of its path that need more than a megabyte.
WRITERS = {
    "0.npz": lambda path: save_arrays(path, {"noise": NOISE}, params={}),
    "runs.csv": lambda path: save_table(path, pd.DataFrame({"noise": NOISE})),
    "loss.png": draw,
    "claims.md": lambda path: save_text(path, "x" * NOISE.nbytes),
}


@contextmanager
def small_disk(folder, size="1m", *, writable=True):
    """Within the block, `folder` is a disk of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    options = f"size={size},{'rw' if writable else 'ro'}"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("only root may mount a small disk")
    try:
        yield
    finally:
        # Lazily: a process that another test starts meanwhile may hold what this one had open.
        subprocess.run(["umount", "--lazy", folder], check=True)


def remount(folder, options):
    """Give the disk at `folder` other options."""
    subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)


def content(folder):
    """Bytes of every file under `folder`, by path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", WRITERS)
def test_on_a_full_disk_the_old_file_stays_and_the_new_one_is_named(tmp_path, tell, name):
    with small_disk(tmp_path / "small"):
        (tmp_path / "small" / name).write_text("old", encoding="utf-8")
        with pytest.raises(OSError, match=FULL) as refusal:
            WRITERS[name](tmp_path / "small" / name)
        assert str(refusal.value) == f"[Errno 28] {FULL}: '{tmp_path / 'small' / name}'"
        assert content(tmp_path / "small") == {name: b"old"}
    tell(GROUP, f"`{name}` on a full disk", "one line that names it; the old file stays, no other is left")


def test_a_log_on_a_full_disk_is_named(tmp_path, tell):
    with small_disk(tmp_path / "small"):
        path = tmp_path / "small/job.log"
        with pytest.raises(OSError, match=FULL) as refusal:
            log(path)
        assert refusal.value.filename == str(path)
    tell(GROUP, "a job's log on a full disk", "one line that names it")


def test_a_record_and_its_sidecar_are_written_both_or_neither(tmp_path, tell):
    """There is room for the new array file, but not for the sidecar beside it."""
    with small_disk(tmp_path / "small"):
        path = tmp_path / "small/0.npz"
        save_arrays(path, {"noise": NOISE[:1]}, params={})
        before = content(path.parent)
        with pytest.raises(OSError, match=FULL) as refusal:
            save_arrays(path, {"noise": NOISE[:1000]}, params={"long": "x" * 2**20})
        assert refusal.value.filename == str(sidecar(path))
        assert content(path.parent) == before
    tell(GROUP, "room for a record but not for its sidecar", "one line that names it; the old ones stay, both")


@pytest.mark.parametrize("name", WRITERS)
def test_where_nothing_may_be_written_the_file_is_named(tmp_path, tell, name):
    with small_disk(tmp_path / "small", "4m"):
        path = tmp_path / "small" / name
        path.write_text("old", encoding="utf-8")
        remount(path.parent, "ro")
        with pytest.raises(OSError, match=READ_ONLY) as refusal:
            WRITERS[name](path)
        assert str(refusal.value) == f"[Errno 30] {READ_ONLY}: '{path}'"
        with pytest.raises(OSError, match=READ_ONLY) as refusal:
            save_text(path.parent / "new folder" / name, "")
        assert "new folder" in refusal.value.filename
        assert content(path.parent) == {name: b"old"}
    tell(GROUP, f"`{name}` in a folder that is read-only", "one line that names it; the old file stays")


@contextmanager
def files_up_to(size):
    """Within the block no file of this process may grow beyond `size`; what a full disk does, without root's rights."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("name", WRITERS)
def test_beyond_the_largest_file_allowed_the_old_file_stays(tmp_path, tell, name):
    path = tmp_path / name
    path.write_text("old", encoding="utf-8")
    with files_up_to(100_000), pytest.raises(OSError, match="File too large") as refusal:
        WRITERS[name](path)
    assert refusal.value.filename == str(path)
    assert content(tmp_path) == {name: b"old"}
    tell(GROUP, f"`{name}` beyond the size that a file may have", "one line that names it; the old file stays")


def test_tables_without_room_for_all_are_not_taken_for_the_old_ones(tmp_path):
    """The sums are written last: with tables of two times beside them, they still are those of the old."""
    paths = [tmp_path / name for name in ("a.csv", "b.csv")]
    save_tables({path: pd.DataFrame({"x": [1.0]}) for path in paths}, tmp_path / "e.sha256")
    before = content(tmp_path)
    new = {paths[0]: pd.DataFrame({"x": [2.0]}), paths[1]: pd.DataFrame({"x": NOISE})}
    with files_up_to(100_000), pytest.raises(OSError, match="File too large"):
        save_tables(new, tmp_path / "e.sha256")
    assert {name: text for name, text in content(tmp_path).items() if name != "a.csv"} == {
        name: text for name, text in before.items() if name != "a.csv"
    }


# --- the workflow ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Files of a run that had all the room it wanted."""
    checkout = one_experiment(tmp_path_factory.mktemp("undisturbed") / "à propos")
    done = checkout.run()
    assert done.returncode == 0, done.stderr
    return checkout.results()


@pytest.mark.long
def test_a_run_on_a_full_disk_says_so_and_ends_when_there_is_room(undisturbed, tmp_path, tell):
    checkout = one_experiment(tmp_path / "à propos")
    results = checkout.folder / "results"
    # Enough for the record and the first table.
    with small_disk(results, "72k"):
        done = checkout.run()
        assert done.returncode != 0
        assert FULL in done.stderr
        assert "results/smoke/" in next(line for line in done.stderr.splitlines() if FULL in line)
        made = checkout.results()
        assert made
        assert {name for name, text in made.items() if text != undisturbed[name]} == set()
        remount(results, "size=4m")
        again = checkout.run()
        assert again.returncode == 0, again.stderr
        assert checkout.results() == undisturbed
    tell(GROUP, "a run on a disk that is full soon", "file and reason in one line; with more room the same bytes")


@pytest.mark.long
def test_a_run_in_a_read_only_folder_says_so_and_ends_when_it_is_not(undisturbed, tmp_path, tell):
    checkout = one_experiment(tmp_path / "à propos")
    results = checkout.folder / "results"
    with small_disk(results, "4m", writable=False):
        done = checkout.run()
        assert done.returncode != 0
        assert READ_ONLY in done.stderr
        assert "results/smoke" in next(line for line in done.stderr.splitlines() if READ_ONLY in line)
        assert os.listdir(results) == []
        remount(results, "rw")
        again = checkout.run()
        assert again.returncode == 0, again.stderr
        assert checkout.results() == undisturbed
    tell(GROUP, "a run in a folder that is read-only", "folder and reason in one line; when it is not, the same bytes")
