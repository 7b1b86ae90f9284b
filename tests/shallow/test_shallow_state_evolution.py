"""State evolution: closed forms, an independent iteration, simulations, symmetries, limits, and a sweep of all."""

import dataclasses
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import ndtr

from scalinglaws.shallow import lasso, quadratic, two_equations
from scalinglaws.shallow.denoisers import denoiser
from scalinglaws.shallow.free_convolution import NoisySpectrum
from scalinglaws.shallow.nested_roots import nested_roots
from scalinglaws.shallow.problem import DiagonalProblem, QuadraticProblem, binned_strengths, power_law_strengths
from scalinglaws.shallow.soft_threshold import null_risk
from scalinglaws.shallow.state_evolution import state_evolution
from scalinglaws.solvers import NotConverged

FIELDS = ("excess_risk", "delta", "threshold", "kept", "train_error")
# Samples over strengths, and weight decays: few and many, weak and strong.
RATIOS, DECAYS = np.array([0.02, 0.4, 1.0, 6.0])[:, None], np.array([1e-4, 0.1, 1.0, 30.0])


def problem(kind, ratio=RATIOS, weight_decay=DECAYS, noise_std=0.7, dim=24, strengths=None, **options):
    """A problem with `ratio` samples for each of its parameters, dim or dim^2 / 2."""
    strengths = power_law_strengths(dim, 1.0) if strengths is None else np.asarray(strengths, dtype=float)
    count = np.sum(options.get("multiplicities", np.ones(strengths.size)))
    if kind == "quadratic":
        return QuadraticProblem(strengths, np.asarray(ratio) * count**2 / 2, weight_decay, noise_std, **options)
    return DiagonalProblem(strengths, np.asarray(ratio) * count, weight_decay, noise_std, teacher=kind, **options)


KINDS = ["fixed", "gaussian", "quadratic"]
every_kind = pytest.mark.parametrize("kind", KINDS)


def strength_of(problem):
    """ratio or 4 ratio, as it stands in the equations."""
    return (
        4 * problem.n_samples / problem.dim**2
        if isinstance(problem, QuadraticProblem)
        else (problem.n_samples / problem.dim)
    )


def assert_same(one, other, rtol=1e-9, **factors):
    for name in FIELDS:
        expected = factors.get(name, 1.0) * getattr(other, name)
        np.testing.assert_allclose(getattr(one, name), expected, rtol=rtol, atol=1e-300, err_msg=name)


# --- closed forms ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("teacher", ["fixed", "gaussian"])
def test_a_diagonal_teacher_0_depends_on_the_ratio_of_threshold_to_noise_alone(teacher):
    """delta^2 = noise^2 / (ratio - null_risk(c)), weight_decay = c delta (ratio - 2 Q(c)): one equation for c."""
    noise_std = 0.7
    for ratio in (0.3, 1.0, 2.5):
        c_min = brentq(lambda c: null_risk(c) - ratio, 0, 30) if ratio < 1 else 0.0  # noqa: B023
        c = c_min + np.array([0.1, 0.7, 2.0])
        delta = noise_std / np.sqrt(ratio - null_risk(c))
        weight_decay = c * delta * (ratio - 2 * ndtr(-c))
        valid = weight_decay > 0
        found = state_evolution(problem(teacher, ratio, weight_decay[valid], noise_std, strengths=np.zeros(3)))
        np.testing.assert_allclose(found.delta, delta[valid], rtol=1e-11)
        np.testing.assert_allclose(found.threshold, (c * delta)[valid], rtol=1e-11)
        np.testing.assert_allclose(found.excess_risk, (null_risk(c) * delta**2)[valid], rtol=1e-9)
        np.testing.assert_allclose(found.kept, 2 * ndtr(-c[valid]), rtol=1e-10)


def test_a_quadratic_teacher_0_without_regularisation_loses_its_interpolation_peak_at_a_quarter():
    """Half of the directions are kept, 4 kept = 2 where b -> 0: above 1/4 delta^2 = noise^2 / (4 ratio - 1)."""
    found = state_evolution(QuadraticProblem(np.zeros(2), 4 * np.array([0.3, 0.5, 2.0]), 1e-12, 0.7))
    expected = 0.49 / (4 * np.array([0.3, 0.5, 2.0]) - 1)
    np.testing.assert_allclose(found.delta**2, expected, rtol=1e-8)
    np.testing.assert_allclose(found.kept, 0.5, rtol=1e-8)
    np.testing.assert_allclose(found.excess_risk, expected, rtol=1e-8)


