"""Random features with feature noise, of isotropic inputs: double descent, and how much of the signal noise hides."""

from scalinglaws.plots import rf_section, style

TABLES = ("curves", "points", "curve_sections", "counterfactual_curves")
SHOWN = {"excess_risk": "$E_g$ without feature noise", "kappa2": "$\\kappa_2$ without feature noise"}


@style.styled
def draw(curves, points, curve_sections, counterfactual_curves):
    """Parts of the error, renormalised ridges and shares against samples per feature; linear features in grey."""
    title = "Feature noise raises $\\kappa_2$, and with it the error, on both sides of a higher peak (grey: without it)"
    tables, others = (curves, points, curve_sections), (SHOWN, counterfactual_curves)
    return rf_section.figure_of("nlrf_isotropic", title, *tables, others=others, axis="samples_per_width")
