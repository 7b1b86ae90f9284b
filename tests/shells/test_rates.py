"""Rates of the budget along smooth families of kernels, and the discrete budget as it converges to them."""

import itertools

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from scalinglaws.shells import (
    SharpShells,
    SplineShells,
    budget,
    decompose,
    energies,
    geometric_edges,
    rates,
)

KINDS = [SharpShells, SplineShells]
EDGES = geometric_edges(0.05, 40.0, 2.0, grid_offset=0.13)
PARTS = ("dissipation", "transfer", "crossing")

# Closure is an identity in exact arithmetic: what is left is rounding, relative to the energy.
ROUNDING = 1e-12


# --- rates ----------------------------------------------------------------------------------------------------------

SMOOTH = SplineShells(EDGES)


def solved(kernel, times, size=6):
    """Modes at the given times of e' = -M(t) e, from the first of them on."""
    start = np.random.default_rng(9).standard_normal(size)
    solution = solve_ivp(
        lambda t, e: -kernel(t) @ e,
        (times[0], times[-1]),
        start,
        "DOP853",
        times,
        rtol=1e-12,
        atol=1e-13,
        max_step=0.02,
    )
    return [decompose(kernel(t), e) for t, e in zip(times, solution.y.T, strict=True)]


@pytest.mark.parametrize("seed", range(3))
def test_rates_are_the_derivative_of_the_shell_energies(make_kernels, seed):
    """Central differences over 2e-4: errors of h^2 = 1e-8 times a sixth of a third derivative of up to 100."""
    kernel, rate = make_kernels(seed)
    low, here, high = solved(kernel, [0.2, 0.2001, 0.2002])
    account = rates(here, rate(0.2001), SMOOTH)
    expected = (energies(high, SMOOTH) - energies(low, SMOOTH)) / 2e-4
    np.testing.assert_allclose(account.total, expected, atol=1e-6)
    np.testing.assert_allclose(account.energy, energies(here, SMOOTH), atol=1e-14)
    np.testing.assert_allclose(account.transfer, -account.transfer.T, atol=1e-13)
    assert account.crossing.sum() == pytest.approx(0, abs=1e-13)
    power = here.residual @ kernel(0.2001) @ here.residual / 6
    assert account.dissipation.sum() == pytest.approx(power, rel=1e-12)
    for part in (account.dissipation, account.transfer.sum(1), account.crossing):
        assert np.abs(part).max() > 2e-3


def test_rates_without_motion_are_dissipation_alone(make_kernels):
    kernel, _ = make_kernels(0)
    modes = decompose(kernel(0.0), np.ones(6), 3)
    account = rates(modes, np.zeros((6, 6)), SMOOTH)
    np.testing.assert_array_equal(account.transfer, 0)
    np.testing.assert_array_equal(account.crossing, 0)
    expected = SMOOTH.windows(modes.eigenvalues) @ (modes.eigenvalues * modes.coefficients**2) / 3
    np.testing.assert_allclose(account.dissipation, expected, rtol=1e-13)


@pytest.mark.parametrize("seed", range(2))
def test_discrete_budget_converges_to_the_integrated_rates_at_order_two(make_kernels, seed):
    """Sums over steps against Simpson's rule of the rates on a grid eight times finer; orders 2 +- 0.2."""
    kernel, rate = make_kernels(seed)
    finest = 256
    times = np.linspace(0.0, 0.8, finest + 1)
    modes = solved(kernel, times)
    weights = np.array([1, *[4, 2] * (finest // 2 - 1), 4, 1]) * (0.8 / finest / 3)
    exact = [rates(m, rate(t), SMOOTH) for m, t in zip(modes, times, strict=True)]
    for name in PARTS:
        integral = sum(w * getattr(r, name) for w, r in zip(weights, exact, strict=True))
        errors = []
        for stride in (32, 16, 8):
            pairs = itertools.pairwise(modes[::stride])
            booked = sum(getattr(budget(before, after, SMOOTH), name) for before, after in pairs)
            errors.append(np.linalg.norm(booked - integral) / np.linalg.norm(integral))
        orders = np.log2(np.divide(errors[:-1], errors[1:]))
        np.testing.assert_allclose(orders, 2, atol=0.2, err_msg=name)
        assert errors[-1] < 0.01
