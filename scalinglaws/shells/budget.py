"""The energy budget of spectral shells: exact for any finite step, and as rates in continuous time.

A step (V0, lam0, e0) -> (V1, lam1, e1), modes aligned, has the rotation O = V1^T V0 with Cayley generator
A = 2 (O - I)(O + I)^-1, antisymmetric. With g = V^T e, bars for means of both ends, and de = e1 - e0,

    (g1_u^2 - g0_u^2)/2 = sum_v gb_u A_uv gb_v + gb_u [(I + A/2) V0^T de]_u

is an identity: transfer between modes, minus dissipation. Summed with shell windows W_a(lam), wb = (W0 + W1)/2,

    dE_a = -D_a + sum_b T_ab + C_a,   T_ab = wb_a T wb_b^T,   C_a = sum_u (W1 - W0)_au (g0_u^2 + g1_u^2)/4,

again exactly: C is the crossing of modes over shell edges. All are divided by n and in units of the loss.
"""

from dataclasses import dataclass

import numpy as np

from scalinglaws import checks
from scalinglaws.shells.modes import align, eigenvalue_rates, rotation_rates
from scalinglaws.shells.partition import SharpShells

# The generator must be antisymmetric to this share of its norm; norms below the floor are rounding.
ANTISYMMETRY, NORM_FLOOR = 1e-6, 1e-6
# Components on orthonormal modes have the residual's norm, squared, to this share: eigenvectors in single precision do.
PARSEVAL = 1e-5
# Parts of a change must add up to it to this share of the largest entry in play: rounding, with room for sums.
INCREMENTS = 1e-10


class StepTooLarge(ValueError):
    """Modes turn too far in one step to be followed; halve the step."""


@dataclass(frozen=True)
class ShellBudget:
    """One step's budget, or a sum of steps, in units of the loss.

    energy_before, energy_after, dissipation, crossing have shape (n_shells,), transfer (n_shells, n_shells) with
    transfer[a, b] the energy that shell a gains from shell b, antisymmetric. Shells ascend with the eigenvalue.
    """

    edges: np.ndarray
    energy_before: np.ndarray
    energy_after: np.ndarray
    dissipation: np.ndarray
    transfer: np.ndarray
    crossing: np.ndarray

    @property
    def exchange(self):
        """Energy that each shell gains from the others: transfer by rotating modes plus crossing of edges."""
        return self.transfer.sum(1) + self.crossing

    @property
    def flux(self):
        """Energy that passes each edge towards larger eigenvalues, shape (n_shells + 1,); zero at both ends."""
        upwards = np.cumsum(self.exchange[::-1])[::-1]
        return np.append(upwards, 0.0)

    @property
    def closure(self):
        """Largest error over shells of energy change = -dissipation + exchange, relative to the energy before."""
        error = self.energy_after - self.energy_before + self.dissipation - self.exchange
        return float(np.abs(error).max() / max(self.energy_before.sum(), np.finfo(np.float64).tiny))


def energies(modes, shells):
    """E_a = sum_u W_a(lambda_u) g_u^2 / (2n), shape (n_shells,); sums to the loss. ValueError as in `budget`."""
    _check_modes("modes", modes)
    return shells.windows(modes.eigenvalues) @ modes.coefficients**2 / (2 * modes.n_samples)


def budget(before, after, edges):
    """The exact budget of the step from `before` to `after` (both `Modes`).

    `edges` is an increasing array from 0 to inf (sharp shells), or a SharpShells or SplineShells.
    ValueError on unordered edges, modes that are not finite, not orthonormal or not of one training set, and a residual
    whose square is no double; StepTooLarge where modes turn too far to be followed.
    """
    return budgets(before, after, [edges])[0]


def budgets(before, after, partitions):
    """The budget of one step in several partitions: modes are aligned and transfers found once."""
    _check_same_problem(before, after)
    after = align(before, after)
    transfer, dissipation = _mode_budget(before, after)
    return [_in_shells(before, after, transfer, dissipation, _as_shells(edges)) for edges in partitions]


def _as_shells(edges):
    return edges if hasattr(edges, "windows") else SharpShells(edges)


