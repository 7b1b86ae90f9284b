"""Tables of loss exponents from records whose exponents are known exactly."""

import math

import numpy as np
import pytest

from scalinglaws.shells.tables import exponents, kernel_exponents

TIMES = np.append(0.0, np.geomspace(1e-2, 1e4, 61))


def record(model="infinite", richness0=10.0, exponent=0.7, *, width=math.inf, seed=0, factor=1.0, gap=0.0, **changes):
    """A loss that bends into factor * t^-exponent early; `gap` is that of its logarithm to the infinite net's."""
    loss = factor * np.maximum(TIMES, 1.0) ** -exponent
    place = {"model": model, "capacity": 2.0, "task_exponent": 0.5, "richness0": richness0, "n_modes": 50}
    curves = {"time": TIMES, "loss": loss, "infinite_loss": loss * np.exp(gap * np.cos(TIMES))}
    made = {**place, "width": width, "seed": seed, "tail": 0.1, **curves, **changes}
    return {name: np.asarray(value) for name, value in made.items()}


def networks(exponent=-0.5, seeds=(0, 1, 2), widths=(64, 16, 256), size=(1.0, 2.0, 4.0)):
    return [
        record("network", width=float(width), seed=seed, gap=size[seed] * width**exponent)
        for width in widths
        for seed in seeds
    ]


def fit_table(records):
    return exponents.tables(records)["exponents"]


# --- exponents ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exponent", [0.3, 1.5])
@pytest.mark.parametrize("factor", [1e-3, 1.0, 7.0])
def test_an_exact_power_law_is_recovered_in_the_last_decade(exponent, factor):
    row = fit_table([record(exponent=exponent, factor=factor)]).iloc[0]
    for column in ("measured", "infinite", "slope_low", "slope_high"):
        assert row[column] == pytest.approx(exponent, rel=1e-9)
    assert (row.window_low, row.window_high) == pytest.approx((1e3, 1e4))
    assert (row.deviation, row.seeds, row.width) == (0.0, 1, math.inf)
    assert np.isnan([row.low, row.high, row.deviation_low, row.deviation_high]).all()


def test_what_happens_before_the_last_decade_does_not_count():
    changed = record()
    changed["loss"] = np.where(TIMES < 900, changed["loss"] * (2 + np.sin(TIMES)), changed["loss"])
    assert fit_table([changed]).measured[0] == pytest.approx(0.7, rel=1e-9)


RULES = [("lazy", 0.0, 0.5), ("infinite", 1.0, np.nan), ("infinite", 10.0, 2 / 3), ("infinite", 30.0, 2 / 3)]


@pytest.mark.parametrize(("model", "richness0", "predicted"), RULES)
def test_the_prediction_that_applies_follows_from_richness(model, richness0, predicted):
    row = fit_table([record(model, richness0, 0.6)]).iloc[0]
    assert (row.predicted_lazy, row.predicted_rich) == pytest.approx((0.5, 2 / 3))
    expected = (predicted, 0.6 / predicted, 0.6 - predicted)
    assert (row.predicted, row.ratio, row.difference) == pytest.approx(expected, nan_ok=True)


def test_seeds_give_an_interval_of_the_exponent_in_order():
    records = [record("network", exponent=0.6 + 0.1 * seed, width=8.0, seed=seed) for seed in range(3)]
    row = fit_table(records).iloc[0]
    assert row.measured == pytest.approx(0.7)
    assert 0.6 - 1e-9 <= row.low < 0.7 < row.high <= 0.8 + 1e-9
    assert row.seeds == 3


def test_local_slopes_of_a_bent_curve_span_the_exponent():
    bent = record(loss=np.exp(-0.05 * np.log(np.maximum(TIMES, 1.0)) ** 2))
    row = fit_table([bent]).iloc[0]
    # The slope of the exponent is 0.1 ln t; at the ends of the window the local slope is that of half a step inside.
    assert row.slope_low == pytest.approx(0.1 * np.log(1e3), rel=0.05)
    assert row.slope_high == pytest.approx(0.1 * np.log(1e4), rel=0.05)
    assert row.measured == pytest.approx(0.1 * np.log(10**3.5), rel=0.01)


