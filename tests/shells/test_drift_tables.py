"""Tables of the drift experiment: from modes whose drift is known, and from tiny real runs, complete and with gaps."""

import numpy as np
import pandas as pd
import pytest
from drift_runs import SETTINGS, WINDOWS, records
from drift_runs import tables as real_tables

from scalinglaws.shells import SplineShells
from scalinglaws.shells.closures import power_law_drift
from scalinglaws.shells.drift import drift_exponent, fit_drift
from scalinglaws.shells.partition import anchored_edges
from scalinglaws.shells.selfsimilar import resolution_frontier
from scalinglaws.shells.tables import drift, selfsimilar, transport
from scalinglaws.shells.tables.cases import CASE, make_cases, nearest_snapshots
from scalinglaws.shells.transport import PowerLawDrift, characteristics

COLUMNS = {
    "drift_runs": drift.RUN_COLUMNS,
    "drift_fits": drift.FIT_COLUMNS,
    "drift_form": drift.FORM_COLUMNS,
    "drift_profiles": drift.PROFILE_COLUMNS,
    "transport_errors": transport.ERROR_COLUMNS,
    "transport_curves": transport.CURVE_COLUMNS,
    "transport_profiles": transport.PROFILE_COLUMNS,
    "transport_solvers": transport.SOLVER_COLUMNS,
    "collapse": selfsimilar.COLLAPSE_COLUMNS,
    "collapse_profiles": selfsimilar.PROFILE_COLUMNS,
    "frontier": selfsimilar.FRONTIER_COLUMNS,
    "frontier_slopes": selfsimilar.SLOPE_COLUMNS,
    "effective_time": selfsimilar.TIME_COLUMNS,
    "effective_time_fits": selfsimilar.TIME_FIT_COLUMNS,
}
# What makes a row of each table the only one of its kind.
KEYS = {
    "drift_runs": ["seed"],
    "drift_fits": ["shell_ratio", "region", "growth"],
    "drift_profiles": ["position"],
    "transport_errors": ["law", "learned_from", "windows"],
    "transport_curves": ["law", "learned_from", "windows", "time"],
    "transport_profiles": ["dynamics", "time", "shell"],
    "collapse": ["dynamics"],
    "collapse_profiles": ["dynamics", "time", "position"],
    "frontier": ["dynamics", "time"],
    "frontier_slopes": ["dynamics"],
    "effective_time": ["quantity", "time"],
    "effective_time_fits": ["quantity"],
}
NETWORK = {"depth": 2, "width": 16, "activation": "tanh"}
OFFSETS, RATIOS = [-0.25, 0.0], ("2.0", "4.0")


USUAL = {**NETWORK, "dataset": "synthetic", "richness0": 1.0}


def of_case(table, dataset="synthetic", richness0=1.0, **network):
    for name, value in {"dataset": dataset, "richness0": richness0, **NETWORK, **network}.items():
        table = table[table[name] == value]
    return table


def one(table, **where):
    """The only row with these values."""
    for name, value in where.items():
        table = table[table[name] == value]
    assert len(table) == 1
    return table.iloc[0]


# --- records whose answers are known --------------------------------------------------------------------------------


def record(seed, *, rate=0.1, top=1.0, steps=300, duration=20.0, value=1.0):
    """Modes over three decades below `top` that all grow as exp(rate t), decay by their exposure, and do not turn."""
    rng = np.random.default_rng(seed)
    start, energy = np.sort(top * 10 ** rng.uniform(-3, 0, 25)), rng.uniform(0.5, 1, 25)
    time = np.concatenate([[0.0], np.geomspace(0.02, duration, steps)])
    learning = np.expm1(rate * time) / rate if rate else time
    eigenvalues = start * np.exp(rate * time)[:, None]
    mode_energy = energy * np.exp(-2 * np.outer(learning, start))
    made = {
        **{"dataset": "made_up", "value": value, "seed": seed, **NETWORK, "grid_offset": OFFSETS},
        **{"time": time, "loss": mode_energy.sum(1), "eigenvalues": eigenvalues, "mode_energy": mode_energy},
    }
    return {**made, "grids": {ratio: grid(eigenvalues, mode_energy, float(ratio)) for ratio in RATIOS}}


