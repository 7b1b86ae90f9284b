"""Couplings between shells: brute force, invariance of what is invariant, and the null's closed form against draws."""

import itertools
import math

import numpy as np
import pytest

from scalinglaws.shells import Modes, SharpShells, geometric_edges, rotation_rates
from scalinglaws.shells.couplings import (
    boundary_shares,
    distance_shares,
    log_shift,
    log_shift_index,
    log_shift_tilt,
    null_transfers,
    scale_free_amplitudes,
    scale_free_rotation,
    shell_couplings,
    shell_transfers,
)


def drawn(seed=0, size=14, decades=3.0):
    """Modes over some decades, a rotation rate of no particular kind, and shells of ratio 3 around the spectrum."""
    rng = np.random.default_rng(seed)
    eigenvalues = np.sort(10 ** rng.uniform(-decades, 0, size)) * rng.uniform(0.1, 10)
    vectors = np.linalg.qr(rng.standard_normal((size, size)))[0]
    modes = Modes(eigenvalues, vectors, rng.standard_normal(size), n_samples=size // 2)
    rotation = rng.standard_normal((size, size))
    edges = geometric_edges(eigenvalues[0], eigenvalues[-1], 3.0, grid_offset=rng.uniform(-0.4, 0.4))
    return modes, rotation - rotation.T, SharpShells(edges)


def members_of(modes, shells):
    return [np.flatnonzero(shells.members(modes.eigenvalues) == a) for a in range(shells.n_shells)]


# --- couplings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_couplings_are_root_mean_squares_over_pairs(seed):
    modes, rotation, shells = drawn(seed)
    couplings = shell_couplings(modes.eigenvalues, rotation, shells)
    members = members_of(modes, shells)
    assert sum(len(m) > 0 for m in members) >= 4
    for a, b in itertools.product(range(shells.n_shells), repeat=2):
        pairs = [rotation[u, v] ** 2 for u in members[a] for v in members[b]]
        outermost = {a, b} & {0, shells.n_shells - 1}
        if a == b or outermost or not pairs:
            assert np.isnan(couplings[a, b])
        else:
            assert couplings[a, b] == pytest.approx(math.sqrt(sum(pairs) / len(pairs)), rel=1e-13)


def test_modes_below_and_above_the_closed_shells_have_no_place():
    eigenvalues = np.array([1e-9, 0.3, 1.0, 3.0, 1e9])
    couplings = shell_couplings(eigenvalues, np.ones((5, 5)), SharpShells([0.0, 0.2, 0.6, 1.8, 5.4, np.inf]))
    expected = np.full((5, 5), np.nan)
    expected[1:4, 1:4] = np.where(np.eye(3, dtype=bool), np.nan, 1.0)
    np.testing.assert_array_equal(couplings, expected)


def matrix_of(function, size=7, missing=()):
    """ln K_ab = function(a, b), with some shells left out."""
    a, b = np.indices((size, size))
    couplings = np.exp(function(np.minimum(a, b), np.maximum(a, b)).astype(float))
    couplings[np.eye(size, dtype=bool)] = np.nan
    couplings[list(missing)] = couplings[:, list(missing)] = np.nan
    return couplings


@pytest.mark.parametrize("missing", [(), (0, 6), (2,)])
@pytest.mark.parametrize("tilt", [-0.7, 0.0, 0.3])
def test_a_function_of_distance_is_invariant_and_a_tilt_is_found_exactly(missing, tilt):
    shape = np.random.default_rng(1).normal(size=7)
    couplings = matrix_of(lambda a, b: shape[b - a] + tilt * (a + b) / 2, missing=missing)
    assert log_shift_tilt(couplings) == pytest.approx(tilt, abs=1e-14)
    assert (log_shift_index(couplings) < 1e-14) == (tilt == 0)


@pytest.mark.parametrize("missing", [(), (1,), (0, 3)])
def test_index_is_the_residual_of_the_least_squares_fit(missing):
    """Dummy variables for distances, one by one, by numpy's least squares; pairs alone at their distance left out."""
    couplings = matrix_of(lambda a, b: np.sin(3.0 * a + 5.0 * b * b), missing=missing)
    pairs = [(a, b) for a, b in itertools.combinations(range(7), 2) if np.isfinite(couplings[a, b])]
    distances = [b - a for a, b in pairs]
    pairs = [pair for pair, distance in zip(pairs, distances, strict=True) if distances.count(distance) > 1]
    design = np.array([[float(b - a == d) for d in range(1, 7)] for a, b in pairs])
    logs = np.array([math.log(couplings[pair]) for pair in pairs])
    residuals = logs - design @ np.linalg.lstsq(design, logs, rcond=None)[0]
    assert log_shift_index(couplings) == pytest.approx(math.sqrt(np.mean(residuals**2)), rel=1e-12)


@pytest.mark.parametrize("factor", [1e-8, 3.0])
def test_index_and_tilt_know_no_units(factor):
    couplings = matrix_of(lambda a, b: np.sin(3.0 * a + 5.0 * b * b))
    for measure in (log_shift_index, log_shift_tilt):
        assert measure(factor * couplings) == pytest.approx(measure(couplings), rel=1e-12)
    assert log_shift_tilt(couplings[::-1, ::-1]) == pytest.approx(-log_shift_tilt(couplings), rel=1e-12)


@pytest.mark.parametrize(
    ("couplings", "message"),
    [
        (matrix_of(lambda a, b: a + b, size=3, missing=[2]), r"couplings has 1 entries and must have at least 2"),
        (matrix_of(lambda a, b: a + b, size=4, missing=[1]), r"3 pairs of shells must hold 2 pairs at one distance"),
        (np.zeros((4, 4)), r"couplings\[0\] = 0\.0 must be > 0"),
    ],
    ids=["one pair", "all distances different", "uncoupled"],
)
def test_too_few_or_vanishing_couplings_are_refused(couplings, message):
    for measure in (log_shift_index, log_shift_tilt):
        with pytest.raises(ValueError, match=message):
            measure(couplings)


# --- the null -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_the_null_is_the_rotation_of_a_kernel_that_moves_without_a_scale(seed):
    """M' = M^(1/2) G M^(1/2) in the eigenbasis, through `rotation_rates`."""
    modes, _, _ = drawn(seed)
    vectors, roots = modes.eigenvectors, np.sqrt(modes.eigenvalues)
    ours = scale_free_rotation(np.random.default_rng(seed), modes.eigenvalues)
    upper = np.triu(np.random.default_rng(seed).standard_normal(ours.shape), 1)
    rate = vectors @ (np.outer(roots, roots) * (upper + upper.T)) @ vectors.T
    np.testing.assert_allclose(ours, rotation_rates(modes, rate), rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(ours, -ours.T)


def test_amplitudes_depend_on_ratios_alone_and_vanish_within_a_degenerate_eigenvalue():
    eigenvalues = np.array([0.25, 1.0, 1.0, 4.0])
    expected = np.array(
        [[0, -2 / 3, -2 / 3, -4 / 15], [2 / 3, 0, 0, -2 / 3], [2 / 3, 0, 0, -2 / 3], [4 / 15, 2 / 3, 2 / 3, 0]]
    )
    for factor in (1.0, 1e-6, 50.0):
        np.testing.assert_allclose(scale_free_amplitudes(factor * eigenvalues), expected, rtol=1e-13)


def test_the_null_has_couplings_that_depend_on_distance_alone_when_there_is_no_noise():
    """One mode at the same place of every shell, and G all ones."""
    eigenvalues = 3.0 ** np.arange(6)
    edges = geometric_edges(eigenvalues[0], eigenvalues[-1], 3.0)
    couplings = shell_couplings(eigenvalues, scale_free_amplitudes(eigenvalues), SharpShells(edges))
    assert np.isfinite(couplings).sum() == 30
    assert log_shift_index(couplings) < 1e-13
    assert abs(log_shift_tilt(couplings)) < 1e-13


def spectrum(n_modes=120):
    """A power-law spectrum over three decades, with shells of ratio 2."""
    eigenvalues = np.geomspace(1e-3, 1.0, n_modes)
    return eigenvalues, SharpShells(geometric_edges(1e-4, 10.0, 2.0, anchor=1.0))


def test_index_over_the_nulls_is_one_for_the_null_and_more_for_a_tilted_kernel():
    """A draw scatters around the mean by null_std; lam^0.5 in the couplings is a tilt of 0.5 per unit of ln lambda."""
    eigenvalues, shells = spectrum()
    rng = np.random.default_rng(0)
    nulls = [scale_free_rotation(rng, eigenvalues) for _ in range(30)]
    plain = [log_shift(eigenvalues, scale_free_rotation(rng, eigenvalues), shells, nulls) for _ in range(30)]
    spread = plain[0].null_std
    assert abs(np.mean([one.index for one in plain]) - plain[0].null_index) < 5 * spread * math.sqrt(2 / 30)
    heights = np.add.outer(np.log(eigenvalues), np.log(eigenvalues)) / 2
    tilted = log_shift(eigenvalues, scale_free_rotation(rng, eigenvalues) * np.exp(0.5 * heights), shells, nulls)
    assert tilted.index > tilted.null_index + 5 * spread
    tilts = [one.tilt for one in plain]
    assert abs(tilted.tilt - 0.5) < 5 * np.std(tilts)
    assert abs(np.mean(tilts)) < 5 * np.std(tilts) / math.sqrt(30)


def test_log_shift_sums_up_the_draws():
    modes, rotation, shells = drawn(2, size=30)
    rng = np.random.default_rng(5)
    nulls = [scale_free_rotation(rng, modes.eigenvalues) for _ in range(4)]
    found = log_shift(modes.eigenvalues, rotation, shells, nulls)
    indices = [log_shift_index(shell_couplings(modes.eigenvalues, null, shells)) for null in nulls]
    assert found.index == log_shift_index(shell_couplings(modes.eigenvalues, rotation, shells))
    assert found.null_index == pytest.approx(np.mean(indices), rel=1e-14)
    assert found.null_std == pytest.approx(np.sqrt(np.var(indices) * 4 / 3), rel=1e-13)
    assert found.n_shells == sum(len(m) > 0 for m in members_of(modes, shells)[1:-1])
    with pytest.raises(ValueError, match=r"number of null_rotations = 1 must be an integer >= 2"):
        log_shift(modes.eigenvalues, rotation, shells, nulls[:1])


@pytest.mark.parametrize("seed", range(3))
def test_mean_transfers_of_the_null_are_those_of_draws(seed):
    """|T_ab| of a centred Gaussian; 4000 draws, 5 standard errors, and zero wherever there is nothing to transfer."""
    modes, _, shells = drawn(seed, size=10)
    rng = np.random.default_rng(seed + 50)
    draws = [np.abs(shell_transfers(modes, scale_free_rotation(rng, modes.eigenvalues), shells)) for _ in range(4000)]
    mean, error, expected = np.mean(draws, 0), np.std(draws, 0) / math.sqrt(4000), null_transfers(modes, shells)
    between = ~np.eye(shells.n_shells, dtype=bool)
    assert ((expected > 0) == (mean > 0))[between].all()
    assert (np.abs(mean - expected)[between] <= 5 * error[between]).all()
    np.testing.assert_array_equal(np.diag(expected), 0)
    np.testing.assert_allclose(expected, expected.T, rtol=1e-13)


# --- locality -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_transfers_are_sums_over_pairs_of_modes(seed):
    modes, rotation, shells = drawn(seed)
    transfers, members, g = shell_transfers(modes, rotation, shells), members_of(modes, shells), modes.coefficients
    for a, b in itertools.product(range(shells.n_shells), repeat=2):
        expected = sum(g[u] * rotation[u, v] * g[v] for u in members[a] for v in members[b]) / modes.n_samples
        assert transfers[a, b] == pytest.approx(expected, abs=1e-13)
    np.testing.assert_allclose(transfers, -transfers.T, atol=1e-14)


def test_shares_by_distance_are_counted_pair_by_pair():
    transfers = np.random.default_rng(3).standard_normal((6, 6))
    transfers -= transfers.T
    by_distance = dict.fromkeys(range(1, 6), 0.0)
    for a, b in itertools.permutations(range(6), 2):
        by_distance[abs(a - b)] += abs(transfers[a, b])
    expected = np.array(list(by_distance.values())) / sum(by_distance.values())
    np.testing.assert_allclose(distance_shares(transfers), expected, rtol=1e-13)
    np.testing.assert_allclose(distance_shares(-7 * transfers[::-1, ::-1]), expected, rtol=1e-13)


def test_boundary_shares_count_a_pair_at_every_edge_that_it_crosses():
    transfers = np.random.default_rng(4).standard_normal((5, 5))
    transfers -= transfers.T
    passing = np.zeros(4)
    for edge in range(1, 5):
        for a, b in itertools.product(range(edge, 5), range(edge)):
            passing[a - b - 1] += abs(transfers[a, b])
    np.testing.assert_allclose(boundary_shares(distance_shares(transfers)), passing / passing.sum(), rtol=1e-13)


def test_the_share_of_near_shells_falls_as_shells_become_finer():
    """The same transfers in shells of ratio 4 and 2: why a share is to be compared with its null only."""
    eigenvalues = np.geomspace(1e-3, 1.0, 60)
    modes = Modes(eigenvalues, np.eye(60), np.ones(60), 60)
    coarse, fine = (SharpShells(geometric_edges(1e-3, 1.0, ratio)) for ratio in (4.0, 2.0))
    near = [distance_shares(null_transfers(modes, shells))[0] for shells in (coarse, fine)]
    assert near[0] > near[1] + 0.1


def test_nothing_to_share_out_is_refused():
    with pytest.raises(ValueError, match="transfers must not all be zero"):
        distance_shares(np.diag(np.ones(4)))
