"""The LASSO of many weight decays: our homotopy against scikit-learn's coordinate descent, as exact as it need be."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import lasso_path

from benchmarks.sizes import Size
from benchmarks.timing import row, side_by_side
from scalinglaws.shallow import DiagonalProblem, draw, power_law_strengths, solve
from scalinglaws.shallow.lasso import collect

METHODS = ("homotopy", "coordinate descent")
DIMS, QUICK = (100, 200, 400), 100
# Samples per coefficient: fewer than there are coefficients, and more.
SHAPES = {"n = dim / 2": 0.5, "n = 2 dim": 2.0}
N_WEIGHT_DECAYS = 20
EQUAL = 1e-8
TOLERANCES, SWEEPS = 10.0 ** -np.arange(4, 15), 10**6
# Seconds after which no further round is begun.
PATIENCE = 6.0


def lasso_grid(quick=False, dims=DIMS):
    """Rows and sizes; quick: up to QUICK coefficients."""
    rows, sizes = [], []
    for shape, ratio in SHAPES.items():
        for dim in (dim for dim in dims if dim <= QUICK or not quick):
            seconds, gap = compare(int(ratio * dim), dim)
            ours, theirs = (seconds[method] for method in METHODS)
            name = f"LASSO of {N_WEIGHT_DECAYS} weight decays, dim {dim}, {shape}"
            rows += [row(name, f"seconds, {method}", seconds[method]) for method in METHODS]
            rows += [row(name, "ratio", theirs / ours), row(name, "difference of objectives", gap, at_most=EQUAL)]
            sizes += [Size(f"LASSO, {shape}", method, "dim", dim, taken) for method, taken in seconds.items()]
    return rows, sizes


def compare(n_samples, dim):
    """({method: seconds}, largest relative difference of their objectives), from |A^T y| down to 1 / dim."""
    problem = DiagonalProblem(power_law_strengths(dim, 1.0), n_samples, 1.0, 0.7, teacher="gaussian")
    sample = draw(problem, np.random.default_rng(0))
    weight_decays = np.geomspace(np.abs(sample.design.T @ sample.labels).max(), 1 / dim, N_WEIGHT_DECAYS)
    path = DiagonalProblem(problem.target, n_samples, weight_decays, 0.7, teacher="gaussian")
    best = solve(path, None, sample=sample).objective
    tolerance, gap = _loosest(sample, weight_decays, best)
    computations = {
        METHODS[0]: lambda: solve(path, None, sample=sample),
        METHODS[1]: lambda: _coordinate_descent(sample, weight_decays, tolerance),
    }
    return side_by_side(computations, PATIENCE)[0], gap


def _loosest(sample, weight_decays, best):
    """The loosest tolerance that gives these objectives, and how far off they are with it."""
    for tolerance in TOLERANCES:
        parameters = _coordinate_descent(sample, weight_decays, tolerance)
        found = collect(sample, weight_decays, parameters, np.zeros(len(weight_decays)))
        gap = float((np.abs(found.objective - best) / best).max())
        if gap <= EQUAL:
            break
    return tolerance, gap


def _coordinate_descent(sample, weight_decays, tolerance):
    """Parameters (n_weight_decays, dim); scikit-learn divides the square by 2 n_samples where we divide by 2."""
    options = {"alphas": weight_decays / len(sample.labels), "tol": tolerance, "max_iter": SWEEPS}
    with warnings.catch_warnings():
        # At tolerances beyond double precision the gap that it stops by is never small enough.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return lasso_path(sample.design, sample.labels, **options)[1].T
