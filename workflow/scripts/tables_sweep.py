"""Reduce the richness sweep's records to tables."""

from typing import Any

from scalinglaws.shells.tables import sweep
from scalinglaws.store import job_log, load_records, save_table

snakemake: Any = globals()["snakemake"]
with job_log(snakemake.log[0]):
    records, _ = load_records(snakemake.input)
    contrast, output = snakemake.params.contrast, snakemake.output
    runs = sweep.runs(records)
    save_table(output.runs, runs)
    save_table(output.lazy_slopes, sweep.lazy_slopes(runs))
    save_table(output.loss_curves, sweep.loss_curves(records))
    save_table(output.spectra, sweep.spectra(records, contrast))
    save_table(output.energy_maps, sweep.energy_maps(records, contrast))
    save_table(output.shell_budgets, sweep.shell_budgets(records, contrast))
