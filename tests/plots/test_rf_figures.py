"""Figures of random features from synthetic tables of the default run's shape: what they show, and nothing overlaps."""

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from scalinglaws.plots import (
    nlrf_additive,
    nlrf_additive_multiplicative,
    nlrf_crossover,
    nlrf_erf,
    nlrf_isotropic,
    nlrf_noise_mitigated,
    nlrf_transition,
    rf_deep,
    rf_isotropic,
    rf_noise_mitigated,
    rf_section,
    rf_structured,
    rf_variance_dominated,
    rf_variance_ridge,
    style,
)

ISOTROPIC = {"dim": 200, "width": 100, "capacity": np.nan, "source": np.nan, "noise_std": 0.25}
POWER_LAW = {"dim": 10000, "width": 2000, "capacity": 3.0, "source": 0.3, "noise_std": 0.4, "feature_noise_std": 0.025}
SECTIONS = {
    rf_isotropic: ("rf_isotropic", ISOTROPIC),
    rf_variance_dominated: ("rf_variance_dominated", POWER_LAW),
    rf_variance_ridge: ("rf_variance_ridge", POWER_LAW | {"ridge_exponent": 1.5, "ridge": np.nan}),
    rf_noise_mitigated: ("rf_noise_mitigated", POWER_LAW | {"ridge_exponent": 2.0, "ridge": np.nan}),
    rf_deep: ("rf_deep", POWER_LAW | {"widths": "1000, 1000", "width": 1000}),
    nlrf_isotropic: ("nlrf_isotropic", ISOTROPIC | {"feature_noise_std": 0.5}),
    nlrf_transition: ("nlrf_transition", POWER_LAW),
    nlrf_additive: ("nlrf_additive", POWER_LAW),
    nlrf_additive_multiplicative: ("nlrf_additive_multiplicative", POWER_LAW | {"width": 300}),
    nlrf_noise_mitigated: ("nlrf_noise_mitigated", POWER_LAW),
}
PARTS = {"bias": 0.5, "var_x": 0.2, "var_f": 0.1, "var_xf": 0.1, "var_xe": 0.06, "var_xfe": 0.04}
# Each quantity as (value at one sample, exponent); df1 is what makes dim df1 / n_samples a half.
LAWS = {
    **{"excess_risk": (1.0, -0.7), "kappa1": (0.1, -1.0), "kappa2": (1.0, -1.0), "train_error": (1e-9, 1.0)},
    **{"gamma1": (0.4, 0.0), "gamma2": (0.3, 0.0), "kappa_slope": (0.9, 0.0)},
    **{part: (share, -0.7) for part, share in PARTS.items()},
}
SIMULATED = (*PARTS, "excess_risk", "kappa1", "df1", "train_error")


def law(quantity, n_samples, dim):
    if quantity == "df1":
        return 0.5 * n_samples / dim
    start, exponent = LAWS[quantity]
    return start * n_samples**exponent


def long(section, about, n_samples, quantities):
    rows = pd.DataFrame(
        itertools.product(quantities, np.asarray(n_samples, dtype=float)), columns=["quantity", "n_samples"]
    )
    place = {"section": section, "feature_capacity": np.nan, "dim": about["dim"], "width": about["width"]}
    value = [law(row.quantity, row.n_samples, about["dim"]) for row in rows.itertuples()]
    return rows.assign(**place, value=value)


def tables_of(section, about, *, simulated=(10, 20, 40, 80, 160, 320, 640, 1000)):
    """Everything that a figure of a section may ask for: theory is the law, and simulation 1.1 times as much."""
    curves = long(section, about, np.geomspace(1, 1e5, 41), (*LAWS, "df1"))
    points = long(section, about, simulated, SIMULATED).assign(seeds=8)
    points = points.assign(theory=points.value, value=1.1 * points.value)
    spread = 0.3 * points.value
    numbers = {"ridge": 1e-5, "ridge_exponent": np.nan, "widths": str(about["width"]), "feature_noise_std": 0.0} | about
    sections = pd.DataFrame([{"section": section, "data_draws": 8, "feature_draws": 8} | numbers])
    assumption = "input convention" if section == "rf_deep" else "no feature noise"
    others = curves.assign(value=curves.value / 2, assumption=assumption)
    return {
        **{"curves": curves, "points": points.assign(low=points.value - spread, high=points.value + spread)},
        **{"curve_sections": sections, "counterfactual_curves": others},
    }


