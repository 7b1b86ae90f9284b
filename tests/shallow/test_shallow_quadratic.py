"""Nuclear-norm regression and its measurements: closed forms, a brute-force twin, optimality, duality, symmetries."""

import numpy as np
import pytest
from scipy.optimize import minimize

from scalinglaws.shallow import QuadraticProblem, power_law_strengths, state_evolution
from scalinglaws.shallow.quadratic import (
    Point,
    QuadraticSample,
    draw,
    largest_eigenvalue,
    objective_and_gap,
    solve_path,
)
from scalinglaws.shallow.sensing import SENSING, GaussianMatrices, OuterProducts
from scalinglaws.solvers import NotConverged

WEIGHT_DECAYS = [0.05, 1.0, 3.0]


def make_sample(dim=8, n_samples=40, noise_std=0.5, *, sensing="outer", seed=0, scale=1.0):
    problem = QuadraticProblem(scale * power_law_strengths(dim, 1.0), n_samples, 1.0, noise_std)
    return draw(problem, np.random.default_rng(seed), sensing)


def matrices(sensing):
    """Z_i, (n_samples, dim, dim), as the definitions say."""
    dim = sensing.dim
    if isinstance(sensing, OuterProducts):
        x = sensing.inputs
        return (x[:, :, None] * x[:, None, :] - np.eye(dim)) / np.sqrt(dim)
    rows, columns = np.triu_indices(dim)
    Z = np.zeros((len(sensing.coordinates), dim, dim))
    Z[:, rows, columns] = sensing.coordinates / np.where(rows == columns, 1.0, np.sqrt(2))
    return Z + np.triu(Z, 1).transpose(0, 2, 1)


def symmetric(rng, dim):
    S = rng.standard_normal((dim, dim))
    return S + S.T


# --- measurements ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SENSING)
@pytest.mark.parametrize(("dim", "n_samples"), [(1, 3), (5, 7), (6, 40)])
def test_measurements_are_traces_with_the_matrices_and_adjoint_their_transpose(kind, dim, n_samples):
    rng = np.random.default_rng(dim)
    sensing = make_sample(dim, n_samples, sensing=kind).sensing
    Z, S, residual, factor = (
        matrices(sensing),
        symmetric(rng, dim),
        rng.standard_normal(n_samples),
        rng.random((dim, 3)),
    )
    np.testing.assert_allclose(sensing.predict(S), np.einsum("kij,ij->k", Z, S), atol=1e-12)
    np.testing.assert_allclose(sensing.predict_product(factor), sensing.predict(factor @ factor.T), atol=1e-12)
    np.testing.assert_allclose(sensing.adjoint(residual), np.einsum("kij,k->ij", Z, residual), atol=1e-12)


@pytest.mark.parametrize("kind", SENSING)
def test_both_kinds_have_mean_0_and_the_same_covariance(kind):
    """E Tr(S Z) Tr(T Z) = 2 Tr(S T) / dim; five standard errors of 200 000 draws."""
    rng, n_samples, dim = np.random.default_rng(1), 200_000, 4
    sensing = make_sample(dim, n_samples, sensing=kind).sensing
    S, T = symmetric(rng, dim), symmetric(rng, dim)
    s, t = sensing.predict(S), sensing.predict(T)
    for values, expected in ((s, 0.0), (t, 0.0), (s * t, 2 * np.trace(S @ T) / dim), (s * s, 2 * np.sum(S * S) / dim)):
        assert abs(values.mean() - expected) < 5 * values.std() / np.sqrt(n_samples)


@pytest.mark.parametrize("kind", SENSING)
@pytest.mark.parametrize(("dim", "n_samples"), [(1, 3), (3, 1), (6, 9), (12, 60), (12, 300), (30, 900)])
def test_the_largest_eigenvalue_is_found_to_the_five_percent_that_the_step_leaves_room_for(kind, dim, n_samples):
    sensing = make_sample(dim, n_samples, sensing=kind).sensing
    flat = matrices(sensing).reshape(n_samples, -1)
    assert 0.95 < largest_eigenvalue(sensing) / np.linalg.norm(flat, 2) ** 2 < 1 + 1e-9


