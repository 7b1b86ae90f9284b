"""What all rules share: checked settings, places, the experiments' settings, and the hash of the code behind a job."""

import os
import shlex
import sys

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
EXPERIMENTS = ("sweep", "widths", "orders")
# Tables that claims may name, by their path under tables/ without the suffix.
TABLE_NAMES = ["shells/runs", "shells/lazy_slopes", "shells/width_slopes", "shells/order_fits"]
FIGURES = []
# Settings that say what to draw or how to split the work, not what a member computes.
PRESENTATION = {"contrast", "shards"}


def experiment_settings(experiment):
    """What the members of an experiment of the shell study depend on, and nothing else."""
    chosen = config["shells"][experiment]
    shared = {"device": config["device"], "dtype": config["dtype"]}
    shared["data"] = {name: config["data"][name] for name in chosen["datasets"]}
    if experiment == "sweep":
        shared["grid"] = config["shells"]["grid"]
    return shared | {name: value for name, value in chosen.items() if name not in PRESENTATION}


def shards(experiment):
    """The files that an experiment's members are spread over."""
    n_shards = config["shells"][experiment]["shards"]
    return [f"{RESULTS}/runs/shells/{experiment}/{shard}.npz" for shard in range(n_shards)]


def script_hash(script, *modules):
    """Hash of a script and of all library modules that it imports, or that are named."""
    return code_hash(f"{SCRIPTS}/{script}", modules=modules)


def drawing_hash(*figures):
    """Hash of the code that draws the named figures."""
    return script_hash("draw.py", *(f"scalinglaws.plots.{figure}" for figure in figures))


def shells_figures(*names):
    """Outputs of a drawing rule: for each figure a png, with its place in the report, and a pdf."""
    outputs = {}
    for name in names:
        stem = f"{RESULTS}/figures/shells/{name}"
        entry = {"caption": f"../report/{name}.rst", "category": "Spectral shells", "labels": {"figure": name}}
        outputs |= {f"{name}_png": report(f"{stem}.png", **entry), f"{name}_pdf": f"{stem}.pdf"}
        FIGURES.extend([f"{stem}.png", f"{stem}.pdf"])
    return outputs
