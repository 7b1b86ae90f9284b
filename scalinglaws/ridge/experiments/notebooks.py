"""The authors' notebooks: exact theory on the grids of their sections, in both conventions of the weights."""

from dataclasses import asdict, dataclass

import numpy as np

from scalinglaws.ridge.equivalents import learning_curve
from scalinglaws.ridge.notebook_sections import SECTIONS

GRIDS, CONVENTIONS = ("theory", "simulation"), ("input", "layer")


@dataclass(frozen=True)
class Member:
    """One section of the notebooks, by its name in `SECTIONS`."""

    section: str


def members(settings):
    """The sections asked for."""
    return [Member(name) for name in settings["sections"]]


def run(settings, member):
    """Curves of the section, one after the other: grid, convention, point (number on the grid), n_samples, and theory.

    target_power is the mean square of noiseless labels, rescaling_error the largest relative difference between the
    excess risk in the convention "layer" and in "input" at the ridge that makes up for the weights' scale.
    """
    section = SECTIONS[member.section]
    curves = [_curve(section, grid, convention) for grid in GRIDS for convention in CONVENTIONS]
    problem = section.problem(section.n_samples("theory"))
    return {
        **asdict(member),
        "dim": section.dim,
        "ridge": section.ridge,
        "target_power": problem.multiplicities @ (problem.eigenvalues * problem.target**2),
        "rescaling_error": _rescaling_error(section),
        **{name: np.concatenate([curve[name] for curve in curves]) for name in curves[0]},
    }


def _curve(section, grid, convention):
    n_samples = section.n_samples(grid)
    theory = learning_curve(section.problem(n_samples, convention))
    place = {"grid": np.full(n_samples.size, grid), "convention": np.full(n_samples.size, convention)}
    return {**place, "point": np.arange(n_samples.size), "n_samples": n_samples, **vars(theory)}


def _rescaling_error(section):
    """Weights of variance 1 / inputs are those of variance 1 / dim times (dim / inputs)^1/2, layer by layer."""
    n_samples = section.n_samples("theory")
    inputs = (section.dim, *section.widths)[: len(section.widths)]
    factor = np.prod([section.dim / width for width in inputs])
    layer = learning_curve(section.problem(n_samples, "layer")).excess_risk
    rescaled = learning_curve(section.problem(n_samples, "input", section.ridge / factor)).excess_risk
    return np.abs(rescaled / layer - 1).max()
