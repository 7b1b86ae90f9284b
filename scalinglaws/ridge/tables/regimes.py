"""Tables of the scaling regimes: fitted against predicted rates, learning curves, phase diagrams, width exponents.

Windows are rules, the same for every curve: rates are fitted to the last decade of n_samples; `window_rates` adds the
first two, where simulations of such models live. Exponents of VarF are fitted to the last decade of widths, and, where
the range before the crossover is wide enough, to the decade in its middle. Nothing is drawn: there are no seeds, and
slope_low, slope_high are the range of local slopes within the window.
"""

import numpy as np
import pandas as pd

from scalinglaws.fits import power_law

PLACE = ("study", "regime", "capacity", "source", "width_exponent", "ridge_exponent", "noisy", "feature_capacity")
RATE_COLUMNS = (
    *(*PLACE, "margin", "predicted", "fitted", "error", "slope_low", "slope_high", "predicted_kappa", "fitted_kappa"),
    *("kappa_error", "feature_share", "window_low", "window_high"),
)
WINDOW_COLUMNS = (*PLACE, "window", "window_low", "window_high", "predicted", "fitted", "error")
PARTS = ("excess_risk", "bias", "var_x", "var_f", "var_xf", "var_xe", "var_xfe")
CURVE_COLUMNS = (*PLACE, "predicted", "n_samples", *PARTS, "kappa2", "local_n_samples", "local_rate")
PHASE_COLUMNS = ("capacity", "source", "noisy", "ridge_exponent", "width_exponent", "regime", "rate")
PHASE_WIDTH_COLUMNS = ("capacity", "source", "ridge_exponent", "sufficient")
WIDTH_COLUMNS = (
    *("feature_capacity", "n_samples", "range", "crossover", "published", "predicted", "fitted", "error"),
    *("error_published", "slope_low", "slope_high", "window_low", "window_high"),
)
WIDTH_CURVE_COLUMNS = ("feature_capacity", "n_samples", "crossover", "width", "var_f", "local_width", "local_exponent")
# Rounding of decades at a window's ends.
ROOM = 1 + 1e-9


def tables(records):
    """The seven tables by name."""
    kinds = {name: [r for r in records if str(r["kind"]) == name] for name in ("path", "phases", "widths")}
    return {
        "regime_rates": _frame(map(_rate, kinds["path"]), RATE_COLUMNS),
        "regime_windows": _frame((row for r in kinds["path"] for row in _windows(r)), WINDOW_COLUMNS),
        "regime_curves": _stacked(map(_curve, kinds["path"]), CURVE_COLUMNS),
        "phase_diagram": _stacked(map(_phase_diagram, kinds["phases"]), PHASE_COLUMNS),
        "phase_widths": _stacked((_phase_widths(r) for r in kinds["phases"] if not r["noisy"]), PHASE_WIDTH_COLUMNS),
        "width_exponents": _frame((row for r in kinds["widths"] for row in _width_fits(r)), WIDTH_COLUMNS),
        "width_curves": _stacked(map(_width_curve, kinds["widths"]), WIDTH_CURVE_COLUMNS),
    }


def _frame(rows, columns):
    return pd.DataFrame(list(rows), columns=columns)


def _stacked(frames, columns):
    frames = list(frames)
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def _place(record):
    return {name: np.asarray(record[name]).item() for name in PLACE}


def _last_decade(values):
    return values[-1] / (10 * ROOM), values[-1]


def _fit(record, name, window):
    return power_law(record["samples"], record[name], window=window)


