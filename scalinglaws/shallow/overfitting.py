"""A null teacher, labels that are noise alone: the risk of fitting them without regularisation, in closed form.

With oversampling S = n_samples / dim (diagonal) or 4 n_samples / dim^2 (quadratic), and risk(c) and kept(c) of pure
noise of standard deviation 1 thresholded at c, `state_evolution` solves S delta^2 = noise^2 + delta^2 risk(c) and
weight_decay = c delta (S - kept(c)).

- S < 1, weight_decay -> 0: kept(c) = S, and excess_risk = noise^2 q / (1 - q) with q = risk(c) / S. Few samples, in
  diagonal networks: kept = 2 Q(c), q -> 2 / c^2, so that excess_risk -> noise^2 / L, L = log(dim / n_samples), with a
  relative correction (log(pi L) - 3) / (2 L). In quadratic ones, with e = 2 - c the distance to the semicircle's edge:
  kept -> 16 e^(5/2) / (15 pi), q -> 2 e / 7, so that excess_risk -> (2/7) (15 pi S / 16)^(2/5) noise^2.
- S = 1, the peak: kept = 1 - 2 m c, risk = 1 - 4 m c with m the mean of the noise's positive part, 1 / sqrt(2 pi) or
  4 / (3 pi), so that delta^2 c = noise^2 / (4 m), weight_decay = 2 m c^2 delta, and
  excess_risk -> delta^2 = (noise^4 / (8 m weight_decay))^(2/3).
"""

import numpy as np
from scipy.special import ndtri

from scalinglaws import checks
from scalinglaws.shallow import semicircle, soft_threshold

KINDS = ("diagonal", "quadratic")
# From n_eff / dim to the oversampling: the quadratic network's parameters fill half a symmetric matrix, and noise
# pushes only half of that into the cone of positive ones.
OVERSAMPLING = {"diagonal": 1.0, "quadratic": 4.0}
POSITIVE_MEAN = {"diagonal": 1 / np.sqrt(2 * np.pi), "quadratic": 4 / (3 * np.pi)}
# From the limit at the edge, which is off by less than a factor 2, to double precision.
NEWTON_STEPS = 8


def null_risk(kind, c):
    """Mean squared error of pure noise of standard deviation 1 thresholded at c >= 0, in the problem's normalisation.

    1 at c = 0; `kind` is "diagonal" or "quadratic". Bad input: ValueError.
    """
    c = checks.non_negative_array("c", c)
    if _kind(kind) == "diagonal":
        return soft_threshold.null_risk(c)
    return 2 * semicircle.null_risk(c)


def null_kept(kind, c):
    """What `kept` of state evolution is for pure noise thresholded at c >= 0: 1 at c = 0. Bad input: ValueError.

    Diagonal: the share 2 Q(c) of coefficients. Quadratic: (dJ/d delta) / delta, twice the mean of x (x - c) above c.
    """
    c = checks.non_negative_array("c", c)
    if _kind(kind) == "diagonal":
        return 2 * soft_threshold.ndtr(-c)
    return 2 * semicircle.null_kept(c)


def overfitting_threshold(kind, ratio):
    """c = threshold / delta at weight_decay -> 0: null_kept(c) = S, and 0 where there are samples enough, S >= 1.

    `ratio` > 0 is effective samples over dim: n_samples / dim, or n_samples / dim^2 for the quadratic network; a scalar
    or an array, whose shape is returned. Bad input: ValueError.
    """
    oversampling = _oversampling(kind, ratio)
    if kind == "diagonal":
        return -ndtri(np.minimum(oversampling, 1.0) / 2)
    return np.where(oversampling < 1, 2 - _distance_to_edge(np.minimum(oversampling, 1.0)), 0.0)


def overfitting_risk(kind, ratio):
    """excess_risk / noise_std^2 of a null teacher at weight_decay -> 0, for any `ratio` but that of the peak.

    q / (1 - q) below the peak, S = 1, and 1 / (S - 1) above it; infinite at it. Arguments as `overfitting_threshold`.
    """
    oversampling = _oversampling(kind, ratio)
    q = np.where(oversampling == 1, 1.0, null_risk(kind, overfitting_threshold(kind, ratio)) / oversampling)
    with np.errstate(divide="ignore"):
        return q / (1 - q)


def overfitting_limit(kind, ratio):
    """What `overfitting_risk` tends to for few samples, S -> 0: 1 / log(1 / ratio), or (2/7) (15 pi ratio / 4)^(2/5).

    Wants S < 1, where the logarithm is positive; otherwise ValueError.
    """
    oversampling = _oversampling(kind, ratio)
    if (oversampling >= 1).any():
        raise ValueError(f"ratio = {np.max(ratio)} must be below {1 / OVERSAMPLING[kind]}, the peak")
    if kind == "diagonal":
        return -1 / np.log(oversampling)
    return 2 / 7 * (15 * np.pi * oversampling / 16) ** 0.4


def peak_risk(kind, noise_std, weight_decay):
    """excess_risk at the peak, S = 1, for small weight_decay: (noise_std^4 / (8 m weight_decay))^(2/3).

    Holds where it is far above noise_std^2 and above the teacher's signal. Bad input: ValueError.
    """
    noise_std = checks.positive("noise_std", noise_std)
    weight_decay = checks.positive_array("weight_decay", weight_decay)
    return (noise_std**4 / (8 * POSITIVE_MEAN[_kind(kind)] * weight_decay)) ** (2 / 3)


def _kind(kind):
    return checks.one_of("kind", kind, KINDS)


def _oversampling(kind, ratio):
    return OVERSAMPLING[_kind(kind)] * checks.positive_array("ratio", ratio)


def _distance_to_edge(oversampling):
    """e = 2 - c with null_kept = oversampling <= 1: Newton's steps in log e, of which log(null_kept) is nearly linear.

    The derivative of null_kept by e is 2 (e (4 - e))^(3/2) / (6 pi), twice the mean of x above c.
    """
    e = (15 * np.pi * oversampling / 16) ** 0.4
    for _ in range(NEWTON_STEPS):
        kept = 2 * semicircle.kept_of_end(e)
        slope = e * (e * (4 - e)) ** 1.5 / (3 * np.pi * kept)
        e = np.minimum(e * (oversampling / kept) ** (1 / slope), 2.0)
    return e
