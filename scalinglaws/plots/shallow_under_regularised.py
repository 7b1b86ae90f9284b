"""Fitted noise of a null teacher: no power law for the diagonal network, an exponent of 2/5 for the quadratic one."""

from scalinglaws.plots import style

TABLES = ("under_regularised",)
LIMITS = {"diagonal": "$1 / \\ln(d / n)$", "quadratic": "$\\frac{2}{7} (15 \\pi n / 4 d^2)^{2/5}$"}
LOOKS = {"diagonal": style.look(0), "quadratic": style.look(1)}


@style.styled
def draw(under_regularised):
    """Left: excess risk without regularisation over the noise's variance; right: its local exponents."""
    title = "Noise fitted without regularisation: logarithmic in diagonal networks, a power law in quadratic ones"
    figure, axes = style.panels(1, 2, title, panel=(4.0, 3.1))
    for kind, table in under_regularised.groupby("kind", sort=True):
        look = LOOKS[kind] | {"linestyle": "none"}
        axes[0, 0].plot(table.ratio, table.excess_risk, **look, label=kind)
        axes[0, 0].plot(table.ratio, table.limit, **style.PREDICTED)
        axes[0, 1].plot(table.local_ratio, table.local_slope, **look, label=f"{kind}; dashed: limit {LIMITS[kind]}")
        slope = _limit_slope(table)
        axes[0, 1].plot(table.ratio, slope, **style.PREDICTED)
    axes[0, 0].set(xscale="log", yscale="log", ylabel="excess risk / variance of noise, $R / \\Delta$")
    axes[0, 1].set(xscale="log", ylim=(-0.05, 1.15), ylabel="local exponent $d\\,\\ln R / d\\,\\ln n_\\mathrm{eff}$")
    for ax in axes[0]:
        ax.set_xlabel("effective samples / dimension, $n_\\mathrm{eff} / d$")
    axes[0, 0].legend(fontsize=7)
    axes[0, 1].legend(fontsize=7, loc="upper left")
    return figure


def _limit_slope(table):
    """d log(limit) / d log(ratio): the limit itself for 1 / log(1 / ratio), and 2/5."""
    return table.limit if table.kind.iloc[0] == "diagonal" else 0.4 + 0 * table.limit
