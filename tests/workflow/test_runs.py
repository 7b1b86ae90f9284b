"""The whole DAG at toy size: complete, repeatable, and rerun exactly where something changed."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from browser import chromium, problems, visit
from crate_checks import problems_of

from scalinglaws.store import check_run, checksum, load_yaml
from scalinglaws.store.tables import load_sums

DOWNSTREAM = {"claims": 1, "draw_claims": 1, "manifest": 1, "complete": 1}
ROOT = Path(__file__).resolve().parents[2]
STUDIES = load_yaml(ROOT / "workflow/studies.yaml")
EXPERIMENTS = [(study, made) for study, about in STUDIES.items() for made in about["experiments"].values()]
FIGURES = {f"figures/{study}/{figure}.png" for study, made in EXPERIMENTS for figure in made["figures"]}
TABLES = {f"tables/{study}/{table}.csv" for study, made in EXPERIMENTS for table in made["tables"]}
SUMS = {f"tables/{study}/{name}.sha256" for study, about in STUDIES.items() for name in about["experiments"]}


def test_smoke_run_makes_everything(finished):
    made = set(finished.results())
    assert FIGURES | TABLES | {"tables/claims.csv", "tables/claim_measurements.csv", "claims.md", "complete"} <= made
    assert not [name for name in made if "/." in name], "a temporary file was left behind"


def test_second_run_has_nothing_to_do(finished):
    done = finished.run()
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("path", "old", "new", "expected"),
    [
        (
            "scalinglaws/shells/tables/widths.py",
            '"kernel_drift", "deviation"',
            '"deviation", "kernel_drift"',
            {"shells_widths_tables": 1, "draw_shells_widths": 1, **DOWNSTREAM},
        ),
        (
            "scalinglaws/plots/orders.py",
            "panel=(5.2, 2.9)",
            "panel=(5.3, 2.9)",
            {"draw_shells_orders": 1, "manifest": 1, "complete": 1},
        ),
        (
            "scalinglaws/shells/convergence.py",
            "SUBSTEPS = 2",
            "SUBSTEPS = 3",
            {"shells_members": 1, "shells_orders_tables": 1, "draw_shells_orders": 1, **DOWNSTREAM},
        ),
        (
            "scalinglaws/claims.py",
            '"replicated", "partial scope", "fails"',
            '"holds", "partial scope", "fails"',
            DOWNSTREAM,
        ),
        (
            "scalinglaws/ridge/matrix_samples.py",
            "rng.standard_normal((dim, dim)) / np.sqrt(2 * dim)",
            "rng.standard_normal((dim, dim)) / np.sqrt(3 * dim)",
            {"ridge_members": 1, "ridge_random_matrices_tables": 1, "draw_ridge_random_matrices": 1, **DOWNSTREAM},
        ),
        (
            "scalinglaws/shallow/overfitting.py",
            "NEWTON_STEPS = 8",
            "NEWTON_STEPS = 9",
            {"shallow_members": 1, "shallow_phases_tables": 1, "draw_shallow_phases": 1, **DOWNSTREAM},
        ),
        (
            "scalinglaws/networks/examples.py",
            "nn.Tanh()",
            "nn.ReLU()",
            {"shells_members": 1, "shells_models_tables": 1, "draw_shells_models": 1, **DOWNSTREAM},
        ),
        (
            "workflow/resources/ridge/authors.csv",
            "0.",
            "1.",
            {"ridge_notebooks_tables": 1, "draw_ridge_notebooks": 1, **DOWNSTREAM},
        ),
        ("scalinglaws/networks/tangent.py", "The tangent kernel of", "Tangent kernels of", {}),
        ("scalinglaws/agreement/claims.py", "SHARE = 0.1", "SHARE = 0.2", {}),
    ],
    ids=["table", "plot", "experiment", "claims", "ridge", "shallow", "network", "resource", "docstring", "unused"],
)
def test_an_edited_module_reruns_exactly_its_dependents(finished, path, old, new, expected):
    with finished.edited(path, old, new):
        assert finished.jobs() == expected


def test_an_edited_kernel_reruns_every_member(finished):
    with finished.edited("scalinglaws/networks/tangent.py", "return functools.reduce(", "return 1 * functools.reduce("):
        jobs = finished.jobs()
    # In a smoke run every experiment is one shard.
    assert jobs["shells_members"] == len(STUDIES["shells"]["experiments"])
    assert "ridge_members" not in jobs


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "shells: {widths: {duration: 11.0}}",
            {"shells_members": 1, "shells_widths_tables": 1, "draw_shells_widths": 1, **DOWNSTREAM},
        ),
        (
            "shells: {sweep: {contrast: {rich: 0.1}}}",
            {"shells_sweep_tables": 1, "draw_shells_sweep": 1, **DOWNSTREAM},
        ),
        (
            "data: {digits_small: {n_samples: 7}}",
            {"shells_members": 1, "shells_orders_tables": 1, "draw_shells_orders": 1, **DOWNSTREAM},
        ),
        (
            "shells: {drift: {windows: {count: 12}}}",
            {"shells_drift_tables": 1, "draw_shells_drift": 1, **DOWNSTREAM},
        ),
    ],
    ids=["duration", "contrast", "data", "windows"],
)
def test_a_changed_setting_reruns_exactly_what_depends_on_it(finished, text, expected):
    assert finished.jobs(overlays=finished.overlay(text)) == expected


def test_data_of_ones_own_rerun_exactly_what_depends_on_them(finished):
    """They lie outside the project, and no other experiment takes any notice of them."""
    np.savez(finished.folder.parent / "mine.npz", inputs=np.ones((3, 64)), targets=np.ones((3, 10)))
    case = {"name": "mine", "network": "scalinglaws.networks.examples:perceptron", "data": "../mine.npz"}
    overlays = finished.overlay(json.dumps({"shells": {"models": {"cases": [case]}}}))
    expected = {"shells_members": 1, "shells_models_tables": 1, "draw_shells_models": 1, **DOWNSTREAM}
    assert finished.jobs(overlays=overlays) == expected


def test_another_folder_and_other_shards_give_the_same_bytes(finished, checkout):
    assert checkout.run().returncode == 0
    here, there = finished.results(), checkout.results()
    assert sorted(here) == sorted(there)
    assert [name for name in here if here[name] != there[name]] == []
    overlays = checkout.overlay("shells: {sweep: {shards: 3}, widths: {shards: 2}, drift: {shards: 2}}")
    assert checkout.run(overlays=overlays).returncode == 0
    resharded = checkout.results()
    # The records are other files now, and the manifest and the crate tell of them.
    kept = [name for name in here if not name.startswith(("runs/", "manifest.json", "ro-crate-metadata.json"))]
    assert [name for name in kept if here[name] != resharded[name]] == []


def test_a_diverging_member_stops_alone_and_is_named(finished, checkout):
    text = "shells: {sweep: {richness: [0.001, 0.01, 0.1, 10.0, 1.0e+9], seeds: [0], datasets: [digits]}}"
    with checkout.edited("scalinglaws/networks/training.py", "max_steps=5000", "max_steps=200"):
        done = checkout.run(overlays=checkout.overlay(text))
    assert done.returncode != 0
    log = (checkout.folder / "results/smoke/logs/complete.log").read_text(encoding="utf-8")
    assert "value=1000000000.0" in log.splitlines()[0]
    made = checkout.results()
    assert "complete" not in made
    assert set(finished.results()) - set(made) == {"complete"}
    assert made["tables/shells/runs.csv"].count(b"\n") == 1 + 4


def test_a_damaged_record_is_refused_by_name(finished):
    record = finished.folder / "results/smoke/runs/shells/orders/0.npz"
    whole = record.read_bytes()
    record.write_bytes(whole[: len(whole) // 2])
    done = finished.run("--forcerun", "shells_orders_tables")
    record.write_bytes(whole)
    assert done.returncode != 0
    assert "Corrupted" in done.stderr
    assert "runs/shells/orders/0.npz" in done.stderr
    assert finished.run().returncode == 0


def test_every_table_has_the_sum_that_is_stated_for_it(finished):
    folder = finished.folder / "results/smoke/tables"
    stated = {path for sums in folder.rglob("*.sha256") for path in load_sums(sums)}
    assert stated == set(folder.rglob("*.csv"))
    for sums in folder.rglob("*.sha256"):
        assert {path: checksum(path) for path in load_sums(sums)} == load_sums(sums)


@pytest.fixture(scope="module")
def report(finished):
    """The report on the finished run."""
    done = finished.run("--report", "report.html")
    assert done.returncode == 0, done.stderr
    return finished.folder / "report.html"


def test_the_report_is_one_offline_page_with_every_figure(report):
    page = report.read_text(encoding="utf-8")
    for figure in FIGURES:
        assert figure in page
    for about in STUDIES.values():
        assert about["title"] in page
    assert len(page) < 15e6


LACKING = ("figures/shells/loss.png", "figures/shells/orders.png")
BLANK = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='400' height='9'/%3E"
needs_browser = pytest.mark.skipif(chromium() is None, reason="no Chromium is installed to look at the report with")


@needs_browser
def test_a_reader_without_network_clicks_through_to_every_figure_and_its_verdicts(report, tmp_path):
    seen = visit(report, tmp_path)
    figures = {
        about["title"]: [name for made in about["experiments"].values() for name in made["figures"]]
        for about in STUDIES.values()
    }
    assert problems(seen, figures | {"Claims": ["claims_overview"]}, wordless=("claims_overview",)) == []
    assert set(seen["categories"]) == {*figures, "Claims"}
    claims = load_yaml(report.parent / "config/claims.yaml")["claims"]
    assert seen["rows"] >= len(claims)


@needs_browser
def test_what_a_report_lacks_is_noticed(report, tmp_path):
    """Of three figures one is blank, one has lost its caption's verdicts and one is not there; and the page phones."""
    title = STUDIES["shells"]["title"]
    page = report.read_text(encoding="utf-8")
    loss, orders, table = [f"results/smoke/{path}" for path in (*LACKING, "tables/claims.csv")]
    results = json.loads(re.search(r"^ +var results = ({.*});$", page, re.MULTILINE)[1])
    results = {path: results[path] for path in (loss, orders, table)}
    results[loss]["data_uri"] = BLANK
    results[orders]["caption"] = '<p>Parameters: none. <img src="http://example.org/a.png"></p>'
    page = _with_variable(page, "results", results)
    page = _with_variable(page, "categories", {title: {"Other": [loss, orders]}, "Tables": {"Other": [table]}})
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    seen = visit(tmp_path / "page.html", tmp_path / "profile")
    assert {
        "asks the network for http://example.org/a.png",
        f"{title}: no figure spectrum",
        f"{title}, loss: blank, 1 colours",
        f"{title}, orders: its caption lacks parameters or a verdict",
    } <= set(problems(seen, {title: ["loss", "orders", "spectrum"]}))


