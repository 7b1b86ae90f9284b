"""Figures of any networks from synthetic tables: complete for one to six of them, and showing the tables' numbers."""

import functools
import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import QuadMesh
from model_runs import tables as real_tables
from test_plots import boxes, collisions, dashed, intruders, outside

from scalinglaws.plots import drift_exponents, model_drift, model_flux, model_lanczos, model_shells, style
from scalinglaws.plots.model_panels import case_name, spread_note
from scalinglaws.plots.shell_map import FAINTEST, eigenvalue_range

FIGURES = {
    "model_shells": model_shells,
    "model_flux": model_flux,
    "model_drift": model_drift,
    "model_lanczos": model_lanczos,
}
NAMES = ("perceptron", "convolution", "transformer", "my_own_network_with_a_name_of_many_words", "b2", "c")
TIMES = np.concatenate([[0.0], np.geomspace(0.3, 100.0, 16)])
# Ten shells of ratio 4 between two open ones; energy is in shells 3 to 9, but for shell 5.
EDGES = np.concatenate([[0.0], 4.0 ** np.arange(-8.5, 2), [np.inf]])
HELD = (3, 4, 6, 7, 8, 9)
STEPS = (15, 30, 60, 120)
REGIONS = {"all": 1.1, "unlearned": 0.9, "frontier": 1.3, "learned": 1.5}


def grid(cases, **columns):
    """A row per case and choice of the other columns, with the place of the case in their order."""
    rows = itertools.product(enumerate(cases), *columns.values())
    return pd.DataFrame([(case, place, *row) for (place, case), *row in rows], columns=["case", "place", *columns])


def spread(table, column, n_seeds, *, low="low", high="high", by=0.2):
    """The table with an interval about a column, if there are seeds to give one."""
    width = by * table[column].abs() if n_seeds > 1 else np.nan
    return table.assign(**{low: table[column] - width, high: table[column] + width}, seeds=n_seeds)


def make_tables(cases=NAMES[:3], n_seeds=3):
    """All tables that the figures are drawn from; numbers tell cases apart."""
    shells = grid(cases, time=TIMES, shell=range(len(EDGES) - 1))
    shells["share"] = np.where(
        shells.shell.isin(HELD), 0.1 / (1 + shells.place + 4.0 ** (shells.shell - 6) * shells.time), 0
    )
    shells = shells.assign(low_edge=EDGES[shells.shell], high_edge=EDGES[shells.shell + 1])
    curves = grid(cases, quantity=("loss", "position", "largest eigenvalue"), time=TIMES)
    curves["value"] = curves.quantity.map({"loss": 1.0, "position": 0.5, "largest eigenvalue": 1.0}) / (
        1 + curves.place
    )
    flux = grid(cases, time=TIMES[1:], edge=EDGES[1:-1])
    flux["passed"] = 0.01 * (1 + flux.place) * np.log1p(flux.time) * np.exp(-(np.log(flux.edge * 20) ** 2))
    lanczos = grid(cases, time=(0.0, 100.0), n_steps=STEPS)
    lanczos["distance"] = 0.1 * (1 + lanczos.place) * (1 + lanczos.time / 100) / lanczos.n_steps**2
    lanczos = spread(lanczos, "distance", n_seeds).assign(told=3 * lanczos.distance, worst=0.5)
    fits = grid(cases, region=REGIONS, growth=("kept", "removed"))
    fits = fits[(fits.region == "all") | (fits.growth == "kept")].assign(sign=1)
    fits["exponent"] = fits.region.map(REGIONS) + 0.01 * fits.place
    fits["share_up_energy"] = fits.growth.map({"kept": 0.8, "removed": 0.6}) + 0.01 * fits.place
    profiles = grid(cases, position=np.geomspace(1e-3, 30, 12))
    # The largest position has a negative velocity, which a logarithmic axis has no place for.
    profiles["value"] = np.where(profiles.position > 29, -0.1, 1 + 0.1 * profiles.place)
    fits = spread(fits, "share_up_energy", n_seeds, low="up_low", high="up_high", by=0.05)
    return {
        "model_shells": spread(shells, "share", n_seeds),
        "model_curves": spread(curves, "value", n_seeds),
        "model_flux": spread(flux, "passed", n_seeds),
        "model_lanczos": lanczos,
        "model_drift": spread(fits, "exponent", n_seeds, by=0.05),
        "model_profiles": spread(profiles, "value", n_seeds),
    }


