"""Figures of the initialisation from synthetic tables: what they show, what is predicted, and nothing that overlaps."""

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from scalinglaws.plots import shallow_balanced_trap, shallow_kernel_rich, style

FIGURES = (shallow_kernel_rich, shallow_balanced_trap)
SCALE, TIME = np.geomspace(1e-5, 10, 13), np.geomspace(0.01, 60, 21)
STARTS = {"balanced": 0.0, "1e-12": 1e-12, "1e-06": 1e-6, "0.001": 1e-3, "independent": np.nan}


def table(place, value, n_seeds):
    value = np.asarray(value)
    spread = 0.2 * value if n_seeds > 1 else np.nan
    return pd.DataFrame({**place, "value": value, "low": value - spread, "high": value + spread, "seeds": n_seeds})


def kernel_rich(n_seeds):
    """Curves that bend once, at 0.1; exponents 1 and -4, and flow on the curve at every fourth scale."""
    small, large = np.minimum(1, 10 * SCALE), np.minimum(1, (10 * SCALE) ** -4.0)
    curves = {"excess_risk": 0.6 * small, "l1_distance": small, "l2_distance": large}
    frames = []
    for (quantity, value), (source, step) in itertools.product(curves.items(), {"potential": 1, "flow": 4}.items()):
        place = {"scale": SCALE[::step], "source": source, "quantity": quantity}
        frames.append(table(place, value[::step], n_seeds))
    ends = {"l1": [1e-29], "l2": [0.6]}
    frames += [table({"scale": np.nan, "source": s, "quantity": "excess_risk"}, v, n_seeds) for s, v in ends.items()]
    windows = {"window_low": [1e-5, 1.0], "window_high": [1e-4, 10.0]}
    rates = {"limit": ["rich", "kernel"], "predicted": [1.0, -4.0], "fitted": [1.0, -4.0], **windows}
    samples = table({"scale": SCALE, "source": "potential"}, np.where(SCALE < 0.1, 30.0, 100.0), n_seeds)
    least = table({"scale": np.nan, "source": "l1"}, [27.0], n_seeds)
    return {
        "kernel_rich": pd.concat(frames, ignore_index=True),
        "kernel_rich_rates": table(rates, [0.01, 0.0], n_seeds),
        "kernel_rich_samples": pd.concat([samples, least], ignore_index=True),
    }


def balanced_trap(n_seeds):
    """The law of the imbalance, exactly; distances that fall to 0.5, or on beyond. The larger weight decay is at 9."""
    frames = []
    for weight_decay, (start, imbalance) in itertools.product((0.5, 2.0), STARTS.items()):
        place = {"start": start, "imbalance": imbalance, "weight_decay": weight_decay, "time": np.append(0.0, TIME)}
        law = np.exp(-2 * place["time"])
        if imbalance:
            frames.append(table({**place, "quantity": "imbalance_left", "predicted": law}, law, n_seeds))
        value = 0.5 + 1 / (1 + place["time"]) if start == "balanced" else 1.5 / (1 + place["time"])
        value = value if weight_decay == 0.5 else np.full(22, 9.0)
        frames.append(table({**place, "quantity": "distance", "predicted": 0.5}, value, n_seeds))
    return {"balanced_decay": pd.concat(frames, ignore_index=True)}


MAKERS = {shallow_kernel_rich: kernel_rich, shallow_balanced_trap: balanced_trap}


def drawn(module, n_seeds=6):
    figure = module.draw(**MAKERS[module](n_seeds))
    with style.house_style():
        FigureCanvasAgg(figure).draw()
    return figure


def dashed(ax):
    return [line for line in ax.lines if (str(line.get_color()), line.get_linestyle()) == ("black", "--")]


@pytest.mark.parametrize("module", FIGURES)
def test_makers_give_the_tables_that_the_module_names(module):
    assert tuple(MAKERS[module](2)) == module.TABLES


