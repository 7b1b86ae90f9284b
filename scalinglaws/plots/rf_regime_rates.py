"""Rates of all scaling regimes: fitted against predicted, and how local rates approach what is predicted."""

import numpy as np

from scalinglaws.plots import style

TABLES = ("regime_rates", "regime_curves")
STUDIES = {"noiseless": "white, noiseless", "noisy": "white, noisy", "structured": "structured", "ridge": "no features"}


@style.styled
def draw(regime_rates, regime_curves):
    """Left: fitted minus predicted rate of each point, and the range of local slopes; right: local rates on the way."""
    rates, curves = (table[table.study.isin(STUDIES)] for table in (regime_rates, regime_curves))
    title = "The error's exponent is the predicted one in every regime, but not at the sizes that are simulated"
    figure, axes = style.panels(1, 2, title, panel=(4.6, 4.0))
    _errors(axes[0, 0], rates)
    _local(axes[0, 1], curves)
    return figure


def _errors(ax, rates):
    rates = rates.reset_index(drop=True)
    for index, (study, label) in enumerate(STUDIES.items()):
        chosen = rates[rates.study == study]
        look = style.look(index) | {"linestyle": "none"}
        bars = (chosen.fitted - chosen.slope_low, chosen.slope_high - chosen.fitted)
        ax.errorbar(chosen.error, chosen.index, xerr=np.maximum(bars, 0), label=label, **look)
    ax.axvline(0, **style.PREDICTED)
    names = [f"{row.regime}: {row.predicted:.3g}" for row in rates.itertuples()]
    ax.set_yticks(rates.index, names, fontsize=7)
    ax.invert_yaxis()
    ax.locator_params(axis="x", nbins=5)
    ax.set(xlabel="fitted - predicted rate, last decade\n(bars: local slopes)", ylabel="regime: predicted rate")
    ax.legend(fontsize=7, loc="upper right")


def _local(ax, curves):
    """Local rate minus the predicted one; the legend names the curve of each study that is furthest off, and where."""
    places = ["regime", "capacity", "source", "width_exponent", "ridge_exponent", "feature_capacity"]
    curves = curves.assign(offset=curves.local_rate - curves.predicted)
    for index, (study, label) in enumerate(STUDIES.items()):
        look = style.look(index, lines=("-", "--", ":", "-.")) | {"marker": ""}
        chosen = curves[curves.study == study]
        for number, (_, curve) in enumerate(chosen.groupby(places, sort=False)):
            named = None if number else f"{label}; {_furthest(chosen)}"
            ax.plot(curve.local_n_samples, curve.offset, **look, label=named)
    ax.axhline(0, **style.PREDICTED)
    ax.set(xscale="log", xlabel="samples $P$", ylabel="local rate $-d\\,\\ln E_g / d\\,\\ln P$ - predicted")
    ax.minorticks_off()
    ax.legend(fontsize=7, loc="upper right", title="furthest off at the first $P$", title_fontsize=7)


def _furthest(curves):
    first = curves[curves.local_n_samples == curves.local_n_samples.min()]
    row = first.loc[first.offset.abs().idxmax()]
    return f"{row.regime}: {row.offset:+.2f}"
