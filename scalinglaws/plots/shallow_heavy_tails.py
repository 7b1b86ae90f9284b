"""Heavy tails of trained weights: the tail's exponent against the risk in theory, and in simulation against theory."""

import numpy as np

from scalinglaws.plots import style

TABLES = ("tail_exponents", "tail_curves")
KINDS = ("diagonal", "quadratic")
PHASES = ("noise fitted", "features learned", "over-regularised")
TITLE = (
    "Weight decay makes the tail heavier: with it the risk falls while noise is fitted, and rises again when features "
    "are lost (dashed: the teacher's exponent, 1 + 1/decay)"
)
TICKS = ([1.5, 2, 3, 4, 6], ["1.5", "2", "3", "4", "6"])
DOTS = {"linestyle": "none", "markersize": 4, "markerfacecolor": "white"}


@style.styled
def draw(tail_exponents, tail_curves):
    """A row per network: theory at each number of samples, a line per decay along weight decay; simulations last."""
    samples = sorted(tail_curves.n_eff.unique())
    looks = _looks(sorted({*tail_curves.decay, *tail_exponents.decay}))
    figure, axes = style.panels(len(KINDS), len(samples) + 1, TITLE, panel=(2.9, 2.3), sharex="col", sharey=True)
    for row, kind in zip(axes, KINDS, strict=True):
        for ax, n_eff in zip(row, samples, strict=False):
            _theory(ax, tail_curves[(tail_curves.kind == kind) & (tail_curves.n_eff == n_eff)], looks)
            ax.set_title(f"{kind}, $n_{{eff}}$ = {n_eff:g}", fontsize=9)
        chosen = tail_exponents[(tail_exponents.kind == kind) & tail_exponents.has_tail.astype(bool)]
        _simulation(row[-1], chosen, looks)
        seeds = style.seeds_note(chosen) if len(chosen) else "no seeds"
        row[-1].set_title(f"{kind}, simulation ({seeds})", fontsize=9)
        row[0].set_ylabel("exponent of the tail")
    axes[0, 0].set_yticks(*TICKS)
    for ax in axes[-1, :-1]:
        _decades(ax)
        ax.set_xlabel("excess risk / signal")
    axes[-1, -1].set_xticks(*TICKS)
    axes[-1, -1].set_xlabel("in draws of the law (95%)")
    for ax in axes.ravel():
        ax.minorticks_off()
    figure.legend(*style.entries(axes.ravel()), loc="outside lower center", ncols=6, fontsize=7.5)
    return figure


def _looks(decays):
    return {decay: style.look(i, lines=("-", "-.", ":")) | {"marker": ""} for i, decay in enumerate(decays)}


def _theory(ax, curves, looks):
    """Curves along weight decay, markers by phase; exponents of networks with a tail, the teacher's dashed."""
    for decay, curve in curves[curves.n_tail > 0].sort_values("weight_decay").groupby("decay"):
        ax.plot(curve.relative_risk, curve.exponent, **looks[decay], label=f"decay {decay:g}")
        ax.axhline(1 + 1 / decay, **style.PREDICTED | {"color": looks[decay]["color"]})
        for marker, phase in zip(style.MARKERS, PHASES, strict=False):
            points = curve[curve.phase == phase]
            ax.plot(points.relative_risk, points.exponent, color=looks[decay]["color"], marker=marker, **DOTS)
    for marker, phase in zip(style.MARKERS, PHASES, strict=False):
        ax.plot([], [], color=style.GREY, marker=marker, label=phase, **DOTS)
    ax.set(xscale="log", yscale="log")


def _simulation(ax, table, looks):
    """Exponents of spectra, mean over seeds, against those of draws of the learned law."""
    for decay, points in table.groupby("decay"):
        x, y = points.predicted, points.exponent
        bars = {
            "xerr": np.stack([x - points.predicted_low, points.predicted_high - x]),
            "yerr": np.maximum(np.stack([y - points.low, points.high - y]), 0),
        }
        ax.errorbar(x, y, **bars, color=looks[decay]["color"], marker=".", linestyle="none", elinewidth=0.7)
    ends = np.array([table.predicted_low.min(), table.predicted_high.max()])
    ax.plot(ends, ends, **style.PREDICTED)
    ax.set(xscale="log", yscale="log")


def _decades(ax):
    """Ticks at 1 and 3 of each decade between the axis' ends, as numbers."""
    low, high = ax.get_xlim()
    places = [digit * 10.0**power for power in range(-9, 3) for digit in (1, 3)]
    shown = [place for place in places if low <= place <= high]
    shown = shown if len(shown) < 6 else shown[::2]
    ax.set_xticks(shown, [f"{place:g}" for place in shown])
