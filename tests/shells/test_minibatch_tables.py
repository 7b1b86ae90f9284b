"""Tables of the minibatch experiment from records whose answers are known, complete and with runs missing."""

import itertools

import numpy as np
import pytest

from scalinglaws.shells.tables import minibatch

RATES, BATCHES, N_SAMPLES = (0.1, 0.2), (4, 16, 64), 64
EDGES = np.array([0.0, 0.1, 0.4, 1.6, np.inf])
FRACTIONS = np.array([0.0, 0.25, 1.0])
SCALES = {(b, r): r * (64 - b) / (b * 63) for b in BATCHES for r in RATES}


def record(dataset="digits", value=0.3, seed=0, batch_size=4, learning_rate=0.1, *, exponent=1.0, **changes):
    """A run of first loss 2 (1 + seed) whose injection is 3 (1 + seed) scale^exponent, 1.25 times what is expected,
    and whose flux is `tilt` times another profile apart from that of gradient flow."""
    first = 2.0 * (1 + seed)
    scale = SCALES.get((batch_size, learning_rate), 0.0)
    tilt = 0.5 * scale
    flux = np.array([0.0, 0.3, 0.2, 0.0]) + tilt * np.array([0.0, -0.2, 0.3, 0.0])
    exchange = first * (flux - np.append(flux[1:], 0.0))
    shares = {
        "drift": -0.5 * np.ones(4) / 4,
        "fluctuation": np.array([0.01, -0.04, 0.0, 0.0]) * (scale > 0),
        "injection": 3.0 * (1 + seed) * scale**exponent * np.array([0.0, 0.1, 0.3, 0.6]) * (scale > 0),
        "curvature": 0.02 * np.ones(4) / 4,
    }
    terms = {name: np.outer(FRACTIONS, first * share) for name, share in shares.items()}
    terms |= {"transfer": np.outer(FRACTIONS, 0.7 * exchange), "crossing": np.outer(FRACTIONS, 0.3 * exchange)}
    start = first * np.array([0.0, 0.25, 0.25, 0.5])
    made = {
        **{"dataset": dataset, "held": "richness0", "value": value, "width": 8, "seed": seed},
        **{"batch_size": batch_size, "learning_rate": learning_rate, "richness": value * 8**0.5},
        **{"n_samples": N_SAMPLES, "n_steps": 10, "edges": EDGES, "time": 5 * FRACTIONS, "closure": 1e-15},
        **{"energy": start + sum(terms.values()), **terms, "expected_injection": terms["injection"] / 1.25},
        **changes,
    }
    return {name: np.asarray(value) for name, value in made.items()}


def records(seeds=(0, 1, 2), values=(0.3, 1.0), datasets=("digits", "power_law"), **changes):
    settings = [(64, 0.0), *itertools.product(BATCHES, RATES)]
    combinations = itertools.product(datasets, values, seeds, settings)
    return [record(dataset, value, seed, *batch, **changes) for dataset, value, seed, batch in combinations]


@pytest.fixture(scope="module")
def tables():
    return minibatch.tables(records())


COLUMNS = {
    "minibatch_runs": minibatch.RUN_COLUMNS,
    "minibatch_terms": minibatch.TERM_COLUMNS,
    "minibatch_shells": minibatch.SHELL_COLUMNS,
    "minibatch_scaling": minibatch.SCALING_COLUMNS,
}


def test_without_records_tables_are_empty_but_for_their_columns():
    made = minibatch.tables([])
    assert {name: tuple(table.columns) for name, table in made.items()} == COLUMNS
    assert all(table.empty for table in made.values())


def test_tables_have_their_rows_and_columns(tables):
    assert {name: tuple(table.columns) for name, table in tables.items()} == COLUMNS
    groups, seeds = 2 * 2, 3
    assert len(tables["minibatch_runs"]) == groups * seeds * 6
    assert len(tables["minibatch_terms"]) == groups * 6 * 3 * 7
    # The lowest shell never holds energy and is left out, in the 6 settings and in gradient flow.
    assert len(tables["minibatch_shells"]) == groups * 7 * 3 * 8
    assert set(tables["minibatch_shells"].shell) == {1, 2, 3}
    assert not tables["minibatch_runs"].isna().any(axis=None)


def test_a_run_is_summed_up_by_hand(tables):
    runs = tables["minibatch_runs"]
    row = runs[(runs.dataset == "digits") & (runs.richness0 == 1.0) & (runs.seed == 2)]
    row = row[(row.batch_size == 4) & (row.learning_rate == 0.2)].iloc[0]
    scale = 0.2 * 60 / (4 * 63)
    assert (row.width, row.n_steps, row.full_batch, row.closure) == (8, 10, False, 1e-15)
    injection = 3.0 * 3 * scale
    assert row.noise_scale == pytest.approx(scale)
    assert (row.drift, row.fluctuation, row.curvature) == pytest.approx((-0.5, -0.03, 0.02))
    assert (row.injection, row.expected_injection) == pytest.approx((injection, injection / 1.25))
    assert row.final_loss == pytest.approx(1 - 0.5 - 0.03 + 0.02 + injection)
    assert row.flow_final_loss == pytest.approx(1 - 0.5 + 0.02)
    assert row.noise_size == pytest.approx(injection - 0.03)
    assert row.noise_share == pytest.approx((injection - 0.03) / abs(row.final_loss - 1))


