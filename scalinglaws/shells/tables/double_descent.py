"""Tables of double descent: test error against parameters and time, the peak's place, and where predictions fail."""

from itertools import pairwise

import numpy as np
import pandas as pd

from scalinglaws.fits import bootstrap_interval
from scalinglaws.shells.tables.common import (
    at_times,
    common_times,
    group_by,
    log_mean_with_interval,
    mean_with_interval,
)

MODEL_COLUMNS = (
    *("model", "activation", "richness", "width", "ratio", "duration", "value", "low", "high"),
    *("quartile_low", "quartile_high", "predicted", "relative_error", "worst_relative_error", "seeds"),
)
PEAK_COLUMNS = ("model", "activation", "richness", "ratio", "low", "high", "predicted", "height", "seeds")
SHELL_COLUMNS = ("activation", "ratio", "low_edge", "high_edge", "value", "low", "high", "seeds")
EPOCH_COLUMNS = ("model", "richness", "time", "value", "low", "high", "predicted", "seeds")
RUN_COLUMNS = (
    *("model", "richness", "seed", "first_minimum", "peak", "last_minimum", "peak_time", "rise", "fall"),
    *("predicted_rise", "predicted_fall", "relative_error", "output_gap"),
)
PLATEAU_COLUMNS = ("blocks", "plateau")
GAP_COLUMNS = ("model", "richness", "quantity", "value", "low", "high", "seeds")


def tables(records):
    """All tables of the experiment by name; those without records are empty and keep their columns."""
    by_size, over_time = _fits(records), [r for r in records if str(r["model"]).startswith("two_scale")]
    features = [record for record in records if str(record["model"]) == "random_features"]
    return {
        "double_descent_model": model_errors(by_size),
        "double_descent_peak": peaks(by_size),
        "double_descent_shells": noise_shares(features),
        "double_descent_epoch": epoch_errors(over_time),
        "double_descent_epoch_runs": pd.DataFrame([_epoch_row(r) for r in over_time], columns=RUN_COLUMNS),
        "double_descent_plateaus": _plateaus(over_time),
        "prediction_gap": prediction_gaps(by_size, over_time),
    }


def _fits(records):
    """One row per fitted model of the sweeps over parameters: what it is, its seed, measured and predicted error."""
    rows = []
    for record in records:
        if str(record["model"]) == "random_features":
            rows += _feature_fits(record)
        elif str(record["model"]) == "network":
            sizes = {"width": int(record["width"]), "ratio": float(record["ratio"])}
            rows.append(_fit_row("network", record, **sizes, **{name: float(record[name]) for name in FIT_NUMBERS}))
    table = pd.DataFrame(rows, columns=("model", "activation", "richness", "seed", "width", "ratio", *FIT_NUMBERS))
    return table.assign(relative_error=(table.predicted - table.measured).abs() / table.measured)


FIT_NUMBERS = ("duration", "measured", "predicted")


def _feature_fits(record):
    sizes = list(zip(record["n_features"], record["ratio"], strict=True))
    for training in record["measured"]:
        for index, (width, ratio) in enumerate(sizes):
            numbers = {name: float(record[name][training][index]) for name in FIT_NUMBERS}
            yield _fit_row(f"{training}_features", record, width=int(width), ratio=float(ratio), **numbers)


def _fit_row(model, record, **numbers):
    place = {"richness": float(record["richness"]), "seed": int(record["seed"])}
    return {"model": model, "activation": str(record["activation"]), **place, **numbers}


def model_errors(fits):
    """Test error against parameters per sample: median over seeds, its 95% interval, and quartiles over seeds.

    The height of the peak is heavy-tailed over seeds, so that means would not settle. `duration` is the training time
    (median: gradient descent's rate differs by seed), inf for least norm. relative_error is |predicted - measured| /
    measured, its median over seeds and its worst.
    """
    rows = []
    for place, group in fits.groupby(["model", "activation", "richness", "width", "ratio"]):
        low, high = _median_interval(group.measured.to_numpy())
        quartiles = group.measured.quantile([0.25, 0.75])
        medians = group[["duration", "measured", "predicted", "relative_error"]].median()
        error = (medians.measured, low, high, *quartiles, medians.predicted)
        rows.append((*place, medians.duration, *error, medians.relative_error, group.relative_error.max(), len(group)))
    return pd.DataFrame(rows, columns=MODEL_COLUMNS)


def _median_interval(samples):
    if len(samples) < 2:
        return np.nan, np.nan
    return bootstrap_interval(np.random.default_rng(0), samples, statistic=np.median)


def peaks(fits):
    """Ratio at which the median over seeds of the test error is largest, interval over seeds, and that predicted.

    Only seeds that have every ratio count; without one there is no row.
    """
    rows = []
    for place, group in fits.groupby(["model", "activation", "richness"]):
        measured, predicted = (group.pivot(index="seed", columns="ratio", values=v) for v in ("measured", "predicted"))
        measured, predicted = measured.dropna(), predicted.loc[measured.dropna().index]
        if len(measured):
            ratios = measured.columns.to_numpy()
            at, expected = (_place_of_peak(curves.to_numpy(), ratios) for curves in (measured, predicted))
            low, high = _peak_interval(measured.to_numpy(), ratios)
            rows.append((*place, at, low, high, expected, measured.median().max(), len(measured)))
    return pd.DataFrame(rows, columns=PEAK_COLUMNS)


