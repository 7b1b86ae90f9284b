"""The notebooks experiment: curves of the sections, and tables of made-up notebooks whose errors are known."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scalinglaws.ridge import learning_curve
from scalinglaws.ridge.experiments import notebooks
from scalinglaws.ridge.notebook_sections import SECTIONS
from scalinglaws.ridge.tables import notebooks as reduced
from scalinglaws.store import load_table

AUTHORS = load_table(Path(__file__).resolve().parents[2] / "workflow/resources/ridge/authors.csv")
PARTS = ("bias", "var_x", "var_f", "var_xf")
QUANTITIES = ("kappa1", "kappa2", "df1", "excess_risk", "train_error", *PARTS)
NAMES = ("ridge_isotropic", "linear_deep")
POWER, DRAWS = 1.3, (4, 5)


def loaded(name):
    """A member's record as it is loaded: every entry an array."""
    (member,) = notebooks.members({"sections": [name]})
    return {key: np.asarray(value) for key, value in notebooks.run({}, member).items()}


RECORDS = [loaded(name) for name in NAMES]


def made_up(ridge_factor=1.05):
    """Notebooks whose solver is exact for another ridge, whose test set is too strong, and whose bias is a plug-in."""
    frames = []
    for name in NAMES:
        section = SECTIONS[name]
        frames.append(
            _rows(
                name,
                "theory",
                learning_curve(section.problem(section.n_samples("theory"), ridge=ridge_factor * section.ridge)),
            )
        )
        exact = vars(learning_curve(section.problem(section.n_samples("simulation"), "layer")))
        left = exact["var_x"] / DRAWS[0] + exact["var_f"] / DRAWS[1] + exact["var_xf"] / (DRAWS[0] * DRAWS[1])
        frames.append(_rows(name, "simulation", exact | {"bias": POWER * (exact["bias"] + left)}))
        power = section.problem(1.0)
        about = {"target_power": POWER * (power.eigenvalues @ power.target**2)}
        about |= {"data_draws": DRAWS[0]} | ({"feature_draws": DRAWS[1]} if section.widths else {})
        frames.append(
            pd.DataFrame({"quantity": about.keys(), "value": about.values()}).assign(section=name, source="simulation")
        )
    return pd.concat(frames, ignore_index=True)


def _rows(name, source, curve):
    curve = curve if isinstance(curve, dict) else vars(curve)
    n_samples = SECTIONS[name].n_samples(source)
    place = {"section": name, "source": source, "point": np.arange(n_samples.size), "n_samples": n_samples}
    return pd.concat([pd.DataFrame({**place, "quantity": one, "value": curve[one]}) for one in QUANTITIES])


MADE = reduced.tables(RECORDS, made_up())


def cause(table, **wanted):
    """The one value of a cause."""
    (value,) = table[np.logical_and.reduce([table[name] == one for name, one in wanted.items()])].value
    return value


# --- the experiment -------------------------------------------------------------------------------------------------


def test_members_are_the_sections_asked_for():
    members = notebooks.members({"sections": [*SECTIONS]})
    assert [member.section for member in members] == [*SECTIONS]
    assert repr(members[0]) == "Member(section='ridge_isotropic')"


@pytest.mark.parametrize("record", RECORDS, ids=NAMES)
def test_a_record_holds_theory_on_both_grids_in_both_conventions(record):
    section, table = SECTIONS[str(record["section"])], pd.DataFrame({"row": np.arange(record["point"].size)})
    for key in ("grid", "convention", "n_samples", "excess_risk", "point"):
        table[key] = record[key]
    for (grid, convention), curve in table.groupby(["grid", "convention"]):
        n_samples = section.n_samples(grid)
        exact = learning_curve(section.problem(n_samples, convention)).excess_risk
        np.testing.assert_array_equal(
            curve[["point", "n_samples", "excess_risk"]].T, [range(len(exact)), n_samples, exact]
        )
    assert set(table.convention) == {"input", "layer"}
    assert all(not value.dtype.hasobject for value in record.values())


def test_conventions_differ_by_the_ridge_alone():
    assert all(record["rescaling_error"] < 1e-12 for record in RECORDS)


# --- tables of made-up notebooks ------------------------------------------------------------------------------------


def test_deviations_are_those_made():
    theory = MADE["notebook_deviations"].query("source == 'theory'")
    assert set(theory.convention) == {"input"}
    for name, points in theory[theory.quantity == "kappa1"].groupby("section"):
        section, n_samples = SECTIONS[name], SECTIONS[name].n_samples("theory")
        given, exact = (learning_curve(section.problem(n_samples, ridge=f * section.ridge)).kappa1 for f in (1.05, 1.0))
        np.testing.assert_allclose(points.sort_values("point").deviation, given / exact - 1, rtol=1e-12)


