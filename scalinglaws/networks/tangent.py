"""The tangent kernel of a perceptron from Gram products, without its Jacobian, and the kernel's rate of change.

With H_l the hidden states and B_l^c = dh^c/dz_l the sensitivities of output c, the gradient of output c at sample i
with respect to W_l is the outer product s_l B_l^c[i] H_{l-1}[i], so that inner products of gradients factorise:

    (J J^T)[(i,c),(j,d)] = sum_l s_l^2 (B_l^c B_l^d^T)_ij (H_{l-1} H_{l-1}^T)_ij + delta_cd s^2 (H_L H_L^T)_ij / N.

Rows are ordered sample first: row i * n_outputs + c, the order of `outputs.reshape(-1)`.
Cost O(depth n^2 N) time and O(n^2 + n N) memory, against O(n * parameters) memory for J itself.
"""

import functools
from dataclasses import dataclass

import torch

from scalinglaws.networks.mlp import ForwardPass, forward


@dataclass(frozen=True)
class Linearisation:
    """A forward pass with the sensitivities B_1..B_L, each (..., n * n_outputs, width), and their G_l = dh/dh_l."""

    pass_: ForwardPass
    sensitivities: tuple
    cotangents: tuple


def linearise(network, parameters, inputs):
    """Forward and backward pass for every sample and output."""
    pass_ = forward(network, parameters, inputs)
    sensitivities, cotangents = _backward(network, parameters, pass_)
    return Linearisation(pass_, sensitivities, cotangents)


def tangent_kernel(network, linearisation):
    """M = J J^T / n of the raw output, shape (..., n * n_outputs, n * n_outputs)."""
    return functools.reduce(torch.add, _gram_terms(network, linearisation)) / _n_samples(linearisation)


def layer_kernels(network, linearisation):
    """M_l = J_l J_l^T / n, J_l the Jacobian with respect to one layer's weights: W_1..W_L, then the readout.

    A tuple of depth + 1 tensors shaped like the tangent kernel, which is their sum.
    """
    readout, *hidden = _gram_terms(network, linearisation)
    return tuple(term / _n_samples(linearisation) for term in (*hidden, readout))


def pull_back(network, linearisation, covector):
    """J^T covector as a tuple shaped like the parameters; `covector` has shape (..., n * n_outputs)."""
    hidden = linearisation.pass_.hidden
    per_sample = covector.unflatten(-1, (-1, network.n_outputs))
    gradients = []
    for state, sensitivity, scale in zip(hidden, linearisation.sensitivities, network.scales, strict=False):
        weighted = (sensitivity * covector.unsqueeze(-1)).unflatten(-2, (-1, network.n_outputs)).sum(-2)
        gradients.append(scale * weighted.mT @ state)
    gradients.append(per_sample.mT @ hidden[-1] / network.output_divisor)
    return tuple(gradients)


def kernel_rate(network, parameters, linearisation, velocity):
    """dM/dt while the parameters move with `velocity` (a tuple shaped like them).

    One tangent pass gives dH_l and dB_l; the product rule on the Grams does the rest. For relu the rate is that of the
    smooth pieces: jumps at kinks are delta functions that it does not see.
    """
    hidden = linearisation.pass_.hidden
    d_hidden, d_preactivations = _tangent_forward(network, parameters, linearisation, velocity)
    d_sensitivities = _tangent_backward(network, parameters, linearisation, velocity, d_preactivations)
    rate = _per_output(network, _symmetric_product(d_hidden[-1], hidden[-1]) / _readout_divisor(network))
    layers = zip(hidden, d_hidden, linearisation.sensitivities, d_sensitivities, network.scales, strict=False)
    for state, d_state, sensitivity, d_sensitivity, scale in layers:
        moving_states = _spread(network, _symmetric_product(d_state, state)) * (sensitivity @ sensitivity.mT)
        moving_gates = _spread(network, state @ state.mT) * _symmetric_product(d_sensitivity, sensitivity)
        rate = rate + scale**2 * (moving_states + moving_gates)
    return rate / _n_samples(linearisation)


def _gram_terms(network, linearisation):
    """The readout's share of J J^T, then those of W_1..W_L, one after the other: none is kept."""
    hidden = linearisation.pass_.hidden
    yield _per_output(network, hidden[-1] @ hidden[-1].mT / _readout_divisor(network))
    for state, sensitivity, scale in zip(hidden, linearisation.sensitivities, network.scales, strict=False):
        yield scale**2 * _spread(network, state @ state.mT) * (sensitivity @ sensitivity.mT)


