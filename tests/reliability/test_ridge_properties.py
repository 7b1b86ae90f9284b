"""Ridge regression over wide ranges, theory and simulation: no NaN without a word, symmetries, limits and theorems."""

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st
from random_kernels import property_tests
from random_problems import (
    PARTS,
    assert_same,
    assert_sane,
    changed,
    decades,
    or_refused,
    or_zero,
    ridge_problems,
    simulated_spectra,
)
from scipy.stats import ortho_group

from scalinglaws.ridge import feature_bins, learning_curve, power_law_bins, simulate
from scalinglaws.ridge.paths import ridge_fits
from scalinglaws.spectra import normalised_spectrum, power_law_spectrum, power_law_target, unlearned_tail

# Draws of each property: some ten seconds of all of them, and a minute or two.
SHORT, LONG = 25, 300
SEEDS = st.integers(0, 2**32 - 1)
POSITIVE = ridge_problems(decades(-15, 6))


# --- theory ---------------------------------------------------------------------------------------------------------


def is_sane(problem):
    assert_sane(problem, learning_curve(problem))


def units(drawn):
    """Eigenvalues and ridge s times, target and noise so that labels are t times: risks t^2 times."""
    problem, inputs, labels = drawn
    scaled = changed(
        problem,
        eigenvalues=inputs * problem.eigenvalues,
        ridge=inputs * problem.ridge,
        target=labels / np.sqrt(inputs) * problem.target,
        noise_std=labels * problem.noise_std,
    )
    factors = dict.fromkeys((*PARTS, "excess_risk", "train_error"), labels**2) | {"kappa1": inputs, "kappa2": inputs}
    assert_same(learning_curve(scaled), learning_curve(problem), 1e-8, factors)


def far_from_double_precision_or_refused(drawn):
    """Every unit up to the ends of double precision: the same curve, or a ValueError of one line."""
    problem, inputs, labels = drawn
    with np.errstate(over="ignore", invalid="ignore"):
        target, eigenvalues = labels / np.sqrt(inputs) * problem.target, inputs * problem.eigenvalues
    arrays = {"eigenvalues": eigenvalues, "target": target, "ridge": inputs * problem.ridge}
    scaled = or_refused(lambda: learning_curve(changed(problem, **arrays, noise_std=labels * problem.noise_std)))
    # Numbers below the smallest normal double have lost digits before they are seen.
    smallest = min(np.abs(values[values != 0]).min(initial=1.0) for values in (eigenvalues, target))
    if scaled is not None and smallest > 1e-290 and 1e-150 < labels < 1e150:
        expected = learning_curve(problem)
        for name in ("df1", "df2", "gamma1", "gamma2", "s_transform"):
            np.testing.assert_allclose(getattr(scaled, name), getattr(expected, name), rtol=1e-8, err_msg=name)


def order_and_multiplicities(drawn):
    """Modes in any order, and each multiplicity in two parts."""
    problem, seed = drawn
    order = np.tile(np.arange(problem.target.size), 2)
    order = order[np.random.default_rng(seed).permutation(order.size)]
    split = {name: getattr(problem, name)[order] for name in ("eigenvalues", "target")}
    written = changed(problem, **split, multiplicities=problem.multiplicities[order] / 2)
    assert_same(learning_curve(written), learning_curve(problem), 1e-7)


def endless_ridge(problem):
    """ridge -> inf: nothing is learned, and the risk is the signal."""
    trace = problem.multiplicities @ problem.eigenvalues
    curve = learning_curve(changed(problem, ridge=1e12 * trace))
    signal = problem.multiplicities @ (problem.eigenvalues * problem.target**2)
    assert curve.excess_risk == pytest.approx(signal, rel=1e-9, abs=1e-9 * problem.noise_std**2)
    assert curve.train_error == pytest.approx(signal + problem.noise_std**2, rel=1e-9)


def endless_samples(problem):
    """n -> inf without ridge: what is left is the noise's rank / (n - rank), on top of the noise itself."""
    rank = problem.multiplicities[problem.eigenvalues > 0].sum()
    curve = learning_curve(changed(problem, n_samples=1e9 * rank, ridge=0.0))
    assert curve.excess_risk == pytest.approx(problem.noise_std**2 / (1e9 - 1), rel=1e-12)
    assert curve.bias == 0


