"""Figures of the drift experiment from the tables of tiny runs: complete, readable, and showing the tables' numbers."""

import functools
import io
import itertools

import numpy as np
import pandas as pd
import pytest
from drift_runs import tables as real_tables
from matplotlib.figure import Figure
from test_plots import boxes, collisions, dashed, intruders, outside

from scalinglaws.plots import (
    collapse,
    drift_exponents,
    drift_profile,
    frontier,
    style,
    transport_errors,
    transport_limits,
)
from scalinglaws.plots.grouping import case_axis, case_points, main_network, with_case_labels

FIGURES = {
    "drift_profile": drift_profile,
    "drift_exponents": drift_exponents,
    "transport_errors": transport_errors,
    "transport_limits": transport_limits,
    "collapse": collapse,
    "frontier": frontier,
}


def renamed(table, name):
    """The digits under another name."""
    return table[table.dataset == "digits"].assign(dataset=name)


def without_intervals(table):
    """As tables of a single seed are: no intervals, and no law of other seeds."""
    table = table[table.dynamics.isin(["measured", "lazy"])] if "dynamics" in table else table
    return table.assign(seeds=1, **dict.fromkeys(SINGLE & set(table.columns), np.nan))


SINGLE = {"low", "high", "up_low", "up_high", "gain_low", "gain_high", "error_low", "error_high"}
# What becomes of each table: cases that are missing, and data sets that are more.
SHAPES = {
    "default": lambda table: table,
    "one data set": lambda table: table[table.dataset == "digits"],
    "one network": lambda table: table[table.depth == 2],
    "one richness0": lambda table: table[table.richness0 == 1.0],
    "only the weakest": lambda table: table[table.richness0 == 0.3],
    "three data sets": lambda table: pd.concat([table, renamed(table, "my_data_set")]),
    "one seed": without_intervals,
}
# Tables of a single seed hold no predictions of held-out runs.
SHAPED = [*itertools.product(FIGURES, SHAPES)]
SHAPED = [(name, shape) for name, shape in SHAPED if not (name.startswith("transport") and shape == "one seed")]
# To lay out a figure takes long: these are looked at as they are saved, the others are only drawn.
LAID_OUT = {
    **dict.fromkeys(("drift_exponents", "transport_errors"), ("default", "only the weakest")),
    **dict.fromkeys(("transport_limits", "collapse"), ("default", "one data set")),
    "drift_profile": ("default", "three data sets", "one data set"),
    "frontier": ("default", "one data set", "one seed"),
}


def shaped(shape):
    return {name: SHAPES[shape](table).reset_index(drop=True) for name, table in real_tables().items()}


def draw(name, shape):
    """A figure, not laid out."""
    tables, module = shaped(shape), FIGURES[name]
    return module.draw(**{table: tables[table] for table in module.TABLES})


@functools.cache
def drawn(name, shape="default"):
    """A figure laid out as it is when it is saved."""
    figure = draw(name, shape)
    figure.savefig(io.BytesIO(), format="png", dpi="figure")
    return figure


def solid(ax):
    """Lines of data: neither predicted nor the bars of an interval."""
    return [line for line in ax.lines if line not in dashed(ax)]


@pytest.mark.parametrize(("name", "shape"), [(name, shape) for name in FIGURES for shape in LAID_OUT[name]])
def test_every_figure_is_labelled_and_nothing_overlaps(name, shape):
    figure = drawn(name, shape)
    assert len(figure.get_suptitle()) > 20
    assert (collisions(figure), outside(figure), list(intruders(figure))) == ([], [], [])
    written = " ".join(text for text, _ in boxes(figure))
    assert ("my data set" in written) == (shape == "three data sets")


@pytest.mark.parametrize(("name", "shape"), SHAPED)
def test_every_panel_shows_data_whatever_cases_are_missing(name, shape):
    figure = drawn(name, shape) if shape in LAID_OUT[name] else draw(name, shape)
    assert all(ax.has_data() for ax in figure.axes)
    notes = [figure.legends[0].get_title().get_text()] if figure.legends else []
    notes += [text for ax in figure.axes for text in (ax.get_xlabel(), ax.get_ylabel())]
    assert any(("1 seed" if shape == "one seed" else "2 seeds") in note for note in notes)


