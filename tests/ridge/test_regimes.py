"""Scaling regimes: the labelled terms against the formula in one line, continuity, limits, and exact theory."""

import dataclasses
import itertools

import numpy as np
import pytest

from scalinglaws.fits import power_law
from scalinglaws.ridge import learning_curve
from scalinglaws.ridge.power_law_curves import scaling_curve, width_curve
from scalinglaws.ridge.problem import RandomFeatureProblem, RidgeProblem
from scalinglaws.ridge.regimes import (
    REGIMES,
    Scaling,
    crossover_width,
    width_exponents,
    width_gain,
)
from scalinglaws.spectra import power_law_spectrum, power_law_target

DIM = 10**14
# The rate of each regime, written out: capacity a, source r, width exponent q, ridge exponent ell.
RATES = {
    "signal source": lambda a, r, q, ell: 2 * a * r,
    "signal capacity": lambda a, r, q, ell: 2 * a,
    "VarF": lambda a, r, q, ell: a - 1 + q,
    "ridge source": lambda a, r, q, ell: 2 * ell * r,
    "ridge capacity": lambda a, r, q, ell: 2 * ell,
    "VarF, ridge": lambda a, r, q, ell: ell - ell / a + q,
    "width source": lambda a, r, q, ell: 2 * a * r * q,
    "width capacity": lambda a, r, q, ell: a * q,
    "noise": lambda a, r, q, ell: 0.0,
    "noise, ridge": lambda a, r, q, ell: 1 - ell / a,
    "noise, width": lambda a, r, q, ell: 1 - q,
}


def random_points(n, seed=0):
    rng = np.random.default_rng(seed)
    lows, highs = (1.05, 0.05, 0.02, 0.02), (4.0, 2.0, 4.0, 6.0)
    return rng.uniform(lows, highs, size=(n, 4))


def formula(a, r, q, ell, noisy, c=1.0):
    """min{2 a m min(r, 1), 2 a m min(r, 1/2) + c (q - m), [1 - m]} with m = min(1, ell / a, q)."""
    m = min(1, ell / a, q)
    terms = [2 * a * m * min(r, 1), 2 * a * m * min(r, 0.5) + c * (q - m)]
    return min(terms + [1 - m] * noisy)


@pytest.mark.parametrize("noisy", [False, True])
def test_the_smallest_labelled_term_is_the_formula(noisy):
    found = set()
    for a, r, q, ell in random_points(3000):
        scaling = Scaling(a, r, q, ell, noisy)
        expected = formula(a, r, q, ell, noisy)
        assert scaling.rate == pytest.approx(expected, abs=1e-12)
        assert RATES[str(scaling.regime)](a, r, q, ell) == pytest.approx(expected, abs=1e-12)
        found.add(str(scaling.regime))
    # With noise as many samples as directions learned leave an error that does not fall: nothing else is left of m = 1.
    absent = ("signal source", "signal capacity", "VarF") if noisy else REGIMES[-3:]
    assert found == set(REGIMES) - set(absent)


@pytest.mark.parametrize(("feature_capacity", "c"), [(0.3, 1.0), (0.5, 1.0), (0.75, 1 / 3), (1.0, 0.0)])
def test_structured_features_change_the_gain_of_the_width_before_the_crossover(feature_capacity, c):
    for a, r, q, ell in random_points(500, seed=1):
        scaling = Scaling(a, r, q, ell, feature_capacity=feature_capacity)
        if c in (0.0, 1.0) or q < scaling.learned / (1 - feature_capacity):
            assert scaling.rate == pytest.approx(formula(a, r, q, ell, False, c), abs=1e-12)


def test_arrays_broadcast_to_what_scalars_give():
    points = random_points(6, seed=2)
    widths, ridges = points[:, 2:3], points[:, 3]
    together = Scaling(1.5, 0.8, widths, ridges, True)
    for i, j in itertools.product(range(6), range(6)):
        alone = Scaling(1.5, 0.8, widths[i, 0], ridges[j], True)
        for name in ("rate", "regime", "margin", "learned"):
            assert getattr(together, name)[i, j] == getattr(alone, name)


