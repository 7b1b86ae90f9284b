"""The experiment on learned spectra against brute force, and its tables of synthetic records with known means."""

import numpy as np
import pandas as pd
import pytest

from scalinglaws.shallow import lasso, quadratic
from scalinglaws.shallow.decomposition import error_parts
from scalinglaws.shallow.experiments.setup import member_rng
from scalinglaws.shallow.experiments.spectra import CurveMember, SpectrumMember, TailMember, members, run
from scalinglaws.shallow.problem import DiagonalProblem, QuadraticProblem, power_law_strengths
from scalinglaws.shallow.pruning import prune, pruned_risk
from scalinglaws.shallow.spectra import learned_law
from scalinglaws.shallow.tables import heavy_tails
from scalinglaws.shallow.tables.spectra import COLUMNS, tables

SETTINGS = {
    "noise_variance": 0.5,
    "seeds": [3, 1],
    "n_bins": 6,
    "n_points_per_bin": 4,
    "points": [
        {"kind": "quadratic", "phase": "a", "dims": [8, 12], "decays": [1.0], "ratio": 0.5, "weight_decay": 1.0},
        {"kind": "diagonal", "phase": "b", "dims": [20], "decays": [0.75, 1.5], "ratio": 2.0, "weight_decay": 0.5},
        {"kind": "quadratic", "phase": "c", "dims": [8], "decays": [1.0], "ratio": 0.5, "weight_decay": 100.0},
    ],
    "curves": [
        {"kind": kind, "dim": 10, "decay": 1.0, "ratios": [0.5, 2.0], "weight_decays": [0.1, 10.0], "n_points": 3}
        for kind in ("quadratic", "diagonal")
    ],
}
QUADRATIC, DIAGONAL, NOTHING = (members(SETTINGS)[i] for i in (1, 3, 4))


# --- experiment -----------------------------------------------------------------------------------------------------


def test_members_are_points_at_their_dims_and_decays_and_curves_at_their_ratios():
    found = members(SETTINGS)
    assert found[:4] == [
        SpectrumMember("quadratic", "a", 8, 1.0, 0.5, 1.0),
        SpectrumMember("quadratic", "a", 12, 1.0, 0.5, 1.0),
        SpectrumMember("diagonal", "b", 20, 0.75, 2.0, 0.5),
        SpectrumMember("diagonal", "b", 20, 1.5, 2.0, 0.5),
    ]
    assert found[5:7] == [CurveMember("quadratic", 10, 1.0, ratio, 0.1, 10.0, 3) for ratio in (0.5, 2.0)]
    assert len(found) == len(set(map(str, found))) == 9
    assert members({**SETTINGS, "tails": {}}) == [*found, TailMember()]


def quadratic_by_hand(rng):
    sample = quadratic.draw(QuadraticProblem(power_law_strengths(12, 1.0), 72, 1.0, np.sqrt(0.5)), rng)
    S = quadratic.solve_path(sample, 1.0).parameters
    law = learned_law(QuadraticProblem(np.diag(sample.teacher), 72, 1.0, np.sqrt(0.5)))
    risks = [2 / 12 * np.sum((matrix - sample.teacher) ** 2) for matrix in (S, prune(S, law.edge))]
    return np.linalg.eigvalsh(S)[::-1], law, risks


def diagonal_by_hand(rng):
    problem = DiagonalProblem(power_law_strengths(20, 1.5), 40, 0.5, np.sqrt(0.5), teacher="gaussian")
    sample = lasso.draw(problem, rng)
    theta = lasso.solve_path(sample, 0.5).parameters
    law = learned_law(DiagonalProblem(sample.teacher, 40, 0.5, np.sqrt(0.5)))
    risks = [np.mean((vector - sample.teacher) ** 2) for vector in (theta, prune(theta, law.edge))]
    return np.sort(np.abs(theta))[::-1], law, risks


