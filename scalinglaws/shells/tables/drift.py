"""Tables of the drift experiment: the drift law fitted case by case, its form, and its profile against 2 lambda t."""

import numpy as np
import pandas as pd

from scalinglaws.shells.drift import NothingToFit, compare_regions, drift_exponent, fit_drift
from scalinglaws.shells.tables import selfsimilar, transport
from scalinglaws.shells.tables.cases import CASE, make_cases
from scalinglaws.shells.tables.common import mean_with_interval
from scalinglaws.shells.tables.laws import POSITIONS, in_growth, law_columns, relative_profile

FIT_COLUMNS = (
    *(*CASE, "shell_ratio", "region", "growth", "sign", "exponent", "low", "high", "offset_low", "offset_high"),
    *("share_up", "share_up_energy", "up_low", "up_high", "residual_rms", "explained_one", "explained_two"),
    *("best_explained", "explained_best", "cells", "seeds"),
)
RUN_COLUMNS = (*CASE, "seed", "n_steps", "first_loss", "final_loss", "trace_growth", "closure", "seeds")
FORM_COLUMNS = (*CASE, "difference", "low", "high", "seeds")
PROFILE_COLUMNS = (*CASE, "position", "value", "low", "high", "seeds")


def tables(records, *, windows):
    """All tables of the experiment by name; windows: first_time and count of the log-spaced windows of time."""
    cases = make_cases(records, windows["first_time"], windows["count"])
    return {
        "drift_runs": drift_runs(cases),
        "drift_fits": drift_fits(cases),
        "drift_form": drift_form(cases),
        "drift_profiles": drift_profiles(cases),
        **transport.tables(cases),
        **selfsimilar.tables(cases),
    }


def drift_runs(cases):
    """One row per run: its length, its losses, the growth of its kernel, and how exact its books are on all grids."""
    rows = [case.rows(**_run(record)) for case in cases for record in case.records]
    return pd.DataFrame(rows, columns=RUN_COLUMNS)


def _run(record):
    trace = record["eigenvalues"].sum(axis=1)
    return {
        "seed": int(record["seed"]),
        "n_steps": len(record["time"]) - 1,
        "first_loss": record["loss"][0],
        "final_loss": record["loss"][-1],
        "trace_growth": trace[-1] / trace[0],
        "closure": max(grid["closure"].max() for grid in record["grids"].values()),
    }


def drift_fits(cases):
    """One row per case, shell ratio, region of 2 lambda t and treatment of growth; regions without cells get no row."""
    rows = [_fit_row(case, *choice) for case in cases for choice in _choices(case)]
    return pd.DataFrame([row for row in rows if row], columns=FIT_COLUMNS)


def _choices(case):
    """Regions in the finest shells; there also without growth; coarser shells for comparison."""
    finest = case.main_ratio
    yield from ((finest, region, "kept") for region in ("all", "unlearned", "frontier", "learned"))
    yield finest, "all", "removed"
    yield from ((ratio, "all", "kept") for ratio in case.fields if ratio != finest)


def _fit_row(case, ratio, region, growth):
    seeds = in_growth(case.fields[ratio], growth)
    try:
        fit = fit_drift(seeds, region=region)
    except NothingToFit:
        return None
    by_offset = [_exponents([[of_seed[k]] for of_seed in seeds], region) for k in range(len(seeds[0]))]
    offsets = [exponent for found in by_offset for exponent in found]
    return case.rows(
        shell_ratio=ratio,
        region=region,
        growth=growth,
        **law_columns(fit),
        offset_low=min(offsets, default=np.nan),
        offset_high=max(offsets, default=np.nan),
        best_explained=fit.best_explained,
        explained_best=fit.explained[fit.best_explained],
    )


def _exponents(seeds, region):
    """The exponent in one grid alone; none where that holds too few cells."""
    try:
        return [drift_exponent(seeds, region=region)]
    except NothingToFit:
        return []


def drift_form(cases):
    """Exponent above the frontier minus exponent below it: zero if one power law holds over the resolved range."""
    rows = []
    for case in cases:
        found = compare_regions(case.fields[case.main_ratio], "learned", "unlearned")
        if found is not None:
            rows.append(case.rows(difference=found[0], low=found[1], high=found[2]))
    return pd.DataFrame(rows, columns=FORM_COLUMNS)


def drift_profiles(cases):
    """Relative velocity over its mean in the window, against 2 lambda t: flat for exponent 1, rising as x for 2."""
    rows = []
    for case in cases:
        curves = np.array([relative_profile(of_seed) for of_seed in case.fields[case.main_ratio]])
        for position, samples in zip(POSITIONS, curves.T, strict=True):
            if np.isfinite(samples).all():
                rows.append(case.rows(position=position, **mean_with_interval(samples)))
    return pd.DataFrame(rows, columns=PROFILE_COLUMNS)
