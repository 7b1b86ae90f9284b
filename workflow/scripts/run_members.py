"""Run one shard of an experiment: its members one after the other; a member that diverges stops alone and is named."""

import importlib
import time
from typing import Any

from scalinglaws.networks.training import Diverged
from scalinglaws.shells.experiments.setup import reproducible
from scalinglaws.store import job_log, save_arrays

snakemake: Any = globals()["snakemake"]
params = snakemake.params
experiment = importlib.import_module(params.experiment)
members = list(enumerate(experiment.members(params.settings)))[int(snakemake.wildcards.shard) :: params.n_shards]
records, failures = {}, {}
with job_log(snakemake.log[0]) as say, reproducible():
    for count, (index, member) in enumerate(members, start=1):
        started, outcome = time.perf_counter(), "done"
        try:
            records[f"{index:05d}"] = experiment.run(params.settings, member)
        except Diverged as error:
            failures[f"{index:05d}"], outcome = f"{member}: {error}", f"stopped: {error}"
        say(f"{count}/{len(members)} {member} {time.perf_counter() - started:.1f} s: {outcome}")
    save_arrays(
        snakemake.output.arrays,
        {"members": records, "failures": failures},
        params={"experiment": params.experiment, "settings": params.settings, "shards": params.n_shards},
        seed=params.settings["seeds"],
        code=params.code,
    )
