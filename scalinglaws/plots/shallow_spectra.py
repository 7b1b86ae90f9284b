"""Learned spectra of quadratic and diagonal networks, phase by phase, against the laws of the noisy teacher."""

import numpy as np
import pandas as pd

from scalinglaws.plots import style

TABLES = ("spectrum_histograms", "spectrum_laws", "spectrum_distances")
# Phases shown of each kind of network, in the table's order; those that learn nothing are left out.
SHOWN = {"quadratic": 5, "diagonal": 3}
COLOURS = {"quadratic": style.SKY, "diagonal": style.ORANGE}
VALUES = {"quadratic": "eigenvalues of $\\hat{S}$", "diagonal": "$|\\hat{\\theta}_i|$"}
PLACE = ["kind", "phase", "dim", "decay"]
N_COLUMNS = 4
# Share of a panel's height below its numbers.
HEADROOM = 0.85
# How far below the mean height of a single value in the widest bin the axis begins.
BELOW = 0.3


@style.styled
def draw(spectrum_histograms, spectrum_laws, spectrum_distances):
    """A panel for each phase at the largest dim and one decay; columns as the tables module makes them."""
    places = _places(spectrum_distances)
    n_columns = min(N_COLUMNS, len(places))
    n_rows = -(-len(places) // n_columns)
    title = (
        "Learned spectra are those of the noisy teacher, shifted left and cut off at 0: "
        "noise that ends at an edge, and spikes"
    )
    figure, axes = style.panels(n_rows, n_columns, title, panel=(2.7, 2.3))
    for ax, place in zip(axes.flat, places, strict=False):
        _panel(ax, place, *(_at(t, place) for t in (spectrum_histograms, spectrum_laws, spectrum_distances)))
    for ax in axes.flat[len(places) :]:
        ax.set_axis_off()
    for ax in axes[:, 0]:
        ax.set_ylabel(f"density of values\n({style.seeds_note(spectrum_distances)})")
    axes[0, 0].legend(fontsize=7, loc="upper right", bbox_to_anchor=(1.0, 0.9))
    return figure


def _places(distances):
    """(kind, phase, dim, decay) of the panels: of each phase the decay nearest to 1, if it learns anything."""
    rows = distances[(distances.quantity == "zeros") & distances.largest.astype(bool) & (distances.predicted < 1)]
    rows = rows.iloc[np.argsort(np.abs(rows.decay - 1), kind="stable")].drop_duplicates(["kind", "phase"])
    rows = rows.sort_index()
    return [tuple(row) for kind, n in SHOWN.items() for row in rows[rows.kind == kind][PLACE].head(n).to_numpy()]


def _at(table, place):
    return table[(table[PLACE] == pd.Series(place, PLACE)).all(axis=1)]


def _panel(ax, place, bins, laws, distances):
    """Histogram of all data sets, the law dashed, its spikes as triangles, the edge of the noise dotted."""
    kind, phase, dim, _ = place
    edges = np.append(bins.left.iloc[0], bins.right)
    floor = BELOW / (dim * np.diff(edges).max())
    ax.stairs(bins.value, edges, baseline=floor, fill=True, color=COLOURS[kind], label="networks")
    density, spikes, edge = (laws[laws.item == item] for item in ("density", "spike", "edge"))
    ax.plot(density.x, density.value, **style.PREDICTED, label="law")
    if len(spikes):
        height = np.full(len(spikes), 2 * floor)
        ax.plot(spikes.x, height, "^", color=style.RED, markersize=4, label="spikes of the law")
    if len(edge):
        look = {"color": style.GREY, "linestyle": ":", "linewidth": 1.2}
        ax.axvline(edge.x.iloc[0], ymax=HEADROOM, **look, label="edge of the noise")
    ax.set_xscale("function", functions=(np.sqrt, np.square))
    ax.set(yscale="log", xlim=(0, edges[-1]), xlabel=VALUES[kind])
    ax.set_ylim(floor, 30 * max(bins.value.max(), floor))
    ax.set_title(f"{kind}, {phase}", fontsize=9)
    ax.annotate(_note(distances.set_index("quantity")), **style.CORNER)


def _note(distances):
    zeros, distance = distances.loc["zeros"], distances.loc["distance"]
    return f"at 0: {zeros.value:.3f}, law {zeros.predicted:.3f}; KS {distance.value:.3f}"
