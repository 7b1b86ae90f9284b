"""Which members of an experiment cost the same and how they are made smaller, for tools/costs.py."""

from collections.abc import Callable
from dataclasses import dataclass


def fields(*names):
    """What tells kinds: these fields of a member, where it has them."""
    return lambda settings, member: tuple(getattr(member, name, None) for name in names)


def size(*names):
    """What tells sizes: the same."""
    return lambda member: tuple(getattr(member, name, None) for name in names)


@dataclass(frozen=True)
class Plan:
    """How to find what the members of an experiment cost.

    scaled : settings that make a member smaller, by their path; `*` stands for all entries.
    kind : of settings and member, what its cost depends on.
    size : of a member, what the seconds of one snapshot depend on.
    fractions : of the full size, at which a member is run.
    growth : exponent of the seconds in the fraction where a single smaller run is all there is.
    starts : how often a run of snapshots does what it does at its start.
    """

    scaled: tuple[str, ...] = ()
    kind: Callable = lambda settings, member: (repr(member),)
    size: Callable = repr
    fractions: tuple[float, ...] = (1 / 8, 1 / 4, 1 / 2, 1)
    growth: float = 3.0
    starts: int = 1


WHOLE = (1,)
# Of networks the number of snapshots is wanted, which changes little with size.
SMALL = (1 / 8, 1 / 4, 1)
LARGE = (1 / 4, 1 / 2, 1)
DATA = "data.*.n_samples", "data.*.dim"
PLANS = {
    "sweep": Plan((*DATA, "network.width"), fields("value"), size("width"), SMALL),
    "widths": Plan((*DATA, "widths"), fields("held", "value", "width"), size("width"), SMALL),
    "orders": Plan(kind=fields("dataset"), fractions=WHOLE),
    "exponents": Plan(
        ("n_modes", "networks.n_modes", "networks.widths"),
        fields("model", "richness0", "width"),
        size("model", "width"),
        SMALL,
        growth=1.0,
    ),
    "drift": Plan(
        (*DATA, "network.width", "cases.*.width"),
        fields("dataset", "value", "width", "depth", "activation"),
        size("dataset", "width", "depth"),
        SMALL,
    ),
    "couplings": Plan(
        (*DATA, "widths", "rescaling.width"),
        fields("depth", "width", "residual", "part"),
        size("depth", "width", "part"),
        SMALL,
        # Small ones take most of their time outside matrix products.
        growth=1.5,
        # Couplings are measured at the start and at four times.
        starts=5,
    ),
    "double_descent": Plan(kind=fields("model", "activation", "richness"), fractions=WHOLE),
    # The number of steps follows from the learning rate alone.
    "minibatch": Plan((*DATA, "network.width"), fields("learning_rate"), size("learning_rate"), SMALL),
    # As many steps of Lanczos' method at any size: the time of shells grows as in `make benchmark`.
    "models": Plan(
        ("cases.*.data_options.n_samples", "compare.largest"),
        fields("case"),
        fractions=(1 / 16, 1 / 8, 1 / 4, 1),
        growth=1.1,
    ),
    # Networks are trained for some seeds alone.
    "diagonal": Plan(
        ("dims", "networks.dims"),
        lambda settings, member: (member.dim, member.seed in settings["networks"]["seeds"]),
    ),
    "quadratic": Plan(
        ("simulations.*.dim", "theory_dims"), fields("dim", "sensing", "ratios", "network"), fractions=LARGE
    ),
    "phases": Plan(fractions=WHOLE),
    "spectra": Plan(
        ("points.*.dims", "curves.*.dim", "tails.dim"), fields("kind", "phase", "dim", "ratio"), fractions=LARGE
    ),
    "initialisation": Plan(kind=fields("weight_decay"), fractions=WHOLE),
    # Every sample meets every feature map: the time grows at most as the square of the number of both.
    "learning_curves": Plan(
        ("sections.*.draws.data", "sections.*.draws.features"), fractions=(0.2, 0.4, 1), growth=2.0
    ),
    "nonlinear_features": Plan(("erf.draws.data", "erf.draws.features"), fractions=(0.25, 0.5, 1), growth=2.0),
    "regimes": Plan(fractions=WHOLE),
    "random_matrices": Plan(("sizes",), fields("ensemble", "size"), fractions=LARGE),
    "notebooks": Plan(fractions=WHOLE),
}


def scaled(settings, paths, fraction):
    """Settings with the numbers at the paths, or in lists there, times a fraction and whole, 2 at least."""
    for path in paths if fraction < 1 else ():
        settings = _replaced(settings, path.split("."), fraction)
    return settings


def _replaced(value, path, fraction):
    if isinstance(value, list):
        rest = path[1:] if path[:1] == ["*"] else path
        return [_replaced(each, rest, fraction) for each in value]
    if not path:
        return max(round(value * fraction), 2)
    names = list(value) if path[0] == "*" else [path[0]] if path[0] in value else []
    return value | {name: _replaced(value[name], path[1:], fraction) for name in names}


def kinds(settings, members, plan):
    """Indices of the members that cost about the same, by what they have in common."""
    found = {}
    for index, member in enumerate(members):
        found.setdefault((type(member).__name__, *plan.kind(settings, member)), []).append(index)
    return found
