"""Phases of the excess risk over effective samples and weight decay, for teachers of strengths sqrt(dim) k^-decay.

State evolution in its limits (arXiv:2509.24882, the phase diagram; exponents and boundaries derived here). With the
oversampling S = n_eff / dim of the diagonal and 4 n_eff / dim of the quadratic network, few coefficients kept leave

    threshold b = weight_decay / S,    effective noise delta^2 = noise_std^2 / S,

unless that threshold is below c delta with null_kept(c) = S < 1 (`overfitting`): then b = c delta, whatever the weight
decay. Strengths above b are shrunk by b, those below are lost, and noise above b is kept. With
x = b / sqrt(dim), p = 2 - 1 / decay, excess_risk is

    plateau            b above all strengths, sqrt(dim): nothing is learned                      the signal
    bias               b between the strengths: the first x^(-1/decay) are shrunk, the rest lost A x^p
    ridge              b below all strengths: every one is shrunk                                b^2
    fast rate          b below delta, S > 1: everything is kept                                  noise_std^2 / S
    under-regularised  b below c delta, S < 1: A x^p at b = c delta, and noise that is fitted, noise_std^2 q / (1 - q)

twice as much of b^2 and A x^p for the quadratic network. Between the last two and the others lies a crossover: as the
threshold grows from delta or c delta to c' delta, where the noise kept has fallen to the level of the bias, the risk
falls by a power of n_eff, within less than a decade of weight decay, but not as a power law. Its far edge is near the
optimal weight decay: excess_risk = A (c' delta / sqrt(dim))^p falls as n_eff^(-p/2) but for the logarithm c'^2.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import gamma

from scalinglaws import checks
from scalinglaws.shallow.overfitting import (
    KINDS,
    OVERSAMPLING,
    null_risk,
    overfitting_risk,
    overfitting_threshold,
)

# In the order of the module's table; the last is no phase: no power law is predicted there.
PHASES = ("plateau", "bias", "ridge", "fast rate", "under-regularised", "crossover")
# Half-width, in decades, of the interval over which the under-regularised exponent is a mean slope.
HALF_DECADE = 0.5
BISECTIONS = 60


def power_law_exponent(phase, along, decay):
    """Exponent of the excess risk in one variable, "n_eff", "weight_decay" or "squared threshold", within a phase.

    Besides the first four `PHASES` these are laws along a line: "peak", S = 1 (`overfitting.peak_risk`), "noiseless",
    labels without noise and vanishing weight decay, where n_eff samples find n_eff strengths but for logarithms, and
    "optimal weight decay", against the square of the threshold. ValueError for a phase or variable without exponent.
    """
    if not decay > 0.5:
        raise ValueError(f"decay = {decay} must be > 1/2")
    p = 2 - 1 / decay
    exponents = {
        ("plateau", "n_eff"): 0.0,
        ("plateau", "weight_decay"): 0.0,
        ("bias", "n_eff"): -p,
        ("bias", "weight_decay"): p,
        ("ridge", "n_eff"): -2.0,
        ("ridge", "weight_decay"): 2.0,
        ("fast rate", "n_eff"): -1.0,
        ("fast rate", "weight_decay"): 0.0,
        ("peak", "weight_decay"): -2 / 3,
        ("noiseless", "n_eff"): 1 - 2 * decay,
        ("optimal weight decay", "squared threshold"): p / 2,
    }
    return exponents[checks.one_of("(phase, along)", (phase, along), tuple(exponents))]


@dataclass(frozen=True)
class PowerLawPhases:
    """Phases of a network, "diagonal" or "quadratic", at fixed dim; noise_std > 0.

    gaussian : whether the diagonal teacher's coefficients are drawn, theta*_k ~ N(0, strength_k^2), or are strength_k.
    Methods take n_eff > 0 and weight_decay > 0, scalars or arrays that broadcast. Bad input: ValueError.
    """

    kind: str
    dim: float
    decay: float
    noise_std: float
    gaussian: bool = False

    def __post_init__(self):
        checks.one_of("kind", self.kind, KINDS)
        checks.at_least("dim", self.dim, 1)
        checks.between("decay", self.decay, 0.5, np.inf)
        checks.positive("noise_std", self.noise_std)
        if self.gaussian and self.kind == "quadratic":
            raise ValueError("gaussian = True must be False for the quadratic network: its eigenvalues are fixed")

    @property
    def bias_exponent(self):
        """p = 2 - 1 / decay, of the bias in b or in the weight decay; at the optimal weight decay -p / 2 in n_eff."""
        return 2 - 1 / self.decay

    @property
    def peak(self):
        """n_eff of the interpolation peak, S = 1."""
        return self.dim / OVERSAMPLING[self.kind]

    @cached_property
    def bias_amplitude(self):
        """A, of the mean of min(s_k, b)^2: 2 decay / (2 decay - 1), and E|N(0, 1)|^(1/decay) times that if drawn."""
        shrunk = 2 * self.decay / (2 * self.decay - 1)
        return shrunk * _absolute_moment(1 / self.decay) if self.gaussian else shrunk

    @property
    def smallest(self):
        """The smallest strength, sqrt(dim) dim^-decay; the largest is sqrt(dim)."""
        return self.dim ** (0.5 - self.decay)

    def oversampling(self, n_eff):
        """S, the samples for each parameter."""
        return OVERSAMPLING[self.kind] * checks.positive_array("n_eff", n_eff) / self.dim

    def effective_noise(self, n_eff):
        """delta where the excess risk is below the noise."""
        return self.noise_std / np.sqrt(self.oversampling(n_eff))

    def bias(self, threshold):
        """Excess risk of shrinking and losing the teacher's strengths: A x^p, at most b^2 (quadratic: twice that)."""
        b = checks.positive_array("threshold", threshold)
        shrunk = np.minimum(self.bias_amplitude * (b / np.sqrt(self.dim)) ** self.bias_exponent, b**2)
        return shrunk if self.kind == "diagonal" else 2 * shrunk

    def overfitting_edge(self, n_eff):
        """c, lower edge of the crossover in units of delta: from `overfitting_threshold`, but at least 1."""
        return np.maximum(overfitting_threshold(self.kind, self._ratio(n_eff)), 1.0)

    def denoising_edge(self, n_eff):
        """c', the upper edge: bias(c' delta) = delta^2 null_risk(c'), or the lower edge if that is more."""
        delta = self.effective_noise(n_eff)
        low, high = np.full(delta.shape, 1e-9), np.full(delta.shape, 30.0)
        for _ in range(BISECTIONS):  # the noise kept falls and the bias grows with c
            middle = (low + high) / 2
            noisy = delta**2 * null_risk(self.kind, middle) > self.bias(middle * delta)
            low, high = np.where(noisy, middle, low), np.where(noisy, high, middle)
        return np.maximum(high, self.overfitting_edge(n_eff))

    def boundaries(self, n_eff):
        """{name: weight_decay} of the lines between phases; NaN where a line is not a boundary.

        'plateau' (to the bias phase), 'ridge' (from it), 'denoising' and 'overfitting' (upper and lower edge of the
        crossover). The peak, S = 1, is a line of constant n_eff below 'overfitting'.
        """
        oversampling, delta = self.oversampling(n_eff), self.effective_noise(n_eff)
        edges = {name: getattr(self, f"{name}_edge")(n_eff) * delta for name in ("denoising", "overfitting")}
        upper, lower = (np.minimum(edge, np.sqrt(self.dim)) for edge in edges.values())
        plateau = np.full_like(oversampling, np.sqrt(self.dim))
        ridge = np.where(upper < self.smallest, self.smallest, np.nan)
        lines = {"plateau": plateau, "ridge": ridge, "denoising": upper, "overfitting": lower}
        hidden = edges["overfitting"] >= np.sqrt(self.dim)
        return {name: np.where(hidden, np.nan, b) * oversampling for name, b in lines.items()}

    def phase(self, n_eff, weight_decay):
        """Name of the phase, one of `PHASES`; the crossover counts as one."""
        n_eff, weight_decay = np.broadcast_arrays(n_eff, checks.positive_array("weight_decay", weight_decay))
        oversampling, delta = self.oversampling(n_eff), self.effective_noise(n_eff)
        b, low, high = (
            weight_decay / oversampling,
            self.overfitting_edge(n_eff) * delta,
            self.denoising_edge(n_eff) * delta,
        )
        largest = np.sqrt(self.dim)
        is_in = [
            np.maximum(b, low) >= largest,
            (b >= high) & (b >= self.smallest),
            b >= high,
            (b < low) & (oversampling >= 1),
            b < low,
        ]
        return np.select(is_in, PHASES[:-1], PHASES[-1])

    def predicted_slopes(self, n_eff, weight_decay):
        """(2, ...): d log(excess_risk) / d log(n_eff) and / d log(weight_decay) of the phase; NaN in the crossover.

        In the under-regularised phase the first is the mean slope, over a decade, of bias plus noise fitted.
        """
        names = self.phase(n_eff, weight_decay)
        fitted = self.under_regularised_slope(np.broadcast_to(n_eff, names.shape))
        others = {"n_eff": fitted, "weight_decay": 0.0}
        return np.stack([self._slope(names, along, other) for along, other in others.items()])

    def _slope(self, names, along, fitted):
        """Exponent in one variable of each of the phases named; `fitted` is that of the under-regularised phase."""
        exponents = [power_law_exponent(name, along, self.decay) for name in PHASES[:4]]
        is_in = [names == name for name in PHASES[:5]]
        return np.select(is_in, [*exponents, fitted], np.nan)

    def under_regularised_risk(self, n_eff):
        """bias(c delta) + noise_std^2 q / (1 - q): excess risk at weight_decay -> 0 for S < 1, not too near 1."""
        fitted = overfitting_risk(self.kind, self._ratio(n_eff))
        c = overfitting_threshold(self.kind, self._ratio(n_eff))
        bias = self.bias(np.maximum(c, 1e-9) * self.effective_noise(n_eff))
        return bias + self.noise_std**2 * fitted

    def under_regularised_slope(self, n_eff):
        """Mean slope in log n_eff of `under_regularised_risk` over the decade around n_eff."""
        n_eff, step = checks.positive_array("n_eff", n_eff), 10**HALF_DECADE
        ends = [np.log(self.under_regularised_risk(n_eff * factor)) for factor in (1 / step, step)]
        return (ends[1] - ends[0]) / (2 * np.log(step))

    def is_deep(self, n_eff, weight_decay, margin):
        """Whether the phase is the same at all eight points `margin` decades off in one or both directions."""
        factors = 10.0 ** (margin * np.array([-1.0, 0.0, 1.0]))
        names = [self.phase(n_eff * up, weight_decay * across) for up in factors for across in factors]
        return np.all([name == names[4] for name in names], axis=0) & (names[4] != PHASES[-1])

    def _ratio(self, n_eff):
        return checks.positive_array("n_eff", n_eff) / self.dim


def _absolute_moment(order):
    """E|z|^order of z ~ N(0, 1)."""
    return 2 ** (order / 2) * gamma((order + 1) / 2) / np.sqrt(np.pi)
