"""Figures from synthetic tables of the default run's shape: complete, readable, and showing the tables' numbers."""

import ast
import copy
import functools
import importlib
import itertools
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from snakemake.utils import update_config

from scalinglaws.plots import style
from scalinglaws.shells.orders import EXPECTED_ORDERS
from scalinglaws.store import load_yaml

ROOT = Path(__file__).resolve().parents[1]
STEMS = sorted(path.stem for path in (ROOT / "scalinglaws/plots").glob("[!_]*.py"))
MODULES = {stem: importlib.import_module(f"scalinglaws.plots.{stem}") for stem in STEMS}
# The figures that are tested here; the others have files of their own in tests/plots.
HERE = ("loss", "spectrum", "energy_map", "shell_budget", "lazy_limit", "width_scaling", "orders")
FIGURES = {stem: MODULES[stem] for stem in HERE}
DEFAULT = load_yaml(ROOT / "config/config.yaml")
SMOKE = copy.deepcopy(DEFAULT)
update_config(SMOKE, load_yaml(ROOT / "config/smoke.yaml"))

TIMES = np.geomspace(0.3, 400.0, 80)
RANKS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
# The lowest and the highest shell are open; shells 6 to 8 never hold energy and are not in the table.
EDGES = np.concatenate([[0.0], 2.0 ** np.arange(-11, 3), [np.inf]])
SHELLS = (1, 2, 3, 4, 5, 9, 10, 11, 12)
TERMS = {"dissipation": -1.0, "transfer": 0.4, "crossing": 0.3, "sum": -0.3, "measured": -0.3}
QUANTITIES = ("kernel_drift", "deviation")
SLOPE = {"slope": -1.0321, "low": -1.1111, "high": -0.9876}


def curves(keys, value, n_seeds, **columns):
    """A row per key and time; `value` is a function of both; its interval over seeds, which a single one lacks."""
    table = pd.DataFrame(keys).assign(**columns, seeds=n_seeds).merge(pd.DataFrame({"time": TIMES}), how="cross")
    table["value"] = value(table)
    spread = 0.2 * table.value.abs() if n_seeds > 1 else np.nan
    return table.assign(low=table.value - spread, high=table.value + spread)


def per_run(keys, n_seeds, **quantities):
    """A row per key and seed; quantities are functions of the key, and seeds differ by a factor."""
    table = pd.DataFrame(keys).merge(pd.DataFrame({"seed": range(n_seeds)}), how="cross")
    return table.assign(**{name: of(table) * 1.2**table.seed for name, of in quantities.items()})


def product(**values):
    return [dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())]


def sweep_tables(settings, datasets, n):
    keys = product(dataset=datasets, richness=settings["richness"])
    pair = {"dataset": datasets, "richness": sorted(settings["contrast"].values())}
    factors = {"kernel_drift": 1.0, "deviation": 0.1, "exchange_smooth": 0.01}
    maps = curves(product(**pair, shell=SHELLS), lambda t: 0.1 / (1 + t.shell * t.time), n, top_eigenvalue=0.1)
    budgets = curves(product(**pair, term=[*TERMS]), lambda t: t.term.map(TERMS) * t.time / (1 + t.time), n, shell=9)
    growth = curves(product(**pair, rank=RANKS), lambda t: (1 + t.richness * t.time) ** 0.5 / t["rank"], n)
    loss = curves(keys, lambda t: 0.5 / (1 + t.time * (1 + t.richness)), n)
    return {
        "runs": per_run(keys, n, **{q: lambda t, f=f: f * t.richness for q, f in factors.items()}),
        "lazy_slopes": pd.DataFrame(product(dataset=datasets, quantity=[*factors])).assign(**SLOPE),
        "loss_curves": loss.assign(lazy_loss=0.5 / (1 + loss.time)),
        "spectra": growth,
        "energy_maps": maps.assign(low_edge=EDGES[maps.shell], high_edge=EDGES[maps.shell + 1], share=maps.value),
        "shell_budgets": budgets.assign(low_edge=1.414, high_edge=2.828),
    }


