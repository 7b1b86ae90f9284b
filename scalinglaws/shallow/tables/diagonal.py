"""Tables of the risk of diagonal networks: theory, LASSO solutions, their ratio, and networks against the LASSO.

Teachers differ in their largest coefficients and risks therefore by factors: means over seeds are geometric, and each
solution is divided by the theory of its own teacher before any mean.
"""

import numpy as np
import pandas as pd

from scalinglaws.fits import seed_interval

PLACE = ("dim", "noise_variance", "weight_decay_exponent")
COLUMNS = {
    "diagonal_curves": (*PLACE, "decay", "n_samples", "risk", "seeds"),
    "diagonal_points": (
        *(*PLACE, "n_samples", "part", "risk", "low", "high", "theory"),
        *("ratio", "ratio_low", "ratio_high", "log_error", "seeds"),
    ),
    "diagonal_ratios": (*PLACE, "part", "points", "ratio", "low", "high", "log_error", "allowed", "share", "seeds"),
    "diagonal_networks": (
        *PLACE,
        "n_samples",
        "risk",
        "low",
        "high",
        "objective_gap",
        "distance",
        "relative_risk",
        "seeds",
    ),
}
# Shown but not judged: fewer samples than this, because theory is for many; and where theory keeps fewer coefficients
# than this, because a solution of 0 is right whatever the theory of the others.
FEWEST_SAMPLES, FEWEST_KEPT = 50, 1.0
# Allowed deviation of log(simulation / theory): of the mean outside the peak, or this many standard errors, and of the
# median at the peak, where the risk of a single data set has heavy tails.
TOLERANCE, ERRORS, PEAK_TOLERANCE = 0.05, 3.0, 0.35


def tables(records):
    """All tables by name; without records they are empty."""
    rows = {
        "diagonal_curves": curves(records),
        "diagonal_points": points(records),
        "diagonal_ratios": ratios(records),
        "diagonal_networks": networks(records),
    }
    return {name: pd.DataFrame(rows[name], columns=COLUMNS[name]) for name in COLUMNS}


def _curves_of(records, table=None):
    """(place, records, index of the weight decay) of the records that hold `table`, for each curve against samples."""
    groups = {}
    for record in records:
        if table is None or table in record:
            groups.setdefault((int(record["dim"]), float(record["noise_variance"])), []).append(record)
    for (dim, noise_variance), group in sorted(groups.items()):
        for index, exponent in enumerate(group[0]["exponents"]):
            place = {"dim": dim, "noise_variance": noise_variance, "weight_decay_exponent": float(exponent)}
            yield place, group, index


def _log_mean(samples, names=("value", "low", "high")):
    """Geometric mean over seeds (axis 0) with its 95 % bootstrap interval; a single seed has none."""
    logs = np.log(samples)
    return dict(zip(names, np.exp([logs.mean(axis=0), *seed_interval(logs)]), strict=True))


def _log_error(log_samples):
    """Standard error of the mean over axis 0; NaN for a single seed."""
    missing = np.full(log_samples.shape[1:], np.nan)[()]
    return log_samples.std(axis=0, ddof=1) / np.sqrt(len(log_samples)) if len(log_samples) > 1 else missing


def _rows(place, **columns):
    """A row for each entry of the columns that are arrays; the others are the same in all rows."""
    columns = {name: np.asarray(column) for name, column in {**place, **columns}.items()}
    (count,) = {column.shape[0] for column in columns.values() if column.ndim}
    for i in range(count):
        yield {name: (column[i] if column.ndim else column).item() for name, column in columns.items()}


def curves(records):
    """Rows of: risk of state evolution at the largest dimension, geometric mean over the teachers drawn."""
    for place, group, index in _curves_of(records, "curve"):
        risk = np.exp(np.mean([np.log(record["curve"]["risk"][:, index]) for record in group], axis=0))
        samples, decay = group[0]["curve"]["n_samples"], float(group[0]["decay"])
        yield from _rows(place, decay=decay, n_samples=samples, risk=risk, seeds=len(group))


