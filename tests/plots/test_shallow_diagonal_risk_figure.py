"""The figure of diagonal networks from synthetic tables: lines, points, networks, rates, and nothing that overlaps."""

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from scalinglaws.plots import shallow_diagonal_risk, style
from scalinglaws.shallow.tables.diagonal import COLUMNS

DIMS, NOISES, EXPONENTS = (50, 100), (0.5, 0.0), (-1.0, 0.0, 0.5)
N_SAMPLES = np.array([10.0, 100.0, 250.0, 1000.0])


def make_tables(n_seeds=5, network_seeds=2):
    """Risk 10^k / n for the k-th weight decay; networks have 1.5 times the risk."""
    curves, points, ratios, networks = [], [], [], []
    for dim, noise, (k, exponent) in itertools.product(DIMS, NOISES, enumerate(EXPONENTS)):
        place = {"dim": dim, "noise_variance": noise, "weight_decay_exponent": exponent}
        risk = 10.0**k / N_SAMPLES
        spread = 1.2 if n_seeds > 1 else np.nan
        ends = {"low": risk / spread, "high": risk * spread}
        if dim == max(DIMS):
            curves.append({**place, "decay": 1.0, "n_samples": N_SAMPLES, "risk": risk, "seeds": n_seeds})
        points.append({**place, "n_samples": N_SAMPLES, "part": "bulk", "risk": risk, **ends, "theory": risk})
        points[-1] |= dict.fromkeys(("ratio", "ratio_low", "ratio_high"), 1.0) | {"log_error": 0.1, "seeds": n_seeds}
        networks.append({**place, "n_samples": N_SAMPLES[1:], "risk": 1.0, "low": np.nan, "high": np.nan})
        networks[-1] |= {"objective_gap": 0.0, "distance": 0.0, "relative_risk": 1.5, "seeds": network_seeds}
        for part, ratio in {"bulk": 0.98, "peak": 1.3}.items():
            row = {**place, "part": part, "points": 3, "ratio": ratio, "low": ratio / spread, "high": ratio * spread}
            ratios.append({**row, "log_error": 0.02, "allowed": 0.06, "share": 0.3, "seeds": n_seeds})
    listed = {"diagonal_curves": curves, "diagonal_points": points, "diagonal_networks": networks}
    tables = {name: pd.concat(map(pd.DataFrame, rows), ignore_index=True) for name, rows in listed.items()}
    tables["diagonal_ratios"] = pd.DataFrame(ratios)
    return {name: tables[name] for name in shallow_diagonal_risk.TABLES}


def drawn(**shape):
    figure = shallow_diagonal_risk.draw(**make_tables(**shape))
    with style.house_style():
        FigureCanvasAgg(figure).draw()
    return figure


def lines(ax, *, linestyle="-", marker="None"):
    return [line for line in ax.lines if (line.get_linestyle(), str(line.get_marker())) == (linestyle, marker)]


def test_the_synthetic_tables_have_the_real_columns():
    assert {name: tuple(table.columns) for name, table in make_tables().items()} == COLUMNS


def test_each_noise_shows_theory_points_and_networks_of_the_largest_dimension():
    figure = drawn()
    for ax, noise in zip(figure.axes[:2], NOISES, strict=True):
        assert ax.get_title() == f"label noise variance {noise:g}, $d$ = 100"
        theory, points = lines(ax), [container.lines[0] for container in ax.containers]
        networks = lines(ax, linestyle="None", marker="x")
        assert len(theory) == len(points) == len(networks) == len(EXPONENTS)
        assert len({line.get_marker() for line in points}) == len(EXPONENTS)
        for k, (line, dots, crosses) in enumerate(zip(theory, points, networks, strict=True)):
            for shown in (line, dots):
                np.testing.assert_allclose(shown.get_xydata().T, [N_SAMPLES, 10.0**k / N_SAMPLES])
            np.testing.assert_allclose(crosses.get_xydata().T, [N_SAMPLES[1:], 1.5 * 10.0**k / N_SAMPLES[1:]])
            assert line.get_color() == dots.get_color()


def test_predicted_rates_are_those_of_the_phase_at_the_end():
    """n = 10 dim: the threshold is dim^exponent / 10 and the smallest coefficient dim^-0.5 = 0.1."""
    expected = {0.5: [-1, -1], 0.0: [-2, -1, -1]}
    for ax, noise in zip(drawn().axes[:2], NOISES, strict=True):
        dashed = [line for line in ax.lines if line.get_linestyle() == "--"]
        slopes = [np.diff(np.log(line.get_ydata()))[0] / np.diff(np.log(line.get_xdata()))[0] for line in dashed]
        np.testing.assert_allclose(slopes, expected[noise])
        assert [text.get_text() for text in ax.texts] == [f"${rate}$" for rate in expected[noise]]
        assert all(line.get_xdata()[0] >= 2 * max(DIMS) for line in dashed)


def test_the_last_panel_shows_the_ratios_outside_the_peak_for_every_dimension():
    ax = drawn().axes[-1]
    shown = [container.lines[0] for container in ax.containers]
    assert len(shown) == len(NOISES) * len(EXPONENTS)
    for dims, ratios in (line.get_xydata().T for line in shown):
        np.testing.assert_allclose(ratios, 0.98)
        np.testing.assert_allclose(dims / DIMS, dims[0] / DIMS[0])
    assert len({line.get_xydata()[0, 0] for line in shown}) == len(shown)
    assert [line.get_markerfacecolor() == "white" for line in shown] == [False] * 3 + [True] * 3


@pytest.mark.parametrize("n_seeds", [5, 1])
def test_everything_is_labelled_and_no_texts_overlap(n_seeds):
    figure = drawn(n_seeds=n_seeds)
    assert all(ax.get_xlabel() for ax in figure.axes)
    assert f"{n_seeds} seed" in figure.axes[0].get_ylabel()
    assert figure.axes[-1].get_ylabel()
    with style.house_style():
        renderer = figure.canvas.get_renderer()
        texts = [*figure.texts, *(t for ax in figure.axes for t in (ax.title, ax.xaxis.label, ax.yaxis.label))]
        texts += [*figure.axes[0].get_legend().get_texts(), *(t for ax in figure.axes for t in ax.texts)]
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
