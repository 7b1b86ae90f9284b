"""Tables of the couplings experiment, from synthetic records whose answers are known."""

import numpy as np
import pandas as pd
import pytest

from scalinglaws.shells.tables.couplings import COLUMNS, tables

TIMES, RATIOS, REACH = [0.0, 1.0, 10.0], [2.0, 4.0], 3
# What a seed's numbers are multiplied by; the geometric mean of the first three is 2.
FACTORS = (1.0, 2.0, 4.0, 8.0)


def record(seed=0, *, dataset="digits", residual=False, depth=4, width=8, **changes):
    """One member of the experiment as it is loaded; its relative index is 3 (1 + t) (1 + q) times a factor."""
    factor, shape = FACTORS[seed], (len(TIMES), len(RATIOS))
    ratio = 3.0 * np.outer([1, 2, 3], [1, 2]) * factor
    share = np.broadcast_to([0.5, 0.25, 0.125], (*shape, REACH)) / factor
    made = {
        **{"part": "architecture", "dataset": dataset, "residual": residual, "depth": depth, "width": width},
        **{"seed": seed, "time": TIMES, "shell_ratio": RATIOS, "loss": [3.0 * factor, 2.0, 1.0]},
        **{"index": 0.1 * ratio, "null_index": np.full(shape, 0.1), "null_std": np.full(shape, 0.02)},
        **{"tilt": np.full(shape, 0.3 * factor), "n_shells": np.full(shape, 7.0)},
        **{
            "share": share,
            "null_share": 0.5 * share,
            "boundary_share": 0.1 * share,
            "boundary_null_share": 0.2 * share,
        },
        **{"jacobian_growth": np.exp([0.0, depth * factor, depth * factor]), "kernel_path": [0.0, factor, 2 * factor]},
        "coherence": {kind: np.array([1.0, 0.9, 0.1 * factor, 0, 0]) for kind in ("excess", "raw")},
        "coherent_layers": {"excess": depth**0.5 * factor, "raw": 5.0},
        **changes,
    }
    return as_loaded(made)


def as_loaded(made):
    return {k: as_loaded(v) if isinstance(v, dict) else np.asarray(v) for k, v in made.items()}


def rescaling_record(seed=0):
    gap = {name: [0.0, 1e-12 * FACTORS[seed]] for name in ("loss", "flux")}
    place = {"part": "rescaling", "dataset": "digits", "residual": True, "depth": 2, "width": 6, "seed": seed}
    return as_loaded({**place, "time_scale": [4.0, 9.0], "gap": gap})


def one(table, **where):
    """The only row with these values."""
    for name, value in where.items():
        table = table[table[name] == value]
    assert len(table) == 1
    return table.iloc[0]


SEEDS = [record(seed) for seed in range(3)]


def test_without_records_tables_are_empty_and_have_their_columns():
    found = tables([])
    assert {name: tuple(table.columns) for name, table in found.items()} == COLUMNS
    assert all(table.empty for table in found.values())


def test_tables_are_complete_and_hold_no_missing_numbers():
    records = [
        record(s, dataset=d, residual=r, depth=L) for s in range(3) for d in "ab" for r in (0, 1) for L in (4, 8)
    ]
    found = tables([*records, *map(rescaling_record, range(2))])
    sizes = {
        "log_shift": 6,
        "log_shift_change": 2,
        "log_shift_pooled": 3,
        "locality": 36,
        "coherence": 8,
        "jacobian_growth": 4,
    }
    assert {name: len(found[name]) for name in sizes} == {name: 8 * size for name, size in sizes.items()}
    assert (len(found["depth_scaling"]), len(found["rescaling"])) == (4 * 3, 2 * 2 * 2)
    for name, table in found.items():
        assert tuple(table.columns) == COLUMNS[name]
        assert not table.isna().any().any(), name
        if "seeds" in table:
            assert set(table.seeds) == {3}
            assert (table.low <= table.value).all()
            assert (table.value <= table.high).all()
    assert set(found["log_shift"].architecture) == {"plain", "residual"}


def test_log_shift_by_hand():
    """Geometric means over seeds with factors 1, 2, 4; the rest arithmetic."""
    row = one(tables(SEEDS)["log_shift"], time=1.0, shell_ratio=4.0)
    assert row.value == pytest.approx(3 * 2 * 2 * 2, rel=1e-13)
    assert row["index"] == pytest.approx(0.1 * 12 * 7 / 3, rel=1e-13)
    assert (row.null_index, row.null_spread) == pytest.approx((0.1, 0.2), rel=1e-13)
    assert (row.tilt, row.n_shells, row.loss) == pytest.approx((0.7, 7.0, 2.0), rel=1e-13)
    assert one(tables(SEEDS)["log_shift"], time=0.0, shell_ratio=2.0).loss == pytest.approx(7.0)
    moments = tables(SEEDS)["log_shift"].groupby("time").moment.first()
    assert moments.to_dict() == {0.0: "start", 1.0: "middle", 10.0: "end"}


def test_change_is_the_end_over_the_start_seed_by_seed():
    """3 in every seed, however much seeds differ: the interval has no width."""
    row = one(tables(SEEDS)["log_shift_change"], shell_ratio=2.0)
    np.testing.assert_allclose([row.value, row.low, row.high], 3.0, rtol=1e-12)


