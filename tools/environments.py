"""Tests and default run with other versions: `python tools/environments.py oldest`, or `newest`.

A fresh clone of the commit, without what is not committed, gets a .venv with the lower bound in pyproject.toml of each
direct dependency (oldest), or with its newest release that pip finds (newest); what these need in turn is the newest
that goes with them. There `make test` and `make verify` run. What they say becomes a row of
figures/tables/environments.csv and a column on docs/environments.md; the exit status is 0 if both succeed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import pandas as pd
from environment_table import NAMES, OLDEST, PACKAGES, run_compared, tests_counted, with_row, with_table
from lock import UNTRIED_PYTHON, oldest_python, requirement_lists
from packaging.requirements import Requirement

from scalinglaws.store import load_table, save_table, save_text

ROOT = Path(__file__).resolve().parents[1]
TABLE, PAGE = ROOT / "figures/tables/environments.csv", ROOT / "docs/environments.md"
# What is made in the clone, and how what it says is read.
PARTS = {"tests": ("test", tests_counted), "run": ("verify", run_compared)}


def main(arguments):
    """Try one environment, or a part of it; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("environment", choices=NAMES)
    parser.add_argument("--python", help="interpreter; else python3.N with the oldest or the newest N supported")
    parser.add_argument("--into", type=Path, default=Path(tempfile.gettempdir(), "scalinglaws-environments"))
    parser.add_argument("--only", choices=PARTS, help="leave the other part of the row as it is")
    chosen = parser.parse_args(arguments)
    clone = cloned(chosen.into.resolve() / chosen.environment)
    install(clone, chosen.environment, chosen.python)
    return max(tried(clone, chosen.environment, *PARTS[part]) for part in PARTS if chosen.only in (None, part))


def tried(clone, name, goal, read):
    """Make a goal, keep what it says, and return its exit status."""
    status, text = made(clone, goal)
    keep({"environment": name, "commit": commit(clone), **versions(clone), **read(text)})
    return status


# --- the environment --------------------------------------------------------------------------------------------------


def requirements(name, pyproject):
    """What pip is asked for: each direct requirement, pinned to its lower bound for the oldest environment."""
    wanted = [Requirement(each) for listed in requirement_lists(pyproject).values() for each in listed]
    return [lowest(one) if name == OLDEST else str(one) for one in wanted]


def lowest(requirement):
    """The requirement as name==bound; ValueError if it has no lower bound."""
    bounds = [specifier.version for specifier in requirement.specifier if specifier.operator in (">=", "==")]
    if len(bounds) != 1:
        raise ValueError(f"pyproject.toml: {requirement} must have one lower bound")
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{requirement.name}{extras}=={bounds[0]}"


def interpreter(name, pyproject):
    """The oldest supported Python, or the newest."""
    major, minor = UNTRIED_PYTHON.split(".")
    return f"python{oldest_python(pyproject)}" if name == OLDEST else f"python{major}.{int(minor) - 1}"


def cloned(folder):
    """A clone of this commit in `folder`; ValueError if that of another one is there."""
    if not folder.exists():
        run("git", "clone", "--quiet", ROOT, folder)
    if commit(folder) != commit(ROOT):
        raise ValueError(f"{folder} is not of commit {commit(ROOT)}: remove it, or choose another folder with --into")
    return folder


def commit(folder):
    """The commit that is checked out, with the g of git describe: digits alone would be read as a number."""
    return "g" + run("git", "-C", folder, "rev-parse", "--short=12", "HEAD").strip()


def install(clone, name, python):
    """Fill the clone's .venv, once. The stamp tells make that nothing is left to install."""
    stamp = clone / ".venv/installed"
    if stamp.exists():
        return
    print(f"{name}: installing into {clone / '.venv'}", flush=True)
    pyproject = tomllib.loads((clone / "pyproject.toml").read_text(encoding="utf-8"))
    run(python or interpreter(name, pyproject), "-m", "venv", "--clear", clone / ".venv")
    pip = (clone / ".venv/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, *requirements(name, pyproject))
    run(*pip, "--no-deps", "--no-build-isolation", "-e", clone)
    stamp.write_text(f"{clone}\n", encoding="utf-8")


def run(*command):
    """What a command prints; ValueError with its last line of complaint where it fails."""
    ended = subprocess.run(command, capture_output=True, text=True)
    if ended.returncode:
        reason = (ended.stderr.strip() or "it gives no reason").splitlines()[-1]
        raise ValueError(f"{' '.join(map(str, command))}: {reason}")
    return ended.stdout


# --- what is tried in it ----------------------------------------------------------------------------------------------


def made(clone, goal):
    """Exit status of `make goal` in the clone and all it says, kept in a log beside the clone; the end is printed."""
    log = clone.with_name(f"{clone.name}-{goal}.log")
    print(f"{clone.name}: make {goal}, which writes to {log}", flush=True)
    with log.open("w", encoding="utf-8") as told:
        status = subprocess.run(["make", "-C", clone, goal], stdout=told, stderr=subprocess.STDOUT).returncode
    text = log.read_text(encoding="utf-8", errors="replace")
    print("\n".join(text.splitlines()[-8:]), flush=True)
    return status, text


def versions(clone):
    """Versions of Python and of the packages that the table names, as they are installed now."""
    python = clone / ".venv/bin/python"
    listed = json.loads(run(python, "-m", "pip", "list", "--format=json", "--disable-pip-version-check"))
    installed = {package["name"].lower(): package["version"] for package in listed}
    release = run(python, "-c", "import platform; print(platform.python_version())").strip()
    return {"python": release, **{name: installed[name] for name in PACKAGES}}


def keep(row):
    """Put a row in the table, and the table on its page."""
    table = with_row(load_table(TABLE) if TABLE.exists() else pd.DataFrame(), row)
    save_table(TABLE, table)
    save_text(PAGE, with_table(PAGE.read_text(encoding="utf-8"), table))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (OSError, ValueError) as error:
        sys.exit(f"tools/environments.py: {str(error).splitlines()[0]}")
