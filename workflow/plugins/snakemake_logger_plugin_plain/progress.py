"""How far a run is and how long it will take: from the costs of jobs in an earlier run and the pace of this one."""

import csv
from collections import Counter
from pathlib import Path

PRIOR = 5.0  # seconds of finished work after which this run's pace weighs as much as what was assumed before


class Progress:
    """Jobs of a run that wait, run, are done and failed; `all`, which does nothing, is not counted."""

    def __init__(self, costs=None):
        self.costs = costs or {}  # seconds by job
        self.cores, self.begun, self.total = None, None, 0
        self.waiting = Counter()  # jobs by rule: which ones of a rule is not told before they start
        self.running, self.failed = {}, {}  # by job id: job and start; job and where its log is
        self.seconds = {}  # by finished job

    def plan(self, stats, now):
        """Take the number of jobs by rule."""
        self.waiting = Counter({rule: count for rule, count in stats.items() if rule not in ("all", "total")})
        self.begun, self.total = now, self.waiting.total()

    def start(self, jobid, job, now):
        """Note that a job runs; one that is tried again waits no more than once."""
        if self.failed.pop(jobid, None) is None:
            self.waiting[rule_of(job)] -= 1
        self.running[jobid] = job, now

    def finish(self, jobid, now):
        """Note that a job is done and return its name."""
        job, started = self.running.pop(jobid)
        self.seconds[job] = now - started
        return job

    def fail(self, jobid, log):
        """Note that a job failed."""
        job, _ = self.running.pop(jobid)
        self.failed[jobid] = job, log

    def expected(self, job):
        """Seconds that a job will take: its cost at the pace of its rule, or the mean of its like; None if unknown."""
        if job in self.costs:
            return self.costs[job] * self.pace(rule_of(job))
        like = [seconds for other, seconds in self.seconds.items() if rule_of(other) == rule_of(job)]
        like = like or list(self.seconds.values())
        return sum(like) / len(like) if like else None

    def pace(self, rule):
        """Seconds taken for a second of cost: at first that of all jobs, with time that of the rule's own."""
        known = [job for job in self.seconds if job in self.costs]
        return self._ratio([job for job in known if rule_of(job) == rule], prior=self._ratio(known, prior=1.0))

    def _ratio(self, jobs, prior):
        taken, cost = sum(self.seconds[job] for job in jobs), sum(self.costs[job] for job in jobs)
        return (taken + PRIOR * prior) / (cost + PRIOR)

    def left(self, now):
        """Seconds to the end: all work over the cores, but no less than the longest job; None if it cannot be told."""
        running = [(self.expected(job), now - started) for job, started in self.running.values()]
        waiting = [cost for rule, count in self.waiting.items() if count > 0 for cost in self._waiting(rule, count)]
        if None in waiting or any(cost is None for cost, _ in running):
            return None
        rest = [max(0.0, cost - gone) for cost, gone in running] + waiting
        return max(sum(rest) / (self.cores or max(1, len(running))), max(rest, default=0.0))

    def _waiting(self, rule, count):
        """Expected seconds of the `count` jobs of a rule that wait: of the very ones, if these are all there can be."""
        begun = {job for job, _ in [*self.running.values(), *self.failed.values()]} | set(self.seconds)
        costs = [self.expected(job) for job in self.costs if rule_of(job) == rule and job not in begun]
        return costs if len(costs) == count else [sum(costs) / len(costs) if costs else self.expected(rule)] * count


def rule_of(job):
    """The rule of a job, by its name: the rule and the values of its wildcards."""
    return job.split(" ")[0]


def read_costs(path):
    """The table of costs, seconds by job; empty if there is none or it holds something else."""
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            return {row["job"]: float(row["seconds"]) for row in csv.DictReader(file)}
    except (OSError, TypeError, KeyError, ValueError):
        return {}


def span(seconds):
    """A time for people."""
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    if seconds < 3570:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, rest = divmod(round(seconds / 60), 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def about(seconds):
    """An estimate for people, no finer than it can be known."""
    step = 5 if seconds < 60 else 10 if seconds < 180 else 60 if seconds < 7200 else 600
    return f"about {span(max(step, step * round(seconds / step)))}"