@every_kind
def test_strong_regularisation_learns_nothing(kind):
    """The plateau: risk = mean square of the teacher (twice for the quadratic), training error = variance of labels."""
    case = problem(kind, weight_decay=1e7, noise_std=np.array([0.0, 0.7, 2.0]))
    found = state_evolution(case)
    strengths = case.eigenvalues if kind == "quadratic" else case.target
    signal = np.mean(strengths**2) * (2 if kind == "quadratic" else 1)
    np.testing.assert_allclose(found.excess_risk, np.full((4, 3), signal), rtol=1e-13)
    np.testing.assert_allclose(found.train_error, np.broadcast_to(signal + case.noise_std**2, (4, 3)), rtol=1e-13)
    np.testing.assert_allclose(found.kept, 0, atol=1e-300)
    np.testing.assert_allclose(found.threshold * strength_of(case), np.full((4, 3), 1e7), rtol=1e-13)


@every_kind
def test_many_samples_see_least_squares(kind):
    """ratio -> infinity at fixed weight_decay: delta^2 = noise^2 / strength, b = weight_decay / strength."""
    case = problem(kind, ratio=1e9, weight_decay=1.0)
    found, strength = state_evolution(case), strength_of(case)
    assert found.delta == pytest.approx(0.7 / np.sqrt(strength), rel=1e-8)
    assert found.threshold == pytest.approx(1 / strength, rel=1e-8)
    # One parameter for each coefficient, dim^2 / 2 of them for the matrix: risk = noise^2 parameters / samples.
    parameters = {"quadratic": 2.0}.get(kind, 1.0)
    assert found.excess_risk * strength == pytest.approx(0.49 * parameters, rel=1e-3)
    assert found.train_error == pytest.approx(0.49, rel=1e-8)


# --- twins ----------------------------------------------------------------------------------------------------------


def iterate(case, rounds=4000, share=0.5):
    """(delta, b) of a scalar problem by damped substitution into the two equations as they are printed."""
    estimator, strength = denoiser(case), float(strength_of(case))
    noise, weight_decay = float(case.noise_std) ** 2, float(case.weight_decay)
    delta = np.sqrt((noise + estimator.signal) / strength)
    b = weight_decay / strength + 2 * delta
    for _ in range(rounds):
        risk, kept, _ = estimator.at(delta, b)
        new_delta = np.sqrt((noise + risk) / strength)
        new_b = (weight_decay + b * kept) / strength
        change = max(abs(new_delta / delta - 1), abs(new_b / b - 1))
        delta, b = delta + share * (new_delta - delta), b + share * (new_b - b)
        if change < 1e-13:
            break
    return delta, b


@every_kind
@pytest.mark.parametrize(("ratio", "weight_decay"), [(0.4, 1.0), (0.4, 30.0), (2.0, 0.5), (8.0, 0.1)])
def test_damped_substitution_ends_at_the_same_point(kind, ratio, weight_decay):
    case = problem(kind, ratio, weight_decay)
    found = state_evolution(case)
    np.testing.assert_allclose(iterate(case), (found.delta, found.threshold), rtol=1e-10)


@every_kind
@pytest.mark.parametrize(
    ("ratio", "weight_decay", "noise_std"), [(0.02, 0.1, 0.7), (0.9, 1e-3, 0.7), (0.4, 1.0, 0.0), (6.0, 30.0, 0.1)]
)
def test_nested_roots_end_at_the_same_point(kind, ratio, weight_decay, noise_std):
    case = problem(kind, ratio, weight_decay, noise_std)
    found, strength = state_evolution(case), float(strength_of(case))
    pair = nested_roots(denoiser(case), strength, noise_std**2, weight_decay)
    np.testing.assert_allclose(pair, (found.delta, found.threshold), rtol=1e-9)


