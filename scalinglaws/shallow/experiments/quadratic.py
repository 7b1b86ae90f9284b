"""Risk of quadratic networks against samples: state evolution, exact convex solutions and trained networks.

The data are outer products x x^T, which quadratic networks see, or Gaussian matrices of the same covariance, as a
control. Weight decays are powers of the dimension, dim^exponent.
"""

from dataclasses import dataclass

import numpy as np

from scalinglaws.shallow import quadratic, quadratic_network
from scalinglaws.shallow.experiments.setup import member_rng
from scalinglaws.shallow.problem import QuadraticProblem, power_law_strengths
from scalinglaws.shallow.state_evolution import state_evolution

EXPERIMENT = "quadratic"
# Relative duality gap of the convex solutions: the risk is settled to 1e-4, at 3/4 of the time of the library's 1e-8.
GAP = 1e-6
# Where a solution is compared with a network it is solved to the library's tolerance.
COMPARED_GAP = quadratic.TOLERANCE
# Eigenvalues below this share of the teacher's largest do not count in the rank: training leaves some that are not 0.
COUNTED = 1e-4
# Residuals below this share of the largest are those of samples that are fitted.
FITTED = 0.01


@dataclass(frozen=True)
class TheoryMember:
    """State evolution along curves that hold every simulated number of samples."""

    dim: int
    noise_variance: float


@dataclass(frozen=True)
class SimulationMember:
    """A data set of every size n_samples = ratio dim^2, solved for all weight decays dim^exponent."""

    dim: int
    sensing: str
    noise_variance: float
    ratios: tuple[float, ...]
    exponents: tuple[float, ...]
    seed: int
    network: bool


def members(settings):
    """A theory for every dimension, simulated or `theory_dims`, and the simulations of every block, for each noise."""
    noises, blocks = settings["noise_variances"], settings["simulations"]
    dims = sorted({*settings["theory_dims"], *(block["dim"] for block in blocks)})
    simulations = [
        SimulationMember(
            *(block["dim"], block["sensing"], noise_variance, tuple(block["ratios"])),
            *(tuple(block["weight_decay_exponents"]), seed, seed in block.get("network_seeds", [])),
        )
        for block in blocks
        for noise_variance in noises
        for seed in block["seeds"]
    ]
    return [*(TheoryMember(dim, noise_variance) for dim in dims for noise_variance in noises), *simulations]


def run(settings, member):
    """The record of a member; arrays have the shape (n_samples, weight decays)."""
    made_of = "theory" if isinstance(member, TheoryMember) else "simulation"
    record = _theory(settings, member) if made_of == "theory" else _simulation(settings, member)
    place = {"dim": member.dim, "noise_variance": member.noise_variance, "decay": settings["decay"]}
    return {"made_of": made_of, **place, **record}


def _problem(settings, member, n_samples, exponents):
    weight_decay = float(member.dim) ** np.asarray(exponents)
    eigenvalues = power_law_strengths(member.dim, settings["decay"])
    return QuadraticProblem(eigenvalues, n_samples, weight_decay, np.sqrt(member.noise_variance))


def _theory(settings, member):
    """Risk and share of eigenvalues kept, at everything simulated at this dimension and along the curve."""
    blocks = [block for block in settings["simulations"] if block["dim"] == member.dim]
    simulated = {_whole(member.dim, ratio) for block in blocks for ratio in block["ratios"]}
    curve = member.dim**2 * np.geomspace(*settings["curve"]["ratios"], settings["curve"]["points"])
    n_samples = np.array(sorted({*simulated, *(float(round(n)) for n in curve)}))
    used = (block["weight_decay_exponents"] for block in [settings["curve"], *blocks])
    exponents = sorted({float(exponent) for chosen in used for exponent in chosen})
    found = state_evolution(_problem(settings, member, n_samples[:, None], exponents))
    return {"n_samples": n_samples, "exponents": exponents, "risk": found.excess_risk, "kept": found.kept}


def _simulation(settings, member):
    sizes = [_whole(member.dim, ratio) for ratio in member.ratios]
    results = [_solved(settings, member, n_samples) for n_samples in sizes]
    record = {name: np.array([result[name] for result in results]) for name in results[0]}
    told = {"sensing": member.sensing, "seed": member.seed, "network": member.network}
    return {**told, "n_samples": sizes, "exponents": member.exponents, **record}


def _solved(settings, member, n_samples):
    """One data set, the same for all blocks: arrays over weight decays of the convex solution and of the network.

    fitted is the share of samples with hardly any residual. Distances of the network's S are relative to the norm of
    the convex solution, or of the teacher where that is 0; its objective is relative to the convex one.
    """
    name = f"{member.sensing}, dimension {member.dim}, noise {member.noise_variance}, {n_samples} samples"
    rng = member_rng(EXPERIMENT, name, member.seed)
    problem = _problem(settings, member, n_samples, member.exponents)
    sample = quadratic.draw(problem, rng, member.sensing)
    tolerance = COMPARED_GAP if member.network else GAP
    convex = quadratic.solve_path(sample, problem.weight_decay, tolerance=tolerance)
    result = {"risk": convex.excess_risk, "rank": _ranks(convex), "fitted": _fitted(sample, convex)}
    if not member.network:
        return result
    trained = quadratic_network.train(sample, problem.weight_decay, rng)
    size, off = (np.linalg.norm(S, axis=(-1, -2)) for S in (convex.parameters, trained.parameters - convex.parameters))
    return {
        **result,
        "network_risk": trained.excess_risk,
        "network_rank": _ranks(trained),
        "objective_gap": trained.objective / convex.objective - 1,
        "distance": off / np.where(size > 0, size, np.linalg.norm(convex.teacher)),
    }


def _ranks(estimate):
    return (np.linalg.eigvalsh(estimate.parameters) > COUNTED * estimate.teacher.max()).sum(axis=-1)


def _fitted(sample, estimate):
    residuals = np.abs([sample.labels - sample.sensing.predict(S) for S in estimate.parameters])
    return (residuals < FITTED * residuals.max(axis=-1, keepdims=True)).mean(axis=-1)


def _whole(dim, ratio):
    """dim^2 ratio; ValueError unless it is a whole number, so that data and theory have the same number of samples."""
    n_samples = dim**2 * ratio
    if abs(n_samples - round(n_samples)) > 1e-9 * n_samples:
        raise ValueError(f"ratios hold {ratio:g}, which must give a whole number of samples at dim^2 = {dim**2}")
    return round(n_samples)
