"""Experiment and tables of the scaling regimes: synthetic records with known exponents, and a small real run."""

import dataclasses

import numpy as np
import pytest

from scalinglaws.ridge.experiments.regimes import Path, Phases, Widths, members, run
from scalinglaws.ridge.regimes import Scaling, crossover_width
from scalinglaws.ridge.tables.regimes import tables

SETTINGS = {
    "dim": 10**14,
    "noise_std": 0.5,
    "n_samples": {"first": 100.0, "last": 1e6, "per_decade": 3},
    "points": {
        "noiseless": [{"capacity": 1.5, "source": 1.2, "width_exponent": 1.5, "ridge_exponent": 3.0}],
        "noisy": [{"capacity": 1.5, "source": 1.2, "width_exponent": 0.6, "ridge_exponent": 3.0, "noisy": True}],
        "ridge": [{"capacity": 1.5, "source": 0.6, "ridge_exponent": 0.9}],
    },
    "source_law": {"capacity": 1.5, "sources": [0.4, 1.2]},
    "capacity_law": {"source": 0.4, "capacities": [2.0]},
    "phases": {
        **{"capacity": 1.5, "sources": [0.2, 1.2], "n_cells": 5},
        **{"ridge_exponent": [0.0, 3.2], "width_exponent": [0.0, 2.0]},
    },
    "widths": {
        **{"capacity": 1.7, "source": 0.8, "feature_capacities": [0.3, 0.7], "n_samples": [10.0, 1e4]},
        **{"beyond": 1e3, "per_decade": 3},
    },
}
MEMBERS = members(SETTINGS)
TABLES = tables([run(SETTINGS, member) for member in MEMBERS])


def path_record(rate, kappa_rate, bend=0.0, **place):
    """Curves that fall as powers, the risk steeper by `bend` in its first two decades."""
    samples = np.geomspace(10.0, 1e5, 17)
    risk = 3.0 * samples**-rate * np.minimum(samples / 1e3, 1.0) ** -bend
    parts = {"bias": 0.5, "var_x": 0.1, "var_f": 0.25, "var_xf": 0.05, "var_xe": 0.06, "var_xfe": 0.04}
    place = {"study": "noisy", "capacity": 2.0, "source": 0.5, "width_exponent": np.inf} | place
    return {
        **{"kind": "path", "ridge_exponent": 1.0, "noisy": True, "feature_capacity": 0.0, **place},
        **{"samples": samples, "excess_risk": risk, "kappa2": 7.0 * samples**-kappa_rate},
        **{name: share * risk for name, share in parts.items()},
        **{"regime": "noise", "rate": 0.7, "margin": 0.4, "kappa_rate": 1.1},
    }


def test_members_are_told_apart_and_their_records_say_what_they_are():
    assert len({repr(member) for member in MEMBERS}) == len(MEMBERS) == 6 + 4 + 4
    kinds = [type(member) for member in MEMBERS]
    assert kinds == [Path] * 6 + [Phases] * 4 + [Widths] * 4
    record = run(SETTINGS, MEMBERS[0])
    assert {name: record[name] for name in dataclasses.asdict(MEMBERS[0])} == dataclasses.asdict(MEMBERS[0])
    assert [member.study for member in MEMBERS[3:6]] == ["source law", "source law", "capacity law"]


def test_the_same_member_gives_the_same_record():
    for member in (MEMBERS[0], MEMBERS[-1]):
        np.testing.assert_equal(*(run(SETTINGS, member) for _ in range(2)))


@pytest.mark.parametrize("rate", [0.0, 0.7, 3.0])
def test_exponents_of_exact_power_laws_are_found(rate):
    row = tables([path_record(rate, 1.3)])["regime_rates"].iloc[0]
    expected = {"fitted": rate, "error": rate - 0.7, "slope_low": rate, "slope_high": rate}
    expected |= {"fitted_kappa": 1.3, "kappa_error": 0.2, "window_low": 1e4, "window_high": 1e5, "feature_share": 0.3}
    np.testing.assert_allclose(row[list(expected)].astype(float), list(expected.values()), atol=1e-10)
    assert (row.regime, row.noisy, row.width_exponent) == ("noise", True, np.inf)


