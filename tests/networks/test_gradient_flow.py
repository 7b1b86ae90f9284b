"""Runs of the gradient flow: when they end, what sets their steps, batches and precision, and how they fail."""

import math

import numpy as np
import pytest
import torch

from scalinglaws.networks import (
    Diverged,
    Network,
    exponential_midpoint_step,
    fixed_steps,
    gradient_descent_step,
    gradient_flow,
    runge_kutta_step,
    stack,
    start_flow,
    take_snapshot,
)

# --- controlled steps -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("duration", [1e-6, 0.37, 1.0, 12.3])
@pytest.mark.parametrize("richness", [1e-3, 3.0])
def test_flow_runs_from_zero_to_exactly_the_duration_with_falling_loss(make_flow, duration, richness):
    snapshots = list(gradient_flow(*make_flow(richness=richness), duration))
    times, losses = ([getattr(s, name) for s in snapshots] for name in ("time", "loss"))
    assert (times[0], times[-1]) == (0.0, duration)
    assert (np.diff(times) > 0).all()
    assert (np.diff(losses) < 0).all()


def test_smaller_tolerance_comes_closer_to_the_exact_flow(make_flow):
    """An error of `tolerance` per step of order 2 leaves tolerance^(2/3) overall: 10^-2 for 10^-3 in tolerance."""
    flow, parameters = make_flow(richness=6.0)
    *_, exact = fixed_steps(flow, parameters, 0.005, 600, runge_kutta_step)
    errors = []
    for tolerance in (1e-4, 1e-7):
        *_, end = gradient_flow(flow, parameters, 3.0, tolerance=tolerance)
        errors.append(float(torch.linalg.vector_norm(end.residual - exact.residual)))
    assert errors[1] < errors[0] / 30
    assert errors[1] < 1e-4


def test_with_nothing_to_fear_steps_are_a_tenth_of_the_time(make_flow):
    """At a tolerance that never binds, steps grow to the cap max(t / 10, first_step) and stay there."""
    times = [s.time for s in gradient_flow(*make_flow(), 4.0, tolerance=1e3, first_step=0.02)]
    steps = np.diff(times)
    assert steps[0] == 0.02
    np.testing.assert_allclose(steps[1:-1], np.maximum(0.1 * np.array(times[1:-2]), 0.02), rtol=1e-12)


def test_first_step_is_a_tenth_of_the_fastest_time(make_flow, fastest_time):
    flow, parameters = make_flow()
    times = [s.time for s in gradient_flow(flow, parameters, 1.0, tolerance=1e3)]
    assert times[1] == pytest.approx(0.1 * fastest_time(flow, parameters), rel=1e-13)


@pytest.mark.parametrize("step", [0.1, 3.0])
def test_a_refused_step_is_halved_and_tried_again(make_flow, step):
    calls = []

    def refuse_first(before, after):
        calls.append((before.time, after.time))
        return len(calls) > 1

    snapshots = gradient_flow(*make_flow(), 9.0, tolerance=1e3, first_step=step, accept=refuse_first)
    times = [next(snapshots).time for _ in range(2)]
    assert calls == [(0.0, step), (0.0, step / 2)]
    assert times == [0.0, step / 2]


def test_a_step_that_would_raise_the_loss_is_halved_whatever_the_tolerance(make_flow, fastest_time):
    """A rich network, two fastest times in one step: the loss would grow by a fourth."""
    flow, parameters = make_flow(1, richness=10.0)
    start, step = take_snapshot(flow, 0.0, parameters), 2 * fastest_time(flow, parameters)
    assert take_snapshot(flow, step, exponential_midpoint_step(flow, start, step)).loss > 1.2 * start.loss
    snapshots = list(gradient_flow(flow, parameters, 3 * step, tolerance=1e6, first_step=step))
    assert snapshots[1].time in (step / 2, step / 4, step / 8)
    assert (np.diff([float(s.loss) for s in snapshots]) < 0).all()


