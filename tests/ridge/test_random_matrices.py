"""Laws of random matrices: moments and determinants in closed form, the equations they solve, gaps, dualities."""

import functools
import itertools
import math

import numpy as np
import pytest

from scalinglaws.ridge import structured_wishart
from scalinglaws.ridge.deep_wishart import DeepWishart
from scalinglaws.ridge.random_matrices import MarchenkoPastur, Semicircle
from scalinglaws.ridge.structured_wishart import StructuredWishart
from scalinglaws.solvers import NotConverged, bracketed_root

LEVELS, WEIGHTS = np.array([0.5, 3.0, 40.0]), np.array([0.5, 0.3, 0.2])
SPREAD = np.arange(1.0, 31.0) ** -1.5
RATIOS = (0.1, 0.5, 1.0, 2.0, 10.0)
PRODUCTS = ((0.5,), (1.0,), (1.0, 1.0), (1.0, 1.0, 1.0), (0.5, 2.0), (3.0, 2.0), (0.3, 0.6), (1.0, 0.5, 2.0))

WHITE = {f"white {q:g}": MarchenkoPastur(q) for q in RATIOS}
STRUCTURED = {
    **{f"levels {q:g}": StructuredWishart(LEVELS, q, WEIGHTS) for q in (0.05, *RATIOS)},
    **{f"power law {q:g}": StructuredWishart(SPREAD, q) for q in (0.5, 1.0, 2.0)},
}
DEEP = {f"deep {q}": DeepWishart(q) for q in PRODUCTS}
WISHART = {**WHITE, **STRUCTURED, **DEEP}
LAWS = {"Wigner": Semicircle(), **WISHART}
EACH = {"argvalues": LAWS.values(), "ids": LAWS.keys()}


PANELS, ORDER = 24, 16


def nodes(low, high, power):
    """Points and weights for integrals over a bulk: x = low + (high - low) sin(angle)^power, smooth at both edges.

    A soft edge is a square root, power 2; a hard edge of a product of n factors goes as x^(1/(n + 1)), power 2(n + 1).
    Gauss-Legendre in panels of the angle: bulks that all but touch have singularities near the axis.
    """
    position, weight = np.polynomial.legendre.leggauss(ORDER)
    width = np.pi / 2 / PANELS
    angle = (width * (np.arange(PANELS)[:, None] + (position + 1) / 2)).ravel()
    slope = (high - low) * power * np.sin(angle) ** (power - 1) * np.cos(angle)
    return low + (high - low) * np.sin(angle) ** power, np.tile(weight, PANELS) * width / 2 * slope


def smoothing_powers(law):
    """The power that smooths each bulk."""
    hard = 2 * (len(law.ratios) + 1 if isinstance(law, DeepWishart) else 2)
    return [hard if low == 0 else 2 for low in law.edges[:, 0]]


@functools.cache
def masses(law):
    """Places in all bulks and the masses there, the atom left out."""
    powers = smoothing_powers(law)
    places = [nodes(*ends, power) for ends, power in zip(law.edges, powers, strict=True)]
    x, weight = (np.concatenate(parts) for parts in zip(*places, strict=True))
    return x, weight * law.density(x)


def integral(law, function):
    """Integral of function(x) times the density over all bulks, without the atom."""
    x, mass = masses(law)
    return mass @ function(x)


# --- closed forms ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("law", **EACH)
def test_the_mass_is_one(law):
    """Of the density, by quadrature, with the atom; and of the cdf."""
    assert integral(law, np.ones_like) + law.atom == pytest.approx(1.0, abs=1e-9)
    top = law.edges[-1, 1]
    np.testing.assert_allclose(
        law.cdf([law.edges[0, 0] - 1e-9, top, 2 * top]), [0.0 if law.edges[0, 0] < 1e-9 else law.atom, 1, 1], atol=1e-14
    )


