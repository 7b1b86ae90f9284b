"""The experiment on diagonal networks and its tables: a small run against its parts, synthetic records."""

import numpy as np
import pandas as pd
import pytest

from scalinglaws.shallow.diagonal_network import train
from scalinglaws.shallow.experiments.diagonal import DiagonalMember, members, run
from scalinglaws.shallow.experiments.setup import member_rng
from scalinglaws.shallow.lasso import DiagonalSample, solve_path
from scalinglaws.shallow.problem import DiagonalProblem, power_law_strengths
from scalinglaws.shallow.state_evolution import state_evolution
from scalinglaws.shallow.tables.diagonal import COLUMNS, tables

SETTINGS = {
    "dims": [10, 20],
    "decay": 1.0,
    "ratios": [0.5, 1.0, 2.0],
    "noise_variances": [0.25, 0.0],
    "weight_decay_exponents": [-1.0, 0.5],
    "curve_points": 5,
    "networks": {"dims": [10], "seeds": [1]},
    "seeds": [1, 4],
}


# --- experiment -----------------------------------------------------------------------------------------------------


def test_members_are_all_dimensions_noises_and_seeds():
    expected = [DiagonalMember(dim, noise, seed) for dim in (10, 20) for noise in (0.25, 0.0) for seed in (1, 4)]
    assert members(SETTINGS) == expected


def test_a_record_is_what_data_theory_and_solver_say():
    record = run(SETTINGS, DiagonalMember(20, 0.25, 4))
    teacher = power_law_strengths(20, 1.0) * member_rng("diagonal", "teacher of dimension 20", 4).standard_normal(20)
    decays = np.array([1 / 20, np.sqrt(20)])
    assert [record[name] for name in ("dim", "noise_variance", "seed")] == [20, 0.25, 4]
    assert list(record["n_samples"]) == [10, 20, 40]
    for index, n_samples in enumerate((10, 20, 40)):
        member = "DiagonalMember(dim=20, noise_variance=0.25, seed=4)"
        rng = member_rng("diagonal", f"{member}, {n_samples} samples", 4)
        inputs = rng.standard_normal((n_samples, 20))
        labels = inputs @ teacher / np.sqrt(20) + 0.5 * rng.standard_normal(n_samples)
        found = solve_path(DiagonalSample(inputs, labels, teacher), decays).parameters
        np.testing.assert_allclose(record["risk"][index], ((found - teacher) ** 2).mean(axis=1), rtol=1e-10)
        theory = state_evolution(DiagonalProblem(teacher, n_samples, decays, 0.5))
        np.testing.assert_allclose(record["theory"][index], theory.excess_risk, rtol=1e-10)
        np.testing.assert_allclose(record["kept"][index], 20 * theory.kept, rtol=1e-10)


def test_the_curve_belongs_to_the_largest_dimension_and_holds_the_points():
    record = run(SETTINGS, DiagonalMember(20, 0.25, 4))
    curve = record["curve"]
    np.testing.assert_allclose(curve["n_samples"], [10, 10 * np.sqrt(2), 20, 20 * np.sqrt(2), 40])
    np.testing.assert_allclose(curve["risk"][::2], record["theory"], rtol=1e-8)
    assert "network" not in record
    assert "curve" not in run(SETTINGS, DiagonalMember(10, 0.25, 4))


def test_networks_are_trained_on_the_same_data_for_their_seeds_and_dimensions():
    chosen, other = (run(SETTINGS, DiagonalMember(10, 0.0, seed)) for seed in (1, 4))
    assert "network" not in other
    network = chosen["network"]
    np.testing.assert_allclose(network["risk"], chosen["risk"], rtol=1e-3)
    assert (np.abs(network["objective_gap"]) <= 1e-8).all()
    assert (network["distance"] <= 1e-3).all()


