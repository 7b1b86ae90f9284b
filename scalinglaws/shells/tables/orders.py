"""Tables of the convergence experiment: every error, and the order fitted to it over seeds."""

import pandas as pd

from scalinglaws.fits import power_law
from scalinglaws.shells.orders import EXPECTED_ORDERS

ERROR_COLUMNS = ("dataset", "seed", "quantity", "step", "error")
FIT_COLUMNS = ("dataset", "quantity", "expected", "order", "low", "high", "median_smallest_error", "seeds")


def tables(records):
    """Both tables of the experiment by name."""
    order_errors = errors(records)
    return {"order_errors": order_errors, "order_fits": order_fits(order_errors)}


def errors(records):
    """One row per data set, seed, discretisation and step size."""
    rows = [
        {"dataset": str(record["dataset"]), "seed": int(record["seed"]), "quantity": name, "step": step, "error": error}
        for record in records
        for name, values in record["error"].items()
        for step, error in zip(record["step"], values, strict=True)
    ]
    return pd.DataFrame(rows, columns=ERROR_COLUMNS)


def order_fits(error_table):
    """Order of each discretisation: exponent of error against step, interval over seeds, and the order expected.

    A single seed has no interval: low and high are NaN.
    """
    rows = []
    for (dataset, quantity), group in error_table.groupby(["dataset", "quantity"]):
        curves = group.pivot(index="seed", columns="step", values="error")
        fit = power_law(curves.columns.to_numpy(), curves.to_numpy())
        low, high = fit.replicate_interval
        smallest = curves.iloc[:, 0].median()
        place = {"dataset": dataset, "quantity": quantity, "expected": EXPECTED_ORDERS[quantity], "order": fit.exponent}
        rows.append({**place, "low": low, "high": high, "median_smallest_error": smallest, "seeds": len(curves)})
    return pd.DataFrame(rows, columns=FIT_COLUMNS)
