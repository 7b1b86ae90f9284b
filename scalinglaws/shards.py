"""One shard of an experiment: its members one after the other, or those that train as one together.

A member that may stop, by raising one of its study's `STOPS`, stops alone and is named. A seed belongs to a member, and
a batch to the settings, so that the number of shards never changes a result.
"""

import time


def run_shard(experiment, setup, settings, shard, n_shards, say):
    """Records and failures of every n_shards-th batch from `shard` on, by the index of their member.

    experiment: a module with `members` and `run`, and `run_batch` where members can train as one; setup: its study's,
    with `STOPS`, and `batches` there; say: called with a line for every member and every batch that is done.
    """
    members = experiment.members(settings)
    records, failures, batches = {}, {}, _batches(experiment, setup, settings, members)[shard::n_shards]
    for batch in batches:
        made = _together(experiment, setup, settings, members, batch, say) if len(batch) > 1 else {}
        for index in batch:
            started, outcome = time.perf_counter(), "done"
            try:
                records[_key(index)] = made[index] if index in made else experiment.run(settings, members[index])
            except setup.STOPS as error:
                failures[_key(index)], outcome = f"{members[index]}: {error}", f"stopped: {error}"
            count = f"{len(records) + len(failures)}/{sum(map(len, batches))}"
            say(f"{count} {members[index]} {time.perf_counter() - started:.1f} s: {outcome}")
    return records, failures


def _batches(experiment, setup, settings, members):
    """Indices of the members that train together."""
    if hasattr(experiment, "run_batch"):
        return setup.batches(settings, members)
    return [[index] for index in range(len(members))]


def _together(experiment, setup, settings, members, batch, say):
    """Records by index of members that train as one; none where one of them stops it, and each is to run alone."""
    started, chosen = time.perf_counter(), [members[index] for index in batch]
    try:
        made, outcome = dict(zip(batch, experiment.run_batch(settings, chosen), strict=True)), "done"
    except setup.STOPS as error:
        made, outcome = {}, f"stopped, now each alone: {error}"
    say(f"{len(batch)} together from {chosen[0]} on {time.perf_counter() - started:.1f} s: {outcome}")
    return made


def _key(index):
    return f"{index:05d}"
