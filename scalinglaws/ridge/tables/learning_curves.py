"""Tables of the learning curves: theory, simulation beside it, how well they agree, slopes and peaks."""

import numpy as np
import pandas as pd
from scipy import special

from scalinglaws.ridge.tables.counterfactuals import counterfactual_curves, counterfactual_errors

SECTION_COLUMNS = (
    *("section", "dim", "capacity", "source", "noise_std", "ridge", "ridge_exponent", "widths", "feature_noise_std"),
    *("data_draws", "feature_draws"),
)
PLACE = ("section", "feature_capacity", "dim", "width", "n_samples", "quantity")
CURVE_COLUMNS = (*PLACE, "value")
POINT_COLUMNS = (*PLACE, "value", "standard_error", "low", "high", "theory", "z", "judged", "seeds")
AGREEMENT_COLUMNS = (
    *("section", "quantity", "points", "largest_z", "share_within", "median_ratio", "largest_deviation", "seeds"),
)
ESTIMATOR_COLUMNS = ("section", "points", "kare_over_gcv", "gcv_over_test_error", "gap_over_s_transform", "seeds")
SLOPE_COLUMNS = (
    *("section", "quantity", "window_low", "window_high", "measured", "low", "high", "theory", "predicted", "seeds"),
)
DESCENT_COLUMNS = (
    *("section", "n_samples", "rise", "rise_low", "rise_high", "fall", "fall_low", "fall_high"),
    *("predicted_rise", "predicted_fall", "seeds"),
)
# Theory is of large numbers, and a point that is lost in its own scatter tests nothing.
FEWEST_SAMPLES, LARGEST_RELATIVE_ERROR = 30, 0.3
# Of Gaussian scores 1.2 % lie outside.
USUAL_SCORE = 2.5
# Scaling laws hold where sampling, and not the ridge, sets kappa, and where many modes have been learned.
SMALLEST_S_TRANSFORM, FIRST_SAMPLES = 10, 10


def tables(records):
    """All tables of the experiment by name; those without records are empty and keep their columns.

    `curves` is theory on a grid. `points` are the simulated means with 95 % intervals of Student's t and their theory;
    z is (value - theory) / standard_error as the Gaussian score of the same tail probability; judged tells the points
    that count in `agreement`, whose columns are over the judged points of a section and quantity: the largest |z|, the
    share of |z| <= 2.5, the median of value / theory and the largest |value / theory - 1|.
    """
    points = _stacked([_points(record) for record in records], POINT_COLUMNS)
    others = counterfactual_curves(records)
    return {
        "curve_sections": pd.DataFrame([_section_row(record) for record in records], columns=SECTION_COLUMNS),
        "curves": _stacked([_curves(record) for record in records], CURVE_COLUMNS),
        "points": points,
        "agreement": agreement(points),
        "estimators": estimators(points),
        "slopes": pd.DataFrame([row for record in records for row in _slopes(record)], columns=SLOPE_COLUMNS),
        "counterfactual_curves": others,
        "counterfactual_errors": counterfactual_errors(points, others),
        "descents": pd.DataFrame([row for record in records for row in _descents(record)], columns=DESCENT_COLUMNS),
    }


def agreement(points):
    """How far the judged points are from theory, a row per section and quantity that has any."""
    rows = []
    for (section, quantity), group in points[points.judged.astype(bool)].groupby(["section", "quantity"], sort=False):
        scores, ratios = group.z.abs(), group.value / group.theory
        numbers = (scores.max(), (scores <= USUAL_SCORE).mean(), ratios.median(), (ratios - 1).abs().max())
        rows.append((section, quantity, len(group), *numbers, group.seeds.iloc[0]))
    return pd.DataFrame(rows, columns=AGREEMENT_COLUMNS)


def estimators(points):
    """Estimates of the test error from training data, over all n_samples >= 30 of a section with errors to speak of.

    kare_over_gcv : the largest |kare / gcv - 1|; gcv_over_test_error : the median of gcv over the simulated test error;
    gap_over_s_transform : the median of (test error / train error)^1/2 over the simulated S-transform.
    """
    rows = []
    for section, group in points[points.n_samples >= FEWEST_SAMPLES].groupby("section", sort=False):
        wide = group.pivot(index=["feature_capacity", "width", "n_samples"], columns="quantity", values="value")
        if {"gcv", "kare", "test_error", "gap", "s_transform"} <= set(wide):
            ratios = ((wide.gcv / wide.test_error).median(), (wide.gap / wide.s_transform).median())
            rows.append((section, len(wide), (wide.kare / wide.gcv - 1).abs().max(), *ratios, group.seeds.iloc[0]))
    return pd.DataFrame(rows, columns=ESTIMATOR_COLUMNS)


def _stacked(frames, columns):
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def _name(record):
    return str(record["section"])


def _draws(record):
    """Numbers of draws of data and, where there are any, of features."""
    return [int(record[name]) for name in ("data_draws", "feature_draws") if int(record[name])]


def _section_row(record):
    about = {name: np.asarray(value).item() for name, value in record["about"].items()}
    draws = {name: int(record[name]) for name in ("data_draws", "feature_draws")}
    return {"section": _name(record), **about, **draws}


def _curves(record):
    """Theory on the grid; infinite values, and parts that the section lacks, are left out."""
    theory = record["theory"] | {"test_error": _test_error(record, record["theory"])}
    rows = _stacked([_place(record, theory, name).assign(value=theory[name]) for name in _present(theory)], ())
    return rows[np.isfinite(rows.value)][[*CURVE_COLUMNS]]


