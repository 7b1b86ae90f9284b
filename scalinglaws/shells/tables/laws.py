"""What tables say of drift fields of several seeds: the law fitted to them, and their profile against 2 lambda t."""

import numpy as np

# Edges of the bins of 2 lambda t in the profile, three a decade.
POSITION_EDGES = np.logspace(-4, 4, 25)
# Their geometric centres.
POSITIONS = np.sqrt(POSITION_EDGES[1:] * POSITION_EDGES[:-1])
# Windows count for the profile when this share of all that passes goes one way: else there is no velocity to divide by.
ONE_WAY = 0.5


def law_columns(fit):
    """The columns of a `DriftFit` that every table of laws has."""
    return {
        "sign": fit.sign,
        "exponent": fit.exponent,
        "low": fit.interval[0],
        "high": fit.interval[1],
        "share_up": fit.share_up,
        "share_up_energy": fit.share_up_energy,
        "up_low": fit.upward_interval[0],
        "up_high": fit.upward_interval[1],
        "residual_rms": fit.residual_rms,
        "explained_one": fit.explained[1.0],
        "explained_two": fit.explained[2.0],
        "cells": fit.n_cells,
    }


def in_growth(seeds, growth):
    """Fields by seed as they are, for growth "kept", or without the common growth, for "removed"."""
    if growth == "kept":
        return seeds
    return [[field.without_growth() for field in of_seed] for of_seed in seeds]


def relative_profile(of_seed):
    """Energy passed over exposure in each bin, both in units of their window's sum; NaN in bins without energy."""
    passed, exposure = np.zeros(POSITIONS.size), np.zeros(POSITIONS.size)
    for field in of_seed:
        total, moved = field.passed.sum(1), np.abs(field.passed).sum(1)
        position = 2 * field.eigenvalues * field.times[:, None]
        for w in np.flatnonzero(np.abs(total) > ONE_WAY * moved):
            cells = field.resolved[w]
            passed += np.histogram(position[w, cells], POSITION_EDGES, weights=field.passed[w, cells] / total[w])[0]
            weights = field.exposure[w, cells] / field.exposure[w].sum()
            exposure += np.histogram(position[w, cells], POSITION_EDGES, weights=weights)[0]
    return np.divide(passed, exposure, out=np.full_like(passed, np.nan), where=exposure > 0)
