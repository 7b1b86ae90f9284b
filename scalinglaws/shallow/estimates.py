"""What a convex solver or a trained network hands back, for one data set and any number of weight decays."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Estimate:
    """Minimisers of the regularised objective; every field but the last two has the shape of the weight decays.

    parameters : theta^, shape (..., dim), of the diagonal, or S^, shape (..., dim, dim), of the quadratic network.
    excess_risk : |theta^ - theta*|^2 / dim, or 2 |S^ - S*|_F^2 / dim: exact, without a test set.
    train_error : mean squared training residual.
    objective : value of the objective, in the normalisation of `problem`.
    gap : bound on how far the objective lies above its minimum, relative to the objective: a duality gap for convex
        solvers; for networks the duality gap of the matrix or vector that they represent.
    iterations : number of iterations (for paths the number of steps).
    teacher : theta*, (dim,), or S*, (dim, dim), that made the labels.
    """

    parameters: np.ndarray
    excess_risk: np.ndarray
    train_error: np.ndarray
    objective: np.ndarray
    gap: np.ndarray
    iterations: np.ndarray | int
    teacher: np.ndarray
