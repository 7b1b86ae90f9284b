"""Tables from synthetic records whose answers are known: exact power laws, curves, and accounts that add up."""

import numpy as np
import pandas as pd
import pytest

from scalinglaws.claims import INCONCLUSIVE, judge
from scalinglaws.fits import seed_interval
from scalinglaws.shells.orders import EXPECTED_ORDERS
from scalinglaws.shells.tables import orders, sweep, widths
from scalinglaws.shells.tables.common import (
    N_TIMES,
    at_times,
    common_times,
    group_by,
    log_mean_with_interval,
    mean_with_interval,
)

TIMES = np.append(0.0, np.geomspace(0.5, 50.0, N_TIMES))
WINDOWS, OFFSETS = ["sharp", "smooth"] * 3, [0.25, -0.25, 0.0, 0.0, -0.25, 0.25]
SHARP, SMOOTH = 2, 3
EDGES = np.array([0.0, 0.1, 0.2, 0.4, 0.8, np.inf])
CONTRAST = {"lazy": 0.001, "rich": 10.0}
LAZY = (0.001, 0.01, 0.1, 10.0)


def account(rng, exchange):
    """Energies (T, S), dissipation, transfer and crossing (T - 1, S) whose books close; the loss is independent of
    `exchange`, which scales what shells give each other."""
    n_steps, n_shells = len(TIMES) - 1, len(EDGES) - 1
    dissipation = rng.uniform(0.0, 1e-3, (n_steps, n_shells))
    transfer, crossing = (
        exchange * (x - x.mean(1, keepdims=True)) for x in rng.normal(0, 1e-3, (2, n_steps, n_shells))
    )
    energy = 0.4 + np.vstack([np.zeros(n_shells), np.cumsum(transfer + crossing - dissipation, axis=0)])
    return energy, dissipation, transfer, crossing


def record(dataset="digits", richness=0.001, seed=0, *, scale=1.0, **changes):
    """A member of the sweep as it is loaded: every entry an array. Each partition has its own exchanges."""
    seed_of_draws = [seed, round(1000 * richness), len(dataset)]
    accounts = [account(np.random.default_rng(seed_of_draws), 1.0 + p**2) for p in range(len(WINDOWS))]
    energy, dissipation, transfer, crossing = (np.array(arrays) for arrays in zip(*accounts, strict=True))
    steps = (len(WINDOWS), len(TIMES) - 1)
    made = {
        **{"dataset": dataset, "richness": richness, "width": 8, "seed": seed, "time": TIMES},
        **{"window": WINDOWS, "grid_offset": OFFSETS, "edges": [EDGES] * len(WINDOWS)},
        **{"energy": energy, "dissipation": dissipation, "transfer": transfer, "crossing": crossing},
        "loss": energy[0].sum(1),
        "lazy_loss": 2 * energy[0].sum(1),
        "kernel_drift": 2.0 * scale * richness * np.linspace(0, 1, len(TIMES)),
        "deviation": scale * np.linspace(0, richness, len(TIMES)),
        "trace": np.linspace(3.0, 6.0, len(TIMES)),
        "eigenvalues": scale * np.outer(1 + TIMES, [1.0, 2.0, 3.0, 4.0, 5.0]),
        **{name: np.full(steps, 1e-15) for name in ("closure", "self_transfer", "net_transfer")},
        **changes,
    }
    return {name: np.asarray(value) for name, value in made.items()}


def records(datasets=("digits", "power_law"), richness=LAZY, seeds=(0, 1, 2)):
    return [record(d, r, s, scale=1.0 + s) for d in datasets for r in richness for s in seeds]


def run_table(exponents, richness=LAZY[:3], seeds=(0, 1, 2), dataset="digits"):
    """A table of runs whose quantities are exact power laws of richness, with a factor per seed."""
    rows = [
        {"dataset": dataset, "richness": r, "seed": s} | {name: (1 + s) * r**p for name, p in exponents.items()}
        for r in richness
        for s in seeds
    ]
    return pd.DataFrame(rows)


