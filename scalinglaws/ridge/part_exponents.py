"""Exponents in n_samples of the parts of the error, at fixed width and before the width is met."""

from scalinglaws import checks


def part_exponents(capacity, source, *, kappa_exponent=None, noisy_features=False):
    """{part: exponent}, part ~ n_samples^exponent, of power-law data where kappa2 ~ n_samples^kappa_exponent.

    capacity > 1, source > 0. kappa_exponent < 0: None for what the samples alone would give, -capacity, or -1 with
    noisy_features, which are those whose noise takes most degrees of freedom; where a ridge n_samples^-l binds instead
    it is -l. By arXiv:2405.00592, scaling regimes, for one or more layers of white features: the bias goes as
    kappa2^(2 min(source, 1)), gamma2 as kappa2^(-1/capacity) / n_samples, and the variance over features as
    (1 - rho) kappa2^min(2 source, 1), with 1 - rho the share of the features in use: kappa2^(-1/capacity), or n_samples
    of noisy features. var_xe is the variance that label noise causes with features averaged over.
    """
    capacity, source = checks.between("capacity", capacity, 1, float("inf")), checks.positive("source", source)
    if kappa_exponent is None:
        kappa_exponent = -1.0 if noisy_features else -capacity
    learned = -kappa_exponent / capacity
    in_use = 1.0 if noisy_features else learned
    return {
        "kappa2": kappa_exponent,
        "bias": 2 * kappa_exponent * min(source, 1.0),
        "var_f": kappa_exponent * min(2 * source, 1.0) + in_use,
        "var_xe": learned - 1.0,
    }
