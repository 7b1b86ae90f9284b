"""Sections as problem records: their spectra, the label's variance, ridges that depend on the samples, and refusals."""

import numpy as np
import pytest

from scalinglaws.ridge import RandomFeatureProblem, RidgeProblem
from scalinglaws.ridge.sections import input_spectrum, problem, structured_problem

ISOTROPIC = {"kind": "isotropic", "dim": 4}
POWER_LAW = {"kind": "power_law", "dim": 5, "capacity": 1.5, "source": 0.6}
BLOCKS = {"kind": "blocks", "dims": [1, 2], "eigenvalues": [1.0, 0.1], "coefficients": [2.0, 3.0]}
SECTION = {"inputs": POWER_LAW, "noise_std": 0.3, "ridge": 1e-3}
FEATURES = {"widths": [6, 7], "noise_std": 0.0, "convention": "input"}
N_SAMPLES = np.array([2.5, 40.0])
RANKS = np.arange(1, 6.0)


@pytest.mark.parametrize(
    ("inputs", "eigenvalues", "power"),
    [
        (ISOTROPIC, np.ones(4), np.ones(4)),
        (POWER_LAW, RANKS**-1.5, RANKS ** -(1 + 2 * 1.5 * 0.6)),
        (BLOCKS, [1.0, 0.1, 0.1], [4.0, 0.9, 0.9]),
    ],
)
def test_spectra_and_the_power_that_each_input_carries(inputs, eigenvalues, power):
    found, target = input_spectrum(inputs)
    np.testing.assert_allclose(found, eigenvalues)
    np.testing.assert_allclose(found * target**2, power / np.sum(power), rtol=1e-14)


def test_plain_sections_are_ridge_regression():
    record = problem(SECTION, N_SAMPLES)
    assert type(record) is RidgeProblem
    np.testing.assert_array_equal(record.n_samples, N_SAMPLES)
    assert (record.ridge, record.noise_std, record.dim) == (1e-3, 0.3, 5)


def test_sections_with_features_hold_their_layers():
    record = problem({**SECTION, "features": FEATURES}, N_SAMPLES)
    assert type(record) is RandomFeatureProblem
    assert (record.widths, record.convention, record.shape) == ((6, 7), "input", (2,))
    noisy = problem({**SECTION, "features": {**FEATURES, "widths": [6], "noise_std": 0.2}}, N_SAMPLES)
    assert (noisy.widths, noisy.feature_noise_std) == ((6,), 0.2)


def test_a_ridge_exponent_is_a_power_of_the_samples():
    record = problem({"inputs": ISOTROPIC, "noise_std": 0.0, "ridge_exponent": 1.5}, N_SAMPLES)
    np.testing.assert_allclose(record.ridge, 1 / (N_SAMPLES * np.sqrt(N_SAMPLES)))


def test_structured_features_fall_as_a_power_of_their_rank():
    section = {**SECTION, "n_samples": 3, "features": {"convention": "layer"}}
    record = structured_problem(section, 4, 0.5)
    np.testing.assert_allclose(record.feature_eigenvalues[0], [1, 2**-0.5, 3**-0.5, 0.5])
    assert (record.widths, record.n_samples, record.shape) == ((4,), 3, ())


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({**SECTION, "ridge_exponent": 1.0}, "must have one of ridge and ridge_exponent"),
        ({"inputs": ISOTROPIC, "noise_std": 0.0}, "must have one of ridge and ridge_exponent"),
        ({**SECTION, "inputs": {**ISOTROPIC, "kind": "flat"}}, "kind = 'flat' must be one of"),
        ({**SECTION, "inputs": {**ISOTROPIC, "dim": 0}}, "dim = 0 must be an integer >= 1"),
        ({**SECTION, "inputs": {**BLOCKS, "dims": [1, 0]}}, "dims = 0 must be an integer >= 1"),
        ({**SECTION, "inputs": {**BLOCKS, "coefficients": [1.0]}}, "an entry for each of the 2 blocks"),
        ({**SECTION, "noise_std": -1.0}, "noise_std = -1.0 must be >= 0"),
    ],
)
def test_what_no_record_can_be_made_of_is_refused(section, message):
    with pytest.raises(ValueError, match=message):
        problem(section, N_SAMPLES)


def test_no_samples_are_refused():
    with pytest.raises(ValueError, match=r"n_samples\[0\] = 0.0 must be > 0"):
        problem(SECTION, [0.0])
