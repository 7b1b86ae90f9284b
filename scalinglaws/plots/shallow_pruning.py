"""What pruning does to the excess risk along weight decay: where it helps, and where it hurts."""

import numpy as np

from scalinglaws.plots import style

TABLES = ("pruning", "pruning_curves")
RATIOS = {"quadratic": "n / d^2", "diagonal": "n / d"}
TICKS = (0.1, 0.2, 0.5, 0.7, 1, 1.5, 2, 3, 5)


@style.styled
def draw(pruning, pruning_curves):
    """A panel for each kind of network, a line for each ratio of samples; columns as the tables module makes them."""
    title = _title(pruning)
    kinds = list(dict.fromkeys(pruning_curves.kind))
    figure, axes = style.panels(1, len(kinds), title, panel=(4.0, 2.9))
    for ax, kind in zip(axes[0], kinds, strict=True):
        _panel(ax, kind, pruning[pruning.kind == kind], pruning_curves[pruning_curves.kind == kind])
    axes[0, 0].set_ylabel(f"excess risk after / before pruning\n(95% interval, {style.seeds_note(pruning)})")
    return figure


def _title(pruning):
    rows = pruning[(pruning.kind == "quadratic") & pruning.largest.astype(bool)]
    best, worst = rows.gain.min(), rows.gain.max()
    return (
        "Pruning the learned noise helps near the interpolation peak and hurts where regularisation is right: "
        f"risk of quadratic networks times {best:.2f} to {worst:.2f}"
    )


def _panel(ax, kind, points, curves):
    ax.axhline(1, color=style.GREY, linewidth=0.8)
    for index, (ratio, curve) in enumerate(curves.groupby("ratio")):
        look = style.look(index, lines=style.LINES)
        ax.plot(curve.weight_decay, curve.gain, color=look["color"], linestyle=look["linestyle"])
        at = (points.ratio == ratio) & points.decay.isin(curve.decay) & points.dim.isin(curve.dim)
        at &= points.weight_decay.between(curve.weight_decay.min(), curve.weight_decay.max())
        rows = points[at]
        errors = np.abs(rows[["low", "high"]].sub(rows.gain, axis=0)).T.to_numpy()
        # The empty line carries the label: style and marker of a curve together.
        ax.plot([], [], **look, label=f"${RATIOS[kind]} = {ratio:g}$")
        style_of_points = {"color": look["color"], "marker": look["marker"], "linestyle": "none"}
        ax.errorbar(rows.weight_decay, rows.gain, yerr=errors, markersize=4.5, capsize=2, **style_of_points)
    ax.set(xscale="log", yscale="log", xlabel="weight decay")
    ax.set_yticks(TICKS, map(str, TICKS))
    ax.minorticks_off()
    low, high = np.nanmin([*curves.gain, *points.low]), np.nanmax([*curves.gain, *points.high])
    ax.set_ylim(0.9 * low, 1.1 * high)
    ax.set_title(f"{kind} network, $d$ = {curves.dim.max()}", fontsize=9)
    ax.legend(fontsize=7.5, handlelength=3)
