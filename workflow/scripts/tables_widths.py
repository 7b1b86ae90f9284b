"""Reduce the width sweep's records to tables."""

from typing import Any

from scalinglaws.shells.tables import widths
from scalinglaws.store import job_log, load_records, save_table

snakemake: Any = globals()["snakemake"]
with job_log(snakemake.log[0]):
    records, _ = load_records(snakemake.input)
    runs = widths.runs(records)
    save_table(snakemake.output.runs, runs)
    save_table(snakemake.output.slopes, widths.width_slopes(runs))
