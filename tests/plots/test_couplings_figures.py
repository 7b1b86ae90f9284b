"""Figures of the couplings experiment from synthetic tables: complete, readable, and showing the tables' numbers."""

import functools
import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from test_plots import boxes, collisions, dashed, intruders, outside, panels, tick_texts

from scalinglaws.plots import conditions, locality, log_shift, style
from scalinglaws.shells.tables.couplings import COLUMNS

FIGURES = {"log_shift": log_shift, "locality": locality, "conditions": conditions}
TIMES = {0.0: "start", 1.0: "middle", 5.0: "middle", 25.0: "end"}
ARCHITECTURES, DEPTHS, WIDTHS, REACH = ("plain", "residual"), (8, 16), (32, 96), 8
SHAPES = {
    "default": {"datasets": ["power_law", "digits"], "n_seeds": 5},
    "one seed": {"datasets": ["my_data_set", "digits"], "n_seeds": 1},
    "one data set": {"datasets": ["digits"], "n_seeds": 5},
}


def rows(**values):
    """A row per combination of the values."""
    return pd.DataFrame([dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())])


def finished(name, table, n_seeds):
    """Interval and remaining columns, in the order of the real table."""
    spread = 0.1 * table.value if n_seeds > 1 else np.nan
    table = table.assign(low=table.value - spread, high=table.value + spread, seeds=n_seeds)
    table["moment"] = table.time.map(TIMES) if "time" in table else ""
    return table.reindex(columns=COLUMNS[name])


def make_tables(datasets, n_seeds):
    """Tables of the default run's shape; the values are functions of the columns."""
    place = {"dataset": datasets, "architecture": ARCHITECTURES, "depth": DEPTHS, "width": WIDTHS}
    shift = rows(**place, shell_ratio=[2.0, 3.0], time=TIMES)
    shift["value"] = 1 + shift.time / 25 * shift.depth / 8 + shift.width / 960 + (shift.shell_ratio == 3.0)
    local = rows(**place, shell_ratio=[2.0, 3.0], time=TIMES, counted=["pairs", "edges"], distance=range(1, REACH + 1))
    local["value"] = 1 - np.exp(-(0.5 + local.time / 25) * local.distance)
    coherence = rows(**place, kind=["raw", "excess"], distance=range(1, max(DEPTHS) + 1))
    coherence = coherence[coherence.distance <= coherence.depth]
    growth = rows(**place, time=[t for t in TIMES if t], quantity=["jacobian_growth", "kernel_path"])
    return {
        "log_shift": finished("log_shift", shift.assign(null_spread=0.2), n_seeds),
        "locality": finished("locality", local.assign(null=0.9 * local.value), n_seeds),
        "coherence": finished("coherence", coherence.assign(value=1 - 0.03 * coherence.distance), n_seeds),
        "jacobian_growth": finished("jacobian_growth", growth.assign(value=(1 + growth.time) ** 0.5), n_seeds),
    }


@functools.cache
def drawn(name, shape):
    """A figure laid out as it is when it is saved."""
    tables, module = make_tables(**SHAPES[shape]), FIGURES[name]
    figure = module.draw(**{table: tables[table] for table in module.TABLES})
    with style.house_style():
        FigureCanvasAgg(figure).draw()
    return figure


def lines(ax, n_points):
    """Lines with markers: what was measured."""
    return [line for line in ax.lines if line.get_marker() != "None" and len(line.get_xdata()) == n_points]


@pytest.mark.parametrize(("name", "shape"), [*itertools.product(FIGURES, SHAPES)])
def test_every_figure_is_labelled_and_nothing_overlaps(name, shape):
    figure = drawn(name, shape)
    assert len(figure.get_suptitle()) > 20
    assert (collisions(figure), outside(figure), list(intruders(figure))) == ([], [], [])
    assert panels(figure).shape == (len(SHAPES[shape]["datasets"]), 2)
    assert all(ax.get_title() and ax.has_data() for ax in panels(figure).ravel())
    assert all(ax.get_xlabel() for ax in panels(figure)[-1])
    assert all(row[0].get_ylabel() for row in panels(figure))
    assert any("my data set" in text for text, _ in boxes(figure)) == (shape == "one seed")
    assert any(f"{SHAPES[shape]['n_seeds']} seed" in text for text, _ in boxes(figure))


