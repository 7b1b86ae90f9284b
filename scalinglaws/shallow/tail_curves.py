"""Tail exponent of the learned spectrum against the risk in theory, from networks that fit noise to shrunken ones.

The teacher's strengths dim^1/2 k^-decay have a density ~ s^-(1 + 1/decay): the exponent to expect of what is learned. A
coefficient or eigenvalue s that is learned shows as s - threshold (in the quadratic case with delta^2 / s added), whose
local exponent at x is 1 + (1/decay) x / (x + threshold): below the teacher's, a heavier tail, until x is far above the
threshold. Noise that is fitted adds a bulk below the tail.
"""

from itertools import product

import numpy as np
from scipy.special import ndtr

from scalinglaws import checks
from scalinglaws.shallow.heavy_tails import MINIMUM_TAIL, power_law_tail
from scalinglaws.shallow.problem import DiagonalProblem, QuadraticProblem, binned_strengths
from scalinglaws.shallow.state_evolution import state_evolution
from scalinglaws.shallow.typical_spectra import typical_coefficients, typical_eigenvalues

TYPICAL = {"diagonal": typical_coefficients, "quadratic": typical_eigenvalues}
PHASES = ("noise fitted", "features learned", "over-regularised")


def tail_curves(settings):
    """Columns of a table with a row for each network, decay, number of samples and weight decay: arrays of one length.

    settings : dim, an integer; decays, > 1/2; noise_variance >= 0; effective_samples, n_eff > 0; weight_decays > 0.

    Columns beside the parameters: delta, threshold and excess_risk of `state_evolution`; relative_risk, over that of a
    network that is 0; kept, a number of modes, and features, those of them that the teacher would have without noise;
    phase; of the typical spectrum exponent, standard_error, x_min and n_tail of `power_law_tail`, and of that spectrum
    with the threshold added back unshifted_exponent and unshifted_error; teacher_exponent, 1 + 1/decay. Where fewer
    than `MINIMUM_TAIL` modes are kept there is no tail: n_tail is 0 and its other columns NaN.

    phase : "noise fitted" if most of the modes that are kept are not the teacher's; "over-regularised" if the threshold
    is more than twice the largest noise, 2 delta or, for coefficients, delta (2 log dim)^1/2; else "features learned".
    Bad input: ValueError.
    """
    curves = product(TYPICAL, settings["decays"], settings["effective_samples"])
    rows = [row for kind, decay, n_eff in curves for row in _curve(settings, kind, decay, n_eff)]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _curve(settings, kind, decay, n_eff):
    """Rows along the weight decays, which are those of one problem."""
    dim, noise_variance = settings["dim"], checks.at_least("noise_variance", settings["noise_variance"], 0)
    strengths, multiplicities = binned_strengths(dim, decay)
    weight_decays = checks.positive_array("weight_decays", settings["weight_decays"], ndim=1)
    curve, options = (weight_decays, np.sqrt(noise_variance)), {"multiplicities": multiplicities}
    if kind == "diagonal":
        problem = DiagonalProblem(strengths, n_eff, *curve, teacher="gaussian", **options)
    else:
        problem = QuadraticProblem(strengths, n_eff * dim, *curve, **options)
    solution = state_evolution(problem)
    null_risk = (multiplicities @ strengths**2) / dim * (1 if kind == "diagonal" else 2)
    points = zip(weight_decays, solution.delta, solution.threshold, solution.excess_risk, strict=True)
    for weight_decay, delta, threshold, risk in points:
        spectrum = TYPICAL[kind](strengths, multiplicities, delta, threshold)
        features = _features(kind, strengths, delta, threshold) @ multiplicities
        yield {
            **{"kind": kind, "decay": decay, "dim": dim, "n_eff": n_eff, "weight_decay": weight_decay},
            **{"delta": delta, "threshold": threshold, "excess_risk": risk, "relative_risk": risk / null_risk},
            **{"kept": spectrum.size, "features": features},
            "phase": _phase(spectrum.size, features, threshold / (delta * _largest_noise(kind, dim))),
            **_tail(spectrum, threshold),
            "teacher_exponent": 1 + 1 / decay,
        }


def _features(kind, strengths, delta, threshold):
    """Share of each strength that is above the threshold without noise: for coefficients a Gaussian's, else 0 or 1."""
    if kind == "diagonal":
        return 2 * ndtr(-threshold / strengths)
    return (strengths > delta) & (strengths + delta**2 / strengths > threshold)


def _largest_noise(kind, dim):
    """In units of delta: of dim Gaussian numbers, and of the eigenvalues of a GOE matrix."""
    return np.sqrt(2 * np.log(dim)) if kind == "diagonal" else 2.0


def _phase(kept, features, threshold):
    """Name of the phase; the threshold in units of the largest noise."""
    if kept > 2 * features:
        return PHASES[0]
    return PHASES[2] if threshold > 2 else PHASES[1]


def _tail(spectrum, threshold):
    names = ("exponent", "standard_error", "x_min", "n_tail", "unshifted_exponent", "unshifted_error")
    if spectrum.size < MINIMUM_TAIL:
        return {name: 0 if name == "n_tail" else np.nan for name in names}
    shown, unshifted = power_law_tail(spectrum), power_law_tail(spectrum + threshold)
    values = (shown.exponent, shown.standard_error, shown.x_min, shown.n_tail)
    return dict(zip(names, (*values, unshifted.exponent, unshifted.standard_error), strict=True))