@pytest.mark.parametrize("name", FIGURES)
def test_drawing_changes_no_table(name):
    before = real_tables()
    copies = {table: before[table].copy() for table in FIGURES[name].TABLES}
    FIGURES[name].draw(**{table: before[table] for table in FIGURES[name].TABLES})
    for table, copy in copies.items():
        pd.testing.assert_frame_equal(before[table], copy)


# --- cases ----------------------------------------------------------------------------------------------------------

CASES = pd.DataFrame(
    [("a", 0.3, 2, 16, "tanh"), ("a", 1.0, 2, 16, "tanh"), ("b", 1.0, 1, 16, "relu"), ("b", 1.0, 2, 32, "tanh")],
    columns=["dataset", "richness0", "depth", "width", "activation"],
)


def test_the_main_network_is_that_of_most_cases_whatever_the_number_of_rows():
    expected = CASES.iloc[:2]
    pd.testing.assert_frame_equal(main_network(CASES), expected)
    many = pd.concat([CASES] + [CASES.iloc[2:]] * 5)
    assert set(main_network(many).width) == {16}
    assert set(main_network(many).depth) == {2}
    pd.testing.assert_frame_equal(main_network(CASES.iloc[2:3]), CASES.iloc[2:3])


def test_cases_are_labelled_by_what_differs_from_the_main_network():
    labels = [
        "a, $\\gamma_0$ = 0.3",
        "a, $\\gamma_0$ = 1",
        "b, $\\gamma_0$ = 1, depth 1, relu",
        "b, $\\gamma_0$ = 1, width 32",
    ]
    assert list(with_case_labels(CASES).case) == labels
    assert list(with_case_labels(CASES.iloc[::-1]).case) == labels[::-1]


def test_points_sit_on_their_case_with_an_interval_where_there_is_one():
    ax = Figure().subplots()
    rows = with_case_labels(CASES).assign(
        value=[1.0, 2.0, 3.0, 4.0], low=[0.5, np.nan, 3.1, 3.0], high=[1.5, np.nan, 3.5, 5.0]
    )
    cases = list(rows.case)
    case_axis(ax, cases)
    case_points(ax, rows.iloc[::-1], cases, ("value", "low", "high"), index=1, shift=0.25, label="name")
    ((points, _, (bars,)),) = ax.containers
    np.testing.assert_allclose(points.get_xydata(), [[4, 3.25], [3, 2.25], [2, 1.25], [1, 0.25]])
    ends = np.array([bar[:, 0] for bar in bars.get_segments()])
    # An interval that does not hold the value reaches from the value to its far end.
    np.testing.assert_allclose(ends, [[3, 5], [3, 3.5], [2, 2], [0.5, 1.5]])
    assert (points.get_color(), points.get_marker()) == (style.PALETTE[1], style.MARKERS[1])
    assert [label.get_text() for label in ax.get_yticklabels()] == cases
    assert ax.get_ylim() == (3.5, -0.5)


def test_a_series_without_rows_is_no_error():
    ax = Figure().subplots()
    case_points(
        ax, with_case_labels(CASES).assign(value=1.0).iloc[:0], [], ("value",) * 3, index=0, shift=0, label="none"
    )
    assert ax.containers[0].get_label() == "none"


def test_legend_entries_are_taken_once_from_whatever_panel_has_them():
    one, two = Figure().subplots(1, 2)
    (first,), (second,) = one.plot([1, 2], label="a"), two.plot([1, 2], label="b")
    two.plot([2, 3], label="a")
    assert style.entries([one, two]) == ([first, second], ["a", "b"])


# --- what the figures show ------------------------------------------------------------------------------------------


def points_of(ax):
    """(value, place) of every point, by the label of its series."""
    return {series.get_label(): series[0].get_xydata() for series in ax.containers}


