"""Time-rescaling covariance: whole runs, bit by bit where the unit of time is a power of two, and what breaks it."""

import numpy as np
import pytest
import torch

from scalinglaws.networks import Network, gradient_flow, initialise, start_flow
from scalinglaws.shells import SharpShells, geometric_edges
from scalinglaws.shells.rescaling import QUANTITIES, rescaled_flow, rescaling_gaps


def made(residual=False, richness=3.0, n_outputs=1):
    rng = np.random.default_rng(2)
    network = Network(4, 10, 3, n_outputs=n_outputs, residual=residual)
    parameters, inputs = initialise(rng, network), torch.as_tensor(rng.standard_normal((9, 4)))
    return start_flow(network, parameters, inputs, torch.as_tensor(rng.standard_normal((9, n_outputs))), richness)


def parameters_of(flow):
    return initialise(np.random.default_rng(2), flow.network)


def partitions(modes):
    top = modes.eigenvalues[-1]
    return [SharpShells(geometric_edges(1e-4 * top, 1e2 * top, 2.0, grid_offset=x, anchor=top)) for x in (0.0, 0.2)]


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("scale", [4.0, 0.25])
def test_a_run_in_another_unit_of_time_is_the_same_bit_by_bit(residual, n_outputs, scale):
    """Powers of two leave all rounding as it is: times, residuals, parameters, kernels and the choice of steps."""
    flow = made(residual, n_outputs=n_outputs)
    runs = [
        list(gradient_flow(which, parameters_of(flow), duration))
        for which, duration in ((flow, 8.0), (rescaled_flow(flow, parameters_of(flow), scale), 8.0 / scale))
    ]
    start, end = runs[0][0].kernel, runs[0][-1].kernel
    assert float(torch.linalg.norm(end - start) / torch.linalg.norm(start)) > 0.3
    for ours, expected in zip(*reversed(runs), strict=True):
        assert ours.time * scale == expected.time
        assert torch.equal(ours.residual, expected.residual)
        assert torch.equal(ours.kernel, scale * expected.kernel)
        assert torch.equal(ours.eigenvalues, scale * expected.eigenvalues)
        for one, other in zip(ours.parameters, expected.parameters, strict=True):
            assert torch.equal(one, other)


def test_rescaling_twice_multiplies_and_keeps_all_else():
    flow = made()
    twice = rescaled_flow(rescaled_flow(flow, parameters_of(flow), 4.0), parameters_of(flow), 9.0)
    assert (twice.network.output_scale, twice.richness) == pytest.approx((6.0, 18.0), rel=1e-15)
    assert (twice.inputs is flow.inputs, twice.targets is flow.targets) == (True, True)
    torch.testing.assert_close(twice.initial_outputs, 6 * flow.initial_outputs, rtol=1e-13, atol=0)


@pytest.mark.parametrize("residual", [False, True])
def test_gaps_are_zero_for_powers_of_two_and_rounding_otherwise(residual):
    """Rounding of 1e-16, grown over 40 steps by the modes' sensitivity, stays far below 1e-9."""
    flow = made(residual)
    gaps = rescaling_gaps(flow, parameters_of(flow), 4.0, [4.0, 9.0, 0.3], partitions, tolerance=1e-3)
    assert set(gaps) == set(QUANTITIES)
    for name, values in gaps.items():
        assert values[0] == 0.0, name
        assert values.max() < 1e-9, name
        assert values[1:].max() > 0, name


def test_gaps_see_a_run_that_is_not_rescaled(monkeypatch):
    """With the output scaled but not the richness the function learned is another, and every quantity tells."""
    flow = made()

    def broken(flow, parameters, scale):
        return start_flow(
            rescaled_flow(flow, parameters, scale).network, parameters, flow.inputs, flow.targets, flow.richness
        )

    monkeypatch.setattr("scalinglaws.shells.rescaling.rescaled_flow", broken)
    gaps = rescaling_gaps(flow, parameters_of(flow), 4.0, [4.0], partitions, tolerance=1e-3)
    assert all(values[0] > 1e-3 for values in gaps.values())


def test_only_positive_units_of_time():
    flow = made()
    with pytest.raises(ValueError, match=r"time_scale = 0\.0 must be finite and > 0"):
        rescaled_flow(flow, parameters_of(flow), 0.0)
