"""Linear random features, noisy labels and a ridge that keeps the noise out: its variance falls, but slowly."""

from scalinglaws.plots import rf_section, style
from scalinglaws.ridge.part_exponents import part_exponents

TABLES = ("curves", "points", "curve_sections")
SECTION = "rf_noise_mitigated"


@style.styled
def draw(curves, points, curve_sections):
    """Parts of the error with the exponents of bias and of the variance that label noise makes, ridges and shares."""
    title = "A ridge mitigates label noise: its variance, X$\\epsilon$, falls, and slower than the bias it outlasts"
    kappa = rf_section.ridge_exponent(curve_sections, SECTION)
    expected = part_exponents(**rf_section.numbers(curve_sections, SECTION), kappa_exponent=kappa)
    guides = (
        ("excess_risk", expected["bias"], rf_section.FIRST),
        ("excess_risk", expected["var_xe"], rf_section.SECOND),
    )
    return rf_section.figure_of(SECTION, title, curves, points, curve_sections, guides=guides)
