"""Convergence orders: how fast discretisations of the exact equations approach each other on small networks."""

from itertools import product

from scalinglaws.shells.convergence import measure_orders
from scalinglaws.shells.experiments.setup import Member, prepare


def members(settings):
    """All combinations of data set and seed."""
    width, richness = settings["network"]["width"], settings["richness"]
    pairs = product(settings["datasets"], settings["seeds"])
    return [Member(dataset, "richness", richness, width, seed) for dataset, seed in pairs]


def run(settings, member):
    """Errors of every discretisation at every step size."""
    flow, parameters = prepare("shells/orders", member, settings)
    errors = measure_orders(flow, parameters, settings["steps"], settings["n_centres"], settings["shell_ratio"])
    return {**member.identity(), "step": settings["steps"], "error": errors}
