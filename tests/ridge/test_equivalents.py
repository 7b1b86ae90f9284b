"""Deterministic equivalents of every kind: closed form, high precision, a twin by sampling, identities, symmetries."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from theory_cases import (
    DIM,
    EIGENVALUES,
    FIELDS,
    KINDS,
    POWER,
    RIDGES,
    SAMPLES,
    TARGET,
    assert_identities,
    assert_same,
    make,
)

from scalinglaws.ridge import RandomFeatureProblem, RidgeProblem, learning_curve

CURVES = {kind: learning_curve(make(kind)) for kind in KINDS}
every_kind = pytest.mark.parametrize("kind", KINDS)

# --- closed form ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("eigenvalue", [1.0, 0.01, 37.0])
@pytest.mark.parametrize("ratio", [0.01, 0.5, 0.999, 1.0, 1.001, 3.0, 100.0])
def test_a_flat_spectrum_solves_a_quadratic_equation(eigenvalue, ratio):
    """kappa^2 + b kappa = ridge eigenvalue with b = eigenvalue (1 - q) - ridge."""
    ridge, noise, power = np.geomspace(1e-10, 1e3, 27), 0.3, 2.5
    target = np.array([np.sqrt(power / eigenvalue)] + [0.0] * 9)
    ours = learning_curve(RidgeProblem(np.full(10, eigenvalue), target, 10 / ratio, ridge, noise))
    b = eigenvalue * (1 - ratio) - ridge
    root = np.sqrt(b**2 + 4 * ridge * eigenvalue)
    kappa = np.where(b > 0, 2 * ridge * eigenvalue / (b + root), (root - b) / 2)
    df = eigenvalue / (eigenvalue + kappa)
    # 1 - q df^2 without the difference of nearly equal numbers
    left = ridge / kappa + ratio * df * kappa / (eigenvalue + kappa)
    bias, amplified = power * (kappa / (eigenvalue + kappa)) ** 2, ratio * df**2 / left
    risk = bias + (bias + noise**2) * amplified
    expected = {"kappa1": kappa, "kappa2": kappa, "df1": df, "df2": df**2, "gamma1": ratio * df**2, "bias": bias}
    expected |= {"gamma2": ratio * df**2, "var_x": bias * amplified, "var_xe": noise**2 * amplified}
    expected |= {"excess_risk": risk, "train_error": (ridge / kappa) ** 2 * (risk + noise**2)}
    expected |= {"s_transform": kappa / ridge, "kappa_slope": np.ones(27)}
    for name in FIELDS:
        # At the threshold b = -ridge, and kappa = 1e-5 is what 1e-16 is subtracted from.
        np.testing.assert_allclose(getattr(ours, name), expected.get(name, np.zeros(27)), rtol=1e-10, err_msg=name)


@pytest.mark.parametrize("ratio", [0.1, 0.9, 1.1, 7.0])
def test_least_squares_on_a_flat_spectrum_has_the_textbook_risk(ratio):
    """Hastie et al., Ann. Stat. 50, 949 (2022): power (1 - 1/q) + noise / (q - 1), or noise q / (1 - q) for q < 1."""
    ours = learning_curve(RidgeProblem(np.full(20, 3.0), np.full(20, 0.2), 20 / ratio, 0.0, 0.7))
    power, noise = 20 * 3.0 * 0.04, 0.49
    risk = noise * ratio / (1 - ratio) if ratio < 1 else power * (1 - 1 / ratio) + noise / (ratio - 1)
    assert ours.excess_risk == pytest.approx(risk, rel=1e-12)
    assert ours.train_error == pytest.approx(max(0, 1 - ratio) * noise, rel=1e-12)


# --- high precision -------------------------------------------------------------------------------------------------


def precise_error(problem, curve):
    """Relative distance of kappa2 from the root at 40 digits, by one Newton step; white layers and feature noise."""
    with mpmath.workdps(40):
        ridge, samples, kappa = (mpmath.mpf(float(x)) for x in (problem.ridge, problem.n_samples, curve.kappa2))
        eigenvalues = [mpmath.mpf(float(e)) for e in problem.eigenvalues]
        widths = [mpmath.mpf(float(width)) for width in getattr(problem, "widths", ())]
        inputs = [mpmath.mpf(problem.dim), *widths[:-1]]
        convention = getattr(problem, "convention", "input")
        noise = mpmath.mpf(float(getattr(problem, "feature_noise_std", 0.0))) ** 2

        def excess(u):
            kappa = mpmath.exp(u)
            result, rows = u - mpmath.log(ridge), []
            for before, width in zip(inputs, widths, strict=False):
                rows.append({"input": inputs[0], "layer": before, "output": width}[convention])
            learned = sum(e / (e + kappa) for e in eigenvalues) + (noise * rows[-1] / kappa if rows else 0)
            for per_entry, width in zip(rows, widths, strict=True):
                result += mpmath.log((width - learned) / per_entry)
            return result + mpmath.log(1 - learned / samples)

        u = mpmath.log(kappa)
        return float(abs(excess(u) / mpmath.diff(excess, u)))


PRECISE = [kind for kind in KINDS if not kind.startswith("structured")]


@pytest.mark.parametrize("kind", PRECISE)
@pytest.mark.parametrize("n_samples", [3.5, 17.0, 90.0])
@pytest.mark.parametrize("ridge", [1e-10, 1e-3, 1e3])
def test_kappa_is_right_to_fourteen_digits(kind, n_samples, ridge):
    problem = make(kind, n_samples, ridge)
    assert precise_error(problem, learning_curve(problem)) < 1e-14


@pytest.mark.parametrize("kind", PRECISE)
@pytest.mark.parametrize("distance", [0.0, 1e-9, -1e-9])
def test_kappa_keeps_its_digits_at_the_interpolation_threshold(kind, distance):
    """There the factors are about ridge^1/2 = 1e-5, what 1 - T / P leaves of 16 digits."""
    smallest = min([DIM, *np.atleast_1d(KINDS[kind].get("widths", DIM))])
    problem = make(kind, smallest * (1 + distance), 1e-10)
    assert precise_error(problem, learning_curve(problem)) < 1e-10


# --- a twin by sampling ---------------------------------------------------------------------------------------------


def drawn(rng, problem, n_samples):
    """(excess risk, training error) of the estimator on one draw of everything, by its definition."""
    dim, count = problem.eigenvalues.size, int(n_samples)
    inputs = rng.standard_normal((count, dim)) * np.sqrt(problem.eigenvalues)
    labels = inputs @ problem.target + problem.noise_std * rng.standard_normal(count)
    layers, before = np.eye(dim), dim
    for index, width in enumerate(getattr(problem, "widths", ())):
        per_entry = {"input": dim, "layer": before, "output": width}[problem.convention]
        layers = layers @ rng.standard_normal((before, int(width))) / np.sqrt(per_entry)
        if problem.feature_eigenvalues[index] is not None:
            layers = layers * np.sqrt(problem.feature_eigenvalues[index])
        before = int(width)
    xi = float(getattr(problem, "feature_noise_std", 0.0))
    features = inputs @ layers + xi * rng.standard_normal((count, before))
    gram = features.T @ features / count + float(problem.ridge) * np.eye(before)
    weights = np.linalg.solve(gram, features.T @ labels / count)
    missed = problem.target - layers @ weights
    return problem.eigenvalues @ missed**2 + xi**2 * weights @ weights, np.mean((labels - features @ weights) ** 2)


@pytest.mark.parametrize("n_samples", [60.0, 300.0])
@every_kind
def test_the_estimator_itself_has_the_errors_predicted(kind, n_samples):
    """Four times the modes, widths and samples of the other tests: corrections are of relative order 1 / 100."""
    scaled = {name: np.tile(KINDS[kind][name], 4) for name in ("feature_eigenvalues",) if kind == "structured"}
    if "widths" in KINDS[kind]:
        scaled["widths"] = tuple(4 * np.atleast_1d(KINDS[kind]["widths"]))
    if kind == "structured deep":
        scaled["feature_eigenvalues"] = [np.tile(KINDS[kind]["feature_eigenvalues"][0], 4), None]
    spectrum = {"eigenvalues": np.tile(EIGENVALUES, 4) / 4, "target": np.tile(TARGET, 4)}
    problem = make(kind, n_samples, 0.03, 0.4, **spectrum, **scaled)
    theory, rng = learning_curve(problem), np.random.default_rng(7)
    draws = np.array([drawn(rng, problem, n_samples) for _ in range(40)])
    error = draws.std(0, ddof=1) / np.sqrt(len(draws))
    predicted = np.array([theory.excess_risk, theory.train_error])
    assert (np.abs(draws.mean(0) - predicted) < 4 * error + 0.01 * predicted).all(), (draws.mean(0), predicted, error)


# --- identities -----------------------------------------------------------------------------------------------------


@every_kind
def test_parts_add_up_and_the_s_transform_is_the_gap(kind):
    assert_identities(make(kind), CURVES[kind])


@st.composite
def problems(draw):
    """Any spectrum over twelve decades, target, ratios of sizes, depth and ridge; one point."""
    size = draw(st.integers(1, 8))
    exponents = draw(st.lists(st.floats(-10, 2), min_size=size, max_size=size))
    target = draw(st.lists(st.floats(-10, 10).filter(lambda w: w == 0 or abs(w) > 1e-3), min_size=size, max_size=size))
    counts = draw(st.lists(st.floats(0.5, 1e4), min_size=size, max_size=size))
    sizes = st.floats(-3, 3).map(lambda exponent: sum(counts) * 10**exponent)
    common = {"n_samples": draw(sizes), "ridge": 10 ** draw(st.floats(-10, 3)), "noise_std": draw(st.floats(0.1, 5))}
    common |= {"eigenvalues": 10 ** np.array(exponents), "target": target, "multiplicities": counts}
    widths = draw(st.lists(sizes, max_size=3))
    if not widths:
        return RidgeProblem(**common)
    xi = draw(st.sampled_from([0.0, 0.1, 3.0])) if len(widths) == 1 else 0.0
    convention = draw(st.sampled_from(["input", "layer", "output"]))
    return RandomFeatureProblem(**common, widths=widths, feature_noise_std=xi, convention=convention)


@given(problems())
@settings(max_examples=150, deadline=None, derandomize=True)
def test_no_spectrum_ratio_or_ridge_defeats_the_solver(problem):
    assert_identities(problem, learning_curve(problem))


# --- symmetries -----------------------------------------------------------------------------------------------------


@every_kind
def test_a_scale_of_the_inputs_is_taken_up_by_ridge_and_target(kind):
    scale = 7.0
    noise = {"feature_noise_std": np.sqrt(scale) * 0.6} if kind == "feature noise" else {}
    rescaled = {"eigenvalues": scale * EIGENVALUES, "target": TARGET / np.sqrt(scale)}
    scaled = learning_curve(make(kind, ridge=scale * RIDGES, **rescaled, **noise))
    same = [name for name in FIELDS if not name.startswith("kappa")]
    assert_same(scaled, CURVES[kind], 1e-11, [*same, "kappa_slope"])
    for name in ("kappa1", "kappa2"):
        np.testing.assert_allclose(getattr(scaled, name), scale * getattr(CURVES[kind], name), rtol=1e-12)


@every_kind
def test_signal_and_noise_superpose(kind):
    clean, noise = learning_curve(make(kind, noise_std=0)), learning_curve(make(kind, target=np.zeros(DIM)))
    np.testing.assert_allclose(clean.excess_risk + noise.excess_risk, CURVES[kind].excess_risk, rtol=1e-12)
    for name in ("bias", "var_x", "var_f", "var_xf"):
        np.testing.assert_array_equal(getattr(noise, name), 0.0)
    for name in ("var_xe", "var_xfe"):
        np.testing.assert_array_equal(getattr(clean, name), 0.0)


@every_kind
def test_modes_may_come_in_any_order(kind):
    order = np.random.default_rng(5).permutation(DIM)
    assert_same(learning_curve(make(kind, eigenvalues=EIGENVALUES[order], target=TARGET[order])), CURVES[kind], 1e-11)


@every_kind
def test_multiplicities_are_repeated_entries(kind):
    """Features per input stay alike; the target's entry is the root mean square of those that share it."""
    counts = np.arange(DIM) % 3 + 1
    binned = make(kind, multiplicities=counts)
    written = make(kind, eigenvalues=np.repeat(EIGENVALUES, counts), target=np.repeat(TARGET, counts))
    assert binned.dim == written.dim
    assert_same(learning_curve(binned), learning_curve(written), 1e-11)


