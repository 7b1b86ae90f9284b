"""Panels that the figures of random matrices share: histograms of eigenvalues over seeds, and the law they obey."""

import numpy as np

from scalinglaws.plots import style

PER_UNIT, PER_FOLD = "density, per unit of $x$", "density, per $e$-fold of $x$"


def of(table, ensemble):
    """The rows of one ensemble."""
    return table[table.ensemble == ensemble]


def cases(ax, densities, histograms, distances, *, logarithmic=True):
    """Every case of an ensemble: measured densities with intervals as markers, the law dashed, distances in the legend.

    On a logarithmic axis densities are per e-fold of x, so that areas are shares of the eigenvalues there, too.
    """
    for index, case in enumerate(dict.fromkeys(distances.case)):
        law, bins = (table[table.case == case] for table in (densities, histograms))
        look = {**style.look(index), "linestyle": "none", "markersize": 3.5}
        label = f"{case}: KS {_distance(distances[distances.case == case])}"
        _markers(ax, bins, logarithmic, label=label, **look)
        ax.plot(law.x, law.density * (law.x if logarithmic else 1.0), **style.PREDICTED, zorder=3)
    ax.set(xlabel="eigenvalue $x$", ylabel=PER_FOLD if logarithmic else PER_UNIT, ylim=(0, None))
    if logarithmic:
        ax.set_xscale("log")
        ax.minorticks_off()


def _markers(ax, bins, logarithmic, **look):
    """Mean over seeds in every bin; the same for its interval, where there are several seeds."""
    widths = np.log(bins.right / bins.left) if logarithmic else bins.right - bins.left
    centres = np.sqrt(bins.left * bins.right) if logarithmic else (bins.left + bins.right) / 2
    scale = (bins.right - bins.left) / widths
    ax.plot(centres, bins.value * scale, **look)
    if bins.low.notna().all():
        ax.vlines(centres, bins.low * scale, bins.high * scale, color=look["color"], linewidth=1.0)


def _distance(rows):
    """Distance of all eigenvalues, and the atom if there is one."""
    row = rows[rows.part == "all"].iloc[0]
    atom = f", {row.atom:g} at $x = 0$" if row.atom else ""
    return f"{row.value:.4f}{atom}"


def worst(*tables):
    """The largest mean distance to the law, as text."""
    return f"{max(table[table.part == 'all'].value.max() for table in tables):.2g}"


def largest(distances):
    """Distances at the largest size of the run, whose laws are drawn."""
    return distances[distances.largest.astype(bool)]
