"""Double descent against training time: regression and networks on data with a fast and a slow block of inputs."""

from scalinglaws.plots import style

TABLES = ("double_descent_epoch", "double_descent_plateaus")


@style.styled
def draw(double_descent_epoch, double_descent_plateaus):
    """Left: linear regression by gradient descent, with plateaus in closed form; right: networks by richness."""
    title = "Double descent in time: the fast block overfits, then the slow block is learned (dashed: lazy prediction)"
    figure, axes = style.panels(1, 2, title, panel=(4.8, 3.4), sharey=True)
    table = double_descent_epoch
    regression, networks = (table[table.model == f"two_scale_{kind}"] for kind in ("regression", "network"))
    _curves(axes[0, 0], regression, lambda richness: "gradient descent")
    for row in double_descent_plateaus[double_descent_plateaus.blocks > 0].itertuples():
        label = "plateaus of well-separated\nblocks, closed form" if row.blocks == 1 else None
        axes[0, 0].axhline(row.plateau, color=style.GREY, linewidth=1.0, linestyle=":", zorder=0, label=label)
    _curves(axes[0, 1], networks, lambda richness: f"richness {richness:g}")
    axes[0, 0].set(title="linear regression", xlabel="time (rate $\\times$ steps)")
    axes[0, 1].set(title="two-layer networks", xlabel="time $t$ of gradient flow")
    axes[0, 0].set_ylabel(f"test error, mean $(f - f_*)^2$\n(mean, 95% interval, {style.seeds_note(table)})")
    axes[0, 0].legend(fontsize=7, loc="center right", bbox_to_anchor=(1.0, 0.62))
    axes[0, 1].legend(fontsize=7, loc="lower left")
    return figure


def _curves(ax, table, label):
    """Means with intervals over seeds, and predictions, against time."""
    for index, (richness, of_one) in enumerate(table.groupby("richness")):
        look = style.look(index, lines=style.LINES) | {"markevery": (4 * index, 12)}
        style.curve(ax, of_one, "time", label=label(richness), **look)
    # All richness values share one lazy prediction: the kernel at time zero does not know it.
    first = table[table.richness == table.richness.min()]
    ax.plot(first.time, first.predicted, **style.PREDICTED, label="lazy prediction")
    ax.set(xscale="log", ylim=(0, None))