@every_kind
def test_a_curve_is_its_points(kind):
    for row, column in [(0, 4), (1, 0), (2, 2), (3, 0), (4, 3)]:
        n_samples = SAMPLES[row, 0]
        point = learning_curve(make(kind, n_samples, RIDGES[column]))
        assert_same(point, type(point)(**{name: getattr(CURVES[kind], name)[row, column] for name in FIELDS}), 1e-13)


@every_kind
def test_directions_without_variance_only_count_in_the_normalisation(kind):
    """In the convention "output" nothing else depends on dim."""
    if kind != "ridge":
        kind = KINDS[kind] | {"convention": "output"}
    padded = {"eigenvalues": np.append(np.zeros(10), EIGENVALUES), "target": np.append(np.full(10, 9.0), TARGET)}
    ours, plain = learning_curve(make(kind, **padded)), learning_curve(make(kind))
    assert_same(ours, plain, 1e-12, [name for name in FIELDS if not name.startswith("df")])
    for name in ("df1", "df2"):
        np.testing.assert_allclose(getattr(ours, name) * (DIM + 10), getattr(plain, name) * DIM, rtol=1e-12)


# --- limits ---------------------------------------------------------------------------------------------------------


@every_kind
def test_an_infinite_ridge_learns_nothing(kind):
    curve = learning_curve(make(kind, ridge=1e12))
    np.testing.assert_allclose(curve.bias, POWER, rtol=1e-8)
    np.testing.assert_allclose(curve.excess_risk, POWER, rtol=1e-8)
    np.testing.assert_allclose(curve.train_error, POWER + 0.16, rtol=1e-8)
    np.testing.assert_allclose(curve.s_transform, 1.0, rtol=1e-8)


