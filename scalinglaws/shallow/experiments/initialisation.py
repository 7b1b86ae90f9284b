"""Initialisation of diagonal networks: interpolation at every scale, and weight decay from balanced starts.

Interpolation: inputs of Gaussian rows, fewer than coefficients, labels of a sparse teacher without noise and no weight
decay; the end of gradient flow, minimisers of the hypentropy potential, and those of the l1 and the l2 norm. Balance:
gradient flow with weight decay on noisy data, from starts of every imbalance, against the LASSO.
"""

from dataclasses import dataclass

import numpy as np

from scalinglaws.shallow import diagonal_network, lasso
from scalinglaws.shallow.experiments.setup import member_rng
from scalinglaws.shallow.implicit_bias import (
    minimum_l1_interpolator,
    minimum_l2_interpolator,
    minimum_potential_interpolator,
    rich_exponent,
)
from scalinglaws.shallow.initialisation import (
    decaying_flow,
    gradient_flow,
    imbalance_of,
    orthant_lasso,
    start_of_imbalance,
    theta_of,
)
from scalinglaws.shallow.problem import DiagonalProblem, power_law_strengths

EXPERIMENT = "initialisation"
INDEPENDENT = "independent"


@dataclass(frozen=True)
class InterpolationMember:
    """One data set of a sparse teacher, at all scales."""

    seed: int


@dataclass(frozen=True)
class BalanceMember:
    """One noisy data set at one weight decay, from all starts."""

    weight_decay: float
    seed: int


def members(settings):
    """Every seed of both studies."""
    decays = settings["balance"]["weight_decays"]
    interpolations = [InterpolationMember(seed) for seed in settings["seeds"]]
    return interpolations + [BalanceMember(decay, seed) for decay in decays for seed in settings["seeds"]]


def run(settings, member):
    """Arrays of one member; seeds of one study differ in the data, weight decays do not."""
    if isinstance(member, InterpolationMember):
        rng = member_rng(EXPERIMENT, "interpolation", member.seed)
        return {"study": "interpolation", "seed": member.seed, **_interpolation(settings["interpolation"], rng)}
    rng = member_rng(EXPERIMENT, "balance", member.seed)
    place = {"study": "balance", "seed": member.seed, "weight_decay": member.weight_decay}
    return {**place, **_balance(settings["balance"], member.weight_decay, rng)}


# --- interpolation --------------------------------------------------------------------------------------------------


def _interpolation(settings, rng):
    """Measures of every interpolator on the first n_samples rows, and risks on the first rows of other numbers."""
    inputs, teacher = _sparse_data(settings, rng)
    system = inputs[: settings["n_samples"]], inputs[: settings["n_samples"]] @ teacher
    scale, flow_scale = _scales(settings["scales"]), np.array(settings["flow_scales"])
    ends = [gradient_flow(*system, each) for each in flow_scale]
    flow = np.array([end.value for end in ends])
    twins = minimum_potential_interpolator(*system, flow_scale).value
    l1, l2 = minimum_l1_interpolator(*system), minimum_l2_interpolator(*system)
    found = {"potential": minimum_potential_interpolator(*system, scale).value, "flow": flow, "l1": l1, "l2": l2}
    return {
        **{source: _measures(theta, teacher, l1, l2) for source, theta in found.items()},
        **{"scale": scale, "flow_scale": flow_scale, "flow_steps": np.array([end.iterations for end in ends])},
        **{"flow_distance": _distance(flow, twins), "rich_exponent": rich_exponent(system[0], l1)},
        **_recovery(settings["recovery"], inputs, teacher),
    }


def _sparse_data(settings, rng):
    """Gaussian inputs, as many rows as coefficients, and a teacher of norm 1 with n_nonzero entries of random sign."""
    dim, n_nonzero = settings["dim"], settings["n_nonzero"]
    teacher = np.zeros(dim)
    teacher[:n_nonzero] = rng.choice([-1.0, 1.0], n_nonzero) / np.sqrt(n_nonzero)
    return rng.standard_normal((dim, dim)), teacher


def _scales(chosen):
    return np.geomspace(chosen["low"], chosen["high"], chosen["count"])


def _distance(theta, reference):
    """|theta - reference| over |reference|."""
    return np.linalg.norm(theta - reference, axis=-1) / np.linalg.norm(reference, axis=-1)


def _measures(theta, teacher, l1, l2):
    """Excess risk of isotropic inputs, excess of the l1 norm over the smallest, distances to both interpolators."""
    return {
        "excess_risk": ((theta - teacher) ** 2).sum(axis=-1),
        "l1_excess": np.abs(theta).sum(axis=-1) / np.abs(l1).sum() - 1,
        "l1_distance": _distance(theta, l1),
        "l2_distance": _distance(theta, l2),
    }


def _recovery(settings, inputs, teacher):
    """Excess risks, shape (n_samples, scales), and those of the minimum l1 interpolator."""
    scale, risks, sparse_risks = _scales(settings["scales"]), [], []
    for n_samples in settings["n_samples"]:
        system = inputs[:n_samples], inputs[:n_samples] @ teacher
        theta = minimum_potential_interpolator(*system, scale).value
        risks.append(((theta - teacher) ** 2).sum(axis=-1))
        sparse_risks.append(((minimum_l1_interpolator(*system) - teacher) ** 2).sum())
    sizes = {"recovery_samples": np.array(settings["n_samples"]), "recovery_scale": scale}
    return {**sizes, "recovery_risk": np.array(risks), "recovery_l1_risk": np.array(sparse_risks)}


