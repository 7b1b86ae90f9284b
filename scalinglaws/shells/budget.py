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
    """E_a = sum_u W_a(lambda_u) g_u^2 / (2n), shape (n_shells,); sums to the loss."""
    return shells.windows(modes.eigenvalues) @ modes.coefficients**2 / (2 * modes.n_samples)


def budget(before, after, edges):
    """The exact budget of the step from `before` to `after` (both `Modes`).

    `edges` is an increasing array from 0 to inf (sharp shells), or a SharpShells or SplineShells.
    ValueError on unordered edges or mismatched modes; StepTooLarge where modes turn too far to be followed.
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
        checks.array(f"{name}.eigenvalues", modes.eigenvalues, ndim=1)
        checks.array(f"{name}.eigenvectors", modes.eigenvectors, ndim=2)
        checks.array(f"{name}.residual", modes.residual, ndim=1)
    if before.eigenvectors.shape != after.eigenvectors.shape or before.n_samples != after.n_samples:
        sizes = (
            f"{before.eigenvectors.shape}, n = {before.n_samples} and {after.eigenvectors.shape}, n = {after.n_samples}"
        )
        raise ValueError(f"before and after have modes of shape {sizes} and must describe one training set")


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
    half_energy = (before.coefficients**2 + after.coefficients**2) / (4 * before.n_samples)
    return ShellBudget(
        edges=shells.edges,
        energy_before=energies(before, shells),
        energy_after=energies(after, shells),
        dissipation=mean @ dissipation,
        transfer=mean @ transfer @ mean.T,
        crossing=(windows_after - windows_before) @ half_energy,
    )


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
    all divided by n. The discrete budget converges to their time integrals at order 2.
    """
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
