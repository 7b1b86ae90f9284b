"""Where the error energy sits: a map over time and log eigenvalue, lazy against feature learning."""

from scalinglaws.plots import style
from scalinglaws.plots.shell_map import eigenvalue_range, share_map

TABLES = ("energy_maps",)


@style.styled
def draw(energy_maps):
    """A row per data set, lazy left and rich right.

    Columns dataset, richness, top_eigenvalue, shell, low_edge, high_edge, time, share, seeds.
    """
    datasets, contrast = sorted(energy_maps.dataset.unique(), reverse=True), sorted(energy_maps.richness.unique())
    title = "Error energy by shell: modes above the dashed line $\\lambda = 1/2t$ are learned when lazy"
    figure, axes = style.panels(len(datasets), len(contrast), title, panel=(3.7, 2.8), sharex=True, sharey="row")
    bottom, top = eigenvalue_range(energy_maps)
    for (dataset, richness), table in energy_maps.groupby(["dataset", "richness"]):
        ax = axes[datasets.index(dataset), contrast.index(richness)]
        mesh = share_map(ax, table, bottom)
        frontier = table.drop_duplicates("time")
        ax.plot(frontier.time, 1 / (2 * frontier.time * frontier.top_eigenvalue), **style.PREDICTED)
        ax.set(xscale="log", yscale="log", ylim=(bottom, top))
        ax.set(xlim=(_first_time(energy_maps), table.time.max()), title=style.regime_title(dataset, richness, contrast))
    for ax in axes[-1]:
        ax.set_xlabel("time $t$")
    for ax in axes[:, 0]:
        ax.set_ylabel("eigenvalue $\\lambda / \\lambda_{max}(0)$")
    figure.colorbar(
        mesh, ax=axes, label="share of the first loss in the shell\n(mean, " + style.seeds_note(energy_maps) + ")"
    )
    return figure


def _first_time(table):
    """The time from which every panel has data."""
    return table.groupby(["dataset", "richness"]).time.min().max()
