"""The LASSO path: closed forms, scikit-learn, optimality, symmetries, and what simulation refuses."""

import warnings

import mpmath
import numpy as np
import pytest

from scalinglaws.shallow import lasso
from scalinglaws.shallow.lasso import DiagonalSample, draw, solve_path
from scalinglaws.shallow.problem import DiagonalProblem, power_law_strengths
from scalinglaws.solvers import NotConverged

# (dim, n_samples, noise_std): fewer samples than coefficients, as many, more; the peak n_samples = dim is the hard one.
SIZES = [(30, 12, 0.0), (30, 12, 0.7), (40, 40, 0.7), (40, 40, 0.0), (30, 90, 0.7), (20, 200, 0.0)]


def problem(dim=30, n_samples=40, weight_decay=1.0, noise_std=0.5, **options):
    return DiagonalProblem(power_law_strengths(dim, 1.0), n_samples, weight_decay, noise_std, **options)


def sample_of(dim, n_samples, noise_std, seed=0):
    return draw(problem(dim, n_samples, 1.0, noise_std, teacher="gaussian"), np.random.default_rng(seed))


def decays(dim):
    return np.array([1 / dim, 0.1, 1.0, np.sqrt(dim)])


# --- data sets ------------------------------------------------------------------------------------------------------


def test_a_sample_is_teacher_inputs_and_labels():
    sample = draw(problem(noise_std=0.0), np.random.default_rng(0))
    np.testing.assert_array_equal(sample.teacher, power_law_strengths(30, 1.0))
    assert (sample.inputs.shape, sample.labels.shape) == ((40, 30), (40,))
    np.testing.assert_allclose(sample.labels, sample.inputs @ sample.teacher / np.sqrt(30), rtol=1e-13)


def test_inputs_and_noise_have_variance_1_and_noise_std_squared():
    """Tolerances are 4 standard errors of a variance from n draws, sqrt(2 / n)."""
    sample = sample_of(20, 4000, 0.7)
    assert sample.inputs.var() == pytest.approx(1, abs=4 * np.sqrt(2 / sample.inputs.size))
    noise = sample.labels - sample.design @ sample.teacher
    assert noise.var() == pytest.approx(0.49, rel=4 * np.sqrt(2 / 4000))


def test_a_gaussian_teacher_has_the_targets_as_standard_deviations():
    draws = np.array([sample_of(20, 1, 0.0, seed).teacher for seed in range(500)])
    np.testing.assert_allclose(draws.std(axis=0), power_law_strengths(20, 1.0), rtol=4 / np.sqrt(2 * 500))


def test_the_seed_settles_the_data_and_weight_decay_does_not_matter():
    one, other = (draw(problem(weight_decay=wd), np.random.default_rng(3)) for wd in (1.0, [0.1, 5.0]))
    np.testing.assert_array_equal(one.inputs, other.inputs)
    np.testing.assert_array_equal(one.labels, other.labels)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_samples": 2.5}, r"n_samples = 2\.5 must be an integer"),
        ({"n_samples": [10, 20]}, r"n_samples has shape \(2,\) and must be a single number"),
        ({"noise_std": [0.1]}, r"noise_std has shape \(1,\) and must be a single number"),
        ({"multiplicities": np.full(30, 2.0)}, r"multiplicities hold 2\.0 and must all be 1"),
    ],
)
def test_what_one_data_set_cannot_be_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        draw(problem(**change), np.random.default_rng(0))


# --- closed forms ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [0.0, 3.0])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 50.0])
def test_an_orthogonal_design_is_thresholded_coefficient_by_coefficient(scale, shift):
    """With A^T A = scale^2 theta_i = soft(A_i . y, weight_decay) / scale^2; ties between coefficients included."""
    dim = 6
    inputs = scale * np.sqrt(dim) * np.linalg.qr(np.random.default_rng(0).standard_normal((9, dim)))[0]
    overlaps = np.array([1.0, -1.0, 0.5, 0.5, -0.2, 0.0]) * (1 + shift) * scale
    sample = DiagonalSample(inputs, inputs @ overlaps / np.sqrt(dim) / scale**2, np.zeros(dim))
    for factor in (0.1, 0.3, 0.7, 2.0):
        weight_decay = factor * scale
        soft = np.sign(overlaps) * np.maximum(np.abs(overlaps) - weight_decay, 0)
        found = solve_path(sample, weight_decay).parameters
        np.testing.assert_allclose(found, soft / scale**2, atol=1e-12 * np.abs(overlaps).max() / scale**2)


