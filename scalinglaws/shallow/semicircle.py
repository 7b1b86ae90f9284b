"""Wigner's semicircle on [-2, 2] above a threshold c >= 0: the null teacher's spectrum, thresholded.

Moments over the end of length e = 2 - c are integrals of (1 - u)^k sqrt(u) times a polynomial and sqrt(4 - e u), where
u = (2 - x) / e: analytic up to u = 2, so that 24 nodes reach double precision, and without cancellation at the edge.
"""

import numpy as np
from scipy.special import roots_jacobi

JACOBI = {order: roots_jacobi(24, order, 0.5) for order in (1, 2)}
NODES = {order: ((1 + z) / 2, shares / 2 ** (order + 1.5)) for order, (z, shares) in JACOBI.items()}


def null_risk(c):
    """Integral of (x - c)^2 over the semicircle above c: from 1/2 at c = 0 down to 0 at c = 2 and beyond."""
    return _moment_of_end(2 - np.asarray(c, dtype=float), 2, lambda x: 1.0)


def null_kept(c):
    """Integral of x (x - c) over the semicircle above c: from 1/2 at c = 0 down to 0 at c = 2 and beyond."""
    return kept_of_end(2 - np.asarray(c, dtype=float))


def kept_of_end(e):
    """`null_kept` of c = 2 - e: precise however short the end is."""
    return _moment_of_end(e, 1, lambda x: x)


def _moment_of_end(e, order, weight):
    """Integral of weight(x) (x - 2 + e)^order over the semicircle's end of length e; 0 for e < 0."""
    nodes, shares = NODES[order]
    e = np.maximum(e, 0.0)
    t = e[..., None] * nodes
    return e ** (order + 1.5) * ((weight(2 - t) * np.sqrt(4 - t)) @ shares) / (2 * np.pi)
