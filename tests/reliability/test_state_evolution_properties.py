"""State evolution and convex twins over wide ranges: identities, symmetries, limits, optima, and no silent failure."""

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st
from random_kernels import property_tests
from random_problems import changed, decades, or_refused, or_zero
from scipy.stats import ortho_group

from scalinglaws.shallow import (
    DiagonalProblem,
    DiagonalSample,
    QuadraticProblem,
    QuadraticSample,
    optimal_weight_decay,
    solve,
    state_evolution,
)
from scalinglaws.shallow.denoisers import denoiser
from scalinglaws.shallow.free_convolution import NoisySpectrum
from scalinglaws.shallow.sensing import OuterProducts
from scalinglaws.solvers import NotConverged

# Draws of each property: some ten seconds of all of them, and a minute or two.
SHORT, LONG = 15, 100
SEEDS = st.integers(0, 2**32 - 1)
FIELDS = ("excess_risk", "delta", "threshold", "kept", "train_error")


def strength_name(problem):
    return "eigenvalues" if isinstance(problem, QuadraticProblem) else "target"


def strengths_of(problem):
    return getattr(problem, strength_name(problem))


@st.composite
def problems(draw, noises=None, weight_decays=None):
    """Teachers over 12 decades: one coefficient, equal ones, some or all 0; samples from 1e-3 to 1e3 of the peak's."""
    size = draw(st.integers(1, 8))
    strengths = 10 ** np.array(draw(st.lists(st.floats(-6, 6), min_size=size, max_size=size)))
    if draw(st.booleans()):
        strengths[size // 2 :] = strengths[-1]
    strengths[: draw(st.sampled_from([0, 0, size - 1, size]))] = 0.0
    counts = draw(st.lists(st.one_of(st.just(1.0), decades(0, 4)), min_size=size, max_size=size))
    ratio = draw(st.one_of(st.sampled_from([0.5, 1.0]), decades(-3, 3)))
    noise_std = draw(or_zero(decades(-3, 3)) if noises is None else noises)
    assume(noise_std > 0 or strengths.any())
    more = {"noise_std": noise_std, "multiplicities": np.array(counts)}
    more["weight_decay"] = draw(decades(-8, 8) if weight_decays is None else weight_decays)
    kind, dim = draw(st.sampled_from(["fixed", "gaussian", "quadratic"])), sum(counts)
    if kind == "quadratic":
        return QuadraticProblem(strengths, ratio * dim**2 / 4, **more)
    return DiagonalProblem(strengths, ratio * dim, **more, teacher=kind)


def optimum(problem):
    """`OptimalWeightDecay`; None where it is said that there is none, or that it was not found."""
    try:
        return or_refused(lambda: optimal_weight_decay(problem))
    except NotConverged:
        return None


def assert_same(ours, expected, rtol, factors=None):
    for name in FIELDS:
        value = (factors or {}).get(name, 1.0) * getattr(expected, name)
        np.testing.assert_allclose(getattr(ours, name), value, rtol=rtol, atol=1e-290, err_msg=name)


# --- state evolution ------------------------------------------------------------------------------------------------


def equations_hold(problem):
    """As written in its documentation: signal and noise, and the price of the threshold."""
    found = state_evolution(problem)
    for name in FIELDS:
        assert 0 <= getattr(found, name) < np.inf, name
    quadratic = isinstance(problem, QuadraticProblem)
    ratio = problem.n_samples / problem.dim ** (2 if quadratic else 1) * (4 if quadratic else 1)
    noisy = found.excess_risk + problem.noise_std**2
    np.testing.assert_allclose(ratio * found.delta**2, noisy, rtol=1e-9)
    assert found.kept <= 1 + 1e-12
    assert found.train_error <= noisy * (1 + 1e-9)
    if not quadratic:
        price = found.threshold * (ratio - found.kept)
        slack = 1e-9 * (found.threshold * ratio + problem.weight_decay)
        np.testing.assert_allclose(price, problem.weight_decay, rtol=0, atol=slack)


def units(drawn):
    """Strengths, noise and weight decay u times: delta and threshold u times, errors u^2 times."""
    problem, unit = drawn
    fields = {name: unit * getattr(problem, name) for name in ("weight_decay", "noise_std", strength_name(problem))}
    factors = {"delta": unit, "threshold": unit, "excess_risk": unit**2, "train_error": unit**2}
    assert_same(state_evolution(changed(problem, **fields)), state_evolution(problem), 1e-6, factors)


def order_signs_and_multiplicities(drawn):
    """Coefficients in any order and of any sign, each multiplicity in two parts."""
    problem, seed = drawn
    rng, strengths = np.random.default_rng(seed), strengths_of(problem)
    order = rng.permutation(np.tile(np.arange(strengths.size), 2))
    signs = rng.choice([-1, 1], order.size) if getattr(problem, "teacher", None) == "fixed" else 1
    fields = {strength_name(problem): signs * strengths[order], "multiplicities": problem.multiplicities[order] / 2}
    assert_same(state_evolution(changed(problem, **fields)), state_evolution(problem), 1e-6)


def endless_weight_decay(problem):
    """Nothing is learned: the risk is the signal and the training error the variance of the labels."""
    signal = denoiser(problem).signal
    size = np.sqrt(signal + problem.noise_std**2) * max(1.0, problem.n_samples / problem.dim) * problem.dim
    found = state_evolution(changed(problem, weight_decay=1e6 * size))
    assert found.excess_risk == pytest.approx(signal, rel=1e-9)
    assert found.train_error == pytest.approx(signal + problem.noise_std**2, rel=1e-9)
    assert found.kept == 0


def endless_samples(problem):
    """n -> inf with next to no weight decay: the risk is at most that of least squares, noise^2 / n for each number."""
    ratios = np.array([1e4, 1e6, 1e8])
    fields = {"n_samples": problem.dim**2 * ratios, "weight_decay": 1e-6 * problem.noise_std}
    risks = state_evolution(changed(problem, **fields)).excess_risk
    assert (risks <= problem.noise_std**2 / ratios * (1 + 1e-3)).all()
    assert (np.diff(risks) < 0).all()


def risk_by_moments(drawn):
    """risk / 2 = <s^2> - J + b dJ/db + delta dJ/d delta, as far as its terms do not cancel."""
    problem, delta, ratio = drawn
    assume(isinstance(problem, QuadraticProblem))
    strengths, shares = problem.eigenvalues, problem.multiplicities / problem.dim
    b = ratio * delta
    spectrum = NoisySpectrum(strengths, shares, delta)
    half, kept, mass = spectrum.thresholded(b)
    moments = spectrum.moments_above(b)
    terms = (shares @ strengths**2, -moments.square, b * moments.threshold_slope, delta * moments.delta_slope)
    assert half == pytest.approx(sum(terms), rel=1e-9, abs=1e-10 * np.abs(terms).max())
    assert kept * delta == pytest.approx(moments.delta_slope, rel=1e-8, abs=1e-10 * np.abs(terms).max() / delta)
    assert mass == pytest.approx(moments.mass, abs=1e-10)


def optimum_is_a_minimum(problem):
    """No neighbour and nothing decades away is better, or it is said that there is no optimum."""
    found = optimum(problem)
    if found is None:
        return
    assert found.weight_decay > 0
    others = np.array([1e-6, 1e-2, 0.5, 0.9, 0.99, 1.01, 1.1, 2.0, 1e2, 1e6]) * found.weight_decay
    risks = state_evolution(changed(problem, weight_decay=others)).excess_risk
    assert (risks >= found.evolution.excess_risk * (1 - 1e-9)).all()
    assert found.evolution.excess_risk <= denoiser(problem).signal * (1 + 1e-9)


def more_samples_never_hurt_the_optimum(drawn):
    problem, growth = drawn
    found, more = (
        optimum(changed(problem, n_samples=n)) for n in (problem.n_samples, problem.n_samples * (1 + growth))
    )
    if found is not None and more is not None:
        assert more.evolution.excess_risk <= found.evolution.excess_risk * (1 + 1e-9)


# --- convex solvers -------------------------------------------------------------------------------------------------


@st.composite
def lasso_samples(draw):
    """(sample, weight decays): n from 1, dim from 1, equal columns of scale within some decades, a teacher with 0."""
    rng, dim, count = np.random.default_rng(draw(SEEDS)), draw(st.integers(1, 10)), draw(st.integers(1, 15))
    inputs = rng.standard_normal((count, dim))
    teacher = 10 ** rng.uniform(-3, 3, dim) * (rng.random(dim) < 0.6)
    labels = inputs @ teacher / np.sqrt(dim) + draw(or_zero(decades(-2, 2))) * rng.standard_normal(count)
    size = np.abs(inputs.T @ labels).max()
    return DiagonalSample(inputs, labels, teacher), max(size, 1e-3) * 10 ** rng.uniform(-4, 1, 3), rng


def lasso_twin(drawn):
    """Labels u and inputs v times; columns in any order and of any sign; rows turned: the same path."""
    (sample, weight_decays, rng), label_unit, input_unit = drawn
    problem = DiagonalProblem(sample.teacher, len(sample.labels), weight_decays, 1.0)
    found = solve(problem, None, sample=sample)
    order, signs = rng.permutation(sample.teacher.size), rng.choice([-1, 1], sample.teacher.size)
    rows = ortho_group.rvs(len(sample.labels), random_state=rng) if len(sample.labels) > 1 else np.eye(1)
    ratio = label_unit / input_unit
    moved = DiagonalSample(
        input_unit * (rows @ sample.inputs[:, order] * signs),
        label_unit * (rows @ sample.labels),
        ratio * sample.teacher[order] * signs,
    )
    again = solve(changed(problem, weight_decay=label_unit * input_unit * weight_decays), None, sample=moved)
    assert (found.gap <= 1e-9).all()
    size = np.abs(found.parameters).max(initial=1e-300)
    expected = ratio * found.parameters[:, order] * signs
    np.testing.assert_allclose(again.parameters, expected, rtol=0, atol=1e-6 * ratio * size)
    np.testing.assert_allclose(again.objective, label_unit**2 * found.objective, rtol=1e-8)


def nuclear_twin(drawn):
    """Inputs turned, labels u times: the solution turns and scales, to the duality gap of both."""
    seed, dim, count, unit = drawn
    rng = np.random.default_rng(seed)
    basis, eigenvalues = ortho_group.rvs(dim, random_state=rng), rng.exponential(1, dim)
    inputs, weight_decay = rng.standard_normal((count, dim)), 10 ** rng.uniform(-1, 1, 2)
    teacher, turned = np.diag(eigenvalues), basis @ np.diag(eigenvalues) @ basis.T
    measures = OuterProducts(inputs), OuterProducts(inputs @ basis.T)
    labels = measures[0].predict(teacher) + 0.3 * rng.standard_normal(count)
    problem = QuadraticProblem(eigenvalues, count, weight_decay, 0.3)
    found = solve(problem, None, sample=QuadraticSample(measures[0], labels, teacher))
    sample = QuadraticSample(measures[1], unit * labels, unit * turned)
    again = solve(changed(problem, weight_decay=unit * weight_decay), None, sample=sample)
    assert (again.gap <= 1e-8).all()
    np.testing.assert_allclose(again.objective, unit**2 * found.objective, rtol=3e-8)
    # Strictly convex in the residuals alone: they agree to the root of the gap, and with it the training errors.
    np.testing.assert_allclose(again.train_error, unit**2 * found.train_error, rtol=1e-2, atol=1e-3 * unit**2)
    assert (np.linalg.eigvalsh(again.parameters) >= -1e-12 * unit).all()


# --- nonsense -------------------------------------------------------------------------------------------------------


def nonsense_is_refused(drawn):
    problem, field, value = drawn
    field = strength_name(problem) if field == "strengths" else field
    array = np.array(getattr(problem, field), dtype=float)
    array.flat[-1] = value
    with pytest.raises(ValueError, match=field) as caught:
        changed(problem, **{field: array})
    assert "\n" not in str(caught.value)


NONSENSE = [(f, v) for f in ("n_samples", "weight_decay", "noise_std") for v in (np.nan, np.inf, -1.0)]
NONSENSE += [("strengths", np.nan), ("strengths", np.inf), ("n_samples", 0.0), ("weight_decay", 0.0)]
ANY, NOISY = problems(), problems(decades(-3, 3))
# What was tried: the property, what it is tried on, and the outcome.
PROPERTIES = {
    "state evolution: its equations; teachers over 12 decades, equal, one alone or 0, n from 1e-3 to 1e3 of the "
    "peak's, weight decay 1e-8 to 1e8, noise 0 to 1e3": (equations_hold, ANY, "holds"),
    "state evolution whatever the unit of labels, over 40 decades": (
        units,
        st.tuples(ANY, decades(-20, 20)),
        "holds",
    ),
    "state evolution whatever the order and signs of coefficients, equal ones together or apart": (
        order_signs_and_multiplicities,
        st.tuples(ANY, SEEDS),
        "holds",
    ),
    "state evolution at endless weight decay: risk = signal": (endless_weight_decay, ANY, "holds"),
    "state evolution with endless samples: risk <= noise^2 / n": (endless_samples, NOISY, "holds"),
    "state evolution of matrices: risk from moments above the threshold": (
        risk_by_moments,
        st.tuples(problems(), decades(-3, 6), st.floats(-1, 4)),
        "holds",
    ),
    "optimal weight decay: no other is better": (optimum_is_a_minimum, ANY, "holds, or NotConverged"),
    "optimal weight decay: the risk never rises with n": (
        more_samples_never_hurt_the_optimum,
        st.tuples(NOISY, decades(-2, 3)),
        "holds, or NotConverged",
    ),
    "LASSO whatever the units of inputs and labels, order and signs of columns, basis of the rows; n and dim from 1": (
        lasso_twin,
        st.tuples(lasso_samples(), decades(-6, 6), decades(-6, 6)),
        "holds",
    ),
    "nuclear norm whatever the unit of labels and the basis of the inputs": (
        nuclear_twin,
        st.tuples(SEEDS, st.integers(2, 6), st.integers(2, 40), decades(-6, 6)),
        "holds",
    ),
    "NaN, inf, negative numbers and weight decay 0 in any field of a network's problem": (
        nonsense_is_refused,
        st.tuples(NOISY, st.sampled_from(NONSENSE)).map(lambda drawn: (drawn[0], *drawn[1])),
        "refused by name",
    ),
}

test_properties, test_properties_at_length = property_tests(PROPERTIES, SHORT, LONG)
