"""Loss against time for the richness sweep, with the lazy prediction."""

from scalinglaws.plots import style

TABLES = ("loss_curves",)


@style.styled
def draw(loss_curves):
    """One panel per data set; columns dataset, richness, time, value, low, high, lazy_loss, seeds."""
    datasets = sorted(loss_curves.dataset.unique(), reverse=True)
    title = "Training loss against time: where each richness leaves the lazy prediction (dashed)"
    figure, axes = style.panels(1, len(datasets), title, panel=(3.9, 3.1), sharex=True)
    colours = style.shades(loss_curves.richness.unique())
    for ax, dataset in zip(axes[0], datasets, strict=True):
        of_dataset = loss_curves[loss_curves.dataset == dataset]
        for richness, table in of_dataset.groupby("richness"):
            style.curve(ax, table, "time", color=colours[richness], linewidth=1.4, label=f"{richness:g}")
        lazy = of_dataset[of_dataset.richness == of_dataset.richness.min()]
        ax.plot(lazy.time, lazy.lazy_loss, **style.PREDICTED, label="lazy prediction")
        ax.set(xscale="log", yscale="log", title=style.dataset_name(dataset), xlabel="time $t$")
    axes[0, 0].set_ylabel(
        "loss $\\|e\\|^2 / 2n$\n(geometric mean, 95% interval,\n" + style.seeds_note(loss_curves) + ")"
    )
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", title="richness $\\gamma$")
    return figure
