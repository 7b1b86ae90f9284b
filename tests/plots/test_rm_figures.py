"""Figures of random matrices from synthetic tables: the densities they show, their laws, and nothing that overlaps."""

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from scalinglaws.plots import rm_deep_wishart, rm_structured_wishart, rm_white_matrices, style

CASES = {
    "Wigner": ("Gaussian",),
    "white Wishart": ("q = 0.5", "q = 1", "q = 2", "q = 10"),
    "structured Wishart": ("three levels", "power law", "power law, few samples"),
    "deep Wishart": ("q = 1, 1", "q = 1, 1, 1", "q = 0.5, 2"),
}
FIGURES = {
    rm_white_matrices: (["Wigner"], ["white Wishart"]),
    rm_structured_wishart: (["structured Wishart"],) * 3,
    rm_deep_wishart: (["deep Wishart"],),
}
IDS = [module.__name__.split(".")[-1] for module in FIGURES]


def make_tables(n_seeds=5):
    """Bins of a factor 2 (Wigner: width 0.5) with density 1/x (1/4), twice as much as the law says."""
    densities, histograms, distances = [], [], []
    for ensemble, case in ((ensemble, case) for ensemble, cases in CASES.items() for case in cases):
        edges = np.linspace(-2, 2, 9) if ensemble == "Wigner" else 2.0 ** np.arange(-4, 5)
        centres = (edges[1:] + edges[:-1]) / 2
        value = np.full(8, 0.25) if ensemble == "Wigner" else np.log(2) / np.diff(edges)
        law = np.full(8, 0.125) if ensemble == "Wigner" else 0.5 / centres
        place = {"ensemble": ensemble, "case": case, "size": 100}
        spread = 0.1 * value if n_seeds > 1 else np.nan
        numbers = {"value": value, "low": value - spread, "high": value + spread, "seeds": n_seeds}
        densities.append(pd.DataFrame({**place, "x": centres, "density": law}))
        histograms.append(pd.DataFrame({**place, "left": edges[:-1], "right": edges[1:], **numbers}))
        atom = {"q = 2": 0.5, "q = 10": 0.9, "q = 0.5, 2": 0.5, "power law, few samples": 0.5}.get(case, 0.0)
        for size, part in itertools.product((50, 100), ("all", "above 0") if atom else ("all",)):
            row = {"largest": size == 100, "part": part, "value": 0.3 / size, "n_bulks": len(case), "seeds": n_seeds}
            distances.append({**place, "size": size, **row, "atom": atom})
    return {
        "matrix_densities": pd.concat(densities, ignore_index=True),
        "matrix_histograms": pd.concat(histograms, ignore_index=True),
        "matrix_distances": pd.DataFrame(distances),
    }


def drawn(module, **shape):
    figure = module.draw(**make_tables(**shape))
    with style.house_style():
        FigureCanvasAgg(figure).draw()
    return figure


def dashed(ax):
    return [line for line in ax.lines if (str(line.get_color()), line.get_linestyle()) == ("black", "--")]


def markers(ax):
    return [line for line in ax.lines if line not in dashed(ax)]


@pytest.mark.parametrize("module", FIGURES, ids=IDS)
def test_every_case_is_shown_with_its_law_and_its_distance(module):
    figure = drawn(module)
    assert len(figure.axes) == len(FIGURES[module])
    shown = [line.get_label() for ax in figure.axes for line in markers(ax)]
    ensembles = dict.fromkeys(name for names in FIGURES[module] for name in names)
    assert [label.split(": ")[0] for label in shown] == [case for name in ensembles for case in CASES[name]]
    assert all("KS 0.0030" in label for label in shown)
    assert all(
        (("at $x = 0$") in label) == any(case in label for case in ("q = 2", "q = 10", ", 2:", "few"))
        for label in shown
    )
    for ax in figure.axes:
        assert len(dashed(ax)) == len(markers(ax)) == len({line.get_marker() for line in markers(ax)})


@pytest.mark.parametrize("module", FIGURES, ids=IDS)
def test_densities_are_per_fold_on_logarithmic_axes(module):
    """1/x per unit is 1 per e-fold: exactly, if the bin's whole share ln 2 is spread over its width ln 2."""
    for ax, (ensemble,) in zip(drawn(module).axes, FIGURES[module], strict=True):
        plain = ensemble == "Wigner"
        assert ax.get_xscale() == ("linear" if plain else "log")
        for line, law in zip(markers(ax), dashed(ax), strict=True):
            np.testing.assert_allclose(line.get_ydata(), 0.25 if plain else 1.0)
            np.testing.assert_allclose(law.get_ydata(), 0.125 if plain else 0.5)
        assert ("per unit" if plain else "e$-fold") in ax.get_ylabel()
        (bars, *_) = [bars.get_segments() for bars in ax.collections]
        np.testing.assert_allclose(np.array(bars)[:, :, 1], [[0.225, 0.275] if plain else [0.9, 1.1]] * 8)


@pytest.mark.parametrize("n_seeds", [5, 1])
@pytest.mark.parametrize("module", FIGURES, ids=IDS)
def test_everything_is_labelled_and_no_texts_overlap(module, n_seeds):
    figure = drawn(module, n_seeds=n_seeds)
    assert all(ax.get_xlabel() and ax.get_ylabel() for ax in figure.axes)
    assert f"{n_seeds} seed" in figure.axes[0].get_ylabel()
    assert bool([bars for ax in figure.axes for bars in ax.collections]) == (n_seeds > 1)
    with style.house_style():
        renderer = figure.canvas.get_renderer()
        texts = [*figure.texts, *(t for ax in figure.axes for t in (ax.title, ax.xaxis.label, ax.yaxis.label))]
        texts += [t for ax in figure.axes for t in ax.get_legend().get_texts()]
        boxes = [(t.get_text(), t.get_window_extent(renderer)) for t in texts if t.get_text()]
    pairs = itertools.combinations(boxes, 2)
    assert [(one, other) for (one, box), (other, other_box) in pairs if share(box, other_box)] == []
    page = figure.bbox
    cut = [text for text, box in boxes if min(box.x0, box.y0) < 0 or box.x1 > page.x1 or box.y1 > page.y1]
    assert cut == []


def share(one, other, slack=1.0):
    """Whether two boxes share more than `slack` pixels in both directions."""
    width, height = min(one.x1, other.x1) - max(one.x0, other.x0), min(one.y1, other.y1) - max(one.y0, other.y0)
    return width > slack and height > slack


def test_titles_name_the_largest_distance():
    for module in FIGURES:
        assert "0.003" in drawn(module).get_suptitle()