def test_the_distance_is_relative_to_the_solution_or_to_the_teacher(monkeypatch):
    """A network that is wrong by 0.1 in one coefficient."""

    def trained(sample, weight_decays, rng):
        found = train(sample, weight_decays, rng)
        found.parameters[:, 3] += 0.1
        return found

    monkeypatch.setattr("scalinglaws.shallow.diagonal_network.train", trained)
    settings = {**SETTINGS, "weight_decay_exponents": [-1.0, 3.0]}
    member = DiagonalMember(10, 0.0, 1)
    distance = run(settings, member)["network"]["distance"]
    teacher = power_law_strengths(10, 1.0) * member_rng("diagonal", "teacher of dimension 10", 1).standard_normal(10)
    np.testing.assert_allclose(distance[:, 1], 0.1 / np.linalg.norm(teacher), rtol=1e-4)
    assert (distance[:, 0] > 0.05 / np.linalg.norm(teacher)).all()


def test_the_teacher_does_not_depend_on_the_noise_and_draws_not_on_the_other_sizes():
    """At a weight decay above all correlations the risk is the signal, mean theta*^2."""
    settings = {**SETTINGS, "weight_decay_exponents": [3.0]}
    signals = [run(settings, DiagonalMember(20, noise, 4))["risk"] for noise in (0.25, 0.0)]
    np.testing.assert_allclose(signals[0], signals[1], rtol=1e-14)
    one, other = (
        run({**SETTINGS, "ratios": ratios}, DiagonalMember(20, 0.25, 4))["risk"] for ratios in ([0.5, 2.0], [2.0, 3.0])
    )
    np.testing.assert_array_equal(one[1], other[0])


def test_ratios_that_give_no_whole_number_of_samples_are_refused():
    with pytest.raises(ValueError, match=r"ratios hold 0\.33, which must give a whole number of samples at dim = 10"):
        run({**SETTINGS, "ratios": [0.33, 1.0]}, DiagonalMember(10, 0.0, 1))


# --- tables ---------------------------------------------------------------------------------------------------------

N_SAMPLES = [20, 60, 100, 200, 400]


def record(seed, *, dim=100, ratio=None, kept=5.0, noise_variance=0.5, network=True, curve=True):
    """Theory (seed + 1) / n, one weight decay; the simulation is `ratio`(n, seed) times it, 1 by default."""
    n = np.array(N_SAMPLES, dtype=float)
    factor = np.ones(5) if ratio is None else np.array([ratio(x, seed) for x in N_SAMPLES])
    theory = ((seed + 1) / n)[:, None]
    made = {
        **{"dim": dim, "noise_variance": noise_variance, "seed": seed, "decay": 1.0, "exponents": [-1.0]},
        **{"n_samples": N_SAMPLES, "risk": theory * factor[:, None], "theory": theory},
        "kept": np.full((5, 1), kept),
    }
    made = {name: np.asarray(value) for name, value in made.items()}
    if curve:
        made["curve"] = {"n_samples": n, "risk": theory}
    if network:
        gaps = np.full((5, 1), (-1) ** seed * (seed + 1) * 1e-10)
        made["network"] = {"risk": 1.5 * made["risk"], "objective_gap": gaps, "distance": np.abs(gaps) * 10}
    return made


def test_without_records_tables_are_empty_and_have_their_columns():
    found = tables([])
    assert {name: tuple(table.columns) for name, table in found.items()} == COLUMNS
    assert all(table.empty for table in found.values())


def test_curves_are_geometric_means_over_the_teachers():
    curves = tables([record(0), record(3), record(3, dim=50, curve=False)])["diagonal_curves"]
    np.testing.assert_allclose(curves.risk, 2 / np.array(N_SAMPLES))
    assert (set(curves["dim"]), set(curves.seeds), set(curves.decay)) == ({100}, {2}, {1.0})


