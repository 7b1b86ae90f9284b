"""Tables of the phases: exponents deep inside each and the windows they are fitted in, fitted noise, maps of exponents.

Nothing is drawn at random. The interval low, high of an exponent is the range of the local slopes in its window: a
curve that bends away from its power law has a wide one.
"""

import numpy as np
import pandas as pd

from scalinglaws.fits import power_law

PLACE = ("kind", "phase", "along", "decay")
CURVE = ("x", "n_eff", "weight_decay", "excess_risk", "delta", "threshold", "kept")
COLUMNS = {
    "phase_exponents": (
        *(
            *PLACE,
            "predicted",
            "measured",
            "low",
            "high",
            "error",
            "low_error",
            "high_error",
            "last_slope",
            "last_error",
        ),
    ),
    "phase_windows": (
        *(*PLACE, "dim", "noise_variance", "x_low", "x_high", "decades", "n_points", "n_eff_low", "n_eff_high"),
        *("weight_decay_low", "weight_decay_high", "threshold_low", "threshold_high", "delta_low", "delta_high"),
    ),
    "phase_curves": (*PLACE, "predicted", *CURVE, "local_x", "local_slope"),
    "under_regularised": ("kind", "ratio", "excess_risk", "exact", "limit", "over_limit", "local_ratio", "local_slope"),
    "under_regularised_slopes": ("kind", "window", "ratio_low", "ratio_high", "slope", "low", "high", "limit_slope"),
    "shallow_phase_map": (
        *("kind", "dim", "decay", "n_eff", "weight_decay", "phase", "deep", "slope_n_eff", "slope_weight_decay"),
        *("predicted_n_eff", "predicted_weight_decay", "error"),
    ),
    "shallow_phase_boundaries": ("kind", "boundary", "n_eff", "weight_decay"),
    "phase_map_agreement": ("kind", "phase", "margin", "tolerance", "cells", "share", "worst"),
}
# Phases whose exponent has logarithms in n_eff: theory says against what it has none.
CORRECTED = {"noiseless": "n_eff over squared ratio"}
# Rounding of decades at a window's ends.
ROOM = 1 + 1e-9


def tables(records):
    """All tables by name; without records they are empty."""
    of = {study: [r for r in records if str(r["study"]) == study] for study in ("curve", "overfitting", "map")}
    curves = [curve for record in of["curve"] for curve in _versions(record)]
    rows = {
        "phase_exponents": map(_exponent, curves),
        "phase_windows": map(_window, curves),
        "under_regularised_slopes": (row for record in of["overfitting"] for row in _end_slopes(record)),
        "phase_map_agreement": (row for record in of["map"] for row in _agreement(record)),
    }
    frames = {
        "phase_curves": map(_curve, curves),
        "under_regularised": map(_overfitting, of["overfitting"]),
        "shallow_phase_map": map(_cells, of["map"]),
        "shallow_phase_boundaries": map(_boundaries, of["map"]),
    }
    made = {name: pd.DataFrame(list(found), columns=COLUMNS[name]) for name, found in rows.items()}
    made |= {name: _stacked(found, COLUMNS[name]) for name, found in frames.items()}
    return {name: made[name] for name in COLUMNS}


def _stacked(frames, columns):
    frames = list(frames)
    return pd.concat(frames, ignore_index=True)[list(columns)] if frames else pd.DataFrame(columns=columns)


def _versions(record):
    """The curve, x increasing, and where its exponent in n_eff has logarithms the curve against what has none.

    Without noise n_eff samples find, with b = c delta, about n_eff / c^2 strengths: x = n_eff / c^2.
    """
    curve = {name: str(record[name]) for name in ("kind", "phase", "along")}
    curve |= {name: float(record[name]) for name in ("decay", "dim", "noise_variance", "predicted")}
    order = np.argsort(record["x"])
    curve |= {name: np.asarray(record[name], dtype=float)[order] for name in CURVE}
    yield curve
    if curve["phase"] in CORRECTED:
        found = curve["n_eff"] * (curve["delta"] / curve["threshold"]) ** 2
        yield curve | {"along": CORRECTED[curve["phase"]], "x": found}


def _place(curve):
    return {name: curve[name] for name in PLACE}


def _exponent(curve):
    """Fitted exponent, range of the local ones, and the one at the largest n_eff (last); errors: minus predicted."""
    fit = power_law(curve["x"], curve["excess_risk"])
    slopes, predicted = fit.local_slopes, curve["predicted"]
    last = slopes[-1] if curve["n_eff"][-1] >= curve["n_eff"][0] else slopes[0]
    measured = {"measured": fit.exponent, "low": slopes.min(), "high": slopes.max(), "last_slope": last}
    names = {"error": "measured", "low_error": "low", "high_error": "high", "last_error": "last_slope"}
    errors = {name: measured[of] - predicted for name, of in names.items()}
    return {**_place(curve), "predicted": predicted, **measured, **errors}


