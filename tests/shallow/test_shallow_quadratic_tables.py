"""The experiment on the risk of quadratic networks and its tables: small runs, synthetic records with known means."""

import numpy as np
import pytest
from scipy.special import stdtrit

from scalinglaws.shallow import QuadraticProblem, power_law_strengths, state_evolution
from scalinglaws.shallow.experiments.quadratic import SimulationMember, TheoryMember, members, run
from scalinglaws.shallow.experiments.setup import member_rng
from scalinglaws.shallow.quadratic import draw, solve_path
from scalinglaws.shallow.tables.quadratic import COLUMNS, tables

SETTINGS = {
    "decay": 1.0,
    "noise_variances": [0.5, 0.0],
    "curve": {"ratios": [0.1, 1.0], "points": 3, "weight_decay_exponents": [0.0]},
    "theory_dims": [30],
    "simulations": [
        {
            **{"dim": 10, "sensing": "outer", "ratios": [0.25, 0.5], "weight_decay_exponents": [-1.0, 0.0]},
            **{"seeds": [0, 1], "network_seeds": [1]},
        },
        {"dim": 10, "sensing": "goe", "ratios": [0.5], "weight_decay_exponents": [0.0], "seeds": [3]},
    ],
}


def simulation(**change):
    member = {
        **{"dim": 10, "sensing": "outer", "noise_variance": 0.5, "ratios": (0.25, 0.5), "exponents": (-1.0, 0.0)},
        **{"seed": 0, "network": False},
    }
    return SimulationMember(**{**member, **change})


# --- experiment -----------------------------------------------------------------------------------------------------


def test_members_are_theories_and_all_simulations():
    found = members(SETTINGS)
    theories = [TheoryMember(dim, noise_variance) for dim in (10, 30) for noise_variance in (0.5, 0.0)]
    outer = [
        simulation(noise_variance=noise_variance, seed=seed, network=seed == 1)
        for noise_variance in (0.5, 0.0)
        for seed in (0, 1)
    ]
    goe = {"sensing": "goe", "ratios": (0.5,), "exponents": (0.0,), "seed": 3}
    assert found == [*theories, *outer, *(simulation(noise_variance=noise, **goe) for noise in (0.5, 0.0))]


@pytest.mark.parametrize(
    ("dim", "n_samples", "exponents"), [(10, [10, 25, 32, 50, 100], [-1.0, 0.0]), (30, [90, 285, 900], [0.0])]
)
@pytest.mark.parametrize("noise_variance", [0.5, 0.0])
def test_theory_holds_the_curve_and_everything_simulated(dim, n_samples, exponents, noise_variance):
    record = run(SETTINGS, TheoryMember(dim, noise_variance))
    assert (record["n_samples"].tolist(), record["exponents"]) == (n_samples, exponents)
    assert (record["made_of"], record["dim"], record["noise_variance"], record["decay"]) == (
        *("theory", dim, noise_variance),
        1.0,
    )
    for n, *found in zip(n_samples, record["risk"], record["kept"], strict=True):
        weight_decay = float(dim) ** np.array(exponents)
        problem = QuadraticProblem(power_law_strengths(dim, 1.0), n, weight_decay, np.sqrt(noise_variance))
        expected = state_evolution(problem)
        np.testing.assert_allclose(found, [expected.excess_risk, expected.kept], rtol=1e-9)


@pytest.mark.parametrize("sensing", ["outer", "goe"])
@pytest.mark.parametrize("noise_variance", [0.5, 0.0])
def test_a_simulation_is_the_convex_solution_of_its_data(sensing, noise_variance):
    record = run(SETTINGS, simulation(sensing=sensing, noise_variance=noise_variance, seed=4))
    assert (record["made_of"], record["sensing"], record["seed"], record["n_samples"]) == (
        *("simulation", sensing, 4),
        [25, 50],
    )
    for n, risks, ranks, fitted in zip((25, 50), record["risk"], record["rank"], record["fitted"], strict=True):
        name = f"{sensing}, dimension 10, noise {noise_variance}, {n} samples"
        problem = QuadraticProblem(power_law_strengths(10, 1.0), n, [0.1, 1.0], np.sqrt(noise_variance))
        sample = draw(problem, member_rng("quadratic", name, 4), sensing)
        exact = solve_path(sample, problem.weight_decay)
        np.testing.assert_allclose(risks, exact.excess_risk, rtol=1e-3)
        np.testing.assert_array_equal(ranks, [np.linalg.matrix_rank(S, tol=1e-3) for S in exact.parameters])
        assert ((fitted >= 0) & (fitted < 0.5)).all()


