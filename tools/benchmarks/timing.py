"""Seconds of computations side by side, and a line of the table that judges them."""

import math
import time

REPEATS = 5
COLUMNS = ("benchmark", "quantity", "measured", "bound", "holds")


def row(benchmark, quantity, measured, at_most=None, at_least=None):
    """One line of the table; a bound that is not given always holds."""
    holds = (at_most is None or measured <= at_most) and (at_least is None or measured >= at_least)
    bound = f"<= {at_most:g}" if at_most is not None else f">= {at_least:g}" if at_least is not None else ""
    return benchmark, quantity, rounded(measured), bound, holds


def rounded(measured):
    """Four digits: of what a clock says there are no more."""
    return float(f"{measured:.4g}")


def timed(seconds, compute, clock=time.perf_counter):
    """What `compute` returns; the time that it takes is appended to `seconds`."""
    started = clock()
    result = compute()
    seconds.append(clock() - started)
    return result


def side_by_side(computations, patience=math.inf):
    """Seconds and results of named computations: the best of several, alternating, so that all meet the same machine.

    CPU seconds: on one thread they are what the clock on the wall would say if nothing else ran. No further round is
    begun once all of them together have taken `patience` seconds.
    """
    seconds = {name: [] for name in computations}
    for _ in range(REPEATS):
        results = {name: timed(seconds[name], compute, time.process_time) for name, compute in computations.items()}
        if sum(map(sum, seconds.values())) > patience:
            break
    return {name: min(taken) for name, taken in seconds.items()}, results


def reference_seconds():
    """CPU seconds to add up ten million integers: how fast the machine is just now.

    Shared machines change their pace by half within minutes; whole runs are timed in seconds, and are read beside it.
    """
    seconds = []
    timed(seconds, lambda: sum(range(10_000_000)), time.process_time)
    return seconds[0]
