"""Shells against brute-force membership, values of the cubic B-spline by hand, and shifts and scales of the axis."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalinglaws.shells import SharpShells, SplineShells, geometric_edges
from scalinglaws.shells.partition import anchored_edges

KINDS = [SharpShells, SplineShells]

# 30 decades with the edges themselves, zero, the smallest doubles and values far outside every grid below.
EIGENVALUES = np.concatenate([[0.0, 5e-324, 1e-308], np.geomspace(1e-20, 1e10, 601), [1e100, 1e300]])

GRIDS = [(1e-8, 1e3, 2.0, 0.0), (1e-8, 1e3, 2.0, 0.49), (3e-15, 7e-15, 1.1, -0.3), (1.0, 2.0, 100.0, 0.25)]

examples = settings(deadline=None, derandomize=True, max_examples=60)


def edges_of(grid):
    smallest, largest, ratio, offset = grid
    return geometric_edges(smallest, largest, ratio, grid_offset=offset)


# --- edges ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("grid", GRIDS)
def test_edges_are_geometric_and_cover_the_range(grid):
    edges = edges_of(grid)
    assert edges[0] == 0
    assert edges[-1] == math.inf
    np.testing.assert_allclose(edges[2:-1] / edges[1:-2], grid[2], rtol=1e-12)
    assert edges[1] < grid[0]
    assert edges[-2] > grid[1]


@pytest.mark.parametrize("anchor", [None, 0.3, 1e-9, 1e7])
@pytest.mark.parametrize("ratio", [1.5, 2.0, 10.0])
def test_anchor_is_the_geometric_centre_of_a_shell(anchor, ratio):
    edges = geometric_edges(1e-4, 20.0, ratio, anchor=anchor)
    centres = np.sqrt(edges[1:-2] * edges[2:-1])
    anchor = 20.0 if anchor is None else anchor
    distance = np.log(anchor / centres[0]) / np.log(ratio)
    assert distance == pytest.approx(round(distance), abs=1e-9)


def test_default_anchor_is_the_centre_of_the_last_shell_but_one():
    """The top eigenvalue sits as far from an edge as can be, with an edge above it."""
    edges = geometric_edges(1e-4, 20.0, 2.0)
    assert math.sqrt(edges[-3] * edges[-2]) == pytest.approx(20.0, rel=1e-12)


@examples
@given(
    ratio=st.floats(1.05, 50),
    offset=st.floats(-0.499, 0.499),
    smallest=st.floats(1e-12, 1e3),
    decades=st.floats(0.1, 20),
    anchor=st.floats(1e-6, 1e6),
)
def test_offset_shifts_edges_but_not_their_number_and_no_shell_is_wasted(ratio, offset, smallest, decades, anchor):
    ends = (smallest, smallest * 10**decades)
    centred = geometric_edges(*ends, ratio, anchor=anchor)
    shifted = geometric_edges(*ends, ratio, anchor=anchor, grid_offset=offset)
    assert shifted.shape == centred.shape
    np.testing.assert_allclose(shifted[1:-1], centred[1:-1] * ratio**offset, rtol=1e-11)
    for edges in (centred, shifted):
        assert edges[1] < ends[0] < edges[3]
        assert edges[-4] < ends[1] < edges[-2]


@examples
@given(ratio=st.floats(1.05, 50), smallest=st.floats(1e-9, 1e3), decades=st.floats(0.1, 20), power=st.integers(-60, 60))
def test_edges_scale_with_the_range(ratio, smallest, decades, power):
    """By powers of two, which no rounding disturbs."""
    largest, scale = smallest * 10**decades, 2.0**power
    scaled = geometric_edges(scale * smallest, scale * largest, ratio)
    np.testing.assert_allclose(scaled[:-1], scale * geometric_edges(smallest, largest, ratio)[:-1], rtol=1e-15)


@pytest.mark.parametrize("room", [(8.0, 3.0), (2, 1), (0.5, 0.25)])
@pytest.mark.parametrize("top", [1e-6, 0.37, 40.0])
def test_anchored_edges_are_centred_on_the_top_with_room_below_and_above(top, room):
    below, above = room
    for offset in (-0.3, 0.0, 0.3):
        edges = anchored_edges(top, 2.0, grid_offset=offset, decades_below=below, decades_above=above)
        assert edges[1] < top * 10.0**-below
        assert edges[-2] > top * 10.0**above
        assert len(edges) == len(anchored_edges(1.0, 2.0, decades_below=below, decades_above=above))
        distance = np.log(edges[1:-1] / top) / np.log(2.0) - offset
        np.testing.assert_allclose(distance - np.floor(distance), 0.5, atol=1e-9)


def test_anchored_edges_scale_with_the_top_and_have_eight_and_three_decades_of_room():
    """By a power of two, which no rounding disturbs; the room is that of `geometric_edges`."""
    edges = anchored_edges(0.3, 2.0)
    np.testing.assert_array_equal(anchored_edges(0.3 * 2.0**7, 2.0)[:-1], 2.0**7 * edges[:-1])
    np.testing.assert_array_equal(edges, geometric_edges(0.3 * 10.0**-8.0, 0.3 * 10.0**3.0, 2.0, anchor=0.3))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"top": 0.0}, "smallest = 0.0 must be finite and > 0"),
        ({"shell_ratio": 1.0}, "shell_ratio = 1.0 must be finite and > 1"),
        ({"grid_offset": 0.5}, "grid_offset = 0.5 must lie strictly between"),
        ({"decades_below": 0, "decades_above": 0}, "largest = 1.0 must be > smallest = 1.0"),
    ],
)
def test_anchored_edges_refuse_what_geometric_ones_do(arguments, message):
    with pytest.raises(ValueError, match=message):
        anchored_edges(**{"top": 1.0, "shell_ratio": 2.0, **arguments})


# --- windows --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("grid", GRIDS)
def test_windows_are_shares_that_sum_to_one(kind, grid):
    shells = kind(edges_of(grid))
    windows = shells.windows(np.concatenate([EIGENVALUES, shells.edges[:-1]]))
    assert windows.shape == (shells.n_shells, EIGENVALUES.size + shells.n_shells)
    assert shells.n_shells == len(shells.edges) - 1
    assert windows.min() >= 0
    np.testing.assert_allclose(windows.sum(0), 1, atol=1e-14)


@examples
@given(
    ratio=st.floats(1.05, 50),
    n_inner=st.integers(2, 40),
    first=st.floats(-12, 6),
    position=st.floats(-8, 48),
)
def test_spline_windows_sum_to_one_on_any_grid(ratio, n_inner, first, position):
    inner = 10**first * ratio ** np.arange(n_inner)
    shells = SplineShells([0, *inner, math.inf])
    windows = shells.windows(inner[:1] * ratio**position)
    assert windows.min() >= 0
    assert windows.sum() == pytest.approx(1, abs=1e-13)
    assert np.count_nonzero(windows) <= 4


@pytest.mark.parametrize("grid", GRIDS)
def test_sharp_membership_by_comparison_with_every_edge(grid):
    """Shell a holds [edge_a, edge_(a+1)): an eigenvalue on an edge belongs above it."""
    edges = edges_of(grid)
    eigenvalues = np.concatenate([EIGENVALUES, edges[:-1], np.nextafter(edges[1:-1], 0)])
    shells = SharpShells(edges)
    expected = [next(a for a in range(len(edges) - 1) if edges[a] <= x < edges[a + 1]) for x in eigenvalues]
    np.testing.assert_array_equal(shells.members(eigenvalues), expected)
    np.testing.assert_array_equal(shells.windows(eigenvalues).argmax(0), expected)
    np.testing.assert_array_equal(np.unique(shells.windows(eigenvalues)), [0, 1])


def test_sharp_shells_by_hand():
    shells = SharpShells([0, 1, 3, math.inf])
    windows = shells.windows(np.array([0.0, 0.999, 1.0, 2.999, 3.0, 1e300, -2.0]))
    np.testing.assert_array_equal(windows, [[1, 1, 0, 0, 0, 0, 1], [0, 0, 1, 1, 0, 0, 0], [0, 0, 0, 0, 1, 1, 0]])


@pytest.mark.parametrize(
    ("position", "weights"),
    [
        (0.0, {-1: 1 / 6, 0: 2 / 3, 1: 1 / 6}),
        (0.5, {-1: 1 / 48, 0: 23 / 48, 1: 23 / 48, 2: 1 / 48}),
        (0.25, {-1: 27 / 384, 0: 235 / 384, 1: 121 / 384, 2: 1 / 384}),
    ],
)
@pytest.mark.parametrize("shell", [3, 5])
def test_spline_windows_by_hand(position, weights, shell):
    """Values of the cubic B-spline at `position` shells above the centre of a shell."""
    edges = np.array([0, *(0.1 * 3.0 ** np.arange(9)), math.inf])
    shells = SplineShells(edges)
    eigenvalue = math.sqrt(edges[shell] * edges[shell + 1]) * 3.0**position
    expected = np.zeros(10)
    for steps, weight in weights.items():
        expected[shell + steps] = weight
    np.testing.assert_allclose(shells.windows(np.array([eigenvalue]))[:, 0], expected, atol=1e-13)


def test_spline_windows_reproduce_the_logarithm():
    """sum_a a W_a is the position in shells: exact for splines two shells away from the outermost."""
    edges = np.array([0, *(2.0 ** np.arange(12)), math.inf])
    eigenvalues = np.geomspace(2.0**1.5, 2.0**9.5, 50)
    position = np.arange(13) @ SplineShells(edges).windows(eigenvalues)
    np.testing.assert_allclose(position, np.log2(eigenvalues) + 0.5, rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("grid", GRIDS)
def test_everything_outside_the_grid_belongs_to_the_outermost_shells(kind, grid):
    shells = kind(edges_of(grid))
    reach = grid[2] ** 1.5001
    below, above = shells.edges[1] / reach, shells.edges[-2] * reach
    windows = shells.windows(np.array([0.0, below / 1e10, below, above, above * 1e10]))
    np.testing.assert_allclose(windows[0], [1, 1, 1, 0, 0], atol=1e-15)
    np.testing.assert_allclose(windows[-1], [0, 0, 0, 1, 1], atol=1e-15)


@pytest.mark.parametrize("kind", KINDS)
@examples
@given(scale=st.floats(1e-10, 1e10), offset=st.floats(-0.49, 0.49))
def test_windows_do_not_know_the_unit_of_the_eigenvalues(kind, scale, offset):
    """Edges and eigenvalues scaled together; eigenvalues half a percent away from every sharp edge."""
    edges = geometric_edges(1e-6, 1e2, 3.0, grid_offset=offset)
    eigenvalues = np.concatenate([[0.0], (edges[1:-1, None] * [1.005, 1.7, 2.985]).ravel()])
    windows, scaled = kind(edges).windows(eigenvalues), kind(scale * edges).windows(scale * eigenvalues)
    np.testing.assert_allclose(scaled, windows, atol=1e-12)


@pytest.mark.parametrize("shift", [1, 4])
def test_spline_windows_shift_with_the_eigenvalue(shift):
    """An eigenvalue moved up by whole shells has the windows of the one below, moved up."""
    edges = np.array([0, *(2.0 ** np.arange(14)), math.inf])
    shells = SplineShells(edges)
    eigenvalues = np.geomspace(2.0**2, 2.0**7, 17)
    low, high = shells.windows(eigenvalues), shells.windows(2.0**shift * eigenvalues)
    np.testing.assert_allclose(high[shift:], low[:-shift], atol=1e-12)


# --- slopes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("grid", GRIDS)
def test_spline_slopes_are_the_derivatives_of_the_windows(grid):
    """Central differences at 1e-5 of the eigenvalue; the third derivative jumps at knots, which costs 1e-5 there."""
    shells = SplineShells(edges_of(grid))
    inner = shells.edges[1:-1]
    eigenvalues = np.geomspace(inner[0] / grid[2] ** 3, inner[-1] * grid[2] ** 3, 211)
    step = 1e-5 * np.log(grid[2])
    ends = [shells.windows(eigenvalues * (1 + sign * step)) for sign in (1, -1)]
    expected = (ends[0] - ends[1]) / (2 * step)
    ours = shells.slopes(eigenvalues) * eigenvalues
    assert np.abs(ours).max() > 0.4 / np.log(grid[2])
    np.testing.assert_allclose(ours * np.log(grid[2]), expected * np.log(grid[2]), atol=3e-5)


@pytest.mark.parametrize("grid", GRIDS)
def test_spline_slopes_sum_to_zero_and_vanish_outside_the_grid(grid):
    shells = SplineShells(edges_of(grid))
    slopes = shells.slopes(EIGENVALUES)
    assert np.isfinite(slopes).all()
    in_logarithm = slopes * np.maximum(EIGENVALUES, 1e-300)
    np.testing.assert_allclose(in_logarithm.sum(0), 0, atol=1e-13)
    reach = grid[2] ** 1.5001
    low, high = shells.edges[1] / reach, shells.edges[-2] * reach
    outside = np.array([not low <= eigenvalue <= high for eigenvalue in EIGENVALUES])
    assert outside.any()
    np.testing.assert_allclose(in_logarithm[:, outside], 0, atol=1e-14)


# --- bad input ------------------------------------------------------------------------------------------------------

BAD_EDGES = [
    ([0, 2, 1, math.inf], r"edges\[1\], edges\[2\] = 2\.0, 1\.0 must increase"),
    ([0, 1, 1, math.inf], r"edges\[1\], edges\[2\] = 1\.0, 1\.0 must increase"),
    ([0, math.nan, 1, math.inf], r"edges\[0\], edges\[1\] = 0\.0, nan must increase"),
    ([0.1, 1, 2, math.inf], r"edges run from 0\.1 to inf and must run from 0 to inf"),
    ([0, 1, 2, 4], r"edges run from 0\.0 to 4\.0 and must run from 0 to inf"),
    ([-1, 0, 1, math.inf], r"edges run from -1\.0 to inf and must run from 0 to inf"),
    ([0, math.inf], r"edges has shape \(2,\) and must be a vector of >= 3 entries"),
    ([[0, 1, math.inf]], r"edges has shape \(1, 3\) and must be a vector"),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("edges", "message"), BAD_EDGES)
def test_bad_edges_are_named(kind, edges, message):
    with pytest.raises(ValueError, match=message):
        kind(edges)


@pytest.mark.parametrize("edges", [[0, 1, 2, 5, math.inf], [0, 1, 2, 4 * (1 + 1e-6), math.inf], [0, 1, math.inf]])
def test_spline_shells_need_one_ratio(edges):
    with pytest.raises(ValueError, match=r"edges must be geometric"):
        SplineShells(edges)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    ("kind", "method"),
    [(SharpShells, "windows"), (SharpShells, "members"), (SplineShells, "windows"), (SplineShells, "slopes")],
)
def test_eigenvalues_that_no_shell_holds_are_named(kind, method, value):
    with pytest.raises(ValueError, match=rf"eigenvalues\[1\] = {value} must be finite"):
        getattr(kind(edges_of(GRIDS[0])), method)(np.array([1.0, value]))


@pytest.mark.parametrize("kind", KINDS)
def test_no_modes_have_no_windows(kind):
    shells = kind(edges_of(GRIDS[0]))
    assert shells.windows(np.array([])).shape == (shells.n_shells, 0)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((1.0, 10.0, 1.0), {}, r"shell_ratio = 1\.0 must be finite and > 1"),
        ((1.0, 10.0, 0.5), {}, r"shell_ratio = 0\.5 must be finite and > 1"),
        ((1.0, 10.0, math.nan), {}, r"shell_ratio = nan must be finite and > 1"),
        ((1.0, 10.0, math.inf), {}, r"shell_ratio = inf must be finite and > 1"),
        ((0.0, 10.0, 2.0), {}, r"smallest = 0\.0 must be finite and > 0"),
        ((1.0, math.inf, 2.0), {}, r"largest = inf must be finite and > 0"),
        ((10.0, 10.0, 2.0), {}, r"largest = 10\.0 must be > smallest = 10\.0"),
        ((1.0, 10.0, 2.0), {"grid_offset": 0.5}, r"grid_offset = 0\.5 must lie strictly between -0\.5 and 0\.5"),
        ((1.0, 10.0, 2.0), {"grid_offset": -0.5}, r"grid_offset = -0\.5 must lie strictly between -0\.5 and 0\.5"),
        ((1.0, 10.0, 2.0), {"grid_offset": math.nan}, r"grid_offset = nan must lie strictly between"),
        ((1.0, 10.0, 2.0), {"anchor": 0.0}, r"anchor = 0\.0 must be finite and > 0"),
    ],
)
def test_bad_grid_is_named(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        geometric_edges(*arguments, **options)