def draw(name, tables):
    """A figure, not laid out."""
    return FIGURES[name].draw(**{table: tables[table] for table in FIGURES[name].TABLES})


def laid_out(figure):
    """The figure as it is when it is saved."""
    with style.house_style():
        FigureCanvasAgg(figure).draw()
    return figure


@functools.cache
def drawn(name):
    """The figure of three cases."""
    return draw(name, make_tables())


def panels(figure):
    """Axes by case."""
    return {ax.get_title(): ax for ax in figure.axes if ax.get_title()}


def notes(figure):
    """Labels of axes, which say how many seeds there are."""
    return " ".join(ax.get_xlabel() + ax.get_ylabel() for ax in figure.axes)


def solid(ax):
    return [line for line in ax.lines if line not in dashed(ax)]


# --- whatever networks there are --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("count", [1, 3, 5])
def test_every_figure_is_labelled_and_nothing_overlaps(name, count):
    figure = laid_out(draw(name, make_tables(NAMES[:count])))
    assert len(figure.get_suptitle()) > 20
    assert figure.get_suptitle().count("$") % 2 == 0
    assert all(line.count("$") % 2 == 0 for line in figure.get_suptitle().split("\n")), "a formula is broken"
    assert (collisions(figure), outside(figure), list(intruders(figure))) == ([], [], [])
    written = " ".join(text.replace("\n", " ") for text, _ in boxes(figure))
    assert all(case.replace("_", " ") in written for case in NAMES[:count])
    assert "3 seeds" in written


@pytest.mark.parametrize("name", ["model_shells", "model_flux", "model_lanczos"])
@pytest.mark.parametrize("count", [1, 2, 4, 6])
def test_each_case_has_a_panel_and_each_column_and_row_its_labels(name, count):
    figure = draw(name, make_tables(NAMES[:count]))
    axes = panels(figure)
    assert list(axes) == [case_name(case) for case in NAMES[:count]]
    assert all(ax.has_data() for ax in axes.values())
    columns = {1: 1, 2: 2, 4: 2}.get(count, 3)
    for k, ax in enumerate(axes.values()):
        assert bool(ax.get_xlabel()) == (k >= count - columns)
        assert bool(ax.get_ylabel()) == (k % columns == 0)


@pytest.mark.parametrize("name", FIGURES)
def test_a_single_seed_has_no_interval(name):
    figure = draw(name, make_tables(n_seeds=1))
    for ax in figure.axes[:3]:
        meshes = [mesh for mesh in ax.collections if isinstance(mesh, QuadMesh)]
        bars = [bars for container in ax.containers for bars in container[2]]
        lengths = [np.ptp(segment[:, 0]) for bar in bars for segment in bar.get_segments()]
        assert not np.any(lengths)
        assert [band for band in ax.collections if band not in meshes and band not in bars] == []
    assert "1 seed" in notes(figure)


@pytest.mark.parametrize("name", FIGURES)
def test_seeds_may_be_missing_from_a_case(name):
    tables = {key: table.copy() for key, table in make_tables().items()}
    for table in tables.values():
        alone = table.case == "convolution"
        table.loc[alone, table.columns.intersection(["low", "high", "up_low", "up_high"])] = np.nan
        table.loc[alone, "seeds"] = 1
    assert "1 to 3 seeds" in notes(draw(name, tables))


@pytest.mark.parametrize("name", FIGURES)
def test_without_any_run_the_figure_says_so(name):
    empty = {key: table.iloc[:0] for key, table in make_tables().items()}
    figure = laid_out(draw(name, empty))
    words = {"model_lanczos": "no case is small enough", "model_drift": "too few cells"}.get(name, "no run")
    assert any(words in text.replace("\n", " ") for text, _ in boxes(figure))
    assert (collisions(figure), outside(figure)) == ([], [])


@pytest.mark.parametrize("name", FIGURES)
def test_tables_of_real_runs_are_drawn(name):
    figure = draw(name, real_tables())
    assert all(ax.has_data() for ax in figure.axes)


# --- what the figures show ------------------------------------------------------------------------------------------


