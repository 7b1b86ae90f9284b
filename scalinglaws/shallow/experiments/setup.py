"""What every experiment on shallow networks begins with: the generator of a member's draws, one thread for sums."""

import zlib
from contextlib import contextmanager

import numpy as np
from threadpoolctl import threadpool_limits

from scalinglaws.solvers import NotConverged

# What stops one member of an experiment and lets the others go on.
STOPS = (NotConverged,)


def member_rng(experiment, name, seed):
    """Generator of a member: depends on the experiment, the member's name and the seed, not on the shard."""
    return np.random.default_rng([zlib.crc32(f"shallow/{experiment}/{name}".encode()), seed])


@contextmanager
def reproducible():
    """One thread for the block: the same input gives the same bytes."""
    with threadpool_limits(1):
        yield
