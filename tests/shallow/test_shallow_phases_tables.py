"""The experiment on phases and its tables: small runs against the library, synthetic records with known exponents."""

import numpy as np
import pytest

from scalinglaws.shallow.experiments.phases import Curve, Map, Overfitting, members, run
from scalinglaws.shallow.optimal import optimal_weight_decay
from scalinglaws.shallow.overfitting import overfitting_risk
from scalinglaws.shallow.phases import PowerLawPhases
from scalinglaws.shallow.problem import DiagonalProblem, QuadraticProblem, power_law_strengths
from scalinglaws.shallow.state_evolution import state_evolution
from scalinglaws.shallow.tables.phases import COLUMNS, tables

BIAS = {"kind": "diagonal", "phase": "bias", "dim": 300.0, "n_points": 3}
SETTINGS = {
    "noise_variance": 0.25,
    "curves": [
        {**BIAS, "decays": [0.75, 2.0], "n_eff": 1e4, "weight_decay": [1.0, 100.0]},
        {**BIAS, "kind": "quadratic", "decays": [1.0], "n_eff": [100.0, 1e4], "weight_decay": 3.0},
        {**BIAS, "phase": "optimal weight decay", "decays": [1.0], "n_eff": [100.0, 1e4]},
        {**BIAS, "phase": "peak", "decays": [None], "n_eff": 300.0, "weight_decay": [1e-6, 1e-3]},
        {
            **{**BIAS, "phase": "noiseless", "decays": [1.0], "noise_variance": 0.0},
            **{"n_eff": [20.0, 80.0], "weight_decay": 1e-9},
        },
    ],
    "overfitting": {"diagonal": [1e-4, 0.1], "quadratic": [1e-3, 0.1], "n_points": 5},
    "margin": 0.5,
    "tolerance": 0.2,
    "maps": {
        "diagonal": {"dim": 300.0, "decay": 1.0, "n_eff": [1.0, 1e6], "weight_decay": [1e-3, 1e3], "n_cells": 3},
        "quadratic": {"dim": 20.0, "decay": 1.0, "n_eff": [1.0, 1e4], "weight_decay": [1e-1, 1e3], "n_cells": 2},
    },
}


# --- experiment -----------------------------------------------------------------------------------------------------


def test_members_are_curves_of_all_decays_then_fitted_noise_then_maps():
    found = members(SETTINGS)
    curves = [member for member in found if isinstance(member, Curve)]
    assert [(curve.phase, curve.decay, curve.along) for curve in curves] == [
        ("bias", 0.75, "weight_decay"),
        ("bias", 2.0, "weight_decay"),
        ("bias", 1.0, "n_eff"),
        ("optimal weight decay", 1.0, "n_eff"),
        ("peak", np.inf, "weight_decay"),
        ("noiseless", 1.0, "n_eff"),
    ]
    assert curves[0] == Curve("diagonal", "bias", 0.75, 300.0, 0.25, 1e4, (1.0, 100.0), 3)
    assert [curve.noise_variance for curve in curves] == [0.25] * 5 + [0.0]
    others = [
        Overfitting("diagonal"),
        Overfitting("quadratic"),
        Map("diagonal", 300.0, 1.0),
        Map("quadratic", 20.0, 1.0),
    ]
    assert found[len(curves) :] == others
    assert len({repr(member) for member in found}) == len(found)


def test_a_curve_is_state_evolution_along_its_range():
    bias, quadratic, best, peak, _ = (record_of(index) for index in (0, 2, 3, 4, 5))
    weight_decay = np.array([1.0, 10.0, 100.0])
    problem = DiagonalProblem(power_law_strengths(300, 0.75), 1e4, weight_decay, 0.5, teacher="gaussian")
    np.testing.assert_allclose(bias["excess_risk"], state_evolution(problem).excess_risk, rtol=1e-9)
    np.testing.assert_allclose(bias["x"], weight_decay)
    assert (bias["study"], bias["along"], bias["predicted"]) == ("curve", "weight_decay", pytest.approx(2 / 3))

    n_eff = np.array([100.0, 1e3, 1e4])
    problem = QuadraticProblem(power_law_strengths(300, 1.0), 300 * n_eff, 3.0, 0.5)
    np.testing.assert_allclose(quadratic["excess_risk"], state_evolution(problem).excess_risk, rtol=1e-9)
    np.testing.assert_allclose(quadratic["weight_decay"], 3.0)
    np.testing.assert_allclose(quadratic["x"], n_eff)

    problem = DiagonalProblem(power_law_strengths(300, 1.0), n_eff, 1.0, 0.5, teacher="gaussian")
    np.testing.assert_allclose(best["weight_decay"], optimal_weight_decay(problem).weight_decay, rtol=1e-9)
    np.testing.assert_allclose(best["x"], best["threshold"] ** 2)

    problem = DiagonalProblem(np.zeros(300), 300, np.geomspace(1e-6, 1e-3, 3), 0.5)
    np.testing.assert_allclose(peak["excess_risk"], state_evolution(problem).excess_risk, rtol=1e-9)


def record_of(index):
    return run(SETTINGS, members(SETTINGS)[index])


