"""Self-similar collapse: energy profiles about the moving frontier, which should lie on one curve."""

from scalinglaws.plots import style
from scalinglaws.plots.grouping import main_network

TABLES = ("collapse", "collapse_profiles")
DYNAMICS = {"lazy": "frozen kernel", "measured": "measured"}


@style.styled
def draw(collapse, collapse_profiles):
    """A row per data set at its largest richness0, frozen kernel left and measured right; one curve per time."""
    scores, profiles = main_network(collapse), main_network(collapse_profiles)
    datasets = sorted(profiles.dataset.unique(), reverse=True)
    title = "Self-similar collapse is partial: profiles about the frontier keep moving, frozen kernel or not"
    figure, axes = style.panels(len(datasets), 2, title, panel=(3.9, 2.1), sharex=True, sharey="row")
    colours = style.shades(profiles.time.unique())
    for row, dataset in zip(axes, datasets, strict=True):
        richness0 = profiles[profiles.dataset == dataset].richness0.max()
        for ax, (dynamics, name) in zip(row, DYNAMICS.items(), strict=True):
            shown = _rows(profiles, dataset, richness0, dynamics)
            for time, curve in shown.groupby("time"):
                ax.plot(curve.position, curve.value, color=colours[time], linewidth=1.2, label=f"{time:.3g}")
            score = _rows(scores, dataset, richness0, dynamics).iloc[0]
            interval = f"[{score.low:.2f}, {score.high:.2f}]"
            label = f"{style.dataset_name(dataset)}, {name}" + (f", $\\gamma_0$ = {richness0:g}" * (name == "measured"))
            ax.set_title(label, fontsize=8)
            ax.annotate(f"score {score.score:.2f} {interval}\nunscaled {score.unscaled:.2f}", **style.CORNER)
            ax.set_xlim(-6, 6)
    for ax in axes[-1]:
        ax.set_xlabel("ln(eigenvalue / frontier)")
    for ax in axes[:, 0]:
        ax.set_ylabel("share of remaining\nenergy per e-fold")
    note = f"time $t$\n(mean of\n{style.seeds_note(scores)})"
    figure.legend(*style.entries(axes[0]), loc="outside right center", title=note)
    return figure


def _rows(table, dataset, richness0, dynamics):
    return table[(table.dataset == dataset) & (table.richness0 == richness0) & (table.dynamics == dynamics)]
