"""Say which members failed, after all else is done; a run with failures is not complete."""

import sys
from typing import Any

from scalinglaws.store import job_log, load_records, save_text

snakemake: Any = globals()["snakemake"]
with job_log(snakemake.log[0]) as say:
    # One by one: members of different experiments have the same numbers.
    failures = [failure for path in snakemake.input.runs for failure in load_records([path])[1]]
    for failure in failures:
        say(failure)
if failures:
    sys.exit(f"{len(failures)} member(s) failed, all others are in the tables; see {snakemake.log[0]}")
save_text(snakemake.output[0], "every member of every experiment finished\n")
