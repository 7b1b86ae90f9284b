"""Random features over wide ranges: no NaN without a word, symmetries of layers and sizes, limits and theorems."""

import numpy as np
import pytest
from hypothesis import strategies as st
from random_kernels import property_tests
from random_problems import (
    PARTS,
    as_features,
    assert_same,
    assert_sane,
    changed,
    decades,
    feature_problems,
    or_refused,
    or_zero,
    ridge_problems,
    simulated_spectra,
)

from scalinglaws.ridge import learning_curve, simulate

# Draws of each property: some ten seconds of all of them, and a minute or two.
SHORT, LONG = 15, 200
SEEDS = st.integers(0, 2**32 - 1)
ANY = feature_problems()
POSITIVE = decades(-15, 6)
WHITE = feature_problems(structured=False)


def is_sane(problem):
    assert_sane(problem, learning_curve(problem))


def units(drawn):
    """Eigenvalues, feature noise's variance and ridge s times, labels t times: risks t^2 times."""
    problem, inputs, labels = drawn
    scaled = changed(
        problem,
        eigenvalues=inputs * problem.eigenvalues,
        ridge=inputs * problem.ridge,
        target=labels / np.sqrt(inputs) * problem.target,
        noise_std=labels * problem.noise_std,
        feature_noise_std=np.sqrt(inputs) * problem.feature_noise_std,
    )
    factors = dict.fromkeys((*PARTS, "excess_risk", "train_error"), labels**2) | {"kappa1": inputs, "kappa2": inputs}
    expected = learning_curve(problem)
    # 1 - df1 / n, of which s_transform is the inverse, is a difference of numbers that are rounded.
    finite = expected.s_transform[np.isfinite(expected.s_transform)]
    assert_same(learning_curve(scaled), expected, 1e-8 + 1e-14 * finite.max(initial=0.0), factors)


def order_and_multiplicities(drawn):
    """Modes of inputs and of features in any order, and each multiplicity in two parts."""
    problem, seed = drawn
    rng = np.random.default_rng(seed)

    def split(*arrays):
        order = rng.permutation(np.tile(np.arange(arrays[0].size), 2))
        *values, counts = (array[order] for array in arrays)
        return *values, counts / 2

    names = ("eigenvalues", "target", "multiplicities")
    written = dict(zip(names, split(*(getattr(problem, name) for name in names)), strict=True))
    layers = zip(problem.feature_eigenvalues, problem.feature_multiplicities, strict=True)
    spectra = [(None, None) if e is None else split(e, counts) for e, counts in layers]
    features = dict(
        zip(("feature_eigenvalues", "feature_multiplicities"), map(list, zip(*spectra, strict=True)), strict=True)
    )
    assert_same(learning_curve(changed(problem, **written, **features)), learning_curve(problem), 1e-7)


def order_of_layers(drawn):
    """With entries of variance 1 / dim in each layer, the layers' order does not matter."""
    problem, seed = drawn
    problem = changed(problem, convention="input")
    widths = [problem.widths[i] for i in np.random.default_rng(seed).permutation(problem.depth)]
    assert_same(learning_curve(changed(problem, widths=widths)), learning_curve(problem), 1e-8)


def equal_features_are_white(drawn):
    """A layer whose features all have the variance v is a white one, with v times less ridge."""
    problem, variance = drawn
    widths = [float(width) for width in problem.widths]
    spectra = [np.full(2, variance) for _ in widths], [np.full(2, width / 2) for width in widths]
    scale = variance**problem.depth
    flat = changed(
        problem,
        feature_eigenvalues=spectra[0],
        feature_multiplicities=spectra[1],
        ridge=scale * problem.ridge,
        feature_noise_std=0.0,
    )
    white = changed(problem, feature_noise_std=0.0)
    assert_same(learning_curve(flat), learning_curve(white), 1e-7, {"kappa1": scale})


