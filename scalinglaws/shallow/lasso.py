"""LASSO by homotopy: the exact minimisers for any number of weight decays in one pass.

Over theta minimise |y - A theta|^2 / 2 + weight_decay |theta|_1, A = X / sqrt(dim): what a diagonal network with
weight decay solves (arXiv:2509.24882), and scikit-learn's Lasso(alpha=weight_decay / n_samples) on A.

Stationarity says that the correlation e = A^T (y - A theta) is weight_decay times a sign on the coefficients in use,
the active ones, and no larger elsewhere. For a given active set theta is therefore linear in weight_decay, and the path
is followed from the weight decay above which theta = 0 down, from one change of the active set to the next (Osborne,
Presnell and Turlach, IMA J. Numer. Anal. 20, 389, 2000; Efron et al., Ann. Stat. 32, 407, 2004).

The path is followed here, and not by `sklearn.linear_model.lars_path_gram`, which the tests take as a twin: with the
equations kept solved for the active set (`_exchange`) it takes half to a quarter of its time at dim = 400, no job pays
a second for the import, and the end of the path is exact whatever the scale of the labels (there it is up to 1e-7).
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import blas

from scalinglaws import checks
from scalinglaws.shallow.estimates import Estimate
from scalinglaws.shallow.sample_sizes import sample_sizes
from scalinglaws.solvers import NotConverged

# Relative duality gap. Correlations are known to eps |A| |y| only, and the gap to that over weight_decay, times a few
# for sums of many terms: less than 1e-10 for weight decays down to 1 / dim.
TOLERANCE, ROUNDING = 1e-10, 10 * np.finfo(float).eps
# A column whose part outside the span of the active ones is shorter than this, squared and relative, is in it.
INDEPENDENT = 1e-11
# A path takes 1 to 3 steps for each coefficient; a limit only keeps rounding from going in circles.
STEPS_PER_COEFFICIENT = 100


@dataclass(frozen=True, eq=False)
class DiagonalSample:
    """A data set: inputs X (n_samples, dim), labels (n_samples,) and the teacher theta* (dim,) that made them."""

    inputs: np.ndarray
    labels: np.ndarray
    teacher: np.ndarray

    @property
    def design(self):
        """A = X / sqrt(dim), so that predictions are A theta."""
        return self.inputs / np.sqrt(self.inputs.shape[1])


def draw(problem, rng):
    """`DiagonalSample` of a `DiagonalProblem`: from rng first the teacher, if it is Gaussian, then inputs and noise.

    ValueError unless n_samples, an integer, and noise_std are single numbers and all multiplicities 1.
    """
    n_samples, noise_std = sample_sizes(problem)
    dim = problem.target.size
    gaussian = problem.teacher == "gaussian"
    teacher = problem.target * rng.standard_normal(dim) if gaussian else problem.target
    inputs = rng.standard_normal((n_samples, dim))
    labels = inputs @ teacher / np.sqrt(dim) + noise_std * rng.standard_normal(n_samples)
    return DiagonalSample(inputs, labels, teacher)


def solve_path(sample, weight_decays):
    """`Estimate` of every weight decay (> 0, any shape); iterations are the steps of the path down to it.

    A step costs 4 dim^2 operations. NotConverged, with the last theta, where the duality gap exceeds 1e-10 of the
    objective and what rounding explains of it.
    """
    weight_decays = checks.positive_array("weight_decay", weight_decays)
    design = sample.design
    gram, overlap = design.T @ design, design.T @ sample.labels
    found = dict(_path(gram, overlap, sorted(set(weight_decays.flat), reverse=True)))
    path = [(weight_decay, *found[weight_decay]) for weight_decay in weight_decays.flat]
    parameters = np.array([_coefficients(design, gram, sample.labels, *place[:2]) for place in path])
    steps = np.array([steps for _, _, steps in path]).reshape(weight_decays.shape)
    estimate = collect(sample, weight_decays, parameters.reshape(*weight_decays.shape, -1), steps)
    hidden = ROUNDING * np.linalg.norm(design, 2) * np.linalg.norm(sample.labels) / weight_decays
    if not (estimate.gap <= TOLERANCE + hidden).all():
        raise NotConverged("the LASSO path", estimate.parameters, estimate.gap, steps, "raise weight_decay")
    return estimate


def collect(sample, weight_decays, parameters, iterations):
    """`Estimate` of coefficients (..., dim) for weight decays (...), whatever they were found by."""
    residuals = sample.labels - parameters @ sample.design.T
    objective, gap = objective_and_gap(sample, parameters, residuals, weight_decays)
    return Estimate(
        parameters=parameters,
        excess_risk=((parameters - sample.teacher) ** 2).mean(axis=-1),
        train_error=(residuals**2).mean(axis=-1),
        objective=objective,
        gap=gap,
        iterations=iterations,
        teacher=sample.teacher,
    )


def objective_and_gap(sample, parameters, residuals, weight_decays):
    """(objective, duality gap over objective) of coefficients (..., dim); a gap of 0 where the objective is 0.

    The dual maximises v . y - |v|^2 / 2 over vectors v with |A^T v| <= weight_decay in every coordinate: the best
    feasible multiple of the residual bounds the minimum from below, and at the minimum it is the residual.
    """
    square, overlap = (residuals**2).sum(axis=-1), residuals @ sample.labels
    objective = square / 2 + weight_decays * np.abs(parameters).sum(axis=-1)
    largest = np.abs(residuals @ sample.design).max(axis=-1)
    best = np.divide(overlap, square, out=np.zeros_like(square), where=square > 0)
    most = np.divide(weight_decays, largest, out=np.full_like(square, np.inf), where=largest > 0)
    scale = np.minimum(np.maximum(best, 0.0), most)
    lower = scale * overlap - scale**2 * square / 2
    return objective, np.divide(objective - lower, objective, out=np.zeros_like(objective), where=objective > 0)


def _path(gram, overlap, descending):
    """Yield (weight_decay, (signs, steps)) for each of the descending weight decays; signs are 0 off the active set.

    (e on the active set, theta elsewhere) are the known and (theta on the active set, e elsewhere) the unknown numbers
    of e = overlap - gram theta. `table` holds the unknown ones as a linear function of the known, with the constants
    in its last column.
    """
    dim = overlap.size
    table = np.asfortranarray(np.column_stack([-gram, overlap]))
    signs, step = np.zeros(dim), 0
    for weight_decay in descending:
        while True:
            changes = _changes(table, signs, np.diagonal(gram))
            # The highest weight decay at which something changes; theta = 0 is right above all.
            k = int(changes.argmax())
            if changes[k] <= weight_decay:
                break
            step += 1
            if step > STEPS_PER_COEFFICIENT * dim:
                theta = np.where(signs != 0, table @ np.append(changes[k] * signs, 1.0), 0.0)
                raise NotConverged("the LASSO path", theta, changes[k], step, "raise weight_decay")
            signs[k] = 0.0 if signs[k] else np.sign(table[k] @ np.append(changes[k] * signs, 1.0))
            _exchange(table, k)
        yield weight_decay, (signs.copy(), step)


def _changes(table, signs, squares):
    """Weight decay at which each coordinate, followed downwards from here, leaves or joins the active set; 0 if none.

    The unknown z = constants + weight_decay * slopes. An active coefficient leaves where it is 0, if it moves towards
    0 as the weight decay falls. A coordinate joins where |e| = weight_decay, if the distance between them shrinks: one
    that has just left or joined moves away from its boundary and so does not return at once.
    """
    constants, slopes = table[:, -1], table[:, :-1] @ signs
    with np.errstate(divide="ignore", invalid="ignore"):
        leaves = np.where(signs * slopes > 0, -constants / slopes, 0.0)
        above = np.where(slopes < 1, constants / (1 - slopes), 0.0)
        below = np.where(slopes > -1, -constants / (1 + slopes), 0.0)
    independent = -np.diagonal(table) > INDEPENDENT * squares
    return np.where(signs != 0, leaves, np.where(independent, np.maximum(above, below), 0.0))


def _exchange(table, k):
    """Exchange known and unknown number k in place: one step of Gauss-Jordan elimination, its own inverse."""
    row, column, pivot = table[k].copy(), table[:, k].copy(), table[k, k]
    blas.dger(-1 / pivot, column, row, a=table, overwrite_a=True)
    table[k] = -row / pivot
    table[:, k] = column / pivot
    table[k, k] = 1 / pivot


def _coefficients(design, gram, labels, weight_decay, signs):
    """theta from the equations of its active set, solved afresh and once more for what rounding left of them."""
    active, theta = np.flatnonzero(signs), np.zeros_like(signs)
    for _ in range(2):
        excess = design[:, active].T @ (labels - design[:, active] @ theta[active]) - weight_decay * signs[active]
        theta[active] += np.linalg.solve(gram[np.ix_(active, active)], excess)
    return theta
