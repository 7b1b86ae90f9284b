"""Perceptrons in NTK parametrisation: tangent kernels without Jacobians and gradient flow as snapshots."""

from scalinglaws.networks.mlp import ACTIVATIONS, Network, forward, initialise, stack
from scalinglaws.networks.tangent import kernel_rate, layer_kernels, linearise, pull_back, tangent_kernel
from scalinglaws.networks.training import (
    Diverged,
    Flow,
    Snapshot,
    exponential_midpoint_step,
    fixed_steps,
    gradient_descent_step,
    gradient_flow,
    kernel_velocity,
    runge_kutta_step,
    start_flow,
    take_snapshot,
    velocity,
)

__all__ = [
    "ACTIVATIONS",
    "Diverged",
    "Flow",
    "Network",
    "Snapshot",
    "exponential_midpoint_step",
    "fixed_steps",
    "forward",
    "gradient_descent_step",
    "gradient_flow",
    "initialise",
    "kernel_rate",
    "kernel_velocity",
    "layer_kernels",
    "linearise",
    "pull_back",
    "runge_kutta_step",
    "stack",
    "start_flow",
    "take_snapshot",
    "tangent_kernel",
    "velocity",
]