def test_simulations_are_held_against_both_conventions_where_these_differ():
    simulated = MADE["notebook_deviations"].query("source == 'simulation' and quantity == 'kappa1'")
    assert set(zip(simulated.section, simulated.convention, strict=True)) == {
        ("ridge_isotropic", "layer"),
        ("linear_deep", "layer"),
        ("linear_deep", "input"),
    }
    np.testing.assert_array_equal(simulated[simulated.convention == "layer"].deviation, 0.0)
    assert (simulated[simulated.convention == "input"].deviation.abs() > 0.05).all()


def test_the_largest_deviation_of_each_quantity_is_reported_with_its_place():
    errors, deviations = MADE["notebook_errors"], MADE["notebook_deviations"].query("source == 'theory'")
    # Label noise is in neither, and quantities that are 0 in theory have no relative error.
    assert set(errors[errors.section == "ridge_isotropic"].quantity) == set(QUANTITIES) - {"var_f", "var_xf"}
    for row in errors[errors.quantity.isin(reduced.SHOWN)].itertuples():
        points = deviations[(deviations.section == row.section) & (deviations.quantity == row.quantity)]
        assert row.largest_deviation == points.deviation.abs().max() > 0
        assert row.n_samples in points.n_samples.to_numpy()
        assert abs(row.authors / row.ours - 1) == row.largest_deviation


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("factor", [1.05, 0.9, 30.0])
def test_the_ridge_that_the_solver_solved_for_is_recovered_and_explains_the_risk(name, factor):
    causes = reduced.tables(RECORDS, made_up(factor))["notebook_causes"]
    of = {"table": causes, "cause": "solver", "section": name}
    assert cause(**of, quantity="residual over ridge") == pytest.approx(factor - 1, rel=1e-9)
    residual = cause(**of, quantity="residual of the equation")
    assert residual == pytest.approx((factor - 1) * SECTIONS[name].ridge, rel=1e-9)
    assert cause(**of, quantity="excess risk at the ridge solved for") < 1e-10


@pytest.mark.parametrize("name", NAMES)
def test_power_of_the_test_set_and_the_plug_in_bias_are_recovered(name):
    of = {"table": MADE["notebook_causes"], "section": name}
    assert cause(**of, cause="test set", quantity="power of the labels") == pytest.approx(POWER - 1)
    expected = "measured over expected, median"
    if name == "linear_deep":
        assert cause(**of, cause="plug-in bias", quantity=expected) == pytest.approx(1.0)
    assert cause(**of, cause="plug-in bias", quantity="measured over exact") > POWER


def test_conventions_are_judged_where_there_are_several_layers():
    causes = MADE["notebook_causes"].query("cause == 'convention'")
    assert set(causes.section) == {"linear_deep"}
    assert cause(causes, quantity="kappa1, simulation against layer") < 1e-12
    assert cause(causes, quantity="kappa1, simulation against input") > 0.5
    # Two layers that pass half of the inputs: at few samples kappa1 is proportional to the product of the variances.
    assert cause(causes, quantity="kappa1, input against layer") == pytest.approx(-0.5, abs=1e-3)
    assert cause(causes, quantity="train_error, input against layer") == pytest.approx(3.0, abs=1e-2)


def test_rounding_the_number_of_samples_is_measured():
    causes = MADE["notebook_causes"].query("cause == 'rounding'")
    exact = SECTIONS["ridge_isotropic"]
    real, integer = (learning_curve(exact.problem(exact.n_samples(g))).excess_risk for g in ("theory", "simulation"))
    assert cause(causes, section="ridge_isotropic") == (real / integer - 1)[np.abs(real / integer - 1).argmax()]


@pytest.mark.parametrize("records", [[], RECORDS[:1]], ids=["none", "one section"])
def test_sections_that_were_not_run_have_no_rows(records):
    made = reduced.tables(records, AUTHORS)
    for name, columns in (
        ("deviations", reduced.DEVIATION_COLUMNS),
        ("errors", reduced.ERROR_COLUMNS),
        ("causes", reduced.CAUSE_COLUMNS),
    ):
        table = made[f"notebook_{name}"]
        assert tuple(table.columns) == columns
        assert set(table.section) == {str(record["section"]) for record in records}


# --- the notebooks --------------------------------------------------------------------------------------------------


def test_the_solver_alone_explains_the_notebooks_theory():
    """Their formulas at their own renormalised ridge are exact theory at the ridge that it solves the equation for."""
    records = [loaded(name) for name in SECTIONS]
    causes = reduced.tables(records, AUTHORS)["notebook_causes"]
    unexplained = causes[causes.quantity == "excess risk at the ridge solved for"]
    assert set(unexplained.section) == set(SECTIONS)
    assert (unexplained.value < 1e-10).all()
    assert (causes[causes.quantity == "residual over ridge"].value > 1e-3).all()
