"""The figure of the authors' notebooks from a synthetic table: complete, readable, and showing the table's numbers."""

import functools
import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from test_plots import collisions, dashed, intruders, outside, panels

from scalinglaws.plots import ridge_notebooks, style
from scalinglaws.ridge.notebook_sections import SECTIONS
from scalinglaws.ridge.tables.notebooks import DEVIATION_COLUMNS

SAMPLES = np.geomspace(2.0, 2000.0, 20)
SHAPES = {"default": [*SECTIONS], "two sections": ["ridge_isotropic", "linear_deep"], "none deep": ["ridge_gapped"]}


def make_table(sections):
    """Deviations that rise with n_samples in theory; simulations in both conventions of the deep section."""
    kinds = [("theory", "input", quantity) for quantity in ("kappa1", "kappa2", "excess_risk")]
    kinds += [("simulation", "layer", "kappa1"), ("simulation", "input", "kappa1")]
    rows = []
    for (rank, section), (source, convention, quantity) in itertools.product(enumerate(sections), kinds):
        if (source, convention) == ("simulation", "input") and section != "linear_deep":
            continue
        deviation = (1 + rank) * 1e-12 * SAMPLES**3 * (-1.0) ** rank
        if source == "simulation":
            deviation = np.full(SAMPLES.size, 0.01 if convention == "layer" else 1.0)
        place = {"section": section, "source": source, "quantity": quantity, "convention": convention}
        rows.append(pd.DataFrame({**place, "point": range(20), "n_samples": SAMPLES, "deviation": deviation}))
    return pd.concat(rows, ignore_index=True).reindex(columns=DEVIATION_COLUMNS)


@functools.cache
def drawn(shape):
    """The figure laid out as it is when it is saved."""
    figure = ridge_notebooks.draw(notebook_deviations=make_table(SHAPES[shape]))
    with style.house_style():
        FigureCanvasAgg(figure).draw()
    return figure


def marked(ax):
    """Lines with markers: what was measured."""
    return [line for line in ax.lines if line.get_marker() != "None"]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_figure_is_labelled_and_nothing_overlaps(shape):
    figure = drawn(shape)
    assert len(figure.get_suptitle()) > 20
    assert (collisions(figure), outside(figure), list(intruders(figure))) == ([], [], [])
    assert panels(figure).shape == (1, 3 if "linear_deep" in SHAPES[shape] else 2)
    assert all(ax.get_title() and ax.get_xlabel() for ax in panels(figure).ravel())
    assert all(dashed(ax) for ax in panels(figure).ravel())


@pytest.mark.parametrize("shape", SHAPES)
def test_a_line_per_section_shows_the_size_of_the_deviation(shape):
    for ax in panels(drawn(shape))[0, :2]:
        lines = {line.get_label(): line for line in marked(ax)}
        assert set(lines) == {section.replace("_", " ") for section in SHAPES[shape]}
        for rank, section in enumerate(SHAPES[shape]):
            size = np.maximum((1 + rank) * 1e-12 * SAMPLES**3, ridge_notebooks.FLOOR)
            np.testing.assert_allclose(lines[section.replace("_", " ")].get_ydata(), size)
        looks = {(line.get_marker(), line.get_linestyle(), line.get_color()) for line in lines.values()}
        assert len(looks) == len(lines)


def test_the_deep_section_shows_simulation_over_theory_in_both_conventions():
    ax = panels(drawn("default"))[0, 2]
    found = {line.get_label().split(",")[0]: line.get_ydata() for line in marked(ax)}
    np.testing.assert_allclose(found["layer"], np.full(20, 1.01))
    np.testing.assert_allclose(found["input"], np.full(20, 2.0))


def test_the_legend_names_every_section():
    (legend,) = drawn("default").legends
    assert {text.get_text() for text in legend.get_texts()} == {section.replace("_", " ") for section in SECTIONS}
