"""Power-law spectra and targets, and the loss of the modes that a truncated spectrum leaves out.

Modes are counted k = 1, 2, ... from the largest eigenvalue down. `capacity` and `source` are the
exponents of Caponnetto and De Vito, Found. Comput. Math. 7, 331 (2007), in the form used for scaling
laws by Atanasov, Zavatone-Veth and Pehlevan, arXiv:2405.00592: eigenvalue_k = k^-capacity and
eigenvalue_k * target_k^2 = k^-(1 + 2*capacity*source).
"""

import numpy as np
from scipy import special

from scalinglaws import checks

# With 8 nodes a panel contributes a relative error of 6.4^-16 = 1e-13.
N_NODES = 8
# Modes that stand for themselves before bins begin. The step to bins costs a relative error of p^3 / (2000 N_EXACT^4)
# where the terms fall as k^-p: below 1e-9 for p up to 6. The end of the bins costs p / (24 dim^2), times dim times the
# last term over the sum: below 1e-7 for spectra longer than UNBINNED. Shorter ones are cheap as they are.
N_EXACT, UNBINNED = 128, 4096
# From this decay on, and long before, 2^-decay is 0 in double precision; far beyond it SciPy's zeta function is NaN.
STEEPEST = 1e4


def power_law_spectrum(dim, capacity):
    """Eigenvalues k^-capacity, k = 1..dim.

    `dim` is an integer >= 1 and `capacity` >= 0 (0: isotropic). Returns shape (dim,), descending, not
    normalised: the first entry is 1. Bad input, or a spectrum whose tail underflows to 0: ValueError.
    """
    dim = checks.integer("dim", dim, minimum=1)
    capacity = checks.at_least("capacity", capacity, 0)
    eigenvalues = _ranks(dim) ** -capacity
    if eigenvalues[-1] == 0:
        raise ValueError(f"capacity = {capacity} must keep dim^-capacity > 0 in double precision, dim = {dim}")
    return eigenvalues


def normalised_spectrum(eigenvalues, mean_square=None):
    """`eigenvalues` rescaled so that E|x|^2, their sum, equals `mean_square`.

    `eigenvalues` has shape (dim,), all > 0, in any order, which is kept. `mean_square` > 0 defaults to
    dim: inputs whose components have variance 1 on average. Returns shape (dim,). Bad input, or an entry
    that underflows to 0: ValueError.
    """
    eigenvalues = checks.positive_array("eigenvalues", eigenvalues, ndim=1)
    mean_square = eigenvalues.size if mean_square is None else checks.positive("mean_square", mean_square)
    with np.errstate(over="ignore"):
        scale = mean_square / eigenvalues.sum()
    return checks.representable("all of them", eigenvalues * scale, f"eigenvalues of mean_square = {mean_square}")


def power_law_target(eigenvalues, capacity, source):
    """Target coefficients w_k > 0 with eigenvalue_k * w_k^2 = k^-(1 + 2*capacity*source).

    `eigenvalues` has shape (dim,), all > 0, none larger than the one before; `capacity`, `source` >= 0.
    The power carried by mode k is the same whether the spectrum k^-capacity is handed over as it is or
    normalised (the coefficients take up the factor), so `unlearned_tail` holds for either.
    Returns shape (dim,). Bad input, or a coefficient that leaves double precision: ValueError.
    """
    eigenvalues = _descending("eigenvalues", eigenvalues)
    capacity = checks.at_least("capacity", capacity, 0)
    source = checks.at_least("source", source, 0)
    with np.errstate(over="ignore"):
        target = np.sqrt(_ranks(eigenvalues.size) ** -(1 + 2 * capacity * source) / eigenvalues)
    return checks.representable("the target", target, f"capacity = {capacity} and source = {source}")


def unlearned_tail(capacity, source, n_modes):
    """Loss of the modes k > n_modes of the infinite spectrum: sum of k^-(1 + 2*capacity*source) / 2.

    Loss means half the mean square, e^2 / 2, so a target cut off at `n_modes` misses exactly this much.
    The sum is half the Hurwitz zeta function at (1 + 2*capacity*source, n_modes + 1); far out it behaves
    as n_modes^-(2*capacity*source) / (4*capacity*source). `capacity` and `source` are > 0, without which
    the sum diverges; `n_modes` is an integer >= 0 or an array of them. Returns the shape of `n_modes`.
    Bad input: ValueError.
    """
    # Products near 0 or infinity round the decay to 1, where the sum diverges, or to infinity.
    exponent = 2 * checks.positive("capacity", capacity) * checks.positive("source", source)
    decay = checks.between("1 + 2 * capacity * source", 1 + exponent, 1, np.inf)
    n_modes = checks.array("n_modes", n_modes)
    bad = n_modes[(n_modes < 0) | (n_modes % 1 != 0)]
    if bad.size:
        raise ValueError(f"n_modes = {bad[0]} must be an integer >= 0")
    return special.zeta(min(decay, STEEPEST), n_modes + 1) / 2


def rank_bins(dim, steepness):
    """(ranks, multiplicities) of the modes 1..dim: ranks in bins, each with the number of modes that it stands for.

    Sums over a power-law spectrum, sum_k f(k), have terms that are smooth in log k. Beyond the first modes they are
    integrals (Euler-Maclaurin), here by Gauss-Legendre panels of width 2 / steepness in u = log k, whose nodes are the
    bins: ranks that need not be whole numbers. A summand analytic up to a distance pi / steepness from the real u axis
    is summed to 6.4^(-2 N_NODES). Up to dim = `UNBINNED` every mode stands for itself with multiplicity 1, beyond only
    the first `N_EXACT`, and there are 4 steepness bins for each factor e. The multiplicities sum to dim.

    dim is an integer >= 1 and steepness > 0. Returns two vectors of the same length. Bad input: ValueError.
    """
    dim = checks.integer("dim", dim, minimum=1)
    steepness = checks.positive("steepness", steepness)
    if dim <= UNBINNED:
        return _ranks(dim), np.ones(dim)
    # sum_{k > n} f(k) = integral from n + 1/2 + f'(n + 1/2) / 24 + ..., with f' = f(n + 1) - f(n).
    weights = np.append(np.ones(N_EXACT - 1), (23 / 24, 1 / 24))
    lower, upper = np.log(N_EXACT + 0.5), np.log(dim + 0.5)
    edges = np.linspace(lower, upper, 1 + int(np.ceil((upper - lower) * steepness / 2)))
    points, shares = np.polynomial.legendre.leggauss(N_NODES)
    half = np.diff(edges)[:, None] / 2
    ranks = np.exp(edges[:-1, None] + half * (1 + points)).ravel()
    counts = (half * shares).ravel() * ranks
    return np.append(_ranks(N_EXACT + 1), ranks), np.append(weights, counts * ((dim - N_EXACT) / counts.sum()))


def _ranks(dim):
    return np.arange(1, dim + 1, dtype=np.float64)


def _descending(name, value):
    result = checks.positive_array(name, value, ndim=1)
    rising = np.flatnonzero(np.diff(result) > 0)
    if rising.size:
        first = rising[0]
        raise ValueError(
            f"{name}[{first}], {name}[{first + 1}] = {result[first]}, {result[first + 1]} must not increase"
        )
    return result
