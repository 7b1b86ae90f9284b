"""Drift: shell accounts of many data sets, networks and degrees of feature learning, for the drift and transport."""

from dataclasses import dataclass
from itertools import product

from scalinglaws.shells.experiments.setup import Member, prepare_batch
from scalinglaws.shells.history import record_batch
from scalinglaws.shells.partition import SplineShells, anchored_edges

# What a case may change of the experiment's network.
NETWORK_KEYS = ("depth", "width", "activation")
# What the tables need of a run's history: once per run, and for the shells of each ratio.
OF_RUN = ("time", "loss", "eigenvalues", "mode_energy")
OF_GRIDS = ("edges", "energy", "transfer", "crossing", "closure")


@dataclass(frozen=True)
class DriftMember(Member):
    """A run of a case: a data set, a network and a richness0."""

    depth: int
    activation: str
    tolerance: float


def members(settings):
    """All combinations of case, richness0 and seed; seeds share the data and, at one architecture, the weights."""
    return [
        _member(settings, case, richness0, seed)
        for case in settings["cases"]
        for richness0, seed in product(case["richness0"], settings["seeds"])
    ]


def run(settings, member):
    """Train one member; its history in smooth shells of every grid offset, by shell ratio."""
    return run_batch(settings, [member])[0]


def run_batch(settings, members):
    """The records of members that differ in their seed alone, trained as one; Diverged if one of them diverges."""
    case = members[0]
    changed = {"network": {**settings["network"], "depth": case.depth, "activation": case.activation}}
    flow, parameters = prepare_batch("shells/drift", members, {**settings, **changed})
    recorded = record_batch(
        flow,
        parameters,
        settings["duration"],
        lambda modes: [_grids(modes, settings["grid"], ratio) for ratio in settings["shell_ratios"]],
        tolerance=case.tolerance,
    )
    return [_record(settings, member, histories) for member, histories in zip(members, recorded, strict=True)]


def _record(settings, member, histories):
    shared = {name: getattr(histories[0], name) for name in OF_RUN}
    by_ratio = [{name: getattr(history, name) for name in OF_GRIDS} for history in histories]
    grids = dict(zip(map(str, settings["shell_ratios"]), by_ratio, strict=True))
    return {**member.identity(), "grid_offset": settings["grid"]["grid_offsets"], **shared, "grids": grids}


def _member(settings, case, richness0, seed):
    network = {name: case.get(name, settings["network"][name]) for name in NETWORK_KEYS}
    tolerance = case.get("tolerance", settings["tolerance"])
    return DriftMember(case["dataset"], "richness0", richness0, seed=seed, tolerance=tolerance, **network)


def _grids(modes, grid, shell_ratio):
    """Spline shells at each grid offset, anchored at the largest eigenvalue at time zero."""
    room = {name: grid[name] for name in ("decades_below", "decades_above")}
    top = modes.eigenvalues.max()
    edges = [anchored_edges(top, shell_ratio, grid_offset=offset, **room) for offset in grid["grid_offsets"]]
    return [SplineShells(of_grid) for of_grid in edges]
