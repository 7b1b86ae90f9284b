"""Learned spectra in every phase against their laws, what pruning them does, and what the risk is made of.

Points are simulated: the convex solution on several data sets, its values (eigenvalues, or absolute coefficients), and
the risk before and after pruning, each next to the law of the same teacher. Curves are theory along weight decay. Both
have power-law teachers; a diagonal network's is Gaussian and drawn anew for every seed.
"""

from dataclasses import asdict, dataclass

import numpy as np

from scalinglaws.shallow import lasso, quadratic
from scalinglaws.shallow.decomposition import error_parts, names
from scalinglaws.shallow.experiments.setup import member_rng
from scalinglaws.shallow.problem import DiagonalProblem, QuadraticProblem, power_law_strengths
from scalinglaws.shallow.pruning import parameter_risk, prune, pruned_risk
from scalinglaws.shallow.spectra import learned_law, thresholded_law
from scalinglaws.shallow.state_evolution import state_evolution
from scalinglaws.shallow.tail_curves import tail_curves

EXPERIMENT = "spectra"
# Relative duality gap of the quadratic network's solutions: the risk is settled to five digits, at 2/3 of the time.
GAP = 1e-6
# Values below this share of the teacher's strongest are rounding of exact zeros.
ROUNDING = 1e-9
# Spikes of the law that are recorded, from the largest down.
N_SPIKES = 5
# Histograms reach beyond the largest value by this factor.
MARGIN = 1.05


@dataclass(frozen=True)
class SpectrumMember:
    """Networks of one kind in one phase; ratio is n_samples over dim (diagonal) or dim^2 (quadratic)."""

    kind: str
    phase: str
    dim: int
    decay: float
    ratio: float
    weight_decay: float


@dataclass(frozen=True)
class CurveMember:
    """Theory along weight decay, from first to last in n_points equal steps of the logarithm."""

    kind: str
    dim: int
    decay: float
    ratio: float
    first: float
    last: float
    n_points: int


@dataclass(frozen=True)
class TailMember:
    """Theory of the tails of learned spectra, of the settings' block `tails`."""


def members(settings):
    """Points, at all their dims and decays; curves, at all their ratios; the tails, if they have settings."""
    points = [
        SpectrumMember(point["kind"], point["phase"], dim, decay, point["ratio"], point["weight_decay"])
        for point in settings["points"]
        for dim in point["dims"]
        for decay in point["decays"]
    ]
    curves = [
        CurveMember(curve["kind"], curve["dim"], curve["decay"], ratio, *curve["weight_decays"], curve["n_points"])
        for curve in settings["curves"]
        for ratio in curve["ratios"]
    ]
    return [*points, *curves, *([TailMember()] if "tails" in settings else [])]


def run(settings, member):
    """The record of a member; `made_of` says what it holds: a spectrum, a curve, or tails."""
    if isinstance(member, TailMember):
        return {"made_of": "tails", "curves": tail_curves(settings["tails"])}
    made = _curve(settings, member) if isinstance(member, CurveMember) else _spectrum(settings, member)
    return {**asdict(member), "noise_variance": settings["noise_variance"], **made}


def _problem(settings, member, weight_decay):
    """The problem of a member, of the simulation; a diagonal network's teacher is random."""
    strengths, noise_std = power_law_strengths(member.dim, member.decay), np.sqrt(settings["noise_variance"])
    if member.kind == "diagonal":
        n_samples = round(member.ratio * member.dim)
        return DiagonalProblem(strengths, n_samples, weight_decay, noise_std, teacher="gaussian")
    return QuadraticProblem(strengths, round(member.ratio * member.dim**2), weight_decay, noise_std)


def _with_teacher(problem, teacher):
    """The problem for theory: of the teacher (dim,) that was drawn."""
    if isinstance(problem, QuadraticProblem):
        return problem
    return DiagonalProblem(teacher, problem.n_samples, problem.weight_decay, problem.noise_std)


