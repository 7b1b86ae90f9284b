"""Pruning: the noise that a network learned is cut off, and everything above it moves down by as much.

Each learned value x becomes relu(x - edge), edge = noise_edge - threshold the end of the learned noise, 2 delta - b for
the quadratic network (arXiv:2509.24882, section on pruning). Since x = relu(y - b) of the noisy teacher's y, this is
thresholding of y at max(b, noise_edge): the risk of the pruned network is risk(delta, max(b, noise_edge)). Where
regularisation has removed the noise already, edge < 0 and pruning does nothing. The diagonal network is pruned by the
same rule with its own noise_edge, delta sqrt(2 log dim).

No noise is left, but what was learned is shrunk, by noise_edge in all: pruning helps where much noise was learned, and
costs where it was little. The threshold of least risk lies below the edge.
"""

import numpy as np

from scalinglaws import checks


def pruned_risk(law):
    """Excess risk after pruning that state evolution predicts for a `LearnedLaw`."""
    return law.risk(max(law.threshold, law.noise_edge))


def prune(parameters, edge):
    """Pruned parameters: relu(x - edge) of the eigenvalues of a symmetric S^ (dim, dim) >= 0, soft(theta^; edge) of
    coefficients (dim,); unchanged for edge <= 0.

    ValueError if parameters have another shape.
    """
    parameters = checks.array("parameters", parameters)
    if parameters.ndim > 2 or set(parameters.shape) != {len(np.atleast_1d(parameters))}:
        raise ValueError(f"parameters has shape {parameters.shape} and must be a vector or a square matrix")
    if edge <= 0:
        return parameters
    if parameters.ndim == 1:
        return np.sign(parameters) * np.maximum(np.abs(parameters) - edge, 0.0)
    values, vectors = np.linalg.eigh(parameters)
    return (vectors * np.maximum(values - edge, 0.0)) @ vectors.T


def parameter_risk(parameters, teacher):
    """Excess risk of parameters: |theta^ - theta*|^2 / dim, or 2 |S^ - S*|_F^2 / dim; shapes as in `prune`."""
    error = np.asarray(parameters) - teacher
    return float(error.ndim * (error**2).sum() / len(error))