def test_ridge_regression_is_the_limit_of_infinite_width():
    for a, r, _, ell in random_points(200, seed=3):
        none, wide = (Scaling(a, r, width, ell, True) for width in (np.inf, 1e3))
        assert none.rate == wide.rate
        assert none.regime == wide.regime
        assert none.margin == wide.margin
    assert Scaling(2.0, 0.7).rate == pytest.approx(2.8)


def test_the_rate_is_continuous_and_the_margin_vanishes_where_regimes_meet():
    """Along a line the rate changes by no more than its steepest slope; the regime only where the margin is 0."""
    for a, r, _, ell in random_points(40, seed=4):
        step = 1e-4
        widths = np.arange(0.1, 4.0, step)
        for feature_capacity in (0.0, 0.7):
            scaling = Scaling(a, r, widths, ell, True, feature_capacity)
            assert np.abs(np.diff(scaling.rate)).max() <= (2 * a + 1) * step * 1.01
            changes = np.flatnonzero(scaling.regime[1:] != scaling.regime[:-1])
            assert (scaling.margin[changes] <= (2 * a + 1) * step).all()


def test_more_features_than_sufficient_do_not_help_and_fewer_hurt():
    for a, r, _, ell in random_points(200, seed=5):
        for feature_capacity in (0.0, 0.6, 0.8):
            enough = Scaling(a, r, np.inf, ell).sufficient_width
            if feature_capacity:
                enough = Scaling(a, r, 1.0, ell, feature_capacity=feature_capacity).sufficient_width
            rates = Scaling(
                a, r, enough * np.array([0.99, 1.0, 1.01, 3.0]), ell, feature_capacity=feature_capacity
            ).rate
            assert rates[0] < rates[1] - 1e-4 * min(1, rates[1])
            np.testing.assert_allclose(rates[1:], rates[1], rtol=1e-9)
    assert Scaling(1.5, 0.9, 2.0, feature_capacity=1.2).sufficient_width == np.inf


def test_both_exponents_of_the_width_meet_at_the_crossover_and_at_one_half():
    for a in (0.55, 0.75, 0.95):
        learned, at = 0.6, 0.6 / (1 - a)
        steps = np.array([-1e-3, 0.0, 1e-3])
        gains = width_gain(a, at + steps, np.full(3, learned))
        np.testing.assert_allclose(np.diff(gains) / 1e-3, width_exponents(a), rtol=1e-9)
        assert gains[1] == pytest.approx(learned)
    assert width_exponents(0.5) == (1.0, 1.0)
    np.testing.assert_allclose(width_exponents(0.5 + 1e-9), (1, 1), atol=1e-8)
    np.testing.assert_allclose(width_exponents(1 - 1e-9), (0, 0), atol=1e-8)
    np.testing.assert_allclose(crossover_width(0.75, np.array([40.0])), 1e4)


# --- exact theory ---------------------------------------------------------------------------------------------------

POINTS = {
    "signal source": Scaling(1.8, 0.4, 1.4, 4.0),
    "signal capacity": Scaling(2.5, 1.3, np.inf, np.inf),
    "VarF": Scaling(1.8, 1.4, 1.6, 3.5),
    "ridge source": Scaling(2.2, 0.3, 1.5, 1.1),
    "ridge capacity": Scaling(1.8, 1.4, np.inf, 0.9),
    "VarF, ridge": Scaling(1.8, 1.4, 0.9, 0.9),
    "width source": Scaling(2.0, 0.2, 0.5, 4.0),
    "width capacity": Scaling(1.8, 0.9, 0.5, 4.0),
    "noise": Scaling(1.8, 0.6, np.inf, 4.0, True),
    "noise, ridge": Scaling(1.8, 1.0, 1.5, 0.9, True),
    "noise, width": Scaling(2.5, 0.6, 0.55, 6.0, True),
}