def ridge_raises_kappa(drawn):
    """kappa rises with ridge and df1, df2 fall: kappa (1 - T / n) increases in kappa."""
    problem, factors = drawn
    ridges = np.maximum(problem.ridge, 1e-15) * np.cumprod(np.append(1.0, factors))
    curve = learning_curve(changed(problem, ridge=ridges))
    assert (np.diff(curve.kappa1) >= -1e-12 * curve.kappa1[1:]).all()
    assert curve.kappa1[-1] > curve.kappa1[0] or ridges[-1] < 1e-9 * curve.kappa1[-1]
    assert (np.diff(curve.bias) >= -1e-12 * curve.bias[1:]).all()
    for shares in (curve.df1, curve.df2):
        assert (np.diff(shares) <= 1e-12 * shares[1:]).all()


def more_samples_never_hurt_the_best_ridge(drawn):
    """At equal kappa the risk (bias + ...) / (1 - gamma) falls with n, and kappas of fewer samples are all in reach.

    So for each ridge with n samples there is one with more that has no higher risk, and the best ridge's risk falls.
    """
    problem, growth = drawn
    curve = learning_curve(problem)
    more = problem.n_samples * (1 + growth)
    ridge = curve.kappa1 * (1 - problem.dim * curve.df1 / more)
    better = learning_curve(changed(problem, n_samples=more, ridge=ridge))
    assert better.kappa1 == pytest.approx(curve.kappa1, rel=1e-6)
    assert better.excess_risk <= curve.excess_risk * (1 + 1e-6)


def bins_are_numbers_or_refused(drawn):
    dim, capacity, source = drawn
    spectra = (
        lambda: np.concatenate(power_law_bins(dim, capacity, source)),
        lambda: np.concatenate(feature_bins(dim, capacity)),
        lambda: power_law_spectrum(min(dim, 10**5), capacity),
        lambda: normalised_spectrum(power_law_spectrum(min(dim, 10**5), capacity), 10.0**-source),
        lambda: power_law_target(power_law_spectrum(min(dim, 10**5), capacity), capacity, source),
    )
    for values in map(or_refused, spectra):
        assert values is None or (np.isfinite(values).all() and (values > 0).all())
    tail = or_refused(lambda: unlearned_tail(capacity, source, np.array([0.0, 1.0, float(dim)])))
    assert tail is None or (np.isfinite(tail).all() and (np.diff(tail) <= 0).all())


# --- simulation -----------------------------------------------------------------------------------------------------


@st.composite
def samples(draw):
    """(features of known rank over three decades, labels, ridges, rank, rng): n and dim from 2, equal or not."""
    dim, n_samples = draw(st.integers(2, 8)), draw(st.integers(2, 20))
    rng = np.random.default_rng(draw(SEEDS))
    scales = 10 ** rng.uniform(-3, 0, dim) * (np.arange(dim) < draw(st.integers(1, dim)))
    features = rng.standard_normal((draw(st.sampled_from([n_samples, dim])), dim)) * scales
    ridges = np.unique(draw(st.lists(or_zero(decades(-8, 6)), min_size=1, max_size=3)))
    return features, rng.standard_normal((len(features), 2)), ridges, np.count_nonzero(scales), rng


def rotations(drawn):
    """Features turned by an orthogonal matrix: weights turn with them, and the errors stay."""
    features, labels, ridges, rank, rng = drawn
    basis, path = ortho_group.rvs(features.shape[1], random_state=rng), [(len(features), ridges)]
    fits = [or_refused(lambda Z=Z: list(ridge_fits(Z, labels, path, rank))) for Z in (features, features @ basis)]
    spectrum = np.linalg.svd(features, compute_uv=False)[: min(len(features), rank)] ** 2 / len(features)
    # Rounding of the Gram matrix fills its null space, next to which there is the ridge alone.
    smallest = 0.0 if ridges[0] > 0 and rank < min(features.shape) else spectrum[-1]
    condition = (spectrum[0] + ridges[0]) / (smallest + ridges[0])
    assume(condition < 1e10)
    (fit,), (turned,) = fits
    tolerance = 1e-13 * condition + 1e-10
    size = np.abs(fit.weights).max(initial=0.0)
    np.testing.assert_allclose(np.einsum("ij,jrl->irl", basis, turned.weights), fit.weights, atol=tolerance * size)
    power = np.mean(labels**2)
    np.testing.assert_allclose(turned.train_error, fit.train_error, rtol=0, atol=tolerance * power)
    np.testing.assert_allclose(turned.degrees_of_freedom, fit.degrees_of_freedom, rtol=tolerance, atol=tolerance)