def _with_variable(page, name, value):
    line = f"    var {name} = {json.dumps(value)};"
    return re.sub(rf"^ +var {name} = {{.*}};$", lambda _: line, page, count=1, flags=re.MULTILINE)


@pytest.fixture
def manifest(finished):
    """What the manifest of the finished run says."""
    return json.loads((finished.folder / "results/smoke/manifest.json").read_text(encoding="utf-8"))


def test_the_manifest_and_the_crate_tell_of_every_file(finished, manifest):
    folder = finished.folder / "results/smoke"
    assert set(manifest["files"]) >= FIGURES | TABLES | SUMS | {"claims.html", "captions/loss.rst"}
    assert {"tables/claims.sha256", "runs/shells/sweep/0.json"} <= set(manifest["files"])
    assert check_run(folder, manifest) == {"missing": [], "changed": [], "unlisted": []}
    assert problems_of(folder) == []


def test_every_verdict_is_traced_to_all_records_their_seeds_and_the_claims(finished, manifest):
    files, inputs = manifest["files"], set()
    waiting = ["claims.md"]
    while waiting:
        new = set(files.get(waiting.pop(), {"inputs": {}})["inputs"]) - inputs
        inputs |= new
        waiting += new
    records = {name for name in files if name.endswith(".npz")}
    assert len(records) == len(EXPERIMENTS)
    assert records | {"config/claims.yaml", "workflow/resources/ridge/authors.csv"} <= inputs
    assert {seed for name in records for seed in files[name]["seeds"]} == set(files["claims.md"]["seeds"]) != set()
    outside = {name for name in inputs if name not in files}
    told = {name: digest for entry in files.values() for name, digest in entry["inputs"].items()}
    assert {name: checksum(finished.folder / name) for name in outside} == {name: told[name] for name in outside}


def test_neither_the_manifest_nor_the_crate_tells_where_or_when(finished):
    released = str(load_yaml(ROOT / "CITATION.cff")["date-released"])
    for name, dates in (("manifest.json", set()), ("ro-crate-metadata.json", {released})):
        text = (finished.folder / "results/smoke" / name).read_text(encoding="utf-8")
        assert set(re.findall(r"\b20\d\d-\d\d-\d\d", text)) == dates
        assert not re.search(rf"{re.escape(json.dumps(finished.folder.name)[1:-1])}|/home/|/tmp/|\.\./", text)
