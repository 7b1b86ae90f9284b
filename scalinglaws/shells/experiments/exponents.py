"""Loss exponents: the linear models of `shells.exponents`, and two-layer linear nets of finite width near them.

A finite net is trained on the population problem: n = n_modes samples with inputs sqrt(n lam_k) along axis k, so that
their covariance is diag(lam), and targets sqrt(n lam_k) w_k. With weight_scale = sqrt(n_modes) its first layer has the
scale 1, its tangent kernel is 2 diag(lam) at infinite width, and its time is that of the infinite net.
"""

import math
from dataclasses import asdict, dataclass
from itertools import product

import numpy as np
import torch

from scalinglaws.networks import Network, gradient_flow, initialise, start_flow
from scalinglaws.problems import RegressionProblem
from scalinglaws.shells.experiments.setup import DTYPES, choose_device, member_rng
from scalinglaws.shells.exponents import PowerLawTask, infinite_width_curve, lazy_loss, observation_times


@dataclass(frozen=True)
class LossMember:
    """One loss curve. Model "lazy", "infinite" or "network"; the first two know neither finite width nor seed."""

    model: str
    capacity: float
    task_exponent: float
    richness0: float
    n_modes: int
    width: float = math.inf
    seed: int = 0

    @property
    def task(self):
        """What the model learns."""
        return PowerLawTask(self.capacity, self.task_exponent, self.n_modes)


def members(settings):
    """All combinations for the two limits, richness0 = 0 being the lazy one, then those for networks with seeds."""
    limits = product(settings["capacities"], settings["task_exponents"], settings["richness0"])
    found = [LossMember("infinite" if limit[2] else "lazy", *limit, settings["n_modes"]) for limit in limits]
    nets = settings["networks"]
    places = product(nets["capacities"], nets["task_exponents"], nets["richness0"])
    draws = list(product(nets["widths"], settings["seeds"]))
    return found + [LossMember("network", *place, nets["n_modes"], *draw) for place in places for draw in draws]


def run(settings, member):
    """Times and losses, the tail of unlearned modes included, and the loss of the infinite net at the same times."""
    times, loss, infinite_loss = MODELS[member.model](settings, member)
    tail = member.task.tail
    curves = {"time": times, "loss": loss + tail, "infinite_loss": infinite_loss + tail}
    return {**asdict(member), "tail": tail, **curves}


def population_problem(task):
    """Training set whose empirical covariance is exactly diag(eigenvalues) and whose loss is the population's."""
    spread = np.sqrt(task.n_modes * task.eigenvalues)
    return RegressionProblem(np.diag(spread), (spread * task.target)[:, None])


def _lazy(settings, member):
    times = observation_times(member.task, settings["learned"])
    # One Lam from each layer: the two-layer net's frozen kernel is 2 Lam.
    loss = lazy_loss(2 * times, member.task.eigenvalues, member.task.target)
    return times, loss, loss


def _infinite(settings, member):
    task = member.task
    times = observation_times(task, settings["learned"])
    curve = infinite_width_curve(times, task.eigenvalues, task.target, member.richness0, learned=settings["learned"])
    return curve.time, curve.loss, curve.loss


def _network(settings, member):
    """Trained for as long as its infinite twin's slowest mode is unlearned."""
    duration = _infinite(settings, member)[0][-1]
    flow, parameters = _start(settings, member)
    snapshots = gradient_flow(flow, parameters, duration, tolerance=settings["tolerance"])
    times, loss = np.array([(snapshot.time, float(snapshot.loss)) for snapshot in snapshots]).T
    twin = infinite_width_curve(times, member.task.eigenvalues, member.task.target, member.richness0)
    return times, loss, twin.loss


def _start(settings, member):
    """Flow at richness = richness0 sqrt(width) and initial parameters."""
    place = {"device": choose_device(settings["device"]), "dtype": DTYPES[settings["dtype"]]}
    problem = population_problem(member.task)
    scale = math.sqrt(member.n_modes)
    network = Network(member.n_modes, int(member.width), 1, activation="linear", weight_scale=scale)
    parameters = initialise(member_rng("shells/exponents", "population", member.seed), network, **place)
    inputs, targets = (torch.as_tensor(array, **place) for array in (problem.inputs, problem.targets))
    return start_flow(network, parameters, inputs, targets, member.richness0 * math.sqrt(member.width)), parameters


MODELS = {"lazy": _lazy, "infinite": _infinite, "network": _network}
