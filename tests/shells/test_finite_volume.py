"""The finite-volume scheme against characteristics carried back from the cells' edges, and what it keeps exactly."""

import math

import numpy as np
import pytest
from scipy.special import exp1

from scalinglaws.shells.finite_volume import finite_volume
from scalinglaws.shells.transport import GriddedDrift, PowerLawDrift

# Twelve e-foldings: the energy, a bump around ln lam = -2, stays 5 of its widths from both closed ends.
LOWEST, HIGHEST, CENTRE, WIDTH = -8.0, 4.0, -2.0, 0.6
NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)
WINDOWS = [0.0, 0.7, 1.2, 2.0]
END = 2.0


def power_law(exponent, rates):
    return PowerLawDrift(WINDOWS, rates, exponent)


def smooth_gridded(sign=1.0):
    grid = np.exp(np.linspace(LOWEST - 1, HIGHEST + 1, 2001))
    waves = [0.8 * np.sin(np.log(grid) + phase) + 0.2 for phase in (0.0, 1.0, 2.0)]
    return GriddedDrift(WINDOWS, grid, sign * np.array(waves))


DRIFTS = {
    "exponent 0.5 up": power_law(0.5, [0.2, 0.1, 0.2]),
    "exponent 1 up": power_law(1.0, [0.7, 0.2, 0.4]),
    "exponent 1 turning": power_law(1.0, [0.7, -0.9, 0.4]),
    "exponent 1.5 down": power_law(1.5, [-0.9, -0.2, -0.7]),
    "exponent 2 down": power_law(2.0, [-1.0, -0.5, -1.0]),
    "gridded": smooth_gridded(),
}
STILL = PowerLawDrift([0, math.inf], [0.0], 1.0)


def edges_of(n_cells):
    return np.exp(np.linspace(LOWEST, HIGHEST, n_cells + 1))


def reversed_in_time(drift):
    edges = END - np.minimum(drift.time_edges, END)[::-1]
    if isinstance(drift, PowerLawDrift):
        return PowerLawDrift(edges, -drift.rates[::-1], drift.exponent)
    return GriddedDrift(edges, drift.eigenvalue_grid, -drift.relative_velocity[::-1])


def cell_energies(drift, edges, *, dissipation):
    """Exact energies at END of the bump: what lay between the places where each cell's edges came from."""
    origins = reversed_in_time(drift).advance(edges, 0, END)[0]
    # Edges may have come from 0 or from infinity: 12 widths from its centre there is nothing left of the bump.
    origins = np.clip(np.log(np.clip(origins, 1e-9, 1e9)), CENTRE - 12 * WIDTH, CENTRE + 12 * WIDTH)
    half = np.diff(origins) / 2
    places = (origins[:-1] + half)[:, None] + half[:, None] * NODES
    left = np.exp(-2 * drift.advance(np.exp(places), 0, END)[1]) if dissipation else 1.0
    return half * ((bump(places) * left) @ WEIGHTS)


def bump(y):
    return np.exp(-(((y - CENTRE) / WIDTH) ** 2) / 2)


def start(edges):
    return cell_energies(STILL, edges, dissipation=False)


