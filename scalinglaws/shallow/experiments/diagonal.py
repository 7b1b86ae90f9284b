"""Risk of diagonal networks against samples: state evolution, exact LASSO solutions and trained networks.

Weight decays are powers of the dimension, dim^exponent. State evolution is solved for the teacher that made the data:
its largest coefficients are of order one and random, and with them the risk.
"""

from dataclasses import dataclass

import numpy as np

from scalinglaws.shallow import diagonal_network, lasso
from scalinglaws.shallow.experiments.setup import member_rng
from scalinglaws.shallow.problem import DiagonalProblem, power_law_strengths
from scalinglaws.shallow.state_evolution import state_evolution

EXPERIMENT = "diagonal"


@dataclass(frozen=True)
class DiagonalMember:
    """One teacher, and a data set of every size with this variance of the label noise."""

    dim: int
    noise_variance: float
    seed: int


def members(settings):
    """All combinations of dimension, noise and seed."""
    return [
        DiagonalMember(dim, noise_variance, seed)
        for dim in settings["dims"]
        for noise_variance in settings["noise_variances"]
        for seed in settings["seeds"]
    ]


def run(settings, member):
    """Risk of the LASSO at every number of samples and weight decay, (n_samples, weight_decay), and its theory.

    At the largest dimension theory is also solved along a curve, dense in the number of samples; networks are trained,
    on the same data, for the dimensions and seeds chosen for them.
    """
    teacher = _teacher(settings, member)
    ratios = np.asarray(settings["ratios"])
    samples = [_sample(settings, member, teacher, _whole(member.dim, ratio)) for ratio in ratios]
    exact = [lasso.solve_path(sample, _weight_decays(settings, member)) for sample in samples]
    theory = _theory(settings, member, teacher, ratios)
    record = {
        **{"dim": member.dim, "noise_variance": member.noise_variance, "seed": member.seed},
        **{"decay": settings["decay"], "exponents": settings["weight_decay_exponents"]},
        **{"n_samples": [len(sample.labels) for sample in samples]},
        "risk": np.array([estimate.excess_risk for estimate in exact]),
        **{"theory": theory.excess_risk, "kept": member.dim * theory.kept},
    }
    if member.dim == max(settings["dims"]):
        ratios = np.union1d(ratios, np.geomspace(ratios.min(), ratios.max(), settings["curve_points"]))
        record["curve"] = {
            "n_samples": member.dim * ratios,
            "risk": _theory(settings, member, teacher, ratios).excess_risk,
        }
    chosen = settings["networks"]
    if member.dim in chosen["dims"] and member.seed in chosen["seeds"]:
        record["network"] = _networks(settings, member, samples, exact)
    return record


def _teacher(settings, member):
    """theta*, the same for every noise."""
    rng = member_rng(EXPERIMENT, f"teacher of dimension {member.dim}", member.seed)
    return power_law_strengths(member.dim, settings["decay"]) * rng.standard_normal(member.dim)


def _weight_decays(settings, member):
    return float(member.dim) ** np.asarray(settings["weight_decay_exponents"])


def _problem(settings, member, teacher, n_samples):
    return DiagonalProblem(teacher, n_samples, _weight_decays(settings, member), np.sqrt(member.noise_variance))


def _sample(settings, member, teacher, n_samples):
    rng = member_rng(EXPERIMENT, f"{member}, {n_samples} samples", member.seed)
    return lasso.draw(_problem(settings, member, teacher, n_samples), rng)


def _theory(settings, member, teacher, ratios):
    return state_evolution(_problem(settings, member, teacher, member.dim * ratios[:, None]))


def _networks(settings, member, samples, exact):
    """Risk of trained networks, and how far they are from the LASSO in objective and coefficients, relative.

    Distances are relative to the norm of the LASSO solution, or of the teacher where the solution is 0.
    """
    rng = member_rng(EXPERIMENT, f"{member}, networks", member.seed)
    trained = [diagonal_network.train(sample, _weight_decays(settings, member), rng) for sample in samples]
    pairs = list(zip(trained, exact, strict=True))
    return {
        "risk": np.array([network.excess_risk for network in trained]),
        "objective_gap": np.array([network.objective / convex.objective - 1 for network, convex in pairs]),
        "distance": np.array([_distance(network.parameters, convex) for network, convex in pairs]),
    }


def _distance(parameters, convex):
    size = np.linalg.norm(convex.parameters, axis=-1)
    scale = np.where(size > 0, size, np.linalg.norm(convex.teacher))
    return np.linalg.norm(parameters - convex.parameters, axis=-1) / scale


def _whole(dim, ratio):
    """dim ratio; ValueError unless it is a whole number, so that data and theory have the same number of samples."""
    n_samples = dim * ratio
    if abs(n_samples - round(n_samples)) > 1e-9 * n_samples:
        raise ValueError(f"ratios hold {ratio:g}, which must give a whole number of samples at dim = {dim}")
    return round(n_samples)
