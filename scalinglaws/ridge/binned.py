"""Power-law spectra of any length in a few hundred bins: the first modes exact, the rest by quadrature.

Sums over a power-law spectrum, sum_k f(k), have terms that are smooth in log k. Beyond the first modes they are
integrals (Euler-Maclaurin), and in u = log k the integrand of every deterministic equivalent, a power times fractions
eigenvalue / (eigenvalue + kappa), is analytic up to a distance pi / capacity from the real axis. Gauss-Legendre panels
of width 2 / capacity converge on it like 6.4^(-2 n_nodes), whatever kappa is. The nodes are the bins: a node stands for
as many directions as its weight, at a rank k that need not be a whole number.
"""

import numpy as np

from scalinglaws import checks

# With 8 nodes a panel contributes a relative error of 6.4^-16 = 1e-13.
N_NODES = 8
# Directions that stand for themselves before bins begin. The step to bins costs a relative error of p^3 / (2000
# N_EXACT^4) where the terms fall as k^-p: below 1e-9 for p up to 6. The end of the bins costs p / (24 dim^2), times dim
# times the last term over the sum: below 1e-7 for spectra longer than UNBINNED. Shorter ones are cheap as they are.
N_EXACT, UNBINNED = 128, 4096


def power_law_bins(dim, capacity, source):
    """(eigenvalues, target, multiplicities) of eigenvalues k^-capacity, power k^-(1 + 2 capacity source), k = 1..dim.

    dim is an integer >= 1, as large as one likes; capacity and source are >= 0. Up to dim = 4096 (`UNBINNED`) every
    direction stands for itself with multiplicity 1, beyond only the first 128 (`N_EXACT`); the others share bins, 4
    capacity of them for each factor e in rank, whose target is the root of power over eigenvalue. The multiplicities
    sum to dim. Sums over directions of eigenvalue, of power, and of either times fractions of eigenvalue and kappa
    agree with those of the whole spectrum to a relative 1e-7 (1e-9 for dim > 1e5) at every kappa, for capacity up to 3
    and source up to 2. Bad input: ValueError.
    """
    dim = checks.integer("dim", dim, minimum=1)
    capacity = checks.at_least("capacity", capacity, 0)
    source = checks.at_least("source", source, 0)
    ranks, multiplicities = _ranks(dim, max(1.0, capacity, capacity * source / 2))
    return ranks**-capacity, ranks ** ((capacity - 1) / 2 - capacity * source), multiplicities


def feature_bins(n_features, feature_capacity):
    """(eigenvalues, multiplicities) of a layer's features, proportional to k^-feature_capacity with mean 1.

    With mean 1 the entries of F have the variance of white features, so that ridges compare. n_features is an integer
    >= 1 and feature_capacity >= 0; accuracy as in `power_law_bins`. Bad input: ValueError.
    """
    n_features = checks.integer("n_features", n_features, minimum=1)
    feature_capacity = checks.at_least("feature_capacity", feature_capacity, 0)
    ranks, multiplicities = _ranks(n_features, max(1.0, feature_capacity))
    eigenvalues = ranks**-feature_capacity
    return eigenvalues * (n_features / (multiplicities @ eigenvalues)), multiplicities


def _ranks(dim, steepness):
    """Ranks and how many directions each stands for, on panels of width 2 / steepness in log rank."""
    if dim <= UNBINNED:
        return np.arange(1.0, dim + 1), np.ones(dim)
    exact = np.arange(1.0, N_EXACT + 2)
    # sum_{k > n} f(k) = integral from n + 1/2 + f'(n + 1/2) / 24 + ..., with f' = f(n + 1) - f(n).
    weights = np.append(np.ones(N_EXACT - 1), (23 / 24, 1 / 24))
    lower, upper = np.log(N_EXACT + 0.5), np.log(dim + 0.5)
    edges = np.linspace(lower, upper, 1 + int(np.ceil((upper - lower) * steepness / 2)))
    points, shares = np.polynomial.legendre.leggauss(N_NODES)
    half = np.diff(edges)[:, None] / 2
    ranks = np.exp(edges[:-1, None] + half * (1 + points)).ravel()
    counts = (half * shares).ravel() * ranks
    return np.append(exact, ranks), np.append(weights, counts * ((dim - N_EXACT) / counts.sum()))
