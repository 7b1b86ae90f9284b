"""Tiny real runs of the drift experiment, and their tables, for the tests of tables and of figures."""

import functools

from scalinglaws.shells.experiments import drift as experiment
from scalinglaws.shells.experiments.setup import reproducible
from scalinglaws.shells.tables import drift

WINDOWS = {"first_time": 0.3, "count": 12}
SETTINGS = {
    "data": {
        "synthetic": {"kind": "power_law", "n_samples": 16, "dim": 10, "capacity": 1.5, "source": 0.5},
        "digits": {"kind": "digits", "n_samples": 16},
    },
    "datasets": ["synthetic", "digits"],
    "device": "cpu",
    "dtype": "float64",
    "grid": {"shell_ratio": 3.0, "decades_below": 8, "decades_above": 3, "grid_offsets": [-0.25, 0.0, 0.25]},
    "network": {"width": 16, "depth": 2, "activation": "tanh", "residual": False, "weight_scale": 1.0},
    "cases": [
        {"dataset": "synthetic", "richness0": [0.3, 1.0]},
        {"dataset": "digits", "richness0": [1.0]},
        {"dataset": "synthetic", "richness0": [1.0], "depth": 1, "width": 8, "activation": "erf", "tolerance": 1e-6},
    ],
    "shell_ratios": [2.0, 4.0],
    "seeds": [0, 1],
    "duration": 20.0,
    "tolerance": 1e-3,
}


@functools.cache
def records():
    """One record per member, in the members' order."""
    with reproducible():
        return [experiment.run(SETTINGS, member) for member in experiment.members(SETTINGS)]


@functools.cache
def tables():
    """Tables of all records; not to be changed."""
    return drift.tables(records(), windows=WINDOWS)
