"""Exponents of the excess risk deep inside each phase: measured on state evolution against predicted."""

import numpy as np

from scalinglaws.plots import style

TABLES = ("phase_exponents", "phase_curves")
NAMES = {"n_eff": "$n_\\mathrm{eff}$", "weight_decay": "$\\lambda$", "squared threshold": "$b^2$"}
OPEN = {"diagonal": {}, "quadratic": {"markerfacecolor": "white"}}
LINES = {"diagonal": "-", "quadratic": ":"}
# Phase and what varies, title and axis of the panels of local exponents.
PANELS = (
    (("bias", "weight_decay"), "bias phase: $\\lambda^{2 - 1/\\gamma}$", "weight decay $\\lambda$"),
    (
        ("optimal weight decay", "squared threshold"),
        "optimal $\\lambda$: $(b^2)^{1 - 1/(2\\gamma)}$",
        "squared threshold $b^2$",
    ),
    (
        ("noiseless", "n_eff"),
        "no noise, $\\lambda \\to 0$: $n_\\mathrm{eff}^{1 - 2\\gamma}$ with logarithms",
        "effective samples $n_\\mathrm{eff}$",
    ),
)
CORRECTED = "n_eff over squared ratio"


@style.styled
def draw(phase_exponents, phase_curves):
    """First panel: every fitted exponent minus the predicted one; others: local exponents on their way."""
    worst = phase_exponents[~phase_exponents.phase.isin(["noiseless", "optimal weight decay"])].error.abs().max()
    title = f"Deep inside each phase the exponents are those predicted, to {worst:.2g}; only logarithms make them drift"
    figure, axes = style.panels(2, 2, title, panel=(4.2, 3.1))
    _errors(axes[0, 0], phase_exponents)
    decays = sorted(phase_curves.decay[np.isfinite(phase_curves.decay)].unique())
    looks = {decay: style.look(index) for index, decay in enumerate(decays)}
    for ax, (which, name, axis) in zip(axes.ravel()[1:], PANELS, strict=True):
        _local(ax, phase_curves, which, looks)
        ax.set(xscale="log", xlabel=axis, ylabel="local exponent of the excess risk")
        ax.set_title(name, fontsize=9)
    _legend(axes[0, 1], looks)
    return figure


def _errors(ax, exponents):
    """Fitted minus predicted exponents with the range of local ones; a marker per phase, open: quadratic network."""
    shown = exponents[exponents.along != CORRECTED]
    for index, (phase, rows) in enumerate(shown.groupby("phase", sort=False)):
        for number, (kind, chosen) in enumerate(rows.groupby("kind", sort=True)):
            look = style.look(index) | {"linestyle": "none"} | OPEN[kind]
            bars = (chosen.measured - chosen.low, chosen.high - chosen.measured)
            ax.errorbar(
                chosen.predicted, chosen.error, yerr=np.maximum(bars, 0), **look, label=None if number else phase
            )
    ax.axhline(0, **style.PREDICTED)
    ax.set(xlabel="predicted exponent", ylabel="fitted - predicted exponent\n(bars: local exponents)")
    ax.set_title("all fits (open: quadratic network)", fontsize=9)
    ax.legend(fontsize=7, loc="lower right")


def _local(ax, curves, which, looks):
    """Local exponents against x for each decay; dashed, what is predicted."""
    chosen = curves[(curves.phase == which[0]) & (curves.along == which[1])]
    for (kind, decay), curve in chosen.groupby(["kind", "decay"], sort=True):
        ax.plot(curve.local_x, curve.local_slope, **(looks[decay] | OPEN[kind] | {"linestyle": LINES[kind]}))
    for predicted in chosen.predicted.unique():
        ax.axhline(predicted, **style.PREDICTED)


def _legend(ax, looks):
    for decay, look in looks.items():
        ax.plot([], [], **look, label=f"decay $\\gamma$ = {decay:g}")
    ax.plot([], [], color="black", marker="o", markersize=4, linestyle=":", **OPEN["quadratic"], label="quadratic")
    ax.plot([], [], **style.PREDICTED, label="predicted")
    ax.legend(fontsize=7, loc="center left", bbox_to_anchor=(0.0, 0.68))
