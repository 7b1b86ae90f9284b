"""Loss exponents: the reduced equations against the full system, its invariants, the lazy limit, and known sums."""

import numpy as np
import pytest
from scipy.integrate import Radau, solve_ivp
from scipy.linalg import sqrtm

from scalinglaws.shells.exponents import (
    PowerLawTask,
    _ArrowFlow,
    infinite_width_curve,
    lazy_exponent,
    lazy_loss,
    observation_times,
    rich_exponent,
)
from scalinglaws.solvers import NotConverged

TIMES = np.append(0.0, np.geomspace(0.01, 40.0, 17))


def problem(seed, n_modes=7, shift=0.0, scale=1.0):
    """Any spectrum and target: no power law, signs mixed, not in order."""
    rng = np.random.default_rng(seed)
    return scale * np.exp(rng.uniform(-4, 1, n_modes)), shift + rng.standard_normal(n_modes)


def full_system(times, eigenvalues, target, richness0):
    """a (T,), v (T, n) and Q (T, n, n) of the closed system with its matrix, by an explicit method of order 8."""
    n, coupling = target.size, richness0**2

    def rate(_, state):
        a, v, q = state[0], state[1 : n + 1], state[n + 1 :].reshape(n, n)
        r = eigenvalues * (target - v)
        turned = coupling * np.outer(v, r)
        return np.concatenate([[2 * coupling * v @ r], a * r + q @ r, (turned + turned.T).ravel()])

    start = np.concatenate([[1.0], np.zeros(n), np.eye(n).ravel()])
    states = solve_ivp(rate, (0, times[-1]), start, "DOP853", times, rtol=1e-11, atol=1e-13).y.T
    return states[:, 0], states[:, 1 : n + 1], states[:, n + 1 :].reshape(-1, n, n)


CASES = [(0, 0.3, 0.0, 1.0), (1, 2.0, 0.0, 1.0), (2, 10.0, 3.0, 0.1), (3, 1.0, -5.0, 4.0), (4, 0.0, 1.0, 1.0)]


@pytest.mark.parametrize(("seed", "richness0", "shift", "scale"), CASES)
def test_the_reduced_equations_are_the_full_system(seed, richness0, shift, scale):
    eigenvalues, target = problem(seed, shift=shift, scale=scale)
    a, v, _ = full_system(TIMES, eigenvalues, target, richness0)
    curve = infinite_width_curve(TIMES, eigenvalues, target, richness0, tolerance=1e-10)
    loss = (eigenvalues * (target - v) ** 2).sum(1) / 2
    # Ten digits a step, about a thousand steps; between them Radau's interpolant is of order 3.
    np.testing.assert_allclose(curve.loss, loss, atol=1e-6 * loss[0])
    np.testing.assert_allclose(curve.readout_norm, a, rtol=1e-6)
    np.testing.assert_array_equal(curve.time, TIMES)


@pytest.mark.parametrize(("seed", "richness0", "shift", "scale"), CASES)
def test_readout_and_gram_matrix_are_functions_of_the_weights_learned(seed, richness0, shift, scale):
    """The conserved moments that reduce the system: a^2 = 1 + g^2 |v|^2, Q = sqrt(1 + g^2 v v^T), Q v = a v."""
    a, v, q = full_system(TIMES, *problem(seed, shift=shift, scale=scale), richness0)
    p = richness0 * v
    np.testing.assert_allclose(a, np.sqrt(1 + (p**2).sum(1)), rtol=1e-8)
    for norm, learned, gram in zip(a, p, q, strict=True):
        np.testing.assert_allclose(gram, sqrtm(np.eye(p.shape[1]) + np.outer(learned, learned)), atol=1e-7)
        np.testing.assert_allclose(gram @ learned, norm * learned, atol=1e-7 * max(norm, 1) ** 2)


def test_the_jacobian_is_the_derivative_of_the_velocity():
    """A wrong one would only be slow. The velocity is a cubic: central differences leave h^2 = 1e-8."""
    flow = _ArrowFlow(*problem(9), 1.7)
    state, steps = np.random.default_rng(9).standard_normal(8), 1e-4 * np.eye(8)
    columns = [(flow.velocity(0, state + h) - flow.velocity(0, state - h)) / 2e-4 for h in steps]
    np.testing.assert_allclose(flow.jacobian(0, state).toarray(), np.transpose(columns), atol=1e-6)