def _check_same_problem(before, after):
    for name, modes in (("before", before), ("after", after)):
        _check_modes(name, modes)
    if before.eigenvectors.shape != after.eigenvectors.shape or before.n_samples != after.n_samples:
        sizes = (
            f"{before.eigenvectors.shape}, n = {before.n_samples} and {after.eigenvectors.shape}, n = {after.n_samples}"
        )
        raise ValueError(f"before and after have modes of shape {sizes} and must describe one training set")


def _check_modes(name, modes):
    values = checks.array(f"{name}.eigenvalues", modes.eigenvalues, ndim=1)
    vectors = checks.array(f"{name}.eigenvectors", modes.eigenvectors, ndim=2)
    residual = checks.array(f"{name}.residual", modes.residual, ndim=1)
    if not vectors.shape == (values.size, values.size) == (residual.size, residual.size):
        shapes = f"{values.shape}, {vectors.shape} and {residual.shape} and must be (m,), (m, m) and (m,)"
        raise ValueError(f"{name}'s eigenvalues, eigenvectors and residual have shapes {shapes}")
    checks.integer(f"{name}.n_samples", modes.n_samples, minimum=1)
    checks.squarable(f"{name}.residual", residual)
    components = vectors.T @ residual
    if abs(components @ components - residual @ residual) > PARSEVAL * (residual @ residual):
        norms = f"{np.linalg.norm(components):.6g} and {np.linalg.norm(residual):.6g}"
        raise ValueError(f"{name}'s eigenvectors must be orthonormal: the residual has norm {norms} with and without")


def _mode_budget(before, after):
    """Transfers between modes gb_u A_uv gb_v / n, and dissipation -gb_u [(I + A/2) V0^T de]_u / n."""
    generator = _cayley_generator(after.eigenvectors.T @ before.eigenvectors)
    mean = (before.coefficients + after.coefficients) / 2
    change = before.eigenvectors.T @ (after.residual - before.residual)
    transfer = mean[:, None] * generator * mean[None, :]
    dissipation = -mean * (change + generator @ change / 2)
    return transfer / before.n_samples, dissipation / before.n_samples


def _cayley_generator(rotation):
    """A = 2 (O - I)(O + I)^-1; StepTooLarge unless it is antisymmetric to rounding, as for a rotation without -1."""
    identity = np.eye(len(rotation))
    try:
        generator = 2 * np.linalg.solve((rotation + identity).T, (rotation - identity).T).T
    except np.linalg.LinAlgError:
        raise StepTooLarge("the modes turn by half a circle in one step: halve the step") from None
    asymmetry = np.linalg.norm(generator + generator.T) / max(np.linalg.norm(generator), NORM_FLOOR)
    if not asymmetry < ANTISYMMETRY:
        raise StepTooLarge(
            f"the step's generator is antisymmetric only to {asymmetry:.3g}, not {ANTISYMMETRY}: halve it"
        )
    return generator


def _in_shells(before, after, transfer, dissipation, shells):
    windows_before, windows_after = shells.windows(before.eigenvalues), shells.windows(after.eigenvalues)
    mean = (windows_before + windows_after) / 2
    mode_energies = [modes.coefficients**2 / (2 * modes.n_samples) for modes in (before, after)]
    half_energy = (mode_energies[0] + mode_energies[1]) / 2
    return ShellBudget(
        edges=shells.edges,
        energy_before=windows_before @ mode_energies[0],
        energy_after=windows_after @ mode_energies[1],
        dissipation=mean @ dissipation,
        transfer=mean @ transfer @ mean.T,
        crossing=(windows_after - windows_before) @ half_energy,
    )


@dataclass(frozen=True)
class DissipationSplit:
    """One step's dissipation by cause: dicts of arrays (n_shells,), in units of the loss.

    linear is what each cause does to the residual before the step, quadratic what it does to the step's own change.
    """

    linear: dict
    quadratic: dict

    @property
    def total(self):
        """Sum over causes and orders: the dissipation of the step's `ShellBudget`, shape (n_shells,)."""
        return sum((*self.linear.values(), *self.quadratic.values()))


