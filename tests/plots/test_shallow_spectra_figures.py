"""Figures of learned spectra, pruning and the parts of the risk from synthetic tables: what they show, no overlaps."""

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from scalinglaws.plots import shallow_decomposition, shallow_pruning, shallow_spectra, style

FIGURES = (shallow_spectra, shallow_pruning, shallow_decomposition)
IDS = [module.__name__.split(".")[-1] for module in FIGURES]
PHASES = ("near-optimal", "interpolation peak", "under-regularised", "plateau")
RATIOS = (0.1, 0.25, 0.5, 1.0)


def place(kind, phase, decay=1.0):
    numbers = {"dim": 100, "largest": True, "decay": decay, "ratio": 0.25, "weight_decay": 0.1}
    return {"kind": kind, "phase": phase, **numbers}


def make_tables(n_seeds=4):
    """Four bins up to 16, densities of 0.1 / (1 + x), a law twice as high, one spike; gain and parts are powers."""
    edges, x = np.array([0.0, 1.0, 4.0, 9.0, 16.0]), np.linspace(0.1, 16, 20)
    histograms, laws, distances, points, curves, parts = [], [], [], [], [], []
    for kind, phase, decay in itertools.product(("quadratic", "diagonal"), PHASES, (0.75, 1.0)):
        at = place(kind, phase, decay)
        value = 0.1 / (1 + edges[:-1])
        interval = {"low": 0.9 * value, "high": 1.1 * value} if n_seeds > 1 else {"low": np.nan, "high": np.nan}
        bins = {"left": edges[:-1], "right": edges[1:], "value": value, **interval, "seeds": n_seeds}
        histograms.append(pd.DataFrame({**at, **bins}))
        items = [("density", place_of, 0.2 / (1 + place_of)) for place_of in x] + [("edge", 2.0, np.nan)]
        items += [("spike", 9.5, 0.01)] if kind == "quadratic" else []
        laws.append(pd.DataFrame([{**at, "item": item, "x": a, "value": b} for item, a, b in items]))
        zeros = 1.0 if phase == "plateau" else 0.522
        for quantity, number, predicted in (("zeros", 0.53, zeros), ("distance", 0.019, 0.0)):
            row = {"quantity": quantity, "value": number, "predicted": predicted, "seeds": n_seeds}
            distances.append({**at, **row})
        gain = {"low": 0.7, "high": 0.9} if n_seeds > 1 else {"low": np.nan, "high": np.nan}
        points.append({**at, "gain": 0.8, **gain, "seeds": n_seeds})
    for kind, ratio in itertools.product(("quadratic", "diagonal"), RATIOS):
        decays = np.geomspace(0.01, 10, 7)
        at = {"kind": kind, "dim": 100, "decay": 1.0, "ratio": ratio, "weight_decay": decays}
        curves.append(pd.DataFrame({**at, "gain": (1 + ratio) * decays**0.1}))
        shares = {"overfitting": 0.5, "unlearned": 0.25, "learned": 0.75, "excess_risk": 1.0}
        parts.append(pd.DataFrame({**at, **shares, "to_risk": 1.5, "four_to_risk": 0.98}))
    frames = {"spectrum_histograms": histograms, "spectrum_laws": laws, "pruning_curves": curves, "error_parts": parts}
    made = {name: pd.concat(rows, ignore_index=True) for name, rows in frames.items()}
    return {**made, "spectrum_distances": pd.DataFrame(distances), "pruning": pd.DataFrame(points)}


def drawn(module, **shape):
    tables = make_tables(**shape)
    figure = module.draw(**{name: tables[name] for name in module.TABLES})
    with style.house_style():
        FigureCanvasAgg(figure).draw()
    return figure


def visible(figure):
    return [ax for ax in figure.axes if ax.axison]


def dashed(ax):
    return [line for line in ax.lines if (str(line.get_color()), line.get_linestyle()) == ("black", "--")]


