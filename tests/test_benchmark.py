"""The benchmark's own arithmetic, and every part of it at toy size: what it compares gives the same result."""

import importlib
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from scalinglaws.store import load_table

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("alone", "kernels", "lasso", "runs", "shells", "simulation", "sizes", "theory", "timing")


@pytest.fixture(scope="module")
def parts():
    """The modules under tools/benchmarks by name, and the tool itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "tools")
        modules = {name: importlib.import_module(f"benchmarks.{name}") for name in PARTS}
        yield SimpleNamespace(**modules, tool=importlib.import_module("benchmark"))


@pytest.mark.parametrize(
    ("bounds", "holds"),
    [
        ({}, True),
        ({"at_most": 2}, True),
        ({"at_most": 1.9}, False),
        ({"at_least": 2}, True),
        ({"at_least": 2.1}, False),
    ],
)
def test_a_bound_is_judged_as_stated(parts, bounds, holds):
    assert parts.timing.row("thing", "quantity", 2.0, **bounds)[-1] is holds


def test_the_best_of_several_is_taken_and_rounds_end_with_patience(parts, monkeypatch):
    clock = iter(range(1000))
    spans = iter((5, 1, 2, 3, 4, 1))
    monkeypatch.setattr(parts.timing.time, "process_time", lambda: next(clock))

    def compute():
        span = next(spans)
        [next(clock) for _ in range(span - 1)]
        return span

    seconds, results = parts.timing.side_by_side({"one": compute, "two": compute}, patience=8)
    assert seconds == {"one": 2, "two": 1}
    assert results == {"one": 2, "two": 3}


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.7])
def test_growth_is_the_exponent_and_a_unit_costs_the_slope(parts, exponent):
    sizes = np.array([500, 1000, 4000])
    assert parts.sizes.growth(sizes, 0.3 * sizes**exponent) == pytest.approx(exponent)
    assert parts.sizes.per_unit(sizes, 7.0 + exponent * sizes) == pytest.approx(exponent)


def test_memory_is_that_of_the_computation_alone(parts):
    held = np.ones(10**7)  # 80 MB that the other process must not count
    (size, process), peak = parts.alone.alone(_allocated, 5 * 10**6, rehearsal=(10,))
    assert (size, len(held)) == (5 * 10**6, 10**7)
    assert process != os.getpid()
    # 40 MB, a few pages, and what the allocator had spare.
    assert 35e6 < peak < 50e6


def test_a_process_of_its_own_measures_the_same_shells(parts):
    case, tiny = parts.shells.Case(10, 8, 5), parts.shells.TINY
    (seconds, there), _ = parts.alone.alone(parts.shells.module_shells, case, rehearsal=(tiny,), n_threads=2)
    _, here = parts.shells.module_shells(case)
    assert seconds > 0
    # Two threads may sum in another order.
    for one, other in zip(there, here, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def _allocated(count):
    return len(np.ones(count)), os.getpid()


def test_the_two_kernels_agree(parts):
    rows = {row[1]: row for row in parts.kernels.kernel_rows(7, 9, 2)}
    assert 0 < rows["relative difference"][2] <= 1e-13
    assert rows["ratio"][2] == pytest.approx(
        rows["seconds, torch.func"][2] / rows["seconds, Gram products"][2], rel=1e-2
    )


def test_kernels_whose_jacobian_is_too_large_are_ours_alone(parts, monkeypatch):
    n_parameters = 3 * 8 * 8 + 8
    monkeypatch.setattr(parts.kernels, "JACOBIAN_BYTES", 8 * 8 * n_parameters)
    rows, sizes = parts.kernels.kernel_grid(widths=(8, 16), samples=(4, 8), fixed=8)
    assert {row[0].split(", ", 1)[1].rsplit(", ", 1)[0] for row in rows} == {"n = width = 8", "n = 4, width = 8"}
    shapes = {(size.method, size.size_name, size.size) for size in sizes}
    ours = {("Gram products", name, size) for name, size in (("width", 8), ("width", 16), ("n_samples", 4))}
    assert ours | {("torch.func", "n_samples", 8), ("torch.func", "width", 8)} <= shapes
    assert ("torch.func", "width", 16) not in shapes


def test_coordinate_descent_is_as_exact_as_the_homotopy(parts):
    rows, sizes = parts.lasso.lasso_grid(dims=(10,))
    gaps = [row for row in rows if row[1] == "difference of objectives"]
    assert [row[-1] for row in gaps] == [True, True]
    assert {(size.benchmark, size.method) for size in sizes} == {
        (f"LASSO, {shape}", method) for shape in parts.lasso.SHAPES for method in parts.lasso.METHODS
    }


@pytest.fixture(scope="module")
def shells(parts):
    """Rows and sizes of the shells of few samples, each measured once, in this process: a gigabyte, says the fake."""

    def at_hand(compute, *arguments, rehearsal, n_threads=1):
        return compute(*arguments), 1e9

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts.shells, "alone", at_hand)
        patch.setattr(parts.shells, "REPEATS", 1)
        patch.setattr(parts.shells, "FEW_SAMPLES", 4)
        samples = {"exact": (20, 30, 40), "exact, any module": (5, 10, 15), "Lanczos": (20, 30, 40)}
        return parts.shells.shell_grid(samples=samples, widths=(10, 20))


def test_exact_and_lanczos_shells_agree_and_their_costs_are_told(shells):
    rows, sizes = shells
    agreed = [row for row in rows if row[1].startswith("deviation")]
    # There are more steps than samples: both are right to rounding.
    assert [row[2] < 1e-12 for row in agreed] == [True] * 3
    costs = {(size.method, size.size_name) for size in sizes if size.seconds > 0 and size.peak_gb > 0}
    methods = ("exact", "exact, any module", "Lanczos", "Lanczos, 2 cores", "bound")
    assert costs == {*((method, "n_samples") for method in methods), ("Lanczos", "n_parameters")}
    bounds = [size for size in sizes if size.method == "bound"]
    assert [(bound.size, bound.seconds, bound.peak_gb) for bound in bounds[:1]] == [(40, 60, 2)]
    weights = [width * 64 + width**2 + width for width in (10, 20)]
    assert [(bound.size, bound.peak_gb) for bound in bounds[1:]] == [
        (count, pytest.approx(1 + 12 * 8e-9 * (count - weights[0]))) for count in weights
    ]


@pytest.mark.parametrize(("options", "runs"), [([], ["smoke", "default"]), (["--quick"], ["smoke"])])
def test_the_tool_writes_tables_and_figure_and_fails_where_a_bound_does_not_hold(
    parts, shells, tmp_path, monkeypatch, capsys, options, runs
):
    sized = {
        "kernel_grid": parts.kernels.kernel_grid(widths=(4,), samples=(4,), fixed=4),
        "lasso_grid": parts.lasso.lasso_grid(dims=(4,)),
        "shell_grid": shells,
    }
    for name, found in sized.items():
        monkeypatch.setattr(parts.tool, name, lambda quick, found=found: found)
    for name in ("theory_rows", "state_evolution_rows", "simulation_rows", "dag_rows"):
        monkeypatch.setattr(parts.tool, name, lambda *sizes, name=name: [parts.timing.row(name, "seconds", 1.0)])
    monkeypatch.setattr(parts.tool, "run_rows", lambda name, _: [parts.timing.row(name, "seconds", 9.0, at_most=8)])
    monkeypatch.setattr("sys.argv", ["benchmark.py", "--into", str(tmp_path), *options])
    assert parts.tool.main() == 1
    table, sizes = (load_table(tmp_path / f"tables/{name}.csv") for name in ("benchmark", "benchmark_sizes"))
    assert list(table[table.bound == "<= 8"].benchmark) == runs
    rows, lines = (sum(map(len, parts)) for parts in zip(*sized.values(), strict=True))
    assert (len(table), len(sizes)) == (rows + 4 + len(runs), lines)
    assert f"{runs[-1]} seconds" in " ".join(capsys.readouterr().out.split())
    assert {path.name for path in (tmp_path / "benchmark").iterdir()} == {
        f"cost_against_size.{suffix}" for suffix in ("png", "pdf")
    }


def test_theory_and_simulation_are_timed(parts, monkeypatch):
    monkeypatch.setattr(parts.timing, "REPEATS", 1)
    rows = [*parts.theory.theory_rows(2), *parts.simulation.simulation_rows(20, 50)]
    assert len(rows) == 4 + 5
    assert all(row[2] > 0 for row in rows)


def test_work_is_read_from_the_last_lines_of_logs(parts, tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.log").write_text("1/2 done\nwork 1.50 of 3.00 CPU s\n")
    (tmp_path / "deep/b.log").write_text("work 2.25 of 2.50 CPU s\n")
    assert parts.runs.work(tmp_path) == 3.75
