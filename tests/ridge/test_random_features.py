"""Layers of random features: what they reduce to, what they commute with, and the equations they solve."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from theory_cases import (
    DIM,
    EIGENVALUES,
    FIELDS,
    RIDGES,
    SAMPLES,
    TARGET,
    assert_identities,
    assert_same,
    make,
    spectrum,
)

from scalinglaws.ridge import RandomFeatureProblem, learning_curve
from scalinglaws.ridge.random_features import Layer, inverse_learned
from scalinglaws.ridge.spectral_sums import Modes

# Everything but what is normalised by dim.
ABSOLUTE = tuple(name for name in FIELDS if not name.startswith("df"))
WIDE = 1e14


def curve(n_samples=SAMPLES, ridge=RIDGES, **features):
    return learning_curve(make(features, n_samples, ridge))


# --- reductions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 3])
def test_infinitely_wide_layers_are_ridge_regression(depth):
    """Entries of variance 1 / width: F F' is the identity."""
    ours, plain = curve(widths=(WIDE,) * depth, convention="output"), learning_curve(make("ridge"))
    assert_same(ours, plain, 1e-9, atol=1e-9)


@pytest.mark.parametrize("place", [0, 1])
def test_a_very_wide_layer_drops_out_of_a_deep_model(place):
    widths = [25.0]
    widths.insert(place, WIDE)
    assert_same(curve(widths=widths, convention="output"), curve(widths=25.0, convention="output"), 1e-9, atol=1e-9)


@pytest.mark.parametrize("scale", [1.0, 0.3, 11.0])
@pytest.mark.parametrize("layers", [1, 2])
def test_a_structured_layer_of_a_flat_spectrum_is_white(layers, scale):
    widths, spectra = (25.0, 60.0)[:layers], [np.full(25, scale), None][:layers]
    structured = curve(ridge=scale * RIDGES, widths=widths, feature_eigenvalues=spectra)
    same = [name for name in FIELDS if name != "kappa1"]
    assert_same(structured, curve(widths=widths), 1e-10, same, atol=1e-14)
    np.testing.assert_allclose(structured.kappa1, scale * curve(widths=widths).kappa1, rtol=1e-10)


def test_features_without_variance_are_no_features():
    padded = np.append(spectrum(2, 25), np.zeros(10))
    assert_same(
        curve(widths=35.0, feature_eigenvalues=padded), curve(widths=25.0, feature_eigenvalues=padded[:25]), 1e-11
    )


def test_multiplicities_of_features_are_repeated_entries():
    values, counts = spectrum(2, 9), np.arange(9) % 3 + 1
    binned = curve(widths=18.0, feature_eigenvalues=values, feature_multiplicities=counts)
    assert_same(binned, curve(widths=18.0, feature_eigenvalues=np.repeat(values, counts)), 1e-11)


def test_layers_of_entries_of_one_variance_commute():
    """S-transforms multiply: the order of the layers does not matter, structured ones included."""
    assert_same(curve(widths=(25.0, 60.0, 90.0)), curve(widths=(90.0, 25.0, 60.0)), 1e-11, atol=1e-14)
    spectra = [spectrum(2, 25), None]
    ours = curve(widths=(25.0, 60.0), feature_eigenvalues=spectra)
    assert_same(ours, curve(widths=(60.0, 25.0), feature_eigenvalues=spectra[::-1]), 1e-10, atol=1e-14)


@pytest.mark.parametrize(("convention", "rows"), [("layer", (DIM, 25.0, 60.0)), ("output", (25.0, 60.0, 90.0))])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_conventions_are_rescaled_ridges(convention, rows, depth):
    """Entries of variance 1 / rows are those of variance 1 / dim times (dim / rows)^1/2 in each layer."""
    factor, widths = np.prod([DIM / count for count in rows[:depth]]), (25.0, 60.0, 90.0)[:depth]
    ours, given_ = curve(widths=widths, convention=convention), curve(ridge=RIDGES / factor, widths=widths)
    assert_same(ours, given_, 1e-11, [name for name in FIELDS if name != "kappa1"], atol=1e-14)
    np.testing.assert_allclose(ours.kappa1, factor * given_.kappa1, rtol=1e-11)