@pytest.mark.parametrize("kind", SENSING)
def test_labels_are_the_teacher_s_with_noise_and_noise_comes_last(kind):
    """The same seed gives the same measurements and the same noise whatever its size."""
    silent, loud, louder = (make_sample(noise_std=noise_std, sensing=kind) for noise_std in (0.0, 1.0, 3.0))
    np.testing.assert_allclose(silent.labels, np.einsum("kij,ij->k", matrices(silent.sensing), silent.teacher))
    np.testing.assert_allclose(louder.labels - silent.labels, 3 * (loud.labels - silent.labels))
    noise = make_sample(2, 40_000, 1.0).labels - make_sample(2, 40_000, 0.0).labels
    assert noise.std() == pytest.approx(1.0, abs=5 / np.sqrt(80_000))
    np.testing.assert_array_equal(silent.teacher, np.diag(power_law_strengths(8, 1.0)))


# --- solutions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SENSING)
@pytest.mark.parametrize("seed", [0, 1])
def test_one_direction_is_soft_thresholding(kind, seed):
    """sum (y - s z)^2 + wd s over s >= 0: s = relu(z . y - wd / 2) / |z|^2."""
    sample = make_sample(1, 5, sensing=kind, seed=seed)
    z = matrices(sample.sensing)[:, 0, 0]
    weight_decays = 2 * (z @ sample.labels) * np.array([0.01, 0.5, 0.999, 1.001, 10.0])
    expected = np.maximum(z @ sample.labels - weight_decays / 2, 0) / (z @ z)
    found = solve_path(sample, weight_decays)
    # The objective is quadratic around its minimum: a gap of 1e-8 leaves 1e-4 of the distance to 0.
    np.testing.assert_allclose(found.parameters[:, 0, 0], expected, atol=1e-4 * expected.max())
    np.testing.assert_allclose(found.excess_risk, 2 * (found.parameters[:, 0, 0] - sample.teacher[0, 0]) ** 2)


@pytest.mark.parametrize("kind", SENSING)
def test_many_samples_shrink_every_eigenvalue_by_the_same_amount(kind):
    """sum Z Tr S Z -> 2 n / dim S: eigenvalues are lowered by weight_decay dim^2 / (4 n), up to (dim^2 / n)^1/2."""
    dim, n_samples = 4, 40_000
    sample = make_sample(dim, n_samples, 0.1, sensing=kind)
    weight_decay = 4 * n_samples / dim**2 * np.array([0.2, 0.8])
    for S, amount in zip(solve_path(sample, weight_decay).parameters, (0.2, 0.8), strict=True):
        expected = np.diag(np.maximum(np.diagonal(sample.teacher) - amount, 0))
        np.testing.assert_allclose(S, expected, atol=5 * np.linalg.norm(sample.teacher) * dim / np.sqrt(n_samples))


@pytest.mark.parametrize("kind", SENSING)
@pytest.mark.parametrize(("dim", "n_samples"), [(2, 3), (3, 4), (3, 20)])
def test_a_general_minimiser_finds_nothing_lower(kind, dim, n_samples):
    """BFGS over lower-triangular L, S = L L^T, on the objective as it is written, from five starts."""
    sample = make_sample(dim, n_samples, sensing=kind, seed=3)
    Z, lower, rng = matrices(sample.sensing), np.tril_indices(dim), np.random.default_rng(2)

    def square(entries):
        L = np.zeros((dim, dim))
        L[lower] = entries
        return L @ L.T

    for weight_decay, found in zip(WEIGHT_DECAYS, solve_path(sample, WEIGHT_DECAYS).objective, strict=True):

        def objective(entries, weight_decay=weight_decay):
            S = square(entries)
            residual = sample.labels - np.einsum("kij,ij->k", Z, S)
            return residual @ residual + weight_decay * dim * np.trace(S)

        starts = rng.standard_normal((5, lower[0].size))
        assert min(minimize(objective, start).fun for start in starts) == pytest.approx(found, rel=1e-6)


CASES = [(kind, n_samples, noise_std) for kind in SENSING for n_samples in (6, 20, 120) for noise_std in (0.0, 0.5)]


