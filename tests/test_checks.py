"""The border checks: what passes is returned converted, what does not is named with its value and limit."""

import numpy as np
import pytest

from scalinglaws import checks

ACCEPTED = [
    (checks.integer, (3,), {"minimum": 3}, 3),
    (checks.integer, (4.0,), {"minimum": 3}, 4),
    (checks.integer, (np.int64(5),), {"minimum": -1}, 5),
    (checks.positive, (1e-300,), {}, 1e-300),
    (checks.positive, (2,), {}, 2.0),
    (checks.at_least, (0, 0), {}, 0.0),
    (checks.at_least, (-1.5, -2), {}, -1.5),
    (checks.between, (0.5, 0, 1), {}, 0.5),
    (checks.one_of, ("input", ("input", "layer")), {}, "input"),
]

REFUSED = [
    (checks.integer, (2,), {"minimum": 3}, r"it = 2 must be an integer >= 3"),
    (checks.integer, (3.5,), {"minimum": 3}, r"it = 3\.5 must be an integer"),
    (checks.integer, (True,), {"minimum": 0}, r"it = True must be an integer"),
    (checks.integer, (np.nan,), {"minimum": 0}, r"it = nan must be an integer"),
    (checks.integer, (np.inf,), {"minimum": 0}, r"it = inf must be an integer"),
    (checks.positive, (0,), {}, r"it = 0 must be finite and > 0"),
    (checks.positive, (np.inf,), {}, r"it = inf must be finite and > 0"),
    (checks.positive, (np.nan,), {}, r"it = nan must be finite and > 0"),
    (checks.at_least, (-1e-9, 0), {}, r"it = -1e-09 must be finite and >= 0"),
    (checks.at_least, (np.nan, 0), {}, r"it = nan must be finite and >= 0"),
    (checks.at_least, (np.inf, 0), {}, r"it = inf must be finite and >= 0"),
    (checks.between, (0, 0, 1), {}, r"it = 0 must lie strictly between 0 and 1"),
    (checks.between, (1, 0, 1), {}, r"it = 1 must lie strictly between 0 and 1"),
    (checks.between, (np.nan, 0, 1), {}, r"it = nan must lie strictly between 0 and 1"),
    (checks.one_of, ("output", ("input", "layer")), {}, r"it = 'output' must be one of 'input', 'layer'"),
    (checks.array, ([1.0, 2.0],), {"ndim": 2}, r"it has shape \(2,\) and must have 2 dimension"),
    (checks.array, ([],), {}, r"it has 0 entries and must have at least 1"),
    (checks.array, ([1.0],), {"minimum_size": 2}, r"it has 1 entries and must have at least 2"),
    (checks.array, ([[1.0, 2.0], [3.0, np.nan]],), {}, r"it\[1, 1\] = nan must be finite"),
    (checks.array, ([1.0, -np.inf],), {}, r"it\[1\] = -inf must be finite"),
    (checks.positive_array, ([1.0, 2.0, 0.0],), {}, r"it\[2\] = 0\.0 must be > 0"),
    (checks.positive_array, ([1.0, np.nan],), {}, r"it\[1\] = nan must be finite"),
    (checks.positive_array, ([[1.0]],), {"ndim": 1}, r"it has shape \(1, 1\) and must have 1 dimension"),
    (checks.positive_array, (0.0,), {}, r"it = 0\.0 must be > 0"),
    (checks.non_negative_array, ([0.0, -1.0],), {}, r"it\[1\] = -1\.0 must be >= 0"),
    (checks.non_negative_array, (-2.0,), {}, r"it = -2\.0 must be >= 0"),
    (checks.non_negative_array, ([np.nan],), {}, r"it\[0\] = nan must be finite"),
    (checks.as_many, (np.ones(2), "them", np.ones(3)), {}, r"it has 2 entries and must have as many as them, 3"),
    (checks.as_many, (np.ones(3), "them", np.ones((3, 1))), {}, r"it has 3 entries and must have as many as them, 3"),
    (checks.multiplicities, ([1.0, 0.0], "them", np.ones(2)), {}, r"it\[1\] = 0\.0 must be > 0"),
    (checks.multiplicities, ([1.0, np.nan], "them", np.ones(2)), {}, r"it\[1\] = nan must be finite"),
    (checks.multiplicities, ([[1.0]], "them", np.ones(1)), {}, r"it has shape \(1, 1\) and must have 1 dimension"),
    (checks.multiplicities, ([1.0], "them", np.ones(2)), {}, r"it has 1 entries and must have as many as them, 2"),
    (checks.increasing, ([1.0, 2.0, 2.0],), {}, r"it\[1\], it\[2\] = 2\.0, 2\.0 must increase"),
    (checks.increasing, ([3.0, 2.0],), {}, r"it\[0\], it\[1\] = 3\.0, 2\.0 must increase"),
    (checks.increasing, ([0.0, np.nan, 2.0],), {}, r"it\[0\], it\[1\] = 0\.0, nan must increase"),
    (checks.increasing, ([1.0],), {}, r"it has shape \(1,\) and must be a vector of >= 2 entries"),
    (checks.increasing, ([[1.0, 2.0]],), {}, r"it has shape \(1, 2\) and must be a vector"),
]


