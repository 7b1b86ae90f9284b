"""Per-run tables as curves: geometric mean and interval over seeds at each value of a column."""

import pandas as pd

from scalinglaws.shells.tables.common import log_mean_with_interval


def over_seeds(runs, column, quantity):
    """Columns `column`, value, low, high: the geometric mean of `quantity` and its interval over the rows at each x."""
    groups = runs.groupby(column)[quantity]
    return pd.DataFrame([{column: x, **log_mean_with_interval(group.to_numpy())} for x, group in groups])
