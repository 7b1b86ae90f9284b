"""The second table, cost against size, from which the figure is drawn; and how a cost grows."""

from typing import NamedTuple

import numpy as np

from scalinglaws.fits import power_law

# The method under which the table holds what a cost may be.
BOUND = "bound"


class Size(NamedTuple):
    """Cost of one method at one size; peak_gb beyond what was held before, NaN where it was not measured."""

    benchmark: str
    method: str
    size_name: str
    size: int
    seconds: float
    peak_gb: float = np.nan


def growth(sizes, seconds):
    """The exponent of seconds ~ size^exponent, least squares in logarithms; ValueError on fewer than 3 sizes."""
    return power_law(sizes, seconds).exponent


def per_unit(sizes, costs):
    """What one more unit of size costs: the slope of a straight line, least squares."""
    return float(np.polyfit(sizes, costs, 1)[0])
