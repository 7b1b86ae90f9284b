"""Which interpolator a diagonal network finds without weight decay: from minimum l1 to minimum l2 norm.

Of all theta with X theta = y, gradient flow of theta = u^2 - v^2 from u(0) = v(0) = scale finds the minimiser of the
hypentropy potential (Woodworth et al. 2020, arXiv:2002.09277, theorem 1)

    Q(theta) = scale^2 sum_i q(theta_i / scale^2),   q(z) = 2 - (4 + z^2)^1/2 + z asinh(z / 2).

The flow u' = u X^T r, v' = -v X^T r with r = y - X theta integrates to theta = 2 scale^2 sinh(X^T nu), nu = 2 int r dt,
and Q' = asinh(theta / (2 scale^2)) = X^T nu lies in the span of the rows: the condition for a minimum of the convex Q.
Here nu is found directly, as the minimiser of the dual, 2 scale^2 sum_i cosh((X^T nu)_i) - y . nu.
"""

import numpy as np
from scipy.optimize import linprog

from scalinglaws import checks
from scalinglaws.solvers import Convergence, NotConverged

# Largest relative residual |y - X theta| / |y| of a solution: rounding with room for a condition number of 1e3.
TOLERANCE = 1e-12
# Steps of the path in ln(scale): the tangent then starts Newton's method where it needs 2 to 4 iterations.
LONGEST_STEP = 0.6
MAX_ITERATIONS = 200
# Share of the largest coefficient below which one counts as 0: vertices of a linear program are exact to rounding.
NEGLIGIBLE = 1e-9


def checked_rows(inputs, labels):
    """The arrays inputs (n_samples, dim) and labels (n_samples,); ValueError on other shapes, NaN or inf."""
    inputs = checks.array("inputs", inputs, ndim=2)
    labels = checks.array("labels", labels, ndim=1)
    if labels.size != len(inputs):
        raise ValueError(f"labels has {labels.size} entries and must have as many as inputs has rows, {len(inputs)}")
    return inputs, labels


def checked_system(inputs, labels):
    """The same for labels that can be interpolated: ValueError unless the rows are independent."""
    inputs, labels = checked_rows(inputs, labels)
    rank = np.linalg.matrix_rank(inputs)
    if rank < len(inputs):
        raise ValueError(f"inputs has {len(inputs)} rows of rank {rank} and must have independent rows")
    return inputs, labels


def hypentropy(parameters, scale):
    """Q of parameters (..., dim), summed over the last axis; scale > 0, a scalar. Bad input: ValueError.

    Close to the l2 norm, |theta|^2 / (4 scale^2), for a large scale, and to ln(1 / scale^2) |theta|_1 for a small one.
    """
    parameters, scale = checks.array("parameters", parameters), checks.positive("scale", scale)
    z = parameters / scale**2
    # 2 - (4 + z^2)^1/2 without the difference of nearly equal numbers.
    return scale**2 * (z * np.arcsinh(z / 2) - z**2 / (2 + np.sqrt(4 + z**2))).sum(axis=-1)


def minimum_l2_interpolator(inputs, labels):
    """The theta (dim,) of smallest l2 norm with inputs @ theta = labels. Bad input: ValueError."""
    inputs, labels = checked_system(inputs, labels)
    return np.linalg.lstsq(inputs, labels)[0]


def minimum_l1_interpolator(inputs, labels):
    """A theta (dim,) of smallest l1 norm with inputs @ theta = labels, by linear programming.

    Unique for Gaussian inputs (almost surely). NotConverged if the program's solver fails; bad input: ValueError.
    """
    inputs, labels = checked_system(inputs, labels)
    program = linprog(np.ones(2 * inputs.shape[1]), A_eq=np.hstack([inputs, -inputs]), b_eq=labels, method="highs")
    positive, negative = _solution("minimum_l1_interpolator", program).reshape(2, -1)
    return positive - negative


def rich_exponent(inputs, parameters):
    """Exponent of the distance to the minimum l1 interpolator `parameters` (dim,) in the scale, as the scale falls.

    On the support S, asinh(theta / (2 scale^2)) = X^T nu means X^T nu ~ sign(theta) ln(1 / scale^2), so that nu is
    ln(1 / scale^2) times a certificate, X_S^T certificate = sign(theta_S). Off it theta_i ~ +-scale^(2 - 2 |h_i|),
    h = X^T certificate. The potential prefers the certificate with the smallest m = max |h_i| off the support, which
    sets the exponent: 2 (1 - m) [derived here]. m < 1 for a unique minimum l1 interpolator. NotConverged if
    the linear program for m fails; bad input: ValueError.
    """
    inputs, parameters = checks.array("inputs", inputs, ndim=2), checks.array("parameters", parameters, ndim=1)
    kept = np.abs(parameters) > NEGLIGIBLE * np.abs(parameters).max()
    on, off = inputs[:, kept].T, inputs[:, ~kept].T
    bound = -np.ones((len(off), 1))
    program = linprog(
        np.append(np.zeros(len(inputs)), 1.0),
        A_ub=np.block([[off, bound], [-off, bound]]),
        b_ub=np.zeros(2 * len(off)),
        A_eq=np.hstack([on, np.zeros((len(on), 1))]),
        b_eq=np.sign(parameters[kept]),
        bounds=[(None, None)] * (len(inputs) + 1),
        method="highs",
    )
    return 2 * (1 - float(_solution("rich_exponent", program)[-1]))


