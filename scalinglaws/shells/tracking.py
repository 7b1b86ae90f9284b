"""Shells of any torch module while it trains: snapshots of gradient flow with the net flux through every edge.

Between two moments a shell has gained from others what its energy changed by plus what it dissipated; summed from the
largest eigenvalues down, that is the energy that passed each edge. No eigenvector is followed and no kernel formed.
"""

from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy.special import exprel

from scalinglaws import checks
from scalinglaws.shells.drift import measure_field
from scalinglaws.shells.measure import ShellMeasurement, measure_operator
from scalinglaws.shells.partition import SplineShells

# Steps of gradient flow are at most this over the largest eigenvalue: the classical Runge-Kutta method, stable to 2.8,
# then errs by less than 1e-4 of a mode in a step.
STEP = 0.4
# What arrives in a shell falls or grows by at most exp(this) between two snapshots: a steeper fall of its dissipation
# is that of modes that decay, which leave rounding, and no sign of what arrives.
STEEPEST = 3.0


@dataclass(frozen=True)
class ShellSnapshot:
    """Shells at one time of a run, and what passed since the snapshot before.

    exchange (S,): energy that each shell gained from the others, in units of the loss, zero at the first snapshot;
    model: the network that trains, as it is at this time: the next snapshot changes it.
    """

    time: float
    shells: ShellMeasurement
    exchange: np.ndarray
    model: object

    @property
    def flux(self):
        """Energy that passed each edge towards larger eigenvalues, (S + 1,); zero at the top."""
        return np.append(np.cumsum(self.exchange[::-1])[::-1], 0.0)

    @property
    def unbooked(self):
        """Sum of the exchange, zero but for errors of integration in time, relative to the energy."""
        return float(self.exchange.sum() / self.shells.loss)


def net_exchange(before, after, duration):
    """Energy that each shell gained from others between two measurements: change of energy plus energy dissipated.

    The energy at each eigenvalue falls by exp(-z), z = 2 lambda duration, and what arrives in a shell is taken to vary
    as exp(-g t / duration) with g = ln(D0 / D1), D its dissipation at either end. Duhamel's formula then gives, with
    B(x) = x / (e^x - 1),

        exchange = sum_after W E B(g - z) / B(g) - sum_before W E B(z - g) / B(-g),

    which is exactly 0 for any modes that only decay, and else errs at the second order of the duration, relative to
    what is exchanged. Shape (S,), in units of the loss. ValueError on other edges or duration <= 0.
    """
    checks.positive("duration", duration)
    if not np.array_equal(before.edges, after.edges):
        raise ValueError("before.edges and after.edges differ and must be the same: measure with edges=before.edges")
    fall = _fall(before.dissipation, after.dissipation)
    left = _decayed(before, 2 * duration, fall) * exprel(-fall)
    return _decayed(after, -2 * duration, -fall) * exprel(fall) - left


def _fall(first, second):
    """ln(first / second) within +-STEEPEST; 0 where either is zero."""
    known = (first > 0) & (second > 0)
    first, second = np.where(known, first, 1.0), np.where(known, second, 1.0)
    return np.clip(np.log(first) - np.log(second), -STEEPEST, STEEPEST)


def _decayed(shells, twice, fall):
    """Sum over modes of W E B(twice lambda - fall), by shell; B(x) = 1 / exprel(x)."""
    windows = SplineShells(shells.edges).windows(shells.nodes)
    return (windows / exprel(twice * shells.nodes - fall[:, None])) @ shells.node_energy


