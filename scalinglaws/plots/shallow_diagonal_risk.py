"""Diagonal networks: risk against samples, theory, LASSO and networks, and the ratio of simulation to theory."""

import numpy as np

from scalinglaws.plots import style

TABLES = ("diagonal_curves", "diagonal_points", "diagonal_ratios", "diagonal_networks")
RISK = "excess risk $|\\hat\\theta - \\theta^*|^2 / d$"
# From this many samples per coefficient on predicted rates are drawn, this far from the line: above the highest, below
# the others.
RATES_FROM, AWAY = 2.0, 1.4
# Ratios of one dimension stand side by side, by this factor.
APART = 1.05


@style.styled
def draw(diagonal_curves, diagonal_points, diagonal_ratios, diagonal_networks):
    """A panel for each noise at the largest dimension, and one with the ratios of all dimensions."""
    noises = sorted(diagonal_curves.noise_variance.unique(), reverse=True)
    title = "Diagonal networks: exact solutions and trained networks lie on state evolution (lines), peak included"
    figure, axes = style.panels(1, len(noises) + 1, title, panel=(3.5, 3.3))
    exponents = sorted(diagonal_curves.weight_decay_exponent.unique())
    looks = {exponent: style.look(index) for index, exponent in enumerate(exponents)}
    for ax, noise_variance in zip(axes[0], noises, strict=False):
        tables = (diagonal_curves, diagonal_points, diagonal_networks)
        _risks(ax, looks, *(table[table.noise_variance == noise_variance] for table in tables))
        dim = diagonal_curves["dim"].iloc[0]
        ax.set(xscale="log", yscale="log", title=f"label noise variance {noise_variance:g}, $d$ = {dim}")
        ax.set_xlabel("samples $n_{eff} = n$ (vertical line: $n = d$)")
    axes[0, 0].set_ylabel(f"{RISK}\n(geometric mean, 95% interval, {style.seeds_note(diagonal_curves)})")
    axes[0, 0].legend(fontsize=7, loc="lower left")
    _ratios(axes[0, -1], looks, diagonal_ratios[diagonal_ratios.part == "bulk"], noises)
    return figure


def _risks(ax, looks, curves, points, networks):
    dim = curves["dim"].iloc[0]
    ax.axvline(dim, color=style.GREY, linewidth=0.8, linestyle=":")
    for exponent, look in looks.items():
        line, dots, crosses = (
            t[(t["dim"] == dim) & (t.weight_decay_exponent == exponent)] for t in (curves, points, networks)
        )
        ax.plot(line.n_samples, line.risk, color=look["color"], linewidth=1.2)
        spread = np.abs(dots[["low", "high"]].to_numpy().T - dots.risk.to_numpy())
        label = f"weight decay $d^{{{exponent:g}}}$"
        marked = {**look, "linestyle": "none", "elinewidth": 1.0}
        ax.errorbar(dots.n_samples, dots.risk, yerr=spread, label=label, **marked)
        _networks(ax, dots, crosses, last=exponent == max(looks))
        _rate(ax, line, exponent, above=exponent == max(looks))


def _networks(ax, dots, crosses, *, last):
    """Networks as multiples of the LASSO on the same data: they are trained for some of the seeds only."""
    shared = crosses.merge(dots, on="n_samples", suffixes=("", "_lasso"))
    ax.plot(
        shared.n_samples,
        shared.risk_lasso * shared.relative_risk,
        **{"marker": "x", "markersize": 7, "linestyle": "none", "color": "black", "markeredgewidth": 0.8},
        label="trained network" if last else None,
    )


def _rate(ax, line, exponent, *, above):
    """The rate of the phase that the end of the line lies in, as a piece of a line next to it."""
    end = line[line.n_samples >= RATES_FROM * line["dim"]]
    rate = _predicted_rate(line.iloc[-1], exponent)
    if len(end) > 1 and rate is not None:
        x = end.n_samples.to_numpy()[[0, -1]]
        y = end.risk.iloc[-1] * AWAY ** (1 if above else -1) * (x / x[1]) ** rate
        ax.plot(x, y, **{**style.PREDICTED, "color": style.GREY})
        side = {"ha": "left", "va": "bottom"} if above else {"ha": "right", "va": "top"}
        ax.annotate(f"${rate:g}$", np.sqrt([x.prod(), y.prod()]), fontsize=7, **side)


def _predicted_rate(row, exponent):
    """d log risk / d log n of arXiv:2509.24882: the threshold weight_decay dim / n_samples falls with the samples.

    With noise and less weight decay than 1, overfitting: dim / n. Otherwise the threshold: its square where it is below
    the smallest coefficient, dim^(1/2 - decay), the power 2 - 1/decay above. None at the crossover, noise and weight
    decay 1.
    """
    if row.noise_variance > 0 and exponent <= 0:
        return -1.0 if exponent < 0 else None
    threshold = row["dim"] ** (exponent + 1) / row.n_samples
    return -2.0 if threshold < row["dim"] ** (0.5 - row.decay) else -(2 - 1 / row.decay)


def _ratios(ax, looks, ratios, noises):
    """Mean ratios and their intervals; noise as filled, no noise as open markers."""
    ax.axhline(1, **style.PREDICTED)
    places = [(exponent, noise) for noise in noises for exponent in looks]
    for index, (exponent, noise) in enumerate(places):
        rows = ratios[(ratios.weight_decay_exponent == exponent) & (ratios.noise_variance == noise)]
        x = rows["dim"] * APART ** (index - (len(places) - 1) / 2)
        spread = np.abs(rows[["low", "high"]].to_numpy().T - rows.ratio.to_numpy())
        look = {**looks[exponent], "linestyle": "none", "elinewidth": 1.0}
        ax.errorbar(x, rows.ratio, yerr=spread, **look, markerfacecolor=None if noise > 0 else "white")
    dims = sorted(ratios["dim"].unique())
    ax.set(xscale="log", xlabel="dimension $d$ (open: no label noise)", title="mean over $n$ other than the peak")
    ax.set_xticks(dims, [f"{dim}" for dim in dims])
    ax.minorticks_off()
    ax.set_ylabel("excess risk, simulation / theory")