def grid(eigenvalues, mode_energy, ratio):
    """Energies in spline shells and their crossings, as the budget books them for modes that do not turn."""
    edges = [anchored_edges(eigenvalues[0].max(), ratio, grid_offset=offset) for offset in OFFSETS]
    windows = np.array([[SplineShells(of_grid).windows(row) for row in eigenvalues] for of_grid in edges])
    crossing = np.einsum("ptsu,tu->pts", np.diff(windows, axis=1), (mode_energy[1:] + mode_energy[:-1]) / 2)
    energy = np.einsum("ptsu,tu->pts", windows, mode_energy)
    none = np.zeros_like(crossing)
    return {"edges": np.array(edges), "energy": energy, "crossing": crossing, "transfer": none, "closure": none[..., 0]}


@pytest.fixture(scope="module")
def known():
    """Records of three seeds and their tables."""
    made = [record(seed) for seed in range(3)]
    return made, drift.tables(made, windows=WINDOWS)


def test_common_growth_has_exponent_one_goes_up_and_leaves_nothing_without_growth(known):
    """Up to the steps' error, which is 1e-3 of the velocity: what is left without growth is as small, of any sign."""
    fits = known[1]["drift_fits"]
    kept = fits[fits.growth == "kept"]
    assert set(kept.region) == {"all", "unlearned", "frontier", "learned"}
    assert set(kept.shell_ratio) == {2.0, 4.0}
    np.testing.assert_allclose(kept[["exponent", "low", "high", "offset_low", "offset_high"]], 1, atol=0.01)
    np.testing.assert_allclose(kept[["share_up", "share_up_energy", "up_low", "up_high"]], 1)
    np.testing.assert_allclose(kept[["explained_one", "explained_best"]], 1, atol=1e-4)
    assert set(kept.best_explained) == {1.0}
    assert (kept.residual_rms < 0.01).all()
    np.testing.assert_allclose(known[1]["drift_form"][["difference", "low", "high"]], 0, atol=0.01)
    for field in make_cases(known[0], **WINDOWS)[0].main_fields:
        left = field.without_growth()
        assert np.abs(left.passed).max() < 2e-3 * np.abs(field.passed).max()


def test_the_profile_of_common_growth_is_flat(known):
    np.testing.assert_allclose(known[1]["drift_profiles"][["value", "low", "high"]], 1, atol=0.01)
    assert known[1]["drift_profiles"].position.nunique() > 10


def test_a_law_that_holds_predicts_and_one_that_does_not_errs_by_what_it_leaves_out(known):
    """The lazy law's error, ln sum e exp(-2 lambda t) / sum e exp(-2 lambda T), in closed form at the same times."""
    made, found = known
    errors = found["transport_errors"].set_index(["law", "learned_from", "windows"])
    for law in ("growth only", "exponent 1", "fitted exponent"):
        row = errors.loc[(law, "other seeds", 12)]
        # The measured loss is interpolated between snapshots 2 % apart; c is off by the steps' 1e-3.
        assert max(row.loss_error, row.late_error) < 0.01, law
        assert row.shells_error < 0.03, law
        assert row.gain > 50, law
    times, expected = np.geomspace(0.3, 20, 33), []
    for of_run in made:
        start, energy = of_run["eigenvalues"][0], of_run["mode_energy"][0]
        lazy, true = (np.exp(-2 * np.outer(clock, start)) @ energy for clock in (times, np.expm1(0.1 * times) / 0.1))
        expected.append(np.log(lazy / true))
    row = errors.loc[("lazy", "nothing", 12)]
    assert row.loss_error == pytest.approx(np.mean(expected), abs=1e-3)
    assert row.late_error == pytest.approx(np.mean(np.array(expected)[:, times >= 1.999]), abs=2e-3)
    np.testing.assert_allclose(row[["gain", "gain_low", "gain_high"]].astype(float), 1)


