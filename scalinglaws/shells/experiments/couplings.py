"""Shell couplings of plain and residual networks while they train, and runs that test time-rescaling covariance."""

from dataclasses import asdict, dataclass
from itertools import product

import numpy as np

from scalinglaws.networks import gradient_flow, kernel_velocity, layer_kernels
from scalinglaws.shells.conditions import (
    by_layer_distance,
    coherent_layers,
    excess_coherence,
    jacobian_growth,
    kernel_path,
    layer_coherence,
)
from scalinglaws.shells.couplings import (
    boundary_shares,
    distance_shares,
    log_shift,
    null_transfers,
    scale_free_rotation,
    shell_transfers,
)
from scalinglaws.shells.experiments.setup import Member, member_rng, prepare
from scalinglaws.shells.modes import of_snapshot, rotation_rates
from scalinglaws.shells.partition import SharpShells, geometric_edges
from scalinglaws.shells.rescaling import rescaling_gaps

EXPERIMENT = "shells/couplings"
COHERENCES = {"raw": layer_coherence, "excess": excess_coherence}


@dataclass(frozen=True)
class NetworkMember(Member):
    """A member with its architecture. part: 'architecture' (couplings are measured) or 'rescaling'."""

    depth: int
    residual: bool
    part: str = "architecture"


def members(settings):
    """All combinations of data set, depth, width, architecture and seed; then those of the rescaling test."""
    sizes, rescaling = product(settings["depths"], settings["widths"]), settings["rescaling"]
    combinations = product(settings["datasets"], sizes, (False, True), settings["seeds"])
    measured = [_member(settings, d, size, residual, seed) for d, size, residual, seed in combinations]
    size = (rescaling["depth"], rescaling["width"])
    tested = product(settings["datasets"], (False, True), settings["seeds"][: rescaling["n_seeds"]])
    return measured + [_member(settings, d, size, residual, seed, "rescaling") for d, residual, seed in tested]


def _member(settings, dataset, size, residual, seed, part="architecture"):
    depth, width = size
    return NetworkMember(dataset, "richness0", settings["richness0"], width, seed, depth, residual, part)


def run(settings, member):
    """Measure one network at the times asked for, or compare its run with those at other units of time."""
    network = {**settings["network"], "depth": member.depth, "residual": member.residual}
    flow, parameters = prepare(EXPERIMENT, member, {**settings, "network": network})
    measure = _rescaling if member.part == "rescaling" else _couplings
    return {**member.identity(), **measure(settings, member, flow, parameters)}


def _rescaling(settings, member, flow, parameters):
    """Relative differences from the unrescaled run, sharp shells of the first ratio."""
    chosen = settings["rescaling"]
    offset, ratio = settings["grid_offsets"][0], settings["shell_ratios"][0]
    gaps = rescaling_gaps(
        flow,
        parameters,
        chosen["duration"],
        chosen["time_scales"],
        lambda modes: [_shells(modes, settings, ratio, offset)],
        tolerance=settings["tolerance"],
    )
    return {"time_scale": chosen["time_scales"], "gap": gaps}


def _couplings(settings, member, flow, parameters):
    """Arrays over times (T), the start first, and shell ratios (Q); each number is a mean over grid offsets."""
    rng, times = member_rng(f"{EXPERIMENT}/null", member.dataset, member.seed), [0.0, *settings["times"]]
    start, rows = {}, []
    for snapshot, past in _at_times(gradient_flow(flow, parameters, times[-1], tolerance=settings["tolerance"]), times):
        start = start or _coherences(flow, snapshot)
        rows.append({**past, **_measure(settings, rng, flow, snapshot)})
    moments = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    growth = jacobian_growth(moments["largest_eigenvalue"])
    return {"time": times, "shell_ratio": settings["shell_ratios"], "jacobian_growth": growth, **moments, **start}


def _at_times(snapshots, times):
    """The first snapshot at or after each time (a step is a tenth of the time at most), with what led up to it.

    kernel_path is the relative length of M's path, largest_eigenvalue the largest of M at any time so far.
    """
    due, path, largest, kernel = list(times), 0.0, 0.0, None
    for snapshot in snapshots:
        previous, kernel = kernel, snapshot.kernel.detach().cpu().numpy()
        path += 0.0 if previous is None else kernel_path(previous, kernel)
        largest = max(largest, float(snapshot.eigenvalues[-1]))
        while due and snapshot.time >= due[0]:
            due.pop(0)
            yield snapshot, {"kernel_path": path, "largest_eigenvalue": largest}


def _coherences(flow, snapshot):
    """By kind of coherence: means by distance between layers, and the number of coherent layers."""
    kernels = np.array(
        [kernel.detach().cpu().numpy() for kernel in layer_kernels(flow.network, snapshot.linearisation)]
    )
    matrices = {kind: coherence(kernels) for kind, coherence in COHERENCES.items()}
    return {
        "coherence": {kind: by_layer_distance(matrix) for kind, matrix in matrices.items()},
        "coherent_layers": {kind: coherent_layers(matrix) for kind, matrix in matrices.items()},
    }


def _measure(settings, rng, flow, snapshot):
    """Log-shift indices (Q,) and shares of transfers by distance (Q, reach) of one snapshot, with its vital signs."""
    modes = of_snapshot(snapshot)
    rotation = rotation_rates(modes, kernel_velocity(flow, snapshot).detach().cpu().numpy())
    nulls = [scale_free_rotation(rng, modes.eigenvalues) for _ in range(settings["null_draws"])]
    by_ratio = [_in_shells(settings, modes, rotation, nulls, ratio) for ratio in settings["shell_ratios"]]
    moment = {"snapshot_time": snapshot.time, "loss": modes.loss}
    return {**moment, **{name: np.array([row[name] for row in by_ratio]) for name in by_ratio[0]}}


def _in_shells(settings, modes, rotation, nulls, ratio):
    """Means over grid offsets, in shells of one ratio anchored at the largest eigenvalue of the moment."""
    rows = []
    for offset in settings["grid_offsets"]:
        shells = _shells(modes, settings, ratio, offset)
        measured = distance_shares(shell_transfers(modes, rotation, shells))
        null = distance_shares(null_transfers(modes, shells))
        shares = {"share": measured, "null_share": null}
        shares |= {f"boundary_{name}": boundary_shares(values) for name, values in shares.items()}
        row = {name: values[: settings["reach"]] for name, values in shares.items()}
        rows.append({**asdict(log_shift(modes.eigenvalues, rotation, shells, nulls)), **row})
    return {name: np.mean([row[name] for row in rows], axis=0) for name in rows[0]}


def _shells(modes, settings, ratio, offset):
    """Shells anchored at the largest eigenvalue, with room below and above."""
    top = modes.eigenvalues.max()
    low, high = top * 10.0 ** -settings["decades_below"], top * 10.0 ** settings["decades_above"]
    return SharpShells(geometric_edges(low, high, ratio, grid_offset=offset, anchor=top))
