"""What all rules share: checked settings, places, the experiments' settings, and the hash of the code behind a job."""

import ast
import gc
import os
import shlex
import sys
from pathlib import Path

from scalinglaws.settings import BadSetting, check_settings
from scalinglaws.store import code_hash, load_yaml

# The graph is made of a million objects that stay: to look for garbage among them every 700 takes a quarter of the time.
gc.set_threshold(200_000)
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
RESOURCES = f"{workflow.basedir}/workflow/resources"
FIGURES = []
STUDIES = load_yaml(f"{workflow.basedir}/workflow/studies.yaml")
# What each experiment is and makes, by study and name.
EXPERIMENTS = {(study, name): made for study, about in STUDIES.items() for name, made in about["experiments"].items()}
# Tables that claims may name, by their path under tables/ without the suffix.
TABLE_NAMES = [f"{study}/{table}" for (study, _), made in EXPERIMENTS.items() for table in made["tables"]]


def member_settings(study, experiment):
    """What the members of an experiment depend on, and nothing else: not how to reduce, draw or split the work."""
    chosen, made = config[study][experiment], EXPERIMENTS[study, experiment]
    taken = {name: config[name] for name in STUDIES[study].get("takes", [])}
    if "datasets" in chosen:
        taken["data"] = {name: config["data"][name] for name in chosen["datasets"]}
    taken |= {name: config[study][name] for name in made.get("shares", [])}
    left_out = {"shards", *made.get("presentation", [])}
    return taken | {name: value for name, value in chosen.items() if name not in left_out}


def presentation(study, experiment):
    """What the tables of an experiment depend on besides its records and resources."""
    chosen = config[study][experiment]
    names = EXPERIMENTS[study, experiment].get("presentation", [])
    return {name: DERIVED[name](chosen) if name in DERIVED else chosen[name] for name in names}


def task_exponents(chosen):
    """By data set, the task exponent of those that have one."""
    kinds = {name: config["data"][name] for name in chosen["datasets"]}
    return {name: 2 * data["source"] for name, data in kinds.items() if "source" in data}


# What tables take that is no setting but follows from the settings of their experiment.
DERIVED = {"task_exponents": task_exponents}


def shards(study, experiment):
    """The files that an experiment's members are spread over."""
    n_shards = config[study][experiment]["shards"]
    return [f"{RESULTS}/runs/{study}/{experiment}/{shard}.npz" for shard in range(n_shards)]


def resources_of(study, experiment):
    """The committed tables that an experiment's tables take, by argument."""
    named = EXPERIMENTS[study, experiment].get("resources", {})
    return {argument: f"{RESOURCES}/{path}" for argument, path in named.items()}


def script_hash(script, *modules):
    """Hash of a script and of all library modules that it imports, or that are named."""
    return code_hash(f"{SCRIPTS}/{script}", modules=modules)


def members_hash(study, experiment):
    """Hash of all that a member runs."""
    package = f"scalinglaws.{study}.experiments"
    return script_hash("run_members.py", f"{package}.{experiment}", f"{package}.setup")


def tables_of_figures(study, figures):
    """The tables that figures are drawn from: their modules' `TABLES`, read without importing them."""
    named = {}
    for figure in figures:
        source = Path(workflow.basedir, "scalinglaws", "plots", f"{figure}.py").read_text(encoding="utf-8")
        assigned = [node for node in ast.parse(source).body if isinstance(node, ast.Assign)]
        (tables,) = [ast.literal_eval(node.value) for node in assigned if ast.unparse(node.targets[0]) == "TABLES"]
        named |= {table: f"{RESULTS}/tables/{study}/{table}.csv" for table in tables}
    return named


def figure_files(study, names):
    """Outputs of a drawing rule: each figure in each format, the png with its place in the report."""
    outputs = {}
    for name in names:
        category = STUDIES[study]["title"]
        entry = {"caption": f"../report/{name}.rst", "category": category, "labels": {"figure": name}}
        for suffix in config["figure_formats"]:
            path = f"{RESULTS}/figures/{study}/{name}.{suffix}"
            FIGURES.append(path)
            outputs[f"{name}_{suffix}"] = report(path, **entry) if suffix == "png" else path
    return outputs
