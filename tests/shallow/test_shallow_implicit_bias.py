"""Interpolators of diagonal networks: closed forms, brute force, covariance and both limits of the scale."""

import itertools

import numpy as np
import pytest
from scipy.optimize import minimize

from scalinglaws.shallow.implicit_bias import (
    hypentropy,
    minimum_l1_interpolator,
    minimum_l2_interpolator,
    minimum_potential_interpolator,
    rich_exponent,
)
from scalinglaws.solvers import NotConverged


def system(seed, n_samples=4, dim=10):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n_samples, dim)), rng.standard_normal(n_samples)


# --- potential ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [0.1, 1.0, 7.0])
def test_hypentropy_is_the_paper_s_formula(scale):
    theta = np.array([[-2.0, 0.3, 0.0], [5.0, 1.0, -0.1]])
    z = theta / scale**2
    expected = scale**2 * (2 - np.sqrt(4 + z**2) + z * np.arcsinh(z / 2))
    np.testing.assert_allclose(hypentropy(theta, scale), expected.sum(axis=1), rtol=1e-12)


@pytest.mark.parametrize(
    ("scale", "limit"),
    # z^2 / 4 up to z^4 / 192; and ln(1 / scale^2) per unit of |theta|, up to |theta| (ln |theta| - 1) + 2 scale^2.
    [
        (1e3, lambda theta: (theta**2).sum() / 4e6),
        (1e-9, lambda theta: (np.abs(theta) * (np.log(np.abs(theta) / 1e-18) - 1)).sum()),
    ],
)
def test_hypentropy_is_a_square_for_large_and_an_l1_norm_for_small_scales(scale, limit):
    theta = np.array([1.5, -0.7])
    assert hypentropy(theta, scale) == pytest.approx(limit(theta), rel=1e-12)


# --- interpolators --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1e-6, 0.05, 1.0, 40.0])
def test_equal_inputs_share_the_label_whatever_the_scale(scale):
    found = minimum_potential_interpolator(np.full((1, 5), 2.0), [3.0], scale)
    np.testing.assert_allclose(found.value, 0.3, rtol=1e-12)


