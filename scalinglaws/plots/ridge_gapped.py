"""Ridge regression on a spectrum with gaps: one descent for every block of eigenvalues."""

from scalinglaws.plots import learning_curves as shared
from scalinglaws.plots import style

TABLES = ("curves", "points", "curve_sections", "descents")
SECTION = "ridge_gapped"


@style.styled
def draw(curves, points, curve_sections, descents):
    """Learning curve with its parts, and the renormalised ridge; grey, the peaks that theory predicts."""
    title = "Multiple descent: the error peaks where samples match the number of large eigenvalues (lines: theory)"
    figure, (axes,) = style.panels(1, 2, title, panel=(4.9, 3.3))
    rows = [shared.of(table, SECTION) for table in (curves, points)]
    left, right = axes
    shared.panel(left, *rows, ("excess_risk", "bias", "var_x", "gcv"))
    note = shared.draws_note(curve_sections, SECTION)
    left.set(title="excess risk and its parts", ylabel=f"mean square error\n(mean, 95% interval, {note})")
    left.set_yscale("linear")
    left.set_ylim(0, 1.45 * rows[1][rows[1].quantity == "excess_risk"].value.max())
    shared.panel(right, *rows, ("kappa1", "df1", "gamma1"))
    right.set(title=shared.title(curve_sections, SECTION), ylabel="$\\kappa_1$ and shares of inputs and samples")
    for ax in axes:
        for peak in shared.of(descents, SECTION).n_samples:
            ax.axvline(peak, color=style.GREY, linewidth=0.8, zorder=0)
        ax.legend(fontsize=7)
    return figure