@every_kind
def test_infinitely_many_samples_leave_no_variance_of_them(kind):
    curve = learning_curve(make(kind, n_samples=1e14))
    np.testing.assert_allclose(curve.kappa1, RIDGES, rtol=1e-10)
    np.testing.assert_allclose(curve.excess_risk, curve.bias + curve.var_f, rtol=1e-9, atol=1e-11)
    if kind == "ridge":
        shrunk = EIGENVALUES * (TARGET * RIDGES[:, None] / (EIGENVALUES + RIDGES[:, None])) ** 2
        np.testing.assert_allclose(curve.bias, shrunk.sum(1), rtol=1e-10)


# Sizes below, at and above each other: samples, and the sizes of the kind.
AT_ZERO = [
    *[({}, samples) for samples in (39.0, 40.0, 41.0)],
    *[({"widths": 25.0}, samples) for samples in (24.0, 25.0, 26.0, 39.0, 40.0, 41.0)],
    *[({"widths": 40.0}, samples) for samples in (39.0, 40.0, 41.0)],
    *[({"widths": 60.0}, samples) for samples in (39.0, 40.0, 41.0, 60.0, 61.0)],
    *[({"widths": (40.0, 40.0)}, samples) for samples in (39.0, 40.0, 41.0)],
    *[({"widths": (60.0, 40.0)}, samples) for samples in (39.0, 40.0, 41.0)],
    *[({"widths": (25.0, 25.0)}, samples) for samples in (24.0, 25.0, 26.0)],
    *[(KINDS["structured"], samples) for samples in (24.0, 25.0, 26.0)],
    *[({"widths": 60.0, "feature_eigenvalues": np.append(EIGENVALUES, np.zeros(20))}, p) for p in (39.0, 40.0, 41.0)],
    *[(KINDS["feature noise"], samples) for samples in (29.0, 30.0, 31.0, 41.0)],
]


