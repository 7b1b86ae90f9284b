"""Kernels and steps of every kind that theory names, drawn from a seed, and how a property is tried on many of them."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm
from scipy.stats import ortho_group

from scalinglaws.shells import decompose

# Spectra of `size` eigenvalues, by kind; all within the shells of `EDGES` but for those that are 0.
SPECTRA = {
    "random": lambda rng, size: 10 ** rng.uniform(-1, 1, size),
    "12 decades": lambda rng, size: 10 ** rng.uniform(-12, 0, size),
    "power law": lambda rng, size: np.arange(1.0, size + 1) ** -rng.uniform(0.5, 3),
    "degenerate": lambda rng, size: rng.choice([0.1, 1.0, 3.0], size),
    "all equal": lambda rng, size: np.full(size, 10 ** rng.uniform(-3, 1)),
    "low rank": lambda rng, size: np.where(np.arange(size) < (size + 1) // 2, rng.uniform(0.1, 1, size), 0.0),
    "rank 1": lambda rng, size: np.where(np.arange(size) == 0, 2.0, 0.0),
    "zero": lambda rng, size: np.zeros(size),
}
# Residuals of a kernel with these eigenvectors, by kind.
RESIDUALS = {
    "random": lambda rng, vectors: rng.standard_normal(len(vectors)),
    "one mode": lambda rng, vectors: vectors[:, rng.integers(len(vectors))],
    "12 decades": lambda rng, vectors: vectors @ (10 ** rng.uniform(-12, 0, len(vectors))),
    "large": lambda rng, vectors: 1e9 * rng.standard_normal(len(vectors)),
    "zero": lambda rng, vectors: np.zeros(len(vectors)),
}
# Edges from 13 decades below 1 to 4 above.
RATIOS = (1.5, 2.0, 10.0)


@dataclass(frozen=True)
class Case:
    """What a step is drawn from; its text says all of it where a property fails."""

    seed: int
    size: int
    n_outputs: int
    spectrum: str
    residual: str
    angle: float
    ratio: float
    grid_offset: float


CASES = st.builds(
    Case,
    seed=st.integers(0, 2**32 - 1),
    size=st.integers(1, 6).map(lambda half: 2 * half),
    n_outputs=st.sampled_from((1, 2)),
    spectrum=st.sampled_from(tuple(SPECTRA)),
    residual=st.sampled_from(tuple(RESIDUALS)),
    angle=st.sampled_from((0.0, 1e-9, 1e-3, 0.1, 0.5)),
    ratio=st.sampled_from(RATIOS),
    grid_offset=st.floats(-0.49, 0.49),
)


def hold(body, strategy, count):
    """Try `body` on `count` draws, always the same ones."""
    settings(derandomize=True, deadline=None, database=None, max_examples=count)(given(strategy)(body))()


def property_tests(properties, short, long):
    """Two tests of each property, by name a body, what it is tried on, and what is told unless "holds".

    The first tries `short` draws and tells what came of it; the second, with --long, tries `long` of them.
    """

    @pytest.mark.parametrize("name", properties)
    def briefly(tell, name):
        body, strategy, *outcome = properties[name]
        hold(body, strategy, short)
        tell("Properties of the library", name, *outcome or ["holds"])

    @pytest.mark.long
    @pytest.mark.parametrize("name", properties)
    def at_length(name):
        hold(*properties[name][:2], long)

    return briefly, at_length


def symmetric(vectors, eigenvalues):
    """The kernel with these eigenpairs, symmetric to the last bit."""
    kernel = vectors * eigenvalues @ vectors.T
    return (kernel + kernel.T) / 2


def turn(rng, size, angle):
    """A random rotation whose largest angle is `angle`."""
    generator = rng.standard_normal((size, size))
    generator -= generator.T
    return expm(angle * generator / np.linalg.norm(generator, 2))


def drawn_kernels(case):
    """Kernels and residuals before and after a step: pairs (kernel, residual), and the step's generator of numbers.

    Eigenvectors turn by up to the angle, eigenvalues move by a tenth of themselves and the residual decays to about
    half. A residual of zero comes to life in the step where the seed is odd.
    """
    rng, size = np.random.default_rng(case.seed), case.size
    vectors, eigenvalues = ortho_group.rvs(size, random_state=rng), SPECTRA[case.spectrum](rng, size)
    residual = RESIDUALS[case.residual](rng, vectors)
    turned, moved = vectors @ turn(rng, size, case.angle), eigenvalues * np.exp(0.1 * rng.standard_normal(size))
    scale = np.abs(residual).max() or float(case.seed % 2)
    decayed = 0.5 * residual + 0.1 * scale * rng.standard_normal(size)
    return (symmetric(vectors, eigenvalues), residual), (symmetric(turned, moved), decayed), rng


def drawn_step(case):
    """Modes before and after, as `decompose` finds them, so with the bases that a solver picks."""
    before, after, _ = drawn_kernels(case)
    n_samples = case.size // case.n_outputs
    return decompose(*before, n_samples), decompose(*after, n_samples)