def test_the_flux_is_compared_with_gradient_flow_and_with_the_full_batch(tables):
    runs = tables["minibatch_runs"]
    flow, apart = np.array([0.0, 0.3, 0.2, 0.0]), np.array([0.0, -0.2, 0.3, 0.0])
    for row in runs.itertuples():
        # The two profiles are orthogonal and of one length, and the full batch has no noise scale.
        tilt = 0.5 * row.noise_scale
        ours = flow + tilt * apart
        assert row.flux_projection == pytest.approx(1.0)
        assert row.flux_cosine == pytest.approx(flow @ ours / np.linalg.norm(flow) / np.linalg.norm(ours))
        assert row.full_batch_cosine == pytest.approx(row.flux_cosine)
        assert (row.noise_scale == 0) == row.full_batch == (row.batch_size == 64)
        assert row.flux_cosine == pytest.approx(1, abs=1e-12) or not row.full_batch


def test_terms_of_the_loss_add_up_at_every_moment_and_are_means_over_seeds(tables):
    terms = tables["minibatch_terms"]
    assert (terms.seeds == 3).all()
    assert sorted(terms.time.unique()) == [0.0, 1.25, 5.0]
    wide = terms.pivot(
        index=["dataset", "richness0", "batch_size", "learning_rate", "time"], columns="term", values="value"
    )
    np.testing.assert_allclose(wide.change, wide.drift + wide.noise + wide.curvature, atol=1e-14)
    np.testing.assert_allclose(wide.noise, wide.fluctuation + wide.injection, atol=1e-14)
    last = terms[(terms.time == 5.0) & (terms.term == "injection")]
    np.testing.assert_allclose(last.value, 3 * 2 * last.noise_scale, atol=1e-14)
    noisy = last[last.batch_size < 64]
    assert ((noisy.low < noisy.value) & (noisy.value < noisy.high)).all()


def test_terms_of_shells_add_up_to_the_energy_they_gained(tables):
    shells = tables["minibatch_shells"]
    wide = shells.pivot(
        index=["dataset", "richness0", "batch_size", "learning_rate", "shell"], columns="term", values="value"
    )
    np.testing.assert_allclose(wide.noise, wide.fluctuation + wide.injection, atol=1e-14)
    flow = wide.loc["digits", 0.3, 64, 0.0]
    np.testing.assert_allclose(flow.flux, [0.3, 0.2, 0.0], atol=1e-14)
    np.testing.assert_allclose(flow.exchange, [0.1, 0.2, 0.0], atol=1e-14)
    np.testing.assert_allclose(flow.drift, -0.125)
    edges = shells.drop_duplicates("shell").set_index("shell")
    np.testing.assert_array_equal(edges.low_edge[[1, 2, 3]], EDGES[1:4])
    np.testing.assert_array_equal(edges.high_edge[[1, 2, 3]], EDGES[2:])


@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.7])
def test_exact_power_laws_of_the_noise_scale_are_recovered(exponent):
    scaling = minibatch.tables(records(exponent=exponent))["minibatch_scaling"]
    assert len(scaling) == 4
    for column in ("slope", "low", "high"):
        np.testing.assert_allclose(scaling[column], exponent, atol=1e-10)
    for column in ("ratio", "ratio_low", "ratio_high"):
        np.testing.assert_allclose(scaling[column], 1.25, rtol=1e-12)
    assert (scaling.seeds == 3).all()


def test_seeds_that_lack_a_setting_or_an_injection_do_not_count_for_the_exponent():
    members = records(datasets=("digits",), values=(0.3,))
    lost = [one for one in members if (one["seed"], one["batch_size"], one["learning_rate"]) != (0, 4, 0.1)]
    negative = [one | {"injection": -one["injection"]} if one["seed"] == 0 else one for one in members]
    for given in (lost, negative):
        row = minibatch.tables(given)["minibatch_scaling"].iloc[0]
        assert (row.seeds, row.slope, row.ratio) == pytest.approx((2, 1.0, 1.25))
    few = [one for one in members if one["batch_size"] != 16]
    assert minibatch.tables(few)["minibatch_scaling"].empty


def test_what_there_is_nothing_to_compare_with_is_not_a_number():
    members = records(datasets=("digits",), values=(0.3,))
    without = [one for one in members if one["learning_rate"] > 0 and one["batch_size"] < 64]
    runs = minibatch.tables(without)["minibatch_runs"]
    assert len(runs) == 3 * 4
    compared = ["flow_final_loss", "flux_cosine", "flux_projection", "full_batch_cosine"]
    assert runs[compared].isna().all(axis=None)
    assert runs.drop(columns=compared).notna().all(axis=None)


def test_a_single_seed_has_no_interval():
    made = minibatch.tables(records(seeds=(1,)))
    for name in ("minibatch_terms", "minibatch_shells"):
        assert made[name][["low", "high"]].isna().all(axis=None)
        assert made[name].value.notna().all()
