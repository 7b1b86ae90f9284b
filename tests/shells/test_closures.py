"""Closures against the fields they were learned from: what they pass, where they are resolved, what they carry."""

import math

import numpy as np
import pytest

from scalinglaws.shells.closures import growth_drift, measured_drift, no_drift, power_law_drift
from scalinglaws.shells.drift import RESOLVED_SHARE, DriftField
from scalinglaws.shells.transport import characteristics

TIME_EDGES, GRID = np.array([0.0, 0.5, 2.0, 3.0]), 2.0 ** np.arange(-6, 2)


def field_of(seed, *, shift=1.0, **changes):
    """Any energies passed and exposures, of both signs and over a decade, at boundaries GRID * shift."""
    rng = np.random.default_rng(seed)
    parts = {
        "eigenvalues": GRID * shift,
        "passed": rng.standard_normal((3, GRID.size)),
        "exposure": rng.uniform(0.1, 1, (3, GRID.size)),
        "growth": rng.uniform(-0.5, 1, 3),
    }
    return DriftField(TIME_EDGES, **{**parts, **changes})


FIELDS = [field_of(0), field_of(1, shift=1.3), field_of(2, shift=0.8)]
CLOSURES = {
    "none": no_drift,
    "growth": growth_drift,
    "exponent 1": lambda fields: power_law_drift(fields, 1),
    "exponent 2": lambda fields: power_law_drift(fields, 2.0),
    "measured": lambda fields: measured_drift(fields, GRID),
}


@pytest.mark.parametrize("closure", CLOSURES.values(), ids=CLOSURES)
def test_laws_hold_inside_the_windows_of_their_fields_alone(closure):
    law = closure(FIELDS)
    np.testing.assert_array_equal(law.time_edges, TIME_EDGES)
    np.testing.assert_array_equal(law.velocity(GRID, 3.1), 0)


@pytest.mark.parametrize("closure", CLOSURES.values(), ids=CLOSURES)
def test_laws_do_not_depend_on_the_order_of_runs_nor_on_their_number_of_copies(closure):
    law = closure(FIELDS)
    for fields in (FIELDS[::-1], FIELDS * 3):
        for time in (0.2, 1.0, 2.5):
            np.testing.assert_allclose(closure(fields).velocity(GRID, time), law.velocity(GRID, time), rtol=1e-12)


def test_without_drift_modes_decay_in_their_place():
    eigenvalues, energy = characteristics(no_drift(FIELDS), GRID, np.ones(8), [0, 1.0, 4.0])
    np.testing.assert_array_equal(eigenvalues, np.tile(GRID, (3, 1)))
    np.testing.assert_allclose(energy, np.exp(-2 * np.outer([0, 1, 4], GRID)), rtol=1e-13)


def test_growth_multiplies_every_eigenvalue_by_the_mean_growth_of_the_trace():
    law = growth_drift(FIELDS)
    rates = np.mean([field.growth for field in FIELDS], axis=0)
    eigenvalues, _ = characteristics(law, GRID, np.ones(8), TIME_EDGES)
    factors = np.exp(np.concatenate([[0], np.cumsum(rates * np.diff(TIME_EDGES))]))
    np.testing.assert_allclose(eigenvalues, np.outer(factors, GRID), rtol=1e-13)


@pytest.mark.parametrize("exponent", [-1, 0.5, 1, 1.37, 2, 3])
@pytest.mark.parametrize("fields", [FIELDS[:1], FIELDS], ids=["one run", "three runs"])
def test_power_laws_pass_in_each_window_what_was_measured(exponent, fields):
    """v / lambda at each run's own boundaries times the exposure there, over all boundaries and runs."""
    law = power_law_drift(fields, exponent)
    for w, time in enumerate((0.2, 1.0, 2.5)):
        passed = sum((law.velocity(f.eigenvalues, time) / f.eigenvalues * f.exposure[w]).sum() for f in fields)
        assert passed == pytest.approx(sum(field.passed[w].sum() for field in fields), rel=1e-12)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_fields_that_follow_a_law_give_it_back(exponent):
    rates = np.array([0.3, -2.0, 0.0])

    def following(seed, shift):
        field = field_of(seed, shift=shift)
        passed = rates[:, None] * field.exposure * field.eigenvalues ** (exponent - 1)
        return field_of(seed, shift=shift, passed=passed)

    law = power_law_drift([following(0, 1.0), following(1, 1.3)], exponent)
    np.testing.assert_allclose(law.rates, rates, rtol=1e-13)
    assert law.exponent == exponent
    one = following(0, 1.0)
    measured = measured_drift([one], one.eigenvalues)
    for time in (0.2, 1.0, 2.5):
        np.testing.assert_allclose(measured.velocity(GRID, time), law.velocity(GRID, time), rtol=1e-13)


