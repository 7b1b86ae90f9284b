"""Tables of the heavy tails: exponents of simulated spectra against draws of the learned law, curves of theory, risks.

Exponents are averaged as logarithms of exponent - 1, which the estimator's errors spread evenly.
"""

import numpy as np
import pandas as pd

from scalinglaws.fits import seed_interval
from scalinglaws.shallow.heavy_tails import MINIMUM_TAIL, power_law_tail
from scalinglaws.shallow.problem import power_law_strengths
from scalinglaws.shallow.typical_spectra import drawn_coefficients, drawn_eigenvalues

GROUP = ("kind", "sensing", "phase", "decay", "dim", "n_samples", "weight_decay", "noise_variance")
CURVE = ("kind", "decay", "dim", "n_eff")
COLUMNS = {
    "tail_exponents": (
        *(*GROUP, "exponent", "low", "high", "seeds", "predicted", "predicted_low", "predicted_high", "z", "has_tail"),
        *("teacher_exponent", "x_min", "n_tail", "excess_risk", "relative_risk"),
    ),
    "tail_curves": (
        *(*CURVE, "weight_decay", "delta", "threshold", "kept", "features", "phase"),
        *("exponent", "standard_error", "x_min", "n_tail", "unshifted_exponent", "unshifted_error"),
        *("teacher_exponent", "excess_risk", "relative_risk"),
    ),
    "tail_risks": (
        *(*CURVE, "points", "correlation", "correlation_less_decay", "correlation_more_decay", "has_tail"),
        *("best_weight_decay", "best_risk", "best_exponent", "best_deviation", "best_unshifted_deviation"),
        *("heaviest_exponent", "heaviest_risk", "teacher_exponent"),
    ),
}
# Draws of the learned law for each comparison, or a few more: its mean is known three times better than that of three
# seeds.
N_DRAWS = 32
# Of Gaussian draws 95 % lie within so many standard deviations.
REACH = 1.96


def heavy_tail_tables(records):
    """The tables of `COLUMNS` from those records of experiment `spectra` that hold a spectrum, or curves of theory."""
    spectra = [record for record in records if "spectrum" in record]
    points = [pd.DataFrame(dict(record["curves"])) for record in records if "curves" in record]
    points = pd.concat(points, ignore_index=True) if points else pd.DataFrame(columns=COLUMNS["tail_curves"])
    rows = {"tail_exponents": _exponents(spectra), "tail_curves": points, "tail_risks": list(_risks(points))}
    return {name: pd.DataFrame(rows[name], columns=columns) for name, columns in COLUMNS.items()}


def _exponents(records):
    """Rows of: exponent of the simulated spectra of a group, mean over seeds, and that of draws of the learned law."""
    seeds = pd.DataFrame([{**row, **_fitted(row["spectrum"])} for record in records for row in _seeds(record)])
    return [_exponent_row(group) for _, group in seeds.groupby(list(GROUP))] if records else []


def _seeds(record):
    """A row for each seed of a record, with the law of its teacher."""
    place, names = {name: np.asarray(record[name]).item() for name in GROUP}, ("excess_risk", "delta", "threshold")
    columns = [np.asarray(record[name]) for name in ("spectrum", *names)]
    for spectrum, *numbers in zip(*columns, strict=True):
        yield {**place, "spectrum": spectrum, **dict(zip(names, numbers, strict=True))}


def _fitted(spectrum):
    """log(exponent - 1), x_min and n_tail; NaN where too few eigenvalues are kept for a tail."""
    if np.sum(spectrum > 0) < MINIMUM_TAIL:
        return {"log": np.nan, "x_min": np.nan, "n_tail": np.nan}
    fit = power_law_tail(spectrum)
    return {"log": np.log(fit.exponent - 1), "x_min": fit.x_min, "n_tail": fit.n_tail}


