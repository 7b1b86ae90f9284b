"""Diagonal networks f(x) = (a * w) . x / sqrt(dim) with weight decay, trained by L-BFGS.

Over a and w minimise |y - A (a * w)|^2 / 2 + weight_decay / 2 (|a|^2 + |w|^2), A = X / sqrt(dim) and * the product of
entries. Since (a_i^2 + w_i^2) / 2 >= |a_i w_i|, with equality for |a_i| = |w_i|, the minimum is that of the LASSO over
theta = a * w (arXiv:2509.24882), and almost every start leads there.

The exception are starts with |a_i| = |w_i|. The gradients of a_i and w_i are then equal up to the sign, so that the
balance is kept and theta_i = +-a_i^2 cannot change its sign: a network that starts there ends in the best theta with
the signs of its start.
"""

import numpy as np
from scipy.optimize import minimize

from scalinglaws import checks
from scalinglaws.shallow.lasso import collect
from scalinglaws.solvers import NotConverged

MAX_ITERATIONS = 50_000
# Largest component of the gradient, relative to weight_decay, at which training stops of itself: coefficients are then
# right to about 1e-6.
SMALL_GRADIENT = 1e-7
# Where weight_decay is small rounding ends the line search before that. The objective sums dim terms and is wrong by
# several eps, so that up to this many times the gradient that one eps hides may be left (`_hidden_gradient`).
MARGIN = 10.0


def train(sample, weight_decays, rng, *, scale=1.0, balanced=False):
    """`Estimate` of the network trained on a `DiagonalSample`, for every weight decay (> 0, any shape).

    All start from the same a_i and w_i ~ scale N(0, 1), scale > 0; balanced: from |w_i| = |a_i|, with a random sign. An
    iteration costs up to 4 dim^2 operations. The gap is the duality gap of theta = a * w among LASSO solutions: large
    at a stationary point that is not the minimum, and at the minimum of first order in what is left of the gradient,
    while the objective exceeds its minimum to second order only.
    NotConverged, with the last theta, after 50 000 iterations at one weight decay, or where the line search fails
    before rounding hides the gradient.
    """
    weight_decays = checks.positive_array("weight_decay", weight_decays)
    start = checks.positive("scale", scale) * _start(rng, sample.teacher.size, balanced)
    training = _Training(sample)
    results = [training.minimum(start, weight_decay) for weight_decay in weight_decays.flat]
    parameters = np.array([theta for theta, _ in results]).reshape(*weight_decays.shape, -1)
    iterations = np.array([iterations for _, iterations in results]).reshape(weight_decays.shape)
    return collect(sample, weight_decays, parameters, iterations)


def _start(rng, dim, balanced):
    """a and w, one after the other."""
    a, w = rng.standard_normal((2, dim))
    return np.concatenate([a, np.copysign(a, w) if balanced else w])


class _Training:
    """The objective on one data set, less the training error |y - A theta_0|^2 / 2 of least squares, which is constant.

    What is left of the error is |root (theta - theta_0)|^2 / 2 with root^T root = A^T A. Written like this, and not as
    the difference of |y|^2 and what is explained of it, small objectives keep their digits, also where A^T A is nearly
    singular, and training gets closer to the minimum.
    """

    def __init__(self, sample):
        self.root = np.linalg.qr(sample.design, mode="r")
        self.fitted = np.linalg.lstsq(sample.design, sample.labels)[0]
        self.curvature = np.linalg.norm(self.root, 2) ** 2

    def _objective(self, x, weight_decay):
        """(value, gradient) at x, which holds a and w."""
        a, w = np.split(x, 2)
        error = self.root @ (a * w - self.fitted)
        slope = error @ self.root
        value = (error @ error + weight_decay * (x @ x)) / 2
        return value, np.concatenate([w * slope, a * slope]) + weight_decay * x

    def minimum(self, start, weight_decay):
        """(theta, iterations) where training from `start` ends."""
        x, iterations, reached = start, 0, np.inf
        while x is not None:
            found = self._descend(x, weight_decay, MAX_ITERATIONS - iterations)
            iterations += found.nit
            settled = self._settled(found, weight_decay)
            # A line search that fails may do better without memory of earlier steps.
            if not settled and (iterations >= MAX_ITERATIONS or found.fun >= reached):
                what = f"the diagonal network at weight_decay = {weight_decay:g}"
                raise NotConverged(what, _theta(found.x), found.jac, iterations, "raise weight_decay or scale")
            x, reached = self._past_saddle(found, weight_decay) if settled else found.x, found.fun
        return _theta(found.x), iterations

    def _descend(self, start, weight_decay, max_iterations):
        """SciPy's record of L-BFGS from `start`."""
        small = SMALL_GRADIENT * weight_decay
        options = {"ftol": 0.0, "gtol": small, "maxiter": max_iterations, "maxfun": 2 * MAX_ITERATIONS}
        return minimize(self._objective, start, args=(weight_decay,), jac=True, method="L-BFGS-B", options=options)

    def _settled(self, found, weight_decay):
        """Whether the gradient vanishes, or is hidden by rounding."""
        hidden = MARGIN * self._hidden_gradient(found, weight_decay)
        return np.abs(found.jac).max() <= max(SMALL_GRADIENT * weight_decay, hidden)

    def _hidden_gradient(self, found, weight_decay):
        """Gradient g whose best step lowers the objective by less than is seen: g^2 / (2 curvature) = eps objective.

        The curvature is that of the error, and of weight_decay and the slopes in theta, which it bounds at the end.
        """
        curvature = self.curvature * np.max(found.x**2) + 2 * weight_decay
        return np.sqrt(2 * np.finfo(float).eps * found.fun * curvature)

    def _past_saddle(self, found, weight_decay):
        """Where to go on from a saddle, or None at a minimum.

        At a_i = w_i = 0 the gradient vanishes, but if the slope |e_i| in theta_i exceeds weight_decay, a_i and w_i grow
        from any part u = (a_i - sign(e_i) w_i) / 2 that they have in the direction of descent (a balanced start of the
        wrong sign has none). What gradient flow takes long for is done at once, for the coefficient that gains most:
        theta_i, if still smaller, is set to its best value (|e_i| - weight_decay) / (A^T A)_ii, all others held.
        """
        a, w = np.split(found.x, 2)
        slope, squares = (self.root @ (a * w - self.fitted)) @ self.root, (self.root**2).sum(axis=0)
        unstable = (a - np.sign(slope) * w) / 2
        best = np.maximum(np.abs(slope) - weight_decay, 0) / squares
        gain = np.where((unstable != 0) & (np.abs(a * w) < best), best**2 * squares / 2, 0)
        i = gain.argmax()
        if gain[i] <= MARGIN * np.finfo(float).eps * found.fun:
            return None
        a[i] = np.copysign(np.sqrt(best[i]), unstable[i])
        w[i] = -np.sign(slope[i]) * a[i]
        return np.concatenate([a, w])


def _theta(x):
    return np.prod(np.split(x, 2), axis=0)
