"""Width sweep: how the distance from the lazy limit falls with width at fixed richness and at fixed richness0."""

from itertools import product

from scalinglaws.networks import gradient_flow
from scalinglaws.shells.experiments.setup import Member, prepare
from scalinglaws.shells.lazy import lazy_gap


def members(settings):
    """All combinations of data set, richness held fixed (as it is, or per sqrt(width)), width and seed."""
    held = [(name, value) for name in ("richness", "richness0") for value in settings[name]]
    combinations = product(settings["datasets"], held, settings["widths"], settings["seeds"])
    return [Member(dataset, name, value, width, seed) for dataset, (name, value), width, seed in combinations]


def run(settings, member):
    """Train one member; its largest deviation from the lazy solution and its final kernel drift."""
    flow, parameters = prepare("shells/widths", member, settings)
    snapshots = gradient_flow(flow, parameters, settings["duration"], tolerance=settings["tolerance"])
    start = next(snapshots)
    gaps = [lazy_gap(start, snapshot) for snapshot in snapshots]
    deviation, drift = max(gap.deviation for gap in gaps), gaps[-1].kernel_drift
    return {**member.identity(), "deviation": deviation, "kernel_drift": drift}
