"""Random matrices against their limit laws: Wigner, white, structured and deep Wishart, at several sizes.

White and deep Wishart matrices are cases of the list of ratios dim / (rows of a factor); structured ones have a
population spectrum, a power law or levels with their shares of the directions, and one ratio dim / n_samples.
"""

from dataclasses import dataclass

import numpy as np

from scalinglaws.ridge.deep_wishart import DeepWishart
from scalinglaws.ridge.experiments.setup import member_rng
from scalinglaws.ridge.matrix_samples import deep_wishart_eigenvalues, wigner_eigenvalues, wishart_eigenvalues
from scalinglaws.ridge.random_matrices import MarchenkoPastur, Semicircle, ks_distance
from scalinglaws.ridge.structured_wishart import StructuredWishart
from scalinglaws.spectra import power_law_spectrum

EXPERIMENT = "random_matrices"
# Share of the eigenvalues at a hard edge that histograms leave out: on a logarithmic axis it has no end.
LEFT_OUT = 0.005
# Bins reach beyond the edges by this factor (Wigner: by this share of the radius), so that no eigenvalue is lost.
MARGIN = 1.05
# Of the law's line: over all bins, and in each bulk besides, however narrow.
N_POINTS, N_BULK_POINTS = 300, 12


@dataclass(frozen=True)
class MatrixMember:
    """Matrices of one ensemble, case and size; every seed draws one."""

    ensemble: str
    case: str
    size: int


def members(settings):
    """All combinations of case and size."""
    return [MatrixMember(*named, size) for named in _cases(settings) for size in settings["sizes"]]


def _cases(settings):
    """What every (ensemble, case) is made of: nothing, a ratio, a population spectrum with its ratio, or ratios."""
    return {
        ("Wigner", "Gaussian"): None,
        **{("white Wishart", f"q = {ratio:g}"): ratio for ratio in settings["white_ratios"]},
        **{("structured Wishart", case["name"]): case for case in settings["structured"]},
        **{
            ("deep Wishart", f"q = {', '.join(f'{r:g}' for r in ratios)}"): ratios for ratios in settings["deep_ratios"]
        },
    }


def run(settings, member):
    """Distances of every seed's matrix to its law, histograms, and the law itself."""
    law, draw = _ensemble(member, _cases(settings)[member.ensemble, member.case])
    rngs = [member_rng(EXPERIMENT, str(member), seed) for seed in settings["seeds"]]
    spectra = [draw(rng) for rng in rngs]
    bins = _bins(law, settings["n_bins"])
    x = _points(law, bins[[0, -1]])
    return {
        **{"ensemble": member.ensemble, "case": member.case, "size": member.size, "seed": settings["seeds"]},
        **{"atom": law.atom, "edges": law.edges, "x": x, "density": law.density(x)},
        **{"bins": bins, "expected": np.diff(law.cdf(bins)) / np.diff(bins)},
        "share": np.array([np.histogram(spectrum, bins)[0] for spectrum in spectra]) / member.size,
        "distance": np.array([ks_distance(spectrum, law.cdf) for spectrum in spectra]),
    }


def _ensemble(member, made_of):
    """A law, and the function of a generator that draws a matrix's eigenvalues."""
    dim = member.size
    if member.ensemble == "Wigner":
        return Semicircle(), lambda rng: wigner_eigenvalues(rng, dim)
    if member.ensemble == "white Wishart":
        n_samples = _whole(dim, made_of)
        return MarchenkoPastur(made_of), lambda rng: wishart_eigenvalues(rng, np.ones(dim), n_samples)
    if member.ensemble == "structured Wishart":
        population, n_samples = _population(made_of, dim), _whole(dim, made_of["ratio"])
        return StructuredWishart(population, made_of["ratio"]), lambda rng: wishart_eigenvalues(
            rng, population, n_samples
        )
    sizes = [dim, *(_whole(dim, ratio) for ratio in made_of)]
    return DeepWishart(tuple(made_of)), lambda rng: deep_wishart_eigenvalues(rng, sizes)


def _population(case, dim):
    if "capacity" in case:
        return power_law_spectrum(dim, case["capacity"])
    return np.repeat(case["levels"], [_whole(dim, 1 / share) for share in case["shares"]])


def _whole(dim, ratio):
    """dim / ratio; ValueError unless it is a whole number, so that the matrix has exactly the ratio of its law."""
    rows = dim / ratio
    if abs(rows - round(rows)) > 1e-9 * rows:
        raise ValueError(f"size = {dim} over {ratio:g} must be a whole number of rows, not {rows:g}")
    return round(rows)


def _bins(law, n_bins):
    """Edges of equal bins, of x for Wigner's law and of log x for the others."""
    low, high = law.edges[0, 0], law.edges[-1, 1]
    if low < 0:
        return np.linspace(MARGIN * low, MARGIN * high, n_bins + 1)
    return np.geomspace(_first_quantile(law) if low == 0 else low / MARGIN, MARGIN * high, n_bins + 1)


def _first_quantile(law):
    """About where LEFT_OUT of the eigenvalues above 0 lie below."""
    x = law.edges[-1, 1] * np.geomspace(1e-30, 1, N_POINTS)
    return x[np.searchsorted(law.cdf(x), law.atom + (1 - law.atom) * LEFT_OUT)]


def _points(law, ends):
    """Places for the law's line: evenly spread as the bins are, and in every bulk denser towards its edges."""
    spread = np.linspace if ends[0] < 0 else np.geomspace
    low, high = np.maximum(law.edges, ends[0]).T
    steps = np.sin(np.linspace(0, np.pi / 2, N_BULK_POINTS)) ** 2
    inside = low[:, None] + np.outer(high - low, steps)
    return np.unique(np.concatenate([spread(*ends, N_POINTS), low, high, inside.ravel()]))
