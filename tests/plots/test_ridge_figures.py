"""The figures of ridge regression from synthetic tables: their lines and points, and no overlaps."""

import functools
import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from scalinglaws.plots import learning_curves as shared
from scalinglaws.plots import ridge_equivalence, ridge_gapped, ridge_isotropic, ridge_power_law, style

FIGURES = {
    **{"ridge_isotropic": ridge_isotropic, "ridge_power_law": ridge_power_law},
    **{"ridge_gapped": ridge_gapped, "ridge_equivalence": ridge_equivalence},
}
SECTIONS = pd.DataFrame(
    [
        ("ridge_isotropic", 250, np.nan, np.nan, 0.5, 1e-3, np.nan, 48),
        ("ridge_capacity", 10_000, 2.0, 1.8, 0.0, 1e-4, np.nan, 16),
        ("ridge_source", 10_000, 2.0, 0.4, 0.0, np.nan, 1.5, 16),
        ("ridge_gapped", 10_110, np.nan, np.nan, 0.0, 1e-8, np.nan, 16),
    ],
    columns=["section", "dim", "capacity", "source", "noise_std", "ridge", "ridge_exponent", "data_draws"],
).assign(widths="", feature_noise_std=0.0, feature_draws=0)
GRID, N_SAMPLES = np.geomspace(1, 1e5, 41), np.array([10, 30, 100, 250, 1000])
# Each quantity is its number over n_samples; simulation is 10 % above theory.
LINES = {"kappa1": 1.0, "df1": 2.0, "df2": 3.0, "gamma1": 4.0, "excess_risk": 5.0, "bias": 6.0, "var_x": 7.0}
LINES |= {"var_xe": 8.0, "s_transform": 9.0, "test_error": 10.0}
POINTS = {name: LINES[name] for name in LINES if name not in ("df2", "gamma1")} | {
    "gcv": 11.0,
    "kare": 11.0,
    "gap": 9.0,
}


def long(quantities, n_samples):
    names = itertools.product(SECTIONS.itertuples(), quantities.items(), n_samples)
    rows = [(of.section, of.dim, n, name, factor / n) for of, (name, factor), n in names]
    table = pd.DataFrame(rows, columns=["section", "dim", "n_samples", "quantity", "value"])
    return table.assign(feature_capacity=np.nan, width=0)


def make_tables():
    points = long(POINTS, N_SAMPLES)
    slope = {"quantity": "excess_risk", "window_low": 10.0, "window_high": 250.0, "measured": -3.9, "low": -4.1}
    slopes = SECTIONS[["section"]].assign(**slope, high=-3.7, theory=-3.8, predicted=-4.0, seeds=16)
    return {
        "curve_sections": SECTIONS,
        "curves": long(LINES, GRID),
        "points": points.assign(theory=points.value, value=1.1 * points.value, low=points.value, high=2 * points.value),
        "slopes": slopes,
        "descents": pd.DataFrame({"section": "ridge_gapped", "n_samples": [10, 110]}),
    }


def draw(stem, tables):
    return FIGURES[stem].draw(**{name: tables[name] for name in FIGURES[stem].TABLES})


@functools.cache
def drawn(stem):
    figure = draw(stem, make_tables())
    with style.house_style():
        FigureCanvasAgg(figure).draw()
    return figure


@style.styled
def texts(figure):
    """(text, bounding box) of titles, axis labels, tick labels in view, notes and legends."""
    renderer, found = figure.canvas.get_renderer(), [figure._suptitle]
    legends = [*figure.legends, *(ax.get_legend() for ax in figure.axes if ax.get_legend())]
    found += [text for legend in legends for text in legend.get_texts()]
    for ax in figure.axes:
        found += [ax.title, ax.xaxis.label, ax.yaxis.label, *ax.texts]
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


def marked(ax):
    """(x, y) of every line of markers that shows points, without the legends' empty ones."""
    lines = [line for line in ax.lines if line.get_marker() not in ("None", "") and len(line.get_xdata())]
    return [np.array(line.get_data()) for line in lines if line.get_linestyle() == "None"]


def scattered(ax):
    """(x, y) of the points of a scatter plot."""
    return np.asarray(ax.collections[0].get_offsets()).T


def continuous(ax):
    return [np.array(line.get_data()) for line in ax.lines if line.get_marker() == "None" and len(line.get_xdata()) > 2]