def test_networks_are_compared_with_the_solution_of_the_same_data():
    """Exponents may be split over blocks: the data set is the same, and with a network no other."""
    plain, trained = (run(SETTINGS, simulation(network=network)) for network in (False, True))
    np.testing.assert_allclose(trained["risk"], plain["risk"], rtol=1e-3)
    np.testing.assert_allclose(trained["network_risk"], trained["risk"], rtol=1e-3)
    assert (np.abs(trained["objective_gap"]) < 1e-7).all()
    assert (trained["distance"] < 1e-3).all()
    np.testing.assert_array_equal(trained["network_rank"], trained["rank"])
    alone = run(SETTINGS, simulation(exponents=(0.0,), ratios=(0.5,)))
    np.testing.assert_allclose(alone["risk"], plain["risk"][1:, 1:], rtol=1e-3)


def test_ratios_that_give_no_whole_number_of_samples_are_refused():
    with pytest.raises(
        ValueError, match=r"ratios hold 0\.333, which must give a whole number of samples at dim\^2 = 1"
    ):
        run(SETTINGS, simulation(ratios=(0.333,)))


# --- tables ---------------------------------------------------------------------------------------------------------

EXPONENTS = np.array([-1.0, 0.0])


def theory(dim=50, noise_variance=0.5, kept=0.5):
    """Risk 2 with 250 and 4 with 500 samples."""
    n_samples = np.array([0.1, 0.2]) * dim**2
    shape = np.ones((2, 2))
    made = {"made_of": "theory", "dim": dim, "noise_variance": noise_variance, "decay": 1.0, "exponents": EXPONENTS}
    made |= {"n_samples": n_samples, "risk": shape * [[2.0], [4.0]], "kept": shape * kept}
    return {name: np.asarray(value) for name, value in made.items()}


def solved(seed, factor, *, dim=50, sensing="outer", rank=10.0, network=False, rows=2):
    """Risks `factor` times theory; networks a tenth higher."""
    shape = np.ones((2, 2))[:rows]
    made = {"made_of": "simulation", "dim": dim, "noise_variance": 0.5, "decay": 1.0, "sensing": sensing, "seed": seed}
    made |= {"network": network, "exponents": EXPONENTS, "n_samples": (np.array([0.1, 0.2]) * dim**2)[:rows]}
    made |= {"risk": factor * shape * [[2.0], [4.0]][:rows], "rank": rank * shape, "fitted": 0.25 * shape}
    if network:
        made |= {"network_risk": 1.1 * made["risk"], "network_rank": (rank + 2) * shape}
        made |= {"objective_gap": -1e-9 * seed * shape, "distance": 1e-5 * seed * shape}
    return {name: np.asarray(value) for name, value in made.items()}


@pytest.mark.parametrize("records", [[], [theory()], [solved(0, 1.0)]], ids=["none", "theory", "simulation"])
def test_tables_have_their_columns_whatever_is_missing(records):
    found = tables(records)
    assert {name: tuple(table.columns) for name, table in found.items()} == COLUMNS
    assert len(found["quadratic_curves"]) == 4 * (len(records) and str(records[0]["made_of"]) == "theory")
    assert all(table.empty for name, table in found.items() if name != "quadratic_curves")


def test_points_are_means_over_seeds_with_student_s_interval():
    factors = [1.0, 1.1, 1.5]
    found = tables([theory(), *(solved(seed, factor) for seed, factor in enumerate(factors))])["quadratic_points"]
    assert found.n_samples.tolist() == [250, 500, 250, 500]
    assert found.ratio.tolist() == pytest.approx([1.2] * 4)
    np.testing.assert_allclose(found.risk, 1.2 * found.theory)
    np.testing.assert_allclose(found.theory, [2.0, 4.0, 2.0, 4.0])
    error = np.std(factors, ddof=1) / np.sqrt(3)
    np.testing.assert_allclose(found.ratio_error, error)
    np.testing.assert_allclose(found.ratio_high - found.ratio, stdtrit(2, 0.975) * error)
    np.testing.assert_allclose(found.risk - found.low, found.theory * stdtrit(2, 0.975) * error)
    np.testing.assert_allclose(found.share, 0.2 / (3 * error))
    assert set(found.part) == {"judged"}
    assert found[["rank", "rank_theory", "fitted", "seeds"]].to_numpy().tolist() == [[10.0, 25.0, 0.25, 3]] * 4


