"""Reduce an experiment's records to its tables: `tables` of the module named gives one for every output."""

import importlib
from pathlib import Path
from typing import Any

from scalinglaws.store import job_log, load_records, load_table, save_table

snakemake: Any = globals()["snakemake"]
params = snakemake.params
with job_log(snakemake.log[0]):
    records, _ = load_records(snakemake.input.runs)
    resources = {name: load_table(path) for name, path in snakemake.input.items() if name != "runs"}
    tables = importlib.import_module(params.module).tables(records, **params.presentation, **resources)
    for path in snakemake.output:
        save_table(path, tables[Path(path).stem])
