"""Modes against exactly known eigenbases, brute-force assignments, and differences of smooth families of kernels."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.linalg import block_diag, expm
from scipy.stats import ortho_group

from scalinglaws.networks import stack, start_flow, take_snapshot
from scalinglaws.shells import Modes, align, decompose, eigenvalue_rates, of_snapshot, rotation_rates
from scalinglaws.shells.modes import of_batch

SPECTRA = {
    "simple": [0.1, 0.7, 1.5, 2.0, 5.0, 9.0],
    "pair": [0.3, 1.0, 1.0, 2.0, 4.0, 7.0],
    "triple and zeros": [0.0, 0.0, 1.0, 1.0, 1.0, 6.0],
    "null space": [0.0, 0.0, 0.0, 0.0, 2.0, 3.0],
    "all equal": [2.0] * 6,
    "all zero": [0.0] * 6,
}


def modes_of(spectrum, seed=0):
    """Modes with exactly these eigenvalues in a random basis."""
    rng = np.random.default_rng(seed)
    size = len(spectrum)
    return Modes(np.array(spectrum, float), ortho_group.rvs(size, random_state=rng), rng.standard_normal(size), size)


def turned(modes, right):
    """The same kernel and residual with the basis multiplied from the right."""
    return Modes(modes.eigenvalues, modes.eigenvectors @ right, modes.residual, modes.n_samples)


def within_eigenspaces(spectrum, rng):
    """A random orthogonal matrix, proper or not, inside each eigenspace."""
    sizes = np.unique(spectrum, return_counts=True)[1]
    blocks = [ortho_group.rvs(n, random_state=rng) if n > 1 else rng.choice([-1.0, 1.0], (1, 1)) for n in sizes]
    return block_diag(*blocks)


# --- decomposition --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spectrum", SPECTRA.values(), ids=SPECTRA)
def test_decompose_finds_the_spectrum_and_rebuilds_the_kernel(spectrum):
    exact = modes_of(spectrum)
    kernel = exact.eigenvectors * exact.eigenvalues @ exact.eigenvectors.T
    modes = decompose(kernel, exact.residual)
    np.testing.assert_allclose(modes.eigenvalues, spectrum, atol=1e-13)
    assert modes.eigenvalues.min() >= 0
    np.testing.assert_allclose(modes.eigenvectors * modes.eigenvalues @ modes.eigenvectors.T, kernel, atol=1e-13)
    np.testing.assert_allclose(modes.eigenvectors.T @ modes.eigenvectors, np.eye(6), atol=1e-13)


@pytest.mark.parametrize(("n_samples", "divisor"), [(None, 6), (6, 6), (3, 3), (2, 2)])
def test_energies_sum_to_the_loss(n_samples, divisor):
    """With several outputs the residual is longer than the number of samples that the loss is divided by."""
    exact = modes_of(SPECTRA["simple"])
    modes = decompose(exact.eigenvectors * exact.eigenvalues @ exact.eigenvectors.T, exact.residual, n_samples)
    assert modes.loss == pytest.approx((exact.residual**2).sum() / (2 * divisor), rel=1e-14)
    assert (modes.coefficients**2).sum() / (2 * divisor) == pytest.approx(modes.loss, rel=1e-13)
    np.testing.assert_allclose(modes.eigenvectors @ modes.coefficients, modes.residual, atol=1e-13)


def test_modes_of_a_snapshot_are_those_of_its_kernel(make_flow):
    flow, parameters = make_flow(n_outputs=2)
    snapshot = take_snapshot(flow, 0.0, tuple(0.9 * p for p in parameters))
    ours, expected = of_snapshot(snapshot), decompose(snapshot.kernel.numpy(), snapshot.residual.numpy(), 6)
    assert ours.loss == pytest.approx(float(snapshot.loss), rel=1e-14)
    assert ours.n_samples == 6
    np.testing.assert_allclose(ours.eigenvalues, expected.eigenvalues, atol=1e-14)
    np.testing.assert_allclose(np.abs(ours.coefficients), np.abs(expected.coefficients), atol=1e-11)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("n_networks", [1, 3])
def test_modes_of_a_batch_are_those_of_its_networks_one_by_one(make_flow, dtype, n_networks):
    flows = [make_flow(seed, n_outputs=2, dtype=dtype) for seed in range(n_networks)]
    inputs, targets = (torch.stack([getattr(flow, name) for flow, _ in flows]) for name in ("inputs", "targets"))
    parameters = stack([start for _, start in flows])
    batch = take_snapshot(start_flow(flows[0][0].network, parameters, inputs, targets, 1.0), 0.0, parameters)
    found = of_batch(batch)
    assert len(found) == n_networks
    names = ("eigenvalues", "eigenvectors", "residual", "kernel")
    for index, ours in enumerate(found):
        expected = of_snapshot(replace(batch, **{name: getattr(batch, name)[index] for name in names}))
        for name in names[:3]:
            np.testing.assert_array_equal(getattr(ours, name), getattr(expected, name))
        assert (ours.n_samples, ours.eigenvectors.dtype) == (6, np.float64)


def test_a_snapshot_without_a_batch_has_the_modes_of_one_network(make_flow):
    snapshot = take_snapshot(make_flow()[0], 0.0, make_flow()[1])
    [ours] = of_batch(snapshot)
    np.testing.assert_array_equal(ours.eigenvectors, of_snapshot(snapshot).eigenvectors)


def test_modes_of_a_single_precision_snapshot_are_orthogonal_in_double(make_flow):
    """The kernel is what single precision left of it; a linear network's has no more than four eigenvalues."""
    flow, parameters = make_flow(n=9, activation="linear", depth=1, dtype=torch.float32)
    snapshot = take_snapshot(flow, 0.0, parameters)
    modes, kernel = of_snapshot(snapshot), snapshot.kernel.double().numpy()
    assert {array.dtype for array in (modes.eigenvalues, modes.eigenvectors, modes.residual)} == {np.dtype(np.float64)}
    np.testing.assert_array_equal(modes.residual, snapshot.residual)
    np.testing.assert_allclose(modes.eigenvectors.T @ modes.eigenvectors, np.eye(9), atol=1e-14)
    rebuilt = modes.eigenvectors * modes.eigenvalues @ modes.eigenvectors.T
    np.testing.assert_allclose(rebuilt, kernel, atol=1e-6 * np.abs(kernel).max())
    assert modes.eigenvalues.min() == 0.0


