"""Where the error energy of any network sits while it trains: a map over time and log eigenvalue."""

from matplotlib import patheffects

from scalinglaws.plots import style
from scalinglaws.plots.model_panels import case_panels
from scalinglaws.plots.shell_map import FAINTEST, eigenvalue_range, share_map

TABLES = ("model_shells", "model_curves")
LINES = {
    "position": {"color": style.RED, "linestyle": "-", "linewidth": 1.6, "label": "spectral position"},
    "largest eigenvalue": {"color": "white", "linestyle": "-", "linewidth": 0.8, "label": "largest eigenvalue"},
}
# A rim keeps lines apart from any colour of the map.
RIMS = {"position": "white", "largest eigenvalue": "black"}


@style.styled
def draw(model_shells, model_curves):
    """A panel per case; eigenvalues are in units of the largest at time 0, times of 1 over it.

    Columns case, time, shell, low_edge, high_edge, share, seeds and case, quantity, time, value, low, high, seeds.
    """
    later = model_shells[model_shells.time > 0]
    cases = list(dict.fromkeys(later.case))
    title = (
        "Error energy by shell while a network trains: "
        "modes above the dashed line $\\lambda=1/2t$ are learned where the kernel is frozen"
    )
    labels = ("time $t \\, \\lambda_{max}(0)$", "eigenvalue $\\lambda / \\lambda_{max}(0)$")
    figure, axes = case_panels(cases, title, *labels, missing="no run was measured")
    bottom, top = eigenvalue_range(later)
    for case, ax in axes.items():
        mesh = share_map(ax, _seen(later[later.case == case]), bottom)
        _lines(ax, model_curves[(model_curves.case == case) & (model_curves.time > 0)])
        ax.set(xscale="log", yscale="log", ylim=(bottom, top), xlim=(later.time.min(), later.time.max()))
    if axes:
        note = "share of the first loss\nin the shell (mean, " + style.seeds_note(later) + ")"
        figure.colorbar(mesh, ax=list(axes.values()), label=note)
        handles = style.entries(axes.values())
        figure.legend(*handles, loc="outside lower center", ncols=3, handlelength=2.5)
    return figure


def _seen(table):
    """Rows of the shells that ever hold a visible share."""
    return table[table.groupby("shell").share.transform("max") > FAINTEST]


def _lines(ax, curves):
    """The frontier, the position at which the loss falls, and the end of the spectrum."""
    times = curves.time.drop_duplicates()
    ax.plot(times, 1 / (2 * times), **style.PREDICTED, label="frontier $\\lambda = 1/2t$")
    for quantity, look in LINES.items():
        rim = (patheffects.withStroke(linewidth=look["linewidth"] + 1.2, foreground=RIMS[quantity]),)
        style.curve(ax, curves[curves.quantity == quantity], "time", **look, path_effects=rim)
