"""Power-law spectra against closed forms, their symmetries and brute-force sums."""

import numpy as np
import pytest
from scipy import special

from scalinglaws.spectra import (
    N_EXACT,
    N_NODES,
    UNBINNED,
    normalised_spectrum,
    power_law_spectrum,
    power_law_target,
    rank_bins,
    unlearned_tail,
)

EXPONENTS = [(1.5, 0.4), (1.0, 0.5), (2.0, 1.5), (0.5, 3.0)]


def test_spectrum_is_the_stated_power_of_the_rank():
    np.testing.assert_allclose(power_law_spectrum(4, 1.5), [1, 8**-0.5, 27**-0.5, 1 / 8], rtol=1e-15)
    np.testing.assert_array_equal(power_law_spectrum(3, 0), [1, 1, 1])
    np.testing.assert_array_equal(power_law_spectrum(1, 2.0), [1])


@pytest.mark.parametrize("capacity", [0.3, 1.0, 2.7])
def test_spectrum_is_multiplicative_in_the_rank(capacity):
    eigenvalues = power_law_spectrum(60, capacity)
    np.testing.assert_allclose(eigenvalues[3 * 20 - 1], eigenvalues[2] * eigenvalues[19], rtol=1e-14)


@pytest.mark.parametrize(("mean_square", "total"), [(None, 7), (1.0, 1), (0.25, 0.25), (30, 30)])
def test_normalised_spectrum_sums_to_the_mean_square_and_keeps_ratios(mean_square, total):
    eigenvalues = power_law_spectrum(7, 1.3)[::-1]
    scaled = normalised_spectrum(eigenvalues, mean_square)
    np.testing.assert_allclose(scaled.sum(), total, rtol=1e-14)
    np.testing.assert_allclose(scaled / scaled[0], eigenvalues / eigenvalues[0], rtol=1e-14)


def test_normalised_spectrum_forgets_the_scale_it_was_given():
    eigenvalues = power_law_spectrum(9, 0.8)
    np.testing.assert_allclose(normalised_spectrum(1e-7 * eigenvalues), normalised_spectrum(eigenvalues), rtol=1e-14)


@pytest.mark.parametrize(("capacity", "source"), EXPONENTS)
@pytest.mark.parametrize("scale", [1.0, 1e-3, 40.0])
def test_power_carried_by_each_mode_is_the_same_for_every_scale_of_the_spectrum(capacity, source, scale):
    eigenvalues = scale * power_law_spectrum(30, capacity)
    target = power_law_target(eigenvalues, capacity, source)
    power = [k ** -(1 + 2 * capacity * source) for k in range(1, 31)]
    np.testing.assert_allclose(eigenvalues * target**2, power, rtol=1e-13)
    assert (target > 0).all()


def test_target_closed_form():
    np.testing.assert_allclose(power_law_target(power_law_spectrum(3, 1.0), 1.0, 0.5), [1, 2**-0.5, 3**-0.5])
    np.testing.assert_allclose(power_law_target([2.0, 2.0], 1.0, 0.0), [0.5**0.5, 0.5])


def test_tail_closed_forms():
    # capacity * source = 1/2, 3/2: Riemann zeta at 2 and 4
    np.testing.assert_allclose(unlearned_tail(1.0, 0.5, 0), np.pi**2 / 12, rtol=1e-14)
    np.testing.assert_allclose(unlearned_tail(0.5, 3.0, 0), np.pi**4 / 180, rtol=1e-14)
    np.testing.assert_allclose(unlearned_tail(1.0, 0.5, 1), np.pi**2 / 12 - 0.5, rtol=1e-14)


@pytest.mark.parametrize(("capacity", "source"), EXPONENTS)
def test_learned_and_unlearned_loss_add_up_to_the_whole(capacity, source):
    eigenvalues = normalised_spectrum(power_law_spectrum(500, capacity))
    target = power_law_target(eigenvalues, capacity, source)
    whole = special.zeta(1 + 2 * capacity * source) / 2
    learned = 0.5 * np.cumsum(eigenvalues * target**2)
    np.testing.assert_allclose(learned + unlearned_tail(capacity, source, np.arange(1, 501)), whole, rtol=1e-12)


@pytest.mark.parametrize(("capacity", "source"), EXPONENTS)
@pytest.mark.parametrize("n_modes", [1, 10, 10_000, 10**8])
def test_tail_lies_between_its_integral_bounds(capacity, source, n_modes):
    decay = 2 * capacity * source
    low, high = ((n_modes + 1.0) ** -decay / (2 * decay), n_modes**-decay / (2 * decay))
    assert low < unlearned_tail(capacity, source, n_modes) < high


def test_tail_has_the_shape_of_n_modes():
    assert unlearned_tail(1.0, 1.0, np.arange(6).reshape(2, 3)).shape == (2, 3)
    assert np.ndim(unlearned_tail(1.0, 1.0, 4)) == 0


@pytest.mark.parametrize("dim", [1, 7, UNBINNED])
def test_short_ranks_stand_for_themselves(dim):
    ranks, multiplicities = rank_bins(dim, 3.0)
    np.testing.assert_array_equal(ranks, np.arange(1, dim + 1))
    np.testing.assert_array_equal(multiplicities, np.ones(dim))


