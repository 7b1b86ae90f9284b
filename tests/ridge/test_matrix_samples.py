"""Drawn random matrices: how near they are to their laws, their moments at finite size, and the distance itself."""

import math

import numpy as np
import pytest

from scalinglaws.ridge.deep_wishart import DeepWishart
from scalinglaws.ridge.matrix_samples import deep_wishart_eigenvalues, wigner_eigenvalues, wishart_eigenvalues
from scalinglaws.ridge.random_matrices import MarchenkoPastur, Semicircle, ks_distance
from scalinglaws.ridge.structured_wishart import StructuredWishart

LEVELS, WEIGHTS = np.array([0.5, 3.0, 40.0]), np.array([0.5, 0.3, 0.2])


def draws(rng, dim=240):
    """Eigenvalues of one matrix of each kind with its law."""
    yield wigner_eigenvalues(rng, dim), Semicircle()
    for q in (0.5, 1.0, 4.0):
        yield wishart_eigenvalues(rng, np.ones(dim), round(dim / q)), MarchenkoPastur(q)
        population = np.repeat(LEVELS, (WEIGHTS * dim).astype(int))
        yield wishart_eigenvalues(rng, population, round(dim / q)), StructuredWishart(LEVELS, q, WEIGHTS)
    for ratios in ((1.0, 1.0), (1.0, 1.0, 1.0), (0.5, 2.0), (3.0, 0.5)):
        yield deep_wishart_eigenvalues(rng, [dim, *(round(dim / q) for q in ratios)]), DeepWishart(ratios)


@pytest.mark.parametrize("seed", range(3))
def test_a_matrix_is_as_near_its_law_as_rigid_eigenvalues_are(seed):
    """ln(n) sqrt(2) / (pi n), doubled for what a maximum varies by; independent draws would be 5 times further off."""
    for eigenvalues, law in draws(np.random.default_rng(seed)):
        n = (1 - law.atom) * eigenvalues.size
        assert (eigenvalues == 0).sum() == round(law.atom * eigenvalues.size)
        assert (np.diff(eigenvalues) >= 0).all()
        assert ks_distance(eigenvalues, law.cdf) / (1 - law.atom) < 2 * math.sqrt(2) * math.log(n) / (math.pi * n)


def test_a_wrong_law_is_far_off():
    """A tenth of the ratio more, or a factor less: otherwise nearness would say nothing."""
    rng = np.random.default_rng(0)
    white = wishart_eigenvalues(rng, np.ones(240), 480)
    assert ks_distance(white, MarchenkoPastur(0.55).cdf) > ks_distance(white, MarchenkoPastur(0.5).cdf) + 0.015
    assert ks_distance(deep_wishart_eigenvalues(rng, (240, 240, 240)), MarchenkoPastur(1.0).cdf) > 0.1


def test_variances_of_the_entries():
    """Mean squares have exact means at every size; 400 draws, four standard errors of a mean over draws."""
    rng, dim = np.random.default_rng(5), 6
    exact = {
        lambda: wigner_eigenvalues(rng, dim) ** 2: 1 + 1 / dim,
        lambda: wishart_eigenvalues(rng, np.arange(1.0, dim + 1), 4): 3.5,
        lambda: deep_wishart_eigenvalues(rng, (dim, 3, 5)): 1.0,
    }
    for draw, expected in exact.items():
        means = [draw().mean() for _ in range(400)]
        assert abs(np.mean(means) - expected) < 4 * np.std(means, ddof=1) / 20


@pytest.mark.parametrize("law", [Semicircle(), MarchenkoPastur(4.0), DeepWishart((2.0,))], ids=["none", "atom", "half"])
@pytest.mark.parametrize("eigenvalues", [[0.0, 0.0, 0.0, 1.0], [0.5, 0.5, 3.0], [0.0], [2.0], [-1.0, 0.0, 1e-12, 9.0]])
def test_the_distance_is_the_largest_over_a_fine_grid(law, eigenvalues):
    """Just below and at every eigenvalue and at 0, and many places besides; ties and the atom with them."""
    special = np.concatenate([eigenvalues, [0.0]])
    grid = np.concatenate([np.linspace(-3, 10, 4001), special, np.nextafter(special, -np.inf)])
    shares = (np.asarray(eigenvalues) <= grid[:, None]).mean(axis=1)
    assert ks_distance(eigenvalues, law.cdf) == pytest.approx(np.abs(shares - law.cdf(grid)).max(), abs=1e-12)


@pytest.mark.parametrize(("scale", "shift"), [(3.0, 0.0), (1e-5, 2.0), (40.0, -7.0)])
def test_the_distance_knows_no_units(scale, shift):
    eigenvalues = wishart_eigenvalues(np.random.default_rng(1), np.ones(40), 20)
    law = MarchenkoPastur(2.0)

    def moved(x):
        # Rounding may carry the atom to either side of 0.
        back = (x - shift) / scale
        return law.cdf(np.where(np.abs(back) < 1e-9, np.where(x < shift, -1.0, 0.0), back))

    distance = ks_distance(scale * eigenvalues + shift, moved, jumps=(shift,))
    assert distance == pytest.approx(ks_distance(eigenvalues, law.cdf), abs=1e-8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: wigner_eigenvalues(None, 0), r"dim = 0 must be an integer >= 1"),
        (lambda: wishart_eigenvalues(None, [1.0, -1.0], 3), r"population\[1\] = -1\.0 must be > 0"),
        (lambda: wishart_eigenvalues(None, [1.0], 0.5), r"n_samples = 0\.5 must be an integer >= 1"),
        (lambda: deep_wishart_eigenvalues(None, [3]), r"sizes = \(3,\) must hold at least 2 sizes"),
        (lambda: deep_wishart_eigenvalues(None, [3, 0]), r"sizes\[1\] = 0 must be an integer >= 1"),
        (lambda: ks_distance([], Semicircle().cdf), r"eigenvalues has 0 entries"),
        (lambda: ks_distance([np.nan], Semicircle().cdf), r"eigenvalues\[0\] = nan must be finite"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
