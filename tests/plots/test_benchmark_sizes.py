"""The figure of cost against size from synthetic tables: its lines, exponents and bounds, and nothing that overlaps."""

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from scalinglaws.plots import benchmark_sizes, style

COLUMNS = ["benchmark", "method", "size_name", "size", "seconds", "peak_gb"]
N_SAMPLES = (500, 1000, 2000, 4000, 8000, 20_000)


def lines(benchmark, size_name, sizes, costs):
    """Rows of methods whose seconds and memory grow with these exponents."""
    return [
        (benchmark, method, size_name, size, 1e-3 * size**time, 1e-5 * size**memory)
        for (method, (time, memory)), size in itertools.product(costs.items(), sizes)
    ]


def make_table(sizes=N_SAMPLES):
    kernels = {"Gram products": (2, np.nan), "torch.func": (2.5, np.nan)}
    solvers = {"homotopy": (2, np.nan), "coordinate descent": (3, np.nan)}
    largest = max(sizes)
    rows = [
        *lines("tangent kernel", "width", (64, 256, 1024), kernels),
        *lines("tangent kernel", "n_samples", (128, 256), kernels),
        *lines("LASSO, n = dim / 2", "dim", (100, 200, 400), solvers),
        *lines("LASSO, n = 2 dim", "dim", (100, 200, 400), solvers),
        *lines("shells", "n_samples", sizes[:2], {"exact": (2.5, 2)}),
        *lines("shells", "n_samples", sizes[:1], {"exact, any module": (2.5, 2)}),
        *lines("shells", "n_samples", sizes, {"Lanczos": (1.0, 0.5)}),
        ("shells", "Lanczos, 2 cores", "n_samples", largest, 12.0, 0.3),
        ("shells", "bound", "n_samples", largest, 60.0, 2.0),
        *lines("shells", "n_parameters", (10**5, 10**6, 10**7), {"Lanczos": (1.0, 0.9)}),
        *[("shells", "bound", "n_parameters", size, np.nan, 9.6e-8 * size) for size in (10**5, 10**6, 10**7)],
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def drawn(table):
    figure = benchmark_sizes.draw(table)
    with style.house_style():
        FigureCanvasAgg(figure).draw()
    return figure


@pytest.fixture(scope="module")
def figure():
    return drawn(make_table())


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_each_method_is_a_line_with_its_exponent_where_there_are_three_sizes(figure):
    widths, samples, lasso, time, memory, parameters = map(labels, figure.axes)
    assert widths == ["Gram products\nexponent 2.00", "torch.func\nexponent 2.50"]
    assert samples == ["Gram products", "torch.func"]
    assert lasso == [
        f"{method}, {shape}\nexponent {exponent}"
        for shape in ("n = dim / 2", "n = 2 dim")
        for method, exponent in (("homotopy", "2.00"), ("coordinate descent", "3.00"))
    ]
    assert time == [
        "exact",
        "exact, any module",
        "Lanczos\nexponent 1.00",
        "Lanczos, 2 cores",
        "allowed at the largest",
    ]
    assert memory == [
        "exact",
        "exact, any module",
        "Lanczos\nexponent 0.50",
        "Lanczos, 2 cores",
        "allowed at the largest",
    ]
    assert parameters == ["Lanczos\nexponent 0.90", "allowed"]


def test_costs_are_drawn_against_their_sizes_and_bounds_are_dashed(figure):
    _, _, _, time, memory, parameters = figure.axes
    for ax, costs in ((time, 1e-3 * np.array(N_SAMPLES)), (memory, 1e-5 * np.array(N_SAMPLES) ** 0.5)):
        np.testing.assert_array_equal(ax.lines[2].get_xdata(), N_SAMPLES)
        np.testing.assert_allclose(ax.lines[2].get_ydata(), costs)
    for ax, bound in ((time, 60), (memory, 2), (parameters, [9.6e-3, 9.6e-2, 0.96])):
        (dashed,) = [line for line in ax.lines if line.get_label().startswith("allowed")]
        assert dashed.get_linestyle() == "--"
        np.testing.assert_allclose(dashed.get_ydata(), np.broadcast_to(bound, np.shape(dashed.get_ydata())))


@pytest.mark.parametrize("sizes", [N_SAMPLES, (500, 1000)], ids=["all", "quick"])
def test_everything_is_labelled_on_logarithmic_axes_and_no_texts_overlap(sizes):
    figure = drawn(make_table(sizes))
    assert [label.get_text() for label in figure.axes[3].get_xticklabels()] == [f"{n:,}" for n in sizes]
    assert all(ax.get_title() and ax.get_xlabel() and ax.get_ylabel() for ax in figure.axes)
    assert {(ax.get_xscale(), ax.get_yscale()) for ax in figure.axes} == {("log", "log")}
    with style.house_style():
        renderer = figure.canvas.get_renderer()
        texts = [*figure.texts, *(t for ax in figure.axes for t in (ax.title, ax.xaxis.label, ax.yaxis.label))]
        texts += [t for ax in figure.axes for t in ax.get_legend().get_texts()]
        # Ticks of the last panel are not set, and those out of view have texts too.
        texts += [t for ax in figure.axes[:-1] for t in ax.get_xticklabels()]
        boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts if text.get_text()]
    pairs = itertools.combinations(boxes, 2)
    assert [(one, other) for (one, box), (other, other_box) in pairs if box.overlaps(other_box)] == []
    page = figure.bbox
    cut = [text for text, box in boxes if min(box.x0, box.y0) < 0 or box.x1 > page.x1 or box.y1 > page.y1]
    assert cut == []


def test_lines_stay_below_the_legend(figure):
    renderer = figure.canvas.get_renderer()
    for ax in figure.axes:
        bottom = ax.get_legend().get_window_extent(renderer).y0
        highest = max(np.max(line.get_ydata()) for line in ax.lines)
        assert ax.transData.transform((1.0, highest))[1] < bottom
