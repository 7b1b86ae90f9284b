"""Simulated ridge regression and random features, each against what no simulation can do without."""

import numpy as np

from benchmarks.timing import row, side_by_side
from scalinglaws.ridge import RandomFeatureProblem, RidgeProblem, simulate
from scalinglaws.spectra import power_law_spectrum, power_law_target


def simulation_rows(n_samples, dim):
    """Simulated ridge regression against its floor, the normals of two samples and their Gram matrices."""
    spectrum = power_law_spectrum(dim, 1.5)
    target = power_law_target(spectrum, 1.5, 1.2)
    one = RidgeProblem(spectrum, target, n_samples, 1e-4, 0.5)
    path = RidgeProblem(spectrum, target, n_samples, np.logspace(-6, 0, 20), 0.5)
    computations = {
        "floor": lambda: _two_grams(n_samples, dim),
        "one": lambda: simulate(one, np.random.default_rng(0), 2),
        "path": lambda: simulate(path, np.random.default_rng(0), 2),
    }
    seconds, _ = side_by_side(computations)
    name = f"simulated ridge regression, {n_samples} samples of {dim} directions"
    return [
        row(name, "seconds a draw", seconds["one"] / 2),
        row(name, "ratio to sampling and one Gram matrix", seconds["one"] / seconds["floor"], at_most=1.5),
        row(name, "ratio of 20 ridges to one", seconds["path"] / seconds["one"], at_most=3),
        *_feature_rows(spectrum, target, n_samples, n_samples),
    ]


def _feature_rows(spectrum, target, n_samples, width):
    """Random features against the products of inputs and maps that no simulation can do without."""
    problem = RandomFeatureProblem(spectrum, target, n_samples, 1e-4, 0.5, width)
    rng = np.random.default_rng(0)
    inputs, feature_map = rng.standard_normal((n_samples, len(spectrum))), rng.standard_normal((width, len(spectrum)))
    computations = {
        "floor": lambda: [inputs @ feature_map.T for _ in range(4)],
        "ours": lambda: simulate(problem, np.random.default_rng(0), 2, 2),
    }
    seconds, _ = side_by_side(computations)
    ours, floor = seconds["ours"], seconds["floor"]
    name = f"simulated random features, {n_samples} samples, {width} features of {len(spectrum)} directions"
    return [row(name, "seconds a pair of draws", ours / 4), row(name, "ratio to the features' products", ours / floor)]


def _two_grams(n_samples, dim):
    for seed in range(2):
        inputs = np.random.default_rng(seed).standard_normal((n_samples, dim))
        inputs @ inputs.T
