"""Shared panels of the learning-curve figures: theory as lines, simulation as points with error bars."""

import numpy as np

from scalinglaws.plots import style

# What the tables call a quantity, and how a legend does; a quantity has one colour, line and marker in all figures.
LABELS = {
    "excess_risk": "excess risk $E_g$",
    "bias": "bias",
    "var_x": "variance over data, X",
    "var_f": "variance over features, F",
    "var_xf": "their interaction, XF",
    "var_xe": "variance over noise and data, X$\\epsilon$",
    "var_xfe": "interaction with features, XF$\\epsilon$",
    "train_error": "training error",
    "test_error": "test error $E_g + \\sigma_\\epsilon^2$",
    "gcv": "GCV estimate",
    "kare": "KARE",
    "kappa1": "$\\kappa_1$",
    "kappa2": "$\\kappa_2$",
    "df1": "$\\mathrm{df}_1$",
    "df2": "$\\mathrm{df}_2$",
    "gamma1": "$\\gamma_1$",
    "gamma2": "$\\gamma_2$",
    "kappa_slope": "$\\rho = d\\,\\log\\kappa_2 / d\\,\\log\\kappa_1$",
    "s_transform": "$S = \\kappa_1 / \\lambda$",
    "gap": "(test error / training error)$^{1/2}$",
}
# Quantities of one number are never in one panel.
NUMBERS = {
    **dict(zip(("excess_risk", "bias", "var_x", "var_f", "var_xf", "var_xe", "var_xfe"), range(7), strict=True)),
    **{"train_error": 1, "test_error": 7, "gcv": 9, "kare": 8, "gap": 9, "s_transform": 7},
    **{"kappa1": 0, "kappa2": 1, "df1": 2, "df2": 3, "gamma1": 4, "gamma2": 5, "kappa_slope": 6},
}
LOOKS = {name: style.look(number, lines=("-", "--", "-.", ":")) for name, number in NUMBERS.items()}
PARTS = ("excess_risk", "bias", "var_x", "var_f", "var_xf", "var_xe", "var_xfe")
# Where a point lies on the horizontal axis, and what is written there.
AXES = {
    "samples": (lambda table: table.n_samples, "training samples $P$"),
    "samples_per_dim": (lambda table: table.n_samples / table.dim, "samples per input, $P / D$"),
    "dims_per_sample": (lambda table: table.dim / table.n_samples, "inputs per sample, $D / P$"),
    "samples_per_width": (lambda table: table.n_samples / table.width, "samples per feature, $P / N$"),
    "width": (lambda table: table.width, "number of features $N$"),
}
# Values this far below the largest of a panel are rounding and not drawn.
DECADES = 12


def of(table, section, **columns):
    """The rows of a section, in the order of the table, and of single values of further columns."""
    chosen = table[table.section == section]
    for name, value in columns.items():
        chosen = chosen[chosen[name] == value]
    return chosen


def series(ax, curves, points, quantity, *, axis="samples", label=None, look=None):
    """One quantity of a section: theory as a line, simulation as markers with 95 % error bars, one legend entry.

    curves, points : rows of the tables of those names, of one section (and feature_capacity); either may have none.
    look : colour, marker and linestyle by name; None for those that the quantity has in all figures.
    """
    place, look = AXES[axis][0], look or LOOKS[quantity]
    theory, rows = (table[table.quantity == quantity] for table in (curves, points))
    entry = {"color": look["color"], "linewidth": 1.2, "linestyle": look["linestyle"] if len(theory) else "none"}
    ax.plot(place(theory), theory.value, **entry)
    if len(rows):
        # An estimate without a line of its own is a large open marker, so that what it estimates is seen inside.
        shape = {"markersize": 4} if len(theory) else {"markersize": 8, "markerfacecolor": "none"}
        entry |= {"marker": look["marker"], **shape}
        spread = np.array([rows.value - rows.low, rows.high - rows.value])
        ax.errorbar(place(rows), rows.value, yerr=spread, **{**entry, "linestyle": "none", "linewidth": 1.0})
    # Legends show line and marker as one.
    ax.plot([], [], label=LABELS[quantity] if label is None else label, **entry)


def panel(ax, curves, points, quantities, *, axis="samples", scale="log"):
    """Several quantities of a section over one axis; those that it lacks are left out."""
    known = {*curves.quantity, *points.quantity}
    shown = [name for name in quantities if name in known]
    for name in shown:
        series(ax, curves, points, name, axis=axis)
    ax.set(xscale=scale, yscale=scale, xlabel=AXES[axis][1])
    ax.minorticks_off()
    if scale == "log" and shown:
        _hold_to_positive(ax, [table[table.quantity.isin(shown)].value for table in (curves, points)])


def _hold_to_positive(ax, values):
    """Estimates that are negative, and parts that vanish, must not stretch a logarithmic axis."""
    values = np.concatenate(values)
    top = values.max()
    ax.set_ylim(values[values > top * 10.0**-DECADES].min() / 2, top * 3)


def title(sections, section):
    """A section's parameters for the title of a panel."""
    row = sections[sections.section == section].iloc[0]
    words = [f"D = {row.dim}"]
    words += [f"N = {row.widths}"] if isinstance(row.widths, str) and row.widths else []
    words += [f"capacity {row.capacity:g}, source {row.source:g}"] if np.isfinite(row.capacity) else []
    words += [f"$\\sigma_\\epsilon$ = {row.noise_std:g}"] if row.noise_std else []
    words += [f"$\\sigma_\\xi$ = {row.feature_noise_std:g}"] if row.feature_noise_std else []
    ridge = f"{row.ridge:g}" if np.isfinite(row.ridge) else f"$P^{{-{row.ridge_exponent:g}}}$"
    return ", ".join([*words, f"$\\lambda$ = {ridge}"])


def draws_note(sections, *names):
    """How many draws the points of some sections average: '16 seeds', or '8 x 8 seeds of data and features'."""
    rows = sections[sections.section.isin(names)]
    counted = {(row.data_draws, row.feature_draws) for row in rows.itertuples()}
    return ", ".join(f"{n} x {m} seeds" if m else f"{n} seeds" for n, m in sorted(counted))
