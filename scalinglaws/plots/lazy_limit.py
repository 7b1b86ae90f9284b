"""The lazy limit against richness: kernel drift, deviation from the lazy solution, and energy exchanged by shells."""

import numpy as np

from scalinglaws.plots import style
from scalinglaws.plots.grouping import over_seeds

TABLES = ("runs", "lazy_slopes")
QUANTITIES = {
    "kernel_drift": "kernel drift\n$\\|M(T) - M(0)\\| / \\|M(0)\\|$",
    "deviation": "deviation from the lazy solution\n$\\max_t \\|e - e_{lazy}\\| / \\|e(0)\\|$",
    "exchange_smooth": "energy exchanged by shells\n/ energy dissipated",
}


@style.styled
def draw(runs, lazy_slopes):
    """One panel per quantity, one line per data set; the black dashed guide below them has slope 1."""
    title = "Lazy limit: drift, deviation and exchange vanish in proportion to richness (dashed: slope 1)"
    figure, axes = style.panels(1, len(QUANTITIES), title, panel=(3.2, 3.2))
    for ax, (quantity, label) in zip(axes[0], QUANTITIES.items(), strict=True):
        for index, (dataset, table) in enumerate(runs.groupby("dataset")):
            curve = over_seeds(table, "richness", quantity)
            slope = lazy_slopes[(lazy_slopes.dataset == dataset) & (lazy_slopes.quantity == quantity)]
            named = f"{style.dataset_name(dataset)}\n{style.slope_note(slope, digits=3)}"
            style.curve(ax, curve, "richness", label=named, **style.look(index, lines=style.LINES))
        guide = np.array([runs.richness.min(), min(1.0, runs.richness.max())])
        ax.plot(guide, curve.value.iloc[0] * 0.4 * guide / guide[0], **style.PREDICTED)
        ax.set(xscale="log", yscale="log", xlabel="richness $\\gamma$", ylabel=label)
        ax.set_ylim(top=ax.get_ylim()[1] * 60)
        ax.legend(fontsize=7, loc="upper left")
    return figure