def test_flow_lies_on_the_potential_s_line_and_exponents_through_its_ends():
    risk, distances, samples = drawn(shallow_kernel_rich).axes
    line, flow = risk.lines[:2]
    assert flow.get_linestyle() == "None"
    np.testing.assert_allclose(np.interp(flow.get_xdata(), *line.get_data()), flow.get_ydata())
    assert [law.get_ydata()[0] for law in dashed(risk)] == [0.6]
    rich, kernel = dashed(distances)
    for law, low, high, exponent in ((rich, 1e-5, 1e-4, 1.0), (kernel, 1.0, 10.0, -4.0)):
        x, y = law.get_data()
        assert (x[0], x[-1]) == pytest.approx((low, high))
        np.testing.assert_allclose(y, (10 * x) ** exponent)
    assert samples.lines[0].get_ydata().tolist() == [30.0] * 8 + [100.0] * 5
    assert samples.get_legend().get_texts()[0].get_text().endswith("norm: 27")


def test_imbalances_lie_on_their_law_and_every_case_is_seen():
    ax = drawn(shallow_balanced_trap).axes[0]
    *cases, law = ax.lines
    assert len(cases) == 8 == len({(line.get_marker(), line.get_color()) for line in cases})
    for line in cases:
        assert len(line.get_xdata()) >= 2
        np.testing.assert_allclose(line.get_ydata(), 2 * line.get_xdata())
    np.testing.assert_allclose(law.get_ydata(), 2 * TIME)
    places = np.concatenate([line.get_xdata() for line in cases])
    assert len(set(places)) == len(places)


def test_distances_are_those_of_the_smallest_weight_decay_with_the_orthant_s():
    ax = drawn(shallow_balanced_trap).axes[1]
    curves = [line for line in ax.lines if line not in dashed(ax)]
    assert [line.get_label() for line in curves] == list(STARTS)
    assert max(line.get_ydata().max() for line in curves) < 2
    assert [law.get_ydata()[0] for law in dashed(ax)] == [0.5]
    assert "weight decay 0.5" in ax.get_legend().get_title().get_text()


def test_without_l1_rows_or_rates_the_rest_is_drawn():
    tables = kernel_rich(6)
    samples = tables["kernel_rich_samples"]
    tables |= {
        "kernel_rich_samples": samples[samples.source == "potential"],
        "kernel_rich_rates": tables["kernel_rich_rates"].iloc[:0],
    }
    _, distances, last = shallow_kernel_rich.draw(**tables).axes
    assert dashed(distances) == []
    assert len(last.lines) == 1


@pytest.mark.parametrize("n_seeds", [6, 1])
@pytest.mark.parametrize("module", FIGURES)
def test_everything_is_labelled_and_no_texts_overlap(module, n_seeds):
    figure = drawn(module, n_seeds)
    assert all(ax.get_xlabel() and ax.get_ylabel() for ax in figure.axes)
    bands = [band for ax in figure.axes for band in ax.collections]
    assert bool(bands) == (n_seeds > 1)
    with style.house_style():
        renderer = figure.canvas.get_renderer()
        texts = [*figure.texts, *(t for ax in figure.axes for t in (ax.title, ax.xaxis.label, ax.yaxis.label))]
        for legend in (ax.get_legend() for ax in figure.axes):
            texts += [*legend.get_texts(), legend.get_title()]
        boxes = [(t.get_text(), t.get_window_extent(renderer)) for t in texts if t.get_text()]
    assert any(f"{n_seeds} seed" in text for text, _ in boxes)
    pairs = itertools.combinations(boxes, 2)
    assert [(one, other) for (one, box), (other, other_box) in pairs if share(box, other_box)] == []
    page = figure.bbox
    assert [t for t, box in boxes if min(box.x0, box.y0) < 0 or box.x1 > page.x1 or box.y1 > page.y1] == []


def share(one, other, slack=1.0):
    """Whether two boxes share more than `slack` pixels in both directions."""
    width, height = min(one.x1, other.x1) - max(one.x0, other.x0), min(one.y1, other.y1) - max(one.y0, other.y0)
    return width > slack and height > slack
