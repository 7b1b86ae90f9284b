"""The figure of heavy tails from synthetic tables: curves, phases, predictions, and nothing that overlaps."""

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from scalinglaws.plots import shallow_heavy_tails, style
from scalinglaws.shallow.tail_curves import PHASES

SIZES, DECAYS, PLACES = (100.0, 1000.0), (0.75, 1.5), ("plateau", "peak")


def make_tables(n_seeds=3):
    """Risks of 1 to 6 hundredths and exponents of 1.5 + risk; measured exponents are half more than expected."""
    curves, exponents = [], []
    for kind, decay in itertools.product(("diagonal", "quadratic"), DECAYS):
        place = {"kind": kind, "decay": decay, "teacher_exponent": 1 + 1 / decay}
        risk = decay * np.arange(1, 7) / 100
        phase = np.repeat(PHASES, 2)
        points = {"weight_decay": 2.0 ** np.arange(6), "relative_risk": risk, "exponent": 1.5 + risk, "phase": phase}
        curves += [pd.DataFrame({**place, "n_eff": n, **points, "n_tail": [10] * 5 + [0]}) for n in SIZES]
        numbers = {"exponent": 3.0, "low": 2.5 if n_seeds > 1 else np.nan, "high": 3.5 if n_seeds > 1 else np.nan}
        predicted = {"predicted": 2.0, "predicted_low": 1.8, "predicted_high": 2.4, "has_tail": True}
        exponents += [{**place, "phase": name, **numbers, "seeds": n_seeds, **predicted} for name in PLACES]
        exponents.append({**exponents[-1], "has_tail": False, "exponent": np.nan, "predicted": np.nan})
    return {"tail_exponents": pd.DataFrame(exponents), "tail_curves": pd.concat(curves, ignore_index=True)}


def drawn(tables):
    figure = shallow_heavy_tails.draw(**tables)
    with style.house_style():
        FigureCanvasAgg(figure).draw()
    return figure


def test_theory_shows_exponent_against_risk_of_networks_that_have_a_tail():
    figure = drawn(make_tables())
    assert len(figure.axes) == 2 * (len(SIZES) + 1)
    for ax in (*figure.axes[:2], *figure.axes[3:5]):
        lines = [line for line in ax.lines if line.get_label().startswith("decay")]
        assert [line.get_label() for line in lines] == ["decay 0.75", "decay 1.5"]
        assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 2
        for line, decay in zip(lines, DECAYS, strict=True):
            np.testing.assert_allclose(line.get_xdata(), decay * np.arange(1, 6) / 100)
            np.testing.assert_allclose(line.get_ydata(), 1.5 + decay * np.arange(1, 6) / 100)
        levels = [line.get_ydata()[0] for line in ax.lines if line.get_linestyle() == "--"]
        np.testing.assert_allclose(levels, [1 + 1 / decay for decay in DECAYS])
        marked = [line for line in ax.lines if line.get_linestyle() == "None" and len(line.get_xdata())]
        assert sum(len(line.get_xdata()) for line in marked) == 5 * len(DECAYS)
        assert len({line.get_marker() for line in marked}) == len(PHASES)
    shown = [text.get_text() for text in figure.legends[0].get_texts()]
    assert shown == ["decay 0.75", "decay 1.5", *PHASES]


@pytest.mark.parametrize("n_seeds", [3, 1])
def test_simulations_stand_against_draws_with_their_intervals(n_seeds):
    figure = drawn(make_tables(n_seeds))
    for ax in (figure.axes[2], figure.axes[5]):
        assert f"{n_seeds} seed" in ax.get_title()
        points = np.concatenate([line.get_xydata() for line in ax.lines if line.get_marker() == "."])
        np.testing.assert_allclose(points, [[2.0, 3.0]] * 4)
        bars = np.array([segment for bars in ax.collections for segment in bars.get_segments() if len(segment)])
        across = bars[np.isclose(bars[:, 0, 1], bars[:, 1, 1])]
        np.testing.assert_allclose(across[:, :, 0], [[1.8, 2.4]] * 4)
        equal = [line for line in ax.lines if (line.get_color(), line.get_linestyle()) == ("black", "--")]
        np.testing.assert_allclose(equal[0].get_xydata(), [[1.8, 1.8], [2.4, 2.4]])


@pytest.mark.parametrize("tables", [make_tables(), make_tables(1)], ids=["three seeds", "one seed"])
def test_everything_is_labelled_and_no_texts_overlap(tables):
    figure = drawn(tables)
    assert all(ax.get_xlabel() for ax in figure.axes[3:])
    assert all(ax.get_ylabel() for ax in (figure.axes[0], figure.axes[3]))
    assert all(ax.get_title() for ax in figure.axes)
    with style.house_style():
        renderer = figure.canvas.get_renderer()
        texts = [*figure.texts, *(t for ax in figure.axes for t in (ax.title, ax.xaxis.label, ax.yaxis.label))]
        texts += [t for ax in figure.axes for t in (*ax.get_xticklabels(), *ax.get_yticklabels())]
        texts += figure.legends[0].get_texts()
        boxes = [(t.get_text(), t.get_window_extent(renderer)) for t in texts if t.get_text() and t.get_visible()]
    pairs = itertools.combinations(boxes, 2)
    assert [(one, other) for (one, box), (other, other_box) in pairs if share(box, other_box)] == []
    page = figure.bbox
    cut = [text for text, box in boxes if min(box.x0, box.y0) < 0 or box.x1 > page.x1 or box.y1 > page.y1]
    assert cut == []


def share(one, other, slack=1.0):
    """Whether two boxes share more than `slack` pixels in both directions."""
    width, height = min(one.x1, other.x1) - max(one.x0, other.x0), min(one.y1, other.y1) - max(one.y0, other.y0)
    return width > slack and height > slack


def test_without_simulated_tails_theory_is_shown_alone():
    tables = make_tables()
    tables["tail_exponents"] = tables["tail_exponents"].assign(has_tail=False)
    figure = drawn(tables)
    assert "no seeds" in figure.axes[2].get_title()
    assert not figure.axes[2].collections
