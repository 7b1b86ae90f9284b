"""Models: any torch module on any regression task, trained by gradient flow; its shells and what passed between them.

A case names a network and data by the factories that make them, or data by a file of arrays. Neither the kernel nor its
modes are formed, but for a comparison at the first and last moment of cases that are small enough.
"""

from dataclasses import asdict, dataclass
from itertools import product

import numpy as np

from scalinglaws.networks.named import named_data, named_network
from scalinglaws.networks.operators import TangentOperator
from scalinglaws.shells.experiments.setup import DTYPES, choose_device
from scalinglaws.shells.lanczos import lanczos
from scalinglaws.shells.measure import FURTHER, measure, measure_operator
from scalinglaws.shells.partition import SplineShells
from scalinglaws.shells.tracking import padded_nodes, track

# Steps that find the largest eigenvalue, with as few more as tell their error: it converges first of all.
FIRST_STEPS = 10
# What tables need of the shells of each moment.
OF_SHELLS = ("loss", "position", "energy", "dissipation", "error")


@dataclass(frozen=True)
class ModelMember:
    """A run of a case, by its name: its data and network are those of the seed."""

    case: str
    seed: int


def members(settings):
    """All combinations of case and seed."""
    return [ModelMember(case["name"], seed) for case, seed in product(settings["cases"], settings["seeds"])]


def run(settings, member):
    """Train one member; its shells at every time as a dict of arrays, with what identifies it."""
    model, data = _case(settings, member)
    memory, ratio = {"memory_gb": settings["memory_gb"]}, {"shell_ratio": settings["shell_ratio"]}
    begin = measure(model, *data, n_steps=FIRST_STEPS, method="lanczos", **ratio, **memory)
    top = begin.nodes.max()
    options = {"edges": begin.edges, "n_steps": settings["n_steps"], **memory}
    snapshots = list(track(model, data, _times(settings) / top, **options))
    record = {**asdict(member), **_sizes(model, data), "top": top, "edges": begin.edges, **_history(snapshots)}
    if data[1].numel() <= settings["compare"]["largest"]:
        moments = [(0.0, model), (snapshots[-1].time, snapshots[-1].model)]
        record["compared"] = _compared(settings, data, begin.edges, moments)
    return record


def _case(settings, member):
    """Network, and inputs with targets, of a member."""
    (case,) = [case for case in settings["cases"] if case["name"] == member.case]
    place = {"device": choose_device(settings["device"]), "dtype": DTYPES[settings["dtype"]]}
    data = case["data"], member.seed, case.get("data_options", {}), settings.get("files", {})
    return (
        named_network(case["network"], member.seed, case.get("network_options", {}), **place),
        named_data(*data, **place),
    )


def _times(settings):
    """Log-spaced times, in units of 1 / largest eigenvalue at the start."""
    times = settings["times"]
    return np.geomspace(times["first"], times["last"], times["count"])


def _sizes(model, data):
    moving = [value for value in model.parameters() if value.requires_grad]
    n_samples, n_targets = len(data[1]), data[1].numel()
    return {
        "n_samples": n_samples,
        "n_outputs": n_targets // n_samples,
        "n_parameters": sum(value.numel() for value in moving),
    }


def _history(snapshots):
    """What every snapshot holds, times first."""
    nodes, node_energy = padded_nodes(snapshots)
    of_shells = {name: np.array([getattr(one.shells, name) for one in snapshots]) for name in OF_SHELLS}
    return {
        "time": np.array([one.time for one in snapshots]),
        **of_shells,
        "exchange": np.array([one.exchange for one in snapshots]),
        "largest": nodes.max(axis=1),
        "nodes": nodes,
        "node_energy": node_energy,
    }


def _compared(settings, data, edges, moments):
    """Distance of Lanczos' shells from exact ones, and the error that Lanczos tells, by moment and number of steps."""
    found = [_compare(settings, model, data, edges) for _, model in moments]
    distance, told = np.swapaxes(found, 0, 1)
    steps = np.array(settings["compare"]["steps"])
    return {"time": np.array([time for time, _ in moments]), "steps": steps, "distance": distance, "told": told}


def _compare(settings, model, data, edges):
    """(distance, told), each by number of steps, of what `measure` gives with so many, relative to the loss."""
    operator = TangentOperator(model, data[0], memory_gb=settings["memory_gb"])
    residual, shells, steps = operator.residual(data[1]), SplineShells(edges), settings["compare"]["steps"]
    exact = measure_operator(operator, residual, operator.n_samples, edges=edges, method="exact")
    reached = lanczos(operator, residual, max(steps) + FURTHER)

    def energy(n_steps):
        nodes, weights = reached.measure(n_steps)
        return shells.windows(nodes) @ weights / (2 * operator.n_samples)

    further = np.array([energy(k + FURTHER) for k in steps])
    told = further - np.array([energy(k) for k in steps])
    return np.abs(np.array([further - exact.energy, told])).sum(axis=2) / exact.loss
