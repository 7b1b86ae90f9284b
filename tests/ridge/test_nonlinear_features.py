"""The experiment on non-linear features and its tables; tables of theory under other assumptions."""

import numpy as np
import pandas as pd
import pytest

from scalinglaws.ridge.crossover import QUANTITIES
from scalinglaws.ridge.experiments import nonlinear_features as experiment
from scalinglaws.ridge.simulate import PARTS
from scalinglaws.ridge.tables import nonlinear_features
from scalinglaws.ridge.tables.counterfactuals import counterfactual_curves, counterfactual_errors

SETTINGS = {
    "seed": 0,
    "erf": {
        **{"dim": 40, "width": 20, "noise_std": 0.2, "ridge": 0.1, "feature_noise_std": [0.3, 0.6]},
        **{"n_samples": [10, 40], "draws": {"data": 4, "features": 3}},
    },
    "crossover": {
        **{"dim": 1e20, "capacity": 2.0, "source": 0.4, "width": 1e12, "traces": [0.0, 1e-5]},
        "n_samples": {"low": 10, "high": 1e16, "count": 41},
    },
}


@pytest.fixture(scope="module")
def records():
    return [experiment.run(SETTINGS, member) for member in experiment.members(SETTINGS)]


@pytest.fixture(scope="module")
def made(records):
    return nonlinear_features.tables(records)


def test_members_are_the_non_linearities_and_the_traces():
    assert [repr(member) for member in experiment.members(SETTINGS)] == [
        "Erf(noise_std=0.3)",
        "Erf(noise_std=0.6)",
        "Crossover(trace=0.0)",
        "Crossover(trace=1e-05)",
    ]


def test_a_member_is_the_same_in_any_company(records):
    alone = experiment.run(SETTINGS, experiment.Erf(0.6))
    np.testing.assert_array_equal(alone["measured"]["excess_risk"], records[1]["measured"]["excess_risk"])


def test_points_hold_what_was_measured_with_its_interval_and_both_theories(records, made):
    points = made["erf_points"]
    assert len(points) == 2 * 2 * (len(PARTS) + 1)
    row = points[(points.feature_noise_std == 0.6) & (points.quantity == "bias") & (points.n_samples == 40)].iloc[0]
    record = records[1]
    assert row.value == record["measured"]["bias"][1]
    assert (row.theory, row.linear) == (record["noisy_at_points"]["bias"][1], record["linear_at_points"]["bias"][1])
    # Student's t of 2 degrees of freedom, for the 3 feature draws.
    assert row.high - row.value == pytest.approx(4.3027 * row.standard_error, rel=1e-4)
    assert np.sign(row.z) == np.sign(row.value - row.theory)
    assert not points[points.n_samples < 30].judged.any()


def test_theory_on_the_grid_passes_through_theory_at_the_points(made):
    points, curves = made["erf_points"], made["erf_curves"]
    for at_end in (min, max):
        chosen = points[points.n_samples == at_end(points.n_samples)]
        ends = curves[curves.n_samples == at_end(curves.n_samples)]
        np.testing.assert_allclose(ends.value, chosen.theory, rtol=1e-9)
        np.testing.assert_allclose(ends.linear, chosen.linear, rtol=1e-9)


def test_rates_are_the_slopes_of_a_power_law_that_is_put_in():
    n_samples = np.geomspace(10, 1e16, 41)
    regimes = {
        "linear": {"low": 10.0, "high": 1e5, "rate": -2.0, "middle": 1e3},
        "noisy": {"low": 1e5, "high": 1e12, "rate": -1.0, "middle": 10**8.5},
    }
    curve = dict.fromkeys(QUANTITIES, n_samples**-1.3)
    record = {"kind": "crossover", "trace": 1e-5, "source": 0.4, "n_samples": n_samples, "curve": curve}
    rates = nonlinear_features.tables([record | {"regimes": regimes}])["crossover_rates"]
    np.testing.assert_allclose(rates.slope, -1.3)
    expected = rates.set_index(["regime", "quantity"]).expected
    assert expected["linear", "kappa2"] == -2.0
    assert expected["noisy", "bias"] == expected["noisy", "excess_risk"] == pytest.approx(-0.8)
    np.testing.assert_allclose(rates.deviation, (rates.slope - rates.expected).abs())


def test_agreement_says_how_far_off_theory_without_noise_is(made):
    agreement, points = made["erf_agreement"], made["erf_points"]
    risk = agreement[(agreement.quantity == "excess_risk") & (agreement.feature_noise_std == 0.6)].iloc[0]
    row = points[(points.quantity == "excess_risk") & (points.feature_noise_std == 0.6) & points.judged].iloc[0]
    assert risk.linear_deviation == pytest.approx(abs(row.value / row.linear - 1))
    assert risk.largest_deviation == pytest.approx(abs(row.value / row.theory - 1))


def test_no_records_leave_the_columns():
    empty = nonlinear_features.tables([])
    full = nonlinear_features.tables([experiment.run(SETTINGS, experiment.Crossover(1e-5))])
    for name, table in empty.items():
        assert table.empty
        assert [*table.columns] == [*full[name].columns]


# --- theory under other assumptions ---------------------------------------------------------------------------------


def curve_record(**assumptions):
    n_samples = np.array([10.0, 100.0, 1000.0])
    place = {"feature_capacity": np.full(3, np.nan), "width": np.full(3, 50.0), "n_samples": n_samples}
    curves = {
        name: {**place, "kappa1": factor / n_samples, "var_xe": np.zeros(3)} for name, factor in assumptions.items()
    }
    return {"section": "deep", **({"counterfactuals": curves} if curves else {})}


def test_counterfactual_ratios_are_of_measured_and_assumed_whichever_is_larger():
    curves = counterfactual_curves([curve_record(), curve_record(halved=0.5, doubled=2.0)])
    assert set(curves.quantity) == {"kappa1"}
    n_samples = np.array([20.0, 60.0, 400.0])
    points = pd.DataFrame({"section": "deep", "quantity": "kappa1", "n_samples": n_samples, "seeds": 8})
    points = points.assign(value=1 / n_samples, theory=1.1 / n_samples, judged=n_samples >= 30)
    errors = counterfactual_errors(points, curves).set_index("assumption")
    np.testing.assert_allclose(errors.largest_ratio, 2.0)
    np.testing.assert_allclose(errors.theory_ratio, 1.1)
    assert (errors.points == 2).all()


def test_records_without_assumptions_leave_the_columns():
    curves = counterfactual_curves([curve_record()])
    assert curves.empty
    assert counterfactual_errors(pd.DataFrame(columns=["section", "quantity", "judged"]), curves).empty
