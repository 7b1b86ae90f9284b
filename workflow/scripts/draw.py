"""Draw figures from their tables; figure `name` is drawn by `scalinglaws.plots.name.draw`."""

import gc
import importlib
import logging
from pathlib import Path
from typing import Any

from scalinglaws.store import job_log, load_table, save_figure

snakemake: Any = globals()["snakemake"]
# A figure is very many objects that refer to each other, and stay: to look for garbage among them only takes time.
gc.disable()
# The fonts that go into a pdf are older than the format's clock: nobody needs to be told so for each.
logging.getLogger("fontTools").setLevel(logging.ERROR)
outputs = [Path(path) for path in snakemake.output]
modules = {path.stem: importlib.import_module(f"scalinglaws.plots.{path.stem}") for path in outputs}
with job_log(snakemake.log[0]) as say:
    tables = {name: load_table(path) for name, path in snakemake.input.items()}
    for name, module in modules.items():
        figure = module.draw(**{table: tables[table] for table in module.TABLES})
        for path in (path for path in outputs if path.stem == name):
            save_figure(path, figure, dpi=snakemake.params.dpi)
        say(f"drew {name}")
