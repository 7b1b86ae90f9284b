"""Runs that are killed, jobs that are killed, two runs in one folder: what is made in the end is always the same."""

import importlib
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from checkouts import ROOT, Checkout

sys.path.insert(0, str(ROOT / "workflow/plugins"))
LOCKED = importlib.import_module("snakemake_logger_plugin_plain").LOCKED
AT_WORK = "Another run is at work on results/smoke: wait for its end, or stop it."
# As make has it.
PLAIN = {"PYTHONPATH": "workflow/plugins"}
NOTEBOOKS, MATRICES = (f"results/smoke/figures/ridge/{name}.png" for name in ("ridge_notebooks", "rm_deep_wishart"))
MORE = ("results/smoke/figures/shells/orders.png", "results/smoke/figures/shallow/shallow_pruning.png")
UNDISTURBED = "resumed; all bytes those of an undisturbed run"
needs_proc = pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="processes are looked up in /proc")


def run(checkout, *targets, environment=PLAIN):
    """Make targets and return the finished process."""
    return checkout.run("--logger", "plain", "--", *targets, environment=environment)


def made(folder, *targets):
    """What an undisturbed run makes."""
    checkout = Checkout(folder)
    done = run(checkout, *targets)
    assert done.returncode == 0, done.stderr
    return checkout.results()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Results of one experiment, by path."""
    return made(tmp_path_factory.mktemp("undisturbed") / "run", NOTEBOOKS)


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """Results of four experiments, by path."""
    return made(tmp_path_factory.mktemp("undisturbed") / "several", NOTEBOOKS, MATRICES, *MORE)


def start(checkout, *arguments):
    """Start a run and wait until it begins with its first job; the process, which leads a group."""
    lock = checkout.folder / ".snakemake/one_run/smoke"
    before = lock.stat().st_mtime_ns if lock.exists() else None
    process = checkout.start("--logger", "plain", *arguments, environment=PLAIN)
    while process.poll() is None and (not lock.exists() or lock.stat().st_mtime_ns == before):
        time.sleep(0.02)
    return process


def kill(checkout, process):
    """Kill -9 of a run and all its jobs."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 10
    while processes(checkout) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert processes(checkout) == {}


def processes(checkout):
    """Command lines of the processes at work in a checkout, by process id."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if (place / "cwd").resolve() == checkout.folder.resolve() and (text := (place / "cmdline").read_bytes()):
                found[int(place.name)] = text.decode(errors="replace")
        except OSError:
            continue
    return found


def kill_at_random(checkout, rng, targets, kills):
    """Kill a run so many times, a third of them before it begins with a job; resume each time as README.md says.

    A busy machine gets more time: twice what it takes to unlock.
    """
    finished, pace = False, unlock(checkout)
    while kills:
        arguments = (["--forceall"] if finished else []) + ["--", *targets]
        if rng.random() < 1 / 3:
            process = checkout.start("--logger", "plain", *arguments, environment=PLAIN)
        else:
            process = start(checkout, *arguments)
        try:
            finished = process.wait(2 * pace * rng.random()) == 0
            assert finished, checkout.screen.read_text(encoding="utf-8")
        except subprocess.TimeoutExpired:
            kill(checkout, process)
            kills -= 1
        pace = unlock(checkout)


def unlock(checkout):
    """Unlock a checkout; the seconds that it took."""
    begun = time.monotonic()
    assert checkout.run("--unlock").returncode == 0
    return time.monotonic() - begun


def temporary_files(checkout):
    """Hidden files among the results."""
    return [path.name for path in (checkout.folder / "results").rglob(".*")]


@pytest.fixture
def checkout(tmp_path):
    """A checkout of one test's own."""
    return Checkout(tmp_path / "à propos")


@needs_proc
def test_a_run_killed_three_times_makes_the_same(undisturbed, checkout, tell):
    kill(checkout, start(checkout, "--", NOTEBOOKS))
    refused = run(checkout, NOTEBOOKS)
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1] == LOCKED
    left_over = checkout.folder / "results/smoke/runs/ridge/notebooks/.0.npz.k1ll3d__.npz"
    left_over.parent.mkdir(parents=True, exist_ok=True)
    left_over.write_bytes(b"half")
    kill_at_random(checkout, np.random.default_rng(0), [NOTEBOOKS], 2)
    done = run(checkout, NOTEBOOKS)
    assert done.returncode == 0, done.stderr
    assert checkout.results() == undisturbed
    assert temporary_files(checkout) == []
    tell("Killed runs", "the same command after kill -9", "refused before any job: says how to unlock and go on")
    tell("Killed runs", "kill -9 of a run and its jobs at 3 moments, unlocked and started again each time", UNDISTURBED)
    tell("Killed runs", "a half-written temporary file that a killed job left", "removed at the next start")