def width_tables(settings, datasets, n):
    held = [{"held": held, "value": value} for held in ("richness", "richness0") for value in settings[held]]
    runs, fits = product(dataset=datasets, width=settings["widths"]), product(dataset=datasets, quantity=QUANTITIES)
    runs, fits = ([one | of for one, of in itertools.product(keys, held)] for keys in (runs, fits))
    measured = dict.fromkeys(QUANTITIES, lambda t: t.value / t.width.where(t.held == "richness", 9.0))
    return {"width_runs": per_run(runs, n, **measured), "width_slopes": pd.DataFrame(fits).assign(**SLOPE)}


def order_tables(settings, datasets, n):
    place = {"dataset": datasets, "quantity": [*EXPECTED_ORDERS]}
    keys, fits = product(**place, step=settings["steps"]), pd.DataFrame(product(**place))
    errors = per_run(keys, n, error=lambda t: 0.1 * t.step ** t.quantity.map(EXPECTED_ORDERS))
    fits = fits.assign(expected=fits.quantity.map(EXPECTED_ORDERS), order=1.9876, seeds=n)
    return {"order_errors": errors, "order_fits": fits}


def make_tables(config=DEFAULT, *, datasets=None, n_seeds=None):
    """All tables that figures are drawn from, as many rows as the config asks for, values of the size seen there."""
    tables = {}
    for name, make in (("sweep", sweep_tables), ("widths", width_tables), ("orders", order_tables)):
        settings = config["shells"][name]
        tables |= make(settings, datasets or settings["datasets"], n_seeds or len(settings["seeds"]))
    return tables


# What make_tables is called with: the default run's shape first.
SHAPES = {
    "default": {},
    "one seed": {"config": SMOKE, "n_seeds": 1, "datasets": ["my_data_set", "digits"]},
    "one data set": {"config": SMOKE, "datasets": ["digits"]},
}


def draw(stem, tables):
    """The figure of a module, not laid out."""
    return FIGURES[stem].draw(**{name: tables[name] for name in FIGURES[stem].TABLES})


@functools.cache
def drawn(stem, shape):
    """A figure that several tests look at, laid out as it is when it is saved."""
    figure = draw(stem, make_tables(**SHAPES[shape]))
    with style.house_style():
        FigureCanvasAgg(figure).draw()
    return figure


# --- what is on a figure --------------------------------------------------------------------------------------------


def panels(figure):
    """Axes that show data, colour bars left out, as rows of columns."""
    grid = [ax for ax in figure.axes if ax.get_subplotspec() is not None and not hasattr(ax, "_colorbar")]
    rows = sorted({ax.get_subplotspec().rowspan.start for ax in grid})
    return np.array([[ax for ax in grid if ax.get_subplotspec().rowspan.start == row] for row in rows])


def dashed(ax):
    """Lines in the style of what was predicted."""
    return [line for line in ax.lines if (str(line.get_color()), line.get_linestyle()) == ("black", "--")]


def solid(ax):
    return [line for line in ax.lines if line not in dashed(ax)]


def tick_labels(axis):
    place_of = axis.get_transform().transform
    low, high = sorted(place_of(axis.get_view_interval()))
    room = 1e-9 * (high - low)
    for minor in (False, True):
        for place, label in zip(axis.get_ticklocs(minor=minor), axis.get_ticklabels(minor=minor), strict=False):
            if low - room <= place_of(place) <= high + room:
                yield label
    yield axis.get_offset_text()


@style.styled
def tick_texts(ax, grid):
    """What is written below the axes, or below the last of its column if they share it."""
    column = np.argwhere(grid == ax)[0][1]
    return [label.get_text() for label in tick_labels(grid[-1, column].xaxis) if label.get_text()]


def texts(figure):
    """Every text of a figure that may be drawn."""
    legends = [*figure.legends, *(ax.get_legend() for ax in figure.axes if ax.get_legend())]
    yield from figure.texts
    for ax in figure.axes:
        yield from (ax.title, ax.xaxis.label, ax.yaxis.label, *ax.texts)
        yield from (*tick_labels(ax.xaxis), *tick_labels(ax.yaxis))
    for legend in legends:
        yield from (*legend.get_texts(), legend.get_title())


@style.styled
def boxes(figure):
    """(text, bounding box in pixels) of every text that is drawn."""
    renderer = figure.canvas.get_renderer()
    shown = [text for text in texts(figure) if text.get_visible() and text.get_text().strip()]
    return [(text.get_text(), text.get_window_extent(renderer)) for text in shown]