def entries(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


@pytest.mark.parametrize("stem", FIGURES)
def test_everything_is_labelled_inside_the_page_and_nothing_overlaps(stem):
    figure = drawn(stem)
    assert len(figure.get_suptitle()) > 20
    for ax in figure.axes:
        assert ax.has_data()
        assert ax.get_title()
        assert ax.get_xlabel()
        assert ax.get_ylabel() or ax.get_subplotspec().colspan.start > 0
    found, page = texts(figure), figure.bbox
    assert [(a, b) for (a, one), (b, other) in itertools.combinations(found, 2) if overlap(one, other)] == []
    assert [t for t, b in found if b.x0 < 0 or b.y0 < 0 or b.x1 > page.x1 or b.y1 > page.y1] == []
    assert any("seeds" in text for text, _ in found)


PANELS = [
    ("ridge_isotropic", 0, ("kappa1", "s_transform"), ("gap",), lambda n: n / 250),
    ("ridge_isotropic", 3, ("test_error", "bias", "var_x", "var_xe"), ("gcv",), lambda n: n / 250),
    ("ridge_power_law", 0, ("kappa1", "s_transform", "df1"), (), lambda n: n),
    ("ridge_power_law", 3, ("excess_risk", "bias", "var_x"), ("gcv",), lambda n: n),
    ("ridge_gapped", 0, ("excess_risk", "bias", "var_x"), ("gcv",), lambda n: n),
]


@pytest.mark.parametrize(("stem", "panel", "both", "points_alone", "place"), PANELS)
def test_theory_is_a_line_and_simulation_its_points(stem, panel, both, points_alone, place):
    ax = drawn(stem).axes[panel]
    for name in both:
        line = [place(GRID), LINES[name] / GRID]
        assert any(found.shape == (2, 41) and np.allclose(found, line) for found in continuous(ax)), name
        assert shared.LABELS[name] in entries(ax)
    for name in (*both, *points_alone):
        points = [place(N_SAMPLES), 1.1 * POINTS[name] / N_SAMPLES]
        assert any(found.shape == (2, 5) and np.allclose(found, points) for found in marked(ax)), name
        assert shared.LABELS[name] in entries(ax)
    # Error bars from low to high, which are not symmetric about the value.
    spans = [segment for bars in ax.collections for segment in bars.get_segments() if segment[0, 0] == segment[1, 0]]
    ratios = [segment[1, 1] / segment[0, 1] for segment in spans]
    np.testing.assert_allclose(ratios, 2.0)
    assert len(ratios) == 5 * (len(both) + len(points_alone))


def test_lines_of_a_panel_differ_in_colour_and_in_line_or_marker():
    for stem in ("ridge_isotropic", "ridge_power_law", "ridge_gapped"):
        for ax in drawn(stem).axes:
            handles = ax.get_legend().legend_handles
            assert len({str(handle.get_color()) for handle in handles}) == len(handles)
            assert len({(handle.get_linestyle(), handle.get_marker()) for handle in handles}) == len(handles)


def test_laws_are_drawn_over_their_windows_with_their_exponents():
    for ax in drawn("ridge_power_law").axes[2:]:
        (guide,) = [line for line in ax.lines if (str(line.get_color()), line.get_linestyle()) == ("black", "--")]
        x, y = guide.get_data()
        np.testing.assert_array_equal(x, [10, 250])
        assert np.diff(np.log(y)) / np.diff(np.log(x)) == pytest.approx(-4.0)
        assert "measured -3.90 [-4.10, -3.70]" in guide.get_label()
        assert "theory there -3.80" in guide.get_label()


def test_peaks_of_the_gapped_spectrum_are_marked():
    for ax in drawn("ridge_gapped").axes:
        places = [
            line.get_xdata()[0] for line in ax.lines if len({*line.get_xdata()}) == 1 and len(line.get_xdata()) == 2
        ]
        assert places == [10, 110]


def test_equivalence_compares_sample_with_population_and_estimates_with_the_error():
    degrees, gap, ratio = drawn("ridge_equivalence").axes
    shape = len(SECTIONS), len(N_SAMPLES)
    for ax, name in ((degrees, "df1"), (gap, "gap")):
        x, y = scattered(ax)
        np.testing.assert_allclose(x.reshape(shape), np.broadcast_to(POINTS[name] / N_SAMPLES, shape))
        np.testing.assert_allclose(y, 1.1 * x)
        colours = {tuple(row) for row in ax.collections[0].get_facecolors()}
        assert len(colours) == len(SECTIONS)
    x, y = scattered(ratio)
    np.testing.assert_array_equal(np.sort(x.reshape(shape)), np.broadcast_to(N_SAMPLES, shape))
    np.testing.assert_allclose(y, POINTS["gcv"] / POINTS["test_error"])
    assert ratio.texts[0].get_text() == "largest |KARE / GCV - 1|: 0e+00"


def test_titles_name_the_parameters_and_the_draws():
    assert shared.title(SECTIONS, "ridge_capacity") == "D = 10000, capacity 2, source 1.8, $\\lambda$ = 0.0001"
    assert shared.title(SECTIONS, "ridge_source").endswith("$\\lambda$ = $P^{-1.5}$")
    assert shared.title(SECTIONS, "ridge_isotropic") == "D = 250, $\\sigma_\\epsilon$ = 0.5, $\\lambda$ = 0.001"
    deep = SECTIONS.assign(widths="20, 9", feature_noise_std=0.1, feature_draws=8)
    assert "N = 20, 9" in shared.title(deep, "ridge_gapped")
    assert "$\\sigma_\\xi$ = 0.1" in shared.title(deep, "ridge_gapped")
    assert shared.draws_note(SECTIONS, "ridge_capacity", "ridge_isotropic") == "16 seeds, 48 seeds"
    assert shared.draws_note(deep, "ridge_gapped") == "16 x 8 seeds"


def test_negative_estimates_do_not_stretch_a_logarithmic_axis():
    tables = make_tables()
    points = tables["points"].copy()
    points.loc[points.n_samples == 10, ["value", "low", "high"]] = (-1.0, -2.0, 0.1)
    ax = draw("ridge_power_law", {**tables, "points": points}).axes[2]
    assert ax.get_ylim()[0] > 0.1 * min(LINES[name] for name in ("excess_risk", "bias", "var_x")) / GRID.max()
