"""Loss exponents of linear models: measured against predicted, on the way there, and at finite width."""

import numpy as np

from scalinglaws.plots import style

TABLES = ("exponents", "exponent_curves", "exponent_widths")
# Capacities are told apart by filling and size, so that markers of one place stay visible inside each other.
FILLINGS = ({"fillstyle": "none", "markersize": 9}, {"fillstyle": "full", "markersize": 4})


@style.styled
def draw(exponents, exponent_curves, exponent_widths):
    """Three panels; the curves in the middle are those of the smallest capacity, lazy and at the largest richness0."""
    title = (
        "Loss falls as $t^{-\\beta}$ when lazy; feature learning speeds up hard tasks, $\\beta < 1$ (dashed: predicted)"
    )
    figure, axes = style.panels(1, 3, title, panel=(4.0, 3.5))
    limits = exponents[exponents.model != "network"]
    _measured(axes[0, 0], limits)
    _local(axes[0, 1], limits, exponent_curves)
    _widths(axes[0, 2], exponents[exponents.model == "network"], exponent_widths)
    return figure


def _measured(ax, limits):
    """Exponent against task exponent: a colour and marker per richness0, a filling per capacity."""
    fillings = {capacity: FILLINGS[i % 2] for i, capacity in enumerate(sorted(limits.capacity.unique()))}
    for index, (richness0, table) in enumerate(limits.groupby("richness0")):
        for capacity, of_capacity in table.groupby("capacity"):
            look = {**style.look(index), "linestyle": "none", **fillings[capacity]}
            label = f"$\\gamma_0$ = {richness0:g}, capacity {capacity:g}"
            ax.plot(of_capacity.task_exponent, of_capacity.measured, label=label, **look)
    grid = np.linspace(0.9 * limits.task_exponent.min(), 1.05 * limits.task_exponent.max(), 200)
    ax.plot(grid, grid, **style.PREDICTED)
    hard = grid[grid < 1]
    ax.plot(hard, 2 * hard / (1 + hard), **style.PREDICTED)
    ax.set(xlabel="task exponent $\\beta$ = 2 source", ylabel="exponent of the loss in $1 / t$, last decade")
    ax.legend(fontsize=7, loc="upper left")
    ax.set_ylim(top=ax.get_ylim()[1] * 1.35)


def _local(ax, limits, curves):
    """Local exponents against time of the lazy and of the richest model, with what each should reach."""
    limits = limits[limits.capacity == limits.capacity.min()]
    chosen = curves[(curves.model != "network") & (curves.capacity == limits.capacity.min())]
    extremes = (limits.richness0.min(), limits.richness0.max())
    colours = style.shades(chosen.task_exponent.unique())
    for richness0, line in zip(extremes, (":", "-"), strict=True):
        for task_exponent, table in chosen[chosen.richness0 == richness0].groupby("task_exponent"):
            label = f"{task_exponent:g}" if richness0 == extremes[1] else None
            ax.plot(table.local_time, table.local_exponent, color=colours[task_exponent], linestyle=line, label=label)
    for row in limits[limits.richness0.isin(extremes) & limits.predicted.notna()].itertuples():
        ax.plot([row.window_low, row.window_high], [row.predicted] * 2, **style.PREDICTED)
    ax.set(xscale="log", xlabel="time $t$", ylabel="local exponent $-d\\,\\ln L / d\\,\\ln t$")
    named = f"dotted: $\\gamma_0$ = {extremes[0]:g}\nsolid: $\\gamma_0$ = {extremes[1]:g}\n$\\beta$:"
    ax.legend(fontsize=7, title=named, title_fontsize=7, loc="upper left", handlelength=1.2)
    # The first steep fall at large richness0 is left out: it would press the laws together.
    ax.set_ylim(0, 1.8 * limits.predicted_rich.max())


def _widths(ax, networks, slopes):
    """Distance of finite nets from the infinite one against width, with a guide of slope -1/2."""
    places = ["capacity", "task_exponent", "richness0"]
    for index, (place, table) in enumerate(networks.groupby(places)):
        slope = slopes[(slopes[places] == list(place)).all(axis=1)]
        label = f"$\\gamma_0$ = {place[2]:g}, capacity {place[0]:g}, $\\beta$ = {place[1]:g}\n"
        band = table.rename(columns={"low": "_", "high": "__", "deviation_low": "low", "deviation_high": "high"})
        named = label + style.slope_note(slope, digits=2)
        style.curve(ax, band, "width", value="deviation", label=named, **style.look(index))
    widths = np.array([networks.width.min(), networks.width.max()])
    ax.plot(widths, 0.5 * networks.deviation.max() * (widths[0] / widths) ** 0.5, **style.PREDICTED)
    ax.set(xscale="log", yscale="log", xlabel="width $N$")
    ax.set_ylabel(f"$\\max_t |\\ln L_N - \\ln L_\\infty|$\n(rms, 95% interval, {style.seeds_note(networks)})")
    ax.set_xticks(sorted(networks.width.unique()), [f"{width:g}" for width in sorted(networks.width.unique())])
    ax.minorticks_off()
    ax.set_ylim(top=ax.get_ylim()[1] * 4)
    ax.legend(fontsize=7, loc="upper right")
