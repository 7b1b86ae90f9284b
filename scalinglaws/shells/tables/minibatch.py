"""Tables of the minibatch experiment: what drift, noise and curvature give the loss and each shell, and what survives.

Energies are in units of each run's first loss; edges, times and learning rates in those of its first largest eigenvalue
or its inverse. Runs of learning rate 0 are gradient flow, to which those of the same data set, richness0 and seed are
compared.
"""

import numpy as np
import pandas as pd

from scalinglaws.fits import power_law
from scalinglaws.shells.minibatch import noise_scale
from scalinglaws.shells.tables.common import group_by, mean_with_interval

PLACE = ("dataset", "richness0", "batch_size", "learning_rate")
INTERVAL = ("value", "low", "high", "seeds")
TERM_COLUMNS = (*PLACE, "noise_scale", "time", "term", *INTERVAL)
SHELL_COLUMNS = (*PLACE, "shell", "low_edge", "high_edge", "term", *INTERVAL)
RUN_COLUMNS = (
    *PLACE,
    *("seed", "width", "full_batch", "noise_scale", "n_steps", "final_loss", "flow_final_loss"),
    *("drift", "fluctuation", "injection", "expected_injection", "curvature", "noise_share", "noise_size"),
    *("flux_cosine", "flux_projection", "full_batch_cosine", "closure"),
)
SCALING_COLUMNS = ("dataset", "richness0", "slope", "low", "high", "ratio", "ratio_low", "ratio_high", "seeds")
# Shells that never hold this share of the first loss are left out.
EMPTY = 1e-6


def tables(records):
    """The four tables, by name; without records they are empty but for their columns."""
    runs = _runs(records)
    return {
        "minibatch_runs": runs,
        "minibatch_terms": _frame(_term_rows(records), TERM_COLUMNS),
        "minibatch_shells": _frame(_shell_rows(records), SHELL_COLUMNS),
        "minibatch_scaling": _scaling(runs),
    }


def _frame(rows, columns):
    return pd.DataFrame(rows, columns=columns)


def _groups(records):
    """Records by data set, richness0 (which the experiment holds fixed as `value`), batch size and learning rate."""
    for place, group in group_by(records, "dataset", "value", "batch_size", "learning_rate"):
        yield dict(zip(PLACE, place, strict=True)), group


def _first_loss(record):
    return record["energy"][0].sum()


def _terms(record):
    """What each cause gave each shell up to each moment, (T, S) in units of the first loss; noise is both its parts."""
    given = ("drift", "fluctuation", "injection", "expected_injection", "curvature")
    terms = {name: record[name] / _first_loss(record) for name in given}
    terms["noise"] = terms["fluctuation"] + terms["injection"]
    return terms


def _noise_scale(record):
    return noise_scale(*(record[name].item() for name in ("n_samples", "batch_size", "learning_rate")))


def _term_rows(records):
    """Terms of the loss at the moments kept, mean over seeds, for stochastic gradient descent; change is their sum."""
    for place, group in _groups([record for record in records if record["learning_rate"] > 0]):
        found = {name: [_terms(record)[name].sum(1) for record in group] for name in _terms(group[0])}
        found["change"] = [record["energy"].sum(1) / _first_loss(record) - 1 for record in group]
        shared = {**place, "noise_scale": _noise_scale(group[0]), "seeds": len(group)}
        for term, curves in found.items():
            columns = mean_with_interval(curves)
            for index, time in enumerate(group[0]["time"]):
                numbers = {name: column[index] for name, column in columns.items()}
                yield {**shared, "time": time, "term": term, **numbers}


def _shell_rows(records):
    """Terms of each shell at the end, mean over seeds: those of `_terms`, exchange, and flux through the lower edge."""
    for place, group in _groups(records):
        found = {name: [_terms(record)[name][-1] for record in group] for name in _terms(group[0])}
        found |= {"exchange": list(map(_exchange, group)), "flux": list(map(_flux, group))}
        edges = group[0]["edges"]
        held = np.max([(record["energy"] / _first_loss(record)).max(0) for record in group], axis=0) > EMPTY
        for term, profiles in found.items():
            columns = mean_with_interval(profiles)
            for shell in np.flatnonzero(held):
                bounds = {"shell": shell, "low_edge": edges[shell], "high_edge": edges[shell + 1]}
                numbers = {name: column[shell] for name, column in columns.items()}
                yield {**place, **bounds, "term": term, **numbers, "seeds": len(group)}


