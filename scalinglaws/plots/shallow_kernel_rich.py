"""Diagonal networks without weight decay: the scale of the start takes them from the l1 to the l2 interpolator."""

from scalinglaws.plots import style

TABLES = ("kernel_rich", "kernel_rich_rates", "kernel_rich_samples")
SCALE = "scale of the start, $u(0) = v(0)$"
NORMS = {"l1": "$\\ell_1$", "l2": "$\\ell_2$"}
LIMITS = {"l1": "rich", "l2": "kernel"}


@style.styled
def draw(kernel_rich, kernel_rich_rates, kernel_rich_samples):
    """Excess risk, distances to both interpolators, and samples to recover the teacher, all against scale."""
    title = "A small start finds the sparse interpolator, a large one that of the smallest Euclidean norm"
    figure, axes = style.panels(1, 3, title, panel=(3.5, 3.1))
    _risk(axes[0, 0], kernel_rich[kernel_rich.quantity == "excess_risk"])
    _distances(axes[0, 1], kernel_rich, kernel_rich_rates)
    _samples(axes[0, 2], kernel_rich_samples)
    for ax in axes[0]:
        ax.set(xscale="log", xlabel=SCALE)
    return figure


def _of(table, source, quantity=None):
    chosen = table[table.source == source]
    return chosen if quantity is None else chosen[chosen.quantity == quantity]


def _marks(ax, rows, index, label=None):
    ax.plot(rows.scale, rows.value, **{**style.look(index), "linestyle": "none", "markersize": 5}, label=label)


def _risk(ax, table):
    style.curve(ax, _of(table, "potential"), "scale", color=style.BLUE, label="minimum of the potential")
    _marks(ax, _of(table, "flow"), 1, "end of gradient flow")
    ax.axhline(_of(table, "l2").value.iloc[0], **style.PREDICTED, label="minimum $\\ell_2$ norm")
    ax.set(yscale="log", ylim=(1e-6, 3), ylabel="excess risk $|\\theta - \\theta^*|^2$")
    ax.legend(fontsize=7, loc="lower right", title=f"mean, 95% interval, {style.seeds_note(table)}", title_fontsize=7)


def _distances(ax, table, rates):
    """Dashed: the predicted exponent of each limit, from the curve's end inwards."""
    for index, (norm, limit) in enumerate(LIMITS.items()):
        line, flow = (_of(table, source, f"{norm}_distance") for source in ("potential", "flow"))
        style.curve(ax, line, "scale", color=style.PALETTE[index])
        _marks(ax, flow, index, f"to minimum {NORMS[norm]} norm")
        for rate in rates[rates.limit == limit].itertuples():
            window = line[(line.scale >= rate.window_low) & (line.scale <= rate.window_high)]
            end = window.iloc[0 if limit == "rich" else -1]
            ax.plot(window.scale, end.value * (window.scale / end.scale) ** rate.predicted, **style.PREDICTED, zorder=3)
    ax.set(yscale="log", ylabel="distance to the interpolator / its norm")
    ax.legend(fontsize=7, loc="lower left", title="dashed: predicted exponents", title_fontsize=7)


def _samples(ax, table):
    """Dotted: the minimum l1 norm needs as many, whatever the scale."""
    style.curve(ax, _of(table, "potential"), "scale", **style.look(0))
    sparse = _of(table, "l1")
    if len(sparse):
        label = f"minimum {NORMS['l1']} norm: {sparse.value.iloc[0]:.0f}"
        ax.axhline(sparse.value.iloc[0], **{**style.PREDICTED, "linestyle": ":"}, label=label)
        ax.legend(fontsize=7, loc="upper left")
    ax.set(ylim=(0, None), ylabel="samples to recover the teacher")
