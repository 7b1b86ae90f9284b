"""The random-matrix experiment and its tables: small runs against brute force, synthetic records with known means."""

import math
from itertools import pairwise

import numpy as np
import pytest

from scalinglaws.ridge.deep_wishart import DeepWishart
from scalinglaws.ridge.experiments.random_matrices import MatrixMember, members, run
from scalinglaws.ridge.experiments.setup import member_rng
from scalinglaws.ridge.matrix_samples import deep_wishart_eigenvalues, wigner_eigenvalues, wishart_eigenvalues
from scalinglaws.ridge.random_matrices import MarchenkoPastur, Semicircle, ks_distance
from scalinglaws.ridge.structured_wishart import StructuredWishart
from scalinglaws.ridge.tables.random_matrices import COLUMNS, tables

SETTINGS = {
    "sizes": [20, 40],
    "white_ratios": [1.0, 10.0],
    "structured": [
        {"name": "levels", "levels": [1.0, 50.0], "shares": [0.75, 0.25], "ratio": 0.5},
        {"name": "power law", "capacity": 1.5, "ratio": 2.0},
    ],
    "deep_ratios": [[1.0, 1.0], [0.5, 2.0]],
    "n_bins": 10,
    "seeds": [3, 1],
}
POWER_LAW = np.arange(1, 41) ** -1.5
LEVELS = np.repeat([1.0, 50.0], [30, 10])
# Of size 40: the law, and the eigenvalues of a generator.
CASES = {
    ("Wigner", "Gaussian"): (Semicircle(), lambda rng: wigner_eigenvalues(rng, 40)),
    ("white Wishart", "q = 1"): (MarchenkoPastur(1.0), lambda rng: wishart_eigenvalues(rng, np.ones(40), 40)),
    ("white Wishart", "q = 10"): (MarchenkoPastur(10.0), lambda rng: wishart_eigenvalues(rng, np.ones(40), 4)),
    ("structured Wishart", "levels"): (
        StructuredWishart(LEVELS, 0.5),
        lambda rng: wishart_eigenvalues(rng, LEVELS, 80),
    ),
    ("structured Wishart", "power law"): (
        StructuredWishart(POWER_LAW, 2.0),
        lambda rng: wishart_eigenvalues(rng, POWER_LAW, 20),
    ),
    ("deep Wishart", "q = 1, 1"): (DeepWishart((1, 1)), lambda rng: deep_wishart_eigenvalues(rng, (40, 40, 40))),
    ("deep Wishart", "q = 0.5, 2"): (DeepWishart((0.5, 2)), lambda rng: deep_wishart_eigenvalues(rng, (40, 80, 20))),
}


# --- experiment -----------------------------------------------------------------------------------------------------


def test_members_are_all_cases_at_all_sizes():
    expected = [MatrixMember(*named, size) for named in CASES for size in (20, 40)]
    assert members(SETTINGS) == expected


@pytest.mark.parametrize(("named", "made"), CASES.items(), ids=map(", ".join, CASES))
def test_a_record_is_what_its_matrices_and_its_law_say(named, made):
    member, (law, draw) = MatrixMember(*named, 40), made
    record = run(SETTINGS, member)
    spectra = [draw(member_rng("random_matrices", str(member), seed)) for seed in (3, 1)]
    assert (record["ensemble"], record["case"], record["size"], list(record["seed"])) == (*named, 40, [3, 1])
    np.testing.assert_allclose(record["distance"], [ks_distance(s, law.cdf) for s in spectra], rtol=1e-12)
    bins = record["bins"]
    assert bins.shape == (11,)
    for spectrum, shares in zip(spectra, record["share"], strict=True):
        counts = [((spectrum >= left) & (spectrum < right)).sum() for left, right in pairwise(bins)]
        np.testing.assert_allclose(shares, np.array(counts) / 40)
    np.testing.assert_allclose(record["expected"] * np.diff(bins), np.diff(law.cdf(bins)), atol=1e-14)
    np.testing.assert_allclose(record["density"], law.density(record["x"]), rtol=1e-12)
    assert record["atom"] == law.atom
    np.testing.assert_allclose(record["edges"], law.edges)


@pytest.mark.parametrize("named", CASES, ids=", ".join)
def test_bins_and_lines_hold_nearly_everything(named):
    """All but the share left out at a hard edge, looked up on a coarse grid; a line reaches every edge."""
    record, law = run(SETTINGS, MatrixMember(*named, 40)), CASES[named][0]
    held = (record["expected"] * np.diff(record["bins"])).sum() / (1 - law.atom)
    assert held == pytest.approx(1.0, abs=1e-12 if law.edges[0, 0] else 0.015)
    shown = law.edges[law.edges > record["bins"][0]]
    assert set(shown) <= set(record["x"])
    assert (np.diff(record["x"]) > 0).all()
    assert np.isfinite(record["density"]).all()


