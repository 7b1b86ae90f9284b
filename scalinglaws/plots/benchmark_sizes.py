"""What it costs: seconds and memory against size, beside other ways to the same result, with what was allowed."""

from scalinglaws.fits import power_law
from scalinglaws.plots import style

TABLES = ("benchmark_sizes",)
BOUND = "bound"
# Panels: benchmark (several begin alike), size and cost, with the labels of both axes.
SECONDS, MEMORY = "time [s]", "peak memory [GB]"
PANELS = (
    ("tangent kernel", "width", "seconds", "tangent kernel: width", "width $N$", SECONDS),
    ("tangent kernel", "n_samples", "seconds", "tangent kernel: samples", "samples $n$", SECONDS),
    ("LASSO", "dim", "seconds", "LASSO: coefficients", "coefficients $d$", SECONDS),
    ("shells", "n_samples", "seconds", "shells: time", "samples $n$", SECONDS),
    ("shells", "n_samples", "peak_gb", "shells: memory", "samples $n$", MEMORY),
    ("shells", "n_parameters", "peak_gb", "shells: memory of the network", "parameters", MEMORY),
)
# Sizes that are round numbers, and few enough to be told at the axis.
COUNTED = ("width", "n_samples", "dim")
LEAST_TO_FIT = 3
# Height of a line of a legend, as a share of a panel's.
LINE = 0.06


@style.styled
def draw(benchmark_sizes):
    """A panel per benchmark, size and cost; a line per method with its fitted exponent; dashed: the bound."""
    title = "Cost against size with fitted exponents, and what was allowed (black dashes)"
    figure, axes = style.panels(2, 3, title, panel=(3.6, 3.1))
    for ax, (benchmark, size_name, cost, name, x_label, y_label) in zip(axes.flat, PANELS, strict=True):
        chosen = benchmark_sizes[benchmark_sizes.benchmark.str.startswith(benchmark)]
        _panel(ax, chosen[(chosen.size_name == size_name) & chosen[cost].notna()], cost)
        ax.set(xscale="log", yscale="log", title=name, xlabel=x_label, ylabel=y_label)
        if size_name in COUNTED:
            _ticks_at_sizes(ax, sorted(chosen["size"][chosen.size_name == size_name].unique()))
        _room_for_legend(ax)
    return figure


def _panel(ax, table, cost):
    bounds, costs = table[table.method == BOUND], table[table.method != BOUND]
    for index, ((benchmark, method), line) in enumerate(costs.groupby(["benchmark", "method"], sort=False)):
        _, _, shape = benchmark.partition(", ")
        label = "\n".join(part for part in (f"{method}{', ' * bool(shape)}{shape}", _exponent(line, cost)) if part)
        ax.plot(line["size"], line[cost], label=label, **style.look(index, lines=style.LINES))
    if len(bounds) == 1:
        ax.axhline(bounds[cost].iloc[0], label="allowed at the largest", **style.PREDICTED)
    elif len(bounds):
        ax.plot(bounds["size"], bounds[cost], label="allowed", **style.PREDICTED)


def _exponent(line, cost):
    if len(line) < LEAST_TO_FIT:
        return ""
    return f"exponent {power_law(line['size'].to_numpy(), line[cost].to_numpy()).exponent:.2f}"


def _ticks_at_sizes(ax, sizes):
    ax.set_xticks(sizes, [f"{size:,}" for size in sizes], fontsize=7.5)
    ax.minorticks_off()


def _room_for_legend(ax):
    (low, high), legend = ax.get_ylim(), ax.legend(fontsize=7, loc="upper left")
    room = LINE * sum(1 + text.get_text().count("\n") for text in legend.get_texts()) + 0.05
    ax.set_ylim(low, high * (high / low) ** (room / (1 - room)))
