"""Ridge regression on drawn samples and features, with exact population errors: what the theory is compared with."""

from dataclasses import dataclass

import numpy as np

from scalinglaws import checks
from scalinglaws.ridge.decomposition import Draws, parts, standard_errors
from scalinglaws.ridge.ensemble import FORMS, SCALARS, Design, fit_ensemble
from scalinglaws.ridge.problem import RandomFeatureProblem

PARTS = ("bias", "var_x", "var_f", "var_xf", "var_xe", "var_xfe")


@dataclass(frozen=True, eq=False)
class Simulation:
    """Means over all draws; every field has the shape of the problem.

    bias, var_x, var_f, var_xf, var_xe, var_xfe : unbiased estimates of the parts of the excess risk (of one of them
        that is small, also < 0); see `scalinglaws.ridge.decomposition`. Variances over the data (x), the features (f)
        and the label noise (e); var_f, var_xf and var_xfe are 0 without random features.
    excess_risk : their sum, E (prediction - noiseless label)^2 over the population, without the label noise.
    train_error : mean square error on the noisy training labels.
    kappa1, s_transform, df1 : estimates of the renormalised ridge, 1 / [(1/n_samples) tr (K + ridge)^-1] with
        K = features features^T / n_samples; of kappa1 / ridge (inf at ridge 0 where the labels are interpolated);
        and tr K (K + ridge)^-1 / dim.
    gcv, kare : estimates of excess_risk + noise_std^2 from the training set alone, s_transform^2 train_error and the
        kernel alignment risk estimator; equal in exact arithmetic. At ridge 0 their limits.
    standard_error : a `Simulation` of the standard errors of all of these, by the jackknife over data and features,
        without one of its own (None).
    """

    bias: np.ndarray
    var_x: np.ndarray
    var_f: np.ndarray
    var_xf: np.ndarray
    var_xe: np.ndarray
    var_xfe: np.ndarray
    excess_risk: np.ndarray
    train_error: np.ndarray
    gcv: np.ndarray
    kare: np.ndarray
    kappa1: np.ndarray
    s_transform: np.ndarray
    df1: np.ndarray
    standard_error: "Simulation | None" = None


def simulate(problem, rng, n_data_draws=8, n_feature_draws=8):
    """The `Simulation` of a `RidgeProblem` or `RandomFeatureProblem`: `n_data_draws` samples by `n_feature_draws` maps.

    Every sample meets every feature map. The points of a curve share their draws: fewer samples are the leading ones of
    the largest sample, so neighbouring points err together. Errors are exact averages over the population, no test
    set: a predictor's error is its coefficients' distance from the target in the norm of the covariance, plus
    feature_noise_std^2 |weights|^2 for the fresh noise of test features. Feature noise acts as infinitely many weak
    input directions would: two predictors share its contribution when they share the feature map.

    The error coefficients of all draws of the points that share their features are held together: 2 * n_data_draws *
    n_feature_draws * dim * 8 bytes a point (half of it without label noise).

    ValueError unless n_samples and widths are integers, multiplicities are 1 and there are at least 2 draws each; also
    where ridge is too small for double precision. With 2 draws of either kind standard errors are inf: unknown.
    """
    random_features = isinstance(problem, RandomFeatureProblem)
    n_data = checks.integer("n_data_draws", n_data_draws, minimum=2)
    n_maps = checks.integer("n_feature_draws", n_feature_draws, minimum=2) if random_features else 1
    designs, place = _designs(problem)
    data_seeds, map_seeds = (rng.integers(2**63, size=size).tolist() for size in (n_data, n_maps))
    found = [fit_ensemble(problem, design, data_seeds, map_seeds) for design in designs]
    products, noise_products, forms, scalars = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    noise_std = np.broadcast_to(problem.noise_std, problem.shape).ravel()
    statistics = np.concatenate([_noisy(forms[place], noise_std), scalars[place]], axis=-1)
    noisy = noise_products[place] * (noise_std**2)[:, None, None, None]
    draws = Draws(products[place], noisy, statistics)
    error = _record(standard_errors(draws, _with_risk), problem)
    return _record(_with_risk(draws), problem, standard_error=error)


def _with_risk(draws):
    values = parts(draws)
    return np.column_stack([values, values[:, : len(PARTS)].sum(1)])


def _record(values, problem, standard_error=None):
    names = (*PARTS, *FORMS, *SCALARS, "excess_risk")
    named = {name: column.reshape(problem.shape) for name, column in zip(names, values.T, strict=True)}
    df1 = named.pop("degrees_of_freedom") / problem.dim
    return Simulation(**named, df1=df1, standard_error=standard_error)


def _noisy(forms, noise_std):
    """The quadratic forms (n_points, ..., n_forms, 2, 2) for labels clean + noise_std * noise."""
    sides = np.stack([np.ones_like(noise_std), noise_std])
    return np.einsum("ap,p...ab,bp->p...", sides, forms, sides)


def _designs(problem):
    """The designs of the different fits of a curve, and for each of its points the number of its fit."""
    sizes = {"n_samples": problem.n_samples}
    rows = [problem.n_samples, problem.ridge]
    if isinstance(problem, RandomFeatureProblem):
        sizes |= {f"widths[{layer}]": width for layer, width in enumerate(problem.widths)}
        rows = [*problem.widths, problem.feature_noise_std, *rows]
    for name, size in sizes.items():
        _require_all(name, size, size % 1 == 0, "an integer in a simulation")
    for name, counts in _multiplicities(problem):
        _require_all(name, counts, counts == 1, "1 in a simulation: every direction by itself")
    table = np.column_stack([np.broadcast_to(row, problem.shape).ravel() for row in rows])
    fits, place = np.unique(table, axis=0, return_inverse=True)
    designs = [_design(rows[0, :-2], rows[:, -2:]) for rows in _split(fits, slice(-2))]
    return designs, place.ravel()


def _design(features, fits):
    *widths, feature_noise_std = features if features.size else (0.0,)
    paths = tuple((int(rows[0, 0]), rows[:, 1]) for rows in _split(fits, slice(1)))
    return Design(tuple(map(int, widths)), feature_noise_std, paths)


def _split(rows, columns):
    """Sorted rows cut wherever the entries in `columns` change."""
    return np.split(rows, 1 + np.flatnonzero((rows[1:, columns] != rows[:-1, columns]).any(1)))


def _multiplicities(problem):
    yield "multiplicities", problem.multiplicities
    layers = problem.feature_multiplicities if isinstance(problem, RandomFeatureProblem) else ()
    yield from ((f"feature_multiplicities[{i}]", counts) for i, counts in enumerate(layers) if counts is not None)


def _require_all(name, values, good, allowed):
    if not good.all():
        where = tuple(np.argwhere(~good)[0])
        raise ValueError(f"{name}[{', '.join(map(str, where))}] = {values[where]} must be {allowed}")
