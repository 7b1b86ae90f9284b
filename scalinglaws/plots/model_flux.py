"""Net energy that has passed each eigenvalue in any network: nothing would with a frozen kernel."""

import numpy as np

from scalinglaws.plots import style
from scalinglaws.plots.model_panels import case_panels, spread_note

TABLES = ("model_flux",)
N_TIMES = 4
# Shells whose gain is never more than this share of the most that passed an edge are beyond the axis.
FAINTEST = 1e-3


@style.styled
def draw(model_flux):
    """A panel per case, a line per time, with a dot at the frontier; columns case, time, edge, passed, low, high."""
    title = (
        "Net error energy that has passed each eigenvalue, towards larger ones (>0) or smaller ones (<0); "
        "dashed: a frozen kernel"
    )
    labels = (
        "eigenvalue $\\lambda / \\lambda_{max}(0)$",
        f"energy passed up to $t$ / first loss\n({spread_note(model_flux)})",
    )
    cases = list(dict.fromkeys(model_flux.case))
    figure, axes = case_panels(cases, title, *labels, missing="no run was measured")
    colours = style.shades(_times(model_flux.time))
    for case, ax in axes.items():
        _lines(ax, model_flux[model_flux.case == case], colours)
        ax.axhline(0.0, zorder=0, **style.PREDICTED)
        ax.set(xscale="log", xlim=_range(model_flux))
    if axes:
        handles, names = next(iter(axes.values())).get_legend_handles_labels()
        note = "time $t \\, \\lambda_{max}(0)$\n(circle: $\\lambda = 1/2t$)"
        figure.legend(handles, names, loc="outside right center", title=note)
    return figure


def _times(times):
    """Some of the times, as evenly as they are, with the last one."""
    found = np.sort(times[times > 0].unique())
    return found[np.unique(np.linspace(0, len(found) - 1, N_TIMES + 1).round().astype(int)[1:])] if len(found) else []


def _lines(ax, table, colours):
    for index, (time, colour) in enumerate(colours.items()):
        line = table[table.time == time].sort_values("edge")
        look = {"color": colour, "linestyle": style.LINES[index % len(style.LINES)], "linewidth": 1.4}
        style.curve(ax, line, "edge", value="passed", label=f"{time:.3g}", **look)
        frontier = 1 / (2 * time)
        height = np.interp(np.log(frontier), np.log(line.edge), line.passed)
        ax.plot(frontier, height, "o", color=colour, markersize=4, markeredgecolor="white")


def _range(table):
    """Edges around all shells that ever gain or lose a visible share: beyond them errors of integration pass."""
    passed = table.pivot(index="edge", columns=["case", "time"], values="passed")
    gained = passed.diff().abs().max(axis=1)
    seen = np.flatnonzero(gained > FAINTEST * passed.abs().to_numpy().max())
    first, last = (seen[0], seen[-1]) if len(seen) else (1, len(passed) - 1)
    return passed.index[max(first - 2, 0)], passed.index[min(last + 1, len(passed) - 1)]