@every_kind
@pytest.mark.parametrize("decay", [0.75, 1.0, 1.5])
def test_bins_stand_for_the_whole_spectrum(kind, decay):
    """A step function of the rank, which a fixed teacher makes of weak noise, is what bins do not resolve."""
    dim = 5000
    strengths, multiplicities = binned_strengths(dim, decay)
    rtol = {"fixed": 1e-4, "gaussian": 1e-7, "quadratic": 1e-6}[kind]
    ratios, weight_decay = np.array([[0.002], [0.1]]), np.array([1.0, 5.0])
    if kind == "quadratic":
        # The whole spectrum costs a second each.
        ratios, weight_decay = 0.01, 1.0
    binned = problem(kind, ratios, weight_decay, strengths=strengths, multiplicities=multiplicities)
    whole = problem(kind, ratios, weight_decay, strengths=power_law_strengths(dim, decay))
    assert_same(state_evolution(binned), state_evolution(whole), rtol=rtol)


def test_a_gaussian_teacher_is_the_average_of_fixed_ones():
    """Of many coefficients drawn from each standard deviation: the quantiles of the normal law."""
    levels = np.polynomial.hermite_e.hermegauss(80)
    nodes, weights = levels[0], levels[1] / levels[1].sum()
    keep = weights > 1e-14
    std = np.array([3.0, 1.0, 0.3])
    target = np.outer(std, nodes[keep]).ravel()
    multiplicities = np.tile(weights[keep], 3)
    fixed = problem("fixed", 0.6, 1.5, strengths=target, multiplicities=multiplicities)
    # Nodes of this rule lie 0.2 apart, less than the noise's width: an average to 1e-4 in spite of the kink.
    assert_same(state_evolution(fixed), state_evolution(problem("gaussian", 0.6, 1.5, strengths=std)), rtol=1e-4)


@every_kind
@pytest.mark.parametrize("noise_std", [0.0, 0.7])
def test_the_equations_hold_and_the_risk_is_the_identity_of_the_potential(kind, noise_std):
    """risk = <theta^2> - J + b dJ/db + delta dJ/d delta, J = mean of relu(|y| - b)^2; over 2 for the quadratic."""
    case = problem(kind, noise_std=noise_std)
    found, strength = state_evolution(case), np.broadcast_to(strength_of(case), case.shape)
    assert (found.residual <= 1e-12).all()
    np.testing.assert_allclose(strength * found.delta**2, noise_std**2 + found.excess_risk, rtol=1e-12)
    if kind != "quadratic":
        decays = found.threshold * (strength - found.kept)
        assert (np.abs(decays - case.weight_decay) <= 1e-11 * (found.threshold * strength + case.weight_decay)).all()
        return
    for place in np.ndindex(case.shape):
        delta, b = found.delta[place], found.threshold[place]
        above = NoisySpectrum(case.eigenvalues, np.full(24, 1 / 24), delta).moments_above(b)
        second = np.mean(case.eigenvalues**2)
        combined = second - above.square + b * above.threshold_slope + delta * above.delta_slope
        assert found.excess_risk[place] / 2 == pytest.approx(combined, rel=1e-8, abs=1e-12 * second)
        decay = b * (strength[place] - above.delta_slope / delta)
        assert decay == pytest.approx(np.broadcast_to(case.weight_decay, case.shape)[place], abs=1e-9 * b)


def simulated(case, rng):
    """Training and excess error of the convex estimator on one data set."""
    library = quadratic if isinstance(case, QuadraticProblem) else lasso
    options = {"sensing": "goe"} if library is quadratic else {}
    estimate = library.solve_path(library.draw(case, rng, **options), case.weight_decay)
    return np.array([estimate.train_error, estimate.excess_risk])


@pytest.mark.parametrize(
    ("kind", "dim", "ratio", "decays", "draws"),
    [
        ("fixed", 200, 0.5, [0.3, 2.0], 12),
        ("fixed", 100, 2.0, [0.1, 3.0], 12),
        ("quadratic", 30, 0.5, [0.5, 3.0], 8),
        ("quadratic", 24, 1.5, [0.5, 3.0], 8),
    ],
)
def test_training_and_excess_error_are_those_of_simulations(kind, dim, ratio, decays, draws):
    """The residual of approximate message passing has variance noise^2 + risk and is shrunk by 1 - kept / strength.

    Means of the draws, within 4 standard errors and a bias of 5 % at these sizes.
    """
    case = problem(kind, ratio, np.array(decays), 0.7, dim=dim)
    case = dataclasses.replace(case, n_samples=np.round(case.n_samples))
    theory = state_evolution(case)
    values = np.array([simulated(case, np.random.default_rng(seed)) for seed in range(draws)])
    error = values.std(axis=0, ddof=1) / np.sqrt(draws)
    expected = np.array([theory.train_error, theory.excess_risk])
    assert (np.abs(values.mean(axis=0) - expected) <= 4 * error + 0.05 * expected).all()
    # The weaker weight decay tells the formula from none: a training error of noise^2 + risk would be far off.
    assert theory.train_error[0] < 0.6 * (0.49 + theory.excess_risk[0])


