"""Linear random features of smooth targets: the variance over features, and not the bias, comes to set the error."""

from scalinglaws.plots import rf_section, style
from scalinglaws.ridge.part_exponents import part_exponents

TABLES = ("curves", "points", "curve_sections")
SECTION = "rf_variance_dominated"


@style.styled
def draw(curves, points, curve_sections):
    """Parts of the error with the exponents of bias and variance over features, ridges and shares."""
    title = "A bias that falls fast leaves the variance over features, F, which ends the fast decay long before P = N"
    expected = part_exponents(**rf_section.numbers(curve_sections, SECTION))
    guides = (
        ("excess_risk", expected["bias"], rf_section.FIRST),
        ("excess_risk", expected["var_f"], rf_section.SECOND),
    )
    return rf_section.figure_of(SECTION, title, curves, points, curve_sections, guides=guides)
