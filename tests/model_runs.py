"""Tiny real runs of the experiment on any models, and their tables, for the tests of tables and of figures."""

import functools

from scalinglaws.shells.experiments import models as experiment
from scalinglaws.shells.experiments.setup import reproducible
from scalinglaws.shells.tables import models

EXAMPLES = "scalinglaws.networks.examples"
SETTINGS = {
    "device": "cpu",
    "dtype": "float64",
    "memory_gb": 1.0,
    "cases": [
        {
            "name": "perceptron",
            "network": f"{EXAMPLES}:perceptron",
            "network_options": {"width": 6, "depth": 1, "n_outputs": 1},
            "data": f"{EXAMPLES}:digits",
            "data_options": {"n_samples": 30, "labels": "parity"},
        },
        {
            "name": "from_file",
            "network": f"{EXAMPLES}:perceptron",
            "network_options": {"width": 4, "depth": 1, "n_inputs": 3, "n_outputs": 2},
            "data": "own.npz",
        },
        {
            "name": "convolution",
            "network": f"{EXAMPLES}:convolution",
            "network_options": {"channels": [3]},
            "data": f"{EXAMPLES}:digits",
            "data_options": {"n_samples": 16},
        },
    ],
    "shell_ratio": 2.0,
    "n_steps": 20,
    "times": {"first": 0.3, "last": 10.0, "count": 8},
    "compare": {"steps": [3, 10, 30], "largest": 60},
    "seeds": [0, 1],
    "files": {
        "own.npz": {
            "inputs": [[(3 * i + j) % 7 / 3 - 1 for j in range(3)] for i in range(10)],
            "targets": [[i % 3 - 1.0, i % 2 - 0.5] for i in range(10)],
        }
    },
}


@functools.cache
def records():
    """One record per member, in the members' order."""
    with reproducible():
        return [experiment.run(SETTINGS, member) for member in experiment.members(SETTINGS)]


@functools.cache
def tables():
    """Tables of all records; not to be changed."""
    return models.tables(records())
