"""Deterministic equivalents: the learning curve of ridge regression and of random features, in every part.

Source: arXiv:2405.00592 (Atanasov, Zavatone-Veth, Pehlevan). The renormalised ridges solve, with P samples, D inputs,
T = D df1(kappa2) degrees of freedom and the layers' compressions phi,

    ridge = kappa1 (1 - T / P),     kappa1 = kappa2 prod_l phi_l(T).

The left equation says that the S-transform of the sampling noise, S = 1 / (1 - T / P), is the factor between the ridge
and kappa1, and the gap between training and test error. Ridge regression is the case without layers.
"""

from dataclasses import dataclass

import numpy as np

from scalinglaws.ridge.random_features import inverse_learned, layers_of
from scalinglaws.ridge.spectral_sums import Modes
from scalinglaws.solvers import bracketed_root

TINY = np.finfo(np.float64).tiny


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """What theory predicts, each field an array of the problem's shape.

    kappa1, kappa2 : renormalised ridges, of the features' and of the inputs' covariance (equal without features).
    df1, df2 : sum over inputs of (eigenvalue / (eigenvalue + kappa2))^1 or 2, divided by dim. Feature noise counts in
        df1, as the degrees of freedom that it takes from the samples, and not in df2, as it carries no signal.
    gamma1, gamma2 : share of the samples' degrees of freedom that the variance comes from, with features drawn anew
        and with their average; the variance of the predictor is gamma / (1 - gamma) times what it is fed with.
    kappa_slope : d log kappa2 / d log kappa1, the letter rho of the paper; 1 without features.
    bias, var_x, var_f, var_xf, var_xe, var_xfe : the error of the predictor averaged over samples X, features F and
        label noise e, and the variances over X, over F, and by their interactions.
    excess_risk : the sum of the six, mean square error on new inputs and noiseless labels.
    train_error : mean square error on the training labels, noise included.
    s_transform : S = kappa1 / ridge = 1 / (1 - dim * df1 / n_samples); inf where training interpolates at ridge 0.
    """

    kappa1: np.ndarray
    kappa2: np.ndarray
    df1: np.ndarray
    df2: np.ndarray
    gamma1: np.ndarray
    gamma2: np.ndarray
    kappa_slope: np.ndarray
    bias: np.ndarray
    var_x: np.ndarray
    var_f: np.ndarray
    var_xf: np.ndarray
    var_xe: np.ndarray
    var_xfe: np.ndarray
    excess_risk: np.ndarray
    train_error: np.ndarray
    s_transform: np.ndarray


def learning_curve(problem):
    """The `LearningCurve` of a `RidgeProblem` or `RandomFeatureProblem`, in float64, all points at once.

    At ridge = 0 the limit ridge -> 0 is returned. Where theory diverges in it (interpolation threshold: n_samples equal
    to the smallest width below the rank of the inputs, or, with label noise, to the rank) the error is inf and so is
    the part that diverges; s_transform is inf wherever training interpolates.

    Raises NotConverged if a root is not found, which the proven brackets leave no case for, and ValueError where the
    problem's numbers are so large, small or far apart that a field leaves double precision.
    """
    # What overflows, or divides 0 by 0, is found in the brackets or in the result, and refused there.
    with np.errstate(all="ignore"):
        try:
            return _curve(problem, *_flattened(problem))
        except ValueError as found:
            rule = "must have numbers that double precision holds, with their squares and ratios"
            raise ValueError(f"problem {rule}: {found}") from found


def _flattened(problem):
    """The curve's points in a row: samples, ridges, the modes of the inputs, the trace of feature noise, the layers."""
    samples, ridges = (_along(problem, value) for value in (problem.n_samples, problem.ridge))
    modes = Modes.of(problem.eigenvalues, problem.multiplicities, problem.target)
    layers = layers_of(problem)
    if not layers:
        return samples, ridges, modes, np.zeros_like(samples), layers
    # Feature noise acts like further inputs of infinitely small eigenvalues with this trace.
    tail = np.square(_along(problem, problem.feature_noise_std)) * problem.dim / layers[-1].scale
    return samples, ridges, modes, tail, layers


def _along(problem, value):
    return np.broadcast_to(value, problem.shape).ravel().astype(np.float64)


def _curve(problem, samples, ridges, modes, tail, layers):
    kappa2 = renormalised_ridge(problem.dim, samples, ridges, modes, tail, layers)
    squares, products, unlearned, half_learned = modes.at(kappa2)
    weak = np.divide(tail, kappa2, out=np.zeros_like(tail), where=tail > 0)
    learned, products = squares + products + weak, products + weak
    free, *compressions = _factors(problem.dim, samples, ridges, kappa2, learned, layers)
    slope, turned = _kappa_slope(problem.dim, learned, products, compressions, layers)
    gamma1, gamma2 = (squares + products * turned) / samples, squares / samples
    left1, left2 = free + products * slope / samples, free + products / samples
    noise = np.square(_along(problem, problem.noise_std))
    between = _ratio(products * turned / samples, left1 * left2)
    through_features = _ratio(turned * half_learned * gamma1, left1)
    edge = (free == 0) & (products == 0)
    if edge.any():
        between[edge] = _between_at_full_rank(problem.dim, edge, learned, compressions, layers)
        per_product = (modes.power / modes.eigenvalues).sum() / (modes.multiplicities / modes.eigenvalues).sum()
        through_features[edge] = (turned * samples / (1 + slope))[edge] * per_product
    parts = {
        "bias": unlearned,
        "var_x": _ratio(unlearned * gamma2, left2),
        "var_f": turned * half_learned,
        "var_xf": _product(unlearned, between) + through_features,
        "var_xe": _ratio(noise * gamma2, left2),
        "var_xfe": _product(noise, between),
    }
    excess_risk = sum(parts.values())
    fields = parts | {
        "kappa1": kappa2 * np.prod(compressions, axis=0),
        "kappa2": kappa2,
        "df1": learned / problem.dim,
        "df2": squares / problem.dim,
        "gamma1": gamma1,
        "gamma2": gamma2,
        "kappa_slope": slope,
        "excess_risk": excess_risk,
        "train_error": _product(free**2, excess_risk + noise),
        "s_transform": _ratio(np.ones_like(free), free),
    }
    diverges = (ridges == 0) & ((left1 == 0) | (left2 == 0))
    infinite = dict.fromkeys((*parts, "excess_risk"), diverges) | {"s_transform": (ridges == 0) & (free == 0)}
    for name, value in fields.items():
        _require_numbers(name, value, infinite.get(name, False))
    return LearningCurve(**{name: np.reshape(value, problem.shape) for name, value in fields.items()})


