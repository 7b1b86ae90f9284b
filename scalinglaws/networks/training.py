"""Gradient flow of the mean-squared error as a generator of snapshots.

With richness gamma the network trains f = (h - h_0) / gamma by theta' = -(gamma / n) J^T e, e = f - y, J the Jacobian
of the raw output h. Then e' = -M e holds exactly with M = J J^T / n, whatever gamma: small gamma is lazy, and
gamma = richness0 * sqrt(width) is the mean-field scaling. Lazy and feature-learning runs differ in this one number.
"""

import math
from dataclasses import dataclass

import torch

from scalinglaws import checks
from scalinglaws.networks.mlp import Network
from scalinglaws.networks.tangent import Linearisation, kernel_rate, linearise, pull_back, tangent_kernel

# Step control of an order-2 method: safety 0.9, growth between 0.3 and 2, and at most a tenth of the elapsed time, so
# that snapshots are evenly spread in log time.
SAFETY, SLOWEST, FASTEST, SHARE_OF_TIME = 0.9, 0.3, 2.0, 0.1
# A pass through networks of width up to 2048 and depth up to 5 rounds the outputs by 1 to 7 eps of their norm
# (single against double precision); 10 leaves room for the difference of two passes.
ROUNDINGS = 10


class Diverged(RuntimeError):
    """A run that cannot go on, or not begin: the loss not finite or grown, the steps too many or too small.

    Carries `last`, the last sound snapshot, or None.
    """

    def __init__(self, message, last):
        super().__init__(message)
        self.last = last


@dataclass(frozen=True)
class Flow:
    """A network, its training set and its richness: all that defines the gradient flow.

    inputs (n, n_inputs) or (..., n, n_inputs); targets (..., n, n_outputs); initial_outputs = h_0 at the start.
    """

    network: Network
    inputs: torch.Tensor
    targets: torch.Tensor
    richness: float
    initial_outputs: torch.Tensor

    @property
    def n_samples(self):
        """Number of training samples n, the divisor of the kernel and of the loss."""
        return self.inputs.shape[-2]

    def residual(self, outputs):
        """e = (h - h_0) / richness - y, flattened sample first to shape (..., n * n_outputs)."""
        return ((outputs - self.initial_outputs) / self.richness - self.targets).flatten(-2)


def start_flow(network, parameters, inputs, targets, richness):
    """Flow whose function starts at zero.

    ValueError on richness <= 0, fewer than 2 samples, mismatched shapes, and inputs or targets that are not finite.
    """
    checks.positive("richness", richness)
    checks.integer("n_samples", inputs.shape[-2], minimum=2)
    expected = (inputs.shape[-2], network.n_outputs)
    if inputs.shape[-1] != network.n_inputs:
        raise ValueError(f"inputs have {inputs.shape[-1]} columns and the network takes n_inputs = {network.n_inputs}")
    if tuple(targets.shape[-2:]) != expected:
        raise ValueError(f"targets have shape {tuple(targets.shape)} and must end in {expected}")
    for name, value in (("inputs", inputs), ("targets", targets)):
        # An infinite input may saturate a unit, and leave no trace in the outputs.
        if not bool(torch.isfinite(value).all()):
            raise ValueError(f"{name} have an entry that is not finite and must have none")
    initial_outputs = linearise(network, parameters, inputs).pass_.outputs
    return Flow(network, inputs, targets, float(richness), initial_outputs)


@dataclass(frozen=True)
class Snapshot:
    """One moment of training: time, parameters, residual e, M and its eigenpairs (ascending eigenvalues).

    `linearisation` holds the passes through the network that the kernel was made from, for the next step to reuse.
    """

    time: float
    parameters: tuple
    linearisation: Linearisation
    residual: torch.Tensor
    kernel: torch.Tensor
    eigenvalues: torch.Tensor
    eigenvectors: torch.Tensor
    n_samples: int

    @property
    def loss(self):
        """||e||^2 / (2n), one value per batch entry."""
        return (self.residual**2).sum(-1) / (2 * self.n_samples)


def take_snapshot(flow, time, parameters):
    """Measure residual, tangent kernel and its eigenpairs at `parameters`; None if not finite, or the loss is not."""
    linearisation = linearise(flow.network, parameters, flow.inputs)
    residual = flow.residual(linearisation.pass_.outputs)
    kernel = tangent_kernel(flow.network, linearisation)
    if not bool(torch.isfinite(kernel).all()) or not bool(torch.isfinite((residual**2).sum(-1)).all()):
        return None
    eigenvalues, eigenvectors = torch.linalg.eigh(kernel)
    eigenvalues = eigenvalues.clamp(min=0)
    return Snapshot(time, parameters, linearisation, residual, kernel, eigenvalues, eigenvectors, flow.n_samples)


