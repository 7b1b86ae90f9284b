"""The shape of the drift: relative velocity against 2 lambda t, flat below the frontier and rising above it."""

import numpy as np

from scalinglaws.plots import style
from scalinglaws.plots.grouping import main_network

TABLES = ("drift_profiles",)


@style.styled
def draw(drift_profiles):
    """One panel per data set, one curve per richness0 of the main network; guides for exponents 1 and 2."""
    table = main_network(drift_profiles)
    datasets = sorted(table.dataset.unique(), reverse=True)
    columns = min(len(datasets), 2)
    title = (
        "Where most of the energy is it drifts at one relative velocity (exponent 1); "
        "far above the frontier, where little is left, the velocity rises"
    )
    rows = -(-len(datasets) // columns)
    figure, axes = style.panels(rows, columns, title, panel=(3.8, 2.8), sharex=True, sharey=True)
    looks = {
        value: style.look(index, lines=style.LINES) for index, value in enumerate(sorted(table.richness0.unique()))
    }
    for ax, dataset in zip(axes.flat, datasets, strict=False):
        of_dataset = table[table.dataset == dataset]
        for richness0, curve in of_dataset.groupby("richness0"):
            profile(ax, curve, label=f"{richness0:g}", **looks[richness0])
        guides(ax, of_dataset)
        ax.set(xscale="log", yscale="log", title=style.dataset_name(dataset), ylim=(0.03, 300))
    # The last panel of each column.
    for ax in list(axes.flat)[len(datasets) - columns : len(datasets)]:
        ax.set_xlabel("$2 \\lambda t$ (lazy modes keep $e^{-2\\lambda t}$)")
        ax.tick_params(labelbottom=True)
    for ax in axes[:, 0]:
        ax.set_ylabel("relative velocity $v/\\lambda$\n/ its mean in the window")
    for ax in list(axes.flat)[len(datasets) :]:
        ax.remove()
    handles, labels = style.entries(axes.flat[: len(datasets)])
    order = np.argsort([float(label) for label in labels])
    note = f"richness0 $\\gamma_0$\n(mean, 95% interval,\n{style.seeds_note(table)})"
    in_order = ([handles[i] for i in order], [labels[i] for i in order])
    figure.legend(*in_order, loc="outside right center", title=note)
    return figure


def profile(ax, table, **look):
    """One curve, where the velocity has the sign of its mean, with its interval; columns position, value, low, high."""
    positive = table[table.value > 0].sort_values("position")
    # Bands that reach below zero end at the axis.
    style.curve(ax, positive.assign(low=positive.low.clip(lower=1e-3)), "position", **look)


def guides(ax, table):
    """Dashed: exponent 1 at the mean, and exponent 2 (slope 1) through the frontier."""
    first, last = table.position.min(), table.position.max()
    ax.plot([first, 1.0], [1.0, 1.0], **style.PREDICTED)
    above = np.array([2.0, last])
    ax.plot(above, above / 2, **style.PREDICTED)
    ax.annotate("exponent 1", (first, 2.2), fontsize=7)
    ax.annotate("exponent 2", (last, last), fontsize=7, ha="right", va="bottom")
