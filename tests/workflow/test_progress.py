"""What a run tells people: lines about jobs, honest estimates, and never the cause of a failure itself."""

import importlib
import io
import logging
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake.logging import DefaultFormatter
from snakemake_interface_logger_plugins.common import LogEvent

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "workflow/plugins"
sys.path.insert(0, str(PLUGINS))
plain = importlib.import_module("snakemake_logger_plugin_plain")
progress = importlib.import_module("snakemake_logger_plugin_plain.progress")

COSTS = {"members sweep 0": 50.0, "members sweep 1": 30.0, "tables": 2.0, "draw": 4.0}
STATS = {"members": 2, "tables": 1, "draw": 1, "all": 1, "total": 5}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (61, "1 min 1 s"),
        (3569, "59 min 29 s"),
        (3600, "1 h"),
        (9000, "2 h 30 min"),
    ],
)
def test_spans(seconds, text):
    assert progress.span(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.1, "5 s"), (33, "35 s"), (88, "1 min 30 s"), (350, "6 min"), (7100, "1 h 58 min"), (8000, "2 h 10 min")],
)
def test_estimates_are_no_finer_than_they_can_be_known(seconds, text):
    assert progress.about(seconds) == f"about {text}"


# --- estimates ------------------------------------------------------------------------------------------------------


def planned(costs=COSTS, cores=1, stats=STATS):
    run = progress.Progress(costs)
    run.cores = cores
    run.plan(stats, 0.0)
    return run


def test_all_is_no_job():
    assert planned().total == 4


@pytest.mark.parametrize(("cores", "left"), [(1, 86.0), (2, 50.0), (64, 50.0)])
def test_before_the_start_the_table_says_it_all(cores, left):
    """The work is shared by the cores, but the longest job cannot be."""
    assert planned(cores=cores).left(0.0) == left


def test_running_jobs_count_what_they_have_left_and_late_ones_nothing():
    run = planned()
    run.start(1, "members sweep 0", 0.0)
    assert run.left(20.0) == pytest.approx(86.0 - 20.0)
    assert run.left(70.0) == pytest.approx(86.0 - 50.0)


def test_the_pace_of_a_rule_is_learned_and_passes_to_rules_not_yet_seen_in_part():
    run = planned()
    run.start(1, "members sweep 0", 0.0)
    run.finish(1, 500.0)
    assert run.pace("members") == pytest.approx((500 + 5 * 505 / 55) / 55)  # 10, five seconds apart
    assert run.pace("draw") == pytest.approx(505 / 55)
    run.start(2, "tables", 500.0)
    run.finish(2, 502.0)
    assert run.pace("tables") < run.pace("draw") < run.pace("members")


def test_part_of_a_rule_is_reckoned_by_the_mean_of_those_that_may_be_left():
    assert planned(stats={"members": 1}).left(0.0) == 40.0


def test_without_a_table_the_jobs_done_are_the_measure():
    run = planned(costs={})
    assert run.left(0.0) is None
    run.start(1, "members sweep 0", 0.0)
    assert run.left(1.0) is None
    run.finish(1, 6.0)
    assert run.left(6.0) == 3 * 6.0


def test_a_job_that_is_tried_again_is_counted_once():
    run = planned()
    for _ in range(2):
        run.start(1, "draw", 0.0)
        run.fail(1, "draw.log")
    run.start(1, "draw", 0.0)
    assert (run.waiting["draw"], run.failed) == (0, {})


@pytest.mark.parametrize("text", [None, "", "job,seconds\na,fast\n", "rule,cost\na,1\n", "\x00\xff"])
def test_a_table_that_is_missing_or_broken_is_none(tmp_path, text):
    if text is not None:
        (tmp_path / "costs.csv").write_text(text, encoding="latin-1")
    assert progress.read_costs(tmp_path / "costs.csv") == {}
    assert progress.read_costs("") == {}


def test_a_table_is_read(tmp_path):
    (tmp_path / "costs.csv").write_text("job,seconds\nmembers sweep 0,50.0\n", encoding="utf-8")
    assert progress.read_costs(tmp_path / "costs.csv") == {"members sweep 0": 50.0}


# --- lines ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def tell():
    """A function that gives a handler a record and returns what it wrote; `tell.end` ends the run."""
    handler = plain.LogHandler(SimpleNamespace(stdout=False, nocolor=True, dryrun=False), None)
    handler.setFormatter(DefaultFormatter(quiet=None, show_failed_logs=True))
    handler.progress = progress.Progress(COSTS)

    def written(act, *arguments):
        handler.screen.stream = screen = io.StringIO()
        act(*arguments)
        return screen.getvalue()

    def tell(event, created, message="", level=logging.INFO, **fields):
        record = {"event": event, "msg": message, "levelno": level, "created": created, **fields}
        return written(handler.emit, logging.makeLogRecord(record))

    tell.end = lambda: written(handler.close)
    return tell


def begin(tell):
    tell(LogEvent.RESOURCES_INFO, 0.0, cores=2)
    return tell(LogEvent.RUN_INFO, 0.0, stats=STATS)


def start(tell, jobid, created, rule, **wildcards):
    return tell(LogEvent.JOB_INFO, created, jobid=jobid, rule_name=rule, wildcards=wildcards)


def test_a_line_for_each_job_done_and_for_long_ones_that_start(tell):
    assert begin(tell) == "4 jobs to do on 2 cores, about 50 s\n"
    assert start(tell, 1, 0.0, "members", experiment="sweep", shard=0).endswith("members sweep 0: starts, about 50 s\n")
    line = tell(LogEvent.JOB_FINISHED, 100.0, job_id=1)
    assert line.startswith("[1 of 4] 1 min 40 s gone, about ")
    assert line.endswith(" members sweep 0: done, 1 min 40 s\n")
    assert start(tell, 2, 100.0, "tables") == ""
    assert start(tell, 0, 100.0, "all") == tell(LogEvent.JOB_FINISHED, 100.0, job_id=0) == ""


