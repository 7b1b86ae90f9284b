"""What single samples tell about the population: degrees of freedom, the S-transform, and the test error."""

import numpy as np
import seaborn as sns

from scalinglaws.plots import learning_curves as shared
from scalinglaws.plots import style

TABLES = ("points", "curve_sections")


@style.styled
def draw(points, curve_sections):
    """Sample against population for each section, and the two estimates of the test error over the error itself."""
    title = "From the training set alone: degrees of freedom, train-test gap and test error as theory says (dashed)"
    figure, (axes,) = style.panels(1, 3, title, panel=(3.9, 3.3))
    chosen = points[points.feature_capacity.isna()]
    _against_theory(axes[0], chosen, "df1", legend="full")
    axes[0].set(xlabel="$\\mathrm{df}_1$ of the population at $\\kappa_2$", title="degrees of freedom per input")
    axes[0].set_ylabel(f"$\\mathrm{{df}}_1$ of the sample at $\\lambda$\n(mean, {_seeds(curve_sections)})")
    _against_theory(axes[1], chosen, "gap")
    axes[1].set(xlabel="$S = \\kappa_1 / \\lambda$", ylabel=shared.LABELS["gap"], title="train-test gap")
    _estimates(axes[2], chosen)
    handles, labels = axes[0].get_legend_handles_labels()
    axes[0].get_legend().remove()
    figure.legend(handles, [label.replace("_", " ") for label in labels], loc="outside right center", fontsize=7)
    return figure


def _seeds(sections):
    low, high = sections.data_draws.min(), sections.data_draws.max()
    return f"{high} seeds" if low == high else f"{low} to {high} seeds"


def _against_theory(ax, points, quantity, **options):
    rows = points[points.quantity == quantity]
    _marks(ax, rows, "theory", "value", **options)
    ends = np.array([rows.theory.min(), rows.theory.max()])
    ax.plot(ends, ends, **style.PREDICTED)
    ax.set(xscale="log", yscale="log")


def _estimates(ax, points):
    """Generalised cross-validation over the simulated test error; written, how far KARE is from it."""
    columns = ["section", "n_samples"]
    wide = points.pivot(index=columns, columns="quantity", values="value").reset_index()
    _marks(ax, wide.assign(ratio=wide.gcv / wide.test_error), "n_samples", "ratio")
    ax.axhline(1.0, **style.PREDICTED)
    ax.set(xscale="log", xlabel="training samples $P$", ylabel="GCV / test error", title="cross-validation")
    difference = (wide.kare / wide.gcv - 1).abs().max()
    ax.annotate(f"largest |KARE / GCV - 1|: {difference:.0e}", **style.CORNER)
    ax.margins(y=0.15)


def _marks(ax, rows, x, y, legend=False):
    """A colour and marker for each section, the same in all panels."""
    looks = {name: style.look(index) for index, name in enumerate(sorted(rows.section.unique()))}
    colours, markers = ({name: look[part] for name, look in looks.items()} for part in ("color", "marker"))
    kinds = {"hue": "section", "style": "section", "palette": colours, "markers": markers, "hue_order": list(looks)}
    sns.scatterplot(rows, x=x, y=y, ax=ax, legend=legend, s=18, linewidth=0, **kinds)
