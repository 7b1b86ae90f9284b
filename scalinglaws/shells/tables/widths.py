"""Tables of the width sweep: one row per run, and exponents of the distance from the lazy limit against width."""

import pandas as pd

from scalinglaws.fits import power_law

SLOPE_COLUMNS = ("dataset", "held", "value", "quantity", "slope", "low", "high", "seeds")
COLUMNS = ("dataset", "held", "value", "width", "richness", "seed", "deviation", "kernel_drift")


def tables(records):
    """Both tables of the experiment by name."""
    width_runs = runs(records)
    return {"width_runs": width_runs, "width_slopes": width_slopes(width_runs)}


def runs(records):
    """One row per run."""
    return pd.DataFrame([{name: record[name].item() for name in COLUMNS} for record in records], columns=COLUMNS)


def width_slopes(run_table):
    """Exponents of kernel drift and deviation against width, per data set and richness held fixed.

    Only seeds that have every width count; without one there is no row, and with a single one no interval (NaN).
    """
    rows = []
    for (dataset, held, value), runs_ in run_table.groupby(["dataset", "held", "value"]):
        for quantity in ("kernel_drift", "deviation"):
            curves = runs_.pivot(index="seed", columns="width", values=quantity).dropna()
            if len(curves) and curves.shape[1] >= 3:
                fit = power_law(curves.columns.to_numpy(float), curves.to_numpy())
                rows.append((dataset, held, value, quantity, fit.exponent, *fit.replicate_interval, len(curves)))
    return pd.DataFrame(rows, columns=SLOPE_COLUMNS)