def overlap(one, other, slack=1.0):
    """Whether two boxes share more than `slack` pixels in both directions."""
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    return width > slack and height > slack


def collisions(figure):
    found = itertools.combinations(boxes(figure), 2)
    return [(one, other) for (one, box), (other, other_box) in found if overlap(box, other_box)]


def outside(figure):
    """Texts that the figure's border cuts."""
    page = figure.bbox
    return [name for name, b in boxes(figure) if b.x0 < 0 or b.y0 < 0 or b.x1 > page.x1 or b.y1 > page.y1]


def intruders(figure):
    """Titles, labels and legends of one panel, or of the figure, that reach into the frame of another."""
    renderer = figure.canvas.get_renderer()
    for ax, other in itertools.permutations(figure.axes, 2):
        own = [ax.title, ax.xaxis.label, ax.yaxis.label, *([ax.get_legend()] if ax.get_legend() else [])]
        frame = other.get_window_extent(renderer)
        yield from (artist for artist in own if overlap(artist.get_window_extent(renderer), frame))
    for artist, ax in itertools.product([*figure.legends, *figure.texts], figure.axes):
        if overlap(artist.get_window_extent(renderer), ax.get_window_extent(renderer)):
            yield artist


def test_every_figure_is_tested_somewhere():
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "tests/plots").glob("test_*.py")]
    imports = [node for text in sources for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)]
    elsewhere = {alias.name for node in imports if node.module == "scalinglaws.plots" for alias in node.names}
    named = {stem for stem in MODULES if any(f'"{stem}"' in text for text in sources)}
    figures = {stem for stem, module in MODULES.items() if hasattr(module, "TABLES")}
    assert figures <= {*HERE, *elsewhere, *named}


SHAPED = [*itertools.product(FIGURES, ("default", "one seed")), ("loss", "one data set")]


@pytest.mark.parametrize(("stem", "shape"), SHAPED)
def test_every_figure_is_labelled_and_nothing_overlaps(stem, shape):
    figure = drawn(stem, shape)
    assert len(figure.get_suptitle()) > 20
    assert (collisions(figure), outside(figure), list(intruders(figure))) == ([], [], [])
    grid = panels(figure)
    for row, column in np.ndindex(grid.shape):
        ax = grid[row, column]
        assert ax.has_data()
        assert ax.get_title() or ax.get_ylabel(), "nothing tells this panel from its neighbours"
        # A shared axis is labelled at the border of the grid.
        assert ax.get_xlabel() or (row < len(grid) - 1 and grid[-1, column].get_xlabel())
        assert ax.get_ylabel() or (column > 0 and grid[row, 0].get_ylabel())
    assert all(ax.get_ylabel() for ax in figure.axes if ax not in grid.ravel()), "a colour bar has no label"
    assert any("my data set" in name for name, _ in boxes(figure)) == (shape == "one seed")


def test_overlaps_would_be_seen():
    figure = Figure(figsize=(3, 2))
    one, two = figure.subplots(1, 2)
    one.set_title("a title much too long for its panel")
    two.set_title("its neighbour, also too long")
    two.text(-0.9, 0.5, "inside the other", transform=two.transAxes)
    one.legend(handles=[], title="legend", bbox_to_anchor=(1.5, 0.5))
    figure.text(0.9, 0.5, "beyond the border")
    FigureCanvasAgg(figure).draw()
    assert any("neighbour" in other for _, other in collisions(figure))
    assert any("beyond" in name for name in outside(figure))
    assert one.get_legend() in list(intruders(figure))


# --- what the lines say ---------------------------------------------------------------------------------------------


def test_loss_shows_every_richness_with_its_interval_and_the_lazy_prediction():
    table, figure = make_tables()["loss_curves"], drawn("loss", "default")
    (axes,) = panels(figure)
    for ax, dataset in zip(axes, ("power_law", "digits"), strict=True):
        assert ax.get_title() == style.dataset_name(dataset)
        rows = table[table.dataset == dataset]
        assert len(solid(ax)) == len(ax.collections) == rows.richness.nunique()
        assert len({str(line.get_color()) for line in solid(ax)}) == rows.richness.nunique()
        for line in solid(ax):
            np.testing.assert_array_equal(line.get_ydata(), rows[rows.richness == float(line.get_label())].value)
        (lazy,) = dashed(ax)
        np.testing.assert_allclose(lazy.get_ydata(), 0.5 / (1 + lazy.get_xdata()))
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == [*(f"{r:g}" for r in DEFAULT["shells"]["sweep"]["richness"]), "lazy prediction"]
    assert f"{len(DEFAULT['shells']['sweep']['seeds'])} seeds" in axes[0].get_ylabel()


