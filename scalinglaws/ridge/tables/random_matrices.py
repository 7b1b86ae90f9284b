"""Tables of the random matrices: the laws, histograms of the matrices, and their distances to the laws."""

from itertools import pairwise

import numpy as np
import pandas as pd

from scalinglaws.fits import seed_interval

PLACE = ("ensemble", "case", "size")
COLUMNS = {
    "matrix_densities": (*PLACE, "x", "density"),
    "matrix_histograms": (*PLACE, "left", "right", "value", "low", "high", "expected", "seeds"),
    "matrix_distances": (
        *(*PLACE, "largest", "part", "value", "low", "high"),
        *("rigid_scale", "independent_scale", "atom", "n_bulks", "seeds"),
    ),
}


def tables(records):
    """All tables by name; without records they are empty. Laws and histograms are those of the largest size."""
    largest = max((int(record["size"]) for record in records), default=0)
    of_largest = [record for record in records if int(record["size"]) == largest]
    rows = {
        "matrix_densities": densities(of_largest),
        "matrix_histograms": histograms(of_largest),
        "matrix_distances": distances(records, largest),
    }
    return {name: pd.DataFrame(rows[name], columns=COLUMNS[name]) for name in COLUMNS}


def _place(record):
    return {"ensemble": str(record["ensemble"]), "case": str(record["case"]), "size": int(record["size"])}


def _mean(samples):
    """Mean over seeds (axis 0) with its 95 % bootstrap interval; a single seed has none."""
    low, high = seed_interval(samples)
    return {"value": samples.mean(axis=0), "low": low, "high": high}


def densities(records):
    """Rows of: the law's density of the eigenvalues other than exact zeros, per unit of x."""
    for record in records:
        for x, density in zip(record["x"], record["density"], strict=True):
            yield {**_place(record), "x": x, "density": density}


def histograms(records):
    """Rows of: share of all eigenvalues in a bin over its width, mean over seeds, and what the law expects."""
    for record in records:
        measured = _mean(record["share"] / np.diff(record["bins"]))
        columns = {**measured, "expected": record["expected"]}
        for i, (left, right) in enumerate(pairwise(record["bins"])):
            numbers = {name: column[i] for name, column in columns.items()}
            yield {**_place(record), "left": left, "right": right, **numbers, "seeds": len(record["share"])}


def distances(records, largest):
    """Rows of: Kolmogorov-Smirnov distance of one matrix to the law, mean over seeds.

    part is 'all', or, of a law with an atom, 'above 0': relative to the n eigenvalues above 0 alone. Since the share of
    zeros is that of the law exactly, this is the distance of all divided by the share of the others. rigid_scale =
    sqrt(2) ln(n) / (pi n) is the distance of eigenvalues that repel each other as those of real symmetric matrices do:
    the maximum of log-correlated Gaussian fluctuations of variance ln(n) / (pi n)^2, twice that of Hermitian matrices
    (Claeys, Fahs, Lambert and Webb, Duke Math. J. 170, 2085, 2021). independent_scale = sqrt(pi/2) ln(2) / sqrt(n) is
    the mean distance of n independent draws (Kolmogorov's distribution).
    """
    for record in records:
        above = 1 - float(record["atom"])
        for part, share in {"all": 1.0, **({"above 0": above} if above < 1 else {})}.items():
            measured = _mean(np.asarray(record["distance"]) / share)
            size, n = int(record["size"]), above * int(record["size"])
            scales = {
                "rigid_scale": above / share * np.sqrt(2) * np.log(n) / (np.pi * n),
                "independent_scale": above / share * np.sqrt(np.pi / 2 / n) * np.log(2),
            }
            law = {"atom": float(record["atom"]), "n_bulks": len(record["edges"])}
            place = {**_place(record), "largest": size == largest, "part": part}
            yield {**place, **measured, **scales, **law, "seeds": len(record["distance"])}