def test_spectra_of_every_phase_that_learns_are_shown_with_their_law():
    axes = visible(drawn(shallow_spectra))
    expected = [f"{kind}, {phase}" for kind in ("quadratic", "diagonal") for phase in PHASES[:3]]
    assert [ax.get_title() for ax in axes] == expected
    for ax in axes:
        (law,) = dashed(ax)
        np.testing.assert_allclose(law.get_ydata(), 0.2 / (1 + law.get_xdata()))
        (bars,) = ax.patches
        np.testing.assert_allclose(bars.get_data().values, 0.1 / (1 + np.array([0.0, 1.0, 4.0, 9.0])))
        spikes = [line.get_xdata() for line in ax.lines if line.get_marker() == "^"]
        assert len(spikes) == (1 if ax.get_title().startswith("quadratic") else 0)
        assert [text.get_text() for text in ax.texts] == ["at 0: 0.530, law 0.522; KS 0.019"]


def test_pruning_shows_a_line_for_each_ratio_and_the_simulated_points_on_it():
    for ax in drawn(shallow_pruning).axes:
        curves = [line for line in ax.lines if len(line.get_xdata()) == 7]
        assert len(curves) == len({(line.get_linestyle(), line.get_color()) for line in curves}) == len(RATIOS)
        np.testing.assert_allclose(curves[0].get_ydata(), 1.1 * np.geomspace(0.01, 10, 7) ** 0.1)
        points = [bars[0].get_xydata().tolist() for bars in ax.containers]
        assert points == [[], [[0.1, 0.8]] * len(PHASES), [], []]


def test_parts_are_stacked_as_shares_of_the_risk():
    axes = drawn(shallow_decomposition).axes
    assert [ax.get_title().split(",")[0] for ax in axes] == ["quadratic", "quadratic", "diagonal", "diagonal"]
    for ax in axes:
        tops = [area.get_paths()[0].vertices[:, 1].max() for area in ax.collections]
        np.testing.assert_allclose(tops, [0.5, 0.75, 1.5])
        assert len({area.get_hatch() for area in ax.collections}) == 3
        total, four = ax.lines
        assert total.get_ydata() == [1, 1]
        np.testing.assert_allclose(four.get_ydata(), 0.98)


def test_titles_quote_the_tables():
    assert "times 0.80 to 0.80" in drawn(shallow_pruning).get_suptitle().replace("\n", " ")
    assert "1.50" in drawn(shallow_decomposition).get_suptitle()


@pytest.mark.parametrize("n_seeds", [4, 1])
@pytest.mark.parametrize("module", FIGURES, ids=IDS)
def test_everything_is_labelled_and_no_texts_overlap(module, n_seeds):
    figure = drawn(module, n_seeds=n_seeds)
    assert all(ax.get_xlabel() for ax in visible(figure))
    assert figure.axes[0].get_ylabel()
    if "error_parts" not in module.TABLES:
        assert f"{n_seeds} seed" in figure.axes[0].get_ylabel()
    with style.house_style():
        renderer = figure.canvas.get_renderer()
        axes = visible(figure)
        legends = [*figure.legends, *(ax.get_legend() for ax in axes if ax.get_legend())]
        texts = [*figure.texts, *(t for ax in axes for t in (ax.title, ax.xaxis.label, ax.yaxis.label, *ax.texts))]
        texts += [t for legend in legends for t in legend.get_texts()]
        boxes = [(t.get_text(), t.get_window_extent(renderer)) for t in texts if t.get_text()]
    pairs = itertools.combinations(boxes, 2)
    assert [(one, other) for (one, box), (other, other_box) in pairs if share(box, other_box)] == []
    page = figure.bbox
    assert [text for text, box in boxes if min(box.x0, box.y0) < 0 or box.x1 > page.x1 or box.y1 > page.y1] == []


def share(one, other, slack=1.0):
    """Whether two boxes share more than `slack` pixels in both directions."""
    width, height = min(one.x1, other.x1) - max(one.x0, other.x0), min(one.y1, other.y1) - max(one.y0, other.y0)
    return width > slack and height > slack