@pytest.mark.parametrize("noise", [0.05, 0.6, 4.0])
def test_feature_noise_is_a_tail_of_weak_inputs_without_target(noise):
    """Entries of variance 1 / width: a tail of trace width * noise^2 adds noise^2 to every feature's variance."""
    count, width = 1e13, 30.0
    longer = {"eigenvalues": np.append(EIGENVALUES, width * noise**2 / count), "target": np.append(TARGET, 0.0)}
    features = {"widths": width, "convention": "output"}
    tail = learning_curve(make(features, **longer, multiplicities=np.append(np.ones(DIM), count)))
    ours = learning_curve(make({**features, "feature_noise_std": noise}))
    assert_same(ours, tail, 1e-9, ABSOLUTE, atol=1e-14)
    np.testing.assert_allclose(ours.df1 * DIM, tail.df1 * (DIM + count), rtol=1e-9)


def test_feature_noise_of_the_input_convention_counts_in_its_degrees_of_freedom():
    ours = curve(widths=30.0, feature_noise_std=0.6)
    plain = (EIGENVALUES / (EIGENVALUES + ours.kappa2[..., None])).mean(-1)
    np.testing.assert_allclose(ours.df1, plain + 0.36 / ours.kappa2, rtol=1e-12)
    # The difference leaves 1 / S of the digits: 1e-5 at a ridge of 1e-5.
    s_transform = 1 / (1 - ours.df1 * DIM / SAMPLES)
    np.testing.assert_allclose(ours.s_transform[:, 1:], s_transform[:, 1:], rtol=1e-5)


# --- equations ------------------------------------------------------------------------------------------------------

LAYERS = [
    {"widths": 25.0},
    {"widths": (55.0, 30.0, 70.0), "convention": "layer"},
    {"widths": 30.0, "feature_noise_std": 0.6},
    {"widths": 25.0, "feature_eigenvalues": spectrum(2, 25)},
    {"widths": (25.0, 60.0), "feature_eigenvalues": [spectrum(3, 25), spectrum(4, 60)]},
]


@pytest.mark.parametrize("features", LAYERS)
def test_kappa_slope_is_the_derivative_along_ridge(features):
    """kappa1 is a function of kappa2 alone: a central difference of step h errs by h^2."""
    ridge, step = np.array([1e-3, 0.1, 3.0]), 1e-4
    middle, below, above = (curve(ridge=ridge * factor, **features) for factor in (1, np.exp(-step), np.exp(step)))
    slope = np.log(above.kappa2 / below.kappa2) / np.log(above.kappa1 / below.kappa1)
    # Fewer samples than anything else hold kappa2: its digits, and with them the difference, go.
    np.testing.assert_allclose(middle.kappa_slope[1:], slope[1:], rtol=1e-6)


@pytest.mark.parametrize(("n_samples", "ridge"), [(17.0, 1e-6), (90.0, 1e-3), (800.0, 1.0), (25.0, 1e-8)])
def test_structured_layers_solve_both_equations_at_forty_digits(n_samples, ridge):
    values = [spectrum(3, 25), spectrum(4, 60)]
    ours = curve(n_samples, ridge, widths=(25.0, 60.0), feature_eigenvalues=values)
    with mpmath.workdps(40):
        eigenvalues, *layers = ([mpmath.mpf(float(e)) for e in one] for one in (EIGENVALUES, *values))

        def share(entries, kappa):
            return sum(e / (e + kappa) for e in entries)

        def excess(u):
            kappa = mpmath.exp(u)
            learned = share(eigenvalues, kappa)
            result = u + mpmath.log(1 - learned / n_samples) - mpmath.log(ridge)
            for entries in layers:
                start = mpmath.log(float(inverse_learned(modes(entries), np.array([float(learned)]))[0]))
                v = mpmath.findroot(lambda v, e=entries: mpmath.log(share(e, mpmath.exp(v)) / learned), start)
                result += mpmath.log(learned / DIM) + v
            return result

        u = mpmath.log(float(ours.kappa2))
        # At as many samples as the narrowest width the factors are about ridge^1/2 and lose as much.
        assert abs(excess(u) / mpmath.diff(excess, u)) < (1e-11 if n_samples == 25.0 else 1e-14)