def capacities(kind, n_samples):
    """Degrees of freedom that the inputs, each layer and the samples let through."""
    spectra = np.atleast_2d(kind.get("feature_eigenvalues", np.empty((0, 0))))
    ranks = [np.count_nonzero(one) for one in spectra] or np.atleast_1d(kind.get("widths", DIM))
    return np.array([np.inf if "feature_noise_std" in kind else DIM, *ranks, n_samples])


@pytest.mark.parametrize(("kind", "n_samples"), AT_ZERO)
def test_without_ridge_the_limit_is_returned_on_either_side_of_a_threshold_and_at_it(kind, n_samples):
    """The tightest factor is proportional to ridge; m equal ones to ridge^1/m, of which 16 digits leave at least 8."""
    sizes = capacities(kind, n_samples)
    rate = 1 / (sizes == sizes.min()).sum()
    limit, near, far = (learning_curve(make(kind, n_samples, ridge)) for ridge in (0.0, 1e-16, 1e-12))
    for name in FIELDS:
        exact, close, away = (float(getattr(curve, name)) for curve in (limit, near, far))
        assert not np.isnan(exact), name
        if np.isinf(exact):
            assert close > 2 * away > 20, name
        else:
            allowed = 2 * abs(away - exact) * 1e-4**rate + 1e-6 * (abs(exact) + 1e-3 * POWER)
            assert abs(close - exact) < allowed, (name, exact, close, away)


@pytest.mark.parametrize(("kind", "n_samples"), AT_ZERO)
def test_the_risk_diverges_at_the_documented_thresholds_only(kind, n_samples):
    dim, *others, _ = capacities(kind, n_samples)
    narrowest = min(others)
    for noise_std in (0.0, 0.4):
        curve = learning_curve(make(kind, n_samples, 0.0, noise_std))
        diverges = n_samples == min(dim, narrowest) and (narrowest < dim or noise_std > 0)
        assert np.isinf(curve.excess_risk) == diverges
        assert np.isinf(curve.s_transform) == (n_samples <= min(dim, narrowest))
