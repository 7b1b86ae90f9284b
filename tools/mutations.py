"""Proof that the tests can fail: `python tools/mutations.py [--only PATTERN] [--workers N]`, or `make mutations`.

The tables under tools/mutations/ list small wrongs, each with a module, a piece of its text, what takes its place and
the tests that should notice. One at a time is put into a copy of the library, and those tests are run there. The
outcomes go to tests/reliability/MUTATIONS.md; the exit status is 1 where fewer than 90 % are caught. mutmut and
cosmic-ray change every operator, number and string there is: days of tests for a library of this size, and survivors
that are mostly messages and tunings; these few were chosen from what the formulas mean, each with its module's tests.
"""

import argparse
import os
import queue
import re
import shutil
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from mutation_runs import load_heavy, run_tests

ROOT = Path(__file__).resolve().parents[1]
# What the library's tests read.
TREES = ("scalinglaws", "tests", "config", "workflow", "pyproject.toml", "CITATION.cff")
PACKAGE, TABLES, PAGE = "scalinglaws", "tools/mutations", "tests/reliability/MUTATIONS.md"
ENOUGH = 0.9
# CPU seconds for the tests of one mutation, which take less than 20: beyond, a loop has no end.
CPU_LIMIT = 100
# How a run of pytest can end, by its exit status, other than by an error of its own.
PASSED, FAILED, UNCOLLECTED = 0, 1, 2
SURVIVED, ENDLESS = "survived", "no end, or a crash"
HEAD = """# Small wrongs put into the library, and the tests that caught them

Written by `make mutations`, which tells how. The tables are in `tools/mutations/`; they were made from the library
before a look at what its tests check.
"""
COLUMNS = ("module", "what was changed", "caught by")


@dataclass(frozen=True)
class Mutation:
    """One wrong: `was`, found once in the module, becomes `becomes`; `equivalent` says why no test can notice."""

    module: str
    tests: tuple
    change: str
    was: str
    becomes: str
    equivalent: str = ""

    @property
    def name(self):
        """What `--only` looks in, and the page's key."""
        return f"{self.module}: {self.change}"

    def applied(self, text):
        """The module's text with the wrong in it; ValueError unless `was` is there exactly once."""
        if text.count(self.was) != 1:
            raise ValueError(f"{self.name}: {self.was!r} is there {text.count(self.was)} times and must be there once")
        return text.replace(self.was, self.becomes)


