"""The initialisation experiment and its tables: small runs against the library, synthetic records with known means."""

import numpy as np
import pytest

from scalinglaws.shallow import lasso
from scalinglaws.shallow.experiments.initialisation import BalanceMember, InterpolationMember, members, run
from scalinglaws.shallow.experiments.setup import member_rng
from scalinglaws.shallow.implicit_bias import minimum_l1_interpolator, minimum_l2_interpolator
from scalinglaws.shallow.tables.initialisation import COLUMNS, tables

SETTINGS = {
    "interpolation": {
        "dim": 16,
        "n_samples": 8,
        "n_nonzero": 1,
        "scales": {"low": 1e-4, "high": 10.0, "count": 6},
        "flow_scales": [1e-4, 10.0],
        "recovery": {"n_samples": [4, 10, 16], "scales": {"low": 1e-4, "high": 1.0, "count": 3}},
    },
    "balance": {
        "dim": 8,
        "n_samples": 16,
        "decay": 1.0,
        "noise_variance": 0.5,
        "weight_decays": [0.2, 0.4],
        "imbalances": [1e-3],
        "times": {"first": 0.1, "last": 60.0, "count": 5},
    },
    "seeds": [2, 5],
}


@pytest.fixture(scope="module")
def records():
    return {member: run(SETTINGS, member) for member in members(SETTINGS)}


# --- experiment -----------------------------------------------------------------------------------------------------


def test_members_are_the_seeds_of_both_studies():
    expected = [InterpolationMember(2), InterpolationMember(5)]
    assert members(SETTINGS) == expected + [BalanceMember(decay, seed) for decay in (0.2, 0.4) for seed in (2, 5)]


def test_interpolators_run_from_the_l1_to_the_l2_one(records):
    """Residuals of 1e-8 over singular values of order 1; eight samples are enough for one coefficient."""
    for seed in (2, 5):
        record = records[InterpolationMember(seed)]
        potential, flow = record["potential"], record["flow"]
        np.testing.assert_allclose(record["scale"], np.geomspace(1e-4, 10, 6))
        assert record["flow_distance"].max() < 1e-6
        for name in ("excess_risk", "l1_distance", "l2_distance"):
            np.testing.assert_allclose(flow[name], potential[name][[0, -1]], atol=1e-6)
        assert potential["l1_distance"][0] < 0.1 < potential["l1_distance"][-1]
        assert potential["l2_distance"][-1] < 1e-4 < potential["l2_distance"][0]
        assert (np.diff(potential["l1_excess"]) > 0).all()
        assert record["l1"]["l1_distance"] == record["l2"]["l2_distance"] == 0
        assert record["l1"]["l2_distance"] > 0.1
        assert 0 < record["rich_exponent"] < 2


def test_as_many_samples_as_coefficients_recover_the_teacher_at_every_scale(records):
    record = records[InterpolationMember(2)]
    assert record["recovery_risk"].shape == (3, 3)
    assert record["recovery_l1_risk"].shape == (3,)
    np.testing.assert_allclose(record["recovery_risk"][-1], 0.0, atol=1e-12)
    assert (np.diff(record["recovery_risk"][:, -1]) < 0).all()


def test_quantities_are_what_their_names_say():
    """Interpolators come from the library, data from the member's generator."""
    rng = member_rng("initialisation", "interpolation", 2)
    teacher = np.eye(16)[0] * rng.choice([-1.0, 1.0], 1)
    inputs = rng.standard_normal((16, 16))[:8]
    l1, l2 = (solver(inputs, inputs @ teacher) for solver in (minimum_l1_interpolator, minimum_l2_interpolator))
    record = run(SETTINGS, InterpolationMember(2))["l2"]
    assert record["excess_risk"] == pytest.approx(((l2 - teacher) ** 2).sum())
    assert record["l1_excess"] == pytest.approx(np.abs(l2).sum() / np.abs(l1).sum() - 1)
    assert record["l1_distance"] == pytest.approx(np.linalg.norm(l2 - l1) / np.linalg.norm(l1))


