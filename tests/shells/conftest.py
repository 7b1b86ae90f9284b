"""Steps of modes that are as general as a step can be, for the tests of budgets."""

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.stats import ortho_group

from scalinglaws.shells import Modes


@pytest.fixture(scope="session")
def turn_of():
    """Function of rng, size and angle: a random rotation whose largest angle is `angle`."""

    def draw(rng, size, angle):
        generator = rng.standard_normal((size, size))
        generator -= generator.T
        return expm(angle * generator / np.linalg.norm(generator, 2))

    return draw


@pytest.fixture(scope="session")
def step_of(turn_of):
    """Factory of (before, after): turned basis, eigenvalues that drift over two decades, any change of residual."""

    def make(seed, *, size=9, angle=0.3, change=0.5, n_samples=None):
        rng = np.random.default_rng(seed)
        eigenvalues = np.sort(np.exp(rng.uniform(np.log(0.1), np.log(20), size)))
        vectors, residual = ortho_group.rvs(size, random_state=rng), rng.standard_normal(size)
        moved = np.sort(eigenvalues * np.exp(0.4 * rng.standard_normal(size)))
        turned, changed = vectors @ turn_of(rng, size, angle), residual + change * rng.standard_normal(size)
        count = n_samples or size
        return Modes(eigenvalues, vectors, residual, count), Modes(moved, turned, changed, count)

    return make
