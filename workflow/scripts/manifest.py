"""Say of every file of the run what it is, what made it and from what."""

from pathlib import Path
from typing import Any

from scalinglaws.store import describe_run, job_log, load_yaml, save_crate, save_json

snakemake: Any = globals()["snakemake"]
with job_log(snakemake.log[0]) as say:
    folder, project = Path(snakemake.output.manifest).parent, Path(snakemake.input.citation).parent
    manifest = describe_run(folder, snakemake.params.steps, snakemake.params.settings, project)
    save_json(snakemake.output.manifest, manifest)
    save_crate(snakemake.output.crate, manifest, load_yaml(snakemake.input.citation))
    say(f"{len(manifest['files'])} files")