@pytest.mark.parametrize(("member", "by_hand"), [(QUADRATIC, quadratic_by_hand), (DIAGONAL, diagonal_by_hand)])
def test_a_record_is_what_solutions_and_their_laws_say(member, by_hand):
    """The experiment stops at a larger gap: spectra of quadratic networks agree to its square root."""
    record = run(SETTINGS, member)
    assert record["made_of"] == "spectrum"
    assert {record[name] for name in ("kind", "dim", "decay")} == {member.kind, member.dim, member.decay}
    for i, seed in enumerate((3, 1)):
        values, law, risks = by_hand(member_rng("spectra", str(member), seed))
        np.testing.assert_allclose(record["spectrum"][i], values, atol=5e-3)
        assert (record["spectrum"][i] == 0).mean() == pytest.approx((values < 1e-9).mean())
        assert record["delta"][i] == pytest.approx(law.delta, rel=1e-6)
        assert record["zeros"][i] == pytest.approx(law.zeros, rel=1e-6)
        assert record["edge"][i] == pytest.approx(law.edge, rel=1e-6)
        assert record["distance"][i] == law.distance(record["spectrum"][i])
        assert [record[name][i] for name in ("excess_risk", "pruned_risk")] == pytest.approx(risks, rel=1e-3)
        predicted = [record[name][i] for name in ("predicted_risk", "predicted_pruned_risk")]
        assert predicted == pytest.approx([law.risk(law.threshold), pruned_risk(law)], rel=1e-6)
        spikes = record["spikes"][i][np.isfinite(record["spikes"][i])]
        np.testing.assert_allclose(spikes, law.spikes[:5])


@pytest.mark.parametrize("member", [QUADRATIC, DIAGONAL, NOTHING])
def test_histograms_hold_every_value_above_zero(member):
    record = run(SETTINGS, member)
    assert record["bins"].shape == (7,)
    np.testing.assert_allclose(record["share"].sum(axis=1), (record["spectrum"] > 0).mean(axis=1))
    assert record["bins"][0] == 0
    np.testing.assert_allclose(np.diff(np.sqrt(record["bins"])), np.sqrt(record["bins"][-1]) / 6)
    assert record["x"].shape == record["density"].shape == (24,)


def test_too_much_weight_decay_learns_nothing():
    record = run(SETTINGS, NOTHING)
    assert not record["spectrum"].any()
    assert np.isnan(record["spikes"]).all()
    np.testing.assert_array_equal(record["zeros"], 1.0)
    np.testing.assert_allclose(record["excess_risk"], 2 * np.mean(power_law_strengths(8, 1.0) ** 2))


@pytest.mark.parametrize("member", [QUADRATIC, DIAGONAL, members(SETTINGS)[7]])
def test_draws_depend_on_the_member_and_the_seed_alone(member):
    one, other = (run({**SETTINGS, "seeds": seeds}, member)["excess_risk"] for seeds in ([5, 3], [3, 5, 7]))
    np.testing.assert_array_equal(one[0], other[1])
    np.testing.assert_array_equal(one[1], other[0])
    assert not np.array_equal(one[0], one[1])


def test_a_curve_holds_the_risk_and_its_parts_at_every_weight_decay():
    record = run(SETTINGS, members(SETTINGS)[5])
    np.testing.assert_allclose(record["weight_decay"], [0.1, 1.0, 10.0])
    law = learned_law(QuadraticProblem(power_law_strengths(10, 1.0), 50, 1.0, np.sqrt(0.5)))
    parts = error_parts(law)
    assert record["excess_risk"].shape == (1, 3)
    assert record["excess_risk"][0, 1] == pytest.approx(parts.excess_risk, rel=1e-6)
    assert record["pruned_risk"][0, 1] == pytest.approx(pruned_risk(law), rel=1e-6)
    for name in ("overfitting", "unlearned", "learned", "interaction"):
        assert record[name][0, 1] == pytest.approx(getattr(parts, name), rel=1e-6, abs=1e-9)