def test_spectrum_shows_every_rank_lazy_left_and_rich_right():
    contrast = DEFAULT["shells"]["sweep"]["contrast"]
    for (_, column), ax in np.ndenumerate(panels(drawn("spectrum", "default"))):
        richness = (contrast["lazy"], contrast["rich"])[column]
        assert ax.get_title().endswith(f"{('lazy', 'feature learning')[column]}, richness {richness:g}")
        assert [int(line.get_label()) for line in ax.lines] == list(RANKS)
        for line in ax.lines:
            np.testing.assert_allclose(line.get_ydata(), (1 + richness * TIMES) ** 0.5 / int(line.get_label()))


def test_energy_map_shows_each_share_in_its_shell_and_the_lazy_frontier():
    for ax in panels(drawn("energy_map", "default")).ravel():
        (frontier,) = dashed(ax)
        np.testing.assert_allclose(frontier.get_data(), (TIMES, 1 / (2 * TIMES * 0.1)))
        below, above = ax.collections
        assert [mesh.get_array().shape for mesh in (below, above)] == [(5, 80), (4, 80)]
        shown = np.concatenate([below.get_array(), above.get_array()])
        np.testing.assert_allclose(shown, [np.maximum(0.1 / (1 + s * TIMES), 1e-5) for s in SHELLS])
        for mesh, shells in ((below, (1, 2, 3, 4, 5)), (above, (9, 10, 11, 12))):
            borders = mesh.get_coordinates()
            np.testing.assert_allclose(borders[:, 0, 1], [*EDGES[list(shells)], EDGES[shells[-1] + 1]])
            assert (borders[0, :-1, 0] < TIMES).all()
            assert (borders[0, 1:, 0] > TIMES).all()
        low, high = ax.get_ylim()
        assert low < EDGES[1]
        assert high == EDGES[13]


def test_open_shells_are_drawn_to_the_border():
    tables = make_tables()
    maps = tables["energy_maps"]
    bottom, top = (maps[maps.shell == 1].assign(shell=s, low_edge=EDGES[s], high_edge=EDGES[s + 1]) for s in (0, 14))
    figure = draw("energy_map", {"energy_maps": pd.concat([bottom, maps, top], ignore_index=True)})
    assert [mesh.get_array().shape for mesh in panels(figure)[0, 0].collections] == [(6, 80), (4, 80), (1, 80)]


def test_shell_budget_shows_the_terms_their_sum_and_the_measured_change():
    for ax in panels(drawn("shell_budget", "default")).ravel():
        lines = {line.get_label().split()[0]: line for line in ax.lines if not line.get_label().startswith("_")}
        assert set(lines) == {"minus", "transfer", "crossing", "sum", "measured"}
        for name, line in lines.items():
            factor = TERMS.get(name, TERMS["dissipation"])
            np.testing.assert_allclose(line.get_ydata(), factor * line.get_xdata() / (1 + line.get_xdata()))
        assert lines["measured"].get_linestyle() == "None"
        assert len(ax.collections) == 4
        assert "[1.4, 2.8)" in ax.texts[0].get_text()
    assert len(drawn("shell_budget", "default").legends[0].get_texts()) == 5


def test_lazy_limit_shows_each_quantity_and_a_guide_of_slope_one():
    (axes,) = panels(drawn("lazy_limit", "default"))
    for ax, factor in zip(axes, (1.0, 0.1, 0.01), strict=True):
        (guide,) = [line for line in dashed(ax) if len(line.get_xdata()) == 2]
        x, y = guide.get_xdata(), guide.get_ydata()
        assert np.diff(np.log(y)) / np.diff(np.log(x)) == pytest.approx(1.0)
        curves = [line for line in ax.lines if line is not guide]
        assert len(curves) == len(ax.collections) == 2
        mean = 1.2 ** np.mean(range(len(DEFAULT["shells"]["sweep"]["seeds"])))
        for line in curves:
            np.testing.assert_allclose(line.get_ydata(), factor * line.get_xdata() * mean)
            assert line.get_label().endswith("slope -1.032 [-1.111, -0.988]")


