"""Run one shard of an experiment: its members one after the other; one that may fail stops alone and is named."""

import importlib
import time
from typing import Any

from scalinglaws.store import job_log, save_arrays

snakemake: Any = globals()["snakemake"]
params, wildcards = snakemake.params, snakemake.wildcards
setup, experiment = (importlib.import_module(f"{params.package}.{name}") for name in ("setup", wildcards.experiment))
members = list(enumerate(experiment.members(params.settings)))[int(wildcards.shard) :: params.n_shards]
records, failures = {}, {}
with job_log(snakemake.log[0]) as say, setup.reproducible():
    for count, (index, member) in enumerate(members, start=1):
        started, outcome = time.perf_counter(), "done"
        try:
            records[f"{index:05d}"] = experiment.run(params.settings, member)
        except setup.STOPS as error:
            failures[f"{index:05d}"], outcome = f"{member}: {error}", f"stopped: {error}"
        say(f"{count}/{len(members)} {member} {time.perf_counter() - started:.1f} s: {outcome}")
    save_arrays(
        snakemake.output.arrays,
        {"members": records, "failures": failures},
        params={"experiment": experiment.__name__, "settings": params.settings, "shards": params.n_shards},
        seed=params.settings.get("seeds", params.settings.get("seed")),
        code=params.code,
    )
