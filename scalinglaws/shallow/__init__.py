"""Diagonal and quadratic networks with weight decay: theory, convex twins, trained networks, spectra, phases."""

from scalinglaws.shallow.decomposition import ErrorParts, error_parts
from scalinglaws.shallow.estimates import Estimate
from scalinglaws.shallow.heavy_tails import TailFit, power_law_tail
from scalinglaws.shallow.implicit_bias import (
    minimum_l1_interpolator,
    minimum_l2_interpolator,
    minimum_potential_interpolator,
)
from scalinglaws.shallow.initialisation import decaying_flow, gradient_flow
from scalinglaws.shallow.lasso import DiagonalSample
from scalinglaws.shallow.optimal import OptimalWeightDecay, optimal_weight_decay
from scalinglaws.shallow.phases import PowerLawPhases
from scalinglaws.shallow.problem import DiagonalProblem, QuadraticProblem, binned_strengths, power_law_strengths
from scalinglaws.shallow.pruning import prune, pruned_risk
from scalinglaws.shallow.quadratic import QuadraticSample
from scalinglaws.shallow.simulate import draw, solve, train
from scalinglaws.shallow.spectra import LearnedLaw, learned_law
from scalinglaws.shallow.state_evolution import StateEvolution, state_evolution

__all__ = [
    "DiagonalProblem",
    "DiagonalSample",
    "ErrorParts",
    "Estimate",
    "LearnedLaw",
    "OptimalWeightDecay",
    "PowerLawPhases",
    "QuadraticProblem",
    "QuadraticSample",
    "StateEvolution",
    "TailFit",
    "binned_strengths",
    "decaying_flow",
    "draw",
    "error_parts",
    "gradient_flow",
    "learned_law",
    "minimum_l1_interpolator",
    "minimum_l2_interpolator",
    "minimum_potential_interpolator",
    "optimal_weight_decay",
    "power_law_strengths",
    "power_law_tail",
    "prune",
    "pruned_risk",
    "solve",
    "state_evolution",
    "train",
]
