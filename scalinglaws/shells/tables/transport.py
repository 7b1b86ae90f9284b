"""Tables of the closed transport equation: how well drift laws learned from other seeds predict a run."""

import numpy as np
import pandas as pd

from scalinglaws.shells.closures import growth_drift, measured_drift, no_drift, power_law_drift
from scalinglaws.shells.drift import NothingToFit, drift_exponent
from scalinglaws.shells.finite_volume import finite_volume
from scalinglaws.shells.partition import TINIEST
from scalinglaws.shells.selfsimilar import eigenvalue_quantile
from scalinglaws.shells.tables.cases import CASE, field_of, nearest_snapshots, shell_energies, time_edges
from scalinglaws.shells.tables.common import log_mean_with_interval, mean_with_interval
from scalinglaws.shells.transport import characteristics

ERROR_COLUMNS = (
    *(*CASE, "law", "learned_from", "windows", "loss_error", "low", "high", "late_error", "late_low", "late_high"),
    *("shells_error", "shells_low", "shells_high", "gain", "gain_low", "gain_high"),
    *("carried_off", "carried_low", "carried_high", "seeds"),
)
CURVE_COLUMNS = (*CASE, "law", "learned_from", "windows", "time", "value", "low", "high", "error", "seeds")
PROFILE_COLUMNS = (*CASE, "dynamics", "time", "shell", "low_edge", "high_edge", "share", "seeds")
SOLVER_COLUMNS = (*CASE, "difference", "conservation", "seeds")
# Times at which predictions are compared, log-spaced from the end of the first window; late are those of the last
# decade.
N_TIMES, LATE_DECADES = 33, 1.0
# The slowest part of the energy, whose place tells whether a law carries along what stays behind.
SLOWEST = 0.1
# Index of the times at which whole profiles are kept: early, middle, late.
PROFILE_TIMES = (12, 22, 30)
# Fewer windows of time for the same measured field: what their width costs.
COARSER = (8, 16)
# Cells of the finite-volume solver, per e-fold: fine enough that its second-order error is below a per cent.
CELLS_PER_FOLD, FOLDS = 12, (-22.0, 12.0)


def tables(cases):
    """Tables of errors, curves, profiles and solvers; cases of one seed cannot leave one out."""
    usable = [case for case in cases if len(case.records) > 1]
    predictions = [(case, _predictions(case)) for case in usable]
    return {
        "transport_errors": pd.DataFrame(
            [row for case, of_laws in predictions for row in _error_rows(case, of_laws)], columns=ERROR_COLUMNS
        ),
        "transport_curves": _concatenated(
            [frame for case, of_laws in predictions for frame in _curve_frames(case, of_laws)], CURVE_COLUMNS
        ),
        "transport_profiles": _concatenated(
            [frame for case, of_laws in predictions for frame in _profile_frames(case, of_laws)], PROFILE_COLUMNS
        ),
        "transport_solvers": pd.DataFrame([_solver_row(case) for case in cases], columns=SOLVER_COLUMNS),
    }


def _concatenated(frames, columns):
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def _times(case):
    field = case.main_fields[0]
    return np.geomspace(field.time_edges[1], field.time_edges[-1], N_TIMES)


def _laws(case, held_out):
    """Drifts that predict one run by (law, learned from, number of windows): other seeds' fields, or its own."""
    fields, boundaries = case.main_fields, case.main_fields[held_out].eigenvalues
    others = fields[:held_out] + fields[held_out + 1 :]
    count = fields[0].growth.size - 1
    laws = {
        ("lazy", "nothing", count): no_drift(others),
        ("growth only", "other seeds", count): growth_drift(others),
        ("exponent 1", "other seeds", count): power_law_drift(others, 1),
        ("exponent 2", "other seeds", count): power_law_drift(others, 2),
        ("fitted exponent", "other seeds", count): _fitted_drift(others),
        ("measured velocity", "other seeds", count): measured_drift(others, boundaries),
        ("exponent 1", "itself", count): power_law_drift([fields[held_out]], 1),
        ("measured velocity", "itself", count): measured_drift([fields[held_out]], boundaries),
    }
    for fewer in (windows for windows in COARSER if windows < count):
        laws["measured velocity", "itself", fewer] = measured_drift([_coarser(case, held_out, fewer)], boundaries)
    return laws


