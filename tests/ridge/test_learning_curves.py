"""The learning-curve experiment on toy sections, and its tables: from records of known numbers, and from its own."""

import numpy as np
import pytest
from scipy import stats

from scalinglaws.ridge import learning_curve
from scalinglaws.ridge.experiments import learning_curves
from scalinglaws.ridge.sections import problem
from scalinglaws.ridge.tables import learning_curves as tables_of

POWER_LAW = {"kind": "power_law", "dim": 30, "capacity": 1.5, "source": 0.6}
RIDGE = {
    **{"inputs": POWER_LAW, "noise_std": 0.0, "ridge": 1e-2, "theory": {"low": 1, "high": 100, "count": 5}},
    **{"n_samples": [4, 8, 32], "draws": {"data": 6}},
}
NOISY = {**RIDGE, "noise_std": 0.5}
FEATURES = {**RIDGE, "features": {"widths": [20], "noise_std": 0.0, "convention": "layer"}}
FEATURES["draws"] = {"data": 4, "features": 3}
DEEP = {**FEATURES, "features": {**FEATURES["features"], "widths": [20, 9]}}
STRUCTURED = {
    **{"inputs": POWER_LAW, "noise_std": 0.0, "ridge": 0.0, "theory": {"low": 12, "high": 100, "count": 3}},
    **{"features": {"capacities": [0.3, 0.8], "convention": "layer"}, "n_samples": 10, "widths": [15, 40]},
    "draws": {"data": 3, "features": 3},
}
SECTIONS = {"ridge": RIDGE, "noisy": NOISY, "features": FEATURES, "structured": STRUCTURED, "deep": DEEP}
SETTINGS = {"sections": SECTIONS, "seed": 0}
PLACE = ("n_samples", "width", "feature_capacity")


def run(name, **changes):
    settings = {**SETTINGS, **changes}
    return learning_curves.run(settings, learning_curves.Section(name))


@pytest.fixture(scope="module")
def records():
    return {name: run(name) for name in SECTIONS}


@pytest.fixture(scope="module")
def tables(records):
    return tables_of.tables([*records.values()])


# --- members and records --------------------------------------------------------------------------------------------


def test_a_member_is_a_section():
    assert [member.section for member in learning_curves.members(SETTINGS)] == [*SECTIONS]


def test_a_member_has_one_result_whatever_else_is_asked_for(records):
    alone, other = run("ridge", sections={"ridge": RIDGE}), run("ridge", seed=1)
    np.testing.assert_array_equal(alone["measured"]["bias"], records["ridge"]["measured"]["bias"])
    assert (other["measured"]["bias"] != records["ridge"]["measured"]["bias"]).all()
    np.testing.assert_array_equal(other["theory"]["bias"], records["ridge"]["theory"]["bias"])


@pytest.mark.parametrize("name", ["ridge", "noisy", "features"])
def test_theory_is_on_the_grid_and_at_the_simulated_points(records, name):
    record, section = records[name], SECTIONS[name]
    for part, n_samples in (("theory", np.geomspace(1, 100, 5)), ("expected", [4, 8, 32])):
        np.testing.assert_allclose(record[part]["n_samples"], n_samples)
        curve = learning_curve(problem(section, n_samples))
        np.testing.assert_array_equal(record[part]["excess_risk"], curve.excess_risk)
    for part in ("measured", "standard_error"):
        np.testing.assert_array_equal(record[part]["n_samples"], [4, 8, 32])
        assert (record[part]["excess_risk"] > 0).all()


def test_structured_curves_run_over_widths_within_capacities(records):
    measured, theory = records["structured"]["measured"], records["structured"]["theory"]
    np.testing.assert_array_equal(measured["feature_capacity"], [0.3, 0.3, 0.8, 0.8])
    np.testing.assert_array_equal(measured["width"], [15, 40, 15, 40])
    np.testing.assert_array_equal(theory["width"], [12, 35, 100] * 2)
    np.testing.assert_array_equal(theory["n_samples"], 10)


def test_what_the_sections_are_known_by(tables):
    sections = tables["curve_sections"].set_index("section")
    np.testing.assert_array_equal(sections.dim, 30)
    assert list(sections.widths) == ["", "", "20", "", "20, 9"]
    assert list(sections.data_draws) == [6, 6, 4, 3, 4]
    assert list(sections.feature_draws) == [0, 0, 3, 3, 3]
    assert sections.noise_std["noisy"] == 0.5
    assert sections.ridge_exponent.isna().all()


