"""What a layer of random features does to the ridge: compression of the covariance, white or structured.

A layer F = G diag(e)^1/2 with `width` columns turns a renormalised ridge kappa that leaves T = dim * df1(kappa)
degrees of freedom into kappa * phi(T), where with the equation for nu

    sum over the layer's features of e / (e + nu) = T,     phi(T) = scale * T nu / dim,

and `scale` is dim times the variance of G's entries. For white layers, e = 1, nu = (width - T) / T. This is the
multiplicativity of the S-transform of free probability: arXiv:2405.00592, sections on linear random features.
"""

from dataclasses import dataclass

import numpy as np

from scalinglaws.ridge.spectral_sums import Modes
from scalinglaws.solvers import bracketed_root


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer at each of n points of a curve: `scale` and `rank` (n,), the most degrees of freedom it lets through.

    modes: None for a white layer, else the spectrum of its features.
    """

    scale: np.ndarray
    rank: np.ndarray
    modes: Modes | None = None

    @property
    def widest(self):
        """phi at T = 0, its largest value, times dim."""
        return self.scale * (self.rank if self.modes is None else self.modes.trace)

    @property
    def halved(self):
        """A number of degrees of freedom up to which phi is at least half of its largest value: nu = max(e)."""
        if self.modes is None:
            return self.rank / 2
        top = self.modes.eigenvalues.max(keepdims=True)
        return np.full_like(self.rank, self.modes.learned(top)[0])

    def compression(self, learned):
        """phi(T) * dim at degrees of freedom `learned` (n,); 0 from the rank on."""
        if self.modes is None:
            return self.scale * np.maximum(self.rank - learned, 0.0)
        return self.scale * learned * self._nu(learned)

    def steepness(self, learned, compression):
        """y = -d log phi / d log T = sum r^2 / sum r s over features at nu, with nu from phi; inf where phi = 0."""
        nu = compression / (self.scale * learned)
        if self.modes is None:
            squares, products = np.ones_like(nu), nu
        else:
            squares, products, _, _ = self.modes.at(nu)
        return np.divide(squares, products, out=np.full_like(nu, np.inf), where=products > 0)

    def points(self, chosen):
        """The layer at some of the points."""
        return Layer(self.scale[chosen], self.rank[chosen], self.modes)

    def _nu(self, learned):
        nu, inside = np.zeros_like(learned), learned < self.rank
        if inside.any():
            nu[inside] = inverse_learned(self.modes, learned[inside])
        return nu


def layers_of(problem):
    """The layers of a problem along its flattened curve; none for ridge regression."""
    widths = [np.broadcast_to(width, problem.shape).ravel() for width in getattr(problem, "widths", ())]
    before = [np.full_like(width, problem.dim) for width in widths[:1]] + widths[:-1]
    layers = []
    for index, (inputs, width) in enumerate(zip(before, widths, strict=True)):
        per_entry = {"input": problem.dim, "layer": inputs, "output": width}[problem.convention]
        modes, rank = None, width
        if problem.feature_eigenvalues[index] is not None:
            modes = Modes.of(problem.feature_eigenvalues[index], problem.feature_multiplicities[index])
            rank = np.full_like(width, modes.rank)
        layers.append(Layer(problem.dim / per_entry * np.ones_like(width), rank, modes))
    return layers


def inverse_learned(modes, learned, tail=0.0):
    """kappa > 0 at which sum of r, plus tail / kappa, equals `learned` (n,), which lies between 0 and the rank.

    tail >= 0 is the trace of infinitely many infinitely weak further directions; with it `learned` has no upper limit.
    The bracket is proven: sum of r is at most trace / kappa, and at least rank times r of the smallest eigenvalue.
    Beyond half of the rank it is solved for the rest, sum of 1 - r: there the sum of r hardly depends on kappa.
    """
    tail = np.broadcast_to(tail, learned.shape)
    rest = modes.rank - learned
    smallest = modes.eigenvalues.min() * np.maximum(rest, 0.0) / learned
    lower, upper = np.log(np.maximum(smallest, tail / learned)), np.log((modes.trace + tail) / learned)
    room = 1e-9 * (1.0 + np.abs(lower) + np.abs(upper))  # a flat spectrum's bounds coincide
    mostly = (rest > 0) & (rest < learned)

    def excess(u, count, rest, tail, mostly):
        gained, left = modes.split(np.exp(u))
        weak = tail * np.exp(-u)
        return np.where(mostly, np.log(np.where(mostly, rest + weak, left) / left), np.log((gained + weak) / count))

    root = bracketed_root(excess, lower - room, upper + room, args=(learned, rest, tail, mostly))
    return np.exp(root.value)
