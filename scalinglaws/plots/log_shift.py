"""Log-shift invariance of shell couplings against time, for plain and for residual nets."""

from scalinglaws.plots import style

TABLES = ("log_shift",)


@style.styled
def draw(log_shift):
    """A row per data set, a column per architecture, in shells of the smallest ratio; 1 is the scale-free null."""
    finest = log_shift[log_shift.shell_ratio == log_shift.shell_ratio.min()]
    datasets, architectures = sorted(finest.dataset.unique(), reverse=True), sorted(finest.architecture.unique())
    title = "Shell couplings: how far from depending on distance alone (dashed: a kernel that moves without a scale)"
    figure, axes = style.panels(len(datasets), len(architectures), title, panel=(3.6, 2.6), sharex=True, sharey=True)
    for (dataset, architecture), table in finest.groupby(["dataset", "architecture"]):
        ax = axes[datasets.index(dataset), architectures.index(architecture)]
        _panel(ax, table)
        ax.set_title(f"{style.dataset_name(dataset)}, {architecture} nets")
    for ax in axes[-1]:
        ax.set_xlabel("time $t$ (evenly spaced)")
    for ax in axes[:, 0]:
        ax.set_ylabel("log-shift index / the null's\n(95% interval, " + style.seeds_note(finest) + ")")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def _panel(ax, table):
    """Times are few and the first is zero: they are drawn at 0, 1, 2, ... and named."""
    times = sorted(table.time.unique())
    for index, ((depth, width), line) in enumerate(table.groupby(["depth", "width"])):
        line = line.assign(place=[times.index(time) for time in line.time])
        label = f"depth {depth:g}, width {width:g}"
        style.curve(ax, line, "place", label=label, **style.look(index, lines=style.LINES))
    ax.axhline(1.0, label="scale-free null", **style.PREDICTED)
    spread = table.groupby("time").null_spread.mean().to_numpy()
    for sign, label in ((1, "one draw of the null"), (-1, None)):
        ax.plot(1 + sign * spread, color="black", linestyle=":", linewidth=0.8, label=label)
    ax.set(yscale="log", xticks=range(len(times)), xticklabels=[f"{time:g}" for time in times])
    ax.set_yticks([0.7, 1, 1.5, 2, 3, 4], ["0.7", "1", "1.5", "2", "3", "4"])
    ax.minorticks_off()