def test_a_single_seed_has_no_interval_and_the_smaller_allowance():
    found = tables([theory(), solved(0, 1.04)])["quadratic_points"]
    assert found[["low", "high", "ratio_low", "ratio_high", "ratio_error"]].isna().to_numpy().all()
    np.testing.assert_allclose(found[["allowed", "share"]], [[0.08, 0.5]] * 4)


@pytest.mark.parametrize(
    ("kept", "rank", "part", "judged"),
    [(0.5, 21.0, "judged", [4]), (0.5, 22.0, "not unique", [2]), (0.0, 1.0, "nothing learned", [])],
)
def test_points_are_judged_where_something_is_learned_and_the_solution_unique(kept, rank, part, judged):
    """21 * 22 / 2 = 231 free entries and 22 * 23 / 2 = 253, at 250 samples; it takes one seed."""
    found = tables([theory(kept=kept), solved(0, 1.0, rank=1.0), solved(1, 1.0, rank=rank)])
    assert found["quadratic_points"].query("n_samples == 250").part.tolist() == [part] * 2
    assert found["quadratic_ratios"].query("selection == 'all'").points.tolist() == judged


def test_ratios_average_points_and_take_their_interval_from_seeds():
    """Seeds shifted against each other by 0.2 at both points: the interval is that of two seeds, 1 and 1.2."""
    found = tables([theory(), solved(0, 1.0), solved(1, 1.2)])["quadratic_ratios"]
    assert found.selection.tolist() == ["all", "common"]
    for row in found.itertuples():
        assert (row.points, row.seeds, row.ratio) == (4, 2, pytest.approx(1.1))
        # Standard deviation 0.1 sqrt(2) of two seeds, put right for the mean that it is from, over sqrt(2).
        assert row.high - row.ratio == pytest.approx(stdtrit(1, 0.975) * 0.1 * np.sqrt(2))
        assert row.ratio - row.low == pytest.approx(row.high - row.ratio)


def test_common_points_are_those_of_every_dimension():
    """At dimension 100 only the first number of samples is simulated; Gaussian matrices follow x x^T."""
    records = [theory(), theory(100), solved(0, 1.5), solved(0, 1.25, dim=100, rows=1), solved(0, 1.0, sensing="goe")]
    found = tables(records)["quadratic_ratios"]
    assert found[["dim", "sensing", "selection", "points"]].to_numpy().tolist() == [
        [50, "goe", "all", 4],
        [50, "outer", "all", 4],
        [100, "outer", "all", 2],
        [50, "goe", "common", 2],
        [50, "outer", "common", 2],
        [100, "outer", "common", 2],
    ]
    assert found.ratio.tolist() == pytest.approx([1.0, 1.5, 1.25] * 2)
    assert found[["low", "high"]].isna().to_numpy().all()


def test_a_data_set_solved_twice_counts_once():
    once, twice = (tables([theory(), *(solved(0, 1.0),) * n, solved(1, 1.3)]) for n in (1, 2))
    assert once["quadratic_points"].equals(twice["quadratic_points"])


def test_networks_are_the_worst_of_all_seeds_next_to_their_convex_solutions():
    records = [theory(), solved(0, 5.0), *(solved(seed, seed, network=True, rank=18.0 + seed) for seed in (1, 2))]
    found = tables(records)["quadratic_networks"]
    assert found.seeds.tolist() == [2] * 4
    np.testing.assert_allclose(found.objective_gap, 2e-9)
    np.testing.assert_allclose(found.distance, 2e-5)
    np.testing.assert_allclose(found.risk_convex, [3.0, 6.0, 3.0, 6.0])
    np.testing.assert_allclose(found.risk, 1.1 * found.risk_convex)
    # The network of rank 22 has 253 free entries.
    assert found.unique.tolist() == [False, True, False, True]
    assert found[["rank", "rank_convex"]].to_numpy().tolist() == [[21.5, 19.5]] * 4