def _fitted_drift(fields):
    """The power law with the exponent of these fields; none where they do not drift enough to fit one."""
    try:
        return power_law_drift(fields, drift_exponent([[field] for field in fields]))
    except NothingToFit:
        return no_drift(fields)


def _coarser(case, seed, count):
    """The run's main field again, in fewer windows of time."""
    record, field = case.records[seed], case.main_fields[seed]
    return field_of(record, case.main_ratio, case.central, time_edges(record, field.time_edges[1], count))


def _predictions(case):
    """For each law a dict of arrays over seeds: what `_compare` gives."""
    times, by_law = _times(case), {}
    for seed, record in enumerate(case.records):
        truth = _truth(case, record, times)
        for law, drift in _laws(case, seed).items():
            by_law.setdefault(law, []).append(_compare(case, record, drift, times, truth))
    return {law: {name: np.array([run[name] for run in runs]) for name in runs[0]} for law, runs in by_law.items()}


def _truth(case, record, times):
    """Loss (T,), shell energies (T, S) and slowest eigenvalue (T,) of the run at `times`.

    The loss is interpolated in its logarithm; shares of shells and the quantile are those of the nearest snapshot.
    """
    _, energy = case.main_grid(record)
    log_loss = np.interp(np.log(times), np.log(record["time"][1:]), np.log(record["loss"][1:]))
    nearest = nearest_snapshots(record, times)
    shares = energy[nearest] / energy[nearest].sum(1, keepdims=True)
    slowest = eigenvalue_quantile(record["eigenvalues"][nearest], record["mode_energy"][nearest], SLOWEST)
    return np.exp(log_loss), shares * np.exp(log_loss)[:, None], slowest


def _compare(case, record, drift, times, truth):
    """Prediction of one run: loss, shell energies, and their distance from what was measured.

    loss_error is |ln predicted / measured|, a prediction below the smallest double counting as that; shells_error the
    L1 distance of shell energies over the loss; carried_off ln predicted / measured of the eigenvalue below which the
    slowest tenth of the energy lies (NaN once all is gone).
    """
    edges, _ = case.main_grid(record)
    start = (record["eigenvalues"][0], record["mode_energy"][0])
    # Energy at infinity is gone: any finite eigenvalue serves.
    eigenvalues, energy = characteristics(drift, *start, np.concatenate([[0.0], times]))
    eigenvalues, energy = np.minimum(eigenvalues[1:], np.finfo(float).max), energy[1:]
    loss, shells, slowest = truth
    predicted = shell_energies(edges, eigenvalues, energy)
    return {
        "loss": energy.sum(1),
        "shells": predicted,
        "loss_error": np.abs(np.log(np.maximum(energy.sum(1), TINIEST) / loss)),
        "shells_error": np.abs(predicted - shells).sum(1) / loss,
        "carried_off": np.log(eigenvalue_quantile(eigenvalues, energy, SLOWEST) / slowest),
    }


def _error_rows(case, of_laws):
    late = np.log10(_times(case)) >= np.log10(_times(case)[-1]) - LATE_DECADES
    lazy = next(errors for law, errors in of_laws.items() if law[0] == "lazy")["loss_error"].mean(1)
    for (law, learned_from, count), errors in of_laws.items():
        over_time = errors["loss_error"].mean(1)
        loss, last, shells, gain, carried = (
            mean_with_interval(over_time),
            mean_with_interval(errors["loss_error"][:, late].mean(1)),
            mean_with_interval(errors["shells_error"].mean(1)),
            log_mean_with_interval(lazy / np.maximum(over_time, TINIEST)),
            _mean_if_finite(errors["carried_off"][:, late].mean(1)),
        )
        yield case.rows(
            law=law,
            learned_from=learned_from,
            windows=count,
            **{"loss_error": loss["value"], "low": loss["low"], "high": loss["high"]},
            **{"late_error": last["value"], "late_low": last["low"], "late_high": last["high"]},
            **{"shells_error": shells["value"], "shells_low": shells["low"], "shells_high": shells["high"]},
            **{"gain": gain["value"], "gain_low": gain["low"], "gain_high": gain["high"]},
            **{"carried_off": carried["value"], "carried_low": carried["low"], "carried_high": carried["high"]},
        )