def test_drift_exponents_show_each_case_by_region_and_by_direction():
    fits, figure = with_case_labels(real_tables()["drift_fits"].query("shell_ratio == 2.0")), drawn("drift_exponents")
    left, right = figure.axes
    cases = [label.get_text() for label in left.get_yticklabels()]
    assert cases == list(dict.fromkeys(fits.case))
    assert "synthetic, $\\gamma_0$ = 1, depth 1, width 8, erf" in cases
    for ax, column, choices in (
        (left, "exponent", drift_exponents.REGIONS),
        (right, "share_up_energy", drift_exponents.DIRECTIONS),
    ):
        shown = points_of(ax)
        assert list(shown) == list(choices.values())
        for choice, label in choices.items():
            wanted = {"region": choice, "growth": "kept"} if ax is left else {"region": "all", "growth": choice}
            rows = fits[(fits[list(wanted)] == pd.Series(wanted)).all(axis=1)]
            np.testing.assert_array_equal(shown[label][:, 0], rows[column])
            np.testing.assert_array_equal(np.round(shown[label][:, 1]), [cases.index(case) for case in rows.case])
    assert [line.get_xdata()[0] for line in dashed(left)] == [1, 2]
    assert [line.get_xdata()[0] for line in dashed(right)] == [0.5]


def test_series_of_one_case_do_not_hide_each_other():
    for name in ("drift_exponents", "transport_errors"):
        for ax in drawn(name).axes:
            places = np.concatenate([xy[:, 1] for xy in points_of(ax).values()])
            assert np.diff(np.unique(np.round(places, 6))).min() >= 0.12
            assert np.abs(places - np.round(places)).max() < 0.45
            looks = {(series[0].get_marker(), series[0].get_color()) for series in ax.containers}
            assert len(looks) == len(ax.containers)


def test_transport_errors_show_the_laws_of_other_seeds_alone():
    table, figure = with_case_labels(real_tables()["transport_errors"]), drawn("transport_errors")
    for ax, column in zip(figure.axes, ("loss_error", "shells_error"), strict=True):
        shown = points_of(ax)
        assert list(shown) == list(transport_errors.LAWS.values())
        for law, label in transport_errors.LAWS.items():
            rows = table[(table.law == law) & (table.learned_from != "itself")]
            assert len(rows) == 4
            np.testing.assert_array_equal(shown[label][:, 0], rows[column])
        assert ax.get_xscale() == "log"
    assert len(figure.legends[0].get_texts()) == len(transport_errors.LAWS)


def test_profiles_show_every_richness0_of_the_main_network_and_both_guides():
    table = main_network(real_tables()["drift_profiles"])
    for ax, dataset in zip(drawn("drift_profile").axes, ("synthetic", "digits"), strict=True):
        assert ax.get_title() == style.dataset_name(dataset)
        groups = table[(table.dataset == dataset) & (table.value > 0)].groupby("richness0")
        assert len(solid(ax)) == len(groups)
        for line, (richness0, rows) in zip(solid(ax), groups, strict=True):
            assert line.get_label() == f"{richness0:g}"
            np.testing.assert_array_equal(line.get_xydata(), rows.sort_values("position")[["position", "value"]])
        flat, rising = dashed(ax)
        assert set(flat.get_ydata()) == {1.0}
        assert np.diff(np.log(rising.get_ydata())) == pytest.approx(np.diff(np.log(rising.get_xdata())))


def test_the_legend_of_profiles_has_every_richness0_in_order_whatever_the_first_panel_lacks():
    table = real_tables()["drift_profiles"]
    weak = table[(table.dataset == "synthetic") & (table.richness0 == 0.3)].assign(dataset="digits")
    first = table[(table.dataset == "synthetic") & (table.richness0 == 1.0) & (table.depth == 2)]
    figure = drift_profile.draw(pd.concat([first, weak]))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["0.3", "1"]


@pytest.mark.parametrize(
    ("shape", "bottom"), [("three data sets", (1, 2)), ("one data set", (0,)), ("default", (0, 1))]
)
def test_the_last_panel_of_every_column_of_profiles_is_labelled(shape, bottom):
    for k, ax in enumerate(drawn("drift_profile", shape).axes):
        assert bool(ax.get_xlabel()) == (k in bottom)
        assert any(label.get_visible() and label.get_text() for label in ax.get_xticklabels()) == (k in bottom)


