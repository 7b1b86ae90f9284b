"""Writing is all or nothing: a reader sees the old file or the new one, and no temporary is left behind."""

import hashlib
import os
import re
import stat
import threading

import pytest

from scalinglaws.store import atomic, checksum, job_log, save_text


@pytest.fixture(params=[0o022, 0o077, 0o002], ids=oct)
def umask(request):
    """The umask for a test, put back after it."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


class Stop(Exception):
    """What the interrupted blocks raise."""


def write_half(path, error):
    """Begin to write `path`, and stop with `error`."""
    with atomic(path) as temporary:
        temporary.write_text("half of the new", encoding="utf-8")
        raise error


def log_half(path):
    """Begin to log to `path`, and stop."""
    with job_log(path) as say:
        say("so far")
        raise Stop


@pytest.mark.parametrize("error", [Stop, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("old", [None, "old"])
def test_a_failing_block_leaves_the_old_file_and_nothing_else(tmp_path, error, old):
    path = tmp_path / "table.csv"
    if old is not None:
        path.write_text(old, encoding="utf-8")
    with pytest.raises(error):
        write_half(path, error)
    assert {found.name: found.read_text(encoding="utf-8") for found in tmp_path.iterdir()} == (
        {} if old is None else {"table.csv": "old"}
    )


def test_the_new_content_appears_only_at_the_end(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old", encoding="utf-8")
    with atomic(path) as temporary:
        temporary.write_text("new", encoding="utf-8")
        assert path.read_text(encoding="utf-8") == "old"
        # A rename is atomic only within one file system, and a listing of results must not take it for one.
        assert (temporary.parent, temporary.suffix, temporary.name[0]) == (tmp_path, ".csv", ".")
    assert path.read_text(encoding="utf-8") == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_never_sees_a_part(tmp_path):
    path, seen = tmp_path / "text", set()
    contents = [letter * 200_000 for letter in "ab"]
    save_text(path, contents[0])
    writers_done = threading.Event()

    def read():
        while not writers_done.is_set():
            seen.add(path.read_text(encoding="utf-8"))

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(200):
        save_text(path, contents[turn % 2])
    writers_done.set()
    reader.join()
    assert seen <= set(contents)


def test_two_writers_do_not_disturb_each_other(tmp_path):
    path = tmp_path / "text"
    with atomic(path) as first, atomic(path) as second:
        assert first != second
        first.write_text("first", encoding="utf-8")
        second.write_text("second", encoding="utf-8")
    assert path.read_text(encoding="utf-8") == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_modes_are_those_of_any_new_file(tmp_path, umask):
    save_text(tmp_path / "ours", "")
    (tmp_path / "plain").touch()
    assert stat.S_IMODE((tmp_path / "ours").stat().st_mode) == 0o666 & ~umask
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert os.umask(umask) == umask, "writing changed the process's umask"


def test_missing_folders_are_made(tmp_path):
    save_text(tmp_path / "a b" / "é" / "text", "new")
    assert (tmp_path / "a b" / "é" / "text").read_bytes() == b"new"


def test_text_is_utf8_with_unix_line_ends(tmp_path):
    save_text(tmp_path / "text", "λ → 0\nand\n")
    assert (tmp_path / "text").read_bytes() == b"\xce\xbb \xe2\x86\x92 0\nand\n"


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_checksum_is_sha256_of_the_bytes(tmp_path, size):
    content = bytes(range(256)) * (size // 256) + bytes(size % 256)
    (tmp_path / "file").write_bytes(content)
    assert checksum(tmp_path / "file") == hashlib.sha256(content).hexdigest()


def test_a_log_can_be_read_while_it_is_written_and_ends_with_the_work(tmp_path):
    path = tmp_path / "logs" / "job.log"
    with job_log(path) as say:
        say("first λ")
        assert path.read_text(encoding="utf-8") == "first λ\n"
        say("second")
    first, second, last = path.read_text(encoding="utf-8").splitlines()
    assert (first, second) == ("first λ", "second")
    assert re.fullmatch(r"work \d+\.\d\d .*CPU s", last)


def test_a_log_is_kept_when_the_job_fails(tmp_path):
    path = tmp_path / "job.log"
    with pytest.raises(Stop):
        log_half(path)
    assert path.read_text(encoding="utf-8").startswith("so far\n")
