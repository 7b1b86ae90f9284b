"""Tables of the risk of quadratic networks: theory, convex solutions, their ratio, and networks against them.

The teacher is the same for all seeds: means over seeds are arithmetic, and are divided by the one theory. Intervals are
95 % intervals of Student's t, which stay honest for the two or three seeds of large dimensions.
"""

import numpy as np
import pandas as pd
from scipy.special import stdtrit

PLACE = ("dim", "noise_variance", "weight_decay_exponent")
SIMULATED = ("dim", "sensing", "noise_variance", "weight_decay_exponent", "n_samples")
RATIO = ("points", "ratio", "low", "high", "seeds")
COLUMNS = {
    "quadratic_curves": (*PLACE, "decay", "n_samples", "risk", "kept"),
    "quadratic_points": (
        *(*SIMULATED, "part", "risk", "low", "high", "theory", "ratio", "ratio_low", "ratio_high", "ratio_error"),
        *("allowed", "share", "rank", "rank_theory", "fitted", "seeds"),
    ),
    "quadratic_ratios": ("dim", "sensing", "selection", *RATIO),
    "quadratic_ratio_parts": ("dim", "sensing", "noise_variance", "weight_decay_exponent", *RATIO),
    "quadratic_networks": (
        *(*SIMULATED, "unique", "risk", "risk_convex", "objective_gap", "distance", "rank", "rank_convex"),
        *("fitted", "seeds"),
    ),
}
# Allowed deviation of a single point's ratio from 1, or this many standard errors.
TOLERANCE, ERRORS = 0.08, 3.0


def tables(records):
    """All tables by name; without records they are empty."""
    theory = [record for record in records if str(record["made_of"]) == "theory"]
    lines = pd.DataFrame(curves(theory), columns=COLUMNS["quadratic_curves"])
    runs = pd.DataFrame(_runs([record for record in records if str(record["made_of"]) == "simulation"]))
    simulated = _with_theory(runs, lines)
    by = ["dim", "sensing"]
    selections = {"all": _judged(simulated), "common": _common(_judged(simulated))}
    rows = {
        "quadratic_points": points(simulated),
        "quadratic_ratios": [
            {**row, "selection": name} for name, chosen in selections.items() for row in ratios(chosen, by)
        ],
        "quadratic_ratio_parts": ratios(selections["all"], [*by, "noise_variance", "weight_decay_exponent"]),
        "quadratic_networks": networks(simulated),
    }
    made = {name: pd.DataFrame(list(found), columns=COLUMNS[name]) for name, found in rows.items()}
    return {"quadratic_curves": lines, **made}


def curves(records):
    """Rows of: risk and share of eigenvalues kept in state evolution."""
    for record in records:
        place = {name: record[name].item() for name in ("dim", "noise_variance", "decay")}
        for i, n_samples in enumerate(record["n_samples"]):
            for j, exponent in enumerate(record["exponents"]):
                values = {name: float(record[name][i, j]) for name in ("risk", "kept")}
                yield {**place, "weight_decay_exponent": float(exponent), "n_samples": int(n_samples), **values}


def _runs(records):
    """Rows of: every convex solution of every seed, and its network where one was trained."""
    for record in records:
        place = {name: record[name].item() for name in ("dim", "sensing", "noise_variance", "seed")}
        arrays = [name for name, value in record.items() if np.ndim(value) == 2]
        for i, n_samples in enumerate(record["n_samples"]):
            for j, exponent in enumerate(record["exponents"]):
                values = {name: float(record[name][i, j]) for name in arrays}
                yield {**place, "weight_decay_exponent": float(exponent), "n_samples": int(n_samples), **values}


def _with_theory(runs, lines):
    """Every solution with the theory of its place, and what its seed may be judged by."""
    if runs.empty or lines.empty:
        return pd.DataFrame(columns=[*SIMULATED])
    keys = [*PLACE, "n_samples"]
    theory = lines[[*keys, "risk", "kept"]].rename(columns={"risk": "theory", "kept": "kept_theory"})
    joined = runs.drop_duplicates([*SIMULATED, "seed"]).merge(theory, on=keys, validate="many_to_one")
    rank = joined[["rank", "network_rank"]].max(axis=1) if "network_rank" in joined else joined["rank"]
    return joined.assign(unique=rank * (rank + 1) / 2 <= joined.n_samples, relative=joined.risk / joined.theory)


def _mean(samples, names=("value", "low", "high")):
    """Mean over seeds with its interval; a single seed has none."""
    reach = stdtrit(len(samples) - 1, 0.975) * _error(samples) if len(samples) > 1 else np.nan
    return dict(zip(names, np.mean(samples) + np.array([0.0, -reach, reach]), strict=True))


