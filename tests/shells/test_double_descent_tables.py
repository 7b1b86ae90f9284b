"""Tables of double descent from synthetic records whose peaks, gaps and bumps are known."""

import numpy as np
import pandas as pd
import pytest

from scalinglaws.shells.tables.double_descent import strongest_bump, tables

RATIOS = np.array([0.5, 0.9, 1.0, 1.1, 2.0])
EDGES = np.array([0.0, 0.01, np.inf])
TIMES = np.append(0.0, np.geomspace(0.1, 1e4, 120))


def as_loaded(record):
    return {k: as_loaded(v) if isinstance(v, dict) else np.asarray(v) for k, v in record.items()}


def features(seed=0, activation="tanh", *, peak=2, factor=1.0):
    """Least-norm error with its maximum at ratio number `peak`; early stopping is flat."""
    error = factor * np.where(np.arange(5) == peak, 50.0, 1.0)
    measured = {"least_norm": error, "early_stopping": np.full(5, 0.5)}
    made = {
        **{"model": "random_features", "activation": activation, "richness": 0.0, "width": 0, "seed": seed},
        **{"n_features": (20 * RATIOS).astype(int), "ratio": RATIOS, "edges": EDGES, "measured": measured},
        "predicted": {name: 1.5 * values for name, values in measured.items()},
        "duration": {"least_norm": np.full(5, np.inf), "early_stopping": np.full(5, 10.0 + seed)},
        "parts": {"clean": np.full(5, 1.0), "noise": np.column_stack([np.full(5, 2.0 + seed), np.full(5, 1.0)])},
    }
    return as_loaded(made)


def network(width, seed=0, richness=1e-5, *, measured=1.0, gap=0.1):
    made = {"model": "network", "activation": "tanh", "richness": richness, "width": width, "seed": seed}
    numbers = {"ratio": width / 8, "duration": 1e5, "measured": measured, "predicted": measured * (1 + gap)}
    return as_loaded({**made, **numbers, "train_error": 0.1})


def bumpy(scale=1.0):
    """Down to 1 at t = 1, up to 2 at t = 10, down to 0.5 at t = 1000."""
    return scale * np.interp(np.log(TIMES.clip(0.1)), np.log([0.1, 1, 10, 1000, 1e4]), [3.0, 1.0, 2.0, 0.5, 0.6])


def epoch(model="two_scale_network", seed=0, richness=1e-5, *, gap=0.0, **more):
    made = {"model": model, "activation": "tanh", "richness": richness, "width": 5, "seed": seed, "time": TIMES}
    return as_loaded({**made, "measured": bumpy(1.0 + seed), "predicted": (1 + gap) * bumpy(1.0 + seed), **more})


def regression(seed=0):
    return epoch("two_scale_regression", seed, 0.0, output_gap=1e-12, plateaus=[1.6, 1.7, 0.3])


# --- against the number of parameters -------------------------------------------------------------------------------


def test_errors_by_size_are_medians_with_intervals_and_quartiles():
    table = tables([features(seed, factor=seed + 1.0) for seed in range(5)])["double_descent_model"]
    peak = table[(table.model == "least_norm_features") & (table.ratio == 1.0)].iloc[0]
    assert (peak.value, peak.quartile_low, peak.quartile_high) == (150.0, 100.0, 200.0)
    assert 50.0 <= peak.low < peak.value < peak.high <= 250.0
    assert peak.predicted == 225.0
    assert peak.relative_error == peak.worst_relative_error == pytest.approx(0.5)
    assert (peak.width, peak.seeds) == (20, 5)
    assert np.isinf(peak.duration)
    stopped = table[table.model == "early_stopping_features"]
    assert stopped.duration.tolist() == [12.0] * 5


def test_the_worst_seed_of_a_prediction_is_kept():
    table = tables([network(8, seed, gap=gap) for seed, gap in enumerate((0.01, -0.5, 0.02))])["double_descent_model"]
    (row,) = table.itertuples()
    assert row.relative_error == pytest.approx(0.02)
    assert row.worst_relative_error == pytest.approx(0.5)


@pytest.mark.parametrize("peak", [0, 2, 4])
def test_the_place_of_the_peak_is_that_of_the_median(peak):
    records = [features(seed, peak=peak, factor=1.0 + seed) for seed in range(4)]
    table = tables(records)["double_descent_peak"].set_index("model")
    row = table.loc["least_norm_features"]
    assert row[["ratio", "low", "high", "predicted"]].tolist() == [RATIOS[peak]] * 4
    assert (row.height, row.seeds) == (125.0, 4)


def test_an_unsettled_peak_has_a_wide_interval():
    """One heavy seed does not move the median's peak; seeds that disagree widen its interval to both places."""
    steady = [features(seed, peak=2) for seed in range(15)] + [features(15, peak=4, factor=1e6)]
    split = [features(seed, peak=2 if seed % 2 else 4) for seed in range(7)]
    rows = [tables(records)["double_descent_peak"].set_index("model") for records in (steady, split)]
    one, two = (row.loc["least_norm_features"] for row in rows)
    assert one[["ratio", "low", "high"]].tolist() == [1.0, 1.0, 1.0]
    assert two[["low", "high"]].tolist() == [1.0, 2.0]


