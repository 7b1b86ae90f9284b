"""A map of the energy in shells: the range of eigenvalues it shows, and its colours over time and log eigenvalue."""

import numpy as np
from matplotlib.colors import LogNorm

# Shares below this are drawn as the lowest colour; grey is where no mode ever was.
FAINTEST = 1e-5
# Times its lower edge the uppermost shell is drawn: over the border of any axis.
BEYOND = 1e3


def eigenvalue_range(table):
    """Eigenvalues drawn: all shells that ever hold a visible share; columns share, low_edge, high_edge."""
    seen = table[table.share > FAINTEST]
    ratio = (table.high_edge / table.low_edge).replace(np.inf, np.nan).median()
    # Of an outer shell as much is drawn as of the others.
    low = seen.low_edge.where(seen.low_edge > 0, seen.high_edge).min()
    high = seen.high_edge.where(np.isfinite(seen.high_edge), seen.low_edge * ratio).max()
    return low / ratio, high


def share_map(ax, table, bottom):
    """Colour mesh of share over time and shell; an outer shell is drawn to the axis' end."""
    share = table.pivot(index="shell", columns="time", values="share")
    edges = table.drop_duplicates("shell").sort_values("shell")
    low = np.maximum(edges.low_edge.to_numpy(), bottom)
    high = np.where(np.isfinite(edges.high_edge), edges.high_edge, low * BEYOND)
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
