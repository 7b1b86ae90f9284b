"""The lock, environment.yml and the Makefile's care for .venv: each drift and each refusal has its own line."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
STEPS = {"new": "-m venv --clear .venv", "install": "pip install"}

spec = importlib.util.spec_from_file_location("lock", ROOT / "tools" / "lock.py")
lock = importlib.util.module_from_spec(spec)
spec.loader.exec_module(lock)


@pytest.fixture
def project(tmp_path):
    """A copy of what packaging reads, in a folder whose name has a space and letters beyond ASCII."""
    folder = tmp_path / "très loin"
    (folder / "tools").mkdir(parents=True)
    for name in ("pyproject.toml", "requirements.lock", "environment.yml", "Makefile", "tools/lock.py"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def edit(path, old, new):
    """Replace the first `old`, which has to be there."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def check(project):
    """Run `tools/lock.py --check` as the command line does."""
    return subprocess.run([sys.executable, "tools/lock.py", "--check"], cwd=project, capture_output=True, text=True)


def make(project, *words):
    """Run make as from a shell of its own: the make that runs the tests must not hand its variables down."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    outside.pop("PYTHON", None)
    return subprocess.run(["make", *words], cwd=project, env=outside, capture_output=True, text=True)


def planned(project):
    """The steps of STEPS that `make test` would run now."""
    commands = make(project, "--dry-run", "test")
    assert commands.returncode == 0, commands.stderr
    assert "-m pytest" in commands.stdout
    return {step for step, sign in STEPS.items() if sign in commands.stdout}


def pretend_installed(project, folder=None):
    """Leave the traces of a finished install that was made in `folder`, newer than the lock."""
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "bin" / "python").touch(mode=0o755)
    (project / ".venv" / "installed").write_text(f"{(folder or project).resolve()}\n", encoding="utf-8")


def write_python(path, body):
    """Write a stand-in for an interpreter."""
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_repository_agrees_with_its_lock():
    result = check(ROOT)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("name", "old", "new", "reason"),
    [
        ("pyproject.toml", '"numpy>=2.0.2",', '"numpy>=2.0.2", "zarr>=3",', "pins nothing for zarr>=3"),
        (
            "pyproject.toml",
            '"numpy>=2.0.2"',
            '"numpy>=99"',
            r"pins [\d.]+ for numpy>=99 \(pyproject.toml, dependencies\)",
        ),
        ("pyproject.toml", '"numpy>=2.0.2"', '"numpy>=2.1"', "other dependency lists"),
        ("pyproject.toml", 'requires-python = ">=3.11"', 'requires-python = ">=3.11.1"', "other dependency lists"),
        ("requirements.lock", "\nscipy==", "\n# scipy==", "pins nothing for scipy"),
        ("requirements.lock", "\nsetuptools==", "\n# setuptools==", r"\(pyproject.toml, build-system.requires\)"),
        ("requirements.lock", "\nsympy==", "\n# sympy==", "environment.yml differs"),
        ("requirements.lock", "\nscipy==", "\nscipy>=", "'scipy>=.*' is not of the form name==version"),
        ("environment.yml", "- pip\n", "- pip\n  - gxx\n", "environment.yml differs"),
    ],
)
def test_every_drift_is_named_in_one_line(project, name, old, new, reason):
    edit(project / name, old, new)
    result = check(project)
    assert result.returncode == 1
    assert re.fullmatch(f"tools/lock.py: .*{reason}.*\n", result.stderr)


def test_a_missing_file_is_named_in_one_line(project):
    (project / "requirements.lock").unlink()
    assert re.fullmatch("tools/lock.py: .*requirements.lock.*\n", check(project).stderr)


def test_the_spelling_of_requirements_does_not_matter(project):
    edit(project / "pyproject.toml", '"PyYAML>=6.0"', '"pyyaml >= 6.0"')
    edit(project / "pyproject.toml", '"snakemake[reports]>=9.11.7,<10"', '"snakemake[reports]<10, >=9.11.7"')
    assert check(project).returncode == 0


def test_the_pins_suit_every_platform():
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert [pin for pin in pins if pin.startswith("torch==")] == ["torch==2.13.0"]
    assert [pin for pin in pins if not re.fullmatch(r"[a-z0-9-]+==[0-9][a-z0-9.]*", pin)] == []
    assert pins == sorted(pins, key=lambda pin: pin.split("=="))
    assert not any(pin.startswith(("pip==", "nvidia-", "scalinglaws")) for pin in pins)


def test_a_report_gives_sorted_public_pins_without_pip_and_cuda():
    versions = {"torch": "2.13.0+cpu", "PyYAML": "6.0.3", "jupyter_core": "5.9.1", "pip": "26.0", "pipx": "1.8"}
    versions |= {"nvidia-cublas": "13.0", "triton": "3.5", "cuda-bindings": "13.0"}
    report = {"install": [{"metadata": {"name": name, "version": value}} for name, value in versions.items()]}
    pins = lock.pins_from_report(report)
    assert list(pins.items()) == [("jupyter-core", "5.9.1"), ("pipx", "1.8"), ("pyyaml", "6.0.3"), ("torch", "2.13.0")]


def test_what_is_written_agrees_and_reads_back():
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pins = lock.pins_from_lock((ROOT / "requirements.lock").read_text(encoding="utf-8"))
    text = lock.lock_text(pins, pyproject)
    assert lock.pins_from_lock(text) == pins
    assert list(lock.disagreements(pyproject, text, lock.environment_text(pins, pyproject))) == []


def test_a_lock_is_refused_on_a_python_that_is_not_the_oldest(tmp_path):
    pyproject = {"project": {"requires-python": ">=3.6"}}
    with pytest.raises(ValueError, match=r"needs Python 3\.6, not 3\.\d+; run: make distclean"):
        lock.write(tmp_path, pyproject)


def test_an_old_python_is_refused_before_anything_is_made(project):
    python = write_python(project / "python 3.10", "echo 3.10; exit 1")
    result = make(project, f"PYTHON={python}", "figures")
    assert result.returncode != 0
    assert result.stderr.startswith(f"make: {python} gives 3.10 as its version; install Python 3.11 or newer, or run: ")
    assert "make PYTHON=/path/to/python3.12 figures\n" in result.stderr
    assert not (project / ".venv").exists()


def test_a_python_that_cannot_make_a_venv_is_refused(project):
    python = write_python(project / "python", 'case "$2" in *ensurepip*) exit 1;; *) echo 3.11;; esac')
    result = make(project, f"PYTHON={python}", "figures")
    assert result.returncode != 0
    assert f"make: {python} cannot make a venv; install its venv module" in result.stderr
    assert not (project / ".venv").exists()


def test_a_missing_python_is_refused(project):
    result = make(project, "PYTHON=no-such-python")
    assert result.returncode != 0
    assert result.stderr.startswith("make: there is no no-such-python; install Python 3.11 or newer, or run: ")


def test_a_finished_install_is_not_repeated(project):
    pretend_installed(project)
    assert planned(project) == set()
    assert "nstall" not in make(project, "--dry-run", "test").stdout


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml"])
def test_a_newer_list_updates_the_venv_in_place(project, name):
    pretend_installed(project)
    later = (project / ".venv" / "installed").stat().st_mtime + 10
    os.utime(project / name, (later, later))
    assert planned(project) == {"install"}


def test_an_interrupted_or_moved_install_starts_anew(project, tmp_path):
    pretend_installed(project, folder=tmp_path / "elsewhere")
    assert planned(project) == {"new", "install"}
    (project / ".venv" / "installed").unlink()
    assert planned(project) == {"new", "install"}