def _solution(what, program):
    if not program.success:
        raise NotConverged(what, program.x, np.inf, program.nit, program.message)
    return program.x


def minimum_potential_interpolator(inputs, labels, scale):
    """The theta with inputs @ theta = labels of smallest hypentropy, for every scale.

    inputs : (n_samples, dim), independent rows; labels : (n_samples,); scale : > 0, a scalar or an array.

    Returns a `Convergence`: value (*scale.shape, dim), residual |y - X theta| / |y|, and Newton's iterations of each
    scale. The solution is followed in the scale, from one where it is nearly linear down to the smallest: dual vectors
    grow as ln(1 / scale^2), while scale^2 sinh stays of order one. NotConverged above a residual of 1e-12, as happens
    where rounding hides the smallest coefficients, of order scale^2: safe down to scale = 1e-8 |theta|^1/2. Bad input:
    ValueError.
    """
    inputs, labels = checked_system(inputs, labels)
    scale = checks.positive_array("scale", scale)
    path, order = _Path(inputs, labels, scale.max()), np.argsort(-scale, axis=None)
    values, residuals, counts = np.empty((scale.size, inputs.shape[1])), np.empty(scale.size), np.empty(scale.size, int)
    for index in order:
        values[index], residuals[index], counts[index] = path.follow(scale.flat[index])
    return Convergence(values.reshape(*scale.shape, -1), residuals.reshape(scale.shape), counts.reshape(scale.shape))


class _Path:
    """The dual vector nu along falling scales."""

    def __init__(self, inputs, labels, largest):
        self.inputs, self.labels = inputs, labels
        self.unit = np.linalg.norm(labels) or 1.0
        linear = np.linalg.lstsq(inputs, labels)[0]
        # |theta| <= scale^2 where the path begins: sinh is nearly linear there.
        self.log_scale = np.log(max(largest, np.sqrt(np.abs(linear).max())))
        self.nu = np.linalg.solve(inputs @ inputs.T, labels) / (2 * np.exp(2 * self.log_scale))

    def follow(self, scale):
        """(theta, residual, iterations) at a scale no larger than the last one."""
        start, end, iterations = self.log_scale, np.log(scale), 0
        for log_scale in np.linspace(start, end, 2 + int((start - end) / LONGEST_STEP))[1:]:
            self._predict(log_scale)
            theta, residual, count = self._correct()
            iterations += count
        return theta, residual, iterations

    def _predict(self, log_scale):
        """Along the tangent: d(X theta) = 0 means 2 y dln(scale) + X C X^T dnu = 0."""
        _, curvature = self._theta_and_curvature(self.nu)
        self.nu = self.nu - 2 * (log_scale - self.log_scale) * self._newton(curvature, self.labels)
        self.log_scale = log_scale

    def _correct(self):
        """Newton's method. Along a direction d with a = max |X^T d| the curvature changes by less than e^(t a) at step
        t, so that the dual falls up to t = ln(1 + a) / a: a step that needs no search, and is 1 - a / 2 at the end."""
        for iteration in range(MAX_ITERATIONS):
            theta, curvature = self._theta_and_curvature(self.nu)
            error = self.labels - self.inputs @ theta
            residual = np.linalg.norm(error) / self.unit
            if residual <= TOLERANCE:
                return theta, residual, iteration
            direction = self._newton(curvature, error)
            reach = np.abs(self.inputs.T @ direction).max()
            self.nu = self.nu + np.log1p(reach) / reach * direction
        advice = "raise scale, or take inputs of smaller condition number"
        raise NotConverged("minimum_potential_interpolator", theta, residual, MAX_ITERATIONS, advice)

    def _theta_and_curvature(self, nu):
        """theta, and C = dtheta / d(X^T nu), which is positive."""
        z = self.inputs.T @ nu
        amplitude = 2 * np.exp(2 * self.log_scale)
        return amplitude * np.sinh(z), amplitude * np.cosh(z)

    def _newton(self, curvature, right):
        try:
            return np.linalg.solve((self.inputs * curvature) @ self.inputs.T, right)
        except np.linalg.LinAlgError as error:
            raise NotConverged("minimum_potential_interpolator", self.nu, np.inf, 0, f"raise scale: {error}") from error
