"""Deep Wishart matrices: squared singular values of products of white matrices, and their law."""

from scalinglaws.plots import eigenvalue_panels as shared
from scalinglaws.plots import style

TABLES = ("matrix_densities", "matrix_histograms", "matrix_distances")


@style.styled
def draw(matrix_densities, matrix_histograms, matrix_distances):
    """One panel, all products at the largest size of the run; columns as the tables module makes them."""
    chosen = (matrix_densities, matrix_histograms, shared.largest(matrix_distances))
    tables = [shared.of(table, "deep Wishart") for table in chosen]
    title = f"Deep Wishart matrices obey their law (dashed) to {shared.worst(tables[-1])}"
    figure, axes = style.panels(1, 1, title, panel=(5.6, 3.3))
    shared.cases(axes[0, 0], *tables)
    axes[0, 0].legend(fontsize=7, loc="upper left", handletextpad=0.2)
    axes[0, 0].set_xlabel("eigenvalue $x$ ($q$: dimensions / rows, factor by factor)")
    axes[0, 0].set_ylabel(f"{shared.PER_FOLD}\n(mean, 95% interval, {style.seeds_note(tables[-1])})")
    return figure
