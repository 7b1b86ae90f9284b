"""Held-out error of every drift law, case by case."""

import numpy as np
from matplotlib.ticker import NullFormatter

from scalinglaws.plots import style
from scalinglaws.plots.grouping import case_axis, case_points, with_case_labels

TABLES = ("transport_errors",)
LAWS = {
    "lazy": "lazy, $v = 0$",
    "growth only": "$v = \\lambda \\, d\\ln \\mathrm{tr} M/dt$",
    "exponent 2": "$v = c(t) \\lambda^2$",
    "exponent 1": "$v = c(t) \\lambda$",
    "fitted exponent": "$v = c(t) \\lambda^b$, fitted $b$",
    "measured velocity": "$v$ as measured, no law",
}
# Distance between the series of one case, in units of that between cases.
SHIFT = 0.13


@style.styled
def draw(transport_errors):
    """Error of the predicted loss, left, and of the shell energies, right, for laws learned from the other seeds."""
    table = with_case_labels(transport_errors[transport_errors.learned_from != "itself"])
    cases = list(table.case.unique())
    title = (
        "In most cases transport with an exponent of 1 predicts held-out seeds far better than the lazy law; "
        "an exponent of 2 hardly does"
    )
    figure, axes = style.panels(1, 2, title, panel=(4.4, 0.3 * len(cases) + 1.2), sharey=True)
    quantities = (("loss_error", "low", "high"), ("shells_error", "shells_low", "shells_high"))
    for ax, columns in zip(axes[0], quantities, strict=True):
        for index, (law, name) in enumerate(LAWS.items()):
            shift = SHIFT * (index - (len(LAWS) - 1) / 2)
            case_points(ax, table[table.law == law], cases, columns, index=index, shift=shift, label=name)
        ax.set(xscale="log")
        _whole_decades(ax)
    case_axis(axes[0, 0], cases)
    axes[0, 0].set_xlabel(
        f"mean over time of |ln(predicted / measured loss)|\n(mean, 95% interval, {style.seeds_note(table)})"
    )
    axes[0, 1].set_xlabel("mean over time of the $L_1$ distance\nof shell energies / loss")
    figure.legend(*style.entries(axes[0, :1]), loc="outside lower center", ncols=3, fontsize=8)
    return figure


def _whole_decades(ax):
    """Labels at powers of ten alone, at least two of them: those between run into each other on a narrow range."""
    low, high = np.log10(ax.get_xlim())
    ax.set_xlim(10 ** np.floor(low), 10 ** np.ceil(high))
    ax.xaxis.set_minor_formatter(NullFormatter())
