"""The optimal weight decay: stationary, below a dense scan, covariant, and on the scaling law of the source paper."""

import dataclasses

import numpy as np
import pytest

from scalinglaws.shallow.optimal import optimal_weight_decay
from scalinglaws.shallow.problem import DiagonalProblem, QuadraticProblem, binned_strengths, power_law_strengths
from scalinglaws.shallow.state_evolution import state_evolution
from scalinglaws.solvers import NotConverged

# Weaker noise leaves a quadratic network no optimum but weight_decay 0.
SAMPLES, NOISE = np.array([[8.0], [40.0], [300.0]]), np.array([0.7, 2.0])


def problem(kind, n_samples=SAMPLES, noise_std=NOISE, strengths=None, weight_decay=1.0):
    strengths = power_law_strengths(30, 1.0) if strengths is None else np.asarray(strengths, dtype=float)
    if kind == "quadratic":
        return QuadraticProblem(strengths, np.asarray(n_samples) * strengths.size / 2, weight_decay, noise_std)
    return DiagonalProblem(strengths, n_samples, weight_decay, noise_std, teacher=kind)


def risk(case, weight_decay):
    return state_evolution(dataclasses.replace(case, weight_decay=weight_decay)).excess_risk


every_kind = pytest.mark.parametrize("kind", ["fixed", "gaussian", "quadratic"])


@every_kind
def test_the_risk_is_stationary_and_no_other_weight_decay_is_better(kind):
    case = problem(kind)
    found = optimal_weight_decay(case)
    lowest = found.evolution.excess_risk
    np.testing.assert_array_equal(lowest, risk(case, found.weight_decay))
    others = np.geomspace(1e-3, 1e3, 15)[:, None, None] * found.weight_decay
    # A risk that grows as the square of log weight_decay, to the rounding of the risk itself.
    assert (risk(case, others) >= lowest * (1 - 1e-12)).all()
    step = 1e-2
    above, below = (risk(case, found.weight_decay * np.exp(h)) for h in (step, -step))
    assert (above + below > 2 * lowest).all()
    # Third derivatives in log weight_decay, of the order of the risk, leave step^2 of the central difference.
    assert (np.abs(above - below) / (2 * step) <= 1e-3 * lowest).all()


@every_kind
def test_the_equation_of_the_threshold_holds_at_the_solution(kind):
    """b and delta of the search are those of state evolution at the weight decay found."""
    case = problem(kind)
    found = optimal_weight_decay(case)
    evolution = found.evolution
    strength = 4 * case.n_samples / case.dim**2 if kind == "quadratic" else case.n_samples / case.dim
    assert (evolution.residual <= 1e-10).all()
    np.testing.assert_allclose(strength * evolution.delta**2, case.noise_std**2 + evolution.excess_risk, rtol=1e-10)
    if kind != "quadratic":
        expected = evolution.threshold * (strength - evolution.kept)
        np.testing.assert_allclose(found.weight_decay, expected, rtol=1e-9)


@every_kind
def test_the_curve_is_its_points_and_the_problems_own_weight_decay_is_not_read(kind):
    curve = optimal_weight_decay(problem(kind, weight_decay=np.full((3, 2), 1e5)))
    assert curve.weight_decay.shape == (3, 2)
    for i, j in [(0, 1), (2, 0)]:
        point = optimal_weight_decay(problem(kind, SAMPLES[i, 0], NOISE[j]))
        assert point.weight_decay.shape == point.evolution.excess_risk.shape == ()
        assert point.weight_decay == curve.weight_decay[i, j]


@every_kind
def test_it_has_the_unit_of_the_labels(kind):
    """Positions of minima are known to the square root of rounding over curvature."""
    unit = 300.0
    expected = optimal_weight_decay(problem(kind))
    found = optimal_weight_decay(problem(kind, noise_std=unit * NOISE, strengths=unit * power_law_strengths(30, 1.0)))
    np.testing.assert_allclose(found.weight_decay, unit * expected.weight_decay, rtol=1e-5)
    np.testing.assert_allclose(found.evolution.excess_risk, unit**2 * expected.evolution.excess_risk, rtol=1e-11)


@every_kind
def test_more_samples_and_less_noise_lower_the_optimal_risk(kind):
    best = optimal_weight_decay(problem(kind)).evolution.excess_risk
    assert (np.diff(best, axis=0) < 0).all()
    assert (np.diff(best, axis=1) > 0).all()


@pytest.mark.parametrize(("decay", "slope"), [(0.75, 1 / 3), (1.0, 1 / 2), (1.5, 2 / 3)])
def test_the_optimal_risk_falls_as_a_power_of_the_squared_threshold(decay, slope):
    """risk ~ (c delta)^2(1 - 1 / (2 decay)), c = b / delta: last local slope, for n_samples << dim."""
    strengths, multiplicities = binned_strengths(10**8, decay)
    n_samples = np.geomspace(1e5, 1e7, 3)
    common = (strengths, n_samples, 1.0, np.sqrt(0.5))
    case = DiagonalProblem(*common, teacher="gaussian", multiplicities=multiplicities)
    evolution = optimal_weight_decay(case).evolution
    slopes = np.diff(np.log(evolution.excess_risk)) / np.diff(np.log(evolution.threshold**2))
    assert slopes[-1] == pytest.approx(slope, abs=0.02)
    assert abs(slopes[-1] - slope) < abs(slopes[0] - slope) + 1e-3


def test_the_cone_alone_may_regularise_enough():
    """Few samples and weak noise: the risk of a quadratic network rises from weight_decay 0 on, and it is said so."""
    case = problem("quadratic", 8.0, 0.2)
    assert (np.diff(risk(case, np.geomspace(1e-6, 10, 15))) > 0).all()
    with pytest.raises(NotConverged, match="the optimum is at weight_decay 0 or nearly so") as caught:
        optimal_weight_decay(case)
    assert len(caught.value.last) == 2


@pytest.mark.parametrize("kind", ["fixed", "gaussian"])
def test_without_noise_too_few_samples_still_have_an_optimum(kind):
    case = problem(kind, n_samples=8.0, noise_std=0.0)
    found = optimal_weight_decay(case)
    others = found.weight_decay * np.geomspace(1e-2, 1e2, 21)
    assert (risk(case, others) >= found.evolution.excess_risk * (1 - 1e-12)).all()


@every_kind
def test_without_noise_enough_samples_leave_none(kind):
    with pytest.raises(ValueError, match=r"noise_std = 0\.0 must be > 0 where n_samples = \d+ recover the teacher"):
        optimal_weight_decay(problem(kind, n_samples=100.0, noise_std=[0.5, 0.0]))


@every_kind
def test_a_teacher_0_leaves_none(kind):
    with pytest.raises(ValueError, match="the teacher = 0 must hold an entry other than 0"):
        optimal_weight_decay(problem(kind, strengths=np.zeros(4)))


@every_kind
def test_a_teacher_far_below_the_noise_is_not_judged(kind):
    with pytest.raises(NotConverged, match="the teacher is too weak") as caught:
        optimal_weight_decay(problem(kind, noise_std=1e5))
    assert len(caught.value.last) == 2


def test_another_kind_of_problem_is_refused():
    with pytest.raises(ValueError, match=r"problem = None must be a DiagonalProblem or a QuadraticProblem"):
        optimal_weight_decay(None)
