"""Gradient flow against its exact equation, its lazy limit, scaling symmetries, conservation laws and known orders."""

import math
import re
from contextlib import nullcontext
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.linalg import block_diag, expm

from scalinglaws.networks import (
    Diverged,
    Network,
    exponential_midpoint_step,
    fixed_steps,
    gradient_descent_step,
    gradient_flow,
    kernel_velocity,
    linearise,
    runge_kutta_step,
    stack,
    start_flow,
    take_snapshot,
    tangent_kernel,
    velocity,
)

ARCHITECTURES = [
    {"activation": "tanh", "depth": 2},
    {"activation": "erf", "depth": 3, "residual": True, "weight_scale": 1.4},
    {"activation": "tanh", "depth": 1, "n_outputs": 3},
    {"activation": "linear", "depth": 2, "n_outputs": 2},
]


def norm(array):
    return float(np.linalg.norm(array))


def last_of(snapshots):
    *_, last = snapshots
    return last


def explicit(flow, parameters):
    """J (rows sample first, columns all parameters), M and e, by reverse-mode differentiation."""

    def outputs(moving):
        return linearise(flow.network, moving, flow.inputs).pass_.outputs

    blocks = torch.func.jacrev(lambda moving: outputs(moving).reshape(-1))(parameters)
    rows = torch.cat([block.flatten(1) for block in blocks], dim=1).numpy()
    residual = ((outputs(parameters) - flow.initial_outputs) / flow.richness - flow.targets).reshape(-1).numpy()
    return rows, rows @ rows.T / flow.n_samples, residual


def moved_by(parameters, flat):
    pieces = np.split(flat, np.cumsum([p.numel() for p in parameters])[:-1])
    return tuple(p + torch.as_tensor(piece).reshape(p.shape) for p, piece in zip(parameters, pieces, strict=True))


# --- the exact equation ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("richness", [0.01, 5.0])
def test_residual_and_kernel_move_as_stated(make_flow, architecture, richness):
    """Along the velocity, e' = -M e and M' = kernel_velocity: directional derivatives, equal to rounding."""
    flow, parameters = make_flow(richness=richness, **architecture)
    parameters = tuple(1.1 * p for p in parameters)
    snapshot, direction = take_snapshot(flow, 0.0, parameters), velocity(flow, parameters)
    moving = (
        (
            lambda *p: flow.residual(linearise(flow.network, p, flow.inputs).pass_.outputs),
            -snapshot.kernel @ snapshot.residual,
        ),
        (
            lambda *p: tangent_kernel(flow.network, linearise(flow.network, p, flow.inputs)),
            kernel_velocity(flow, snapshot),
        ),
    )
    for function, expected in moving:
        _, rate = torch.autograd.functional.jvp(function, parameters, direction)
        assert norm(rate - expected) <= 1e-13 * norm(expected)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_snapshot_measures_residual_loss_and_eigenpairs(make_flow, architecture):
    flow, parameters = make_flow(richness=0.7, **architecture)
    elsewhere = tuple(0.8 * p for p in parameters)
    snapshot = take_snapshot(flow, 2.5, elsewhere)
    _, kernel, residual = explicit(flow, elsewhere)
    assert (snapshot.time, snapshot.n_samples) == (2.5, 6)
    np.testing.assert_allclose(snapshot.residual, residual, rtol=1e-12, atol=1e-13)
    assert float(snapshot.loss) == pytest.approx((residual**2).sum() / 12, rel=1e-13)
    eigenvectors, eigenvalues = snapshot.eigenvectors.numpy(), snapshot.eigenvalues.numpy()
    assert (np.diff(eigenvalues) >= 0).all()
    assert norm(eigenvectors * eigenvalues @ eigenvectors.T - kernel) <= 1e-13 * norm(kernel)
    assert norm(eigenvectors.T @ eigenvectors - np.eye(len(kernel))) <= 1e-13


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_function_starts_at_zero_and_the_kernel_does_not_know_the_richness(make_flow, architecture):
    starts = [
        take_snapshot(flow, 0.0, parameters)
        for flow, parameters in (make_flow(richness=r, **architecture) for r in (1e-3, 1.0, 30.0))
    ]
    flow, _ = make_flow(**architecture)
    for start in starts:
        assert torch.equal(start.residual, -flow.targets.flatten())
        assert torch.equal(start.kernel, starts[0].kernel)


def test_zero_eigenvalues_are_clamped(make_flow):
    """A linear network in 4 dimensions has a kernel of rank 4 on 9 samples; rounding must not leave it indefinite."""
    flow, parameters = make_flow(n=9, activation="linear", depth=1)
    eigenvalues = take_snapshot(flow, 0.0, parameters).eigenvalues
    assert float(eigenvalues.min()) >= 0
    assert int((eigenvalues > 1e-12).sum()) == 4