def _require_numbers(name, values, infinite):
    """ValueError where values are NaN, or infinite other than where theory says so."""
    bad = np.isnan(values) | (np.isinf(values) & ~np.asarray(infinite))
    if bad.any():
        raise ValueError(f"{name} = {values[bad][0]} must be finite")


def renormalised_ridge(dim, samples, ridges, modes, tail, layers):
    """kappa2 at each point (n,): the root of kappa (1 - T / P) prod phi = ridge, or its limit at ridge 0."""
    kappa = np.zeros_like(samples)
    capacity = np.minimum.reduce([samples, *(layer.rank for layer in layers)])
    # Without ridge the degrees of freedom fill what is there; inputs of smaller rank are learned in full.
    limit = (ridges == 0) & ((capacity < modes.rank) | (tail > 0))
    if limit.any():
        kappa[limit] = inverse_learned(modes, capacity[limit], tail[limit])
    above = ridges > 0
    if above.any():
        chosen = [layer.points(above) for layer in layers]
        kappa[above] = _positive_ridge(dim, samples[above], ridges[above], modes, tail[above], chosen)
    return kappa


def _positive_ridge(dim, samples, ridges, modes, tail, layers):
    """The root in log kappa. As 1 - T / P and phi / phi(0) are at most 1, it lies above ridge / prod phi(0); where T is
    below half of P and of what halves each phi, all of them are at least 1/2, which gives the upper end."""
    widest = sum((np.log(layer.widest / dim) for layer in layers), np.zeros_like(ridges))
    halved = np.minimum.reduce([samples / 2, *(layer.halved for layer in layers)])
    lower = np.log(ridges) - widest
    upper = np.maximum(np.log((modes.trace + tail) / halved), lower + (len(layers) + 1) * np.log(2.0))
    index = np.arange(len(samples))

    def excess(u, point):
        kappa, here = np.exp(u), [layer.points(point) for layer in layers]
        learned = modes.learned(kappa) + tail[point] / kappa
        factors = [1 - learned / samples[point], *(layer.compression(learned) / dim for layer in here)]
        return u + sum(np.log(np.maximum(factor, TINY)) for factor in factors) - np.log(ridges[point])

    return np.exp(bracketed_root(excess, lower - 1e-9, upper + 1e-9, args=(index,)).value)


def _factors(dim, samples, ridges, kappa, learned, layers):
    """1 - T / P and the phi of each layer; that with the least room, where T is a difference, from all the others."""
    factors = np.array([1 - learned / samples, *(layer.compression(learned) / dim for layer in layers)])
    room = np.array([samples, *(layer.rank for layer in layers)])
    # Where a limit kappa > 0 was found its T fills what has least room: known exactly, whatever digits kappa has lost.
    full = room <= np.where(kappa > 0, room.min(axis=0), learned) * (1 + 1e-14)
    factors[(ridges == 0) & full] = 0.0
    tightest, points = room.argmin(axis=0), np.arange(len(samples))
    above = ridges > 0
    others = np.prod(np.where(np.arange(len(room))[:, None] == tightest, 1.0, factors), axis=0)
    factors[tightest[above], points[above]] = (ridges / np.where(above, kappa * others, 1.0))[above]
    return factors


def _between_at_full_rank(dim, edge, learned, compressions, layers):
    """A quarter of the sum of y: the limit at ridge 0 with as many samples as the rank, where samples * free and
    products are equal, half_learned is in proportion to them, and all vanish with kappa."""
    points = [(layer.points(edge), phi[edge] * dim) for layer, phi in zip(layers, compressions, strict=True)]
    return sum((layer.steepness(learned[edge], phi) for layer, phi in points), np.zeros(edge.sum())) / 4


def _kappa_slope(dim, learned, products, compressions, layers):
    """(rho, 1 - rho) with rho = 1 / (1 + (T - D df2) / T * sum of y)."""
    turn = np.zeros_like(learned)
    for layer, compression in zip(layers, compressions, strict=True):
        steepness = layer.steepness(learned, compression * dim)
        # Both vanish together at ridge 0 where the width equals the rank of the inputs: the limit of the product is 1.
        vanishing = (products == 0) & np.isinf(steepness)
        turn += np.where(vanishing, 1.0, products / learned * np.where(vanishing, 0.0, steepness))
    return 1 / (1 + turn), np.divide(turn, 1 + turn, out=np.ones_like(turn), where=np.isfinite(turn))


def _ratio(numerator, denominator):
    """numerator / denominator, where nothing over nothing is nothing and the rest over nothing is infinite."""
    result = np.where(numerator == 0, 0.0, np.inf)
    return np.divide(numerator, denominator, out=result, where=denominator > 0)


def _product(first, second):
    """first * second, where nothing times infinity is nothing."""
    return np.where(first == 0, 0.0, first * np.where(first == 0, 0.0, second))
