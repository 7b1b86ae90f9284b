"""The minibatch figure from synthetic tables of the default run's shape: its lines, and nothing that overlaps."""

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from scalinglaws.plots import minibatch, style

EDGES = 2.0 ** np.arange(-9, 4)
BATCHES, RATES, VALUES, N_SAMPLES = (4, 16, 64), (0.1, 0.2), (0.3, 1.0), 64


def scale_of(batch_size, rate):
    return rate * (N_SAMPLES - batch_size) / (batch_size * (N_SAMPLES - 1))


def with_interval(table, n_seeds):
    spread = 0.2 * table.value.abs() if n_seeds > 1 else np.nan
    return table.assign(low=table.value - spread, high=table.value + spread, seeds=n_seeds)


def make_tables(datasets=("power_law", "digits"), values=VALUES, n_seeds=5):
    """Injection 3 richness0 times the noise scale, twice what is expected; a flux of the batch size over 100."""
    place = list(itertools.product(datasets, values, BATCHES, RATES))
    columns = ["dataset", "richness0", "batch_size", "learning_rate"]
    terms, shells = [], []
    for dataset, value, batch_size, rate in place:
        injected = 3 * value * scale_of(batch_size, rate)
        for (term, size), time in itertools.product({"injection": 1.0, "expected_injection": 0.5}.items(), (0.5, 6.0)):
            given = size * injected * time / 6
            terms.append((dataset, value, batch_size, rate, scale_of(batch_size, rate), time, term, given))
    settings = [*place, *((dataset, value, N_SAMPLES, 0.0) for dataset, value in itertools.product(datasets, values))]
    for (dataset, value, batch_size, rate), (shell, edge) in itertools.product(settings, enumerate(EDGES)):
        fed = scale_of(batch_size, rate) * edge**2 / (1 + edge**3) if rate else 0.0
        passed = {"injection": fed, "expected_injection": fed / 2, "flux": batch_size / 100 if rate else 1.0}
        shells += [(dataset, value, batch_size, rate, shell, edge, 2 * edge, *item) for item in passed.items()]
    fits = pd.DataFrame(itertools.product(datasets, values), columns=columns[:2])
    return {
        "minibatch_terms": with_interval(
            pd.DataFrame(terms, columns=[*columns, "noise_scale", "time", "term", "value"]), n_seeds
        ),
        "minibatch_shells": with_interval(
            pd.DataFrame(shells, columns=[*columns, "shell", "low_edge", "high_edge", "term", "value"]), n_seeds
        ),
        "minibatch_scaling": fits.assign(slope=1.0321, low=0.9876, high=1.1111),
    }


def drawn(**shape):
    figure = minibatch.draw(**make_tables(**shape))
    with style.house_style():
        FigureCanvasAgg(figure).draw()
    return figure


def rows_of_panels(figure):
    width = figure.axes[0].get_subplotspec().get_gridspec().ncols
    return np.array(figure.axes).reshape(-1, width)


def dashed(ax):
    return [line for line in ax.lines if (str(line.get_color()), line.get_linestyle()) == ("black", "--")]


def solid(ax):
    """Lines of data: neither predicted nor the line at zero."""
    return [line for line in ax.lines if line not in dashed(ax) and line.get_marker() != "None"]


def tick_labels(axis):
    """Labels of the ticks in view, major and minor."""
    low, high = sorted(axis.get_view_interval())
    for minor in (False, True):
        places, labels = axis.get_ticklocs(minor=minor), axis.get_ticklabels(minor=minor)
        yield from (label for place, label in zip(places, labels, strict=False) if low <= place <= high)


@pytest.fixture(scope="module")
def figure():
    return drawn()