def test_take_snapshot_is_none_where_the_network_is_not_finite(make_flow):
    """Residual and kernel both, or the kernel alone, where the readout's square overflows."""
    flow, (*weights, readout) = make_flow(activation="linear")
    assert take_snapshot(flow, 0.0, tuple(1e200 * p for p in (*weights, readout))) is None
    parameters = (*weights, 1e160 * readout)
    assert torch.isfinite(flow.residual(linearise(flow.network, parameters, flow.inputs).pass_.outputs)).all()
    assert take_snapshot(flow, 0.0, parameters) is None


# --- steppers -------------------------------------------------------------------------------------------------------

ORDERS = [
    (gradient_descent_step, 1, [32, 64, 128, 256], 0.15),
    (exponential_midpoint_step, 2, [8, 16, 32, 64], 0.2),
    (runge_kutta_step, 4, [8, 16, 32], 0.15),
]


@pytest.mark.parametrize("architecture", ARCHITECTURES[:3])
@pytest.mark.parametrize(("stepper", "order", "counts", "band"), ORDERS)
def test_order_of_convergence(make_flow, fastest_time, architecture, stepper, order, counts, band):
    """Error at a fixed time against finer Runge-Kutta steps, over halvings of the step."""
    flow, parameters = make_flow(richness=2.0, **architecture)
    span = 2 * fastest_time(flow, parameters)
    reference = last_of(fixed_steps(flow, parameters, span / 256, 256, runge_kutta_step)).residual
    errors = [norm(last_of(fixed_steps(flow, parameters, span / n, n, stepper)).residual - reference) for n in counts]
    np.testing.assert_allclose(np.log2(np.divide(errors[:-1], errors[1:])), order, atol=band)


FILTERS = [
    (gradient_descent_step, lambda x: 1 - x),
    (runge_kutta_step, lambda x: 1 - x + x**2 / 2 - x**3 / 6 + x**4 / 24),
    (exponential_midpoint_step, lambda x: np.exp(-x)),
]