def _mean_if_finite(samples):
    """Mean and interval, or NaN where a prediction has no energy left to speak of."""
    if not np.isfinite(samples).all():
        return dict.fromkeys(("value", "low", "high"), np.nan)
    return mean_with_interval(samples)


def _profile_frames(case, of_laws):
    """Shares of the measured loss by shell: measured, and as the run's own measured velocity predicts."""
    times, count = _times(case)[list(PROFILE_TIMES)], case.main_fields[0].growth.size - 1
    truths = [_truth(case, record, _times(case)) for record in case.records]
    loss = np.array([truth[0] for truth in truths])[:, list(PROFILE_TIMES), None]
    measured = np.array([truth[1] for truth in truths])[:, list(PROFILE_TIMES)]
    predicted = of_laws["measured velocity", "itself", count]["shells"][:, list(PROFILE_TIMES)]
    record = case.records[0]
    edges = case.main_grid(record)[0] / record["eigenvalues"][0].max()
    bounds = {"shell": np.arange(len(edges) - 1), "low_edge": edges[:-1], "high_edge": edges[1:]}
    for dynamics, energy in (("measured", measured), ("measured velocity", predicted)):
        for time, share in zip(times, (energy / loss).mean(0), strict=True):
            columns = {"dynamics": dynamics, "time": time, **bounds, "share": share}
            yield pd.DataFrame(case.rows(**columns), columns=PROFILE_COLUMNS)


def _curve_frames(case, of_laws):
    """Loss over time, measured and as predicted by each law, and the law's error; windows is 0 for the measured one."""
    times = _times(case)
    measured = np.array([_truth(case, record, times)[0] for record in case.records])
    curves = {("measured", "itself", 0): {"loss": measured, "loss_error": np.zeros_like(measured)}, **of_laws}
    for (law, learned_from, windows), found in curves.items():
        names = {"law": law, "learned_from": learned_from, "windows": windows}
        columns = {"time": times, **log_mean_with_interval(found["loss"]), "error": found["loss_error"].mean(0)}
        yield pd.DataFrame(case.rows(**names, **columns), columns=CURVE_COLUMNS)


def _solver_row(case):
    """Finite volumes against characteristics on one smoothed start per seed, under its own law with exponent 1."""
    pairs = np.array([_solver_errors(case, *pair) for pair in zip(case.records, case.main_fields, strict=True)])
    return case.rows(difference=pairs[:, 0].max(), conservation=pairs[:, 1].max())


def _solver_errors(case, record, field):
    """Largest difference of the loss over the run in units of the first, and that of the energy without dissipation."""
    edges = record["eigenvalues"][0].max() * np.exp(np.linspace(*FOLDS, int(CELLS_PER_FOLD * np.ptp(FOLDS)) + 1))
    centres = np.sqrt(edges[1:] * edges[:-1])
    # Modes below the grid, eigenvalues of zero among them, start in its lowest cell.
    log_eigenvalues = np.log(np.maximum(record["eigenvalues"][0], centres[0]))
    # Smoothed to one e-fold: a finite-volume scheme is of second order where energy is smooth, modes are spikes.
    weights = np.exp(-((np.log(centres)[:, None] - log_eigenvalues) ** 2) / 2)
    energy = (weights / weights.sum(0)) @ record["mode_energy"][0]
    drift, times = power_law_drift([field], 1), np.concatenate([[0.0], _times(case)[::4]])
    exact = characteristics(drift, centres, energy, times)[1].sum(1)
    difference = np.abs(finite_volume(drift, edges, energy, times).sum(1) - exact).max() / exact[0]
    carried = finite_volume(drift, edges, energy, times, dissipation=False).sum(1)
    return difference, np.abs(carried / carried[0] - 1).max()
