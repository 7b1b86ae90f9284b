"""Law of what a network learns: coefficients or eigenvalues of the regularised solution, exact zeros included.

State evolution (arXiv:2509.24882, section on the spectra of trained networks) says that the solution is the thresholded
noisy teacher. With its delta and b = threshold,

- quadratic: eigenvalues of relu(S* + delta GOE - b). The spectrum mu_delta of S* + delta GOE is shifted left by b, and
  what falls below 0 is exactly 0. Of few strong eigenvalues s of the teacher those above delta leave the bulk of the
  noise, which ends at 2 delta, and stand at s + delta^2 / s - b (Benaych-Georges and Nadakuditi, Adv. Math. 227, 494,
  2011);
- diagonal: |theta^| = relu(|theta* + delta Z| - b). The noise ends at about delta sqrt(2 log dim), the largest of dim
  Gaussian numbers, and strong coefficients stand at |theta*| - b.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from scalinglaws import checks
from scalinglaws.shallow import soft_threshold
from scalinglaws.shallow.free_convolution import NoisySpectrum
from scalinglaws.shallow.problem import DiagonalProblem, QuadraticProblem
from scalinglaws.shallow.state_evolution import state_evolution


@dataclass(frozen=True, eq=False)
class LearnedLaw(ABC):
    """Law of the values x >= 0 that a network learns: |theta^_i|, or the eigenvalues of S^.

    strengths, shares : (n_modes,), what the teacher is made of, >= 0, and the share of the dim values each stands for.
    dim : number of values.
    delta, threshold : standard deviation of the effective noise, and b.
    """

    strengths: np.ndarray
    shares: np.ndarray
    dim: float
    delta: float
    threshold: float

    @property
    @abstractmethod
    def noise_edge(self):
        """Where the spectrum of the effective noise alone ends, before thresholding."""

    @abstractmethod
    def outliers(self):
        """(n_modes,): where each strength would stand before thresholding, NaN if it stays within the noise."""

    @abstractmethod
    def risk(self, threshold):
        """Excess risk if the noisy teacher were thresholded at this value, at the same delta."""

    @abstractmethod
    def _above(self, y):
        """Share of the values of the noisy teacher above each entry of the vector y."""

    @abstractmethod
    def _density(self, y):
        """Density of the noisy teacher's values at each entry of the vector y."""

    @property
    def edge(self):
        """Where noise that was learned ends: noise_edge - threshold; none is left if this is negative."""
        return self.noise_edge - self.threshold

    @property
    def zeros(self):
        """Mass at exactly 0."""
        return float(1 - self._above(np.array([self.threshold]))[0])

    @property
    def spikes(self):
        """Values above 0 that strengths outside the noise are learned as, descending; one for each mode."""
        places = self.outliers() - self.threshold
        return np.sort(places[places > 0])[::-1]

    def cdf(self, x):
        """Share of values <= x, for x of any shape: 0 below 0, where it jumps to `zeros`."""
        return np.where(np.asarray(x) < 0, 0.0, 1 - self._each(self._above, x))

    def density(self, x):
        """Density at x, of any shape, without the mass at 0; 0 for x < 0."""
        return np.where(np.asarray(x) < 0, 0.0, self._each(self._density, x))

    def _each(self, function, x):
        x = checks.array("x", x, minimum_size=0)
        return function(self.threshold + np.maximum(x, 0.0).ravel()).reshape(x.shape)

    def distance(self, values):
        """Kolmogorov-Smirnov distance of values (n,), >= 0, to the law: the largest difference of the two cdfs.

        Both jump at 0 and only there do they both: elsewhere the extremes are at a value or just below it. ValueError
        on values that are negative or not finite.
        """
        values = checks.non_negative_array("values", values, ndim=1)
        learned = np.sort(values[values > 0])[::-1]
        above, ranks = 1 - self.cdf(learned), np.arange(learned.size + 1) / values.size
        gaps = [above - ranks[1:], above - ranks[:-1], [1 - self.zeros - ranks[-1]]]
        return float(np.abs(np.concatenate(gaps)).max())


class QuadraticLaw(LearnedLaw):
    """Eigenvalues of relu(S* + delta GOE - threshold)."""

    @property
    def noise_edge(self):
        """2 delta, the end of the semicircle."""
        return 2 * self.delta

    def outliers(self):
        """s + delta^2 / s for s > delta."""
        strong = self.strengths > self.delta
        safe = np.where(strong, self.strengths, 1.0)
        return np.where(strong, safe + self.delta**2 / safe, np.nan)

    def risk(self, threshold):
        """2 |relu(S* + delta GOE - threshold) - S*|_F^2 / dim."""
        return float(2 * self._noisy().thresholded(threshold)[0])

    def _noisy(self):
        return NoisySpectrum(self.strengths, self.shares, self.delta)

    def _above(self, y):
        noisy = self._noisy()
        return np.array([noisy.moments_above(place).mass for place in y])

    def _density(self, y):
        return self._noisy().density(y)


class DiagonalLaw(LearnedLaw):
    """Absolute values of soft(theta* + delta Z; threshold), a mixture over the teacher's coefficients theta*."""

    @property
    def noise_edge(self):
        """delta sqrt(2 log dim), which the largest of dim coefficients of pure noise tends to."""
        return self.delta * np.sqrt(2 * np.log(self.dim))

    def outliers(self):
        """|theta*| where that is above the noise_edge."""
        return np.where(self.strengths > self.noise_edge, self.strengths, np.nan)

    def risk(self, threshold):
        """|soft(theta* + delta Z; threshold) - theta*|^2 / dim."""
        return float(self.shares @ soft_threshold.fixed(self.strengths, self.delta, threshold)[0])

    def _above(self, y):
        return soft_threshold.fixed(self.strengths, self.delta, y[:, None])[1] @ self.shares

    def _density(self, y):
        y, delta = y[:, None], self.delta
        pair = sum(soft_threshold.gaussian_density((y + sign * self.strengths) / delta) for sign in (-1, 1))
        return pair @ self.shares / delta


def learned_law(problem):
    """`LearnedLaw` of a problem with a single point, by state evolution.

    ValueError if the problem is a curve, or has a random teacher: draw the teacher and make its problem. NotConverged
    as `state_evolution`.
    """
    if np.prod(problem.shape, dtype=int) != 1:
        raise ValueError(f"problem has shape {problem.shape} and must be a single point")
    solution = state_evolution(problem)
    return thresholded_law(problem, solution.delta.item(), solution.threshold.item())


def thresholded_law(problem, delta, threshold):
    """`LearnedLaw` of a problem's teacher for given delta > 0 and threshold >= 0: a point of a solved curve.

    ValueError on other numbers, another kind of problem, or a random teacher.
    """
    delta, threshold = checks.positive("delta", delta), checks.at_least("threshold", threshold, 0)
    if isinstance(problem, QuadraticProblem):
        law, strengths = QuadraticLaw, problem.eigenvalues
    elif isinstance(problem, DiagonalProblem):
        checks.one_of("teacher", problem.teacher, ("fixed",))
        law, strengths = DiagonalLaw, np.abs(problem.target)
    else:
        raise ValueError(f"problem = {problem!r} must be a DiagonalProblem or a QuadraticProblem")
    return law(strengths, problem.multiplicities / problem.dim, problem.dim, delta, threshold)
