"""Ridge regression and random features: deterministic equivalents, simulations, scaling regimes, random matrices."""

from scalinglaws.ridge.binned import feature_bins, power_law_bins
from scalinglaws.ridge.deep_wishart import DeepWishart
from scalinglaws.ridge.equivalents import LearningCurve, learning_curve
from scalinglaws.ridge.problem import RandomFeatureProblem, RidgeProblem
from scalinglaws.ridge.random_matrices import MarchenkoPastur, Semicircle, ks_distance
from scalinglaws.ridge.regimes import Scaling, crossover_width, width_exponents
from scalinglaws.ridge.simulate import Simulation, simulate
from scalinglaws.ridge.structured_wishart import StructuredWishart

__all__ = [
    "DeepWishart",
    "LearningCurve",
    "MarchenkoPastur",
    "RandomFeatureProblem",
    "RidgeProblem",
    "Scaling",
    "Semicircle",
    "Simulation",
    "StructuredWishart",
    "crossover_width",
    "feature_bins",
    "ks_distance",
    "learning_curve",
    "power_law_bins",
    "simulate",
    "width_exponents",
]
