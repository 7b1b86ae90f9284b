"""The overview of all claims: where a measurement lies in its band, and a figure that shows every claim."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from test_plots import ROOT, boxes, collisions, intruders, outside

from scalinglaws.claims import COLOURS, VERDICTS, trial
from scalinglaws.plots import claims_overview, style
from scalinglaws.plots.claims_overview import EDGE, END, OTHER, SHAPES, STUDIES, draw, position
from scalinglaws.store import load_table, load_yaml

INF, NAN = math.inf, math.nan
exactly = settings(deadline=None, derandomize=True)

# --- positions ------------------------------------------------------------------------------------------------------

POSITIONS = [
    # value, lower, upper, position
    (1.0, 0.9, 1.1, 0.0),
    (1.1, 0.9, 1.1, 1.0),
    (0.9, 0.9, 1.1, -1.0),
    (2.0, 0.9, 1.1, 10.0),
    (-3.0, -2.0, 4.0, -4 / 3),
    # At most 2: the bound, none of it, as much again below zero, twice and three times of it.
    (2.0, -INF, 2.0, 1.0),
    (0.0, -INF, 2.0, 0.0),
    (-2.0, -INF, 2.0, -1 / 3),
    (4.0, -INF, 2.0, 2.0),
    (6.0, -INF, 2.0, 3.0),
    (-INF, -INF, 2.0, -1.0),
    (INF, -INF, 2.0, INF),
    # At most -2: away from zero is inside.
    (-2.0, -INF, -2.0, 1.0),
    (-4.0, -INF, -2.0, 0.0),
    (0.0, -INF, -2.0, 2.0),
    # At least 2: mirrored.
    (2.0, 2.0, INF, -1.0),
    (4.0, 2.0, INF, 0.0),
    (8.0, 2.0, INF, 0.5),
    (0.0, 2.0, INF, -2.0),
    (INF, 2.0, INF, 1.0),
    # A bound of zero has no size: units are 1.
    (0.0, -INF, 0.0, 1.0),
    (0.5, -INF, 0.0, 1.5),
    (-1.0, -INF, 0.0, 0.0),
    (-0.5, 0.0, INF, -1.5),
    (NAN, 0.0, 1.0, NAN),
    (NAN, 0.0, INF, NAN),
    (1.0, NAN, NAN, NAN),
]


@pytest.mark.parametrize(("value", "lower", "upper", "expected"), POSITIONS)
def test_positions_of_single_numbers(value, lower, upper, expected):
    np.testing.assert_allclose(position(value, lower, upper), expected, rtol=1e-12, atol=1e-12)


def test_positions_of_a_column_are_those_of_its_numbers():
    values, lower, upper, expected = np.array(POSITIONS).T
    np.testing.assert_allclose(position(values, lower, upper), expected, rtol=1e-12, atol=1e-12)


numbers = st.floats(-100, 100)
BANDS = st.one_of(
    st.tuples(numbers, st.floats(0.01, 10))
    .map(lambda pair: (pair[0], pair[0] + pair[1]))
    .filter(lambda band: all(bound == 0 or abs(bound) > 0.01 for bound in band)),
    numbers.filter(lambda bound: abs(bound) > 0.01).map(lambda bound: (-INF, bound)),
    numbers.filter(lambda bound: abs(bound) > 0.01).map(lambda bound: (bound, INF)),
)


@exactly
@given(numbers, numbers, BANDS)
def test_the_shade_is_what_is_allowed_and_order_stays(one, other, band):
    lower, upper = band
    near = 1e-9 * (1 + abs(one))
    at = float(position(one, lower, upper))
    if lower + near < one < upper - near:
        assert -1 < at < 1
    if one > upper + near:
        assert at > 1
    if one < lower - near:
        assert at < -1
    assert (position(other, lower, upper) - at) * (other - one) >= 0
    np.testing.assert_allclose(position(-one, -upper, -lower), -at, rtol=1e-9, atol=1e-9)


# --- the figure -----------------------------------------------------------------------------------------------------


def measured(values, half=0.02, **band):
    """A measure and its table."""
    band = band or {"predicted": 1.0, "tolerance": 0.1}
    named = "-".join(f"{value:g}" for value in values)
    measure = {"quantity": f"slope {named}", "table": f"t{named}", "value": "slope", "why": "theory", **band}
    values = np.array(values, dtype=float)
    return measure, pd.DataFrame({"slope": values, "low": values - half, "high": values + half, "seeds": 5})


FAR = 5.0e6
DEFAULT = {
    "shells-fails": [measured([2.0, 1.5])],
    "shells-part": [measured([1.0, 1.3, 1.1])],
    "shells-lost": [measured([1.0, NAN])],
    "shells-fine": [measured([1.0, 1.05], half=0.0), measured([0.3], at_most=0.5)],
    "shells-later": [],
    "shallow-alone": [measured([1.06], half=NAN)],
    "shallow-fine": [measured([1.04])],
    "shallow-wide": [measured([1.08], half=0.05)],
    "rf-beyond": [measured([FAR], half=0.0, at_most=1.0)],
    "ridge-below": [measured([-FAR], half=0.0, at_least=1.0)],
    "rm-only": [measured([0.97])],
}
SHAPES_OF_RUNS = {
    "default": DEFAULT,
    "one study": {name: made for name, made in DEFAULT.items() if name.startswith("shallow")},
    "none attempted": {"shells-later": []},
    "no claims": {},
}


def tables(made):
    """Claims and measurements as a run writes them."""
    about = {"paper": "2512.10427", "place": "abstract", "statement": "So.", "scope": "toys", "not_attempted": "later"}
    claims = [{"id": name, **about, "measures": [measure for measure, _ in parts]} for name, parts in made.items()]
    return trial(claims, {measure["table"]: table for parts in made.values() for measure, table in parts})


def drawn(claims, measurements):
    figure = draw(claims, measurements)
    assert isinstance(figure, Figure)
    FigureCanvasAgg(figure)
    with style.house_style():
        figure.canvas.draw()
    return figure


@pytest.fixture(scope="module")
def figure():
    return drawn(*tables(DEFAULT))


def panel(figure, title):
    (ax,) = (ax for ax in figure.axes if ax.get_title() == title)
    return ax


def row_of(ax, name):
    return [label.get_text() for label in ax.get_yticklabels()].index(name)


def large(ax):
    """The marker of the worst measurement by its row."""
    lines = [line for line in ax.lines if line.get_marker() in SHAPES.values()]
    return {round(float(np.asarray(line.get_ydata()).item())): line for line in lines}


def small(ax, row):
    """Positions of the measurements of a row."""
    lines = [line for line in ax.lines if line.get_marker() == "."]
    points = [point for line in lines for point in zip(line.get_xdata(), line.get_ydata(), strict=True)]
    return [float(at) for at, height in points if abs(height - row) < 0.5]


def test_studies_have_the_titles_of_the_workflow():
    titles = [about["title"] for about in load_yaml(ROOT / "workflow/studies.yaml").values()]
    assert titles == [*STUDIES.values(), OTHER]


def test_every_verdict_has_a_marker_of_its_own_and_a_colour_of_the_house():
    assert set(SHAPES) == set(COLOURS) == set(VERDICTS)
    assert len(set(SHAPES.values())) == len(VERDICTS)
    assert set(COLOURS.values()) <= {to_hex(colour) for colour in style.PALETTE}


def test_claims_are_rows_of_their_study_failures_first(figure):
    assert [ax.get_title() for ax in figure.axes] == [*STUDIES.values(), OTHER]
    assert [[label.get_text() for label in ax.get_yticklabels()] for ax in figure.axes] == [
        ["shells-fails", "shells-part", "shells-lost", "shells-later", "shells-fine"],
        ["shallow-alone", "shallow-wide", "shallow-fine"],
        ["rf-beyond", "ridge-below", "rm-only"],
    ]
    assert all(ax.yaxis_inverted() for ax in figure.axes)


def test_the_worst_measurement_is_large_at_its_position_with_the_look_of_the_verdict(figure):
    claims, _ = tables(DEFAULT)
    for ax in figure.axes:
        for row, line in large(ax).items():
            name = ax.get_yticklabels()[row].get_text()
            claim = claims.set_index("id").loc[name]
            at = np.clip(position(claim.value, claim.lower, claim.upper), -EDGE, EDGE)
            assert np.asarray(line.get_xdata()).item() == pytest.approx(float(at))
            assert (to_hex(line.get_color()), line.get_marker()) == (COLOURS[claim.verdict], SHAPES[claim.verdict])
    shells = panel(figure, STUDIES["shells"])
    assert set(large(shells)) == {row_of(shells, f"shells-{name}") for name in ("fails", "part", "fine")}


def test_every_measurement_is_small_with_its_interval(figure):
    ax = panel(figure, STUDIES["shells"])
    np.testing.assert_allclose(sorted(small(ax, row_of(ax, "shells-part"))), [0.0, 1.0, 3.0], atol=1e-12)
    np.testing.assert_allclose(small(ax, row_of(ax, "shells-lost")), [0.0], atol=1e-12)
    spans = [tuple(np.round(path[:, 0], 9)) for lines in ax.collections for path in lines.get_segments()]
    assert {(2.8, 3.2), (0.8, 1.2), (-0.2, 0.2), (9.8, 10.2)} <= set(spans)


def test_the_shade_is_the_allowed_band_and_the_axis_is_logarithmic_beyond(figure):
    for ax in figure.axes:
        assert ax.get_xscale() == "symlog"
        assert ax.get_xlim() == (-END, END)
        (shade,) = ax.patches
        assert (shade.get_x(), shade.get_width()) == (-1, 2)


def test_passed_measurements_are_counted_beside_each_row(figure):
    texts = [[text.get_text() for text in ax.texts if "/" in text.get_text()] for ax in figure.axes]
    assert sorted(texts[0]) == ["0/2", "1/2", "1/3", "3/3"]
    assert [sorted(found) for found in texts[1:]] == [["0/1", "0/1", "1/1"], ["0/1", "0/1", "1/1"]]


def test_what_has_no_number_says_so(figure):
    texts = {text.get_text(): text.get_position() for text in panel(figure, STUDIES["shells"]).texts}
    ax = panel(figure, STUDIES["shells"])
    assert texts["not attempted"] == (0, row_of(ax, "shells-later"))
    assert texts["no number"] == (0, row_of(ax, "shells-lost"))


def test_what_lies_beyond_the_edge_is_marked_there_with_an_arrow_out_and_its_position(figure):
    ax = panel(figure, OTHER)
    arrows = {text.xy: text.xyann for text in ax.texts if getattr(text, "arrow_patch", None)}
    rows = {"rf-beyond": 1.0, "ridge-below": -1.0}
    assert arrows == {(sign * END, row_of(ax, name)): (sign * EDGE, row_of(ax, name)) for name, sign in rows.items()}
    assert {"5e+06", "-5e+06"} <= {text.get_text() for text in ax.texts}
    assert all(small(ax, row_of(ax, name)) == [sign * EDGE] for name, sign in rows.items())


def test_title_and_legend_count_verdicts(figure):
    assert figure.get_suptitle() == (
        "3 of 11 claims replicate, 3 fail (1 partial scope, 3 inconclusive, 1 not attempted)"
    )
    (legend,) = figure.legends
    counted = [text.get_text() for text in legend.get_texts()][: len(VERDICTS)]
    assert counted == ["fails: 3", "partial scope: 1", "inconclusive: 3", "not attempted: 1", "replicated: 3"]


@pytest.mark.parametrize("shape", SHAPES_OF_RUNS)
def test_everything_is_labelled_and_nothing_overlaps(shape):
    figure = drawn(*tables(SHAPES_OF_RUNS[shape]))
    assert len(figure.get_suptitle()) > 20
    assert (collisions(figure), outside(figure), list(intruders(figure))) == ([], [], [])
    assert all(ax.get_title() and ax.get_xlabel() for ax in figure.axes)


def test_the_committed_claims_are_legible():
    committed = [load_table(ROOT / f"figures/tables/{name}.csv") for name in claims_overview.TABLES]
    figure = drawn(*committed)
    assert (collisions(figure), outside(figure), list(intruders(figure))) == ([], [], [])
    assert {*committed[0].id} <= {text for text, _ in boxes(figure)}
    assert min(text.get_fontsize() for ax in figure.axes for text in [*ax.texts, *ax.get_yticklabels()]) >= 6.5
