"""The tangent spectrum over time, lazy against feature learning."""

from scalinglaws.plots import style

TABLES = ("spectra",)


@style.styled
def draw(spectra):
    """A row per data set, lazy left and rich right; columns dataset, richness, rank, time, value, low, high."""
    datasets, contrast = sorted(spectra.dataset.unique(), reverse=True), sorted(spectra.richness.unique())
    title = "Eigenvalues of the tangent kernel over time: at rest when lazy, growing when features are learned"
    figure, axes = style.panels(len(datasets), len(contrast), title, panel=(3.7, 2.8), sharex=True, sharey="row")
    colours = style.shades(spectra["rank"].unique())
    for (dataset, richness), table in spectra.groupby(["dataset", "richness"]):
        ax = axes[datasets.index(dataset), contrast.index(richness)]
        for rank, of_rank in table.groupby("rank"):
            style.curve(ax, of_rank, "time", color=colours[rank], linewidth=1.2, label=f"{rank}")
        ax.set(xscale="log", yscale="log", title=style.regime_title(dataset, richness, contrast))
    for ax in axes[-1]:
        ax.set_xlabel("time $t$")
    for ax in axes[:, 0]:
        ax.set_ylabel("eigenvalue of $M = JJ^T/n$\n(geometric mean, " + style.seeds_note(spectra) + ")")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", title="rank")
    return figure