def test_the_solver_keeps_energy_and_agrees_with_characteristics(known):
    for table in (known[1]["transport_solvers"], real_tables()["transport_solvers"]):
        assert (table.conservation <= 1e-12).all()
        # Of second order in cells of 1/12 of an e-fold.
        assert (table.difference < 0.01).all()


def test_clocks_of_common_growth_are_closed_forms(known):
    clocks = known[1]["effective_time"]
    for quantity, of in (("drift time", lambda t: 0.1 * t), ("learning time", lambda t: np.expm1(0.1 * t) / 0.1)):
        rows = clocks[clocks.quantity == quantity]
        for name in ("value", "low", "high"):
            np.testing.assert_allclose(rows[name], of(rows.time), rtol=3e-3)
        slope = one(known[1]["effective_time_fits"], quantity=quantity)
        late = np.geomspace(1, 20, 33)
        late = late[late >= 2]
        expected = np.polyfit(np.log(late), np.log(of(late)), 1)[0]
        assert slope.exponent == pytest.approx(expected, abs=3e-3)
        assert (slope.window_low, slope.window_high) == pytest.approx((late[0], 20), rel=1e-12)


def test_under_common_growth_every_dynamics_but_the_lazy_one_is_the_measured_one(known):
    """As near as the snapshots, 2 % apart, and the steps' 1e-3 of the velocity let it."""
    fronts = known[1]["frontier"].pivot(index="time", columns="dynamics", values="value")
    np.testing.assert_allclose(fronts["exponent 1"], fronts["measured"], rtol=0.03)
    slopes = known[1]["frontier_slopes"].set_index("dynamics")
    assert slopes.loc["measured"].log_error == 0
    assert slopes.loc["exponent 1"].log_error < 0.01 < slopes.loc["lazy"].log_error
    scores = known[1]["collapse"].set_index("dynamics").score
    assert scores["exponent 1"] == pytest.approx(scores["measured"], abs=0.01)


def test_growth_that_goes_neither_way_gives_no_drift_but_all_other_tables():
    made = [record(seed, rate=0.0, steps=80) for seed in range(2)]
    found = drift.tables(made, windows=WINDOWS)
    for name in ("drift_fits", "drift_form", "drift_profiles"):
        assert found[name].empty
        assert tuple(found[name].columns) == COLUMNS[name]
    # Nothing moves: every law is the lazy one, and right.
    assert (found["transport_errors"].loss_error < 0.01).all()
    assert set(found["effective_time_fits"].quantity) == {"learning time"}
    np.testing.assert_allclose(found["effective_time_fits"].exponent, 1, rtol=1e-12)


def test_a_law_that_leaves_no_energy_has_an_error_but_no_place():
    """Seed 0 does not move; the growth of seed 1, by e^6 at tiny eigenvalues, would burn all that seed 0 has."""
    made = [record(0, rate=0.0, top=1e3, steps=80), record(1, rate=0.3, top=1e-6, steps=80)]
    found = drift.tables(made, windows=WINDOWS)
    row = one(found["transport_errors"], law="exponent 1", learned_from="other seeds")
    assert np.isfinite([row.loss_error, row.shells_error, row.gain]).all()
    assert np.isnan([row.carried_off, row.carried_low, row.carried_high]).all()
    for name in ("frontier", "frontier_slopes", "collapse", "collapse_profiles"):
        assert set(found[name].dynamics) == {"measured", "lazy"}


# --- real runs ------------------------------------------------------------------------------------------------------


def test_without_records_tables_are_empty_and_have_their_columns():
    found = drift.tables([], windows=WINDOWS)
    assert {name: tuple(table.columns) for name, table in found.items()} == COLUMNS
    assert all(table.empty for table in found.values())


