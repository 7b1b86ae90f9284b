"""Draw figures from their tables; figure `name` is drawn by `scalinglaws.plots.name.draw`."""

import gc
import importlib
import logging
from pathlib import Path
from typing import Any

from scalinglaws.store import job_log, load_tables, save_figure, save_sums

snakemake: Any = globals()["snakemake"]
# A figure is very many objects that refer to each other, and stay: to look for garbage among them only takes time.
gc.disable()
# The fonts that go into a pdf are older than the format's clock: nobody needs to be told so for each.
logging.getLogger("fontTools").setLevel(logging.ERROR)
outputs = [Path(path) for path in snakemake.output if path != snakemake.output.sums]
modules = {path.stem: importlib.import_module(f"scalinglaws.plots.{path.stem}") for path in outputs}
with job_log(snakemake.log[0]) as say:
    paths = {name: path for name, path in snakemake.input.items() if name != "sums"}
    tables = load_tables(paths, snakemake.input.sums)
    for name, module in modules.items():
        figure = module.draw(**{table: tables[table] for table in module.TABLES})
        for path in (path for path in outputs if path.stem == name):
            save_figure(path, figure, dpi=snakemake.params.dpi)
        say(f"drew {name}")
    save_sums(outputs, snakemake.output.sums)
