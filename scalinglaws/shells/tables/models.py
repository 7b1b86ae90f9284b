"""Tables of any models: their runs, shells over time, the energy that passed each edge, and how exact they are.

Units are those of a run: eigenvalues in the largest at the start, time in 1 over that, energies in the first loss.
"""

import numpy as np
import pandas as pd

from scalinglaws.shells.tables import model_laws
from scalinglaws.shells.tables.common import group_by, log_mean_with_interval, mean_with_interval

RUN_COLUMNS = (
    *("case", "seed", "n_samples", "n_outputs", "n_parameters", "first_loss", "final_loss", "eigenvalue_growth"),
    *("error", "unbooked", "seeds"),
)
CURVE_COLUMNS = ("case", "quantity", "time", "value", "low", "high", "seeds")
SHELL_COLUMNS = ("case", "time", "shell", "low_edge", "high_edge", "share", "low", "high", "seeds")
FLUX_COLUMNS = ("case", "time", "edge", "passed", "low", "high", "seeds")
LANCZOS_COLUMNS = ("case", "time", "n_steps", "distance", "low", "high", "told", "worst", "seeds")
# Lanczos' method that has found all there is tells an error of zero, and errs by rounding: 1e-8 or less of what is at
# the smallest eigenvalues that shells tell apart, 1e-8 of the largest.
ROUNDING = 1e-6


def tables(records):
    """All tables of the experiment by name."""
    cases = [(case, group) for (case,), group in group_by(records, "case")]
    return {
        "model_runs": model_runs(cases),
        "model_curves": model_curves(cases),
        "model_shells": model_shells(cases),
        "model_flux": model_flux(cases),
        "model_lanczos": model_lanczos(cases),
        **model_laws.tables(cases),
    }


def model_runs(cases):
    """One row per run: its sizes, losses, and how exact its shells and its books are."""
    rows = [_run(case, record, len(group)) for case, group in cases for record in group]
    return pd.DataFrame(rows, columns=RUN_COLUMNS)


def _run(case, record, seeds):
    sizes = {name: int(record[name]) for name in ("seed", "n_samples", "n_outputs", "n_parameters")}
    return {
        "case": case,
        **sizes,
        "first_loss": record["loss"][0],
        "final_loss": record["loss"][-1],
        "eigenvalue_growth": record["largest"][-1] / record["largest"][0],
        "error": record["error"].max(),
        "unbooked": np.abs(record["exchange"].sum(axis=1) / record["loss"]).max(),
        "seeds": seeds,
    }


def model_curves(cases):
    """Loss, spectral position and largest eigenvalue against time: geometric means over seeds."""
    of_run = {
        "loss": lambda record: record["loss"] / record["loss"][0],
        "position": lambda record: record["position"] / record["top"],
        "largest eigenvalue": lambda record: record["largest"] / record["top"],
    }
    parts = [
        pd.DataFrame({"case": case, "quantity": name, "time": _times(group), **_over_seeds(group, values, log=True)})
        for case, group in cases
        for name, values in of_run.items()
    ]
    return _joined(parts, CURVE_COLUMNS)


def model_shells(cases):
    """Share of the first loss in each shell at each time."""
    parts = []
    for case, group in cases:
        edges = _edges(group)
        found = _over_seeds(group, lambda record: record["energy"] / record["loss"][0])
        place = _grid(case, _times(group), shell=np.arange(edges.size - 1), low_edge=edges[:-1], high_edge=edges[1:])
        parts.append(pd.DataFrame({**place, "share": found.pop("value"), **found}))
    return _joined(parts, SHELL_COLUMNS)


def model_flux(cases):
    """Energy that has passed each inner edge towards larger eigenvalues since time 0, at each later time."""
    parts = []
    for case, group in cases:
        found = _over_seeds(group, lambda record: _passed(record)[1:])
        place = _grid(case, _times(group)[1:], edge=_edges(group)[1:-1])
        parts.append(pd.DataFrame({**place, "passed": found.pop("value"), **found}))
    return _joined(parts, FLUX_COLUMNS)


def _passed(record):
    """(T, S - 1): what shells above an edge have gained has passed it."""
    above = np.cumsum(record["exchange"][:, ::-1], axis=1)[:, -2::-1]
    return np.cumsum(above, axis=0) / record["loss"][0]


def model_lanczos(cases):
    """Distance of Lanczos' shells from exact ones at the first and last moment, for the runs that were compared.

    distance: of the shells that `measure` gives with n_steps, after FURTHER steps more, in L1 over the loss; told: the
    error that it tells; worst: the largest distance / told of any seed.
    """
    parts = []
    for case, group in cases:
        compared = [record["compared"] | {"top": record["top"]} for record in group if "compared" in record]
        if compared:
            place = _grid(case, _times(compared), n_steps=compared[0]["steps"])
            found = _over_seeds(compared, lambda one: one["distance"])
            told = np.array([one["told"] for one in compared])
            ratio = np.array([one["distance"] for one in compared]) / np.maximum(told, ROUNDING)
            errors = {"told": told.mean(axis=0).ravel(), "worst": ratio.max(axis=0).ravel()}
            parts.append(pd.DataFrame({**place, "distance": found.pop("value"), **found, **errors}))
    return _joined(parts, LANCZOS_COLUMNS)


def _times(group):
    """Times of the snapshots, which all seeds share in these units."""
    return _rounded(group[0]["time"] * group[0]["top"])


def _edges(group):
    """Edges of the shells, which all seeds share in these units."""
    return _rounded(group[0]["edges"] / group[0]["top"])


def _rounded(values):
    """To twelve digits: to divide by a run's largest eigenvalue and multiply again leaves the last ones to chance."""
    return np.array([float(f"{value:.12g}") for value in values])


def _over_seeds(group, values, log=False):
    """Columns value, low, high, seeds of what each record says, all its axes in one."""
    samples = np.array([values(record).ravel() for record in group])
    interval = log_mean_with_interval if log else mean_with_interval
    return {**interval(samples), "seeds": len(group)}


def _grid(case, times, **columns):
    """Columns case, time and those given, one row for each time and each of their entries."""
    (length,) = {len(column) for column in columns.values()}
    tiled = {name: np.tile(column, len(times)) for name, column in columns.items()}
    return {"case": case, "time": np.repeat(times, length), **tiled}


def _joined(parts, columns):
    """Parts one below the other, columns in their order; an empty table of them where there is none."""
    return pd.concat(parts, ignore_index=True)[list(columns)] if parts else pd.DataFrame(columns=columns)
