"""Malformed settings are refused before any job, in one line, and leave nothing behind: as `make own` has them read."""

import copy
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bad_settings import CASES, named, write
from checkouts import Checkout
from snakemake.utils import update_config

from scalinglaws.settings import BadSetting, check_settings
from scalinglaws.store import NotPlain, case_problems, load_plain_yaml, load_yaml

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = load_yaml(ROOT / "workflow/schemas/config.schema.yaml")
DEFAULT = load_yaml(ROOT / "config/config.yaml")
# Alone they take 3 seconds; the tests' machine may be at work on other things.
SECONDS = 20
# Of each kind that is refused elsewhere: by the check before Snakemake, or by the Snakefile.
QUICK = (
    *(
        "key that Snakemake takes for a template",
        "equal keys three levels down",
        "Latin-1",
        "50 MB",
        "folder for a file",
    ),
    *("aliases of mappings for 2^40 entries", "tag that runs a command", "100000 lists in each other in JSON"),
    *("unknown key four levels down", "16^5000", "`$(touch sprung)` for the run", "`os:system` for a network"),
)
RUNS = [pytest.param(name, marks=[] if name in QUICK else pytest.mark.long, id=name) for name in CASES]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A checkout in which nothing may ever be made."""
    return Checkout(tmp_path_factory.mktemp("bad") / "checkout")


def listing(folder):
    """Files below a folder, with their sizes; without Snakemake's own and compiled modules."""
    found = (path for path in folder.rglob("*") if not {".snakemake", "__pycache__"} & set(path.parts))
    return {path: path.stat().st_size for path in found}


def as_make_does(checkout, path):
    """The process that refused the settings at `path`: the check that make runs first, or Snakemake."""
    check = [sys.executable, "workflow/scripts/check_settings.py", path]
    done = subprocess.run(check, cwd=checkout.folder, capture_output=True, text=True, timeout=120)
    return done if done.returncode else checkout.run(overlays=(path,))


def refusal(path):
    """What is said of settings, by the same functions in this process."""
    settings = copy.deepcopy(DEFAULT)
    try:
        update_config(settings, load_plain_yaml(path))
        check_settings(settings, SCHEMA)
    except (NotPlain, BadSetting) as error:
        return f"config: {error}"
    cases = [case for case in settings["shells"]["models"]["cases"] if "network" in case]
    return next(f"config: shells.models.cases.{problem}" for problem in case_problems(cases, [path.parent]))


def test_there_are_enough_of_them():
    assert len(CASES) >= 60
    assert set(QUICK) <= set(CASES)


@pytest.mark.parametrize("name", CASES, ids=CASES)
def test_each_is_refused_by_its_key_or_line(tmp_path, name):
    content, told = CASES[name]
    write(tmp_path / "bad.yaml", content)
    message = refusal(tmp_path / "bad.yaml")
    assert told.replace("{file}", str(tmp_path / "bad.yaml")) in message
    assert message.isprintable()
    assert len(message) < 500 + len(str(tmp_path))


@pytest.mark.parametrize("name", RUNS)
def test_the_command_refuses_it_in_one_line_and_leaves_nothing(checkout, tell, name):
    content, told = CASES[name]
    path = checkout.folder.parent / "bad.yaml"
    write(path, content)
    before, started = listing(checkout.folder.parent), time.monotonic()
    done = as_make_does(checkout, "../bad.yaml")
    taken, after = time.monotonic() - started, listing(checkout.folder.parent)
    path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if not line.startswith(("Using profile", "Config file config/"))]
    assert len(lines) == 1, done.stderr[-3000:]
    assert lines[0].startswith("config: ")
    assert told.replace("{file}", "../bad.yaml") in lines[0]
    assert "Job stats" not in done.stdout + done.stderr
    assert taken < SECONDS
    assert after == before
    tell("Bad settings", name, f"refused before any job: names {named(told)}")


def test_snakemake_called_by_itself_refuses_what_it_would_take_in_silence(checkout):
    done = checkout.run(overlays=checkout.overlay("run: a\nrun: b\n"))
    assert done.returncode != 0
    assert done.stderr.splitlines()[-1] == "config: config/test.yaml, line 2: run is given twice, first in line 1"
    with checkout.edited("config/config.yaml", "run: default", "run: default\nrun: other"):
        done = checkout.run(overlays=())
    assert done.returncode != 0
    assert done.stderr.splitlines()[-1].startswith("config: config/config.yaml, line ")
    assert "run is given twice" in done.stderr
    assert not (checkout.folder / "results").exists()


@pytest.mark.parametrize(
    ("target", "file", "options"),
    [("own", "mine.yaml", "--own "), ("smoke", "config/smoke.yaml", ""), ("paper", "config/paper.yaml", "")],
)
def test_make_has_the_settings_read_first(target, file, options):
    command = ["make", "--dry-run", "--old-file", ".venv/installed", target, "CONFIG=mine.yaml"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60).stdout
    check, run = told.index(f"check_settings.py {options}{file}"), told.index(f"--configfile {file}")
    assert check < run


@pytest.mark.parametrize("path", ["config.yaml", "smoke.yaml", "paper.yaml", "claims.yaml", "tolerances.yaml"])
def test_what_is_there_is_read_as_by_others(path):
    assert load_plain_yaml(ROOT / "config" / path) == load_yaml(ROOT / "config" / path)