def test_transport_limits_show_the_largest_richness0_over_time_and_the_last_profile():
    curves, figure = (
        main_network(real_tables()["transport_curves"]).query("richness0 == 1.0"),
        drawn("transport_limits"),
    )
    axes = np.array(figure.axes).reshape(3, 2)
    for column, dataset in zip(axes.T, ("synthetic", "digits"), strict=True):
        rows = curves[curves.dataset == dataset]
        measured, lazy, predicted = solid(column[0])
        for line, law, source in (
            (measured, "measured", "itself"),
            (lazy, "lazy", "nothing"),
            (predicted, "exponent 1", "other seeds"),
        ):
            expected = rows[(rows.law == law) & (rows.learned_from == source)]
            np.testing.assert_array_equal(line.get_xydata(), expected[["time", "value"]])
        labels = [line.get_label().replace("\n", " ") for line in solid(column[1])]
        assert labels[2:] == ["measured velocity of the run, 8 windows", "measured velocity of the run, 12 windows"]
        own = rows[(rows.law == "measured velocity") & (rows.learned_from == "itself") & (rows.windows == 12)]
        np.testing.assert_array_equal(solid(column[1])[3].get_ydata(), own.error)
        profiles = main_network(real_tables()["transport_profiles"]).query("richness0 == 1.0")
        last = profiles[
            (profiles.dataset == dataset) & (profiles.time == profiles.time.max()) & (profiles.dynamics == "measured")
        ]
        np.testing.assert_array_equal(solid(column[2])[0].get_ydata(), last.share[1:-1])


def _chosen(table, dataset, dynamics):
    return table[(table.dataset == dataset) & (table.dynamics == dynamics) & (table.richness0 == 1.0)]


def test_collapse_shows_a_profile_for_each_time_and_the_score():
    scores, figure = main_network(real_tables()["collapse"]), drawn("collapse")
    profiles = main_network(real_tables()["collapse_profiles"])
    panels = itertools.product(("synthetic", "digits"), ("lazy", "measured"))
    for ax, (dataset, dynamics) in zip(figure.axes, panels, strict=True):
        rows, score = (_chosen(table, dataset, dynamics) for table in (profiles, scores))
        assert len(ax.lines) == rows.time.nunique() == 9
        for line, (_, curve) in zip(ax.lines, rows.groupby("time"), strict=True):
            np.testing.assert_array_equal(line.get_xydata(), curve[["position", "value"]])
        assert f"score {score.score.iloc[0]:.2f}" in ax.texts[0].get_text()
        assert ("\\gamma_0" in ax.get_title()) == (dynamics == "measured")


def test_frontiers_and_clocks_are_those_of_the_tables():
    fronts, clocks = main_network(real_tables()["frontier"]), main_network(real_tables()["effective_time"])
    axes = np.array(drawn("frontier").axes).reshape(2, 2)
    for (upper, lower), dataset in zip(axes.T, ("synthetic", "digits"), strict=True):
        rows = fronts[(fronts.dataset == dataset) & (fronts.richness0 == 1.0)]
        for line, dynamics in zip(solid(upper), ("lazy", "measured", "exponent 1"), strict=True):
            np.testing.assert_array_equal(line.get_xydata(), rows[rows.dynamics == dynamics][["time", "value"]])
        (guide,) = dashed(upper)
        assert np.diff(np.log(guide.get_ydata())) == pytest.approx(-np.diff(np.log(guide.get_xdata())))
        ticking = clocks[(clocks.dataset == dataset) & (clocks.quantity == "learning time")].groupby("richness0")
        assert len(solid(lower)) == len(ticking)
        for line, (richness0, curve) in zip(solid(lower), ticking, strict=True):
            assert line.get_label().startswith(f"$\\gamma_0$ = {richness0:g}, $a$ = ")
            np.testing.assert_allclose(line.get_ydata(), curve.value / curve.time, rtol=1e-14)
        (equal,) = dashed(lower)
        assert set(equal.get_ydata()) == {1.0}
