"""Tables of the richness sweep: one row per run, slopes near the lazy limit, and the curves that figures draw."""

import numpy as np
import pandas as pd

from scalinglaws.fits import power_law
from scalinglaws.shells.tables.common import (
    at_times,
    common_times,
    group_by,
    log_mean_with_interval,
    mean_with_interval,
)
from scalinglaws.shells.tables.kernel_exponents import kernel_curves, kernel_exponents

# The lazy limit is read off richness <= 0.1: above it the kernel's drift bends towards quadratic.
LAZY_WINDOW_TOP = 0.1
# Eigenvalue ranks drawn in the spectrum figure: the outliers one by one, the bulk sparsely.
RANKS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)

SLOPES_OF = ("kernel_drift", "deviation", "exchange_smooth")
RUN_COLUMNS = (
    *("dataset", "richness", "width", "seed", "n_steps", "first_loss", "final_loss", "lazy_final_loss", "kernel_drift"),
    *("deviation", "trace_growth", "exchange_sharp", "exchange_smooth", "closure", "self_transfer", "net_transfer"),
    "dissipation_gap",
)
SLOPE_COLUMNS = ("dataset", "quantity", "slope", "low", "high", "window_low", "window_high", "seeds")
LOSS_COLUMNS = ("dataset", "richness", "time", "value", "low", "high", "lazy_loss", "seeds")
SPECTRUM_COLUMNS = ("dataset", "richness", "rank", "time", "value", "low", "high", "seeds")
SHELL_PLACE = ("dataset", "richness", "shell", "low_edge", "high_edge")
ENERGY_COLUMNS = (*SHELL_PLACE, "top_eigenvalue", "time", "share", "seeds")
BUDGET_COLUMNS = (*SHELL_PLACE, "term", "time", "value", "low", "high", "seeds")


def tables(records, *, contrast, task_exponents):
    """All tables of the experiment by name; contrast: the two richness values drawn side by side; task_exponents: by
    data set, where its exponents are known.
    """
    run_table = runs(records)
    return {
        "runs": run_table,
        "lazy_slopes": lazy_slopes(run_table),
        "loss_curves": loss_curves(records),
        "spectra": spectra(records, contrast),
        "energy_maps": energy_maps(records, contrast),
        "shell_budgets": shell_budgets(records, contrast),
        "kernel_exponents": kernel_exponents(records, task_exponents),
        "kernel_curves": kernel_curves(records),
    }


def runs(records):
    """One row per run: how lazy it was, how much energy its shells exchanged, and how exact its books are."""
    return pd.DataFrame([_run_row(record) for record in records], columns=RUN_COLUMNS)


def _run_row(record):
    dissipated = record["dissipation"].sum((1, 2))
    exchanged = np.abs(record["transfer"] + record["crossing"]).sum((1, 2)) / 2
    share = exchanged / dissipated
    start, end = record["loss"][0], record["loss"][-1]
    return {
        "dataset": str(record["dataset"]),
        "richness": float(record["richness"]),
        "width": int(record["width"]),
        "seed": int(record["seed"]),
        "n_steps": len(record["time"]) - 1,
        "first_loss": start,
        "final_loss": end,
        "lazy_final_loss": record["lazy_loss"][-1],
        "kernel_drift": record["kernel_drift"][-1],
        "deviation": record["deviation"].max(),
        "trace_growth": record["trace"][-1] / record["trace"][0],
        "exchange_sharp": np.median(share[record["window"] == "sharp"]),
        "exchange_smooth": np.median(share[record["window"] == "smooth"]),
        "closure": record["closure"].max(),
        "self_transfer": record["self_transfer"].max(),
        "net_transfer": record["net_transfer"].max(),
        "dissipation_gap": np.abs(start - end - dissipated).max() / start,
    }


def lazy_slopes(run_table):
    """Exponents of kernel drift, deviation and exchange against richness at small richness, per data set.

    Only seeds that have every richness of the window count. A data set with fewer than 3 richness values in the window,
    or without such a seed, gets no row; with a single seed it gets no interval (NaN).
    """
    rows = []
    for dataset, of_dataset in run_table[run_table.richness <= LAZY_WINDOW_TOP].groupby("dataset"):
        for quantity in SLOPES_OF:
            curves = of_dataset.pivot(index="seed", columns="richness", values=quantity).dropna()
            if len(curves) and curves.shape[1] >= 3:
                fit = power_law(curves.columns.to_numpy(), curves.to_numpy())
                rows.append((dataset, quantity, fit.exponent, *fit.replicate_interval, *fit.window, len(curves)))
    return pd.DataFrame(rows, columns=SLOPE_COLUMNS)