def track(model, data, times, *, edges=None, shell_ratio=2.0, n_steps=120, method="auto", memory_gb=1.0):
    """Train a copy of a torch module by gradient flow on the squared loss and yield a `ShellSnapshot` at each time.

    theta' = -J^T e / n, so that e' = -M e; time is in units of 1 / eigenvalue. data: inputs and targets, tensors;
    times: increasing, the first > 0; time 0 comes first, by itself. All snapshots share the edges of the first; the
    other options are those of `measure`. The caller's model is left as it is. ValueError as in `measure`, and on times
    out of order; Diverged, with the last sound `ShellMeasurement`, when the loss grows or is not finite: the kernel has
    then grown sevenfold between two times.
    """
    from scalinglaws.networks.operators import TangentOperator

    times = checks.increasing("times", checks.array("times", [0.0, *times], ndim=1))
    inputs, targets = data
    model = deepcopy(model)
    operator = TangentOperator(model, inputs, memory_gb=memory_gb)
    options = {"shell_ratio": shell_ratio, "n_steps": n_steps, "method": method}
    shells = measure_operator(operator, operator.residual(targets), operator.n_samples, edges=edges, **options)
    yield ShellSnapshot(0.0, shells, np.zeros(len(shells.energy)), model)
    for start, end in pairwise(times):
        before = shells
        residual = _train(operator, targets, end - start, before)
        shells = measure_operator(operator, residual, operator.n_samples, edges=before.edges, **options)
        yield ShellSnapshot(float(end), shells, net_exchange(before, shells, end - start), model)


def _train(operator, targets, duration, before):
    """Gradient flow for `duration`, in even steps; the residual at its end."""
    from scalinglaws.networks import Diverged

    n_steps = int(np.ceil(duration * before.nodes.max() / STEP))
    try:
        for _ in range(n_steps):
            _runge_kutta_step(operator, targets, duration / n_steps)
        residual = operator.residual(targets)
    except ValueError:  # the operator refuses outputs that are not finite
        residual = np.array([np.inf])
    if not residual @ residual <= 2 * operator.n_samples * before.loss:
        grown = f"the loss has grown from {before.loss:.3g} in a time of {duration:.3g}"
        raise Diverged(f"{grown}: ask for more times", before)
    return residual


def _runge_kutta_step(operator, targets, step):
    """One classical Runge-Kutta step of theta' = -J^T e / n, in place."""
    start = {name: value.clone() for name, value in operator.parameters.items()}
    total = {name: value.clone() for name, value in start.items()}
    for share, weight in ((0.5, 1 / 6), (0.5, 1 / 3), (1.0, 1 / 3), (None, 1 / 6)):
        gradient = operator.pull_back(operator.residual(targets) / operator.n_samples)
        for name, value in operator.parameters.items():
            total[name] -= weight * step * gradient[name]
            value.copy_(total[name] if share is None else start[name] - share * step * gradient[name])


def drift_field(snapshots, time_edges):
    """The drift field of one run, as `measure_field` gives it, from its snapshots: a list of `ShellSnapshot`.

    The growth is that of the largest eigenvalue, since the trace of the kernel is not known. ValueError as there.
    """
    time = np.array([snapshot.time for snapshot in snapshots])
    exchange = np.array([snapshot.exchange for snapshot in snapshots])
    return field_of_nodes(time, snapshots[0].shells.edges, *padded_nodes(snapshots), exchange, time_edges)


def field_of_nodes(time, edges, nodes, node_energy, exchange, time_edges):
    """The same from arrays: time (T,), edges (S + 1,), nodes and node_energy (T, k), exchange (T, S), first row 0."""
    field = measure_field(time, edges, nodes, node_energy, exchange[1:], time_edges)
    log_top = np.interp(time_edges, time, np.log(nodes.max(axis=1)))
    return replace(field, growth=np.diff(log_top) / np.diff(time_edges))


def padded_nodes(snapshots):
    """Nodes and their energies, (T, k) each, filled up with zeros: nodes without energy."""
    return tuple(_padded([getattr(one.shells, name) for one in snapshots]) for name in ("nodes", "node_energy"))


def _padded(rows):
    """Rows of different lengths as one array."""
    return np.array([np.pad(row, (0, max(map(len, rows)) - len(row))) for row in rows])
