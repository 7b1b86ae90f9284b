"""Figures of the phases of shallow networks from synthetic tables: their numbers, laws and names, without overlaps."""

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import QuadMesh

from scalinglaws.plots import shallow_exponents, shallow_phase_diagram, shallow_under_regularised, style

DECAYS = (0.75, 1.0, 1.5)
KINDS = ("diagonal", "quadratic")
CURVES = {
    ("plateau", "n_eff"): lambda decay: 0.0,
    ("bias", "weight_decay"): lambda decay: 2 - 1 / decay,
    ("fast rate", "n_eff"): lambda decay: -1.0,
    ("noiseless", "n_eff"): lambda decay: 1 - 2 * decay,
    ("noiseless", "n_eff over squared ratio"): lambda decay: 1 - 2 * decay,
    ("optimal weight decay", "squared threshold"): lambda decay: 1 - 1 / (2 * decay),
}


def exponent_tables():
    """Exponents that are 0.004 too large, with local ones up to 0.01 off; noiseless ones are 0.1 too low."""
    fits, curves = [], []
    for (phase, along), kind, decay in itertools.product(CURVES, KINDS, DECAYS):
        predicted = CURVES[phase, along](decay)
        error = -0.1 if phase == "noiseless" else 0.004
        place = {"kind": kind, "phase": phase, "along": along, "decay": decay, "predicted": predicted}
        measured = predicted + error
        spread = {"measured": measured, "low": measured - 0.006, "high": measured + 0.006, "error": error}
        fits.append({**place, **spread})
        x = np.geomspace(1, 1e4, 5)
        curves.append(pd.DataFrame({**place, "local_x": x, "local_slope": predicted + error + 0.005 / x}))
    fits.append({**fits[0], "phase": "peak", "along": "weight_decay", "decay": np.inf, "predicted": -2 / 3})
    return {"phase_exponents": pd.DataFrame(fits), "phase_curves": pd.concat(curves, ignore_index=True)}


def map_tables(deep=True):
    """Plateau above a diagonal of the map and bias below it; slopes are those of the phase, and errors 0.01."""
    cells, lines, agreement = [], [], []
    for kind, size in zip(KINDS, (12, 6), strict=True):
        edges = np.linspace(0, 12, size + 1)
        n_eff, weight_decay = (a.ravel() for a in np.meshgrid(*[10 ** ((edges[1:] + edges[:-1]) / 2)] * 2))
        plateau = weight_decay > n_eff
        slopes = {"slope_n_eff": np.where(plateau, 0.0, -1.0), "slope_weight_decay": np.where(plateau, 0.0, 1.0)}
        place = {"kind": kind, "dim": 1e6, "decay": 1.0, "n_eff": n_eff, "weight_decay": weight_decay}
        names = np.where(plateau, "plateau", "bias")
        cells.append(pd.DataFrame({**place, "phase": names, "deep": deep, **slopes, "error": 0.01}))
        ends = np.array([1.0, 1e12])
        lines.append(pd.DataFrame({"kind": kind, "boundary": "plateau", "n_eff": ends, "weight_decay": ends}))
        lines.append(pd.DataFrame({"kind": kind, "boundary": "peak", "n_eff": 1e6, "weight_decay": [1.0, 1e3]}))
        row = {"kind": kind, "phase": "all", "margin": 1.0, "tolerance": 0.15, "cells": len(n_eff) if deep else 0}
        agreement.append({**row, "share": 0.987 if deep else np.nan})
    return {
        "shallow_phase_map": pd.concat(cells, ignore_index=True),
        "shallow_phase_boundaries": pd.concat(lines, ignore_index=True),
        "phase_map_agreement": pd.DataFrame(agreement),
    }


def overfitting_tables():
    ratio = np.geomspace(1e-8, 0.1, 8)
    laws = {"diagonal": -1 / np.log(ratio), "quadratic": ratio**0.4}
    rows = [
        pd.DataFrame({"kind": kind, "ratio": ratio, "excess_risk": 1.05 * law, "limit": law, "local_ratio": ratio})
        for kind, law in laws.items()
    ]
    table = pd.concat(rows, ignore_index=True)
    return {"under_regularised": table.assign(local_slope=np.where(table.kind == "diagonal", 0.1, 0.41))}


FIGURES = {
    "exponents": lambda: shallow_exponents.draw(**exponent_tables()),
    "diagram": lambda: shallow_phase_diagram.draw(**map_tables()),
    "under-regularised": lambda: shallow_under_regularised.draw(**overfitting_tables()),
}
DRAWN = {name: draw() for name, draw in FIGURES.items()}


def dashed(ax):
    return [line for line in ax.lines if (str(line.get_color()), line.get_linestyle()) == ("black", "--")]