@pytest.mark.parametrize(("kind", "n_samples", "noise_std"), CASES)
def test_the_gradient_vanishes_where_s_is_positive_and_is_positive_elsewhere(kind, n_samples, noise_std):
    """price - 2 correlation >= 0 and Tr S (price - 2 correlation) = 0.

    The objective is |residual|^2 and what is linear: a gap of 1e-8 leaves 1e-4 objective^1/2 of the residual.
    """
    sample = make_sample(8, n_samples, noise_std, sensing=kind)
    found = solve_path(sample, WEIGHT_DECAYS)
    assert (found.gap <= 1e-8).all()
    for weight_decay, S, objective in zip(WEIGHT_DECAYS, found.parameters, found.objective, strict=True):
        price, residual = 8 * weight_decay, sample.labels - sample.sensing.predict(S)
        gradient = price * np.eye(8) - 2 * sample.sensing.adjoint(residual)
        assert np.linalg.eigvalsh(S)[0] > -1e-12
        assert np.linalg.eigvalsh(gradient)[0] > -2e-4 * np.sqrt(objective * largest_eigenvalue(sample.sensing))
        assert abs(np.sum(S * gradient)) < 1e-5 * objective
        assert objective == pytest.approx(residual @ residual + price * np.trace(S))


@pytest.mark.parametrize(("kind", "n_samples", "noise_std"), CASES)
def test_the_gap_bounds_the_minimum_from_any_matrix(kind, n_samples, noise_std):
    sample, rng = make_sample(8, n_samples, noise_std, sensing=kind), np.random.default_rng(5)
    for weight_decay, minimum in zip(WEIGHT_DECAYS, solve_path(sample, WEIGHT_DECAYS).objective, strict=True):
        for rank, size in ((0, 0.0), (1, 1.0), (8, 0.1), (8, 3.0)):
            point = Point.of(sample, size * rng.standard_normal((8, rank)))
            objective, gap = objective_and_gap(sample, point, weight_decay)
            assert objective * (1 - gap) <= minimum * (1 + 1e-12) <= objective * (1 + 1e-12)


@pytest.mark.parametrize("kind", SENSING)
def test_above_a_weight_decay_nothing_is_learned(kind):
    """S = 0 as long as no eigenvalue of 2 sum y_i Z_i exceeds weight_decay dim."""
    sample = make_sample(sensing=kind)
    edge = 2 * np.linalg.eigvalsh(sample.sensing.adjoint(sample.labels))[-1] / 8
    below, above = solve_path(sample, edge * np.array([0.99, 1.01])).parameters
    assert np.linalg.matrix_rank(below) == 1
    assert not above.any()


@pytest.mark.parametrize("kind", SENSING)
def test_turning_inputs_and_teacher_turns_the_solution(kind):
    """Both kinds of Z are rotation invariant, which is why a diagonal teacher stands for all of its spectrum."""
    sample = make_sample(sensing=kind)
    Q = np.linalg.qr(np.random.default_rng(4).standard_normal((8, 8)))[0]
    if kind == "outer":
        turned = OuterProducts(sample.sensing.inputs @ Q.T)
    else:
        Z, (rows, columns) = Q @ matrices(sample.sensing) @ Q.T, np.triu_indices(8)
        turned = GaussianMatrices(Z[:, rows, columns] * np.where(rows == columns, 1, np.sqrt(2)), 8)
    found = solve_path(sample, WEIGHT_DECAYS)
    other = solve_path(QuadraticSample(turned, sample.labels, Q @ sample.teacher @ Q.T), WEIGHT_DECAYS)
    np.testing.assert_allclose(other.objective, found.objective, rtol=1e-7)
    np.testing.assert_allclose(other.excess_risk, found.excess_risk, rtol=1e-4)
    np.testing.assert_allclose(other.parameters, Q @ found.parameters @ Q.T, atol=1e-3)


@pytest.mark.parametrize("factor", [1e-3, 50.0])
def test_labels_and_weight_decays_scale_together(factor):
    sample, scaled = make_sample(), make_sample(noise_std=factor * 0.5, scale=factor)
    found, other = solve_path(sample, WEIGHT_DECAYS), solve_path(scaled, factor * np.array(WEIGHT_DECAYS))
    np.testing.assert_allclose(other.parameters, factor * found.parameters, atol=1e-9 * factor)
    np.testing.assert_allclose(other.objective, factor**2 * found.objective, rtol=1e-9)