def test_above_the_largest_overlap_nothing_is_learned():
    sample = sample_of(30, 40, 0.5)
    largest = np.abs(sample.design.T @ sample.labels).max()
    found = solve_path(sample, [largest * (1 + 1e-9), largest * (1 - 1e-3)])
    assert (found.parameters[0] == 0).all()
    assert np.count_nonzero(found.parameters[1]) == 1
    assert found.objective[0] == pytest.approx(sample.labels @ sample.labels / 2, rel=1e-14)
    assert found.excess_risk[0] == pytest.approx((sample.teacher**2).mean(), rel=1e-14)


def test_labels_of_0_leave_everything_at_0():
    sample = draw(DiagonalProblem(np.zeros(5), 8, 1.0, 0.0), np.random.default_rng(0))
    found = solve_path(sample, [0.1, 1.0])
    assert (found.parameters == 0).all()
    assert (found.objective == 0).all()
    assert (found.gap == 0).all()


def test_two_equal_columns_share_one_coefficient():
    """The minimum is not unique; its objective is that of the problem without the copy."""
    sample = sample_of(10, 30, 0.5)
    twice = np.column_stack([sample.inputs, sample.inputs[:, 0]]) * np.sqrt(11 / 10)
    doubled = DiagonalSample(twice, sample.labels, np.append(sample.teacher, 0.0))
    np.testing.assert_allclose(
        solve_path(doubled, [0.1, 1.0]).objective, solve_path(sample, [0.1, 1.0]).objective, rtol=1e-12
    )


