"""Random features with weak feature noise: a curve that begins as that of linear features and leaves it."""

from scalinglaws.plots import rf_section, style
from scalinglaws.ridge.part_exponents import part_exponents

TABLES = ("curves", "points", "curve_sections", "counterfactual_curves")
SECTION = "nlrf_transition"
SHOWN = {"bias": "bias without feature noise", "kappa2": "$\\kappa_2$ without feature noise"}


@style.styled
def draw(curves, points, curve_sections, counterfactual_curves):
    """Parts of the error and kappa2 with its exponents for linear and for noisy features; the former in grey."""
    title = "Feature noise takes over: $\\kappa_2$ and bias leave the steeper curves of linear features (grey)"
    inputs = rf_section.numbers(curve_sections, SECTION)
    linear, noisy = part_exponents(**inputs), part_exponents(**inputs, noisy_features=True)
    guides = (("kappa2", linear["kappa2"], rf_section.FIRST), ("kappa2", noisy["kappa2"], rf_section.SECOND))
    tables, others = (curves, points, curve_sections), (SHOWN, counterfactual_curves)
    return rf_section.figure_of(SECTION, title, *tables, others=others, guides=guides)