def modes(entries):
    return Modes.of(np.array([float(e) for e in entries]), np.ones(len(entries)))


@pytest.mark.parametrize("tail", [0.0, 2.0])
def test_the_inverse_of_the_degrees_of_freedom_is_their_inverse(tail):
    ours = modes(spectrum(6, 30))
    learned = np.append(30 * (1 - np.geomspace(0.999, 1e-9, 12)), [29.0, 30.0, 300.0] if tail else [])
    kappa = inverse_learned(ours, learned, tail)
    np.testing.assert_allclose(ours.learned(kappa) + tail / kappa, learned, rtol=1e-12)


def test_compression_starts_at_its_widest_is_half_of_it_at_least_where_promised_and_ends_at_the_rank():
    for given_ in (None, modes(spectrum(2, 25)), modes(np.append(spectrum(2, 20), np.zeros(5)))):
        rank = 25.0 if given_ is None else given_.rank
        layer = Layer(np.array([1.7]), np.array([rank]), given_)
        for learned, factor in ((np.array([1e-9]), 1 - 1e-6), (layer.halved, 0.5 - 1e-12)):
            assert factor * layer.widest <= layer.compression(learned) <= layer.widest
        np.testing.assert_array_equal(layer.compression(np.array([rank])), 0.0)
        np.testing.assert_array_equal(layer.steepness(np.array([rank]), np.array([0.0])), np.inf)


@pytest.mark.parametrize("entries", [None, spectrum(2, 25)])
def test_steepness_is_the_derivative_of_compression(entries):
    layer = Layer(np.ones(5), np.full(5, 25.0), None if entries is None else modes(entries))
    learned, step = np.array([0.1, 3.0, 12.0, 24.0, 24.9]), 1e-6
    ends = [layer.compression(learned * factor) for factor in (np.exp(-step), np.exp(step))]
    slope = -np.log(ends[1] / ends[0]) / (2 * step)
    np.testing.assert_allclose(layer.steepness(learned, layer.compression(learned)), slope, rtol=1e-6)


# --- structured layers of any kind ----------------------------------------------------------------------------------


@st.composite
def structured(draw):
    """Layers with spectra over eight decades, any depth up to 2, ratios and ridges; one point."""
    exponents = st.lists(st.floats(-6, 2), min_size=1, max_size=6)
    counts = draw(st.lists(st.floats(1, 1e3), min_size=2, max_size=2))
    spectra, multiplicities, widths = [], [], []
    for count in counts[: draw(st.integers(1, 2))]:
        spectra.append(10 ** np.array(draw(exponents)))
        multiplicities.append(np.full(len(spectra[-1]), count))
        widths.append(count * len(spectra[-1]))
    eigenvalues = 10 ** np.array(draw(exponents))
    n_samples, ridge = widths[0] * 10 ** draw(st.floats(-3, 3)), 10 ** draw(st.floats(-10, 3))
    target, more = np.ones(len(eigenvalues)), {"feature_multiplicities": multiplicities}
    return RandomFeatureProblem(eigenvalues, target, n_samples, ridge, 0.5, widths, feature_eigenvalues=spectra, **more)


@given(structured())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_no_structured_layer_defeats_the_solver(problem):
    assert_identities(problem, learning_curve(problem))