def _exchange(record):
    """Energy that each shell gained from all others up to the end, in units of the first loss."""
    return (record["transfer"] + record["crossing"])[-1] / _first_loss(record)


def _flux(record):
    """Energy that passed each shell's lower edge towards larger eigenvalues, in units of the first loss."""
    return np.cumsum(_exchange(record)[::-1])[::-1]


def _runs(records):
    """One row per run of stochastic gradient descent; comparisons are NaN where the run to compare with is missing."""
    found = {_key(record, record["batch_size"], record["learning_rate"]): record for record in records}
    rows = []
    for record in (record for record in records if record["learning_rate"] > 0):
        flow = found.get(_key(record, record["n_samples"], 0.0))
        full = found.get(_key(record, record["n_samples"], record["learning_rate"]))
        rows.append({**_run_row(record), **_comparison(record, flow, full)})
    return _frame(rows, RUN_COLUMNS)


def _key(record, batch_size, learning_rate):
    return (*(record[name].item() for name in ("dataset", "value", "seed")), int(batch_size), float(learning_rate))


def _run_row(record):
    terms = {name: term.sum(1) for name, term in _terms(record).items()}
    ends = {name: term[-1] for name, term in terms.items()}
    loss = record["energy"].sum(1) / _first_loss(record)
    return {
        **{
            name: record[name].item() for name in ("dataset", "width", "batch_size", "learning_rate", "seed", "n_steps")
        },
        "richness0": record["value"].item(),
        "full_batch": bool(record["batch_size"] == record["n_samples"]),
        "noise_scale": _noise_scale(record),
        "final_loss": loss[-1],
        **{name: ends[name] for name in ends if name != "noise"},
        "noise_share": abs(ends["noise"] / (loss[-1] - 1)),
        "noise_size": np.abs(terms["noise"]).max(),
        "closure": record["closure"].item(),
    }


def _comparison(record, flow, full):
    """The flux profile of a run against that of gradient flow and of the full batch at the same learning rate."""
    ours, theirs, whole = (np.nan if run is None else _flux(run) for run in (record, flow, full))
    return {
        "flow_final_loss": np.nan if flow is None else flow["energy"][-1].sum() / _first_loss(flow),
        "flux_cosine": _cosine(ours, theirs),
        "flux_projection": np.sum(ours * theirs) / np.sum(theirs * theirs),
        "full_batch_cosine": _cosine(ours, whole),
    }


def _cosine(one, other):
    return np.sum(one * other) / np.sqrt(np.sum(one * one) * np.sum(other * other))


def _scaling(runs):
    """Exponent of the injected energy against the noise scale, and its ratio to what the noise covariance predicts.

    Per data set and richness0, over seeds that have every noise scale with an injection above zero; a group with fewer
    than 3 noise scales, or without such a seed, gets no row. ratio is that of the sums over noise scales.
    """
    rows = []
    for (dataset, richness0), group in runs[~runs.full_batch.astype(bool)].groupby(["dataset", "richness0"]):
        measured, expected = (_by_seed(group, name) for name in ("injection", "expected_injection"))
        measured = measured.where(measured > 0).dropna()
        if len(measured) and measured.shape[1] >= 3:
            fit = power_law(measured.columns.to_numpy(float), measured.to_numpy())
            ratio = mean_with_interval(measured.sum(axis=1) / expected.loc[measured.index].sum(axis=1))
            rows.append((dataset, richness0, fit.exponent, *fit.interval, *ratio.values(), len(measured)))
    return _frame(rows, SCALING_COLUMNS)


def _by_seed(group, quantity):
    """Rows by seed, columns by noise scale; the mean where several settings share a noise scale."""
    return group.pivot_table(index="seed", columns="noise_scale", values=quantity, aggfunc="mean")
