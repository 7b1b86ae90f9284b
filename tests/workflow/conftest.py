"""Copies of the workflow to run it in."""

import pytest
from checkouts import Checkout


@pytest.fixture(scope="session")
def checkout_of():
    """Function of a folder, yet to be made: a checkout there."""
    return Checkout


@pytest.fixture
def checkout(tmp_path):
    """A checkout of one test's own."""
    return Checkout(tmp_path / "elsewhere")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """A checkout that nothing was run in, its path with a space and an accent."""
    return Checkout(tmp_path_factory.mktemp("fresh") / "à propos")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A checkout with a finished smoke run."""
    checkout = Checkout(tmp_path_factory.mktemp("finished") / "à propos")
    done = checkout.run()
    assert done.returncode == 0, done.stdout + done.stderr
    return checkout