def _window(curve):
    """Where the curve lies: ranges of x, of both axes, and of threshold and effective noise in units of sqrt(dim)."""
    ranges = {name: curve[name] for name in ("x", "n_eff", "weight_decay")}
    ranges |= {name: curve[name] / np.sqrt(curve["dim"]) for name in ("threshold", "delta")}
    ends = {f"{name}_{end}": f(value) for name, value in ranges.items() for end, f in (("low", min), ("high", max))}
    about = {name: curve[name] for name in ("dim", "noise_variance")}
    decades = np.log10(ends["x_high"] / ends["x_low"])
    return {**_place(curve), **about, **ends, "decades": decades, "n_points": len(curve["x"])}


def _curve(curve):
    fit = power_law(curve["x"], curve["excess_risk"])
    numbers = {name: curve[name] for name in CURVE}
    return pd.DataFrame({**_place(curve), "predicted": curve["predicted"], **numbers, **_local(fit, "local_x")})


def _local(fit, name):
    """Local slopes between neighbours, as long as the curve: the last entry is missing."""
    return {name: np.append(fit.local_x, np.nan), "local_slope": np.append(fit.local_slopes, np.nan)}


def _overfitting(record):
    """Excess risk over noise variance of a null teacher; over_limit is it over the law for few samples."""
    numbers = {name: np.asarray(record[name]) for name in ("ratio", "excess_risk", "exact", "limit")}
    fit = power_law(numbers["ratio"], numbers["excess_risk"])
    over = numbers["excess_risk"] / numbers["limit"]
    return pd.DataFrame({"kind": str(record["kind"]), **numbers, "over_limit": over, **_local(fit, "local_ratio")})


def _end_slopes(record):
    """Exponents in the decades of fewest and of most samples, or in three points if a decade holds fewer."""
    ratio = np.asarray(record["ratio"])
    windows = {
        "fewest samples": (ratio[0], max(10 * ROOM * ratio[0], ratio[2])),
        "most samples": (min(ratio[-1] / (10 * ROOM), ratio[-3]), ratio[-1]),
    }
    for name, window in windows.items():
        fit, limit = (power_law(ratio, record[law], window=window) for law in ("excess_risk", "limit"))
        inside = fit.local_slopes[(fit.local_x > window[0]) & (fit.local_x < window[1])]
        place = {"kind": str(record["kind"]), "window": name, "ratio_low": fit.window[0], "ratio_high": fit.window[1]}
        slopes = {"slope": fit.exponent, "low": inside.min(), "high": inside.max(), "limit_slope": limit.exponent}
        yield place | slopes


def _map_place(record):
    return {"kind": str(record["kind"]), "dim": float(record["dim"]), "decay": float(record["decay"])}


def _cells(record):
    """A row for each cell: exponents from the excess risk on its corners, predicted ones, and the larger difference."""
    axes = [np.log(record[name]) for name in ("n_eff", "weight_decay")]
    log_risk = np.log(record["excess_risk"])
    slopes = [np.diff(log_risk, axis=0) / np.diff(axes[0])[:, None], np.diff(log_risk, axis=1) / np.diff(axes[1])]
    slopes = [(slopes[0][:, 1:] + slopes[0][:, :-1]) / 2, (slopes[1][1:] + slopes[1][:-1]) / 2]
    centres = np.meshgrid(*(np.exp((axis[1:] + axis[:-1]) / 2) for axis in axes), indexing="ij")
    predicted = np.asarray(record["predicted"])
    columns = {"n_eff": centres[0], "weight_decay": centres[1], "phase": record["phase"], "deep": record["deep"]}
    columns |= {"slope_n_eff": slopes[0], "slope_weight_decay": slopes[1]}
    columns |= {"predicted_n_eff": predicted[0], "predicted_weight_decay": predicted[1]}
    columns["error"] = np.abs(np.array(slopes) - predicted).max(axis=0)
    return pd.DataFrame({**_map_place(record), **{name: np.ravel(column) for name, column in columns.items()}})


def _boundaries(record):
    """The predicted lines, and the peak: a line of constant n_eff from below up to the crossover."""
    kind, n_eff = str(record["kind"]), np.asarray(record["line_n_eff"])
    lines = {name: (n_eff, np.asarray(line)) for name, line in record["boundaries"].items()}
    peak = float(record["peak"])
    top = np.exp(np.interp(np.log(peak), np.log(n_eff), np.log(lines["overfitting"][1])))
    lines["peak"] = np.full(2, peak), np.array([np.min(record["weight_decay"]), top])
    return pd.concat(
        [
            pd.DataFrame({"kind": kind, "boundary": name, "n_eff": x, "weight_decay": y})
            for name, (x, y) in lines.items()
        ]
    )


def _agreement(record):
    """Share of the deep cells, of each phase and of all, both of whose exponents are within the tolerance."""
    cells = _cells(record)
    deep, tolerance = cells[cells.deep], float(record["tolerance"])
    about = {"kind": str(record["kind"]), "margin": float(record["margin"]), "tolerance": tolerance}
    for name, chosen in {"all": deep, **dict(list(deep.groupby("phase", sort=True)))}.items():
        error = chosen.error.to_numpy()
        share, worst = ((error <= tolerance).mean(), error.max()) if error.size else (np.nan, np.nan)
        yield {**about, "phase": name, "cells": error.size, "share": share, "worst": worst}
