"""The panels of one section of random features: parts of the error, renormalised ridges, and shares between 0 and 1."""

import numpy as np
import pandas as pd

from scalinglaws.plots import learning_curves as shared
from scalinglaws.plots import style

PANEL = (3.9, 4.0)
# Shares of degrees of freedom; 1 - 1/S = dim df1 / n_samples is the share of the samples that is used up.
SHARES = {
    "used": "$1 - 1/S$, samples used up",
    "gamma1": "$\\gamma_1$",
    "gamma2": "$\\gamma_2$",
    "kappa_slope": "$\\rho = d\\,\\log\\kappa_2 / d\\,\\log\\kappa_1$",
}
# Theory under an assumption that the simulation does not meet.
OTHERWISE = {"color": style.GREY, "linestyle": "-", "linewidth": 2.5, "alpha": 0.6, "zorder": 0}
# Halves of the simulated range of samples, in the logarithm, over which a guide is drawn.
FIRST, SECOND, ALL = (0.0, 0.5), (0.5, 1.0), (0.0, 1.0)


def figure_of(section, title, curves, points, curve_sections, *, others=None, guides=(), axis="samples"):
    """A figure of three panels: the error's parts, kappa1 and kappa2, and shares of degrees of freedom.

    others : None or ({quantity: label}, rows of counterfactual_curves), drawn in grey where the quantity is. guides :
    (quantity, exponent, share of the simulated range), dashed. A grey vertical line is where samples equal features.
    """
    figure, axes = style.panels(1, 3, title, panel=PANEL)
    curves, points = of_section(curves, points, section)
    parts(axes[0, 0], curves, points, curve_sections, axis=axis)
    ridges(axes[0, 1], curves, points, axis=axis)
    shares(axes[0, 2], curves, points, axis=axis)
    for quantity, exponent, window in guides:
        guide(_home(axes, quantity), curves, points, quantity, exponent, window)
    if others is not None:
        labels, table = others
        for quantity, label in labels.items():
            otherwise(_home(axes, quantity), shared.of(table, section), quantity, label, axis=axis)
    finish(axes[0], curves, axis=axis)
    return figure


def _home(axes, quantity):
    return axes[0, 1] if quantity.startswith("kappa") else axes[0, 0]


def of_section(curves, points, section):
    """A section's rows of both tables; the curves pass through theory at the simulated numbers of samples, too."""
    curves, points = (shared.of(table, section) for table in (curves, points))
    shown = points[points.quantity.isin(curves.quantity)]
    more = shown.assign(value=shown.theory)[[*curves.columns]]
    return pd.concat([curves, more], ignore_index=True).sort_values("n_samples", kind="stable"), points


def finish(axes, curves, *, axis="samples"):
    """Where samples equal features, and a legend below each panel, out of the way of curves that go anywhere."""
    for ax in axes:
        ax.minorticks_off()
        mark_width(ax, curves, axis)
        ax.legend(fontsize=7, handlelength=3, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.19))


def mark_width(ax, curves, axis="samples"):
    """A vertical line where there are as many samples as features."""
    place = {"samples": curves.width.iloc[0], "samples_per_width": 1.0}[axis]
    ax.axvline(place, color=style.GREY, linewidth=0.8, zorder=0)


def parts(ax, curves, points, curve_sections, *, axis="samples"):
    """Excess risk and its parts down to a thousandth of the smallest risk that was simulated."""
    section = points.section.iloc[0]
    shared.panel(ax, curves, points, shared.PARTS, axis=axis)
    low, high = (table[table.quantity == "excess_risk"].value for table in (points, curves))
    ax.set_ylim(low.min() * 1e-3, high.max() * 6)
    ax.set_ylabel(f"mean square error (mean, 95% interval,\n{shared.draws_note(curve_sections, section)})")
    ax.set_title(shared.title(curve_sections, section).replace(", capacity", "\ncapacity"), fontsize=9)


def guide(ax, curves, points, quantity, exponent, window):
    """Dashed, n_samples^exponent over a share of the simulated range, above the theory of a quantity."""
    window = np.exp(np.quantile(np.log([points.n_samples.min(), points.n_samples.max()]), window))
    rows = curves[curves.quantity == quantity]
    levels = np.exp(np.interp(np.log(window), np.log(rows.n_samples), np.log(rows.value)))
    line = (window / window[0]) ** exponent
    line *= 2.5 * (levels / line).max()
    ax.plot(window, line, **style.PREDICTED)
    text = {"xytext": (6, 1), "textcoords": "offset points", "fontsize": 8}
    ax.annotate(f"$P^{{{exponent:.3g}}}$", (window[0], line[0]), **text)


def ridges(ax, curves, points, *, axis="samples"):
    """kappa1, which simulation measures, and kappa2."""
    shared.panel(ax, curves, points, ("kappa1", "kappa2"), axis=axis)
    ax.set(ylabel="renormalised ridge $\\kappa$")
    ax.set_title("renormalised ridges", fontsize=9)


def otherwise(ax, others, quantity, label, *, axis="samples"):
    """A quantity of theory under another assumption, in grey."""
    rows = others[others.quantity == quantity]
    ax.plot(shared.AXES[axis][0](rows), rows.value, label=label, **OTHERWISE)


def shares(ax, curves, points, *, axis="samples"):
    """1 - 1/S with its measurements, gamma1, gamma2 and the slope rho, on a linear axis from 0 to 1."""
    tables = [_with_share(table) for table in (curves, points)]
    for index, (quantity, label) in enumerate(SHARES.items()):
        look = style.look(index, lines=("-", "--", ":", "-."))
        shared.series(ax, *tables, quantity, axis=axis, label=label, look=look)
    ax.set(xscale="log", xlabel=shared.AXES[axis][1], ylim=(0, 1.05), ylabel="share, slope")
    ax.set_title("shares of degrees of freedom", fontsize=9)


def _with_share(table):
    """The table with rows of the share of the samples that is used up, dim df1 / n_samples."""
    used = table[table.quantity == "df1"].copy()
    columns = [name for name in ("value", "low", "high") if name in used]
    used[columns] = used[columns].mul(used.dim / used.n_samples, axis=0)
    return table[table.quantity.isin([*SHARES])].merge(used.assign(quantity="used"), how="outer")


def numbers(curve_sections, section):
    """capacity and source of a section on power-law data, as keywords."""
    row = curve_sections[curve_sections.section == section].iloc[0]
    return {"capacity": row.capacity, "source": row.source}


def ridge_exponent(curve_sections, section):
    """How kappa2 falls where the ridge n_samples^-l of a section binds."""
    return -float(curve_sections[curve_sections.section == section].ridge_exponent.iloc[0])