@pytest.mark.parametrize("kind", ["diagonal", "quadratic"])
def test_fitted_noise_is_recorded_with_its_closed_form(kind):
    record = run(SETTINGS, Overfitting(kind))
    np.testing.assert_allclose(record["ratio"][[0, -1]], SETTINGS["overfitting"][kind])
    np.testing.assert_allclose(record["excess_risk"], overfitting_risk(kind, record["ratio"]), rtol=1e-5)
    np.testing.assert_allclose(record["exact"], record["excess_risk"], rtol=1e-5)


def test_a_map_has_risks_on_corners_and_phases_at_centres():
    record = run(SETTINGS, members(SETTINGS)[-2])
    np.testing.assert_allclose(record["n_eff"], [1, 1e2, 1e4, 1e6])
    np.testing.assert_allclose(record["weight_decay"], [1e-3, 1e-1, 10, 1e3])
    problem = DiagonalProblem(power_law_strengths(300, 1.0), 1e4, 10.0, 0.5, teacher="gaussian")
    assert record["excess_risk"][2, 2] == pytest.approx(state_evolution(problem).excess_risk)
    phases = PowerLawPhases("diagonal", 300.0, 1.0, 0.5, gaussian=True)
    assert record["phase"].shape == record["deep"].shape == (3, 3)
    assert record["phase"][2, 0] == phases.phase(1e5, 1e-2) == "fast rate"
    np.testing.assert_allclose(record["predicted"][:, 2, 0], [-1.0, 0.0])
    assert record["deep"][2, 0] == phases.is_deep(1e5, 1e-2, 0.5)
    assert record["peak"] == 300.0


# --- tables ---------------------------------------------------------------------------------------------------------


def curve_record(exponents=(1.0, 1.0), *, phase="bias", along="weight_decay", predicted=1.0, decay=1.0):
    """Risk of local exponents, one for each step of a factor 10 in x."""
    x = 10.0 ** np.arange(len(exponents) + 1)
    risk = np.concatenate([[1.0], np.cumprod(10.0 ** np.array(exponents))])
    axes = {"n_eff": x if along == "n_eff" else np.full_like(x, 50.0), "weight_decay": x}
    made = {
        **{"study": "curve", "kind": "diagonal", "phase": phase, "along": along, "decay": decay, "dim": 100.0},
        **{"noise_variance": 0.5, "predicted": predicted, "x": x, **axes, "excess_risk": risk},
        **{"delta": np.full_like(x, 0.2), "threshold": 2 * x, "kept": np.full_like(x, 0.1)},
    }
    return {name: np.asarray(value) for name, value in made.items()}


def overfitting_record(kind="diagonal", exponent=0.3):
    ratio = 10.0 ** np.arange(-4, 0)
    law = {"excess_risk": 3 * ratio**exponent, "exact": 3 * ratio**exponent, "limit": 2 * ratio**0.5}
    return {"study": "overfitting", "kind": kind, "ratio": ratio, **law}


def map_record(slopes=(-1.0, 0.5), *, deep=True):
    """Risk n_eff^slope weight_decay^slope on 3 x 2 cells; half of them are bias cells, half plateau cells."""
    n_eff, weight_decay = 10.0 ** np.arange(4), 10.0 ** np.arange(3)
    phase = np.array([["bias"] * 2, ["bias", "plateau"], ["plateau"] * 2])
    predicted = np.where(phase == "bias", -1.1, 0.0), np.where(phase == "bias", 0.45, 0.0)
    line = np.geomspace(1, 1e3, 4)
    return {
        **{"study": "map", "kind": "diagonal", "dim": 10.0, "decay": 1.0, "margin": 1.0, "tolerance": 0.15},
        **{"n_eff": n_eff, "weight_decay": weight_decay, "phase": phase, "predicted": np.array(predicted)},
        "excess_risk": n_eff[:, None] ** slopes[0] * weight_decay ** slopes[1],
        **{"deep": np.full((3, 2), deep), "peak": 10.0, "line_n_eff": line},
        "boundaries": {"overfitting": line / 5, "plateau": line * 3},
    }


def test_without_records_tables_are_empty_and_have_their_columns():
    found = tables([])
    assert {name: tuple(table.columns) for name, table in found.items()} == COLUMNS
    assert all(table.empty for table in found.values())


def test_exponents_are_fits_with_the_range_of_local_ones():
    records = [curve_record((0.9, 1.1)), curve_record((-2.0, -2.0), phase="ridge", along="n_eff", predicted=-2.0)]
    bent, straight = tables(records)["phase_exponents"].to_dict("records")
    assert [bent[name] for name in ("measured", "low", "high", "last_slope")] == pytest.approx([1.0, 0.9, 1.1, 1.1])
    errors = [bent[name] for name in ("error", "low_error", "high_error", "last_error")]
    assert errors == pytest.approx([0.0, -0.1, 0.1, 0.1], abs=1e-12)
    assert [straight[name] for name in ("measured", "low", "high")] == pytest.approx([-2.0, -2.0, -2.0])