# --- balance --------------------------------------------------------------------------------------------------------


def _balance(settings, weight_decay, rng):
    """Courses of every start and where they end, and where L-BFGS ends; times are those of the flow, weight_decay t."""
    sample = _noisy_data(settings, weight_decay, rng)
    optimum = lasso.solve_path(sample, weight_decay)
    if not optimum.parameters.any():
        raise ValueError(f"weight_decay = {weight_decay} must leave coefficients of the LASSO above 0")
    time = np.append(0.0, np.geomspace(*(settings["times"][name] for name in ("first", "last", "count"))))
    starts = _starts(settings, rng)
    courses = [_course(sample, weight_decay, optimum, start, time) for start in starts.values()]
    return {
        **{"start": np.array(list(starts)), "imbalance": _imbalances(settings), "time": time},
        **{name: np.array([course[name] for course in courses]) for name in courses[0]},
        "trained": _trained(sample, weight_decay, optimum, rng),
    }


def _noisy_data(settings, weight_decay, rng):
    strengths = power_law_strengths(settings["dim"], settings["decay"])
    noise_std = np.sqrt(settings["noise_variance"])
    problem = DiagonalProblem(strengths, settings["n_samples"], weight_decay, noise_std, teacher="gaussian")
    return lasso.draw(problem, rng)


def _imbalances(settings):
    """Of every start; NaN for the independent one, where each coefficient has its own."""
    return np.array([0.0, *settings["imbalances"], np.nan])


def _starts(settings, rng):
    """(u, v) by name: the same larger parts at every imbalance, and independent a and w ~ N(0, 1)."""
    seed, dim = rng.integers(2**32), settings["dim"]
    chosen = {"balanced": 0.0, **{f"{imbalance:g}": imbalance for imbalance in settings["imbalances"]}}
    starts = {name: start_of_imbalance(np.random.default_rng(seed), dim, value) for name, value in chosen.items()}
    a, w = rng.standard_normal((2, dim))
    return {**starts, INDEPENDENT: np.array([a + w, a - w]) / 2}


def _course(sample, weight_decay, optimum, start, time):
    """One start in time.

    distance : (n_times,), to the LASSO, relative.
    orthant_distance : of the LASSO in the orthant of the start's signs to the LASSO; orthant_gap : excess of the final
        objective over the former's.
    share_locked : of the LASSO's coefficients that start with the wrong sign, how many end with it.
    imbalance_left : (n_times,), sum of |a_i^2 - w_i^2| over that of the start; decay_rate : slope of its logarithm over
        2 weight_decay, mean over coefficients; decay_error : largest difference of that logarithm from
        -2 weight_decay t, over all coefficients and times: all NaN for a balanced start.
    """
    state = decaying_flow(sample.design, sample.labels, weight_decay, start, time / weight_decay)
    theta, signs = theta_of(state), np.where(theta_of(start) < 0, -1.0, 1.0)
    orthant = orthant_lasso(sample.design, sample.labels, weight_decay, signs)
    least = _objective(sample, orthant, weight_decay)
    misled = np.where(signs * optimum.parameters < 0, optimum.parameters, 0.0)
    return {
        "distance": _distance(theta, optimum.parameters),
        "orthant_distance": _distance(orthant, optimum.parameters),
        "orthant_gap": _objective(sample, theta[-1], weight_decay) / least - 1,
        "share_locked": _share_wrong(theta[-1], misled),
        **_decay(imbalance_of(state), time),
        **_ends(sample, theta[-1], weight_decay, optimum),
    }


def _decay(imbalance, time):
    """imbalance (n_times, dim) against e^(-2 time)."""
    if not imbalance.any():
        return {"imbalance_left": np.full(time.size, np.nan), "decay_rate": np.nan, "decay_error": np.nan}
    folds = np.log(imbalance / imbalance[0])
    slopes = np.polynomial.polynomial.polyfit(time, folds, 1)[1]
    return {
        "imbalance_left": np.abs(imbalance).sum(axis=1) / np.abs(imbalance[0]).sum(),
        "decay_rate": slopes.mean() / -2,
        "decay_error": np.abs(folds + 2 * time[:, None]).max(),
    }


def _objective(sample, theta, weight_decay):
    """Objective of the LASSO, and of a network of the smallest weights that represents theta."""
    return lasso.objective_and_gap(sample, theta, sample.labels - sample.design @ theta, weight_decay)[0]


def _ends(sample, theta, weight_decay, optimum):
    """Excess of the objective over the LASSO's, relative, and share of the LASSO's coefficients without its sign."""
    gap = _objective(sample, theta, weight_decay) / optimum.objective - 1
    return {"objective_gap": gap, "share_wrong": _share_wrong(theta, optimum.parameters)}


def _share_wrong(theta, reference):
    """Of the coefficients of the reference that are not 0, the share with another sign, or none; NaN if all are 0."""
    kept = reference != 0
    return (theta[kept] * reference[kept] <= 0).mean() if kept.any() else np.nan


def _trained(sample, weight_decay, optimum, rng):
    """Where L-BFGS ends from random a and w, independent and balanced."""
    found = {}
    for name, balanced in (("balanced", True), (INDEPENDENT, False)):
        theta = diagonal_network.train(sample, weight_decay, rng, balanced=balanced).parameters
        ends = _ends(sample, theta, weight_decay, optimum)
        found[name] = {"distance": _distance(theta, optimum.parameters), **ends}
    return found
