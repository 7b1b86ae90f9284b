"""Linear random features of isotropic inputs: double descent where samples equal features, and what makes it."""

from scalinglaws.plots import rf_section, style

TABLES = ("curves", "points", "curve_sections")


@style.styled
def draw(curves, points, curve_sections):
    """Parts of the error, renormalised ridges and shares, against samples per feature."""
    title = "Random features: most of the peak at P = N is the interaction of data and features, XF (lines: theory)"
    return rf_section.figure_of("rf_isotropic", title, curves, points, curve_sections, axis="samples_per_width")