# --- tables ---------------------------------------------------------------------------------------------------------

ZERO_BY_CONSTRUCTION = {
    "ridge": {"var_f", "var_xf", "var_xe", "var_xfe"},
    "noisy": {"var_f", "var_xf", "var_xfe"},
    "features": {"var_xe", "var_xfe"},
}
PARTS = {"bias", "var_x", "var_f", "var_xf", "var_xe", "var_xfe"}


@pytest.mark.parametrize(("name", "absent"), ZERO_BY_CONSTRUCTION.items())
def test_parts_that_a_section_lacks_have_no_rows_and_the_others_sum_to_the_risk(tables, name, absent):
    for table, value in (("curves", "value"), ("points", "value"), ("points", "theory")):
        rows = tables[table][tables[table].section == name]
        assert set(rows.quantity) & PARTS == PARTS - absent
        by_samples = rows.pivot(index="n_samples", columns="quantity", values=value)
        np.testing.assert_allclose(by_samples[[*PARTS - absent]].sum(axis=1), by_samples.excess_risk, rtol=1e-12)
        np.testing.assert_allclose(by_samples.test_error, by_samples.excess_risk + SECTIONS[name]["noise_std"] ** 2)


def test_points_hold_value_interval_and_theory_of_the_same_place(tables, records):
    points = tables["points"]
    of_one = points[(points.section == "noisy") & (points.quantity == "train_error")]
    record = records["noisy"]
    np.testing.assert_array_equal(of_one.value, record["measured"]["train_error"])
    np.testing.assert_array_equal(of_one.standard_error, record["standard_error"]["train_error"])
    np.testing.assert_array_equal(of_one.theory, record["expected"]["train_error"])
    np.testing.assert_allclose((of_one.high - of_one.low) / of_one.standard_error, 2 * stats.t(5).ppf(0.975))
    t = (of_one.value - of_one.theory) / of_one.standard_error
    np.testing.assert_allclose(stats.norm.cdf(of_one.z), stats.t(5).cdf(t))
    assert (of_one.seeds == 6).all()
    for name, theory in {"gcv": "test_error", "kare": "test_error", "gap": "s_transform"}.items():
        pair = [points[(points.section == "noisy") & (points.quantity == n)].theory for n in (name, theory)]
        np.testing.assert_array_equal(*pair)


def test_only_points_with_samples_and_signal_are_judged(tables):
    judged = tables["points"][tables["points"].judged]
    assert set(judged.n_samples) == {32}
    assert (judged.standard_error < 0.3 * judged.value.abs()).all()
    assert set(tables["agreement"].section) <= {"ridge", "noisy", "features", "deep"}


def test_theory_of_the_other_convention_stands_beside_that_of_deep_features(tables, records):
    assert set(tables["counterfactual_curves"].section) == {"deep"}
    other = problem({**DEEP, "features": {**DEEP["features"], "convention": "input"}}, np.geomspace(1, 100, 5))
    found = records["deep"]["counterfactuals"]["input convention"]
    np.testing.assert_array_equal(found["kappa1"], learning_curve(other).kappa1)


def test_without_records_tables_are_empty_and_keep_their_columns(tables):
    empty = tables_of.tables([])
    assert empty.keys() == tables.keys()
    for name, table in empty.items():
        assert len(table) == 0
        assert list(table.columns) == list(tables[name].columns)


def test_rows_of_a_section_do_not_depend_on_the_others(tables, records):
    alone = tables_of.tables([records["features"]])["points"]
    together = tables["points"][tables["points"].section == "features"].reset_index(drop=True)
    np.testing.assert_array_equal(alone.value, together.value)


# --- tables of records with known numbers ---------------------------------------------------------------------------

N_SAMPLES = np.array([10.0, 20.0, 40.0, 80.0, 160.0, 320.0])
# Peaks at the second and at the fifth of the points.
RISK = np.array([1.0, 3.0, 2.0, 0.5, 4.0, 0.1])


