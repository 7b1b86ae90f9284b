"""Locality of energy transfer: the share that passes between shells within a distance, against the null's."""

from scalinglaws.plots import style

TABLES = ("locality",)


@style.styled
def draw(locality):
    """A row per data set, a column per architecture; the deepest and widest net, smallest shell ratio, pairs of shells.

    The start and the end of training: measured shares with intervals over seeds, the null's mean shares dashed.
    """
    chosen = locality[(locality.counted == "pairs") & (locality.shell_ratio == locality.shell_ratio.min())]
    chosen = chosen[(chosen.depth == chosen.depth.max()) & (chosen.width == chosen.width.max())]
    datasets, architectures = sorted(chosen.dataset.unique(), reverse=True), sorted(chosen.architecture.unique())
    title = (
        "Locality: how much of the transfer passes between near shells (dashed: a kernel that moves without a scale)"
    )
    figure, axes = style.panels(len(datasets), len(architectures), title, panel=(3.6, 2.6), sharex=True, sharey=True)
    for (dataset, architecture), table in chosen.groupby(["dataset", "architecture"]):
        ax = axes[datasets.index(dataset), architectures.index(architecture)]
        _panel(ax, table)
        ax.set_title(f"{style.dataset_name(dataset)}, {architecture} nets")
    ratio = chosen.shell_ratio.min()
    for ax in axes[-1]:
        ax.set_xlabel(f"distance $k$ in shells of ratio {ratio:g}")
    for ax in axes[:, 0]:
        label = "share of $\\sum_{a \\neq b} |T_{ab}|$ with $|a - b| \\leq k$"
        ax.set_ylabel(label + "\n(mean, 95% interval, " + style.seeds_note(chosen) + ")")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


def _panel(ax, table):
    ends = table[table.moment.isin(["start", "end"])]
    for index, (time, line) in enumerate(ends.groupby("time")):
        look = style.look(index)
        style.curve(ax, line, "distance", label=f"time {time:g}", **look)
        ax.plot(line.distance, line.null, label=f"null, time {time:g}", **{**style.PREDICTED, "color": look["color"]})
    ax.set(ylim=(0.0, 1.05), xticks=sorted(table.distance.unique()))
