"""Orders of convergence on small networks, and the measured errors in the lazy limit against closed forms."""

import math

import numpy as np
import pytest

from scalinglaws.networks import take_snapshot
from scalinglaws.shells import SplineShells, geometric_edges, of_snapshot
from scalinglaws.shells.convergence import measure_orders
from scalinglaws.shells.orders import EXPECTED_ORDERS

STEPS = [0.04, 0.02, 0.01]
BANDS = {name: 0.15 if name.startswith("ode") else 0.2 for name in EXPECTED_ORDERS}

# Networks whose eigenvalues stay well apart: near an avoided crossing modes turn faster than any step here.
NETWORKS = [
    {"seed": 0, "activation": "tanh", "richness": 2.0},
    {"seed": 2, "activation": "tanh", "richness": 0.5, "n_outputs": 2, "n": 4},
    {"seed": 3, "activation": "erf", "richness": 2.0, "depth": 3, "residual": True},
]


@pytest.fixture(scope="module")
def lazy_run(make_flow):
    """Errors at richness 1e-5, where the kernel stands still, with the modes at the start and the step sizes."""
    flow, parameters = make_flow(n=8, width=32, richness=1e-5)
    modes = of_snapshot(take_snapshot(flow, 0.0, parameters))
    errors = measure_orders(flow, parameters, [0.4, 0.2], 3, 4.0)
    return errors, modes, np.array([0.4, 0.2]) / modes.eigenvalues.max()


@pytest.mark.parametrize("settings", NETWORKS)
def test_every_discretisation_converges_at_its_order(make_flow, settings):
    """Within the acceptance bands: +-0.15 for differences in time, +-0.2 for shells and integrator."""
    flow, parameters = make_flow(**{"n": 10, "dim": 8, "width": 32, **settings})
    errors = measure_orders(flow, parameters, STEPS, 4, 4.0)
    assert list(errors) == list(EXPECTED_ORDERS)
    for name, order in EXPECTED_ORDERS.items():
        assert errors[name].shape == (3,)
        slopes = np.diff(np.log(errors[name])) / np.diff(np.log(STEPS))
        np.testing.assert_allclose(slopes, order, atol=BANDS[name], err_msg=name)


def test_errors_at_equal_steps_do_not_depend_on_the_others_asked_for(make_flow):
    """One trajectory, read at strides: centres are set by the largest step, so it is common to both calls."""
    flow, parameters = make_flow(richness=2.0)
    several, two = (measure_orders(flow, parameters, steps, 2, 4.0) for steps in (STEPS, [0.04, 0.01]))
    for name in EXPECTED_ORDERS:
        np.testing.assert_allclose(several[name][[0, 2]], two[name], rtol=1e-12)


# What each difference misses of g' = -lam g, per g, when g changes by factors b and f over a step back and forth.
DIFFERENCES = {
    "ode one-sided": lambda b, f, step, lam: (f - 1) / step + lam,
    "ode central": lambda b, f, step, lam: (f - b) / (2 * step) + lam,
    "mode central": lambda b, f, step, lam: (f - b) / (2 * step) + lam,
    "ode Simpson": lambda b, f, step, lam: (f - b) / (2 * step) + lam * (b + 4 + f) / 6,
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_differences_in_the_lazy_limit_by_mode(lazy_run, name):
    """Every mode decays by the Runge-Kutta factor of half the smallest step; the worst of 3 centres counts."""
    errors, modes, steps = lazy_run
    lam = modes.eigenvalues
    x = lam * steps.min() / 2
    factor = 1 - x + x**2 / 2 - x**3 / 6 + x**4 / 24
    for error, step in zip(errors[name], steps, strict=True):
        substeps = 2 * step / steps.min()
        missed = DIFFERENCES[name](factor**-substeps, factor**substeps, step, lam)
        decayed = [factor ** (4 * centre) * modes.coefficients for centre in (1, 2, 3)]
        expected = max(np.linalg.norm(missed * g) / np.linalg.norm(lam * g) for g in decayed)
        assert error == pytest.approx(expected, rel=1e-3)


def test_trapezoid_of_shell_rates_in_the_lazy_limit_by_mode(lazy_run):
    """Each mode's energy falls as exp(-2 lam t); its rate summed by trapezoids over four largest steps."""
    errors, modes, steps = lazy_run
    span, top = 4 * steps[0], modes.eigenvalues.max()
    windows = SplineShells(geometric_edges(1e-6 * top, 1e3 * top, 4.0, anchor=top)).windows(modes.eigenvalues)
    lost = windows @ (modes.coefficients**2 / 2 * -np.expm1(-2 * modes.eigenvalues * span))
    for error, step in zip(errors["shell rates trapezoid"], steps, strict=True):
        times = np.linspace(0, span, round(span / step) + 1)
        rates = modes.eigenvalues * modes.coefficients**2 * np.exp(-2 * np.outer(times, modes.eigenvalues))
        booked = windows @ np.trapezoid(rates, dx=step, axis=0)
        assert error == pytest.approx(np.linalg.norm(booked - lost) / np.linalg.norm(lost), rel=1e-3)


def test_integrator_and_dissipation_are_exact_for_a_kernel_that_stands(lazy_run):
    """The integrator to the kernel's motion; the budget to the error of Simpson's rule, about (2 * 0.2)^4 / 180."""
    errors, *_ = lazy_run
    assert errors["exponential midpoint"].max() < 1e-6
    assert errors["shell dissipation"].max() < 2e-4
    np.testing.assert_allclose(*errors["shell dissipation"], rtol=1e-2)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([0.05, 0.02], r"steps = \[0\.05, 0\.02\] must all be whole multiples of the smallest, 0\.02"),
        ([0.03, 0.02, 0.011], r"must all be whole multiples of the smallest, 0\.011"),
        ([0.03, 0.01], r"must divide the span of 9 smallest steps, an even number"),
        ([0.03, 0.02, 0.01], r"must divide the span of 9 smallest steps, an even number"),
        ([0.02, 0.0], r"steps\[1\] = 0\.0 must be > 0"),
        ([0.02, math.nan], r"steps\[1\] = nan must be finite"),
        ([0.02], r"steps has 1 entries and must have at least 2"),
    ],
)
def test_bad_steps_are_named(make_flow, steps, message):
    with pytest.raises(ValueError, match=message):
        measure_orders(*make_flow(), steps, 2, 4.0)
