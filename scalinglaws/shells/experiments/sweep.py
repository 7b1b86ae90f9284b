"""Richness sweep: one network from the lazy limit to feature learning, with its whole shell account."""

from dataclasses import asdict
from itertools import product

from scalinglaws.shells.experiments.setup import Member, prepare_batch
from scalinglaws.shells.history import record_batch
from scalinglaws.shells.partition import SharpShells, SplineShells, anchored_edges

WINDOWS = {"sharp": SharpShells, "smooth": SplineShells}


def members(settings):
    """All combinations of data set, richness and seed."""
    combinations = product(settings["datasets"], settings["richness"], settings["seeds"])
    width = settings["network"]["width"]
    return [Member(dataset, "richness", richness, width, seed) for dataset, richness, seed in combinations]


def run(settings, member):
    """Train one member and return its history as a dict of arrays, with what identifies it."""
    return run_batch(settings, [member])[0]


def run_batch(settings, members):
    """The records of members that differ in their seed alone, trained as one; Diverged if one of them diverges."""
    flow, parameters = prepare_batch("shells/sweep", members, settings)
    kinds = [(window, offset) for window in WINDOWS for offset in settings["grid"]["grid_offsets"]]
    histories = record_batch(
        flow,
        parameters,
        settings["duration"],
        lambda modes: [[_shells(modes, settings["grid"], window, offset) for window, offset in kinds]],
        tolerance=settings["tolerance"],
    )
    windows, offsets = map(list, zip(*kinds, strict=True))
    kept = zip(members, histories, strict=True)
    return [{**m.identity(), "window": windows, "grid_offset": offsets, **asdict(history)} for m, [history] in kept]


def _shells(modes, grid, window, offset):
    """Shells anchored at the largest eigenvalue at time zero, with room below and above."""
    room = {name: grid[name] for name in ("decades_below", "decades_above")}
    top = modes.eigenvalues.max()
    return WINDOWS[window](anchored_edges(top, grid["shell_ratio"], grid_offset=offset, **room))
