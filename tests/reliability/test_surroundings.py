"""Odd places to run in, and clocks that jump: the same bytes, or a refusal before any job."""

import os
import shutil
import subprocess
import sys
import time

import pytest
from checkouts import ROOT, Checkout

FIGURE = "results/smoke/figures/ridge/ridge_notebooks.png"
TABLE = "results/smoke/tables/ridge/notebook_causes.csv"
SAME, GROUP = "same bytes", "Surroundings"
ASCII = {"LANG": "C", "LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0"}
HOUR = 3600
# Runs a command on a terminal of twenty columns.
TERMINAL = (
    "import os, pty, sys; command = ['sh', '-c', 'stty cols 20; exec \"$@\"', 'sh', *sys.argv[1:]]; "
    "sys.exit(os.waitstatus_to_exitcode(pty.spawn(command)))"
)


def shell(text):
    """A command to run another one within, after what `text` does to the shell."""
    return ("sh", "-c", f'{text}; exec "$@"', "sh")


def run(checkout, *arguments, environment=None, **more):
    """Make the figure and its tables as `make` would, and return the finished process."""
    own = {"PYTHONPATH": "workflow/plugins", "PYTHONUTF8": "1"} | (environment or {})
    return checkout.run("--logger", "plain", *arguments, "--", FIGURE, TABLE, environment=own, **more)


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    """What a run makes in usual surroundings, its path of ASCII letters; and the checkout."""
    checkout = Checkout(tmp_path_factory.mktemp("usual") / "run")
    done = run(checkout)
    assert done.returncode == 0, done.stderr
    return checkout, checkout.results()


def network_is_cut():
    """Whether a process may be put where there is no network."""
    return shutil.which("unshare") and subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode == 0


def with_commas(folder):
    """Environment of a locale that writes 0.5 as 0,5."""
    made = subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", folder / "de_DE.UTF-8"], capture_output=True)
    assert made.returncode == 0, made.stderr
    environment = {"LOCPATH": str(folder), "LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8"}
    tried = "import locale; locale.setlocale(locale.LC_ALL, ''); print(locale.str(0.5))"
    command = [sys.executable, "-c", tried]
    assert subprocess.check_output(command, env=os.environ | environment, text=True) == "0,5\n"
    return environment


def test_all_odd_surroundings_at_once_make_the_same(usual, tmp_path, tell):
    folder = tmp_path / "à propos, 100 % \"naïf\" & $HOME 'x'"
    checkout, elsewhere = Checkout(folder), tmp_path / "tmp"
    elsewhere.mkdir()
    odd = {**ASCII, "HOME": None, "TMPDIR": str(elsewhere), "COLUMNS": "20"}
    cut = ("unshare", "-rn") if network_is_cut() else ()
    done = run(checkout, environment=odd, within=(*cut, *shell("umask 077; exec <&-")))
    assert done.returncode == 0, done.stderr
    assert checkout.results() == usual[1]
    assert list(elsewhere.iterdir()) == []
    assert {path.stat().st_mode & 0o077 for path in (folder / "results").rglob("*") if path.is_file()} == {0}
    tell(GROUP, "a path with spaces, quotes, `%`, `&`, `$` and letters beyond ASCII", SAME)
    tell(GROUP, "`LC_ALL=POSIX`, no `HOME`, another `TMPDIR`, `umask 077`, no stdin and no network at once", SAME)


ODD = {
    "`LC_ALL=POSIX`, Python's ways around it switched off": {"environment": ASCII | {"PYTHONUTF8": "0"}},
    "no `HOME`": {"environment": {"HOME": None}},
    "`HOME` that does not exist": {"environment": {"HOME": "/nonexistent"}},
    "stdin closed": {"within": shell("exec <&-")},
    "`umask 077`": {"within": shell("umask 077")},
    "a terminal of 20 columns": {"within": (sys.executable, "-c", TERMINAL)},
}


@pytest.mark.long
@pytest.mark.parametrize("tried", ODD)
def test_odd_surroundings_make_the_same(usual, tell, tried):
    checkout, expected = usual
    shutil.rmtree(checkout.folder / "results")
    done = run(checkout, **ODD[tried])
    assert done.returncode == 0, done.stdout + done.stderr
    assert checkout.results() == expected
    tell(GROUP, tried, SAME)