def rough(n_cells, seed=0):
    """Energies with jumps, empty cells and 20 decades."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(n_cells) < 0.3, 0, 10 ** rng.uniform(-20, 0, n_cells))


# --- convergence ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dissipation", [True, False])
@pytest.mark.parametrize("drift", DRIFTS.values(), ids=DRIFTS)
def test_the_scheme_converges_to_characteristics_at_second_order(drift, dissipation):
    errors = []
    for n_cells in (100, 200, 400):
        edges = edges_of(n_cells)
        found = finite_volume(drift, edges, start(edges), [0, END], dissipation=dissipation)[-1]
        exact = cell_energies(drift, edges, dissipation=dissipation)
        errors.append(np.abs(found - exact).sum() / exact.sum())
    # The limiter clips the top of the bump, where the order is lower: 2 is not quite reached.
    assert np.log2(np.divide(errors[:-1], errors[1:])).min() > 1.7


def test_the_exact_reference_is_the_bump_itself_when_nothing_moves():
    edges = edges_of(50)
    total = WIDTH * math.sqrt(2 * math.pi)
    assert cell_energies(STILL, edges, dissipation=False).sum() == pytest.approx(total, rel=1e-13)


@pytest.mark.parametrize("drift", DRIFTS.values(), ids=DRIFTS)
def test_rows_are_the_times_and_a_stop_on_the_way_changes_little(drift):
    edges = edges_of(200)
    rows = finite_volume(drift, edges, start(edges), [0, 0.3, 0.9, END])
    assert rows.shape == (4, 200)
    np.testing.assert_array_equal(rows[0], start(edges))
    np.testing.assert_array_equal(rows[1], finite_volume(drift, edges, start(edges), [0, 0.3])[-1])
    straight = finite_volume(drift, edges, start(edges), [0, END])[-1]
    # Other steps, another error of second order: 1e-2 is what both have at most on this grid.
    assert np.abs(rows[-1] - straight).sum() < 1e-2 * straight.sum()


# --- what is exact --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("energy", [rough, lambda n: rough(n, 1) - rough(n, 2)], ids=["positive", "signed"])
@pytest.mark.parametrize("drift", DRIFTS.values(), ids=DRIFTS)
def test_without_dissipation_the_sum_is_conserved(drift, energy):
    """Also once energy has piled up at the closed ends."""
    energy = energy(60)
    rows = finite_volume(drift, edges_of(60), energy, [0, 0.5, 1.5, END], dissipation=False)
    np.testing.assert_allclose(rows.sum(1), energy.sum(), rtol=0, atol=1e-12 * np.abs(energy).sum())
    assert np.abs(rows[-1] - energy).sum() > 0.1 * np.abs(energy).sum()


@pytest.mark.parametrize("dissipation", [True, False])
@pytest.mark.parametrize("courant", [0.1, 0.4, 0.49])
@pytest.mark.parametrize("drift", DRIFTS.values(), ids=DRIFTS)
def test_energies_stay_non_negative(drift, courant, dissipation):
    for seed in range(3):
        times = np.linspace(0, END, 9)
        rows = finite_volume(drift, edges_of(60), rough(60, seed), times, courant=courant, dissipation=dissipation)
        assert rows.min() >= 0
        assert (rows.sum(1) <= rows[0].sum() * (1 + 1e-12)).all()


@pytest.mark.parametrize("n_cells", [12, 48])
def test_without_drift_an_even_cell_decays_by_the_exponential_integral(n_cells):
    """The mean over y of exp(-2 lam t) is [E1(2 lam_low t) - E1(2 lam_high t)] / width; factors e and e^0.25."""
    edges, times = edges_of(n_cells), np.array([0.0, 0.01, 1.0, 30.0])
    for time in times[1:]:
        found = finite_volume(STILL, edges, np.ones(n_cells), [0, time])[-1]
        expected = -np.diff(exp1(2 * edges * time)) / np.diff(np.log(edges))
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13)


def test_transport_shifts_a_straight_ramp_exactly():
    """Exact for energies linear in y at one speed: 5 cells in 13 steps, of two stages that see 2 cells each way."""
    edges, drift = edges_of(240), PowerLawDrift([0, 9], [0.5], 1.0)
    ramp, unreached = 5 + 0.03 * np.arange(240), slice(13 * 4, -13 * 4)
    found = finite_volume(drift, edges, ramp, [0, 0.5], dissipation=False)[-1]
    np.testing.assert_allclose(found[unreached], ramp[unreached] - 0.03 * 5, rtol=1e-13)


def test_mirror_images_stay_mirror_images():
    """v/lam = c upwards on energies in reverse order is v/lam = -c on energies in order."""
    energy, edges = rough(60), edges_of(60)
    up = finite_volume(PowerLawDrift([0, 9], [0.7], 1.0), edges, energy[::-1], [0, 3], dissipation=False)[-1]
    down = finite_volume(PowerLawDrift([0, 9], [-0.7], 1.0), edges, energy, [0, 3], dissipation=False)[-1]
    np.testing.assert_allclose(up[::-1], down, rtol=1e-12)


@pytest.mark.parametrize("drift", DRIFTS.values(), ids=DRIFTS)
def test_energies_scale(drift):
    edges, energy = edges_of(60), rough(60)
    once = finite_volume(drift, edges, energy, [0, END])
    np.testing.assert_allclose(finite_volume(drift, edges, 8 * energy, [0, END]), 8 * once, rtol=1e-15)


# --- steps ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("courant", [0.1, 0.25, 0.4])
def test_steps_are_as_many_as_the_fastest_edge_needs(courant):
    """v/lam = 1 over 12 e-foldings in 48 cells crosses 4 cells per unit of time: 4 * 3 / courant steps in 3 units."""
    drift, n_steps = PowerLawDrift([0, 9], [1.0], 1.0), round(12 / courant)
    arguments = (drift, edges_of(48), np.ones(48), [0, 3 * (1 - 1e-9)])
    allowed = finite_volume(*arguments, courant=courant, max_steps=n_steps)
    np.testing.assert_array_equal(allowed, finite_volume(*arguments, courant=courant))
    with pytest.raises(ValueError, match=r"drift crosses 12 cells .* at most courant \* max_steps"):
        finite_volume(*arguments, courant=courant, max_steps=n_steps - 1)


def test_fast_drifts_stay_stable():
    """500 cells crossed: all energy ends in the last cell, and none is made."""
    energy = rough(40)
    found = finite_volume(PowerLawDrift([0, 9], [20.0], 1.0), edges_of(40), energy, [0, 8], dissipation=False)[-1]
    assert found[-1] == pytest.approx(energy.sum(), rel=1e-12)
    assert found[:-1].max() < 1e-12 * energy.sum()


BAD = {
    "edges not geometric": ({"edges": [1, 2, 3]}, "edges have ratios from 1.5 to 2 and must have one"),
    "edges to inf": ({"edges": [1, 2, math.inf]}, r"edges\[2\] = inf must be finite"),
    "edges from 0": ({"edges": [0, 1, 2]}, r"edges\[0\] = 0.0 must be > 0"),
    "edges fall": ({"edges": [4, 2, 1]}, r"edges\[0\], edges\[1\] = 4.0, 2.0 must increase"),
    "one cell": ({"edges": [1, 2], "energy": [1]}, r"edges has shape \(2,\)"),
    "energies short": ({"energy": [1]}, "energy has 1 entries and must have 2, one a cell"),
    "energy nan": ({"energy": [1, math.nan]}, r"energy\[1\] = nan must be finite"),
    "times fall": ({"times": [1, 0]}, r"times\[0\], times\[1\] = 1.0, 0.0 must increase"),
    "time inf": ({"times": [1, math.inf]}, r"times\[1\] = inf must be finite"),
    "courant 0": ({"courant": 0}, "courant = 0 must lie strictly between 0 and 0.5"),
    "courant 1/2": ({"courant": 0.5}, "courant = 0.5 must lie strictly between 0 and 0.5"),
    "no steps": ({"max_steps": 0}, "max_steps = 0 must be an integer >= 1"),
}


@pytest.mark.parametrize(("changed", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_refused_in_one_line(changed, message):
    good = {"drift": DRIFTS["gridded"], "edges": [1, 2, 4], "energy": [1, 1], "times": [0, 1]}
    with pytest.raises(ValueError, match=message) as refusal:
        finite_volume(**(good | changed))
    assert "\n" not in str(refusal.value)