def structured_tables():
    widths, capacities = np.array([100.0, 320.0, 1000.0, 1e4]), (0.3, 0.7, 1.2)
    place = {"section": "rf_structured", "dim": 2000, "n_samples": 10.0}
    keys = itertools.product(capacities, ("var_f", "kappa1"), widths)
    curves = pd.DataFrame(keys, columns=["feature_capacity", "quantity", "width"]).assign(**place)
    curves["value"] = 1e-2 * (1 + curves.feature_capacity) * curves.width ** (curves.feature_capacity - 1.2)
    points = curves.assign(theory=curves.value, low=0.9 * curves.value, high=1.1 * curves.value, seeds=16)
    about = {
        "section": "rf_structured",
        "data_draws": 16,
        "feature_draws": 16,
        "dim": 2000,
        "ridge": 0.0,
        "noise_std": 0.0,
    }
    sections = pd.DataFrame([about | {"capacity": 1.7, "source": 0.8}])
    return {"curves": curves, "points": points[points.width <= 1000], "curve_sections": sections}


def erf_tables():
    keys = itertools.product((0.25, 0.5), (*PARTS, "excess_risk"), (30.0, 60.0, 100.0, 200.0, 800.0))
    points = pd.DataFrame(keys, columns=["feature_noise_std", "quantity", "n_samples"])
    points = points.assign(dim=200, width=100, value=points.n_samples**-0.5, seeds=8)
    points = points.assign(
        theory=points.value, linear=points.value / 2, low=0.8 * points.value, high=1.2 * points.value
    )
    return {"erf_points": points, "erf_curves": points.drop(columns=["dim", "theory", "low", "high", "seeds"])}


def crossover_tables():
    n_samples = np.geomspace(10, 1e16, 41)
    keys = pd.DataFrame(
        itertools.product((0.0, 1e-5), ("kappa2", "bias", "excess_risk")), columns=["trace", "quantity"]
    )
    rows = keys.merge(pd.DataFrame({"n_samples": n_samples}), how="cross")
    expected = np.where(rows.n_samples < 1e12, -1.6, 0.0)
    return {"crossover_curves": rows.assign(value=rows.n_samples**-1.6, slope=-1.5, expected=expected)}


def made(module):
    if module in SECTIONS:
        return tables_of(*SECTIONS[module])
    return {rf_structured: structured_tables, nlrf_erf: erf_tables, nlrf_crossover: crossover_tables}[module]()


def drawn(module, tables):
    figure = module.draw(**{name: tables[name] for name in module.TABLES})
    with style.house_style():
        FigureCanvasAgg(figure).draw()
    return figure


FIGURES = [*SECTIONS, rf_structured, nlrf_erf, nlrf_crossover]
NAMES = [module.__name__.split(".")[-1] for module in FIGURES]


@pytest.fixture(scope="module")
def figures():
    return {module: drawn(module, made(module)) for module in FIGURES}


def dashed(ax):
    """x and y of the lines in the style of what was predicted."""
    lines = [line for line in ax.lines if (str(line.get_color()), line.get_linestyle()) == ("black", "--")]
    return [(line.get_xdata(), line.get_ydata()) for line in lines]


def slopes(ax):
    return [float(np.diff(np.log(y[[0, -1]]))[0] / np.diff(np.log(x[[0, -1]]))[0]) for x, y in dashed(ax)]


def texts(figure):
    for ax in figure.axes:
        yield from (ax.title, ax.xaxis.label, ax.yaxis.label, *ax.texts)
        yield from ax.get_legend().get_texts() if ax.get_legend() else ()
        for axis in (ax.xaxis, ax.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=False)
            yield from (label for place, label in ticks if low <= place <= high)
    yield from figure.texts
    yield from (text for legend in figure.legends for text in legend.get_texts())


@style.styled
def boxes(figure):
    renderer = figure.canvas.get_renderer()
    shown = [text for text in texts(figure) if text.get_visible() and text.get_text().strip()]
    return [(text.get_text(), text.get_window_extent(renderer)) for text in shown]


def share(one, other, slack=1.0):
    """Whether two boxes share more than `slack` pixels in both directions."""
    width, height = min(one.x1, other.x1) - max(one.x0, other.x0), min(one.y1, other.y1) - max(one.y0, other.y0)
    return width > slack and height > slack


