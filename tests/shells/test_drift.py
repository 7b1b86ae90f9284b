"""Drift fields of modes whose drift is known, of steps by hand, and in other units."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from scalinglaws.shells import Modes, SplineShells, budgets
from scalinglaws.shells.drift import (
    RESOLVED_SHARE,
    DriftField,
    edge_density,
    fit_drift,
    measure_field,
)
from scalinglaws.shells.partition import anchored_edges

EDGES = anchored_edges(1.0, 2.0, decades_below=6, decades_above=2)


BOUNDARIES = 2.0 ** np.arange(-9, 3)


def exchange_of(edges, eigenvalues, energy):
    """What the budget books for modes that do not turn: the crossing of windows, (W1 - W0)(E0 + E1)/2."""
    windows = np.array([SplineShells(edges).windows(row) for row in eigenvalues])
    return np.einsum("tsu,tu->ts", np.diff(windows, axis=0), (energy[1:] + energy[:-1]) / 2)


def field_of(time, eigenvalues, energy, time_edges, edges=EDGES):
    return measure_field(time, edges, eigenvalues, energy, exchange_of(edges, eigenvalues, energy), time_edges)


def common_drift(n_steps, *, displacement=np.sin, seed=0, duration=3.0):
    """(time, eigenvalues, energy): 12 modes that all move by `displacement` in ln lambda, and decay by the exposure."""
    rng, time = np.random.default_rng(seed), np.linspace(0, duration, n_steps + 1)
    eigenvalues = np.exp(rng.uniform(math.log(1e-3), 0, 12)) * np.exp(displacement(time))[:, None]
    middle = np.diff(time)[:, None] * (eigenvalues[1:] + eigenvalues[:-1]) / 2
    exposure = np.concatenate([np.zeros((1, 12)), np.cumsum(middle, axis=0)])
    return time, eigenvalues, rng.uniform(0.1, 1, 12) * np.exp(-2 * exposure)


def synthetic(velocity, *, exposure=None, times=5, eigenvalues=BOUNDARIES):
    """A field whose relative velocity is a function of eigenvalue and window, on windows of unit width."""
    shape = (times, eigenvalues.size)
    exposure = np.ones(shape) if exposure is None else exposure
    edges, window = np.arange(times + 1.0), np.arange(times)[:, None]
    return DriftField(edges, eigenvalues, exposure * velocity(eigenvalues, window), exposure, np.zeros(times))


def noisy(seed, exponent=1.3, sign=1, noise=0.4):
    """v = sign c(t) lambda^b with scatter in ln |v|, some cells of the other sign, and exposures over two decades."""
    rng = np.random.default_rng(seed)
    scatter = np.exp(noise * rng.standard_normal((5, 12))) * rng.choice([1, 1, 1, -1], (5, 12))
    rates = sign * np.exp(rng.standard_normal((5, 1)))
    exposure = 10 ** rng.uniform(-2, 0, (5, 12))
    return synthetic(lambda lam, window: rates * scatter * lam ** (exponent - 1), exposure=exposure)


# --- density at a boundary ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ratio", [1.3, 2.0, 5.0])
def test_density_is_the_slope_of_the_cumulative_window(ratio):
    """Once with the windows' own slopes, to rounding, and once by central differences of step h."""
    edges = anchored_edges(3.0, ratio, decades_below=4, decades_above=1, grid_offset=0.2)
    shells, rng = SplineShells(edges), np.random.default_rng(0)
    # Up to beyond both ends of the grid, and zero.
    eigenvalues = np.concatenate([[0.0], np.exp(rng.uniform(np.log(1e-6), np.log(1e3), 60))])
    energy = rng.uniform(0, 1, eigenvalues.size)
    found = edge_density(edges, eigenvalues, energy)
    slopes = eigenvalues * shells.slopes(eigenvalues) @ np.diag(energy)
    np.testing.assert_allclose(found, np.cumsum(slopes.sum(1)[::-1])[::-1][1:], atol=1e-12)
    h = 1e-4
    above, below = (shells.windows(eigenvalues * math.exp(x)) @ energy for x in (h, -h))
    difference = np.cumsum((above - below)[::-1])[::-1][1:] / (2 * h)
    # K' jumps by up to 3 / ln(ratio)^2 in slope: the error is of order h^2 K'', or h K' for modes next to a kink.
    np.testing.assert_allclose(found, difference, atol=20 * h**2 / math.log(ratio) ** 3)


def test_density_integrates_to_the_energy():
    """The sum over boundaries of a B-spline of spacing ln(ratio) is exact for modes well inside the grid."""
    rng = np.random.default_rng(1)
    eigenvalues, energy = np.exp(rng.uniform(-9, 2, (4, 3, 30))), rng.uniform(0, 1, (4, 3, 30))
    density = edge_density(EDGES, eigenvalues, energy)
    assert density.shape == (4, 3, EDGES.size - 2)
    np.testing.assert_allclose(density.sum(-1) * math.log(2), energy.sum(-1), rtol=1e-13)
    np.testing.assert_array_equal(density[2, 1], edge_density(EDGES, eigenvalues[2, 1], energy[2, 1]))


