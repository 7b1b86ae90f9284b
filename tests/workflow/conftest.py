"""A copy of the workflow in a folder of its own, and how to run it there."""

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("Snakefile", "config", "workflow", "scalinglaws", "environment.yml", "CITATION.cff")


class Checkout:
    """A copy of the workflow's files; `run` calls snakemake there and returns the finished process."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True)
        for part in PARTS:
            source, target = ROOT / part, self.folder / part
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)

    def run(self, *arguments, overlays=("config/smoke.yaml",), timeout=300):
        command = [sys.executable, "-m", "snakemake", "--profile", "workflow/profiles/default", "--cores", "2"]
        configfiles = ["--configfile", *overlays] if overlays else []
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.run(
            [*command, *configfiles, *arguments],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def jobs(self, *arguments, **options):
        """Rules that a dry run would execute, `all` left out, each with its number of jobs."""
        done = self.run("--dry-run", *arguments, **options)
        assert done.returncode == 0, done.stdout + done.stderr
        if "Nothing to be done" in done.stdout + done.stderr:
            return {}
        lines = done.stdout.split("Job stats:")[1].splitlines()[3:]
        table = dict(line.split() for line in lines[: lines.index("")])
        return {rule: int(count) for rule, count in table.items() if rule not in ("all", "total")}

    @contextmanager
    def edited(self, path, old, new):
        """Within the block, a file of the copy has `new` where it first had `old`, which it must hold."""
        file = self.folder / path
        text = file.read_text(encoding="utf-8")
        assert old in text, f"{path} does not hold {old!r}"
        file.write_text(text.replace(old, new, 1), encoding="utf-8")
        try:
            yield
        finally:
            file.write_text(text, encoding="utf-8")

    def overlay(self, text):
        """Write one more overlay and return the list of overlays to pass."""
        (self.folder / "config/test.yaml").write_text(text, encoding="utf-8")
        return ("config/smoke.yaml", "config/test.yaml")

    def results(self, run="smoke"):
        """Bytes of every result file, logs and timings apart, by path."""
        base = self.folder / "results" / run
        found = (path for path in base.rglob("*") if path.is_file())
        kept = (path for path in found if path.relative_to(base).parts[0] not in ("logs", "benchmarks"))
        return {str(path.relative_to(base)): path.read_bytes() for path in kept}


@pytest.fixture(scope="session")
def checkout_of():
    """Function of a folder, yet to be made: a checkout there."""
    return Checkout


@pytest.fixture
def checkout(tmp_path):
    """A checkout of one test's own."""
    return Checkout(tmp_path / "elsewhere")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """A checkout that nothing was run in, its path with a space and an accent."""
    return Checkout(tmp_path_factory.mktemp("fresh") / "à propos")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A checkout with a finished smoke run."""
    checkout = Checkout(tmp_path_factory.mktemp("finished") / "à propos")
    done = checkout.run()
    assert done.returncode == 0, done.stdout + done.stderr
    return checkout
