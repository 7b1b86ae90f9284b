"""Two sufficient conditions of renormalisability: incoherent layers at the start, and growth of the Jacobian."""

from matplotlib.ticker import MaxNLocator

from scalinglaws.plots import style

TABLES = ("coherence", "jacobian_growth")
COLOURS, DEPTH_LOOKS = {"plain": style.ORANGE, "residual": style.BLUE}, (("o", "-"), ("s", ":"), ("D", "-."))


@style.styled
def draw(coherence, jacobian_growth):
    """A row per data set: excess coherence of layers' kernels against their distance, and growth of the Jacobian.

    The widest nets; columns of both tables as `scalinglaws.shells.tables.couplings` makes them.
    """
    coherence = coherence[coherence.kind == "excess"]
    grown = jacobian_growth[jacobian_growth.quantity == "jacobian_growth"]
    coherence, grown = (table[table.width == table.width.max()] for table in (coherence, grown))
    datasets = sorted(coherence.dataset.unique(), reverse=True)
    title = (
        "Two conditions: incoherent layers at the start (dashed: 0) and controlled growth of the Jacobian (dashed: 1)"
    )
    figure, axes = style.panels(len(datasets), 2, title, panel=(3.8, 2.9), sharex="col", sharey="col")
    for row, dataset in zip(axes, datasets, strict=True):
        _lines(row[0], coherence[coherence.dataset == dataset], "distance")
        row[0].axhline(0.0, **style.PREDICTED)
        row[0].set(ylim=(-0.05, 1.05), title=style.dataset_name(dataset))
        _lines(row[1], grown[grown.dataset == dataset], "time")
        row[1].axhline(1.0, **style.PREDICTED)
        row[1].set(xscale="log", yscale="log", title=style.dataset_name(dataset))
        row[0].xaxis.set_major_locator(MaxNLocator(integer=True))
        row[0].set_ylabel("coherence of two layers\n(mean, 95% interval, " + style.seeds_note(grown) + ")")
        row[1].set_ylabel("growth of the Jacobian\n$\\max_{t' \\leq t} \\|J(t')\\| / \\|J(0)\\|$")
    axes[-1, 0].set_xlabel("distance between the layers")
    axes[-1, 1].set_xlabel("time $t$")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


def _lines(ax, table, x):
    """One colour per architecture, one marker and line style per depth."""
    depths = sorted(table.depth.unique())
    for (architecture, depth), line in table.groupby(["architecture", "depth"]):
        marker, linestyle = DEPTH_LOOKS[depths.index(depth) % len(DEPTH_LOOKS)]
        look = {"color": COLOURS[architecture], "marker": marker, "linestyle": linestyle, "markersize": 4}
        style.curve(ax, line, x, label=f"{architecture}, depth {depth:g}", linewidth=1.2, **look)