@needs_proc
@pytest.mark.long
def test_a_run_killed_twenty_times_makes_the_same(several, checkout, tell):
    targets = [NOTEBOOKS, MATRICES, *MORE]
    kill_at_random(checkout, np.random.default_rng(1), targets, 20)
    done = run(checkout, *targets)
    assert done.returncode == 0, done.stderr
    assert checkout.results() == several
    assert temporary_files(checkout) == []
    tell("Killed runs", "kill -9 of a run and its jobs at 20 random moments, resumed as README.md says", UNDISTURBED)


def job_of(checkout, process):
    """Process id of a script of the workflow, as soon as one is at work."""
    while process.poll() is None:
        for pid, command in processes(checkout).items():
            if "run_members.py" in command and "\0-m\0snakemake" not in command and "/bash" not in command:
                return pid
        time.sleep(0.02)
    raise AssertionError(checkout.screen.read_text(encoding="utf-8"))


@needs_proc
@pytest.mark.long
def test_a_killed_job_is_named_and_the_others_go_on(several, checkout, tell):
    targets = [NOTEBOOKS, MATRICES]
    process = start(checkout, "--", *targets)
    os.kill(job_of(checkout, process), signal.SIGKILL)
    assert process.wait(200) == 1
    failed = re.findall(r"^  ridge_members (\w+) 0 \(see ", checkout.screen.read_text(encoding="utf-8"), re.MULTILINE)
    assert failed in (["notebooks"], ["random_matrices"])
    there = [(checkout.folder / target).exists() for target in targets]
    assert there == [failed != ["notebooks"], failed != ["random_matrices"]]
    done = run(checkout, *targets)
    assert done.returncode == 0, done.stderr
    assert checkout.results() == {name: several[name] for name in checkout.results()}
    tell(
        "Killed runs",
        "kill -9 of one job",
        "named at the end, others go on; the same command makes the rest, same bytes",
    )


@needs_proc
@pytest.mark.long
def test_a_run_whose_leader_alone_is_killed(undisturbed, checkout, tell):
    """Its job works on beside the run that comes after it."""
    process = start(checkout, "--", NOTEBOOKS)
    job_of(checkout, process)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert processes(checkout) != {}
    assert checkout.run("--unlock").returncode == 0
    assert run(checkout, NOTEBOOKS).returncode == 0
    while processes(checkout):
        time.sleep(0.02)
    assert run(checkout, NOTEBOOKS).returncode == 0
    assert checkout.results() == undisturbed
    tell("Killed runs", "kill -9 of Snakemake alone, its job works on", UNDISTURBED)


@pytest.mark.long
def test_a_second_run_in_the_folder_is_refused(undisturbed, checkout, tell):
    first = start(checkout, "--", NOTEBOOKS)
    os.killpg(first.pid, signal.SIGSTOP)
    try:
        refused = run(checkout, NOTEBOOKS)
        assert (refused.returncode, refused.stderr.splitlines()[-1]) == (1, LOCKED)
        assert checkout.run("--unlock").returncode == 0
        refused = run(checkout, NOTEBOOKS)
        assert (refused.returncode, refused.stderr.splitlines()[-1]) == (1, AT_WORK)
    finally:
        os.killpg(first.pid, signal.SIGCONT)
    assert first.wait(200) == 0, checkout.screen.read_text(encoding="utf-8")
    assert checkout.results() == undisturbed
    first = "refused before any job; the first run's bytes right"
    tell("Killed runs", "a second run in the folder of one at work", first)
    tell("Killed runs", "a second run in the folder of one at work that was unlocked by mistake", first)


@pytest.mark.long
def test_of_two_runs_started_at_once_one_is_refused(undisturbed, checkout, tell):
    with ThreadPoolExecutor() as pool:
        first, second = sorted(pool.map(lambda _: run(checkout, NOTEBOOKS), range(2)), key=lambda done: done.returncode)
    assert (first.returncode, second.returncode) == (0, 1), first.stderr + second.stderr
    assert second.stderr.splitlines()[-1] in (LOCKED, AT_WORK)
    assert checkout.results() == undisturbed
    tell("Killed runs", "two runs started at once in one folder", "one refused before any job; the other's bytes right")
