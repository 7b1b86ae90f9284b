"""Root finding inside a proven bracket, and what a solver hands back when it stops.

Convergence is part of the value. A solver returns a `Convergence` record or raises `NotConverged`
with its last iterate; it never returns an iterate that has not met its tolerance.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import elementwise

from scalinglaws import checks

# The width below which SciPy's own default stops at a root at 0, where no relative tolerance can.
SMALLEST_WIDTH = 4 * float(np.finfo(np.float64).smallest_normal)
# Two neighbouring doubles are up to eps apart, so a tolerance below this can never be met.
SMALLEST_RELATIVE_WIDTH = 4 * float(np.finfo(np.float64).eps)
# 2046 halvings lead from the largest to the smallest normal double; the rest resolve its digits.
MOST_HALVINGS = 2100


class NotConverged(RuntimeError):
    """A solver stopped before its tolerance was met.

    `what` says what did not converge and `advice` what to try; `last` is the last iterate, `residual`
    what was to vanish there (scalar or array; the message quotes the largest), `iterations` the number made.
    """

    def __init__(self, what, last, residual, iterations, advice="raise max_iterations"):
        # All arguments go to the base class: it is what pickle hands back between processes.
        super().__init__(what, last, residual, iterations, advice)
        self.what, self.last, self.residual, self.iterations, self.advice = self.args

    def __str__(self):
        worst, most = np.max(np.abs(self.residual)), np.max(self.iterations)
        return f"{self.what} did not converge: residual {worst:.3g} after {most} iterations; {self.advice}"


@dataclass(frozen=True, eq=False)
class Convergence:
    """A converged `value`, the `residual` that was to vanish there, and the number of `iterations`."""

    value: np.ndarray | float
    residual: np.ndarray | float
    iterations: np.ndarray | int


def bracketed_root(
    function,
    lower,
    upper,
    *,
    args=(),
    absolute_tolerance=SMALLEST_WIDTH,
    relative_tolerance=SMALLEST_RELATIVE_WIDTH,
    max_iterations=MOST_HALVINGS,
):
    """Root of `function(x, *args)` between `lower` and `upper`, one for every bracket.

    A continuous function of opposite sign at both ends has a root between them, and Chandrupatla's
    method (Adv. Eng. Softw. 28, 145, 1997; `scipy.optimize.elementwise.find_root`) always keeps it
    bracketed. An end at which the function is exactly 0 is a root. A jump through 0 (a pole) passes for a
    root: the residual tells.

    Parameters
    ----------
    function : elementwise: entry i of its value depends on entry i of x and of every array in `args` only.
        Brackets drop out as they converge, so arrays that go with the brackets must travel in `args`;
        a closure over them would see x shrink.
    lower, upper : finite, lower < upper, any shapes that broadcast with each other and with `args`.
    args : tuple of arrays that broadcast with the brackets.
    absolute_tolerance, relative_tolerance : >= 0; stop once the bracket is narrower than
        absolute_tolerance + relative_tolerance * |root|.
    max_iterations : integer >= 1.

    Returns a `Convergence` of the broadcast shape (scalars for scalars): value, signed function value,
    iterations.

    Raises
    ------
    ValueError : a bracket is empty or without sign change (the first such bracket is named, with its
        function values), the function is not finite at a point it was asked for, or other bad input.
    NotConverged : max_iterations reached.
    """
    lower, upper = _checked_brackets(lower, upper)
    result = elementwise.find_root(
        _finite(function),
        (lower, upper),
        args=args,
        # fatol = 0: SciPy's default takes values below 2e-308 for 0; the scale of a function is not its root.
        tolerances={
            "xatol": checks.at_least("absolute_tolerance", absolute_tolerance, 0),
            "xrtol": checks.at_least("relative_tolerance", relative_tolerance, 0),
            "fatol": 0.0,
        },
        maxiter=checks.integer("max_iterations", max_iterations, minimum=1),
    )
    _require_sign_change(result)
    _require_success(result)
    return Convergence(result.x, result.f_x, result.nit)


def _checked_brackets(lower, upper):
    lower, upper = np.broadcast_arrays(checks.array("lower", lower), checks.array("upper", upper))
    if not (lower < upper).all():
        where = _first(lower >= upper)
        raise ValueError(f"bracket {list(where)} = ({lower[where]}, {upper[where]}) must have lower < upper")
    return lower, upper


def _finite(function):
    """`function` that refuses NaN and inf: find_root would bisect towards the edge of a region of NaN."""

    def checked(x, *args):
        values = np.asarray(function(x, *args), dtype=np.float64)
        if not np.isfinite(values).all():
            where = _first(~np.isfinite(values))
            at = np.broadcast_to(x, values.shape)[where]
            raise ValueError(f"function({at}) = {values[where]} must be finite everywhere in the bracket")
        return values

    return checked


def _require_sign_change(result):
    unbracketed = np.asarray(result.status) == -1
    if unbracketed.any():
        where = _first(unbracketed)
        lower, upper, at_lower, at_upper = (
            float(np.asarray(end)[where]) for end in (*result.bracket, *result.f_bracket)
        )
        raise ValueError(
            f"bracket {list(where)} = ({lower}, {upper}) must enclose a sign change; "
            f"the function is {at_lower} and {at_upper} at its ends"
        )


def _require_success(result):
    success = np.asarray(result.success)
    if not success.all():
        what = f"bracketed_root ({np.sum(~success)} of {success.size} brackets)"
        advice = "raise max_iterations or a tolerance, or narrow the bracket"
        raise NotConverged(what, result.x, result.f_x, result.nit, advice)


def _first(mask):
    return tuple(int(i) for i in np.argwhere(mask)[0])
