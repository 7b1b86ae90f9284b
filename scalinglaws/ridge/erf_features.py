"""Ridge regression on features of a real non-linearity, z = erf(gain F'x) / slope: brute-force twin of feature noise.

For a Gaussian preactivation u of variance 1 the features split into a linear part and a rest that is uncorrelated with
every input: with s = 2 gain^2 / (1 + 2 gain^2), E erf(gain u)^2 = (2/pi) arcsin(s) and slope = E d erf(gain u)/du =
(2 s/pi)^1/2 (Williams 1997, eq. 11; Stein's lemma). Theory replaces the rest by independent noise of the same variance,
arcsin(s)/s - 1, the `feature_noise_std`^2 of `RandomFeatureProblem`: arXiv:2405.00592, non-linear random features. As
all averages over inputs are arcsines, the errors here are exact population averages and no test set is drawn.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import erf

from scalinglaws import checks
from scalinglaws.ridge.decomposition import Draws, parts, standard_errors
from scalinglaws.ridge.simulate import PARTS
from scalinglaws.solvers import bracketed_root

# What erf becomes at infinite gain, the sign: the strongest noise there is.
LARGEST_NOISE_STD = np.sqrt(np.pi / 2 - 1)


@dataclass(frozen=True)
class ErfFeatures:
    """The non-linearity with linear coefficient 1 and a rest of standard deviation `noise_std`, in (0, 0.7555)."""

    noise_std: float

    def __post_init__(self):
        checks.between("noise_std", self.noise_std, 0, LARGEST_NOISE_STD)

    @property
    def saturation(self):
        """s in (0, 1): 0 for linear features, 1 for signs."""
        wanted = self.noise_std**2
        return float(bracketed_root(lambda s: np.arcsin(s) / s - 1 - wanted, 1e-12, 1.0).value)

    @property
    def gain(self):
        """What preactivations are multiplied with inside of erf."""
        return float(np.sqrt(self.saturation / (2 - 2 * self.saturation)))

    def of(self, preactivations):
        """Features, of the preactivations' shape."""
        return erf(self.gain * preactivations) * np.sqrt(np.pi / (2 * self.saturation))

    def covariance(self, weights, others):
        """E z z' over inputs x ~ N(0, 1) between the features of weights (dim, width) and of others (dim, width)."""
        s = self.saturation
        norms = np.outer(self._norms(weights), self._norms(others))
        return np.arcsin(np.clip(s * (weights.T @ others) / norms, -1.0, 1.0)) / s

    def overlap(self, weights):
        """E x z' over inputs x ~ N(0, 1), (dim, width)."""
        return weights / self._norms(weights)

    def _norms(self, weights):
        """((1 + 2 gain^2 v) / (1 + 2 gain^2))^1/2 of each preactivation's variance v, which is 1 up to 1/dim^1/2."""
        s = self.saturation
        return np.sqrt(1 - s + s * np.square(weights).sum(0))


def erf_learning_curve(problem, rng, n_data_draws, n_feature_draws):
    """Parts of the error of ridge regression on erf features, and their standard errors: two dicts by part.

    problem : a `RandomFeatureProblem` with eigenvalues 1, one layer of white features, feature_noise_std > 0, and
        n_samples (n_points,) as the only array; n_samples and the width are whole numbers. Its feature_noise_std
        chooses the non-linearity. What `simulate` finds with Gaussian noise instead is the same up to 1/dim.
    Every sample meets every feature map; entries are (n_points,), excess_risk, the sum of the parts, among them. Bad
    input: ValueError.
    """
    width = _checked(problem)
    dim, features = int(problem.dim), ErfFeatures(float(problem.feature_noise_std))
    maps = [rng.standard_normal((dim, width)) / np.sqrt(dim) for _ in range(n_feature_draws)]
    covariance = np.array([[features.covariance(one, other) for other in maps] for one in maps])
    overlap = np.array([problem.target @ features.overlap(one) for one in maps])
    weights = np.array([_fits(problem, rng, features, maps) for _ in range(n_data_draws)])
    draws = _draws(weights, covariance, overlap, float(problem.target @ problem.target))
    return _named(_with_risk(draws)), _named(standard_errors(draws, _with_risk))


def _checked(problem):
    if (problem.eigenvalues != 1).any() or problem.depth != 1 or problem.n_samples.ndim != 1:
        raise ValueError("problem must have eigenvalues 1, one layer of features and n_samples in one dimension")
    return checks.integer("widths[0]", float(problem.widths[0]), minimum=1)


def _fits(problem, rng, features, maps):
    """Weights (n_points, n_maps, width, 2) for labels without noise and for the noise; fewer samples lead the most."""
    counts = problem.n_samples.astype(int)
    inputs = rng.standard_normal((counts.max(), int(problem.dim)))
    labels = np.column_stack([inputs @ problem.target, problem.noise_std * rng.standard_normal(counts.max())])
    layers = [features.of(inputs @ one) for one in maps]
    return np.array([[_ridge(z[:n], labels[:n], float(problem.ridge)) for z in layers] for n in counts])


def _ridge(z, labels, ridge):
    """(z'z/n + ridge)^-1 z'y/n, in the smaller of its two forms."""
    n, width = z.shape
    if n < width:
        return z.T @ np.linalg.solve(z @ z.T + n * ridge * np.eye(n), labels)
    return np.linalg.solve(z.T @ z + n * ridge * np.eye(width), z.T @ labels)


def _draws(weights, covariance, overlap, power):
    """Products of the errors of all pairs of predictors: weights is (n_data, n_points, n_maps, width, 2)."""
    clean, noise = weights[..., 0], weights[..., 1]
    spread = np.einsum("ipja,jlab->ipjlb", clean, covariance, optimize=True)
    linear = np.einsum("ipja,ja->pij", clean, overlap)
    products = np.einsum("ipjlb,kplb->pijkl", spread, clean, optimize=True)
    products = products + power - linear[..., None, None] - linear[:, None, None]
    noise_products = np.einsum("ipja,jlab,iplb->pijl", noise, covariance, noise, optimize=True)
    return Draws(products, noise_products, np.zeros((*linear.shape, 0)))


def _with_risk(draws):
    values = parts(draws)
    return np.column_stack([values, values.sum(1)])


def _named(values):
    return dict(zip((*PARTS, "excess_risk"), values.T, strict=True))
