"""A network of one's own from the README to its figures; what is refused before any job, and what runs again."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scalinglaws.store import checksum, load_arrays, load_sidecar, load_table, load_yaml

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# The blocks that say which file they are.
WRITTEN = {
    name: text
    for text in re.findall(r"```(?:python|yaml)\n(.*?)```", README, flags=re.DOTALL)
    for name in re.findall(r"\A# ([\w./-]+)", text)
}
(COMMAND,) = re.findall(r"`(make own [^`]*)`", README)
MADE = load_yaml(ROOT / "workflow/studies.yaml")["shells"]["experiments"]["models"]


def test_the_example_is_short():
    lines = [line for text in [*WRITTEN.values(), COMMAND] for line in text.splitlines() if line.strip()]
    assert set(WRITTEN) == {"my_nets.py", "mine.yaml"}
    assert len(lines) <= 20


# --- as the README has it ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def own(tmp_path_factory, checkout_of):
    """A checkout in which the README was followed, at toy size."""
    checkout = checkout_of(tmp_path_factory.mktemp("own") / "à propos")
    for name, text in WRITTEN.items():
        (checkout.folder / name).write_text(text, encoding="utf-8")
    done = make(checkout, COMMAND.replace("CONFIG=", "CONFIG='config/smoke.yaml ") + "'")
    assert done.returncode == 0, done.stdout + done.stderr
    return checkout


def make(checkout, command):
    """Run a make command of the README in a checkout, with this Python in place of its .venv."""
    snakemake = shlex.join(
        [sys.executable, "-m", "snakemake", "--profile", "workflow/profiles/default", "--cores", "1"]
    )
    words = [
        "--no-print-directory",
        "--file",
        str(ROOT / "Makefile"),
        "--old-file",
        ".venv/installed",
        f"SNAKEMAKE={snakemake}",
        f"READABLE=@{shlex.quote(sys.executable)} workflow/scripts/check_settings.py",
    ]
    return subprocess.run(
        ["make", *words, *shlex.split(command)[1:]], cwd=checkout.folder, capture_output=True, text=True, timeout=300
    )


def test_the_readme_leads_to_seven_tables_and_four_figures(own):
    base = own.folder / "results/mine"
    assert (len(MADE["tables"]), len(MADE["figures"])) == (7, 4)
    for name in MADE["figures"]:
        assert (base / f"figures/shells/{name}.png").stat().st_size > 5000
    for name in MADE["tables"]:
        assert set(load_table(base / f"tables/shells/{name}.csv").case) == {"mine"}
    made = {path.relative_to(base).parts[:3] for path in base.rglob("*.npz")}
    assert made == {("runs", "shells", "models")}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "my_nets:build",
            "my_nets:buld",
            "network = 'my_nets:buld': my_nets.py defines no buld; it defines build, data",
        ),
        (
            '"my_nets:data", data_options: {n_samples: 60}',
            "none.npz",
            "data = 'none.npz': there is no such file in {folder}",
        ),
    ],
    ids=["factory", "file"],
)
def test_what_a_job_would_not_find_is_one_line_before_any_job(own, old, new, message):
    before = own.results("mine")
    with own.edited("mine.yaml", old, new):
        done = own.run(overlays=("config/smoke.yaml", "mine.yaml"))
    assert done.returncode != 0
    line = done.stderr.splitlines()[-1]
    assert line.startswith("config: shells.models.cases.")
    assert message.format(folder=own.folder) in line
    assert "Traceback" not in done.stderr
    assert own.results("mine") == before


CHANGES = "; results/default would change: name another run"


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("make own", "make: own needs the settings that name the network: make own CONFIG=mine.yaml"),
        ("make own CONFIG=yours.yaml", "make: there is no file yours.yaml"),
        ("make own CONFIG=none.yaml", f"config: run is missing in none.yaml{CHANGES}"),
        ("make own CONFIG='mine.yaml same.yaml'", f"config: run is default in mine.yaml same.yaml{CHANGES}"),
    ],
)
def test_make_asks_for_settings_in_one_line(own, command, line):
    (own.folder / "none.yaml").write_text("shells: {}\n", encoding="utf-8")
    (own.folder / "same.yaml").write_text("run: default\n", encoding="utf-8")
    done = make(own, command)
    assert done.returncode != 0
    assert line == done.stderr.splitlines()[0]
    assert done.stdout == ""


# --- from a folder of one's own, with a package and a file of data ----------------------------------------------------

SETTINGS = """
run: yours
memory_gb: 4.5
shells:
  models:
    cases: [{name: yours, network: "pack.net:Net", data: ../elsewhere/mine.npz}]
    compare: {largest: 0}
    seeds: [0]
    shards: 1