def _rate(record):
    """Fitted rates of excess risk and kappa2 against predicted ones.

    feature_share: what variance over features, alone and with the samples, is of the error at the end of the curve.
    """
    window = _last_decade(record["samples"])
    fit, kappa = (_fit(record, name, window) for name in ("excess_risk", "kappa2"))
    local = -fit.local_slopes[fit.local_x >= window[0]]
    predicted, predicted_kappa = float(record["rate"]), float(record["kappa_rate"])
    features = record["var_f"][-1] + record["var_xf"][-1]
    return {
        **_place(record),
        **{"margin": float(record["margin"]), "predicted": predicted, "fitted": -fit.exponent},
        **{"error": -fit.exponent - predicted, "slope_low": local.min(), "slope_high": local.max()},
        **{"predicted_kappa": predicted_kappa, "fitted_kappa": -kappa.exponent},
        **{"kappa_error": -kappa.exponent - predicted_kappa, "feature_share": features / record["excess_risk"][-1]},
        **{"window_low": fit.window[0], "window_high": fit.window[1]},
    }


def _windows(record):
    """The rate fitted to the first two decades, and to the last one."""
    samples, predicted = record["samples"], float(record["rate"])
    windows = {"first two decades": (samples[0], 100 * ROOM * samples[0]), "last decade": _last_decade(samples)}
    for name, window in windows.items():
        fit = _fit(record, "excess_risk", window)
        row = {"window": name, "window_low": fit.window[0], "window_high": fit.window[1], "predicted": predicted}
        yield {**_place(record), **row, "fitted": -fit.exponent, "error": -fit.exponent - predicted}


def _curve(record):
    fit = _fit(record, "excess_risk", None)
    local = {"local_n_samples": np.append(fit.local_x, np.nan), "local_rate": np.append(-fit.local_slopes, np.nan)}
    parts = {name: record[name] for name in (*PARTS, "kappa2")}
    place = {**_place(record), "predicted": float(record["rate"])}
    return pd.DataFrame({**place, "n_samples": record["samples"], **parts, **local}, columns=CURVE_COLUMNS)


def _phase_diagram(record):
    """A row per cell."""
    ridge, width = np.meshgrid(record["ridge_exponent"], record["width_exponent"], indexing="ij")
    cells = {"ridge_exponent": ridge, "width_exponent": width, "regime": record["regime"], "rate": record["rate"]}
    place = {name: np.asarray(record[name]).item() for name in ("capacity", "source", "noisy")}
    return pd.DataFrame({**place, **{name: np.ravel(value) for name, value in cells.items()}}, columns=PHASE_COLUMNS)


def _phase_widths(record):
    """sufficient: the width exponent from which more features do not help without noise, at each ridge exponent."""
    line = {"ridge_exponent": record["ridge_exponent"], "sufficient": record["sufficient_width"]}
    return pd.DataFrame({**{name: float(record[name]) for name in ("capacity", "source")}, **line})


def _width_place(record):
    return {name: float(record[name]) for name in ("feature_capacity", "n_samples", "crossover")}


def _width_fits(record):
    """Exponents of VarF in 1/N before ("near", if there is room) and beyond ("far") the crossover.

    published: what the paper states for all widths; error_published: fitted minus that.
    """
    for name, curve in record["curves"].items():
        fit = power_law(curve["width"], curve["var_f"], window=_last_decade(curve["width"]))
        local = -fit.local_slopes[fit.local_x >= fit.window[0]]
        predicted, published = float(record[name]), float(record["near"])
        yield {
            **_width_place(record),
            **{"range": name, "published": published, "predicted": predicted, "fitted": -fit.exponent},
            **{"error": -fit.exponent - predicted, "error_published": -fit.exponent - published},
            **{"slope_low": local.min(), "slope_high": local.max()},
            **{"window_low": fit.window[0], "window_high": fit.window[1]},
        }


def _width_curve(record):
    curve = record["curves"]["far"]
    fit = power_law(curve["width"], curve["var_f"])
    local = {"local_width": np.append(fit.local_x, np.nan), "local_exponent": np.append(-fit.local_slopes, np.nan)}
    return pd.DataFrame({**_width_place(record), **curve, **local}, columns=WIDTH_CURVE_COLUMNS)
