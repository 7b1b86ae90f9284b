"""Features of a real non-linearity beside the noise that theory puts in its place, and where such noise takes over."""

from dataclasses import asdict, dataclass

import numpy as np

from scalinglaws.ridge.crossover import QUANTITIES, noisy_curve, regimes
from scalinglaws.ridge.equivalents import learning_curve
from scalinglaws.ridge.erf_features import erf_learning_curve
from scalinglaws.ridge.experiments.setup import member_rng
from scalinglaws.ridge.problem import RandomFeatureProblem

# Points of the theory curves.
GRID = 61


@dataclass(frozen=True)
class Erf:
    """A simulation of erf features whose non-linear rest has this standard deviation."""

    noise_std: float


@dataclass(frozen=True)
class Crossover:
    """Exact theory of features with noise of this trace, dim feature_noise_std^2."""

    trace: float


def members(settings):
    """One for each non-linearity and one for each trace."""
    return [*map(Erf, settings["erf"]["feature_noise_std"]), *map(Crossover, settings["crossover"]["traces"])]


def run(settings, member):
    """Of an `Erf` the parts of the error with standard errors and theory, with noise and without; of a `Crossover` the
    curve and the regimes of its rates."""
    if isinstance(member, Crossover):
        return {"kind": "crossover", "trace": member.trace, **_crossover(settings["crossover"], member.trace)}
    rng = member_rng("nonlinear_features", f"erf {member.noise_std:g}", settings["seed"])
    return {"kind": "erf", "feature_noise_std": member.noise_std, **_erf(settings["erf"], member.noise_std, rng)}


def _erf(chosen, noise_std, rng):
    noisy, draws = _isotropic(chosen, noise_std, chosen["n_samples"]), chosen["draws"]
    measured, errors = erf_learning_curve(noisy, rng, draws["data"], draws["features"])
    grid = np.geomspace(min(chosen["n_samples"]), max(chosen["n_samples"]), GRID)
    return {
        **{name: chosen[name] for name in ("dim", "width", "n_samples")},
        **{"data_draws": draws["data"], "feature_draws": draws["features"], "grid": grid},
        **{"measured": measured, "standard_error": errors},
        **{f"{name}_at_points": _theory(chosen, std, chosen["n_samples"], measured) for name, std in _kinds(noise_std)},
        **{f"{name}_on_grid": _theory(chosen, std, grid, measured) for name, std in _kinds(noise_std)},
    }


def _kinds(noise_std):
    """Theory with the noise that stands for the non-linear rest, and without it."""
    return (("noisy", noise_std), ("linear", 0.0))


def _theory(chosen, feature_noise_std, n_samples, parts):
    curve = learning_curve(_isotropic(chosen, feature_noise_std, n_samples))
    return {part: getattr(curve, part) for part in parts}


def _isotropic(chosen, feature_noise_std, n_samples):
    dim, noise, ridge = chosen["dim"], chosen["noise_std"], chosen["ridge"]
    target = np.full(dim, dim**-0.5)
    return RandomFeatureProblem(np.ones(dim), target, n_samples, ridge, noise, chosen["width"], feature_noise_std)


def _crossover(chosen, trace):
    low, high, count = (chosen["n_samples"][name] for name in ("low", "high", "count"))
    n_samples = np.geomspace(low, high, count)
    capacity, source, width = chosen["capacity"], chosen["source"], chosen["width"]
    curve = noisy_curve(int(chosen["dim"]), capacity, source, width, trace, n_samples)
    found = {
        regime.name: asdict(regime) | {"middle": regime.middle} for regime in regimes(capacity, trace, width, low, high)
    }
    values = {name: getattr(curve, name) for name in QUANTITIES}
    return {"source": source, "width": width, "n_samples": n_samples, "curve": values, "regimes": found}
