"""Properties of Lanczos' method and of measured shells, for drawn spectra, against dense eigenvectors."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import strategies as st
from random_kernels import SPECTRA, property_tests, symmetric
from scipy.stats import ortho_group

from scalinglaws.shells import SplineShells, anchored_edges, energies, lanczos, measure_operator, net_exchange
from scalinglaws.shells.modes import Modes

# Sums of up to 50 products, relative to the largest: up to 2e-15 of it has been seen.
ROUNDING = 3e-14


@dataclass(frozen=True)
class Problem:
    """A kernel of `size` and a start that sees the share `seen` of its modes, in steps as a share of the size."""

    seed: int
    size: int
    spectrum: str
    seen: float
    steps: float
    scale: int

    @property
    def drawn(self):
        """Eigenvalues, eigenvectors, kernel and start; the start has an entry that is not 0."""
        rng = np.random.default_rng(self.seed)
        vectors = ortho_group.rvs(self.size, random_state=rng)
        eigenvalues = 10.0**self.scale * SPECTRA[self.spectrum](rng, self.size)
        sees = rng.random(self.size) < self.seen
        sees[rng.integers(self.size)] = True
        start = vectors @ (sees * 10 ** rng.uniform(-6, 0, self.size))
        return eigenvalues, vectors, symmetric(vectors, eigenvalues), start

    @property
    def n_steps(self):
        """Steps to take: up to twice as many as there are modes."""
        return 1 + int(self.steps * self.size)


PROBLEMS = st.builds(
    Problem,
    seed=st.integers(0, 2**32 - 1),
    size=st.integers(2, 40),
    spectrum=st.sampled_from(tuple(SPECTRA)),
    seen=st.sampled_from((0.0, 0.3, 1.0)),
    steps=st.floats(0, 2),
    scale=st.sampled_from((-60, -6, 0, 6, 60)),
)


def sees_the_kernel(problem):
    """False where all that the start sees of the kernel is rounding, which has no sign and no rank."""
    eigenvalues, _, kernel, start = problem.drawn
    return not eigenvalues.any() or np.linalg.norm(kernel @ start) > 1e-14 * eigenvalues.max() * np.linalg.norm(start)


SEEING = PROBLEMS.filter(sees_the_kernel)


def found(problem):
    """Lanczos' steps, with the directions that the operator was asked for."""
    _, _, kernel, start = problem.drawn
    asked = []
    return lanczos(lambda v: asked.append(v.copy()) or kernel @ v, start, problem.n_steps), np.array(asked)


# --- Lanczos --------------------------------------------------------------------------------------------------------


def weights_are_a_measure(problem):
    """Not negative, summing to the square of the start; nodes within the spectrum; no more steps than modes."""
    eigenvalues, _, _, start = problem.drawn
    steps, _ = found(problem)
    nodes, weights = steps.measure()
    assert 1 <= steps.n_steps == len(nodes) <= min(problem.n_steps, problem.size)
    assert (weights >= 0).all()
    assert abs(weights.sum() / (start @ start) - 1) <= ROUNDING
    top = eigenvalues.max()
    assert nodes.min() >= max(0.0, eigenvalues.min() - ROUNDING * top)
    assert nodes.max() <= top * (1 + ROUNDING)


def directions_are_orthonormal(problem):
    """And turn the kernel into the tridiagonal matrix that was returned."""
    eigenvalues, _, kernel, _ = problem.drawn
    steps, basis = found(problem)
    assert np.abs(basis @ basis.T - np.eye(len(basis))).max() <= ROUNDING
    matrix = np.diag(steps.diagonal) + np.diag(steps.off_diagonal, 1) + np.diag(steps.off_diagonal, -1)
    assert np.abs(basis @ kernel @ basis.T - matrix).max() <= ROUNDING * eigenvalues.max()


def moments_are_exact(problem):
    """sum of weight node^p for all p below twice the steps, as e^T M^p e by dense eigenvectors, M over its top."""
    eigenvalues, vectors, _, start = problem.drawn
    steps, _ = found(problem)
    nodes, weights = steps.measure()
    top, components = eigenvalues.max() or 1.0, (vectors.T @ start) ** 2
    for power in range(2 * steps.n_steps):
        gap = weights @ (nodes / top) ** power - components @ (eigenvalues / top) ** power
        # An error of a node counts p times.
        assert abs(gap) <= (1 + power) * ROUNDING * components.sum()


