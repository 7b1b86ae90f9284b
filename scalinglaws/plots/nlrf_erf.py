"""Random features of a real non-linearity, erf, beside theory that puts independent noise in its place."""

import numpy as np

from scalinglaws.plots import learning_curves as shared
from scalinglaws.plots import rf_section, style

TABLES = ("erf_points", "erf_curves")


@style.styled
def draw(erf_points, erf_curves):
    """A panel per strength of the non-linear rest; in grey, what theory would say without it."""
    strengths = sorted(erf_points.feature_noise_std.unique())
    title = "Features erf(gain F'x): their non-linear rest acts as independent noise (lines: theory; grey: without it)"
    figure, axes = style.panels(1, len(strengths), title, panel=(4.6, 4.1), sharey=True)
    for ax, strength in zip(axes[0], strengths, strict=True):
        points, curves = (table[table.feature_noise_std == strength] for table in (erf_points, erf_curves))
        shared.panel(ax, curves, points, shared.PARTS, axis="samples_per_width")
        linear = curves.assign(value=curves.linear)
        rf_section.otherwise(ax, linear, "excess_risk", "$E_g$ of linear features", axis="samples_per_width")
        row = points.iloc[0]
        ax.set_title(f"D = {row.dim}, N = {row.width}, rest of standard deviation {strength:g}", fontsize=9)
        ratios = 2.0 ** np.arange(-10, 11)
        shown = ratios[(ratios >= points.n_samples.min() / row.width) & (ratios <= points.n_samples.max() / row.width)]
        ax.set_xticks(shown, [f"{ratio:g}" for ratio in shown])
    rf_section.finish(axes[0], erf_curves, axis="samples_per_width")
    axes[0, 0].set_ylabel(
        f"mean square error\n(mean, 95% interval, {style.seeds_note(erf_points)} of data and of features)"
    )
    return figure