def velocity(flow, parameters):
    """theta' = -(richness / n) J^T e, shaped like the parameters."""
    linearisation = linearise(flow.network, parameters, flow.inputs)
    return _downhill(flow, linearisation, flow.residual(linearisation.pass_.outputs))


def kernel_velocity(flow, snapshot):
    """dM/dt along the gradient flow at `snapshot`."""
    direction = _downhill(flow, snapshot.linearisation, snapshot.residual)
    return kernel_rate(flow.network, snapshot.parameters, snapshot.linearisation, direction)


def _downhill(flow, linearisation, covector):
    scale = -flow.richness / flow.n_samples
    return tuple(scale * gradient for gradient in pull_back(flow.network, linearisation, covector))


def _moved(parameters, direction, step=1.0):
    return tuple(p + step * d for p, d in zip(parameters, direction, strict=True))


def gradient_descent_step(flow, snapshot, step):
    """One step of plain full-batch gradient descent with learning rate `step`: order 1."""
    return _moved(snapshot.parameters, velocity(flow, snapshot.parameters), step)


def runge_kutta_step(flow, snapshot, step):
    """One classical fourth-order Runge-Kutta step."""
    start = snapshot.parameters
    k1 = velocity(flow, start)
    k2 = velocity(flow, _moved(start, k1, step / 2))
    k3 = velocity(flow, _moved(start, k2, step / 2))
    k4 = velocity(flow, _moved(start, k3, step))
    mean = tuple((a + 2 * b + 2 * c + d) / 6 for a, b, c, d in zip(k1, k2, k3, k4, strict=True))
    return _moved(start, mean, step)


def exponential_midpoint_step(flow, snapshot, step):
    """One exponential midpoint step: order 2, unconditionally stable, exact for a constant kernel.

    A half step with the kernel frozen at the start finds the midpoint; the full step then moves along J^T at the
    midpoint, with the residual integrated exactly under the midpoint's kernel: int_0^h e^{-sM} ds e = h phi1(hM) e.
    """
    return _midpoint(flow, snapshot, step)[0]


def _midpoint(flow, snapshot, step):
    """The new parameters and e^{-h M_mid} e, the residual they would have if M stayed at its midpoint value."""
    half = _frozen_kernel_move(flow, snapshot, snapshot, step / 2)
    midpoint = take_snapshot(flow, snapshot.time + step / 2, half)
    if midpoint is None:
        return snapshot.parameters, torch.full_like(snapshot.residual, torch.inf)
    modes = _components(midpoint.eigenvectors, snapshot.residual)
    predicted = _assemble(midpoint.eigenvectors, torch.exp(-step * midpoint.eigenvalues) * modes)
    return _frozen_kernel_move(flow, snapshot, midpoint, step), predicted


def _frozen_kernel_move(flow, start, linearised_at, step):
    """theta - (richness/n) J^T V [h phi1(h lam)] V^T e with J, V, lam at `linearised_at` and theta, e at `start`."""
    at = linearised_at
    integrated = step * _phi1(step * at.eigenvalues) * _components(at.eigenvectors, start.residual)
    return _moved(start.parameters, _downhill(flow, at.linearisation, _assemble(at.eigenvectors, integrated)))


def _phi1(x):
    """(1 - e^-x) / x, and 1 at x = 0."""
    safe = torch.where(x > 0, x, torch.ones_like(x))
    return torch.where(x > 0, -torch.expm1(-safe) / safe, torch.ones_like(x))


def _components(eigenvectors, vector):
    return (eigenvectors.mT @ vector.unsqueeze(-1)).squeeze(-1)


def _assemble(eigenvectors, components):
    return (eigenvectors @ components.unsqueeze(-1)).squeeze(-1)


def fixed_steps(flow, parameters, step, n_steps, stepper):
    """Yield n_steps + 1 snapshots `step` apart, advanced by `stepper`.

    Raises Diverged when the loss grows, or where the start is not finite; ValueError on step <= 0 or n_steps < 0.
    """
    checks.positive("step", step)
    n_steps = checks.integer("n_steps", n_steps, minimum=0)
    snapshot = _first_snapshot(flow, parameters)
    yield snapshot
    for index in range(1, n_steps + 1):
        moved = take_snapshot(flow, index * step, stepper(flow, snapshot, step))
        _refuse_growth(flow, snapshot, moved, step)
        snapshot = moved
        yield snapshot


def _first_snapshot(flow, parameters):
    snapshot = take_snapshot(flow, 0.0, parameters)
    if snapshot is None:
        raise Diverged("the initial network has a non-finite kernel or residual", None)
    return snapshot