def _spectrum(settings, member):
    """Spectra, risks and their laws, seed by seed; histograms and the law's density, of all seeds."""
    problem = _problem(settings, member, member.weight_decay)
    runs = [_solved(problem, member_rng(EXPERIMENT, str(member), seed)) for seed in settings["seeds"]]
    values, laws = np.array([run.pop("spectrum") for run in runs]), [run.pop("law") for run in runs]
    bins = _bins(values, laws, settings["n_bins"])
    x = _between(bins[-1], settings["n_bins"] * settings["n_points_per_bin"])
    return {
        **{"made_of": "spectrum", "sensing": "outer" if member.kind == "quadratic" else "vectors"},
        **{"n_samples": int(problem.n_samples), "seed": settings["seeds"], "spectrum": values},
        **{name: np.array([run[name] for run in runs]) for name in runs[0]},
        **{"bins": bins, "share": np.array([np.histogram(v[v > 0], bins)[0] for v in values]) / member.dim},
        **{"x": x, "density": np.mean([law.density(x) for law in laws], axis=0)},
    }


def _solved(problem, rng):
    """A data set's solution, and the law of its teacher: numbers of one seed."""
    if isinstance(problem, DiagonalProblem):
        sample = lasso.draw(problem, rng)
        estimate = lasso.solve_path(sample, problem.weight_decay)
        spectrum = np.abs(estimate.parameters)
    else:
        sample = quadratic.draw(problem, rng)
        estimate = quadratic.solve_path(sample, problem.weight_decay, tolerance=GAP)
        spectrum = np.linalg.eigvalsh(estimate.parameters)
    law = learned_law(_with_teacher(problem, estimate.teacher))
    spectrum = np.sort(np.where(spectrum > ROUNDING * law.strengths.max(), spectrum, 0.0))[::-1]
    pruned = prune(estimate.parameters, law.edge)
    return {
        **{"law": law, "spectrum": spectrum, "distance": law.distance(spectrum)},
        **{"delta": law.delta, "threshold": law.threshold, "edge": law.edge, "zeros": law.zeros},
        **{"spikes": np.append(law.spikes[:N_SPIKES], np.full(max(0, N_SPIKES - law.spikes.size), np.nan))},
        **{"excess_risk": float(estimate.excess_risk), "pruned_risk": parameter_risk(pruned, estimate.teacher)},
        **{"predicted_risk": law.risk(law.threshold), "predicted_pruned_risk": pruned_risk(law)},
    }


def _bins(values, laws, n_bins):
    """Edges of bins from 0 on, equal in the square root, that hold all values and spikes."""
    largest = max(values.max(), *(law.spikes.max(initial=0.0) for law in laws))
    return np.append(0.0, _between(MARGIN * largest if largest > 0 else 1.0, n_bins))


def _between(largest, n_points):
    """Points above 0 up to the largest, equally far apart in the square root."""
    return largest * (np.arange(1, n_points + 1) / n_points) ** 2


def _curve(settings, member):
    """Risks and their parts, (n_teachers, n_points); a quadratic network has a single teacher."""
    weight_decay = np.geomspace(member.first, member.last, member.n_points)
    problem = _problem(settings, member, weight_decay)
    if member.kind == "quadratic":
        teachers = [problem.eigenvalues]
    else:
        rngs = [member_rng(EXPERIMENT, str(member), seed) for seed in settings["seeds"]]
        teachers = [problem.target * rng.standard_normal(member.dim) for rng in rngs]
    rows = [_along(_with_teacher(problem, teacher)) for teacher in teachers]
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return {"made_of": "curve", "weight_decay": weight_decay, **columns}


def _along(problem):
    """Risk, risk after pruning, and parts of the risk along the problem's weight decays, for one teacher."""
    solution = state_evolution(problem)
    pairs = zip(solution.delta, solution.threshold, strict=True)
    laws = [thresholded_law(problem, delta, threshold) for delta, threshold in pairs]
    parts = [error_parts(law) for law in laws]
    return {
        **{"excess_risk": solution.excess_risk, "pruned_risk": [pruned_risk(law) for law in laws]},
        **{name: [getattr(part, name) for part in parts] for name in names()},
    }
