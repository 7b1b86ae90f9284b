"""Few random features with feature noise: the noise adds to the ridge, the width multiplies it, and a peak between."""

from scalinglaws.plots import rf_section, style

TABLES = ("curves", "points", "curve_sections", "counterfactual_curves")
SECTION = "nlrf_additive_multiplicative"
SHOWN = {"excess_risk": "$E_g$ without feature noise", "kappa2": "$\\kappa_2$ without feature noise"}


@style.styled
def draw(curves, points, curve_sections, counterfactual_curves):
    """Parts of the error, ridges and shares on both sides of the width; linear features in grey."""
    title = "Few noisy features: variance over features stops the error, the sooner for feature noise (grey: without)"
    tables, others = (curves, points, curve_sections), (SHOWN, counterfactual_curves)
    return rf_section.figure_of(SECTION, title, *tables, others=others)