def test_windows_are_the_first_two_decades_and_the_last():
    found = tables([path_record(0.7, 1.0, bend=0.2)])["regime_windows"].set_index("window")
    np.testing.assert_allclose(found.fitted, [0.9, 0.7], atol=1e-10)
    np.testing.assert_allclose(found.error, [0.2, 0.0], atol=1e-10)
    np.testing.assert_allclose(found[["window_low", "window_high"]], [(10, 1e3), (1e4, 1e5)])


def test_curves_hold_the_parts_and_local_rates_between_points():
    curve = tables([path_record(0.7, 1.0, bend=0.2)])["regime_curves"]
    parts = curve[["bias", "var_x", "var_f", "var_xf", "var_xe", "var_xfe"]]
    np.testing.assert_allclose(parts.sum(axis=1), curve.excess_risk)
    inside = curve.dropna(subset="local_rate")
    np.testing.assert_allclose(inside.local_rate, np.where(inside.local_n_samples < 1e3, 0.9, 0.7))
    assert len(inside) == len(curve) - 1


def test_a_real_run_gives_rates_near_those_predicted_and_parts_that_sum():
    """One decade up to 1e6: corrections of P^-0.4 to P^-0.5 leave at most a few hundredths."""
    rates, curves = TABLES["regime_rates"], TABLES["regime_curves"]
    assert list(rates.study) == ["noiseless", "noisy", "ridge", "source law", "source law", "capacity law"]
    assert list(rates.regime[:3]) == ["VarF", "noise, width", "ridge source"]
    assert np.abs(rates[["error", "kappa_error"]].to_numpy()).max() < 0.04
    assert np.isfinite(rates.select_dtypes(float).drop(columns=["width_exponent", "ridge_exponent"])).all(axis=None)
    assert rates.feature_share[0] > 0.99
    assert rates.feature_share[2] == 0
    parts = curves[["bias", "var_x", "var_f", "var_xf", "var_xe", "var_xfe"]]
    np.testing.assert_allclose(parts.sum(axis=1), curves.excess_risk, rtol=1e-12)


def test_phase_diagrams_hold_what_the_formula_gives_at_each_cell():
    diagram, widths = TABLES["phase_diagram"], TABLES["phase_widths"]
    assert len(diagram) == 4 * 25
    assert len(widths) == 2 * 5
    for row in diagram.sample(20, random_state=0).itertuples():
        scaling = Scaling(1.5, row.source, row.width_exponent, row.ridge_exponent, row.noisy)
        assert (row.regime, row.rate) == (scaling.regime, scaling.rate)
    np.testing.assert_allclose(sorted(diagram.width_exponent.unique()), [0.2, 0.6, 1.0, 1.4, 1.8])
    wide = diagram.merge(widths, on=["capacity", "source", "ridge_exponent"])
    beyond = wide[(wide.width_exponent > wide.sufficient) & ~wide.noisy]
    assert not beyond.regime.str.contains("width|VarF").any()


def test_width_exponents_before_and_beyond_the_crossover():
    fits = TABLES["width_exponents"].set_index(["feature_capacity", "n_samples", "range"])
    assert set(fits.index) == {(0.7, 1e4, "near"), *((a, n, "far") for a in (0.3, 0.7) for n in (10, 1e4))}
    few, near = fits.loc[(0.7, 10.0, "far")], fits.loc[(0.7, 1e4, "near")]
    assert few.fitted == pytest.approx(0.6, abs=0.005)
    assert few.error_published == pytest.approx(few.fitted - 3 / 7)
    assert near.fitted == pytest.approx(3 / 7, abs=0.03)
    assert near.predicted == near.published == pytest.approx(3 / 7)
    middle = np.sqrt(1e4 * crossover_width(0.7, 1e4))
    np.testing.assert_allclose(near.window_low * near.window_high, middle**2)
    np.testing.assert_allclose(fits.window_high / fits.window_low, 10, rtol=0.2)


def test_without_records_tables_are_empty_and_have_their_columns():
    for name, table in tables([]).items():
        assert len(table) == 0
        assert list(table.columns) == list(TABLES[name].columns)


def test_missing_members_leave_the_others():
    found = tables([path_record(0.7, 1.0)])
    lengths = {name: len(table) for name, table in found.items() if len(table)}
    assert lengths == {"regime_rates": 1, "regime_windows": 2, "regime_curves": 17}
