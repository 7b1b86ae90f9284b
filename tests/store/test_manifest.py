"""The manifest names every file of a run with what made it, and shows what was lost, changed or added since."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from scalinglaws import store
from scalinglaws.store import (
    Corrupted,
    check_run,
    checksum,
    describe_run,
    load_manifest,
    load_sidecar,
    save_arrays,
    save_json,
    save_sums,
    save_table,
    save_tables,
    save_text,
    sidecar,
    software_versions,
)
from scalinglaws.store.records import signed

RECORDS = {
    "shells/sweep/0": {"params": {"settings": {"seeds": [0, 1]}}, "seed": [0, 1]},
    "shells/sweep/1": {"params": {"settings": {"seeds": [0, 1]}}, "seed": [0, 1]},
    "ridge/curves/0": {"params": {"settings": {"parts": [{"seeds": [7]}, {"seeds": [5]}], "deep": {"seed": 3}}}},
    "ridge/regimes/0": {"params": {"settings": {"n_seeds": 4}}, "inputs": {"../elsewhere/mine.npz": "d1ce"}},
}
SETTINGS = {"run": "tiny", "shells": {"sweep": {"seeds": [0, 1]}}}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A project with a run whose claims rest on the records through two levels of tables; the steps that made it."""
    monkeypatch.chdir(tmp_path)
    return make(tmp_path)


def make(project):
    """Fill `project` with the run results/tiny and return its folder, as the workflow names it, and its steps."""
    folder = Path("results/tiny")
    for name, about in RECORDS.items():
        save_arrays(project / folder / f"runs/{name}.npz", {"x": [1.0, 2.0]}, code="c0de", **about)
    for name in ("shells/runs", "ridge/curves", "ridge/regimes", "claims"):
        save_table(project / folder / f"tables/{name}.csv", pd.DataFrame({"name": [name]}))
    for name in ("config/claims.yaml", "results/tiny/figures/shells/loss.png", "results/tiny/logs/claims.log"):
        save_text(project / name, name)
    save_text(project / folder / "complete", "")
    return folder, [
        step("shells_sweep_tables", ["tables/shells/runs.csv"], ["runs/shells/sweep/0.npz", "runs/shells/sweep/1.npz"]),
        step("ridge_curves_tables", ["tables/ridge/curves.csv"], ["runs/ridge/curves/0.npz"], params={"digits": 3}),
        step("ridge_regimes_tables", ["tables/ridge/regimes.csv"], ["runs/ridge/regimes/0.npz"]),
        step("draw_shells_sweep", ["figures/shells/loss.png"], ["tables/shells/runs.csv"]),
        step("claims", ["tables/claims.csv"], TABLES, outside=["config/claims.yaml"], code="beef"),
    ]


TABLES = ["tables/shells/runs.csv", "tables/ridge/curves.csv"]


def step(rule, outputs, inputs, outside=(), params=None, code="ab12"):
    """A step as the workflow tells of it: files of the run by their path from the project."""
    inside = {"outputs": outputs, "inputs": inputs}
    paths = {kind: [f"results/tiny/{name}" for name in names] for kind, names in inside.items()}
    return {"rule": rule, **paths, "params": params or {}, "code": code} | {"inputs": [*paths["inputs"], *outside]}


def test_every_result_is_listed_and_nothing_else(run):
    folder, steps = run
    records = {f"runs/{name}.{suffix}" for name in RECORDS for suffix in ("npz", "json")}
    made = {*TABLES, "tables/ridge/regimes.csv", "tables/claims.csv", "figures/shells/loss.png"}
    assert set(describe_run(folder, steps, SETTINGS)["files"]) == records | made


def test_a_file_has_its_checksum_size_and_what_made_it(run):
    folder, steps = run
    about = describe_run(folder, steps, SETTINGS)["files"]
    for name, entry in about.items():
        assert (entry["sha256"], entry["bytes"]) == (checksum(folder / name), (folder / name).stat().st_size)
    assert {name: about["tables/ridge/curves.csv"][name] for name in ("rule", "params", "code")} == {
        "rule": "ridge_curves_tables",
        "params": {"digits": 3},
        "code": "ab12",
    }
    assert about["tables/claims.csv"]["code"] == "beef"


