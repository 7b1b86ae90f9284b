"""Regression problems as frozen records: power-law and multi-index data, and the handwritten digits of scikit-learn."""

from dataclasses import dataclass

import numpy as np

from scalinglaws import checks
from scalinglaws.spectra import normalised_spectrum, power_law_spectrum, power_law_target


@dataclass(frozen=True)
class RegressionProblem:
    """A training set: inputs (n_samples, dim) and targets (n_samples, n_outputs), finite float64 arrays.

    ValueError on NaN or inf, fewer than 2 samples, or inputs and targets of different length.
    """

    inputs: np.ndarray
    targets: np.ndarray

    def __post_init__(self):
        inputs, targets = (checks.array(name, getattr(self, name), ndim=2) for name in ("inputs", "targets"))
        checks.integer("n_samples", len(inputs), minimum=2)
        if len(inputs) != len(targets):
            raise ValueError(
                f"inputs have {len(inputs)} rows and targets {len(targets)}: they must have the same number"
            )
        object.__setattr__(self, "inputs", inputs)
        object.__setattr__(self, "targets", targets)

    @property
    def n_samples(self):
        """Number of rows."""
        return len(self.inputs)


def power_law_problem(rng, *, n_samples, dim, capacity, source, noise_std=0.0):
    """Gaussian inputs with a power-law spectrum and a linear target of matching power-law strength.

    x ~ N(0, diag(eigenvalues)), eigenvalues proportional to k^-capacity with sum dim, so that E|x|^2 = dim; target
    w.x with eigenvalue_k w_k^2 proportional to k^-(1 + 2 capacity source), scaled to unit standard deviation on the
    sample, plus N(0, noise_std^2). In the lazy limit of infinite data the loss falls as time^(-2 source).
    """
    checks.integer("n_samples", n_samples, minimum=2)
    checks.at_least("noise_std", noise_std, 0)
    spectrum = power_law_spectrum(dim, capacity)
    weights = power_law_target(spectrum, capacity, source)
    standard = rng.standard_normal((n_samples, dim))
    clean = standard @ (np.sqrt(spectrum) * weights)
    noisy = clean / clean.std() + noise_std * rng.standard_normal(n_samples)
    return RegressionProblem(standard * np.sqrt(normalised_spectrum(spectrum)), noisy[:, None])


def multi_index_problem(rng, *, n_samples, dim, n_indices, noise_std=0.0):
    """Isotropic Gaussian inputs and a target that sees only `n_indices` random directions, the relevant subspace.

    x ~ N(0, 1_dim); with uniformly drawn orthonormal directions v_i (n_indices <= dim) and u_i = v_i.x the target is
    sum_i [He_1(u_i) + He_2(u_i) / sqrt(2)] / sqrt(2 n_indices), He_1(u) = u and He_2(u) = u^2 - 1: half its variance of
    1 is linear, half quadratic. Scaled to unit standard deviation on the sample, plus N(0, noise_std^2).
    """
    checks.integer("n_samples", n_samples, minimum=2)
    checks.integer("dim", dim, minimum=1)
    checks.integer("n_indices", n_indices, minimum=1)
    checks.at_least("noise_std", noise_std, 0)
    if n_indices > dim:
        raise ValueError(f"n_indices = {n_indices!r} must be at most dim = {dim!r}")
    directions, triangle = np.linalg.qr(rng.standard_normal((dim, n_indices)))
    # A positive diagonal makes the factorisation unique, and its directions uniformly distributed.
    directions = directions * np.sign(np.diag(triangle))
    inputs = rng.standard_normal((n_samples, dim))
    u = inputs @ directions
    clean = (u + (u**2 - 1) / np.sqrt(2)).sum(1) / np.sqrt(2 * n_indices)
    noisy = clean / clean.std() + noise_std * rng.standard_normal(n_samples)
    return RegressionProblem(inputs, noisy[:, None])


def digits_problem(rng, *, n_samples, labels="parity"):
    """A random subset of the 1797 handwritten digits (8 x 8 pixels), pixels standardised over the whole set.

    labels "parity": +1 for even and -1 for odd digits, one output; "classes": one-hot, ten outputs. Pixels that never
    vary are zero. ValueError when n_samples is not between 2 and 1797. Source: Alpaydin & Kaynak (1998), as shipped
    with scikit-learn.
    """
    # Here, since it loads much more than the digits: most of a second that jobs on other data need not spend.
    from sklearn.datasets import load_digits

    pixels, digit = load_digits(return_X_y=True)
    checks.one_of("labels", labels, tuple(DIGIT_TARGETS))
    checks.integer("n_samples", n_samples, minimum=2)
    if n_samples > len(pixels):
        raise ValueError(f"n_samples = {n_samples} must be at most {len(pixels)}, the number of digits there are")
    chosen = rng.choice(len(pixels), size=n_samples, replace=False)
    spread = pixels.std(0)
    standardised = (pixels - pixels.mean(0)) / np.where(spread > 0, spread, 1.0)
    return RegressionProblem(standardised[chosen], DIGIT_TARGETS[labels](digit[chosen]))


DIGIT_TARGETS = {
    "parity": lambda digit: np.where(digit % 2 == 0, 1.0, -1.0)[:, None],
    "classes": lambda digit: np.eye(10)[digit],
}


PROBLEMS = {"power_law": power_law_problem, "multi_index": multi_index_problem, "digits": digits_problem}


def make_problem(rng, kind, **settings):
    """The problem of the named kind, drawn from `rng`; the settings are those of the kind's function in `PROBLEMS`."""
    return PROBLEMS[checks.one_of("kind", kind, tuple(PROBLEMS))](rng, **settings)