def test_a_path_is_its_single_solutions_in_the_order_and_shape_given():
    sample = make_sample()
    weight_decays = np.array([[1.0, 0.05], [3.0, 1.0]])
    path = solve_path(sample, weight_decays)
    assert path.parameters.shape == (2, 2, 8, 8)
    for name in ("excess_risk", "train_error", "objective", "gap", "iterations"):
        assert getattr(path, name).shape == (2, 2)
    for place in np.ndindex(2, 2):
        alone = solve_path(sample, weight_decays[place])
        assert alone.objective == pytest.approx(path.objective[place], rel=2e-8)
        np.testing.assert_allclose(alone.parameters, path.parameters[place], atol=1e-3)
    risk = 2 * ((path.parameters - sample.teacher) ** 2).sum(axis=(-1, -2)) / 8
    np.testing.assert_allclose(path.excess_risk, risk)
    error = [np.mean((sample.labels - sample.sensing.predict(S)) ** 2) for S in path.parameters.reshape(4, 8, 8)]
    np.testing.assert_allclose(path.train_error.ravel(), error)


def test_gaussian_matrices_meet_state_evolution():
    """Mean risk of 12 data sets at dim = 20; four standard errors, and 10 % for what is finite about 20 directions."""
    problem = QuadraticProblem(power_law_strengths(20, 1.0), 200, [1.0, 4.0], 0.7)
    samples = (draw(problem, np.random.default_rng(seed), "goe") for seed in range(12))
    risks = np.array([solve_path(sample, problem.weight_decay).excess_risk for sample in samples])
    expected = state_evolution(problem).excess_risk
    assert (np.abs(risks.mean(axis=0) - expected) < 4 * risks.std(axis=0) / np.sqrt(12) + 0.1 * expected).all()


def test_without_labels_nothing_is_learned():
    problem = QuadraticProblem(np.zeros(3), 5, 1.0, 0.0)
    found = solve_path(draw(problem, np.random.default_rng(0)), [1e-3, 1.0])
    assert not found.parameters.any()
    assert found.gap.tolist() == [0.0, 0.0] == found.excess_risk.tolist()


def test_running_out_of_iterations_hands_back_the_last_matrix():
    with pytest.raises(NotConverged, match=r"nuclear-norm regression at weight_decay = 0\.05 .* after 20 it") as caught:
        solve_path(make_sample(), [0.05], max_iterations=20)
    assert caught.value.last.shape == (8, 8)
    assert caught.value.residual > 1e-8
    np.linalg.cholesky(caught.value.last + 1e-9 * np.eye(8))


@pytest.mark.parametrize(
    ("problem", "sensing", "message"),
    [
        (QuadraticProblem([1.0], 4, 1.0, 0.0), "haar", r"sensing = 'haar' must be one of 'outer', 'goe'"),
        (QuadraticProblem([1.0], 4.5, 1.0, 0.0), "outer", r"n_samples = 4\.5 must be an integer >= 1"),
        (QuadraticProblem([1.0], [4, 5], 1.0, 0.0), "goe", r"n_samples has shape \(2,\) and must be a single number"),
        (QuadraticProblem([1.0], 4, 1.0, [0.0, 1.0]), "goe", r"noise_std has shape \(2,\) and must be a single number"),
        (
            QuadraticProblem([1.0], 4, 1.0, 0.0, multiplicities=[2]),
            "outer",
            r"multiplicities hold 2\.0 .* must all be 1",
        ),
    ],
)
def test_problems_that_describe_no_single_data_set_are_refused(problem, sensing, message):
    with pytest.raises(ValueError, match=message):
        draw(problem, np.random.default_rng(0), sensing)


@pytest.mark.parametrize(
    ("weight_decays", "options", "message"),
    [
        ([1.0, 0.0], {}, r"weight_decay\[1\] = 0\.0 must be > 0"),
        (np.nan, {}, r"weight_decay = nan must be finite"),
        (1.0, {"tolerance": 0.0}, r"tolerance = 0\.0 must be finite and > 0"),
        (1.0, {"max_iterations": 2.5}, r"max_iterations = 2\.5 must be an integer >= 1"),
    ],
)
def test_bad_weight_decays_and_options_are_refused(weight_decays, options, message):
    with pytest.raises(ValueError, match=message):
        solve_path(make_sample(), weight_decays, **options)