@pytest.mark.long
@pytest.mark.skipif(shutil.which("localedef") is None, reason="no localedef to make a locale with")
def test_a_locale_with_decimal_commas_makes_the_same(usual, tmp_path, tell):
    checkout, expected = usual
    environment = with_commas(tmp_path)
    shutil.rmtree(checkout.folder / "results")
    done = run(checkout, environment=environment)
    assert done.returncode == 0, done.stderr
    assert checkout.results() == expected
    tell(GROUP, "`LC_ALL=de_DE.UTF-8`, which writes 0,5", SAME)


@pytest.mark.long
@pytest.mark.skipif(not network_is_cut(), reason="no process may be cut off the network")
def test_without_network_the_same_is_made(usual, tell):
    checkout, expected = usual
    shutil.rmtree(checkout.folder / "results")
    done = run(checkout, within=("unshare", "-rn"))
    assert done.returncode == 0, done.stderr
    assert checkout.results() == expected
    tell(GROUP, "no network", SAME)


@pytest.mark.long
def test_an_encoding_that_cannot_hold_the_path_is_refused(tmp_path, tell):
    """Without the Makefile, which has Python take UTF-8 everywhere."""
    checkout = Checkout(tmp_path / "à propos")
    done = run(checkout, environment=ASCII | {"PYTHONUTF8": "0"})
    assert done.returncode == 1
    assert "set PYTHONUTF8=1, as the Makefile does" in done.stderr.splitlines()[-1]
    assert not (checkout.folder / "results").exists()
    assert "\nexport PYTHONUTF8 := 1\n" in (ROOT / "Makefile").read_text(encoding="utf-8")
    tried = "`snakemake` without make in `LC_ALL=POSIX`, the path with letters beyond ASCII"
    tell(GROUP, tried, "refused before any job: says what to set")


# --- clocks ---------------------------------------------------------------------------------------------------------


def set_times(folder, shift, names="*"):
    """Files as if they had been written some seconds from now."""
    for path in folder.rglob(names):
        os.utime(path, (time.time() + shift,) * 2)


@pytest.fixture
def dated(usual):
    """The usual checkout with its results, all files some hours old and later ones younger; and these results."""
    checkout, expected = usual
    for hours, part in enumerate(["", "results/smoke/runs", "results/smoke/tables", "results/smoke/figures"]):
        set_times(checkout.folder / part, (hours - 24) * HOUR)
    return checkout, expected


@pytest.mark.long
@pytest.mark.parametrize(
    ("tried", "names", "shift"),
    [
        ("results from an hour ahead of the clock", "*", HOUR),
        ("results from 1995", "*", -1e9),
        ("records younger than the tables made of them", "*.npz", 0),
        ("tables from before their records", "*.csv", -48 * HOUR),
    ],
)
def test_times_of_results_change_nothing(dated, tell, tried, names, shift):
    checkout, expected = dated
    set_times(checkout.folder / "results", shift, names)
    done = run(checkout)
    assert done.returncode == 0, done.stderr
    assert checkout.results() == expected
    tell(GROUP, tried, SAME)


@pytest.mark.long
def test_sources_ahead_of_the_clock_are_refused(dated, tell):
    checkout, expected = dated
    table = "workflow/resources/ridge/authors.csv"
    set_times(checkout.folder / "workflow/resources", HOUR)
    done = run(checkout, "--forceall")
    assert done.returncode == 1
    assert f"{table} (" in done.stderr
    assert "This could indicate a clock skew" in done.stderr
    set_times(checkout.folder / "workflow/resources", 0)
    assert run(checkout).returncode == 0
    assert checkout.results() == expected
    tell(GROUP, "a table of resources from an hour ahead of the clock", "refused by name; same bytes once mended")


@pytest.mark.long
@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("config/smoke.yaml", "figure_dpi: 100", "figure_dpi: 80"),
        ("workflow/resources/ridge/authors.csv", "0.", "1."),
    ],
)
def test_an_edit_that_is_older_than_the_results_is_noticed(dated, tell, path, old, new):
    """As after an edit while the clock was back, or with a file of an earlier date in the place of another."""
    checkout, _ = dated
    with checkout.edited(path, old, new):
        set_times((checkout.folder / path).parent, -48 * HOUR)
        assert "draw_ridge_notebooks" in checkout.jobs("--", FIGURE)
    tell(GROUP, f"`{path}` changed, but older than all results", "made again")