def _error(samples):
    """Standard error of the mean; NaN for a single seed."""
    return np.std(samples, ddof=1) / np.sqrt(len(samples)) if len(samples) > 1 else np.nan


def _part(group):
    if (group.kept_theory == 0).all():
        return "nothing learned"
    return "judged" if group.unique.all() else "not unique"


def _by_place(simulated):
    """(place, rows of all seeds) of every point."""
    for key, group in simulated.groupby(list(SIMULATED), sort=True):
        yield dict(zip(SIMULATED, key, strict=True)), group


def points(simulated):
    """Rows of: mean risk of the convex solutions over seeds, theory, and their ratio.

    part is 'nothing learned' where theory keeps no eigenvalue, 'not unique' where a solution of rank r, of some seed,
    has more free entries r (r + 1) / 2 than there are samples, so that others fit equally well, and 'judged'
    elsewhere. share is |ratio - 1| over what is allowed: 0.08, or 3 standard errors. rank is the mean number of
    eigenvalues, fitted the mean share of samples whose residual is below a hundredth of the largest.
    """
    for place, group in _by_place(simulated):
        theory, relative = group.theory.iloc[0], group.relative.to_numpy()
        error = _error(relative)
        allowed = np.fmax(TOLERANCE, ERRORS * error)
        yield {
            **{**place, "part": _part(group), "theory": theory},
            **_mean(group.risk.to_numpy(), ("risk", "low", "high")),
            **_mean(relative, ("ratio", "ratio_low", "ratio_high")),
            **{"ratio_error": error, "allowed": allowed, "share": abs(relative.mean() - 1) / allowed},
            **{"rank": group["rank"].mean(), "rank_theory": group.kept_theory.iloc[0] * place["dim"]},
            **{"fitted": group.fitted.mean(), "seeds": len(group)},
        }


def _judged(simulated):
    chosen = [group for _, group in _by_place(simulated) if _part(group) == "judged"]
    return pd.concat(chosen) if chosen else simulated.iloc[:0]


def _common(judged):
    """Of the judged points those that are there for every dimension, and so tell what the dimension alone changes."""
    if judged.empty:
        return judged
    kind = ["noise_variance", "weight_decay_exponent", "ratio"]
    placed = judged.assign(ratio=(judged.n_samples / judged.dim**2).round(9))
    dims = placed[placed.sensing == "outer"].groupby(kind).dim.nunique()
    everywhere = dims[dims == judged.dim.nunique()].index
    return judged[placed.set_index(kind).index.isin(everywhere)]


def ratios(judged, by):
    """Rows of: risk of convex solutions over theory, mean over the judged points of equal `by`, and over seeds.

    selection is 'all' or 'common', the points that are simulated at every dimension. The interval is from the mean
    deviation of every seed at points of more than one seed; seeds is the largest number of them.
    """
    if judged.empty:
        return
    for key, group in judged.groupby(by, sort=True):
        of_points = group.groupby(list(SIMULATED)).relative
        count, value = of_points.transform("size"), of_points.mean().mean()
        # Deviations from a mean over n seeds are too small by (1 - 1 / n)^1/2.
        deviation = (group.relative - of_points.transform("mean")) / np.sqrt(1 - 1 / count.where(count > 1))
        of_seeds = deviation.dropna().groupby(group.seed).mean().to_numpy()
        reach = stdtrit(len(of_seeds) - 1, 0.975) * _error(of_seeds) if len(of_seeds) > 1 else np.nan
        interval = {"ratio": value, "low": value - reach, "high": value + reach}
        yield {**dict(zip(by, key, strict=True)), "points": of_points.ngroups, **interval, "seeds": int(count.max())}


def networks(simulated):
    """Rows of: trained networks against convex solutions of the same data; the worst of all seeds.

    objective_gap is the relative difference of the objectives in size, distance that of S; unique is False where, for
    some seed, other matrices fit equally well (`points`), so that distance means nothing there.
    """
    if "network_risk" not in simulated:
        return
    for place, group in _by_place(simulated[simulated.network_risk.notna()]):
        worst = group[["objective_gap", "distance"]].abs().max()
        means = group[["network_risk", "risk", "network_rank", "rank", "fitted"]].mean()
        named = dict(zip(("risk", "risk_convex", "rank", "rank_convex", "fitted"), means, strict=True))
        yield {**place, "unique": bool(group.unique.all()), **named, **worst, "seeds": len(group)}
