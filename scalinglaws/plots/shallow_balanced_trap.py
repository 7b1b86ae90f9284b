"""Diagonal networks with weight decay: the balance of the start is kept or fades, and decides where training ends."""

import numpy as np

from scalinglaws.plots import style

TABLES = ("balanced_decay",)
TIME = "weight decay $\\times$ time"


@style.styled
def draw(balanced_decay):
    """Left: e-folds of imbalance lost; right: distance to the LASSO from every start, at the smallest weight decay."""
    title = "A balanced start is locked to its signs (dashed); any imbalance, even as it fades, leads to the LASSO"
    figure, axes = style.panels(1, 2, title, panel=(4.4, 3.2))
    _imbalance(axes[0, 0], balanced_decay[balanced_decay.quantity == "imbalance_left"])
    smallest = balanced_decay.weight_decay.min()
    courses = balanced_decay[(balanced_decay.quantity == "distance") & (balanced_decay.weight_decay == smallest)]
    _distance(axes[0, 1], courses[courses.time > 0])
    for ax in axes[0]:
        ax.set(xscale="log", xlabel=TIME)
    return figure


def _imbalance(ax, table):
    """Markers of each weight decay and start in turn, so that none hides another."""
    cases = list(table[table.time > 0].groupby(["weight_decay", "start"], sort=False))
    for index, ((weight_decay, start), rows) in enumerate(cases):
        shown = rows.iloc[index :: len(cases)]
        look = {**style.look(index), "linestyle": "none"}
        ax.plot(shown.time, -np.log(shown.value), **look, label=f"{weight_decay:g}, {start}")
    law = table[table.time > 0].drop_duplicates("time").sort_values("time")
    ax.plot(law.time, -np.log(law.predicted), **style.PREDICTED, zorder=0)
    ax.set(yscale="log", ylabel="$-\\ln$ (imbalance / that of the start)")
    ax.legend(fontsize=7, title="weight decay, start", title_fontsize=7, loc="lower right")


def _distance(ax, table):
    for index, (start, rows) in enumerate(table.groupby("start", sort=False)):
        style.curve(ax, rows, "time", **{**style.look(index, lines=style.LINES), "markevery": (index, 5)}, label=start)
    ends = table[table.start == "balanced"]
    if len(ends):
        ax.axhline(ends.predicted.iloc[0], **style.PREDICTED)
    ax.set(yscale="log", ylabel="distance to the LASSO / its norm")
    note = f"imbalance of the start\n(weight decay {table.weight_decay.max():g}, {style.seeds_note(table)})"
    ax.legend(fontsize=7, title=note, title_fontsize=7, loc="lower left")
