"""Simulation with the record that theory takes: one data set, and on it the convex solution or the trained network."""

from scalinglaws.shallow import diagonal_network, lasso, quadratic, quadratic_network
from scalinglaws.shallow.problem import DiagonalProblem, QuadraticProblem


def draw(problem, rng, *, sensing="outer"):
    """A data set of the problem: teacher (if that is random), inputs or sensing matrices, and labels.

    sensing is for the quadratic network: "outer", Z = (x x^T - 1) / sqrt(dim); or "goe", independent Gaussian matrices
    Z of the same covariance, the case that state evolution is exact for. n_samples, an integer, and noise_std are
    single numbers, and multiplicities 1. Bad input: ValueError.
    """
    if _is_diagonal(problem):
        return lasso.draw(problem, rng)
    return quadratic.draw(problem, rng, sensing)


def solve(problem, rng, *, sensing="outer", sample=None):
    """`Estimate`: the exact convex solution on a data set, for every weight decay of the problem.

    The data set is `sample`, or drawn first from `rng` (numpy Generator): the same seed gives `solve` and `train` the
    same one. Bad input: ValueError. NotConverged, with the last iterate, where the duality gap stays too large.
    """
    sample = draw(problem, rng, sensing=sensing) if sample is None else sample
    solver = lasso if _is_diagonal(problem) else quadratic
    return solver.solve_path(sample, problem.weight_decay)


def train(problem, rng, *, sensing="outer", sample=None, **options):
    """`Estimate` of the network trained by L-BFGS from a random start, for every weight decay of the problem.

    As `solve`; options are those of `diagonal_network.train` (scale, balanced) and `quadratic_network.train` (scale,
    width).
    """
    sample = draw(problem, rng, sensing=sensing) if sample is None else sample
    network = diagonal_network if _is_diagonal(problem) else quadratic_network
    return network.train(sample, problem.weight_decay, rng, **options)


def _is_diagonal(problem):
    if not isinstance(problem, DiagonalProblem | QuadraticProblem):
        raise ValueError(f"problem = {problem!r} must be a DiagonalProblem or a QuadraticProblem")
    return isinstance(problem, DiagonalProblem)
