"""A computation in a process of its own: only there is the largest memory so far that of this computation."""

import multiprocessing
import resource
import sys
from concurrent.futures import ProcessPoolExecutor

import torch
from threadpoolctl import threadpool_limits

# Loaded once; every process is then a copy of the one that has loaded them.
PRELOADED = ["numpy", "torch", "scalinglaws.networks.operators", "scalinglaws.shells"]


def alone(compute, *arguments, rehearsal, n_threads=1):
    """(what `compute(*arguments)` returns, its peak memory in bytes), computed in a new process on n_threads of torch.

    The memory is that beyond what the process held after `compute(*rehearsal)`, which should be tiny: it loads what is
    loaded late. `compute` is a function of a module. The process starts as a copy of a server that has done nothing
    else, since a child of this one would take over the largest memory that this one has ever held.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_watched, compute, arguments, rehearsal, n_threads).result()


def _watched(compute, arguments, rehearsal, n_threads):
    torch.set_num_threads(n_threads)
    # numpy's threads stay awake between its products, on the cores that torch's want.
    with threadpool_limits(1, user_api="blas"):
        compute(*rehearsal)
        before = _largest_memory()
        result = compute(*arguments)
        # Less than a page is not seen, and nothing at all would have no logarithm.
        return result, max(_largest_memory() - before, resource.getpagesize())


def _largest_memory():
    """Bytes; macOS counts in bytes, others in kilobytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