@pytest.mark.parametrize("module", FIGURES, ids=NAMES)
def test_everything_is_labelled_and_no_texts_overlap(figures, module):
    figure = figures[module]
    assert len(figure.get_suptitle()) > 40
    for ax in figure.axes:
        assert ax.has_data()
        assert ax.get_xlabel()
        assert ax.get_ylabel() or ax.get_title()
    found, page = boxes(figure), figure.bbox
    assert [(one, two) for (one, a), (two, b) in itertools.combinations(found, 2) if share(a, b)] == []
    assert [name for name, b in found if b.x0 < 0 or b.y0 < 0 or b.x1 > page.x1 or b.y1 > page.y1] == []


@pytest.mark.parametrize("module", [rf_isotropic, rf_deep, nlrf_noise_mitigated])
def test_a_section_shows_all_parts_and_parameters_of_its_own_with_intervals(module):
    tables, strange = made(module), tables_of("another", SECTIONS[module][1])
    strange = {name: table.assign(value=1e3) if "value" in table else table for name, table in strange.items()}
    both = {name: pd.concat([strange[name], table]) for name, table in tables.items()}
    figure = module.draw(**{name: both[name] for name in module.TABLES})
    left, middle, _ = figure.axes
    assert [len(ax.containers) for ax in (left, middle)] == [7, 1]
    for container, (quantity, factor) in zip(left.containers, [("excess_risk", 1.0), *PARTS.items()], strict=True):
        points = tables["points"][tables["points"].quantity == quantity]
        np.testing.assert_allclose(container[0].get_ydata().astype(float), 1.1 * factor * points.n_samples**-0.7)
    looks = [(c[0].get_color(), c[0].get_marker()) for c in left.containers]
    assert len(set(looks)) == 7
    assert len({marker for _, marker in looks}) == 7, "markers alone tell the parts apart, in grey"


GUIDES = {
    # kappa2 falls with the capacity 3, or with the ridge; source 0.3.
    rf_variance_dominated: [-1.8, -0.8],
    rf_variance_ridge: [-0.9, -0.4],
    rf_noise_mitigated: [-1.2, -1 / 3],
    rf_deep: [-1.8],
    nlrf_additive: [-0.6],
    nlrf_noise_mitigated: [-2 / 3],
}


@pytest.mark.parametrize(("module", "exponents"), GUIDES.items(), ids=[m.__name__.split(".")[-1] for m in GUIDES])
def test_guides_have_the_exponents_that_capacity_source_and_ridge_set(figures, module, exponents):
    np.testing.assert_allclose(slopes(figures[module].axes[0]), exponents)


def test_transition_has_the_exponents_of_linear_and_noisy_features_one_after_the_other(figures):
    ax = figures[nlrf_transition].axes[1]
    np.testing.assert_allclose(slopes(ax), [-3.0, -1.0])
    (first, _), (second, _) = dashed(ax)
    assert (first[0], second[-1]) == pytest.approx((10, 1000))
    assert first[-1] == pytest.approx(second[0])


def test_used_up_share_is_degrees_of_freedom_over_samples(figures):
    used = figures[rf_isotropic].axes[2].containers[0][0]
    np.testing.assert_allclose(used.get_ydata().astype(float), 1.1 * 0.5)


@pytest.mark.parametrize(("module", "panel"), [(rf_deep, 1), (rf_deep, 2), (nlrf_isotropic, 0), (nlrf_additive, 1)])
def test_theory_under_the_other_assumption_is_grey(figures, module, panel):
    assert [line.get_label() for line in figures[module].axes[panel].lines if line.get_color() == style.GREY][:-1]


def test_curves_pass_through_theory_at_the_simulated_points():
    tables = tables_of(*SECTIONS[rf_isotropic], simulated=(7,))
    tables["points"].loc[tables["points"].quantity == "bias", "theory"] = 123.0
    curves, _ = rf_section.of_section(tables["curves"], tables["points"], "rf_isotropic")
    bias = curves[curves.quantity == "bias"]
    assert bias[bias.n_samples == 7].value.tolist() == [123.0]
    assert bias.n_samples.is_monotonic_increasing


def test_structured_guides_end_at_the_widest_layer_with_the_exponent_of_wide_layers(figures):
    lines, curves = dashed(figures[rf_structured].axes[0]), structured_tables()["curves"]
    for (x, y), capacity, exponent in zip(lines, (0.3, 0.7, 1.2), (-1.0, -0.6, 0.0), strict=True):
        of_one = curves[(curves.feature_capacity == capacity) & (curves.quantity == "var_f")]
        assert y[-1] == pytest.approx(of_one[of_one.width == 1e4].value.iloc[0])
        assert np.log(y[-1] / y[0]) / np.log(x[-1] / x[0]) == pytest.approx(exponent)
