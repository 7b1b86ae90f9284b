"""What a run would do, and what it refuses before doing anything."""

from collections import Counter
from pathlib import Path

import pytest
from snakemake.utils import update_config

from scalinglaws.store import load_table, load_yaml

ROOT = Path(__file__).resolve().parents[2]
STUDIES = load_yaml(ROOT / "workflow/studies.yaml")
OF_EXPERIMENTS = {
    name
    for study, about in STUDIES.items()
    for experiment, made in about["experiments"].items()
    for name in (f"{study}_{experiment}_tables", *([f"draw_{study}_{experiment}"] if made["figures"] else []))
}
EVERY_RULE = {
    *(f"{study}_members" for study in STUDIES),
    *OF_EXPERIMENTS,
    "claims",
    "draw_claims",
    "manifest",
    "complete",
}
SECTIONS = ", ".join(sorted(load_yaml(ROOT / "workflow/schemas/config.schema.yaml")["properties"]))


@pytest.mark.parametrize(
    "overlays", [(), ("config/smoke.yaml",), ("config/paper.yaml",)], ids=["default", "smoke", "paper"]
)
def test_every_config_makes_the_whole_dag(fresh, overlays):
    config = load_yaml(ROOT / "config/config.yaml")
    for path in overlays:
        update_config(config, load_yaml(ROOT / path))
    jobs = fresh.jobs(overlays=overlays)
    assert set(jobs) == EVERY_RULE
    for study, about in STUDIES.items():
        assert jobs[f"{study}_members"] == sum(config[study][name]["shards"] for name in about["experiments"])


def test_the_costs_are_those_of_the_jobs_of_the_default_run(fresh):
    jobs = load_table(ROOT / "figures/costs.csv").job
    assert Counter(job.split(" ")[0] for job in jobs) == fresh.jobs(overlays=())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("shels: {}", f"config: shels = {{}}: unknown key; allowed here: {SECTIONS}"),
        ("shells: {sweep: {seeds: []}}", "config: shells.sweep.seeds = []: must have at least 1 entries"),
        ("shells: {sweep: {richness: [0.0]}}", "config: shells.sweep.richness.0 = 0.0: must be > 0"),
        ("shells: {sweep: {duration: long}}", "config: shells.sweep.duration = 'long': must be of type number"),
        ("shells: {grid: {shell_ratio: 1.0}}", "config: shells.grid.shell_ratio = 1.0: must be > 1"),
        ("data: {digits: {n_samples: 1}}", "config: data.digits.n_samples = 1: must be >= 2"),
        ("run: ../elsewhere", "config: run = '../elsewhere': must match ^[a-z0-9][a-z0-9_-]*$"),
    ],
)
def test_a_bad_setting_is_one_line_before_any_job(fresh, text, message):
    done = fresh.run(overlays=fresh.overlay(text))
    assert done.returncode != 0
    assert done.stderr.splitlines()[-1] == message
    assert "Traceback" not in done.stderr
    assert not (fresh.folder / "results").exists()


def test_a_missing_file_is_named_before_any_job(fresh):
    claims = fresh.folder / "config/claims.yaml"
    text = claims.read_text(encoding="utf-8")
    claims.unlink()
    done = fresh.run()
    claims.write_text(text, encoding="utf-8")
    assert done.returncode != 0
    assert "claims.yaml" in done.stderr
    assert not (fresh.folder / "results").exists()
