"""The drift law: fits against least squares by hand, of modes that a known law carries, and where there is little."""

import math
from dataclasses import replace

import numpy as np
import pytest
from test_drift import field_of, noisy, synthetic

from scalinglaws.shells.drift import (
    EXPONENTS,
    REGIONS,
    RESOLVED_SHARE,
    DriftField,
    NothingToFit,
    compare_regions,
    drift_exponent,
    fit_drift,
)
from scalinglaws.shells.partition import anchored_edges
from scalinglaws.shells.transport import PowerLawDrift, characteristics

SEEDS = [[noisy(seed), noisy(seed + 100)] for seed in range(4)]


def power_law_field(exponent, largest, *, top, ratio=2.0, duration=1.0):
    """(field, rate) of 400 modes of even energy on 5 decades below `top`, carried by v = rate lambda^b.

    The fastest moves by `largest` e-folds; only boundaries that neither end of the spectrum reaches are kept.
    """
    ends, time = np.array([top * 1e-5, top]), np.linspace(0, duration, 121)
    rate = largest / duration / (ends ** (exponent - 1)).max()
    modes = characteristics(
        PowerLawDrift([0, math.inf], [rate], exponent), np.geomspace(*ends, 400), np.ones(400), time
    )
    edges = anchored_edges(top, ratio, decades_below=7, decades_above=2)
    field = field_of(time, *modes, np.array([0, 0.3, 1.0]) * duration, edges)
    reach = 1.5 * math.log(ratio) + abs(largest)
    inside = (np.log(field.eigenvalues / ends[0]) > reach) & (np.log(ends[1] / field.eigenvalues) > reach)
    parts = (field.eigenvalues[inside], field.passed[:, inside], field.exposure[:, inside], field.growth)
    return DriftField(field.time_edges, *parts), rate


# --- the law --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("largest", [0.01, -0.01])
@pytest.mark.parametrize("ratio", [1.5, 2.0, 4.0])
@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.5, 2.0])
def test_transported_power_laws_give_back_their_exponent_and_their_rate(exponent, ratio, largest):
    """Shells average lambda^(b-1) over a B-spline of width ln q: the factor (sinh(x/2)/(x/2))^3, x = (b - 1) ln q.

    Before modes have moved or decayed by more than 1 %: their energy per e-fold is even to a slope of 0.03, which
    changes the factor by that times its variance (b - 1)(ln q)^2 / 4 <= 0.5.
    """
    field, rate = power_law_field(exponent, largest, top=1e-3, ratio=ratio)
    half = (exponent - 1) * math.log(ratio) / 2
    factor = (math.sinh(half) / half) ** 3 if half else 1.0
    law = rate * factor * field.eigenvalues ** (exponent - 1)
    np.testing.assert_allclose(field.relative_velocity / law, 1, atol=0.03 * 0.5 * abs(exponent - 1) + 1e-8)
    fit = fit_drift([[field], [field]])
    assert fit.exponent == pytest.approx(exponent, abs=1e-3)
    assert fit.best_explained == exponent
    assert (fit.sign, fit.share_up, fit.share_up_energy) == ((1, 1, 1) if largest > 0 else (-1, 0, 0))


@pytest.mark.parametrize("largest", [0.3, -0.3])
@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.5, 2.0])
def test_exponents_come_back_from_modes_that_move_and_decay(exponent, largest):
    """Up to 0.3 e-folds, and to e^-2 of the energy at the top: off by less than 0.01, and by less in finer shells."""
    field, _ = power_law_field(exponent, largest, top=1.0)
    fit = fit_drift([[field], [field]])
    assert fit.exponent == pytest.approx(exponent, abs=0.01)
    assert fit.sign == np.sign(largest)
    coarse, _ = power_law_field(exponent, largest, top=1.0, ratio=4.0)
    # The time steps' own error, at exponent 1 the only one, is below 1e-6.
    assert abs(fit.exponent - exponent) <= abs(drift_exponent([[coarse]]) - exponent) + 1e-6


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("exponent", [-0.5, 1.0, 1.85, 3.0])
def test_an_exact_power_law_is_explained_in_full(exponent, sign):
    rates = sign * np.array([[3.0], [0.2], [1.0], [0.01], [50.0]])
    fields = [[synthetic(lambda lam, _: rates * lam ** (exponent - 1)), noisy_exposure(exponent, rates)]] * 3
    fit = fit_drift(fields)
    assert fit.exponent == pytest.approx(exponent, abs=1e-12)
    np.testing.assert_allclose(fit.interval, exponent, atol=1e-12)
    assert fit.best_explained == exponent
    assert fit.explained[exponent] == pytest.approx(1, abs=1e-12)
    assert max(fit.explained.values()) <= 1 + 1e-12
    # The root of rounding: Syy - b^2 Sxx is a difference of equals.
    assert fit.residual_rms < 1e-6
    assert (fit.sign, fit.n_cells, fit.n_seeds) == (sign, 3 * 2 * 5 * 12, 3)
    for first in REGIONS:
        difference, low, high = compare_regions(fields, first, "all")
        np.testing.assert_allclose([difference, low, high], 0, atol=1e-11)


