"""Put the claims on trial: tables in, verdicts out."""

from typing import Any

from scalinglaws.claims import as_markdown, trial
from scalinglaws.store import job_log, load_table, load_yaml, save_table, save_text

snakemake: Any = globals()["snakemake"]
with job_log(snakemake.log[0]) as say:
    tables = dict(zip(snakemake.params.names, map(load_table, snakemake.input.tables), strict=True))
    claims, measurements = trial(load_yaml(snakemake.input.claims)["claims"], tables)
    for claim in claims.itertuples():
        say(f"{claim.id}: {claim.verdict}")
    save_table(snakemake.output.claims, claims)
    save_table(snakemake.output.measurements, measurements)
    save_text(snakemake.output.page, as_markdown(claims, measurements))
