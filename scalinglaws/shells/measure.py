"""Shells of any torch module: energy and dissipation by eigenvalue, with the tangent kernel as an operator only.

Shells are smooth windows W_a of the eigenvalue, so that E_a = e^T W_a(M) e / (2n) is a number of the residual's
spectral measure, which Lanczos' method gives from some 120 products with M (arXiv 2512.10427 defines the shells). Net
fluxes need no eigenvectors either: what a shell has gained from others is its change of energy plus what it has
dissipated.
"""

from dataclasses import dataclass

import numpy as np

from scalinglaws import checks
from scalinglaws.shells.lanczos import above_zero, image_of, lanczos
from scalinglaws.shells.partition import SplineShells, anchored_edges

# Lanczos steps beyond those asked for: the difference that they make is the error that is told.
FURTHER = 20
# A kernel in single precision is symmetric to some 1e-6 of its norm; what is not so to a hundred times that is none.
ASYMMETRY = 1e-4


@dataclass(frozen=True)
class ShellMeasurement:
    """Smooth shells of one moment, in units of the loss ||e||^2 / (2n).

    edges (S + 1,) from 0 to inf; energy, dissipation (S,): energy sums to the loss, dissipation is the rate
    sum_u W_a lambda_u g_u^2 / n at which the shell loses energy to training. nodes, node_energy (k,): the residual's
    spectral measure, the eigenvalues with their energies if they were computed (method "exact"), else those of Gauss
    quadrature ("lanczos"). position: e^T M^2 e / e^T M e, the eigenvalue at which the loss is being reduced. error: sum
    over shells of the change in energy by the last FURTHER steps, relative to the loss; 0 for exact modes.
    """

    edges: np.ndarray
    energy: np.ndarray
    dissipation: np.ndarray
    nodes: np.ndarray
    node_energy: np.ndarray
    error: float
    n_samples: int
    method: str

    @property
    def loss(self):
        """||e||^2 / (2n)."""
        return float(self.node_energy.sum())

    @property
    def position(self):
        """e^T M^2 e / e^T M e, in units of eigenvalues; 0 where nothing can be learned."""
        rate = self.nodes @ self.node_energy
        return float(self.nodes**2 @ self.node_energy / rate) if rate > 0 else 0.0


def measure(model, inputs, targets, *, edges=None, shell_ratio=2.0, n_steps=120, method="auto", memory_gb=1.0):
    """Shells of a torch module on a regression task with squared loss, as a `ShellMeasurement`.

    model: any module that gives each sample outputs of its own; inputs (n, ...), targets (n, ...) with as many entries
    as the outputs; both tensors, of the model's type and on its device. edges: of smooth shells (geometric between
    0 and inf), or None for shells of `shell_ratio` anchored at the largest eigenvalue: give those of the first
    moment again to compare moments. method: "lanczos" with n_steps + 20 products with M, "exact" with one product for
    every output of every sample, or "auto", whichever needs fewer. memory_gb bounds what passes through the model
    hold. The model's mode, gradients, buffers and the state of random numbers stay as they are. In single precision
    eigenvalues below 1e-6 of the largest are rounding, and so is how their energy is shared among shells.
    ValueError as in `TangentOperator`, on targets of another shape or not finite, on a residual that is zero, and,
    without edges, where the residual sees no eigenvalue above 0.
    """
    # Here, since it loads torch: two seconds that whoever reads tables need not spend.
    from scalinglaws.networks.operators import TangentOperator

    operator = TangentOperator(model, inputs, memory_gb=memory_gb)
    options = {"edges": edges, "shell_ratio": shell_ratio, "n_steps": n_steps, "method": method}
    return measure_operator(operator, operator.residual(targets), operator.n_samples, **options)


def measure_operator(operator, residual, n_samples, *, edges=None, shell_ratio=2.0, n_steps=120, method="auto"):
    """The same for any symmetric positive semi-definite operator (vector -> vector) and residual, as numpy arrays.

    ValueError on an operator that gives NaN, inf or another number of entries, that has eigenvalues below 0 or is seen
    not to be symmetric (method "exact"), and on numbers whose squares overflow or vanish.
    """
    residual = checks.squarable("residual", checks.array("residual", residual, ndim=1))
    n_samples = checks.integer("n_samples", n_samples, minimum=1)
    n_steps = checks.integer("n_steps", n_steps, minimum=1)
    if not residual.any():
        raise ValueError("residual = 0 must have an entry that is not 0: there is no energy to be found in shells")
    checks.one_of("method", method, ("auto", "exact", "lanczos"))
    exact = method == "exact" or (method == "auto" and residual.size <= n_steps + FURTHER)
    find = _exact_measures if exact else _lanczos_measures
    measures = [(nodes, weights / (2 * n_samples)) for nodes, weights in find(operator, residual, n_steps)]
    (nodes, node_energy), (fewer_nodes, fewer_energy) = measures
    if edges is None and nodes.max() == 0:
        raise ValueError("operator takes the residual to 0: without edges, shells need an eigenvalue above 0")
    shells = SplineShells(anchored_edges(nodes.max(), shell_ratio) if edges is None else edges)
    energy = shells.windows(nodes) @ node_energy
    change = np.abs(energy - shells.windows(fewer_nodes) @ fewer_energy).sum()
    return ShellMeasurement(
        edges=shells.edges,
        energy=energy,
        dissipation=shells.windows(nodes) @ (2 * nodes * node_energy),
        nodes=nodes,
        node_energy=node_energy,
        error=float(change / node_energy.sum()),
        n_samples=n_samples,
        method="exact" if exact else "lanczos",
    )


def _exact_measures(operator, residual, _):
    """Eigenvalues and squared components of the residual, twice: nothing is left to converge."""
    images = np.stack([image_of(operator, column) for column in np.eye(residual.size)])
    kernel = checks.squarable("operator", images)
    asymmetry, scale = np.linalg.norm(kernel - kernel.T), np.linalg.norm(kernel)
    if asymmetry > ASYMMETRY * scale:
        raise ValueError(f"operator differs from its transpose by {asymmetry:.3g} of {scale:.3g} and must be symmetric")
    eigenvalues, eigenvectors = np.linalg.eigh((kernel + kernel.T) / 2)
    return [(above_zero(eigenvalues), (eigenvectors.T @ residual) ** 2)] * 2


def _lanczos_measures(operator, residual, n_steps):
    """Nodes and weights after FURTHER steps more than asked for, and after those asked for."""
    found = lanczos(operator, residual, n_steps + FURTHER)
    return [found.measure(), found.measure(n_steps)]