@pytest.mark.parametrize("order", range(7))
def test_moments_of_the_semicircle_are_catalan_numbers(order):
    catalan = math.comb(order, order // 2) // (order // 2 + 1) if order % 2 == 0 else 0
    assert integral(Semicircle(), lambda x: x**order) == pytest.approx(catalan, abs=1e-10)


@pytest.mark.parametrize("law", WHITE.values(), ids=WHITE)
@pytest.mark.parametrize("order", range(1, 6))
def test_white_moments_are_narayana_polynomials(law, order):
    terms = [law.ratio**j / (j + 1) * math.comb(order, j) * math.comb(order - 1, j) for j in range(order)]
    assert integral(law, lambda x: x**order) == pytest.approx(sum(terms), rel=1e-9)


@pytest.mark.parametrize("law", STRUCTURED.values(), ids=STRUCTURED)
def test_structured_moments_are_those_of_the_population_multiplied_freely(law):
    first, second, third = (law.multiplicities @ law.eigenvalues**k for k in (1, 2, 3))
    q = law.ratio
    expected = (first, second + q * first**2, third + 3 * q * first * second + q**2 * first**3)
    for order, moment in enumerate(expected, start=1):
        assert integral(law, lambda x, order=order: x**order) == pytest.approx(moment, rel=1e-8)


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
@pytest.mark.parametrize("order", range(1, 5))
def test_moments_of_square_products_are_fuss_catalan_numbers(depth, order):
    law = DeepWishart((1.0,) * depth)
    expected = math.comb((depth + 1) * order, order) / (depth * order + 1)
    assert integral(law, lambda x: x**order) == pytest.approx(expected, rel=1e-9)
    assert law.edges[0].tolist() == pytest.approx([0.0, (depth + 1) ** (depth + 1) / depth**depth], rel=1e-14)


@pytest.mark.parametrize("law", DEEP.values(), ids=DEEP)
def test_first_moments_of_a_product_are_those_of_its_s_transform(law):
    """The S-transform begins 1/m_1 - (m_2 - m_1^2)/m_1^3 t; its inverse's slope is the sum of the ratios."""
    assert integral(law, lambda x: x) == pytest.approx(1.0, rel=1e-9)
    assert integral(law, lambda x: x**2) == pytest.approx(1 + sum(law.ratios), rel=1e-9)


def log_determinant(q):
    """Mean logarithm of the Marchenko-Pastur law, q < 1."""
    return -1 - (1 - q) / q * math.log(1 - q)


@pytest.mark.parametrize("q", [0.05, 0.3, 0.6])
def test_inverses_and_determinants_factorise(q):
    """Of S^(1/2) W S^(1/2) as of W times S; the factors of a product act on as many directions one after the other."""
    population = StructuredWishart(LEVELS, q, WEIGHTS)
    assert integral(MarchenkoPastur(q), np.log) == pytest.approx(log_determinant(q), rel=1e-9)
    assert integral(population, np.log) == pytest.approx(log_determinant(q) + WEIGHTS @ np.log(LEVELS), rel=1e-7)
    assert integral(population, np.reciprocal) == pytest.approx(WEIGHTS @ (1 / LEVELS) / (1 - q), rel=1e-7)
    product = DeepWishart((q, 0.4))
    assert integral(product, np.log) == pytest.approx(log_determinant(q) + log_determinant(0.4), rel=1e-7)
    assert integral(product, np.reciprocal) == pytest.approx(1 / ((1 - q) * (1 - 0.4)), rel=1e-6)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_a_hard_edge_diverges_with_its_exponent_and_amplitude(depth):
    """At small x the equation is z t = (1 + t)^(depth + 1) at t near -1."""
    x = np.array([1e-90, 1e-60])
    expected = np.sin(np.pi / (depth + 1)) / np.pi * x ** (-depth / (depth + 1))
    np.testing.assert_allclose(DeepWishart((1.0,) * depth).density(x), expected, rtol=1e-9)
    assert DeepWishart((1.0,) * depth).density(0.0) == np.inf


@pytest.mark.parametrize("q", [1e-6, 0.01, 0.5, 1.0, 1.0001, 2.0, 1e4])
def test_a_flat_population_and_a_single_factor_give_marchenko_pastur(q):
    """Three independent formulas; near edges the density is a root of a difference and keeps half its digits."""
    white = MarchenkoPastur(q)
    (low, high) = white.edges[0]
    x = np.concatenate(
        [
            low + (high - low) * np.linspace(-0.2, 1.2, 41),
            [low, high, 0.0, np.nextafter(low, high), np.nextafter(high, low)],
        ]
    )
    away = (x > low + 1e-3 * (high - low)) & (x < high - 1e-3 * (high - low))
    for law in (StructuredWishart([1.0, 1.0], q), DeepWishart((q,))):
        np.testing.assert_allclose(law.edges, white.edges, rtol=1e-14, atol=1e-15)
        assert law.atom == white.atom
        np.testing.assert_allclose(law.cdf(x), white.cdf(x), rtol=0, atol=1e-12)
        np.testing.assert_allclose(law.density(x[away]), white.density(x[away]), rtol=1e-8)
        np.testing.assert_array_equal(law.density(x[(x < low) | (x > high)]), 0.0)


@pytest.mark.parametrize("law", **EACH)
def test_the_cdf_is_the_integral_of_the_density(law):
    """Over every panel of the quadrature: the closed form of the cdf knows nothing of the density."""
    panels = masses(law)[1].reshape(len(law.edges), PANELS, ORDER).sum(axis=-1)
    angle = np.linspace(0, np.pi / 2, PANELS + 1)
    for (low, high), power, expected in zip(law.edges, smoothing_powers(law), panels, strict=True):
        ends = low + (high - low) * np.sin(angle) ** power
        np.testing.assert_allclose(np.diff(law.cdf(ends)), expected, rtol=1e-7, atol=1e-11)


def white_cdf_by_quadrature(x, q):
    """Density integrated in the angle of the square-root substitution, a smooth integrand at every q."""
    law = MarchenkoPastur(q)
    low, high = law.edges[0]
    position, weight = np.polynomial.legendre.leggauss(300)
    last = np.arcsin(np.sqrt((x - low) / (high - low)))
    angle = (position + 1) * last / 2
    places = low + (high - low) * np.sin(angle) ** 2
    slope = (high - low) * np.sin(2 * angle)
    return law.atom + (law.density(places) * slope) @ weight * last / 2


@pytest.mark.parametrize("law", WHITE.values(), ids=WHITE)
def test_the_closed_cdf_of_marchenko_and_pastur_is_its_quadrature(law):
    low, high = law.edges[0]
    for x in low + (high - low) * np.array([1e-6, 0.01, 0.3, 0.7, 1.0]):
        assert law.cdf(x) == pytest.approx(white_cdf_by_quadrature(x, law.ratio), abs=1e-12)


# --- equations: the laws put back into what defines them -------------------------------------------------------------


Z = np.array([0.3 + 0.2j, 2.0 + 0.5j, -1.0 + 0.1j, 30.0 + 3.0j])


def stieltjes(law, z):
    """Integral of dF(x) / (x - z), the atom's part with it."""
    return np.array([integral(law, lambda x, z=z: 1 / (x - z)) - law.atom / z for z in z])


@pytest.mark.parametrize("law", STRUCTURED.values(), ids=STRUCTURED)
def test_structured_laws_solve_the_equation_of_silverstein(law):
    m = law.ratio * stieltjes(law, Z) - (1 - law.ratio) / Z
    means = (law.eigenvalues / (1 + np.multiply.outer(m, law.eigenvalues))) @ law.multiplicities
    np.testing.assert_allclose(-1 / m + law.ratio * means, Z, rtol=1e-6)


@pytest.mark.parametrize("law", DEEP.values(), ids=DEEP)
def test_products_solve_the_equation_of_their_s_transform(law):
    t = -Z * stieltjes(law, Z) - 1
    factors = [1 + q * t for q in law.ratios]
    np.testing.assert_allclose((1 + t) / t * np.prod(factors, axis=0), Z, rtol=1e-7)


# --- gaps ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("share", "levels"), [(0.5, (1.0, 4.0)), (0.2, (0.01, 1.0)), (0.9, (3.0, 3.5))])
def test_two_levels_part_at_the_critical_ratio(share, levels):
    """Least value of a/(p - e)^2 + b/(p - f)^2 between the poles: (a^(1/3) + b^(1/3))^3 / (f - e)^2."""
    weights = np.array([share, 1 - share])
    critical = (levels[1] - levels[0]) ** 2 / np.sum((weights * np.square(levels)) ** (1 / 3)) ** 3
    for factor, bulks in ((1 - 1e-6, 2), (1 + 1e-6, 1)):
        assert len(StructuredWishart(levels, critical * factor, weights).edges) == bulks


@pytest.mark.parametrize("law", STRUCTURED.values(), ids=STRUCTURED)
def test_the_support_is_where_the_density_is_and_gaps_count_population_eigenvalues(law):
    """Exact separation (Bai and Silverstein 1999): as many eigenvalues above a gap as in the population."""
    edges = law.edges.ravel()
    assert (np.diff(edges) > 0).all()
    steps = 1e-6 * np.diff(law.edges, axis=1).ravel()
    assert (law.density(law.edges[:, 0] + steps) > 0).all()
    assert (law.density(law.edges[:, 1] - steps) > 0).all()
    gaps = law.edges[1:, 0] - law.edges[:-1, 1]
    inside = law.edges[:-1, 1] + gaps * np.array([[0.01], [0.5], [0.99]])
    np.testing.assert_array_equal(law.density(inside), 0.0)
    counts = [
        law.multiplicities[law.eigenvalues > np.mean(pair)].sum()
        for pair in zip(law.ends[:-1, 1], law.ends[1:, 0], strict=True)
    ]
    np.testing.assert_allclose(1 - law.cdf(inside), np.broadcast_to(counts, inside.shape), atol=1e-12)


def test_how_many_bulks_three_levels_have():
    counts = [len(STRUCTURED[f"levels {q:g}"].edges) for q in (0.05, *RATIOS)]
    assert counts == sorted(counts, reverse=True)
    assert (counts[0], counts[-1]) == (3, 1)


# --- symmetries ------------------------------------------------------------------------------------------------------


def inside(law, count=9):
    low, high = law.edges[0, 0], law.edges[-1, 1]
    return low + (high - low) * np.linspace(0.03, 0.97, count)


@pytest.mark.parametrize("law", STRUCTURED.values(), ids=STRUCTURED)
@pytest.mark.parametrize("scale", [1e-8, 7.0])
def test_eigenvalues_scale_with_the_population(law, scale):
    scaled = StructuredWishart(scale * law.eigenvalues, law.ratio, 5 * law.multiplicities)
    np.testing.assert_allclose(scaled.edges, scale * law.edges, rtol=1e-9, atol=1e-15 * scale)
    np.testing.assert_allclose(scaled.cdf(scale * inside(law)), law.cdf(inside(law)), rtol=1e-9)
    np.testing.assert_allclose(scale * scaled.density(scale * inside(law)), law.density(inside(law)), rtol=1e-7)


def test_order_does_not_matter_and_equal_eigenvalues_are_multiplicities():
    whole = StructuredWishart(np.repeat(LEVELS, [5, 3, 2])[::-1], 0.7)
    weighted = StructuredWishart(LEVELS[[1, 0, 2]], 0.7, [3, 5, 2])
    np.testing.assert_allclose(whole.cdf(inside(whole)), weighted.cdf(inside(whole)), rtol=1e-13)
    products = [DeepWishart(order) for order in itertools.permutations((0.5, 2.0, 1.0))]
    values = [product.cdf(inside(products[0])) for product in products]
    np.testing.assert_allclose(values, np.broadcast_to(values[0], (6, 9)), rtol=1e-13)


@pytest.mark.parametrize("q", [0.1, 0.5, 1.0])
def test_more_samples_or_more_dimensions_are_the_same_matrix_transposed(q):
    """X X^T / dim has the eigenvalues of X^T X / n times n/dim = 1/q, and n - dim zeros."""
    for law, dual in ((MarchenkoPastur(q), MarchenkoPastur(1 / q)), (DeepWishart((q,)), DeepWishart((1 / q,)))):
        np.testing.assert_allclose(dual.cdf(inside(law) / q), 1 - q + q * law.cdf(inside(law)), rtol=1e-13)
        np.testing.assert_allclose(dual.density(inside(law) / q), q**2 * law.density(inside(law)), rtol=1e-9)


@pytest.mark.parametrize("sizes", [(1, 2, 4), (3, 3, 1), (2, 5, 1, 4)])
def test_a_product_and_its_transpose_have_the_same_eigenvalues_above_zero(sizes):
    """W W^T of normalised factors is W^T W times rows over columns."""
    law = DeepWishart(tuple(sizes[0] / rows for rows in sizes[1:]))
    dual = DeepWishart(tuple(sizes[-1] / rows for rows in sizes[-2::-1]))
    ratio = sizes[0] / sizes[-1]
    expected = 1 - ratio * (1 - law.cdf(inside(law)))
    np.testing.assert_allclose(dual.cdf(inside(law) / ratio), expected, rtol=1e-12, atol=1e-13)


def test_a_factor_of_very_many_rows_is_the_identity():
    """Its eigenvalues spread by sqrt(q) only, so the law moves by as little as that squared."""
    x = inside(DEEP["deep (0.3, 0.6)"])
    np.testing.assert_allclose(DeepWishart((0.3, 1e-9, 0.6)).cdf(x), DeepWishart((0.3, 0.6)).cdf(x), atol=1e-8)


def test_a_product_of_two_is_structured_by_its_first_factor():
    """X1^T A X1 is the companion of a sample covariance with population A = X2^T X2, given by 400 of its quantiles.

    The quantiles stand in for the law up to a share of 1/400, which a free product does not enlarge.
    """
    inputs, hidden, outputs = 2, 4, 6
    white, levels = MarchenkoPastur(hidden / outputs), (np.arange(400) + 0.5) / 400
    low, high = white.edges[0]
    population = bracketed_root(
        lambda x, level: white.cdf(x) - level, np.full(400, low), np.full(400, high), args=(levels,)
    ).value
    structured, q = StructuredWishart(population, hidden / inputs), hidden / inputs
    product = DeepWishart((inputs / hidden, inputs / outputs))
    companion = 1 - q + q * structured.cdf(inside(product) * hidden / inputs)
    np.testing.assert_allclose(product.cdf(inside(product)), companion, atol=1 / 400)


# --- shapes and bad input --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "law", [Semicircle(), MarchenkoPastur(1.0), StructuredWishart(LEVELS, 2.0), DeepWishart((1.0, 0.5))]
)
def test_laws_keep_the_shape_of_x(law):
    for x in (1.0, [], [[0.5, 1.0, -1.0]]):
        assert np.shape(law.cdf(x)) == np.shape(law.density(x)) == np.shape(x)
    for x in ([1.0, np.nan], np.inf):
        with pytest.raises(ValueError, match=r"must be finite"):
            law.cdf(x)