SLOPES = {"kernel_drift": 1.0, "deviation": 0.5, "exchange_smooth": 2.0}

# --- common ---------------------------------------------------------------------------------------------------------


def test_records_are_grouped_and_sorted_by_value():
    groups = group_by(
        [record("b", 0.1), record("a", 3.0), record("a", 0.1), record("b", 0.1, 1)], "dataset", "richness"
    )
    assert [values for values, _ in groups] == [("a", 0.1), ("a", 3.0), ("b", 0.1)]
    assert [int(one["seed"]) for one in groups[2][1]] == [0, 1]


def test_common_times_are_those_that_all_records_have():
    times = common_times([{"time": np.array([0, 0.1, 7, 100])}, {"time": np.array([0, 0.4, 50.0])}])
    assert len(times) == N_TIMES
    np.testing.assert_allclose(times[[0, -1]], [0.4, 50.0])
    np.testing.assert_allclose(np.diff(np.log(times)), np.log(125) / (N_TIMES - 1))


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_what_is_linear_in_log_time_is_interpolated_exactly(shape):
    slope, offset = (np.random.default_rng(seed).normal(size=shape) for seed in (0, 1))
    time = np.array([0.0, 0.3, 0.5, 4.0, 90.0])
    values = np.array([offset + slope * np.log(t) if t > 0 else np.full(shape, 1e9) for t in time])
    wanted = np.array([0.3, 0.41, 1.0, 4.0, 33.0, 90.0])
    ours = at_times({"time": time}, values, wanted)
    assert ours.shape == (len(wanted), *shape)
    np.testing.assert_allclose(ours, [offset + slope * np.log(t) for t in wanted], rtol=1e-12)


def test_a_single_seed_has_no_interval():
    low, high = seed_interval(np.ones((1, 3)))
    assert low.shape == high.shape == (3,)
    assert np.isnan([low, high]).all()
    alone = log_mean_with_interval([[2.0, 8.0]])
    np.testing.assert_allclose(alone["value"], [2.0, 8.0])
    assert np.isnan([alone["low"], alone["high"]]).all()


def test_intervals_hold_the_mean_shrink_with_seeds_and_move_with_the_data():
    samples = np.random.default_rng(0).normal(5.0, 1.0, (40, 2))
    few, many, moved = (mean_with_interval(part) for part in (samples[:5], samples, samples - 7.0))
    for columns in (few, many):
        assert (columns["low"] < columns["value"]).all()
        assert (columns["value"] < columns["high"]).all()
    assert (many["high"] - many["low"] < few["high"] - few["low"]).all()
    np.testing.assert_allclose(many["value"], samples.mean(0))
    for name in many:
        np.testing.assert_allclose(moved[name], many[name] - 7.0)


def test_the_logarithmic_mean_is_geometric_and_bears_zero():
    ours = log_mean_with_interval([[1.0, 0.0], [100.0, 0.0]])
    assert ours["value"][0] == pytest.approx(10.0)
    assert ours["low"][0] == pytest.approx(1.0)
    assert ours["high"][0] == pytest.approx(100.0)
    assert 0 < ours["value"][1] < 1e-300


# --- runs and slopes ------------------------------------------------------------------------------------------------


def test_a_run_is_summed_up_by_hand():
    one = record(seed=3)
    row = sweep.runs([one]).iloc[0]
    dissipated = one["dissipation"].sum((1, 2))
    exchanged = [sum(abs(step).sum() / 2 for step in one["transfer"][p] + one["crossing"][p]) for p in range(6)]
    assert (row.dataset, row.richness, row.width, row.seed, row.n_steps) == ("digits", 0.001, 8, 3, N_TIMES)
    assert (row.first_loss, row.final_loss, row.lazy_final_loss) == (
        one["loss"][0],
        one["loss"][-1],
        2 * one["loss"][-1],
    )
    assert (row.kernel_drift, row.deviation, row.trace_growth) == pytest.approx((0.002, 0.001, 2.0))
    assert row.exchange_sharp == pytest.approx(exchanged[SHARP] / dissipated[0])
    assert row.exchange_smooth == pytest.approx(exchanged[SMOOTH] / dissipated[0])
    assert row.exchange_sharp < row.exchange_smooth
    assert (row.closure, row.self_transfer, row.net_transfer) == (1e-15, 1e-15, 1e-15)
    assert row.dissipation_gap < 1e-13


