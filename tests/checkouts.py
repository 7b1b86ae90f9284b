"""A copy of the workflow in a folder of its own, and how to run it there."""

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("Snakefile", "config", "workflow", "scalinglaws", "environment.yml", "CITATION.cff")
SMOKE = ("config/smoke.yaml",)


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

    def run(self, *arguments, overlays=SMOKE, timeout=300, environment=None, within=()):
        """Run to the end; `within` is a command that takes a command to run behind it."""
        return subprocess.run(
            [*within, *self._command(arguments, overlays)],
            **self._place(environment),
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def start(self, *arguments, overlays=SMOKE, environment=None):
        """Start a run that leads a process group of its own; what it says goes to the file `screen`."""
        with self.screen.open("w", encoding="utf-8") as screen:
            return subprocess.Popen(
                self._command(arguments, overlays),
                **self._place(environment),
                stdout=screen,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def screen(self):
        """File of what the run said that was started last."""
        return self.folder / "screen.txt"

    def _command(self, arguments, overlays):
        command = [sys.executable, "-m", "snakemake", "--profile", "workflow/profiles/default", "--cores", "2"]
        return [*command, *(["--configfile", *overlays] if overlays else []), *arguments]

    def _place(self, environment):
        """Where a run takes place; names that the environment gives as None are left out."""
        variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | (environment or {})
        variables = {name: value for name, value in variables.items() if value is not None}
        return {"cwd": self.folder, "env": variables, "stdin": subprocess.DEVNULL}

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