def test_injection_is_shown_at_the_end_against_the_noise_scale_with_its_prediction(figure):
    for ax in rows_of_panels(figure)[:, 0]:
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
        scales = sorted(scale_of(b, r) for b, r in itertools.product((4, 16), RATES))
        for value, line, expected in zip(VALUES, solid(ax), dashed(ax), strict=True):
            np.testing.assert_allclose(line.get_xdata(), scales)
            np.testing.assert_allclose(line.get_ydata(), 3 * value * np.array(scales))
            np.testing.assert_allclose(expected.get_ydata(), line.get_ydata() / 2)
            assert line.get_label() == f"$\\gamma_0$ = {value:g}: slope 1.03 [0.99, 1.11]"
        assert "5 seeds" in ax.get_ylabel()


def test_profiles_are_those_of_the_largest_learning_rate_and_richness0_without_the_full_batch(figure):
    for ax in rows_of_panels(figure)[:, 1]:
        assert [line.get_label() for line in solid(ax)] == ["batches of 4", "batches of 16"]
        for batch_size, line, expected in zip((4, 16), solid(ax), dashed(ax), strict=True):
            np.testing.assert_allclose(line.get_xdata(), EDGES)
            np.testing.assert_allclose(line.get_ydata(), scale_of(batch_size, 0.2) * EDGES**2 / (1 + EDGES**3))
            np.testing.assert_allclose(expected.get_ydata(), line.get_ydata() / 2)
        assert "= 1, " in ax.get_title()
        assert ax.get_title().endswith("= 0.2")


def test_flux_is_shown_at_each_richness0_beside_gradient_flow(figure):
    for row in rows_of_panels(figure):
        for ax, value in zip(row[2:], VALUES, strict=True):
            assert f"= {value:g}, " in ax.get_title()
            for batch_size, line in zip(BATCHES, solid(ax), strict=True):
                np.testing.assert_allclose(line.get_ydata(), batch_size / 100)
                assert line.get_label() == f"batches of {batch_size}"
            (flow,) = dashed(ax)
            np.testing.assert_allclose(flow.get_ydata(), 1.0)


@pytest.mark.parametrize(
    "shape",
    [{}, {"n_seeds": 1, "datasets": ["my_data_set"], "values": (1.0,)}, {"datasets": ["digits", "power_law", "third"]}],
    ids=["default", "one seed", "three data sets"],
)
def test_everything_is_labelled_and_no_texts_overlap(shape):
    figure = drawn(**shape)
    panels = rows_of_panels(figure)
    assert panels.shape == (len(shape.get("datasets", "ab")), 2 + len(shape.get("values", VALUES)))
    assert all(ax.get_title() and ax.get_ylabel() for ax in panels.ravel())
    assert all(ax.get_xlabel() for ax in panels[-1])
    assert bool([band for ax in panels.ravel() for band in ax.collections]) == (shape.get("n_seeds") != 1)
    with style.house_style():
        renderer = figure.canvas.get_renderer()
        texts = [*figure.texts, *(t for ax in panels.ravel() for t in (ax.title, ax.xaxis.label, ax.yaxis.label))]
        texts += [t for ax in panels.ravel() for t in ax.get_legend().get_texts()]
        texts += [t for ax in panels.ravel() for axis in (ax.xaxis, ax.yaxis) for t in tick_labels(axis)]
        boxes = [(t.get_text(), t.get_window_extent(renderer)) for t in texts if t.get_visible() and t.get_text()]
    pairs = itertools.combinations(boxes, 2)
    assert [(one, other) for (one, box), (other, other_box) in pairs if share(box, other_box)] == []
    page = figure.bbox
    cut = [text for text, box in boxes if min(box.x0, box.y0) < 0 or box.x1 > page.x1 or box.y1 > page.y1]
    assert cut == []


def share(one, other, slack=1.0):
    """Whether two boxes share more than `slack` pixels in both directions."""
    width, height = min(one.x1, other.x1) - max(one.x0, other.x0), min(one.y1, other.y1) - max(one.y0, other.y0)
    return width > slack and height > slack


def test_a_slope_that_could_not_be_fitted_is_no_slope():
    made = make_tables()
    figure = minibatch.draw(**{**made, "minibatch_scaling": made["minibatch_scaling"].iloc[:0]})
    assert {line.get_label().split(": ")[1] for line in solid(rows_of_panels(figure)[0, 0])} == {"no slope"}