def points(records):
    """Rows of: risk of the LASSO, its theory, and their ratio, geometric means over seeds.

    part is 'few samples' below 50, 'nothing learned' where theory keeps less than one coefficient (mean over seeds),
    'peak' where there are as many samples as coefficients, and 'bulk' elsewhere; log_error is the standard error of the
    mean of log ratio.
    """
    for place, group, index in _curves_of(records):
        risk, theory = (np.array([record[name][:, index] for record in group]) for name in ("risk", "theory"))
        yield from _rows(
            place,
            **{"n_samples": group[0]["n_samples"], "part": _parts(group, index)},
            **_log_mean(risk, ("risk", "low", "high")),
            theory=np.exp(np.log(theory).mean(axis=0)),
            **_log_mean(risk / theory, ("ratio", "ratio_low", "ratio_high")),
            **{"log_error": _log_error(np.log(risk / theory)), "seeds": len(group)},
        )


def _parts(group, index):
    """The part of each number of samples."""
    n_samples, kept = np.asarray(group[0]["n_samples"]), np.mean([record["kept"][:, index] for record in group], axis=0)
    conditions = {
        "few samples": n_samples < FEWEST_SAMPLES,
        "nothing learned": kept < FEWEST_KEPT,
        "peak": n_samples == group[0]["dim"],
    }
    return np.select(list(conditions.values()), list(conditions), "bulk")


def ratios(records):
    """Rows of: simulation over theory, for each part of a curve that is judged, points and seeds together.

    In the bulk the geometric mean over points is one number for each seed, of which `ratio` is the geometric mean and
    log_error the standard error in the logarithm (points of one seed share their teacher); at the peak `ratio` is the
    median over seeds. share is |log ratio| over what is allowed.
    """
    for place, group, index in _curves_of(records):
        risk, theory = (np.array([record[name][:, index] for record in group]) for name in ("risk", "theory"))
        parts = _parts(group, index)
        for part, judged in {"bulk": _bulk, "peak": _peak}.items():
            chosen = parts == part
            if chosen.any():
                found = judged(np.log(risk / theory)[:, chosen].mean(axis=1))
                share = abs(np.log(found["ratio"])) / found["allowed"]
                yield {**place, "part": part, **found, "share": share, "points": int(chosen.sum()), "seeds": len(group)}


def _bulk(logs):
    error = _log_error(logs)
    allowed = np.fmax(TOLERANCE, ERRORS * error)
    return {**_log_mean(np.exp(logs), ("ratio", "low", "high")), "log_error": error, "allowed": allowed}


def _peak(logs):
    low, high = np.exp(seed_interval(logs, np.median))
    ratio = np.exp(np.median(logs))
    return {"ratio": ratio, "low": low, "high": high, "log_error": _log_error(logs), "allowed": PEAK_TOLERANCE}


def networks(records):
    """Rows of: risk of trained networks, and what they have to do with the LASSO solutions on the same data.

    risk and relative_risk, network over LASSO, are geometric means over seeds; objective_gap, how far the objective
    exceeds the minimum (in size: below rounding it has either sign), and distance, of the coefficients from the LASSO
    solution, are relative and the largest of all seeds.
    """
    for place, group, index in _curves_of(records, "network"):
        trained = {name: np.array([r["network"][name][:, index] for r in group]) for name in group[0]["network"]}
        exact = np.array([record["risk"][:, index] for record in group])
        yield from _rows(
            place,
            n_samples=group[0]["n_samples"],
            **_log_mean(trained["risk"], ("risk", "low", "high")),
            objective_gap=np.abs(trained["objective_gap"]).max(axis=0),
            distance=trained["distance"].max(axis=0),
            relative_risk=np.exp(np.log(trained["risk"] / exact).mean(axis=0)),
            seeds=len(group),
        )
