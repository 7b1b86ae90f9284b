"""Double descent against the number of parameters and against time, each beside its spectral prediction.

Models that are linear in their parameters are lazy at any richness: their members have richness 0.
"""

from dataclasses import asdict, dataclass
from itertools import product

import numpy as np

from scalinglaws.shells.double_descent import descent_response, flow_response
from scalinglaws.shells.experiments.generalisation import error_curve
from scalinglaws.shells.experiments.setup import member_rng
from scalinglaws.shells.linear_models import feature_model, gradient_descent, least_norm, random_features
from scalinglaws.shells.noisy_regression import block_regression, plateaus
from scalinglaws.shells.partition import SharpShells

# Shells in which the effect of label noise is counted, in units of the mean eigenvalue.
NOISE_EDGES = np.array([0.0, 1e-4, 1e-3, 1e-2, 1e-1, np.inf])


@dataclass(frozen=True)
class Run:
    """One member: a model (key of RUNS), its activation, richness, hidden units (0: none or several) and its seed."""

    model: str
    activation: str
    richness: float
    width: int
    seed: int


def members(settings):
    """Random features by activation and seed; networks by width, richness and seed; then both two-scale models."""
    features, widths, epochs, seeds = (settings[name] for name in ("features", "widths", "epochs", "seeds"))
    linear = product(["random_features"], features["activations"], [0.0], [0], features["seeds"])
    activation = [widths["network"]["activation"]]
    networks = product(["network"], activation, widths["richness"], widths["widths"], seeds)
    regression = product(["two_scale_regression"], ["none"], [0.0], [0], seeds)
    network = epochs["network"]
    two_scale = product(["two_scale_network"], [network["activation"]], epochs["richness"], [network["width"]], seeds)
    return [Run(*chosen) for part in (linear, networks, regression, two_scale) for chosen in part]


def run(settings, member):
    """Measured and predicted test error of one member, with what identifies it."""
    return {**asdict(member), **RUNS[member.model](settings, member)}


def _draw(settings, model, seed):
    """Generator and data of a seed: the same for every width, richness and activation of a model's family."""
    rng = member_rng("shells/double_descent", model, seed)
    return rng, block_regression(rng, **settings["data"])


def _run_features(settings, member):
    """Least-norm and early-stopped readouts over all numbers of features, and the noise that each shell lets in."""
    chosen = settings["features"]
    rng, problem = _draw(chosen, "features", member.seed)
    weights = rng.standard_normal((max(chosen["n_features"]), problem.inputs.shape[1]))
    rows = [_fit_features(chosen, problem, weights[:count], member.activation) for count in chosen["n_features"]]
    stacked = {name: {key: np.array([row[name][key] for row in rows]) for key in rows[0][name]} for name in rows[0]}
    n_features = np.array(chosen["n_features"])
    return {"n_features": n_features, "ratio": n_features / len(problem.targets), "edges": NOISE_EDGES, **stacked}


def _fit_features(chosen, problem, weights, activation):
    """One number of features: test errors measured and predicted, times trained, and the error's parts by shell."""
    features, tests = (random_features(x, weights, activation) for x in (problem.inputs, problem.test_inputs))
    model = feature_model(features, problem.targets, tests)
    eigenvalues, truth = model.modes.eigenvalues, problem.test_truth
    rate, n_steps = chosen["rate"] / eigenvalues.max(), chosen["n_steps"]
    stopped = next(gradient_descent(features, problem.targets, rate, [n_steps]))
    fitted = {"least_norm": least_norm(features, problem.targets), "early_stopping": stopped}
    settled = flow_response(eigenvalues, np.inf)
    responses = {"least_norm": settled, "early_stopping": descent_response(eigenvalues, rate, n_steps)}
    windows = SharpShells(NOISE_EDGES * eigenvalues.mean()).windows(eigenvalues)
    clean = feature_model(features, problem.truth, tests).test_error(settled, truth)
    noise = windows @ model.noise_error(settled, chosen["data"]["noise_std"])
    return {
        "measured": {name: ((tests @ readout - truth) ** 2).mean() for name, readout in fitted.items()},
        "predicted": {name: model.test_error(response, truth) for name, response in responses.items()},
        "duration": {"least_norm": np.inf, "early_stopping": rate * n_steps},
        "parts": {"clean": clean, "noise": noise},
    }


def _run_network(settings, member):
    """A network of one width at the end of its training time."""
    chosen = settings["widths"]
    rng, problem = _draw(chosen, "widths", member.seed)
    curve = _error_curve(settings, chosen, member, rng, problem)
    n_parameters = member.width * (problem.inputs.shape[1] + 1)
    errors = {name: getattr(curve, name)[-1] for name in ("measured", "predicted", "train_error")}
    return {"ratio": n_parameters / len(problem.targets), "duration": chosen["duration"], **errors}


def _run_two_scale_network(settings, member):
    """A network's test error over time on two-scale data."""
    chosen = settings["epochs"]
    rng, problem = _draw(chosen, "epochs", member.seed)
    return asdict(_error_curve(settings, chosen, member, rng, problem))


def _error_curve(settings, chosen, member, rng, problem):
    network = {**chosen["network"], "width": member.width}
    training = {name: chosen[name] for name in ("duration", "tolerance", "first_step")}
    place = {name: settings[name] for name in ("device", "dtype")}
    return error_curve(rng, problem, network, richness=member.richness, **training, **place)


def _run_two_scale_regression(settings, member):
    """Linear regression by gradient descent on the same data, read at log-spaced numbers of steps."""
    chosen = settings["epochs"]
    _, problem = _draw(chosen, "epochs", member.seed)
    model = feature_model(problem.inputs, problem.targets, problem.test_inputs)
    rate = chosen["descent"]["rate"] / model.modes.eigenvalues.max()
    n_steps = np.unique(np.geomspace(1, chosen["descent"]["n_steps"], chosen["descent"]["n_points"]).astype(int))
    n_steps = np.append(0, n_steps)
    weights = np.array(list(gradient_descent(problem.inputs, problem.targets, rate, n_steps)))
    outputs, truth = weights @ problem.test_inputs.T, problem.test_truth
    response = descent_response(model.modes.eigenvalues, rate, n_steps)
    sizes = {name: chosen["data"][name] for name in ("n_samples", "dims", "signals", "noise_std")}
    return {
        "time": rate * n_steps,
        "measured": ((outputs - truth) ** 2).mean(-1),
        "predicted": model.test_error(response, truth),
        "output_gap": np.abs(outputs - model.test_outputs(response)).max(),
        "plateaus": plateaus(**sizes),
    }


RUNS = {
    "random_features": _run_features,
    "network": _run_network,
    "two_scale_regression": _run_two_scale_regression,
    "two_scale_network": _run_two_scale_network,
}
