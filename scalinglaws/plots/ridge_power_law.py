"""Ridge regression on power-law spectra: parameters, and the laws of source and capacity with their exponents."""

import numpy as np

from scalinglaws.plots import learning_curves as shared
from scalinglaws.plots import style

TABLES = ("curves", "points", "curve_sections", "slopes")
SECTIONS = ("ridge_capacity", "ridge_source")
LAWS = {"ridge_capacity": "capacity law", "ridge_source": "source law"}


@style.styled
def draw(curves, points, curve_sections, slopes):
    """Parameters and learning curve of each section; dashed, the law over the window that it is fitted in."""
    title = "Power laws: capacity sets the exponent where the source is above 1, the source below (dashed)"
    figure, axes = style.panels(2, len(SECTIONS), title, panel=(4.9, 3.1))
    for (top, bottom), section in zip(axes.T, SECTIONS, strict=True):
        rows = [shared.of(table, section) for table in (curves, points)]
        shared.panel(top, *rows, ("kappa1", "s_transform", "df1", "df2"))
        top.set(title=f"{LAWS[section]}: {shared.title(curve_sections, section)}")
        top.legend(fontsize=7)
        shared.panel(bottom, *rows, ("excess_risk", "bias", "var_x", "gcv"))
        bottom.set(title=f"learning curve, {shared.draws_note(curve_sections, section)}")
        _guide(bottom, rows[0], shared.of(slopes, section))
        bottom.legend(fontsize=7, loc="lower left")
    axes[0, 0].set_ylabel("$\\kappa_1$, $S$ and degrees of freedom per input")
    axes[1, 0].set_ylabel("mean square error (mean, 95% interval)")
    return figure


def _guide(ax, curves, slopes):
    """The predicted power law, above the curve, over the window of the fit."""
    risk = curves[curves.quantity == "excess_risk"]
    for row in slopes.itertuples():
        window = np.array([row.window_low, row.window_high])
        level = 3 * np.interp(np.log(window[0]), np.log(risk.n_samples), risk.value)
        measured = f"measured {row.measured:.2f} [{row.low:.2f}, {row.high:.2f}]"
        label = f"law $P^{{{row.predicted:g}}}$; {measured},\ntheory there {row.theory:.2f}"
        ax.plot(window, level * (window / window[0]) ** row.predicted, label=label, **style.PREDICTED)
