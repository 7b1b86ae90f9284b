"""The benchmark's own arithmetic: bounds are judged as stated, and the two kernels it times are the same kernel."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def benchmark_tool():
    spec = importlib.util.spec_from_file_location("benchmark_tool", ROOT / "tools/benchmark.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
def test_a_bound_is_judged_as_stated(benchmark_tool, bounds, holds):
    assert benchmark_tool.row("thing", "quantity", 2.0, **bounds)[-1] is holds


def test_the_two_kernels_agree(benchmark_tool):
    rows = {row[1]: row for row in benchmark_tool.kernel_rows(7, 9, 2)}
    assert 0 < rows["relative difference"][2] <= 1e-13
    assert rows["ratio"][2] == pytest.approx(
        rows["seconds, torch.func"][2] / rows["seconds, Gram products"][2], rel=1e-2
    )


def test_work_is_read_from_the_last_lines_of_logs(benchmark_tool, tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.log").write_text("1/2 done\nwork 1.50 of 3.00 CPU s\n")
    (tmp_path / "deep/b.log").write_text("work 2.25 of 2.50 CPU s\n")
    assert benchmark_tool._work(tmp_path) == 3.75