def _exponent_row(group):
    first, logs = group.iloc[0], group.log.dropna().to_numpy()
    strengths = power_law_strengths(first.dim, first.decay)
    expected = _expected(first.kind, strengths, group[["delta", "threshold"]].to_numpy())
    signal = np.mean(strengths**2) * (2 if first.kind == "quadratic" else 1)
    # A tail that only some of the networks have is not compared: what it is then depends on which of them do.
    has_tail = bool(np.isfinite(np.append(group.log, expected)).all())
    return {
        **{name: first[name] for name in GROUP},
        **_measured(logs),
        **_predicted(logs, np.array(expected if has_tail else [np.nan, np.nan])),
        **{"has_tail": has_tail, "teacher_exponent": 1 + 1 / first.decay},
        **{name: group[name].mean() for name in ("x_min", "n_tail", "excess_risk")},
        "relative_risk": group.excess_risk.mean() / signal,
    }


def _expected(kind, strengths, laws):
    """log(exponent - 1) of draws of the learned law, as many for the delta and threshold of each seed; NaN for no tail.

    A diagonal network's teacher is drawn anew for each.
    """
    draw = {"diagonal": drawn_coefficients, "quadratic": drawn_eigenvalues}[kind]
    rng, n_draws = np.random.default_rng(0), -(-N_DRAWS // len(laws))
    return [_fitted(spectrum)["log"] for law in laws for spectrum in draw(rng, strengths, *law, n_draws)]


def _measured(logs):
    """Columns of a mean over seeds; a single one has no interval, and none has no mean."""
    mean = logs.mean() if logs.size else np.nan
    low, high = seed_interval(logs)
    return {"exponent": 1 + np.exp(mean), "low": 1 + np.exp(low), "high": 1 + np.exp(high), "seeds": logs.size}


def _predicted(logs, expected):
    """Columns of the draws: their mean, the range of 95 % of them, and how far off the seeds' mean is in its errors."""
    mean, deviation = expected.mean(), expected.std(ddof=1)
    return {
        "predicted": 1 + np.exp(mean),
        "predicted_low": 1 + np.exp(mean - REACH * deviation),
        "predicted_high": 1 + np.exp(mean + REACH * deviation),
        "z": (logs.mean() - mean) / (deviation * np.sqrt(1 / logs.size + 1 / expected.size)) if logs.size else np.nan,
    }


def _risks(points):
    """Rows of: one curve's rank correlations of exponent and risk, and its points of least risk and of heaviest tail.

    Correlations are over all points that have a tail, over those of no more, and of no less weight decay than the best.
    Deviations are of the exponent from the teacher's, in standard errors of a single spectrum. Risks are relative to
    that of a network that is 0; heaviest_risk is over the least one.
    """
    for place, curve in points.groupby(list(CURVE)):
        best, tails = curve.loc[curve.relative_risk.idxmin()], curve[curve.n_tail > 0]
        heaviest = tails.loc[tails.exponent.idxmin()] if len(tails) else best
        yield {
            **dict(zip(CURVE, place, strict=True)),
            **{"points": len(tails), "has_tail": bool(best.n_tail > 0)},
            "correlation": _correlation(tails),
            "correlation_less_decay": _correlation(tails[tails.weight_decay <= best.weight_decay]),
            "correlation_more_decay": _correlation(tails[tails.weight_decay >= best.weight_decay]),
            "best_weight_decay": best.weight_decay,
            **{"best_risk": best.relative_risk, "best_exponent": best.exponent},
            "best_deviation": (best.exponent - best.teacher_exponent) / best.standard_error,
            "best_unshifted_deviation": (best.unshifted_exponent - best.teacher_exponent) / best.unshifted_error,
            "heaviest_exponent": heaviest.exponent,
            "heaviest_risk": heaviest.relative_risk / best.relative_risk,
            "teacher_exponent": best.teacher_exponent,
        }


def _correlation(points):
    """Spearman's, Pearson's of the ranks; of fewer than three points there is none."""
    return points[["exponent", "relative_risk"]].rank().corr().iloc[0, 1] if len(points) > 2 else np.nan
