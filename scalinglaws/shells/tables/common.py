"""What the tables share: curves of several seeds on one time axis, and the interval over seeds."""

import numpy as np

from scalinglaws.fits import seed_interval

# Points on the common time axis of a figure's curves.
N_TIMES = 80


def group_by(records, *names):
    """Records grouped by the values of `names`, in sorted order: list of (values, list of records)."""
    groups = {}
    for record in records:
        groups.setdefault(tuple(np.asarray(record[name]).item() for name in names), []).append(record)
    return sorted(groups.items())


def common_times(records):
    """Log-spaced times from the latest first step to the earliest end of any record."""
    first = max(record["time"][1] for record in records)
    last = min(record["time"][-1] for record in records)
    return np.geomspace(first, last, N_TIMES)


def at_times(record, values, times):
    """`values` (T, ...) of a record interpolated linearly in log time to `times`; the time zero is left out."""
    log_time, columns = np.log(record["time"][1:]), values[1:].reshape(len(values) - 1, -1)
    inner = [np.interp(np.log(times), log_time, column) for column in columns.T]
    return np.stack(inner, axis=-1).reshape(len(times), *values.shape[1:])


def mean_with_interval(samples):
    """Columns value, low, high: the mean over seeds and its interval."""
    low, high = seed_interval(samples)
    return {"value": np.mean(samples, axis=0), "low": low, "high": high}


def log_mean_with_interval(samples):
    """The same for positive quantities, in the logarithm: the geometric mean and its interval."""
    floor = np.finfo(float).tiny
    return {name: np.exp(value) for name, value in mean_with_interval(np.log(np.maximum(samples, floor))).items()}