def test_last_slope_is_at_the_most_samples_even_where_x_falls_with_them():
    record = curve_record((0.4, 0.6), phase="optimal weight decay", along="squared threshold", predicted=0.5)
    record["n_eff"] = np.array([1e6, 1e4, 1e2])
    row = tables([record])["phase_exponents"].iloc[0]
    assert (row.last_slope, row.last_error) == pytest.approx((0.4, -0.1))
    backwards = {name: value[::-1] if np.ndim(value) else value for name, value in record.items()}
    assert tables([backwards])["phase_exponents"].iloc[0].to_dict() == row.to_dict()


def test_noiseless_curves_are_also_fitted_against_samples_without_their_logarithm():
    """x = n_eff (delta / threshold)^2 goes as n_eff for a constant threshold, as its root for one of n_eff^(1/4)."""
    for growth, exponent in ((0.0, -1.0), (0.25, -2.0)):
        record = curve_record((-1.0, -1.0), phase="noiseless", along="n_eff", predicted=-1.0)
        record["threshold"] = 2 * record["n_eff"] ** growth
        found = tables([record])["phase_exponents"]
        assert found.along.tolist() == ["n_eff", "n_eff over squared ratio"]
        assert found.measured.tolist() == pytest.approx([-1.0, exponent])


def test_windows_say_where_a_curve_lies():
    row = tables([curve_record()])["phase_windows"].iloc[0]
    assert (row.dim, row.noise_variance, row.decades, row.n_points) == pytest.approx((100.0, 0.5, 2.0, 3))
    assert (row.n_eff_low, row.n_eff_high, row.weight_decay_low, row.weight_decay_high) == (50.0, 50.0, 1.0, 100.0)
    assert (row.threshold_low, row.threshold_high, row.delta_low) == pytest.approx((0.2, 20.0, 0.02))


def test_curves_carry_their_local_exponents():
    table = tables([curve_record((0.9, 1.1))])["phase_curves"]
    np.testing.assert_allclose(table.local_slope, [0.9, 1.1, np.nan])
    np.testing.assert_allclose(table.local_x, [10**0.5, 10**1.5, np.nan])
    assert (table.predicted == 1.0).all()


def test_fitted_noise_is_compared_with_its_limit():
    found = tables([overfitting_record()])
    table = found["under_regularised"]
    np.testing.assert_allclose(table.over_limit, 1.5 * table.ratio**-0.2)
    np.testing.assert_allclose(table.local_slope, [0.3, 0.3, 0.3, np.nan])
    slopes = found["under_regularised_slopes"]
    assert slopes.window.tolist() == ["fewest samples", "most samples"]
    np.testing.assert_allclose(slopes[["slope", "low", "high"]], 0.3)
    np.testing.assert_allclose(slopes.limit_slope, 0.5)
    np.testing.assert_allclose(slopes[["ratio_low", "ratio_high"]], [[1e-4, 1e-2], [1e-3, 1e-1]])


def test_map_has_the_exponents_of_its_cells_and_the_larger_error():
    table = tables([map_record()])["shallow_phase_map"]
    assert len(table) == 6
    np.testing.assert_allclose(table.slope_n_eff, -1.0)
    np.testing.assert_allclose(table.slope_weight_decay, 0.5)
    bias = table[table.phase == "bias"]
    np.testing.assert_allclose(bias.error, 0.1)
    np.testing.assert_allclose(table[table.phase == "plateau"].error, 1.0)
    np.testing.assert_allclose(bias[["n_eff", "weight_decay"]].iloc[0], 10**0.5)


def test_agreement_is_the_share_of_deep_cells_within_the_tolerance():
    rows = tables([map_record()])["phase_map_agreement"].set_index("phase")
    assert rows.cells.to_dict() == {"all": 6, "bias": 3, "plateau": 3}
    assert rows.share.to_dict() == {"all": 0.5, "bias": 1.0, "plateau": 0.0}
    assert rows.worst.to_dict() == pytest.approx({"all": 1.0, "bias": 0.1, "plateau": 1.0})
    shallow = tables([map_record(deep=False)])["phase_map_agreement"]
    assert shallow.phase.tolist() == ["all"]
    assert shallow.cells.tolist() == [0]
    assert shallow.share.isna().all()


def test_the_peak_is_drawn_from_below_up_to_the_crossover():
    table = tables([map_record()])["shallow_phase_boundaries"]
    assert table.boundary.value_counts().to_dict() == {"overfitting": 4, "plateau": 4, "peak": 2}
    peak = table[table.boundary == "peak"]
    np.testing.assert_allclose(peak.n_eff, 10.0)
    np.testing.assert_allclose(peak.weight_decay, [1.0, 2.0])


def test_a_small_run_gives_every_table():
    found = tables([run(SETTINGS, member) for member in members(SETTINGS)])
    assert {name: tuple(table.columns) for name, table in found.items()} == COLUMNS
    assert not any(table.empty for table in found.values())
    assert len(found["phase_exponents"]) == 7
    agreement = found["phase_map_agreement"]
    assert agreement.kind[agreement.phase == "all"].tolist() == ["diagonal", "quadratic"]
