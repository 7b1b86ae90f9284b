"""`make verify`: what the script says of small runs, its exit status, and the tolerances that the project states."""

import json
import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scalinglaws.agreement import SHARE, compare_table, read_tolerances, tolerance_of
from scalinglaws.claims import band
from scalinglaws.store import checksum, load_table, load_yaml, save_json, save_table

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "workflow/scripts/verify.py"
CLAIM = {"id": "claim-one", "verdict": "replicated", "quantity": "slope", "value": 1.0, "lower": 0.5, "upper": 1.5}
TABLES = {
    "claims": pd.DataFrame([CLAIM, {**CLAIM, "id": "claim-two", "verdict": "fails", "value": 2.0}]),
    "claim_measurements": pd.DataFrame([{**CLAIM, "claim": "claim-one", "rows": "digits"}]).drop(columns="id"),
    "shells/runs": pd.DataFrame({"dataset": ["digits", "digits"], "final_loss": [1.0, 2.0]}),
    "ridge/points": pd.DataFrame({"quantity": ["bias", "var_x"], "value": [0.1, 0.2]}),
}
MADE_WITH = {
    "software": {"python": "3.12.1", "numpy": "2.4.0", "pytest": "9.0"},
    "machine": {"processor": "one", "architecture": "x86_64", "system": "Linux", "blas": ["openblas"], "cores": 2},
}
OTHER = {**MADE_WITH, "machine": {**MADE_WITH["machine"], "processor": "another", "blas": ["openblas", "mkl"]}}
TOLERANCES = {"tolerances": [{"tables": ["*"], "columns": ["*"], "relative": 0.001, "why": "small enough"}]}


class Sides:
    """A run's folder and the committed one, equal at first; `verify` runs the script on them."""

    def __init__(self, folder):
        self.run, self.committed, self.tolerances = folder / "run", folder / "figures", folder / "tolerances.yaml"
        self.tolerances.write_text(json.dumps(TOLERANCES), encoding="utf-8")
        for side in (self.run, self.committed):
            for name, table in TABLES.items():
                save_table(side / "tables" / f"{name}.csv", table)
        for name in ("benchmark", "paper_costs", "environments"):
            save_table(self.committed / f"tables/{name}.csv", pd.DataFrame({"seconds": [1.0]}))
        save_json(self.committed / "environment.json", MADE_WITH)
        self.sign()

    def change(self, name, row, column, value, made_with=MADE_WITH):
        """Another value in a cell of the run, which its manifest knows."""
        save_table(self.run / f"tables/{name}.csv", TABLES[name].assign(**{column: _with(name, row, column, value)}))
        self.sign(made_with)

    def sign(self, made_with=MADE_WITH):
        """A manifest of the run as it is."""
        paths = [path for path in self.run.rglob("*") if path.is_file() and path.name != "manifest.json"]
        files = {path.relative_to(self.run).as_posix(): {"sha256": checksum(path)} for path in paths}
        save_json(self.run / "manifest.json", {**made_with, "files": files})

    @property
    def options(self):
        folders = ("--run", self.run, "--committed", self.committed, "--tolerances", self.tolerances)
        return list(map(str, folders))


def _with(name, row, column, value):
    cells = TABLES[name][column].tolist()
    cells[row] = value
    return cells


@pytest.fixture
def sides(tmp_path):
    return Sides(tmp_path)


@pytest.fixture
def verify(sides, monkeypatch, capsys):
    """Run the script: exit status, what was printed, and what it stopped with."""

    def run():
        monkeypatch.setattr(sys, "argv", ["verify.py", *sides.options])
        with pytest.raises(SystemExit) as stopped:
            runpy.run_path(str(SCRIPT))
        code = stopped.value.code
        return (1, capsys.readouterr().out, code) if isinstance(code, str) else (code, capsys.readouterr().out, "")

    return run


# --- the script -----------------------------------------------------------------------------------------------------


def test_the_script_runs_by_itself(sides):
    for change, expected in ((lambda: None, (0, "")), (sides.tolerances.unlink, (1, "verify: [Errno 2]"))):
        change()
        command = [sys.executable, str(SCRIPT), *sides.options]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert (done.returncode, done.stderr[:17]) == expected


def test_an_identical_run_reproduces(verify):
    status, said, errors = verify()
    assert (status, errors) == (0, "")
    assert said.startswith("Same software and processor as the committed run: exact comparison")
    assert ["shells", "1", "1", "0", "0", "none"] in [line.split() for line in said.splitlines()]
    assert "2 of 2 claims agree.\n1 of 1 measurements of claims agree.\n" in said
    assert "All 4 files are as the manifest says." in said
    assert said.splitlines()[-1] == (
        "It reproduces on this machine: 2 tables (2 identical) and 2 claims with the committed verdicts."
    )


def test_what_no_number_depends_on_may_differ(sides, verify):
    sides.sign(
        {"software": {**MADE_WITH["software"], "pytest": "8.0"}, "machine": {**MADE_WITH["machine"], "cores": 9}}
    )
    status, said, _ = verify()
    assert status == 0
    assert "exact comparison" in said