def gradient_flow(flow, parameters, duration, *, tolerance=1e-4, first_step=None, accept=None, max_steps=5000):
    """Yield snapshots of the gradient flow from time 0 to `duration`, about evenly spaced in log time.

    Exponential midpoint steps with the error estimate ||e_1 - e^{-h M_mid} e_0|| / ||e_0|| kept below `tolerance`, or
    below the rounding of e where that is larger; in a batch all members share the steps, set by the worst one.
    `accept(before, after)` may refuse a step, which is then halved. `first_step` defaults to a tenth of the fastest
    mode's time, 0.1 / lam_max. Raises Diverged when the loss grows or no step is small enough, after `max_steps`
    steps, or where the start is not finite or its kernel zero, so that nothing could ever move.
    """
    checks.positive("duration", duration)
    checks.positive("tolerance", tolerance)
    max_steps = checks.integer("max_steps", max_steps, minimum=0)
    if first_step is not None:
        checks.positive("first_step", first_step)
    snapshot = _first_snapshot(flow, parameters)
    if not bool(snapshot.eigenvalues.any(-1).all()):
        raise Diverged("the initial network has a zero kernel: no parameter moves its outputs", snapshot)
    yield snapshot
    step = first_step or _first_step(snapshot)
    for _ in range(max_steps):
        if snapshot.time >= duration:
            return
        snapshot, step = _controlled_step(flow, snapshot, min(step, duration - snapshot.time), tolerance, accept)
        yield snapshot
        step = min(step, max(SHARE_OF_TIME * snapshot.time, first_step or _first_step(snapshot)))
    if snapshot.time < duration:
        raise Diverged(f"{max_steps} steps reached time {snapshot.time:.4g} of {duration:.4g}", snapshot)


def _first_step(snapshot):
    """A tenth of the fastest mode's time; without limit once the kernel has died out and nothing moves any more."""
    fastest = float(snapshot.eigenvalues.max())
    return 0.1 / fastest if fastest > 0 else math.inf


def _controlled_step(flow, snapshot, step, tolerance, accept):
    """Shrink the step until error, loss and `accept` allow it; return the new snapshot and the next step."""
    smallest = 1e-12 * max(snapshot.time, step)
    rounding = _rounding(flow, snapshot)
    while step > smallest:
        parameters, predicted = _midpoint(flow, snapshot, step)
        moved = take_snapshot(flow, snapshot.time + step, parameters)
        error = _step_error(snapshot, moved, predicted, rounding / tolerance)
        factor = min(max(SAFETY * (tolerance / max(error, 1e-300)) ** (1 / 3), SLOWEST), FASTEST)
        if error <= tolerance:
            if _growth(snapshot, moved, rounding) <= 0 and (accept is None or accept(snapshot, moved)):
                return moved, step * factor
            factor = 0.5
        step *= factor
    message = f"at time {snapshot.time:.4g} no step above {smallest:.3g} holds the tolerance without raising the loss"
    raise Diverged(message, snapshot)


def _step_error(snapshot, moved, predicted, floor):
    """Worst over the batch of ||e_1 - predicted|| / max(||e_0||, floor); infinite for a step that is not finite."""
    if moved is None:
        return float("inf")
    difference = torch.linalg.vector_norm(moved.residual - predicted, dim=-1)
    scale = torch.linalg.vector_norm(snapshot.residual, dim=-1).clamp(min=torch.finfo(difference.dtype).tiny)
    error = float((difference / torch.maximum(scale, floor)).max())
    return error if error == error else float("inf")


def _rounding(flow, snapshot):
    """Norm of the rounding of e = (h - h_0) / richness - y: small richness costs digits in which h and h_0 agree."""
    terms = (snapshot.linearisation.pass_.outputs / flow.richness, flow.initial_outputs / flow.richness, flow.targets)
    size = sum(torch.linalg.vector_norm(term, dim=(-2, -1)) for term in terms)
    return ROUNDINGS * torch.finfo(size.dtype).eps * size


def _growth(before, after, rounding):
    """By how much of itself the loss grew, the worst of a batch; growth within rounding counts as none.

    Gradient flow cannot raise the loss: a step that does is too large. A residual that is off by `rounding` leaves the
    loss off by rounding (||e|| + rounding / 2) / n.
    """
    residual = torch.linalg.vector_norm(before.residual, dim=-1)
    noise = rounding * (residual + rounding / 2) / before.n_samples
    allowed = before.loss * (1 + 1e-9) + torch.finfo(before.loss.dtype).eps + noise
    return float(((after.loss - allowed) / allowed).max())


def _refuse_growth(flow, before, after, step):
    """Diverged if a step left the loss not finite or larger than it was."""
    place = f"in a step of {step:.4g} from time {before.time:.4g}"
    if after is None:
        raise Diverged(f"the loss ceased to be finite {place}", before)
    growth = _growth(before, after, _rounding(flow, before))
    if growth > 0:
        raise Diverged(f"the loss grew by {growth:.3g} of itself {place}", before)
