"""Regression with diagonal and quadratic networks as frozen records: theory and simulation take the same one.

With weight decay the networks solve convex problems, in the normalisations of arXiv:2509.24882:

- diagonal, f(x) = theta . x / sqrt(dim) with theta_i = a_i w_i and x ~ N(0, 1_dim). Minimising
  |y - f|^2 / 2 + weight_decay / 2 (|a|^2 + |w|^2) is the LASSO, |y - f|^2 / 2 + weight_decay |theta|_1.
- quadratic, f(x) = Tr S Z with Z = (x x^T - 1) / sqrt(dim) and S = W W^T / sqrt(width dim), W of shape (dim, width).
  Minimising |y - f|^2 + weight_decay sqrt(dim / width) |W|_F^2 with width >= dim is nuclear-norm regression over
  S >= 0, |y - f|^2 + weight_decay dim Tr S.

Labels are y = f*(x) + noise_std * N(0, 1). The number of samples that counts, n_eff, is n_samples for the diagonal and
n_samples / dim for the quadratic network.
"""

from dataclasses import dataclass, field

import numpy as np

from scalinglaws import checks
from scalinglaws.spectra import rank_bins

TEACHERS = ("fixed", "gaussian")
# Bins for each factor e in rank of a binned strength: a threshold falls between two of them.
STEEPNESS = 8.0


class _WeightDecayProblem:
    """What both problems can tell of themselves."""

    @property
    def dim(self):
        """Number of directions: the sum of the multiplicities, those of strength 0 included."""
        return float(self.multiplicities.sum())

    @property
    def shape(self):
        """Shape of the curve: what n_samples, weight_decay and noise_std broadcast to."""
        names = ("n_samples", "weight_decay", "noise_std")
        return checks.broadcast_shape(**{name: getattr(self, name) for name in names})


@dataclass(frozen=True, eq=False)
class DiagonalProblem(_WeightDecayProblem):
    """Regression with a diagonal network: the LASSO on isotropic Gaussian inputs.

    target : (n_modes,), the teacher's coefficients theta*, in any order.
    n_samples, weight_decay, noise_std : scalars or arrays that broadcast with each other: a whole curve in one record.
        n_samples > 0 (any real number in theory, an integer in simulation), weight_decay > 0 and noise_std >= 0.
    teacher : "fixed"; or "gaussian", where target holds standard deviations, simulation draws
        theta*_i ~ N(0, target_i^2) and theory averages over it.
    multiplicities : (n_modes,), > 0, how many coefficients share each entry of target; None for one each. Simulation
        wants every coefficient by itself.

    ValueError, naming the argument, on anything else.
    """

    target: np.ndarray
    n_samples: np.ndarray
    weight_decay: np.ndarray
    noise_std: np.ndarray
    teacher: str = field(default="fixed", kw_only=True)
    multiplicities: np.ndarray | None = field(default=None, kw_only=True)

    def __post_init__(self):
        checks.one_of("teacher", self.teacher, TEACHERS)
        check = checks.non_negative_array if self.teacher == "gaussian" else checks.array
        _set_checked(self, "target", check("target", self.target, ndim=1))

    @property
    def effective_samples(self):
        """n_eff = n_samples: it resolves as many coefficients."""
        return self.n_samples


@dataclass(frozen=True, eq=False)
class QuadraticProblem(_WeightDecayProblem):
    """Regression with a quadratic network: nuclear norm over positive semi-definite matrices.

    eigenvalues : (n_modes,), >= 0, of the teacher S*, in any order.
    n_samples, weight_decay, noise_std : as in `DiagonalProblem`.
    multiplicities : (n_modes,), > 0, how many directions share each eigenvalue; None for one each. Simulation wants
        every direction by itself.

    ValueError, naming the argument, on anything else.
    """

    eigenvalues: np.ndarray
    n_samples: np.ndarray
    weight_decay: np.ndarray
    noise_std: np.ndarray
    multiplicities: np.ndarray | None = field(default=None, kw_only=True)

    def __post_init__(self):
        _set_checked(self, "eigenvalues", checks.non_negative_array("eigenvalues", self.eigenvalues, ndim=1))

    @property
    def effective_samples(self):
        """n_eff = n_samples / dim: it resolves as many directions."""
        return self.n_samples / self.dim


def power_law_strengths(dim, decay):
    """sqrt(dim) k^-decay, k = 1..dim: standard deviations of a diagonal teacher, eigenvalues of a quadratic one.

    dim is an integer >= 1; decay > 1/2, without which the signal, the mean of the squares, would grow with dim. Returns
    shape (dim,), descending. Bad input: ValueError.
    """
    dim = checks.integer("dim", dim, minimum=1)
    return np.sqrt(dim) * np.arange(1.0, dim + 1) ** -_decay(decay)


def binned_strengths(dim, decay):
    """(strengths, multiplicities) of `power_law_strengths` in a few hundred bins: dim as large as one likes.

    The first 128 strengths stand for themselves, and all do up to dim = 4096 (`spectra.rank_bins`); beyond,
    32 decay bins share each factor e in rank. Bad input: ValueError.
    """
    ranks, multiplicities = rank_bins(dim, STEEPNESS * _decay(decay))
    return np.sqrt(dim) * ranks**-decay, multiplicities


def _decay(value):
    if not 0.5 < value < np.inf:
        raise ValueError(f"decay = {value!r} must be finite and > 1/2")
    return float(value)


def _set_checked(problem, name, strengths):
    """Store the checked arrays of a problem whose strengths are called `name`."""
    checked = {
        name: strengths,
        "multiplicities": checks.multiplicities("multiplicities", problem.multiplicities, name, strengths),
        "n_samples": checks.positive_array("n_samples", problem.n_samples),
        "weight_decay": checks.positive_array("weight_decay", problem.weight_decay),
        "noise_std": checks.non_negative_array("noise_std", problem.noise_std),
    }
    for key, value in checked.items():
        object.__setattr__(problem, key, value)
    problem.shape  # noqa: B018  arrays that do not broadcast are refused here, not in the middle of a computation