def test_a_height_that_is_not_found_is_an_error_with_the_last_iterate(monkeypatch):
    law = STRUCTURED["levels 0.5"]
    middle = law.edges[0].mean()
    monkeypatch.setattr(structured_wishart, "MOST_NEWTON_STEPS", 1)
    with pytest.raises(NotConverged, match=r"StructuredWishart did not converge: .* double precision") as raised:
        law.cdf(middle)
    assert np.isfinite(raised.value.last).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: MarchenkoPastur(0.0), r"ratio = 0\.0 must be finite and > 0"),
        (lambda: StructuredWishart([1.0], -1.0), r"ratio = -1\.0 must be finite and > 0"),
        (lambda: StructuredWishart([1.0, 0.0], 1.0), r"eigenvalues\[1\] = 0\.0 must be > 0"),
        (
            lambda: StructuredWishart([1.0, 2.0], 1.0, [1.0]),
            r"multiplicities has 1 entries .* as many as eigenvalues, 2",
        ),
        (lambda: StructuredWishart([1.0], 1.0, [0.0]), r"multiplicities\[0\] = 0\.0 must be > 0"),
        (lambda: DeepWishart(()), r"ratios has 0 entries"),
        (lambda: DeepWishart((1.0, 0.0)), r"ratios\[1\] = 0\.0 must be > 0"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
