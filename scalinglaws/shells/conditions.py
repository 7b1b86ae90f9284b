"""Two sufficient conditions of arXiv 2512.18209 on the Jacobian: incoherent layers at the start, controlled growth.

The layers' kernels M_l = J_l J_l^T / n, whose sum is M, tell how far two layers move the outputs alike without any
Jacobian: ||J_l^T J_m||_F^2 = tr(J_l J_l^T J_m J_m^T) = n^2 tr(M_l M_m).
"""

import numpy as np

from scalinglaws import checks


def layer_coherence(kernels):
    """tr(M_l M_m) / sqrt(tr M_l^2 tr M_m^2), shape (L, L), in [0, 1]; kernels (L, m, m), none zero.

    The cosine of the angle between two kernels as vectors (kernel alignment: Cristianini et al. 2001). It is never
    small: two kernels with eigenvectors turned at random still share tr M_l tr M_m / m. See `excess_coherence`.
    """
    vectors = checks.array("kernels", kernels, ndim=3).reshape(len(kernels), -1)
    norms = np.linalg.norm(vectors, axis=1)
    checks.positive_array("norms of kernels", norms)
    return (vectors @ vectors.T) / np.outer(norms, norms)


def excess_coherence(kernels):
    """Coherence beyond that of chance, shape (L, L), in [-1, 1]: that of M_l - (tr M_l / m) I.

    With Haar-distributed U, E tr(M_l U M_m U^T) = tr M_l tr M_m / m, so that layers that know nothing of each other
    have excess 0 on average, whatever their spectra. (No mean direction needs removing as well: networks of odd
    activation on centred inputs have none, K(x, -y) = -K(x, y).) ValueError on multiples of the identity.
    """
    kernels = checks.array("kernels", kernels, ndim=3)
    size = kernels.shape[-1]
    means = np.trace(kernels, axis1=1, axis2=2) / size
    return layer_coherence(kernels - means[:, None, None] * np.eye(size))


def by_layer_distance(coherence):
    """Mean of a coherence matrix over pairs of layers at distance 0, 1, ..., L - 1, shape (L,)."""
    return np.array([np.diagonal(coherence, distance).mean() for distance in range(len(coherence))])


def coherent_layers(coherence):
    """sum_lm coherence_lm / L: the number of layers that move together; 1 for orthogonal layers, L for equal ones."""
    return float(coherence.sum() / len(coherence))


def jacobian_growth(largest_eigenvalues):
    """max_{t' <= t} ||J(t')|| / ||J(0)|| in the operator norm, from the largest eigenvalue of M up to each time (T,).

    ||J||^2 = n lam_max(M). ValueError unless the eigenvalues are > 0 and never fall.
    """
    largest = checks.positive_array("largest_eigenvalues", largest_eigenvalues, ndim=1)
    falling = np.flatnonzero(np.diff(largest) < 0)
    if falling.size:
        pair = largest[falling[0] : falling[0] + 2].tolist()
        raise ValueError(
            f"largest_eigenvalues = ..., {pair[0]}, {pair[1]}, ... must never fall: they are maxima so far"
        )
    return np.sqrt(largest / largest[0])


def kernel_path(before, after):
    """One step's share of the relative path int ||M'|| / ||M|| dt: ||dM|| / ||mean M||, Frobenius.

    Second order in the step. The path is at least |ln ||M(T)|| / ||M(0)|||, with equality when M grows in place.
    """
    return float(2 * np.linalg.norm(after - before) / np.linalg.norm(after + before))
