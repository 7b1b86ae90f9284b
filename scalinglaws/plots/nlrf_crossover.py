"""Exact theory of feature noise over sixteen decades of samples: three scaling laws, one after another."""

from scalinglaws.plots import style
from scalinglaws.ridge.crossover import QUANTITIES

TABLES = ("crossover_curves",)
NAMES = {"kappa2": "$\\kappa_2$", "bias": "bias", "excess_risk": "excess risk $E_g$"}


@style.styled
def draw(crossover_curves):
    """Left, excess risk and kappa2; right, their local slopes with the expected exponents, dashed."""
    title = "Feature noise changes the scaling law well before the width ends it (dashed: expected exponents)"
    figure, axes = style.panels(1, 2, title, panel=(4.6, 3.9))
    traces = sorted(crossover_curves.trace.unique())
    for index, (trace, quantity) in enumerate((trace, quantity) for trace in traces for quantity in QUANTITIES):
        rows = crossover_curves[(crossover_curves.trace == trace) & (crossover_curves.quantity == quantity)]
        look = {"color": style.PALETTE[index], "linestyle": style.LINES[index % len(QUANTITIES)], "linewidth": 1.4}
        noise = f"noise of variance {trace:g} / D" if trace else "linear features"
        axes[0, 0].plot(rows.n_samples, rows.value, label=f"{NAMES[quantity]}, {noise}", **look)
        axes[0, 1].plot(rows.n_samples, rows.slope, **look)
        axes[0, 1].plot(rows.n_samples, rows.expected, drawstyle="steps-mid", **style.PREDICTED)
    lowest = crossover_curves.expected.min()
    axes[0, 0].set(yscale="log", ylabel="renormalised ridge $\\kappa_2$, mean square error")
    axes[0, 1].set(ylim=(1.3 * lowest, 0.5), ylabel="local slope $d\\,\\log / d\\,\\log P$")
    for ax in axes[0]:
        ax.set(xscale="log", xlabel="training samples $P$")
        ax.minorticks_off()
    figure.legend(*style.entries(axes[0]), loc="outside lower center", ncols=2, fontsize=7, handlelength=3)
    return figure
