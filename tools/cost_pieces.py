"""Pieces of a paper run, run and timed one by one in processes of their own, and what whole members cost by them."""

import cProfile
import math
import multiprocessing
import pstats
import resource
import signal
import sys
import time
from collections import namedtuple

from cost_plans import scaled

from scalinglaws import networks
from scalinglaws.networks import training

# A run of a member: CPU seconds, snapshots taken, seconds until the second of them, seconds of each later one, torch's
# share (of profiled runs), memory, and whether it came to its end.
Piece = namedtuple("Piece", "seconds snapshots start pace torch_share gigabytes finished")
# Snapshots that tell the seconds of one.
FEWEST = 5
# What the first piece of a member, and a later one, may take at most, in units of the seconds asked for.
FIRST, LATER = 6, 3
# What a member takes: CPU seconds, memory, and whether it was run whole.
Cost = namedtuple("Cost", "seconds gigabytes whole")


class Enough(BaseException):
    """The CPU time of a piece is over."""


# CPU time at the end of each snapshot; the child of a piece has its own.
TAKEN = []


def time_snapshots():
    """Note when the trainer has measured a network, for all experiments that are imported from here on."""
    take = training.take_snapshot

    def timed(*arguments):
        snapshot = take(*arguments)
        TAKEN.append(time.process_time())
        return snapshot

    training.take_snapshot = networks.take_snapshot = timed


def piece(module, settings, index, limit, *, fewest=0, profiled=False):
    """Run one member in a child process for `limit` seconds of CPU time, or `fewest` snapshots; None if it fails."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    arguments = (theirs, module, settings, index, limit, fewest, profiled)
    child = multiprocessing.get_context("fork").Process(target=_run, args=arguments)
    child.start()
    theirs.close()
    try:
        return ours.recv()
    except EOFError:
        return None
    finally:
        child.join()


def _run(pipe, module, settings, index, limit, fewest, profiled):
    signal.signal(signal.SIGPROF, lambda *_: _stop(fewest))
    signal.setitimer(signal.ITIMER_PROF, limit, limit / 10)
    started, finished, profile = time.process_time(), True, cProfile.Profile(time.process_time)
    try:
        if profiled:
            profile.enable()
        module.run(settings, module.members(settings)[index])
    except Enough:
        finished = False
    profile.disable()
    seconds, share = time.process_time() - started, torch_share(profile) if profiled else math.nan
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    pipe.send(Piece(seconds, len(TAKEN), *_rhythm(started), share, gigabytes, finished))


def _stop(fewest):
    if len(TAKEN) >= fewest:
        signal.setitimer(signal.ITIMER_PROF, 0)
        raise Enough


def _rhythm(started):
    """Between the first two snapshots is what an experiment does at the start alone, or at few moments."""
    if len(TAKEN) < 3:
        return math.nan, math.nan
    return TAKEN[1] - started, (TAKEN[-1] - TAKEN[1]) / (len(TAKEN) - 2)


def torch_share(profile):
    """Share of the time in torch and in the modules of networks, which do little but call it."""
    own = {f"{file} {name}": times[2] for (file, _, name), times in pstats.Stats(profile).stats.items()}
    return sum(own[name] for name in own if "torch" in name or "scalinglaws/networks" in name) / sum(own.values())


class Costs:
    """Costs of an experiment's members, `spent` seconds of CPU after."""

    def __init__(self, module, settings, plan, seconds):
        self.module, self.settings, self.plan, self.seconds = module, settings, plan, seconds
        self.members, self.spent, self.stopped = module.members(settings), 0.0, {}

    def __call__(self, index):
        """The `Cost` of one member."""
        rungs, growth = self.ladder(index), self.plan.growth
        told = ", ".join(f"{at:g}: {one.seconds:.3g} s, {one.snapshots} snapshots" for at, one in rungs.items())
        print(f"{self.members[index]} {told}", flush=True)
        if not rungs:
            sys.exit(f"{self.members[index]} cannot be run in {FIRST * self.seconds:g} s: give more --seconds")
        if 1 in rungs:
            return Cost(rungs[1].seconds, rungs[1].gigabytes, True)
        if not any(one.snapshots for one in rungs.values()):
            seconds = continued({at: one.seconds for at, one in rungs.items()}, 1, growth)
            return Cost(seconds, max(one.gigabytes for one in rungs.values()), False)
        # A single smaller run takes as many snapshots, as far as one can tell.
        snapshots, whole = {at: one.snapshots for at, one in rungs.items()}, self.at_full_size(index)
        seconds = self.plan.starts * whole.start + continued(snapshots, 1, 0.0) * whole.pace
        return Cost(seconds, whole.gigabytes, False)

    def ladder(self, index):
        """Pieces by fraction, each run to its end, the next one only if it should end in time."""
        rungs = {}
        for fraction in self.plan.fractions:
            seconds = {at: one.seconds for at, one in rungs.items()}
            if rungs and continued(seconds, fraction, self.plan.growth) > self.seconds:
                break
            limit = (LATER if rungs else FIRST) * self.seconds
            one = self.piece(scaled(self.settings, self.plan.scaled, fraction), index, limit)
            if one and not one.finished:
                break
            rungs |= {fraction: one} if one else {}
        return rungs

    def at_full_size(self, index):
        """A run that is stopped in time, the same for all members of a size."""
        size = self.plan.size(self.members[index])
        if size not in self.stopped:
            self.stopped[size] = self.piece(self.settings, index, self.seconds, fewest=FEWEST)
        return self.stopped[size]

    def piece(self, settings, index, limit, **options):
        """A `piece`, its time counted."""
        one = piece(self.module, settings, index, limit, **options)
        self.spent += one.seconds if one else 0.0
        return one


def continued(values, fraction, growth):
    """A power law through the last two of values by fraction, at another; through a single one with exponent growth."""
    (last, after), *others = reversed(values.items())
    exponent = math.log(after / others[0][1]) / math.log(last / others[0][0]) if others else growth
    return after * (fraction / last) ** exponent
