"""Gradient flow of diagonal networks from any start: how large it is, and how balanced.

The network theta = a w follows a' = w g - weight_decay a, w' = a g - weight_decay w with g = X^T (y - X theta), the
flow of |y - X theta|^2 / 2 + weight_decay (|a|^2 + |w|^2) / 2. In u = (a + w) / 2 and v = (a - w) / 2,

    theta = u^2 - v^2,   u' = u (g - weight_decay),   v' = -v (g + weight_decay).

So (u v)' = -2 weight_decay u v: the imbalance a_i^2 - w_i^2 = 4 u_i v_i is conserved without weight decay and falls as
e^(-2 weight_decay t) with it, whatever the data. A start with |a_i| = |w_i| has u_i = 0 or v_i = 0 for ever, and the
sign of theta_i never changes. With p_i = |theta_i| = a_i^2, then, p' = -2 p dF/dp is an entropic mirror flow of the
convex F(p) = |y - X s p|^2 / 2 + weight_decay sum p over p >= 0: it ends in the LASSO of the orthant of its initial
signs s (`orthant_lasso`). From any other start that point, unless it is the LASSO's, is a saddle: a coefficient of the
wrong sign has |g_i| > weight_decay there, and its smaller part grows [derived here].
"""

import numpy as np
from scipy.integrate import LSODA, solve_ivp
from scipy.optimize import nnls

from scalinglaws import checks
from scalinglaws.shallow.implicit_bias import checked_rows, checked_system
from scalinglaws.solvers import Convergence, NotConverged

# Of each integration step. Errors are relative to every variable by itself: parts as small as 1e-100 decide on a sign.
RELATIVE, ABSOLUTE = 1e-9, 1e-300


class _Flow:
    """Right-hand side and Jacobian of the flow of (u, v), stacked, in terms of the Gram matrix: half of the time."""

    def __init__(self, inputs, labels, weight_decay):
        self.gram, self.overlap, self.weight_decay = inputs.T @ inputs, inputs.T @ labels, weight_decay

    def _slope(self, u, v):
        """g = X^T (y - X theta)."""
        return self.overlap - self.gram @ (u * u - v * v)

    def velocity(self, time, state):
        """(u', v')."""
        u, v = state.reshape(2, -1)
        g = self._slope(u, v)
        return np.concatenate([u * (g - self.weight_decay), -v * (g + self.weight_decay)])

    def jacobian(self, time, state):
        """Derivatives of the velocity: those of g are -2 X^T X u and 2 X^T X v."""
        u, v = state.reshape(2, -1)
        g, signed = self._slope(u, v), np.concatenate([u, -v])
        rates = np.concatenate([g, -g]) - self.weight_decay
        return np.diag(rates) - 2 * np.tile(self.gram, (2, 2)) * np.outer(signed, signed)


def gradient_flow(inputs, labels, scale, *, tolerance=1e-8):
    """End of the flow of theta = u^2 - v^2 without weight decay from u(0) = v(0) = scale (a = 2 scale and w = 0).

    inputs : (n_samples, dim), independent rows; labels : (n_samples,); scale > 0; 0 < tolerance < 1, for
    |y - X theta| / |y|.

    Returns a `Convergence`: theta (dim,), that residual, and the number of steps. Since u v = scale^2,
    theta' = 2 (theta^2 + 4 scale^4)^1/2 g, and the residual falls at least as e^(-4 scale^2 sigma^2 t), sigma the
    smallest singular value of the inputs: a finite time is enough. NotConverged if it is not, because rounding or
    the integrator stands in the way: u^2 and v^2 are right to 1e-9, so that theta, their difference, is right to about
    1e-9 (scale^2 + |theta|). Bad input: ValueError.
    """
    inputs, labels = checked_system(inputs, labels)
    scale, tolerance = checks.positive("scale", scale), checks.between("tolerance", tolerance, 0, 1)
    flow, unit = _Flow(inputs, labels, 0.0), np.linalg.norm(labels) or 1.0
    longest = -np.log(tolerance) / (2 * scale * np.linalg.svd(inputs, compute_uv=False)[-1]) ** 2
    start, steps = np.full(2 * inputs.shape[1], scale), 0
    solver = LSODA(flow.velocity, 0.0, start, 2 * longest, rtol=RELATIVE, atol=ABSOLUTE, jac=flow.jacobian)
    while (residual := np.linalg.norm(labels - inputs @ theta_of(solver.y.reshape(2, -1))) / unit) > tolerance:
        if solver.status != "running":
            raise NotConverged("gradient_flow", theta_of(solver.y.reshape(2, -1)), residual, steps, "raise tolerance")
        solver.step()
        steps += 1
    return Convergence(theta_of(solver.y.reshape(2, -1)), residual, steps)