@pytest.mark.parametrize("name", REGIMES)
def test_exact_theory_falls_at_the_rate_of_its_regime(name):
    """At 1e9 to 1e10 samples corrections of P^-0.3 change slopes by 0.003 times a constant of order one."""
    scaling, n_samples = POINTS[name], np.geomspace(1e9, 1e10, 4)
    assert scaling.regime == name
    assert scaling.margin >= 0.3
    curve = scaling_curve(scaling, n_samples, noise_std=0.7, dim=DIM)
    assert -power_law(n_samples, curve.excess_risk).exponent == pytest.approx(scaling.rate, abs=0.01)
    expected = scaling.capacity * scaling.learned
    assert -power_law(n_samples, curve.kappa2).exponent == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    "scaling",
    [
        Scaling(1.5, 1.2, 2.0, 3.0, feature_capacity=0.75),
        Scaling(1.5, 1.2, 1.5, 0.9, feature_capacity=0.75),
        Scaling(1.5, 1.2, 2.2, 0.6, feature_capacity=0.6),
        Scaling(1.6, 1.2, 2.0, 1.2, feature_capacity=1.5),
    ],
    ids=["samples", "ridge", "beyond the crossover", "compressed"],
)
def test_exact_theory_of_structured_features_falls_at_the_rate_of_its_regime(scaling):
    """Tolerance: the tail of features of small eigenvalues is a correction of only N^(feature_capacity - 1)."""
    n_samples = np.geomspace(1e8, 1e9, 3)
    curve = scaling_curve(scaling, n_samples, noise_std=0.0, dim=DIM)
    assert -power_law(n_samples, curve.excess_risk).exponent == pytest.approx(scaling.rate, abs=0.03)
    assert -power_law(n_samples, curve.kappa2).exponent == pytest.approx(scaling.capacity * scaling.learned, abs=0.03)


def test_curves_are_those_of_the_problem_written_out():
    """The same problem with every direction and feature by itself."""
    dim, n_samples, ends = 3000, np.array([4.0, 9.0]), {"noise_std": 0.3}
    eigenvalues = power_law_spectrum(dim, 1.6)
    target = power_law_target(eigenvalues, 1.6, 0.9)
    for feature_capacity, width in ((0.0, 2.0), (0.75, 2.0), (0.0, np.inf)):
        scaling = Scaling(1.6, 0.9, width, 1.0, True, feature_capacity)
        curve = scaling_curve(scaling, n_samples, dim=dim, **ends)
        for i, count in enumerate(n_samples):
            data = {"eigenvalues": eigenvalues, "target": target, "n_samples": count, "ridge": 1 / count, **ends}
            problem = RidgeProblem(**data) if np.isinf(width) else _with_features(data, int(count**2), feature_capacity)
            for field in dataclasses.fields(curve):
                expected = getattr(learning_curve(problem), field.name)
                np.testing.assert_allclose(getattr(curve, field.name)[i], expected, rtol=1e-11, err_msg=field.name)


def _with_features(data, width, feature_capacity):
    spectrum = power_law_spectrum(width, feature_capacity)
    features = None if feature_capacity == 0 else spectrum / spectrum.mean()
    return RandomFeatureProblem(**data, widths=width, feature_eigenvalues=features, convention="output")


def test_the_variance_over_structured_features_changes_its_exponent_at_the_crossover():
    """Five decades before and eight beyond it; the tail of weak features corrects by N^-0.4, in units of crossover."""
    n_samples = 2.5e6
    (crossover,) = crossover_width(0.6, np.array([n_samples]))
    assert crossover == pytest.approx(1e15)
    for factor, expected in ((1e-5, 2 / 3), (1e8, 0.8)):
        widths = np.geomspace(1, 10, 3) * crossover * factor
        slope = -power_law(widths, width_curve(1.7, 0.8, 0.6, n_samples, widths, dim=DIM).var_f).exponent
        assert slope == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"capacity": 1.0}, "capacity"),
        ({"source": 0.0}, "source"),
        ({"width_exponent": 0.0}, "width_exponent"),
        ({"ridge_exponent": np.array([1.0, -2.0])}, "ridge_exponent"),
        ({"ridge_exponent": np.nan}, "ridge_exponent"),
        ({"feature_capacity": -0.1}, "feature_capacity"),
        ({"feature_capacity": 0.7}, "width_exponent"),
    ],
)
def test_bad_input_is_named(arguments, name):
    with pytest.raises(ValueError, match=f"^{name} = "):
        Scaling(**{"capacity": 1.5, "source": 0.7, **arguments})
    for a in (0.5, 1.0):
        with pytest.raises(ValueError, match="feature_capacity"):
            crossover_width(a, 10.0)