@pytest.mark.parametrize("name", ["closure", "self_transfer", "net_transfer"])
def test_the_worst_step_of_the_worst_partition_is_kept(name):
    violated = np.full((len(WINDOWS), N_TIMES), 1e-15)
    violated[1, 7] = 1e-3
    assert sweep.runs([record(**{name: violated})])[name].tolist() == [1e-3]


def test_the_largest_deviation_counts_and_the_last_drift():
    hump = 1.0 - np.abs(np.linspace(-1, 1, len(TIMES)))
    row = sweep.runs([record(deviation=hump, kernel_drift=hump)]).iloc[0]
    assert row.deviation == pytest.approx(1.0, abs=0.02)
    assert row.kernel_drift == 0.0


def test_energy_that_was_lost_without_dissipation_shows():
    lossy = record()
    lossy["dissipation"][1] *= 0.9
    gap = 0.1 * lossy["dissipation"][0].sum() / lossy["loss"][0]
    assert sweep.runs([lossy]).dissipation_gap[0] == pytest.approx(gap)


def test_exact_power_laws_of_richness_are_recovered():
    both = [run_table(SLOPES), run_table({name: -p for name, p in SLOPES.items()}, dataset="other")]
    rows = sweep.lazy_slopes(pd.concat(both))
    assert tuple(rows.columns) == sweep.SLOPE_COLUMNS
    expected = {("digits", name): p for name, p in SLOPES.items()} | {("other", name): -p for name, p in SLOPES.items()}
    assert dict(zip(zip(rows.dataset, rows.quantity, strict=True), rows.slope, strict=True)) == pytest.approx(expected)
    for bound in ("low", "high"):
        np.testing.assert_allclose(rows[bound], rows.slope, atol=1e-12)
    assert set(zip(rows.window_low, rows.window_high, strict=True)) == {(0.001, 0.1)}
    assert (rows.seeds == 3).all()


def test_only_the_lazy_window_counts():
    bent = pd.concat([run_table(SLOPES), run_table({name: 9.0 for name in SLOPES}, richness=(0.11, 0.3, 1.0))])
    assert sweep.lazy_slopes(bent).slope.tolist() == pytest.approx(list(SLOPES.values()))


def test_seeds_that_lack_a_run_are_left_out():
    table = run_table(SLOPES)
    table.loc[table.seed == 1, list(SLOPES)] *= table.richness[table.seed == 1].to_numpy()[:, None]
    rows = sweep.lazy_slopes(table[(table.seed != 1) | (table.richness != 0.01)])
    assert rows.slope.tolist() == pytest.approx(list(SLOPES.values()))
    assert (rows.seeds == 2).all()


def test_the_slope_is_that_of_the_mean_over_seeds_and_the_interval_spans_them():
    tables = [
        run_table({name: p + shift for name, p in SLOPES.items()}, seeds=(seed,))
        for seed, shift in enumerate((-0.2, 0.2))
    ]
    row = sweep.lazy_slopes(pd.concat(tables)).iloc[0]
    assert (row.slope, row.low, row.high) == pytest.approx((1.0, 0.8, 1.2))


def test_fewer_than_three_richness_values_give_no_slope_but_the_columns():
    two = sweep.lazy_slopes(run_table(SLOPES, richness=(0.01, 0.1, 0.3)))
    assert two.empty
    assert tuple(two.columns) == sweep.SLOPE_COLUMNS
    mixed = pd.concat([run_table(SLOPES), run_table(SLOPES, richness=(0.01, 1.0), dataset="few")])
    assert set(sweep.lazy_slopes(mixed).dataset) == {"digits"}