@style.styled
def text_boxes(figure):
    """(text, box) of titles, labels, legend entries and names in the panels."""
    FigureCanvasAgg(figure).draw()
    renderer = figure.canvas.get_renderer()
    texts = [figure._suptitle]
    for ax in figure.axes:
        texts += [ax.title, ax._left_title, ax.xaxis.label, ax.yaxis.label, *ax.texts]
        texts += ax.get_legend().get_texts() if ax.get_legend() else []
    return [(text.get_text(), text.get_window_extent(renderer)) for text in texts if text.get_text()]


@pytest.mark.parametrize("figure", DRAWN.values(), ids=DRAWN)
def test_figures_are_labelled_inside_the_page_and_nothing_overlaps(figure):
    boxes = text_boxes(figure)
    for (one, box), (other, other_box) in itertools.combinations(boxes, 2):
        width = min(box.x1, other_box.x1) - max(box.x0, other_box.x0)
        height = min(box.y1, other_box.y1) - max(box.y0, other_box.y0)
        assert width <= 1 or height <= 1, (one, other)
    page = figure.bbox
    assert [text for text, b in boxes if b.x0 < 0 or b.y0 < 0 or b.x1 > page.x1 or b.y1 > page.y1] == []
    assert len(figure.get_suptitle()) > 20


def test_first_panel_shows_every_error_with_its_range():
    ax = DRAWN["exponents"].axes[0]
    fits = exponent_tables()["phase_exponents"]
    shown = [container for container in ax.containers if len(container[2])]
    points = np.concatenate([container[0].get_xydata() for container in shown])
    expected = fits[fits.along != "n_eff over squared ratio"][["predicted", "error"]].to_numpy()
    np.testing.assert_allclose(np.sort(points, axis=0), np.sort(expected, axis=0))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(dict.fromkeys(fits.phase))
    for bars in (container[2][0].get_segments() for container in shown):
        np.testing.assert_allclose([bar[1, 1] - bar[0, 1] for bar in bars], 0.012)
    assert "0.004" in DRAWN["exponents"].get_suptitle()


def test_other_panels_show_local_exponents_and_what_they_approach():
    curves = exponent_tables()["phase_curves"]
    shown = (("bias", "weight_decay"), ("optimal weight decay", "squared threshold"), ("noiseless", "n_eff"))
    for ax, which in zip(DRAWN["exponents"].axes[1:], shown, strict=True):
        chosen = curves[(curves.phase == which[0]) & (curves.along == which[1])]
        drawn = [line for line in ax.lines if len(line.get_xdata())]
        lines = [line.get_ydata() for line in drawn if line not in dashed(ax)]
        assert len(lines) == len(KINDS) * len(DECAYS)
        np.testing.assert_allclose(np.sort(np.concatenate(lines)), np.sort(chosen.local_slope))
        predicted = [line.get_ydata()[0] for line in drawn if line in dashed(ax)]
        assert sorted(predicted) == pytest.approx(sorted(map(CURVES[which], DECAYS)))


def test_diagram_has_a_cell_for_every_row_and_its_boundaries():
    tables, axes = map_tables(), [ax for ax in DRAWN["diagram"].axes if ax.get_ylim()[1] > 100]
    assert len(axes) == 4
    columns = ("slope_n_eff", "slope_weight_decay")
    for ax, (kind, column) in zip(axes, itertools.product(KINDS, columns), strict=True):
        cells = tables["shallow_phase_map"][tables["shallow_phase_map"].kind == kind]
        (mesh,) = (drawn for drawn in ax.collections if isinstance(drawn, QuadMesh))
        np.testing.assert_array_equal(np.ravel(mesh.get_array()), cells[column])
        np.testing.assert_allclose([*ax.get_xlim(), *ax.get_ylim()], [1, 1e12] * 2)
        assert len(dashed(ax)) == 2
        assert [text.get_text() for text in ax.texts] == (["bias", "plateau"] if column == columns[0] else [])
        for text in ax.texts:
            x, y = text.get_position()
            assert (y > x) == (text.get_text() == "plateau")


def test_diagram_states_the_shares_only_if_there_are_any():
    assert "98.7% (diagonal), 98.7% (quadratic)" in DRAWN["diagram"].get_suptitle().replace("\n", " ")
    bare = shallow_phase_diagram.draw(**map_tables(deep=False))
    assert "%" not in bare.get_suptitle()
    assert [text.get_text() for text in bare.axes[0].texts] == ["bias", "plateau"]


def test_fitted_noise_is_shown_with_its_limits():
    left, right = DRAWN["under-regularised"].axes
    table = overfitting_tables()["under_regularised"]
    for index, (_, rows) in enumerate(table.groupby("kind")):
        np.testing.assert_allclose(left.lines[2 * index].get_ydata(), rows.excess_risk)
        np.testing.assert_allclose(dashed(left)[index].get_ydata(), rows.limit)
        np.testing.assert_allclose(right.lines[2 * index].get_ydata(), rows.local_slope)
    np.testing.assert_allclose(dashed(right)[0].get_ydata(), table.limit[table.kind == "diagonal"])
    np.testing.assert_allclose(dashed(right)[1].get_ydata(), 0.4)
