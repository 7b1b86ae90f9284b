"""Minibatch noise: plain stochastic gradient descent with the shell budget of every step, split by its cause.

Robustness check of the theory of gradient flow (arXiv 2512.10427), which is run as the member of learning rate zero.
"""

from dataclasses import dataclass, replace
from itertools import pairwise, product

import numpy as np
import torch

from scalinglaws.networks import Diverged, gradient_flow, pull_back, take_snapshot
from scalinglaws.shells.budget import StepTooLarge, energies, followable, split_budgets
from scalinglaws.shells.experiments.setup import Member, member_rng, prepare
from scalinglaws.shells.minibatch import draw_batch, expected_injection, split_change
from scalinglaws.shells.modes import of_snapshot
from scalinglaws.shells.partition import SplineShells, geometric_edges

NAME = "shells/minibatch"
# Shells span these multiples of the first largest eigenvalue.
SPAN = 1e-5, 1e2
# Moments kept of a run, evenly spread in log time.
N_MOMENTS = 20
# Noise may raise the loss for a while; a run that raises it to this multiple of the first is not coming back.
RUNAWAY = 10.0


@dataclass(frozen=True)
class MinibatchMember(Member):
    """A run with batches of `batch_size` at `learning_rate`, in units of 1/lam_max(0); 0 stands for gradient flow."""

    batch_size: int
    learning_rate: float


@dataclass(frozen=True)
class Step:
    """One step: modes before and after, the parts of the residual's change, and the injection expected by shell."""

    time: float
    before: object
    after: object
    parts: dict
    expected: np.ndarray


def members(settings):
    """All combinations of data set, richness0, seed, batch size and learning rate, each seed with its gradient flow."""
    width, found = settings["network"]["width"], []
    for dataset, value, seed in product(settings["datasets"], settings["richness0"], settings["seeds"]):
        full = settings["data"][dataset]["n_samples"]
        batches = [(full, 0.0), *product(settings["batch_sizes"], settings["learning_rates"])]
        found += [MinibatchMember(dataset, "richness0", value, width, seed, *batch) for batch in batches]
    return found


def run(settings, member):
    """Train one member to `duration`, in units of 1/lam_max(0): what each cause gave each shell up to each moment."""
    flow, parameters = prepare(NAME, member, settings)
    start = of_snapshot(_measured(flow, 0.0, parameters, None))
    top = start.eigenvalues.max()
    shells = SplineShells(geometric_edges(SPAN[0] * top, SPAN[1] * top, settings["shell_ratio"], anchor=top))
    if member.learning_rate:
        steps = _descent(flow, parameters, member, settings["duration"], shells)
    else:
        steps = _flow_steps(flow, parameters, settings["duration"] / top, settings["tolerance"], shells)
    account = _account(start, steps, shells)
    account |= {"time": top * account["time"], "edges": shells.edges / top, "n_samples": flow.n_samples}
    return {**member.identity(), **account}


def _descent(flow, parameters, member, duration, shells):
    """Steps of stochastic gradient descent: theta -= rate (richness / b) J_B^T e_B on a batch drawn anew each time."""
    rng = member_rng(f"{NAME}/{member.batch_size}/{member.learning_rate}", member.dataset, member.seed)
    snapshot = _measured(flow, 0.0, parameters, None)
    first, before = snapshot, of_snapshot(snapshot)
    rate = member.learning_rate / before.eigenvalues.max()
    for index in range(1, max(round(duration / member.learning_rate), 1) + 1):
        weights = draw_batch(rng, flow.n_samples, member.batch_size)
        snapshot = _measured(flow, index * rate, _moved(flow, snapshot, rate, weights), snapshot, first)
        after = of_snapshot(snapshot)
        expected = expected_injection(before, rate, member.batch_size, shells)
        yield Step(snapshot.time, before, after, split_change(before, after, rate, weights), expected)
        before = after


def _moved(flow, snapshot, rate, weights):
    """theta - rate (richness / n) J^T W e, W the batch's weights."""
    per_entry = np.repeat(weights, flow.network.n_outputs)
    covector = torch.as_tensor(per_entry).to(snapshot.residual) * snapshot.residual
    gradients = pull_back(flow.network, snapshot.linearisation, covector)
    scale = rate * flow.richness / flow.n_samples
    return tuple(p - scale * gradient for p, gradient in zip(snapshot.parameters, gradients, strict=True))


def _measured(flow, time, parameters, last, first=None):
    """Snapshot at `parameters`; Diverged where it is not finite or has run away from the first one."""
    snapshot = take_snapshot(flow, time, parameters)
    if snapshot is None or (first is not None and snapshot.loss > RUNAWAY * first.loss):
        raise Diverged(f"the loss ran away at time {time:.4g}: lower learning_rate or raise batch_size", last)
    return snapshot


def _flow_steps(flow, parameters, duration, tolerance, shells):
    """Steps of the gradient flow, whose whole change is drift."""
    snapshots = gradient_flow(flow, parameters, duration, tolerance=tolerance, accept=_followable)
    for one, two in pairwise(snapshots):
        before, after = of_snapshot(one), of_snapshot(two)
        change = after.residual - before.residual
        parts = {"drift": change, "noise": np.zeros_like(change), "curvature": np.zeros_like(change)}
        yield Step(two.time, before, after, parts, np.zeros(shells.n_shells))


def _followable(one, two):
    return followable(of_snapshot(one), of_snapshot(two))


def _account(start, steps, shells):
    """Energies and cumulative terms by shell at the moments kept, and the worst closure of any step.

    Terms are energy gained; expected_injection is what `expected_injection` of each step adds up to.
    """
    times, energy, terms, closures = [0.0], [energies(start, shells)], [], []
    for step in steps:
        account, gained = _terms(step, shells)
        times.append(step.time)
        energy.append(account.energy_after)
        terms.append(gained)
        closures.append(account.closure)
    kept = _moments(len(terms))
    cumulative = {name: _cumulative([gained[name] for gained in terms])[kept] for name in terms[0]}
    over_time = {"time": np.array(times)[kept], "energy": np.array(energy)[kept]}
    return {**over_time, **cumulative, "closure": max(closures), "n_steps": len(terms)}


def _terms(step, shells):
    """The budget of one step with its dissipation summed over causes, and what each cause gives each shell."""
    try:
        [(account, split)] = split_budgets(step.before, step.after, step.parts, [shells])
    except StepTooLarge as error:
        raise Diverged(f"at time {step.time:.4g} the modes cannot be followed: {error}", None) from None
    by_cause = {
        "drift": -split.linear["drift"] - split.quadratic["drift"],
        "fluctuation": -split.linear["noise"],
        "injection": -split.quadratic["noise"],
        "curvature": -split.linear["curvature"] - split.quadratic["curvature"],
    }
    exchanged = {"transfer": account.transfer.sum(1), "crossing": account.crossing}
    gained = {**by_cause, **exchanged, "expected_injection": step.expected}
    return replace(account, dissipation=split.total), gained


def _cumulative(rows):
    return np.vstack([np.zeros_like(rows[0]), np.cumsum(rows, axis=0)])


def _moments(n_steps):
    """Indices of the first moment, of N_MOMENTS ones evenly spread in log time, and of the last."""
    return np.unique(np.append(0, np.round(np.geomspace(1, n_steps, N_MOMENTS)).astype(int)))
