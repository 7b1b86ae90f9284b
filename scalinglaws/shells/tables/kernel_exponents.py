"""Loss exponents of lazy networks predicted from the spectrum of their own tangent kernel at time zero.

With eigenvalues lam_u and energies E_u of the modes at the start, a frozen kernel has the loss
L(t) = sum_u E_u exp(-2 lam_u t), the filter; and since exp(-2 lam t) is nearly a step at lam = 1 / (2 t), L(t) is about
the energy below 1 / (2 t), whose exponent in the eigenvalue is then the loss's exponent in 1 / time. The exponents of
the data, through task_exponent = 2 source, speak of the kernel of a linear model and of infinitely many samples.

All fits of a data set share one window: the last decade of time before the slowest mode of any of its runs has passed
half of its time 1 / (2 lam_min), after which the finite sample shows, or before the runs end.
"""

import numpy as np
import pandas as pd

from scalinglaws.fits import power_law
from scalinglaws.shells.tables.common import (
    at_times,
    common_times,
    group_by,
    log_mean_with_interval,
    mean_with_interval,
)

ESTIMATES = ("measured", "filter", "cumulative", "filter_gap", "cumulative_gap")
COLUMNS = (
    *("dataset", "richness", "width", "window_low", "window_high", "seeds", "data_exponent"),
    *(f"{name}{suffix}" for name in ESTIMATES for suffix in ("", "_low", "_high")),
)
CURVE_COLUMNS = ("dataset", "richness", "width", "time", "value", "low", "high", "filter", "seeds")
N_FITTED = 30
# Share of its own time 1 / (2 lam_min) that the slowest mode may have passed.
SLOWEST_SHARE = 0.5


def kernel_exponents(records, task_exponents):
    """Exponents of 1 / time per data set at the smallest richness: measured, and three predictions.

    `task_exponents` maps data sets to 2 * source; one that is not there has no data exponent (NaN). Columns: measured,
    filter, cumulative (see above), their differences filter_gap and cumulative_gap = measured - predicted, each with
    the mean over seeds and its interval; data_exponent; the window.
    """
    rows = [_row(place, group, task_exponents) for place, group in _lazy_groups(records)]
    return pd.DataFrame(rows, columns=COLUMNS)


def kernel_curves(records):
    """Loss over time at the smallest richness, geometric mean over seeds, and the filter's, likewise."""
    frames = [_curve(place, group) for place, group in _lazy_groups(records)]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=CURVE_COLUMNS)


def filtered_loss(record, times):
    """sum_u E_u exp(-2 lam_u t) with the modes of time zero, shape of `times`."""
    eigenvalues, energies = record["eigenvalues"][0], record["mode_energy"][0]
    return np.exp(-2 * np.outer(times, eigenvalues)) @ energies


def energy_below(record, times):
    """Energy at time zero of the modes with eigenvalues up to 1 / (2 t), shape of `times`."""
    inside = record["eigenvalues"][0] <= 1 / (2 * np.asarray(times)[:, None])
    return inside @ record["mode_energy"][0]


def _lazy_groups(records):
    """Records at the smallest richness of their data set and width, grouped by these."""
    for place, group in group_by(records, "dataset", "width"):
        (richness,), chosen = group_by(group, "richness")[0]
        yield {"dataset": place[0], "richness": richness, "width": place[1]}, chosen


def _row(place, group, task_exponents):
    times = _window(group)
    of_seeds = pd.DataFrame([_exponents(record, times) for record in group])
    estimates = {}
    for name in ESTIMATES:
        columns = mean_with_interval(of_seeds[name].to_numpy())
        named = {"value": name, "low": f"{name}_low", "high": f"{name}_high"}
        estimates |= {named[part]: float(number) for part, number in columns.items()}
    about = {"window_low": times[0], "window_high": times[-1], "seeds": len(group)}
    return place | about | {"data_exponent": task_exponents.get(place["dataset"], np.nan)} | estimates


def _window(group):
    """Log-spaced times of the window, at which every run is known."""
    slowest = max(record["eigenvalues"][0].min() for record in group)
    end = min(SLOWEST_SHARE / max(2 * slowest, np.finfo(float).tiny), *(record["time"][-1] for record in group))
    start = max(end / 10, *(record["time"][1] for record in group))
    return np.geomspace(start, end, N_FITTED)


def _exponents(record, times):
    curves = {
        "measured": _measured_loss(record, times),
        "filter": filtered_loss(record, times),
        "cumulative": energy_below(record, times),
    }
    found = {name: -power_law(times, curve).exponent for name, curve in curves.items()}
    gaps = {f"{name}_gap": found["measured"] - found[name] for name in ("filter", "cumulative")}
    return found | gaps


def _measured_loss(record, times):
    return np.exp(at_times(record, np.log(record["loss"]), times))


def _curve(place, group):
    times = common_times(group)
    columns = log_mean_with_interval([_measured_loss(record, times) for record in group])
    filtered = log_mean_with_interval([filtered_loss(record, times) for record in group])["value"]
    return pd.DataFrame({**place, "time": times, **columns, "filter": filtered, "seeds": len(group)})
