"""Put the claims on trial: tables in, verdicts out; and say them in the captions of the figures that bear on them."""

from pathlib import Path
from typing import Any

from scalinglaws.captions import with_verdicts
from scalinglaws.claims import as_markdown, trial
from scalinglaws.claims_page import as_html
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
    save_text(snakemake.output.html, as_html(claims, measurements))
    for template, caption in zip(snakemake.input.captions, snakemake.output.captions, strict=True):
        save_text(caption, with_verdicts(Path(template).read_text(encoding="utf-8"), claims))
