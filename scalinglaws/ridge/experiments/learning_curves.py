"""Learning curves of every section: theory on a fine grid, and simulations beside theory at whole numbers of samples.

A member is a section: all its draws are needed together, for the parts of the error are averages over pairs of draws.
"""

from dataclasses import dataclass, fields
from itertools import product

import numpy as np

from scalinglaws.ridge.counterfactuals import counterfactuals
from scalinglaws.ridge.equivalents import learning_curve
from scalinglaws.ridge.experiments.setup import member_rng
from scalinglaws.ridge.problem import RandomFeatureProblem
from scalinglaws.ridge.sections import problem, structured_problem
from scalinglaws.ridge.simulate import simulate


@dataclass(frozen=True)
class Section:
    """One member: the name of its section in the settings."""

    section: str


def members(settings):
    """A member for each section."""
    return [Section(name) for name in settings["sections"]]


def run(settings, member):
    """Theory on the grid, simulations with their standard errors, and theory at the simulated points.

    Each of the four is a dict of flat arrays by quantity, with each point's place: n_samples, width (of the last layer,
    0 without features) and feature_capacity (NaN but for features with a spectrum). `counterfactuals` holds, by
    assumption, theory on the grid under assumptions that the section does not meet.
    """
    section, rng = settings["sections"][member.section], member_rng("learning_curves", member.section, settings["seed"])
    n_data, n_maps = section["draws"]["data"], section["draws"].get("features", 0)
    grid, simulated = _grid(section), _simulated(section)
    found = [simulate(record, rng, n_data, n_maps) for _, record in simulated]
    return {
        **{"section": member.section, "data_draws": n_data, "feature_draws": n_maps, "about": _about(section)},
        "theory": _joined(grid, [learning_curve(record) for _, record in grid]),
        "counterfactuals": _counterfactuals(grid),
        "expected": _joined(simulated, [learning_curve(record) for _, record in simulated]),
        "measured": _joined(simulated, found),
        "standard_error": _joined(simulated, [result.standard_error for result in found]),
    }


def _grid(section):
    """(feature_capacity, record) of each curve of theory: over n_samples, or over whole widths, each by itself."""
    values = np.geomspace(*(section["theory"][name] for name in ("low", "high", "count")))
    return _curves(section, values, np.unique(values.round().astype(int)))


def _simulated(section):
    """The same of each simulated curve."""
    return _curves(section, section["n_samples"], section.get("widths", ()))


def _curves(section, n_samples, widths):
    capacities = section.get("features", {}).get("capacities")
    if capacities is None:
        return [(np.nan, problem(section, n_samples))]
    return [(chosen, structured_problem(section, int(width), chosen)) for chosen, width in product(capacities, widths)]


def _counterfactuals(grid):
    kinds = [(chosen, counterfactuals(record)) for chosen, record in grid]
    curves = {name: [(chosen, others[name]) for chosen, others in kinds] for name in kinds[0][1]}
    return {name: _joined(of_one, [learning_curve(record) for _, record in of_one]) for name, of_one in curves.items()}


def _joined(curves, results):
    """The fields of all results, and each point's place, as flat arrays by name."""
    rows = [_columns(*curve, result) for curve, result in zip(curves, results, strict=True)]
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def _columns(feature_capacity, record, result):
    width = record.widths[-1].astype(int) if isinstance(record, RandomFeatureProblem) else 0
    place = {"feature_capacity": feature_capacity, "width": width, "n_samples": record.n_samples, "ridge": record.ridge}
    named = {field.name: getattr(result, field.name) for field in fields(result) if field.name != "standard_error"}
    return {name: np.broadcast_to(value, record.shape).ravel() for name, value in (place | named).items()}


def _about(section):
    """The numbers that a section is known by; NaN for those it lacks."""
    inputs, features = section["inputs"], section.get("features", {})
    given = {**inputs, **{name: section[name] for name in ("noise_std", "ridge", "ridge_exponent") if name in section}}
    numbers = {name: float(given.get(name, np.nan)) for name in NUMBERS}
    return {
        **numbers,
        "dim": int(np.sum(inputs.get("dim", inputs.get("dims")))),
        "feature_noise_std": float(features.get("noise_std", 0.0)),
        "widths": ", ".join(map(str, features.get("widths", ()))),
    }


NUMBERS = ("capacity", "source", "noise_std", "ridge", "ridge_exponent")
