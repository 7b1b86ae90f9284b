"""Where the transport closure fails, late and far from lazy, and why."""

import numpy as np

from scalinglaws.plots import style
from scalinglaws.plots.grouping import main_network

TABLES = ("transport_curves", "transport_profiles")
LOSSES = {"lazy": (style.GREY, ":"), "exponent 1": (style.ORANGE, "--")}


@style.styled
def draw(transport_curves, transport_profiles):
    """A column per data set at the largest richness0: loss, error of laws over time, and late shell energies."""
    curves, profiles = main_network(transport_curves), main_network(transport_profiles)
    farthest = curves.richness0.max()
    curves, profiles = curves[curves.richness0 == farthest], profiles[profiles.richness0 == farthest]
    datasets = sorted(curves.dataset.unique(), reverse=True)
    title = (
        f"Where transport fails (richness0 $\\gamma_0$ = {farthest:g}): one power law does not fit late; the measured "
        "velocity does better the finer it is resolved in time, but moves along what in truth stays behind (bottom)"
    )
    figure, axes = style.panels(3, len(datasets), title, panel=(3.7, 2.6), sharey="row")
    for column, dataset in zip(axes.T, datasets, strict=True):
        rows = curves[curves.dataset == dataset]
        _losses(column[0], rows)
        _errors(column[1], rows)
        _profile(column[2], profiles[profiles.dataset == dataset])
        column[0].set_title(style.dataset_name(dataset))
    axes[0, 0].set_ylabel(f"loss (geometric mean,\n95% interval, {style.seeds_note(curves)})")
    axes[1, 0].set_ylabel("mean of\n|ln(predicted / measured loss)|")
    axes[2, 0].set_ylabel("share of the measured loss\nin the shell (mean)")
    for row in axes:
        row[-1].legend(loc="center left", bbox_to_anchor=(1.02, 0.5), fontsize=8)
    return figure


def _losses(ax, rows):
    measured = rows[rows.law == "measured"]
    style.curve(ax, measured, "time", color=style.BLUE, linewidth=1.6, label="measured")
    for law, (colour, line) in LOSSES.items():
        predicted = rows[(rows.law == law) & (rows.learned_from != "itself")]
        ax.plot(predicted.time, predicted.value, color=colour, linestyle=line, linewidth=1.4, label=f"{law}, predicted")
    ax.set(xscale="log", yscale="log", ylim=(1e-7, 2 * measured.value.max()), xlabel="time $t$")


def _errors(ax, rows):
    full = rows.windows.max()
    chosen = {
        ("exponent 1", "other seeds", full): "exponent 1, from other seeds",
        ("exponent 1", "itself", full): "exponent 1, from the run itself",
    }
    for windows in sorted(rows[rows.law == "measured velocity"].windows.unique()):
        chosen["measured velocity", "itself", windows] = f"measured velocity of\nthe run, {windows} windows"
    for index, ((law, source, windows), name) in enumerate(chosen.items()):
        curve = rows[(rows.law == law) & (rows.learned_from == source) & (rows.windows == windows)]
        ax.plot(curve.time, curve.error, label=name, markevery=4, **style.look(index, lines=style.LINES))
    ax.set(xscale="log", yscale="log", ylim=(3e-3, 1e3), xlabel="time $t$")


def _profile(ax, profiles):
    """Measured and predicted shares at the last of the times kept, over the shells' place in the spectrum."""
    last = profiles[(profiles.time == profiles.time.max()) & (profiles.low_edge > 0) & np.isfinite(profiles.high_edge)]
    looks = {"measured": (style.BLUE, "-", "o"), "measured velocity": (style.ORANGE, "--", "s")}
    for dynamics, (colour, line, marker) in looks.items():
        rows = last[last.dynamics == dynamics]
        centres = np.sqrt(rows.low_edge * rows.high_edge)
        name = "measured" if dynamics == "measured" else "predicted with the\nmeasured velocity"
        ax.plot(centres, rows.share, color=colour, linestyle=line, marker=marker, markersize=3, label=name)
    held = last[last.share > 1e-3]
    ax.set(xscale="log", xlim=(held.low_edge.min() / 2, held.high_edge.max() * 2))
    ax.set_xlabel("eigenvalue $\\lambda/\\lambda_{max}(0)$")
    ax.annotate(f"$t$ = {last.time.max():.3g}", **style.CORNER)
