"""Structured Wishart matrices: eigenvalues of sample covariances, and their law with all its gaps."""

from scalinglaws.plots import eigenvalue_panels as shared
from scalinglaws.plots import style

TABLES = ("matrix_densities", "matrix_histograms", "matrix_distances")


@style.styled
def draw(matrix_densities, matrix_histograms, matrix_distances):
    """A panel for each population spectrum at the largest size; columns as the tables module makes them."""
    chosen = (matrix_densities, matrix_histograms, shared.largest(matrix_distances))
    tables = [shared.of(table, "structured Wishart") for table in chosen]
    populations = list(dict.fromkeys(tables[-1].case))
    title = f"Structured Wishart matrices obey their law (dashed) to {shared.worst(tables[-1])}, gaps and all"
    figure, axes = style.panels(1, len(populations), title, panel=(3.6, 3.1))
    for ax, case in zip(axes[0], populations, strict=True):
        of_case = [table[table.case == case] for table in tables]
        shared.cases(ax, *of_case)
        bulks = of_case[-1].n_bulks.iloc[0]
        ax.set_title(f"{bulks} interval{'' if bulks == 1 else 's'} in the support", fontsize=9)
        ax.set_ylim(top=ax.get_ylim()[1] * 1.2)
        ax.legend(fontsize=7, loc="upper left", handletextpad=0.2)
    axes[0, 0].set_ylabel(f"{shared.PER_FOLD}\n(mean, 95% interval, {style.seeds_note(tables[-1])})")
    return figure