def test_members_missing_from_every_seed_cost_a_row_not_the_table():
    table = run_table(SLOPES, richness=(0.001, 0.01, 0.03, 0.1))
    kept = table[(table.seed != 0) | (table.richness != 0.01)]
    kept = kept[(kept.seed == 0) | (kept.richness != 0.03)]
    whole = run_table(SLOPES, dataset="whole")
    assert set(sweep.lazy_slopes(pd.concat([kept, whole])).dataset) == {"whole"}


def assert_judged_by_no_interval(slopes, column):
    """A single curve's residuals say nothing of other seeds: no interval, and no verdict, however wide the band."""
    assert (slopes.seeds == 1).all()
    assert slopes[["low", "high"]].isna().all(axis=None)
    assert slopes[column].notna().all()
    assert {judge(s, low, high, -1e9, 1e9) for s, low, high in slopes[[column, "low", "high"]].values} == {INCONCLUSIVE}


def test_a_single_seed_has_a_slope_without_an_interval():
    rows = sweep.lazy_slopes(run_table(SLOPES, seeds=(3,)))
    assert rows.slope.tolist() == pytest.approx(list(SLOPES.values()))
    assert_judged_by_no_interval(rows, "slope")


# --- curves ---------------------------------------------------------------------------------------------------------


def test_loss_curves_are_geometric_means_on_common_times():
    curve = np.append(1.0, 3.0 - 0.2 * np.log(TIMES[1:]))
    members = [record(seed=s, loss=factor * curve, lazy_loss=factor**2 * curve) for s, factor in enumerate((1.0, 4.0))]
    members[1] = {
        name: value[:60] if len(np.shape(value)) and len(value) == 81 else value for name, value in members[1].items()
    }
    table = sweep.loss_curves(members)
    np.testing.assert_allclose(table.time.iloc[[0, -1]], [0.5, TIMES[59]])
    expected = 3.0 - 0.2 * np.log(table.time)
    np.testing.assert_allclose(table.value, 2 * expected, rtol=1e-12)
    np.testing.assert_allclose(table.lazy_loss, 4 * expected, rtol=1e-12)
    np.testing.assert_allclose((table.low, table.high), (expected, 4 * expected), rtol=1e-9)
    assert set(table.seeds) == {2}


def test_curves_keep_each_data_set_and_richness_apart():
    table = sweep.loss_curves(records())
    groups = table.groupby(["dataset", "richness"]).size()
    assert list(groups.index) == [(d, r) for d in ("digits", "power_law") for r in LAZY]
    assert set(groups) == {N_TIMES}


def test_spectra_count_ranks_from_the_largest_in_the_contrasted_regimes():
    table = sweep.spectra(records(), CONTRAST)
    assert set(table.richness) == set(CONTRAST.values())
    assert sorted(set(table["rank"])) == [1, 2, 3, 4]
    of_rank = table[(table.dataset == "digits") & (table.richness == 10.0)].pivot(index="time", columns="rank")["value"]
    for rank in (1, 2, 3, 4):
        growth = of_rank[rank].to_numpy()[[0, -1]] / (1 + TIMES[[1, -1]])
        np.testing.assert_allclose(growth, 6 ** (1 / 3) * (6 - rank), rtol=1e-12)


def test_energy_shares_add_up_to_the_share_of_the_loss():
    table = sweep.energy_maps(records(), CONTRAST)
    for (dataset, richness), group in table.groupby(["dataset", "richness"]):
        runs = [record(dataset, richness, seed) for seed in range(3)]
        expected = np.mean([run["loss"][1:] / run["loss"][0] for run in runs], axis=0)
        np.testing.assert_allclose(group.groupby("time").share.sum(), expected, rtol=1e-10)
        by_shell = group.pivot(index="time", columns="shell", values="share").to_numpy()
        shares = np.mean([run["energy"][SHARP, 1:] / run["loss"][0] for run in runs], axis=0)
        np.testing.assert_allclose(by_shell, shares, rtol=1e-10)
        np.testing.assert_allclose(group.top_eigenvalue, 5 * 6 ** (1 / 3))
        edges = group.drop_duplicates("shell")
        np.testing.assert_allclose(edges.low_edge, EDGES[:-1] / 5)
        np.testing.assert_allclose(edges.high_edge, EDGES[1:] / 5)