def test_balanced_starts_end_in_their_orthant_and_others_in_the_lasso(records):
    for weight_decay, seed in ((0.2, 2), (0.2, 5), (0.4, 2), (0.4, 5)):
        record = records[BalanceMember(weight_decay, seed)]
        assert list(record["start"]) == ["balanced", "0.001", "independent"]
        np.testing.assert_array_equal(record["imbalance"], [0.0, 1e-3, np.nan])
        assert abs(record["orthant_gap"][0]) < 1e-3
        assert list(record["share_locked"]) == [1.0, 0.0, 0.0]
        assert record["distance"][0, -1] == pytest.approx(record["orthant_distance"][0], abs=0.05)
        np.testing.assert_allclose(record["objective_gap"][1:], 0.0, atol=0.01)
        assert record["trained"]["independent"]["objective_gap"] == pytest.approx(0.0, abs=1e-8)


def test_imbalances_decay_and_balanced_starts_have_none(records):
    record = records[BalanceMember(0.4, 5)]
    np.testing.assert_allclose(record["imbalance_left"][1], np.exp(-2 * record["time"]), rtol=1e-4)
    np.testing.assert_allclose(record["decay_rate"][1:], 1.0, rtol=1e-5)
    assert (record["decay_error"][1:] < 1e-4).all()
    for name in ("imbalance_left", "decay_rate", "decay_error"):
        assert np.isnan(record[name][0]).all()


def test_weight_decays_share_their_data_and_seeds_do_not(records, monkeypatch):
    drawn = []
    monkeypatch.setattr(lasso, "draw", lambda problem, rng: drawn.append(rng.standard_normal()) or 1 / 0)
    for member in list(records)[2:]:
        with pytest.raises(ZeroDivisionError):
            run(SETTINGS, member)
    assert drawn[0] == drawn[2] != drawn[1] == drawn[3]


def test_a_weight_decay_that_leaves_nothing_is_refused():
    with pytest.raises(ValueError, match=r"weight_decay = 1000.0 must leave coefficients"):
        run(SETTINGS, BalanceMember(1000.0, 2))


# --- tables ---------------------------------------------------------------------------------------------------------

FINE = np.geomspace(1e-3, 100, 16)


def interpolation(seed):
    """Distances scale and scale^-4, times 1 + seed, and recovery from 20 samples (large scale: from none tried)."""
    powers = {"l1_distance": (1 + seed) * FINE, "l2_distance": (1 + seed) * FINE**-4}
    curve = {**powers, "excess_risk": FINE + seed, "l1_excess": FINE}
    single = {name: float(seed + 1) for name in curve}
    recovery = np.array([[0.5, 0.5], [0.005, 0.5], [0.5, 0.02], [0.0, 0.02]])
    return {
        **{"study": np.asarray("interpolation"), "seed": seed, "scale": FINE, "potential": curve},
        **{"flow": {name: values[[0, -1]] for name, values in curve.items()}, "flow_scale": FINE[[0, -1]]},
        **{"l1": single, "l2": single, "rich_exponent": np.asarray(0.9), "flow_steps": np.array([10, 20 + seed])},
        **{"flow_distance": np.array([1e-8, 3e-8]) * (1 + seed), "recovery_samples": np.array([10, 15, 20, 25])},
        **{"recovery_scale": FINE[[0, -1]], "recovery_risk": recovery, "recovery_l1_risk": np.zeros(4)},
    }


def balance(seed, weight_decay=0.5):
    """Two starts and two times; seed 1 has no coefficient that starts with the wrong sign."""
    ends = {"objective_gap": np.array([0.5, 0.0]) + seed, "share_wrong": np.array([0.5, 0.0])}
    locked = np.full(2, np.nan) if seed == 1 else np.array([1.0, 0.0])
    decay = {"decay_rate": np.array([np.nan, 1.0]), "decay_error": np.array([np.nan, 1e-7]), "share_locked": locked}
    return {
        **{"study": np.asarray("balance"), "seed": seed, "weight_decay": np.asarray(weight_decay), **ends, **decay},
        **{"start": np.array(["balanced", "0.1"]), "imbalance": np.array([0.0, 0.1]), "time": np.array([0.0, 2.0])},
        **{"distance": np.array([[2.0, 0.7 + seed], [2.0, 0.1]]), "orthant_distance": np.array([0.6 + seed] * 2)},
        **{"imbalance_left": np.array([[np.nan, np.nan], [1.0, 0.02]]), "orthant_gap": np.array([0.0, -0.3])},
        "trained": {"balanced": {"distance": 0.8, "objective_gap": 0.4, "share_wrong": 0.5}},
    }


def rows(table, **where):
    for column, value in where.items():
        table = table[table[column] == value]
    return table


def test_without_records_tables_are_empty_and_have_their_columns():
    found = tables([])
    assert {name: tuple(table.columns) for name, table in found.items()} == COLUMNS
    assert all(table.empty for table in found.values())


