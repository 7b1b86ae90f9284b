"""Ridge regression on isotropic inputs: renormalised ridge, degrees of freedom, and double descent in its parts."""

from scalinglaws.plots import learning_curves as shared
from scalinglaws.plots import style

TABLES = ("curves", "points", "curve_sections")
SECTION = "ridge_isotropic"


@style.styled
def draw(curves, points, curve_sections):
    """Parameters against P / D and D / P; learning curves on linear and on logarithmic axes."""
    title = "Double descent of ridge regression: label noise peaks where samples equal inputs (lines: theory)"
    figure, axes = style.panels(2, 2, title, panel=(4.6, 3.1))
    curves, points = (shared.of(table, SECTION) for table in (curves, points))
    _parameters(axes[0], curves, points)
    linear, log = axes[1]
    near = [table[table.n_samples <= 3 * table.dim] for table in (curves, points)]
    shared.panel(linear, *near, ("excess_risk", "bias", "var_x", "var_xe"), axis="samples_per_dim", scale="linear")
    linear.set(
        title="learning curve, linear axes", ylim=(0, 1.25 * near[0][near[0].quantity == "excess_risk"].value.max())
    )
    linear.legend(fontsize=7)
    shared.panel(log, curves, points, ("test_error", "gcv", "bias", "var_x", "var_xe"), axis="samples_per_dim")
    log.set(title="and logarithmic, with the label noise added", ylim=(1e-7, 30))
    log.legend(fontsize=7, loc="lower left")
    for ax in axes[1]:
        ax.set_ylabel(f"mean square error\n(95% interval, {shared.draws_note(curve_sections, SECTION)})")
    return figure


def _parameters(axes, curves, points):
    left, right = axes
    shared.panel(left, curves, points, ("kappa1", "s_transform", "gap"), axis="samples_per_dim")
    left.set(title="renormalised ridge and train-test gap", ylabel="$\\kappa_1$, $S$ and what estimates it")
    near = [table[table.n_samples >= table.dim / 5] for table in (curves, points)]
    shared.panel(right, *near, ("gamma1", "df1", "df2"), axis="dims_per_sample", scale="linear")
    right.set(title="degrees of freedom", ylabel="share of the inputs, of the samples for $\\gamma_1$")
    for ax in axes:
        ax.legend(fontsize=7)
