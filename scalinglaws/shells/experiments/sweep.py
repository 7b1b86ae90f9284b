"""Richness sweep: one network from the lazy limit to feature learning, with its whole shell account."""

from dataclasses import asdict
from itertools import product

from scalinglaws.shells.experiments.setup import Member, prepare
from scalinglaws.shells.history import record_history
from scalinglaws.shells.partition import SharpShells, SplineShells, anchored_edges

WINDOWS = {"sharp": SharpShells, "smooth": SplineShells}


def members(settings):
    """All combinations of data set, richness and seed."""
    combinations = product(settings["datasets"], settings["richness"], settings["seeds"])
    width = settings["network"]["width"]
    return [Member(dataset, "richness", richness, width, seed) for dataset, richness, seed in combinations]


def run(settings, member):
    """Train one member and return its history as a dict of arrays, with what identifies it."""
    flow, parameters = prepare("shells/sweep", member, settings)
    kinds = [(window, offset) for window in WINDOWS for offset in settings["grid"]["grid_offsets"]]
    history = record_history(
        flow,
        parameters,
        settings["duration"],
        lambda modes: [_shells(modes, settings["grid"], window, offset) for window, offset in kinds],
        tolerance=settings["tolerance"],
    )
    windows, offsets = zip(*kinds, strict=True)
    return {**member.identity(), "window": list(windows), "grid_offset": list(offsets), **asdict(history)}


def _shells(modes, grid, window, offset):
    """Shells anchored at the largest eigenvalue at time zero, with room below and above."""
    room = {name: grid[name] for name in ("decades_below", "decades_above")}
    top = modes.eigenvalues.max()
    return WINDOWS[window](anchored_edges(top, grid["shell_ratio"], grid_offset=offset, **room))
