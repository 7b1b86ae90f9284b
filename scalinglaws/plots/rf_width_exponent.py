"""Variance over structured features against their number: the stated exponent holds only up to a crossover."""

import numpy as np

from scalinglaws.plots import style

TABLES = ("width_curves", "width_exponents")
STATED = {"color": "black", "linestyle": ":", "linewidth": 1.2}


@style.styled
def draw(width_curves, width_exponents):
    """Left: VarF at few samples with both slopes; right: local exponents at many, against width over crossover."""
    few, many = width_curves.n_samples.min(), width_curves.n_samples.max()
    title = "Structured features: the stated exponent $(1-a)/a$ (dotted) gives way to $2(1-a)$ (dashed) for wide layers"
    figure, axes = style.panels(1, 2, title, panel=(4.6, 3.6))
    colours = style.shades(width_curves.feature_capacity.unique())
    _variance(axes[0, 0], _at(width_curves, few), _at(width_exponents, few), colours)
    _exponents(axes[0, 1], _at(width_curves, many), _at(width_exponents, many), colours)
    axes[0, 0].set_title(f"{few:,.0f} samples", fontsize=9)
    axes[0, 1].set_title(f"{many:,.0f} samples", fontsize=9)
    return figure


def _at(table, n_samples):
    return table[table.n_samples == n_samples]


def _variance(ax, curves, fits, colours):
    """Guides end at the curve's end: with the stated slope, and with that of wide layers."""
    for a, curve in curves.groupby("feature_capacity"):
        (fit,) = fits[(fits.feature_capacity == a) & (fits.range == "far")].itertuples()
        label = f"{a:g}: {fit.fitted:.3f} ({fit.published:.3f}; {fit.predicted:.3f})"
        scaled = curve.var_f / curve.var_f.iloc[-1]
        ax.plot(curve.width, scaled, color=colours[a], label=label)
        ends = np.array([curve.width.iloc[-1] / 1e4, curve.width.iloc[-1]])
        for slope, look in ((fit.published, STATED), (fit.predicted, style.PREDICTED)):
            ax.plot(ends, (ends[1] / ends) ** slope, **look)
    ax.set(xscale="log", yscale="log", xlabel="features $N$", ylabel="VarF / VarF at the largest $N$")
    ax.minorticks_off()
    ax.legend(fontsize=7, title="$a$: fitted (stated; wide layers)", title_fontsize=7, loc="upper right")


def _exponents(ax, curves, fits, colours):
    """Local exponents of those that have a crossover, with both levels where each should hold."""
    crossing = fits[fits.published != fits.predicted]
    for row in crossing[crossing.range == "far"].itertuples():
        curve = curves[curves.feature_capacity == row.feature_capacity]
        x = curve.local_width / curve.crossover
        ax.plot(x, curve.local_exponent, color=colours[row.feature_capacity], label=f"{row.feature_capacity:g}")
        ax.plot([x.min(), 1], [row.published] * 2, **STATED)
        ax.plot([1, x.max()], [row.predicted] * 2, **style.PREDICTED)
    ax.axvline(1, color=style.GREY, linewidth=0.8)
    label = "features $N$ / crossover, $((1-a) P)^{1/(1-a)}$"
    ax.set(xscale="log", xlabel=label, ylabel="local exponent $-d\\,\\ln$ VarF $/ d\\,\\ln N$")
    ax.minorticks_off()
    ax.legend(fontsize=7, title="$a$", title_fontsize=7, loc="upper left")
