"""Risk of quadratic networks over state evolution: x x^T data against Gaussian matrices of the same covariance."""

import numpy as np

from scalinglaws.plots import style

TABLES = ("quadratic_points", "quadratic_ratios")
SENSING = {"outer": ("$x x^T$ data", style.BLUE, "o"), "goe": ("Gaussian matrices", style.ORANGE, "s")}
RATIO = "excess risk / state evolution"


@style.styled
def draw(quadratic_points, quadratic_ratios):
    """Left: against samples, at the smallest dimension that has both; right: against dimension, points of all."""
    both = quadratic_points.groupby("dim").sensing.nunique()
    dim = int(both[both == both.max()].index.min())
    title = (
        "Finite-size excess of $x x^T$ data above state evolution shrinks with dimension; Gaussian matrices have none"
    )
    figure, axes = style.panels(1, 2, title, panel=(4.2, 3.1), sharey=True)
    judged = quadratic_points[(quadratic_points.part == "judged") & (quadratic_points["dim"] == dim)]
    _against_samples(axes[0, 0], judged)
    axes[0, 0].set_title(f"every noise and weight decay, $d$ = {dim}", fontsize=9)
    _against_dimension(axes[0, 1], quadratic_ratios[quadratic_ratios.selection == "common"])
    for ax in axes[0]:
        ax.axhline(1, **style.PREDICTED)
    axes[0, 0].set_ylabel(f"{RATIO}\n(mean, 95% interval, {style.seeds_note(judged)})")
    axes[0, 0].legend(fontsize=8)
    return figure


def _against_samples(ax, points):
    """Points of one n stand side by side."""
    for index, (sensing, (label, color, marker)) in enumerate(SENSING.items()):
        rows = points[points.sensing == sensing].sort_values(["n_samples", "weight_decay_exponent", "noise_variance"])
        place = rows.groupby("n_samples").cumcount()
        x = rows.n_samples / rows["dim"] ** 2 * 1.045 ** (place + 0.5 * index - 2.5)
        _marked(ax, x, rows, "ratio_low", "ratio_high", label=label, color=color, marker=marker)
    ax.set(xscale="log", xlabel="$n / d^2$ (markers of one $n$ side by side)")


def _against_dimension(ax, ratios):
    for sensing, (label, color, marker) in SENSING.items():
        rows = ratios[ratios.sensing == sensing].sort_values("dim")
        _marked(ax, rows["dim"], rows, "low", "high", label=label, color=color, marker=marker, linestyle="-")
    dims = sorted(set(ratios["dim"]))
    ax.set(xscale="log", xlabel="dimension $d$")
    ax.set_xticks(dims, labels=map(str, dims))
    ax.minorticks_off()
    counted = int(ratios.points.min()) if len(ratios) else 0
    ax.set_title(f"mean over the {counted} points common to every $d$", fontsize=9)


def _marked(ax, x, rows, low, high, **look):
    spread = np.abs(rows[[low, high]].to_numpy().T - rows.ratio.to_numpy())
    ax.errorbar(x, rows.ratio, yerr=spread, **{"linestyle": "none", "markersize": 4, "elinewidth": 0.9, **look})
