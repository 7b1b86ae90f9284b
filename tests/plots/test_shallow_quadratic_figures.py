"""Figures of quadratic networks from synthetic tables: lines, points, networks, ratios, and nothing that overlaps."""

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from scalinglaws.plots import shallow_quadratic_risk, shallow_sensing, style
from scalinglaws.shallow.tables.quadratic import COLUMNS

NOISES, EXPONENTS, RATIOS = (0.5, 0.0), (-1.0, 0.0, 0.5), np.array([0.1, 0.3, 1.0])
# Sensing and weight decays of each dimension: the largest lacks one.
SIMULATED = {(50, "outer"): EXPONENTS, (50, "goe"): EXPONENTS, (100, "outer"): EXPONENTS, (200, "outer"): (0.0,)}
FIGURES = (shallow_quadratic_risk, shallow_sensing)
IDS = [module.__name__.split(".")[-1] for module in FIGURES]
# Of each dimension and sensing, at all points.
EXCESS = {(50, "outer"): 1.2, (50, "goe"): 1.01, (100, "outer"): 1.1, (200, "outer"): 1.05}


def make_tables(n_seeds=4):
    """Theory 10^k / n for the k-th weight decay; networks have 1.5 times the risk of their own convex solutions."""
    curves, points, networks = [], [], []
    spread = 1.1 if n_seeds > 1 else np.nan
    for (dim, sensing), noise, (k, exponent) in itertools.product(SIMULATED, NOISES, enumerate(EXPONENTS)):
        place = {"dim": dim, "noise_variance": noise, "weight_decay_exponent": exponent, "n_samples": RATIOS * dim**2}
        theory, excess = 10.0**k / place["n_samples"], EXCESS[dim, sensing]
        if sensing == "outer":
            curves.append({**place, "decay": 1.0, "risk": theory, "kept": 0.5})
        if exponent in SIMULATED[dim, sensing]:
            risk = excess * theory
            row = {**place, "sensing": sensing, "part": ["nothing learned", "judged", "judged"], "risk": risk}
            row |= {"low": risk / spread, "high": risk * spread, "theory": theory, "ratio": excess}
            row |= {"ratio_low": excess / spread, "ratio_high": excess * spread, "ratio_error": 0.05, "allowed": 0.15}
            points.append({**row, "share": 0.5, "rank": 9.0, "rank_theory": 10.0, "fitted": 0.1, "seeds": n_seeds})
            row = {**place, "sensing": sensing, "unique": [False, True, True], "risk": 3.0, "risk_convex": 2.0}
            row |= {"objective_gap": 1e-9, "distance": 1e-5, "rank": 9.0, "rank_convex": 9.0, "fitted": 0.1}
            networks.append({**row, "seeds": 1})
    selected = itertools.product(("all", "common"), EXCESS.items())
    ratios = [
        {
            **{"dim": dim, "sensing": sensing, "selection": selection, "points": 4, "ratio": excess},
            **{"low": excess / spread, "high": excess * spread, "seeds": n_seeds},
        }
        for selection, ((dim, sensing), excess) in selected
    ]
    listed = {"quadratic_curves": curves, "quadratic_points": points, "quadratic_networks": networks}
    tables = {name: pd.concat(map(pd.DataFrame, rows), ignore_index=True) for name, rows in listed.items()}
    return {
        name: table[list(COLUMNS[name])] for name, table in {**tables, "quadratic_ratios": pd.DataFrame(ratios)}.items()
    }


def drawn(module, **shape):
    tables = make_tables(**shape)
    figure = module.draw(**{name: tables[name] for name in module.TABLES})
    with style.house_style():
        FigureCanvasAgg(figure).draw()
    return figure


def test_each_noise_shows_theory_points_and_networks_of_the_largest_complete_dimension():
    for ax, noise in zip(drawn(shallow_quadratic_risk).axes, NOISES, strict=True):
        assert ax.get_title() == f"label noise variance {noise:g}, $d$ = 100"
        theory = [line for line in ax.lines if (line.get_linestyle(), str(line.get_marker())) == ("-", "None")]
        points, networks = (
            [container.lines[0] for container in ax.containers],
            [line for line in ax.lines if line.get_marker() == "x"],
        )
        assert len(theory) == len(points) == len(networks) == len({line.get_marker() for line in points}) == 3
        (edge,) = [line for line in ax.lines if line.get_linestyle() == ":"]
        assert set(edge.get_xdata()) == {25.0}
        for k, (line, dots, crosses) in enumerate(zip(theory, points, networks, strict=True)):
            x, risk = 100 * RATIOS, 10.0**k / (RATIOS * 100**2)
            np.testing.assert_allclose(line.get_xydata().T, [x, risk])
            np.testing.assert_allclose(dots.get_xydata().T, [x, 1.1 * risk])
            np.testing.assert_allclose(crosses.get_xydata().T, [x[1:], 1.5 * 1.1 * risk[1:]])
            assert line.get_color() == dots.get_color()


def test_ratios_are_shown_against_samples_and_against_dimension():
    samples, dimension = drawn(shallow_sensing).axes
    for ax, shown in ((samples, [[1.2] * 12, [1.01] * 12]), (dimension, [[1.2, 1.1, 1.05], [1.01]])):
        found = [container.lines[0].get_ydata() for container in ax.containers]
        assert [list(y) for y in found] == [pytest.approx(y) for y in shown]
        assert [line.get_linestyle() for line in ax.lines].count("--") == 1
    assert [text.get_text() for text in dimension.get_xticklabels()] == ["50", "100", "200"]
    assert "4 points" in dimension.get_title()
    assert "$d$ = 50" in samples.get_title()
    # Only judged points, of which those of one n keep together and none hides another.
    x = np.sort(np.concatenate([container.lines[0].get_xdata() for container in samples.containers]))
    assert (np.diff(x) > 0).all()
    assert [((x > low / 1.25) & (x < low * 1.25)).sum() for low in (0.3, 1.0)] == [12, 12]


@pytest.mark.parametrize("n_seeds", [4, 1])
@pytest.mark.parametrize("module", FIGURES, ids=IDS)
def test_everything_is_labelled_and_no_texts_overlap(module, n_seeds):
    figure = drawn(module, n_seeds=n_seeds)
    assert all(ax.get_xlabel() for ax in figure.axes)
    assert f"{n_seeds} seed" in figure.axes[0].get_ylabel()
    with style.house_style():
        renderer = figure.canvas.get_renderer()
        texts = [*figure.texts, *(t for ax in figure.axes for t in (ax.title, ax.xaxis.label, ax.yaxis.label))]
        texts += [t for ax in figure.axes if ax.get_legend() for t in ax.get_legend().get_texts()]
        boxes = [(t.get_text(), t.get_window_extent(renderer)) for t in texts if t.get_text()]
    pairs = itertools.combinations(boxes, 2)
    assert [(one, other) for (one, box), (other, other_box) in pairs if share(box, other_box)] == []
    page = figure.bbox
    assert [text for text, box in boxes if min(box.x0, box.y0) < 0 or box.x1 > page.x1 or box.y1 > page.y1] == []


def share(one, other, slack=1.0):
    """Whether two boxes share more than `slack` pixels in both directions."""
    width, height = min(one.x1, other.x1) - max(one.x0, other.x0), min(one.y1, other.y1) - max(one.y0, other.y0)
    return width > slack and height > slack
