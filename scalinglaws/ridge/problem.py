"""Regression problems as frozen records: theory and simulation are called with the same one.

Inputs are Gaussian, x ~ N(0, diag(eigenvalues)), labels y = target . x + noise_std * N(0, 1), and the estimator is
ridge regression on x itself (`RidgeProblem`) or on random features of it (`RandomFeatureProblem`):
minimise |predictions - y|^2 / n_samples + ridge * |weights|^2. Notation of arXiv:2405.00592.
"""

from dataclasses import dataclass, field

import numpy as np

from scalinglaws import checks

# Variance of the entries of layer l's weights, which has width_l outputs and width_(l-1) inputs (width_0 = dim).
CONVENTIONS = ("input", "layer", "output")


@dataclass(frozen=True, eq=False)
class RidgeProblem:
    """Ridge regression on Gaussian inputs.

    eigenvalues : (n_modes,), >= 0, not all 0, in any order: the covariance is diag(eigenvalues).
    target : (n_modes,), the coefficients w of the noiseless label w . x.
    n_samples, ridge, noise_std : scalars or arrays that broadcast with each other: a whole curve in one record.
        n_samples > 0 (any real number in theory, an integer in simulation), ridge >= 0 and noise_std >= 0, the
        standard deviation of the label noise.
    multiplicities : (n_modes,), > 0, how many directions share each entry of eigenvalues and target (then the root
        mean square of theirs); None for one each. A spectrum of 1e14 directions in a few hundred bins costs theory no
        more than one of a few hundred; simulation wants every direction by itself.

    ValueError, naming the argument, on anything else.
    """

    eigenvalues: np.ndarray
    target: np.ndarray
    n_samples: np.ndarray
    ridge: np.ndarray
    noise_std: np.ndarray
    multiplicities: np.ndarray | None = field(default=None, kw_only=True)

    def __post_init__(self):
        eigenvalues = _spectrum("eigenvalues", self.eigenvalues)
        target = checks.as_many("target", checks.array("target", self.target, ndim=1), "eigenvalues", eigenvalues)
        _set(self, eigenvalues=eigenvalues, target=target)
        counts = checks.multiplicities("multiplicities", self.multiplicities, "eigenvalues", eigenvalues)
        _set(self, multiplicities=counts)
        _set(self, n_samples=checks.positive_array("n_samples", self.n_samples))
        _set(self, **{name: checks.non_negative_array(name, getattr(self, name)) for name in ("ridge", "noise_std")})
        self.shape  # noqa: B018  arrays that do not broadcast are refused here, not in the middle of a computation

    @property
    def dim(self):
        """Number of input directions, D: the sum of the multiplicities, zero eigenvalues included."""
        return float(self.multiplicities.sum())

    @property
    def shape(self):
        """Shape of the curve: what n_samples, ridge and noise_std broadcast to."""
        return checks.broadcast_shape(n_samples=self.n_samples, ridge=self.ridge, noise_std=self.noise_std)


@dataclass(frozen=True, eq=False)
class RandomFeatureProblem(RidgeProblem):
    """Ridge regression on random features z = F_L' ... F_1' x + feature_noise_std * xi of Gaussian inputs.

    As `RidgeProblem`, and

    widths : number of features of each layer: a scalar for one layer, else a list or tuple with an entry per layer; an
        entry is a number > 0 (an integer in simulation) or an array that broadcasts with n_samples, ridge and
        noise_std. The last one is the number of features that are regressed on.
    feature_noise_std : >= 0, scalar or array that broadcasts: standard deviation of the entries of xi, independent of x
        and drawn anew for each feature and sample, test samples included. It models what a non-linearity adds to the
        linear part of its features; one layer only.
    feature_eigenvalues : None for independent entries ("white"); or the eigenvalues of F's columns, F = G diag(.)^1/2
        with G white: shape (n_features,), >= 0, not all 0, for one layer; for several a sequence with None or an array
        for each.
        They must be as many as that layer's width.
    convention : variance of the entries of G: "input" 1 / dim, "layer" 1 / (number of inputs of the layer), "output"
        1 / (number of features of the layer). For one layer the first two agree.
    feature_multiplicities : as multiplicities, for feature_eigenvalues and of the same form.
    """

    widths: tuple
    feature_noise_std: np.ndarray = 0.0
    feature_eigenvalues: tuple | None = None
    convention: str = "input"
    feature_multiplicities: tuple | None = field(default=None, kw_only=True)

    def __post_init__(self):
        layered = isinstance(self.widths, list | tuple)
        if not layered and np.ndim(self.widths) > 0:  # it could mean one layer along a curve or several at each point
            rule = "must be a number, or a list or tuple with an entry per layer"
            raise ValueError(f"widths has shape {np.shape(self.widths)} and {rule}")
        widths = self.widths if layered else [self.widths]
        if len(widths) == 0:
            raise ValueError("widths = () must hold at least one layer")
        _set(self, widths=tuple(checks.positive_array(f"widths[{i}]", width) for i, width in enumerate(widths)))
        _set(self, feature_noise_std=checks.non_negative_array("feature_noise_std", self.feature_noise_std))
        checks.one_of("convention", self.convention, CONVENTIONS)
        if self.depth > 1 and (self.feature_noise_std > 0).any():
            raise ValueError(f"feature_noise_std = {self.feature_noise_std.max()} must be 0 for {self.depth} layers")
        super().__post_init__()
        self._set_feature_spectra()

    def _set_feature_spectra(self):
        spectra = self._per_layer("feature_eigenvalues", self.feature_eigenvalues)
        counts = self._per_layer("feature_multiplicities", self.feature_multiplicities)
        checked = []
        for layer, (spectrum, count, width) in enumerate(zip(spectra, counts, self.widths, strict=True)):
            name = f"feature_eigenvalues[{layer}]"
            if spectrum is None:
                if count is not None:
                    raise ValueError(f"feature_multiplicities[{layer}] must be None where {name} is None")
                checked.append((None, None))
                continue
            spectrum = _spectrum(name, spectrum)
            count = checks.multiplicities(f"feature_multiplicities[{layer}]", count, name, spectrum)
            if not np.allclose(count.sum(), width, rtol=1e-12):
                raise ValueError(f"{name} has {count.sum():g} entries and must have widths[{layer}] = {width}")
            checked.append((spectrum, count))
        spectra, counts = zip(*checked, strict=True)
        _set(self, feature_eigenvalues=spectra, feature_multiplicities=counts)

    def _per_layer(self, name, given):
        if given is None:
            return [None] * self.depth
        nested = isinstance(given, list | tuple) and not all(np.isscalar(entry) for entry in given)
        layers = list(given) if nested else [given]
        if len(layers) != self.depth:
            raise ValueError(f"{name} is given for {len(layers)} layer(s) and must be given for {self.depth}")
        return layers

    @property
    def depth(self):
        """Number of layers of random features."""
        return len(self.widths)

    @property
    def shape(self):
        """Shape of the curve: what n_samples, ridge, noise_std, feature_noise_std and the widths broadcast to."""
        widths = {f"widths[{i}]": width for i, width in enumerate(self.widths)}
        others = {name: getattr(self, name) for name in ("n_samples", "ridge", "noise_std", "feature_noise_std")}
        return checks.broadcast_shape(**others, **widths)


def _set(record, **fields):
    for name, value in fields.items():
        object.__setattr__(record, name, value)


def _spectrum(name, value):
    result = checks.non_negative_array(name, value, ndim=1)
    if not result.any():
        raise ValueError(f"{name} = {result.size} zeros must hold an entry > 0")
    return result
