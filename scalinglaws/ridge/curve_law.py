"""Laws known along curves: eigenvalue, density and cdf as explicit functions of a parameter that rises with them.

Nothing is integrated, and nothing is continued towards the real axis: every inversion is a bracketed root.
"""

import numpy as np

from scalinglaws import checks
from scalinglaws.solvers import bracketed_root

# Nearer to a hard edge than this the squares of a curve's parameters underflow.
SMALLEST = 1e-150


class CurveLaw:
    """A law known along curves, one per bulk.

    Subclasses give `atom`, `ends` and `edges` (n_bulks, 2): the parameters and eigenvalues between which a bulk lies;
    and, for vectors of parameters, `_eigenvalue(parameter)`, `_height(parameter, x)` (density) and `_mass(parameter)`
    (cdf), the last also at upper ends.
    """

    def density(self, x):
        """Density of the continuous part, shape of x."""
        x, bulk, inside = self._located(x)
        height = np.where((x == 0) & (self.edges[0, 0] == 0), np.inf, 0.0)
        if inside.any():
            height[inside] = self._height(self._parameter(x[inside], bulk[inside]), x[inside])
        return height

    def cdf(self, x):
        """Share of eigenvalues <= x, shape of x."""
        x, bulk, inside = self._located(x)
        between = self._mass(self.ends[:, 1])[bulk]
        mass = np.where(bulk >= 0, between, np.where(x < 0, 0.0, self.atom))
        if inside.any():
            mass[inside] = self._mass(self._parameter(x[inside], bulk[inside]))
        return mass

    def _located(self, x):
        """x, the last bulk that begins below it (-1: none), and whether it lies strictly inside."""
        x = checks.array("x", x, minimum_size=0)
        x = np.where((x > 0) & (x < SMALLEST), 0.0, x)
        bulk = np.searchsorted(self.edges[:, 0], x) - 1
        return x, bulk, (bulk >= 0) & (x < self.edges[bulk, 1])

    def _parameter(self, x, bulk):
        """Parameter at x inside `bulk`; its ends are known, where the curve itself may be a limit."""

        def misfit(parameter, x, first, last, low, high):
            value = np.where(parameter <= first, low, high)
            inside = (parameter > first) & (parameter < last)
            if inside.any():
                value[inside] = self._eigenvalue(parameter[inside])
            return value - x

        first, last = self.ends[bulk].T
        return bracketed_root(misfit, first, last, args=(x, first, last, *self.edges[bulk].T)).value
