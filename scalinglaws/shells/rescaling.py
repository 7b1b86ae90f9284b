"""Time-rescaling covariance of gradient flow: M -> s M is t -> t / s, tested on whole runs.

A network whose output is multiplied by c, at a richness multiplied by c, computes the same f = (h - h_0) / richness
from the same parameters, and theta' = -(richness / n) J^T e is c^2 times what it was: s = c^2. Residuals at matching
times agree, eigenvalues grow by s, and so do all rates: fluxes through shell edges, which move with the eigenvalues.
"""

import math
from dataclasses import replace

import numpy as np

from scalinglaws import checks
from scalinglaws.networks import start_flow
from scalinglaws.shells.history import record_history

QUANTITIES = ("time", "loss", "eigenvalues", "flux")


def rescaled_flow(flow, parameters, time_scale):
    """The flow of the network whose output and richness are multiplied by sqrt(time_scale): time_scale times faster."""
    factor = math.sqrt(checks.positive("time_scale", time_scale))
    network = replace(flow.network, output_scale=factor * flow.network.output_scale)
    return start_flow(network, parameters, flow.inputs, flow.targets, factor * flow.richness)


def rescaling_gaps(flow, parameters, duration, time_scales, partitions, *, tolerance=1e-4):
    """Largest relative difference of each of `QUANTITIES` between a run and its rescaled ones: arrays over time_scales.

    partitions(modes) makes the list of shells from the modes at time zero, as for `record_history`. Differences of a
    quantity are relative to its largest size in the run; both runs choose their steps themselves, and the time of
    matching snapshots is one of the quantities.
    """

    def measure(scale):
        rescaled = flow if scale == 1 else rescaled_flow(flow, parameters, scale)
        history = record_history(rescaled, parameters, duration / scale, partitions, tolerance=tolerance)
        return _in_units(history, scale)

    reference = measure(1)
    runs = [measure(scale) for scale in time_scales]
    return {name: np.array([_gap(run[name], reference[name]) for run in runs]) for name in QUANTITIES}


def _in_units(history, scale):
    """The quantities that are compared, in the unrescaled run's units of time."""
    exchange = history.transfer + history.crossing
    rate = exchange[..., ::-1].cumsum(-1)[..., ::-1] / np.diff(history.time)[:, None]
    return {
        "time": history.time * scale,
        "loss": history.loss,
        "eigenvalues": history.eigenvalues / scale,
        "flux": rate.swapaxes(0, 1) / scale,
    }


def _gap(ours, reference):
    """Over the snapshots that both have: runs that step differently differ in time already."""
    shared = min(len(ours), len(reference))
    return float(np.abs(ours[:shared] - reference[:shared]).max() / np.abs(reference[:shared]).max())
