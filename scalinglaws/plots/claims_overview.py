"""All claims at a glance: where each measurement lies in its allowed band, coloured by verdict."""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedFormatter, FixedLocator

from scalinglaws.claims import COLOURS, FAILS, INCONCLUSIVE, NOT_ATTEMPTED, PARTIAL, REPLICATED, counts
from scalinglaws.plots import style

TABLES = ("claims", "claim_measurements")
# A study is what the claims' ids begin with; those of the last begin with its papers' short names.
STUDIES = {"shells": "Spectral shells", "shallow": "Shallow networks"}
OTHER = "Ridge and random features"
SHAPES = {FAILS: "X", PARTIAL: "D", INCONCLUSIVE: "s", NOT_ATTEMPTED: "v", REPLICATED: "o"}
# Positions further out are drawn at the edge, as arrows.
EDGE = 100.0
END = 2.5 * EDGE
TICKS = (-100, -10, -1, 0, 1, 10, 100)
# The height of a row that its measurements spread over.
SPREAD = 0.66


def position(values, lower, upper):
    """Where values lie in their allowed bands: inside from -1 to 1, above a band beyond 1, below it beyond -1.

    In a band with two ends it is the distance from the centre in half-widths. Outside a single bound it is the distance
    from the bound, in units of its size, beyond 1; inside, where there is no other end, d such units are drawn together
    to (1 - d)/(1 + d), from 1 at the bound to 0 at twice a lower bound or at zero, and on to -1. Lower bounds mirrored.
    """
    values, lower, upper = (np.asarray(given, dtype=float) for given in (values, lower, upper))
    # An end that a band has not gives no number here, and is not asked for one.
    with np.errstate(invalid="ignore"):
        above, below = (values - upper) / _size(upper), (lower - values) / _size(lower)
        centred = (values - (lower + upper) / 2) / ((upper - lower) / 2)
    one_sided = np.where(np.isfinite(upper), _folded(above), -_folded(below))
    return np.where(np.isfinite(upper - lower), centred, one_sided)


def _size(bound):
    size = np.abs(bound)
    return np.where(np.isfinite(size) & (size > 0), size, 1.0)


def _folded(excess):
    """1 + excess beyond the bound, and (1 - d)/(1 + d) at the distance d = -excess within it."""
    return np.where(excess > 0, 1 + excess, 2 / (1 - np.minimum(excess, 0.0)) - 1)


@style.styled
def draw(claims, claim_measurements):
    """A panel per study, a row per claim, failures first: all measurements small, the worst large."""
    studies = claims.id.str.split("-").str[0].map(STUDIES).fillna(OTHER)
    shown = [title for title in (*STUDIES.values(), OTHER) if (studies == title).any()] or [OTHER]
    longest = max([0, *studies.value_counts()])
    figure, axes = style.panels(1, len(shown), _title(claims), panel=(5.4, 1.2 + 0.32 * longest))
    figure.get_layout_engine().set(w_pad=0.12)
    measured = _placed(claim_measurements)
    for ax, title in zip(axes.flat, shown, strict=True):
        _panel(ax, title, claims[studies == title], measured, longest)
    _legend(figure, claims, claim_measurements)
    return figure


def _title(claims):
    found = dict(counts(claims))
    whole, failed = found.get(REPLICATED, 0), found.get(FAILS, 0)
    rest = ", ".join(f"{count} {verdict}" for verdict, count in found.items() if verdict not in (REPLICATED, FAILS))
    replicate, fail = "replicates" if whole == 1 else "replicate", "fails" if failed == 1 else "fail"
    said = f"{whole} of {len(claims)} claims {replicate}, {failed} {fail}"
    return said + (f" ({rest})" if rest else "")


def _placed(table):
    """The table with the positions of value, low and high."""
    band = table.lower, table.upper
    return table.assign(**{f"{name}_at": position(table[name], *band) for name in ("value", "low", "high")})