def noisy_exposure(exponent, rates):
    exposure = 10 ** np.random.default_rng(9).uniform(-3, 0, (5, 12))
    return synthetic(lambda lam, _: rates * lam ** (exponent - 1), exposure=exposure)


def cells_by_hand(fields, low=0.0, high=np.inf):
    """(seed, grid and window, ln lambda, u, exposure) of every resolved cell, one by one."""
    for seed, of_seed in enumerate(fields):
        for g, field in enumerate(of_seed):
            for w in range(len(field.growth)):
                start, stop = field.time_edges[w : w + 2]
                time = (start * stop) ** 0.5 if start > 0 else stop
                for b, lam in enumerate(field.eigenvalues):
                    exposure = field.exposure[w, b]
                    if exposure > RESOLVED_SHARE * field.exposure[w].max() and low <= 2 * lam * time < high:
                        yield seed, (seed, g, w), math.log(lam), field.passed[w, b] / exposure, exposure


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("sign", [1, -1])
def test_the_fit_is_least_squares_with_an_amplitude_for_each_window(region, sign):
    fields = [[noisy(seed, sign=sign), noisy(seed + 100, sign=sign)] for seed in range(4)]
    cells = list(cells_by_hand(fields, *REGIONS[region]))
    along = [cell for cell in cells if cell[3] * sign > 0]
    windows = [w for w in dict.fromkeys(cell[1] for cell in along) if sum(c[1] == w for c in along) >= 3]
    along = [cell for cell in along if cell[1] in windows]
    dummies = np.array([[float(cell[1] == w) for w in windows] for cell in along])
    design = np.column_stack([dummies, [cell[2] for cell in along]])
    answer, residual, *_ = np.linalg.lstsq(design, np.log([abs(cell[3]) for cell in along]))
    fit = fit_drift(fields, region=region)
    assert fit.exponent == pytest.approx(1 + answer[-1], abs=1e-10)
    assert drift_exponent(fields, region=region) == fit.exponent
    assert fit.residual_rms == pytest.approx(math.sqrt(residual[0] / len(along)), rel=1e-9)
    assert (fit.sign, fit.n_cells, fit.n_seeds) == (sign, len(along), 4)
    moved = np.array([cell[3] * cell[4] for cell in cells])
    assert fit.share_up == pytest.approx(np.mean(moved > 0), rel=1e-13)
    assert fit.share_up_energy == pytest.approx(moved[moved > 0].sum() / np.abs(moved).sum(), rel=1e-12)
    low, high = fit.interval
    assert low < fit.exponent < high
    assert fit.upward_interval[0] < fit.share_up_energy < fit.upward_interval[1]


def test_regions_share_out_all_cells():
    bounds = [REGIONS[name] for name in ("unlearned", "frontier", "learned")]
    assert [low for low, _ in bounds] + [bounds[-1][1]] == [REGIONS["all"][0], *(high for _, high in bounds)]
    counts = {name: len(list(cells_by_hand(SEEDS, *REGIONS[name]))) for name in REGIONS}
    assert counts["all"] == counts["unlearned"] + counts["frontier"] + counts["learned"]
    assert min(counts.values()) > 0


@pytest.mark.parametrize("exponent", [-1.0, 0.5, 1.0, 2.0, 4.0])
def test_the_explained_share_is_that_of_the_best_amplitude_of_each_window(exponent):
    """1 - min over c of sum e (u - c lambda^(b-1))^2 / sum e u^2, by weighted least squares, window by window."""
    cells, by_seed = list(cells_by_hand(SEEDS)), []
    for seed in range(4):
        shares = []
        for window in dict.fromkeys(cell[1] for cell in cells if cell[0] == seed):
            x, u, e = np.array([cell[2:] for cell in cells if cell[1] == window]).T
            shape, root = np.exp((exponent - 1) * x)[:, None], np.sqrt(e)
            rate = np.linalg.lstsq(shape * root[:, None], u * root)[0]
            shares.append(1 - (e * (u - shape @ rate) ** 2).sum() / (e * u**2).sum())
        by_seed.append(np.mean(shares))
    fit = fit_drift(SEEDS)
    assert fit.explained[exponent] == pytest.approx(np.mean(by_seed), abs=1e-12)
    assert fit.explained[fit.best_explained] == max(fit.explained.values())
    assert list(fit.explained) == EXPONENTS.tolist()