"""
PACKAGE = {
    "pack/__init__.py": "",
    "pack/net.py": (
        "import torch\n\nfrom . import layers\n\n\nclass Net(torch.nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        self.first = layers.first()\n\n"
        "    def forward(self, x):\n        return self.first(x).tanh().sum(1)\n"
    ),
    "pack/layers.py": "import torch\n\n\ndef first():\n    return torch.nn.Linear(2, 5)\n",
    "pack/unused.py": "COLOUR = 'blue'\n",
}
RECORD = "results/yours/runs/shells/models/0.npz"


class Elsewhere:
    """A folder of somebody's own, from which the workflow of a checkout is run."""

    def __init__(self, folder, checkout):
        self.folder, self.checkout = folder, checkout
        for name, text in {**PACKAGE, "yours.yaml": SETTINGS}.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        (folder.parent / "elsewhere").mkdir()
        self.data = folder.parent / "elsewhere/mine.npz"
        self.save(seed=0)

    def save(self, seed):
        rng = np.random.default_rng(seed)
        np.savez(self.data, inputs=rng.standard_normal((20, 2)), targets=rng.standard_normal(20))

    def run(self, *arguments):
        place = self.checkout.folder
        configs = [place / "config/config.yaml", place / "config/smoke.yaml", "yours.yaml"]
        files = ["--snakefile", place / "Snakefile", "--profile", place / "workflow/profiles/default"]
        command = [sys.executable, "-m", "snakemake", *files, "--cores", "1", "--configfile", *configs, *arguments]
        done = subprocess.run([*command, "--", RECORD], cwd=self.folder, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory, own):
    """A finished run of the members, the checkout that of the README's example."""
    place = Elsewhere(tmp_path_factory.mktemp("yours") / "my folder", own)
    place.told = place.run()
    return place


def test_data_from_a_file_are_told_of_and_not_stored(elsewhere):
    about = load_sidecar(elsewhere.folder / RECORD)
    assert about["inputs"] == {"../elsewhere/mine.npz": checksum(elsewhere.data)}
    assert "files" not in about["params"]["settings"]
    (member,) = load_arrays(elsewhere.folder / RECORD)["members"].values()
    # Two inputs to five units, with biases.
    assert (member["n_samples"], member["n_outputs"], member["n_parameters"]) == (20, 1, 15)
    assert "mem_mb=5500" in elsewhere.told


@pytest.mark.parametrize(
    ("name", "old", "new", "runs"),
    [
        ("pack/layers.py", "Linear(2, 5)", "Linear(2, 6)", True),
        ("../elsewhere/mine.npz", 0, 1, True),
        ("pack/unused.py", "blue", "red", False),
    ],
)
def test_an_edit_of_what_is_ones_own_runs_the_members_again(elsewhere, name, old, new, runs):
    path = elsewhere.folder / name
    if path == elsewhere.folder / "../elsewhere/mine.npz":
        elsewhere.save(seed=new)
        told = elsewhere.run("--dry-run")
        elsewhere.save(seed=old)
    else:
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        told = elsewhere.run("--dry-run")
        path.write_text(text, encoding="utf-8")
    assert ("rule shells_members" in told) == runs
    assert ("Nothing to be done" in told) != runs
