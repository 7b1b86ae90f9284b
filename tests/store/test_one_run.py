"""The lock of a run, which ends with its process, and what a killed one leaves behind."""

import subprocess
import sys

import pytest

from scalinglaws.store import atomic, hold_alone, remove_left_over

HOLD = "import sys; from scalinglaws.store import hold_alone; print(hold_alone(sys.argv[1]), flush=True); input()"


def test_one_process_holds_the_lock_until_it_is_killed(tmp_path):
    lock = tmp_path / "locks/smoke"
    command = [sys.executable, "-c", HOLD, str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "True\n"
        assert not hold_alone(lock)
        assert hold_alone(tmp_path / "locks/paper")
        other.kill()
        other.wait()
        assert hold_alone(lock)


def test_a_file_system_without_locks_stops_no_run(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def flock(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", flock)
    assert hold_alone(tmp_path / "smoke")


@pytest.mark.parametrize("name", ["0.npz", "claims.md", "manifest.json", "complete", "a.b.csv"])
def test_what_a_killed_job_left_goes_and_results_stay(tmp_path, name):
    folder = tmp_path / "runs/à propos"
    with atomic(folder / name) as temporary:
        kept = [folder / name, folder / f".{name}", folder / ".snakemake_timestamp", folder / f"{name}.abcdefgh.csv"]
        for path in kept:
            path.touch()
        remove_left_over(tmp_path)
        left = temporary.exists()
        temporary.touch()
    assert not left
    assert all(path.exists() for path in kept)
