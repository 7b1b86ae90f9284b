"""Whole runs of the workflow on two cores: wall and CPU time, memory, overhead."""

import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

from benchmarks.timing import reference_seconds, row, timed

ROOT = Path(__file__).resolve().parents[2]
SNAKEMAKE = [sys.executable, "-m", "snakemake", "--snakefile", "Snakefile", "--profile", "workflow/profiles/default"]
REFERENCE = "CPU seconds to add up ten million integers, after it"


def dag_rows():
    """Seconds to read the settings and build the graph of the default run."""
    with tempfile.TemporaryDirectory() as folder:
        _checkout(folder)
        seconds = []
        for _ in range(3):
            timed(seconds, lambda: _snakemake(folder, ["--dry-run", "--quiet"]))
    return [
        row("graph of the default run", "seconds, dry run", min(seconds), at_most=3),
        row("graph of the default run", REFERENCE, reference_seconds()),
    ]


def run_rows(name, arguments):
    """Wall time, CPU time, peak memory and overhead of a run from scratch on two cores."""
    limits = {"smoke": 60, "default": 600}
    with tempfile.TemporaryDirectory() as folder:
        _checkout(folder)
        before, started, peak = _children_cpu(), time.perf_counter(), PeakMemory()
        _snakemake(folder, arguments)
        wall, cpu, memory = time.perf_counter() - started, _children_cpu() - before, peak.stop()
        reference = reference_seconds()
        overhead = 1 - work(Path(folder) / "results" / name / "logs") / cpu
    # At toy size there is little but overhead: its share is told, not judged.
    bound = {"at_most": 0.1} if name == "default" else {}
    return [
        row(f"{name} run", "wall seconds on 2 cores", wall, at_most=limits[name]),
        row(f"{name} run", "CPU seconds", cpu),
        row(f"{name} run", REFERENCE, reference),
        row(f"{name} run", "peak memory, GB", memory / 1e9, at_most=3),
        row(f"{name} run", "overhead share of CPU (interpreter, imports, DAG)", overhead, **bound),
    ]


def _checkout(folder):
    for part in ("Snakefile", "config", "workflow", "scalinglaws", "environment.yml", "CITATION.cff"):
        subprocess.run(["cp", "-r", str(ROOT / part), folder], check=True)


def _snakemake(folder, arguments):
    command = [*SNAKEMAKE, "--cores", "2", *arguments]
    done = subprocess.run(command, cwd=folder, env=os.environ | {"PYTHONPATH": ""}, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def _children_cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def work(logs):
    """CPU seconds of the jobs without their imports, from the last line of each log."""
    lines = [path.read_text(encoding="utf-8").splitlines()[-1] for path in logs.rglob("*.log")]
    return sum(float(line.split()[1]) for line in lines if line.startswith("work "))


class PeakMemory:
    """Largest resident memory of all descendants together, sampled ten times a second from its making to `stop`.

    Those that were there before, as is the server of processes for single computations, are not counted.
    """

    def __init__(self):
        self._others, self._peak, self._done = set(_descendants()), 0, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self):
        while not self._done.wait(0.1):
            self._peak = max(self._peak, sum(map(_resident, set(_descendants()) - self._others)))

    def stop(self):
        """End the watch and return the peak in bytes."""
        self._done.set()
        self._thread.join()
        return self._peak


def _descendants():
    return psutil.Process().children(recursive=True)


def _resident(process):
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0
