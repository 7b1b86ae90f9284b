"""The moving resolution frontier, and the effective times that the drift defines."""

import numpy as np

from scalinglaws.plots import style
from scalinglaws.plots.grouping import main_network

TABLES = ("frontier", "frontier_slopes", "effective_time", "effective_time_fits")
DYNAMICS = {"lazy": "frozen kernel", "measured": "measured", "exponent 1": "predicted by $v = c(t)\\lambda$"}


@style.styled
def draw(frontier, frontier_slopes, effective_time, effective_time_fits):
    """A column per data set: the frontier at the largest richness0, above the learning time at every richness0."""
    fronts, clocks = main_network(frontier), main_network(effective_time)
    richness0 = sorted(clocks.richness0.unique())
    looks = {value: style.look(index, lines=style.LINES) for index, value in enumerate(richness0)}
    datasets = sorted(fronts.dataset.unique(), reverse=True)
    title = (
        "Far from lazy the frontier rises with the kernel before it falls (dashed: 1/t, the lazy law); "
        "in learning time, feature learning runs far ahead of the clock (dashed: equal)"
    )
    figure, axes = style.panels(2, len(datasets), title, panel=(3.2, 2.6), sharex=True, sharey="row")
    for (upper, lower), dataset in zip(axes.T, datasets, strict=True):
        largest = fronts[fronts.dataset == dataset].richness0.max()
        _front(upper, _of(fronts, dataset, largest), _of(main_network(frontier_slopes), dataset, largest))
        upper.set_title(f"{style.dataset_name(dataset)}\n$\\gamma_0$ = {largest:g}", fontsize=9)
        _clock(lower, clocks[clocks.dataset == dataset], main_network(effective_time_fits), looks)
        lower.set_xlabel("time $t$")
    axes[0, 0].set_ylabel(f"frontier: eigenvalue that\nhalves the dissipation\n({style.seeds_note(fronts)})")
    axes[1, 0].set_ylabel("learning time / $t$,\n$\\int e^{\\tau} ds \\, / \\, t$")
    # A single column has no room for names side by side.
    figure.legend(*style.entries(axes[0]), loc="outside lower center", ncols=3 if len(datasets) > 1 else 1)
    return figure


def _of(table, dataset, richness0):
    return table[(table.dataset == dataset) & (table.richness0 == richness0)]


def _front(ax, fronts, slopes):
    for index, (dynamics, name) in enumerate(DYNAMICS.items()):
        curve = fronts[fronts.dynamics == dynamics]
        if curve.empty:
            continue
        look = {**style.look(index, lines=style.LINES), "markersize": 0}
        style.curve(ax, curve, "time", label=name, **look)
    times = np.array([fronts.time.max() / 30, fronts.time.max()])
    through = fronts[(fronts.dynamics == "lazy") & (fronts.time >= times[0])].iloc[0]
    ax.plot(times, 0.6 * through.value * through.time / times, **style.PREDICTED)
    slope = slopes[slopes.dynamics == "measured"]
    ax.annotate("measured: " + style.slope_note(slope, digits=2), (0.03, 0.05), xycoords="axes fraction", fontsize=7)
    ax.set(xscale="log", yscale="log")


def _clock(ax, clocks, fits, looks):
    for richness0, curve in clocks[clocks.quantity == "learning time"].groupby("richness0"):
        ratios = {name: curve[name] / curve.time for name in ("value", "low", "high")}
        fit = _of(fits[fits.quantity == "learning time"], curve.dataset.iloc[0], richness0)
        slope = f", $a$ = {fit.exponent.iloc[0]:.2f}" if len(fit) else ""
        look = {**looks[richness0], "markersize": 0}
        style.curve(ax, curve.assign(**ratios), "time", label=f"$\\gamma_0$ = {richness0:g}{slope}", **look)
    ax.axhline(1.0, zorder=0, **style.PREDICTED)
    ax.set(xscale="log", yscale="log")
    ax.legend(fontsize=7, loc="upper left")
