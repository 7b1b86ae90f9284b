"""Multilayer perceptrons in NTK parametrisation, plain and residual, without biases.

    z_l = s_l h_{l-1} W_l^T,   h_l = r_l h_{l-1} + c_l phi(z_l),   h = s h_L w^T / sqrt(N),   all weights N(0, 1)

with s_l = weight_scale / sqrt(fan-in), s = output_scale; plain: r = 0, c = 1; residual: r = 1, c = 1/sqrt(depth) from
layer 2 on.
Every function takes parameters with any leading batch axes (one entry per seed) and broadcasts over them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from scalinglaws import checks


@dataclass(frozen=True)
class Activation:
    """An elementwise function with its first two derivatives (almost everywhere for relu: its curvature is zero)."""

    value: Callable
    slope: Callable
    curvature: Callable


def _tanh_curvature(z):
    value = torch.tanh(z)
    return -2 * value * (1 - value**2)


def _gaussian(z):
    return 2 / math.sqrt(math.pi) * torch.exp(-(z**2))


ACTIVATIONS = {
    "tanh": Activation(torch.tanh, lambda z: 1 - torch.tanh(z) ** 2, _tanh_curvature),
    "erf": Activation(torch.erf, _gaussian, lambda z: -2 * z * _gaussian(z)),
    "relu": Activation(torch.relu, lambda z: (z > 0).to(z.dtype), torch.zeros_like),
    "linear": Activation(lambda z: z, torch.ones_like, torch.zeros_like),
}


@dataclass(frozen=True)
class Network:
    """Architecture of a perceptron with `depth` hidden layers of `width` units; ValueError on sizes < 1, scales <= 0.

    output_scale multiplies the output h: with the richness multiplied alike, training is the same but for the unit of
    time, which shrinks by output_scale^2.
    """

    n_inputs: int
    width: int
    depth: int
    n_outputs: int = 1
    activation: str = "tanh"
    residual: bool = False
    weight_scale: float = 1.0
    output_scale: float = 1.0

    def __post_init__(self):
        for name in ("n_inputs", "width", "depth", "n_outputs"):
            checks.integer(name, getattr(self, name), minimum=1)
        checks.one_of("activation", self.activation, tuple(ACTIVATIONS))
        for name in ("weight_scale", "output_scale"):
            checks.positive(name, getattr(self, name))

    @property
    def phi(self):
        """The activation with its derivatives."""
        return ACTIVATIONS[self.activation]

    @property
    def scales(self):
        """s_l = weight_scale / sqrt(fan-in of layer l)."""
        fan_ins = (self.n_inputs,) + (self.width,) * (self.depth - 1)
        return tuple(self.weight_scale / math.sqrt(fan_in) for fan_in in fan_ins)

    @property
    def output_divisor(self):
        """sqrt(N) / output_scale: what h_L w^T is divided by. A divisor, so that output_scale = 1 changes no bit."""
        return math.sqrt(self.width) / self.output_scale

    @property
    def branches(self):
        """Pairs (r_l, c_l): weight of the skip connection and of the non-linear branch."""
        later = (1.0, 1 / math.sqrt(self.depth)) if self.residual else (0.0, 1.0)
        return ((0.0, 1.0),) + (later,) * (self.depth - 1)

    @property
    def shapes(self):
        """Shapes of the parameters: W_1 ... W_L, then the readout w of shape (n_outputs, width)."""
        hidden = tuple((self.width, self.width) for _ in range(self.depth - 1))
        return ((self.width, self.n_inputs), *hidden, (self.n_outputs, self.width))


def initialise(rng, network, *, device="cpu", dtype=torch.float64):
    """Draw standard normal parameters, a tuple of tensors of `network.shapes`.

    Drawn by numpy in float64 and then moved, so that a seed means the same network on every device.
    """
    draws = (rng.standard_normal(shape) for shape in network.shapes)
    return tuple(torch.as_tensor(draw, dtype=dtype, device=device) for draw in draws)


def stack(members):
    """Join the parameters of several networks along a new leading batch axis."""
    return tuple(torch.stack(tensors) for tensors in zip(*members, strict=True))


@dataclass(frozen=True)
class ForwardPass:
    """Preactivations z_1..z_L, hidden states h_0..h_L (each (..., n, units)), outputs (..., n, n_outputs)."""

    preactivations: tuple
    hidden: tuple
    outputs: torch.Tensor


def forward(network, parameters, inputs):
    """Run `inputs` of shape (..., n, n_inputs) through the network."""
    *weights, readout = parameters
    hidden, preactivations = [inputs], []
    for weight, scale, (skip, branch) in zip(weights, network.scales, network.branches, strict=True):
        preactivations.append(scale * hidden[-1] @ weight.mT)
        value = branch * network.phi.value(preactivations[-1])
        hidden.append(value + skip * hidden[-1] if skip else value)
    outputs = hidden[-1] @ readout.mT / network.output_divisor
    return ForwardPass(tuple(preactivations), tuple(hidden), outputs)
