"""Structured random features: variance over features against their number, for three spectra of the weights."""

import numpy as np

from scalinglaws.plots import learning_curves as shared
from scalinglaws.plots import style
from scalinglaws.ridge.regimes import width_exponents

TABLES = ("curves", "points", "curve_sections")
SECTION = "rf_structured"


@style.styled
def draw(curves, points, curve_sections):
    """Left, the variance over features with the exponents of wide layers, dashed; right, kappa1."""
    title = "Structured weights: the steeper their spectrum $k^{-a}$, the less width lowers the variance over features"
    figure, axes = style.panels(1, 2, title, panel=(4.6, 3.3))
    for ax, quantity in zip(axes[0], ("var_f", "kappa1"), strict=True):
        _spectra(ax, curves, points, quantity)
        ax.set_title(_parameters(curves, curve_sections), fontsize=9)
    note = shared.draws_note(curve_sections, SECTION)
    axes[0, 0].set_ylabel(f"variance over features (mean,\n95% interval, {note})")
    axes[0, 1].set_ylabel("renormalised ridge $\\kappa_1$")
    axes[0, 0].legend(fontsize=7, loc="lower left")
    return figure


def _spectra(ax, curves, points, quantity):
    rows = [shared.of(table, SECTION) for table in (curves, points)]
    for index, capacity in enumerate(sorted(rows[0].feature_capacity.unique())):
        curve, point = (table[table.feature_capacity == capacity] for table in rows)
        look = style.look(index, lines=("-", "-.", ":"))
        exponent = -width_exponents(capacity)[1]
        law = f"$N^{{{exponent:.3g}}}$" if exponent else "constant"
        label = f"a = {capacity:g}, wide layers: {law}"
        shared.series(ax, curve, point, quantity, axis="width", look=look, label=label)
        if quantity == "var_f":
            _guide(ax, curve[curve.quantity == quantity], exponent)
    ax.set(xscale="log", yscale="log", xlabel=shared.AXES["width"][1])


def _guide(ax, curve, exponent):
    """Dashed through the widest layer."""
    widths = np.array([curve.width.min(), curve.width.max()], dtype=float)
    last = curve.loc[curve.width.idxmax()]
    ax.plot(widths, last.value * (widths / last.width) ** exponent, **style.PREDICTED)


def _parameters(curves, curve_sections):
    row = curve_sections[curve_sections.section == SECTION].iloc[0]
    samples = shared.of(curves, SECTION).n_samples.iloc[0]
    ridge = f"$\\lambda$ = {row.ridge:g}"
    return f"D = {row.dim}, P = {samples:g}, capacity {row.capacity:g}, source {row.source:g}, {ridge}"
