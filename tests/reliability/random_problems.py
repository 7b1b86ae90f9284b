"""Regression problems over the widest ranges that theory takes, and what holds for the learning curve of each."""

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from scalinglaws.ridge import RandomFeatureProblem, RidgeProblem

PARTS = ("bias", "var_x", "var_f", "var_xf", "var_xe", "var_xfe")
# Those that diverge with them at ridge 0, where samples are as many as the smallest width or the rank.
DIVERGING = (*PARTS[1:], "excess_risk")
FIELDS = ("kappa1", "kappa2", "df1", "df2", "gamma1", "gamma2", "kappa_slope", *PARTS, "excess_risk", "train_error")
FIELDS += ("s_transform",)


def decades(low, high):
    """Numbers from 10^low to 10^high."""
    return st.floats(low, high).map(lambda exponent: 10.0**exponent)


def or_zero(strategy):
    """What the strategy draws, or 0."""
    return st.one_of(st.just(0.0), strategy)


def or_refused(function):
    """The value of the function, or None where it raises a ValueError of one line."""
    try:
        return function()
    except ValueError as error:
        message = str(error)
    assert message
    assert "\n" not in message
    return None


@st.composite
def spectra(draw):
    """Eigenvalues over eighteen decades with their target and multiplicities: one alone, equal ones, and zeros."""
    size = draw(st.integers(1, 6))
    eigenvalues = 10.0 ** np.array(draw(st.lists(st.floats(-12, 6), min_size=size, max_size=size)))
    if draw(st.booleans()):
        eigenvalues[size // 2 :] = eigenvalues[-1]
    if size > 1 and draw(st.booleans()):
        eigenvalues[0] = 0.0
    # Coefficients that differ by less than double precision can tell, or none at all.
    entries = st.one_of(st.just(0.0), st.floats(1e-3, 10), st.floats(-10, -1e-3))
    target = np.array(draw(st.lists(entries, min_size=size, max_size=size))) * draw(decades(-3, 3))
    counts = draw(st.lists(st.one_of(st.just(1.0), decades(0, 5).map(round).map(float)), min_size=size, max_size=size))
    return {"eigenvalues": eigenvalues, "target": target, "multiplicities": np.array(counts)}


def _sizes(spectrum):
    """Samples or widths, among them those at which theory has a threshold."""
    counts = spectrum["multiplicities"]
    dim, rank = counts.sum(), counts[spectrum["eigenvalues"] > 0].sum()
    return st.one_of(st.sampled_from([2.0, dim, rank, dim + 1, 1e6]), decades(0.3, 6))


@st.composite
def ridge_problems(draw, ridges=None):
    """Ridge regression at one point of a curve; ridge is 0 or from 1e-15 to 1e6 unless told otherwise."""
    spectrum = draw(spectra())
    ridge = draw(or_zero(decades(-15, 6)) if ridges is None else ridges)
    return RidgeProblem(
        **spectrum, n_samples=draw(_sizes(spectrum)), ridge=ridge, noise_std=draw(or_zero(decades(-3, 3)))
    )


@st.composite
def feature_problems(draw, ridges=None, depths=(1, 2, 3), structured=True):
    """Random features of one to three layers: white, structured, or with feature noise."""
    base = draw(ridge_problems(ridges))
    spectrum = {name: getattr(base, name) for name in ("eigenvalues", "target", "multiplicities")}
    sizes = st.one_of(_sizes(spectrum), st.just(float(base.n_samples)))
    widths = draw(st.lists(sizes, min_size=1, max_size=draw(st.sampled_from(depths))))
    more = {"convention": draw(st.sampled_from(["input", "layer", "output"]))}
    if len(widths) == 1:
        more["feature_noise_std"] = draw(or_zero(decades(-3, 3)))
    if structured and draw(st.booleans()):
        layers = [draw(_feature_spectra(width)) for width in widths]
        more |= dict(zip(("feature_eigenvalues", "feature_multiplicities"), zip(*layers, strict=True), strict=True))
    return as_features(base, widths, **more)


@st.composite
def _feature_spectra(draw, width):
    """(eigenvalues, multiplicities) of a layer's features, some of them without variance; (None, None) if white."""
    if draw(st.booleans()):
        return None, None
    values = draw(st.lists(decades(-6, 2), min_size=1, max_size=4)) + draw(st.sampled_from([[], [0.0]]))
    return np.array(values), np.full(len(values), width / len(values))


@st.composite
def simulated_spectra(draw):
    """Ridge regression as simulation takes it, small: n = 2, n = dim, more and fewer; any ridge, noise and rank."""
    dim = draw(st.integers(2, 8))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    eigenvalues = 10.0 ** rng.uniform(draw(st.sampled_from([-12, -3, 0])), 0, dim)
    eigenvalues[: draw(st.integers(0, dim - 1))] = draw(st.sampled_from([0.0, 1.0]))
    n_samples = draw(st.sampled_from([2, dim, dim + 1, 3 * dim]))
    common = {"ridge": draw(or_zero(decades(-12, 6))), "noise_std": draw(or_zero(decades(-3, 3)))}
    return RidgeProblem(eigenvalues, rng.standard_normal(dim), n_samples, **common)


def as_features(problem, widths, **more):
    """The same problem through layers of random features; `more` has what else a `RandomFeatureProblem` takes."""
    names = ("eigenvalues", "target", "n_samples", "ridge", "noise_std", "multiplicities")
    return RandomFeatureProblem(**{name: getattr(problem, name) for name in names}, widths=list(widths), **more)


def changed(problem, **fields):
    """The problem with other fields; layers are handed over as a list, which a record takes them from."""
    return replace(problem, **fields)


def room(problem):
    """The most degrees of freedom that inputs and features have."""
    rank = problem.multiplicities[problem.eigenvalues > 0].sum()
    if not isinstance(problem, RandomFeatureProblem):
        return rank
    pairs = zip(problem.widths, problem.feature_eigenvalues, problem.feature_multiplicities, strict=True)
    widths = [float(width if e is None else counts[e > 0].sum()) for width, e, counts in pairs]
    return min([*widths, *([] if problem.feature_noise_std > 0 else [rank])])


def assert_sane(problem, curve):
    """No NaN, nothing below 0, infinite only where theory diverges; parts add up, shares are in their order."""
    values = {name: getattr(curve, name) for name in FIELDS}
    interpolates = problem.ridge == 0 and problem.n_samples <= room(problem) * (1 + 1e-12)
    threshold = interpolates and np.isclose(problem.n_samples, room(problem), rtol=1e-12)
    for name, value in values.items():
        infinite = (threshold and name in DIVERGING) or (interpolates and name == "s_transform")
        assert value >= 0, (name, value)
        assert np.isfinite(value) or infinite, (name, value)
    np.testing.assert_allclose(sum(values[name] for name in PARTS), curve.excess_risk, rtol=1e-12)
    assert curve.df2 <= curve.df1 * (1 + 1e-12)
    assert curve.gamma2 <= curve.gamma1 * (1 + 1e-12)
    assert curve.gamma1 <= 1 + 1e-9
    assert curve.kappa_slope <= 1
    if problem.ridge > 0:
        np.testing.assert_allclose(curve.kappa1, problem.ridge * curve.s_transform, rtol=1e-9)
        noisy = curve.excess_risk + problem.noise_std**2
        np.testing.assert_allclose(curve.train_error, noisy / curve.s_transform**2, rtol=1e-9)


def assert_same(ours, expected, rtol, factors=None, fields=FIELDS):
    """Two learning curves agree, but for factors by name; parts to a share of the risk that they are parts of."""
    for name in fields:
        value, other = getattr(ours, name), (factors or {}).get(name, 1.0) * getattr(expected, name)
        scale = (factors or {}).get("excess_risk", 1.0) * expected.excess_risk if name in PARTS else 0.0
        slack = rtol * scale if np.isfinite(scale) else 0.0
        np.testing.assert_allclose(value, other, rtol=rtol, atol=slack, err_msg=name)
