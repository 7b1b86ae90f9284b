"""Closures of the transport equation: drift laws read off measured drift fields, to predict other runs with.

Every closure takes the fields of the runs it may learn from (one or several) and returns a drift that knows nothing
else: what the held-out run adds is its own spectrum and energies at time zero.
"""

import numpy as np

from scalinglaws.shells.transport import GriddedDrift, PowerLawDrift


def no_drift(fields):
    """The lazy law: v = 0."""
    return PowerLawDrift(fields[0].time_edges, np.zeros(fields[0].growth.size), 1.0)


def growth_drift(fields):
    """v = lambda * d ln tr M / dt: every eigenvalue grows like the trace, and energy stays with its mode."""
    return PowerLawDrift(fields[0].time_edges, np.mean([field.growth for field in fields], axis=0), 1.0)


def power_law_drift(fields, exponent):
    """v = c(t) lambda^exponent with the c of each window that passes as much energy in all as was measured.

    c = sum of energy passed / sum of exposure * lambda^(exponent - 1), over boundaries and runs; 0 where there is none.
    """
    weights = [field.exposure * field.eigenvalues ** (exponent - 1) for field in fields]
    passed, carried = sum(field.passed.sum(1) for field in fields), sum(weight.sum(1) for weight in weights)
    rates = np.divide(passed, carried, out=np.zeros_like(passed), where=carried > 0)
    return PowerLawDrift(fields[0].time_edges, rates, float(exponent))


def measured_drift(fields, boundaries):
    """The relative velocity as measured, boundary by boundary, without any law for its shape.

    Energies passed and exposures are summed over the runs, boundary j of one with boundary j of another; `boundaries`
    are their eigenvalues in the run to be predicted. Boundaries that no run resolves are filled in, linearly in ln
    eigenvalue between resolved ones and with the nearest beyond them; windows without any have no drift.
    """
    passed, exposure = sum(field.passed for field in fields), sum(field.exposure for field in fields)
    resolved = np.any([field.resolved for field in fields], axis=0)
    velocity = [_filled(*window) for window in zip(passed, exposure, resolved, strict=True)]
    return GriddedDrift(fields[0].time_edges, boundaries, np.array(velocity))


def _filled(passed, exposure, resolved):
    if not resolved.any():
        return np.zeros_like(passed)
    index = np.arange(passed.size)
    return np.interp(index, index[resolved], passed[resolved] / exposure[resolved])