def test_tables_are_complete_and_no_row_is_there_twice():
    for name, table in real_tables().items():
        assert tuple(table.columns) == COLUMNS[name], name
        assert not table.duplicated([*CASE, *KEYS.get(name, [])]).any(), name
        assert set(table.seeds) == {2}
        if name != "drift_form":
            assert len(table[list(CASE)].drop_duplicates()) == 4, name
        # A seed without cells in a region leaves no interval, and a slope needs a point before it.
        for column in set(COLUMNS[name]) - {"low", "high", "local_slope"}:
            assert not table[column].isna().any(), (name, column)
    fits = real_tables()["drift_fits"]
    assert set(zip(fits.shell_ratio, fits.region, fits.growth, strict=True)) == {
        *((2.0, region, "kept") for region in ("all", "unlearned", "frontier", "learned")),
        *((2.0, "all", "removed"), (4.0, "all", "kept")),
    }


def test_sizes_of_tables_are_those_of_laws_times_and_shells():
    found = {name: of_case(table) for name, table in real_tables().items()}
    # Eight laws, and the measured velocity in 8 windows of time as well as in 12.
    assert len(found["transport_errors"]) == 9
    assert len(found["transport_curves"]) == 10 * transport.N_TIMES
    n_shells = records()[0]["grids"]["2.0"]["edges"].shape[1] - 1
    assert len(found["transport_profiles"]) == 2 * 3 * n_shells
    assert len(found["collapse_profiles"]) == 3 * selfsimilar.N_PROFILES * selfsimilar.POSITIONS[selfsimilar.KEPT].size
    assert len(found["frontier"]) == 3 * selfsimilar.N_TIMES
    assert len(found["effective_time"]) == 2 * selfsimilar.N_TIMES
    assert set(found["transport_errors"].windows) == {8, 12}


def test_fits_are_those_of_the_fields_of_their_case():
    case = next(c for c in make_cases(records(), **WINDOWS) if c.identity == USUAL)
    rows = of_case(real_tables()["drift_fits"])
    for region in ("all", "unlearned", "frontier"):
        row, fit = one(rows, shell_ratio=2.0, region=region, growth="kept"), fit_drift(case.fields[2.0], region=region)
        assert (row.exponent, row.low, row.high, row.cells, row.sign) == (
            fit.exponent,
            *fit.interval,
            fit.n_cells,
            fit.sign,
        )
        assert (row.explained_one, row.explained_two) == (fit.explained[1.0], fit.explained[2.0])
        assert row.explained_best == max(fit.explained.values())
        by_offset = [drift_exponent([[of_seed[k]] for of_seed in case.fields[2.0]], region=region) for k in range(3)]
        assert (row.offset_low, row.offset_high) == (min(by_offset), max(by_offset))
    without = [[field.without_growth() for field in of_seed] for of_seed in case.fields[2.0]]
    assert one(rows, growth="removed").exponent == fit_drift(without).exponent
    assert one(rows, shell_ratio=4.0).exponent == fit_drift(case.fields[4.0]).exponent


def test_all_flux_and_all_windows_are_in_the_fields():
    for case in make_cases(records(), **WINDOWS):
        for of_run, field in zip(case.records, case.main_fields, strict=True):
            inner = of_run["grids"]["2.0"]
            exchange = (inner["transfer"] + inner["crossing"])[1]
            total = [exchange[:, j:].sum() for j in range(1, exchange.shape[1])]
            np.testing.assert_allclose(field.passed.sum(0), total, atol=1e-13)
            np.testing.assert_array_equal(field.time_edges[[0, 1, -1]], [0, 0.3, SETTINGS["duration"]])
            assert len(field.growth) == WINDOWS["count"] + 1