def test_the_deviation_is_the_largest_gap_of_the_logarithm_rms_over_seeds():
    rows = fit_table(networks()).set_index("width")
    for width in (16, 64, 256):
        sizes = np.array([1.0, 2.0, 4.0]) / width**0.5
        row = rows.loc[float(width)]
        assert row.deviation == pytest.approx(np.sqrt(np.mean(sizes**2)))
        assert sizes[0] - 1e-9 <= row.deviation_low < row.deviation < row.deviation_high <= sizes[2] + 1e-9


@pytest.mark.parametrize("exponent", [-0.5, -1.0, 0.3])
def test_the_approach_to_infinite_width_is_recovered(exponent):
    row = exponents.tables(networks(exponent))["exponent_widths"].iloc[0]
    assert (row.slope, row.low, row.high) == pytest.approx((exponent,) * 3, abs=1e-9)
    assert (row.capacity, row.task_exponent, row.richness0, row.n_modes, row.seeds) == (2.0, 0.5, 10.0, 50, 3)


def test_the_width_slope_is_that_of_the_rms_over_seeds_with_every_width():
    records = [one for one in networks() if not (one["seed"] == 2 and one["width"] == 64)]
    row = exponents.tables(records)["exponent_widths"].iloc[0]
    assert row.seeds == 2
    assert row.slope == pytest.approx(-0.5)


@pytest.mark.parametrize("records", [networks(seeds=(0,)), networks(widths=(16, 64)), [record()]])
def test_too_few_seeds_or_widths_give_no_slope(records):
    assert exponents.tables(records)["exponent_widths"].empty


def test_curves_are_geometric_means_with_local_exponents():
    records = [record("network", width=8.0, seed=seed, factor=factor) for seed, factor in enumerate((1.0, 4.0))]
    table = exponents.tables(records)["exponent_curves"]
    np.testing.assert_allclose(table.time.iloc[[0, -1]], [1e-2, 1e4])
    np.testing.assert_allclose(table.loss, 2 * np.maximum(table.time, 1.0) ** -0.7, rtol=2e-2)
    np.testing.assert_allclose([table.low, table.high], [table.loss / 2, table.loss * 2], rtol=1e-9)
    local = table.local_exponent[table.local_time > 2]
    np.testing.assert_allclose(local, 0.7, rtol=1e-9)
    assert np.isnan(table.local_exponent.iloc[-1])
    assert (table.seeds == 2).all()


def test_without_records_there_are_columns():
    expected = {
        "exponents": exponents.EXPONENT_COLUMNS,
        "exponent_curves": exponents.CURVE_COLUMNS,
        "exponent_widths": exponents.WIDTH_COLUMNS,
    }
    for records in ([], networks()):
        assert {name: tuple(table.columns) for name, table in exponents.tables(records).items()} == expected
    assert tuple(kernel_exponents.kernel_exponents([], {}).columns) == kernel_exponents.COLUMNS
    assert tuple(kernel_exponents.kernel_curves([]).columns) == kernel_exponents.CURVE_COLUMNS


# --- kernels --------------------------------------------------------------------------------------------------------


def kernel_record(
    dataset="power_law", richness=0.01, seed=0, *, decay=0.5, scale=1.0, width=8, times=TIMES, n_modes=4000
):
    """Eigenvalues scale / k^2 and energy k^-(1 + 2 decay) per mode: the energy below lam falls as lam^decay."""
    ranks = np.arange(n_modes, 0, -1, dtype=float)
    eigenvalues, energies = scale * ranks**-2.0, ranks ** -(1 + 2 * decay)
    loss = np.exp(-2 * np.outer(times, eigenvalues)) @ energies
    place = {"dataset": dataset, "richness": richness, "seed": seed, "width": width, "time": times, "loss": loss}
    made = {**place, "eigenvalues": [eigenvalues], "mode_energy": [energies]}
    return {name: np.asarray(value) for name, value in made.items()}