def test_draws_depend_on_the_member_and_the_seed_alone():
    member = MatrixMember("Wigner", "Gaussian", 20)
    one, other = (run({**SETTINGS, "seeds": seeds}, member)["distance"] for seeds in ([5, 3], [3, 5, 7]))
    assert one[0] == other[1] != one[1] == other[0]


@pytest.mark.parametrize(
    ("change", "member", "message"),
    [
        (
            {"white_ratios": [3.0]},
            ("white Wishart", "q = 3"),
            r"size = 20 over 3 .* whole number of rows, not 6\.66667",
        ),
        ({"deep_ratios": [[1.0, 0.3]]}, ("deep Wishart", "q = 1, 0.3"), r"size = 20 over 0\.3 must be a whole"),
        (
            {"structured": [{"name": "a", "levels": [1.0, 2.0], "shares": [0.99, 0.01], "ratio": 1.0}]},
            ("structured Wishart", "a"),
            r"size = 20 over 1\.0101 must be a whole",
        ),
    ],
)
def test_sizes_that_do_not_divide_are_refused(change, member, message):
    with pytest.raises(ValueError, match=message):
        run({**SETTINGS, **change}, MatrixMember(*member, 20))


# --- tables ---------------------------------------------------------------------------------------------------------


def record(size=100, *, n_seeds=3, atom=0.5, case="q = 2", ensemble="white Wishart"):
    """Distances 0.01, 0.02, ...; seed s has the share (s + 1)/10 in the first of two bins, of widths 1 and 4."""
    seeds = np.arange(n_seeds)
    made = {
        **{"ensemble": ensemble, "case": case, "size": size, "seed": seeds, "atom": atom},
        **{"edges": [[0.5, 1.0], [2.0, 5.0]], "x": [0.5, 1.5, 4.0], "density": [0.0, 0.0, 0.3]},
        **{"bins": [1.0, 2.0, 6.0], "expected": [0.25, 0.05]},
        **{"share": np.stack([(seeds + 1) / 10, np.full(n_seeds, 0.2)], axis=1), "distance": (seeds + 1) / 100},
    }
    return {name: np.asarray(value) for name, value in made.items()}


def test_without_records_tables_are_empty_and_have_their_columns():
    found = tables([])
    assert {name: tuple(table.columns) for name, table in found.items()} == COLUMNS
    assert all(table.empty for table in found.values())


def test_laws_and_histograms_are_those_of_the_largest_size():
    found = tables([record(50), record(100), record(100, case="q = 3")])
    for name, rows in (("matrix_densities", 3), ("matrix_histograms", 2)):
        assert set(found[name]["size"]) == {100}
        assert len(found[name]) == 2 * rows
    densities = found["matrix_densities"]
    assert densities[densities.case == "q = 3"][["x", "density"]].to_numpy().tolist() == [[0.5, 0], [1.5, 0], [4, 0.3]]


def test_histograms_are_mean_densities_over_seeds():
    first, second = tables([record()])["matrix_histograms"].to_dict("records")
    assert (first["left"], first["right"], first["expected"], first["seeds"]) == (1.0, 2.0, 0.25, 3)
    assert first["value"] == pytest.approx(0.2)
    assert 0.1 <= first["low"] < 0.2 < first["high"] <= 0.3
    assert [second[name] for name in ("value", "low", "high")] == pytest.approx([0.05, 0.05, 0.05])


def test_distances_are_means_over_seeds_with_the_scales_of_rigid_and_independent_eigenvalues():
    found = tables([record(50), record(100)])["matrix_distances"]
    assert found[["size", "largest", "part"]].to_numpy().tolist() == [
        [50, False, "all"],
        [50, False, "above 0"],
        [100, True, "all"],
        [100, True, "above 0"],
    ]
    assert found.value.tolist() == pytest.approx([0.02, 0.04, 0.02, 0.04])
    assert (found.low < found.value).all()
    assert (found.value < found.high).all()
    above = found[(found["size"] == 100) & (found.part == "above 0")].iloc[0]
    assert above.rigid_scale == pytest.approx(math.sqrt(2) * math.log(50) / (50 * math.pi))
    # The mean of Kolmogorov's distribution, sqrt(pi/2) ln 2, is 0.8687.
    assert above.independent_scale == pytest.approx(0.8687 / math.sqrt(50), rel=1e-4)
    assert (above.atom, above.n_bulks, above.seeds) == (0.5, 2, 3)
    whole = found[(found["size"] == 100) & (found.part == "all")].iloc[0]
    for scale in ("rigid_scale", "independent_scale"):
        assert whole[scale] == pytest.approx(above[scale] / 2)


def test_a_law_without_atom_has_one_row_and_a_single_seed_no_interval():
    found = tables([record(atom=0.0, n_seeds=1)])
    assert found["matrix_distances"].part.tolist() == ["all"]
    for name in ("matrix_distances", "matrix_histograms"):
        assert found[name][["low", "high"]].isna().to_numpy().all()
        assert found[name].value.notna().all()
