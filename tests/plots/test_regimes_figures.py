"""Figures of the scaling regimes from synthetic tables: complete, without overlaps, and showing the tables' numbers."""

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import QuadMesh

from scalinglaws.plots import rf_phase_diagram, rf_regime_rates, rf_width_exponent, style
from scalinglaws.ridge.regimes import REGIMES, Scaling

CENTRES = 3.2 * (np.arange(96) + 0.5) / 96
SAMPLES = np.geomspace(1e2, 1e8, 37)
CAPACITIES = (0.3, 0.6, 0.7, 0.8, 0.9, 1.2)


def phase_tables(sources=(0.2, 1.2), centres=CENTRES):
    """Diagrams at capacity 1.5, and the points of `rate_tables`."""
    ridge, width = (axis.ravel() for axis in np.meshgrid(centres, centres, indexing="ij"))
    diagrams, lines = [], []
    for source, noisy in itertools.product(sources, (False, True)):
        scaling = Scaling(1.5, source, width, ridge, noisy)
        cells = {"ridge_exponent": ridge, "width_exponent": width, "regime": scaling.regime, "rate": scaling.rate}
        diagrams.append(pd.DataFrame({"capacity": 1.5, "source": source, "noisy": noisy, **cells}))
        enough = Scaling(1.5, source, np.inf, centres).sufficient_width
        lines.append(pd.DataFrame({"capacity": 1.5, "source": source, "ridge_exponent": centres, "sufficient": enough}))
    return {"phase_diagram": pd.concat(diagrams), "phase_widths": pd.concat(lines[::2]), **rate_tables()}


def rate_tables():
    """Points whose fitted rates are 0.002 above what is predicted, and curves that come from further above."""
    columns = ["study", "source", "width_exponent", "ridge_exponent", "noisy", "feature_capacity"]
    points = [
        *(("noiseless", r, q, e, False, 0.0) for r in (0.2, 1.2) for q, e in ((1.5, 3.0), (1.5, 0.9), (0.6, 3.0))),
        *(("noisy", 1.2, q, e, True, 0.0) for q, e in ((1.8, 3.0), (1.5, 0.9), (0.6, 3.0))),
        *(("structured", 1.2, q, e, False, 0.75) for q, e in ((2.0, 3.0), (1.5, 0.9))),
        *(("ridge", 0.6, np.inf, 0.9, noisy, 0.0) for noisy in (False, True)),
        *(("source law", r, np.inf, np.inf, False, 0.0) for r in (0.4, 1.8)),
    ]
    rates = pd.DataFrame(points, columns=columns).assign(capacity=1.5)
    scalings = [Scaling(1.5, *row) for row in rates[columns[1:]].itertuples(index=False)]
    rates = rates.assign(regime=[str(s.regime) for s in scalings], predicted=[float(s.rate) for s in scalings])
    rates = rates.assign(fitted=rates.predicted + 0.002, error=0.002, slope_low=rates.predicted + 0.001)
    curves = rates.merge(pd.DataFrame({"local_n_samples": SAMPLES}), how="cross")
    curves["local_rate"] = curves.predicted + (0.2 + 0.1 * curves.noisy) * (1e2 / curves.local_n_samples) ** 0.4
    return {"regime_rates": rates.assign(slope_high=rates.predicted + 0.004), "regime_curves": curves}


def width_tables():
    """VarF that falls with the stated exponent before the crossover, and with the other one beyond it."""
    curves, fits = [], []
    for a, (n, crossover) in itertools.product(CAPACITIES, ((10.0, 30.0), (1e6, 1e14))):
        stated = float(np.clip((1 - a) / a, 0, 1))
        wide = 2 * (1 - a) if 0.5 < a < 1 else stated
        width = np.geomspace(10 * n, 1e5 * crossover, 25)
        slopes = np.where(width < crossover, stated, wide)
        var_f = np.exp(-np.cumsum(np.append(0.0, slopes[:-1] * np.diff(np.log(width)))))
        place = {"feature_capacity": a, "n_samples": n, "crossover": crossover}
        curves.append(
            pd.DataFrame({**place, "width": width, "var_f": var_f, "local_width": width, "local_exponent": slopes})
        )
        fits.append({**place, "range": "far", "published": stated, "predicted": wide, "fitted": wide - 0.004})
        if n > 10 and wide != stated:
            fits.append({**place, "range": "near", "published": stated, "predicted": stated, "fitted": stated})
    return {"width_curves": pd.concat(curves), "width_exponents": pd.DataFrame(fits)}