def test_measured_and_lazy_losses_are_those_of_the_runs():
    runs = [r for r in records() if (r["dataset"], r["value"], r["depth"]) == ("synthetic", 1.0, 2)]
    curves = of_case(real_tables()["transport_curves"])
    measured = curves[curves.law == "measured"]
    np.testing.assert_allclose(measured.time, np.geomspace(0.3, 20, 33), rtol=1e-12)
    logs = [np.interp(np.log(measured.time), np.log(r["time"][1:]), np.log(r["loss"][1:])) for r in runs]
    np.testing.assert_allclose(measured.value, np.exp(np.mean(logs, axis=0)), rtol=1e-12)
    assert measured.value.iloc[-1] == pytest.approx(np.prod([r["loss"][-1] for r in runs]) ** 0.5, rel=1e-12)
    assert (measured.error == 0).all()
    lazy = curves[curves.law == "lazy"]
    decayed = [np.exp(-2 * np.outer(lazy.time, r["eigenvalues"][0])) @ r["mode_energy"][0] for r in runs]
    np.testing.assert_allclose(lazy.value, np.exp(np.mean(np.log(decayed), axis=0)), rtol=1e-10)
    np.testing.assert_allclose(lazy.error, np.mean(np.abs(np.log(decayed) - logs), axis=0), rtol=1e-8)


LEARNED = [("exponent 1", 1, "other seeds"), ("exponent 2", 2, "other seeds"), ("exponent 1", 1, "itself")]


@pytest.mark.parametrize(("law", "exponent", "learned_from"), LEARNED)
def test_a_run_is_predicted_by_the_field_of_the_other_seed_or_by_its_own(law, exponent, learned_from):
    case = next(c for c in make_cases(records(), **WINDOWS) if c.identity == USUAL)
    times, predicted = np.geomspace(0.3, 20, 33), []
    for seed, of_run in enumerate(case.records):
        source = 1 - seed if learned_from == "other seeds" else seed
        drift_law = power_law_drift([case.main_fields[source]], exponent)
        start = (of_run["eigenvalues"][0], of_run["mode_energy"][0])
        predicted.append(characteristics(drift_law, *start, [0, *times])[1][1:].sum(1))
    curve = of_case(real_tables()["transport_curves"]).query("law == @law and learned_from == @learned_from")
    np.testing.assert_allclose(curve.value, np.exp(np.mean(np.log(predicted), axis=0)), rtol=1e-9)


def test_errors_are_means_over_the_curves_and_the_runs_own_velocity_beats_the_lazy_law():
    found = real_tables()
    keys = [*CASE, "law", "learned_from", "windows"]
    means = found["transport_curves"].groupby(keys).error.mean()
    late = found["transport_curves"].query("time >= 1.999").groupby(keys).error.mean()
    errors = found["transport_errors"].set_index(keys)
    np.testing.assert_allclose(errors.loss_error, means.loc[errors.index], rtol=1e-12)
    np.testing.assert_allclose(errors.late_error, late.loc[errors.index], rtol=1e-12)
    for case in found["transport_errors"][list(CASE)].drop_duplicates().itertuples(index=False):
        own, lazy = errors.loc[(*case, "measured velocity", "itself", 12)], errors.loc[(*case, "lazy", "nothing", 12)]
        assert own.loss_error < lazy.loss_error
        assert own.shells_error < lazy.shells_error
        assert lazy.gain == pytest.approx(1)
        assert own.gain > 1


def test_profiles_are_shares_of_the_measured_loss():
    profiles = real_tables()["transport_profiles"]
    sums = profiles.groupby([*CASE, "dynamics", "time"]).share.sum()
    np.testing.assert_allclose(sums.xs("measured", level="dynamics"), 1, rtol=1e-12)
    # What the velocity predicts sums to predicted over measured loss, whose logarithm is the error.
    error = one(of_case(real_tables()["transport_errors"]), law="measured velocity", learned_from="itself", windows=12)
    predicted = of_case(profiles[profiles.dynamics == "measured velocity"]).groupby("time").share.sum()
    assert np.abs(np.log(predicted)).mean() < 5 * error.loss_error
    assert (profiles.low_edge < profiles.high_edge).all()


