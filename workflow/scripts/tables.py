"""Reduce an experiment's records to its tables: `tables` of the module named gives one for every output."""

import gc
import importlib
from pathlib import Path
from typing import Any

from scalinglaws.store import job_log, load_records, load_table, save_tables

snakemake: Any = globals()["snakemake"]
params = snakemake.params
# Tables end with their job: to look for garbage among all that imports leave only takes time.
gc.disable()
with job_log(snakemake.log[0]):
    records, _ = load_records(snakemake.input.runs)
    given = (item for item in snakemake.input.items() if item[0] not in ("runs", "sidecars"))
    resources = {name: load_table(path) for name, path in given}
    tables = importlib.import_module(params.module).tables(records, **params.presentation, **resources)
    save_tables({path: tables[Path(path).stem] for path in snakemake.output.tables}, snakemake.output.sums)