@pytest.mark.parametrize("task", [PowerLawTask(2.0, 0.5, 300), PowerLawTask(3.0, 1.5, 40)], ids=str)
def test_without_richness_the_net_is_lazy_at_twice_the_speed(task):
    times = observation_times(task, 0.3)
    curve = infinite_width_curve(times, task.eigenvalues, task.target, 0.0)
    # Tolerance 1e-7 a step, and amplitudes enter the loss squared.
    np.testing.assert_allclose(curve.loss, lazy_loss(2 * times, task.eigenvalues, task.target), rtol=1e-5)
    np.testing.assert_array_equal(curve.readout_norm, 1.0)


def test_small_richness_changes_the_loss_in_second_order():
    """The coupling is richness0 squared."""
    eigenvalues, target = problem(5)
    curves = [infinite_width_curve(TIMES, eigenvalues, target, g, tolerance=1e-11).loss for g in (0.0, 0.01, 0.02)]
    gaps = [np.abs(curve - curves[0]).max() for curve in curves[1:]]
    assert gaps[1] / gaps[0] == pytest.approx(4.0, rel=0.01)


@pytest.mark.parametrize("factor", [0.01, 30.0])
def test_scales_of_spectrum_and_target_are_scales_of_time_and_richness(factor):
    """Lam -> c Lam is t -> c t; w -> c w at richness0 / c is loss -> c^2 loss."""
    eigenvalues, target = problem(6)
    curve = infinite_width_curve(TIMES, eigenvalues, target, 2.0)
    faster = infinite_width_curve(TIMES / factor, factor * eigenvalues, target, 2.0)
    larger = infinite_width_curve(TIMES, eigenvalues, factor * target, 2.0 / factor)
    # Late losses, below the square of the tolerance, are not resolved.
    np.testing.assert_allclose(faster.loss, factor * curve.loss, rtol=1e-4, atol=1e-10 * faster.loss[0])
    np.testing.assert_allclose(larger.loss, factor**2 * curve.loss, rtol=1e-4, atol=1e-10 * larger.loss[0])


def test_the_sign_of_a_target_and_the_order_of_modes_do_not_matter():
    eigenvalues, target = problem(7)
    curve = infinite_width_curve(TIMES, eigenvalues, target, 3.0)
    turned = infinite_width_curve(TIMES, eigenvalues[::-1], -target[::-1], 3.0)
    np.testing.assert_allclose(turned.loss, curve.loss, rtol=1e-5, atol=1e-10 * curve.loss[0])


def test_the_curve_ends_where_the_last_mode_has_learned_its_share():
    task = PowerLawTask(2.0, 0.5, 50)
    times = np.linspace(0.0, 4000.0, 4001)
    curve = infinite_width_curve(times, task.eigenvalues, task.target, 0.0, learned=0.25)
    assert curve.time[-1] == np.floor(-np.log(0.75) / (2 * task.eigenvalues[-1]))


def test_lazy_loss_of_one_mode_and_at_time_zero():
    assert lazy_loss([0.0, 0.7], [2.0], [3.0]) == pytest.approx([9.0, 9.0 * np.exp(-2.8)])
    eigenvalues, target = problem(8, 30)
    assert lazy_loss([0.0], eigenvalues, target)[0] == pytest.approx((eigenvalues * target**2).sum() / 2)


@pytest.mark.parametrize(("capacity", "task_exponent"), [(2.0, 0.5), (1.5, 2.0), (3.0, 0.8)])
def test_modes_and_tail_add_up_whatever_the_cut_off(capacity, task_exponent):
    """With the tail, the loss at the start is zeta(1 + capacity * task_exponent) / 2 and later hardly moves with it."""
    tasks = [PowerLawTask(capacity, task_exponent, n_modes) for n_modes in (200, 800)]
    time = observation_times(tasks[0], 0.001)[-1]
    whole = [lazy_loss([0.0, time], task.eigenvalues, task.target) + task.tail for task in tasks]
    direct = (np.arange(1, 10**6) ** -(1 + capacity * task_exponent)).sum() / 2
    assert whole[0][0] == pytest.approx(whole[1][0], rel=1e-13)
    # What is left out of the direct sum is below 1e-6 to its exponent, at least 1.
    assert whole[0][0] == pytest.approx(direct, rel=2e-6)
    # A mode at the cut-off has lost a thousandth of its error, two thousandths of its loss.
    assert whole[0][1] == pytest.approx(whole[1][1], rel=2e-3)
    assert whole[0][1] < 0.2 * whole[0][0]