def test_a_batch_advances_as_its_members_do_alone(make_flow):
    """At a tolerance that never binds all take the same steps."""
    members = [make_flow(seed, richness=2.0, n_outputs=2) for seed in range(3)]
    parameters = stack([p for _, p in members])
    inputs, targets = (torch.stack([getattr(flow, name) for flow, _ in members]) for name in ("inputs", "targets"))
    options = {"tolerance": 1e3, "first_step": 0.05}
    together = list(
        gradient_flow(start_flow(members[0][0].network, parameters, inputs, targets, 2.0), parameters, 3.0, **options)
    )
    for index, member in enumerate(members):
        for ours, alone in zip(together, gradient_flow(*member, 3.0, **options), strict=True):
            assert ours.time == alone.time
            np.testing.assert_allclose(ours.residual[index], alone.residual, rtol=1e-10, atol=1e-12)
            np.testing.assert_allclose(ours.eigenvalues[index], alone.eigenvalues, rtol=1e-10, atol=1e-12)
            assert float(ours.loss[index]) == pytest.approx(float(alone.loss), rel=1e-10)


def test_the_worst_member_of_a_batch_sets_the_steps(make_flow):
    """The same targets, in one member forty times as large: the run of that member alone takes the same steps."""
    flow, parameters = make_flow(richness=0.1)
    targets = torch.stack([flow.targets, 40 * flow.targets])
    both = start_flow(flow.network, stack([parameters] * 2), flow.inputs, targets, 0.1)
    hard = start_flow(flow.network, parameters, flow.inputs, 40 * flow.targets, 0.1)
    runs = [gradient_flow(both, stack([parameters] * 2), 1.0), gradient_flow(hard, parameters, 1.0)]
    together, alone = ([s.time for s in run] for run in runs)
    np.testing.assert_allclose(together, alone, rtol=1e-9)
    assert len(together) > len(list(gradient_flow(flow, parameters, 1.0)))


def test_single_precision_follows_double(make_flow):
    """Rounding of 1e-7 in h, divided by the richness, leaves 1e-5 of |e(0)|."""
    *_, single = gradient_flow(*make_flow(dtype=torch.float32), 5.0)
    *_, double = gradient_flow(*make_flow(), 5.0)
    assert {single.residual.dtype, single.kernel.dtype, single.parameters[0].dtype} == {torch.float32}
    np.testing.assert_allclose(single.residual, double.residual, atol=1e-4)
    np.testing.assert_allclose(single.kernel, double.kernel, rtol=1e-3, atol=1e-4)


PLATEAUS = {
    "the data cannot be fitted": {"n": 32, "dim": 2, "activation": "linear", "richness": 0.01},
    "h loses three digits": {"n": 32, "dim": 8, "width": 64, "richness": 1e-3},
    "fitted to the last digit": {"richness": 1e-3},
    "fitted when rich": {"richness": 10.0},
}


@pytest.mark.parametrize("case", PLATEAUS.values(), ids=PLATEAUS)
def test_single_precision_runs_on_where_the_loss_stands_still(make_flow, case):
    """Every step then changes the loss by less than its rounding. Ends within 100 eps of the terms of e = (h - h_0) /
    richness - y of the run in double precision, in about as many steps."""
    flow, parameters = make_flow(dtype=torch.float32, **case)
    single = list(gradient_flow(flow, parameters, 1000.0, max_steps=200))
    double = list(gradient_flow(*make_flow(**case), 1000.0))
    assert single[-1].time == 1000.0
    assert len(single) < 1.2 * len(double)
    size = 2 * flow.initial_outputs.norm() / flow.richness + flow.targets.norm()
    distance = torch.linalg.vector_norm(single[-1].residual - double[-1].residual)
    assert distance < 100 * torch.finfo(torch.float32).eps * size


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_growth_beyond_rounding_still_ends_a_run(make_flow, fastest_time, dtype):
    """A learning rate of 2.1 / lam_max raises the loss by a few percent a step, far above rounding."""
    flow, parameters = make_flow(dtype=dtype, richness=0.01)
    with pytest.raises(Diverged, match="the loss grew by"):
        list(fixed_steps(flow, parameters, 2.1 * fastest_time(flow, parameters), 200, gradient_descent_step))