KERNEL = np.diag([1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("kernel", "residual", "message"),
    [
        (np.where(np.eye(3) + np.eye(3)[::-1] > 1, np.nan, KERNEL), np.ones(3), r"kernel\[1, 1\] = nan must be finite"),
        (KERNEL, [1.0, np.inf, 0.0], r"residual\[1\] = inf must be finite"),
        (KERNEL, np.ones(4), r"kernel has shape \(3, 3\) and must be \(4, 4\), as residual"),
        (KERNEL[:2], np.ones(3), r"kernel has shape \(2, 3\) and must be \(3, 3\)"),
        (KERNEL[:, :2], np.ones(3), r"kernel has shape \(3, 2\) and must be \(3, 3\)"),
        (KERNEL, np.ones((3, 1)), r"residual has shape \(3, 1\) and must have 1 dimension"),
        (KERNEL[0], np.ones(3), r"kernel has shape \(3,\) and must have 2 dimension"),
        (
            KERNEL + 1e-8 * np.eye(3, k=1),
            np.ones(3),
            r"kernel differs from its transpose by 1e-08 and must be symmetric",
        ),
        (KERNEL - np.diag([1.1, 0, 0]), np.ones(3), r"kernel has the eigenvalue -0\.1 and must have none below 0"),
    ],
)
def test_bad_kernels_and_residuals_are_named(kernel, residual, message):
    with pytest.raises(ValueError, match=message):
        decompose(kernel, residual)


@pytest.mark.parametrize("n_samples", [0, 1.5])
def test_bad_number_of_samples_is_named(n_samples):
    with pytest.raises(ValueError, match=f"n_samples = {n_samples} must be an integer >= 1"):
        decompose(KERNEL, np.ones(3), n_samples)


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_rounding_of_a_kernel_is_forgiven_on_its_own_scale(scale):
    """Asymmetry and negative eigenvalues of 1e-12 of the largest entry are rounding, whatever the unit."""
    kernel = scale * np.array([[1.0, 1.0], [1.0 + 1e-12, 1.0 - 1e-12]])
    modes = decompose(kernel, [1.0, 1.0])
    np.testing.assert_allclose(modes.eigenvalues / scale, [0, 2], atol=1e-11)
    assert modes.eigenvalues[0] >= 0


# --- following ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_align_undoes_permutations_and_signs_exactly(seed):
    rng = np.random.default_rng(seed)
    before = modes_of(SPECTRA["simple"], seed)
    order, signs = rng.permutation(6), rng.choice([-1.0, 1.0], 6)
    after = Modes(before.eigenvalues[order], before.eigenvectors[:, order] * signs, before.residual, 6)
    aligned = align(before, after)
    np.testing.assert_array_equal(aligned.eigenvalues, before.eigenvalues)
    np.testing.assert_array_equal(aligned.eigenvectors, before.eigenvectors)


@pytest.mark.parametrize("spectrum", SPECTRA.values(), ids=SPECTRA)
@pytest.mark.parametrize("seed", range(5))
def test_align_undoes_any_turn_of_degenerate_eigenspaces(spectrum, seed):
    before = modes_of(spectrum, seed)
    right = within_eigenspaces(spectrum, np.random.default_rng(seed + 100))
    aligned = align(before, turned(before, right))
    np.testing.assert_array_equal(aligned.eigenvalues, before.eigenvalues)
    np.testing.assert_allclose(aligned.eigenvectors, before.eigenvectors, atol=1e-13)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e6])