def _readout_divisor(network):
    """N / s^2, by which the Gram matrix of the last hidden states is divided."""
    return network.width / network.output_scale**2


def _backward(network, parameters, pass_):
    """B_l = c_l G_l o phi'(z_l) and G_{l-1} = r_l G_l + s_l B_l W_l, from G_L = s w / sqrt(N) downward."""
    *weights, readout = parameters
    n_samples = pass_.outputs.shape[-2]
    cotangents = [_repeat_over_samples(readout / network.output_divisor, n_samples)]
    sensitivities = []
    layers = list(zip(weights, network.scales, network.branches, pass_.preactivations, strict=True))
    for level, (weight, scale, (skip, branch), z) in reversed(list(enumerate(layers))):
        sensitivities.append(branch * cotangents[-1] * _repeat_over_outputs(network, network.phi.slope(z)))
        if level:
            cotangents.append(skip * cotangents[-1] + scale * sensitivities[-1] @ weight)
    return tuple(reversed(sensitivities)), tuple(reversed(cotangents))


def _tangent_forward(network, parameters, linearisation, velocity):
    """dz_l = s_l (dh_{l-1} W_l^T + h_{l-1} dW_l^T) and dh_l = r_l dh_{l-1} + c_l phi'(z_l) dz_l."""
    pass_ = linearisation.pass_
    d_hidden, d_preactivations = [torch.zeros_like(pass_.hidden[0])], []
    layers = zip(
        parameters, velocity, pass_.hidden, pass_.preactivations, network.scales, network.branches, strict=False
    )
    for weight, d_weight, state, z, scale, (skip, branch) in layers:
        d_preactivations.append(scale * (d_hidden[-1] @ weight.mT + state @ d_weight.mT))
        moved = branch * network.phi.slope(z) * d_preactivations[-1]
        d_hidden.append(moved + skip * d_hidden[-1] if skip else moved)
    return d_hidden, d_preactivations


def _tangent_backward(network, parameters, linearisation, velocity, d_preactivations):
    """dB_l = c_l (dG_l o phi' + G_l o phi'' o dz_l) and dG_{l-1} = r_l dG_l + s_l (dB_l W_l + B_l dW_l)."""
    pass_ = linearisation.pass_
    d_cotangent = _repeat_over_samples(velocity[-1] / network.output_divisor, pass_.outputs.shape[-2])
    d_sensitivities = []
    for level in reversed(range(network.depth)):
        z, (skip, branch) = pass_.preactivations[level], network.branches[level]
        bending = _repeat_over_outputs(network, network.phi.curvature(z) * d_preactivations[level])
        slope = _repeat_over_outputs(network, network.phi.slope(z))
        d_sensitivities.append(branch * (d_cotangent * slope + linearisation.cotangents[level] * bending))
        if level:
            through = d_sensitivities[-1] @ parameters[level] + linearisation.sensitivities[level] @ velocity[level]
            d_cotangent = skip * d_cotangent + network.scales[level] * through
    return tuple(reversed(d_sensitivities))


def _symmetric_product(left, right):
    product = left @ right.mT
    return product + product.mT


def _n_samples(linearisation):
    return linearisation.pass_.outputs.shape[-2]


def _repeat_over_outputs(network, per_sample):
    """(..., n, units) -> (..., n * n_outputs, units)."""
    return per_sample if network.n_outputs == 1 else per_sample.repeat_interleave(network.n_outputs, dim=-2)


def _repeat_over_samples(per_output, n_samples):
    """(..., n_outputs, units) -> (..., n * n_outputs, units)."""
    return per_output.unsqueeze(-3).expand(*per_output.shape[:-2], n_samples, -1, -1).flatten(-3, -2)


def _spread(network, gram):
    """Repeat a Gram matrix of samples over all pairs of outputs."""
    if network.n_outputs == 1:
        return gram
    return gram.repeat_interleave(network.n_outputs, dim=-2).repeat_interleave(network.n_outputs, dim=-1)


def _per_output(network, gram):
    """Gram matrix of samples on the blocks of equal outputs (Kronecker product with the identity)."""
    if network.n_outputs == 1:
        return gram
    identity = torch.eye(network.n_outputs, dtype=gram.dtype, device=gram.device)
    return _spread(network, gram) * identity.repeat(gram.shape[-2], gram.shape[-1])
