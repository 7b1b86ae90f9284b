"""Sections of the notebooks that the authors of arXiv:2405.00592 publish with it, as problems of this library.

The notebooks draw theory at real numbers of samples, dim / q on a logarithmic grid, and simulate at their integers.
"""

from dataclasses import dataclass

import numpy as np

from scalinglaws import checks
from scalinglaws.ridge.problem import RandomFeatureProblem, RidgeProblem
from scalinglaws.spectra import power_law_spectrum, power_law_target

# Blocks of the gapped spectrum: directions, eigenvalue, and target up to its norm.
GAPPED_BLOCKS = np.array([(10, 1.0, 1.0), (100, 1e-2, 10.0), (10_000, 1e-5, 100.0)]).T


@dataclass(frozen=True)
class NotebookSection:
    """Parameters of one section.

    dim : input directions; capacity, source : exponents of the power laws (capacity 0: isotropic, source None: target
    of norm 1 along all directions; both None: the gapped spectrum). unit_target : the target is scaled to norm 1.
    widths : of the layers, empty for ridge regression. theory_samples, simulation_samples : first and last entry and
    length of the logarithmic grids of n_samples (the second is cut to integers).
    """

    dim: int
    capacity: float | None
    source: float | None
    unit_target: bool
    widths: tuple
    ridge: float
    noise_std: float
    feature_noise_std: float
    theory_samples: tuple
    simulation_samples: tuple

    def n_samples(self, grid):
        """The grid "theory", real numbers, or "simulation", their integer parts."""
        if checks.one_of("grid", grid, ("theory", "simulation")) == "theory":
            return np.geomspace(*self.theory_samples)
        # The ends are exact in the grid, and a whole number a rounding below itself must not lose one.
        return np.floor(np.geomspace(*self.simulation_samples) * (1 + 1e-12))

    def problem(self, n_samples, convention="input", ridge=None):
        """The problem at some numbers of samples; `ridge` other than the section's where it is given."""
        spectrum = self._gapped() if self.capacity is None else self._power_laws()
        ridge = self.ridge if ridge is None else ridge
        common = {**spectrum, "n_samples": n_samples, "ridge": ridge, "noise_std": self.noise_std}
        if not self.widths:
            return RidgeProblem(**common)
        features = {"widths": self.widths, "feature_noise_std": self.feature_noise_std, "convention": convention}
        return RandomFeatureProblem(**common, **features)

    def _power_laws(self):
        eigenvalues = power_law_spectrum(self.dim, self.capacity)
        target = np.ones(self.dim)
        if self.source is not None:
            target = power_law_target(eigenvalues, self.capacity, self.source)
        norm = np.linalg.norm(target) if self.unit_target else 1.0
        return {"eigenvalues": eigenvalues, "target": target / norm}

    def _gapped(self):
        """Three flat blocks; the norm of the target is 100, as in the notebook."""
        multiplicities, eigenvalues, target = GAPPED_BLOCKS
        norm = np.sqrt(multiplicities @ target**2)
        return {"eigenvalues": eigenvalues, "target": 100 * target / norm, "multiplicities": multiplicities}


SECTIONS = {
    "ridge_isotropic": NotebookSection(250, 0.0, None, True, (), 1e-3, 0.5, 0.0, (25_000, 2.5, 21), (25_000, 2.5, 21)),
    "ridge_gapped": NotebookSection(
        10_110, None, None, False, (), 1e-8, 0.0, 0.0, (1011, 1.011, 20), (1011, 1.011, 20)
    ),
    "linear_isotropic": NotebookSection(
        200, 0.0, None, True, (100,), 1e-3, 0.25, 0.0, (20_000, 2, 20), (20_000, 2, 20)
    ),
    "linear_deep": NotebookSection(2000, 1.5, 0.7, True, (1000, 1000), 1e-5, 0.0, 0.0, (2000, 2, 20), (2000, 2, 20)),
    "nonlinear_isotropic": NotebookSection(
        200, 0.0, None, True, (100,), 1e-3, 0.25, 0.5, (20_000, 2, 20), (20_000, 2, 20)
    ),
    "nonlinear_additive": NotebookSection(
        10_000, 1.8, 0.4, False, (5000,), 1e-8, 0.0, 0.025, (10_000, 1, 40), (10_000 / 10**0.5, 1, 12)
    ),
}
