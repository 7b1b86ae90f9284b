"""Random features with strong feature noise: kappa2 falls as 1 / n_samples whatever the capacity of the inputs."""

from scalinglaws.plots import rf_section, style
from scalinglaws.ridge.part_exponents import part_exponents

TABLES = ("curves", "points", "curve_sections", "counterfactual_curves")
SECTION = "nlrf_additive"
SHOWN = {"excess_risk": "$E_g$ without feature noise", "kappa2": "$\\kappa_2$ without feature noise"}


@style.styled
def draw(curves, points, curve_sections, counterfactual_curves):
    """Parts of the error with the exponent of noisy features, ridges and shares; linear features in grey."""
    title = "Strong feature noise: the error falls as if the capacity were 1, far above that of linear features (grey)"
    noisy = part_exponents(**rf_section.numbers(curve_sections, SECTION), noisy_features=True)
    guides = (("excess_risk", noisy["bias"], rf_section.ALL), ("kappa2", noisy["kappa2"], rf_section.ALL))
    tables, others = (curves, points, curve_sections), (SHOWN, counterfactual_curves)
    return rf_section.figure_of(SECTION, title, *tables, others=others, guides=guides)
