"""Tables of self-similarity: collapse of energy profiles, the moving resolution frontier, and effective times."""

import numpy as np
import pandas as pd

from scalinglaws.fits import power_law
from scalinglaws.shells.closures import power_law_drift
from scalinglaws.shells.selfsimilar import POSITIONS, collapse_score, effective_times, profiles, resolution_frontier
from scalinglaws.shells.tables.cases import CASE, nearest_snapshots, shell_energies
from scalinglaws.shells.tables.common import log_mean_with_interval, mean_with_interval
from scalinglaws.shells.transport import characteristics

COLLAPSE_COLUMNS = (*CASE, "dynamics", "score", "low", "high", "unscaled", "gain", "gain_low", "gain_high", "seeds")
PROFILE_COLUMNS = (*CASE, "dynamics", "time", "position", "value", "seeds")
FRONTIER_COLUMNS = (*CASE, "dynamics", "time", "value", "low", "high", "seeds")
SLOPE_COLUMNS = (
    *(*CASE, "dynamics", "slope", "low", "high", "log_error", "error_low", "error_high"),
    *("window_low", "window_high", "seeds"),
)
TIME_COLUMNS = (*CASE, "quantity", "time", "value", "low", "high", "local_slope", "seeds")
TIME_FIT_COLUMNS = (*CASE, "quantity", "exponent", "low", "high", "spread", "window_low", "window_high", "seeds")
# Of a profile's positions every third is kept in the table, three an e-fold, enough for what shells of ratio 2 resolve.
KEPT = slice(None, None, 3)
# Times of the profiles that should collapse, and of the frontier and effective times; log-spaced from START.
N_PROFILES, N_TIMES, START = 9, 33, 1.0
# Exponents are read off the last decades: more of them for the frontier, which passes few modes in one.
FRONTIER_DECADES, TIME_DECADES = 1.5, 1.0


def tables(cases):
    """Tables collapse, collapse_profiles, frontier, frontier_slopes, effective_time, effective_time_fits."""
    rows = {"collapse": [], "collapse_profiles": [], "frontier": [], "frontier_slopes": []}
    rows |= {"effective_time": [], "effective_time_fits": []}
    for case in cases:
        _add_collapse(rows, case)
        _add_frontier(rows, case)
        _add_effective_times(rows, case)
    columns = (COLLAPSE_COLUMNS, PROFILE_COLUMNS, FRONTIER_COLUMNS, SLOPE_COLUMNS, TIME_COLUMNS, TIME_FIT_COLUMNS)
    named = zip(rows.items(), columns, strict=True)
    return {name: _frame(frames, of_table) for (name, frames), of_table in named}


def _frame(frames, columns):
    if not frames:
        return pd.DataFrame(columns=columns)
    return pd.concat([pd.DataFrame(frame, columns=columns) for frame in frames], ignore_index=True)


def _times(case, count):
    return np.geomspace(min(START, case.records[0]["time"][-1] / 10), case.records[0]["time"][-1], count)


def _spectra(case, times):
    """Eigenvalues and mode energies (T, m) of each seed at `times`: measured, lazy, and under the law with exponent 1.

    The law of each seed is learned from the others; with one seed there is none. Measured ones are the snapshots
    nearest in time: modes of neighbours need not correspond. Dynamics that leave no energy have no frontier, and are
    left out.
    """
    found = {"measured": [_snapshots(record, times) for record in case.records]}
    starts = [(record["eigenvalues"][0], record["mode_energy"][0]) for record in case.records]
    found["lazy"] = [(np.tile(lam, (times.size, 1)), e * np.exp(-2 * np.outer(times, lam))) for lam, e in starts]
    if len(starts) > 1:
        found["exponent 1"] = [_transported(case, seed, start, times) for seed, start in enumerate(starts)]
    return {dynamics: spectra for dynamics, spectra in found.items() if all(_last(*one) for one in spectra)}


def _last(eigenvalues, mode_energy):
    """Whether something is left to dissipate at all times."""
    return bool(((eigenvalues * mode_energy).sum(1) > 0).all())


def _snapshots(record, times):
    nearest = nearest_snapshots(record, times)
    return record["eigenvalues"][nearest], record["mode_energy"][nearest]