def test_where_there_is_no_energy_there_is_no_drift():
    exposure = np.array([[1.0], [0.0], [2.0]]) * np.ones(8)
    field = field_of(0, exposure=exposure, passed=3 * exposure)
    np.testing.assert_allclose(power_law_drift([field], 1).rates, [3, 0, 3], rtol=1e-14)
    np.testing.assert_allclose(measured_drift([field], GRID).relative_velocity, 3 * exposure.clip(max=1), rtol=1e-14)


def test_measured_velocities_are_energies_passed_over_exposures_boundary_by_boundary():
    """At the boundaries of the run to be predicted, in whose place those of the others stand."""
    boundaries = GRID * 1.7
    law = measured_drift(FIELDS, boundaries)
    expected = sum(f.passed for f in FIELDS) / sum(f.exposure for f in FIELDS)
    np.testing.assert_array_equal(law.eigenvalue_grid, boundaries)
    np.testing.assert_allclose(law.relative_velocity, expected, rtol=1e-14)
    for w, time in enumerate((0.2, 1.0, 2.5)):
        np.testing.assert_allclose(law.velocity(boundaries, time), boundaries * expected[w], rtol=1e-13)


def test_unresolved_boundaries_are_filled_in():
    """Linearly between resolved ones, with the nearest beyond them; whatever little was measured there."""
    faint = RESOLVED_SHARE / 2
    exposure = np.array([faint, 1.0, faint, faint, 1.0, 0.0, 1.0, faint]) * np.ones((3, 1))
    velocity = np.array([99.0, 1.0, 99.0, 99.0, 4.0, 99.0, 2.0, 99.0])
    field = field_of(0, exposure=exposure, passed=velocity * exposure)
    law = measured_drift([field], GRID)
    np.testing.assert_allclose(law.relative_velocity, np.tile([1, 1, 2, 3, 4, 3, 2, 2], (3, 1)), rtol=1e-13)
    # Halfway in ln eigenvalue between boundaries 1 and 4.
    assert law.velocity(GRID[1] * 2**1.5, 1.0) == pytest.approx(2.5 * GRID[1] * 2**1.5, rel=1e-13)


def test_a_boundary_that_one_run_resolves_is_resolved():
    faint = np.where(np.arange(8) == 3, RESOLVED_SHARE / 2, 1.0) * np.ones((3, 1))
    fields = [
        field_of(0, exposure=faint, passed=faint),
        field_of(1, exposure=np.ones((3, 8)), passed=np.full((3, 8), 5.0)),
    ]
    found = measured_drift(fields, GRID).relative_velocity[:, 3]
    np.testing.assert_allclose(found, (5 + faint[0, 3]) / (1 + faint[0, 3]), rtol=1e-14)


def test_a_law_with_exponent_one_carries_energy_as_its_field_says():
    """A field of one relative velocity everywhere: modes move by its integral, whichever closure carries them."""
    rates = np.array([0.4, -0.2, 0.1])
    field = field_of(0, exposure=np.ones((3, 8)), passed=rates[:, None] * np.ones(8), growth=rates)
    moved = math.exp(0.4 * 0.5 - 0.2 * 1.5 + 0.1)
    for name in ("growth", "exponent 1", "measured"):
        eigenvalues, _ = characteristics(CLOSURES[name]([field]), GRID, np.ones(8), [0.0, 3.0])
        np.testing.assert_allclose(eigenvalues[1], GRID * moved, rtol=1e-12)
