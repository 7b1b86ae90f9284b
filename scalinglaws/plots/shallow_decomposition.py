"""Parts of the excess risk along weight decay: overfitting, unlearned strengths, learned ones, and what they share."""

from scalinglaws.plots import style

TABLES = ("error_parts",)
PARTS = {"overfitting": style.SKY, "unlearned": style.GREY, "learned": style.ORANGE}
HATCHES = ("", "///", "...")
RATIOS = {"quadratic": "n / d^2", "diagonal": "n / d"}


@style.styled
def draw(error_parts):
    """A panel for every second ratio of samples of each kind of network; columns as the tables module makes them."""
    places = [place for kind in dict.fromkeys(error_parts.kind) for place in _ratios(error_parts, kind)]
    title = (
        f"Three parts add up to {error_parts.to_risk.min():.2f} to {error_parts.to_risk.max():.2f} of the excess risk; "
        f"with the interaction of strengths and noise, to {error_parts.four_to_risk.min():.2f} "
        f"to {error_parts.four_to_risk.max():.2f}"
    )
    figure, axes = style.panels(1, len(places), title, panel=(3.0, 2.8), sharey=True)
    for ax, (kind, ratio) in zip(axes[0], places, strict=True):
        _panel(ax, error_parts[(error_parts.kind == kind) & (error_parts.ratio == ratio)], kind, ratio)
    axes[0, 0].set_ylabel("part / excess risk")
    figure.legend(*style.entries(axes[0]), loc="outside lower center", ncols=5, fontsize=8)
    return figure


def _ratios(table, kind):
    ratios = sorted(set(table[table.kind == kind].ratio))
    return [(kind, ratio) for ratio in ratios[1::2] or ratios]


def _panel(ax, rows, kind, ratio):
    shares = [rows[name] / rows.excess_risk for name in PARTS]
    stack = ax.stackplot(rows.weight_decay, *shares, colors=PARTS.values(), labels=PARTS)
    for area, hatch in zip(stack, HATCHES, strict=True):
        area.set(hatch=hatch, edgecolor="white", linewidth=0)
    ax.axhline(1, color="black", linewidth=1.4, label="excess risk")
    dotted = {"color": style.RED, "linestyle": ":", "linewidth": 2.0}
    ax.plot(rows.weight_decay, rows.four_to_risk, **dotted, label="with interaction")
    ax.set(xscale="log", xlabel="weight decay", xlim=(rows.weight_decay.min(), rows.weight_decay.max()))
    ax.set_title(f"{kind}, $d$ = {rows.dim.max()}, ${RATIOS[kind]} = {ratio:g}$", fontsize=9)
