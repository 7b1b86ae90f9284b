"""What all rules share: checked settings, places, the experiments' settings, and the hash of the code behind a job."""

import ast
import os
import shlex
import sys
from pathlib import Path

from scalinglaws.settings import BadSetting, check_settings
from scalinglaws.store import code_hash, load_yaml

# Jobs import the library from this checkout, also where an environment of their own does not hold it; one thread each,
# since a second one changes the last bits of a sum.
os.environ.update({name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")})
os.environ.update({"PYTHONPATH": workflow.basedir})
# Snakemake puts the interpreter's path into shell commands unquoted (its issue 2645): a space there stops every job.
if sys.executable.startswith("/"):
    sys.executable = shlex.quote(sys.executable)

try:
    check_settings(config, load_yaml(f"{workflow.basedir}/workflow/schemas/config.schema.yaml"))
except BadSetting as error:
    sys.exit(f"config: {error}")

RESULTS = f"results/{config['run']}"
SCRIPTS = f"{workflow.basedir}/workflow/scripts"
CLAIMS = f"{workflow.basedir}/config/claims.yaml"
FIGURES = []
# What each experiment makes: its tables, and the figures drawn from them.
EXPERIMENTS = load_yaml(f"{workflow.basedir}/workflow/shells.yaml")
# Tables that claims may name, by their path under tables/ without the suffix.
TABLE_NAMES = [f"shells/{table}" for made in EXPERIMENTS.values() for table in made["tables"]]
# Settings that say how to reduce, what to draw or how to split the work, not what a member computes.
PRESENTATION = {"contrast", "windows", "shards"}
# Experiments whose shells lie on the study's common grid.
ON_GRID = {"sweep", "drift"}


def experiment_settings(experiment):
    """What the members of an experiment of the shell study depend on, and nothing else."""
    chosen = config["shells"][experiment]
    shared = {"device": config["device"], "dtype": config["dtype"]}
    if "datasets" in chosen:
        shared["data"] = {name: config["data"][name] for name in chosen["datasets"]}
    if experiment in ON_GRID:
        shared["grid"] = config["shells"]["grid"]
    return shared | {name: value for name, value in chosen.items() if name not in PRESENTATION}


def presentation(experiment):
    """What the tables of an experiment depend on besides its records."""
    chosen = config["shells"][experiment]
    shown = {name: chosen[name] for name in sorted(PRESENTATION - {"shards"}) if name in chosen}
    if experiment == "sweep":
        kinds = {name: config["data"][name] for name in chosen["datasets"]}
        shown["task_exponents"] = {name: 2 * data["source"] for name, data in kinds.items() if "source" in data}
    return shown


def shards(experiment):
    """The files that an experiment's members are spread over."""
    n_shards = config["shells"][experiment]["shards"]
    return [f"{RESULTS}/runs/shells/{experiment}/{shard}.npz" for shard in range(n_shards)]


def script_hash(script, *modules):
    """Hash of a script and of all library modules that it imports, or that are named."""
    return code_hash(f"{SCRIPTS}/{script}", modules=modules)


def tables_of_figures(figures):
    """The tables that figures are drawn from: their modules' `TABLES`, read without importing them."""
    named = {}
    for figure in figures:
        source = Path(workflow.basedir, "scalinglaws", "plots", f"{figure}.py").read_text(encoding="utf-8")
        assigned = [node for node in ast.parse(source).body if isinstance(node, ast.Assign)]
        (tables,) = [ast.literal_eval(node.value) for node in assigned if ast.unparse(node.targets[0]) == "TABLES"]
        named |= {table: f"{RESULTS}/tables/shells/{table}.csv" for table in tables}
    return named


def shells_figures(names):
    """Outputs of a drawing rule: each figure in each format, the png with its place in the report."""
    outputs = {}
    for name in names:
        entry = {"caption": f"../report/{name}.rst", "category": "Spectral shells", "labels": {"figure": name}}
        for suffix in config["figure_formats"]:
            path = f"{RESULTS}/figures/shells/{name}.{suffix}"
            FIGURES.append(path)
            outputs[f"{name}_{suffix}"] = report(path, **entry) if suffix == "png" else path
    return outputs
