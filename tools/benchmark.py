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
from scalinglaws.ridge import RandomFeatureProblem, RidgeProblem, learning_curve, power_law_bins, simulate
from scalinglaws.shallow import (
    DiagonalProblem,
    QuadraticProblem,
    binned_strengths,
    power_law_strengths,
    state_evolution,
)
from scalinglaws.spectra import power_law_spectrum, power_law_target
from scalinglaws.store import save_table

ROOT = Path(__file__).resolve().parents[1]
SNAKEMAKE = [sys.executable, "-m", "snakemake", "--snakefile", "Snakefile", "--profile", "workflow/profiles/default"]
REPEATS = 5


def main(quick):
    torch.set_num_threads(1)
    rows = [*kernel_rows(256, 256, 3), *theory_rows(20), *state_evolution_rows(20), *simulation_rows(1000, 10_000)]
    rows += [*dag_rows(), *run_rows("smoke", ["--configfile", "config/smoke.yaml"])]
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


def theory_rows(n_points):
    """Theory of whole learning curves: every direction of 10,000 by itself, and 1e14 of them in bins."""
    eigenvalues = power_law_spectrum(10_000, 1.5)
    spectra = {
        "dim 10,000": (eigenvalues, power_law_target(eigenvalues, 1.5, 0.7), np.ones(10_000)),
        "dim 1e14, binned": power_law_bins(10**14, 1.5, 0.7),
    }
    n_samples, rows = np.geomspace(10, 5000, n_points), []
    for spectrum, (eigenvalues, target, multiplicities) in spectra.items():
        common = (eigenvalues, target, n_samples, 1e-6, 0.25)
        problems = {
            "ridge regression": RidgeProblem(*common, multiplicities=multiplicities),
            "random features": RandomFeatureProblem(*common, 1000, multiplicities=multiplicities),
        }
        for kind, problem in problems.items():
            seconds = []
            for _ in range(REPEATS):
                _timed(seconds, lambda problem=problem: learning_curve(problem))
            rows.append(row(f"theory of {kind}, {spectrum}, {n_points} points", "seconds", min(seconds), at_most=0.06))
    return rows


def state_evolution_rows(n_points):
    """State evolution, seconds a point: curves from few samples to many, through the interpolation peak."""
    ratios, (strengths, multiplicities) = np.geomspace(0.02, 50, n_points), binned_strengths(10_000, 1.0)
    diagonal = (power_law_strengths(400, 1.0), 400 * ratios, 1.0, 0.7)
    bins = QuadraticProblem(strengths, 1e8 * ratios, 1.0, 0.7, multiplicities=multiplicities)
    cases = [
        ("diagonal, dim 400, Gaussian teacher", 0.02, DiagonalProblem(*diagonal, teacher="gaussian")),
        ("diagonal, dim 400, fixed teacher", 0.02, DiagonalProblem(*diagonal)),
        ("quadratic, dim 200", 1, QuadraticProblem(power_law_strengths(200, 1.0), 4e4 * ratios, 1.0, 0.7)),
        ("quadratic, dim 10,000, binned", 3, bins),
    ]
    rows = []
    for name, limit, problem in cases:
        seconds = []
        for _ in range(REPEATS):
            _timed(seconds, lambda problem=problem: state_evolution(problem))
        rows.append(row(f"state evolution, {name}", "seconds a point", min(seconds) / n_points, at_most=limit))
    return rows


def simulation_rows(n_samples, dim):
    """Simulated ridge regression against its floor, the normals of two samples and their Gram matrices."""
    spectrum = power_law_spectrum(dim, 1.5)
    target = power_law_target(spectrum, 1.5, 1.2)
    one = RidgeProblem(spectrum, target, n_samples, 1e-4, 0.5)
    path = RidgeProblem(spectrum, target, n_samples, np.logspace(-6, 0, 20), 0.5)
    seconds = {"floor": [], "one": [], "path": []}
    for _ in range(REPEATS):
        _timed(seconds["floor"], lambda: _two_grams(n_samples, dim))
        _timed(seconds["one"], lambda: simulate(one, np.random.default_rng(0), 2))
        _timed(seconds["path"], lambda: simulate(path, np.random.default_rng(0), 2))
    floor, ours, longer = (min(seconds[name]) for name in ("floor", "one", "path"))
    name = f"simulated ridge regression, {n_samples} samples of {dim} directions"
    return [
        row(name, "seconds a draw", ours / 2),
        row(name, "ratio to sampling and one Gram matrix", ours / floor, at_most=1.5),
        row(name, "ratio of 20 ridges to one", longer / ours, at_most=3),
        *_feature_rows(spectrum, target, n_samples, n_samples),
    ]


def _feature_rows(spectrum, target, n_samples, width):
    """Random features against the products of inputs and maps that no simulation can do without."""
    problem = RandomFeatureProblem(spectrum, target, n_samples, 1e-4, 0.5, width)
    rng = np.random.default_rng(0)
    inputs, feature_map = rng.standard_normal((n_samples, len(spectrum))), rng.standard_normal((width, len(spectrum)))
    seconds = {"floor": [], "ours": []}
    for _ in range(REPEATS):
        _timed(seconds["floor"], lambda: [inputs @ feature_map.T for _ in range(4)])
        _timed(seconds["ours"], lambda: simulate(problem, np.random.default_rng(0), 2, 2))
    ours, floor = min(seconds["ours"]), min(seconds["floor"])
    name = f"simulated random features, {n_samples} samples, {width} features of {len(spectrum)} directions"
    return [row(name, "seconds a pair of draws", ours / 4), row(name, "ratio to the features' products", ours / floor)]


def _two_grams(n_samples, dim):
    for seed in range(2):
        inputs = np.random.default_rng(seed).standard_normal((n_samples, dim))
        inputs @ inputs.T


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
    limits = {"smoke": 60, "default": 600}
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
