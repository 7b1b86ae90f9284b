"""Parts of the excess risk: closed forms of a single strength, exact sums, and limits in which nothing is missing."""

import numpy as np
import pytest

from scalinglaws.shallow.decomposition import error_parts, names, strength_error
from scalinglaws.shallow.free_convolution import NoisySpectrum
from scalinglaws.shallow.problem import DiagonalProblem, QuadraticProblem
from scalinglaws.shallow.semicircle import null_risk
from scalinglaws.shallow.spectra import thresholded_law

# (strength, delta, b): below, at and above delta; b below, inside, at the end of and beyond the noise; scaled.
STRENGTHS = [
    *[(3.0, 1.0, 0.5), (3.0, 1.0, 2.5), (0.5, 1.0, 0.3), (1.5, 1.0, 1.9), (1.0, 1.0, 0.0), (0.9, 1.0, 3.0)],
    *[(3.0, 1.0, 4.0), (6.0, 2.0, 1.0), (30.0, 1.0, 0.01), (0.05, 3.0, 1.0), (2.0, 1.0, 2.3)],
]


@pytest.mark.parametrize("case", STRENGTHS)
def test_one_strength_in_a_large_matrix_adds_its_error(case):
    """Corrections are of relative order 1 / dim, in units of s^2 and delta^2."""
    (s, delta, b), dim = case, 1e5
    noisy = NoisySpectrum(np.array([s, 0.0]), np.array([1 / dim, 1 - 1 / dim]), delta)
    added = dim * (noisy.thresholded(b)[0] - delta**2 * null_risk(b / delta))
    assert strength_error(s, delta, b) == pytest.approx(added, rel=3e-5, abs=30 / dim * delta**2)


@pytest.mark.parametrize("case", [case for case in STRENGTHS if case[2] >= 2 * case[1]])
def test_beyond_the_noise_it_is_the_error_of_a_rank_one_estimate(case):
    s, delta, b = case
    outlier, overlap = s + delta**2 / s, 1 - delta**2 / s**2
    m = max(outlier - b, 0.0) if s > delta else 0.0
    assert strength_error(s, delta, b) == pytest.approx(m**2 + s**2 - 2 * m * s * overlap, rel=1e-12)


@pytest.mark.parametrize("b", [0.0, 0.7, 1.99, 2.0, 2.3])
def test_a_strength_leaves_the_noise_without_a_jump(b):
    below, at, above = strength_error(np.array([1 - 1e-7, 1.0, 1 + 1e-7]), 1.0, b)
    assert below == pytest.approx(at, abs=1e-5)
    assert above == pytest.approx(at, abs=1e-5)


def test_an_outlier_at_the_threshold_is_not_learned():
    """Where the residue vanishes under its logarithm."""
    assert strength_error(2.0, 1.0, 2.5) == pytest.approx(4.0, rel=1e-12)


def test_weak_strengths_err_as_their_square_and_zeros_not_at_all():
    weak = strength_error(np.array([0.0, 1e-8, 1e-6, 1e-3, 2e-3]), 1.0, 0.4)
    assert weak[0] == 0
    np.testing.assert_allclose(weak[1:] / np.array([1e-8, 1e-6, 1e-3, 2e-3]) ** 2, weak[3] / 1e-6, rtol=2e-3)


def test_errors_scale_as_squares():
    strengths = np.array([0.01, 0.5, 2.0, 9.0])
    np.testing.assert_allclose(strength_error(5 * strengths, 5.0, 3.0), 25 * strength_error(strengths, 1.0, 0.6))


def law_of(problem, strengths, delta, threshold, multiplicities=None):
    return thresholded_law(
        problem(np.asarray(strengths, float), 10.0, 1.0, 1.0, multiplicities=multiplicities), delta, threshold
    )


@pytest.mark.parametrize("problem", [QuadraticProblem, DiagonalProblem])
def test_a_teacher_of_zeros_leaves_overfitting_alone(problem):
    law = law_of(problem, np.zeros(4), 1.5, 0.6)
    parts = error_parts(law)
    assert parts.overfitting == pytest.approx(parts.excess_risk, rel=1e-9)
    assert (parts.unlearned, parts.learned) == (0, 0)
    assert parts.interaction == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("problem", [QuadraticProblem, DiagonalProblem])
def test_nothing_learned_leaves_the_signal_unlearned(problem):
    law = law_of(problem, [1.0, 2.0, 3.0], 0.5, 50.0)
    parts, scale = error_parts(law), 2 if problem is QuadraticProblem else 1
    assert parts.unlearned == pytest.approx(scale * 14 / 3) == pytest.approx(parts.excess_risk)
    assert [parts.overfitting, parts.learned, parts.interaction] == pytest.approx([0, 0, 0], abs=1e-9)


@pytest.mark.parametrize(("delta", "threshold"), [(0.3, 0.1), (0.3, 1.4), (2.0, 0.0)])
def test_four_parts_of_the_diagonal_network_are_its_risk(delta, threshold):
    parts = error_parts(law_of(DiagonalProblem, [5.0, -2.0, 0.5, 0.0], delta, threshold))
    assert parts.four_parts == pytest.approx(parts.excess_risk, rel=1e-12)
    assert parts.three_parts == parts.overfitting + parts.unlearned + parts.learned


def test_diagonal_parts_of_strengths_far_from_the_threshold_are_the_whole():
    """Far above it an estimate is theta + delta Z - b, far below it is 0."""
    parts = error_parts(law_of(DiagonalProblem, [100.0, -80.0, 1.0, 0.0], 0.2, 3.0))
    assert parts.learned == pytest.approx((2 * (0.2**2 + 3.0**2)) / 4)
    assert parts.unlearned == pytest.approx(1 / 4)
    assert parts.interaction == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("threshold", [0.3, 1.2, 2.6])
def test_four_parts_of_few_strengths_in_many_directions_are_the_quadratic_risk(threshold):
    """What is missing falls as the square of the share of strengths: a tenth of it, a hundredth of the error."""
    missing = []
    for dim in (1e3, 1e4):
        parts = error_parts(law_of(QuadraticProblem, [5.0, 3.0, 1.5, 0.5, 0.0], 1.0, threshold, [1, 1, 1, 1, dim]))
        missing.append(abs(parts.four_parts - parts.excess_risk))
    assert missing[1] < 1e-3 * (parts.excess_risk - parts.overfitting)
    assert missing[1] == pytest.approx(missing[0] / 100, rel=0.2)


def test_quadratic_learned_part_counts_the_rows_and_columns_of_a_spike():
    """Without threshold and noise above it, b = 2 delta: (b - delta^2/s)^2 + 2 delta^2/s (s + delta^2/s - b)."""
    parts = error_parts(law_of(QuadraticProblem, [10.0, 0.0], 1.0, 2.0, [1, 999]))
    assert parts.learned == pytest.approx(2 / 1000 * (1.9**2 + 0.2 * 8.1))
    assert parts.three_parts == pytest.approx(parts.excess_risk, rel=1e-3)


def test_parts_are_named_in_order():
    assert names() == ("overfitting", "unlearned", "learned", "interaction")
