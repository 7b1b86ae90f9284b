"""The clock of a flow, for the tests of steps and of whole runs."""

import pytest

from scalinglaws.networks import take_snapshot


@pytest.fixture(scope="session")
def fastest_time():
    """Function of flow and parameters: 1 / lam_max, the time of the fastest mode at the start."""

    def measure(flow, parameters):
        return 1 / float(take_snapshot(flow, 0.0, parameters).eigenvalues.max())

    return measure
