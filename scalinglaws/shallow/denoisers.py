"""The estimator that state evolution puts in place of the network: thresholding of a teacher seen through noise.

theta^ ~ soft(theta* + delta Z; b), coefficient by coefficient, for the diagonal network, and for the quadratic one
S^ ~ relu(S* + delta G - b), a matrix function, G a GOE matrix. The equations are made of their risks and shares.
"""

import numpy as np

from scalinglaws.shallow import semicircle, soft_threshold
from scalinglaws.shallow.free_convolution import NoisySpectrum
from scalinglaws.shallow.problem import DiagonalProblem, QuadraticProblem


def denoiser(problem):
    """What thresholds the teacher of a problem; ValueError unless it is a `DiagonalProblem` or a `QuadraticProblem`."""
    kinds = {DiagonalProblem: CoefficientDenoiser, QuadraticProblem: SpectrumDenoiser}
    if type(problem) not in kinds:
        raise ValueError(f"problem = {problem!r} must be a DiagonalProblem or a QuadraticProblem")
    return kinds[type(problem)](problem)


class CoefficientDenoiser:
    """Risk and shares of soft thresholding, averaged over the coefficients."""

    def __init__(self, problem):
        self.shares = problem.multiplicities / problem.dim
        self.strengths = np.abs(problem.target)
        self.law = soft_threshold.gaussian if problem.teacher == "gaussian" else soft_threshold.fixed
        self.signal = _mean_square("target", self.strengths, self.shares)
        self.peak_samples = problem.dim

    null_risk = staticmethod(soft_threshold.null_risk)

    def at(self, delta, b):
        """(risk, kept) as in the equations, and the share of coefficients kept."""
        risk, kept = self.law(self.strengths, delta, b)
        kept = self.shares @ kept
        return self.shares @ risk, kept, kept

    def weak_noise_limit(self, c):
        """Limit of risk / delta^2 for delta -> 0 at b = c delta: what is not 0 is shrunk, the others are noise."""
        zeros = self.shares @ (self.strengths == 0)
        return (1 - zeros) * (1 + c**2) + zeros * self.null_risk(c)


class SpectrumDenoiser:
    """Risk and shares of the thresholded spectrum of S* + delta GOE."""

    def __init__(self, problem):
        self.shares = problem.multiplicities / problem.dim
        self.strengths = problem.eigenvalues
        self.signal = 2 * _mean_square("eigenvalues", self.strengths, self.shares)
        self.peak_samples = problem.dim**2 / 4

    def null_risk(self, c):
        """Twice the integral of (x - c)^2 over the semicircle above c."""
        return 2 * semicircle.null_risk(c)

    def at(self, delta, b):
        """(risk, kept) as in the equations, and the share of eigenvalues kept."""
        half, kept, mass = NoisySpectrum(self.strengths, self.shares, delta).thresholded(b)
        return 2 * half, kept, mass

    def weak_noise_limit(self, c):
        """Limit of risk / delta^2 for delta -> 0 at b = c delta: the block of zero eigenvalues is a GOE by itself."""
        zeros = self.shares @ (self.strengths == 0)
        block = zeros**2 * self.null_risk(c / np.sqrt(zeros)) if zeros > 0 else 0.0
        return 2 * (1 - zeros**2 + (1 - zeros) * c**2) + block


def _mean_square(name, strengths, shares):
    largest = strengths.max()
    if largest > np.sqrt(np.finfo(float).max):
        raise ValueError(f"{name} = {largest:g} must have a finite square")
    return shares @ strengths**2
