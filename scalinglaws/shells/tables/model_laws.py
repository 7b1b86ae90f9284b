"""Tables of any models: the drift law fitted to the energy that passed each edge, and the velocity's profile."""

import numpy as np
import pandas as pd

from scalinglaws.shells.drift import NothingToFit, drift_exponent, fit_drift
from scalinglaws.shells.measure import ShellMeasurement
from scalinglaws.shells.tables.common import mean_with_interval
from scalinglaws.shells.tables.laws import POSITIONS, in_growth, law_columns, relative_profile
from scalinglaws.shells.tracking import field_of_nodes, net_exchange

DRIFT_COLUMNS = (
    *("case", "region", "growth", "sign", "exponent", "low", "high", "exponent_coarse", "share_up", "share_up_energy"),
    *("up_low", "up_high", "residual_rms", "explained_one", "explained_two", "cells", "seeds"),
)
PROFILE_COLUMNS = ("case", "position", "value", "low", "high", "seeds")
# Regions of 2 lambda t, and whether the common growth of the eigenvalues stays in.
FITS = (*((region, "kept") for region in ("all", "unlearned", "frontier", "learned")), ("all", "removed"))


def tables(cases):
    """The law fitted to each case, region and treatment of growth, and the profile; cases: (name, records).

    exponent_coarse: the exponent when every second snapshot is left out, to tell what those between them hide.
    """
    fields = [(case, _fields(group), _fields(map(every_second, group))) for case, group in cases]
    fits = [_fit_row(case, seeds, coarse, *choice) for case, seeds, coarse in fields for choice in FITS]
    profiles = [row for case, seeds, _ in fields for row in _profile_rows(case, seeds)]
    return {
        "model_drift": pd.DataFrame([row for row in fits if row], columns=DRIFT_COLUMNS),
        "model_profiles": pd.DataFrame(profiles, columns=PROFILE_COLUMNS),
    }


def _fields(records):
    return [[field_of_run(record)] for record in records]


def every_second(record):
    """A record without every second of its snapshots, counted from the last, but with the first."""
    kept = np.unique(np.append(0, np.arange(len(record["time"]))[::-2]))
    thinned = {name: record[name][kept] for name in ("time", "nodes", "node_energy")}
    shells = [_measurement(record, moment) for moment in kept]
    steps = zip(shells, shells[1:], np.diff(thinned["time"]), strict=False)
    exchange = np.array([np.zeros(len(shells[0].energy)), *(net_exchange(*step) for step in steps)])
    return {**thinned, "edges": record["edges"], "exchange": exchange}


def _measurement(record, moment):
    names = ("energy", "dissipation", "nodes", "node_energy")
    arrays = {name: record[name][moment] for name in names}
    return ShellMeasurement(record["edges"], **arrays, error=0.0, n_samples=int(record["n_samples"]), method="lanczos")


def field_of_run(record):
    """The drift field of a run; every step between snapshots is a window of time, so that none has to be divided."""
    names = ("time", "edges", "nodes", "node_energy", "exchange", "time")
    return field_of_nodes(*(record[name] for name in names))


def _fit_row(case, seeds, coarse, region, growth):
    """None for a region that holds too few cells, or for several seeds too few of them in each."""
    try:
        fit = fit_drift(in_growth(seeds, growth), region=region)
    except NothingToFit:
        return None
    if len(seeds) > 1 and not np.isfinite(fit.interval).all():
        return None
    place = {"case": case, "region": region, "growth": growth, "seeds": len(seeds)}
    return {**place, **law_columns(fit), "exponent_coarse": _exponent(in_growth(coarse, growth), region)}


def _exponent(seeds, region):
    """The exponent alone; NaN for a region that holds too few cells."""
    try:
        return drift_exponent(seeds, region=region)
    except NothingToFit:
        return np.nan


def _profile_rows(case, seeds):
    curves = np.array([relative_profile(of_seed) for of_seed in seeds])
    for position, samples in zip(POSITIONS, curves.T, strict=True):
        if np.isfinite(samples).all():
            yield {"case": case, "position": position, **mean_with_interval(samples), "seeds": len(seeds)}
