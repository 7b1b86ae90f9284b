"""Tails of learned spectra: the estimator, typical and drawn spectra, curves of theory and the tables made of them."""

import numpy as np
import pandas as pd
import pytest

from scalinglaws.shallow.free_convolution import NoisySpectrum
from scalinglaws.shallow.heavy_tails import MINIMUM_TAIL, N_CANDIDATES, power_law_tail
from scalinglaws.shallow.problem import (
    DiagonalProblem,
    QuadraticProblem,
    binned_strengths,
    power_law_strengths,
)
from scalinglaws.shallow.soft_threshold import gaussian
from scalinglaws.shallow.state_evolution import state_evolution
from scalinglaws.shallow.tables.heavy_tails import COLUMNS, N_DRAWS, heavy_tail_tables
from scalinglaws.shallow.tail_curves import PHASES, tail_curves
from scalinglaws.shallow.typical_spectra import (
    drawn_coefficients,
    drawn_eigenvalues,
    typical_coefficients,
    typical_eigenvalues,
)

# Exponent and x_min of power laws; seeds of their draws.
LAWS = [(1.4, 0.01), (2.0, 1.0), (2.333, 30.0), (5.0, 1e6)]


def pareto(rng, exponent, x_min, n):
    return x_min * rng.random(n) ** (-1 / (exponent - 1))


# --- the estimator --------------------------------------------------------------------------------------------------


def spelt_out(values, minimum_tail):
    """Equations 3.1 and 3.2 and the distance of section 3.3, for every x_min: (distance, exponent, x_min, n_tail)."""
    values = sorted(float(x) for x in values if x > 0)
    fits = []
    for start in range(len(values) - minimum_tail + 1):
        tail = values[start:]
        exponent = 1 + len(tail) / sum(np.log(x / tail[0]) for x in tail)
        gaps = [abs(1 - (x / tail[0]) ** (1 - exponent) - i / len(tail)) for i, x in enumerate(tail)]
        fits.append((max(gaps), exponent, tail[0], len(tail)))
    return min(fits)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("minimum_tail", [2, 10])
def test_the_estimator_is_what_the_paper_spells_out(seed, minimum_tail):
    rng = np.random.default_rng(seed)
    values = np.concatenate([pareto(rng, 2.2, 3.0, 40), 3 * rng.random(50), np.zeros(9)])
    fit = power_law_tail(values, minimum_tail=minimum_tail)
    expected = spelt_out(values, minimum_tail)
    np.testing.assert_allclose((fit.distance, fit.exponent, fit.x_min, fit.n_tail), expected, rtol=1e-10)
    assert fit.standard_error == pytest.approx((fit.exponent - 1) / np.sqrt(fit.n_tail))


# The package reads its own deprecated property.
@pytest.mark.filterwarnings("ignore:Standard error for the MLE:DeprecationWarning")
@pytest.mark.parametrize(("exponent", "x_min"), LAWS)
def test_it_is_the_package_powerlaw(monkeypatch, exponent, x_min):
    """The package tries every x_min but the largest value, and unless told otherwise no exponent above 3.

    It imports matplotlib, hence here and not above.
    """
    monkeypatch.setenv("MPLBACKEND", "agg")
    import powerlaw

    rng = np.random.default_rng(4)
    values = np.concatenate([pareto(rng, exponent, x_min, 80), x_min * rng.random(40)])
    package = powerlaw.Fit(values, verbose=0, parameter_ranges={"alpha": [1, 20]})
    fit = power_law_tail(values, minimum_tail=2)
    np.testing.assert_allclose(
        (fit.exponent, fit.x_min, fit.standard_error, fit.distance),
        (package.power_law.alpha, package.power_law.xmin, package.power_law.standard_err, package.power_law.D),
        rtol=1e-9,
    )


@pytest.mark.parametrize(("exponent", "x_min"), LAWS)
def test_a_power_law_is_found_within_its_standard_error(exponent, x_min):
    """Four standard errors: a chance of 6e-5."""
    fit = power_law_tail(pareto(np.random.default_rng(0), exponent, x_min, 20000))
    assert abs(fit.exponent - exponent) < 4 * fit.standard_error
    assert fit.n_tail > 1000


