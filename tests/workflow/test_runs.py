"""The whole DAG at toy size: complete, repeatable, and rerun exactly where something changed."""

from pathlib import Path

import pytest

from scalinglaws.store import load_yaml

DOWNSTREAM = {"claims": 1, "complete": 1}
STUDIES = load_yaml(Path(__file__).resolve().parents[2] / "workflow/studies.yaml")
EXPERIMENTS = [(study, made) for study, about in STUDIES.items() for made in about["experiments"].values()]
FIGURES = {f"figures/{study}/{figure}.png" for study, made in EXPERIMENTS for figure in made["figures"]}
TABLES = {f"tables/{study}/{table}.csv" for study, made in EXPERIMENTS for table in made["tables"]}


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
            "panel=(5.2, 2.8)",
            "panel=(5.3, 2.8)",
            {"draw_shells_orders": 1, "complete": 1},
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
            "workflow/resources/ridge/authors.csv",
            "0.",
            "1.",
            {"ridge_notebooks_tables": 1, "draw_ridge_notebooks": 1, **DOWNSTREAM},
        ),
        ("scalinglaws/networks/tangent.py", "The tangent kernel of", "Tangent kernels of", {}),
        ("scalinglaws/agreement.py", "SHARE = 0.1", "SHARE = 0.2", {}),
    ],
    ids=["table", "plot", "experiment", "claims", "ridge", "shallow", "resource", "docstring", "unused"],
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


def test_another_folder_and_other_shards_give_the_same_bytes(finished, checkout):
    assert checkout.run().returncode == 0
    here, there = finished.results(), checkout.results()
    assert sorted(here) == sorted(there)
    assert [name for name in here if here[name] != there[name]] == []
    overlays = checkout.overlay("shells: {sweep: {shards: 3}, widths: {shards: 2}, drift: {shards: 2}}")
    assert checkout.run(overlays=overlays).returncode == 0
    resharded = checkout.results()
    kept = [name for name in here if not name.startswith("runs/")]
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


def test_the_report_is_one_offline_page_with_every_figure(finished):
    done = finished.run("--report", "report.html")
    assert done.returncode == 0, done.stderr
    page = (finished.folder / "report.html").read_text(encoding="utf-8")
    for figure in FIGURES:
        assert figure in page
    for about in STUDIES.values():
        assert about["title"] in page
    assert len(page) < 15e6