def test_width_scaling_shows_each_held_richness_with_its_slope_and_one_over_n():
    widths = DEFAULT["shells"]["widths"]
    grid = panels(drawn("width_scaling", "default"))
    for (_, column), ax in np.ndenumerate(grid):
        assert tick_texts(ax, grid) == [f"{width}" for width in widths["widths"]]
        assert len(solid(ax)) == len(widths["richness"]) + len(widths["richness0"])
        guides, falling = dashed(ax), solid(ax)[: len(widths["richness"])]
        assert len(guides) == len(widths["richness"])
        for guide, line in zip(guides, falling, strict=True):
            np.testing.assert_allclose(guide.get_ydata()[0], line.get_ydata()[0])
            np.testing.assert_allclose(np.multiply(*guide.get_data()), guide.get_ydata()[0] * min(widths["widths"]))
        for line, value in zip(falling, widths["richness"], strict=True):
            assert f"= {value:g}\nslope -1.03 [-1.11, -0.99]" in line.get_label()
        assert ("drift", "deviation")[column] in ax.get_ylabel()


def test_orders_shows_each_discretisation_with_its_expected_order():
    grid = panels(drawn("orders", "default"))
    for row in grid:
        labels = [line.get_label().split("\n") for ax in row for line in solid(ax)]
        assert {name for name, _ in labels} == set(EXPECTED_ORDERS)
        for name, numbers in labels:
            assert numbers == f"measured 1.99, expected {EXPECTED_ORDERS[name]}"
        for ax in row:
            assert tick_texts(ax, grid) == [f"{step:g}" for step in sorted(DEFAULT["shells"]["orders"]["steps"])]
            for guide, line in zip(dashed(ax), solid(ax), strict=True):
                order = EXPECTED_ORDERS[line.get_label().split("\n")[0]]
                np.testing.assert_allclose(guide.get_ydata()[0], line.get_ydata()[0])
                assert np.diff(np.log(guide.get_ydata())) / np.diff(np.log(guide.get_xdata())) == pytest.approx(order)


def test_a_slope_that_could_not_be_fitted_is_no_slope():
    tables = make_tables()
    (axes,) = panels(draw("lazy_limit", {**tables, "lazy_slopes": tables["lazy_slopes"].iloc[:0]}))
    assert {line.get_label().split("\n")[-1] for line in axes[0].lines if "\n" in line.get_label()} == {"no slope"}


@pytest.mark.parametrize("stem", FIGURES)
def test_intervals_are_left_out_where_there_are_none(stem):
    axes = panels(drawn(stem, "one seed")).ravel()
    assert not [band for ax in axes for band in ax.collections if not isinstance(band, QuadMesh)]


def test_three_data_sets_are_all_drawn():
    figure = draw("lazy_limit", make_tables(SMOKE, datasets=["digits", "power_law", "third"]))
    assert any("third" in text.get_text() for text in figure.axes[0].get_legend().get_texts())


def test_lines_of_one_panel_can_be_told_apart():
    config = copy.deepcopy(SMOKE)
    config["shells"]["widths"]["richness"] = [0.001, 0.01, 0.1, 1.0, 10.0]
    for ax in panels(draw("width_scaling", make_tables(config))).ravel():
        looks = [(line.get_color(), line.get_marker(), line.get_linestyle()) for line in solid(ax)]
        assert len(set(looks)) == len(looks)


# --- style ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def other_taste():
    """A caller's own settings, put back after the test."""
    with mpl.rc_context({"font.size": 31.0, "axes.grid": True, "lines.linewidth": 9.0, "figure.dpi": 50}):
        yield


@pytest.mark.parametrize("stem", FIGURES)
def test_the_callers_settings_are_neither_changed_nor_used(stem, other_taste):
    before, figure, expected = dict(mpl.rcParams), draw(stem, make_tables()), drawn(stem, "default")
    assert dict(mpl.rcParams) == before
    looks = [(f.dpi, f.axes[0].yaxis.label.get_size(), f.axes[0].lines[0].get_linewidth()) for f in (figure, expected)]
    assert looks[0] == looks[1]