def _points(record):
    """The simulated quantities beside their theory; parts that the section lacks are left out."""
    measured, errors, expected = _simulated(record)
    degrees_of_freedom = min(_draws(record)) - 1
    frames = []
    for name in _present(expected):
        numbers = {"value": measured[name], "standard_error": errors[name], "theory": expected[name]}
        frames.append(_place(record, measured, name).assign(**numbers))
    rows = _stacked(frames, ())
    rows = rows[np.isfinite(rows.value) & np.isfinite(rows.theory)]
    reach = special.stdtrit(degrees_of_freedom, 0.975) * rows.standard_error
    columns = {"low": rows.value - reach, "high": rows.value + reach}
    columns["z"] = gaussian_score(_ratio(rows.value - rows.theory, rows.standard_error), degrees_of_freedom)
    large = rows.standard_error < LARGEST_RELATIVE_ERROR * rows.value.abs()
    columns["judged"] = large & (rows.n_samples >= FEWEST_SAMPLES)
    return rows.assign(**columns, seeds=int(record["data_draws"]))[[*POINT_COLUMNS]]


def gaussian_score(t, degrees_of_freedom):
    """The Gaussian score of Student's t of the same tail probability: standard errors are estimates themselves."""
    return -np.sign(t) * special.ndtri(special.stdtr(degrees_of_freedom, -np.abs(t)))


def _ratio(difference, error):
    """Differences in units of their error; one without a difference is 0 even where there is no error."""
    result = np.where(difference == 0, 0.0, np.sign(difference) * np.inf)
    return np.divide(difference, error, out=result, where=error > 0)


def _place(record, part, quantity):
    columns = {name: part[name] for name in ("feature_capacity", "width", "n_samples")}
    return pd.DataFrame({"section": _name(record), "dim": int(record["about"]["dim"]), **columns, "quantity": quantity})


def _present(part):
    """Quantities that are not 0 on the whole of a section's curve."""
    return [name for name in part if name not in ("feature_capacity", "width", "n_samples") and np.any(part[name])]


def _test_error(record, part):
    return part["excess_risk"] + float(record["about"]["noise_std"]) ** 2


def _simulated(record):
    """measured, standard_error, expected with the same quantities, those made of several others among them.

    The relative error of the gap is at most half the sum of those of the two errors that it is the root of a ratio of.
    """
    measured, errors, expected = (dict(record[name]) for name in ("measured", "standard_error", "expected"))
    test_error, train_error = _test_error(record, measured), measured["train_error"]
    positive = train_error > 0
    gap = np.sqrt(np.divide(test_error, train_error, out=np.full_like(test_error, np.inf), where=positive))
    relative = errors["excess_risk"] / test_error
    relative += np.divide(errors["train_error"], train_error, out=np.zeros_like(test_error), where=positive)
    expected["test_error"] = expected["gcv"] = expected["kare"] = _test_error(record, expected)
    expected["gap"] = expected["s_transform"]
    measured |= {"test_error": test_error, "gap": gap}
    errors |= {"test_error": errors["excess_risk"], "gap": np.where(positive, gap, 0.0) * relative / 2}
    return measured, errors, {name: value for name, value in expected.items() if name in measured and name != "ridge"}


def _slopes(record):
    """The exponent of the excess risk in n_samples in the window of its scaling law: ridge regression without noise.

    The law is -2 capacity min(source, 1). Points of a curve share their draws, so their errors are added in size.
    """
    about = {name: float(record["about"][name]) for name in ("capacity", "source", "noise_std")}
    measured, errors, expected = (record[name] for name in ("measured", "standard_error", "expected"))
    n_samples = measured["n_samples"]
    window = (expected["s_transform"] >= SMALLEST_S_TRANSFORM) & (n_samples >= FIRST_SAMPLES)
    if int(record["feature_draws"]) or np.isnan(about["capacity"]) or about["noise_std"] or window.sum() < 3:
        return
    place = np.log(n_samples[window]) - np.log(n_samples[window]).mean()
    weights, risk = place / (place @ place), measured["excess_risk"][window]
    slope, theory = (weights @ np.log(part["excess_risk"][window]) for part in (measured, expected))
    reach = special.stdtrit(min(_draws(record)) - 1, 0.975) * np.abs(weights) @ (errors["excess_risk"][window] / risk)
    law = -2 * about["capacity"] * min(about["source"], 1.0)
    bounds = (n_samples[window].min(), n_samples[window].max())
    numbers = (slope, slope - reach, slope + reach, theory, law)
    yield (_name(record), "excess_risk", *bounds, *numbers, int(record["data_draws"]))


def _descents(record):
    """A row for each maximum of theory's excess risk among the simulated points: how far it stands out of the minima.

    rise and fall are the measured ratios to theory's lowest points before and after, with intervals in the logarithm.
    """
    measured, errors, expected = (record[name]["excess_risk"] for name in ("measured", "standard_error", "expected"))
    reach = special.stdtrit(min(_draws(record)) - 1, 0.975) * errors / measured
    peaks = 1 + np.flatnonzero((expected[1:-1] > expected[:-2]) & (expected[1:-1] > expected[2:]))
    if np.isfinite(record["measured"]["feature_capacity"]).any():
        return
    ends = [0, *peaks, len(expected)]
    for peak, start, stop in zip(peaks, ends[:-2], ends[2:], strict=True):
        before, after = start + expected[start:peak].argmin(), peak + expected[peak:stop].argmin()
        row = [_name(record), int(record["measured"]["n_samples"][peak])]
        for low in (before, after):
            ratio, spread = measured[peak] / measured[low], np.exp(np.hypot(reach[peak], reach[low]))
            row += [ratio, ratio / spread, ratio * spread]
        yield (*row, expected[peak] / expected[before], expected[peak] / expected[after], int(record["data_draws"]))
