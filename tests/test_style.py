"""The house style: what it sets holds for drawing and for saving, and the caller's settings come back."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import seaborn as sns
from matplotlib.image import imread
from matplotlib.layout_engine import ConstrainedLayoutEngine

from scalinglaws.plots import style
from scalinglaws.store import save_figure


def test_palette_and_style_are_those_of_seaborn():
    np.testing.assert_allclose(style.PALETTE, sns.color_palette("colorblind"), atol=1e-12)
    theirs = {**sns.axes_style("ticks"), **sns.plotting_context("paper")}
    names = theirs.keys() - {"font.family", "font.sans-serif", "image.cmap"}
    ours = {**mpl.rcParamsDefault, **style.SEABORN}
    assert {name: ours[name] for name in names} == pytest.approx({name: theirs[name] for name in names})


@pytest.mark.parametrize(("x", "text"), [(1.0, "10⁰"), (1e3, "10³"), (1e-12, "10⁻¹²"), (1e25, "10²⁵")])
def test_powers_of_ten_are_written_without_formulas(x, text):
    _, axes = style.panels(1, 1, "a title")
    axes[0, 0].set(xscale="log", xlim=(1e-13, 1e26))
    formatter = style.PlainPowers()
    formatter.set_axis(axes[0, 0].xaxis)
    formatter.set_locs([])
    assert formatter(x) == text


@pytest.mark.parametrize(("high", "minor"), [(500.0, True), (2e3, False)])
def test_ticks_between_powers_are_left_out_over_many_decades(tmp_path, high, minor):
    drawn, axes = style.styled(style.panels)(1, 1, "a title")
    axes[0, 0].set(xscale="log", xlim=(1.0, high))
    save_figure(tmp_path / "a.png", drawn)
    assert bool(len(axes[0, 0].xaxis.get_minorticklocs())) == minor


@pytest.fixture
def other_taste():
    """A caller's own settings, put back after the test."""
    changed = {"font.size": 31.0, "axes.grid": True, "lines.linewidth": 9.0, "figure.dpi": 50, "savefig.dpi": 40}
    with mpl.rc_context({**changed, "xtick.minor.size": 20.0, "axes.titlepad": 30.0, "pdf.fonttype": 3}):
        yield


@style.styled
def figure(fails=False):
    """A small figure on logarithmic axes, which find their minor ticks late."""
    drawn, axes = style.panels(1, 2, "a title", panel=(2, 2))
    table = pd.DataFrame({"time": [1.0, 30.0], "value": [1.0, 200.0], "low": [0.5, 90.0], "high": [2.0, 300.0]})
    style.curve(axes[0, 0], table, "time", label="a line")
    axes[0, 0].set(xscale="log", yscale="log", xlabel="time", title="a panel")
    if fails:
        raise KeyboardInterrupt
    return drawn


@pytest.mark.parametrize("suffix", ["png", "pdf"])
def test_a_saved_figure_does_not_depend_on_the_callers_settings(tmp_path, other_taste, suffix):
    before = dict(mpl.rcParams)
    save_figure(tmp_path / f"theirs.{suffix}", figure())
    assert dict(mpl.rcParams) == before
    mpl.rcdefaults()
    save_figure(tmp_path / f"default.{suffix}", figure())
    assert (tmp_path / f"theirs.{suffix}").read_bytes() == (tmp_path / f"default.{suffix}").read_bytes()


def test_resolution_and_fonts_are_those_of_the_style(tmp_path):
    save_figure(tmp_path / "a.png", figure())
    assert imread(tmp_path / "a.png").shape[:2] == (
        2.5 * style.SETTINGS["savefig.dpi"],
        4 * style.SETTINGS["savefig.dpi"],
    )
    assert style.SETTINGS["pdf.fonttype"] == 42
    save_figure(tmp_path / "a.pdf", figure())
    assert b"/Type3" not in (tmp_path / "a.pdf").read_bytes()


def test_settings_come_back_when_a_drawing_fails(other_taste):
    before = dict(mpl.rcParams)
    with pytest.raises(KeyboardInterrupt):
        figure(fails=True)
    assert dict(mpl.rcParams) == before


def test_a_curve_has_a_band_only_where_there_is_an_interval():
    table = pd.DataFrame({"x": [1.0, 2.0], "value": [1.0, 2.0], "low": [np.nan, np.nan], "high": [np.nan, np.nan]})
    _, axes = style.panels(1, 2, "a title")
    style.curve(axes[0, 0], table, "x")
    style.curve(axes[0, 1], table.assign(low=0.5, high=3.0), "x")
    assert [len(ax.collections) for ax in axes[0]] == [0, 1]
    assert [len(ax.lines) for ax in axes[0]] == [1, 1]


def test_shades_are_in_order_and_distinct():
    colours = style.shades([3.0, 1.0, 2.0])
    lightness = [np.dot(colours[value][:3], (0.3, 0.6, 0.1)) for value in (1.0, 2.0, 3.0)]
    assert lightness == sorted(lightness)
    assert np.diff(lightness).min() > 0.1


@pytest.mark.parametrize(("seeds", "note"), [([5, 5], "5 seeds"), ([3, 5], "3 to 5 seeds"), ([1, 1], "1 seed")])
def test_the_number_of_seeds_is_told(seeds, note):
    assert style.seeds_note(pd.DataFrame({"seeds": seeds})) == note


@pytest.mark.parametrize(
    ("name", "shown"),
    [("power_law", "power-law data"), ("digits_small", "handwritten digits"), ("my_own_set", "my own set")],
)
def test_data_sets_are_named_for_a_reader(name, shown):
    assert style.dataset_name(name) == shown


def test_the_smaller_of_two_richness_values_is_the_lazy_one():
    titles = [style.regime_title("digits", richness, [10.0, 0.01]) for richness in (0.01, 10.0)]
    assert titles == [
        "handwritten digits\nlazy, richness 0.01",
        "handwritten digits\nfeature learning, richness 10",
    ]


def test_a_figure_is_laid_out_once_however_often_it_is_saved(tmp_path, monkeypatch):
    """Matplotlib would do it for every format, at half of the time of each."""
    done = []
    monkeypatch.setattr(ConstrainedLayoutEngine, "execute", lambda engine, figure: done.append(figure))
    drawn = figure()
    for suffix in ("png", "pdf", "svg"):
        drawn.savefig(tmp_path / f"a.{suffix}")
    assert done == [drawn]