def split_budgets(before, after, increments, partitions):
    """The budget of one step with its dissipation split by cause: a list of (ShellBudget, DissipationSplit).

    increments: dict of named parts (m,) of de = e1 - e0. With gb = (V0 + V1)^T e0 / 2 + V1^T de / 2 the dissipation
    -gb_u [(I + A/2) V0^T de]_u / n is linear plus quadratic in de, and each product of two parts is halved between
    them. Over all shells a part then dissipates -e0.de_part / n and -de.de_part / (2n), its work on the loss.
    ValueError when the parts do not add up to de within rounding, and otherwise as in `budget`; StepTooLarge likewise.
    """
    _check_same_problem(before, after)
    parts = _check_increments(before, after, increments)
    after = align(before, after)
    transfer, dissipation = _mode_budget(before, after)
    by_order = _mode_dissipation(before, after, parts)
    accounts = []
    for shells in map(_as_shells, partitions):
        mean = (shells.windows(before.eigenvalues) + shells.windows(after.eigenvalues)) / 2
        split = [dict(zip(increments, (mean @ by_mode).T, strict=True)) for by_mode in by_order]
        accounts.append((_in_shells(before, after, transfer, dissipation, shells), DissipationSplit(*split)))
    return accounts


def _mode_dissipation(before, after, parts):
    """Dissipation of each mode by each part, linear and quadratic: two arrays (m, n_parts)."""
    generator = _cayley_generator(after.eigenvectors.T @ before.eigenvectors)
    changes, turned = before.eigenvectors.T @ parts, after.eigenvectors.T @ parts
    pushes = -(changes + generator @ changes / 2) / before.n_samples
    standing = (before.eigenvectors + after.eigenvectors).T @ before.residual / 2
    whole_push, whole = pushes.sum(1), turned.sum(1)
    return standing[:, None] * pushes, (whole[:, None] * pushes + turned * whole_push[:, None]) / 4


def _check_increments(before, after, increments):
    """The parts in columns (m, n_parts); ValueError unless they add up to the change of the residual."""
    if not increments:
        raise ValueError("increments = {} must name at least one part of the change")
    parts = [checks.array(f"increments[{name!r}]", part, ndim=1) for name, part in increments.items()]
    if any(part.shape != before.residual.shape for part in parts):
        raise ValueError(f"increments have shapes {[p.shape for p in parts]} and must all be {before.residual.shape}")
    change = np.subtract(after.residual, before.residual, dtype=np.float64)
    gap = np.abs(sum(parts) - change).max()
    scale = max(np.abs(array).max() for array in (before.residual, after.residual, *parts))
    if gap > INCREMENTS * scale:
        raise ValueError(f"increments add up to after.residual - before.residual only to {gap:.3g}, of {scale:.3g}")
    return np.stack(parts, axis=1)


@dataclass(frozen=True)
class ShellRates:
    """Rates of the budget in continuous time: dE_a/dt = -dissipation_a + sum_b transfer_ab + crossing_a."""

    energy: np.ndarray
    dissipation: np.ndarray
    transfer: np.ndarray
    crossing: np.ndarray

    @property
    def total(self):
        """dE_a/dt."""
        return -self.dissipation + self.transfer.sum(1) + self.crossing


def rates(modes, kernel_rate, shells):
    """The budget's rates from M and its rate M', for smooth shells (`SplineShells`).

    D_a = sum_u W_a lambda_u g_u^2, T_ab = sum_uv W_a(u) g_u Omega_uv g_v W_b(v), C_a = sum_u W_a' lambda_u' g_u^2 / 2,
    all divided by n. The discrete budget converges to their time integrals at order 2. ValueError as in `budget` and
    in `rotation_rates`.
    """
    _check_modes("modes", modes)
    windows, g = shells.windows(modes.eigenvalues), modes.coefficients
    transfer = g[:, None] * rotation_rates(modes, kernel_rate) * g[None, :]
    moving = shells.slopes(modes.eigenvalues) * eigenvalue_rates(modes, kernel_rate)
    parts = (g**2 / 2, modes.eigenvalues * g**2, g**2 / 2)
    energy, dissipation, crossing = (w @ p for w, p in zip((windows, windows, moving), parts, strict=True))
    n = modes.n_samples
    return ShellRates(energy / n, dissipation / n, windows @ transfer @ windows.T / n, crossing / n)


def followable(before, after):
    """True when the modes of two snapshots can be followed: the test that a step's size must pass."""
    aligned = align(before, after)
    try:
        _cayley_generator(aligned.eigenvectors.T @ before.eigenvectors)
    except StepTooLarge:
        return False
    return True
