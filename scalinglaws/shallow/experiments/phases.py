"""Phases of diagonal and quadratic networks on state evolution: curves deep inside each phase, fitted noise, maps.

Teachers have strengths sqrt(dim) k^-decay in bins, so that dim can be as large as a phase is wide; those of diagonal
networks are drawn, and averaged over. Nothing is simulated.
"""

from dataclasses import asdict, dataclass

import numpy as np

from scalinglaws.shallow.optimal import optimal_weight_decay
from scalinglaws.shallow.overfitting import KINDS, overfitting_limit, overfitting_risk
from scalinglaws.shallow.phases import PowerLawPhases, power_law_exponent
from scalinglaws.shallow.problem import DiagonalProblem, QuadraticProblem, binned_strengths
from scalinglaws.shallow.state_evolution import state_evolution

# Far below every other scale: the limit weight_decay -> 0 of fitted noise, to a relative 1e-4 at 1e-16 of the peak.
VANISHING = 1e-12


@dataclass(frozen=True)
class Curve:
    """Excess risk within one phase, along whichever of n_eff and weight_decay is a range (first, last).

    phase "optimal weight decay" has none of its own, None; decay inf is the null teacher, all of whose strengths are 0.
    """

    kind: str
    phase: str
    decay: float
    dim: float
    noise_variance: float
    n_eff: float | tuple[float, float]
    weight_decay: float | tuple[float, float] | None
    n_points: int

    @property
    def along(self):
        """What varies: "n_eff" or "weight_decay"."""
        return "n_eff" if isinstance(self.n_eff, tuple) else "weight_decay"


@dataclass(frozen=True)
class Overfitting:
    """Risk of fitting noise alone, against effective samples over dim."""

    kind: str


@dataclass(frozen=True)
class Map:
    """Excess risk over a grid of n_eff and weight_decay."""

    kind: str
    dim: float
    decay: float


def members(settings):
    """Curves of all phases, each for its decays, then fitted noise of both networks, then the maps."""
    curves = [_curve(settings, entry, decay) for entry in settings["curves"] for decay in entry["decays"]]
    maps = [Map(kind, chosen["dim"], chosen["decay"]) for kind, chosen in settings["maps"].items()]
    return [*curves, *map(Overfitting, KINDS), *maps]


def _curve(settings, entry, decay):
    given = {"noise_variance": settings["noise_variance"], "weight_decay": None} | entry
    ranges = {
        name: tuple(map(float, value)) if isinstance(value := given[name], list) else value
        for name in ("n_eff", "weight_decay")
    }
    kept = {name: given[name] for name in ("kind", "phase", "dim", "noise_variance", "n_points")}
    return Curve(**kept, **ranges, decay=float("inf") if decay is None else decay)


def run(settings, member):
    """The record of one member: what it is, and its arrays."""
    compute = {Curve: _along, Overfitting: _overfitting, Map: _map}[type(member)]
    return {"study": type(member).__name__.lower(), **compute(settings, member)}


def _problem(kind, dim, decay, noise_variance, n_eff, weight_decay):
    """The problem on a power-law teacher, or for decay inf on none."""
    strengths, counts = (np.zeros(1), np.array([dim])) if np.isinf(decay) else binned_strengths(dim, decay)
    options = {"weight_decay": weight_decay, "noise_std": np.sqrt(noise_variance), "multiplicities": counts}
    if kind == "diagonal":
        return DiagonalProblem(strengths, n_eff, **options, teacher="gaussian")
    return QuadraticProblem(strengths, n_eff * dim, **options)


def _along(settings, member):
    """State evolution along the curve; x is what its exponent refers to."""
    n_eff, weight_decay = (_points(value, member.n_points) for value in (member.n_eff, member.weight_decay))
    place = (member.kind, member.dim, member.decay, member.noise_variance)
    weight_decay, solved = _solved(place, n_eff, weight_decay)
    arrays = {name: getattr(solved, name) for name in ("excess_risk", "delta", "threshold", "kept")}
    axes = {"n_eff": n_eff, "weight_decay": weight_decay}
    # At the optimal weight decay the exponent is that of the threshold's square: in n_eff it has logarithms.
    x = solved.threshold**2 if member.weight_decay is None else axes[member.along]
    along = "squared threshold" if member.weight_decay is None else member.along
    about = {name: getattr(member, name) for name in ("kind", "phase", "decay", "dim", "noise_variance")}
    predicted = power_law_exponent(member.phase, along, member.decay)
    axes = {name: np.broadcast_to(value, x.shape) for name, value in axes.items()}
    return {**about, "along": along, "predicted": predicted, "x": x, **axes, **arrays}


def _solved(place, n_eff, weight_decay):
    """Weight decay, the optimal one for None, and state evolution there."""
    if weight_decay is None:
        optimum = optimal_weight_decay(_problem(*place, n_eff, 1.0))
        return optimum.weight_decay, optimum.evolution
    return weight_decay, state_evolution(_problem(*place, n_eff, weight_decay))


def _points(value, count):
    return np.geomspace(*value, count) if isinstance(value, tuple) else value


def _overfitting(settings, member):
    """Of a null teacher, noise 1: state evolution at vanishing weight decay, its closed form, and the limit."""
    chosen = settings["overfitting"]
    ratio = np.geomspace(*chosen[member.kind], chosen["n_points"])
    dim = 1e6
    solved = state_evolution(_problem(member.kind, dim, np.inf, 1.0, ratio * dim, VANISHING))
    laws = {"exact": overfitting_risk(member.kind, ratio), "limit": overfitting_limit(member.kind, ratio)}
    return {"kind": member.kind, "ratio": ratio, "excess_risk": solved.excess_risk, **laws}


def _map(settings, member):
    """Excess risk on the corners of the cells; at the centres the phase, its slopes, and the boundaries."""
    chosen, variance = settings["maps"][member.kind], settings["noise_variance"]
    n_eff, weight_decay = (np.geomspace(*chosen[name], chosen["n_cells"] + 1) for name in ("n_eff", "weight_decay"))
    problem = _problem(member.kind, member.dim, member.decay, variance, n_eff[:, None], weight_decay)
    phases = PowerLawPhases(
        member.kind, member.dim, member.decay, np.sqrt(variance), gaussian=member.kind == "diagonal"
    )
    centres = np.meshgrid(*(np.sqrt(axis[1:] * axis[:-1]) for axis in (n_eff, weight_decay)), indexing="ij")
    line = np.geomspace(n_eff[0], n_eff[-1], 8 * chosen["n_cells"] + 1)
    return {
        **asdict(member),
        **{"noise_variance": variance, "margin": settings["margin"], "tolerance": settings["tolerance"]},
        **{"n_eff": n_eff, "weight_decay": weight_decay, "excess_risk": state_evolution(problem).excess_risk},
        **{"phase": phases.phase(*centres), "predicted": phases.predicted_slopes(*centres)},
        **{"deep": phases.is_deep(*centres, settings["margin"])},
        **{"line_n_eff": line, "boundaries": phases.boundaries(line), "peak": phases.peak},
    }