@pytest.mark.parametrize("name", FIGURES)
def test_intervals_are_drawn_where_there_are_seeds(name):
    assert all(ax.collections for ax in panels(drawn(name, "default")).ravel())
    assert not any(ax.collections for ax in panels(drawn(name, "one seed")).ravel())


@pytest.mark.parametrize("name", FIGURES)
def test_measured_lines_can_be_told_apart_without_colour(name):
    for ax in panels(drawn(name, "default")).ravel():
        measured = [line for line in ax.lines if line.get_marker() != "None"]
        looks = {(line.get_marker(), line.get_linestyle(), line.get_color()) for line in measured}
        assert len(looks) == len(measured) >= 2
        if name != "conditions":
            assert len({line.get_marker() for line in measured}) == len(measured)


def test_log_shift_shows_every_network_in_the_finest_shells_and_the_null_at_one():
    table = make_tables(**SHAPES["default"])["log_shift"]
    for (row, column), ax in np.ndenumerate(panels(drawn("log_shift", "default"))):
        dataset, architecture = ("power_law", "digits")[row], ARCHITECTURES[column]
        assert ax.get_title() == f"{style.dataset_name(dataset)}, {architecture} nets"
        measured = lines(ax, len(TIMES))
        for line, (depth, width) in zip(measured, itertools.product(DEPTHS, WIDTHS), strict=True):
            assert line.get_label() == f"depth {depth}, width {width}"
            expected = table[(table.dataset == dataset) & (table.architecture == architecture)]
            expected = expected[(expected.depth == depth) & (expected.width == width) & (expected.shell_ratio == 2.0)]
            np.testing.assert_array_equal(line.get_ydata(), expected.value)
        (null,) = dashed(ax)
        np.testing.assert_array_equal(null.get_ydata(), 1)
        spreads = [line.get_ydata() for line in ax.lines if line not in measured and line is not null]
        np.testing.assert_allclose(spreads, np.outer([1.2, 0.8], np.ones(4)))
        assert tick_texts(ax, panels(drawn("log_shift", "default"))) == ["0", "1", "5", "25"]


def test_locality_shows_the_start_and_the_end_with_their_nulls():
    for ax in panels(drawn("locality", "default")).ravel():
        for line, time in zip(lines(ax, REACH), (0.0, 25.0), strict=True):
            expected = 1 - np.exp(-(0.5 + time / 25) * np.arange(1, REACH + 1))
            assert line.get_label() == f"time {time:g}"
            np.testing.assert_allclose(line.get_ydata(), expected)
            (null,) = [other for other in ax.lines if other.get_label() == f"null, time {time:g}"]
            np.testing.assert_allclose(null.get_ydata(), 0.9 * expected)
            assert (null.get_color(), null.get_linestyle()) == (line.get_color(), "--")


def test_conditions_show_coherence_and_growth_of_the_widest_nets():
    for coherence, growth in panels(drawn("conditions", "default")):
        labels = [f"{architecture}, depth {depth}" for architecture in ARCHITECTURES for depth in DEPTHS]
        for ax in (coherence, growth):
            assert [line.get_label() for line in ax.lines if line.get_marker() != "None"] == labels
        for line, depth in zip(coherence.lines, (8, 16, 8, 16), strict=False):
            np.testing.assert_allclose(line.get_ydata(), 1 - 0.03 * np.arange(1, depth + 1))
        for line in lines(growth, 3):
            np.testing.assert_allclose(line.get_ydata(), (1 + line.get_xdata()) ** 0.5)
        assert [line.get_ydata()[0] for ax in (coherence, growth) for line in dashed(ax)] == [0, 1]