def test_the_map_shows_each_shell_that_ever_holds_energy_and_the_three_lines():
    axes = panels(drawn("model_shells"))
    for place, ax in enumerate(axes.values()):
        lower, upper = (mesh for mesh in ax.collections if isinstance(mesh, QuadMesh))
        shown = np.concatenate([lower.get_array(), upper.get_array()])
        expected = [0.1 / (1 + place + 4.0 ** (shell - 6) * TIMES[1:]) for shell in HELD]
        np.testing.assert_allclose(shown, np.maximum(expected, FAINTEST))
        np.testing.assert_allclose(lower.get_coordinates()[:, 0, 1], EDGES[3:6])
        np.testing.assert_allclose(upper.get_coordinates()[:, 0, 1], EDGES[6:11])
        (frontier,) = dashed(ax)
        np.testing.assert_allclose(frontier.get_xydata(), np.column_stack([TIMES[1:], 1 / (2 * TIMES[1:])]))
        lines = {line.get_label(): line.get_ydata() for line in solid(ax)}
        assert set(lines["spectral position"]) == {0.5 / (1 + place)}
        assert set(lines["largest eigenvalue"]) == {1.0 / (1 + place)}
        np.testing.assert_allclose(ax.get_xlim(), (0.3, 100))


@pytest.mark.parametrize(
    ("shells", "low", "high"),
    [((3, 4), EDGES[3] / 4, EDGES[5]), ((0, 4), EDGES[1] / 4, EDGES[5]), ((4, 11), EDGES[4] / 4, EDGES[11] * 4)],
    ids=["inner", "null space", "above all"],
)
def test_the_axis_reaches_every_shell_that_holds_energy(shells, low, high):
    table = make_tables()["model_shells"]
    held = table.assign(share=table.shell.isin(shells) * 0.1)
    np.testing.assert_allclose(eigenvalue_range(held), (low, high))
    ax = next(iter(panels(draw("model_shells", {**make_tables(), "model_shells": held})).values()))
    covered = [mesh.get_coordinates()[[0, -1], 0, 1] for mesh in ax.collections if isinstance(mesh, QuadMesh)]
    assert all(bottom >= low * (1 - 1e-12) and top > bottom for bottom, top in covered)
    assert (max(top for _, top in covered) > high) == (11 in shells)


def test_what_passed_is_shown_at_four_times_with_the_frontier_on_each_line():
    table = make_tables()["model_flux"]
    for case, ax in panels(drawn("model_flux")).items():
        lines = {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}
        assert list(lines) == [f"{time:.3g}" for time in TIMES[1:][[4, 8, 11, 15]]]
        dots = [line for line in solid(ax) if line.get_marker() == "o"]
        assert len(dots) == len(lines) == len(ax.collections)
        for time, line, dot in zip(TIMES[1:][[4, 8, 11, 15]], lines.values(), dots, strict=True):
            rows = table[(table.case == case) & (table.time == time)]
            np.testing.assert_array_equal(line.get_xydata(), rows[["edge", "passed"]])
            (edge, passed) = dot.get_xydata()[0]
            assert edge == pytest.approx(1 / (2 * time))
            beside = rows.passed.to_numpy()[np.searchsorted(rows.edge, edge) + np.array([-1, 0])]
            assert beside.min() <= passed <= beside.max()
        assert len({tuple(line.get_color()) for line in lines.values()}) == 4
        assert any(set(line.get_ydata()) == {0.0} for line in dashed(ax))


def test_edges_beyond_all_that_moves_are_left_out():
    low, high = next(iter(panels(drawn("model_flux")).values())).get_xlim()
    gained = make_tables()["model_flux"].groupby(["case", "time"]).passed.diff().abs()
    moving = make_tables()["model_flux"].edge[gained > 1e-3 * make_tables()["model_flux"].passed.max()]
    assert EDGES[1] < low < moving.min()
    assert moving.max() < high < 10


def test_few_times_are_all_shown():
    table = make_tables()["model_flux"]
    figure = draw("model_flux", {"model_flux": table[table.time.isin(TIMES[[1, 16]])]})
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["0.3", "100"]
    figure = draw("model_flux", {"model_flux": table[table.time.isin(TIMES[[1, 8, 16]])]})
    assert [text.get_text() for text in figure.legends[0].get_texts()][-1] == "100"


def test_nothing_that_passes_is_a_flat_line():
    table = make_tables()["model_flux"].assign(passed=0.0, low=0.0, high=0.0)
    ax = next(iter(panels(draw("model_flux", {"model_flux": table})).values()))
    np.testing.assert_allclose(ax.get_xlim(), (EDGES[1], EDGES[-2]))