@pytest.mark.parametrize("scale", [0.1, 0.5, 2.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_no_other_interpolator_has_a_smaller_potential(seed, scale):
    """Twin: the potential itself minimised over the null space by a general optimiser, right to about 1e-8^(1/2)."""
    inputs, labels = system(seed)
    particular, null = minimum_l2_interpolator(inputs, labels), np.linalg.svd(inputs)[2][4:].T
    brute = minimize(lambda t: hypentropy(particular + null @ t, scale), np.zeros(6), tol=1e-12)
    found = minimum_potential_interpolator(inputs, labels, scale).value
    np.testing.assert_allclose(found, particular + null @ brute.x, atol=1e-4)
    assert hypentropy(found, scale) <= brute.fun * (1 + 1e-12)


@pytest.mark.parametrize("scale", [1e-7, 1e-3, 0.3, 10.0])
@pytest.mark.parametrize("n_samples", [1, 6, 9, 10])
def test_solutions_interpolate_and_their_slope_lies_in_the_span_of_the_rows(n_samples, scale):
    inputs, labels = system(n_samples, n_samples)
    found = minimum_potential_interpolator(inputs, labels, scale)
    assert found.residual <= 1e-12
    assert found.residual == pytest.approx(
        np.linalg.norm(labels - inputs @ found.value) / np.linalg.norm(labels), abs=1e-15
    )
    slope = np.arcsinh(found.value / (2 * scale**2))
    dual = np.linalg.lstsq(inputs.T, slope)[0]
    # Rounding of the smallest coefficients, of order scale^2, shows in the slope.
    np.testing.assert_allclose(inputs.T @ dual, slope, atol=1e-15 / scale**2 + 1e-9)


def test_labels_scale_with_the_square_of_the_scale_and_rows_may_be_mixed():
    inputs, labels = system(3)
    expected = minimum_potential_interpolator(inputs, labels, 0.2).value
    scaled = minimum_potential_interpolator(inputs, 1e4 * labels, 20.0).value
    np.testing.assert_allclose(scaled, 1e4 * expected, rtol=1e-8)
    mixed = np.random.default_rng(0).standard_normal((4, 4))
    again = minimum_potential_interpolator(mixed @ inputs, mixed @ labels, 0.2).value
    np.testing.assert_allclose(again, expected, rtol=1e-8)


def test_signs_and_order_of_coefficients_do_not_matter():
    inputs, labels = system(4)
    order, signs = np.random.default_rng(1).permutation(10), np.where(np.arange(10) % 3, 1.0, -1.0)
    expected = minimum_potential_interpolator(inputs, labels, 0.01).value
    turned = minimum_potential_interpolator((inputs * signs)[:, order], labels, 0.01).value
    np.testing.assert_allclose(turned, (signs * expected)[order], rtol=1e-8)


def test_an_array_of_scales_in_any_order_is_solved_entry_by_entry():
    inputs, labels = system(5)
    scale = np.array([[1e-3, 5.0, 0.1], [0.1, 1e-5, 0.7]])
    found = minimum_potential_interpolator(inputs, labels, scale)
    assert found.value.shape == (2, 3, 10)
    assert found.residual.shape == found.iterations.shape == (2, 3)
    for index in np.ndindex(2, 3):
        alone = minimum_potential_interpolator(inputs, labels, scale[index])
        np.testing.assert_allclose(found.value[index], alone.value, rtol=1e-7, atol=1e-13)


def test_labels_of_zero_need_no_coefficients():
    np.testing.assert_array_equal(minimum_potential_interpolator(np.eye(2, 4), np.zeros(2), 0.1).value, 0.0)


# --- limits ---------------------------------------------------------------------------------------------------------


def test_the_minimum_l1_norm_is_that_of_the_best_choice_of_columns():
    inputs, labels = system(6, 3, 7)
    choices = itertools.combinations(range(7), 3)
    least = min(np.abs(np.linalg.solve(inputs[:, columns], labels)).sum() for columns in map(list, choices))
    found = minimum_l1_interpolator(inputs, labels)
    np.testing.assert_allclose(inputs @ found, labels, atol=1e-12)
    assert np.abs(found).sum() == pytest.approx(least, rel=1e-12)


def test_the_minimum_l2_norm_is_that_of_the_pseudoinverse():
    inputs, labels = system(7)
    np.testing.assert_allclose(minimum_l2_interpolator(inputs, labels), np.linalg.pinv(inputs) @ labels, atol=1e-13)


def test_large_scales_approach_the_l2_interpolator_as_the_fourth_power():
    """theta - theta^3 / (24 scale^4) lies in the span of the rows, up to (theta / scale^2)^5."""
    inputs, labels = system(8)
    linear, scale = minimum_l2_interpolator(inputs, labels), 10.0
    cube = linear**3 / (24 * scale**4)
    beyond = cube - np.linalg.pinv(inputs) @ (inputs @ cube)
    found = minimum_potential_interpolator(inputs, labels, scale).value - linear
    np.testing.assert_allclose(found, beyond, atol=1e-3 * np.abs(beyond).max())


@pytest.mark.parametrize("weaker", [0.2, 0.5, 0.9])
def test_two_coefficients_approach_the_l1_interpolator_with_the_predicted_exponent(weaker):
    """X = (1, h): e^nu = theta_1 / scale^2 and theta_2 = scale^2 e^(h nu) = scale^(2 - 2 h) theta_1^h, up to a relative
    e^(-2 h nu), 3e-6 at h = 0.2; theta_1 is 1 in the limit."""
    inputs, scale = np.array([[1.0, weaker]]), np.array([1e-8, 1e-7])
    assert minimum_l1_interpolator(inputs, [1.0]) == pytest.approx([1.0, 0.0])
    exponent = rich_exponent(inputs, [1.0, 0.0])
    assert exponent == pytest.approx(2 - 2 * weaker, rel=1e-9)
    first, second = minimum_potential_interpolator(inputs, [1.0], scale).value.T
    np.testing.assert_allclose(second, scale**exponent * first**weaker, rtol=1e-5)
    np.testing.assert_allclose(first, 1.0, atol=0.05)


def test_sparse_teachers_are_approached_with_the_exponent_of_the_best_certificate():
    """The next-to-leading term is smaller by a power of the scale of the order of the exponent itself."""
    rng = np.random.default_rng(9)
    inputs, teacher = rng.standard_normal((20, 40)), np.eye(40)[0] - np.eye(40)[1]
    labels = inputs @ teacher
    np.testing.assert_allclose(minimum_l1_interpolator(inputs, labels), teacher, atol=1e-12)
    scale = np.array([1e-6, 1e-5])
    distance = np.linalg.norm(minimum_potential_interpolator(inputs, labels, scale).value - teacher, axis=1)
    assert np.log10(distance[1] / distance[0]) == pytest.approx(rich_exponent(inputs, teacher), abs=0.02)


# --- refusals -------------------------------------------------------------------------------------------------------

GOOD = np.eye(2, 3), np.ones(2), 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({0: np.ones(3)}, r"inputs has shape \(3,\)"),
        ({0: np.ones((2, 3))}, "inputs has 2 rows of rank 1 and must have independent rows"),
        ({0: np.eye(3, 2), 1: np.ones(3)}, "inputs has 3 rows of rank 2"),
        ({0: np.full((2, 3), np.nan)}, r"inputs\[0, 0\] = nan must be finite"),
        ({1: np.ones(3)}, "labels has 3 entries and must have as many as inputs has rows, 2"),
        ({2: 0.0}, "scale = 0.0 must be > 0"),
        ({2: [1.0, -1.0]}, r"scale\[1\] = -1.0 must be > 0"),
    ],
)
def test_bad_systems_are_refused(change, message):
    arguments = [change.get(place, value) for place, value in enumerate(GOOD)]
    with pytest.raises(ValueError, match=message):
        minimum_potential_interpolator(*arguments)


@pytest.mark.parametrize("solver", [minimum_l1_interpolator, minimum_l2_interpolator])
def test_norms_take_the_same_systems(solver):
    with pytest.raises(ValueError, match="labels has 3 entries"):
        solver(np.eye(2, 3), np.ones(3))


def test_scales_beyond_double_precision_do_not_converge():
    inputs, _ = system(10, 9, 10)
    with pytest.raises(NotConverged, match="raise scale"):
        minimum_potential_interpolator(inputs, inputs[:, 0], 1e-40)


def test_a_certificate_that_does_not_exist_does_not_converge():
    """Signs of two coefficients on one sample of unlike inputs: no certificate has both."""
    with pytest.raises(NotConverged, match="rich_exponent"):
        rich_exponent(np.array([[1.0, 2.0, 3.0]]), [1.0, 1.0, 0.0])