@pytest.mark.parametrize("power", [-1.0, 0.35])
def test_multiplying_velocities_by_a_power_shifts_the_exponent_and_its_interval(power):
    shifted = [[replace(f, passed=f.passed * f.eigenvalues**power * 7) for f in of_seed] for of_seed in SEEDS]
    fits = [fit_drift(fields) for fields in (SEEDS, shifted)]
    np.testing.assert_allclose(fits[1].interval, np.add(fits[0].interval, power), atol=1e-10)
    assert fits[1].exponent == pytest.approx(fits[0].exponent + power, abs=1e-10)
    assert fits[1].residual_rms == pytest.approx(fits[0].residual_rms, rel=1e-9)
    assert (fits[1].share_up, fits[1].n_cells) == (fits[0].share_up, fits[0].n_cells)


def test_turning_all_velocities_round_turns_the_sign_alone():
    turned = [[replace(f, passed=-f.passed) for f in of_seed] for of_seed in SEEDS]
    first, second = fit_drift(SEEDS), fit_drift(turned)
    assert (first.sign, second.sign) == (1, -1)
    assert (second.exponent, second.interval) == (first.exponent, first.interval)
    assert second.share_up == pytest.approx(1 - first.share_up, rel=1e-14)
    assert second.explained == pytest.approx(first.explained)


def test_regions_are_compared_seed_by_seed():
    """As their separate fits; to a seed with another exponent throughout, the difference is indifferent."""
    difference, low, high = compare_regions(SEEDS, "learned", "unlearned")
    apart = [drift_exponent(SEEDS, region=name) for name in ("learned", "unlearned")]
    assert difference == pytest.approx(apart[0] - apart[1], abs=1e-12)
    assert low < difference < high
    assert compare_regions(SEEDS, "unlearned", "learned")[0] == pytest.approx(-difference, abs=1e-14)
    bent = [[synthetic(lambda lam, w: lam ** np.where(2 * lam * np.maximum(np.sqrt(w * (w + 1)), w == 0) < 4, 0, 1))]]
    np.testing.assert_allclose(compare_regions(bent * 3, "learned", "unlearned"), 1, atol=1e-12)


# --- where there is little to fit -----------------------------------------------------------------------------------


def test_one_seed_has_an_exponent_but_no_interval():
    fit = fit_drift(SEEDS[:1])
    assert np.isfinite(fit.exponent)
    assert np.isnan([*fit.interval, *fit.upward_interval]).all()
    assert np.isnan(compare_regions(SEEDS[:1], "learned", "unlearned")[1:]).all()


def test_a_seed_without_cells_in_a_region_takes_the_interval_but_not_the_exponent():
    """Resamples of that seed alone hold no window."""
    low_only = [[replace(f, exposure=np.where(f.eigenvalues < 0.01, f.exposure, 0.0)) for f in SEEDS[3]]]
    fields = [*SEEDS[:1], *low_only]
    fit = fit_drift(fields, region="learned")
    assert fit.exponent == pytest.approx(drift_exponent(SEEDS[:1], region="learned"), abs=1e-13)
    assert np.isnan(fit.interval).all()
    assert np.isnan(compare_regions(fields, "learned", "unlearned")[1:]).all()


STILL = {
    "two cells a window": synthetic(lambda lam, w: lam, eigenvalues=np.array([1.0, 2.0])),
    "nothing moves": synthetic(lambda lam, w: 0 * lam * w),
    "no energy": synthetic(lambda lam, w: lam, exposure=np.zeros((5, 12))),
    "two of each sign": synthetic(lambda lam, w: np.array([1.0, -1, 1, -1]), eigenvalues=2.0 ** np.arange(4)),
}


@pytest.mark.parametrize("field", STILL.values(), ids=STILL)
def test_without_three_cells_of_one_sign_there_is_nothing_to_fit(field):
    for fit in (fit_drift, drift_exponent):
        with pytest.raises(NothingToFit, match="no window with 3 resolved cells of one sign in the region 'all'"):
            fit([[field], [field]])
    assert compare_regions([[field]], "learned", "unlearned") is None


def test_unknown_regions_are_refused():
    with pytest.raises(ValueError, match="region = 'lazy' must be one of 'all', 'unlearned', 'frontier', 'learned'"):
        fit_drift(SEEDS, region="lazy")
