"""Problems of diagonal and quadratic networks: sizes, strengths, bins, and what is refused."""

import numpy as np
import pytest
from scipy import special

from scalinglaws.shallow.problem import (
    STEEPNESS,
    DiagonalProblem,
    QuadraticProblem,
    binned_strengths,
    power_law_strengths,
)
from scalinglaws.spectra import N_EXACT, UNBINNED


def diagonal(target=(2.0, -1.0, 0.0), n_samples=5.0, weight_decay=1.0, noise_std=0.5, **options):
    return DiagonalProblem(target, n_samples, weight_decay, noise_std, **options)


def quadratic(eigenvalues=(2.0, 1.0, 0.0), n_samples=5.0, weight_decay=1.0, noise_std=0.5, **options):
    return QuadraticProblem(eigenvalues, n_samples, weight_decay, noise_std, **options)


BOTH = [(diagonal, "target"), (quadratic, "eigenvalues")]


@pytest.mark.parametrize("make", [diagonal, quadratic])
def test_dim_counts_zeros_and_multiplicities(make):
    assert make().dim == 3
    assert make(multiplicities=[1.0, 2.5, 4.0]).dim == 7.5


@pytest.mark.parametrize("make", [diagonal, quadratic])
def test_the_shape_is_what_the_curve_broadcasts_to(make):
    assert make().shape == ()
    assert make(n_samples=np.ones((4, 1)), weight_decay=[1.0, 2.0], noise_std=0).shape == (4, 2)


def test_samples_that_count_are_all_or_one_in_dim():
    assert diagonal(n_samples=[6.0, 9.0]).effective_samples.tolist() == [6, 9]
    assert quadratic(n_samples=[6.0, 9.0]).effective_samples.tolist() == [2, 3]


@pytest.mark.parametrize("dim", [1, 7, 400])
@pytest.mark.parametrize("decay", [0.51, 1.0, 2.5])
def test_strengths_are_the_stated_power_with_a_signal_near_zeta(dim, decay):
    """mean(strengths^2) = sum_k k^-2 decay, which reaches zeta(2 decay) in the limit of large dim."""
    strengths = power_law_strengths(dim, decay)
    np.testing.assert_allclose(strengths, [dim**0.5 / k**decay for k in range(1, dim + 1)], rtol=1e-14)
    tail = special.zeta(2 * decay, dim + 1)
    assert (strengths**2).mean() == pytest.approx(special.zeta(2 * decay) - tail, rel=1e-10)


@pytest.mark.parametrize("decay", [0.55, 1.0, 2.0])
def test_short_strengths_are_not_binned_and_long_ones_sum_to_the_same(decay):
    strengths, multiplicities = binned_strengths(UNBINNED, decay)
    np.testing.assert_array_equal(multiplicities, np.ones(UNBINNED))
    np.testing.assert_array_equal(strengths, power_law_strengths(UNBINNED, decay))
    dim = 200_000
    strengths, multiplicities = binned_strengths(dim, decay)
    whole = power_law_strengths(dim, decay)
    np.testing.assert_allclose(strengths[:N_EXACT], whole[:N_EXACT], rtol=1e-14)
    assert multiplicities.sum() == pytest.approx(dim, rel=1e-13)
    assert multiplicities @ strengths**2 == pytest.approx(whole @ whole, rel=1e-9)
    # 4 STEEPNESS decay bins for each factor e in rank, rounded up to a panel of 8.
    assert strengths.size <= N_EXACT + 1 + 4 * STEEPNESS * decay * np.log(dim / N_EXACT) + 8


@pytest.mark.parametrize(("make", "name"), BOTH)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_samples": 0}, r"n_samples = 0\.0 must be > 0"),
        ({"n_samples": [3.0, -1.0]}, r"n_samples\[1\] = -1\.0 must be > 0"),
        ({"weight_decay": 0.0}, r"weight_decay = 0\.0 must be > 0"),
        ({"weight_decay": np.nan}, r"weight_decay = nan must be finite"),
        ({"noise_std": -0.1}, r"noise_std = -0\.1 must be >= 0"),
        ({"noise_std": np.inf}, r"noise_std = inf must be finite"),
        ({"n_samples": [1.0, 2.0], "noise_std": [1.0, 2.0, 3.0]}, r"must broadcast .* n_samples \(2,\), .* \(3,\)"),
        ({"multiplicities": [1.0, 0.0, 1.0]}, r"multiplicities\[1\] = 0\.0 must be > 0"),
        ({"multiplicities": [1.0]}, r"multiplicities has 1 entries and must have as many as {name}, 3"),
    ],
)
def test_bad_input_is_named(make, name, change, message):
    with pytest.raises(ValueError, match=message.format(name=name)):
        make(**change)


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda: diagonal(target=[[1.0]]), r"target has shape \(1, 1\) and must have 1 dimension"),
        (lambda: diagonal(target=[]), r"target has 0 entries and must have at least 1"),
        (lambda: diagonal(target=[1.0, np.nan]), r"target\[1\] = nan must be finite"),
        (lambda: diagonal(teacher="gaussian"), r"target\[1\] = -1\.0 must be >= 0"),
        (lambda: diagonal(teacher="random"), r"teacher = 'random' must be one of 'fixed', 'gaussian'"),
        (lambda: quadratic(eigenvalues=[1.0, -1.0]), r"eigenvalues\[1\] = -1\.0 must be >= 0"),
        (lambda: power_law_strengths(0, 1.0), r"dim = 0 must be an integer >= 1"),
        (lambda: power_law_strengths(2.5, 1.0), r"dim = 2\.5 must be an integer"),
        (lambda: power_law_strengths(9, 0.5), r"decay = 0\.5 must be finite and > 1/2"),
        (lambda: power_law_strengths(9, np.nan), r"decay = nan must be finite and > 1/2"),
        (lambda: binned_strengths(9, 0.2), r"decay = 0\.2 must be finite and > 1/2"),
        (lambda: binned_strengths(-1, 1.0), r"dim = -1 must be an integer >= 1"),
    ],
)
def test_bad_strengths_are_named(compute, message):
    with pytest.raises(ValueError, match=message):
        compute()
