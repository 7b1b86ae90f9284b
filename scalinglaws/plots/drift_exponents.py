"""Drift exponents and directions, case by case, with intervals over seeds."""

from scalinglaws.plots import style
from scalinglaws.plots.grouping import case_axis, case_points, with_case_labels

TABLES = ("drift_fits",)
REGIONS = {"unlearned": "$2\\lambda t < 0.5$", "all": "all resolved", "learned": "$2\\lambda t > 4$"}
DIRECTIONS = {"kept": "as measured", "removed": "without common growth"}
# Distance between the series of one case, in units of that between cases.
SHIFT = 0.22
ABOVE = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "ncols": 3, "fontsize": 7}


@style.styled
def draw(drift_fits):
    """A row per case: exponent by region on the left, share of energy that moves up on the right."""
    fits = with_case_labels(drift_fits[drift_fits.shell_ratio == drift_fits.shell_ratio.min()])
    cases = list(fits.case.unique())
    title = "Drift $v \\propto \\lambda^b$: energy moves up, with $b$ near 1 where it is still to be learned"
    figure, axes = style.panels(1, 2, title, panel=(4.4, 0.27 * len(cases) + 1.0), sharey=True)
    exponents, directions = axes[0]
    exponent_points(exponents, fits, cases)
    direction_points(directions, fits, cases)
    case_axis(exponents, cases)
    note = f"(95% interval, {style.seeds_note(fits)})"
    exponents.set_xlabel(f"drift exponent $b$ {note}\ndashed: 1, and 2 as the paper says")
    return figure


def exponent_points(ax, fits, cases):
    """Exponents of rows with a column `case` by region, with intervals, a series each; dashed: 1 and 2."""
    for index, (region, name) in enumerate(REGIONS.items()):
        rows, columns = fits[(fits.region == region) & (fits.growth == "kept")], ("exponent", "low", "high")
        case_points(ax, rows, cases, columns, index=index, shift=SHIFT * (index - 1), label=name)
    for value in (1.0, 2.0):
        ax.axvline(value, zorder=0, **style.PREDICTED)
    ax.legend(**ABOVE)


def direction_points(ax, fits, cases):
    """The share of the moving energy that moves up, with and without common growth; dashed: no direction."""
    for index, (growth, name) in enumerate(DIRECTIONS.items()):
        rows, columns = fits[(fits.region == "all") & (fits.growth == growth)], ("share_up_energy", "up_low", "up_high")
        case_points(ax, rows, cases, columns, index=index, shift=SHIFT * (index - 0.5), label=name)
    ax.axvline(0.5, zorder=0, **style.PREDICTED)
    ax.set(xlabel="share of the moving energy that goes\nto larger eigenvalues", xlim=(-0.03, 1.03))
    ax.legend(**ABOVE)
