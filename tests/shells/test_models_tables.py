"""Tables of any models: from modes whose drift is known, and from tiny real runs, complete and with gaps."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from model_runs import SETTINGS, records
from model_runs import tables as real_tables

from scalinglaws.shells import SplineShells, net_exchange
from scalinglaws.shells.measure import ShellMeasurement
from scalinglaws.shells.partition import anchored_edges
from scalinglaws.shells.tables import model_laws, models
from scalinglaws.store import load_table, save_table

COLUMNS = {
    "model_runs": models.RUN_COLUMNS,
    "model_curves": models.CURVE_COLUMNS,
    "model_shells": models.SHELL_COLUMNS,
    "model_flux": models.FLUX_COLUMNS,
    "model_lanczos": models.LANCZOS_COLUMNS,
    "model_drift": model_laws.DRIFT_COLUMNS,
    "model_profiles": model_laws.PROFILE_COLUMNS,
}
# What makes a row of each table the only one of its kind.
KEYS = {
    "model_runs": ["case", "seed"],
    "model_curves": ["case", "quantity", "time"],
    "model_shells": ["case", "time", "shell"],
    "model_flux": ["case", "time", "edge"],
    "model_lanczos": ["case", "time", "n_steps"],
    "model_drift": ["case", "region", "growth"],
    "model_profiles": ["case", "position"],
}


# --- records whose answers are known --------------------------------------------------------------------------------


def record(seed, *, rate=0.1, top=1.0, steps=120, duration=20.0, case="made_up"):
    """Modes over three decades below `top` that all grow as exp(rate t) and decay by their exposure.

    Exchange as tracking books it, time in units of 1 / top.
    """
    rng = np.random.default_rng(seed)
    start, energy = np.sort(np.append(10 ** rng.uniform(-3, 0, 24), 1.0)), rng.uniform(0.5, 1, 25)
    time = np.concatenate([[0.0], np.geomspace(0.02, duration, steps)])
    learning = np.expm1(rate * time) / rate if rate else time
    nodes, edges = start * np.exp(rate * time)[:, None] * top, anchored_edges(top, 2.0)
    node_energy = energy * np.exp(-2 * np.outer(learning, start))
    moments = [moment(edges, *of_time) for of_time in zip(nodes, node_energy, strict=True)]
    exchange = [net_exchange(*pair, step / top) for pair, step in zip(pairwise(moments), np.diff(time), strict=True)]
    return {
        **{"case": case, "seed": seed, "n_samples": 25, "n_outputs": 1, "n_parameters": 7, "top": top, "edges": edges},
        **{"time": time / top, "loss": node_energy.sum(1), "largest": nodes.max(1), "error": np.zeros(time.size)},
        **{name: np.array([getattr(one, name) for one in moments]) for name in ("position", "energy", "dissipation")},
        "exchange": np.concatenate([np.zeros((1, edges.size - 1)), exchange]),
        **{"nodes": nodes, "node_energy": node_energy},
    }


def moment(edges, nodes, node_energy):
    windows = SplineShells(edges).windows(nodes)
    dissipation = windows @ (2 * nodes * node_energy)
    return ShellMeasurement(edges, windows @ node_energy, dissipation, nodes, node_energy, 0.0, 25, "exact")


@pytest.fixture(scope="module")
def known():
    """Records of three seeds and their tables."""
    made = [record(seed) for seed in range(3)]
    return made, models.tables(made)


def test_common_growth_has_exponent_one_goes_up_and_leaves_nothing_without_growth(known):
    """Up to the error of the steps between snapshots, 6 % long."""
    fits = known[1]["model_drift"]
    kept = fits[fits.growth == "kept"]
    assert set(kept.region) == {"all", "unlearned", "frontier", "learned"}
    np.testing.assert_allclose(kept[["exponent", "low", "high"]], 1, atol=0.03)
    np.testing.assert_allclose(kept[["share_up", "share_up_energy", "up_low", "up_high"]], 1, atol=0.01)
    np.testing.assert_allclose(kept.explained_one, 1, atol=1e-3)
    assert (kept.explained_two < 0.95).all()
    assert (kept.sign == 1).all()
    for made in known[0]:
        field = model_laws.field_of_run(made)
        assert np.abs(field.without_growth().passed).sum() < 0.05 * np.abs(field.passed).sum()


def test_the_profile_of_common_growth_is_flat(known):
    np.testing.assert_allclose(known[1]["model_profiles"][["value", "low", "high"]], 1, atol=0.05)
    assert known[1]["model_profiles"].position.nunique() > 10


def test_a_kernel_that_shrinks_drifts_down():
    fits = models.tables([record(seed, rate=-0.1) for seed in range(2)])["model_drift"].set_index(["region", "growth"])
    row = fits.loc[("all", "kept")]
    assert row.sign == -1
    assert row.exponent == pytest.approx(1, abs=0.05)
    assert row.share_up_energy < 0.01


def test_a_kernel_that_stays_passes_nothing():
    """A linear model: no flux through any edge, books that close, a largest eigenvalue that stays."""
    found = models.tables([record(seed, rate=0.0) for seed in range(2)])
    np.testing.assert_allclose(found["model_flux"][["passed", "low", "high"]], 0, atol=1e-12)
    np.testing.assert_allclose(found["model_runs"][["unbooked"]], 0, atol=1e-12)
    np.testing.assert_allclose(found["model_runs"].eigenvalue_growth, 1)
    curves = found["model_curves"]
    np.testing.assert_allclose(curves[curves.quantity == "largest eigenvalue"].value, 1)


def test_what_passed_an_edge_is_what_shells_above_it_gained(known):
    """Change of energy above it plus all that has been dissipated there, by the trapezoidal rule of the steps."""
    made, flux = known[0][0], models.tables(known[0][:1])["model_flux"]
    last = flux[flux.time == flux.time.max()].passed.to_numpy()
    for index in range(20, 30):
        above = made["energy"][:, index + 1 :].sum(1)
        dissipated = np.trapezoid(made["dissipation"][:, index + 1 :].sum(1), made["time"])
        expected = (above[-1] - above[0] + dissipated) / made["loss"][0]
        assert last[index] == pytest.approx(expected, abs=5e-3)


def test_units_are_those_of_the_run(known):
    """The same run with eigenvalues 1000 times larger and time as much faster, energies doubled: the same tables.

    What is left without growth is the steps' error, which is small and whose fit takes rounding for more.
    """
    scaled = [record(seed, top=1e3) for seed in range(3)]
    for one in scaled:
        for name in ("loss", "energy", "dissipation", "exchange", "node_energy"):
            one[name] = 2 * one[name]
    for name, table in models.tables(scaled).items():
        expected = known[1][name].copy()
        if name == "model_runs":
            expected[["first_loss", "final_loss"]] *= 2
        pd.testing.assert_frame_equal(table, expected, rtol=1e-4, atol=1e-9, obj=name)


def test_curves_are_geometric_means_over_seeds(known):
    curves = known[1]["model_curves"]
    rows = curves[curves.quantity == "position"]
    samples = np.array([one["position"] for one in known[0]])
    np.testing.assert_allclose(rows.value, np.exp(np.log(samples).mean(0)), rtol=1e-9)
    np.testing.assert_allclose(rows.time, known[0][0]["time"])
    loss = curves[curves.quantity == "loss"].set_index("time")
    assert loss.loc[0.0, ["value", "low", "high"]].tolist() == [1, 1, 1]


def test_the_distance_of_lanczos_is_averaged_and_its_worst_ratio_kept():
    made = []
    for seed, factor in ((0, 1.0), (1, 3.0)):
        compared = {"time": np.array([0.0, 20.0]), "steps": np.array([10, 20]), "told": np.array([[4e-3, 2e-4]] * 2)}
        compared["distance"] = factor * np.array([[2e-3, 1e-4], [1e-3, 0.0]])
        made.append({**record(seed, steps=5), "compared": compared})
    made.append(record(2, steps=5))
    rows = models.tables(made)["model_lanczos"]
    assert rows[["time", "n_steps"]].to_numpy().tolist() == [[0, 10], [0, 20], [20, 10], [20, 20]]
    np.testing.assert_allclose(rows.distance, [4e-3, 2e-4, 2e-3, 0], rtol=1e-12)
    np.testing.assert_allclose(rows.told, [4e-3, 2e-4] * 2)
    np.testing.assert_allclose(rows.worst, [1.5, 1.5, 0.75, 0])
    assert set(rows.seeds) == {2}


def test_an_error_told_as_zero_is_worth_its_rounding():
    compared = {"time": [0.0], "steps": np.array([10]), "told": np.array([[0.0]]), "distance": np.array([[1e-8]])}
    made = {**record(0, steps=5), "compared": {name: np.array(value) for name, value in compared.items()}}
    assert models.tables([made])["model_lanczos"].worst.tolist() == [pytest.approx(0.01)]


# --- real runs ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COLUMNS)
def test_real_tables_are_complete_and_tidy(name, tmp_path):
    table = real_tables()[name]
    assert tuple(table.columns) == COLUMNS[name]
    assert not table.empty
    assert not table.duplicated(KEYS[name]).any()
    assert set(table.seeds) == {2}
    assert not table.drop(columns=["low", "high"], errors="ignore").isna().any(axis=None)
    if "low" in table:
        told = table.dropna(subset=["low", "high"])
        value = told[next(column for column in ("value", "share", "passed", "distance", "exponent") if column in told)]
        assert (told.low <= value + 1e-9).all()
        assert (value <= told.high + 1e-9).all()
    save_table(tmp_path / "one.csv", table)
    pd.testing.assert_frame_equal(load_table(tmp_path / "one.csv"), table, check_dtype=False)


def test_shells_of_a_moment_add_up_to_the_loss_and_tile_the_eigenvalues():
    found = real_tables()
    sums = found["model_shells"].groupby(["case", "time"]).share.sum()
    arithmetic = {
        case: np.mean([one["loss"] / one["loss"][0] for one in records() if one["case"] == case], axis=0)
        for case in ("convolution", "from_file", "perceptron")
    }
    np.testing.assert_allclose(sums.to_numpy(), np.concatenate(list(arithmetic.values())), rtol=1e-9)
    one = found["model_shells"].query("case == 'perceptron' and time == 0")
    assert (one.low_edge.iloc[0], one.high_edge.iloc[-1]) == (0, np.inf)
    np.testing.assert_array_equal(one.low_edge.iloc[1:], one.high_edge.iloc[:-1])


def test_flux_is_told_at_every_time_but_the_start():
    """The same numbers for all cases, to the last digit: figures look them up."""
    flux = real_tables()["model_flux"]
    expected = np.geomspace(*(SETTINGS["times"][name] for name in ("first", "last", "count")))
    np.testing.assert_allclose(np.sort(flux.time.unique()), expected)
    assert flux.groupby("case").edge.unique().map(tuple).nunique() == 1


def test_only_cases_that_were_compared_are_in_the_comparison():
    assert set(real_tables()["model_lanczos"].case) == {"perceptron", "from_file"}


def test_runs_without_seeds_or_records_give_tables_all_the_same():
    for made, seeds in (([], None), (records()[:1], 1), (records()[1:], None)):
        found = models.tables(made)
        assert {name: tuple(table.columns) for name, table in found.items()} == COLUMNS
        if seeds:
            assert {count for table in found.values() for count in table.seeds} == {seeds}
            assert found["model_curves"][["low", "high"]].isna().all(axis=None)
    counts = found["model_curves"].groupby("case").seeds.unique().to_dict()
    assert {case: list(count) for case, count in counts.items()} == {
        "convolution": [2],
        "from_file": [2],
        "perceptron": [1],
    }