def test_points_are_geometric_means_and_ratios_are_taken_seed_by_seed():
    factors = {0: 0.5, 3: 2.0}
    found = tables([record(seed, ratio=lambda n, s: factors[s]) for seed in factors])["diagonal_points"]
    np.testing.assert_allclose(found.theory, 2 / found.n_samples)
    np.testing.assert_allclose(found.risk, 2 / found.n_samples)
    np.testing.assert_allclose(found.ratio, 1.0)
    # log ratio = -+ log 2: standard deviation sqrt(2) log 2, of the mean of two log 2.
    np.testing.assert_allclose(found.log_error, np.log(2))
    assert ((found.ratio_low < 1) & (found.ratio_high > 1) & (found.low < found.risk) & (found.risk < found.high)).all()
    assert list(found.part) == ["few samples", "bulk", "peak", "bulk", "bulk"]


def test_points_where_theory_keeps_nothing_are_not_judged():
    found = tables([record(0, kept=0.5), record(1, kept=0.9)])
    assert list(found["diagonal_points"].part) == ["few samples"] + 4 * ["nothing learned"]
    assert found["diagonal_ratios"].empty


def test_ratios_average_the_points_of_a_seed_first():
    """log ratio of seed s: 0.1 s where n > dim, 0 at n = 60 and 1 where it is not to count."""

    def ratio(n, seed):
        return np.exp({20: 1.0, 60: 0.0, 100: 0.4 * seed - 0.2}.get(n, 0.1 * seed))

    bulk, peak = tables([record(seed, ratio=ratio) for seed in (0, 1, 2)])["diagonal_ratios"].to_dict("records")
    assert (bulk["part"], bulk["points"], bulk["seeds"]) == ("bulk", 3, 3)
    # Means of the seeds are 0, 0.2/3 and 0.4/3: their mean is 0.2/3 and their standard deviation too.
    assert bulk["ratio"] == pytest.approx(np.exp(0.2 / 3))
    assert bulk["log_error"] == pytest.approx(0.2 / 3 / np.sqrt(3))
    assert bulk["allowed"] == pytest.approx(3 * 0.2 / 3 / np.sqrt(3))
    assert bulk["share"] == pytest.approx((0.2 / 3) / bulk["allowed"])
    assert bulk["low"] < bulk["ratio"] < bulk["high"]
    # -0.2, 0.2 and 0.6: the median.
    assert (peak["part"], peak["points"], peak["allowed"]) == ("peak", 1, 0.35)
    assert peak["ratio"] == pytest.approx(np.exp(0.2))
    assert peak["share"] == pytest.approx(0.2 / 0.35)
    assert peak["low"] <= peak["ratio"] <= peak["high"]


def test_small_errors_allow_five_percent_and_a_single_seed_too():
    for seeds in ((0, 1, 2), (0,)):
        records = [record(seed, ratio=lambda n, s: 1.1) for seed in seeds]
        bulk = tables(records)["diagonal_ratios"].iloc[0]
        assert bulk.allowed == 0.05
        assert bulk.share == pytest.approx(np.log(1.1) / 0.05)
        assert np.isnan(bulk.low) == (len(seeds) == 1)


def test_networks_take_the_worst_distance_and_the_mean_risk():
    found = tables([record(0), record(3), record(5, network=False)])["diagonal_networks"]
    np.testing.assert_allclose(found.risk, 1.5 * 2 / found.n_samples)
    np.testing.assert_allclose(found.relative_risk, 1.5)
    np.testing.assert_allclose(found.objective_gap, 4e-10)
    np.testing.assert_allclose(found.distance, 4e-9)
    assert set(found.seeds) == {2}


def test_groups_are_dimensions_and_noises_in_order_and_numbers_stay_numbers():
    places = [(200, 0.5), (100, 0.5), (100, 0.0)]
    found = tables([record(0, dim=dim, noise_variance=noise) for dim, noise in places])
    for table in found.values():
        assert list(table[["dim", "noise_variance"]].drop_duplicates().itertuples(index=False, name=None)) == [
            (100, 0.0),
            (100, 0.5),
            (200, 0.5),
        ]
        assert all(pd.api.types.is_numeric_dtype(table[name]) for name in table if name != "part")
