"""Deep linear random features: parts of the error, and which variance of the weights theory has to be told."""

from scalinglaws.plots import learning_curves as shared
from scalinglaws.plots import rf_section, style
from scalinglaws.ridge.part_exponents import part_exponents

TABLES = ("curves", "points", "curve_sections", "counterfactual_curves")
SECTION = "rf_deep"
OTHER = "theory, input convention"


@style.styled
def draw(curves, points, curve_sections, counterfactual_curves):
    """Parts of the error; kappa1, kappa2 and training error, with those of weights of variance 1 / dim in grey."""
    title = "Deep features: theory agrees in the layer convention that is simulated, and not in the input one (grey)"
    figure, axes = style.panels(1, 3, title, panel=rf_section.PANEL)
    expected = part_exponents(**rf_section.numbers(curve_sections, SECTION))
    (curves, points), others = rf_section.of_section(curves, points, SECTION), shared.of(counterfactual_curves, SECTION)
    rf_section.parts(axes[0, 0], curves, points, curve_sections)
    rf_section.guide(axes[0, 0], curves, points, "excess_risk", expected["bias"], rf_section.FIRST)
    rf_section.ridges(axes[0, 1], curves, points)
    rf_section.otherwise(axes[0, 1], others, "kappa1", f"$\\kappa_1$, {OTHER}")
    shared.panel(axes[0, 2], curves, points, ("train_error",))
    rf_section.otherwise(axes[0, 2], others, "train_error", OTHER)
    axes[0, 2].set_ylabel("mean square error on the training set")
    axes[0, 2].set_title("training error", fontsize=9)
    rf_section.finish(axes[0], curves)
    return figure
