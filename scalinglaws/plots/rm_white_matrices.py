"""Wigner and white Wishart matrices: eigenvalues, and the semicircle and Marchenko-Pastur laws."""

from scalinglaws.plots import eigenvalue_panels as shared
from scalinglaws.plots import style

TABLES = ("matrix_densities", "matrix_histograms", "matrix_distances")
ENSEMBLES = {"Wigner": "semicircle", "white Wishart": "Marchenko-Pastur"}


@style.styled
def draw(matrix_densities, matrix_histograms, matrix_distances):
    """A panel for each of the two ensembles at the largest size of the run; columns as the tables module makes them."""
    tables = (matrix_densities, matrix_histograms, shared.largest(matrix_distances))
    distance = shared.worst(*(shared.of(tables[-1], name) for name in ENSEMBLES))
    title = f"White matrices obey their laws (dashed), each to {distance} in distribution"
    figure, axes = style.panels(1, 2, title, panel=(4.2, 3.1))
    for ax, (ensemble, law) in zip(axes[0], ENSEMBLES.items(), strict=True):
        chosen = [shared.of(table, ensemble) for table in tables]
        shared.cases(ax, *chosen, logarithmic=ensemble != "Wigner")
        ax.set_title(f"{ensemble}: {law}", fontsize=9)
        ax.set_ylim(top=ax.get_ylim()[1] * 1.4)
        ax.legend(fontsize=7, loc="upper left", handletextpad=0.2)
    axes[0, 1].set_xlabel("eigenvalue $x$ ($q$: dimensions / samples)")
    axes[0, 0].set_ylabel(f"{shared.PER_UNIT}\n(mean, 95% interval, {style.seeds_note(tables[-1])})")
    return figure