def all_steps_find_every_mode_seen(problem):
    """As many steps as there are modes: dense energies below any eigenvalue that lies in a gap of the spectrum."""
    eigenvalues, vectors, _, start = problem.drawn
    steps, _ = found(replace(problem, steps=1.0))
    nodes, weights = steps.measure()
    order = np.argsort(eigenvalues)
    levels, components = eigenvalues[order], (vectors.T @ start)[order] ** 2
    # Gaps that are wide on the scale of the top: what is closer than that, rounding may share out differently.
    for place in np.flatnonzero(np.diff(levels) > 1e-6 * levels[-1]):
        below = components[: place + 1].sum()
        assert abs(weights[nodes < (levels[place] + levels[place + 1]) / 2].sum() - below) <= 1e-7 * components.sum()


def distinct_eigenvalues_bound_the_steps(problem):
    """An invariant subspace ends the method: as many steps as distinct eigenvalues, all seen alike."""
    eigenvalues, vectors, kernel, _ = problem.drawn
    steps = lanczos(lambda v: kernel @ v, vectors.sum(1), 2 * problem.size)
    assert steps.n_steps == len(np.unique(eigenvalues))


def unit_and_basis_do_not_matter(problem):
    """M -> s^2 M and e -> s e, by powers of two: the same bits, scaled."""
    _, _, kernel, start = problem.drawn
    scale = 2.0 ** (problem.seed % 61 - 30)
    ours = lanczos(lambda v: scale**2 * (kernel @ v), scale * start, problem.n_steps).measure()
    expected = lanczos(lambda v: kernel @ v, start, problem.n_steps).measure()
    np.testing.assert_allclose(ours, (scale**2 * expected[0], scale**2 * expected[1]), rtol=1e-12)


# --- measured shells ------------------------------------------------------------------------------------------------


def shells_of(problem, **options):
    """Shells by `measure_operator`, and the dense modes; the edges hold kernels of zero too."""
    eigenvalues, vectors, kernel, start = problem.drawn
    edges = anchored_edges(eigenvalues.max() or 1.0, 2.0, decades_below=13)
    modes = Modes(eigenvalues, vectors, start, problem.size)
    return measure_operator(lambda v: kernel @ v, start, problem.size, edges=edges, **options), modes


def measured_shells_are_dense_shells(problem):
    """Exact shells those of dense modes but for rounding near 0; by either method energy sums to the loss."""
    for method in ("exact", "lanczos"):
        shells, modes = shells_of(problem, method=method, n_steps=problem.n_steps)
        assert abs(shells.energy.sum() / modes.loss - 1) <= ROUNDING
        assert (shells.energy >= 0).all()
        assert (shells.dissipation >= 0).all()
        rate = modes.eigenvalues @ modes.coefficients**2 / problem.size
        assert abs(shells.dissipation.sum() - rate) <= ROUNDING * modes.loss * modes.eigenvalues.max()
        assert 0 <= shells.position <= modes.eigenvalues.max() * (1 + ROUNDING)
        if method == "exact":
            assert shells.error == 0
            # Up to the shell of 1e-11 of the top, below which eigenvalues are the solver's: in sum over those.
            expected, low = energies(modes, SplineShells(shells.edges)), shells.edges[1:] < 1e-9 * shells.edges[-2]
            gap = np.append((shells.energy - expected)[~low], (shells.energy - expected)[low].sum())
            assert np.abs(gap).max() <= 1e-3 * modes.loss


def null_spaces_have_their_energy_in_the_lowest_shell(problem):
    """A residual that the kernel takes to 0, as training leaves it where parameters are few: all of it near 0."""
    eigenvalues, vectors, kernel, _ = problem.drawn
    residual = vectors[:, eigenvalues.argmin()]
    top = eigenvalues.max() or 1.0
    edges = anchored_edges(top, 2.0)
    for method in ("exact", "lanczos"):
        shells = measure_operator(lambda v: kernel @ v, residual, problem.size, edges=edges, method=method)
        assert shells.energy[0] >= (1 - ROUNDING) * shells.loss