MODULES = {"phases": rf_phase_diagram, "rates": rf_regime_rates, "widths": rf_width_exponent}
TABLES = {"phases": phase_tables(), "rates": rate_tables(), "widths": width_tables()}
FIGURES = {name: m.draw(**{table: TABLES[name][table] for table in m.TABLES}) for name, m in MODULES.items()}


def dashed(ax):
    return [line for line in ax.lines if (str(line.get_color()), line.get_linestyle()) == ("black", "--")]


@style.styled
def text_boxes(figure):
    """(text, box) of titles, labels, ticks and legend entries that are shown."""
    FigureCanvasAgg(figure).draw()
    renderer, found = figure.canvas.get_renderer(), []
    texts = [figure._suptitle, *(text for legend in figure.legends for text in legend.get_texts())]
    for ax in figure.axes:
        texts += [ax.title, ax.xaxis.label, ax.yaxis.label, *ax.texts]
        texts += ax.get_legend().get_texts() if ax.get_legend() else []
        for axis in (ax.xaxis, ax.yaxis):
            low, high = sorted(axis.get_view_interval())
            texts += [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    for text in texts:
        if text.get_visible() and text.get_text():
            found.append((text.get_text(), text.get_window_extent(renderer)))
    return found


@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)
def test_figures_are_labelled_inside_the_page_and_nothing_overlaps(figure):
    boxes = text_boxes(figure)
    for (one, box), (other, other_box) in itertools.combinations(boxes, 2):
        width = min(box.x1, other_box.x1) - max(box.x0, other_box.x0)
        height = min(box.y1, other_box.y1) - max(box.y0, other_box.y0)
        assert width <= 1 or height <= 1, (one, other)
    page = figure.bbox
    assert [text for text, b in boxes if b.x0 < 0 or b.y0 < 0 or b.x1 > page.x1 or b.y1 > page.y1] == []
    assert len(figure.get_suptitle()) > 20


def test_every_cell_has_its_regimes_colour_and_regimes_are_named_where_they_are():
    table, axes = TABLES["phases"]["phase_diagram"], FIGURES["phases"].axes
    for (source, noisy), ax in zip(itertools.product((0.2, 1.2), (False, True)), axes, strict=True):
        cells = table[(table.source == source) & (table.noisy == noisy)]
        (mesh,) = (drawn for drawn in ax.collections if isinstance(drawn, QuadMesh))
        codes = cells.regime.map(list(rf_phase_diagram.REGIMES).index).to_numpy().reshape(96, 96)
        np.testing.assert_array_equal(mesh.get_array(), codes.T)
        for text in ax.texts:
            x, y = text.get_position()
            here = cells[np.isclose(cells.ridge_exponent, x) & np.isclose(cells.width_exponent, y)]
            assert text.get_text() == here.regime.item()
        assert len(ax.texts) >= cells.regime.nunique() - 1
        assert ax.get_title() == f"{'noisy' if noisy else 'noiseless'}, source $r$ = {source:g}"


def test_names_of_regimes_stay_inside_their_regions():
    """The box of a name covers cells of its own regime only."""
    table, figure = TABLES["phases"]["phase_diagram"], FIGURES["phases"]
    text_boxes(figure)
    for (source, noisy), ax in zip(itertools.product((0.2, 1.2), (False, True)), figure.axes, strict=True):
        cells = table[(table.source == source) & (table.noisy == noisy)]
        for text in ax.texts:
            box = text.get_window_extent().transformed(ax.transData.inverted())
            covered = cells[cells.ridge_exponent.between(box.x0, box.x1) & cells.width_exponent.between(box.y0, box.y1)]
            assert set(covered.regime) == {text.get_text()}


