"""Learning curves of theory on power-law data so large that no regime sees its end, along the paths of a `Scaling`."""

from dataclasses import fields

import numpy as np

from scalinglaws import checks
from scalinglaws.ridge.binned import feature_bins, power_law_bins
from scalinglaws.ridge.equivalents import LearningCurve, learning_curve
from scalinglaws.ridge.problem import RandomFeatureProblem, RidgeProblem


def scaling_curve(scaling, n_samples, *, noise_std, dim):
    """`LearningCurve` at each of n_samples (n,), with the width and the ridge that `scaling` gives to each.

    noise_std >= 0 counts only where the scaling is noisy; dim is the number of directions of the data (binned). Widths
    of structured features are rounded to whole numbers. Bad input: ValueError.
    """
    n_samples = checks.positive_array("n_samples", n_samples, ndim=1)
    data = _data(scaling.capacity, scaling.source, dim)
    ridge = np.zeros_like(n_samples) if np.isinf(scaling.ridge_exponent) else n_samples**-scaling.ridge_exponent
    ends = {"n_samples": n_samples, "ridge": ridge, "noise_std": float(noise_std) if scaling.noisy else 0.0}
    if np.isinf(scaling.width_exponent):
        return learning_curve(RidgeProblem(**data, **ends))
    widths = n_samples**scaling.width_exponent
    if scaling.feature_capacity == 0:
        return learning_curve(RandomFeatureProblem(**data, **ends, widths=[widths], convention="output"))
    points = zip(n_samples, ridge, widths, strict=True)
    ends = [ends | {"n_samples": count, "ridge": value, "width": width} for count, value, width in points]
    return _stacked([_structured(data, scaling.feature_capacity, **end) for end in ends])


def width_curve(capacity, source, feature_capacity, n_samples, widths, *, dim):
    """`LearningCurve` at each of the widths (n,) for fixed n_samples, without ridge and noise."""
    data, ends = _data(capacity, source, dim), {"n_samples": n_samples, "ridge": 0.0, "noise_std": 0.0}
    return _stacked([_structured(data, feature_capacity, **ends, width=width) for width in widths])


def _data(capacity, source, dim):
    eigenvalues, target, multiplicities = power_law_bins(dim, capacity, source)
    return {"eigenvalues": eigenvalues, "target": target, "multiplicities": multiplicities}


def _structured(data, feature_capacity, *, width, **ends):
    eigenvalues, counts = feature_bins(np.rint(width), feature_capacity)
    features = {"feature_eigenvalues": eigenvalues, "feature_multiplicities": counts}
    return learning_curve(RandomFeatureProblem(**data, **ends, widths=np.rint(width), convention="output", **features))


def _stacked(points):
    """Curves of single points as one curve."""
    columns = {name.name: np.array([getattr(point, name.name) for point in points]) for name in fields(LearningCurve)}
    return LearningCurve(**columns)
