"""Double descent against the number of parameters: measured, predicted, which shells carry it, and where it fails."""

import numpy as np

from scalinglaws.plots import style

TABLES = ("double_descent_model", "double_descent_shells", "prediction_gap")
FITS = {"least_norm_features": "least norm", "early_stopping_features": "stopped early"}
GAPS = {
    ("network", "largest"): "largest over widths",
    ("network", "median"): "median over widths",
    ("two_scale_network", "largest"): "largest over time\n(two-scale data)",
}
TEST_ERROR = "test error, mean $(f - f_*)^2$"
RATIO = "parameters / training samples"


@style.styled
def draw(double_descent_model, double_descent_shells, prediction_gap):
    """Random features; shares of their error by shell; networks by richness; relative error of the prediction."""
    title = "Double descent in size: small eigenvalues that fit noise make the peak, predicted (dashed) for lazy models"
    figure, axes = style.panels(2, 2, title, panel=(4.6, 3.2))
    features = double_descent_model[double_descent_model.model != "network"]
    _curves(axes[0, 0], features, ["model", "activation"], lambda key: f"{key[1]}, {FITS[key[0]]}")
    axes[0, 0].set(title="random features", yscale="log", ylabel=f"{TEST_ERROR}\n({_seeds(features)})")
    _shares(axes[0, 1], double_descent_shells)
    networks = double_descent_model[double_descent_model.model == "network"]
    _curves(axes[1, 0], networks, ["richness"], lambda key: f"richness {key[0]:g}")
    axes[1, 0].set(title="two-layer networks", yscale="log", ylabel=f"{TEST_ERROR}\n({_seeds(networks)})")
    _gaps(axes[1, 1], prediction_gap)
    return figure


def _seeds(table):
    return f"median and 95% interval, {style.seeds_note(table)}"


def _curves(ax, table, names, label):
    """Medians with their intervals, and each prediction, over the ratio; the threshold is marked."""
    for index, (key, of_one) in enumerate(table.groupby(names)):
        style.curve(ax, of_one, "ratio", label=label(key), **style.look(index))
        ax.plot(of_one.ratio, of_one.predicted, **style.PREDICTED)
    ax.axvline(1.0, color=style.GREY, linewidth=0.8, zorder=0)
    _ratio_axis(ax)
    ax.legend(fontsize=7)


def _ratio_axis(ax):
    ax.set(xscale="log", xlabel=RATIO)
    ax.set_xticks([0.25, 0.5, 1, 2, 4, 8], ["1/4", "1/2", "1", "2", "4", "8"])
    ax.minorticks_off()


def _shares(ax, table):
    """Stacked shares of the least-norm error, smallest eigenvalues at the bottom, for the first activation."""
    activation = sorted(table.activation.unique(), reverse=True)[0]
    of_one = table[table.activation == activation]
    noisy = of_one.dropna(subset="low_edge").pivot(index="ratio", columns="low_edge", values="value")
    tops = of_one.dropna(subset="low_edge").groupby("low_edge").high_edge.first()
    clean = of_one[of_one.low_edge.isna()].set_index("ratio").value
    colours = [*style.shades(noisy.columns, "cividis").values(), style.SKY]
    names = [*(_shell_name(low, tops[low]) for low in noisy.columns), "clean targets"]
    ax.stackplot(noisy.index, [*noisy.to_numpy().T, clean], colors=colours, labels=names, linewidth=0.4, edgecolor="w")
    ax.set(title=f"what the least-norm error consists of ({activation})", ylabel="share of the test error", ylim=(0, 1))
    _ratio_axis(ax)
    ax.set_xlim(noisy.index.min(), noisy.index.max())
    handles, labels = ax.get_legend_handles_labels()
    place = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)}
    ax.legend(handles[::-1], labels[::-1], fontsize=7, title="noise let in by\n$\\lambda$ / mean $\\lambda$", **place)


def _shell_name(low, high):
    if low == 0:
        return f"below {high:g}"
    return f"above {low:g}" if np.isinf(high) else f"{low:g} to {high:g}"


def _gaps(ax, table):
    """Relative error of the prediction against richness; the dashed guide has slope 1."""
    for index, ((model, quantity), label) in enumerate(GAPS.items()):
        of_one = table[(table.model == model) & (table.quantity == quantity)]
        style.curve(ax, of_one, "richness", label=label, **style.look(index, lines=style.LINES))
    start = table[(table.model == "network") & (table.quantity == "median")].iloc[0]
    guide = np.array([start.richness, max(0.1, 10 * start.richness)])
    ax.plot(guide, 0.4 * start.value * guide / guide[0], **style.PREDICTED, label="slope 1")
    ax.axhline(0.01, color=style.GREY, linewidth=0.8, zorder=0)
    ax.set(xscale="log", yscale="log", xlabel="richness $\\gamma$", title="error of the lazy prediction")
    ax.set_ylabel("|predicted - measured| / measured\n(geometric mean, 95% interval)")
    ax.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