def test_circles_stand_where_rates_of_white_features_are_fitted_and_the_line_where_width_suffices():
    counts = []
    for (source, noisy), ax in zip(itertools.product((0.2, 1.2), (False, True)), FIGURES["phases"].axes, strict=True):
        (circles,) = (line for line in ax.lines if line.get_marker() == "o")
        counts.append(len(circles.get_xdata()))
        assert len(dashed(ax)) == (not noisy)
        if not noisy:
            expected = np.minimum(CENTRES / 1.5, 1) * (1 if source < 0.5 else 2.5)
            np.testing.assert_allclose(dashed(ax)[0].get_ydata(), expected)
    assert counts == [3, 0, 3, 3]
    labels = [text.get_text() for text in FIGURES["phases"].legends[0].get_texts()]
    assert [label.split(":")[0] for label in labels] == [
        *rf_phase_diagram.REGIMES,
        "rates fitted here",
        "sufficient width",
    ]


def test_the_figure_knows_every_regime():
    assert set(rf_phase_diagram.REGIMES) == set(REGIMES)


def test_rates_are_shown_with_the_range_of_local_slopes_for_all_studies_but_the_laws():
    rates, ax = TABLES["rates"]["regime_rates"], FIGURES["rates"].axes[0]
    shown = rates[rates.study.isin(rf_regime_rates.STUDIES)]
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == [f"{row.regime}: {row.predicted:.3g}" for row in shown.itertuples()]
    points = np.concatenate([container[0].get_xydata() for container in ax.containers])
    np.testing.assert_allclose(points, np.column_stack([shown.error, np.arange(len(shown))]))
    (bar,) = ax.containers[0][2]
    np.testing.assert_allclose(bar.get_segments()[0][:, 0], [0.001, 0.004])
    assert len(ax.containers) == 4


def test_local_rates_approach_what_is_predicted():
    curves, ax = TABLES["rates"]["regime_curves"], FIGURES["rates"].axes[1]
    lines = [line for line in ax.lines if line not in dashed(ax) or len(line.get_xdata()) > 2]
    assert len(lines) == 6 + 3 + 2 + 2
    for line in lines:
        assert line.get_ydata()[0] == pytest.approx(0.2) or line.get_ydata()[0] == pytest.approx(0.3)
        assert abs(line.get_ydata()[-1]) < 0.002
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert [label[-5:] for label in labels] == ["+0.20", "+0.30", "+0.20", "+0.30"]
    assert set(curves.study) > set(rf_regime_rates.STUDIES)


def test_variance_over_features_stands_beside_both_slopes():
    ax, tables = FIGURES["widths"].axes[0], width_tables()
    fits = tables["width_exponents"].query("n_samples == 10").set_index("feature_capacity")
    curves = [line for line in ax.lines if len(line.get_xdata()) > 2]
    for a, line in zip(CAPACITIES, curves, strict=True):
        row = fits.loc[a]
        assert line.get_label() == f"{a:g}: {row.fitted:.3f} ({row.published:.3f}; {row.predicted:.3f})"
        assert line.get_ydata()[-1] == 1
    guides = [line for line in ax.lines if len(line.get_xdata()) == 2]
    slopes = [-np.diff(np.log(g.get_ydata()))[0] / np.diff(np.log(g.get_xdata()))[0] for g in guides]
    np.testing.assert_allclose(slopes, fits[["published", "predicted"]].to_numpy().ravel(), atol=1e-12)


def test_local_exponents_lie_on_the_level_of_their_side_of_the_crossover():
    ax = FIGURES["widths"].axes[1]
    curves = [line for line in ax.lines if len(line.get_xdata()) > 2]
    assert [line.get_label() for line in curves] == ["0.6", "0.7", "0.8", "0.9"]
    for a, line in zip((0.6, 0.7, 0.8, 0.9), curves, strict=True):
        x, y = line.get_xydata().T
        np.testing.assert_allclose(y, np.where(x < 1, (1 - a) / a, 2 * (1 - a)))
    levels = [line.get_ydata()[0] for line in ax.lines if len(line.get_xdata()) == 2 and line.get_linestyle() != "-"]
    np.testing.assert_allclose(levels, [e for a in (0.6, 0.7, 0.8, 0.9) for e in ((1 - a) / a, 2 * (1 - a))])
    assert [ax.get_title() for ax in FIGURES["widths"].axes] == ["10 samples", "1,000,000 samples"]


def test_a_coarse_diagram_with_one_source_and_no_points_is_drawn():
    tables = phase_tables((0.8,), CENTRES[::12])
    figure = rf_phase_diagram.draw(tables["phase_diagram"], tables["phase_widths"], tables["regime_rates"].iloc[:0])
    assert len(figure.axes) == 2