@pytest.mark.parametrize(("exponent", "x_min"), LAWS)
def test_the_tail_begins_where_another_law_ends(exponent, x_min):
    """Below x_min the density is flat; the best fit may begin somewhat later, where it has fewer values."""
    rng = np.random.default_rng(1)
    fit = power_law_tail(np.append(pareto(rng, exponent, x_min, 4000), x_min * rng.random(4000)))
    assert 0.98 < fit.x_min / x_min < 1.5 ** (4 / (exponent - 1))
    assert abs(fit.exponent - exponent) < 4 * fit.standard_error


@pytest.mark.parametrize("n", [50, 3 * N_CANDIDATES])
def test_scale_order_and_zeros_do_not_matter_and_powers_multiply_the_index(n):
    rng = np.random.default_rng(2)
    values = np.append(pareto(rng, 2.5, 1.0, n), rng.random(n))
    fit, changed = power_law_tail(values), power_law_tail(np.append(7e-5 * values[::-1], [0.0, -3.0]))
    assert changed.exponent == pytest.approx(fit.exponent, rel=1e-9)
    assert (changed.x_min, changed.n_tail) == (pytest.approx(7e-5 * fit.x_min), fit.n_tail)
    assert 1 / (power_law_tail(values**3).exponent - 1) == pytest.approx(3 / (fit.exponent - 1), rel=1e-9)


def test_equal_values_belong_to_a_tail_together():
    values = np.repeat(np.geomspace(1, 100, 12), 3)
    fit = power_law_tail(values, minimum_tail=5)
    assert fit.n_tail % 3 == 0
    assert fit.n_tail == np.sum(values >= fit.x_min * (1 - 1e-12))


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (np.ones(9), {}, "values has 9 positive entries and must have at least 10"),
        (np.zeros(50), {}, "values has 0 positive entries"),
        (np.full(20, 0.3), {}, "values has 20 equal positive entries"),
        (np.ones((4, 5)), {}, r"values has shape \(4, 5\)"),
        ([1.0, np.nan], {}, r"values\[1\] = nan must be finite"),
        (np.arange(20.0), {"minimum_tail": 1}, "minimum_tail = 1 must be an integer >= 2"),
    ],
)
def test_values_without_a_tail_are_refused(values, options, message):
    with pytest.raises(ValueError, match=message):
        power_law_tail(values, **options)


# --- typical and drawn spectra --------------------------------------------------------------------------------------

# delta and threshold in units of the same scale: noise fitted, noise cut at its edge, far above it.
NOISES = [(1.0, 0.7), (1.0, 2.0), (0.5, 2.0)]


@pytest.mark.parametrize("scale", [1.0, 30.0])
@pytest.mark.parametrize(("delta", "threshold"), NOISES)
@pytest.mark.parametrize("decay", [0.75, 1.5])
def test_typical_eigenvalues_are_quantiles_of_the_free_convolution(decay, delta, threshold, scale):
    """Against the contour integral for the mass above a place.

    Of a spike the place is known where about half of its share lies above: 3 % of the share of one eigenvalue.
    """
    strengths, delta, threshold = scale * power_law_strengths(60, decay), scale * delta, scale * threshold
    found = typical_eigenvalues(strengths, np.ones(60), delta, threshold)
    noisy = NoisySpectrum(strengths, np.full(60, 1 / 60), delta)
    above = np.array([noisy.moments_above(x + threshold).mass for x in found])
    np.testing.assert_allclose(60 * above, np.arange(found.size) + 0.5, atol=0.03)
    assert abs(60 * noisy.moments_above(threshold).mass - found.size) <= 0.5 + 0.03


@pytest.mark.parametrize("scale", [1.0, 30.0])
@pytest.mark.parametrize(("delta", "threshold"), NOISES)
def test_typical_coefficients_are_quantiles_of_what_soft_thresholding_keeps(delta, threshold, scale):
    strengths, multiplicities = power_law_strengths(60, 1.0), np.linspace(0.5, 1.5, 60)
    found = typical_coefficients(scale * strengths, multiplicities, scale * delta, scale * threshold)
    above = [gaussian(scale * strengths, scale * delta, scale * threshold + x)[1] @ multiplicities for x in found]
    np.testing.assert_allclose(above, np.arange(found.size) + 0.5, rtol=2e-3)
    kept = gaussian(strengths, delta, threshold)[1] @ multiplicities
    assert abs(kept - found.size) <= 0.5 + 0.01