# --- symmetries -----------------------------------------------------------------------------------------------------


@every_kind
@pytest.mark.parametrize("noise_std", [0.0, 0.7])
def test_order_sign_and_repetition_of_coefficients_do_not_matter(kind, noise_std):
    strengths = np.array([3.0, 1.0, 1.0, 0.2, 0.0, 0.0, 0.0])
    expected = state_evolution(problem(kind, noise_std=noise_std, strengths=strengths))
    assert_same(state_evolution(problem(kind, noise_std=noise_std, strengths=strengths[::-1])), expected)
    short = problem(kind, noise_std=noise_std, strengths=[0.0, 3.0, 0.2, 1.0], multiplicities=np.array([3, 1, 1, 2]))
    assert_same(state_evolution(short), expected)
    if kind == "fixed":
        assert_same(state_evolution(problem(kind, noise_std=noise_std, strengths=-strengths)), expected)


@every_kind
@pytest.mark.parametrize("unit", [1e-5, 40.0])
def test_the_unit_of_the_labels_is_free(kind, unit):
    """Teacher, noise and weight_decay times a unit: estimates, delta and b times the unit, errors times its square."""
    expected = state_evolution(problem(kind))
    changed = problem(
        kind, weight_decay=unit * DECAYS, noise_std=unit * 0.7, strengths=unit * power_law_strengths(24, 1.0)
    )
    factors = {"excess_risk": unit**2, "train_error": unit**2, "delta": unit, "threshold": unit}
    assert_same(state_evolution(changed), expected, **factors)


@every_kind
def test_copies_of_a_teacher_with_as_many_more_samples_are_the_same(kind):
    """Only samples over parameters count: dim n for the matrix, whose strengths are in units of their own."""
    strengths = np.array([3.0, 1.0, 0.0])
    expected = state_evolution(problem(kind, strengths=strengths))
    assert_same(state_evolution(problem(kind, strengths=np.repeat(strengths, 5))), expected)


@every_kind
def test_a_curve_is_its_points_one_by_one(kind):
    noise = np.array([0.0, 0.3])[:, None, None]
    curve = state_evolution(problem(kind, noise_std=noise))
    assert curve.delta.shape == (2, 4, 4)
    for i, j, k in [(0, 0, 0), (1, 3, 2), (0, 2, 3)]:
        point = state_evolution(problem(kind, RATIOS[j, 0], DECAYS[k], noise[i, 0, 0]))
        assert point.delta.shape == ()
        for name in (*FIELDS, "residual"):
            assert getattr(point, name) == getattr(curve, name)[i, j, k]


# --- limits and extremes --------------------------------------------------------------------------------------------


@every_kind
def test_enough_samples_recover_a_sparse_teacher_without_noise(kind):
    """delta and b fall in proportion to weight_decay, the risk as its square."""
    strengths = np.append([4.0, 2.0], np.zeros(38))
    found = state_evolution(problem(kind, 0.7, np.array([1e-8, 1e-10, 1e-12]), 0.0, strengths=strengths))
    # Spectra and Gaussian coefficients near 0 correct the limit by delta.
    for value, power in ((found.delta, 1), (found.threshold, 1), (found.excess_risk, 2)):
        np.testing.assert_allclose(value[:-1] / value[1:], 100.0**power, rtol=1e-6)


@every_kind
def test_too_few_samples_do_not(kind):
    strengths = np.append([4.0, 2.0], np.zeros(38))
    found = state_evolution(problem(kind, 0.02, np.array([1e-8, 1e-12]), 0.0, strengths=strengths))
    np.testing.assert_allclose(found.excess_risk[0], found.excess_risk[1], rtol=1e-6)
    assert found.excess_risk[0] > 0.1 * np.mean(strengths**2)