def test_one_study_alone_fills_its_own_tables():
    found = tables([balance(0)])
    assert {name for name, table in found.items() if len(table)} == {"balanced_trap", "balanced_decay"}


def test_curves_are_means_over_seeds_and_distances_geometric_ones():
    table = tables([interpolation(seed) for seed in range(3)])["kernel_rich"]
    assert (table.seeds == 3).all()
    risk = rows(table, source="potential", quantity="excess_risk")
    np.testing.assert_allclose(risk.value, FINE + 1)
    assert ((risk.low < risk.value) & (risk.value < risk.high)).all()
    distance = rows(table, source="flow", quantity="l1_distance")
    np.testing.assert_allclose(distance.value, 6 ** (1 / 3) * FINE[[0, -1]])
    assert rows(table, source="l2", quantity="l1_distance").value.tolist() == pytest.approx([6 ** (1 / 3)])
    assert rows(table, source="l1").scale.isna().all()
    for source in ("l1", "l2"):
        assert not rows(table, source=source).quantity.str.startswith(source).any()


def test_rates_are_fitted_next_to_each_limit_and_compared_seed_by_seed():
    table = tables([interpolation(seed) for seed in range(3)])["kernel_rich_rates"].set_index("limit")
    np.testing.assert_allclose(table.predicted, [0.9, -4.0])
    np.testing.assert_allclose(table.fitted, [1.0, -4.0])
    np.testing.assert_allclose(table[["value", "low", "high"]], [[0.1] * 3, [0.0] * 3], atol=1e-9)
    np.testing.assert_allclose(table.window_high / table.window_low, 10.0, rtol=1e-3)


def test_flows_are_compared_at_every_scale():
    table = tables([interpolation(seed) for seed in range(3)])["kernel_rich_flow"]
    np.testing.assert_allclose(table.value, [2e-8, 6e-8])
    assert table.steps.tolist() == [10, 22]


def test_samples_count_from_the_last_failure():
    """The third number fails after the second has passed; risks of 0.02 pass for no number, or for the last two."""
    records = [interpolation(seed) for seed in range(2)]
    for recovered, expected in ((0.01, [25, 26, 10]), (0.03, [25, 20, 10]), (0.9, [10, 10, 10])):
        table = tables(records, recovered=recovered)["kernel_rich_samples"]
        assert table.value.tolist() == expected
        assert table.source.tolist() == ["potential", "potential", "l1"]


def test_ends_have_a_row_for_every_quantity_that_is_defined():
    table = tables([balance(seed) for seed in range(3)])["balanced_trap"]
    flow = rows(table, method="flow", start="balanced").set_index("quantity")
    expected = {"distance": 1.7, "objective_gap": 1.5, "share_wrong": 0.5, "share_locked": 1.0, "orthant_distance": 1.6}
    assert flow.value.to_dict() == pytest.approx({**expected, "orthant_gap": 0.0})
    assert flow.seeds.to_dict() == {**dict.fromkeys(flow.index, 3), "share_locked": 2}
    other = rows(table, method="flow", start="0.1").set_index("quantity").value
    assert other[["decay_rate", "decay_error", "distance"]].tolist() == pytest.approx([1.0, 1e-7, 0.1])
    trained = rows(table, method="L-BFGS")
    assert trained.start.tolist() == ["balanced"] * 3
    assert trained.value.tolist() == pytest.approx([0.8, 0.4, 0.5])


def test_courses_carry_what_is_predicted():
    table = tables([balance(seed, decay) for decay in (2.0, 0.5) for seed in range(2)])["balanced_decay"]
    assert table.weight_decay.drop_duplicates().tolist() == [0.5, 2.0]
    left = rows(table, quantity="imbalance_left", weight_decay=0.5)
    assert set(left.start) == {"0.1"}
    np.testing.assert_allclose(left[["time", "value", "predicted"]], [[0.0, 1.0, 1.0], [2.0, 0.02, np.exp(-4)]])
    distance = rows(table, quantity="distance", weight_decay=2.0, start="balanced")
    np.testing.assert_allclose(distance[["value", "predicted"]], [[2.0, 1.1], [1.2, 1.1]])


def test_a_single_seed_has_no_interval():
    for table in tables([interpolation(0), balance(0)]).values():
        assert table[["low", "high"]].isna().to_numpy().all()
        assert table.value.notna().all()