def test_exponents_meet_at_one():
    assert [lazy_exponent(b) for b in (0.3, 1.0, 1.5)] == [0.3, 1.0, 1.5]
    assert [rich_exponent(b) for b in (1 / 3, 1.0, 1.5)] == pytest.approx([0.5, 1.0, 1.5])


@pytest.mark.parametrize(("task_exponent", "richness0"), [(0.5, 0.0), (0.5, 10.0), (1.5, 10.0)])
def test_the_loss_falls_with_the_predicted_exponent(task_exponent, richness0):
    """Within 3 % over the last decade with 1000 modes; 0.5 and 0.667 are a third apart."""
    task = PowerLawTask(3.0, task_exponent, 1000)
    times = observation_times(task, 0.01)
    curve = infinite_width_curve(times, task.eigenvalues, task.target, richness0, learned=0.01, tolerance=1e-5)
    last = curve.time > curve.time[-1] / 10
    slope = np.polyfit(np.log(curve.time[last]), np.log(curve.loss[last] + task.tail), 1)[0]
    predicted = (rich_exponent if richness0 else lazy_exponent)(task_exponent)
    assert -slope == pytest.approx(predicted, rel=0.03)


def test_observation_times_end_with_the_share_learned_at_the_lazy_rate():
    task = PowerLawTask(2.0, 0.5, 100)
    times = observation_times(task, 0.05)
    assert times[0] == 0
    assert np.exp(-2 * task.eigenvalues[-1] * times[-1]) == pytest.approx(0.95)
    assert np.ptp(np.diff(np.log(times[1:]))) < 1e-9


BAD = [
    (lambda: PowerLawTask(0.0, 0.5, 10), r"capacity = 0.0 must be finite and > 0"),
    (lambda: PowerLawTask(2.0, -0.5, 10), r"task_exponent = -0.5 must be finite and > 0"),
    (lambda: PowerLawTask(2.0, 0.5, 0), r"n_modes = 0 must be an integer >= 1"),
    (lambda: rich_exponent(0.0), r"task_exponent = 0.0 must be"),
    (lambda: lazy_loss([1.0, 0.5], [1.0], [1.0]), r"times\[0\], times\[1\] = 1.0, 0.5 must increase"),
    (lambda: lazy_loss([-1.0, 0.5], [1.0], [1.0]), r"times\[0\] = .*-1.0.* must be finite and >= 0"),
    (lambda: lazy_loss([0.0, 0.5], [1.0, 0.0], [1.0, 1.0]), r"eigenvalues\[1\] = 0.0 must be > 0"),
    (lambda: lazy_loss([0.0, 0.5], [1.0], [1.0, 2.0]), r"target has 2 entries and must have 1, as eigenvalues"),
    (lambda: infinite_width_curve(TIMES, [1.0], [1.0], -1.0), r"richness0 = -1.0 must be finite and >= 0"),
    (lambda: infinite_width_curve(TIMES, [1.0], [1.0], 1.0, tolerance=0.0), r"tolerance = 0.0 must lie strictly"),
    (lambda: infinite_width_curve(TIMES, [1.0], [1.0], 1.0, learned=0.0), r"learned = 0.0 must be finite and > 0"),
    (lambda: infinite_width_curve(TIMES, [1.0], [0.0], 1.0, learned=0.1), r"abs\(target\[-1\]\) = .*0.0.* must be"),
    (lambda: observation_times(PowerLawTask(2.0, 0.5, 10), 1.0), r"learned = 1.0 must lie strictly"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


class Stuck(Radau):
    """An integrator that finds no step small enough."""

    def step(self):
        self.status = "failed"
        return "no step"


def test_steps_that_become_too_small_are_reported(monkeypatch):
    monkeypatch.setattr("scalinglaws.shells.exponents.Radau", Stuck)
    with pytest.raises(NotConverged, match=r"residual 0 after 1 iterations; raise tolerance \(no step\)") as caught:
        infinite_width_curve(TIMES, [1.0, 0.5], [1.0, 1.0], 1.0)
    np.testing.assert_array_equal(caught.value.last, [0.0, 0.0, 1.0])
