"""The figures of double descent from synthetic tables of the default run's shape: their lines, and no overlaps."""

import functools
import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from scalinglaws.plots import double_descent_epoch, double_descent_model, style

EPOCH = "double_descent_epoch"
FIGURES = {"double_descent_model": double_descent_model, EPOCH: double_descent_epoch}
RATIOS = np.array([0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 2.0, 4.0, 8.0])
RICHNESS = (1e-5, 1e-3, 0.1, 1.0)
EDGES = np.array([0.0, 1e-4, 1e-3, 1e-2, 1e-1, np.inf])
TIMES = np.geomspace(1.0, 1e6, 80)
PLATEAUS = (1.6, 1.7, 0.3)


def with_interval(table, n_seeds):
    spread = 0.2 * table.value.abs() if n_seeds > 1 else np.nan
    return table.assign(low=table.value - spread, high=table.value + spread, seeds=n_seeds)


def by_size(n_seeds):
    """A peak at ratio 1, of a height that tells the model; predictions are 10 % above."""
    fits = itertools.product(("least_norm_features", "early_stopping_features"), ("relu", "tanh"), (0.0,))
    networks = itertools.product(("network",), ("tanh",), RICHNESS)
    rows = [
        (*place, ratio, (1.0 + index) / (0.1 + abs(np.log(ratio))))
        for index, place in enumerate([*fits, *networks])
        for ratio in RATIOS
    ]
    table = pd.DataFrame(rows, columns=["model", "activation", "richness", "ratio", "value"])
    return with_interval(table, n_seeds).assign(predicted=1.1 * table.value)


def shares(n_seeds):
    """Of each size a quarter without noise, and the rest in equal parts."""
    bounds = [(np.nan, np.nan), *itertools.pairwise(EDGES)]
    rows = [(a, r, *b, 0.25 if np.isnan(b[0]) else 0.15) for a in ("relu", "tanh") for r in RATIOS for b in bounds]
    columns = ["activation", "ratio", "low_edge", "high_edge", "value"]
    return with_interval(pd.DataFrame(rows, columns=columns), n_seeds)


def over_time(n_seeds):
    rows = [("two_scale_regression", 0.0, time, 1.0) for time in TIMES]
    rows += [("two_scale_network", r, time, 1 + 0.1 * np.sin(np.log(time)) * r) for r in RICHNESS for time in TIMES]
    table = pd.DataFrame(rows, columns=["model", "richness", "time", "value"])
    return with_interval(table, n_seeds).assign(predicted=0.5)


def gaps(n_seeds):
    models, quantities = ("network", "two_scale_network"), {"median": 1.0, "largest": 4.0}
    rows = [(m, r, q, f * r) for m in models for r in RICHNESS for q, f in quantities.items()]
    return with_interval(pd.DataFrame(rows, columns=["model", "richness", "quantity", "value"]), n_seeds)


def make_tables(n_seeds=5):
    return {
        "double_descent_model": by_size(n_seeds),
        "double_descent_shells": shares(n_seeds),
        "prediction_gap": gaps(n_seeds),
        "double_descent_epoch": over_time(n_seeds),
        "double_descent_plateaus": pd.DataFrame(list(enumerate(PLATEAUS)), columns=["blocks", "plateau"]),
    }


@functools.cache
def drawn(stem, n_seeds=5):
    tables = make_tables(n_seeds)
    figure = FIGURES[stem].draw(**{name: tables[name] for name in FIGURES[stem].TABLES})
    with style.house_style():
        FigureCanvasAgg(figure).draw()
    return figure


def dashed(ax):
    return [line for line in ax.lines if (str(line.get_color()), line.get_linestyle()) == ("black", "--")]


def solid(ax):
    """Lines of data: those with markers."""
    return [line for line in ax.lines if line.get_marker() != "None"]


@style.styled
def texts(figure):
    """(text, bounding box) of titles, axis labels, tick labels in view and legends."""
    renderer, found = figure.canvas.get_renderer(), [figure._suptitle]
    for ax in figure.axes:
        found += [ax.title, ax.xaxis.label, ax.yaxis.label, *ax.get_legend().get_texts(), ax.get_legend().get_title()]
        for axis in (ax.xaxis, ax.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=False)
            found += [label for place, label in ticks if low <= place <= high]
    shown = [text for text in found if text.get_visible() and text.get_text().strip()]
    return [(text.get_text(), text.get_window_extent(renderer)) for text in shown]