@pytest.mark.parametrize(("check", "args", "options", "returned"), ACCEPTED)
def test_accepted_scalar_is_returned_in_its_type(check, args, options, returned):
    result = check("it", *args, **options)
    assert result == returned
    assert type(result) is type(returned)


@pytest.mark.parametrize(("check", "args", "options", "message"), REFUSED)
def test_refusal_names_argument_value_and_limit(check, args, options, message):
    with pytest.raises(ValueError, match=message):
        check("it", *args, **options)


@pytest.mark.parametrize("check", [checks.array, checks.positive_array, checks.non_negative_array, checks.increasing])
def test_accepted_array_is_returned_as_float64(check):
    result = check("it", [1, 2, 3])
    assert result.dtype == np.float64
    np.testing.assert_array_equal(result, [1.0, 2.0, 3.0])


def test_negative_and_zero_dimensional_arrays_pass_where_only_finiteness_is_asked():
    assert checks.array("it", -2.0) == -2.0
    assert checks.array("it", -2.0).shape == ()


def test_outer_shell_edges_may_be_infinite():
    np.testing.assert_array_equal(checks.increasing("edges", [0.0, 1.0, np.inf]), [0.0, 1.0, np.inf])


def test_an_array_as_long_as_another_is_handed_back():
    value = np.array([3.0, 1.0])
    assert checks.as_many("it", value, "them", np.zeros(2)) is value


def test_multiplicities_are_1_unless_given():
    np.testing.assert_array_equal(checks.multiplicities("it", None, "them", np.zeros(3)), np.ones(3))
    given = checks.multiplicities("it", [2, 5], "them", np.zeros(2))
    assert given.dtype == np.float64
    np.testing.assert_array_equal(given, [2.0, 5.0])


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [([()], ()), ([(3,), ()], (3,)), ([(4, 1), (1, 5), (5,)], (4, 5)), ([(2, 1), (3, 1, 7)], (3, 2, 7))],
)
def test_broadcast_shape_is_that_of_the_sum(shapes, expected):
    arrays = {f"a{i}": np.zeros(shape) for i, shape in enumerate(shapes)}
    assert checks.broadcast_shape(**arrays) == expected == sum(arrays.values()).shape


def test_shapes_that_do_not_broadcast_are_all_named():
    message = r"^shapes must broadcast with each other: one \(2,\), other \(4, 3\), last \(\)$"
    with pytest.raises(ValueError, match=message):
        checks.broadcast_shape(one=np.zeros(2), other=np.zeros((4, 3)), last=np.zeros(()))