def test_inputs_have_the_checksums_of_the_files_they_name(run):
    folder, steps = run
    about = describe_run(folder, steps, SETTINGS)["files"]
    assert about["tables/claims.csv"]["inputs"] == {
        **{name: about[name]["sha256"] for name in TABLES},
        "config/claims.yaml": checksum("config/claims.yaml"),
    }
    assert about["runs/ridge/curves/0.npz"]["inputs"] == {}
    assert about["runs/ridge/regimes/0.npz"]["inputs"] == RECORDS["ridge/regimes/0"]["inputs"]
    assert about["figures/shells/loss.png"]["inputs"] == {TABLES[0]: about[TABLES[0]]["sha256"]}


def test_a_record_says_of_itself_what_made_it(run):
    folder, steps = run
    about = describe_run(folder, steps, SETTINGS)["files"]
    for name, record in RECORDS.items():
        array, beside = about[f"runs/{name}.npz"], about[f"runs/{name}.json"]
        assert array["rule"] == beside["rule"] == f"{name.split('/')[0]}_members"
        assert array["params"] == record["params"]
        assert array["code"] == beside["code"] == "c0de"
        assert beside["inputs"] == {f"runs/{name}.npz": array["sha256"]}


@pytest.mark.parametrize(
    ("name", "seeds"),
    [
        ("runs/shells/sweep/0.npz", [0, 1]),
        ("runs/ridge/curves/0.npz", [3, 5, 7]),
        ("tables/shells/runs.csv", [0, 1]),
        ("figures/shells/loss.png", [0, 1]),
        ("tables/ridge/curves.csv", [3, 5, 7]),
        ("tables/ridge/regimes.csv", []),
        ("tables/claims.csv", [0, 1, 3, 5, 7]),
    ],
)
def test_seeds_are_those_of_all_records_that_a_file_rests_on(run, name, seeds):
    folder, steps = run
    assert describe_run(folder, steps, SETTINGS)["files"][name]["seeds"] == seeds
    assert describe_run(folder, steps[::-1], SETTINGS)["files"][name]["seeds"] == seeds


def test_the_run_its_settings_and_what_it_ran_with_are_told(run):
    manifest = describe_run(*run, SETTINGS)
    assert set(manifest) == {"run", "software", "machine", "settings", "files"}
    assert (manifest["run"], manifest["settings"]) == ("tiny", SETTINGS)
    assert manifest["software"]["python"] == software_versions()["python"]
    assert not any("software" in entry for entry in manifest["files"].values())


def test_a_record_made_with_other_versions_says_so(run, monkeypatch):
    older = {**software_versions(), "numpy": "1.0"}
    monkeypatch.setattr(store.records, "software_versions", lambda: older)
    path = run[0] / "runs/shells/sweep/0.npz"
    save_arrays(path, {"x": [1.0]}, params={})
    about = describe_run(*run, SETTINGS)["files"]
    others = {name for name, entry in about.items() if "software" in entry}
    assert others == {"runs/shells/sweep/0.npz", "runs/shells/sweep/0.json"}
    assert about["runs/shells/sweep/0.npz"]["software"] == older


def test_the_same_run_in_another_folder_gives_the_same_bytes(run, tmp_path, monkeypatch):
    save_json("manifest.json", describe_run(*run, SETTINGS))
    there = tmp_path / "très loin"
    folder, steps = make(there)
    monkeypatch.chdir(there)
    save_json("manifest.json", describe_run(folder, steps[::-1], SETTINGS))
    assert Path("manifest.json").read_bytes() == (tmp_path / "manifest.json").read_bytes()
    assert str(tmp_path) not in Path("manifest.json").read_text(encoding="utf-8")


def test_files_of_the_project_are_found_from_another_folder(run, tmp_path, monkeypatch):
    """Snakemake's --directory puts the results elsewhere."""
    expected = describe_run(*run, SETTINGS)
    shutil.copytree("results", tmp_path / "elsewhere/results")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert describe_run(*run, SETTINGS, project=tmp_path) == expected


@pytest.mark.parametrize(
    "name",
    [
        "results/tiny/tables/claims.csv",
        "results/tiny/runs/shells/sweep/1.npz",
        "results/tiny/runs/shells/sweep/1.json",
        "config/claims.yaml",
    ],
)
def test_a_missing_file_is_refused_by_name(run, name):
    Path(name).unlink()
    with pytest.raises(Corrupted, match=name):
        describe_run(*run, SETTINGS)


@pytest.mark.parametrize("damage", [{"sha256": "0" * 64}, {}], ids=["another checksum", "none"])
def test_a_record_that_is_not_what_its_sidecar_says_is_refused_by_name(run, damage):
    path = run[0] / "runs/ridge/curves/0.npz"
    save_json(sidecar(path), signed({**load_sidecar(path), **damage} if damage else {}))
    with pytest.raises(Corrupted, match=r"runs/ridge/curves/0\.npz differs from the checksum in"):
        describe_run(*run, SETTINGS)


