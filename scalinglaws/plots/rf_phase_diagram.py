"""Phase diagrams of random-feature regression: which term of the error falls slowest, over ridge and width exponent."""

import numpy as np
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.patches import Patch
from scipy.ndimage import distance_transform_edt, minimum_filter

from scalinglaws.plots import style

TABLES = ("phase_diagram", "phase_widths", "regime_rates")
# Each regime's colour and the rate of its error; shades of one colour by what binds, lighter for the source's law.
REGIMES = {
    "signal source": (style.SKY, "$2\\alpha r$"),
    "signal capacity": (style.BLUE, "$2\\alpha$"),
    "VarF": (style.RED, "$\\alpha - 1 + q$"),
    "ridge source": (style.YELLOW, "$2 l r$"),
    "ridge capacity": (style.BROWN, "$2 l$"),
    "VarF, ridge": (style.PINK, "$l - l/\\alpha + q$"),
    "width source": ((0.6, 0.85, 0.75), "$2\\alpha r q$"),
    "width capacity": (style.GREEN, "$\\alpha q$"),
    "noise": (style.GREY, "$0$"),
    "noise, ridge": ((0.75, 0.75, 0.75), "$1 - l/\\alpha$"),
    "noise, width": ((0.87, 0.87, 0.87), "$1 - q$"),
}
# Share of a panel that a letter's width and a line's height take, with some air.
LETTER, LINE = 0.024, 0.075


@style.styled
def draw(phase_diagram, phase_widths, regime_rates):
    """A row per source, a column without and with noise; regions named in place, circles where rates are fitted.

    Without noise the dashed line is the width from which more features do not help.
    """
    sources, noises = sorted(phase_diagram.source.unique()), sorted(phase_diagram.noisy.unique())
    title = "Which term of the error falls slowest: variance over features (VarF) limits wide models of easy tasks"
    figure, axes = style.panels(len(sources), len(noises), title, panel=(3.7, 3.1), sharex=True, sharey=True)
    for row, source in zip(axes, sources, strict=True):
        for ax, noisy in zip(row, noises, strict=True):
            chosen, points = (_of(table, source, noisy) for table in (phase_diagram, regime_rates))
            _panel(ax, chosen, points[(points.feature_capacity == 0) & np.isfinite(points.width_exponent)])
            if not noisy:
                line = phase_widths[phase_widths.source == source]
                ax.plot(line.ridge_exponent, line.sufficient, **style.PREDICTED, label="sufficient width")
            ax.set_title(f"{'noisy' if noisy else 'noiseless'}, source $r$ = {source:g}", fontsize=9)
        row[0].set_ylabel("width exponent $q$, $N = P^q$")
    for ax in axes[-1]:
        ax.set_xlabel("ridge exponent $l$, ridge = $P^{-l}$")
    shown = [name for name in REGIMES if (phase_diagram.regime == name).any()]
    patches = [Patch(facecolor=REGIMES[name][0], edgecolor="black", label=_label(name)) for name in shown]
    handles = [*patches, *style.entries(axes.ravel())[0]]
    figure.legend(handles=handles, loc="outside right center", fontsize=7, title="error falls as $P^{-...}$")
    return figure


def _of(table, source, noisy):
    return table[(table.source == source) & (table.noisy == noisy)]


def _label(name):
    return f"{name}: {REGIMES[name][1]}"


def _panel(ax, cells, points):
    grid = cells.pivot(index="width_exponent", columns="ridge_exponent", values="regime")
    codes = grid.apply(lambda column: column.map(list(REGIMES).index)).to_numpy()
    colours = ListedColormap([colour for colour, _ in REGIMES.values()])
    norm, (x, y) = BoundaryNorm(np.arange(len(REGIMES) + 1) - 0.5, len(REGIMES)), (grid.columns, grid.index)
    ax.pcolormesh(x, y, codes, cmap=colours, norm=norm, rasterized=True)
    free = _away_from(x.to_numpy(), y.to_numpy(), points)
    for code in np.unique(codes):
        region = codes == code
        if not region.all():
            ax.contour(x, y, region, levels=[0.5], colors="black", linewidths=0.6)
        _name(ax, x.to_numpy(), y.to_numpy(), region & free, list(REGIMES)[code])
    ax.plot(points.ridge_exponent, points.width_exponent, **_circle(), label="rates fitted here")


def _circle():
    return {"linestyle": "none", "marker": "o", "markersize": 5, "color": "white", "markeredgecolor": "black"}


def _away_from(x, y, points):
    """Cells that no circle covers."""
    distances = [
        np.hypot((x - point.ridge_exponent) / np.ptp(x), (y[:, None] - point.width_exponent) / np.ptp(y))
        for point in points.itertuples()
    ]
    return np.min(distances, axis=0) > 0.03 if distances else np.ones((len(y), len(x)), bool)


def _name(ax, x, y, region, name):
    """The regime's name where its region has most room, level or else upright; none where it does not fit."""
    padded = np.pad(region, 1)
    depth = distance_transform_edt(padded)[1:-1, 1:-1]
    for rotation, (high, wide) in ((0, (LINE, LETTER * len(name))), (90, (LETTER * len(name), LINE))):
        size = (int(np.ceil(high * len(y))), int(np.ceil(wide * len(x))))
        fits = minimum_filter(padded, size, mode="constant")[1:-1, 1:-1]
        if fits.any():
            row, column = np.unravel_index(np.where(fits, depth, 0).argmax(), fits.shape)
            ax.text(x[column], y[row], name, fontsize=7, ha="center", va="center", rotation=rotation)
            return