def test_a_kernel_that_dies_out_leaves_the_rest_of_the_run_standing_still():
    """One ReLU unit thrown over its threshold in one coarse step towards a target that is out of its reach."""
    network, inputs = Network(1, 1, 1, activation="relu"), torch.tensor([[1.0], [2.0]], dtype=torch.float64)
    parameters = tuple(torch.tensor([[weight]], dtype=torch.float64) for weight in (0.5, 2.0))
    flow = start_flow(network, parameters, inputs, -20 * inputs, 1.0)
    alive, *dead = gradient_flow(flow, parameters, 50.0, tolerance=1e3)
    assert alive.eigenvalues.max() > 0
    assert not any(snapshot.eigenvalues.any() for snapshot in dead)
    # h = 0: what is left is h_0 + y = x - 20 x.
    assert {float(snapshot.loss) for snapshot in dead} == {float(((19 * inputs) ** 2).sum()) / 4}
    assert dead[-1].time == 50.0


# --- failure --------------------------------------------------------------------------------------------------------


def test_number_of_steps_is_limited(make_flow):
    n_steps = len(list(gradient_flow(*make_flow(), 1.0))) - 1
    assert len(list(gradient_flow(*make_flow(), 1.0, max_steps=n_steps))) == n_steps + 1
    seen = []
    with pytest.raises(Diverged, match=rf"^{n_steps - 1} steps reached time 0\.\d+ of 1$") as caught:
        seen.extend(gradient_flow(*make_flow(), 1.0, max_steps=n_steps - 1))
    assert len(seen) == n_steps
    assert caught.value.last is seen[-1]


def test_steps_that_are_always_refused_end_the_run(make_flow):
    flow = make_flow()
    with pytest.raises(Diverged, match=r"at time 0 no step above ") as caught:
        list(gradient_flow(*flow, 1.0, accept=lambda before, after: False))
    assert caught.value.last.time == 0.0


def test_a_network_that_starts_non_finite_cannot_run(make_flow):
    flow, parameters = make_flow()
    infinite = tuple(math.inf * p for p in parameters)
    for run in (gradient_flow(flow, infinite, 1.0), fixed_steps(flow, infinite, 0.1, 3, runge_kutta_step)):
        with pytest.raises(Diverged, match="initial network has a non-finite kernel") as caught:
            list(run)
        assert caught.value.last is None


def test_a_network_that_nothing_can_move_cannot_run(make_flow):
    """All weights zero: no parameter has a gradient."""
    flow, parameters = make_flow()
    with pytest.raises(Diverged, match="initial network has a zero kernel") as caught:
        list(gradient_flow(flow, tuple(0 * p for p in parameters), 1.0))
    assert caught.value.last.time == 0.0


def test_a_batch_with_one_network_that_nothing_can_move_cannot_run(make_flow):
    flow, parameters = make_flow()
    both = stack([parameters, tuple(0 * p for p in parameters)])
    with pytest.raises(Diverged, match="initial network has a zero kernel"):
        list(gradient_flow(start_flow(flow.network, both, flow.inputs, flow.targets, 1.0), both, 1.0))


@pytest.mark.parametrize(
    ("duration", "options", "message"),
    [
        (0.0, {}, r"duration = 0\.0 must be finite and > 0"),
        (math.inf, {}, r"duration = inf must be finite and > 0"),
        (1.0, {"tolerance": 0.0}, r"tolerance = 0\.0 must be finite and > 0"),
        (1.0, {"tolerance": math.nan}, r"tolerance = nan must be finite and > 0"),
        (1.0, {"first_step": 0.0}, r"first_step = 0\.0 must be finite and > 0"),
        (1.0, {"first_step": -0.1}, r"first_step = -0\.1 must be finite and > 0"),
        (1.0, {"first_step": math.nan}, r"first_step = nan must be finite and > 0"),
    ],
)
def test_bad_run_is_named(make_flow, duration, options, message):
    with pytest.raises(ValueError, match=message):
        next(gradient_flow(*make_flow(), duration, **options))
