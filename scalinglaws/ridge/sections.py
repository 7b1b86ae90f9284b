"""From the settings of a section, one spectrum with its target, noise, ridge and features, to a problem record.

The sections are those of arXiv:2405.00592, one figure of learning curves each. Targets are scaled so that the
noiseless label has variance 1: sum of eigenvalue * target^2 over the inputs.
"""

import numpy as np

from scalinglaws import checks
from scalinglaws.ridge.problem import RandomFeatureProblem, RidgeProblem
from scalinglaws.spectra import power_law_spectrum, power_law_target


def problem(section, n_samples):
    """The record of a section's curve over `n_samples`, any array of numbers > 0.

    section : mapping with
        inputs : mapping that `input_spectrum` reads.
        noise_std : standard deviation of the label noise.
        ridge, or ridge_exponent : the ridge, or l where it is n_samples^-l.
        features : absent for a `RidgeProblem`; else the widths, the features' noise_std and the convention of a
            `RandomFeatureProblem` with independent weights.

    ValueError on anything that the record refuses, and on both or neither of ridge and ridge_exponent.
    """
    common = _common(section, n_samples)
    features = section.get("features")
    if features is None:
        return RidgeProblem(*common)
    return RandomFeatureProblem(*common, features["widths"], features["noise_std"], convention=features["convention"])


def structured_problem(section, width, feature_capacity):
    """The record of one layer of `width` features whose eigenvalues fall as k^-feature_capacity, k = 1..width.

    n_samples is the section's own; otherwise as `problem`, with convention alone of the section's features.
    """
    spectrum = power_law_spectrum(width, feature_capacity)
    convention = section["features"]["convention"]
    common = _common(section, section["n_samples"])
    return RandomFeatureProblem(*common, width, feature_eigenvalues=spectrum, convention=convention)


def input_spectrum(inputs):
    """(eigenvalues, target), each (dim,), of a mapping with `kind` and its numbers.

    isotropic : dim; all eigenvalues 1 and all coefficients alike.
    power_law : dim, capacity, source; eigenvalues k^-capacity, see `scalinglaws.spectra`.
    blocks : dims, eigenvalues, coefficients, one of each per block of inputs that share them.
    """
    eigenvalues, target = SPECTRA[checks.one_of("kind", inputs["kind"], tuple(SPECTRA))](inputs)
    return eigenvalues, target / np.sqrt(np.sum(eigenvalues * target**2))


def _isotropic(inputs):
    dim = checks.integer("dim", inputs["dim"], minimum=1)
    return np.ones(dim), np.ones(dim)


def _power_law(inputs):
    eigenvalues = power_law_spectrum(inputs["dim"], inputs["capacity"])
    return eigenvalues, power_law_target(eigenvalues, inputs["capacity"], inputs["source"])


def _blocks(inputs):
    dims = [checks.integer("dims", dim, minimum=1) for dim in inputs["dims"]]
    for name in ("eigenvalues", "coefficients"):
        if len(inputs[name]) != len(dims):
            raise ValueError(f"{name} = {inputs[name]} must have an entry for each of the {len(dims)} blocks")
    return np.repeat(inputs["eigenvalues"], dims), np.repeat(inputs["coefficients"], dims)


SPECTRA = {"isotropic": _isotropic, "power_law": _power_law, "blocks": _blocks}


def _common(section, n_samples):
    """Eigenvalues, target, n_samples, ridge and noise_std, in the order of the records."""
    n_samples = checks.positive_array("n_samples", n_samples)
    return *input_spectrum(section["inputs"]), n_samples, _ridge(section, n_samples), section["noise_std"]


def _ridge(section, n_samples):
    if ("ridge" in section) == ("ridge_exponent" in section):
        raise ValueError(f"section has the keys {sorted(section)} and must have one of ridge and ridge_exponent")
    return section["ridge"] if "ridge" in section else n_samples ** -section["ridge_exponent"]
