"""Shells by Lanczos' method against exact ones: what more steps do, and whether the error it tells can be trusted."""

from scalinglaws.plots import style
from scalinglaws.plots.model_panels import case_panels, spread_note

TABLES = ("model_lanczos",)
ALLOWED = 1e-3
# Deviations below this are rounding.
ROUNDING = 1e-14


@style.styled
def draw(model_lanczos):
    """A panel per case: the distance at each moment, and the error told (hollow).

    Columns case, time, n_steps, distance, low, high, told, seeds.
    """
    title = (
        "Shells by Lanczos' method against exact ones (filled), "
        f"beside the error that the method itself tells (hollow); dashed: {ALLOWED:g}"
    )
    labels = (
        "Lanczos steps (20 more tell the error)",
        f"distance $\\Sigma_a |\\Delta E_a|$ / loss\n({spread_note(model_lanczos)})",
    )
    cases = list(dict.fromkeys(model_lanczos.case))
    missing = "no case is small enough to be compared with exact shells"
    figure, axes = case_panels(cases, title, *labels, missing=missing)
    for case, ax in axes.items():
        table = model_lanczos[model_lanczos.case == case]
        for index, (time, rows) in enumerate(table.groupby("time")):
            _pair(ax, rows.sort_values("n_steps"), f"$t \\, \\lambda_{{max}}(0)$ = {time:g}", style.look(index))
        ax.axhline(ALLOWED, zorder=0, **style.PREDICTED)
        steps = sorted(model_lanczos.n_steps.unique())
        ax.set(xscale="log", yscale="log")
        ax.set_xticks(steps, [f"{n:g}" for n in steps], minor=False)
        ax.set_xticks([], minor=True)
    if axes:
        figure.legend(*style.entries(axes.values()), loc="outside lower center", ncols=2 if len(axes) == 1 else 4)
    return figure


def _pair(ax, rows, moment, look):
    """The distance with its interval and the error told at one moment."""
    shown = rows.assign(**{name: rows[name].clip(lower=ROUNDING) for name in ("distance", "low", "high", "told")})
    style.curve(ax, shown, "n_steps", value="distance", label=f"{moment}, true", **look)
    hollow = {**look, "linestyle": ":", "fillstyle": "none"}
    ax.plot(shown.n_steps, shown.told, label=f"{moment}, told", **hollow)