def samples_and_features_change_places(problem):
    """kappa2 (P - T) (N - T) = ridge P D is the same for P and N exchanged at equal ridge P, and so is the bias."""
    problem = changed(problem, convention="input")
    n_samples, width = problem.n_samples, problem.widths[0]
    swapped = changed(problem, n_samples=width, widths=[n_samples], ridge=problem.ridge * (n_samples / width))
    fields = ("kappa2", "df1", "df2", "bias")
    assert_same(learning_curve(swapped), learning_curve(problem), 1e-8, fields=fields)


def endless_widths(drawn):
    """width -> inf: ridge regression on the inputs; corrections are dim / width over what ridge leaves, > 1e-6."""
    problem, depth = drawn
    base = learning_curve(problem)
    widths = [1e15 * problem.dim] * depth
    curve = learning_curve(as_features(problem, widths, convention="output"))
    left = base.kappa1**-1 * problem.ridge
    tolerance = 1e-12 + 1e-13 / left**2
    for name in ("kappa1", "kappa2", "df1", "df2", "excess_risk", "train_error", "s_transform"):
        np.testing.assert_allclose(getattr(curve, name), getattr(base, name), rtol=tolerance, err_msg=name)


def endless_ridge(problem):
    """ridge -> inf: nothing is learned, and the risk is the signal."""
    trace = problem.multiplicities @ problem.eigenvalues + problem.dim * problem.feature_noise_std**2
    signal = problem.multiplicities @ (problem.eigenvalues * problem.target**2)
    free = changed(problem, ridge=1e12 * trace * _widest(problem))
    assert learning_curve(free).excess_risk == pytest.approx(signal, rel=1e-9, abs=1e-9 * problem.noise_std**2)


def _widest(problem):
    """kappa1 / kappa2 where nothing is learned: the product over layers of scale times trace of features / dim."""
    before, factor = problem.dim, 1.0
    for width, e, counts in zip(
        problem.widths, problem.feature_eigenvalues, problem.feature_multiplicities, strict=True
    ):
        per_entry = {"input": problem.dim, "layer": before, "output": width}[problem.convention]
        factor, before = factor * float(width if e is None else counts @ e) / per_entry, width
    return float(factor)


def ridge_raises_kappa(drawn):
    problem, factors = drawn
    ridges = problem.ridge * np.cumprod(np.append(1.0, factors))
    curve = learning_curve(changed(problem, ridge=ridges))
    for kappa in (curve.kappa1, curve.kappa2):
        assert (np.diff(kappa) >= -1e-12 * kappa[1:]).all()
    assert curve.kappa1[-1] > curve.kappa1[0] or ridges[-1] < 1e-9 * curve.kappa1[-1]
    assert (np.diff(curve.bias) >= -1e-12 * curve.bias[1:]).all()
    assert (np.diff(curve.df2) <= 1e-12 * curve.df2[1:]).all()


def width_lowers_kappa(drawn):
    """With entries of variance 1 / dim each phi grows with its width, so kappa2 and the bias fall."""
    problem, factor = drawn
    problem = changed(problem, convention="input")
    wider = changed(problem, widths=[*problem.widths[:-1], (1 + factor) * problem.widths[-1]])
    narrow, wide = learning_curve(problem), learning_curve(wider)
    assert wide.kappa2 <= narrow.kappa2 * (1 + 1e-10)
    assert wide.bias <= narrow.bias * (1 + 1e-9)


def more_samples_never_hurt_the_best_ridge(drawn):
    """At equal kappa only the factors 1 / (1 - gamma) depend on n: see the same property of ridge regression."""
    problem, growth = drawn
    curve = learning_curve(problem)
    more = problem.n_samples * (1 + growth)
    ridge = curve.kappa1 * (1 - problem.dim * curve.df1 / more)
    better = learning_curve(changed(problem, n_samples=more, ridge=ridge))
    assert better.kappa2 == pytest.approx(curve.kappa2, rel=1e-5)
    assert better.excess_risk <= curve.excess_risk * (1 + 1e-5)


