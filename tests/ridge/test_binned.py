"""Binned spectra against the whole ones: sums at every kappa, totals, and what is refused."""

import numpy as np
import pytest
from scipy import special

from scalinglaws.ridge import RidgeProblem, learning_curve
from scalinglaws.ridge.binned import feature_bins, power_law_bins
from scalinglaws.ridge.spectral_sums import Modes
from scalinglaws.spectra import N_EXACT, UNBINNED, power_law_spectrum, power_law_target

KAPPAS = np.geomspace(1e-20, 1e3, 47)
LAWS = [(0.5, 0.3), (1.1, 0.2), (1.5, 0.7), (2.0, 1.8), (3.0, 2.0), (3.0, 0.1), (0.0, 1.0)]


def whole_spectrum(dim, capacity, source):
    eigenvalues = power_law_spectrum(dim, capacity)
    return eigenvalues, power_law_target(eigenvalues, capacity, source)


def all_sums(modes):
    """Sums of r, of r^2 and r s, and over the target's power of s^2 and r s, at every kappa."""
    return np.array([modes.learned(KAPPAS), *modes.at(KAPPAS)])


@pytest.mark.parametrize(("capacity", "source"), LAWS)
@pytest.mark.parametrize(("dim", "rtol"), [(UNBINNED + 1, 1e-7), (100_000, 1e-9)])
def test_sums_over_bins_are_those_over_the_whole_spectrum_at_every_kappa(dim, rtol, capacity, source):
    """The docstring's bounds, from Euler-Maclaurin remainders where bins begin and where they end."""
    eigenvalues, target, multiplicities = power_law_bins(dim, capacity, source)
    binned = Modes.of(eigenvalues, multiplicities, target)
    values, coefficients = whole_spectrum(dim, capacity, source)
    whole = Modes.of(values, np.ones(dim), coefficients)
    np.testing.assert_allclose(all_sums(binned), all_sums(whole), rtol=rtol)
    np.testing.assert_allclose((binned.trace, binned.rank), (whole.trace, dim), rtol=rtol)
    np.testing.assert_allclose(binned.power.sum(), whole.power.sum(), rtol=rtol)


@pytest.mark.parametrize("dim", [1, 7, UNBINNED])
def test_short_spectra_are_not_binned(dim):
    eigenvalues, target, multiplicities = power_law_bins(dim, 1.5, 0.7)
    np.testing.assert_array_equal(multiplicities, np.ones(dim))
    np.testing.assert_allclose((eigenvalues, target), whole_spectrum(dim, 1.5, 0.7), rtol=1e-14)


@pytest.mark.parametrize("dim", [1e6, 1e14, 1e30])
@pytest.mark.parametrize(("capacity", "source"), [(1.5, 0.2), (2.0, 1.2), (4.0, 0.4)])
def test_long_spectra_sum_to_zeta_in_a_few_hundred_bins(dim, capacity, source):
    eigenvalues, target, multiplicities = power_law_bins(dim, capacity, source)
    power = 1 + 2 * capacity * source
    sums = (multiplicities @ eigenvalues, multiplicities @ (eigenvalues * target**2))
    expected = [special.zeta(s) - special.zeta(s, dim + 1) for s in (capacity, power)]
    np.testing.assert_allclose(sums, expected, rtol=1e-9)
    np.testing.assert_allclose(multiplicities.sum(), dim, rtol=1e-12)
    assert N_EXACT < eigenvalues.size < N_EXACT + 20 * capacity * np.log10(dim)
    assert (np.diff(eigenvalues) < 0).all()
    assert (multiplicities > 0).all()


def test_learning_curves_do_not_see_the_bins():
    """Errors of the sums, 1e-9, are passed on with condition numbers of order one."""
    n_samples = np.array([3.0, 40.0, 2000.0])
    for noise_std in (0.0, 0.5):
        eigenvalues, target, multiplicities = power_law_bins(100_000, 1.5, 0.7)
        binned = RidgeProblem(eigenvalues, target, n_samples, 1e-6, noise_std, multiplicities=multiplicities)
        whole = RidgeProblem(*whole_spectrum(100_000, 1.5, 0.7), n_samples, 1e-6, noise_std)
        for name in ("kappa2", "df1", "df2", "excess_risk", "train_error"):
            np.testing.assert_allclose(
                getattr(learning_curve(binned), name), getattr(learning_curve(whole), name), rtol=1e-8
            )


@pytest.mark.parametrize("feature_capacity", [0.0, 0.3, 0.75, 1.2])
@pytest.mark.parametrize("n_features", [50, 30_000])
def test_features_have_mean_one_and_the_sums_of_the_whole_spectrum(n_features, feature_capacity):
    whole = np.arange(1.0, n_features + 1) ** -feature_capacity
    eigenvalues, multiplicities = feature_bins(n_features, feature_capacity)
    assert multiplicities @ eigenvalues == pytest.approx(n_features, rel=1e-12)
    for nu in (1e-3, 1.0, 1e3):
        exact = (whole / (whole + nu * whole.mean())).sum()
        assert multiplicities @ (eigenvalues / (eigenvalues + nu)) == pytest.approx(exact, rel=1e-8)


@pytest.mark.parametrize(
    ("compute", "arguments", "name"),
    [
        (power_law_bins, (0, 1.5, 0.7), "dim"),
        (power_law_bins, (10.5, 1.5, 0.7), "dim"),
        (power_law_bins, (10, -1.0, 0.7), "capacity"),
        (power_law_bins, (10, 1.5, np.nan), "source"),
        (feature_bins, (0, 0.5), "n_features"),
        (feature_bins, (10, -0.5), "feature_capacity"),
    ],
)
def test_bad_input_is_named(compute, arguments, name):
    with pytest.raises(ValueError, match=f"^{name} = "):
        compute(*arguments)