def test_density_of_one_mode_by_hand():
    """A mode on a boundary: 3/4 there and 1/8 at both neighbours, per e-fold."""
    density = edge_density([0, 1, 2, 4, 8, 16, math.inf], np.array([4.0]), np.array([1.0]))
    np.testing.assert_allclose(density * math.log(2), [0, 1 / 8, 3 / 4, 1 / 8, 0], atol=1e-15)


# --- the field of a run ---------------------------------------------------------------------------------------------


SPEEDS = {
    "sin": (np.sin, np.cos),
    "up": (lambda t: 0.1 * t**2, lambda t: 0.2 * t),
    "down": (np.cos, lambda t: -np.sin(t)),
}


@pytest.mark.parametrize(("displacement", "speed"), SPEEDS.values(), ids=SPEEDS)
def test_flux_of_modes_that_all_move_alike_is_velocity_times_density(displacement, speed):
    """At order 2 in the step, whatever the energies, and although they decay; its integral by a fine trapezoid."""
    time, *modes = common_drift(4800, displacement=displacement)
    exact = np.trapezoid(speed(time)[:, None] * edge_density(EDGES, *modes), time, axis=0)
    errors = []
    for n_steps in (60, 120, 240):
        field = field_of(*common_drift(n_steps, displacement=displacement), [0.0, 3.0])
        errors.append(np.abs(field.passed[0] - exact).max() / np.abs(exact).max())
    assert errors[-1] < 1e-3
    # Half the step, a quarter of the error; the next order changes that by a few per cent.
    np.testing.assert_allclose(np.divide(errors[:-1], errors[1:]), 4, rtol=0.15)


@pytest.mark.parametrize("rate", [0.4, -0.7])
def test_a_constant_velocity_is_found_at_every_resolved_boundary(rate):
    errors = []
    for n_steps in (60, 120, 240):
        field = field_of(*common_drift(n_steps, displacement=lambda t: rate * t), [0.0, 1.0, 1.5, 3.0])
        errors.append(np.nanmax(np.abs(field.relative_velocity / rate - 1)))
        assert np.isfinite(field.relative_velocity).sum() == field.resolved.sum() > 30
        np.testing.assert_allclose(field.growth, rate, rtol=1e-12)
        relative = field.without_growth().relative_velocity
        np.testing.assert_allclose(relative[field.resolved] / rate, 0, atol=1.0001 * errors[-1])
    assert errors[-1] < 2e-3
    np.testing.assert_allclose(np.divide(errors[:-1], errors[1:]), 4, rtol=0.15)


def test_the_synthetic_exchange_is_that_of_the_exact_budget():
    """So that the twin above books what the budget books when eigenvectors stay and the residual changes."""
    _, eigenvalues, energy = common_drift(5)
    order = np.argsort(eigenvalues[0])
    vectors, shells = np.eye(12), SplineShells(EDGES)
    # n = 1: the energy of a mode is g^2 / 2.
    modes = [Modes(lam[order], vectors, np.sqrt(2 * e[order]), 1) for lam, e in zip(eigenvalues, energy, strict=True)]
    booked = [budgets(*pair, [shells])[0].exchange for pair in pairwise(modes)]
    np.testing.assert_allclose(exchange_of(EDGES, eigenvalues, energy), booked, atol=1e-14)


def test_a_field_by_hand_with_steps_that_straddle_windows():
    """Step by step: what a shell above an edge gains has passed the edge; each step counts by its share in a window."""
    rng = np.random.default_rng(2)
    time, edges = np.array([0.0, 0.3, 1.0, 1.2, 2.5]), np.array([0, 1, 2, 4, 8, math.inf])
    eigenvalues, energy = np.exp(rng.uniform(0, 2, (5, 7))), rng.uniform(0, 1, (5, 7))
    exchange = rng.standard_normal((4, 5))
    exchange -= exchange.mean(1, keepdims=True)
    time_edges = np.array([0.1, 0.5, 1.1, 2.5])
    field = measure_field(time, edges, eigenvalues, energy, exchange, time_edges)
    for w, (start, stop) in enumerate(pairwise(time_edges)):
        passed, exposure = np.zeros(4), np.zeros(4)
        for k in range(4):
            share = max(min(stop, time[k + 1]) - max(start, time[k]), 0) / (time[k + 1] - time[k])
            densities = [edge_density(edges, eigenvalues[i], energy[i]) for i in (k, k + 1)]
            exposure += share * (time[k + 1] - time[k]) * np.mean(densities, axis=0)
            passed += share * np.array([exchange[k, j:].sum() for j in range(1, 5)])
        np.testing.assert_allclose(field.passed[w], passed, atol=1e-14)
        np.testing.assert_allclose(field.exposure[w], exposure, atol=1e-14)
    ends = np.interp(time_edges, time, np.log(eigenvalues.sum(1)))
    np.testing.assert_allclose(field.growth, np.diff(ends) / np.diff(time_edges), rtol=1e-13)
    np.testing.assert_array_equal(field.eigenvalues, [1, 2, 4, 8])


