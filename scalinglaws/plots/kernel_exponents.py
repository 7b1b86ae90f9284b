"""Loss of lazy networks, with what their own kernel's spectrum and what the exponents of the data predict."""

import numpy as np

from scalinglaws.plots import style

TABLES = ("kernel_exponents", "kernel_curves")


@style.styled
def draw(kernel_exponents, kernel_curves):
    """One panel per data set and width; guides cover the window that exponents are fitted in."""
    fits = kernel_exponents.sort_values(["dataset", "width"], ascending=False)
    title = "Lazy networks follow the spectrum of their own kernel (dashed), not the exponents of the data (dotted)"
    figure, axes = style.panels(1, len(fits), title, panel=(4.2, 3.3))
    for index, (ax, fit) in enumerate(zip(axes[0], fits.itertuples(), strict=True)):
        chosen = kernel_curves[(kernel_curves.dataset == fit.dataset) & (kernel_curves.width == fit.width)]
        ax.set(xscale="log", yscale="log", xlabel="time $t$", title=style.dataset_name(fit.dataset))
        _panel(ax, chosen, fit, style.PALETTE[index])
    axes[0, 0].set_ylabel(f"loss $\\|e\\|^2 / 2n$ (geometric mean,\n95% interval, {style.seeds_note(kernel_curves)})")
    return figure


def _panel(ax, curve, fit, colour):
    interval = f"[{fit.measured_low:.3f}, {fit.measured_high:.3f}]" if fit.seeds > 1 else ""
    named = f"trained at richness {fit.richness:g}: {fit.measured:.3f} {interval}"
    style.curve(ax, curve, "time", color=colour, linewidth=2.2, label=named)
    filtered = f"$\\sum_u E_u e^{{-2\\lambda_u t}}$: {fit.filter:.3f}"
    ax.plot(curve.time, curve["filter"], label=filtered, **style.PREDICTED)
    window = np.array([fit.window_low, fit.window_high])
    level = np.exp(np.interp(np.log(window[0]), np.log(curve.time), np.log(curve.value)))
    guides = {"energy below $1 / 2t$": (fit.cumulative, "-."), "exponents of the data": (fit.data_exponent, ":")}
    for factor, (name, (exponent, line)) in zip((1.5, 0.6), guides.items(), strict=True):
        if np.isfinite(exponent):
            power = factor * level * (window / window[0]) ** -exponent
            ax.plot(window, power, color="black", linestyle=line, label=f"{name}: {exponent:.3f}")
    ax.legend(fontsize=7, loc="lower left", title="loss, with its exponent in $1 / t$", title_fontsize=7)
    ax.set_ylim(bottom=ax.get_ylim()[0] * 0.1)