@pytest.mark.parametrize("decay", [0.6, 1.0, 2.0])
@pytest.mark.parametrize("dim", [1e6, 1e8, 1e12])
def test_huge_diagonal_teachers_are_solved_in_bins(dim, decay):
    strengths, multiplicities = binned_strengths(dim, decay)
    n_samples = np.array([1e2, 1e4, dim, 30 * dim])
    # A threshold of about 2 delta, with which more samples are always better.
    weight_decay = 2 * np.sqrt(n_samples / dim)
    common = (strengths, n_samples, weight_decay, 0.7)
    found = state_evolution(DiagonalProblem(*common, teacher="gaussian", multiplicities=multiplicities))
    assert (found.residual <= 1e-10).all()
    assert (np.diff(found.excess_risk) < 0).all()


@every_kind
@pytest.mark.parametrize("gap", [1e3, 1e6, 1e9])
def test_spikes_far_out_are_solved(kind, gap):
    """By nested roots, where the scales of the spike and of the others are far apart."""
    strengths = np.append(gap, power_law_strengths(11, 1.0))
    for noise_std in (0.0, 0.7):
        found = state_evolution(problem(kind, [[0.4], [6.0]], [1e-4, 1.0], noise_std, strengths=strengths))
        assert (found.residual <= 1e-10).all()


@st.composite
def problems(draw):
    kind = draw(st.sampled_from(KINDS))
    dim = draw(st.sampled_from([1, 2, 7, 30]))
    strengths = power_law_strengths(dim, draw(st.floats(0.51, 3.0)))
    zeros = draw(st.lists(st.booleans(), min_size=dim, max_size=dim))
    strengths = np.where(zeros, 0.0, strengths) * 10 ** draw(st.floats(-4, 4))
    logs = {"ratio": draw(st.floats(-3, 3)), "weight_decay": draw(st.floats(-6, 6))}
    noise_std = draw(st.one_of(st.just(0.0), st.floats(-3, 1).map(lambda x: 10**x)))
    return problem(kind, **{name: 10**value for name, value in logs.items()}, noise_std=noise_std, strengths=strengths)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(problems())
def test_every_problem_is_solved_or_refused_without_a_word(case):
    """Warnings are errors; what comes back is finite and satisfies the equations."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if case.noise_std == 0 and denoiser(case).signal == 0:
            with pytest.raises(ValueError, match="there is nothing to learn"):
                state_evolution(case)
            return
        found = state_evolution(case)
    assert found.residual <= 1e-10
    values = np.array([getattr(found, name) for name in FIELDS])
    assert np.isfinite(values).all()
    assert (values >= 0).all()
    assert found.delta > 0
    assert found.kept <= 1
    assert found.train_error <= (found.excess_risk + case.noise_std**2) * (1 + 1e-12)


# --- bad input ------------------------------------------------------------------------------------------------------


@every_kind
def test_a_teacher_0_without_noise_is_refused(kind):
    with pytest.raises(ValueError, match=r"noise_std = 0\.0 must be > 0 where the teacher is 0"):
        state_evolution(problem(kind, noise_std=0.0, strengths=np.zeros(3)))


def test_another_kind_of_problem_is_refused():
    with pytest.raises(ValueError, match=r"problem = 3 must be a DiagonalProblem or a QuadraticProblem"):
        state_evolution(3)


@every_kind
def test_squares_beyond_double_precision_are_refused(kind):
    name = "eigenvalues" if kind == "quadratic" else "target"
    with pytest.raises(ValueError, match=rf"{name} = 1e\+200 must have a finite square"):
        state_evolution(problem(kind, 0.5, 1.0, strengths=[1.0, 1e200]))


@every_kind
def test_failure_carries_the_last_iterate(kind, monkeypatch):
    case = problem(kind, 0.4, 1.0)
    found = state_evolution(case)
    monkeypatch.setattr(two_equations, "TOLERANCE", -1.0)
    with pytest.raises(NotConverged, match="state evolution did not converge") as caught:
        state_evolution(case)
    np.testing.assert_allclose(caught.value.last, (found.delta, found.threshold), rtol=1e-9)
    assert 0 <= caught.value.residual <= 1e-10


@pytest.mark.parametrize("kind", ["fixed", "gaussian"])
def test_what_leaves_double_precision_is_not_returned(kind):
    with pytest.raises(NotConverged, match="the problem is too extreme"):
        state_evolution(problem(kind, 0.5, 1e300))
