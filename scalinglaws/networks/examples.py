"""Networks and data whose shells are shown: factories by name, as one's own are, for the experiment on any module.

The networks are small, in torch's own parametrisation and with smooth activations, so that gradient flow is smooth too.
Data are drawn from numpy Generators of the seed and of what is drawn.
"""

import zlib
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from scalinglaws import checks
from scalinglaws.problems import digits_problem, multi_index_problem

# The digits are 8 x 8 pixels, row after row.
SIDE = 8


def perceptron(n_outputs=10, width=64, depth=2, n_inputs=SIDE**2):
    """Fully connected network with `depth` hidden layers of `width` tanh units; inputs (n, n_inputs)."""
    sizes = [n_inputs, *[checks.integer("width", width, minimum=1)] * checks.integer("depth", depth, minimum=1)]
    hidden = [layer for fan in pairwise(sizes) for layer in (nn.Linear(*fan), nn.Tanh())]
    return nn.Sequential(*hidden, nn.Linear(width, n_outputs))


def convolution(n_outputs=10, channels=(8, 16)):
    """Convolutions of 3 x 3 pixels at every second one, with `channels` tanh channels, and a readout; inputs (n, 64).

    ValueError unless there are one to three of them, which leave 4 x 4, 2 x 2 or one pixel to the readout.
    """
    if not 1 <= len(channels) <= 3:
        raise ValueError(f"channels = {channels!r} must have 1 to 3 entries: each halves a side of {SIDE} pixels")
    pairs = pairwise([1, *channels])
    layers = [layer for pair in pairs for layer in (nn.Conv2d(*pair, 3, stride=2, padding=1), nn.Tanh())]
    readout = nn.Linear((SIDE >> len(channels)) ** 2 * channels[-1], n_outputs)
    return nn.Sequential(nn.Unflatten(1, (1, SIDE, SIDE)), *layers, nn.Flatten(), readout)


def transformer(n_outputs=10, width=16, heads=2, depth=1):
    """Transformer over the rows of an image as 8 tokens; inputs (n, 64); ValueError unless heads divide width."""
    if width % checks.integer("heads", heads, minimum=1):
        raise ValueError(f"width = {width!r} must be a multiple of heads = {heads!r}")
    return Transformer(n_outputs, width, heads, checks.integer("depth", depth, minimum=1))


class Transformer(nn.Module):
    """Rows embedded, a learned vector for each place, `depth` encoder layers with gelu, and a readout of the mean."""

    def __init__(self, n_outputs, width, heads, depth):
        super().__init__()
        self.embed = nn.Linear(SIDE, width)
        # Of the size of what a row of standardised pixels is embedded as.
        self.place = nn.Parameter(torch.randn(SIDE, width) / 3**0.5)
        options = {"dropout": 0.0, "activation": "gelu", "batch_first": True, "norm_first": True}
        layers = [nn.TransformerEncoderLayer(width, heads, 2 * width, **options) for _ in range(depth)]
        self.layers = nn.Sequential(*layers)
        self.readout = nn.Linear(width, n_outputs)

    def forward(self, inputs):
        """Outputs (n, n_outputs) for inputs (n, 64)."""
        tokens = self.embed(inputs.unflatten(-1, (SIDE, SIDE))) + self.place
        return self.readout(self.layers(tokens).mean(1))


def digits(seed, n_samples, labels="classes"):
    """Inputs (n_samples, 64) and targets of a random subset of the digits; as `digits_problem`."""
    problem = digits_problem(_rng("digits", seed), n_samples=n_samples, labels=labels)
    return problem.inputs, problem.targets


def multi_index(seed, n_samples, dim, n_indices, noise_std=0.0):
    """Gaussian inputs (n_samples, dim) and a target (n_samples, 1) of few directions; as `multi_index_problem`."""
    sizes = {"n_samples": n_samples, "dim": dim, "n_indices": n_indices}
    problem = multi_index_problem(_rng("multi_index", seed), **sizes, noise_std=noise_std)
    return problem.inputs, problem.targets


def _rng(name, seed):
    """Generator of a seed: seeds alike, no two kinds of data share their draws."""
    return np.random.default_rng([zlib.crc32(f"networks/examples/{name}".encode()), seed])
