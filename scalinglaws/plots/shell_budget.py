"""The budget of one shell: what dissipation, transfer and crossing did to it, and the measured change."""

from scalinglaws.plots import style

TABLES = ("shell_budgets",)
TERMS = {
    "dissipation": {"color": style.BLUE, "linestyle": "-", "label": "minus dissipation"},
    "transfer": {"color": style.ORANGE, "linestyle": "--", "label": "transfer (modes turn)"},
    "crossing": {"color": style.GREEN, "linestyle": ":", "label": "crossing (eigenvalues move)"},
    "sum": {"color": "black", "linestyle": "-", "label": "sum of the three"},
}


@style.styled
def draw(shell_budgets):
    """A row per data set, lazy left and rich right; columns dataset, richness, term, time, value, low, high."""
    datasets, contrast = sorted(shell_budgets.dataset.unique(), reverse=True), sorted(shell_budgets.richness.unique())
    title = "Budget of one shell: the three terms add up to the measured change (circles), to rounding"
    figure, axes = style.panels(len(datasets), len(contrast), title, panel=(3.7, 2.8), sharex=True, sharey="row")
    for (dataset, richness), table in shell_budgets.groupby(["dataset", "richness"]):
        ax = axes[datasets.index(dataset), contrast.index(richness)]
        for term, look in TERMS.items():
            style.curve(ax, table[table.term == term], "time", linewidth=1.4, **look)
        measured = table[table.term == "measured"].iloc[::4]
        ax.plot(measured.time, measured.value, "o", color="black", markersize=3.5, fillstyle="none", label="measured")
        ax.axhline(0.0, color=style.GREY, linewidth=0.6, zorder=0)
        ax.set(xscale="log", title=style.regime_title(dataset, richness, contrast))
        first = table.iloc[0]
        bounds = f"$\\lambda/\\lambda_{{max}}(0)$ in [{first.low_edge:.2g}, {first.high_edge:.2g})"
        ax.annotate(bounds, (0.03, 0.04), xycoords="axes fraction", fontsize=7)
    for ax in axes[-1]:
        ax.set_xlabel("time $t$")
    for ax in axes[:, 0]:
        ax.set_ylabel(
            "energy gained up to $t$ / first loss\n(mean, 95% interval, " + style.seeds_note(shell_budgets) + ")"
        )
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure
