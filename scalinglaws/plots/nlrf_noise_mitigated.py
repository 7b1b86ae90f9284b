"""Random features with feature noise and noisy labels: feature noise acts as a ridge that keeps the label noise out."""

from scalinglaws.plots import rf_section, style
from scalinglaws.ridge.part_exponents import part_exponents

TABLES = ("curves", "points", "curve_sections", "counterfactual_curves")
SECTION = "nlrf_noise_mitigated"
SHOWN = {"var_xe": "X$\\epsilon$ without feature noise", "kappa2": "$\\kappa_2$ without feature noise"}


@style.styled
def draw(curves, points, curve_sections, counterfactual_curves):
    """Parts of the error with the exponent of the variance that label noise makes, ridges and shares."""
    title = (
        "Feature noise keeps label noise out: X$\\epsilon$ is small and falls (grey: without), but XF$\\epsilon$ grows"
    )
    noisy = part_exponents(**rf_section.numbers(curve_sections, SECTION), noisy_features=True)
    guides = (("var_xe", noisy["var_xe"], rf_section.ALL),)
    tables, others = (curves, points, curve_sections), (SHOWN, counterfactual_curves)
    return rf_section.figure_of(SECTION, title, *tables, others=others, guides=guides)
