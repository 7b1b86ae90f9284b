"""Figures of the loss exponents from synthetic tables: complete, without overlaps, and showing the tables' numbers."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from scalinglaws.plots import kernel_exponents, loss_exponents, style

TASKS, CAPACITIES, WIDTHS = (0.3, 0.5, 0.8, 1.5), (2.0, 3.0), (128.0, 512.0, 2048.0)
TIMES = np.geomspace(1e-3, 2e4, 80)


def exponent_tables(capacities=CAPACITIES, n_seeds=12):
    """Limits at richness0 0, 1 and 10 whose exponents are a little above what is predicted, and networks at two."""
    keys = pd.DataFrame(itertools.product(capacities, TASKS, (0.0, 1.0, 10.0)))
    limits = keys.set_axis(["capacity", "task_exponent", "richness0"], axis=1)
    limits = limits.assign(model=np.where(limits.richness0 == 0, "lazy", "infinite"), width=math.inf, seeds=1)
    lazy, rich = limits.task_exponent, np.maximum(limits.task_exponent, 2 / (1 + 1 / limits.task_exponent))
    predicted = np.select([limits.richness0 == 0, limits.richness0 == 10], [lazy, rich], np.nan)
    limits = limits.assign(
        predicted_lazy=lazy, predicted_rich=rich, predicted=predicted, window_low=2e3, window_high=2e4
    )
    limits = limits.assign(measured=0.01 + limits.predicted.fillna((lazy + rich) / 2), deviation=0.0)
    nets = pd.DataFrame(itertools.product((1.0, 10.0), WIDTHS), columns=["richness0", "width"])
    nets = nets.assign(model="network", capacity=2.0, task_exponent=0.5, measured=0.7, seeds=n_seeds)
    nets["deviation"] = (1 + nets.richness0) * nets.width**-0.5
    spread = 1.3 if n_seeds > 1 else np.nan
    nets = nets.assign(deviation_low=nets.deviation / spread, deviation_high=nets.deviation * spread)
    curves = limits.drop(columns=["seeds"]).merge(pd.DataFrame({"local_time": TIMES}), how="cross")
    curves["local_exponent"] = curves.measured * curves.local_time / (0.1 + curves.local_time)
    place = {"capacity": 2.0, "task_exponent": 0.5, "n_modes": 64, "seeds": n_seeds}
    slopes = pd.DataFrame({"richness0": [1.0, 10.0], "slope": -0.512, "low": -0.6, "high": -0.4}).assign(**place)
    exponents = pd.concat([limits, nets], ignore_index=True).assign(low=np.nan, high=np.nan)
    return {"exponents": exponents, "exponent_curves": curves, "exponent_widths": slopes}


def kernel_tables(datasets=("power_law", "digits"), n_seeds=8):
    spread = 0.05 if n_seeds > 1 else np.nan
    fits = pd.DataFrame({"dataset": datasets, "richness": 0.001, "width": 128, "seeds": n_seeds, "measured": 0.757})
    fits = fits.assign(**{"filter": 0.756, "cumulative": 0.78, "window_low": 40.0, "window_high": 400.0})
    fits = fits.assign(data_exponent=[1.0] + [np.nan] * (len(fits) - 1))
    fits = fits.assign(measured_low=fits.measured - spread, measured_high=fits.measured + spread)
    curves = fits[["dataset", "richness", "width", "seeds"]].merge(pd.DataFrame({"time": TIMES[35:70]}), how="cross")
    curves["value"] = 0.5 * (1 + curves.time) ** -0.757
    curves = curves.assign(low=curves.value * (1 - spread), high=curves.value * (1 + spread))
    return {"kernel_exponents": fits, "kernel_curves": curves.assign(filter=curves.value * 1.001)}


SHAPES = [
    (loss_exponents, exponent_tables()),
    (loss_exponents, exponent_tables((1.5,), 1)),
    (kernel_exponents, kernel_tables()),
    (kernel_exponents, kernel_tables(("my_data_set",), 1)),
]
DRAWN = [(module, tables, module.draw(**{name: tables[name] for name in module.TABLES})) for module, tables in SHAPES]
LOSS, ALONE, KERNEL, ONE_SEED = (figure for _, _, figure in DRAWN)


def dashed(ax):
    return [line for line in ax.lines if (str(line.get_color()), line.get_linestyle()) == ("black", "--")]


def solid(ax):
    return [line for line in ax.lines if line not in dashed(ax)]


@style.styled
def text_boxes(figure):
    """(text, box) of titles, labels, ticks and legend entries that are shown."""
    FigureCanvasAgg(figure).draw()
    renderer, found = figure.canvas.get_renderer(), [figure._suptitle]
    for ax in figure.axes:
        found += [ax.title, ax.xaxis.label, ax.yaxis.label, *ax.get_legend().get_texts(), ax.get_legend().get_title()]
        for axis in (ax.xaxis, ax.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=False)
            found += [label for place, label in ticks if low * (1 - 1e-9) <= place <= high * (1 + 1e-9)]
    return [(text.get_text(), text.get_window_extent(renderer)) for text in found if text.get_text().strip()]


@pytest.mark.parametrize("figure", [LOSS, ALONE, KERNEL, ONE_SEED], ids=["loss", "alone", "kernel", "one seed"])
def test_figures_are_labelled_inside_the_page_and_nothing_overlaps(figure):
    boxes = text_boxes(figure)
    for (one, box), (other, other_box) in itertools.combinations(boxes, 2):
        width = min(box.x1, other_box.x1) - max(box.x0, other_box.x0)
        height = min(box.y1, other_box.y1) - max(box.y0, other_box.y0)
        assert width <= 1 or height <= 1, (one, other)
    page = figure.bbox
    assert [text for text, b in boxes if b.x0 < 0 or b.y0 < 0 or b.x1 > page.x1 or b.y1 > page.y1] == []
    assert len(figure.get_suptitle()) > 20
    assert all(ax.get_xlabel() and (ax.get_ylabel() or ax.get_title()) for ax in figure.axes)


def test_measured_exponents_stand_beside_the_two_laws():
    tables, ax = DRAWN[0][1], LOSS.axes[0]
    limits = tables["exponents"][tables["exponents"].model != "network"]
    groups = dict(list(limits.groupby(["richness0", "capacity"])))
    assert len(solid(ax)) == len(groups) == 6
    for ((richness0, capacity), rows), line in zip(groups.items(), solid(ax), strict=True):
        assert line.get_label() == f"$\\gamma_0$ = {richness0:g}, capacity {capacity:g}"
        np.testing.assert_array_equal(line.get_xydata(), rows[["task_exponent", "measured"]])
    lazy, rich = (line.get_xydata().T for line in dashed(ax))
    np.testing.assert_allclose(lazy[1], lazy[0])
    np.testing.assert_allclose(rich[1], 2 * rich[0] / (1 + rich[0]))
    assert rich[0].max() < 1 < lazy[0].max()
    assert len({(line.get_marker(), line.get_fillstyle()) for line in solid(ax)}) == 6


def test_local_exponents_of_the_smallest_capacity_run_into_their_predictions():
    tables, ax = DRAWN[0][1], LOSS.axes[1]
    curves = tables["exponent_curves"]
    chosen = curves[(curves.capacity == 2.0) & (curves.richness0 != 1.0)]
    groups = [rows for _, rows in chosen.groupby(["richness0", "task_exponent"])]
    for rows, line in zip(groups, solid(ax), strict=True):
        np.testing.assert_array_equal(line.get_xydata(), rows[["local_time", "local_exponent"]])
        assert line.get_linestyle() == (":" if rows.richness0.iloc[0] == 0 else "-")
    levels = sorted(line.get_ydata()[0] for line in dashed(ax))
    np.testing.assert_allclose(levels, sorted([*TASKS, 0.6 / 1.3, 2 / 3, 1.6 / 1.8, 1.5]))
    assert {tuple(line.get_xdata()) for line in dashed(ax)} == {(2e3, 2e4)}


def test_finite_nets_approach_with_a_guide_of_slope_minus_one_half():
    ax = LOSS.axes[2]
    for richness0, line in zip((1.0, 10.0), solid(ax), strict=True):
        np.testing.assert_allclose(line.get_ydata(), (1 + richness0) * np.array(WIDTHS) ** -0.5)
        assert line.get_label().endswith("slope -0.51 [-0.60, -0.40]")
    (guide,) = dashed(ax)
    assert np.diff(np.log(guide.get_ydata())) / np.diff(np.log(guide.get_xdata())) == pytest.approx(-0.5)
    assert (len(ax.collections), len(ALONE.axes[2].collections)) == (2, 0)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["128", "512", "2048"]
    assert "12 seeds" in ax.get_ylabel()


def test_kernels_show_the_run_its_filter_and_the_guides_that_there_are():
    for ax, exponents in zip(KERNEL.axes, ([0.78, 1.0], [0.78]), strict=True):
        run, filtered, *guides = ax.lines
        np.testing.assert_allclose(run.get_ydata(), 0.5 * (1 + run.get_xdata()) ** -0.757)
        np.testing.assert_allclose(filtered.get_ydata(), 1.001 * run.get_ydata())
        slopes = [np.diff(np.log(line.get_ydata()))[0] / np.log(10) for line in guides]
        np.testing.assert_allclose(slopes, [-e for e in exponents])
        assert [line.get_label()[-5:] for line in guides] == [f"{e:.3f}" for e in exponents]
    assert [ax.get_title() for ax in KERNEL.axes] == ["power-law data", "handwritten digits"]
    assert "[0.707, 0.807]" in KERNEL.axes[0].lines[0].get_label()
    assert "[" not in ONE_SEED.axes[0].lines[0].get_label()
    assert ONE_SEED.axes[0].get_title() == "my data set"
