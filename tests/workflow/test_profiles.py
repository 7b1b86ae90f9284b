"""The profiles are known to Snakemake and cover the rules; the Slurm test refuses machines that it must not touch."""

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from scalinglaws.store import load_yaml

ROOT = Path(__file__).resolve().parents[2]
PROFILES = {path.parent.name: load_yaml(path) for path in sorted((ROOT / "workflow/profiles").glob("*/config.yaml"))}
STUDIES = load_yaml(ROOT / "workflow/studies.yaml")
SCRIPT = ROOT / "tools/slurm_smoke.sh"
needs_slurm = pytest.mark.skipif(
    importlib.util.find_spec("snakemake_executor_plugin_slurm") is None,
    reason="the executor is not installed; it is the extra `slurm` of pyproject.toml",
)


def options():
    """Snakemake's own options, as its help names them."""
    text = subprocess.run([sys.executable, "-m", "snakemake", "--help"], capture_output=True, text=True).stdout
    return set(re.findall(r"--([a-z][a-z-]+)", text))


def test_every_key_is_an_option_of_snakemake():
    """Without the executor too, where Snakemake would stop at its name before it looks at the keys."""
    known = options()
    assert set(PROFILES) == {"default", "slurm"}
    assert {name: set(keys) - known for name, keys in PROFILES.items()} == {"default": set(), "slurm": set()}


def test_both_profiles_carry_on_and_tell_alike():
    """What is said of the default profile in the docs, the slurm profile does as well."""
    assert PROFILES["default"].items() <= PROFILES["slurm"].items()


def test_the_members_of_every_study_are_given_room():
    assert set(PROFILES["slurm"]["set-resources"]) == {f"{study}_members" for study in STUDIES}


# --- through the executor ---------------------------------------------------------------------------------------------


def dry_run(checkout, *arguments):
    """A dry run through the slurm profile."""
    command = [sys.executable, "-m", "snakemake", "--profile", "workflow/profiles/slurm", *arguments, "--dry-run"]
    return subprocess.run(command, cwd=checkout.folder, capture_output=True, text=True, timeout=300)


@needs_slurm
def test_a_dry_run_through_slurm_asks_for_what_the_profile_says(fresh):
    done = dry_run(fresh, "--configfile", "config/smoke.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    members = re.findall(r"rule (\w+)_members:(?:\n    .*)*?\n    resources: (.*)", done.stdout)
    assert {study for study, _ in members} == set(STUDIES)
    assert all("mem_mb=4000" in asked and "runtime=120" in asked for _, asked in members)


@needs_slurm
def test_the_command_of_the_docs_would_run(fresh):
    page = (ROOT / "docs/paper-size.md").read_text(encoding="utf-8").replace("\\\n", "")
    (command,) = re.findall(r"^\.venv/bin/snakemake .*profiles/slurm .*$", page, flags=re.MULTILINE)
    done = dry_run(fresh, *shlex.split(command)[3:])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "slurm_partition=NAME" in done.stdout


# --- the test on a Slurm of one node ----------------------------------------------------------------------------------


def programs(folder, **bodies):
    """A folder of stand-ins for programs, first on the path of the environment that is returned."""
    folder.mkdir()
    for name, body in bodies.items():
        (folder / name).write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if name != "SLURM_CONF"}
    return environment | {"PATH": f"{folder}{os.pathsep}{environment['PATH']}"}


def refusal(environment):
    """The one line with which the script refuses to run."""
    done = subprocess.run(["bash", str(SCRIPT)], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    return line.removeprefix("tools/slurm_smoke.sh: ")


def test_the_script_is_bash_and_may_be_run():
    assert subprocess.run(["bash", "-n", str(SCRIPT)]).returncode == 0
    assert os.access(SCRIPT, os.X_OK)


def test_it_needs_root(tmp_path):
    assert refusal(programs(tmp_path / "bin", id="echo 1000")).startswith("needs root")


def test_it_leaves_a_configured_slurm_alone(tmp_path):
    (tmp_path / "slurm.conf").touch()
    environment = programs(tmp_path / "bin", id="echo 0") | {"SLURM_CONF": str(tmp_path / "slurm.conf")}
    assert refusal(environment) == (f"a Slurm is set up here ({tmp_path}/slurm.conf); this is for machines without one")


@pytest.mark.skipif(Path("/etc/slurm/slurm.conf").exists(), reason="a Slurm is set up on this machine")
def test_it_leaves_a_running_slurm_alone(tmp_path):
    """As on a cluster whose nodes get their configuration over the network."""
    environment = programs(
        tmp_path / "bin", id="echo 0", pgrep='test "$4" = slurmd', munged="", slurmctld="", slurmd=""
    )
    assert refusal(environment) == "slurmd is running; this is for machines without a Slurm"


@pytest.mark.skipif(Path("/etc/slurm/slurm.conf").exists(), reason="a Slurm is set up on this machine")
def test_it_says_how_to_install_the_executor(tmp_path):
    programs_there = dict.fromkeys(("munged", "slurmctld", "slurmd", "sbatch"), "")
    environment = programs(tmp_path / "bin", id="echo 0", pgrep="exit 1", python="exit 1", **programs_there)
    line = refusal(environment | {"PYTHON": str(tmp_path / "bin/python")})
    assert line.endswith("-m pip install --no-build-isolation -c requirements.lock -e '.[slurm]'")
