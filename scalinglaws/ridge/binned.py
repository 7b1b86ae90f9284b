"""Power-law spectra of any length in a few hundred bins: the first modes exact, the rest by quadrature.

In u = log k the summand of every deterministic equivalent, a power times fractions eigenvalue / (eigenvalue + kappa),
is analytic up to a distance pi / capacity from the real axis: `rank_bins` of steepness capacity converge on it like
6.4^-16, whatever kappa is.
"""

import numpy as np

from scalinglaws import checks
from scalinglaws.spectra import rank_bins


def power_law_bins(dim, capacity, source):
    """(eigenvalues, target, multiplicities) of eigenvalues k^-capacity, power k^-(1 + 2 capacity source), k = 1..dim.

    dim is an integer >= 1, as large as one likes; capacity and source are >= 0. Up to dim = 4096 (`UNBINNED`) every
    direction stands for itself with multiplicity 1, beyond only the first 128 (`N_EXACT`); the others share bins, 4
    capacity of them for each factor e in rank, whose target is the root of power over eigenvalue. The multiplicities
    sum to dim. Sums over directions of eigenvalue, of power, and of either times fractions of eigenvalue and kappa
    agree with those of the whole spectrum to a relative 1e-7 (1e-9 for dim > 1e5) at every kappa, for capacity up to 3
    and source up to 2. Bad input, or an entry that leaves double precision: ValueError.
    """
    dim = checks.integer("dim", dim, minimum=1)
    capacity = checks.at_least("capacity", capacity, 0)
    source = checks.at_least("source", source, 0)
    exponents = {"eigenvalues": -capacity, "the target": (capacity - 1) / 2 - capacity * source}
    for name, exponent in exponents.items():
        _require_powers(name, dim, exponent, f"capacity = {capacity} and source = {source}")
    ranks, multiplicities = rank_bins(dim, max(1.0, capacity, capacity * source / 2))
    eigenvalues, target = (ranks**exponent for exponent in exponents.values())
    return eigenvalues, target, multiplicities


def feature_bins(n_features, feature_capacity):
    """(eigenvalues, multiplicities) of a layer's features, proportional to k^-feature_capacity with mean 1.

    With mean 1 the entries of F have the variance of white features, so that ridges compare. n_features is an integer
    >= 1 and feature_capacity >= 0; accuracy as in `power_law_bins`. Bad input: ValueError.
    """
    n_features = checks.integer("n_features", n_features, minimum=1)
    feature_capacity = checks.at_least("feature_capacity", feature_capacity, 0)
    _require_powers("eigenvalues", n_features, -feature_capacity, f"feature_capacity = {feature_capacity}")
    ranks, multiplicities = rank_bins(n_features, max(1.0, feature_capacity))
    eigenvalues = ranks**-feature_capacity
    return eigenvalues * (n_features / (multiplicities @ eigenvalues)), multiplicities


def _require_powers(name, dim, exponent, arguments):
    """ValueError unless double precision holds k^exponent up to k = dim: before bins, whose number goes with it."""
    with np.errstate(over="ignore"):
        checks.representable(name, np.array([float(dim)]) ** exponent, f"{arguments} at dim = {dim}")
