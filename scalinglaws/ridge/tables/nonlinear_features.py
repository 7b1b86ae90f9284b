"""Tables of the non-linear features: simulation beside theory, their agreement, local slopes and rates by regime."""

import numpy as np
import pandas as pd
from scipy import special

from scalinglaws.ridge.crossover import QUANTITIES, local_slopes
from scalinglaws.ridge.tables.learning_curves import FEWEST_SAMPLES, LARGEST_RELATIVE_ERROR, agreement, gaussian_score

POINT_COLUMNS = (
    *("feature_noise_std", "dim", "width", "n_samples", "quantity", "value", "standard_error", "low", "high"),
    *("theory", "linear", "z", "judged", "seeds"),
)
CURVE_COLUMNS = ("feature_noise_std", "width", "n_samples", "quantity", "value", "linear")
AGREEMENT_COLUMNS = (
    *("feature_noise_std", "quantity", "points", "largest_z", "share_within", "median_ratio", "largest_deviation"),
    *("linear_deviation", "seeds"),
)
SLOPE_COLUMNS = ("trace", "quantity", "n_samples", "value", "slope", "expected")
RATE_COLUMNS = ("trace", "regime", "quantity", "n_samples", "slope", "expected", "deviation")


def tables(records):
    """All tables of the experiment by name; those without records are empty and keep their columns.

    `erf_points` : parts of the error of erf features with 95 % intervals, with theory and theory without feature noise.
    `erf_curves` : both theories on a fine grid. `erf_agreement` : a row per part and strength of the noise, as in the
    agreement of the learning curves, and how far off theory without feature noise is. `crossover_curves` : values and
    local slopes of exact theory. `crossover_rates` : the slope in the middle of each regime, and the expected one.
    """
    erf, theory = ([record for record in records if str(record["kind"]) == kind] for kind in ("erf", "crossover"))
    points = pd.DataFrame([row for record in erf for row in _points(record)], columns=POINT_COLUMNS)
    slopes = pd.DataFrame([row for record in theory for row in _slopes(record)], columns=SLOPE_COLUMNS)
    return {
        "erf_points": points,
        "erf_curves": pd.DataFrame([row for record in erf for row in _curves(record)], columns=CURVE_COLUMNS),
        "erf_agreement": _agreement(points),
        "crossover_curves": slopes,
        "crossover_rates": pd.DataFrame(
            [row for record in theory for row in _rates(record, slopes)], columns=RATE_COLUMNS
        ),
    }


def _points(record):
    draws = int(min(record["data_draws"], record["feature_draws"]))
    reach = special.stdtrit(draws - 1, 0.975)
    place = [float(record["feature_noise_std"]), int(record["dim"]), int(record["width"])]
    for part in record["measured"]:
        columns = [record[name][part] for name in ("measured", "standard_error", "noisy_at_points", "linear_at_points")]
        for n_samples, value, error, theory, linear in zip(record["n_samples"], *columns, strict=True):
            score = gaussian_score((value - theory) / error, draws - 1)
            judged = n_samples >= FEWEST_SAMPLES and error < LARGEST_RELATIVE_ERROR * abs(value)
            interval = (value - reach * error, value + reach * error)
            yield *place, int(n_samples), part, value, error, *interval, theory, linear, score, judged, draws


def _curves(record):
    strength, width = float(record["feature_noise_std"]), int(record["width"])
    for part, noisy in record["noisy_on_grid"].items():
        for n_samples, value, linear in zip(record["grid"], noisy, record["linear_on_grid"][part], strict=True):
            yield strength, width, n_samples, part, value, linear


def _agreement(points):
    rows = agreement(points.assign(section=points.feature_noise_std)).rename(columns={"section": "feature_noise_std"})
    judged = points[points.judged.astype(bool)]
    off = (judged.value / judged.linear - 1).abs().groupby([judged.feature_noise_std, judged.quantity]).max()
    return rows.merge(off.rename("linear_deviation").reset_index(), how="left")[[*AGREEMENT_COLUMNS]]


def _slopes(record):
    for quantity, exponent in QUANTITIES.items():
        middles, values, slopes = local_slopes(record["n_samples"], record["curve"][quantity])
        rates = _regime_rates(record, middles) * exponent(float(record["source"]))
        for row in zip(middles, values, slopes, rates, strict=True):
            yield float(record["trace"]), quantity, *row


def _regime_rates(record, n_samples):
    """kappa2's exponent in the regime that each n_samples lies in."""
    regimes = sorted(record["regimes"].values(), key=lambda regime: float(regime["low"]))
    borders = [float(regime["low"]) for regime in regimes[1:]]
    return np.array([float(regime["rate"]) for regime in regimes])[np.searchsorted(borders, n_samples)]


def _rates(record, slopes):
    """The local slope next to the middle of each regime."""
    trace = float(record["trace"])
    for name, regime in record["regimes"].items():
        for quantity, group in slopes[slopes.trace == trace].groupby("quantity", sort=False):
            row = group.loc[np.log(group.n_samples / float(regime["middle"])).abs().idxmin()]
            deviation = abs(row.slope - row.expected)
            yield trace, name, quantity, row.n_samples, row.slope, row.expected, deviation
