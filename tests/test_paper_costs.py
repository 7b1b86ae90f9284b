"""The cost table of the paper run: of all its experiments as they are set today, on its page, in sound shards."""

import importlib
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from scalinglaws.settings import member_settings
from scalinglaws.store import load_table

ROOT = Path(__file__).resolve().parents[1]
TABLE = load_table(ROOT / "figures/tables/paper_costs.csv")
# Three quarters of the hours that the Slurm profile asks for: an estimate may be too low by a third.
LONGEST = 1.5
# More members than this are worth more than one job.
FEW = 50


@pytest.fixture(scope="module")
def tool():
    """What tools/costs.py and the modules beside it define."""
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        modules = [importlib.import_module(name) for name in ("cost_plans", "cost_pieces", "costs")]
    finally:
        sys.path.remove(str(ROOT / "tools"))
    return SimpleNamespace(**{name: value for module in modules for name, value in vars(module).items()})


# --- the table --------------------------------------------------------------------------------------------------------


def test_every_experiment_has_a_row_and_a_plan(tool):
    places = list(zip(TABLE.study, TABLE.experiment, strict=True))
    assert places == list(tool.EXPERIMENTS)
    assert {experiment for _, experiment in places} <= set(tool.PLANS)


def test_the_rows_are_of_the_settings_of_today(tool):
    """Where this fails: `python tools/costs.py EXPERIMENT`."""
    config, stale = tool.paper_settings(), []
    for row in TABLE.itertuples():
        module = importlib.import_module(f"scalinglaws.{row.study}.experiments.{row.experiment}")
        members = module.members(member_settings(config, tool.STUDIES, row.study, row.experiment))
        if (len(members), config[row.study][row.experiment]["shards"]) != (row.members, row.shards):
            stale.append(row.experiment)
    assert stale == []


def test_no_member_of_the_paper_run_is_run_twice(tool):
    config, twice = tool.paper_settings(), []
    for study, experiment in tool.EXPERIMENTS:
        module = importlib.import_module(f"scalinglaws.{study}.experiments.{experiment}")
        members = list(map(repr, module.members(member_settings(config, tool.STUDIES, study, experiment))))
        twice += [experiment] if len(set(members)) < len(members) else []
    assert twice == []


def test_shards_have_members_and_are_neither_too_few_nor_too_long():
    assert (TABLE.shards <= TABLE.members).all()
    assert TABLE.experiment[(TABLE.members > FEW) & (TABLE.shards == 1)].tolist() == []
    assert TABLE.experiment[TABLE.longest_shard_hours > LONGEST].tolist() == []


def test_hours_are_bounded_by_the_work_and_by_the_longest_shard():
    """Each number is rounded to two digits, so to 5 % where both are at their worst, one up and one down."""
    for cores in (2, 16):
        hours = TABLE[f"hours_{cores}_cores"]
        least = np.maximum(TABLE.cpu_hours / cores, TABLE.longest_shard_hours)
        assert (hours >= 0.9 * least).all()
        assert (hours <= 1.1 * (TABLE.cpu_hours / cores + TABLE.longest_shard_hours)).all()


def test_what_was_not_run_whole_is_said_to_be_extrapolated_and_no_gpu_is_claimed():
    assert TABLE.how.str.fullmatch(r"measured|extrapolated x\d+(\.\d+)?").all()
    assert TABLE.gpu.str.startswith(("no use: ", "not measured: ")).all()
    assert TABLE.torch_share.between(0, 1, inclusive="left").all()


def test_the_table_of_the_page_is_the_sum_over_experiments(tool):
    page = (ROOT / "docs/paper-size.md").read_text(encoding="utf-8")
    assert page.count("\n| ") == 2 + len(tool.STUDIES)
    assert tool.with_rows(page, tool.page_rows(TABLE)) == page


# --- how it is found --------------------------------------------------------------------------------------------------


def test_settings_are_scaled_where_asked_and_nowhere_else(tool):
    settings = {"data": {"a": {"n": 80, "dim": 3}, "b": {"n": 8}}, "cases": [{"width": 64}, {}], "widths": [16, 40]}
    small = tool.scaled(settings, ("data.*.n", "cases.*.width", "widths"), 1 / 8)
    assert small == {"data": {"a": {"n": 10, "dim": 3}, "b": {"n": 2}}, "cases": [{"width": 8}, {}], "widths": [2, 5]}
    assert tool.scaled(settings, ("widths",), 1) == settings


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.7])
def test_a_power_law_is_continued_exactly(tool, exponent):
    values = {fraction: 3.0 * fraction**exponent for fraction in (1 / 8, 1 / 4, 1 / 2)}
    assert tool.continued(values, 1, growth=9.0) == pytest.approx(3.0, rel=1e-12)
    assert tool.continued({1 / 4: 2.0}, 1, growth=exponent) == pytest.approx(2.0 * 4**exponent, rel=1e-12)


@pytest.mark.parametrize(
    ("jobs", "cores", "expected"), [([3, 1, 2], 1, 6), ([3, 1, 2], 2, 3), ([1, 1, 4], 2, 5), ([1, 9], 16, 9)]
)
def test_jobs_start_on_the_core_that_is_free_first(tool, jobs, cores, expected):
    assert tool.makespan(jobs, cores) == expected


def _busy(settings, member):
    end = time.process_time() + member * settings["seconds"]
    while time.process_time() < end:
        pass


def _experiment(run):
    return SimpleNamespace(run=run, members=lambda settings: settings["members"])


def test_pieces_are_timed_and_stopped_and_may_fail(tool):
    experiment, settings = _experiment(_busy), {"seconds": 0.1, "members": [1, 100]}
    # The timer that stops a piece counts in ticks of the clock, to a hundredth of a second.
    whole, stopped = (tool.piece(experiment, settings, index, 0.3) for index in (0, 1))
    assert whole.finished
    assert 0.1 <= whole.seconds < 0.3
    assert not stopped.finished
    assert 0.28 <= stopped.seconds < 1
    assert tool.piece(_experiment(lambda settings, member: 1 / 0), settings, 0, 0.3) is None


def test_members_too_long_to_be_run_are_extrapolated(tool):
    """Seconds that grow as the square of a size, which an eighth and a quarter of tell."""
    experiment = _experiment(lambda settings, member: _busy({"seconds": 4 * (settings["size"] / 80) ** 2}, member))
    costs = tool.Costs(experiment, {"size": 80, "members": [1]}, tool.Plan(("size",), growth=2.0), 0.4)
    found = costs(0)
    assert not found.whole
    assert found.seconds == pytest.approx(4.0, rel=0.3)
    assert costs.spent == pytest.approx(1 / 16 + 1 / 4, rel=0.3)
