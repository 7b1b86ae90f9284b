"""The authors' public notebooks against exact theory: deviations of their numbers along the curves of six sections."""

from scalinglaws.plots import style

TABLES = ("notebook_deviations",)
PANELS = {"kappa2": "renormalised ridge $\\kappa_2$", "excess_risk": "excess risk $E_g$"}
# What is smaller is drawn here: the notebooks' numbers are right to all their digits.
FLOOR = 1e-9
LIMIT = 0.01
CONVENTIONS = {"layer": "layer, $1 / N_{l-1}$", "input": "input, $1 / D$"}


@style.styled
def draw(notebook_deviations):
    """Theory's deviation in two quantities; a panel of simulation over theory, by convention, for several layers."""
    title = (
        "The notebooks' theory: where their solver stops early it is off by more than 1% (dashed), "
        "and in deep models it is not the theory of their simulation"
    )
    simulated = _in_both_conventions(notebook_deviations)
    figure, axes = style.panels(1, len(PANELS) + (not simulated.empty), title, panel=(3.3, 3.2))
    for ax, (quantity, name) in zip(axes[0], PANELS.items(), strict=False):
        _errors(ax, notebook_deviations, quantity)
        ax.set(title=name, xlabel="samples $P$", xscale="log", yscale="log", ylim=(FLOOR / 2, 3))
    axes[0, 0].set_ylabel("|notebook / exact - 1|")
    if not simulated.empty:
        _conventions(axes[0, -1], simulated)
    handles, labels = style.entries(axes[0, : len(PANELS)])
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=8)
    return figure


def _in_both_conventions(table):
    """kappa1 of the simulation in sections that the table compares in either convention."""
    simulated = table[(table.source == "simulation") & (table.quantity == "kappa1")]
    return simulated[simulated.section.isin(simulated[simulated.convention == "input"].section)]


def _errors(ax, table, quantity):
    theory = table[(table.source == "theory") & (table.quantity == quantity)]
    for index, (section, points) in enumerate(theory.groupby("section")):
        look = style.look(index, lines=style.LINES) | {"markersize": 3}
        label = section.replace("_", " ")
        ax.plot(points.n_samples, points.deviation.abs().clip(lower=FLOOR), label=label, **look)
    ax.axhline(LIMIT, **style.PREDICTED)


def _conventions(ax, simulated):
    """The simulation over theory."""
    for index, (convention, label) in enumerate(CONVENTIONS.items()):
        points = simulated[simulated.convention == convention].sort_values("n_samples")
        ax.plot(points.n_samples, 1 + points.deviation, label=label, **style.look(index, lines=style.LINES))
    ax.axhline(1.0, **style.PREDICTED)
    ax.set(xscale="log", xlabel="samples $P$", title="deep random features")
    ax.set_ylabel("$\\kappa_1$ simulated / theory")
    ax.legend(fontsize=7, title="variance of the\nweights in theory", title_fontsize=7, loc="upper right")