def test_shells_that_stay_empty_are_left_out():
    one = record()
    one["energy"][SHARP, :, 1] = 1e-14
    one["energy"][SHARP, :, 3] = 0.0
    one["energy"][SHARP, 7, 3] = 1e-3
    assert sorted(set(sweep.energy_maps([one], CONTRAST).shell)) == [0, 2, 3, 4]


def test_budget_terms_add_up_to_the_measured_change_of_the_shell():
    members = records()
    table = sweep.shell_budgets(members, CONTRAST)
    assert set(table.richness) == set(CONTRAST.values())
    for (dataset, richness), group in table.groupby(["dataset", "richness"]):
        (shell,) = set(group.shell)
        runs = [one for one in members if (one["dataset"], one["richness"]) == (dataset, richness)]
        value = group.pivot(index="time", columns="term", values="value")
        for term, sign in (("dissipation", -1), ("transfer", 1), ("crossing", 1)):
            sums = [sign * np.cumsum(one[term][SMOOTH, :, shell]) / one["loss"][0] for one in runs]
            np.testing.assert_allclose(value[term], np.mean(sums, axis=0), atol=1e-13)
        np.testing.assert_allclose(value["sum"], value.dissipation + value.transfer + value.crossing, atol=1e-13)
        np.testing.assert_allclose(value["measured"], value["sum"], atol=1e-13)
        changes = [
            (one["energy"][SMOOTH, 1:, shell] - one["energy"][SMOOTH, 0, shell]) / one["loss"][0] for one in runs
        ]
        np.testing.assert_allclose(value["measured"], np.mean(changes, axis=0), atol=1e-13)
        assert (group.low <= group.value + 1e-15).all()
        assert (group.value <= group.high + 1e-15).all()
        np.testing.assert_allclose([group.low_edge.iloc[0], group.high_edge.iloc[0]], EDGES[shell : shell + 2] / 5)


@pytest.mark.parametrize("shell", range(5))
def test_the_shell_shown_is_the_busiest_of_the_rich_runs(shell):
    lazy, rich = record(richness=0.001), record(richness=10.0)
    lazy["transfer"][SMOOTH, 3, (shell + 1) % 5] = 99.0
    rich["crossing"][SMOOTH, 3, shell] = -9.0
    rich["transfer"][SHARP, 3, (shell + 2) % 5] = 99.0
    assert set(sweep.shell_budgets([lazy, rich], CONTRAST).shell) == {shell}


def test_without_a_rich_run_the_lazy_ones_choose_the_shell():
    lazy = record(richness=0.001)
    lazy["transfer"][SMOOTH, 3, 4] = 99.0
    assert set(sweep.shell_budgets([lazy], CONTRAST).shell) == {4}


def test_one_seed_draws_without_intervals():
    members = records(seeds=(0,))
    tables = [sweep.loss_curves(members), sweep.spectra(members, CONTRAST), sweep.shell_budgets(members, CONTRAST)]
    for table in tables:
        assert table[["low", "high"]].isna().all(axis=None)
        assert table.value.notna().all()
        assert set(table.seeds) == {1}


# --- widths and orders ----------------------------------------------------------------------------------------------


def width_record(held, width, seed, exponent):
    measured = {"deviation": (1 + seed) * width**exponent, "kernel_drift": 5.0 * width ** (2 * exponent)}
    place = {"dataset": "digits", "held": held, "value": 0.1, "width": width, "richness": 0.1, "seed": seed}
    return {name: np.asarray(value) for name, value in {**place, **measured, "left_out": 1.0}.items()}