def test_eigenvalues_that_differ_by_rounding_are_one(scale):
    """A solver splits an exactly repeated eigenvalue by 1e-15 of the largest, and picks any basis."""
    spectrum = scale * np.array([0.0, 0.0, 1.0, 1.0, 1.0, 6.0])
    before = modes_of(spectrum)
    right = within_eigenspaces(spectrum, np.random.default_rng(1))
    split = spectrum + 6e-15 * scale * np.array([0, 1, -1, 0, 1, 0])
    after = Modes(split, before.eigenvectors @ right, before.residual, 6)
    np.testing.assert_allclose(align(before, after).eigenvectors, before.eigenvectors, atol=1e-13)
    omega = rotation_rates(after, np.outer(before.residual, before.residual))
    assert (omega[:2, :2] == 0).all()
    assert (omega[2:5, 2:5] == 0).all()
    assert np.count_nonzero(omega) == 36 - 4 - 9 - 1


@pytest.mark.parametrize("worst", range(6))
def test_an_improper_change_of_basis_is_mended_at_its_worst_mode(worst):
    """A reflection oblique to all modes keeps every overlap positive: nothing but its determinant gives it away."""
    before = modes_of(SPECTRA["simple"])
    normal = np.full(6, 0.35)
    normal[worst] = 0.5
    normal /= np.linalg.norm(normal)
    reflected = before.eigenvectors @ (np.eye(6) - 2 * np.outer(normal, normal))
    expected = reflected * np.where(np.arange(6) == worst, -1.0, 1.0)
    np.testing.assert_allclose(
        align(before, replace(before, eigenvectors=reflected)).eigenvectors, expected, atol=1e-14
    )


def test_align_does_not_turn_eigenspaces_that_can_be_told_apart():
    """Eigenvalues that differ by 1e-9 have their own eigenvectors, whatever the old ones were."""
    before = modes_of([1.0, 2.0, 2.0, 3.0])
    angle = 0.3
    corner = block_diag(1.0, [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], 1.0)
    after = Modes(np.array([1.0, 2.0, 2.0 + 1e-9, 3.0]), before.eigenvectors @ corner, before.residual, 4)
    np.testing.assert_array_equal(align(before, after).eigenvectors, after.eigenvectors)


@pytest.mark.parametrize("spectrum", SPECTRA.values(), ids=SPECTRA)
@pytest.mark.parametrize("seed", range(10))
def test_aligned_modes_are_a_proper_rotation_of_the_old_and_the_same_kernel(spectrum, seed):
    """Also when old and new have nothing to do with one another."""
    before, after = modes_of(SPECTRA["simple"], seed), modes_of(spectrum, seed + 50)
    aligned = align(before, after)
    assert np.linalg.det(aligned.eigenvectors.T @ before.eigenvectors) == pytest.approx(1, abs=1e-12)
    kernels = [m.eigenvectors * m.eigenvalues @ m.eigenvectors.T for m in (aligned, after)]
    np.testing.assert_allclose(kernels[0], kernels[1], atol=1e-12)
    np.testing.assert_array_equal(aligned.residual, after.residual)


@pytest.mark.parametrize("seed", range(5))
def test_alignment_has_the_largest_overlap_of_all_orders(seed):
    before, after = modes_of(SPECTRA["simple"], seed), modes_of([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], seed + 50)
    aligned = align(before, after)
    overlaps = (after.eigenvectors.T @ before.eigenvectors) ** 2
    best = max(overlaps[list(order), range(6)].sum() for order in itertools.permutations(range(6)))
    diagonal = (aligned.eigenvectors * before.eigenvectors).sum(0)
    assert (diagonal**2).sum() == pytest.approx(best, rel=1e-12)
    # Signs: non-negative overlaps, but for one flip of the smallest where the rotation would be improper.
    wrong = np.flatnonzero(diagonal < 0)
    assert wrong.size <= 1
    assert all(abs(diagonal[u]) == abs(diagonal).min() for u in wrong)


