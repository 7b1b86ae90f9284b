"""Problems of every kind of deterministic equivalent, small and without symmetry, for tests of what they share."""

import numpy as np

from scalinglaws.ridge import RandomFeatureProblem, RidgeProblem

FIELDS = ("kappa1", "kappa2", "df1", "df2", "gamma1", "gamma2", "kappa_slope", "bias", "var_x", "var_f", "var_xf")
FIELDS += ("var_xe", "var_xfe", "excess_risk", "train_error", "s_transform")
PARTS = ("bias", "var_x", "var_f", "var_xf", "var_xe", "var_xfe")
DIM = 40
# Samples and ridges: fewer and more samples than widths and dim, and none of them equal.
SAMPLES, RIDGES = np.array([3.5, 17.0, 33.0, 90.0, 800.0])[:, None], np.array([1e-10, 1e-5, 1e-2, 1.0, 1e3])


def spectrum(seed, size, spread=3.0):
    """Eigenvalues over some decades, in no order."""
    return np.exp(np.random.default_rng(seed).uniform(-spread, spread, size))


EIGENVALUES, TARGET = spectrum(0, DIM), np.random.default_rng(1).normal(0.3, 1.0, DIM)
POWER = EIGENVALUES @ TARGET**2
# What a problem has besides the spectrum; {} is ridge regression.
KINDS = {
    "ridge": {},
    "white": {"widths": 25.0},
    "output": {"widths": 60.0, "convention": "output"},
    "deep": {"widths": (55.0, 30.0, 70.0), "convention": "layer"},
    "structured": {"widths": 25.0, "feature_eigenvalues": spectrum(2, 25)},
    "structured deep": {"widths": (25.0, 60.0), "feature_eigenvalues": [spectrum(3, 25), None]},
    "feature noise": {"widths": 30.0, "feature_noise_std": 0.6},
}


def make(kind, n_samples=SAMPLES, ridge=RIDGES, noise_std=0.4, eigenvalues=EIGENVALUES, target=TARGET, **changes):
    """A problem of the kind, over the grid of samples and ridges unless told otherwise."""
    more = (KINDS[kind] if isinstance(kind, str) else kind) | changes
    build = RandomFeatureProblem if "widths" in more else RidgeProblem
    return build(eigenvalues, target, n_samples, ridge, noise_std, **more)


def assert_same(first, second, rtol, fields=FIELDS, **kwargs):
    """Two learning curves agree in `fields`."""
    for name in fields:
        np.testing.assert_allclose(getattr(first, name), getattr(second, name), rtol=rtol, err_msg=name, **kwargs)


def assert_identities(problem, curve):
    """What holds for every learning curve at positive ridge."""
    values = {name: getattr(curve, name) for name in FIELDS}
    for name, value in values.items():
        assert value.shape == problem.shape, name
        assert np.isfinite(value).all(), (name, value)
        assert (value >= 0).all(), (name, value)
    np.testing.assert_allclose(sum(values[name] for name in PARTS), curve.excess_risk, rtol=1e-12)
    noisy = curve.excess_risk + problem.noise_std**2
    np.testing.assert_allclose(curve.train_error, noisy / curve.s_transform**2, rtol=1e-12)
    np.testing.assert_allclose(curve.kappa1, problem.ridge * curve.s_transform, rtol=1e-9)
    assert (curve.kappa_slope <= 1).all()
    assert (curve.gamma2 <= curve.gamma1 * (1 + 1e-12)).all()
    assert (curve.df2 <= curve.df1 * (1 + 1e-12)).all()
    # Signal and noise by the totals they are the parts of; 1 - gamma is a difference, hence the guard.
    left1, left2 = 1 - curve.gamma1, 1 - curve.gamma2
    clear = np.minimum(left1, left2) > 1e-4
    signal, noise = (curve.bias + curve.var_f) / left1, problem.noise_std**2 * curve.gamma1 / left1
    parts = curve.bias + curve.var_x + curve.var_f + curve.var_xf
    np.testing.assert_allclose(parts[clear], signal[clear], rtol=1e-9)
    np.testing.assert_allclose((curve.var_xe + curve.var_xfe)[clear], noise[clear], rtol=1e-9)
