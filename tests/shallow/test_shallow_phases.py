"""Phases and fitted noise against quadrature, sums over the teacher, and state evolution itself."""

import itertools
import math

import numpy as np
import pytest
from scipy import integrate, stats

from scalinglaws.shallow.overfitting import (
    KINDS,
    null_kept,
    null_risk,
    overfitting_limit,
    overfitting_risk,
    overfitting_threshold,
    peak_risk,
)
from scalinglaws.shallow.phases import PHASES, PowerLawPhases, power_law_exponent
from scalinglaws.shallow.problem import DiagonalProblem, QuadraticProblem, binned_strengths
from scalinglaws.shallow.state_evolution import state_evolution

STRENGTH = {"diagonal": 1.0, "quadratic": 4.0}


def null_problem(kind, ratio, weight_decay, noise_std):
    """A teacher of a thousand zeros."""
    options = {"weight_decay": weight_decay, "noise_std": noise_std, "multiplicities": [1000.0]}
    if kind == "diagonal":
        return DiagonalProblem([0.0], np.multiply(ratio, 1e3), **options)
    return QuadraticProblem([0.0], np.multiply(ratio, 1e6), **options)


def power_law_problem(phases, n_eff, weight_decay):
    strengths, counts = binned_strengths(phases.dim, phases.decay)
    options = {"weight_decay": weight_decay, "noise_std": phases.noise_std, "multiplicities": counts}
    if phases.kind == "diagonal":
        return DiagonalProblem(strengths, n_eff, **options, teacher="gaussian")
    return QuadraticProblem(strengths, n_eff * phases.dim, **options)


# --- fitted noise ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("c", [0.0, 0.4, 1.3, 1.95])
def test_thresholded_noise_is_the_integral_over_its_law(c):
    """Both sides of the normal density, and twice the semicircle's upper part: eigenvalues below 0 are cut off."""
    laws = {"diagonal": (stats.norm.pdf, np.inf), "quadratic": (lambda x: math.sqrt(4 - x * x) / (2 * math.pi), 2.0)}
    for kind, (density, end) in laws.items():
        risk = 2 * integrate.quad(lambda x, law=density: (x - c) ** 2 * law(x), c, end, epsabs=1e-14)[0]
        assert null_risk(kind, c) == pytest.approx(risk, rel=1e-7)
    assert null_kept("diagonal", c) == pytest.approx(2 * stats.norm.sf(c), rel=1e-12)
    kept = 2 * integrate.quad(lambda x: x * (x - c) * laws["quadratic"][0](x), c, 2, epsabs=1e-14)[0]
    assert null_kept("quadratic", c) == pytest.approx(kept, rel=1e-7)