@st.composite
def simulated(draw):
    """Small problems as simulation takes them, with as many features as samples or inputs, more and fewer."""
    base = draw(simulated_spectra())
    sizes = st.sampled_from([2, base.eigenvalues.size, int(base.n_samples), 12])
    widths = draw(st.lists(sizes, min_size=1, max_size=2))
    noise = draw(or_zero(decades(-3, 2))) if len(widths) == 1 else 0.0
    return as_features(base, widths, feature_noise_std=noise)


def simulation_is_sane(problem):
    """No NaN; nothing below 0 that is a mean of squares."""
    found = or_refused(lambda: simulate(problem, np.random.default_rng(0), 3, 3))
    if found is None:
        return
    for name in ("excess_risk", "train_error", "gcv", "kare", "kappa1", "df1"):
        assert 0 <= getattr(found, name) < np.inf, name
        assert 0 <= getattr(found.standard_error, name) < np.inf, name
    assert found.s_transform >= 1 - 1e-9
    assert sum(getattr(found, name) for name in PARTS) == pytest.approx(found.excess_risk, rel=1e-12)


def nonsense_is_refused(drawn):
    problem, fields = drawn
    with pytest.raises(ValueError, match=next(iter(fields))) as caught:
        changed(problem, **fields)
    assert "\n" not in str(caught.value)


NONSENSE = [{"feature_noise_std": value} for value in (np.nan, np.inf, -1.0)]
NONSENSE += [{"widths": widths} for widths in ([], [0.0], [np.nan], [-1.0, 2.0], [np.inf])]
NONSENSE += [{"convention": "other"}, {"feature_eigenvalues": [np.array([-1.0])]}, {"n_samples": 0.0}]
ONE = feature_problems(depths=(1,), structured=False)
# What was tried: the property, what it is tried on, and the outcome.
PROPERTIES = {
    "random features: parts >= 0 add up to the risk, df2 <= df1; 1 to 3 layers, white, structured or noisy, "
    "spectra over 18 decades, widths and n 2 to 1e6, equal to each other and to dim, ridge 0 to 1e6": (
        is_sane,
        ANY,
        "holds",
    ),
    "random features whatever the units of inputs and labels, over 40 decades": (
        units,
        st.tuples(ANY, decades(-20, 20), decades(-20, 20)),
        "holds",
    ),
    "random features whatever the order of eigenvalues, equal ones together or apart": (
        order_and_multiplicities,
        st.tuples(ANY, SEEDS),
        "holds",
    ),
    "random features whatever the order of layers": (order_of_layers, st.tuples(WHITE, SEEDS), "holds"),
    "random features of equal variance are white ones": (
        equal_features_are_white,
        st.tuples(WHITE, decades(-6, 6)),
        "holds",
    ),
    "random features: kappa and bias with samples and features exchanged": (
        samples_and_features_change_places,
        ONE,
        "holds",
    ),
    "random features of endless width are ridge regression": (
        endless_widths,
        st.tuples(ridge_problems(POSITIVE), st.integers(1, 3)),
        "holds",
    ),
    "random features at endless ridge: risk = signal": (endless_ridge, ANY, "holds"),
    "random features: kappa and bias rise with ridge, df2 falls": (
        ridge_raises_kappa,
        st.tuples(feature_problems(POSITIVE), st.lists(decades(0.01, 3), min_size=1, max_size=6)),
        "holds",
    ),
    "random features: kappa and bias fall with the width": (
        width_lowers_kappa,
        st.tuples(WHITE, decades(-3, 6)),
        "holds",
    ),
    "random features: the risk at the best ridge never rises with n": (
        more_samples_never_hurt_the_best_ridge,
        st.tuples(ANY, decades(-3, 6)),
        "holds",
    ),
    "simulated random features: no NaN, risks >= 0; n, widths and dim from 2, any rank, ridge 0 to 1e6": (
        simulation_is_sane,
        simulated(),
        "holds, or ValueError of one line",
    ),
    "NaN, inf, negative numbers and unknown words in fields of a random-feature problem": (
        nonsense_is_refused,
        st.tuples(WHITE, st.sampled_from(NONSENSE)),
        "refused by name",
    ),
}

test_properties, test_properties_at_length = property_tests(PROPERTIES, SHORT, LONG)
