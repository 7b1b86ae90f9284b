"""Regimes of noisy features and exponents of the parts, against local slopes of exact theory."""

import numpy as np
import pytest

from scalinglaws.ridge import RandomFeatureProblem, learning_curve
from scalinglaws.ridge.binned import power_law_bins
from scalinglaws.ridge.counterfactuals import counterfactuals
from scalinglaws.ridge.crossover import QUANTITIES, local_slopes, noisy_curve, regimes
from scalinglaws.ridge.part_exponents import part_exponents
from scalinglaws.ridge.problem import RidgeProblem

WIDTH = 1e12


@pytest.mark.parametrize(("capacity", "source", "trace"), [(2.0, 0.4, 1e-5), (2.5, 1.3, 3e-8), (2.0, 0.4, 0.0)])
def test_regimes_have_the_local_slopes_of_exact_theory_in_their_middle(capacity, source, trace):
    found = regimes(capacity, trace, WIDTH, 10.0, 1e16)
    assert [regime.name for regime in found] == (["linear", "noisy", "plateau"] if trace else ["linear", "plateau"])
    assert [regime.low for regime in found[1:]] == [regime.high for regime in found[:-1]]
    for regime in found:
        near = regime.middle * np.array([0.9, 1.1])
        curve = noisy_curve(10**20, capacity, source, WIDTH, trace, near)
        for quantity in ("kappa2", "bias"):
            (slope,) = local_slopes(near, getattr(curve, quantity))[2]
            # Corrections: the other share of the degrees of freedom in the middle of a regime, up to a few percent.
            assert slope == pytest.approx(regime.rate * QUANTITIES[quantity](source), abs=0.04)


def test_noise_takes_half_of_the_degrees_of_freedom_about_where_its_regime_begins():
    onset = regimes(2.0, 1e-5, WIDTH, 10.0, 1e16)[1].low
    curve = noisy_curve(10**20, 2.0, 0.4, WIDTH, 1e-5, np.array([onset]))
    share = 1e-5 / curve.kappa2[0] / onset
    assert 0.2 < share < 0.8


def test_a_label_has_variance_one_whatever_the_source():
    # With no samples to speak of nothing is learned, and the bias is the label's variance.
    for source in (0.3, 1.0):
        assert noisy_curve(10**6, 1.5, source, 1e6, 1e-3, np.array([1e-9])).bias[0] == pytest.approx(1.0, rel=1e-6)


def test_local_slopes_of_a_power_law_are_its_exponent_between_the_points():
    places, values, slopes = local_slopes([1.0, 4.0, 9.0], [2.0, 16.0, 54.0])
    np.testing.assert_allclose(places, [2.0, 6.0])
    np.testing.assert_allclose(values, 2 * places**1.5)
    np.testing.assert_allclose(slopes, 1.5)


def test_next_to_an_infinite_value_there_is_no_slope_and_elsewhere_there_is():
    slopes = local_slopes([1.0, 2.0, 4.0, 8.0], [1.0, 2.0, np.inf, 8.0])[2]
    np.testing.assert_allclose(slopes, [1.0, np.nan, np.nan])


@pytest.mark.parametrize(
    ("n_samples", "values"), [([1.0, 1.0], [1.0, 2.0]), ([1.0, 2.0], [1.0, 0.0]), ([1.0, 2.0], [1.0, np.nan])]
)
def test_slopes_of_what_is_no_curve_are_refused(n_samples, values):
    with pytest.raises(ValueError, match=r"n_samples|values"):
        local_slopes(n_samples, values)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.0, 1e-5, WIDTH, 10.0, 1e16), "capacity"),
        ((2.0, -1.0, WIDTH, 10.0, 1e16), "trace"),
        ((2.0, 1.0, WIDTH, 10.0, 1e16), "trace"),
        ((2.0, 1e-13, WIDTH, 10.0, 1e16), "trace"),
        ((2.0, 1e-5, 1e17, 10.0, 1e16), "width"),
        ((2.0, 1e-5, 5.0, 10.0, 1e16), "width"),
    ],
)
def test_regimes_that_a_curve_does_not_have_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        regimes(*arguments)


# --- exponents of the parts -----------------------------------------------------------------------------------------

LINEAR, NOISY, BOUND = {}, {"noisy_features": True}, {"kappa_exponent": -1.2}


def white_curve(capacity, source, n_samples, *, noisy_features=False, kappa_exponent=None):
    """Far from the width, with feature noise that rules from the first sample on or with a ridge that binds."""
    eigenvalues, target, counts = power_law_bins(10**20, capacity, source)
    ridge = 0.0 if kappa_exponent is None else n_samples**kappa_exponent * 1e-8
    noise = 1e-8 if noisy_features else 0.0
    given = (eigenvalues, target, n_samples, ridge, 0.5, 1e12, noise)
    return learning_curve(RandomFeatureProblem(*given, multiplicities=counts))


@pytest.mark.parametrize("source", [0.3, 0.8, 1.4])
@pytest.mark.parametrize("case", [LINEAR, NOISY, BOUND], ids=["linear", "noisy", "ridge"])
def test_parts_follow_their_exponents_far_from_the_width(source, case):
    n_samples = np.array([1e7, 1.2e7])
    curve, expected = white_curve(2.0, source, n_samples, **case), part_exponents(2.0, source, **case)
    for part, exponent in expected.items():
        (slope,) = local_slopes(n_samples, getattr(curve, part))[2]
        # The nearest other power, k^-2(1 - source) or k^-|1 - 2 source|, leaves corrections of this size.
        assert slope == pytest.approx(exponent, abs=0.03), part


@pytest.mark.parametrize(("arguments", "message"), [((1.0, 0.5), "capacity"), ((2.0, 0.0), "source")])
def test_exponents_of_what_is_no_power_law_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        part_exponents(*arguments)


# --- theory under other assumptions ---------------------------------------------------------------------------------

INPUTS = (1 / np.arange(1, 9.0), np.ones(8), np.array([3.0, 6.0]), 1e-2, 0.1)


@pytest.mark.parametrize(
    ("given", "assumptions"),
    [
        (RidgeProblem(*INPUTS), set()),
        (RandomFeatureProblem(*INPUTS, 5), set()),
        (RandomFeatureProblem(*INPUTS, 5, 0.2), {"no feature noise"}),
        (RandomFeatureProblem(*INPUTS, [5, 4], convention="layer"), {"input convention"}),
        (RandomFeatureProblem(*INPUTS, [5, 4], convention="input"), set()),
    ],
    ids=["ridge", "linear", "noisy", "deep", "deep, input"],
)
def test_counterfactuals_are_those_that_change_the_curve(given, assumptions):
    found = counterfactuals(given)
    assert set(found) == assumptions
    for other in found.values():
        assert (learning_curve(other).kappa1 != learning_curve(given).kappa1).all()