def _place_of_peak(curves, ratios, axis=0):
    return ratios[np.median(curves, axis=axis).argmax(-1)]


def _peak_interval(curves, ratios):
    if len(curves) < 2:
        return np.nan, np.nan
    return bootstrap_interval(
        np.random.default_rng(0), curves, statistic=lambda draws, axis: _place_of_peak(draws, ratios, axis)
    )


def noise_shares(records):
    """Share of the least-norm test error that label noise adds through each shell of eigenvalues: mean over seeds.

    Edges in units of the mean eigenvalue; the row without edges (NaN) is the error of a fit to clean targets. Errors
    are means over the noise, so that shares of one ratio sum to 1.
    """
    rows = []
    for (activation,), group in group_by(records, "activation"):
        edges = group[0]["edges"]
        bounds = [(np.nan, np.nan), *pairwise(edges)]
        parts = np.array([np.column_stack([r["parts"]["clean"], r["parts"]["noise"]]) for r in group])
        shares = mean_with_interval(parts / parts.sum(-1, keepdims=True))
        for (size, shell), value in np.ndenumerate(shares["value"]):
            interval = (shares["low"][size, shell], shares["high"][size, shell])
            rows.append((activation, group[0]["ratio"][size], *bounds[shell], value, *interval, len(group)))
    return pd.DataFrame(rows, columns=SHELL_COLUMNS)


def epoch_errors(records):
    """Test error against time: mean over seeds, its interval, and the mean prediction."""
    frames = [pd.DataFrame(columns=EPOCH_COLUMNS)] if not records else []
    for (model, richness), group in group_by(records, "model", "richness"):
        times = common_times(group)
        measured, predicted = ([at_times(r, r[name], times) for r in group] for name in ("measured", "predicted"))
        columns = {**mean_with_interval(measured), "predicted": np.mean(predicted, axis=0), "seeds": len(group)}
        frames.append(pd.DataFrame({"model": model, "richness": richness, "time": times, **columns}))
    return pd.concat(frames, ignore_index=True)


def strongest_bump(curve):
    """(minimum before, peak, minimum after, index of the peak) of the bump that stands out most.

    The peak is the point whose smaller ratio to the lowest values before and after it is largest; a monotone curve has
    a bump of height 1 at an end.
    """
    before, after = np.minimum.accumulate(curve), np.minimum.accumulate(curve[::-1])[::-1]
    top = int(np.minimum(curve / before, curve / after).argmax())
    return before[top], curve[top], after[top], top


def _epoch_row(record):
    low, peak, last, top = strongest_bump(record["measured"])
    expected_low, expected_peak, expected_last, _ = strongest_bump(record["predicted"])
    errors = np.abs(record["predicted"] - record["measured"]) / record["measured"]
    return {
        **{"model": str(record["model"]), "richness": float(record["richness"]), "seed": int(record["seed"])},
        **{"first_minimum": low, "peak": peak, "last_minimum": last, "peak_time": record["time"][top]},
        **{"rise": peak / low, "fall": peak / last, "relative_error": errors.max()},
        **{"predicted_rise": expected_peak / expected_low, "predicted_fall": expected_peak / expected_last},
        "output_gap": float(record.get("output_gap", np.nan)),
    }


def _plateaus(records):
    """Closed-form plateaus of the two-scale data, by the number of blocks learned."""
    known = [record["plateaus"] for record in records if "plateaus" in record]
    return pd.DataFrame(list(enumerate(known[0])) if known else [], columns=PLATEAU_COLUMNS)


def prediction_gaps(fits, records):
    """Relative error of the networks' predictions against richness: geometric mean over seeds and interval.

    quantity: each seed's median or largest error, over widths (`network`) or over times (`two_scale_network`).
    """
    rows = [*fits[fits.model == "network"][["model", "richness", "seed", "relative_error"]].itertuples(index=False)]
    for record in (r for r in records if str(r["model"]) == "two_scale_network"):
        errors = np.abs(record["predicted"] - record["measured"])[1:] / record["measured"][1:]
        rows += [("two_scale_network", float(record["richness"]), int(record["seed"]), error) for error in errors]
    errors = pd.DataFrame(rows, columns=["model", "richness", "seed", "relative_error"])
    per_seed = errors.groupby(["model", "richness", "seed"]).relative_error.agg(median="median", largest="max")
    found = []
    for place, group in per_seed.groupby(["model", "richness"]):
        for quantity in ("median", "largest"):
            found.append((*place, quantity, *log_mean_with_interval(group[quantity].to_numpy()).values(), len(group)))
    return pd.DataFrame(found, columns=GAP_COLUMNS)
