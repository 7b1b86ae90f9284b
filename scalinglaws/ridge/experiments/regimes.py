"""The experiment on scaling regimes: exact theory along the path of each regime, phase diagrams, VarF against width."""

from dataclasses import asdict, dataclass, fields

import numpy as np

from scalinglaws.ridge.experiments.setup import reproducible
from scalinglaws.ridge.power_law_curves import scaling_curve, width_curve
from scalinglaws.ridge.regimes import Scaling, crossover_width, width_exponents

PARTS = ("excess_risk", "bias", "var_x", "var_f", "var_xf", "var_xe", "var_xfe", "kappa2")


@dataclass(frozen=True)
class Path:
    """A learning curve along one `Scaling`, as part of a study."""

    study: str
    capacity: float
    source: float
    width_exponent: float = np.inf
    ridge_exponent: float = np.inf
    noisy: bool = False
    feature_capacity: float = 0.0

    @property
    def scaling(self):
        """The path without the study it belongs to."""
        return Scaling(**{field.name: getattr(self, field.name) for field in fields(Scaling)})


@dataclass(frozen=True)
class Phases:
    """The diagram of regimes over ridge and width exponent for one kind of data."""

    capacity: float
    source: float
    noisy: bool


@dataclass(frozen=True)
class Widths:
    """Variance over structured features against their number."""

    feature_capacity: float
    n_samples: float


def members(settings):
    """Paths of all studies, then phase diagrams, then width curves."""
    paths = [Path(study, **point) for study, points in settings["points"].items() for point in points]
    law, other = settings["source_law"], settings["capacity_law"]
    paths += [Path("source law", law["capacity"], source) for source in law["sources"]]
    paths += [Path("capacity law", capacity, other["source"]) for capacity in other["capacities"]]
    diagram, widths = settings["phases"], settings["widths"]
    phases = [Phases(diagram["capacity"], source, noisy) for source in diagram["sources"] for noisy in (False, True)]
    curves = [Widths(a, count) for count in widths["n_samples"] for a in widths["feature_capacities"]]
    return [*paths, *phases, *curves]


def run(settings, member):
    """The record of one member: what it is, and its arrays."""
    compute = {Path: _path, Phases: _phases, Widths: _widths}[type(member)]
    with reproducible():
        return {"kind": type(member).__name__.lower(), **asdict(member), **compute(settings, member)}


def _path(settings, member):
    grid, scaling = settings["n_samples"], member.scaling
    n_samples = _grid(grid["first"], grid["last"], grid["per_decade"])
    curve = scaling_curve(scaling, n_samples, noise_std=settings["noise_std"], dim=settings["dim"])
    predicted = {"regime": str(scaling.regime), "rate": scaling.rate, "margin": scaling.margin}
    arrays = {"samples": n_samples, **{name: getattr(curve, name) for name in PARTS}}
    return arrays | predicted | {"kappa_rate": member.capacity * scaling.learned}


def _phases(settings, member):
    diagram = settings["phases"]
    axes = {name: _cells(*diagram[name], diagram["n_cells"]) for name in ("ridge_exponent", "width_exponent")}
    ridge_exponent, width_exponent = np.meshgrid(*axes.values(), indexing="ij")
    scaling = Scaling(member.capacity, member.source, width_exponent, ridge_exponent, member.noisy)
    sufficient = Scaling(member.capacity, member.source, np.inf, axes["ridge_exponent"]).sufficient_width
    return axes | {"regime": scaling.regime, "rate": scaling.rate, "sufficient_width": sufficient}


def _widths(settings, member):
    chosen, a = settings["widths"], member.feature_capacity
    crossover = crossover_width(a, member.n_samples).item() if 0.5 < a < 1 else member.n_samples
    # From where features are ten times as many as what is learned to well beyond both the crossover and what one could
    # run; and a decade in the middle, in log N, of the range in which VarF has not crossed over yet.
    widest = max(crossover, 1e5 * member.n_samples) * chosen["beyond"]
    grids = {"far": _grid(10 * member.n_samples, widest, chosen["per_decade"])}
    middle = np.sqrt(crossover * member.n_samples)
    if crossover >= 100 * member.n_samples:
        grids["near"] = np.geomspace(middle / np.sqrt(10), middle * np.sqrt(10), 7)
    near, far = width_exponents(a)
    arrays = {name: _var_f(chosen, member, grid, settings["dim"]) for name, grid in grids.items()}
    return {"crossover": crossover, "near": near, "far": far, "curves": arrays}


def _var_f(chosen, member, widths, dim):
    data = {"capacity": chosen["capacity"], "source": chosen["source"], "dim": dim}
    curve = width_curve(**data, feature_capacity=member.feature_capacity, n_samples=member.n_samples, widths=widths)
    return {"width": widths, "var_f": curve.var_f}


def _grid(first, last, per_decade):
    """Geometric from first to last, with at least per_decade points to a factor of ten."""
    return np.geomspace(first, last, 1 + int(np.ceil(np.log10(last / first) * per_decade - 1e-9)))


def _cells(low, high, count):
    """Centres of equal cells of [low, high]."""
    return low + (high - low) * (np.arange(count) + 0.5) / count