def test_bins_stand_for_all_eigenvalues():
    """In bins of the ranks or each by itself: the same spectrum, but for the places of a few out of a thousand."""
    strengths, multiplicities = binned_strengths(5000, 1.0)
    binned = typical_eigenvalues(strengths, multiplicities, 1.0, 1.0)
    exact, ones = power_law_strengths(5000, 1.0)[:600], np.ones(600)
    rest = np.array([power_law_strengths(5000, 1.0)[600:].mean()])
    single = typical_eigenvalues(np.append(exact, rest), np.append(ones, 4400.0), 1.0, 1.0)
    # The 4400 weakest, strengths below 0.12 and noise of 1, count as one bin.
    np.testing.assert_allclose(binned[:100], single[:100], rtol=2e-3)
    assert abs(binned.size - single.size) < 0.02 * single.size


@pytest.mark.parametrize(("delta", "threshold"), NOISES)
def test_drawn_spectra_are_typical_ones_on_average(delta, threshold):
    """Means of 400 draws: how many are kept, where the largest stands, and which coefficients are kept.

    The typical places are those of infinite dimension, up to 1 / dim; else four standard errors are allowed, for sixty
    coefficients at once four and a half.
    """
    rng, strengths = np.random.default_rng(0), power_law_strengths(60, 1.0)
    drawn = drawn_eigenvalues(rng, strengths, delta, threshold, 400)
    typical = typical_eigenvalues(strengths, np.ones(60), delta, threshold)
    largest = drawn.max(axis=1)
    assert abs(largest.mean() - typical[0]) < 4 * largest.std() / 20 + typical[0] / 60
    assert np.sum(drawn > 0, axis=1).mean() == pytest.approx(typical.size, abs=1.0)
    coefficients = drawn_coefficients(rng, strengths, delta, threshold, 400)
    kept = gaussian(strengths, delta, threshold)[1]
    deviations = (np.mean(coefficients > 0, axis=0) - kept) / np.sqrt(np.maximum(kept * (1 - kept), 1e-3) / 400)
    assert np.abs(deviations).max() < 4.5


# --- curves ---------------------------------------------------------------------------------------------------------

SETTINGS = {
    "dim": 300,
    "decays": [0.75, 1.5],
    "noise_variance": 0.5,
    "effective_samples": [60, 300.0],
    "weight_decays": [0.02, 0.3, 1.0, 20.0],
}


@pytest.fixture(scope="module")
def curves():
    return pd.DataFrame(tail_curves(SETTINGS))


@pytest.mark.parametrize("kind", ["diagonal", "quadratic"])
def test_curves_are_the_tails_of_state_evolution(curves, kind):
    rows = curves[(curves.kind == kind) & (curves.decay == 1.5) & (curves.n_eff == 300)]
    strengths, noise = power_law_strengths(300, 1.5), np.sqrt(0.5)
    if kind == "diagonal":
        problem, null = DiagonalProblem(strengths, 300, 1.0, noise, teacher="gaussian"), np.mean(strengths**2)
    else:
        problem, null = QuadraticProblem(strengths, 300 * 300, 1.0, noise), 2 * np.mean(strengths**2)
    expected, row = state_evolution(problem), rows[rows.weight_decay == 1.0].iloc[0]
    assert (row.delta, row.threshold) == (pytest.approx(expected.delta), pytest.approx(expected.threshold))
    assert row.excess_risk == pytest.approx(row.relative_risk * null) == pytest.approx(expected.excess_risk)
    assert row.kept == pytest.approx(300 * expected.kept, abs=0.51)
    typical = {"diagonal": typical_coefficients, "quadratic": typical_eigenvalues}[kind]
    spectrum = typical(strengths, np.ones(300), row.delta, row.threshold)
    fit, unshifted = power_law_tail(spectrum), power_law_tail(spectrum + row.threshold)
    assert (row.exponent, row.n_tail, row.x_min) == (pytest.approx(fit.exponent), fit.n_tail, pytest.approx(fit.x_min))
    assert row.unshifted_exponent == pytest.approx(unshifted.exponent)
    assert row.teacher_exponent == pytest.approx(1 + 1 / 1.5)