def decaying_flow(inputs, labels, weight_decay, start, times):
    """(u, v) of the flow with weight decay, shape (n_times, 2, dim).

    inputs : (n_samples, dim); labels : (n_samples,); weight_decay >= 0; start : (2, dim), u and v at time 0 (see
    `start_of_imbalance`); times : (n_times,), >= 0, increasing. NotConverged, with the last state, if the integrator
    stops; bad input: ValueError.
    """
    inputs, labels = checked_rows(inputs, labels)
    start, times = checks.array("start", start, ndim=2), checks.increasing("times", times)
    if start.shape != (2, inputs.shape[1]):
        raise ValueError(f"start has shape {start.shape} and must have shape (2, {inputs.shape[1]})")
    if times[0] < 0:
        raise ValueError(f"times[0] = {times[0]} must be >= 0")
    flow = _Flow(inputs, labels, checks.at_least("weight_decay", weight_decay, 0))
    options = {"method": "LSODA", "jac": flow.jacobian, "rtol": RELATIVE, "atol": ABSOLUTE}
    solution = solve_ivp(flow.velocity, (0.0, times[-1]), start.ravel(), t_eval=times, **options)
    if not solution.success:
        raise NotConverged("decaying_flow", solution.y[:, -1:], np.inf, solution.nfev, solution.message)
    return solution.y.T.reshape(times.size, 2, -1)


def theta_of(state):
    """theta = u^2 - v^2 = a w of states (..., 2, dim)."""
    return state[..., 0, :] ** 2 - state[..., 1, :] ** 2


def imbalance_of(state):
    """a^2 - w^2 = 4 u v of states (..., 2, dim)."""
    return 4 * state[..., 0, :] * state[..., 1, :]


def start_of_imbalance(rng, dim, imbalance):
    """(u, v), shape (2, dim), with |a_i^2 - w_i^2| / (a_i^2 + w_i^2) = imbalance and random signs of theta_i.

    The larger of |u_i| and |v_i| is |N(0, 1)|; 0 <= imbalance < 1, and 0 is the exactly balanced start, |a_i| = |w_i|.
    The same generator draws the same larger parts and signs at every imbalance. Bad input: ValueError.
    """
    dim, imbalance = checks.integer("dim", dim, minimum=1), checks.at_least("imbalance", imbalance, 0)
    if imbalance >= 1:
        raise ValueError(f"imbalance = {imbalance} must be < 1")
    larger, positive = np.abs(rng.standard_normal(dim)), rng.random(dim) < 0.5
    # (a^2 - w^2) / (a^2 + w^2) = 2 r / (1 + r^2), r the ratio of the smaller to the larger part.
    smaller = larger * imbalance / (1 + np.sqrt(1 - imbalance**2))
    return np.where(positive, [larger, smaller], [smaller, larger])


def orthant_lasso(inputs, labels, weight_decay, signs):
    """Minimiser (dim,) of |y - X theta|^2 / 2 + weight_decay |theta|_1 over theta with signs_i theta_i >= 0.

    inputs : (n_samples, dim), of rank dim, so that it is unique; labels : (n_samples,); weight_decay > 0; signs :
    (dim,), each 1 or -1. With p = signs theta it is non-negative least squares,
    |L^T p - L^-1 (A^T y - weight_decay)|^2, A = X diag(signs), L L^T = A^T A. Bad input: ValueError; NotConverged if
    that fails.
    """
    inputs, labels = checked_rows(inputs, labels)
    signs = checks.as_many("signs", checks.array("signs", signs, ndim=1), "the columns of inputs", inputs[0])
    if (np.abs(signs) != 1).any():
        raise ValueError(f"signs = {signs} must be 1 or -1")
    if np.linalg.matrix_rank(inputs) < inputs.shape[1]:
        raise ValueError(f"inputs of shape {inputs.shape} must have independent columns")
    signed = inputs * signs
    factor = np.linalg.cholesky(signed.T @ signed)
    right = np.linalg.solve(factor, signed.T @ labels - checks.positive("weight_decay", weight_decay))
    try:
        return signs * nnls(factor.T, right)[0]
    except RuntimeError as error:
        raise NotConverged("orthant_lasso", signs, np.inf, 3 * signs.size, str(error)) from error