def test_alignment_of_an_eigenspace_is_the_closest_of_all_turns():
    """Orthogonal Procrustes: no rotation inside the threefold eigenspace brings the new modes closer to the old."""
    rng = np.random.default_rng(0)
    before = modes_of([1.0, 2.0, 3.0, 4.0, 5.0])
    generator = 0.15 * rng.standard_normal((5, 5))
    moved = expm(generator - generator.T) @ before.eigenvectors
    after = Modes(np.array([1.0, 3.0, 3.0, 3.0, 5.0]), moved, before.residual, 5)
    aligned = align(before, after)
    reached = (aligned.eigenvectors * before.eigenvectors).sum()
    for _ in range(500):
        turn = block_diag(1.0, ortho_group.rvs(3, random_state=rng), 1.0)
        assert (after.eigenvectors @ turn * before.eigenvectors).sum() <= reached


# --- rates ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_eigenvectors_turn_and_eigenvalues_move_at_kato_s_rates(make_kernels, seed):
    """dphi_u/dt = sum_v Omega_uv phi_v; central differences of eigh at h = 1e-4: errors of h^2, times up to 100."""
    kernel, rate = make_kernels(seed)
    residual, time, h = np.ones(6), 0.3, 1e-4
    here = decompose(kernel(time), residual)
    low, high = (align(here, decompose(kernel(time + shift), residual)) for shift in (-h, h))
    omega = rotation_rates(here, rate(time))
    difference = (high.eigenvectors - low.eigenvectors) / (2 * h)
    np.testing.assert_allclose(here.eigenvectors @ omega.T, difference, atol=1e-6)
    movement = (high.eigenvalues - low.eigenvalues) / (2 * h)
    np.testing.assert_allclose(eigenvalue_rates(here, rate(time)), movement, atol=1e-6)
    assert np.abs(difference).max() > 0.1
    assert np.abs(movement).max() > 0.1


@pytest.mark.parametrize("seed", range(4))
def test_coefficients_of_a_residual_that_decays_move_as_stated(make_kernels, seed):
    """g_u' = -lam_u g_u + sum_v Omega_uv g_v for e' = -M e."""
    kernel, rate = make_kernels(seed)
    residual, time, h = np.random.default_rng(seed).standard_normal(6), 0.3, 1e-4
    here = decompose(kernel(time), residual)
    force, curve = -kernel(time) @ residual, (kernel(time) @ kernel(time) - rate(time)) @ residual
    ends = [decompose(kernel(time + s), residual + s * force + s**2 / 2 * curve) for s in (-h, h)]
    low, high = (align(here, end).coefficients for end in ends)
    predicted = -here.eigenvalues * here.coefficients + rotation_rates(here, rate(time)) @ here.coefficients
    np.testing.assert_allclose((high - low) / (2 * h), predicted, atol=1e-5)


@pytest.mark.parametrize("spectrum", SPECTRA.values(), ids=SPECTRA)
def test_rotation_rates_are_antisymmetric_and_zero_inside_eigenspaces(spectrum):
    rng = np.random.default_rng(1)
    modes, rate = modes_of(spectrum), rng.standard_normal((6, 6))
    omega = rotation_rates(modes, rate + rate.T)
    np.testing.assert_allclose(omega, -omega.T, atol=1e-12)
    same = np.equal.outer(modes.eigenvalues, modes.eigenvalues)
    assert (omega[same] == 0).all()
    assert (omega[~same] != 0).all()


def test_two_modes_by_hand():
    """M = diag(1, 3) with M' = [[5, 4], [4, 7]]: phi_0 turns by 4 / (1 - 3) towards phi_1."""
    modes = Modes(np.array([1.0, 3.0]), np.eye(2), np.ones(2), 2)
    rate = np.array([[5.0, 4.0], [4.0, 7.0]])
    np.testing.assert_allclose(rotation_rates(modes, rate), [[0, -2], [2, 0]], rtol=1e-15)
    np.testing.assert_allclose(eigenvalue_rates(modes, rate), [5, 7], rtol=1e-15)


def test_rates_of_a_growing_kernel_are_growth_alone():
    """M' = c M: nothing turns and every eigenvalue grows at rate c."""
    modes = modes_of(SPECTRA["simple"])
    kernel = modes.eigenvectors * modes.eigenvalues @ modes.eigenvectors.T
    np.testing.assert_allclose(rotation_rates(modes, 0.7 * kernel), 0, atol=1e-12)
    np.testing.assert_allclose(eigenvalue_rates(modes, 0.7 * kernel), 0.7 * modes.eigenvalues, atol=1e-13)