def overlap(one, other, slack=1.0):
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    return width > slack and height > slack


@pytest.mark.parametrize("n_seeds", [5, 1])
@pytest.mark.parametrize("stem", FIGURES)
def test_everything_is_labelled_inside_the_page_and_nothing_overlaps(stem, n_seeds):
    figure = drawn(stem, n_seeds)
    assert len(figure.get_suptitle()) > 20
    for ax in figure.axes:
        assert ax.has_data()
        assert ax.get_title()
        assert ax.get_xlabel()
        assert ax.get_ylabel() or ax.get_subplotspec().colspan.start > 0
    found, page = texts(figure), figure.bbox
    assert [(a, b) for (a, one), (b, other) in itertools.combinations(found, 2) if overlap(one, other)] == []
    assert [t for t, b in found if b.x0 < 0 or b.y0 < 0 or b.x1 > page.x1 or b.y1 > page.y1] == []
    counted = "5 seeds" if n_seeds == 5 else "1 seed)"
    assert counted in figure.axes[0].get_ylabel()


@pytest.mark.parametrize(("panel", "n_models", "place"), [(0, 4, ["model", "activation"]), (2, 4, ["richness"])])
def test_errors_by_size_stand_beside_their_predictions(panel, n_models, place):
    ax, table = drawn("double_descent_model").axes[panel], make_tables()["double_descent_model"]
    table = table[(table.model == "network") == (panel == 2)]
    assert len(solid(ax)) == len(dashed(ax)) == len(ax.collections) == n_models
    for (_, rows), line, prediction in zip(table.groupby(place), solid(ax), dashed(ax), strict=True):
        np.testing.assert_array_equal(line.get_xydata(), rows[["ratio", "value"]])
        np.testing.assert_array_equal(prediction.get_xydata(), rows[["ratio", "predicted"]])
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    looks = {(str(line.get_color()), line.get_marker()) for line in solid(ax)}
    assert len(looks) == n_models


def test_shares_are_stacked_from_the_smallest_eigenvalues_up_to_one():
    ax = drawn("double_descent_model").axes[1]
    names = ["below 0.0001", "0.0001 to 0.001", "0.001 to 0.01", "0.01 to 0.1", "above 0.1", "clean targets"]
    assert [patch.get_label() for patch in ax.collections] == names
    tops = [patch.get_paths()[0].vertices[:, 1].max() for patch in ax.collections]
    np.testing.assert_allclose(tops, [0.15, 0.3, 0.45, 0.6, 0.75, 1.0])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == names[::-1]
    assert "tanh" in ax.get_title()


def test_gaps_rise_with_richness_along_a_guide_of_slope_one():
    ax = drawn("double_descent_model").axes[3]
    for line, factor in zip(solid(ax), (4.0, 1.0, 4.0), strict=True):
        np.testing.assert_allclose(line.get_ydata(), factor * np.array(RICHNESS))
    (guide,) = dashed(ax)
    (low, high), (at_low, at_high) = guide.get_data()
    assert at_high / at_low == pytest.approx(high / low)
    assert at_low < 1e-5


def test_epochs_stand_beside_one_prediction_and_the_plateaus():
    regression, networks = drawn(EPOCH).axes
    (measured,) = solid(regression)
    np.testing.assert_array_equal(measured.get_ydata(), 1.0)
    dotted = [line for line in regression.lines if line.get_linestyle() == ":"]
    assert [line.get_ydata()[0] for line in dotted] == [1.7, 0.3]
    assert [line.get_label() for line in solid(networks)] == [f"richness {r:g}" for r in RICHNESS]
    for line, richness in zip(solid(networks), RICHNESS, strict=True):
        np.testing.assert_allclose(line.get_ydata(), 1 + 0.1 * np.sin(np.log(TIMES)) * richness)
    for ax in (regression, networks):
        (prediction,) = dashed(ax)
        np.testing.assert_array_equal(prediction.get_ydata(), 0.5)


def test_runs_of_one_richness_may_all_be_missing():
    tables = {name: t[t.richness != 1.0] if "richness" in t else t for name, t in make_tables().items()}
    figures = {stem: module.draw(**{name: tables[name] for name in module.TABLES}) for stem, module in FIGURES.items()}
    counts = [len(solid(figures[stem].axes[panel])) for stem, panel in (("double_descent_model", 2), (EPOCH, 1))]
    assert counts == [len(RICHNESS) - 1] * 2
