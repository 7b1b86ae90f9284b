"""What all rules share: checked settings, places, the experiments' settings, and the hash of the code behind a job."""

import ast
import functools
import gc
import math
import os
import shlex
import sys
from pathlib import Path

from scalinglaws.claim_entries import check_claims
from scalinglaws.settings import BadSetting, check_settings, member_settings
from scalinglaws.store import (
    case_problems,
    checksum,
    code_hash,
    data_files,
    load_plain_yaml,
    load_yaml,
    named_modules,
    own_sources,
)

# The graph is made of a million objects that stay: to look for garbage among them every 700 takes a quarter of the time.
gc.set_threshold(200_000)
# Jobs import the library from this checkout, also where an environment of their own does not hold it, and networks of
# one's own from the folder that they run in; one thread each, since a second one changes the last bits of a sum.
os.environ.update({name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")})
# A GPU sums in one order only with workspaces of its own, and torch refuses to multiply matrices there without them.
os.environ.update({"CUBLAS_WORKSPACE_CONFIG": ":4096:8"})
OWN_FOLDERS = tuple(dict.fromkeys((workflow.basedir, os.getcwd())))
os.environ.update({"PYTHONPATH": os.pathsep.join(OWN_FOLDERS)})
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
# A claim that cannot be judged is told before anything is computed.
if workflow.is_main_process:
    try:
        check_claims(load_plain_yaml(os.path.relpath(CLAIMS)).get("claims"))
    except ValueError as error:
        sys.exit(f"claims: {error}")
# Tables that claims may name, by their path under tables/ without the suffix.
TABLE_NAMES = [f"{study}/{table}" for (study, _), made in EXPERIMENTS.items() for table in made["tables"]]


def named_cases(study, experiment):
    """The cases of an experiment that name a network and data of anybody's own."""
    return [case for case in config[study][experiment].get("cases", []) if "network" in case]


for study, experiment in EXPERIMENTS:
    for problem in case_problems(named_cases(study, experiment), OWN_FOLDERS):
        sys.exit(f"config: {study}.{experiment}.cases.{problem}")


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


def sidecars(records):
    """The files beside records that say what these must be."""
    return [f"{path.removesuffix('.npz')}.json" for path in records]


def sums_of(study, tables):
    """The files that say what tables of a study must be, by their sha256: each experiment has one."""
    makers = (name for name, made in STUDIES[study]["experiments"].items() if set(made["tables"]) & set(tables))
    return [f"{RESULTS}/tables/{study}/{name}.sha256" for name in makers]


def resources_of(study, experiment):
    """The committed tables that an experiment's tables take, by argument."""
    named = EXPERIMENTS[study, experiment].get("resources", {})
    return {argument: f"{RESOURCES}/{path}" for argument, path in named.items()}


@functools.cache
def contents(*paths):
    """Checksums of files that no job makes: Snakemake goes by their times, and an older one may take a file's place."""
    return [checksum(path) if Path(path).is_file() else None for path in paths]


def script_hash(script, *modules, own=None):
    """Hash of a script and of all library modules that it imports, or that are named; and of files of one's own."""
    return code_hash(f"{SCRIPTS}/{script}", modules=modules, own=own)


@functools.cache
def members_hash(study, experiment):
    """Hash of all that a member runs, networks and data of one's own with it."""
    package, named = f"scalinglaws.{study}.experiments", named_modules(named_cases(study, experiment))
    library = [name for name in named if name.split(".")[0] == "scalinglaws"]
    own = own_sources(named, OWN_FOLDERS)
    return script_hash("run_members.py", f"{package}.{experiment}", f"{package}.setup", *library, own=own)


def members_memory(study, experiment):
    """Memory of a shard's job in MB: where settings bound what passes through a network hold, that, and room beside.

    Seeds that train together take theirs together: 0.57 GB each at the papers' sizes.
    """
    takes = EXPERIMENTS[study, experiment].get("takes", [])
    bounded = math.ceil(1000 * config["memory_gb"]) + 1000 if "memory_gb" in takes else 0
    together = "batch_seeds" in takes and config["batch_seeds"]
    return max(1500, bounded, 600 * len(config[study][experiment]["seeds"]) + 500 if together else 0)


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
NOT_TOLD = ("code", "names", "contents")


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
            tables = tables_of_figures(study, [figure])
            steps.append(step(rules, rule_name, drawn, [*tables.values(), *sums_of(study, tables)]))
        steps.append(step(rules, rule_name, [getattr(rules, rule_name).output.sums]))
    return steps


def verdict_steps(rules):
    """The parts of the claims' job: each of its many files with those inputs alone that it is made of."""
    made, templates = rules.claims.output, {name: f"{CAPTIONS}/{name}.rst" for name in ALL_FIGURES}
    tables, sums = rules.claims.input.tables, rules.claims.input.sums
    return [
        step(rules, "claims", [made.claims, made.measurements, made.sums], [*tables, *sums, CLAIMS]),
        step(rules, "claims", [made.page, made.html], [made.claims, made.measurements]),
        step(rules, "claims", [made.sums_of_text], [made.page, made.html, *made.captions]),
        *(step(rules, "claims", [caption_of(name)], [path, made.claims]) for name, path in templates.items()),
    ]
