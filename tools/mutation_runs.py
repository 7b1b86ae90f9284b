"""Test files run in a copy of the project, each time in a process that has torch and the rest loaded already.

Half of the time that most tests take is that of loading those. Such a process forks for every run; nothing in it, and
nothing here, may load the library itself: the copy's is to be tested.
"""

import multiprocessing
import os
import resource
import sys
import tempfile
from pathlib import Path

HEAVY = (
    "torch",
    "pandas",
    "scipy.stats",
    "scipy.optimize",
    "scipy.integrate",
    "hypothesis",
    "mpmath",
    "_pytest.pytester",
)
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
# Seconds by the clock, against locks: far beyond the CPU seconds that a run is given.
CLOCK_LIMIT = 1800
# The warning is that pytest's assertions in hypothesis, loaded before, tell less.
PYTEST = ("-x", "-q", "--tb=no", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")

_forks = multiprocessing.get_context("forkserver")


def load_heavy():
    """Have all runs fork from a process that has loaded what the tests load; to be called before the first."""
    # One thread, the same order of sets, and, with CI set, the same examples of hypothesis in every run.
    os.environ.update({**dict.fromkeys(THREADS, "1"), "PYTHONHASHSEED": "0", "CI": "true"})
    _forks.set_forkserver_preload(list(HEAVY))


def run_tests(folder, tests, cpu_seconds, keep_compiled=False):
    """(exit status, output) of pytest in a copy of the project; None for the status where it came to no end."""
    with tempfile.TemporaryDirectory() as scratch:
        said = Path(scratch, "said")
        process = _forks.Process(target=_run, args=(str(folder), list(tests), cpu_seconds, keep_compiled, str(said)))
        process.start()
        process.join(CLOCK_LIMIT)
        if process.is_alive():
            process.kill()
            process.join()
        output = said.read_text(encoding="utf-8", errors="replace") if said.is_file() else ""
    return (None if process.exitcode < 0 else process.exitcode), output


def _run(folder, tests, cpu_seconds, keep_compiled, said):
    """In the forked process."""
    # Where the caller had other forks before, the process that they come from may hold the library that is installed.
    for name in [name for name in sys.modules if name.partition(".")[0] == "scalinglaws"]:
        del sys.modules[name]
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, most))
    with open(said, "w", encoding="utf-8") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    os.chdir(folder)
    sys.path.insert(0, folder)
    os.environ["PYTHONPATH"] = folder
    sys.dont_write_bytecode = not keep_compiled

    import pytest

    sys.exit(int(pytest.main([*PYTEST, *(f"tests/{test}" for test in tests)])))
