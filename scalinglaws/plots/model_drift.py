"""The drift of error energy in any network: exponents, directions, and the shape of the relative velocity."""

from scalinglaws.plots import style
from scalinglaws.plots.drift_exponents import direction_points, exponent_points
from scalinglaws.plots.drift_profile import guides, profile
from scalinglaws.plots.grouping import case_axis
from scalinglaws.plots.model_panels import case_name, say, spread_note

TABLES = ("model_drift", "model_profiles")
INCHES_PER_LETTER = 0.08


@style.styled
def draw(model_drift, model_profiles):
    """A row per case: exponent by region, and share of energy that moves up; then the profiles of all cases.

    Columns case, region, growth, exponent, low, high, share_up_energy, up_low, up_high, seeds and case, position,
    value, low, high, seeds.
    """
    fits, profiles = (table.assign(case=table.case.map(case_name)) for table in (model_drift, model_profiles))
    cases = list(dict.fromkeys([*fits.case, *profiles.case]))
    title = (
        "Drift $v \\propto \\lambda^b$ of the error energy: exponents, direction, "
        "and relative velocity $v/\\lambda$ (flat for $b=1$, rising as $\\lambda$ for $b=2$)"
    )
    figure, axes = style.panels(1, 3, title, panel=_panel(cases))
    exponents, directions, shapes = axes[0]
    _points(exponents, directions, fits, cases)
    _profiles(shapes, profiles, cases)
    return figure


def _panel(cases):
    """Width and height in inches: names of cases stand beside the first panel, and again beside the last."""
    longest = max((len(line) for case in cases for line in case.split("\n")), default=0)
    return 3.7 + 2 * longest * INCHES_PER_LETTER / 3, max(0.35 * len(cases) + 1.0, 3.0)


def _points(exponents, directions, fits, cases):
    """Two panels that share the axis of the cases."""
    directions.sharey(exponents)
    directions.tick_params(labelleft=False)
    exponent_points(exponents, fits, cases)
    direction_points(directions, fits, cases)
    if cases:
        case_axis(exponents, cases)
    exponents.set_xlabel(f"drift exponent $b$ ({spread_note(fits, 'fit')})\ndashed: 1, and 2 as the paper says")
    if fits.empty:
        say(exponents, "too few cells are resolved for a fit")


def _profiles(ax, profiles, cases):
    """One curve per case, with guides for exponents 1 and 2."""
    for index, case in enumerate(cases):
        table = profiles[profiles.case == case]
        if (table.value > 0).any():
            profile(ax, table, label=case, **style.look(index, lines=style.LINES))
    ax.set(xscale="log", yscale="log", xlabel="$2 \\lambda t$ (modes of a frozen kernel keep $e^{-2\\lambda t}$)")
    ax.set_ylabel(f"relative velocity $v/\\lambda$\n/ its mean in the window\n({spread_note(profiles)})")
    if profiles.empty:
        say(ax, "no window in which most of the energy moves one way")
        return
    guides(ax, profiles)
    ax.set_ylim(0.03, max(10.0, 4 * profiles.position.max()))
    ax.figure.legend(*style.entries([ax]), loc="outside right center")