@pytest.mark.parametrize(("stepper", "one_step"), FILTERS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_lazy_limit_is_the_filter_of_the_method(make_flow, fastest_time, architecture, stepper, one_step):
    """With M constant, k steps multiply the component along eigenvalue lam by one_step(step * lam)^k.

    (targets, richness) -> -(targets, richness) is a symmetry, so the mean of the runs towards y and -y (negated) is
    even in the richness: off by 1e-10 at 1e-5, where the cancellation in (h - h_0) / richness costs 1e-11.
    """
    flows = [make_flow(richness=1e-5, target_scale=sign, **architecture) for sign in (1.0, -1.0)]
    step, n_steps = 0.8 * fastest_time(*flows[0]), 12
    ends = [last_of(fixed_steps(*flow, step, n_steps, stepper)).residual.numpy() for flow in flows]
    start = take_snapshot(flows[0][0], 0.0, flows[0][1])
    vectors, filters = start.eigenvectors.numpy(), one_step(step * start.eigenvalues.numpy()) ** n_steps
    expected = vectors @ (filters * (vectors.T @ start.residual.numpy()))
    assert norm((ends[0] - ends[1]) / 2 - expected) <= 1e-8 * norm(start.residual)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("in_fastest_times", [0.3, 20.0])
def test_exponential_midpoint_by_explicit_jacobian_and_matrix_exponential(
    make_flow, fastest_time, architecture, in_fastest_times
):
    """The integral of exp(-sM) over the step is a block of the exponential of [[-M, I], [0, 0]]."""
    flow, parameters = make_flow(richness=1.5, **architecture)
    step = in_fastest_times * fastest_time(flow, parameters)

    def displacement(rows, kernel, residual, span):
        size = len(residual)
        generator = block_diag(-kernel, np.zeros((size, size)))
        generator[:size, size:] = np.eye(size)
        return -flow.richness / flow.n_samples * rows.T @ (expm(span * generator)[:size, size:] @ residual)

    rows, kernel, residual = explicit(flow, parameters)
    midpoint = moved_by(parameters, displacement(rows, kernel, residual, step / 2))
    rows, kernel, _ = explicit(flow, midpoint)
    expected = moved_by(parameters, displacement(rows, kernel, residual, step))
    ours = exponential_midpoint_step(flow, take_snapshot(flow, 0.0, parameters), step)
    for p, q in zip(ours, expected, strict=True):
        assert norm(p - q) <= 1e-12 * norm(q)


def test_fixed_steps_count_and_times(make_flow):
    snapshots = list(fixed_steps(*make_flow(), 0.05, 6, gradient_descent_step))
    np.testing.assert_allclose([s.time for s in snapshots], 0.05 * np.arange(7), rtol=1e-15)


# --- symmetries and conservation laws -------------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("factor", [0.25, 3.0])
def test_scaling_targets_is_scaling_richness(make_flow, architecture, factor):
    """Only richness times residual enters the motion of the parameters."""
    runs = [
        list(gradient_flow(*make_flow(richness=r, target_scale=s, **architecture), 5.0))
        for r, s in ((0.5, factor), (0.5 * factor, 1.0))
    ]
    assert len(runs[0]) == len(runs[1])
    for ours, expected in zip(*runs, strict=True):
        assert ours.time == pytest.approx(expected.time, rel=1e-10)
        np.testing.assert_allclose(ours.residual, factor * expected.residual, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", ["tanh", "erf", "linear"])
def test_copying_every_hidden_unit_at_fixed_richness0_changes_nothing(make_flow, name):
    """Twice the width with equal copies has the kernel of one, and the flow too when richness grows as sqrt(width)."""
    richness0 = 0.4
    flow, parameters = make_flow(depth=1, activation=name, richness=richness0 * math.sqrt(12))
    wide = Network(4, 24, 1, activation=name)
    copies = (torch.cat([parameters[0]] * 2), torch.cat([parameters[1]] * 2, dim=1))
    wide_flow = start_flow(wide, copies, flow.inputs, flow.targets, richness0 * math.sqrt(24))
    for ours, expected in zip(gradient_flow(wide_flow, copies, 5.0), gradient_flow(flow, parameters, 5.0), strict=True):
        np.testing.assert_allclose(ours.residual, expected.residual, rtol=1e-9, atol=1e-10)
        np.testing.assert_allclose(ours.kernel, expected.kernel, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", ["relu", "linear"])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_homogeneous_units_stay_balanced(make_flow, name, depth):
    """|incoming weights|^2 - |outgoing weights|^2 of every hidden unit is conserved: their rates are equal."""
    flow, parameters = make_flow(activation=name, depth=depth, n_outputs=2)
    rates = [2 * p * v for p, v in zip(parameters, velocity(flow, tuple(1.2 * p for p in parameters)), strict=True)]
    for incoming, outgoing in pairwise(rates):
        assert norm(incoming.sum(1) - outgoing.sum(0)) <= 1e-13 * norm(incoming.sum(1))
        assert norm(incoming.sum(1)) > 1e-3


def test_linear_layers_stay_balanced_over_a_whole_run(make_flow):
    """W_l W_l^T - W_(l+1)^T W_(l+1) is conserved; 100 Runge-Kutta steps hold it to their error, below 1e-9."""
    flow, parameters = make_flow(activation="linear", depth=2, richness=5.0)
    end = last_of(fixed_steps(flow, parameters, 0.01, 100, runge_kutta_step)).parameters

    def imbalances(layers):
        return [(a @ a.mT - b.mT @ b).numpy() for a, b in pairwise(layers)]

    for before, after in zip(imbalances(parameters), imbalances(end), strict=True):
        assert norm(after - before) <= 1e-9 * norm(before)
    assert norm(end[0] - parameters[0]) > 0.1 * norm(parameters[0])


# --- the lazy limit -------------------------------------------------------------------------------------------------


def test_small_richness_follows_the_frozen_kernel_and_deviates_in_proportion(make_flow):
    """<= 1e-4 of |e(0)| at richness 1e-3 in a network of width 64, and linear in richness to 1 %."""
    deviations = []
    for richness in (1e-3, 1e-4):
        snapshots = gradient_flow(*make_flow(n=12, dim=8, width=64, richness=richness), 50.0)
        start = next(snapshots)
        kernel, residual = start.kernel.numpy(), start.residual.numpy()
        gaps = [norm(s.residual.numpy() - expm(-s.time * kernel) @ residual) for s in snapshots]
        deviations.append(max(gaps) / norm(residual))
    assert deviations[0] <= 1e-4
    assert deviations[0] / deviations[1] == pytest.approx(10, rel=0.01)


# --- the error that controls the steps ------------------------------------------------------------------------------


def test_error_estimate_of_every_step_is_within_the_tolerance(make_flow):
    """The estimate again by hand, from the kernel at the frozen-kernel midpoint, and the next step that it allows."""
    flow, parameters = make_flow(richness=6.0)
    tolerance, errors, steps = 1e-6, [], []

    def judge(before, after):
        step = after.time - before.time
        rows, kernel, residual = explicit(flow, before.parameters)
        values, vectors = np.linalg.eigh(kernel)
        integral = vectors @ (-np.expm1(-step / 2 * values) / values * (vectors.T @ residual))
        midpoint = moved_by(before.parameters, -flow.richness / flow.n_samples * rows.T @ integral)
        predicted = expm(-step * explicit(flow, midpoint)[1]) @ residual
        errors.append(norm(after.residual.numpy() - predicted) / norm(residual))
        steps.append(step)
        return True

    for _ in gradient_flow(flow, parameters, 3.0, tolerance=tolerance, accept=judge):
        pass
    assert max(errors) <= tolerance * (1 + 1e-6)
    assert np.median(errors) > tolerance / 10
    # Errors of order 3 per step: 0.9 (tolerance / error)^(1/3), unless that step was refused or capped in its turn.
    allowed = 0.9 * np.cbrt(tolerance / np.array(errors[:-1]))
    followed = np.isclose(np.divide(steps[1:], steps[:-1]), allowed, rtol=1e-6)
    assert followed.mean() > 0.8


# --- failure --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times_too_large", "message"), [(40.0, "the loss grew by"), (1e200, "the loss ceased to be finite")]
)
def test_a_step_that_diverges_tells_when_and_by_how_much(make_flow, fastest_time, times_too_large, message):
    flow, parameters = make_flow(richness=3.0, activation="linear")
    step = times_too_large * fastest_time(flow, parameters)
    with pytest.raises(Diverged, match=message) as caught:
        list(fixed_steps(flow, parameters, step, 50, gradient_descent_step))
    assert caught.value.last.time == 0.0
    assert torch.equal(caught.value.last.residual, -flow.targets.flatten())
    assert f"step of {step:.4g} from time 0" in str(caught.value)


def test_divergence_reports_the_growth_and_the_last_sound_moment(make_flow, fastest_time):
    """Learning rates beyond 2 / lam_max grow the top mode: the run may fall at first, and must stop when it rises."""
    flow, parameters = make_flow(richness=1e-3)
    step = 2.02 * fastest_time(flow, parameters)
    seen = []
    with pytest.raises(Diverged) as caught:
        seen.extend(fixed_steps(flow, parameters, step, 200, gradient_descent_step))
    last = seen[-1]
    assert len(seen) > 1
    assert caught.value.last is last
    growth = float(take_snapshot(flow, 0.0, gradient_descent_step(flow, last, step)).loss / last.loss) - 1
    pattern = r"grew by ([\d.e+-]+) of itself in a step of ([\d.e+-]+) from time ([\d.]+)$"
    reported = [float(number) for number in re.search(pattern, str(caught.value)).groups()]
    assert reported == pytest.approx([growth, step, last.time], rel=5e-3)
    assert growth > 0
    assert (np.diff([float(s.loss) for s in seen]) < 0).all()


def test_one_diverging_member_stops_the_batch(make_flow, fastest_time):
    """The same network with weights three times as large has a faster kernel: one step suits the first alone."""
    flow, parameters = make_flow(richness=0.1, activation="linear")
    larger = tuple(3 * p for p in parameters)
    step = fastest_time(flow, parameters)
    for members, diverges in (([parameters] * 2, False), ([parameters, larger], True), ([larger, parameters], True)):
        batch = stack(members)
        both = start_flow(flow.network, batch, flow.inputs, flow.targets, 0.1)
        seen = []
        with pytest.raises(Diverged) if diverges else nullcontext():
            seen.extend(fixed_steps(both, batch, step, 3, gradient_descent_step))
        assert len(seen) == (1 if diverges else 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"richness": 0.0}, r"richness = 0\.0 must be finite and > 0"),
        ({"richness": -1.0}, r"richness = -1\.0 must be finite and > 0"),
        ({"richness": math.nan}, r"richness = nan must be finite and > 0"),
        ({"inputs": torch.ones(1, 4)}, r"n_samples = 1 must be an integer >= 2"),
        ({"inputs": torch.ones(6, 5)}, r"inputs have 5 columns and the network takes n_inputs = 4"),
        ({"targets": torch.ones(5, 1)}, r"targets have shape \(5, 1\) and must end in \(6, 1\)"),
        ({"targets": torch.ones(6, 2)}, r"targets have shape \(6, 2\) and must end in \(6, 1\)"),
        ({"targets": torch.ones(6)}, r"targets have shape \(6,\) and must end in \(6, 1\)"),
    ],
)
def test_bad_flow_is_named(make_flow, change, message):
    flow, parameters = make_flow()
    arguments = {"inputs": flow.inputs, "targets": flow.targets, "richness": 1.0, **change}
    with pytest.raises(ValueError, match=message):
        start_flow(flow.network, parameters, **arguments)
