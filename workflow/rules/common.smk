"""What all rules share: checked settings, places, the experiments' settings, and the hash of the code behind a job."""

import ast
import functools
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
CAPTIONS = f"{workflow.basedir}/workflow/report"
FIGURES = []
STUDIES = load_yaml(f"{workflow.basedir}/workflow/studies.yaml")
# What each experiment is and makes, by study and name.
EXPERIMENTS = {(study, name): made for study, about in STUDIES.items() for name, made in about["experiments"].items()}
ALL_FIGURES = [figure for made in EXPERIMENTS.values() for figure in made["figures"]] + ["claims_overview"]
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


@functools.cache
def tables_of(figure):
    """Names of the tables that a figure is drawn from: its module's `TABLES`, read without importing it."""
    source = Path(workflow.basedir, "scalinglaws", "plots", f"{figure}.py").read_text(encoding="utf-8")
    assigned = [node for node in ast.parse(source).body if isinstance(node, ast.Assign)]
    (tables,) = [ast.literal_eval(node.value) for node in assigned if ast.unparse(node.targets[0]) == "TABLES"]
    return tables


def tables_of_figures(study, figures):
    """The tables that figures are drawn from, by name."""
    return {table: f"{RESULTS}/tables/{study}/{table}.csv" for figure in figures for table in tables_of(figure)}


def caption_of(figure):
    """The caption of a figure in the report, with the verdicts that it bears on: the claims' job writes it."""
    return f"{RESULTS}/captions/{figure}.rst"


def figure_files(folder, category, names):
    """Outputs of a drawing rule: each figure in each format, the png with its place in the report."""
    outputs = {}
    for name in names:
        entry = {"caption": os.path.abspath(caption_of(name)), "category": category, "labels": {"figure": name}}
        for suffix in config["figure_formats"]:
            path = f"{RESULTS}/figures/{folder}/{name}.{suffix}"
            FIGURES.append(path)
            outputs[f"{name}_{suffix}"] = report(path, **entry) if suffix == "png" else path
    return outputs


# Parameters of a rule that are told apart from the others, or with the inputs.
NOT_TOLD = ("code", "names")


def step(rules, name, outputs=None, inputs=None):
    """What a rule, or the part of it that makes `outputs` of `inputs`, says of its files; records say it themselves."""
    job = getattr(rules, name)
    taken = {key: value for key, value in job.params.items() if key not in NOT_TOLD}
    return {
        "rule": name,
        "outputs": list(map(str, job.output if outputs is None else outputs)),
        "inputs": list(map(in_project, job.input if inputs is None else inputs)),
        "params": taken,
        "code": job.params.code,
    }


def in_project(path):
    """A path that does not tell where the project lies."""
    return os.path.relpath(path, workflow.basedir) if os.path.isabs(path) else str(path)


def drawing_steps(rules):
    """The parts of the drawing jobs: each figure with those tables alone that it shows."""
    steps = []
    for rule_name, ((study, _), made) in zip(DRAW_RULES, EXPERIMENTS.items()):
        for figure in made["figures"]:
            drawn = [path for path in getattr(rules, rule_name).output if Path(path).stem == figure]
            steps.append(step(rules, rule_name, drawn, tables_of_figures(study, [figure]).values()))
    return steps


def verdict_steps(rules):
    """The parts of the claims' job: each of its many files with those inputs alone that it is made of."""
    made, templates = rules.claims.output, {name: f"{CAPTIONS}/{name}.rst" for name in ALL_FIGURES}
    return [
        step(rules, "claims", [made.claims, made.measurements], [*rules.claims.input.tables, CLAIMS]),
        step(rules, "claims", [made.page, made.html], [made.claims, made.measurements]),
        *(step(rules, "claims", [caption_of(name)], [path, made.claims]) for name, path in templates.items()),
    ]