def test_tails_are_of_their_settings():
    tails = {"dim": 100, "decays": [1.0], "noise_variance": 0.5, "effective_samples": [100], "weight_decays": [1.0]}
    record = run({**SETTINGS, "tails": tails}, TailMember())
    assert record["made_of"] == "tails"
    assert set(record["curves"]) >= {"kind", "decay", "exponent"}


# --- tables ---------------------------------------------------------------------------------------------------------


def record(dim=100, *, kind="quadratic", phase="peak", n_seeds=3, **changes):
    """Seed s: distance (s + 1) / 100, largest value 10 + s (law: 10), half of the values 0 (law: 0.4), risk s + 1."""
    s = np.arange(n_seeds)
    spectrum = np.zeros((n_seeds, dim))
    spectrum[:, : dim // 2], spectrum[:, 0] = 0.5, 10 + s
    made = {
        **{"made_of": "spectrum", "sensing": "outer", "kind": kind, "phase": phase, "dim": dim, "decay": 1.0},
        **{"ratio": 0.25, "n_samples": 4 * dim, "weight_decay": 0.1, "noise_variance": 0.5, "seed": s},
        **{"spectrum": spectrum, "distance": (s + 1) / 100, "delta": 1 + 0 * s, "threshold": 0.5 + 0 * s},
        **{"edge": 1.5 + 0 * s, "zeros": 0.4 + 0 * s, "spikes": np.tile([10.0, 2.0, np.nan], (n_seeds, 1))},
        **{"excess_risk": s + 1.0, "pruned_risk": 2 * (s + 1.0), "predicted_risk": 1 + 0.0 * s},
        **{"predicted_pruned_risk": 4 + 0.0 * s, "bins": [0.0, 1.0, 11.0], "x": [1.0, 4.0], "density": [0.3, 0.0]},
        **{"share": np.stack([(s + 1) / 10, 0.1 + 0 * s], axis=1)},
    }
    return {name: np.asarray(value) for name, value in {**made, **changes}.items()}


def curve(kind="quadratic"):
    """Two teachers, two weight decays; the means are 2, 4 (risk), 1, 8 (pruned) and parts of it."""
    made = {"overfitting": 0.5, "unlearned": 0.25, "learned": 0.5, "interaction": -0.25}
    risk = np.array([[1.0, 3.0], [3.0, 5.0]])
    numbers = {"dim": 10, "decay": 1.0, "ratio": 2.0, "weight_decay": [0.1, 1.0], "excess_risk": risk}
    parts = {name: share * risk for name, share in made.items()}
    pruned = [[0.5, 8.0], [1.5, 8.0]]
    made = {"made_of": "curve", "kind": kind, **numbers, "pruned_risk": pruned, **parts}
    return {name: np.asarray(value) for name, value in made.items()}


def test_without_records_tables_are_empty_and_have_their_columns():
    found = tables([])
    assert set(found) == {*COLUMNS, *heavy_tails.COLUMNS}
    for name, columns in COLUMNS.items():
        assert tuple(found[name].columns) == columns
        assert found[name].empty


def test_distances_are_means_over_seeds_each_against_its_own_law():
    found = tables([record()])["spectrum_distances"].set_index("quantity")
    assert found.loc["distance", "value"] == pytest.approx(0.02)
    assert 0.01 <= found.loc["distance", "low"] < 0.02 < found.loc["distance", "high"] <= 0.03
    assert found.loc["zeros", ["value", "predicted", "error"]].tolist() == pytest.approx([0.5, 0.4, 0.1])
    assert found.loc["largest value", ["value", "predicted", "error"]].tolist() == pytest.approx([11.0, 10.0, 0.1])
    assert found.loc["largest value", "error_low"] < 0.1 < found.loc["largest value", "error_high"]


def test_largest_values_are_judged_only_where_every_law_has_a_spike():
    some = np.array([[10.0], [np.nan], [10.0]])
    found = tables([record(), record(phase="bias", spikes=some)])["spectrum_distances"]
    assert set(found[found.phase == "bias"].quantity) == {"distance", "zeros"}
    assert set(found[found.phase == "peak"].quantity) == {"distance", "zeros", "largest value"}


def test_the_largest_dim_of_each_kind_and_phase_is_marked():
    records = [record(50), record(100), record(50, phase="bias"), record(20, kind="diagonal")]
    found = tables(records)["pruning"]
    assert found[["kind", "phase", "dim", "largest"]].to_numpy().tolist() == [
        ["quadratic", "peak", 50, False],
        ["quadratic", "peak", 100, True],
        ["quadratic", "bias", 50, True],
        ["diagonal", "peak", 20, True],
    ]


def test_histograms_are_mean_densities():
    first, second = tables([record()])["spectrum_histograms"].to_dict("records")
    assert (first["left"], first["right"], first["seeds"]) == (0.0, 1.0, 3)
    assert first["value"] == pytest.approx(0.2)
    assert [second[name] for name in ("value", "low", "high")] == pytest.approx([0.01, 0.01, 0.01])


def test_laws_have_a_density_zeros_an_edge_and_the_spikes_of_quadratic_networks():
    found = tables([record(), record(kind="diagonal"), record(phase="bias", edge=np.array([-1.0] * 3))])
    found = found["spectrum_laws"]
    rows = found[(found.kind == "quadratic") & (found.phase == "peak")][["item", "x", "value"]]
    expected = [
        *[("density", 1.0, 0.3), ("density", 4.0, 0.0), ("zeros", 0.0, 0.4), ("edge", 1.5, np.nan)],
        *[("spike", 10.0, 0.01), ("spike", 2.0, 0.01)],
    ]
    pd.testing.assert_frame_equal(rows.reset_index(drop=True), pd.DataFrame(expected, columns=["item", "x", "value"]))
    assert "spike" not in set(found[found.kind == "diagonal"].item)
    assert "edge" not in set(found[found.phase == "bias"].item)


def test_pruning_compares_every_data_set_with_itself_and_with_its_prediction():
    (row,) = tables([record()])["pruning"].to_dict("records")
    assert (row["before"], row["after"], row["predicted_before"], row["predicted_after"]) == (2.0, 4.0, 1.0, 4.0)
    assert [row[name] for name in ("gain", "low", "high")] == pytest.approx([2.0, 2.0, 2.0])
    assert (row["predicted_gain"], row["edge"], row["seeds"]) == (4.0, 1.5, 3)
    assert row["to_predicted"] == pytest.approx((0.5 + 1 + 1.5) / 3)
    assert row["to_predicted_low"] < 1 < row["to_predicted_high"]


def test_curves_are_means_over_teachers():
    found = tables([curve()])
    assert found["pruning_curves"][["weight_decay", "before", "after", "gain"]].to_numpy().tolist() == [
        [0.1, 2.0, 1.0, 0.5],
        [1.0, 4.0, 8.0, 2.0],
    ]
    parts = found["error_parts"]
    np.testing.assert_allclose(parts.three_parts, [2.5, 5.0])
    np.testing.assert_allclose(parts.to_risk, 1.25)
    np.testing.assert_allclose(parts.four_to_risk, 1.0)


def test_a_single_seed_has_no_interval():
    found = tables([record(n_seeds=1)])
    for name, columns in (("spectrum_distances", ["low", "high"]), ("pruning", ["low", "high"])):
        assert found[name][columns].isna().to_numpy().all()


def test_heavy_tails_are_tabled_from_the_same_records():
    found = tables([run(SETTINGS, DIAGONAL)])
    for name, table in heavy_tails.heavy_tail_tables([run(SETTINGS, DIAGONAL)]).items():
        pd.testing.assert_frame_equal(found[name], table)
    assert len(found["tail_exponents"]) == 1
