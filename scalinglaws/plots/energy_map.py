"""Where the error energy sits: a map over time and log eigenvalue, lazy against feature learning."""

import numpy as np
from matplotlib.colors import LogNorm

from scalinglaws.plots import style

TABLES = ("energy_maps",)
# Shares below this are drawn as the lowest colour; grey is where no mode ever was.
FAINTEST = 1e-5


@style.styled
def draw(energy_maps):
    """A row per data set, lazy left and rich right.

    Columns dataset, richness, top_eigenvalue, shell, low_edge, high_edge, time, share, seeds.
    """
    datasets, contrast = sorted(energy_maps.dataset.unique(), reverse=True), sorted(energy_maps.richness.unique())
    title = "Error energy by shell: modes above the dashed line $\\lambda = 1/2t$ are learned when lazy"
    figure, axes = style.panels(len(datasets), len(contrast), title, panel=(3.7, 2.8), sharex=True, sharey="row")
    bottom, top = _range(energy_maps)
    for (dataset, richness), table in energy_maps.groupby(["dataset", "richness"]):
        ax = axes[datasets.index(dataset), contrast.index(richness)]
        mesh = _map(ax, table, bottom)
        frontier = table.drop_duplicates("time")
        ax.plot(frontier.time, 1 / (2 * frontier.time * frontier.top_eigenvalue), **style.PREDICTED)
        ax.set(xscale="log", yscale="log", ylim=(bottom, top))
        ax.set(xlim=(_first_time(energy_maps), table.time.max()), title=style.regime_title(dataset, richness, contrast))
    for ax in axes[-1]:
        ax.set_xlabel("time $t$")
    for ax in axes[:, 0]:
        ax.set_ylabel("eigenvalue $\\lambda / \\lambda_{max}(0)$")
    figure.colorbar(
        mesh, ax=axes, label="share of the first loss in the shell\n(mean, " + style.seeds_note(energy_maps) + ")"
    )
    return figure


def _first_time(table):
    """The time from which every panel has data."""
    return table.groupby(["dataset", "richness"]).time.min().max()


def _range(table):
    """Eigenvalues drawn: all shells that ever hold a visible share."""
    seen = table[table.share > FAINTEST]
    ratio = (seen.high_edge / seen.low_edge).replace(np.inf, np.nan).median()
    low, high = seen.low_edge[seen.low_edge > 0].min(), seen.high_edge[np.isfinite(seen.high_edge)].max()
    return low / ratio, high


def _map(ax, table, bottom):
    """Colour mesh of share over time and shell; an outer shell is drawn down to the axis' end."""
    share = table.pivot(index="shell", columns="time", values="share")
    edges = table.drop_duplicates("shell").sort_values("shell")
    low = np.maximum(edges.low_edge.to_numpy(), bottom)
    high = np.where(np.isfinite(edges.high_edge), edges.high_edge, low * 2)
    norm = LogNorm(vmin=FAINTEST, vmax=1.0)
    # Shells that never hold energy are not in the table, so that neighbours in it need not touch: one mesh a run.
    runs = np.split(np.arange(len(low)), np.flatnonzero(~np.isclose(low[1:], high[:-1])) + 1)
    for run in runs:
        borders = np.append(low[run], high[run[-1]])
        values = np.maximum(share.to_numpy()[run], FAINTEST)
        mesh = ax.pcolormesh(_borders(share.columns), borders, values, norm=norm, cmap="cividis", rasterized=True)
    ax.set_facecolor("0.85")
    return mesh


def _borders(times):
    """Cell borders halfway, in the logarithm, between the times."""
    logs = np.log(np.asarray(times, dtype=float))
    middle = (logs[1:] + logs[:-1]) / 2
    return np.exp(np.concatenate([[2 * logs[0] - middle[0]], middle, [2 * logs[-1] - middle[-1]]]))
