"""Time the main computations, as ratios measured side by side in one process, and a whole default run.

`python tools/benchmark.py [--quick]`; --quick leaves out the default run. Writes figures/tables/benchmark.csv.
"""

import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import torch

from scalinglaws.networks import Network, forward, initialise, linearise, tangent_kernel
from scalinglaws.store import save_table

ROOT = Path(__file__).resolve().parents[1]
SNAKEMAKE = [sys.executable, "-m", "snakemake", "--snakefile", "Snakefile", "--profile", "workflow/profiles/default"]
REPEATS = 5


def main(quick):
    torch.set_num_threads(1)
    rows = [*kernel_rows(256, 256, 3), *dag_rows(), *run_rows("smoke", ["--configfile", "config/smoke.yaml"])]
    if not quick:
        rows += run_rows("default", [])
    table = pd.DataFrame(rows, columns=("benchmark", "quantity", "measured", "bound", "holds"))
    save_table(ROOT / "figures/tables/benchmark.csv", table)
    print(table.to_string(index=False, float_format="{:.4g}".format))
    return 0 if table.holds.all() else 1


def row(benchmark, quantity, measured, at_most=None, at_least=None):
    """One line of the table; a bound that is not given always holds."""
    holds = (at_most is None or measured <= at_most) and (at_least is None or measured >= at_least)
    bound = f"<= {at_most:g}" if at_most is not None else f">= {at_least:g}" if at_least is not None else ""
    return benchmark, quantity, float(f"{measured:.4g}"), bound, holds


def kernel_rows(n_samples, width, depth):
    """The Gram-product kernel against jacrev + vmap of torch.func, on one thread: best of several, alternating."""
    rng = np.random.default_rng(0)
    network = Network(width, width, depth)
    parameters = initialise(rng, network)
    inputs = torch.as_tensor(rng.standard_normal((n_samples, width)))
    seconds = {"gram": [], "func": []}
    for _ in range(REPEATS):
        gram = _timed(seconds["gram"], lambda: tangent_kernel(network, linearise(network, parameters, inputs)))
        func = _timed(seconds["func"], lambda: _functional_kernel(network, parameters, inputs))
    name = f"tangent kernel, n = width = {width}, {depth} hidden layers"
    error = float((gram - func).abs().max() / func.abs().max())
    ours, theirs = min(seconds["gram"]), min(seconds["func"])
    return [
        row(name, "seconds, Gram products", ours),
        row(name, "seconds, torch.func", theirs),
        row(name, "ratio", theirs / ours, at_least=20),
        row(name, "relative difference", error, at_most=1e-13),
    ]


def _functional_kernel(network, parameters, inputs):
    def output(weights, sample):
        return forward(network, weights, sample[None]).outputs[0, 0]

    jacobian = torch.func.vmap(torch.func.jacrev(output), in_dims=(None, 0))(parameters, inputs)
    return sum(block.flatten(1) @ block.flatten(1).T for block in jacobian) / len(inputs)


def _timed(seconds, compute):
    started = time.perf_counter()
    result = compute()
    seconds.append(time.perf_counter() - started)
    return result


def dag_rows():
    """Seconds to read the settings and build the graph of the default run."""
    with tempfile.TemporaryDirectory() as folder:
        _checkout(folder)
        seconds = []
        for _ in range(3):
            _timed(seconds, lambda: _snakemake(folder, ["--dry-run", "--quiet"]))
    return [row("graph of the default run", "seconds, dry run", min(seconds), at_most=3)]


def run_rows(name, arguments):
    """Wall time, CPU time, peak memory and overhead of a run from scratch on two cores."""
    limits = {"smoke": 60, "default": 240}
    with tempfile.TemporaryDirectory() as folder:
        _checkout(folder)
        before, started, peak = _children_cpu(), time.perf_counter(), PeakMemory()
        _snakemake(folder, arguments)
        wall, cpu, memory = time.perf_counter() - started, _children_cpu() - before, peak.stop()
        overhead = 1 - _work(Path(folder) / "results" / name / "logs") / cpu
    # At toy size there is little but overhead: its share is told, not judged.
    bound = {"at_most": 0.1} if name == "default" else {}
    return [
        row(f"{name} run", "wall seconds on 2 cores", wall, at_most=limits[name]),
        row(f"{name} run", "CPU seconds", cpu),
        row(f"{name} run", "peak memory, GB", memory / 1e9, at_most=3),
        row(f"{name} run", "overhead share of CPU (interpreter, imports, DAG)", overhead, **bound),
    ]


def _checkout(folder):
    for part in ("Snakefile", "config", "workflow", "scalinglaws", "environment.yml"):
        subprocess.run(["cp", "-r", str(ROOT / part), folder], check=True)


def _snakemake(folder, arguments):
    command = [*SNAKEMAKE, "--cores", "2", *arguments]
    done = subprocess.run(command, cwd=folder, env=os.environ | {"PYTHONPATH": ""}, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def _children_cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _work(logs):
    """CPU seconds of the jobs without their imports, from the last line of each log."""
    lines = [path.read_text(encoding="utf-8").splitlines()[-1] for path in logs.rglob("*.log")]
    return sum(float(line.split()[1]) for line in lines if line.startswith("work "))


class PeakMemory:
    """Largest resident memory of all descendants together, sampled ten times a second from its making to `stop`."""

    def __init__(self):
        self._peak, self._done = 0, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self):
        while not self._done.wait(0.1):
            self._peak = max(self._peak, sum(map(_resident, psutil.Process().children(recursive=True))))

    def stop(self):
        """End the watch and return the peak in bytes."""
        self._done.set()
        self._thread.join()
        return self._peak


def _resident(process):
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0


if __name__ == "__main__":
    sys.exit(main("--quick" in sys.argv[1:]))
