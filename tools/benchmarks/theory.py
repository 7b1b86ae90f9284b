"""Theory: learning curves of ridge regression and random features, and state evolution of shallow networks."""

import numpy as np

from benchmarks.timing import row, side_by_side
from scalinglaws.ridge import RandomFeatureProblem, RidgeProblem, learning_curve, power_law_bins
from scalinglaws.shallow import (
    DiagonalProblem,
    QuadraticProblem,
    binned_strengths,
    power_law_strengths,
    state_evolution,
)
from scalinglaws.spectra import power_law_spectrum, power_law_target


def theory_rows(n_points):
    """Theory of whole learning curves: every direction of 10,000 by itself, and 1e14 of them in bins."""
    eigenvalues = power_law_spectrum(10_000, 1.5)
    spectra = {
        "dim 10,000": (eigenvalues, power_law_target(eigenvalues, 1.5, 0.7), np.ones(10_000)),
        "dim 1e14, binned": power_law_bins(10**14, 1.5, 0.7),
    }
    n_samples, rows = np.geomspace(10, 5000, n_points), []
    for spectrum, (eigenvalues, target, multiplicities) in spectra.items():
        common = (eigenvalues, target, n_samples, 1e-6, 0.25)
        problems = {
            "ridge regression": RidgeProblem(*common, multiplicities=multiplicities),
            "random features": RandomFeatureProblem(*common, 1000, multiplicities=multiplicities),
        }
        for kind, problem in problems.items():
            seconds = _seconds(learning_curve, problem)
            rows.append(row(f"theory of {kind}, {spectrum}, {n_points} points", "seconds", seconds, at_most=0.06))
    return rows


def state_evolution_rows(n_points):
    """State evolution, seconds a point: curves from few samples to many, through the interpolation peak."""
    ratios, (strengths, multiplicities) = np.geomspace(0.02, 50, n_points), binned_strengths(10_000, 1.0)
    diagonal = (power_law_strengths(400, 1.0), 400 * ratios, 1.0, 0.7)
    bins = QuadraticProblem(strengths, 1e8 * ratios, 1.0, 0.7, multiplicities=multiplicities)
    cases = [
        ("diagonal, dim 400, Gaussian teacher", 0.02, DiagonalProblem(*diagonal, teacher="gaussian")),
        ("diagonal, dim 400, fixed teacher", 0.02, DiagonalProblem(*diagonal)),
        ("quadratic, dim 200", 1, QuadraticProblem(power_law_strengths(200, 1.0), 4e4 * ratios, 1.0, 0.7)),
        ("quadratic, dim 10,000, binned", 3, bins),
    ]
    return [
        row(f"state evolution, {name}", "seconds a point", _seconds(state_evolution, problem) / n_points, at_most=limit)
        for name, limit, problem in cases
    ]


def _seconds(solve, problem):
    return side_by_side({"it": lambda: solve(problem)})[0]["it"]