def test_windows_add_up_to_the_whole_flux_however_fine_they_are():
    run = common_drift(50)
    coarse, fine = (field_of(*run, edges) for edges in ([0, 1.234, 3.0], [0, 0.2, 0.777, 1.234, 2.0, 2.9, 3.0]))
    exchange = exchange_of(EDGES, *run[1:])
    total = [exchange[:, j:].sum() for j in range(1, EDGES.size - 1)]
    for field in (coarse, fine):
        np.testing.assert_allclose(field.passed.sum(0), total, atol=1e-13)
    for name in ("passed", "exposure"):
        parts = np.add.reduceat(getattr(fine, name), [0, 3], axis=0)
        np.testing.assert_allclose(parts, getattr(coarse, name), atol=1e-13)
    rises = fine.growth * np.diff(fine.time_edges)
    np.testing.assert_allclose(np.add.reduceat(rises, [0, 3]), coarse.growth * np.diff(coarse.time_edges), atol=1e-13)


def test_times_are_geometric_centres_but_for_a_window_from_zero():
    field = field_of(*common_drift(10), [0, 0.5, 2.0, 3.0])
    np.testing.assert_allclose(field.times, [0.5, 1.0, 6**0.5], rtol=1e-15)


def test_cells_are_resolved_above_a_share_of_their_window():
    exposure = np.array([[1.0, 1.1 * RESOLVED_SHARE, 0.9 * RESOLVED_SHARE], [1e-9, 0, 1e-10], [0, 0, 0]])
    field = DriftField(np.arange(4.0), np.array([1.0, 2, 4]), 3 * exposure, exposure, np.zeros(3))
    expected = [[True, True, False], [True, False, True], [False] * 3]
    np.testing.assert_array_equal(field.resolved, expected)
    np.testing.assert_allclose(field.relative_velocity, np.where(expected, 3.0, np.nan), rtol=1e-14)


def test_taking_out_the_growth_lowers_every_velocity_by_it():
    field = replace(noisy(3), growth=np.linspace(-1, 2, 5))
    lowered = field.without_growth()
    np.testing.assert_allclose(
        lowered.relative_velocity, field.relative_velocity - field.growth[:, None], rtol=1e-12, atol=1e-12
    )
    assert lowered.exposure is field.exposure
    np.testing.assert_array_equal(lowered.resolved, field.resolved)


@pytest.mark.parametrize("scale", [1e-3, 7.0, 1e4])
def test_other_units_of_eigenvalues_and_of_energy_change_no_exponent(scale):
    """lambda -> s lambda, t -> t / s, E -> s E: the same energy passes, times s, and u is in units of s."""
    (time, eigenvalues, energy), cuts = common_drift(40), np.array([0, 0.4, 3.0])
    eigenvalues = eigenvalues ** np.linspace(1, 1.3, 41)[:, None]
    edges = np.concatenate([EDGES[:-1] * scale, [math.inf]])
    field = field_of(time, eigenvalues, energy, cuts)
    scaled = field_of(time / scale, eigenvalues * scale, energy * scale, cuts / scale, edges)
    np.testing.assert_allclose(scaled.passed, field.passed * scale, atol=1e-12 * scale)
    np.testing.assert_allclose(scaled.exposure, field.exposure, atol=1e-12)
    for region in ("all", "unlearned"):
        first, second = (fit_drift([[f], [f]], region=region) for f in (field, scaled))
        assert second.exponent == pytest.approx(first.exponent, abs=1e-9)
        assert (second.n_cells, second.sign, second.best_explained) == (first.n_cells, first.sign, first.best_explained)


BAD_RUNS = {
    "before the start": ({"time_edges": [-0.1, 1]}, r"time_edges run from -0.1 to 1.0 and must lie within"),
    "after the end": ({"time_edges": [0, 3.01]}, "to 3.01 and must lie within the run's times"),
    "not increasing": ({"time_edges": [0, 2, 2]}, r"time_edges\[1\], time_edges\[2\] = 2.0, 2.0 must increase"),
    "time falls": ({"time": [0, 2, 1, 3]}, "time.* must increase"),
    "steps missing": ({"exchange": np.zeros((2, 4))}, r"exchange has shape \(2, 4\) and must have \(3, 4\)"),
    "shells missing": ({"exchange": np.zeros((3, 3))}, r"exchange has shape \(3, 3\) and must have \(3, 4\)"),
    "nan": ({"exchange": np.full((3, 4), np.nan)}, r"exchange\[0, 0\] = nan must be finite"),
}


@pytest.mark.parametrize(("change", "message"), BAD_RUNS.values(), ids=BAD_RUNS)
def test_bad_runs_are_refused_in_one_line(change, message):
    good = {"time": [0, 1, 2, 3], "exchange": np.zeros((3, 4)), "time_edges": [0, 3]}
    modes = {"edges": [0, 1, 2, 4, math.inf], "eigenvalues": np.ones((4, 2)), "mode_energy": np.ones((4, 2))}
    with pytest.raises(ValueError, match=message) as refusal:
        measure_field(**{**good, **modes, **change})
    assert "\n" not in str(refusal.value)
