"""Minibatch noise: the energy it feeds to the loss and to each shell, and what is left of the flux between shells."""

from scalinglaws.plots import style

TABLES = ("minibatch_terms", "minibatch_shells", "minibatch_scaling")
# Shells that are fed less than this share of the largest share are not shown.
SMALLEST = 1e-4
EDGE = "lower edge of the shell $\\lambda / \\lambda_{max}(0)$"


@style.styled
def draw(minibatch_terms, minibatch_shells, minibatch_scaling):
    """A row per data set: injection against noise scale and by shell, then the flux at each richness0.

    The last panels show the largest learning rate, where noise is strongest.
    """
    datasets = sorted(minibatch_terms.dataset.unique(), reverse=True)
    values = sorted(minibatch_shells.richness0.unique())
    title = (
        "Energy that minibatch noise feeds to the shells, against what its covariance says (dashed, left), "
        "and the flux between shells, against gradient flow (dashed, right)"
    )
    figure, axes = style.panels(len(datasets), 2 + len(values), title, panel=(3.5, 3.1), sharex="col")
    for row, dataset in zip(axes, datasets, strict=True):
        terms, shells, scaling = (
            table[table.dataset == dataset] for table in (minibatch_terms, minibatch_shells, minibatch_scaling)
        )
        _injection(row[0], terms, scaling)
        _profile(row[1], _noisiest(shells, values[-1]), values[-1])
        for ax, value in zip(row[2:], values, strict=True):
            _flux(ax, _noisiest(shells, value), value)
        for ax in row:
            ax.set_title(f"{style.dataset_name(dataset)}\n{ax.get_title()}", fontsize=9)
    axes[-1, 0].set_xlabel("noise scale $\\eta \\lambda_{max}(0) \\, (n - b) / b (n - 1)$")
    for ax in axes[-1, 1:]:
        ax.set_xlabel(EDGE)
    return figure


def _noisiest(shells, richness0):
    """Rows at one richness0: those of the largest learning rate, and of gradient flow."""
    chosen = shells[shells.richness0 == richness0]
    return chosen[chosen.learning_rate.isin([0.0, chosen.learning_rate.max()])]


def _injection(ax, terms, scaling):
    """Injected energy at the end of each run, against what the noise covariance predicts."""
    last = terms[terms.time == terms.groupby(["richness0", "batch_size", "learning_rate"]).time.transform("max")]
    last = last[last.noise_scale > 0].sort_values("noise_scale")
    for index, (value, table) in enumerate(last.groupby("richness0")):
        slope = style.slope_note(scaling[scaling.richness0 == value], digits=2)
        named = {"label": f"$\\gamma_0$ = {value:g}: {slope}", **style.look(index)}
        style.curve(ax, table[table.term == "injection"], "noise_scale", **named)
        expected = table[table.term == "expected_injection"]
        ax.plot(expected.noise_scale, expected.value, **style.PREDICTED)
    ax.set(xscale="log", yscale="log", title="injection against noise scale")
    ax.set_ylabel(f"energy injected / first loss\n(mean, 95% interval, {style.seeds_note(terms)})")
    ax.set_ylim(top=ax.get_ylim()[1] * 6)
    ax.tick_params(which="minor", labelbottom=False)
    ax.legend(fontsize=7, loc="upper left")


def _profile(ax, shells, richness0):
    """Where the noise feeds energy, for each batch size below the full one."""
    fed = shells[(shells.term == "injection") & (shells.value != 0)]
    for index, (batch_size, table) in enumerate(fed.groupby("batch_size")):
        # Noise that took energy away has no place on a logarithmic axis: the line is interrupted there.
        shown = table.assign(value=table.value.where(table.value > 0))
        style.curve(ax, shown, "low_edge", label=f"batches of {batch_size}", **style.look(index))
        same = (shells.term == "expected_injection") & (shells.batch_size == batch_size) & (shells.learning_rate > 0)
        ax.plot(shells[same].low_edge, shells[same].value, **style.PREDICTED)
    ax.set(xscale="log", yscale="log", title=f"injection by shell, {_setting(shells, richness0)}")
    ax.set_ylim(SMALLEST * fed.value.max(), 5 * fed.value.max())
    ax.set_ylabel("energy injected / first loss")
    ax.legend(fontsize=7, loc="upper left")


def _flux(ax, shells, richness0):
    """The flux of each batch size, with that of gradient flow in black."""
    flux = shells[shells.term == "flux"]
    for index, (batch_size, table) in enumerate(flux[flux.learning_rate > 0].groupby("batch_size")):
        style.curve(ax, table, "low_edge", label=f"batches of {batch_size}", **style.look(index))
    reference = flux[flux.learning_rate == 0]
    ax.plot(reference.low_edge, reference.value, **style.PREDICTED, label="gradient flow")
    ax.axhline(0.0, color=style.GREY, linewidth=0.6, zorder=0)
    ax.set(xscale="log", title=f"flux, {_setting(shells, richness0)}")
    ax.set_ylabel("energy passed towards\nlarger $\\lambda$ / first loss")
    ax.legend(fontsize=7, loc="best")


def _setting(shells, richness0):
    return f"$\\gamma_0$ = {richness0:g}, $\\eta \\lambda_{{max}}(0)$ = {shells.learning_rate.max():g}"
