"""A whole run's shell accounts: gradient flow, with the exact budget of every step in several partitions."""

from dataclasses import asdict, dataclass

import numpy as np

from scalinglaws.networks import gradient_flow
from scalinglaws.shells.budget import StepTooLarge, budgets, energies
from scalinglaws.shells.lazy import gap_between
from scalinglaws.shells.modes import of_batch


@dataclass(frozen=True)
class ShellHistory:
    """Arrays over T snapshots, T - 1 steps and P partitions with S shells each; energies in units of the loss.

    time, loss, lazy_loss, deviation, kernel_drift, trace of M: (T,); eigenvalues, mode_energy: (T, m), ascending;
    edges: (P, S + 1); energy: (P, T, S); dissipation, transfer, crossing: (P, T - 1, S), each what one step did,
    transfer being what a shell gained from all others; closure, self_transfer, net_transfer: (P, T - 1), largest
    violations of the identities relative to the energy before the step; transfer_matrix: (P, S, S), summed over steps;
    lazy_loss, deviation, kernel_drift: see `LazyGap`.
    """

    time: np.ndarray
    loss: np.ndarray
    lazy_loss: np.ndarray
    deviation: np.ndarray
    kernel_drift: np.ndarray
    trace: np.ndarray
    eigenvalues: np.ndarray
    mode_energy: np.ndarray
    edges: np.ndarray
    energy: np.ndarray
    dissipation: np.ndarray
    transfer: np.ndarray
    crossing: np.ndarray
    closure: np.ndarray
    self_transfer: np.ndarray
    net_transfer: np.ndarray
    transfer_matrix: np.ndarray


def record_history(flow, parameters, duration, partitions, *, tolerance=1e-4):
    """Train to `duration` and keep the accounts; a step whose modes cannot be followed is halved. Raises Diverged.

    partitions(modes) makes the list of shells from the modes at time zero; all must have as many shells.
    """
    groups = record_histories(flow, parameters, duration, lambda modes: [partitions(modes)], tolerance=tolerance)
    return groups[0]


def record_histories(flow, parameters, duration, partition_groups, *, tolerance=1e-4):
    """The same for several groups of partitions of one training run: a list with the `ShellHistory` of each group.

    partition_groups(modes) makes a list of lists of shells; within a group all must have as many shells.
    """
    [histories] = record_batch(flow, parameters, duration, partition_groups, tolerance=tolerance)
    return histories


def record_batch(flow, parameters, duration, partition_groups, *, tolerance=1e-4):
    """The same for each network of a flow with one batch axis: a list of what `record_histories` gives, one by one.

    partition_groups is called for each network. All take the same steps: the worst sets them, and one whose modes
    cannot be followed halves them for all. Diverged if one diverges, whatever the others did.
    """
    accountant = _Accountant(partition_groups)
    for snapshot in gradient_flow(flow, parameters, duration, tolerance=tolerance, accept=accountant.accepts):
        accountant.enter(snapshot)
    return [book.histories() for book in accountant.books]


class _Accountant:
    """Judges steps for the integrator and enters them in the books, one per network."""

    def __init__(self, partition_groups):
        self.partition_groups, self.books, self.modes, self.steps = partition_groups, [], None, None

    def accepts(self, before, after):
        """Whether all modes can be followed. This is asked last: a step that passes is the one that is entered next."""
        modes = of_batch(after)
        try:
            steps = [budgets(book.modes, new, book.shells) for book, new in zip(self.books, modes, strict=True)]
        except StepTooLarge:
            return False
        self.modes, self.steps = modes, steps
        return True

    def enter(self, snapshot):
        kernels = snapshot.kernel.detach().cpu().numpy()
        if not self.books:
            self.modes = of_batch(snapshot)
            self.books = [_Book(modes, kernel, self.partition_groups) for modes, kernel in self._each(kernels)]
        else:
            for book, step in zip(self.books, self.steps, strict=True):
                book.steps.append(step)
        for book, (modes, kernel) in zip(self.books, self._each(kernels), strict=True):
            book.enter(snapshot.time, modes, kernel)

    def _each(self, kernels):
        return zip(self.modes, kernels if kernels.ndim > 2 else [kernels], strict=True)


class _Book:
    """The accounts of one network: a row per snapshot and the budgets of every step."""

    def __init__(self, modes, kernel, partition_groups):
        self.start, self.groups = (modes, kernel), partition_groups(modes)
        self.shells = [shells for group in self.groups for shells in group]
        self.modes, self.rows, self.steps = modes, [], []

    def enter(self, time, modes, kernel):
        self.modes = modes
        self.rows.append(
            {
                **asdict(gap_between(*self.start, time, modes.residual, kernel)),
                "time": time,
                "loss": modes.loss,
                "trace": modes.eigenvalues.sum(),
                "eigenvalues": modes.eigenvalues,
                "mode_energy": modes.coefficients**2 / (2 * modes.n_samples),
                "energy": [energies(modes, partition) for partition in self.shells],
            }
        )

    def histories(self):
        ends = zip(self.groups, np.cumsum([len(group) for group in self.groups]), strict=True)
        return [_assemble(self.rows, self.steps, group, slice(end - len(group), end)) for group, end in ends]


def _step_row(step):
    """Per partition: what one step did to each shell, and how far its identities are from exact."""
    total = max(step.energy_before.sum(), np.finfo(np.float64).tiny)
    return {
        "dissipation": step.dissipation,
        "transfer": step.transfer.sum(1),
        "crossing": step.crossing,
        "closure": step.closure,
        "self_transfer": np.abs(np.diag(step.transfer)).max() / total,
        "net_transfer": abs(step.exchange.sum()) / total,
    }


def _assemble(rows, steps, shells, members):
    """The history of the partitions `members` among all those that were accounted for, whose shells are `shells`."""
    over_time = {name: np.array([row[name] for row in rows]) for name in rows[0] if name != "energy"}
    energy = np.array([row["energy"][members] for row in rows]).swapaxes(0, 1)
    by_step = [[_step_row(budget) for budget in budgets_[members]] for budgets_ in steps]
    per_step = {name: np.array([[b[name] for b in row] for row in by_step]).swapaxes(0, 1) for name in by_step[0][0]}
    of_partitions = zip(*(budgets_[members] for budgets_ in steps), strict=True)
    matrix = np.array([sum(budget.transfer for budget in of_partition) for of_partition in of_partitions])
    edges = np.array([partition.edges for partition in shells])
    return ShellHistory(**over_time, **per_step, energy=energy, edges=edges, transfer_matrix=matrix)
