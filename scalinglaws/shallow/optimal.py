"""The weight decay of the lowest excess risk, from state evolution.

In terms of (delta, b) the first equation, oversampling delta^2 = noise^2 + risk(delta, b), makes the lowest risk the
lowest delta. (noise^2 + risk) / delta^2 falls with delta at every c = b / delta, so delta is lowest at the c that
minimises risk(delta, c delta) for this very delta. Alternating, c at the last delta and delta at the last c, lowers
delta in every round, and quadratically in the end: at its minimum delta depends on c to second order.
"""

import dataclasses
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from scalinglaws.shallow.denoisers import denoiser
from scalinglaws.shallow.nested_roots import delta_of_ratio
from scalinglaws.shallow.state_evolution import StateEvolution, state_evolution
from scalinglaws.solvers import NotConverged

# Ratios b / delta tried in every round: beyond 38 a Gaussian has no tail in double precision.
RATIOS = np.geomspace(1e-5, 38.0, 48)
MOST_ROUNDS = 100
# Share of the signal below which a lower risk is a matter of rounding.
NOTHING_GAINED = 1e-13
TOO_SMALL = "the optimum is at weight_decay 0 or nearly so"


@dataclass(frozen=True, eq=False)
class OptimalWeightDecay:
    """weight_decay that minimises the excess risk, and the `StateEvolution` there; both of the curve's shape."""

    weight_decay: np.ndarray
    evolution: StateEvolution


def optimal_weight_decay(problem):
    """`OptimalWeightDecay` of a `DiagonalProblem` or `QuadraticProblem`; its own weight_decay is not read.

    The curve has the shape that n_samples and noise_std broadcast to. The optimum is global: every round scans ratios
    of threshold to noise over 6 decades. Its position is found to about 1e-7, its risk to all digits.

    ValueError where there is no optimum: a teacher 0, which is best not learned at all, and noise_std = 0 with samples
    enough to recover the teacher, whose risk vanishes with weight_decay. NotConverged, with the last
    (delta, threshold), where the risk rises from weight_decay 0 on or is level there (weak noise: positive
    semi-definite estimates of few samples, and strengths that all are far above the noise, want no other
    regularisation), and where the teacher is too far below the noise for its optimum to be told from 0.
    """
    estimator = denoiser(problem)
    n_samples, noise_std = np.broadcast_arrays(problem.n_samples, problem.noise_std)
    points = [_optimum(estimator, *map(float, point)) for point in zip(n_samples.flat, noise_std.flat, strict=True)]
    weight_decay = np.array(points).reshape(n_samples.shape)
    return OptimalWeightDecay(weight_decay, state_evolution(dataclasses.replace(problem, weight_decay=weight_decay)))


def _optimum(estimator, n_samples, noise_std):
    """The optimal weight_decay of one point of the curve."""
    oversampling, noise = n_samples / estimator.peak_samples, noise_std**2
    _require_an_optimum(estimator, n_samples, oversampling, noise_std)
    delta = np.sqrt((noise + estimator.signal) / oversampling)
    for _ in range(MOST_ROUNDS):
        c = _best_ratio(estimator, delta)
        if c < RATIOS[1]:
            raise NotConverged("optimal_weight_decay", (delta, c * delta), np.inf, MOST_ROUNDS, TOO_SMALL)
        before, delta = delta, delta_of_ratio(estimator, oversampling, noise, c)
        if delta >= before * (1 - 1e-14):
            return _weight_decay(estimator, oversampling, delta, c)
    raise NotConverged("optimal_weight_decay", (delta, c * delta), before / delta - 1, MOST_ROUNDS, "the noise is weak")


def _require_an_optimum(estimator, n_samples, oversampling, noise_std):
    if estimator.signal == 0:
        raise ValueError(
            "the teacher = 0 must hold an entry other than 0: without one the best weight_decay is infinite"
        )
    if noise_std == 0 and min(map(estimator.weak_noise_limit, RATIOS)) <= oversampling:
        raise ValueError(
            f"noise_std = 0.0 must be > 0 where n_samples = {n_samples:g} recover the teacher: "
            "the risk vanishes with weight_decay"
        )


def _best_ratio(estimator, delta):
    """c that minimises risk(delta, c delta): the best of `RATIOS`, refined between its neighbours."""

    def risk(log_ratio):
        return estimator.at(delta, delta * np.exp(log_ratio))[0]

    places = np.log(RATIOS)
    best = np.argmin([risk(place) for place in places])
    between = places[max(best - 1, 0)], places[min(best + 1, len(places) - 1)]
    return np.exp(minimize_scalar(risk, bounds=between, method="bounded", options={"xatol": 1e-9}).x)


def _weight_decay(estimator, oversampling, delta, c):
    b = c * delta
    risk, kept, _ = estimator.at(delta, b)
    is_weak = risk >= estimator.signal * (1 - NOTHING_GAINED)
    if is_weak or kept >= oversampling:
        advice = "the teacher is too weak" if is_weak else TOO_SMALL
        raise NotConverged("optimal_weight_decay", (delta, b), oversampling - kept, MOST_ROUNDS, advice)
    return b * (oversampling - kept)