def _transported(case, seed, start, times):
    fields = case.main_fields
    drift = power_law_drift(fields[:seed] + fields[seed + 1 :], 1)
    moved = characteristics(drift, *start, np.concatenate([[0.0], times]))
    return tuple(rows[1:] for rows in moved)


def _add_collapse(rows, case):
    times = _times(case, N_PROFILES)
    for dynamics, spectra in _spectra(case, times).items():
        curves = np.array([_profiles(case, *pair) for pair in zip(case.records, spectra, strict=True)])
        scaled, unscaled = (np.array([collapse_score(run) for run in kind]) for kind in curves.swapaxes(0, 1))
        score, gain = mean_with_interval(scaled), log_mean_with_interval(unscaled / scaled)
        columns = {"dynamics": dynamics, "score": score["value"], "low": score["low"], "high": score["high"]}
        columns |= {"unscaled": unscaled.mean()}
        columns |= {"gain": gain["value"], "gain_low": gain["low"], "gain_high": gain["high"]}
        rows["collapse"].append([case.rows(**columns)])
        for time, profile in zip(times, curves[:, 0].mean(0), strict=True):
            place = {"dynamics": dynamics, "time": time, "position": POSITIONS[KEPT], "value": profile[KEPT]}
            rows["collapse_profiles"].append(case.rows(**place))


def _profiles(case, record, spectrum):
    """Profiles of one run about its moving frontier, and about one fixed place, the frontier's geometric mean."""
    edges, _ = case.main_grid(record)
    energy, frontier = shell_energies(edges, *spectrum), resolution_frontier(*spectrum)
    # In the middle of its way, so that as little as can be leaves the grid of positions.
    fixed = np.full_like(frontier, np.exp(np.log(frontier).mean()))
    return [profiles(edges, energy, at) for at in (frontier, fixed)]


def _add_frontier(rows, case):
    times = _times(case, N_TIMES)
    late = times >= times[-1] / 10**FRONTIER_DECADES
    fronts = {
        dynamics: np.array([resolution_frontier(*spectrum) for spectrum in spectra])
        for dynamics, spectra in _spectra(case, times).items()
    }
    for dynamics, curves in fronts.items():
        place = {"dynamics": dynamics, "time": times, **log_mean_with_interval(curves)}
        rows["frontier"].append(case.rows(**place))
        fit = power_law(times, curves, window=(times[late][0], times[-1]))
        low, high = fit.replicate_interval
        slope = {"dynamics": dynamics, "slope": fit.exponent, "low": low, "high": high}
        error = mean_with_interval(np.abs(np.log(curves / fronts["measured"])).mean(1))
        slope |= {"log_error": error["value"], "error_low": error["low"], "error_high": error["high"]}
        slope |= {"window_low": fit.window[0], "window_high": fit.window[1]}
        rows["frontier_slopes"].append([case.rows(**slope)])


def _add_effective_times(rows, case):
    """Effective times of each seed's own law with exponent 1, and their exponents over the last decade.

    Where a drift time is not positive throughout its window there is no exponent.
    """
    times = _times(case, N_TIMES)
    clocks = np.array([effective_times(power_law_drift([field], 1), times) for field in case.main_fields])
    for quantity, curves in zip(("drift time", "learning time"), clocks.swapaxes(0, 1), strict=True):
        slopes = np.full(times.size, np.nan)
        late = times >= times[-1] / 10**TIME_DECADES
        if (curves[:, late] > 0).all():
            fit = power_law(times, curves, window=(times[late][0], times[-1]))
            slopes[1:] = fit.local_slopes
            rows["effective_time_fits"].append([_time_row(case, quantity, fit, slopes[late][1:])])
        place = {"quantity": quantity, "time": times, **mean_with_interval(curves), "local_slope": slopes}
        rows["effective_time"].append(case.rows(**place))


def _time_row(case, quantity, fit, slopes):
    low, high = fit.replicate_interval
    exponent = {"exponent": fit.exponent, "low": low, "high": high, "spread": np.ptp(slopes)}
    return case.rows(quantity=quantity, **exponent, window_low=fit.window[0], window_high=fit.window[1])
