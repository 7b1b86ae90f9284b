"""Put the claims on trial: tables in, verdicts out; and say them in the captions of the figures that bear on them."""

from pathlib import Path
from typing import Any

from scalinglaws.captions import with_verdicts
from scalinglaws.claims import as_markdown, trial
from scalinglaws.claims_page import as_html
from scalinglaws.store import job_log, load_tables, load_yaml, save_sums, save_tables, save_text

snakemake: Any = globals()["snakemake"]
with job_log(snakemake.log[0]) as say:
    paths = dict(zip(snakemake.params.names, snakemake.input.tables, strict=True))
    tables = load_tables(paths, snakemake.input.sums)
    claims, measurements = trial(load_yaml(snakemake.input.claims)["claims"], tables)
    for claim in claims.itertuples():
        say(f"{claim.id}: {claim.verdict}")
    made = {snakemake.output.claims: claims, snakemake.output.measurements: measurements}
    save_tables(made, snakemake.output.sums)
    save_text(snakemake.output.page, as_markdown(claims, measurements))
    save_text(snakemake.output.html, as_html(claims, measurements))
    for template, caption in zip(snakemake.input.captions, snakemake.output.captions, strict=True):
        save_text(caption, with_verdicts(Path(template).read_text(encoding="utf-8"), claims))
    made = snakemake.output
    save_sums([made.page, made.html, *made.captions], made.sums_of_text)