@pytest.mark.parametrize(
    ("value", "made_with", "status", "last"),
    [
        (2.001, MADE_WITH, 1, "It does not reproduce on this machine: 1 of 2 tables do not agree."),
        (2.001, OTHER, 0, "It reproduces on this machine: 2 tables (1 identical, 1 within tolerance) and 2 claims"),
        (2.02, OTHER, 1, "It does not reproduce on this machine: 1 of 2 tables do not agree."),
        (float("nan"), OTHER, 1, "It does not reproduce on this machine: 1 of 2 tables do not agree."),
    ],
    ids=["exact", "within", "outside", "missing"],
)
def test_a_number_that_differs(sides, verify, value, made_with, status, last):
    sides.change("shells/runs", 1, "final_loss", value, made_with)
    returned, said, errors = verify()
    assert (returned, errors) == (status, "")
    assert said.splitlines()[-1].startswith(last)
    named = f"shells/runs, final_loss, line 3: {value:.10g} here, 2 committed, tolerance 0.002" in said
    assert named == (status == 1)


def test_other_conditions_are_named(sides, verify):
    sides.sign({"software": {**MADE_WITH["software"], "numpy": "2.5.0"}, "machine": OTHER["machine"]})
    status, said, _ = verify()
    assert status == 0
    assert said.splitlines()[:4] == [
        "Not the conditions of the committed run: tables are compared within config/tolerances.yaml.",
        "  numpy: 2.5.0 here, 2.4.0 committed",
        "  processor: another here, one committed",
        "  blas: openblas, mkl here, openblas committed",
    ]


@pytest.mark.parametrize(
    ("name", "column", "value", "line"),
    [
        ("claims", "verdict", "inconclusive", "  claim-two: inconclusive (2) here, fails (2) committed, tolerance 0.1"),
        ("claims", "value", 2.2, "  claim-two: fails (2.2) here, fails (2) committed, tolerance 0.1"),
    ],
)
def test_a_claim_that_comes_out_otherwise_is_named(sides, verify, name, column, value, line):
    sides.change(name, 1, column, value, OTHER)
    status, said, _ = verify()
    assert status == 1
    assert f"1 of 2 claims agree.\n{line}\n" in said
    assert said.endswith("does not reproduce on this machine: 1 of 2 claims do not agree.\n")


def test_a_measurement_that_comes_out_otherwise_is_named(sides, verify):
    sides.change("claim_measurements", 0, "verdict", "fails", OTHER)
    status, said, _ = verify()
    assert status == 1
    assert "\n  claim-one, slope, digits: fails (1) here, replicated (1) committed, tolerance 0.1\n" in said


@pytest.mark.parametrize(
    ("side", "line"),
    [("run", "no such table here, a table committed"), ("committed", "a table here, no such table committed")],
)
def test_a_table_that_one_side_lacks_is_named(sides, verify, side, line):
    (getattr(sides, side) / "tables/ridge/points.csv").unlink()
    sides.sign(OTHER)
    status, said, _ = verify()
    assert status == 1
    assert f"1 of 2 tables do not agree:\n  ridge/points: {line}\n" in said


def test_files_that_are_not_as_the_manifest_says_are_named(sides, verify):
    (sides.run / "tables/shells/runs.csv").write_bytes(b"dataset,final_loss\ndigits,1.0\ndigits,2.0000\n")
    (sides.run / "tables/ridge/points.csv").unlink()
    status, said, _ = verify()
    assert status == 1
    assert "  tables/ridge/points.csv is missing\n  tables/shells/runs.csv is not as the manifest says\n" in said


def test_a_file_that_the_manifest_does_not_know_is_told_and_harms_nothing(sides, verify):
    (sides.run / "runs/shells/sweep").mkdir(parents=True)
    (sides.run / "runs/shells/sweep/7.npz").write_bytes(b"of other settings")
    status, said, _ = verify()
    assert status == 0
    assert "left by other settings:\n  runs/shells/sweep/7.npz\n" in said


def test_a_run_without_manifest_is_compared_but_not_verified(sides, verify):
    (sides.run / "manifest.json").unlink()
    status, said, _ = verify()
    assert status == 1
    assert "2 of 2 claims agree." in said
    assert "  there is no manifest.json" in said
    # The software that runs the test is not that of the committed run.
    assert said.startswith("Not the conditions")


