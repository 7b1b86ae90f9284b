"""One entry for both networks: the same seed gives solver and network the same data, and both the same minimum."""

import numpy as np
import pytest

from scalinglaws.shallow import DiagonalProblem, QuadraticProblem, draw, power_law_strengths, solve, train

PROBLEMS = {
    "diagonal": DiagonalProblem(power_law_strengths(12, 1.0), 30, [0.1, 1.0], 0.5),
    "random teacher": DiagonalProblem(power_law_strengths(12, 1.0), 30, [0.1, 1.0], 0.5, teacher="gaussian"),
    "quadratic": QuadraticProblem(power_law_strengths(6, 1.0), 40, [0.3, 1.0], 0.5),
}
CASES = [(name, "outer") for name in PROBLEMS] + [("quadratic", "goe")]


@pytest.mark.parametrize(("name", "sensing"), CASES)
def test_network_and_convex_solution_of_one_seed_agree(name, sensing):
    """On different data objectives would differ by several per cent; 1e-5 is what a stopped L-BFGS may leave."""
    problem = PROBLEMS[name]
    exact = solve(problem, np.random.default_rng(3), sensing=sensing)
    network = train(problem, np.random.default_rng(3), sensing=sensing)
    np.testing.assert_array_equal(network.teacher, exact.teacher)
    np.testing.assert_allclose(network.objective, exact.objective, rtol=1e-5)
    assert exact.excess_risk.shape == network.excess_risk.shape == problem.shape
    other = solve(problem, np.random.default_rng(4), sensing=sensing)
    assert (abs(other.objective / exact.objective - 1) > 1e-3).all()


@pytest.mark.parametrize(("name", "sensing"), CASES)
def test_a_given_data_set_is_used_as_it_is(name, sensing):
    problem = PROBLEMS[name]
    sample = draw(problem, np.random.default_rng(5), sensing=sensing)
    drawn = solve(problem, np.random.default_rng(5), sensing=sensing)
    given = solve(problem, np.random.default_rng(99), sample=sample)
    np.testing.assert_array_equal(given.parameters, drawn.parameters)


@pytest.mark.parametrize("balanced", [False, True])
def test_options_reach_the_network(balanced):
    """A balanced start locks the signs of the coefficients, and with them the network above the minimum."""
    problem = PROBLEMS["diagonal"]
    exact = solve(problem, np.random.default_rng(3))
    network = train(problem, np.random.default_rng(3), balanced=balanced)
    assert (network.objective[0] > 1.01 * exact.objective[0]) == balanced


@pytest.mark.parametrize("entry", [draw, solve, train])
def test_another_kind_of_problem_is_refused(entry):
    with pytest.raises(ValueError, match="problem = 'lasso' must be a DiagonalProblem or a QuadraticProblem"):
        entry("lasso", np.random.default_rng(0))


@pytest.mark.parametrize("entry", [draw, solve, train])
def test_simulation_wants_whole_numbers_of_samples(entry):
    problem = DiagonalProblem(np.ones(3), 2.5, 1.0, 0.1)
    with pytest.raises(ValueError, match=r"n_samples = 2\.5 must be an integer >= 1"):
        entry(problem, np.random.default_rng(0))


def test_an_unknown_sensing_is_refused():
    with pytest.raises(ValueError, match="sensing = 'gaussian' must be one of 'outer', 'goe'"):
        draw(PROBLEMS["quadratic"], np.random.default_rng(0), sensing="gaussian")