def test_drift_shows_exponents_by_region_directions_and_profiles():
    tables, (left, middle, right) = make_tables(), drawn("model_drift").axes
    assert [label.get_text() for label in left.get_yticklabels()] == list(NAMES[:3])
    fits = tables["model_drift"]
    for container, region in zip(left.containers, drift_exponents.REGIONS, strict=True):
        rows = fits[(fits.region == region) & (fits.growth == "kept")]
        np.testing.assert_array_equal(container[0].get_xdata(), rows.exponent)
        np.testing.assert_allclose([s[:, 0] for s in container[2][0].get_segments()], rows[["low", "high"]])
    for container, growth in zip(middle.containers, drift_exponents.DIRECTIONS, strict=True):
        rows = fits[(fits.region == "all") & (fits.growth == growth)]
        np.testing.assert_array_equal(container[0].get_xdata(), rows.share_up_energy)
    assert [line.get_xdata()[0] for line in dashed(left)] == [1, 2]
    assert [line.get_xdata()[0] for line in dashed(middle)] == [0.5]
    assert left.get_ylim() == middle.get_ylim()
    assert [line.get_label() for line in solid(right)] == list(NAMES[:3])
    for place, line in enumerate(solid(right)):
        assert len(line.get_xdata()) == 11
        assert set(line.get_ydata()) == {1 + 0.1 * place}
    flat, rising = dashed(right)
    assert set(flat.get_ydata()) == {1.0}
    assert np.diff(np.log(rising.get_ydata())) == pytest.approx(np.diff(np.log(rising.get_xdata())))
    assert "2 \\lambda t" in right.get_xlabel()


def test_a_region_that_nothing_is_fitted_in_has_no_point_and_its_case_keeps_its_line():
    tables = make_tables()
    fits = tables["model_drift"]
    lacking = (fits.case == "convolution") | (fits.region == "learned")
    profiles = tables["model_profiles"][tables["model_profiles"].case != "transformer"]
    left, _, right = draw("model_drift", {"model_drift": fits[~lacking], "model_profiles": profiles}).axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["perceptron", "transformer", "convolution"]
    assert [len(container[0].get_xdata()) for container in left.containers] == [2, 2, 0]
    assert [line.get_label() for line in solid(right)] == ["perceptron", "convolution"]


def test_profiles_that_are_nowhere_resolved_leave_words():
    tables = {**make_tables(), "model_profiles": make_tables()["model_profiles"].iloc[:0]}
    figure = laid_out(draw("model_drift", tables))
    assert "no window" in figure.axes[2].texts[0].get_text()
    assert (collisions(figure), outside(figure)) == ([], [])


def test_lanczos_shows_true_and_told_errors_at_both_moments_and_what_is_allowed():
    table = make_tables()["model_lanczos"]
    for case, ax in panels(drawn("model_lanczos")).items():
        rows = table[table.case == case]
        lines = {line.get_label(): line for line in solid(ax)}
        for time, kind in itertools.product((0, 100), ("true", "told")):
            line = lines[f"$t \\, \\lambda_{{max}}(0)$ = {time}, {kind}"]
            column = {"true": "distance", "told": "told"}[kind]
            np.testing.assert_array_equal(line.get_xydata(), rows[rows.time == time][["n_steps", column]])
            assert line.get_fillstyle() == {"true": "full", "told": "none"}[kind]
        assert [set(line.get_ydata()) for line in dashed(ax)] == [{1e-3}]
        assert [label.get_text() for label in ax.get_xticklabels()] == [str(n) for n in STEPS]
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
        assert len(ax.collections) == 2


def test_distances_of_zero_are_drawn_as_rounding():
    exact = make_tables()["model_lanczos"].assign(distance=0.0, low=0.0, high=0.0, told=0.0)
    ax = next(iter(panels(draw("model_lanczos", {"model_lanczos": exact})).values()))
    assert {tuple(set(line.get_ydata())) for line in solid(ax)} == {(1e-14,)}


def test_notes_say_what_the_values_are():
    table = pd.DataFrame({"seeds": [3, 3]})
    assert spread_note(table) == "mean, 95% interval, 3 seeds"
    assert spread_note(table, "fit") == "fit, 95% interval, 3 seeds"
    assert spread_note(table.assign(seeds=1)) == "1 seed"
    assert spread_note(table.iloc[:0]) == "no rows"


def test_long_names_are_broken():
    assert case_name("a_net") == "a net"
    assert max(map(len, case_name("my_own_network_with_a_name_of_many_words").split("\n"))) <= 24