def main(arguments, root=ROOT):
    """Try the mutations asked for, write the page and say how many were caught."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--only", default="", metavar="PATTERN", help="those it is found in; the others' rows stay")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="processes at a time, 2 by default")
    options = parser.parse_args(arguments)
    mutations = load(root / TABLES)
    chosen = [mutation for mutation in mutations if re.search(options.only, mutation.name)]
    if not chosen:
        parser.error(f"no mutation has {options.only!r} in it")
    found = outcomes(root, chosen, options.workers)
    told = {**read_page(root / PAGE), **found} if options.only else found
    (root / PAGE).write_text(as_page(mutations, told), encoding="utf-8", newline="\n")
    caught = sum(outcome != SURVIVED for outcome in found.values())
    print(f"{caught} of {len(found)} mutations caught; the page is {PAGE}")
    return 0 if caught >= ENOUGH * len(found) else 1


def load(folder):
    """All `Mutation`s of the tables in a folder, in order; ValueError where two have one name."""
    groups = [group for path in sorted(folder.glob("*.yaml")) for group in yaml.safe_load(path.read_text("utf-8"))]
    made = [Mutation(group["module"], tuple(group["tests"]), **one) for group in groups for one in group["mutations"]]
    twice = [name for name, count in Counter(mutation.name for mutation in made).items() if count > 1]
    if twice:
        raise ValueError(f"mutations have one name: {', '.join(twice)}")
    return made


def outcomes(root, mutations, workers):
    """By name of each mutation: the first test that caught it, or that it survived or found no end.

    SystemExit where the tests fail in a copy that nothing was changed in.
    """
    with tempfile.TemporaryDirectory() as scratch:
        first = Path(scratch, "0")
        _copy(root, first)
        _check_unchanged(first, sorted({test for mutation in mutations for test in mutation.tests}))
        copies = queue.SimpleQueue()
        for number in range(workers):
            # With the compiled files of the first.
            copies.put(first if number == 0 else shutil.copytree(first, Path(scratch, str(number))))
        with ThreadPoolExecutor(workers) as pool:
            found = list(pool.map(lambda mutation: _try(copies, mutation), mutations))
    return {mutation.name: outcome for mutation, outcome in zip(mutations, found, strict=True)}


def _copy(root, folder):
    for name in TREES:
        if (root / name).is_dir():
            shutil.copytree(root / name, folder / name)
        elif (root / name).is_file():
            folder.mkdir(exist_ok=True)
            shutil.copy2(root / name, folder / name)


def _check_unchanged(folder, tests):
    # As often in a row as there are test files: each may take the time of one mutation.
    status, output = run_tests(folder, tests, len(tests) * CPU_LIMIT, keep_compiled=True)
    if status != PASSED:
        raise SystemExit(f"the tests fail, and nothing was changed:\n{output}")


def _try(copies, mutation):
    """The outcome of one mutation, in a copy that is free."""
    folder = copies.get()
    try:
        with _applied(folder / PACKAGE / mutation.module, mutation):
            outcome = _outcome(mutation, *run_tests(folder, mutation.tests, CPU_LIMIT))
    finally:
        copies.put(folder)
    print(f"{mutation.name}: {outcome}", flush=True)
    return outcome


@contextmanager
def _applied(path, mutation):
    """The module wrong in the block, and as it was after it."""
    text, about = path.read_text(encoding="utf-8"), path.stat()
    path.write_text(mutation.applied(text), encoding="utf-8")
    # Python takes what it compiled before for the same if neither size nor second differ.
    os.utime(path, (about.st_atime, about.st_mtime + 10))
    try:
        yield
    finally:
        path.write_text(text, encoding="utf-8")
        os.utime(path, (about.st_atime, about.st_mtime))


def _outcome(mutation, status, output):
    """What a run of pytest says of a mutation; RuntimeError where it says nothing."""
    if status == PASSED:
        return SURVIVED
    if status is None:
        return ENDLESS
    first = re.search(r"^(?:FAILED|ERROR) tests/(\S+)", output, re.MULTILINE)
    if status not in (FAILED, UNCOLLECTED) or not first:
        raise RuntimeError(f"{mutation.name}: pytest ended with status {status}:\n{output}")
    # Without the parameters: lists of numbers, which tell a reader nothing.
    return first[1].partition("[")[0]


def as_page(mutations, told):
    """The page: how many were caught, then a row for each mutation that was tried, survivors first."""
    tried = [mutation for mutation in mutations if mutation.name in told]
    tried.sort(key=lambda mutation: told[mutation.name] != SURVIVED)
    survivors = sum(told[mutation.name] == SURVIVED for mutation in tried)
    head = f"{len(tried) - survivors} of {len(tried)} caught.\n"
    rows = [_row(*COLUMNS), _row(*["---"] * len(COLUMNS))]
    rows += [_row(one.module, one.change, _told(one, told[one.name])) for one in tried]
    return "\n".join([HEAD, head, *rows, ""])


def _told(mutation, outcome):
    if outcome == SURVIVED and mutation.equivalent:
        return f"{SURVIVED}: {mutation.equivalent}"
    return outcome if outcome in (SURVIVED, ENDLESS) else f"`{outcome}`"


def _row(*cells):
    return f"| {' | '.join(cells)} |"


def read_page(path):
    """Outcomes by name of the mutations on a page; none where there is no page."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")][2:]
    return {f"{module}: {change}": _heard(cell) for module, change, cell in rows}


def _heard(cell):
    return SURVIVED if cell.startswith(SURVIVED) else cell.strip("`")


if __name__ == "__main__":
    load_heavy()
    sys.exit(main(sys.argv[1:]))