def loss_curves(records):
    """Loss over time per data set and richness: geometric mean over seeds, its interval, and the lazy prediction."""
    frames = []
    for (dataset, richness), group in group_by(records, "dataset", "richness"):
        times = common_times(group)
        loss = [at_times(record, record["loss"], times) for record in group]
        lazy = [at_times(record, record["lazy_loss"], times) for record in group]
        columns = {**log_mean_with_interval(loss), "lazy_loss": log_mean_with_interval(lazy)["value"]}
        frames.append(_frame(dataset, richness, group, time=times, **columns))
    return _joined(frames, LOSS_COLUMNS)


def spectra(records, contrast):
    """Eigenvalues of M by rank (1 = largest) over time in the two contrasted regimes: geometric mean over seeds."""
    frames = []
    for (dataset, richness), group in group_by(_contrasted(records, contrast), "dataset", "richness"):
        times = common_times(group)
        for rank in (r for r in RANKS if r <= group[0]["eigenvalues"].shape[1]):
            curves = [at_times(record, record["eigenvalues"][:, -rank], times) for record in group]
            frames.append(_frame(dataset, richness, group, rank=rank, time=times, **log_mean_with_interval(curves)))
    return _joined(frames, SPECTRUM_COLUMNS)


def energy_maps(records, contrast):
    """Share of the first loss in each sharp shell over time, mean over seeds, in the two contrasted regimes.

    Shells are given by their edges in units of each run's first largest eigenvalue, whose geometric mean over seeds is
    top_eigenvalue; shells that never hold a share of 1e-12 are left out. Energies are those of the grid without offset.
    """
    frames = []
    for (dataset, richness), group in group_by(_contrasted(records, contrast), "dataset", "richness"):
        times = common_times(group)
        chosen = [_partition(record, "sharp") for record in group]
        shares = [record["energy"][p] / record["loss"][0] for record, p in zip(group, chosen, strict=True)]
        share = np.mean([at_times(r, s, times) for r, s in zip(group, shares, strict=True)], axis=0)
        edges = _relative_edges(group[0], chosen[0])
        top = np.exp(np.mean([np.log(record["eigenvalues"][0].max()) for record in group]))
        for shell in np.flatnonzero(share.max(0) > 1e-12):
            bounds = {"shell": shell, "low_edge": edges[shell], "high_edge": edges[shell + 1], "top_eigenvalue": top}
            frames.append(_frame(dataset, richness, group, **bounds, time=times, share=share[:, shell]))
    return _joined(frames, ENERGY_COLUMNS)


def shell_budgets(records, contrast):
    """Budget of one smooth shell, summed up to each time, in units of the first loss; mean over seeds and interval.

    The shell is the one that exchanges most energy in the feature-learning regime of its data set; the same shell is
    given for the lazy regime. Terms: dissipation (counted negative), transfer, crossing, their sum, and the measured
    change of the shell's energy.
    """
    frames = []
    for (dataset,), of_dataset in group_by(_contrasted(records, contrast), "dataset"):
        rich = [record for record in of_dataset if record["richness"] == contrast["rich"]]
        shell = _busiest_shell(rich or of_dataset)
        for (richness,), group in group_by(of_dataset, "richness"):
            times, edges = common_times(group), _relative_edges(group[0], _partition(group[0], "smooth"))
            bounds = {"shell": shell, "low_edge": edges[shell], "high_edge": edges[shell + 1]}
            terms = [_cumulative_terms(record, shell, times) for record in group]
            for term in terms[0]:
                columns = mean_with_interval([of_run[term] for of_run in terms])
                frames.append(_frame(dataset, richness, group, **bounds, term=term, time=times, **columns))
    return _joined(frames, BUDGET_COLUMNS)


def _cumulative_terms(record, shell, times):
    partition, first = _partition(record, "smooth"), record["loss"][0]
    terms = {"dissipation": -record["dissipation"], "transfer": record["transfer"], "crossing": record["crossing"]}
    terms = {name: np.append(0.0, np.cumsum(term[partition, :, shell])) / first for name, term in terms.items()}
    terms["sum"] = sum(terms.values())
    energy = record["energy"][partition, :, shell]
    terms["measured"] = (energy - energy[0]) / first
    return {name: at_times(record, term, times) for name, term in terms.items()}


def _busiest_shell(records):
    exchanged = [
        np.abs((record["transfer"] + record["crossing"])[_partition(record, "smooth")]).sum(0) / record["loss"][0]
        for record in records
    ]
    return int(np.mean(exchanged, axis=0).argmax())


def _partition(record, window):
    """Index of the record's partition with this window and the smallest grid offset."""
    candidates = np.flatnonzero(record["window"] == window)
    return candidates[np.abs(record["grid_offset"][candidates]).argmin()]


def _relative_edges(record, partition):
    return record["edges"][partition] / record["eigenvalues"][0].max()


def _contrasted(records, contrast):
    return [record for record in records if record["richness"] in contrast.values()]


def _joined(frames, columns):
    """One table of all frames; without any, when every member diverged, still one with these columns."""
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def _frame(dataset, richness, group, **columns):
    return pd.DataFrame({"dataset": dataset, "richness": richness, **columns, "seeds": len(group)})
