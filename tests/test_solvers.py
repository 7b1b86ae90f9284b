"""The bracketed root against closed forms, a scalar twin, shifted brackets and its ways to fail."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from scalinglaws.solvers import Convergence, NotConverged, bracketed_root

# function, lower, upper, root
CASES = {
    "line": (lambda x: 3 * x - 1, 0.0, 1.0, 1 / 3),
    "falling": (lambda x: 2 - x**3, 1.0, 4.0, 2 ** (1 / 3)),
    "exponential": (lambda x: np.exp(x) - 5, -3.0, 9.0, np.log(5)),
    "root near the lower end": (lambda x: np.sqrt(x) - 1e-3, 0.0, 50.0, 1e-6),
    "root at 0": (np.sin, -1.0, 3.0, 0.0),
    "flat root": (lambda x: (x - 2) ** 3, 0.0, 3.0, 2.0),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("shift", [0.0, -7.3, 41.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_root_in_shifted_and_mirrored_brackets(case, shift, sign):
    function, lower, upper, root = CASES[case]
    ends = sorted((sign * lower + shift, sign * upper + shift))
    found = bracketed_root(lambda x: function(sign * (x - shift)), *ends, absolute_tolerance=1e-13)
    # the shift rounds x to eps * 41, which a triple root shows as much as a simple one
    assert found.value == pytest.approx(sign * root + shift, abs=1e-13, rel=4e-15)
    assert found.residual == function(sign * (found.value - shift))
    assert found.iterations >= 1


def test_many_brackets_agree_with_a_scalar_solver_one_at_a_time():
    rng = np.random.default_rng(3)
    slope, offset = rng.uniform(0.5, 2, size=(4, 1)), rng.uniform(-3, 3, size=5)

    def function(x, slope, offset):
        return slope * x + np.tanh(x - offset) + 1

    found = bracketed_root(function, -20.0, np.full(5, 20.0), args=(slope, offset))
    twin = [[optimize.brentq(function, -20, 20, args=(s[0], o), xtol=1e-15) for o in offset] for s in slope]
    assert found.value.shape == found.residual.shape == found.iterations.shape == (4, 5)
    np.testing.assert_allclose(found.value, twin, rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(found.residual, function(found.value, slope, offset))


def test_scalars_in_scalars_out():
    found = bracketed_root(lambda x, a: x**2 - a, 0, 3, args=(2,))
    assert isinstance(found, Convergence)
    assert isinstance(found.value, float)
    assert isinstance(found.residual, float)
    assert np.ndim(found.iterations) == 0
    assert found.value == pytest.approx(np.sqrt(2), rel=4e-16)


def test_ends_that_are_roots_are_accepted():
    found = bracketed_root(
        lambda x, a, b: (x - a) * (x - b), [1.0, 0.0, 1.0], [2.0, 1.0, 4.0], args=([1, 1, 1], [9, 9, 4])
    )
    np.testing.assert_array_equal(found.residual, 0)
    np.testing.assert_array_equal(found.value[:2], [1, 1])
    assert found.value[2] in (1, 4)


def test_a_function_of_tiny_scale_is_not_taken_for_zero():
    found = bracketed_root(lambda x: 1e-309 * (x - 3), 1.0, 10.0)
    assert found.value == pytest.approx(3, rel=1e-12)


def test_default_iterations_suffice_over_the_whole_range_of_doubles():
    found = bracketed_root(lambda x: np.sign(x - 1e-290), 1e-300, 1e300)
    assert found.value == pytest.approx(1e-290, rel=1e-14)
    assert found.iterations > 1500


@pytest.mark.parametrize(
    ("tolerances", "width"),
    [
        ({"absolute_tolerance": 1e-3, "relative_tolerance": 0}, 1e-3),
        ({"absolute_tolerance": 0, "relative_tolerance": 1e-4}, 100 * 1e-4),
    ],
)
def test_loose_tolerances_stop_early_but_within_their_width(tolerances, width):
    # a step function is bisected, so the number of iterations follows from the width
    found = bracketed_root(lambda x: np.sign(x - 100.1), 90.0, 120.0, **tolerances)
    assert abs(found.value - 100.1) <= width
    assert found.iterations == np.ceil(np.log2(30 / width))


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    root=st.floats(-1e6, 1e6),
    below=st.floats(1e-3, 1e6),
    above=st.floats(1e-3, 1e6),
    steepness=st.floats(1e-3, 1e3),
)
def test_any_bracket_of_a_monotone_function(root, below, above, steepness):
    def function(x):
        return np.arctan(steepness * (x - root)) + (x - root) / 7

    found = bracketed_root(function, root - below, root + above)
    assert found.value == pytest.approx(root, rel=1e-15, abs=1e-300)


@pytest.mark.parametrize(
    ("function", "lower", "upper", "options", "message"),
    [
        (np.cos, 2.0, 1.0, {}, r"bracket \[\] = \(2\.0, 1\.0\) must have lower < upper"),
        (np.cos, 1.0, 1.0, {}, r"bracket \[\] = \(1\.0, 1\.0\) must have lower < upper"),
        (np.cos, [0, 1.0, 5.0], [2, 1.0, 4.0], {}, r"bracket \[1\] = \(1\.0, 1\.0\) must have lower < upper"),
        (np.cos, np.nan, 1.0, {}, r"lower = nan must be finite"),
        (np.cos, 0.0, [1.0, np.inf], {}, r"upper\[1\] = inf must be finite"),
        (np.cos, 0.0, [], {}, r"upper has 0 entries"),
        (lambda x: x**2 + 1, -1.0, 2.0, {}, r"bracket \[\] = \(-1\.0, 2\.0\) must enclose.* 2\.0 and 5\.0 at its ends"),
        (lambda x: x - 4, [3.0, 5, 6], 7.0, {}, r"bracket \[1\] = \(5\.0, 7\.0\) must enclose.* 1\.0 and 3\.0 at"),
        (lambda x: x - 4, [[3.0], [5]], [7.0, 8], {}, r"bracket \[1, 0\] = \(5\.0, 7\.0\) must enclose"),
        (lambda x: np.where(x > 2, np.nan, x - 1), 0.0, 3.0, {}, r"function\(3\.0\) = nan must be finite"),
        (lambda x: np.where(x == 0, -np.inf, x - 1), 0.0, 3.0, {}, r"function\(0\.0\) = -inf must be finite"),
        (np.cos, 1.0, 2.0, {"absolute_tolerance": -1.0}, r"absolute_tolerance = -1\.0 must be finite and >= 0"),
        (np.cos, 1.0, 2.0, {"relative_tolerance": np.nan}, r"relative_tolerance = nan must be finite and >= 0"),
        (np.cos, 1.0, 2.0, {"max_iterations": 0}, r"max_iterations = 0 must be an integer >= 1"),
    ],
)
def test_bad_input_is_named(function, lower, upper, options, message):
    with pytest.raises(ValueError, match=message):
        bracketed_root(function, lower, upper, **options)


def test_undefined_stretch_inside_a_bracket_is_refused():
    # finite with a sign change at both ends, but bisection would close in on the edge at 1.3 and report success
    def function(x):
        return np.where((x > 1.3) & (x < 1.6), np.nan, np.sign(x - 1.3))

    with pytest.raises(ValueError, match=r"function\(1\.5\) = nan must be finite everywhere in the bracket"):
        bracketed_root(function, 0.0, 2.0)


def test_not_converged_carries_how_far_it_got():
    with pytest.raises(
        NotConverged, match=r"1 of 2 brackets\) did not converge: residual .* after 3 it.*; raise"
    ) as error:
        bracketed_root(lambda x, a: x**3 - a, [0.0, 1.0], 5.0, args=([2.0, 1.0],), max_iterations=3)
    failure = error.value
    np.testing.assert_array_equal(failure.residual, failure.last**3 - [2.0, 1.0])
    np.testing.assert_array_equal(failure.iterations, [3, 0])
    assert failure.last[1] == 1
    assert 0 < failure.last[0] < 5


def test_not_converged_quotes_the_worst_residual_and_survives_pickling():
    failure = NotConverged("state evolution", np.ones(2), np.array([0.25, -3.0]), 70, "try a larger ridge")
    message = "state evolution did not converge: residual 3 after 70 iterations; try a larger ridge"
    assert str(failure) == message
    copy = pickle.loads(pickle.dumps(failure))
    assert str(copy) == message
    np.testing.assert_array_equal(copy.last, failure.last)


def test_convergence_is_frozen():
    with pytest.raises(AttributeError, match="cannot assign"):
        Convergence(1.0, 0.0, 3).value = 2.0
