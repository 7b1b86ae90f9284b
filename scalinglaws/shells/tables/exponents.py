"""Tables of the loss exponents: curves, fits over the last decade, and the approach to infinite width.

The window of every fit is the last decade of time before the slowest mode kept has learned the share that the run was
asked to stop at. Until then the modes that the cut-off leaves out have not learned more than that, so that their loss
is known exactly, and everything earlier is further from the asymptotic law. One rule for all models and tasks.
"""

import numpy as np
import pandas as pd

from scalinglaws.fits import bootstrap_interval, power_law
from scalinglaws.shells.exponents import lazy_exponent, rich_exponent
from scalinglaws.shells.tables.common import at_times, common_times, group_by, log_mean_with_interval

PLACE = ("model", "capacity", "task_exponent", "richness0", "n_modes", "width")
EXPONENT_COLUMNS = (
    *(*PLACE, "predicted_lazy", "predicted_rich", "predicted", "measured", "low", "high", "infinite"),
    *("ratio", "difference", "window_low", "window_high", "slope_low", "slope_high"),
    *("deviation", "deviation_low", "deviation_high", "seeds"),
)
CURVE_COLUMNS = (*PLACE, "time", "loss", "low", "high", "local_time", "local_exponent", "seeds")
WIDTH_COLUMNS = ("capacity", "task_exponent", "richness0", "n_modes", "slope", "low", "high", "seeds")
# Points of a fit's window; richness0 that counts as deep in the feature-learning regime. Between that and 0: no law.
N_FITTED, RICH_FROM = 30, 10.0


def tables(records):
    """The three tables by name: exponents, exponent_curves, exponent_widths."""
    groups = group_by(records, *PLACE)
    return {
        "exponents": pd.DataFrame([_fit_row(place, group) for place, group in groups], columns=EXPONENT_COLUMNS),
        "exponent_curves": _stacked([_curve(place, group) for place, group in groups]),
        "exponent_widths": pd.DataFrame(_width_rows(records), columns=WIDTH_COLUMNS),
    }


def _fit_row(place, group):
    """Exponents of 1 / time. low, high: interval over seeds; slope_low, slope_high: range of local ones in the window.

    infinite: what the infinite net with as few modes gives in the same window, to compare a network with.
    """
    last = min(record["time"][-1] for record in group)
    fit, infinite = _fit(group, "loss", last), _fit(group, "infinite_loss", last)
    named = dict(zip(PLACE, place, strict=True))
    predicted, measured = _predictions(named["task_exponent"], named["richness0"]), -fit.exponent
    # The fit of a single curve has an interval, but it is not one over seeds.
    low, high = (-fit.interval[1], -fit.interval[0]) if len(group) > 1 else (np.nan, np.nan)
    return {
        **(named | predicted | {"measured": measured, "low": low, "high": high, "infinite": -infinite.exponent}),
        "ratio": measured / predicted["predicted"],
        "difference": measured - predicted["predicted"],
        **{"window_low": fit.window[0], "window_high": fit.window[1]},
        **{"slope_low": -fit.local_slopes.max(), "slope_high": -fit.local_slopes.min()},
        **_deviations(group),
        "seeds": len(group),
    }


def _predictions(task_exponent, richness0):
    lazy, rich = lazy_exponent(task_exponent), rich_exponent(task_exponent)
    applies = np.select([richness0 == 0, richness0 >= RICH_FROM], [lazy, rich], np.nan)
    return {"predicted_lazy": lazy, "predicted_rich": rich, "predicted": float(applies)}


def _fit(group, name, last):
    times = np.geomspace(last / 10, last, N_FITTED)
    return power_law(times, [_interpolated(record, name, times) for record in group])


def _interpolated(record, name, times):
    """Loss at `times`, linear in log loss against log time: exact for a power law."""
    return np.exp(at_times(record, np.log(record[name]), times))


def _deviations(group):
    samples = np.array([_deviation(record) for record in group])
    low, high = _rms_interval(samples) if len(group) > 1 else (np.nan, np.nan)
    return {"deviation": float(_rms(samples)), "deviation_low": float(low), "deviation_high": float(high)}


def _rms(samples, axis=0):
    """Root mean square over seeds: a seed's deviation is by chance small, and its logarithm then has a long tail."""
    return np.sqrt(np.mean(samples**2, axis=axis))


def _rms_interval(samples):
    return bootstrap_interval(np.random.default_rng(0), samples, _rms)


def _deviation(record):
    """Largest |log(loss / loss of the infinite net)| of a run."""
    return np.abs(np.log(record["loss"] / record["infinite_loss"])).max()


def _curve(place, group):
    """Geometric mean over seeds on common times; the local exponent belongs to the mid-points local_time."""
    times = common_times(group)
    curves = [_interpolated(record, "loss", times) for record in group]
    fit, columns = power_law(times, curves), log_mean_with_interval(curves)
    local = {"local_time": np.append(fit.local_x, np.nan), "local_exponent": np.append(-fit.local_slopes, np.nan)}
    loss = {"loss": columns.pop("value"), **columns}
    return pd.DataFrame(dict(zip(PLACE, place, strict=True)) | {"time": times, **loss, **local, "seeds": len(group)})


def _stacked(frames):
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=CURVE_COLUMNS)


def _width_rows(records):
    """Exponent of the deviation against width, over seeds that have every width; at least 2 seeds and 3 widths."""
    networks = [record for record in records if record["model"] == "network"]
    for place, group in group_by(networks, *WIDTH_COLUMNS[:4]):
        runs = [(record["seed"].item(), record["width"].item(), _deviation(record)) for record in group]
        curves = pd.DataFrame(runs, columns=["seed", "width", "deviation"])
        curves = curves.pivot(index="seed", columns="width", values="deviation").dropna()
        if len(curves) >= 2 and curves.shape[1] >= 3:
            yield (*place, *_width_slope(curves.columns.to_numpy(float), curves.to_numpy()), len(curves))


def _width_slope(widths, deviations):
    """Slope of log rms deviation against log width, and its interval from resampled seeds."""
    logs = np.log(widths) - np.log(widths).mean()

    def slope(samples, axis=0):
        return np.log(_rms(samples, axis)) @ logs / (logs @ logs)

    return float(slope(deviations)), *map(float, bootstrap_interval(np.random.default_rng(0), deviations, slope))
