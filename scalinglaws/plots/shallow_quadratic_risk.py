"""Quadratic networks: risk against samples, state evolution, exact convex solutions and trained networks."""

import numpy as np

from scalinglaws.plots import style

TABLES = ("quadratic_curves", "quadratic_points", "quadratic_networks")
RISK = "excess risk $2 \\|\\hat S - S^*\\|_F^2 / d$"
CROSS = {"marker": "x", "markersize": 7, "linestyle": "none", "color": "black", "markeredgewidth": 0.8}


@style.styled
def draw(quadratic_curves, quadratic_points, quadratic_networks):
    """A panel for each noise at the largest dimension simulated at every weight decay; x x^T data."""
    points = quadratic_points[quadratic_points.sensing == "outer"]
    dim = _largest_complete(points)
    noises = sorted(quadratic_curves.noise_variance.unique(), reverse=True)
    title = "Quadratic networks end at the convex minimum (crosses on markers), on or a little above state evolution"
    figure, axes = style.panels(1, len(noises), title, panel=(4.2, 3.3), sharey=True)
    tables = [table[table["dim"] == dim] for table in (quadratic_curves, points, quadratic_networks)]
    for ax, noise_variance in zip(axes[0], noises, strict=True):
        _panel(ax, *(table[table.noise_variance == noise_variance] for table in tables))
        ax.axvline(dim / 4, color=style.GREY, linewidth=0.8, linestyle=":")
        ax.set(xscale="log", yscale="log", title=f"label noise variance {noise_variance:g}, $d$ = {dim}")
        ax.set_xlabel("samples $n_{eff} = n / d$ (vertical line: $n = d^2 / 4$)")
    axes[0, 0].set_ylabel(f"{RISK}\n(mean, 95% interval, {style.seeds_note(tables[1])})")
    axes[0, -1].legend(fontsize=7, loc="lower left")
    return figure


def _largest_complete(points):
    """The largest dimension with as many weight decays as any."""
    counts = points.groupby("dim").weight_decay_exponent.nunique()
    return int(counts[counts == counts.max()].index.max())


def _panel(ax, curves, points, networks):
    dim = curves["dim"].iloc[0]
    for index, exponent in enumerate(sorted(curves.weight_decay_exponent.unique())):
        line, dots, crosses = (t[t.weight_decay_exponent == exponent] for t in (curves, points, networks))
        look = style.look(index)
        ax.plot(line.n_samples / dim, line.risk, color=look["color"], linewidth=1.2)
        spread = np.abs(dots[["low", "high"]].to_numpy().T - dots.risk.to_numpy())
        marked = {**look, "linestyle": "none", "elinewidth": 1.0, "label": f"weight decay $d^{{{exponent:g}}}$"}
        ax.errorbar(dots.n_samples / dim, dots.risk, yerr=spread, **marked)
        _networks(ax, dots, crosses[crosses.unique], label=None if index else "trained network")


def _networks(ax, dots, crosses, *, label):
    """Networks as multiples of the convex solutions on the same data: they are trained for some of the seeds only."""
    shared = crosses.merge(dots, on="n_samples", suffixes=("", "_points"))
    relative = shared.risk / shared.risk_convex
    ax.plot(shared.n_samples / shared["dim"], shared.risk_points * relative, **CROSS, label=label)