def test_phases_are_told_by_what_is_kept_and_by_the_threshold(curves):
    assert len(curves) == 2 * 2 * 2 * 4
    assert set(curves.phase) == set(PHASES)
    assert ((curves.phase == PHASES[0]) == (curves.kept > 2 * curves.features)).all()
    largest = curves.delta * np.where(curves.kind == "diagonal", np.sqrt(2 * np.log(300)), 2.0)
    assert (curves.threshold > 2 * largest)[curves.phase == PHASES[2]].all()
    assert (curves.threshold <= 2 * largest)[curves.phase == PHASES[1]].all()
    assert (curves[curves.weight_decay == 20].phase != PHASES[0]).all()


def test_tails_need_ten_values(curves):
    assert ((curves.n_tail == 0) == (curves.kept < MINIMUM_TAIL)).all()
    assert (curves.exponent.isna() == (curves.n_tail == 0)).all()


@pytest.mark.parametrize("decay", [0.75, 1.0, 1.5])
def test_with_many_samples_the_tail_is_the_teachers(decay):
    """Little noise, little shrinkage: within two standard errors; the threshold added back brings it closer."""
    settings = {**SETTINGS, "dim": 10000, "decays": [decay], "effective_samples": [1e8], "weight_decays": [1.0]}
    for row in pd.DataFrame(tail_curves(settings)).itertuples():
        assert abs(row.exponent - 1 - 1 / decay) < 2 * row.standard_error
        assert abs(row.unshifted_exponent - 1 - 1 / decay) < 2 * row.unshifted_error


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight_decays": [0.0]}, r"weight_decays\[0\] = 0.0 must be > 0"),
        ({"noise_variance": -1.0}, "noise_variance = -1.0"),
        ({"decays": [0.5]}, "decay = 0.5"),
    ],
)
def test_bad_settings_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        tail_curves({**SETTINGS, **change})


# --- tables ---------------------------------------------------------------------------------------------------------


def record(spectra, *, kind="quadratic", phase="a", **change):
    """Seeds with the risks 1, 2, ..., of a teacher of 40 strengths."""
    made = {
        **{"kind": kind, "sensing": "outer", "phase": phase, "dim": 40, "n_samples": 800, "weight_decay": 1.0},
        **{"noise_variance": 0.5, "decay": 1.0, "seed": np.arange(len(spectra)), "spectrum": np.array(spectra)},
        **{"excess_risk": 1.0 + np.arange(len(spectra)), "delta": np.full(len(spectra), 0.8)},
        "threshold": np.full(len(spectra), 0.8),
    }
    return {name: np.asarray(value) for name, value in {**made, **change}.items()}


def tail(index):
    """Forty values with 1/(exponent - 1) near the given index."""
    return (np.arange(1, 41) / 40.0) ** -index


def test_without_records_tables_are_empty_and_have_their_columns():
    found = heavy_tail_tables([{"kind": np.asarray("quadratic"), "weight_decay": np.ones(3)}])
    assert {name: tuple(table.columns) for name, table in found.items()} == COLUMNS
    assert all(table.empty for table in found.values())