def test_a_table_that_is_not_what_its_sums_say_is_refused_by_name(run):
    """Else the manifest would tell the checksum of the damaged one as that of the result."""
    folder, steps = run
    sums = folder / "tables/ridge/curves.sha256"
    save_tables({folder / TABLES[1]: pd.DataFrame({"name": ["ridge/curves"]})}, sums)
    steps[1]["outputs"].append(str(sums))
    with pytest.raises(Corrupted, match=r"tables/ridge/regimes\.csv has no sum in any file beside it: delete it"):
        describe_run(folder, steps, SETTINGS)
    save_sums([folder / TABLES[1], folder / "tables/ridge/regimes.csv"], sums)
    assert "tables/ridge/curves.sha256" in describe_run(folder, steps, SETTINGS)["files"]
    save_text(folder / TABLES[1], "name\nridge/curveS\n")
    with pytest.raises(Corrupted, match=r"tables/ridge/curves\.csv differs from its sum in .*curves\.sha256"):
        describe_run(folder, steps, SETTINGS)
    save_text(sums, f"{'0' * 64}  lost.csv\n")
    with pytest.raises(Corrupted, match=r"curves\.sha256 states a sum of .*lost\.csv, which no job makes: delete it"):
        describe_run(folder, steps, SETTINGS)


# --- a run against its manifest -------------------------------------------------------------------------------------

NOTHING = {"missing": [], "changed": [], "unlisted": []}
DAMAGE = {
    "a lost table": (lambda folder: (folder / TABLES[0]).unlink(), {"missing": [TABLES[0]]}),
    "one byte": (lambda folder: save_text(folder / TABLES[1], "name\nridge/curveS\n"), {"changed": [TABLES[1]]}),
    "a stale shard": (
        lambda folder: save_arrays(folder / "runs/shells/sweep/2.npz", {}, params={}),
        {"unlisted": ["runs/shells/sweep/2.json", "runs/shells/sweep/2.npz"]},
    ),
    "another name": (
        lambda folder: (folder / TABLES[0]).rename(folder / "tables/shells/other.csv"),
        {"missing": [TABLES[0]], "unlisted": ["tables/shells/other.csv"]},
    ),
    "logs and marks": (lambda folder: [save_text(folder / name, "x") for name in ("logs/a/b.log", "complete")], {}),
    "the manifest and the report": (
        lambda folder: [save_text(folder / name, "x") for name in ("manifest.json", "report.html")],
        {},
    ),
}


def test_an_untouched_run_agrees_with_its_manifest(run):
    manifest = describe_run(*run, SETTINGS)
    save_json(run[0] / "manifest.json", manifest)
    assert check_run(run[0], json.loads((run[0] / "manifest.json").read_text(encoding="utf-8"))) == NOTHING
    assert check_run(run[0].resolve(), manifest) == NOTHING


@pytest.fixture
def told(run):
    """The folder of a run with its manifest and a crate that tells the manifest's checksum."""
    folder, steps = run
    save_json(folder / "manifest.json", describe_run(folder, steps, SETTINGS))
    about = {"@id": "manifest.json", "sha256": checksum(folder / "manifest.json")}
    save_json(folder / "ro-crate-metadata.json", {"@graph": [{"@id": "./"}, about]})
    return folder


def test_a_manifest_is_read_with_the_crate_that_tells_of_it_and_without_any(told):
    manifest = load_manifest(told)
    assert manifest["run"] == "tiny"
    (told / "ro-crate-metadata.json").unlink()
    assert load_manifest(told) == manifest


@pytest.mark.parametrize(
    ("name", "old"),
    [
        *(("manifest.json", old) for old in ('"', "tiny", "sha256", "\n")),
        *(("ro-crate-metadata.json", old) for old in ('"', "manifest", "sha256")),
    ],
)
def test_a_manifest_or_crate_that_was_changed_is_refused_by_name(told, name, old):
    text = (told / name).read_text(encoding="utf-8")
    assert old in text
    save_text(told / name, text.replace(old, " ", 1))
    with pytest.raises(Corrupted, match=name):
        load_manifest(told)


@pytest.mark.parametrize(("damage", "expected"), DAMAGE.values(), ids=DAMAGE)
def test_what_was_lost_changed_or_added_since_is_named(run, damage, expected):
    manifest = describe_run(*run, SETTINGS)
    damage(run[0])
    assert check_run(run[0], manifest) == NOTHING | expected
