"""Linear random features with a ridge that falls slowly: variance over features under a ridge that sets kappa."""

from scalinglaws.plots import rf_section, style
from scalinglaws.ridge.part_exponents import part_exponents

TABLES = ("curves", "points", "curve_sections")
SECTION = "rf_variance_ridge"


@style.styled
def draw(curves, points, curve_sections):
    """Parts of the error with the exponents of bias and variance over features, ridges and shares."""
    title = "A ridge that falls with P sets $\\kappa$; the variance over features, F, still ends the fast decay"
    kappa = rf_section.ridge_exponent(curve_sections, SECTION)
    expected = part_exponents(**rf_section.numbers(curve_sections, SECTION), kappa_exponent=kappa)
    guides = (
        ("excess_risk", expected["bias"], rf_section.FIRST),
        ("excess_risk", expected["var_f"], rf_section.SECOND),
    )
    return rf_section.figure_of(SECTION, title, curves, points, curve_sections, guides=guides)