def _panel(ax, title, claims, measured, longest):
    _axis(ax, longest)
    ax.set_title(title)
    ax.annotate("passed", (1.0, 1.0), (3, 6), "axes fraction", textcoords="offset points", fontsize=8)
    ax.hlines(range(len(claims)), -END, END, color="0.82", linewidth=0.4, zorder=0.5)
    _small(ax, _spread(claims, measured))
    for row, claim in enumerate(claims.itertuples()):
        _worst(ax, row, claim)
        _beside(ax, row, _passed(claim))
    # A line between the verdicts.
    for row in np.flatnonzero(claims.verdict.to_numpy()[1:] != claims.verdict.to_numpy()[:-1]):
        ax.axhline(row + 0.5, color="0.5", linewidth=0.8)
    ax.set_yticks(range(len(claims)), claims.id, fontsize=8.5)


def _axis(ax, longest):
    ax.set_xscale("symlog", linthresh=1.0, linscale=1.5)
    ax.set(xlim=(-END, END), ylim=(max(longest, 1) - 0.5, -0.5))
    ax.axvspan(-1, 1, color="0.92", linewidth=0, zorder=0)
    ax.axvline(0, color="0.8", linewidth=0.6, zorder=0.5)
    ax.xaxis.set(major_locator=FixedLocator(TICKS), major_formatter=FixedFormatter([f"{tick:g}" for tick in TICKS]))
    ax.xaxis.set_minor_locator(FixedLocator([]))
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("position in the allowed band, which ends at $-$1 and 1")


def _spread(claims, measured):
    """The measurements of the claims that have a number, with the height of each in its claim's row."""
    known = measured[measured.value_at.notna() & measured.claim.isin(claims.id)]
    of_claim = known.groupby("claim").claim
    share = (of_claim.cumcount() + 1) / (of_claim.transform("size") + 1)
    rows = known.claim.map({name: row for row, name in enumerate(claims.id)})
    return known.assign(height=rows + SPREAD * (share - 0.5))


def _beside(ax, row, text):
    ax.annotate(
        text, (1.0, row), (3, 0), ("axes fraction", "data"), textcoords="offset points", va="center", fontsize=8
    )


def _small(ax, measured):
    for verdict, rows in measured.groupby("verdict"):
        look = {"color": COLOURS[verdict], "zorder": 2}
        ax.hlines(rows.height, _within(rows.low_at), _within(rows.high_at), linewidth=0.7, alpha=0.5, **look)
        ax.plot(_within(rows.value_at), rows.height, ".", markersize=3.5, alpha=0.6, **look)


def _within(positions):
    return np.clip(positions, -EDGE, EDGE)


def _worst(ax, row, claim):
    at = float(position(claim.value, claim.lower, claim.upper))
    if np.isnan(at):
        text = claim.verdict if claim.verdict == NOT_ATTEMPTED else "no number"
        ax.text(0, row, text, ha="center", va="center", fontsize=8)
        return
    look = {"color": COLOURS[claim.verdict], "marker": SHAPES[claim.verdict], "markersize": 7}
    ax.plot(_within(at), row, markeredgecolor="white", markeredgewidth=0.6, zorder=4, **look)
    if abs(at) > EDGE:
        _point_beyond(ax, row, at)


def _point_beyond(ax, row, at):
    """An arrow out of the axis, and how far out the position lies."""
    end, arrow = np.copysign(END, at), {"arrowstyle": "->", "color": ".15", "linewidth": 1.0}
    ax.annotate("", (end, row), (_within(at), row), arrowprops=arrow)
    beside = {"textcoords": "offset points", "va": "bottom", "ha": "right" if at > 0 else "left", "fontsize": 7}
    ax.annotate(f"{at:.0e}", (end, row), (0, 4), **beside)


def _passed(claim):
    return f"{int(claim.passed)}/{int(claim.measured)}" if claim.measured else ""


def _legend(figure, claims, measured):
    marks = [
        Line2D([], [], linestyle="", color=COLOURS[verdict], marker=SHAPES[verdict], label=f"{verdict}: {count}")
        for verdict, count in counts(claims)
    ]
    small = Line2D([], [], color="0.4", marker=".", linewidth=0.7, label="every measurement, with its interval")
    worst = Line2D([], [], linestyle="", color="0.4", marker="o", markersize=6.5, label="large: the claim's worst")
    band = Patch(color="0.92", label="allowed")
    figure.legend(handles=[*marks, worst, small, band], loc="outside lower center", ncols=3 * len(figure.axes) - 1)