@pytest.mark.parametrize("steepness", [0.3, 1.0, 8.0])
@pytest.mark.parametrize("dim", [UNBINNED + 1, 10**6, 10**12, 1e30])
def test_long_ranks_share_panels_of_a_width_set_by_the_steepness(dim, steepness):
    ranks, multiplicities = rank_bins(dim, steepness)
    np.testing.assert_array_equal(ranks[: N_EXACT + 1], np.arange(1, N_EXACT + 2))
    np.testing.assert_array_equal(multiplicities[: N_EXACT - 1], np.ones(N_EXACT - 1))
    panels = np.ceil(np.log((dim + 0.5) / (N_EXACT + 0.5)) * steepness / 2)
    assert ranks.size == N_EXACT + 1 + N_NODES * panels
    assert N_EXACT < ranks[N_EXACT + 1] < ranks[-1] < dim + 0.5
    assert (np.diff(ranks[N_EXACT + 1 :]) > 0).all()
    assert (multiplicities > 0).all()
    np.testing.assert_allclose(multiplicities.sum(), dim, rtol=1e-12)


@pytest.mark.parametrize("power", [1.2, 2.0, 3.5])
@pytest.mark.parametrize("dim", [10**5, 10**9, 1e20])
def test_powers_of_the_rank_sum_to_zeta(dim, power):
    """Euler-Maclaurin where bins begin: a relative p^3 / (2000 N_EXACT^4)."""
    ranks, multiplicities = rank_bins(dim, 1.0)
    expected = special.zeta(power) - special.zeta(power, dim + 1)
    np.testing.assert_allclose(multiplicities @ ranks**-power, expected, rtol=1e-9)


@pytest.mark.parametrize(("power", "width"), [(0.7, 1.0), (1.5, 1.0), (0.5, 3.0)])
def test_steps_in_the_rank_are_summed_once_the_panels_are_narrow(power, width):
    """k^-p / (1 + (k / rank)^width) has poles at pi / width from the real axis of log k."""
    dim, everyone = 50_000, np.arange(1, 50_001.0)
    ranks, multiplicities = rank_bins(dim, width)
    for rank in (3.0, 777.0, 40_000.0):
        binned, whole = (k**-power / (1 + (k / rank) ** width) for k in (ranks, everyone))
        np.testing.assert_allclose(multiplicities @ binned, whole.sum(), rtol=1e-8)


@pytest.mark.parametrize(
    ("function", "args", "message"),
    [
        (power_law_spectrum, (0, 1.0), r"dim = 0 must be an integer >= 1"),
        (power_law_spectrum, (2.5, 1.0), r"dim = 2\.5 must be an integer"),
        (power_law_spectrum, (3, -0.1), r"capacity = -0\.1 must be finite and >= 0"),
        (power_law_spectrum, (3, np.nan), r"capacity = nan must be finite"),
        (power_law_spectrum, (100, 300.0), r"capacity = 300\.0 must keep dim\^-capacity > 0 .* dim = 100"),
        (normalised_spectrum, ([1.0, 0.0],), r"eigenvalues\[1\] = 0\.0 must be > 0"),
        (normalised_spectrum, ([[1.0]],), r"eigenvalues has shape \(1, 1\) and must have 1 dimension"),
        (normalised_spectrum, ([],), r"eigenvalues has 0 entries"),
        (normalised_spectrum, ([1.0], 0.0), r"mean_square = 0\.0 must be finite and > 0"),
        (power_law_target, ([1.0, 2.0], 1.0, 1.0), r"eigenvalues\[0\], eigenvalues\[1\] = 1\.0, 2\.0 must not inc"),
        (power_law_target, ([2.0, -1.0], 1.0, 1.0), r"eigenvalues\[1\] = -1\.0 must be > 0"),
        (power_law_target, ([2.0, 1.0], -1.0, 1.0), r"capacity = -1\.0 must be finite and >= 0"),
        (power_law_target, ([2.0, 1.0], 1.0, -1.0), r"source = -1\.0 must be finite and >= 0"),
        (unlearned_tail, (0.0, 1.0, 3), r"capacity = 0\.0 must be finite and > 0"),
        (unlearned_tail, (1.0, 0.0, 3), r"source = 0\.0 must be finite and > 0"),
        (unlearned_tail, (1.0, 1.0, -1), r"n_modes = -1\.0 must be an integer >= 0"),
        (unlearned_tail, (1.0, 1.0, [2, 3.5]), r"n_modes = 3\.5 must be an integer >= 0"),
        (unlearned_tail, (1.0, 1.0, np.nan), r"n_modes = nan must be finite"),
        (rank_bins, (0, 1.0), r"dim = 0 must be an integer >= 1"),
        (rank_bins, (10.5, 1.0), r"dim = 10\.5 must be an integer"),
        (rank_bins, (10, 0.0), r"steepness = 0\.0 must be finite and > 0"),
        (rank_bins, (10, np.nan), r"steepness = nan must be finite and > 0"),
    ],
)
def test_bad_input_is_named(function, args, message):
    with pytest.raises(ValueError, match=message):
        function(*args)