def test_beyond_the_edge_of_the_semicircle_no_noise_is_left():
    assert (null_risk("quadratic", [2.0, 5.0]) == 0).all()
    assert (null_kept("quadratic", [2.0, 5.0]) == 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_threshold_keeps_as_much_as_there_are_samples(kind):
    ratio = np.array([[1e-12, 1e-6], [0.03, 0.24]])
    c = overfitting_threshold(kind, ratio)
    assert c.shape == (2, 2)
    np.testing.assert_allclose(null_kept(kind, c), STRENGTH[kind] * ratio, rtol=1e-10)
    assert overfitting_threshold(kind, 1.0) == 0.0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("noise_std", [1.0, 3.0])
def test_fitted_noise_is_state_evolution_without_regularisation(kind, noise_std):
    """At both sides of the peak; a weight decay of 1e-9 moves the risk by about that."""
    ratio = np.array([1e-4, 0.01, 0.2, 1.5, 30.0])
    solved = state_evolution(null_problem(kind, ratio, 1e-9, noise_std)).excess_risk
    np.testing.assert_allclose(noise_std**2 * overfitting_risk(kind, ratio), solved, rtol=1e-6)


def test_few_samples_reach_the_limits():
    """With the corrections e ~ ratio^(2/5) and, from c^2 = 2 L - log(pi L) + ..., (log(pi L) - 3) / (2 L)."""
    ratio = np.array([1e-7, 1e-10])
    errors = overfitting_risk("quadratic", ratio) / overfitting_limit("quadratic", ratio) - 1
    assert errors[0] / errors[1] == pytest.approx(1e3**0.4, rel=0.02)
    assert 0 < errors[0] < 0.01
    ratio = np.array([1e-3, 1e-30, 1e-300])
    errors = overfitting_risk("diagonal", ratio) / overfitting_limit("diagonal", ratio) - 1
    assert (np.abs(errors) < 0.05).all()
    logs = np.log(1 / ratio[1:])
    np.testing.assert_allclose(errors[1:], (np.log(np.pi * logs) - 3) / (2 * logs), rtol=0.05)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("noise_std", [0.5, 2.0])
def test_peak_is_state_evolution_at_the_edge(kind, noise_std):
    """The next term of the expansion in c is relative c ~ weight_decay^(1/3)."""
    weight_decay = noise_std * np.array([1e-9, 1e-6])
    solved = state_evolution(null_problem(kind, 1 / STRENGTH[kind], weight_decay, noise_std)).excess_risk
    errors = np.abs(solved / peak_risk(kind, noise_std, weight_decay) - 1)
    assert (errors < 0.5 * (weight_decay / noise_std) ** (1 / 3)).all()
    assert overfitting_risk(kind, 1 / STRENGTH[kind]) == np.inf


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: null_risk("cubic", 1.0), r"kind = 'cubic' must be one of"),
        (lambda: null_kept("diagonal", -1.0), r"c = -1\.0 must be >= 0"),
        (lambda: overfitting_risk("diagonal", [1.0, 0.0]), r"ratio\[1\] = 0\.0 must be > 0"),
        (lambda: overfitting_limit("quadratic", 0.3), r"ratio = 0\.3 must be below 0\.25, the peak"),
        (lambda: peak_risk("diagonal", 0.0, 1.0), r"noise_std = 0\.0 must be finite and > 0"),
        (lambda: peak_risk("diagonal", 1.0, 0.0), r"weight_decay = 0\.0 must be > 0"),
        (lambda: power_law_exponent("bias", "dim", 1.0), r"\(phase, along\) = \('bias', 'dim'\) must be one of"),
        (lambda: power_law_exponent("bias", "n_eff", 0.5), r"decay = 0\.5 must be > 1/2"),
        (lambda: PowerLawPhases("cubic", 10, 1.0, 1.0), r"kind = 'cubic' must be one of"),
        (lambda: PowerLawPhases("diagonal", 0.5, 1.0, 1.0), r"dim = 0\.5 must be finite and >= 1"),
        (lambda: PowerLawPhases("diagonal", 10, 0.4, 1.0), r"decay = 0\.4 must lie strictly between 0\.5 and inf"),
        (lambda: PowerLawPhases("diagonal", 10, 1.0, 0.0), r"noise_std = 0\.0 must be finite and > 0"),
        (lambda: PowerLawPhases("quadratic", 10, 1.0, 1.0, gaussian=True), r"gaussian = True must be False"),
        (lambda: PowerLawPhases("diagonal", 10, 1.0, 1.0).phase(-1.0, 1.0), r"n_eff = -1\.0 must be > 0"),
        (lambda: PowerLawPhases("diagonal", 10, 1.0, 1.0).phase(1.0, [2.0, 0.0]), r"weight_decay\[1\] = 0\.0"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --- phases ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("decay", [0.75, 1.0, 1.5])
@pytest.mark.parametrize("gaussian", [False, True])
def test_bias_is_what_shrinking_leaves(decay, gaussian):
    """Mean of min(|theta|, b)^2, theta = s_k or N(0, s_k^2); the sum is an integral but for x^(1/decay) / 2."""
    phases = PowerLawPhases("diagonal", 10**8, decay, 1.0, gaussian=gaussian)
    strengths, counts = binned_strengths(10**8, decay)
    b = 1e-3 * np.sqrt(phases.dim)
    below = (b / strengths) ** 2
    if gaussian:  # E min(z^2, t) of chi squared
        mean = strengths**2 * stats.chi2(3).cdf(below) + b**2 * stats.chi2(1).sf(below)
    else:
        mean = np.minimum(strengths, b) ** 2
    # What is missing beyond dim is (dim x^(1/decay))^(1 - 2 decay) of the tail.
    tolerance = 1e-3 ** (1 / decay) + (1e8 * 1e-3 ** (1 / decay)) ** (1 - 2 * decay)
    assert phases.bias(b) == pytest.approx(counts @ mean / phases.dim, rel=tolerance)
    assert phases.bias(phases.smallest / 100) == pytest.approx((phases.smallest / 100) ** 2)


def test_quadratic_bias_is_twice_the_diagonal_one():
    one, other = (PowerLawPhases(kind, 1e6, 1.2, 1.0) for kind in KINDS)
    np.testing.assert_allclose(other.bias([1e-5, 1.0, 30.0]), 2 * one.bias([1e-5, 1.0, 30.0]))


# Points 1.5 decades or more from every boundary, of dim 1e8, decay 1 and noise 1, and the phase they lie in.
DEEP = (
    (1e4, 1e3, "plateau"),
    (1e14, 1e6, "bias"),
    (1e26, 3e11, "ridge"),
    (1e12, 1e-3, "fast rate"),
    (1e4, 1e-3, "under-regularised"),
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("n_eff", "weight_decay", "name"), DEEP)
def test_slopes_of_state_evolution_are_those_of_the_phase(kind, n_eff, weight_decay, name):
    """Corrections two decades in are 1 %; where noise is fitted, and where the fast rate's factor goes from 1 to 2
    (quadratic), they are logarithmic: 0.1."""
    phases = PowerLawPhases(kind, 1e8, 1.0, 1.0, gaussian=kind == "diagonal")
    assert phases.phase(n_eff, weight_decay) == name
    step = 10**0.25
    axes = np.array([n_eff, n_eff, n_eff / step, n_eff * step]), weight_decay * np.array([1 / step, step, 1, 1])
    risk = np.log(state_evolution(power_law_problem(phases, *axes)).excess_risk) / np.log(step**2)
    measured = [risk[3] - risk[2], risk[1] - risk[0]]
    predicted = phases.predicted_slopes(n_eff, weight_decay)
    rough = name == "under-regularised" or (kind, name) == ("quadratic", "fast rate")
    np.testing.assert_allclose(measured, predicted, atol=0.1 if rough else 0.02)
    assert phases.is_deep(n_eff, weight_decay, 1.0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("decay", [0.7, 1.3])
def test_phases_change_at_the_boundaries(kind, decay):
    """Above and below every line, between 30 and 1e15 effective samples."""
    phases = PowerLawPhases(kind, 1e5, decay, 0.7, gaussian=kind == "diagonal")
    n_eff = np.geomspace(30, 1e15, 40)
    lines = phases.boundaries(n_eff)
    few = n_eff < phases.peak
    expected = {
        "plateau": (["plateau"], ["bias", "crossover"]),
        "ridge": (["bias"], ["ridge"]),
        "denoising": (["bias", "ridge"], ["crossover", "fast rate", "under-regularised"]),
        "overfitting": (["crossover", "bias", "ridge"], ["fast rate", "under-regularised"]),
    }
    for name, (above, below) in expected.items():
        drawn = np.isfinite(lines[name])
        assert drawn.any()
        assert set(phases.phase(n_eff[drawn], lines[name][drawn] * 1.001)) <= set(above)
        assert set(phases.phase(n_eff[drawn], lines[name][drawn] * 0.999)) <= set(below)
    unregularised = phases.phase(n_eff, lines["overfitting"] * 0.999)
    np.testing.assert_array_equal(unregularised == "under-regularised", few)


def test_crossover_ends_where_noise_kept_equals_bias():
    phases = PowerLawPhases("diagonal", 1e6, 1.0, 0.7)
    n_eff = np.array([1e7, 1e9])
    c, delta = phases.denoising_edge(n_eff), 0.7 * np.sqrt(1e6 / n_eff)
    np.testing.assert_allclose(delta**2 * null_risk("diagonal", c), 2 * c * delta / 1e3, rtol=1e-9)
    np.testing.assert_allclose(phases.overfitting_edge(n_eff), 1.0)


def test_deep_cells_are_fewer_the_wider_the_margin():
    phases = PowerLawPhases("quadratic", 1e6, 1.0, 0.7)
    grid = np.meshgrid(np.geomspace(1, 1e16, 30), np.geomspace(1e-4, 1e10, 30))
    names = phases.phase(*grid)
    assert set(PHASES[:-1]) <= set(names.ravel())
    deep = [phases.is_deep(*grid, margin) for margin in (0.0, 0.5, 1.0)]
    np.testing.assert_array_equal(deep[0], names != "crossover")
    for wide, narrow in itertools.pairwise(deep):
        assert (narrow <= wide).all()
        assert narrow.sum() < wide.sum()


def test_exponents_of_phases_agree_where_they_meet():
    """bias and ridge meet at b = smallest, where strengths end: both risks are d^(1 - 2 decay) there."""
    for decay in (0.75, 1.0, 1.5):
        p = power_law_exponent("bias", "weight_decay", decay)
        assert -decay * p == pytest.approx(1 - 2 * decay)
        assert power_law_exponent("noiseless", "n_eff", decay) == pytest.approx(1 - 2 * decay)
        assert power_law_exponent("optimal weight decay", "squared threshold", decay) == pytest.approx(p / 2)
        for phase in ("bias", "ridge"):  # the risk depends on b, weight decay over n_eff
            slopes = [power_law_exponent(phase, along, decay) for along in ("n_eff", "weight_decay")]
            assert slopes[0] == -slopes[1]