# --- optimality and the twin ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_stationarity_and_duality(sizes):
    """Rounding enters the correlation relative to |y| and the columns of A, of length about sqrt(n_samples / dim)."""
    sample = sample_of(*sizes)
    weight_decays = decays(sizes[0])
    found = solve_path(sample, weight_decays)
    residuals = sample.labels - found.parameters @ sample.design.T
    correlation, limit = residuals @ sample.design, weight_decays[:, None]
    tolerance = 1e-13 * np.linalg.norm(sample.labels) * np.linalg.norm(sample.design, 2)
    active = found.parameters != 0
    assert (np.abs(correlation) <= limit + tolerance).all()
    expected = (limit * np.sign(found.parameters))[active]
    np.testing.assert_allclose(correlation[active], expected, rtol=0, atol=tolerance)
    assert (np.abs(found.gap) <= lasso.TOLERANCE).all()
    np.testing.assert_allclose(found.train_error, (residuals**2).mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(found.excess_risk, ((found.parameters - sample.teacher) ** 2).mean(axis=1))
    value = (residuals**2).sum(axis=1) / 2 + weight_decays * np.abs(found.parameters).sum(axis=1)
    np.testing.assert_allclose(found.objective, value)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_scikit_learns_path_agrees(sizes):
    """Its end is right to 1e-7 in the weight decay (the eps of float32), so it is asked to go on to half of it."""
    from sklearn.linear_model import lars_path_gram

    sample = sample_of(*sizes)
    design, smallest = sample.design, decays(sizes[0])[0]
    knots, _, path = lars_path_gram(
        design.T @ sample.labels, design.T @ design, n_samples=1, method="lasso", alpha_min=smallest / 2, max_iter=5000
    )
    for weight_decay in decays(sizes[0]):
        twin = [np.interp(weight_decay, knots[::-1], coefficient[::-1]) for coefficient in path]
        found = solve_path(sample, weight_decay).parameters
        np.testing.assert_allclose(found, twin, rtol=0, atol=1e-8 * np.abs(twin).max() + 1e-12)


def test_scikit_learns_normalisation_is_the_one_in_the_docstring():
    """Coordinate descent stops at a duality gap of 1e-12 |y|^2, which moves coefficients by its root at most."""
    from sklearn.linear_model import Lasso

    sample = sample_of(20, 60, 0.5)
    with warnings.catch_warnings(action="error"):
        twin = Lasso(alpha=0.8 / 60, fit_intercept=False, tol=1e-12, max_iter=10**5).fit(sample.design, sample.labels)
    np.testing.assert_allclose(solve_path(sample, 0.8).parameters, twin.coef_, atol=1e-5)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_no_other_point_is_lower_and_the_gap_bounds_how_much_higher(sizes):
    sample, rng = sample_of(*sizes), np.random.default_rng(7)
    weight_decays = decays(sizes[0])
    found = solve_path(sample, weight_decays)
    for spread in (1e-3, 0.1, 1.0):
        moved = found.parameters + spread * rng.standard_normal(found.parameters.shape)
        other = lasso.collect(sample, weight_decays, moved, 0)
        above = (other.objective - found.objective) / other.objective
        assert (above > 0).all()
        assert (above <= other.gap * (1 + 1e-9)).all()


# --- symmetries and the path ----------------------------------------------------------------------------------------


def test_a_path_is_its_single_solutions_in_any_order_and_shape():
    sample, weight_decays = sample_of(40, 40, 0.7), np.array([[1.0, 0.025], [6.3, 1.0]])
    path = solve_path(sample, weight_decays)
    assert path.parameters.shape == (2, 2, 40)
    for place in np.ndindex(2, 2):
        single = solve_path(sample, weight_decays[place])
        for name in ("parameters", "excess_risk", "train_error", "objective", "iterations"):
            np.testing.assert_allclose(getattr(path, name)[place], getattr(single, name), rtol=1e-12, err_msg=name)


def test_permuted_coefficients_and_flipped_signs_permute_and_flip_the_solution():
    sample, rng = sample_of(30, 20, 0.5), np.random.default_rng(1)
    order, signs = rng.permutation(30), rng.choice([-1.0, 1.0], 30)
    moved = DiagonalSample((sample.inputs * signs)[:, order], sample.labels, (sample.teacher * signs)[order])
    one, other = (solve_path(s, decays(30)) for s in (sample, moved))
    np.testing.assert_allclose(other.parameters, (one.parameters * signs)[:, order], atol=1e-11)
    np.testing.assert_allclose(other.excess_risk, one.excess_risk, rtol=1e-10)


@pytest.mark.parametrize("scale", [1e-6, 1e4])
def test_labels_and_weight_decay_scale_together(scale):
    sample = sample_of(30, 20, 0.5)
    scaled = DiagonalSample(sample.inputs, scale * sample.labels, scale * sample.teacher)
    one, other = solve_path(sample, decays(30)), solve_path(scaled, scale * decays(30))
    np.testing.assert_allclose(other.parameters, scale * one.parameters, atol=1e-11 * scale)
    np.testing.assert_allclose(other.objective, scale**2 * one.objective, rtol=1e-12)


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weight_decay", [0.0, -1.0, np.nan, [1.0, np.inf]])
def test_bad_weight_decays_are_refused(weight_decay):
    with pytest.raises(ValueError, match="weight_decay"):
        solve_path(sample_of(10, 10, 0.5), weight_decay)


def test_a_path_that_cannot_be_followed_says_so_with_its_last_iterate(monkeypatch):
    monkeypatch.setattr(lasso, "STEPS_PER_COEFFICIENT", 0.3)
    with pytest.raises(NotConverged, match=r"LASSO path did not converge: .* after 4 iterations") as stop:
        solve_path(sample_of(10, 30, 0.5), 0.1)
    assert np.count_nonzero(stop.value.last) == 3


def test_an_active_set_that_is_wrong_is_not_returned(monkeypatch):
    """The path claims that all coefficients are in use: at the smaller weight decay they nearly are, at 1 not."""
    monkeypatch.setattr(lasso, "_path", lambda gram, overlap, wds: [(wd, (np.sign(overlap), 1)) for wd in wds])
    with pytest.raises(NotConverged, match="LASSO path did not converge") as stop:
        solve_path(sample_of(10, 30, 0.5), [0.1, 1.0])
    assert stop.value.last.shape == (2, 10)


@pytest.mark.parametrize("weight_decay", [1e-4, 1e-8])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_next_to_no_weight_decay_is_no_harder(sizes, weight_decay):
    """The training error is below what weight_decay allows: |residual| <= weight_decay sqrt(dim) / smallest stretch."""
    sample = sample_of(*sizes)
    found = solve_path(sample, weight_decay)
    residual = sample.labels - sample.design @ found.parameters
    best = sample.labels - sample.design @ np.linalg.lstsq(sample.design, sample.labels)[0]
    stretch = np.linalg.svd(sample.design, compute_uv=False)[-1]
    excess = np.linalg.norm(residual - best)
    assert excess <= weight_decay * np.sqrt(sizes[0]) / stretch + 1e-12 * np.linalg.norm(sample.labels)


@pytest.mark.parametrize("spread", [1e-1, 1e-4])
@pytest.mark.parametrize("seed", range(3))
def test_nearly_equal_columns_cost_no_more_digits_than_they_must(seed, spread):
    """Solved from the Gram matrix alone they would cost twice as many: that is what the second solution is for."""
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((12, 1)) + spread * rng.standard_normal((12, 4))
    teacher = np.array([3.0, 1.0, 2.0, 4.0])
    sample, weight_decay = DiagonalSample(inputs, inputs @ teacher / 2, teacher), 1e-3 * spread**2
    found = solve_path(sample, weight_decay).parameters
    assert (found > 0).all()
    with mpmath.workdps(40):
        design, labels = (mpmath.matrix(array.tolist()) for array in (sample.design, sample.labels))
        right = design.T * labels - mpmath.mpf(weight_decay) * mpmath.ones(4, 1)
        exact = np.array([float(entry) for entry in mpmath.lu_solve(design.T * design, right)])
    digits = 10 * np.finfo(float).eps * np.linalg.cond(sample.design)
    assert np.linalg.norm(found - exact) <= digits * np.linalg.norm(exact)
