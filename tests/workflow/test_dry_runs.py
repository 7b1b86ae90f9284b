"""What a run would do, and what it refuses before doing anything."""

import pytest

EXPERIMENTS = ("sweep", "widths", "orders", "exponents", "drift", "couplings", "double_descent", "minibatch")
OF_EXPERIMENTS = {name.format(e) for e in EXPERIMENTS for name in ("shells_{}_tables", "draw_shells_{}")}
EVERY_RULE = {"shells_members", *OF_EXPERIMENTS, "claims", "complete"}


@pytest.mark.parametrize(
    ("overlays", "shards"),
    [((), 9), (("config/smoke.yaml",), 9), (("config/paper.yaml",), 355)],
    ids=["default", "smoke", "paper"],
)
def test_every_config_makes_the_whole_dag(fresh, overlays, shards):
    jobs = fresh.jobs(overlays=overlays)
    assert set(jobs) == EVERY_RULE
    assert jobs["shells_members"] == shards


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "shels: {}",
            "config: shels = {}: unknown key; allowed here: data, device, dtype, figure_formats, run, shells",
        ),
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