def test_exponents_are_geometric_means_over_seeds_next_to_draws_of_the_law():
    found = heavy_tail_tables([record([tail(0.5), tail(0.8)]), record([tail(1.0)], phase="b")])["tail_exponents"]
    first, second = found.to_dict("records")
    single = [power_law_tail(tail(index)).exponent - 1 for index in (0.5, 0.8)]
    assert first["exponent"] == pytest.approx(1 + np.sqrt(single[0] * single[1]))
    assert 1 + min(single) <= first["low"] < first["exponent"] < first["high"] <= 1 + max(single)
    assert (first["seeds"], first["excess_risk"], first["has_tail"]) == (2, 1.5, True)
    assert first["relative_risk"] == pytest.approx(1.5 / (2 * np.mean(power_law_strengths(40, 1.0) ** 2)))
    assert np.isnan([second["low"], second["high"]]).all()
    assert second["teacher_exponent"] == 2.0
    rng = np.random.default_rng(0)
    draws = drawn_eigenvalues(rng, power_law_strengths(40, 1.0), 0.8, 0.8, N_DRAWS)
    logs = np.log([power_law_tail(draw).exponent - 1 for draw in draws])
    assert second["predicted"] == pytest.approx(1 + np.exp(logs.mean()))
    assert second["predicted_low"] < second["predicted"] < second["predicted_high"]
    error = logs.std(ddof=1) * np.sqrt(1 + 1 / N_DRAWS)
    assert second["z"] == pytest.approx((np.log(second["exponent"] - 1) - logs.mean()) / error)


@pytest.mark.parametrize("kind", ["diagonal", "quadratic"])
def test_draws_of_the_law_are_as_expected_of_it(kind):
    """Fresh draws in the place of simulated spectra, each with the delta of its seed: z is of order 1."""
    draw, strengths = {"diagonal": drawn_coefficients, "quadratic": drawn_eigenvalues}[kind], power_law_strengths(40, 1)
    rng, deltas = np.random.default_rng(7), np.linspace(0.7, 0.9, 8)
    spectra = [draw(rng, strengths, delta, 0.4, 1)[0] for delta in deltas]
    made = record(spectra, kind=kind, delta=deltas, threshold=np.full(8, 0.4))
    found = heavy_tail_tables([made])["tail_exponents"].iloc[0]
    assert abs(found.z) < 4
    assert found.seeds == 8


@pytest.mark.parametrize("spectra", [[tail(1.0), np.eye(40)[0]], [np.zeros(40)] * 2])
def test_a_tail_that_some_seeds_lack_is_not_compared(spectra):
    found = heavy_tail_tables([record(spectra)])["tail_exponents"].iloc[0]
    assert not found.has_tail
    assert found.seeds == np.sum([(spectrum > 0).sum() >= MINIMUM_TAIL for spectrum in spectra])
    assert np.isnan([found.z, found.predicted]).all()
    assert np.isnan(found.exponent) == (found.seeds == 0)


def test_risks_of_a_curve_tell_its_branches_apart():
    """The risk falls to weight decay 3, where the exponent has fallen by 2 errors, and rises; the last has no tail."""
    columns = {
        **{"weight_decay": [1.0, 2, 3, 4, 5, 6], "relative_risk": [4.0, 3, 1, 2, 6, 9], "n_tail": [10] * 5 + [0]},
        **{"exponent": [5.0, 4, 3, 2, 1.5, np.nan], "standard_error": [0.5] * 5 + [np.nan]},
        **{"unshifted_exponent": [4.5] * 5 + [np.nan], "unshifted_error": [0.25] * 5 + [np.nan]},
    }
    rows = pd.DataFrame(
        {**columns, "kind": "diagonal", "decay": 1 / 3, "dim": 9, "n_eff": 5.0, "teacher_exponent": 4.0}
    )
    rows = rows.reindex(columns=COLUMNS["tail_curves"])
    made = {"curves": {name: rows[name].to_numpy() for name in rows}}
    found = heavy_tail_tables([made])
    pd.testing.assert_frame_equal(found["tail_curves"], rows)
    risk = found["tail_risks"].iloc[0]
    assert (risk.points, risk.best_weight_decay, risk.best_risk, risk.has_tail) == (5, 3.0, 1.0, True)
    assert (risk.correlation_less_decay, risk.correlation_more_decay) == (pytest.approx(1.0), pytest.approx(-1.0))
    # Ranks 5 4 3 2 1 of the exponents, 4 3 1 2 5 of the risks: 1 - 6 (1 + 1 + 4 + 0 + 16) / (5 * 24).
    assert risk.correlation == pytest.approx(1 - 6 * 22 / 120)
    assert (risk.best_exponent, risk.best_deviation, risk.best_unshifted_deviation) == (3.0, -2.0, 2.0)
    assert (risk.heaviest_exponent, risk.heaviest_risk) == (1.5, 6.0)
