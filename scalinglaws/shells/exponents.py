"""Loss exponents of linear models on a power-law task: the lazy closed form, and the two-layer net at infinite width.

The two-layer linear net of width N in the mean-field scaling, richness = richness0 sqrt(N), obeys a closed system as
N goes to infinity (Bordelon, Atanasov & Pehlevan, arXiv:2409.17858). With g = richness0, target w and spectrum Lam:

    r = Lam (w - v),   v' = (a + Q) r,   Q' = g^2 (v r^T + r v^T),   a' = 2 g^2 v.r,   a(0) = 1, Q(0) = 1, v(0) = 0.

The readout minus the first layer's Gram matrix, in the N-dimensional space of units, is conserved. Its moments at
time zero give the invariants a^2 = 1 + g^2 |v|^2, Q^2 = 1 + g^2 v v^T and Q v = a v, hence
Q = 1 + (a - 1) v v^T / |v|^2: a follows from v, and the matrix Q need not be integrated. With A = sqrt((1 + a) / 2) and
u = v / (2 A) the system becomes

    u' = A Lam (w - 2 A u),   A' = g^2 u.Lam (w - 2 A u),   A^2 = 1 + g^2 |u|^2,

one diagonal equation per mode, coupled by the single number A: its Jacobian is an arrow, and a step costs O(n_modes).
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.integrate import Radau

from scalinglaws import checks
from scalinglaws.solvers import NotConverged
from scalinglaws.spectra import power_law_spectrum, power_law_target, unlearned_tail

# Relative error of one step of the integrator; first time of a curve, early for the fastest mode, whose rate is 2.
TOLERANCE, FIRST_TIME = 1e-7, 1e-3
POINTS_PER_DECADE = 25


@dataclass(frozen=True)
class PowerLawTask:
    """A linear target whose loss falls as time^-task_exponent under lazy training, cut off at `n_modes` modes.

    Eigenvalues k^-capacity, eigenvalue * target^2 = k^-(1 + capacity * task_exponent): task_exponent = 2 * source.
    capacity, task_exponent > 0 and finite, n_modes an integer >= 1, else ValueError.
    """

    capacity: float
    task_exponent: float
    n_modes: int

    def __post_init__(self):
        checks.positive("capacity", self.capacity)
        checks.positive("task_exponent", self.task_exponent)
        checks.integer("n_modes", self.n_modes, minimum=1)

    @property
    def eigenvalues(self):
        """Spectrum of the inputs, (n_modes,), descending from 1."""
        return power_law_spectrum(self.n_modes, self.capacity)

    @property
    def target(self):
        """Coefficients w_k > 0, (n_modes,)."""
        return power_law_target(self.eigenvalues, self.capacity, self.task_exponent / 2)

    @property
    def tail(self):
        """Loss of the modes beyond n_modes while none of them is learned; see `spectra.unlearned_tail`."""
        return float(unlearned_tail(self.capacity, self.task_exponent / 2, self.n_modes))


def lazy_exponent(task_exponent):
    """Exponent of time^-1 in the loss of a frozen kernel: the task exponent itself."""
    return checks.positive("task_exponent", task_exponent)


def rich_exponent(task_exponent):
    """The same with feature learning: 2 b / (1 + b) for task exponents b < 1, which are hard, and b above.

    For b < 1 the target's norm diverges, |v|^2 ~ s^(1 - b) with s the lazy clock, so that the kernel grows as
    ds/dt ~ |v| ~ s^((1 - b) / 2): the clock runs as s ~ t^(2 / (1 + b)). Bordelon et al., arXiv:2409.17858.
    """
    return max(lazy_exponent(task_exponent), 2 * task_exponent / (1 + task_exponent))


def lazy_loss(times, eigenvalues, target):
    """Loss sum_k eigenvalue_k target_k^2 exp(-2 eigenvalue_k t) / 2 of a linear model trained by gradient flow.

    `times` (n_times,), >= 0; `eigenvalues` > 0 and `target`, (n_modes,). A two-layer net at vanishing richness has the
    kernel 2 Lam at infinite width, one Lam from each layer, and this loss at twice the time. Returns (n_times,).
    """
    times, eigenvalues = _checked_times(times), checks.positive_array("eigenvalues", eigenvalues, ndim=1)
    energies = eigenvalues * _matching(target, eigenvalues) ** 2 / 2
    return np.exp(-2 * np.outer(times, eigenvalues)) @ energies


@dataclass(frozen=True)
class LossCurve:
    """Loss of the modes kept and readout_norm a = |readout|^2 / width over time, (n_times,) each.

    The kernel's trace grows as a + tr Q: readout_norm is 1 as long as training is lazy.
    """

    time: np.ndarray
    loss: np.ndarray
    readout_norm: np.ndarray


def infinite_width_curve(times, eigenvalues, target, richness0, *, learned=None, tolerance=TOLERANCE):
    """The two-layer linear net at infinite width and `richness0` >= 0, at `times` (increasing, >= 0).

    `eigenvalues` > 0 and `target`, (n_modes,). With `learned` > 0 the curve ends before the last time as soon as the
    last mode, whose target must then not be 0, has learned that share of it. Radau's implicit method of order 5
    (L-stable: the eigenvalues spread over many decades) with relative error `tolerance` per step: losses below
    tolerance^2 of the first are not resolved. ValueError on bad input; NotConverged, with the state (u, A) reached, if
    the steps become too small. Returns a `LossCurve`.
    """
    times, eigenvalues = _checked_times(times), checks.positive_array("eigenvalues", eigenvalues, ndim=1)
    flow = _ArrowFlow(eigenvalues, _matching(target, eigenvalues), checks.at_least("richness0", richness0, 0) ** 2)
    tolerance = checks.between("tolerance", tolerance, 1e-12, 1)
    finished = flow.never if learned is None else flow.has_learned(checks.positive("learned", learned))
    # Amplitudes are counted against the target, a hundred times finer where they are small.
    accuracy = {"rtol": tolerance, "atol": tolerance * np.append(np.abs(flow.target), 1.0) / 100}
    start = np.append(np.zeros(eigenvalues.size), 1.0)
    solver = Radau(flow.velocity, 0.0, start, times[-1], jac=flow.jacobian, **accuracy)
    states = _states(solver, times, finished, flow.invariant)
    return LossCurve(times[: states.shape[1]], flow.loss(states), 2 * states[-1] ** 2 - 1)


def _states(solver, times, finished, invariant):
    """States at those of `times` at which `finished` is not true yet, shape (n + 1, n_times)."""
    found, n_steps = [solver.y[:, None][:, : np.sum(times == 0)]], 0
    while solver.status == "running" and not finished(solver.y):
        message, n_steps = solver.step(), n_steps + 1
        if solver.status == "failed":
            advice = f"raise tolerance ({message})"
            raise NotConverged("infinite_width_curve", solver.y, invariant(solver.y), n_steps, advice)
        inside = times[(times > solver.t_old) & (times <= solver.t)]
        found.append(solver.dense_output()(inside))
    states = np.concatenate(found, axis=1)
    return states[:, : np.argmax(np.append(finished(states), True))]


def observation_times(task, learned):
    """Time zero, then log-spaced times until the slowest mode of a lazy two-layer net has learned the share `learned`.

    Until then the modes that a cut-off leaves out have learned less than that, and `PowerLawTask.tail` is their loss;
    feature learning only gets there sooner. `learned` lies in (0, 1).
    """
    slowest = 2 * task.eigenvalues[-1]
    end = -np.log1p(-checks.between("learned", learned, 0, 1)) / slowest
    first = min(FIRST_TIME, end / 100)
    return np.append(0.0, np.geomspace(first, end, int(POINTS_PER_DECADE * np.log10(end / first)) + 1))


@dataclass(frozen=True)
class _ArrowFlow:
    """Velocity and sparse Jacobian of the state (u_1 ... u_n, A)."""

    eigenvalues: np.ndarray
    target: np.ndarray
    coupling: float

    def _force(self, state):
        """r = Lam (w - 2 A u) for a state (n + 1,) or states (n + 1, n_times)."""
        return (self.eigenvalues * (self.target - 2 * (state[-1] * state[:-1]).T)).T

    def velocity(self, _, state):
        force = self._force(state)
        return np.append(state[-1] * force, self.coupling * (state[:-1] @ force))

    def jacobian(self, _, state):
        u, growth, force = state[:-1], state[-1], self._force(state)
        pulled, n = self.eigenvalues * u, u.size
        diagonal = np.append(-2 * growth**2 * self.eigenvalues, -2 * self.coupling * (u @ pulled))
        column, row = force - 2 * growth * pulled, self.coupling * (force - 2 * growth * pulled)
        modes, last = np.arange(n), np.full(n, n)
        place = np.concatenate([np.arange(n + 1), modes, last]), np.concatenate([np.arange(n + 1), last, modes])
        return sparse.csc_matrix((np.concatenate([diagonal, column, row]), place), shape=(n + 1, n + 1))

    def invariant(self, states):
        """A^2 - 1 - g^2 |u|^2, which stays 0, at each time."""
        return states[-1] ** 2 - 1 - self.coupling * (states[:-1] ** 2).sum(0)

    def loss(self, states):
        return (self._force(states) ** 2 / self.eigenvalues[:, None]).sum(0) / 2

    def has_learned(self, share):
        """Whether the last mode has learned more than `share` of its target, as a function of a state or of states."""
        checks.positive("abs(target[-1])", abs(self.target[-1]))
        return lambda state: 2 * state[-1] * state[-2] / self.target[-1] > share

    def never(self, state):
        return np.zeros(state.shape[1:], dtype=bool)


def _checked_times(times):
    times = checks.increasing("times", checks.array("times", times, ndim=1), minimum_size=1)
    checks.at_least("times[0]", times[0], 0)
    return times


def _matching(target, eigenvalues):
    target = checks.array("target", target, ndim=1)
    if target.size != eigenvalues.size:
        raise ValueError(f"target has {target.size} entries and must have {eigenvalues.size}, as eigenvalues")
    return target
