"""Reduce the convergence experiment's records to tables."""

from typing import Any

from scalinglaws.shells.tables import orders
from scalinglaws.store import job_log, load_records, save_table

snakemake: Any = globals()["snakemake"]
with job_log(snakemake.log[0]):
    records, _ = load_records(snakemake.input)
    errors = orders.errors(records)
    save_table(snakemake.output.errors, errors)
    save_table(snakemake.output.fits, orders.order_fits(errors))