def test_seeds_without_every_width_do_not_move_the_peak():
    complete = [network(width, seed, measured=5.0 if width == 8 else 1.0) for width in (4, 8, 16) for seed in (0, 1)]
    partial = [network(width, 2, measured=100.0) for width in (4, 16)]
    (row,) = tables(complete + partial)["double_descent_peak"].itertuples()
    assert (row.ratio, row.seeds, row.height) == (1.0, 2, 5.0)
    lonely = [network(4, 0), network(8, 1)]
    assert tables(lonely)["double_descent_peak"].empty


def test_shares_of_the_error_sum_to_one_and_name_their_shell():
    table = tables([features(seed) for seed in (0, 1)])["double_descent_shells"]
    np.testing.assert_allclose(table.groupby(["activation", "ratio"]).value.sum(), 1.0)
    of_one = table[table.ratio == 1.0].set_index("low_edge").value
    np.testing.assert_allclose(of_one[[np.nan, 0.0, 0.01]], np.mean([[1, 2, 1], [0.8, 2.4, 0.8]], axis=0) / 4)


# --- against time ---------------------------------------------------------------------------------------------------


BUMPS = {
    "down, up, down": ([3.0, 1.0, 2.0, 0.5, 0.6], (1.0, 2.0, 0.5, 2)),
    "the larger of two": ([3.0, 2.9, 3.0, 1.0, 2.0, 1.5], (1.0, 2.0, 1.5, 4)),
    "falling": ([3.0, 2.0, 1.0], (3.0, 3.0, 1.0, 0)),
    "rising": ([1.0, 2.0, 3.0], (1.0, 1.0, 1.0, 0)),
}


@pytest.mark.parametrize(("curve", "expected"), BUMPS.values(), ids=BUMPS)
def test_the_strongest_bump(curve, expected):
    assert strongest_bump(np.array(curve)) == expected


def test_epoch_runs_say_when_and_how_much():
    runs = tables([epoch(seed=1, gap=0.2), regression()])["double_descent_epoch_runs"].set_index("model")
    network_run, linear = runs.loc["two_scale_network"], runs.loc["two_scale_regression"]
    # Between the grid's points the corners of the curve are cut by up to 5 %.
    np.testing.assert_allclose([network_run.rise, network_run.predicted_rise], 2.0, rtol=0.1)
    np.testing.assert_allclose([network_run.fall, network_run.predicted_fall], 4.0, rtol=0.1)
    assert network_run.peak == pytest.approx(4.0, rel=0.05)
    assert network_run.peak_time == pytest.approx(10.0, rel=0.06)
    assert network_run.relative_error == pytest.approx(0.2)
    assert np.isnan(network_run.output_gap)
    assert linear.output_gap == 1e-12


def test_epoch_curves_are_means_over_seeds_beside_their_prediction():
    table = tables([epoch(seed=seed, gap=0.5) for seed in range(3)])["double_descent_epoch"]
    np.testing.assert_allclose(table.predicted, 1.5 * table.value, rtol=1e-12)
    at = int(np.abs(np.log(table.time / 10.0)).argmin())
    assert table.value[at] == pytest.approx(2.0 * 2.0, rel=0.05)
    assert ((table.low < table.value) & (table.value < table.high)).all()
    assert table.seeds.unique() == [3]


def test_plateaus_are_listed_by_the_number_of_blocks_learned():
    table = tables([epoch(), regression(), regression(1)])["double_descent_plateaus"]
    assert table.to_dict("list") == {"blocks": [0, 1, 2], "plateau": [1.6, 1.7, 0.3]}


# --- where the prediction fails -------------------------------------------------------------------------------------


def test_gaps_are_summarised_by_seed_and_averaged_in_the_logarithm():
    gaps = {(1e-5, 0): (0.001, 0.004, 0.002), (1e-5, 1): (0.01, 0.04, 0.02), (1.0, 0): (0.3, 3.0, 1.0)}
    records = [network(w, s, r, gap=g) for (r, s), of in gaps.items() for w, g in zip((4, 8, 16), of, strict=True)]
    table = tables(records)["prediction_gap"].set_index(["richness", "quantity"])
    assert table.loc[1e-5, "median"].value == pytest.approx(0.002 * 10**0.5)
    assert table.loc[1e-5, "largest"].value == pytest.approx(0.004 * 10**0.5)
    assert table.loc[1.0, "largest"].value == pytest.approx(3.0)
    assert table.loc[1e-5, "median"].seeds == 2
    assert np.isnan(table.loc[1.0, "median"].low)


def test_gaps_over_time_leave_out_the_common_start():
    record = epoch(gap=0.3)
    record["predicted"][0] = 100.0
    table = tables([record, regression()])["prediction_gap"]
    assert table.model.unique() == ["two_scale_network"]
    np.testing.assert_allclose(table.value, 0.3)


# --- completeness ---------------------------------------------------------------------------------------------------


def test_without_records_tables_are_empty_and_keep_their_columns():
    full = tables([features(), features(1), network(8), epoch(), regression()])
    empty = tables([])
    assert empty.keys() == full.keys()
    for name, table in empty.items():
        assert isinstance(table, pd.DataFrame)
        assert table.empty
        assert list(table) == list(full[name]), name
        assert not full[name].empty


@pytest.mark.parametrize("only", [[features()], [network(8)], [epoch()], [regression()]])
def test_each_model_may_be_missing(only):
    assert all(isinstance(table, pd.DataFrame) for table in tables(only).values())


def test_a_single_seed_has_no_interval():
    made = tables([features(), network(8), epoch(), regression()])
    for name in ("double_descent_model", "double_descent_peak", "double_descent_shells", "double_descent_epoch"):
        assert made[name][["low", "high"]].isna().all(axis=None), name
