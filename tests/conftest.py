"""Small random networks on random data, and smooth families of kernels: shared by the tests of both."""

import numpy as np
import pytest
import torch
from scipy.linalg import expm
from scipy.stats import ortho_group
from threadpoolctl import threadpool_limits

from scalinglaws.networks import Network, initialise, start_flow


def pytest_addoption(parser):
    """Options of `make test-long`."""
    parser.addoption("--long", action="store_true", help="also the tests marked long, minutes each")
    parser.addoption("--write-outcomes", action="store_true", help="write tests/reliability/README.md")


def pytest_collection_modifyitems(config, items):
    """Tests marked long are run where they are asked for."""
    if not config.getoption("--long"):
        long = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Arrays are small: several threads that wait for one another make some tests a hundred times slower."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def make_flow():
    """Factory of (flow, parameters), drawn from one seed; further keywords describe the architecture."""

    def make(seed=0, *, n=6, dim=4, richness=1.0, target_scale=1.0, dtype=torch.float64, width=12, depth=2, **more):
        rng = np.random.default_rng(seed)
        network = Network(dim, width, depth, **more)
        inputs, targets = rng.standard_normal((n, dim)), rng.standard_normal((n, network.n_outputs))
        parameters = initialise(rng, network, dtype=dtype)
        data = (torch.as_tensor(array, dtype=dtype) for array in (inputs, target_scale * targets))
        return start_flow(network, parameters, *data, richness), parameters

    return make


@pytest.fixture(scope="session")
def make_kernels():
    """Factory of (kernel, rate): M(t), smooth, positive definite, eigenvalues well apart, and its derivative M'(t)."""

    def make(seed=0, size=6):
        rng = np.random.default_rng(seed)
        first, second = (rng.standard_normal((size, size)) for _ in range(2))
        basis = ortho_group.rvs(size, random_state=rng)

        def kernel(t):
            turned = basis @ expm(t * (first - first.T) / 4)
            eigenvalues = np.arange(1, size + 1) * (1 + 0.1 * np.sin(t + np.arange(size)))
            return turned * eigenvalues @ turned.T + t**2 * (second + second.T) / 20

        def rate(t, h=1e-3):
            """Five-point differences: errors of h^4 = 1e-12 and 1e-16 / h."""
            return (8 * (kernel(t + h) - kernel(t - h)) - kernel(t + 2 * h) + kernel(t - 2 * h)) / (12 * h)

        return kernel, rate

    return make