def test_exact_power_laws_of_width_are_recovered():
    held = {"richness": -1.0, "richness0": 0.0}
    members = [width_record(h, w, s, p) for h, p in held.items() for w in (64, 16, 32, 128) for s in (0, 1, 2)]
    runs = widths.runs(members)
    assert tuple(runs.columns) == widths.COLUMNS
    assert runs.dtypes.astype(str).loc[["value", "width", "seed", "deviation"]].tolist() == [
        "float64",
        "int64",
        "int64",
        "float64",
    ]
    rows = widths.width_slopes(runs).set_index(["held", "quantity"])
    expected = [(h, q, p * k) for h, p in held.items() for q, k in (("deviation", 1), ("kernel_drift", 2))]
    for where, quantity, slope in expected:
        row = rows.loc[(where, quantity)]
        assert (row.slope, row.low, row.high) == pytest.approx((slope,) * 3, abs=1e-10)
        assert (row.dataset, row.value, row.seeds) == ("digits", 0.1, 3)
    assert len(rows) == len(expected)


def test_a_single_seed_has_width_slopes_without_intervals():
    members = [width_record("richness", width, 0, -0.5) for width in (16, 32, 64)]
    rows = widths.width_slopes(widths.runs(members))
    assert rows.slope.tolist() == pytest.approx([-1.0, -0.5])
    assert_judged_by_no_interval(rows, "slope")


def order_record(dataset, seed):
    steps = np.array([0.08, 0.04, 0.02, 0.01])
    errors = {name: (1 + seed) * steps**order for name, order in EXPECTED_ORDERS.items()}
    return {"dataset": np.asarray(dataset), "seed": np.asarray(seed), "step": steps, "error": errors}


def test_exact_orders_are_recovered_with_the_error_at_the_smallest_step():
    errors = orders.errors([order_record(dataset, seed) for dataset in ("a", "b") for seed in (0, 1, 4)])
    assert len(errors) == 2 * 3 * 4 * len(EXPECTED_ORDERS)
    one = errors[(errors.quantity == "ode central") & (errors.seed == 4) & (errors.dataset == "b")]
    assert one.step.tolist() == [0.08, 0.04, 0.02, 0.01]
    np.testing.assert_allclose(one.error, 5 * one.step**2)
    fits = orders.order_fits(errors)
    assert sorted(zip(fits.dataset, fits.quantity, strict=True)) == sorted(
        (d, q) for d in "ab" for q in EXPECTED_ORDERS
    )
    expected = fits.quantity.map(EXPECTED_ORDERS)
    assert (fits.expected == expected).all()
    for column in ("order", "low", "high"):
        np.testing.assert_allclose(fits[column], expected, atol=1e-10)
    np.testing.assert_allclose(fits.median_smallest_error, 2 * 0.01**expected)
    assert (fits.seeds == 3).all()


def test_a_single_seed_has_orders_without_intervals():
    fits = orders.order_fits(orders.errors([order_record("a", 7)]))
    np.testing.assert_allclose(fits.order, fits.expected, atol=1e-10)
    assert_judged_by_no_interval(fits, "order")


# --- nothing left ---------------------------------------------------------------------------------------------------


def every_table(of_sweep, of_widths, of_orders):
    """All tables of the three experiments by name."""
    runs, width_runs, errors = sweep.runs(of_sweep), widths.runs(of_widths), orders.errors(of_orders)
    curves = {name: getattr(sweep, name)(of_sweep, CONTRAST) for name in ("spectra", "energy_maps", "shell_budgets")}
    slopes = {"lazy_slopes": sweep.lazy_slopes(runs), "width_slopes": widths.width_slopes(width_runs)}
    fits = {"order_errors": errors, "order_fits": orders.order_fits(errors)}
    return {"runs": runs, "loss_curves": sweep.loss_curves(of_sweep), "widths": width_runs, **curves, **slopes, **fits}


def test_without_any_member_left_the_tables_are_empty_and_have_their_columns():
    of_widths = [width_record("richness", width, 0, -0.5) for width in (16, 32, 64)]
    full, empty = every_table(records(), of_widths, [order_record("a", 0)]), every_table([], [], [])
    for name, table in empty.items():
        assert table.empty
        assert not full[name].empty
        assert table.columns.tolist() == full[name].columns.tolist(), name


def test_regimes_whose_members_all_diverged_leave_empty_tables():
    between = records(richness=(0.01, 0.1))
    for table in (sweep.spectra, sweep.energy_maps, sweep.shell_budgets):
        assert table(between, CONTRAST).empty