def known(risk, *, factor=1.0, error=0.01, capacity=1.5, s_transform=100.0, **about):
    """A record of plain ridge regression whose simulation is `factor` times theory with relative errors `error`."""
    names = ("bias", "excess_risk", "train_error", "gcv", "kare", "kappa1", "df1", "s_transform")
    place = {"n_samples": N_SAMPLES, "width": np.zeros(6), "feature_capacity": np.full(6, np.nan)}
    expected = place | dict.fromkeys(names, risk) | {"s_transform": np.full(6, s_transform)}
    measured = place | {name: factor * expected[name] for name in names}
    errors = place | {name: error * measured[name] for name in names}
    about = {"dim": 50, "capacity": capacity, "source": 0.6, "noise_std": 0.0, **about}
    return {
        **{"section": "known", "data_draws": 1001, "feature_draws": 0, "about": about, "theory": expected},
        **{"expected": expected, "measured": measured, "standard_error": errors},
    }


@pytest.mark.parametrize(("factor", "largest_z", "share"), [(1.0, 0.0, 1.0), (1.02, 1.96, 1.0), (0.97, 3.09, 0.0)])
def test_agreement_counts_standard_errors_from_theory(factor, largest_z, share):
    rows = tables_of.tables([known(RISK, factor=factor)])["agreement"].set_index("quantity")
    for quantity in ("bias", "excess_risk", "kappa1"):
        row = rows.loc[quantity]
        assert row.points == 4
        # Of a thousand degrees of freedom Student's t and a Gaussian differ by less than a percent.
        assert row.largest_z == pytest.approx(largest_z, rel=0.01)
        assert row.share_within == share
        assert row.median_ratio == pytest.approx(factor)
        assert row.largest_deviation == pytest.approx(abs(factor - 1))


def test_scores_of_few_draws_are_milder_than_those_of_many():
    t = np.array([-4.0, 0.0, 1.0, 4.0])
    few, many = (tables_of.gaussian_score(t, draws) for draws in (7, 1e6))
    np.testing.assert_allclose(many, t, rtol=1e-4)
    np.testing.assert_allclose(few, stats.norm.ppf(stats.t(7).cdf(t)), atol=1e-12)
    assert (np.abs(few[[0, 2, 3]]) < np.abs(t[[0, 2, 3]])).all()


def test_descents_are_theorys_peaks_with_what_was_measured_there():
    rows = tables_of.tables([known(RISK, factor=1.3)])["descents"]
    assert list(rows.n_samples) == [20, 160]
    np.testing.assert_allclose(rows.rise, [3.0, 8.0])
    np.testing.assert_allclose(rows.fall, [6.0, 40.0])
    np.testing.assert_allclose(rows.predicted_rise, rows.rise)
    np.testing.assert_allclose(rows.predicted_fall, rows.fall)
    reach = np.exp(stats.t(1000).ppf(0.975) * 0.01 * np.sqrt(2))
    np.testing.assert_allclose(rows.rise_high / rows.rise, reach)
    np.testing.assert_allclose(rows.rise / rows.rise_low, reach)


@pytest.mark.parametrize("exponent", [0.7, 2.0])
def test_slopes_are_those_of_power_laws(exponent):
    (row,) = tables_of.tables([known(N_SAMPLES**-exponent)])["slopes"].itertuples()
    assert (row.measured, row.theory) == pytest.approx((-exponent, -exponent))
    assert row.low < row.measured < row.high
    assert row.predicted == pytest.approx(-2 * 1.5 * 0.6)
    assert (row.window_low, row.window_high) == (10, 320)


@pytest.mark.parametrize("changes", [{"s_transform": 2.0}, {"noise_std": 0.1}, {"capacity": np.nan}])
def test_no_slope_where_there_is_no_law(changes):
    assert tables_of.tables([known(1 / N_SAMPLES, **changes)])["slopes"].empty


def test_the_law_saturates_at_source_one():
    (row,) = tables_of.tables([known(1 / N_SAMPLES, source=3.0)])["slopes"].itertuples()
    assert row.predicted == -3.0


def test_estimators_compare_with_the_simulated_error():
    record = known(RISK)
    record["measured"] |= {"gcv": 1.1 * RISK, "kare": 1.1 * RISK * (1 + 1e-6), "train_error": RISK / 100**2}
    (row,) = tables_of.tables([record])["estimators"].itertuples()
    assert row.points == 4
    assert row.kare_over_gcv == pytest.approx(1e-6)
    assert row.gcv_over_test_error == pytest.approx(1.1)
    assert row.gap_over_s_transform == pytest.approx(1.0)
