"""Rows for a figure: per-run tables as curves with an interval over seeds, and the cases of the drift experiment."""

import numpy as np
import pandas as pd

from scalinglaws.plots import style
from scalinglaws.shells.tables.common import log_mean_with_interval


def over_seeds(runs, column, quantity):
    """Columns `column`, value, low, high: the geometric mean of `quantity` and its interval over the rows at each x."""
    groups = runs.groupby(column)[quantity]
    return pd.DataFrame([{column: x, **log_mean_with_interval(group.to_numpy())} for x, group in groups])


NETWORK = ["depth", "width", "activation"]


def main_network(table):
    """Rows of the network that most cases (data set and richness0) share: the one that others are compared with."""
    cases = table.drop_duplicates(["dataset", "richness0", *NETWORK])
    depth, width, activation = cases.groupby(NETWORK).size().idxmax()
    return table[(table.depth == depth) & (table.width == width) & (table.activation == activation)]


def with_case_labels(table):
    """The table with a column `case`: data set, richness0, and what differs from the main network."""
    main = main_network(table).iloc[0]
    return table.assign(case=[_case_label(row, main) for row in table.itertuples()])


def _case_label(row, main):
    names = {"depth": f"depth {row.depth}", "width": f"width {row.width}", "activation": row.activation}
    differing = [text for name, text in names.items() if getattr(row, name) != getattr(main, name)]
    return ", ".join([style.dataset_name(row.dataset), f"$\\gamma_0$ = {row.richness0:g}", *differing])


def case_axis(ax, cases):
    """One line of the vertical axis for each of the labels `cases`, from the top down."""
    ax.set_yticks(range(len(cases)), cases)
    ax.set_ylim(len(cases) - 0.5, -0.5)


def case_points(ax, rows, cases, columns, *, index, shift, label):
    """Marker number `index` and interval of each row, `shift` below its case's line, so that no series hides another.

    rows: a table from `with_case_labels`; cases: the labels of the axis; columns: names of value, low and high.
    """
    value, low, high = (rows[column].to_numpy() for column in columns)
    heights = np.array([cases.index(case) + shift for case in rows.case])
    # A bootstrap interval of few seeds need not hold the estimate itself; where there is none no bar is drawn.
    spread = np.nan_to_num(np.maximum([value - low, high - value], 0.0))
    look = {name: of_line for name, of_line in style.look(index).items() if name in ("color", "marker", "markersize")}
    ax.errorbar(value, heights, xerr=spread, linestyle="none", linewidth=1.2, label=label, **look)