def test_the_last_line_says_that_all_is_done(tell):
    begin(tell)
    for jobid, (rule, wildcards) in enumerate(
        [("members", {"n": 0}), ("members", {"n": 1}), ("tables", {}), ("draw", {})]
    ):
        start(tell, jobid, 0.0, rule, **wildcards)
        tell(LogEvent.JOB_FINISHED, 1.0, job_id=jobid)
    assert tell.end().startswith("4 jobs done in ")
    assert tell.end() == ""


def test_an_interrupted_run_is_not_called_failed(tell):
    begin(tell)
    start(tell, 1, 0.0, "draw")
    tell(None, 1.0, "Terminating processes on user request, this might take some time.", logging.WARNING)
    error = {"rule_msg": None, "input": [], "output": [], "conda_env": None, "shellcmd": None, "aux": {}}
    tell(LogEvent.JOB_ERROR, 1.0, level=logging.ERROR, jobid=1, rule_name="draw", log=[], **error)
    assert tell.end().startswith("Stopped: 0 of 4 jobs done after ")


def test_a_lock_is_told_with_what_to_do_and_nothing_else(tell):
    begin(tell)
    error = {"level": logging.ERROR, "exception": "LockException"}
    assert tell(LogEvent.ERROR, 0.0, "LockException:\nError: many\nlines", **error) == f"{plain.LOCKED}\n"
    assert tell(LogEvent.ERROR, 0.0, "another", **error | {"exception": "WorkflowError"}) == "another\n"
    assert tell.end() == ""


def test_warnings_and_what_is_new_are_shown_and_chatter_is_not(tell):
    assert tell(None, 0.0, "Using shell: /bin/bash") == tell(LogEvent.PROGRESS, 0.0, done=1, total=2) == ""
    assert tell(None, 0.0, "Nothing to be done (all is there).") == "Nothing to be done (all is there).\n"
    assert tell(None, 0.0, "Using shell that is odd", logging.WARNING) == "Using shell that is odd\n"
    assert tell(LogEvent.RUN_INFO, 0.0, "of a form to come") == "of a form to come\n"


def test_a_screen_that_is_gone_stops_nothing(tell, monkeypatch):
    begin(tell)
    start(tell, 1, 0.0, "draw")

    def gone(self, line):
        raise BrokenPipeError

    monkeypatch.setattr(plain.LogHandler, "say", gone)
    assert tell(LogEvent.JOB_FINISHED, 1.0, job_id=1) == ""
    assert tell.end() == ""


# --- real runs ------------------------------------------------------------------------------------------------------

SNAKEFILE = """
rule all:
    input: "whole.txt"
rule part:
    output: "part-{n}.txt"
    log: "part-{n}.log"
    shell: "echo what went wrong > {log}; test {wildcards.n} = 1 -o -f mended && touch {output}"
rule whole:
    input: "part-1.txt", "part-2.txt"
    output: "whole.txt"
    shell: "cat {input} > {output}"
"""


@pytest.fixture
def snakemake(tmp_path):
    """A function that runs a workflow of three jobs, one of which fails until a file `mended` is there."""
    (tmp_path / "Snakefile").write_text(SNAKEFILE, encoding="utf-8")
    options = ["--logger", "plain", "--cores", "1", "--keep-going", "--show-failed-logs", "--scheduler", "greedy"]
    environment = {**os.environ, "PYTHONPATH": str(PLUGINS)}

    def run(*arguments):
        command = [sys.executable, "-m", "snakemake", *arguments, *options]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)

    run.folder = tmp_path
    return run


def test_a_run_that_fails_says_why_and_what_to_do_and_goes_on_from_there(snakemake):
    failed = snakemake()
    assert failed.returncode == 1
    assert "\nwhat went wrong\n" in failed.stderr
    assert failed.stderr.splitlines()[-2] == "  part 2 (see part-2.log)"
    assert failed.stderr.splitlines()[-1].endswith("run the same command again: what is done is kept.")
    (snakemake.folder / "mended").touch()
    mended = snakemake()
    assert mended.returncode == 0
    lines = mended.stderr.splitlines()
    assert "2 jobs to do on 1 core" in lines
    assert [line[:8] for line in lines if line.endswith("done, 0 s")] == ["[1 of 2]", "[2 of 2]"]
    assert lines[-1].startswith("2 jobs done in ")
    assert all(character.isprintable() for line in lines for character in line)
    nothing = snakemake()
    assert nothing.returncode == 0
    assert nothing.stderr.splitlines()[-1].startswith("Nothing to be done")


def test_a_dry_run_is_as_snakemake_shows_it(snakemake):
    dry = snakemake("--dry-run")
    assert dry.returncode == 0
    assert "Job stats:" in dry.stdout
    assert "reason: Missing output files: whole.txt" in dry.stdout
    assert "jobs to do" not in dry.stdout + dry.stderr


@pytest.mark.parametrize(
    ("choice", "shown", "not_shown"),
    [
        ([], "--logger plain", "--logger rich"),
        (["LOGGER="], "snakemake", "--logger"),
        (["LOGGER=rich"], "--logger rich", "plain"),
    ],
)
def test_make_chooses_the_logger(choice, shown, not_shown):
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "LOGGER"))}
    done = subprocess.run(["make", "-n", "smoke", *choice], cwd=ROOT, env=outside, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout
    assert not_shown not in done.stdout
