"""Residuals of the exact equations under discretisation: each falls at its own order."""

import numpy as np

from scalinglaws.plots import style
from scalinglaws.plots.grouping import over_seeds

TABLES = ("order_errors", "order_fits")
GROUPS = {
    "training error $e' = -Me$": ("ode one-sided", "ode central", "ode Simpson"),
    "modes and shells": ("mode central", "shell rates trapezoid", "shell dissipation", "exponential midpoint"),
}


@style.styled
def draw(order_errors, order_fits):
    """A row per data set, a column per group of equations; the expected order through the smallest step is dashed."""
    datasets = sorted(order_errors.dataset.unique(), reverse=True)
    title = "The equations are exact: residuals fall with the step at the expected orders (dashed)"
    figure, axes = style.panels(len(datasets), len(GROUPS), title, panel=(5.2, 2.9), sharex=True)
    for row, dataset in zip(axes, datasets, strict=True):
        for ax, (name, quantities) in zip(row, GROUPS.items(), strict=True):
            ax.set(xscale="log", yscale="log", title=f"{style.dataset_name(dataset)}: {name}")
            _panel(ax, order_errors[order_errors.dataset == dataset], order_fits, quantities)
    for ax in axes[-1]:
        ax.set_xlabel("step $h \\, \\lambda_{max}(0)$")
    for ax in axes[:, 0]:
        ax.set_ylabel("relative residual\n(geometric mean, 95% interval, " + style.seeds_note(order_fits) + ")")
    return figure


def _panel(ax, errors, fits, quantities):
    for index, quantity in enumerate(quantities):
        table = errors[errors.quantity == quantity]
        curve = over_seeds(table, "step", "error")
        fit = fits[(fits.dataset == table.dataset.iloc[0]) & (fits.quantity == quantity)].iloc[0]
        label = f"{quantity}\nmeasured {fit.order:.2f}, expected {fit.expected:g}"
        style.curve(ax, curve, "step", label=label, **style.look(index))
        steps = np.array([curve.step.min(), curve.step.max()])
        ax.plot(steps, curve.value.iloc[0] * (steps / steps[0]) ** fit.expected, **style.PREDICTED)
    ax.set_xticks(curve.step, [f"{step:g}" for step in curve.step])
    ax.tick_params(which="minor", labelbottom=False)
    ax.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
