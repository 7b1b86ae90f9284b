"""Time the main computations, as ratios measured side by side in one process, and a whole default run.

`python tools/benchmark.py [--quick] [--into FOLDER]`; --quick leaves out the default run and the largest sizes. Writes
tables/benchmark.csv, tables/benchmark_sizes.csv and, drawn from the latter, benchmark/cost_against_size.png and .pdf.
"""

import argparse
import itertools
import sys
from pathlib import Path

import pandas as pd
import torch
from benchmarks.kernels import kernel_grid
from benchmarks.lasso import lasso_grid
from benchmarks.runs import ROOT, dag_rows, run_rows
from benchmarks.shells import shell_grid
from benchmarks.simulation import simulation_rows
from benchmarks.sizes import Size
from benchmarks.theory import state_evolution_rows, theory_rows
from benchmarks.timing import COLUMNS
from threadpoolctl import threadpool_limits

from scalinglaws.plots import benchmark_sizes
from scalinglaws.store import save_figure, save_table


def main():
    """Measure, write and print; the exit status is 1 where a bound does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.partition(",")[0])
    parser.add_argument("--quick", action="store_true", help="leave out the default run and the largest sizes")
    parser.add_argument("--into", type=Path, default=ROOT / "figures", metavar="FOLDER", help="default: figures")
    options = parser.parse_args()
    table, sizes = measured(options.quick)
    save(options.into, table, sizes)
    print(table.to_string(index=False, float_format="{:.4g}".format))
    return 0 if table.holds.all() else 1


def measured(quick):
    """The table of bounds and the table of sizes; everything on one thread but what says otherwise."""
    torch.set_num_threads(1)
    with threadpool_limits(1):
        sized = [kernel_grid(quick), lasso_grid(quick), shell_grid(quick)]
        rows = [*theory_rows(20), *state_evolution_rows(20), *simulation_rows(1000, 10_000)]
    (kernels, lasso, shells), sizes = zip(*sized, strict=True)
    rows = [*kernels, *rows, *lasso, *shells]
    rows += [*dag_rows(), *run_rows("smoke", ["--configfile", "config/smoke.yaml"])]
    if not quick:
        rows += run_rows("default", [])
    return pd.DataFrame(rows, columns=COLUMNS), pd.DataFrame(itertools.chain(*sizes), columns=Size._fields)


def save(folder, table, sizes):
    """Write both tables and the figure into a folder laid out as the gallery."""
    save_table(folder / "tables/benchmark.csv", table)
    save_table(folder / "tables/benchmark_sizes.csv", sizes)
    figure = benchmark_sizes.draw(sizes)
    for suffix in ("png", "pdf"):
        save_figure(folder / f"benchmark/cost_against_size.{suffix}", figure)


if __name__ == "__main__":
    sys.exit(main())