def test_pooled_index_is_the_mean_over_sizes_of_seeds_that_have_them_all():
    """Width 16 has four times the index: twice in the geometric mean of two sizes. Seed 2 lacks it."""
    wide = [record(seed, width=16, index=4 * SEEDS[seed]["index"]) for seed in range(2)]
    table = tables([*SEEDS, *wide])["log_shift_pooled"]
    for shell_ratio, relative in ((2.0, 3.0), (4.0, 6.0)):
        rows = {q: one(table, shell_ratio=shell_ratio, quantity=q) for q in ("start", "end", "change")}
        assert rows["start"].value == pytest.approx(2 * relative * 2**0.5, rel=1e-12)
        assert rows["end"].value == pytest.approx(3 * 2 * relative * 2**0.5, rel=1e-12)
        np.testing.assert_allclose([rows["change"].low, rows["change"].value, rows["change"].high], 3, rtol=1e-12)
    assert (set(table.seeds), set(table.networks)) == ({2}, {2})
    assert tables([SEEDS[0], wide[1]])["log_shift_pooled"].empty


@pytest.mark.parametrize(("counted", "factor", "null"), [("pairs", 1.0, 0.5), ("edges", 0.1, 0.2)])
def test_locality_adds_shares_up_to_a_distance(counted, factor, null):
    mean = (1 + 1 / 2 + 1 / 4) / 3
    for distance, within in ((1, 0.5), (2, 0.75), (3, 0.875)):
        where = {"time": 10.0, "shell_ratio": 2.0, "counted": counted, "distance": distance}
        row = one(tables(SEEDS)["locality"], **where)
        assert row.moment == "end"
        assert row.value == pytest.approx(within * factor * mean, rel=1e-13)
        assert row.null == pytest.approx(within * null * mean, rel=1e-13)
        assert row.excess == pytest.approx(row.value - row.null, rel=1e-12)


def test_coherence_and_growth_by_hand():
    found = tables(SEEDS)
    assert one(found["coherence"], kind="raw", distance=2).value == pytest.approx(0.1 * 7 / 3)
    assert sorted(set(found["coherence"].distance)) == [1, 2, 3, 4]
    growth, path = (one(found["jacobian_growth"], time=10.0, quantity=q) for q in ("jacobian_growth", "kernel_path"))
    assert growth.value == pytest.approx(np.exp(4 * 7 / 3), rel=1e-12)
    assert path.value == pytest.approx(2 * 2, rel=1e-12)


def test_depth_scaling_compares_the_same_seed_in_the_deepest_and_the_shallowest():
    """Growth exp(depth): its logarithm doubles; coherent layers as sqrt(depth), or not. Seed 3 has no partner."""
    records = [*SEEDS, *(record(seed, depth=6) for seed in range(3)), *(record(seed, depth=8) for seed in range(4))]
    table = tables(records)["depth_scaling"]
    expected = {"log_jacobian_growth": 2.0, "coherent_layers_excess": 2**0.5, "coherent_layers_raw": 1.0}
    for quantity, value in expected.items():
        row = one(table, quantity=quantity)
        np.testing.assert_allclose([row.value, row.low, row.high], value, rtol=1e-12)
        assert (row.shallow, row.deep, row.seeds) == (4, 8, 3)


def test_depth_scaling_needs_two_depths_and_a_network_that_grows():
    assert tables(SEEDS)["depth_scaling"].empty
    still = [record(seed, jacobian_growth=[1.0, 1.0, 1.0]) for seed in range(2)]
    table = tables([*still, SEEDS[2], *(record(seed, depth=8) for seed in range(3))])["depth_scaling"]
    assert table.set_index("quantity").seeds.to_dict()["log_jacobian_growth"] == 1
    assert table.set_index("quantity").seeds.to_dict()["coherent_layers_raw"] == 3
    none = tables([*still, *(record(seed, depth=8) for seed in range(2))])["depth_scaling"]
    assert set(none.quantity) == {"coherent_layers_excess", "coherent_layers_raw"}


def test_rescaling_keeps_every_seed_and_scale():
    table = tables([*SEEDS, *map(rescaling_record, range(3))])["rescaling"]
    assert len(table) == 3 * 2 * 2
    row = one(table, seed=2, time_scale=9.0, quantity="flux")
    assert (row.value, row.architecture, row.depth, row.width) == (4e-12, "residual", 2, 6)
    assert (table[table.time_scale == 4.0].value == 0).all()


def test_missing_seeds_are_counted_and_a_single_one_has_no_interval():
    found = tables([*SEEDS, record(1, residual=True)])["log_shift"]
    counts = found.groupby("architecture").seeds.agg(["min", "max"]).to_numpy().tolist()
    assert counts == [[3, 3], [1, 1]]
    alone = found[found.architecture == "residual"]
    assert alone[["low", "high"]].isna().all().all()
    assert np.isfinite(alone.value).all()


def test_order_of_records_does_not_matter():
    records = [*SEEDS, *(record(seed, residual=True) for seed in range(3)), rescaling_record()]
    for name, table in tables(records).items():
        pd.testing.assert_frame_equal(tables(records[::-1])[name], table, rtol=1e-12, obj=name)
