"""What every experiment on a network begins with: a seed's data set and initial network, as a gradient flow."""

import math
import zlib
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from scalinglaws import checks
from scalinglaws.networks import Diverged, Network, initialise, stack, start_flow
from scalinglaws.problems import make_problem

DTYPES = {"float64": torch.float64, "float32": torch.float32}
# What stops one member of an experiment and lets the others go on.
STOPS = (Diverged,)


@dataclass(frozen=True)
class Member:
    """One run of an experiment; members that share data set and seed share the data, and with them the same draws.

    held says which richness `value` is: "richness" itself, or "richness0" = richness / sqrt(width).
    """

    dataset: str
    held: str
    value: float
    width: int
    seed: int

    @property
    def richness(self):
        """The richness gamma that the flow is run at."""
        return self.value * math.sqrt(self.width) if self.held == "richness0" else self.value

    def identity(self):
        """What tells this member from the others, for storing beside its results."""
        return {**asdict(self), "richness": self.richness}


def member_rng(experiment, dataset, seed):
    """Generator of a seed: depends on the experiment, the data set and the seed, not on richness, width or shard."""
    return np.random.default_rng([zlib.crc32(f"{experiment}/{dataset}".encode()), seed])


def prepare(experiment, member, settings):
    """Flow and initial parameters of a member. settings: data (by name), network, device, dtype."""
    network, parameters, inputs, targets = _draw(experiment, member, settings)
    return start_flow(network, parameters, inputs, targets, member.richness), parameters


def prepare_batch(experiment, members, settings):
    """The same for members that differ in their seed alone, along a batch axis; without one for a single member."""
    if len(members) == 1:
        return prepare(experiment, members[0], settings)
    networks, *drawn = zip(*(_draw(experiment, member, settings) for member in members), strict=True)
    parameters, inputs, targets = stack(drawn[0]), *map(torch.stack, drawn[1:])
    return start_flow(networks[0], parameters, inputs, targets, members[0].richness), parameters


def batches(settings, members):
    """Positions of the members that train together, a list of lists: with batch_seeds those that differ in seed alone.

    In the order of the first of each. Otherwise, and where there is no such setting, each trains alone.
    """
    if not settings.get("batch_seeds"):
        return [[position] for position in range(len(members))]
    found = {}
    for position, member in enumerate(members):
        found.setdefault(replace(member, seed=0), []).append(position)
    return list(found.values())


def _draw(experiment, member, settings):
    """Network, initial parameters, inputs and targets of a member."""
    rng = member_rng(experiment, member.dataset, member.seed)
    problem = make_problem(rng, **settings["data"][member.dataset])
    sizes = {"n_inputs": problem.inputs.shape[1], "n_outputs": problem.targets.shape[1], "width": member.width}
    network = Network(**{**settings["network"], **sizes})
    place = {"device": choose_device(settings["device"]), "dtype": DTYPES[settings["dtype"]]}
    parameters = initialise(rng, network, **place)
    inputs, targets = (torch.as_tensor(array, **place) for array in (problem.inputs, problem.targets))
    return network, parameters, inputs, targets


def choose_device(name):
    """'auto' is cuda where there is one, else cpu; ValueError for cuda where there is none."""
    checks.one_of("device", name, ("auto", "cpu", "cuda"))
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise ValueError("device = 'cuda' must be 'cpu' or 'auto' on this machine: torch finds no CUDA device")
    return "cuda" if name != "cpu" and available else "cpu"


@contextmanager
def reproducible():
    """One thread and deterministic algorithms for the block: the same input gives the same bytes. Restored after.

    On CUDA torch refuses products in the block unless the environment had CUBLAS_WORKSPACE_CONFIG=:4096:8 (or :16:8)
    before the process's first one: without it cuBLAS need not give the same bytes twice.
    """
    # Not `torch.use_deterministic_algorithms`: it loads the compiler, to tell it too, at a second of every job.
    threads, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    torch.set_num_threads(1)
    torch.set_deterministic_debug_mode("error")
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)
        torch.set_deterministic_debug_mode(mode)