def frozen_kernels_exchange_nothing(problem):
    """Whatever the spectrum, to 100 times of the fastest mode: net exchange of shells whose kernel stands is 0."""
    eigenvalues, vectors, kernel, start = problem.drawn
    top = eigenvalues.max() or 1.0
    duration = 10.0 ** (4 * problem.steps - 6) / top
    decayed = vectors @ (np.exp(-duration * eigenvalues) * (vectors.T @ start))
    edges = anchored_edges(top, 2.0, decades_below=13)
    pair = [measure_operator(lambda v: kernel @ v, e, problem.size, edges=edges) for e in (start, decayed)]
    assert np.abs(net_exchange(*pair, duration)).max() <= ROUNDING * pair[0].loss


def bad_operators_are_refused(drawn):
    """NaN, inf, another length, eigenvalues below 0, no symmetry, a start of zeros: ValueError of one line."""
    problem, bad = drawn
    eigenvalues, _, kernel, start = problem.drawn
    scale, where = max(eigenvalues.max(), 1e-60), problem.seed % problem.size
    spoiled = np.where(np.arange(problem.size) == where, bad, start)
    tilted = kernel + scale * np.triu(np.ones_like(kernel), 1)
    for operator, vector, options in (
        (lambda v: np.where(np.arange(problem.size) == where, bad, kernel @ v), start, {}),
        (lambda v: kernel @ v, spoiled, {}),
        (lambda v: kernel @ v, 0 * start, {}),
        (lambda v: (kernel @ v)[1:], start, {}),
        (lambda v: kernel @ v - 2 * scale * v, start, {}),
        (lambda v: kernel @ v, start, {"n_steps": 0}),
        (lambda v: kernel @ v, start, {"edges": [0.0, bad, np.inf]}),
        (lambda v: tilted @ v, start, {"method": "exact"}),
    ):
        for method in ("exact", "lanczos"):
            with pytest.raises(ValueError, match=r"\A[^\n]+\Z"):
                measure_operator(operator, vector, problem.size, **({"method": method} | options))


PROPERTIES = {
    "Lanczos weights: not negative, summing to the square of the start, nodes within the spectrum": (
        weights_are_a_measure,
        SEEING,
    ),
    "Lanczos directions orthonormal, kernel tridiagonal in them: spectra over 12 decades, degenerate, low rank, zero": (
        directions_are_orthonormal,
        PROBLEMS,
    ),
    "Lanczos moments up to twice the steps are those of dense eigenvectors": (moments_are_exact, SEEING),
    "Lanczos with all steps shares energy out among eigenvalues as dense eigenvectors do": (
        all_steps_find_every_mode_seen,
        PROBLEMS,
    ),
    "Lanczos stops by itself: no more steps than distinct eigenvalues, though more were asked for": (
        distinct_eigenvalues_bound_the_steps,
        PROBLEMS.filter(lambda problem: problem.spectrum in ("degenerate", "all equal", "rank 1", "zero")),
    ),
    "Lanczos in any unit of kernel and residual": (unit_and_basis_do_not_matter, SEEING),
    "measured shells sum to the loss and to its rate; exact ones are those of dense modes": (
        measured_shells_are_dense_shells,
        PROBLEMS,
    ),
    "a residual in the null space of a kernel: all energy in the lowest shell": (
        null_spaces_have_their_energy_in_the_lowest_shell,
        PROBLEMS.filter(lambda problem: problem.spectrum in ("low rank", "rank 1", "zero")),
    ),
    "net exchange of a frozen kernel is 0, over 8 decades of time": (frozen_kernels_exchange_nothing, PROBLEMS),
    "operators that are not finite, not symmetric, negative, of another size: ValueError of one line": (
        bad_operators_are_refused,
        st.tuples(PROBLEMS, st.sampled_from((np.nan, np.inf, -np.inf))),
    ),
}

test_properties, test_properties_at_length = property_tests(PROPERTIES, 40, 800)