def test_the_frontier_is_lazy_with_a_frozen_kernel_whatever_the_richness0():
    fronts = real_tables()["frontier"].query("dynamics == 'lazy'")
    low, high = (of_case(fronts, richness0=value) for value in (0.3, 1.0))
    np.testing.assert_array_equal(low.value, high.value)
    starts = [(r["eigenvalues"][0], r["mode_energy"][0]) for r in records()[:2]]
    decayed = [characteristics(PowerLawDrift([0, 1], [0.0], 1.0), *start, [0, *low.time]) for start in starts]
    expected = [resolution_frontier(eigenvalues[1:], energy[1:]) for eigenvalues, energy in decayed]
    np.testing.assert_allclose(low.value, np.exp(np.mean(np.log(expected), axis=0)), rtol=1e-9)
    assert (np.diff(low.value) < 0).all()


def test_collapse_scores_are_shares_and_profiles_are_of_unit_integral():
    found = real_tables()
    assert found["collapse"][["score", "unscaled"]].ge(0).all(axis=None)
    assert found["collapse"][["score", "unscaled"]].le(1).all(axis=None)
    spacing = np.diff(selfsimilar.POSITIONS[selfsimilar.KEPT])[0]
    integrals = found["collapse_profiles"].groupby([*CASE, "dynamics", "time"]).value.sum() * spacing
    # Energy may lie beyond six e-folds of the frontier; what is there is interpolated linearly.
    assert integrals.max() < 1.02
    assert integrals.min() > 0.5


@pytest.mark.parametrize("time", [0.05, 0.31, 19.0, 1e3])
def test_the_nearest_snapshot_is_nearest_in_the_logarithm_and_not_the_first(time):
    of_run = records()[0]
    distances = {k: abs(np.log(of_run["time"][k] / time)) for k in range(1, len(of_run["time"]))}
    (found,) = nearest_snapshots(of_run, np.array([time]))
    assert distances[found] == min(distances.values())


# --- runs that are missing ------------------------------------------------------------------------------------------


def test_a_single_seed_leaves_none_out_and_has_no_intervals():
    found = drift.tables(records()[::2], windows=WINDOWS)
    for name in ("transport_errors", "transport_curves", "transport_profiles"):
        assert found[name].empty
    for name, table in found.items():
        assert tuple(table.columns) == COLUMNS[name]
        if len(table):
            assert set(table.seeds) == {1}
            for column in {"low", "high", "up_low", "up_high", "gain_low", "gain_high"} & set(table.columns):
                assert table[column].isna().all(), (name, column)
    assert set(found["frontier"].dynamics) == {"measured", "lazy"}
    assert len(found["transport_solvers"]) == 4
    assert found["drift_fits"].exponent.notna().all()


def test_missing_runs_take_nothing_from_other_cases():
    """A case that lost a seed has no held-out prediction; one that lost both is gone; the rest is what it was."""
    kept = [r for k, r in enumerate(records()) if k not in (1, 4, 5)]
    found = drift.tables(kept, windows=WINDOWS)
    for name, table in found.items():
        full = real_tables()[name]
        assert "digits" not in set(table.dataset)
        for where in ({"richness0": 1.0}, {"depth": 1, "width": 8, "activation": "erf"}):
            ours, expected = (of_case(t, **where).reset_index(drop=True) for t in (table, full))
            pd.testing.assert_frame_equal(ours, expected, obj=name)
        alone = of_case(table, richness0=0.3)
        assert set(alone.seeds) <= {1}
        if name != "drift_form":  # A single seed may have no cells in one of the regions that are compared.
            assert alone.empty == name.startswith("transport_") * (name != "transport_solvers")


def test_the_order_of_cases_does_not_matter():
    shuffled = [records()[k] for k in (6, 7, 2, 3, 4, 5, 0, 1)]
    for name, table in drift.tables(shuffled, windows=WINDOWS).items():
        pd.testing.assert_frame_equal(table, real_tables()[name], obj=name)


def test_windows_that_begin_after_the_end_are_refused():
    with pytest.raises(ValueError, match="must increase"):
        drift.tables(records()[:2], windows={"first_time": 30.0, "count": 4})
