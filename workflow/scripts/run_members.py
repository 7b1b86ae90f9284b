"""Run one shard of an experiment: its members one after the other; one that may fail stops alone and is named."""

import gc
import importlib
from typing import Any

from scalinglaws.shards import run_shard
from scalinglaws.store import checksum, data_files, job_log, load_data, save_arrays

snakemake: Any = globals()["snakemake"]
params, wildcards = snakemake.params, snakemake.wildcards
# Imports leave very many objects that stay: to look for garbage among them only takes time.
gc.disable()
setup, experiment = (importlib.import_module(f"{params.package}.{name}") for name in ("setup", wildcards.experiment))
files = dict(zip(data_files(params.settings.get("cases", [])), snakemake.input.files, strict=True))
gc.enable()
with job_log(snakemake.log[0]) as say, setup.reproducible():
    settings = params.settings | {"files": {name: load_data(path) for name, path in files.items()}}
    records, failures = run_shard(experiment, setup, settings, int(wildcards.shard), params.n_shards, say)
    save_arrays(
        snakemake.output.arrays,
        {"members": records, "failures": failures},
        params={"experiment": experiment.__name__, "settings": params.settings, "shards": params.n_shards},
        seed=params.settings.get("seeds", params.settings.get("seed")),
        code=params.code,
        inputs={name: checksum(path) for name, path in files.items()},
    )