@pytest.mark.parametrize(("decay", "scale"), [(0.5, 1.0), (0.8, 0.1)])
def test_filter_and_energy_below_give_the_exponent_of_a_lazy_run(decay, scale):
    times = np.append(0.0, np.geomspace(1.0, 1e4, 120))
    one = kernel_record(decay=decay, scale=scale, times=times, n_modes=20_000)
    row = kernel_exponents.kernel_exponents([one], {"power_law": 9.0}).iloc[0]
    # The modes beyond 20,000 are missing: k^-1 = 5e-5 of the energy, 1 % of the loss at the end at decay 0.5.
    assert (row.measured, row["filter"]) == pytest.approx((decay, decay), abs=0.01)
    # Interpolation between 30 points a decade.
    assert row.filter_gap == pytest.approx(0.0, abs=1e-4)
    # A staircase of single modes, 20 to 140 of them below the window's times.
    assert row.cumulative == pytest.approx(decay, abs=0.03)
    assert row.cumulative_gap == pytest.approx(row.measured - row.cumulative)
    assert (row.data_exponent, row.window_high, row.window_low) == pytest.approx((9.0, 1e4, 1e3))
    assert np.isnan([row.measured_low, row.filter_gap_high]).all()


def test_a_run_that_leaves_its_kernel_shows_as_a_gap():
    faster = kernel_record()
    faster["loss"] = faster["loss"] * np.maximum(TIMES, 1.0) ** -0.2
    row = kernel_exponents.kernel_exponents([faster], {}).iloc[0]
    assert row.filter_gap == pytest.approx(0.2, abs=1e-3)
    assert np.isnan(row.data_exponent)


def test_the_window_ends_before_the_slowest_mode_is_learned():
    """At half of 1 / (2 lam_min) of the run with the largest lam_min."""
    runs = [
        kernel_record(seed=seed, scale=scale * 1.6e7 / 40.0, times=TIMES / 20) for seed, scale in enumerate((1.0, 2.0))
    ]
    row = kernel_exponents.kernel_exponents(runs, {}).iloc[0]
    slowest = 2 / 40.0
    assert row.window_high == pytest.approx(0.5 / (2 * slowest))
    assert row.window_low == pytest.approx(row.window_high / 10)


def test_only_the_smallest_richness_of_each_data_set_and_width_counts():
    runs = [kernel_record(d, g, s) for d in ("a", "b") for g in (0.1, 1.0) for s in (0, 1)]
    runs += [kernel_record("b", 5.0, 0, width=16)]
    table = kernel_exponents.kernel_exponents(runs, {"a": 1.0})
    assert list(zip(table.dataset, table.richness, table.width, table.seeds, strict=True)) == [
        ("a", 0.1, 8, 2),
        ("b", 0.1, 8, 2),
        ("b", 5.0, 16, 1),
    ]
    curves = kernel_exponents.kernel_curves(runs)
    assert set(curves.richness) == {0.1, 5.0}
    np.testing.assert_allclose(curves["filter"], curves.value, rtol=1e-2)


def test_energy_below_counts_modes_up_to_the_eigenvalue():
    one = {"eigenvalues": np.array([[1.0, 2.0, 4.0]]), "mode_energy": np.array([[0.5, 0.3, 0.1]])}
    below = kernel_exponents.energy_below(one, [0.1, 0.125, 0.2, 0.5, 0.6])
    np.testing.assert_allclose(below, [0.9, 0.9, 0.8, 0.5, 0.0])
    expected = 0.5 * np.exp(-2.0) + 0.3 * np.exp(-4.0) + 0.1 * np.exp(-8.0)
    np.testing.assert_allclose(kernel_exponents.filtered_loss(one, [0.0, 1.0]), [0.9, expected])
