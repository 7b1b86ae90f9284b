"""The quadratic network itself: W of shape (dim, width) trained with weight decay by L-BFGS from a random start.

f(x) = Tr S Z with S = W W^T / sqrt(width dim), objective |y - f|^2 + weight_decay sqrt(dim / width) |W|_F^2, which is
|y - Tr S Z|^2 + weight_decay dim Tr S. With width >= dim every S >= 0 is reached and no minimum is merely local
(Du and Lee, ICML 2018), so the network must end where `quadratic.solve_path` does.
"""

import numpy as np
from scipy.optimize import minimize

from scalinglaws import checks
from scalinglaws.shallow.quadratic import Point, collect
from scalinglaws.solvers import NotConverged

MAX_ITERATIONS = 20_000
# Pairs of steps and gradients that L-BFGS remembers.
MEMORY = 20
# Training ends where a step lowers the objective by less than this part of |y|^2, the objective at W = 0 ...
SMALLEST_GAIN = 1e-16
# ... which must be where |gradient| |W|, the change of the objective to first order, is below this part of it; its
# distance from the minimum is of second order.
STATIONARY = 1e-3


def train(sample, weight_decays, rng, *, scale=1.0, width=None):
    """`Estimate` of the network for every weight decay (> 0, any shape), all from one start scale * N(0, 1).

    sample : `quadratic.QuadraticSample`; rng draws the start.
    scale > 0; width is an integer >= 1, dim by default; below dim the problem is no longer convex in S.

    parameters are S, and gap is the duality gap of S, which bounds the error where width >= dim. NotConverged, with
    the last W, where L-BFGS ends at a point that is not stationary.
    """
    dim = len(sample.teacher)
    weight_decays = checks.positive_array("weight_decay", weight_decays)
    width = checks.integer("width", dim if width is None else width, minimum=1)
    start = checks.positive("scale", scale) * rng.standard_normal((dim, width))
    return collect(sample, weight_decays, [_trained(sample, wd, start) for wd in weight_decays.flat])


def objective_and_gradient(sample, weight_decay, W):
    """The objective at W (dim, width) and its gradient, of the same shape."""
    dim, width = W.shape
    point = _point(sample, W)
    price = weight_decay * np.sqrt(dim / width)
    gradient = 2 * price * W - 4 / np.sqrt(width * dim) * (point.correlation @ W)
    return point.residual @ point.residual + price * (W * W).sum(), gradient


def _point(sample, W):
    return Point.of(sample, W / W.size**0.25)


def _trained(sample, weight_decay, start):
    """(Point, iterations) where L-BFGS no longer gets lower."""
    unit = sample.labels @ sample.labels or 1.0

    def function(flat):
        objective, gradient = objective_and_gradient(sample, weight_decay, flat.reshape(start.shape))
        return objective / unit, gradient.ravel() / unit

    options = {"maxiter": MAX_ITERATIONS, "maxfun": 2 * MAX_ITERATIONS, "maxcor": MEMORY}
    options |= {"ftol": SMALLEST_GAIN, "gtol": 0.0}
    found = minimize(function, start.ravel(), jac=True, method="L-BFGS-B", options=options)
    W, left = found.x.reshape(start.shape), np.linalg.norm(found.jac) * np.linalg.norm(found.x)
    if left > STATIONARY * found.fun:
        what = f"training of the quadratic network at weight_decay = {weight_decay:g}"
        raise NotConverged(what, W, left / found.fun, found.nit, "raise weight_decay")
    return _point(sample, W), found.nit