def simulation_is_sane(problem):
    """No NaN; nothing below 0 that is a mean of squares; labels of the double have four times the risk."""
    found = or_refused(lambda: simulate(problem, np.random.default_rng(0), 3))
    if found is None:
        return
    for name in ("excess_risk", "train_error", "gcv", "kare", "kappa1", "df1"):
        assert 0 <= getattr(found, name) < np.inf, name
        assert 0 <= getattr(found.standard_error, name) < np.inf, name
    assert found.s_transform >= 1 - 1e-9
    doubled = changed(problem, target=2 * problem.target, noise_std=2 * problem.noise_std)
    again = simulate(doubled, np.random.default_rng(0), 3)
    for name in (*PARTS, "excess_risk", "train_error"):
        np.testing.assert_allclose(getattr(again, name), 4 * getattr(found, name), rtol=1e-12, err_msg=name)


def nonsense_is_refused(drawn):
    """NaN, inf and numbers below 0 in any field."""
    problem, field, value = drawn
    array = np.array(getattr(problem, field), dtype=float)
    array.flat[-1] = value
    with pytest.raises(ValueError, match=field):
        changed(problem, **{field: array})


ANY = ridge_problems()
NONSENSE = [(f, v) for f in ("eigenvalues", "n_samples", "ridge", "noise_std") for v in (np.nan, np.inf, -1.0)]
NONSENSE += [("target", np.nan), ("target", -np.inf), ("n_samples", 0.0), ("multiplicities", 0.0)]
# What was tried: the property, what it is tried on, and the outcome.
PROPERTIES = {
    "ridge theory: parts >= 0 add up to the risk, df2 <= df1; eigenvalues over 18 decades, equal, zero or one alone, "
    "n from 2 to 1e6, n = dim, n = rank, ridge 0 to 1e6, noise 0 to 1e3": (is_sane, ANY, "holds"),
    "ridge theory whatever the units of inputs and labels, over 40 decades": (
        units,
        st.tuples(ANY, decades(-20, 20), decades(-20, 20)),
        "holds",
    ),
    "ridge theory in units to the ends of double precision": (
        far_from_double_precision_or_refused,
        st.tuples(ANY, decades(-300, 300), decades(-300, 300)),
        "holds, or ValueError of one line",
    ),
    "ridge theory whatever the order of eigenvalues, equal ones together or apart": (
        order_and_multiplicities,
        st.tuples(ANY, SEEDS),
        "holds",
    ),
    "ridge theory at endless ridge: risk = signal": (endless_ridge, ANY, "holds"),
    "ridge theory with endless samples: risk = noise rank / (n - rank)": (endless_samples, ANY, "holds"),
    "ridge theory: kappa and bias rise with ridge, df1 and df2 fall": (
        ridge_raises_kappa,
        st.tuples(POSITIVE, st.lists(decades(0.01, 3), min_size=1, max_size=6)),
        "holds",
    ),
    "ridge theory: the risk at the best ridge never rises with n": (
        more_samples_never_hurt_the_best_ridge,
        st.tuples(ANY, decades(-3, 6)),
        "holds",
    ),
    "power-law spectra, targets, bins and tails: capacity and source 1e-20 to 1e20, dim to 1e14": (
        bins_are_numbers_or_refused,
        st.tuples(decades(0, 14).map(int), decades(-20, 20), decades(-20, 20)),
        "holds, or ValueError of one line",
    ),
    "ridge fits of samples whose features are rotated; n and dim from 2, any rank, ridge 0 to 1e6": (
        rotations,
        samples(),
        "holds",
    ),
    "simulated ridge: no NaN, risks >= 0 and quadratic in the labels; n = 2, n = dim, any rank, ridge 0 to 1e6": (
        simulation_is_sane,
        simulated_spectra(),
        "holds, or ValueError of one line",
    ),
    "NaN, inf and negative numbers in any field of a ridge problem": (
        nonsense_is_refused,
        st.tuples(ANY, st.sampled_from(NONSENSE)).map(lambda drawn: (drawn[0], *drawn[1])),
        "refused by name",
    ),
}

test_properties, test_properties_at_length = property_tests(PROPERTIES, SHORT, LONG)
