"""The lazy limit against width: at fixed richness a wider net is lazier, at fixed richness0 it is not."""

import numpy as np

from scalinglaws.plots import style
from scalinglaws.plots.grouping import over_seeds

TABLES = ("width_runs", "width_slopes")
QUANTITIES = {
    "kernel_drift": "kernel drift\n$\\|M(T) - M(0)\\| / \\|M(0)\\|$",
    "deviation": "deviation from the lazy solution\n$\\max_t \\|e - e_{lazy}\\| / \\|e(0)\\|$",
}
HELD = {"richness": "$\\gamma$", "richness0": "$\\gamma/\\sqrt{N}$"}


@style.styled
def draw(width_runs, width_slopes):
    """A row per data set, a column per quantity; one line per richness held fixed, its fitted slope in the legend."""
    datasets = sorted(width_runs.dataset.unique(), reverse=True)
    title = "Width: the lazy limit nears as 1/N (dashed) at fixed $\\gamma$, not at fixed $\\gamma/\\sqrt{N}$"
    figure, axes = style.panels(len(datasets), len(QUANTITIES), title, panel=(5.2, 2.8), sharex=True)
    for row, dataset in zip(axes, datasets, strict=True):
        for ax, (quantity, label) in zip(row, QUANTITIES.items(), strict=True):
            _panel(ax, width_runs[width_runs.dataset == dataset], width_slopes, quantity)
            ax.set(xscale="log", yscale="log", title=style.dataset_name(dataset), ylabel=label)
            ax.set_xticks(
                sorted(width_runs.width.unique()), [f"{width}" for width in sorted(width_runs.width.unique())]
            )
            ax.minorticks_off()
    for ax in axes[-1]:
        ax.set_xlabel("width $N$")
    return figure


def _panel(ax, runs, slopes, quantity):
    for index, ((held, value), table) in enumerate(runs.groupby(["held", "value"])):
        curve = over_seeds(table, "width", quantity)
        chosen = slopes[(slopes.dataset == table.dataset.iloc[0]) & (slopes.held == held)]
        chosen = chosen[(chosen.value == value) & (chosen.quantity == quantity)]
        label = f"{HELD[held]} = {value:g}\n{style.slope_note(chosen, digits=2)}"
        style.curve(ax, curve, "width", label=label, **style.look(index))
        if held == "richness":
            widths = np.array([curve.width.min(), curve.width.max()])
            ax.plot(widths, curve.value.iloc[0] * widths[0] / widths, **style.PREDICTED)
    ax.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