def test_many_lines_are_cut_and_counted(sides, verify):
    columns = {f"column_{number}": [float(number + 1)] for number in range(30)}
    for side, factor in ((sides.run, 2), (sides.committed, 1)):
        save_table(side / "tables/shells/wide.csv", pd.DataFrame(columns) * factor)
    sides.sign(OTHER)
    _, said, _ = verify()
    assert said.count("\n  shells/wide, column_") == 20
    assert "\n  and 10 more\n" in said


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        ("run/tables/claims.csv", None, "run/tables/claims.csv cannot be read"),
        ("figures/tables/claim_measurements.csv", None, "figures/tables/claim_measurements.csv cannot be read"),
        ("figures/environment.json", None, "No such file or directory"),
        ("figures/environment.json", "[]", "does not say with which software and machine it was made"),
        ("figures/environment.json", '{"software": {}, "machine": 3}', "does not say with which software"),
        ("run/tables/claims.csv", "id,value\n", "must have the columns lower, quantity, upper, verdict"),
        ("run/manifest.json", "{", "manifest.json cannot be read"),
        ("run/manifest.json", json.dumps(MADE_WITH), "manifest.json must name files"),
        ("run/tables/shells/runs.csv", "cut, short", "runs.csv cannot be read as a table"),
        ("tolerances.yaml", None, "No such file or directory"),
        ("tolerances.yaml", "tolerances: [", "expected"),
        ("tolerances.yaml", "tolerances: [{tables: ['*']}]", "entry 1 of tolerances"),
    ],
)
def test_what_cannot_be_compared_is_said_in_one_line(sides, verify, path, content, said):
    file = sides.run.parent / path
    file.unlink() if content is None else file.write_text(content, encoding="utf-8")
    status, printed, errors = verify()
    assert (status, printed) == (1, "")
    assert errors.startswith("verify: ")
    assert "\n" not in errors
    assert said in errors


# --- the tolerances that the project states -------------------------------------------------------------------------

STATED = read_tolerances(load_yaml(ROOT / "config/tolerances.yaml"))
COMMITTED = {
    path.relative_to(ROOT / "figures/tables").with_suffix("").as_posix(): load_table(path)
    for path in sorted((ROOT / "figures/tables").glob("*/*.csv"))
}


def test_every_pattern_covers_a_column_that_no_earlier_entry_does():
    covered = {entry: set() for entry in STATED}
    for table, content in COMMITTED.items():
        for column in content.columns:
            covered[tolerance_of(STATED, table, column)].add((table, column))
    for entry, pairs in covered.items():
        narrowed = [replace(entry, tables=(pattern,)) for pattern in entry.tables]
        narrowed += [replace(entry, columns=(pattern,)) for pattern in entry.columns]
        for one in narrowed:
            assert any(one.covers(*pair) for pair in pairs), f"{one.tables} {one.columns} covers nothing"


# Bounds of rounding itself, on what must be exact, are left to the claim: the column holds other numbers too.
MEASURES = [
    measure
    for claim in load_yaml(ROOT / "config/claims.yaml")["claims"]
    for measure in claim.get("measures", [])
    if measure.get("at_most", 1.0) > 1e-15
]


@pytest.mark.parametrize("table", sorted({measure["table"] for measure in MEASURES}))
def test_what_claims_judge_is_refused_when_it_is_off_by_a_hundredth_or_by_what_a_claim_may(table):
    """Where both are said of a number, the larger: a rounding residue is judged by its bound alone."""
    for measure in (measure for measure in MEASURES if measure["table"] == table):
        committed, column = COMMITTED[table], measure["value"]
        width = np.diff(band(measure))[0]
        allowed = SHARE * (width if np.isfinite(width) else np.abs(band(measure)).min())
        judged = np.isfinite(committed[column])
        for name, wanted in measure.get("where", {}).items():
            judged &= committed[name].isin(wanted if isinstance(wanted, list) else [wanted])
        off = np.maximum(0.01 * committed[column].abs(), 1.01 * allowed).where(judged, 0.0)
        (found,) = compare_table(table, committed.assign(**{column: committed[column] + off}), committed, STATED)
        assert (found.column, found.rows) == (column, judged.sum()), measure["quantity"]


# Residues of rounding and of solvers, and what is only the place or the cost of one.
LOOSE = {
    "ridge/estimators": {"kare_over_gcv"},
    "ridge/notebook_causes": {"n_samples"},
    "shallow/diagonal_networks": {"objective_gap", "distance"},
    "shallow/quadratic_networks": {"objective_gap", "distance"},
    "shallow/kernel_rich_flow": {"steps", "value", "low", "high"},
    "shells/double_descent_epoch_runs": {"output_gap"},
    "shells/double_descent_model": {"relative_error", "worst_relative_error"},
    "shells/drift_runs": {"closure"},
    "shells/minibatch_runs": {"closure"},
    "shells/rescaling": {"value"},
    "shells/runs": {"closure", "self_transfer", "net_transfer", "dissipation_gap"},
    "shells/transport_solvers": {"conservation"},
}


@pytest.mark.parametrize("table", sorted(COMMITTED))
def test_every_other_column_is_refused_when_it_is_off_by_a_hundredth(table):
    committed = COMMITTED[table]
    off = committed.copy()
    numbers = committed.select_dtypes("number").columns
    off[numbers] = committed[numbers] * 1.01
    refused = {one.column: one.rows for one in compare_table(table, off, committed, STATED)}
    judged = (np.isfinite(committed[numbers]) & (committed[numbers] != 0)).sum()
    loose = {column for column in numbers if refused.get(column, 0) < judged[column] / 2}
    assert loose == LOOSE.get(table, set())
