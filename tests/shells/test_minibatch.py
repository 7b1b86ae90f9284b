"""Minibatch noise in the budget: parts that add up, all batches enumerated, and single steps of real networks."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from scalinglaws.networks import Network, gradient_descent_step, initialise, start_flow, take_snapshot
from scalinglaws.shells import Modes, SharpShells, SplineShells, StepTooLarge, budget, geometric_edges, of_snapshot
from scalinglaws.shells.budget import split_budgets
from scalinglaws.shells.experiments.minibatch import _moved
from scalinglaws.shells.minibatch import draw_batch, expected_injection, noise_scale, split_change

EDGES = geometric_edges(0.05, 40.0, 2.0, grid_offset=0.13)
KINDS = [SharpShells, SplineShells]
# Identities: what is left is rounding, relative to the energy.
ROUNDING = 1e-12


def parts_of(before, after, seed=0, names=("drift", "noise", "curvature")):
    """The step's change cut at random into named parts."""
    change = after.residual - before.residual
    *free, _ = np.random.default_rng(seed).standard_normal((len(names), change.size))
    return dict(zip(names, [*free, change - sum(free)], strict=True))


# --- the split budget -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("angle", [1e-3, 0.3, 1.0])
@pytest.mark.parametrize("size", [2, 9])
def test_the_parts_of_the_dissipation_close_the_budget(step_of, kind, angle, size):
    for seed in range(3):
        before, after = step_of(seed, size=size, angle=angle)
        [(account, split)] = split_budgets(before, after, parts_of(before, after, seed), [kind(EDGES)])
        alone = budget(before, after, kind(EDGES))
        for name in ("energy_before", "energy_after", "dissipation", "transfer", "crossing"):
            np.testing.assert_array_equal(getattr(account, name), getattr(alone, name), err_msg=name)
        np.testing.assert_allclose(split.total, account.dissipation, atol=ROUNDING * before.loss * 10)
        assert replace(account, dissipation=split.total).closure <= ROUNDING * max(1.0, after.loss / before.loss)


def test_parts_by_sums_over_modes(step_of):
    """The dissipation of one part as the docstring has it, term by term; linear and quadratic told apart."""
    before, after = step_of(2, n_samples=3)
    parts, shells = parts_of(before, after), SplineShells(EDGES)
    [(_, split)] = split_budgets(before, after, parts, [shells])
    rotation, identity = after.eigenvectors.T @ before.eigenvectors, np.eye(9)
    generator = 2 * (rotation - identity) @ np.linalg.inv(rotation + identity)
    window = (shells.windows(before.eigenvalues) + shells.windows(after.eigenvalues)) / 2
    old = [modes.eigenvectors.T @ before.residual for modes in (before, after)]
    changes = {name: before.eigenvectors.T @ part for name, part in parts.items()}
    pushes = {
        n: [g[u] + sum(generator[u, v] * g[v] for v in range(9)) / 2 for u in range(9)] for n, g in changes.items()
    }
    turned = {name: after.eigenvectors.T @ part for name, part in parts.items()}
    for name in parts:
        linear = [-(old[0][u] + old[1][u]) / 2 * pushes[name][u] / 3 for u in range(9)]
        products = [[turned[name][u] * pushes[m][u] + turned[m][u] * pushes[name][u] for m in parts] for u in range(9)]
        quadratic = [-sum(products[u]) / 4 / 3 for u in range(9)]
        np.testing.assert_allclose(split.linear[name], window @ linear, atol=1e-13)
        np.testing.assert_allclose(split.quadratic[name], window @ quadratic, atol=1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_parts_are_additive_and_scale(step_of, kind):
    """Joining two parts adds their dissipation; the whole change as one part dissipates what the budget says."""
    before, after = step_of(4)
    shells, parts = kind(EDGES), parts_of(before, after)
    joined = {"noise": parts["noise"] + parts["drift"], "curvature": parts["curvature"]}
    halves = {"first": 0.25 * joined["noise"], "second": 0.75 * joined["noise"], "curvature": parts["curvature"]}
    [(_, fine)], [(_, coarse)], [(_, cut)] = (
        split_budgets(before, after, p, [shells]) for p in (parts, joined, halves)
    )
    for order in ("linear", "quadratic"):
        of_fine, of_coarse, of_cut = (getattr(split, order) for split in (fine, coarse, cut))
        np.testing.assert_allclose(of_fine["drift"] + of_fine["noise"], of_coarse["noise"], atol=1e-13)
        np.testing.assert_allclose(of_cut["second"], 3 * of_cut["first"], atol=1e-13)
        np.testing.assert_allclose(of_cut["second"], 0.75 * of_coarse["noise"], atol=1e-13)


def test_in_all_shells_together_the_linear_part_is_the_work_on_the_old_residual(step_of):
    """Rotations cancel: linear parts sum to -e0.de_part / n, quadratic ones to -de.de_part / 2n, whatever the turn."""
    before, after = step_of(5, angle=1.2)
    parts = parts_of(before, after)
    [(_, split)] = split_budgets(before, after, parts, [SharpShells(EDGES)])
    change = after.residual - before.residual
    for name, part in parts.items():
        assert split.linear[name].sum() == pytest.approx(-before.residual @ part / 9, rel=1e-11)
        assert split.quadratic[name].sum() == pytest.approx(-change @ part / 18, rel=1e-11)


def test_several_partitions_at_once_are_those_of_each_alone(step_of):
    before, after = step_of(6)
    partitions, parts = [EDGES, SplineShells(EDGES)], parts_of(before, after)
    for (_, ours), partition in zip(split_budgets(before, after, parts, partitions), partitions, strict=True):
        [(_, alone)] = split_budgets(before, after, parts, [partition])
        np.testing.assert_array_equal(ours.total, alone.total)


# --- the parts of a step --------------------------------------------------------------------------------------------


def random_modes(seed, n_samples=6, n_outputs=1):
    """A full-rank kernel and a residual, several outputs per sample, sample first."""
    rng = np.random.default_rng(seed)
    size = n_samples * n_outputs
    square = rng.standard_normal((size, size))
    eigenvalues, vectors = np.linalg.eigh(square @ square.T / size)
    return Modes(eigenvalues, vectors, rng.standard_normal(size), n_samples)


def all_batches(n_samples, batch_size):
    for batch in itertools.combinations(range(n_samples), batch_size):
        weights = np.zeros(n_samples)
        weights[list(batch)] = n_samples / batch_size
        yield weights


@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("rate", [0.01, 0.3])
def test_parts_of_a_step_by_the_explicit_kernel(n_outputs, rate):
    before, after = random_modes(0, n_outputs=n_outputs), random_modes(1, n_outputs=n_outputs)
    kernel = before.eigenvectors @ np.diag(before.eigenvalues) @ before.eigenvectors.T
    weights = np.array([0.0, 3.0, 0.0, 0.0, 3.0, 0.0])
    parts = split_change(before, after, rate, weights)
    doubled = np.kron(weights, np.ones(n_outputs))
    np.testing.assert_allclose(parts["drift"], -rate * kernel @ before.residual, atol=1e-14)
    np.testing.assert_allclose(
        parts["drift"] + parts["noise"], -rate * kernel @ (doubled * before.residual), atol=1e-14
    )
    np.testing.assert_allclose(sum(parts.values()), after.residual - before.residual, atol=1e-14)


@pytest.mark.parametrize("batch_size", [1, 2, 5])
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_over_all_batches_the_noise_averages_to_zero_and_its_square_to_the_expected_injection(batch_size, n_outputs):
    """By shell, with the modes standing: the injection is then the noise's own energy, sum W <phi, noise>^2 / 2n."""
    rate, modes, shells = 0.2, random_modes(2, n_outputs=n_outputs), SplineShells(geometric_edges(1e-3, 10.0, 2.0))
    noises = [split_change(modes, modes, rate, weights)["noise"] for weights in all_batches(6, batch_size)]
    np.testing.assert_allclose(np.mean(noises, axis=0), 0, atol=1e-14)
    energy = np.mean([(modes.eigenvectors.T @ noise) ** 2 for noise in noises], axis=0) / 12
    expected = shells.windows(modes.eigenvalues) @ energy
    np.testing.assert_allclose(expected_injection(modes, rate, batch_size, shells), expected, atol=1e-15)
    assert expected.sum() > 1e-4


def test_a_frozen_kernel_has_no_curvature_and_its_mean_injection_is_the_expected_one():
    """Modes that stand still and a residual that follows -rate M W e: over all batches the budget's own terms average
    to zero fluctuation and to the expected injection, products of drift and noise included."""
    rate, before, shells = 0.2, random_modes(3), SharpShells(geometric_edges(1e-3, 10.0, 2.0))
    splits = []
    for weights in all_batches(6, 2):
        step = sum(split_change(before, before, rate, weights)[name] for name in ("drift", "noise"))
        after = replace(before, residual=before.residual + step)
        parts = split_change(before, after, rate, weights)
        np.testing.assert_allclose(parts["curvature"], 0, atol=1e-14)
        splits += [split for _, split in split_budgets(before, after, parts, [shells])]
    fluctuation = np.mean([split.linear["noise"] for split in splits], axis=0)
    injection = -np.mean([split.quadratic["noise"] for split in splits], axis=0)
    np.testing.assert_allclose(fluctuation, 0, atol=1e-15)
    np.testing.assert_allclose(injection, expected_injection(before, rate, 2, shells), atol=1e-15)


@pytest.mark.parametrize("rate", [0.01, 0.3])
def test_expected_injection_falls_with_the_batch_as_the_noise_scale_and_rises_as_the_square_of_the_rate(rate):
    modes, shells = random_modes(4), SplineShells(geometric_edges(1e-3, 10.0, 2.0))
    single = expected_injection(modes, rate, 1, shells)
    for batch_size in range(1, 7):
        ours = expected_injection(modes, rate, batch_size, shells)
        np.testing.assert_allclose(ours, single * (6 - batch_size) / (5 * batch_size), rtol=1e-13)
        np.testing.assert_allclose(expected_injection(modes, 2 * rate, batch_size, shells), 4 * ours, rtol=1e-13)


def test_the_full_batch_has_no_noise():
    modes, rng = random_modes(5), np.random.default_rng(0)
    parts = split_change(modes, random_modes(6), 0.1, draw_batch(rng, 6, 6))
    np.testing.assert_array_equal(parts["noise"], 0)
    np.testing.assert_array_equal(expected_injection(modes, 0.1, 6, SharpShells(EDGES)), 0)
    assert noise_scale(6, 6, 0.1) == 0


@pytest.mark.parametrize(("n_samples", "batch_size"), [(7, 1), (7, 3), (64, 16)])
def test_batches_are_drawn_without_repetition_and_evenly(n_samples, batch_size):
    """Every weight is n / b on b samples; their mean is 1 to 5 standard errors, sqrt((n - b) / b) each."""
    rng, n_draws = np.random.default_rng(0), 2000
    draws = np.array([draw_batch(rng, n_samples, batch_size) for _ in range(n_draws)])
    assert ((draws == n_samples / batch_size).sum(1) == batch_size).all()
    assert ((draws == 0).sum(1) == n_samples - batch_size).all()
    error = np.sqrt((n_samples - batch_size) / batch_size / n_draws)
    assert (np.abs(draws.mean(0) - 1) < 5 * error).all()


# --- steps of networks ----------------------------------------------------------------------------------------------


def small_flow(n_outputs=1, richness=2.0, seed=0):
    rng = np.random.default_rng(seed)
    network = Network(5, 12, 2, n_outputs=n_outputs)
    parameters = initialise(rng, network)
    inputs, targets = (torch.as_tensor(rng.standard_normal(shape)) for shape in ((6, 5), (6, n_outputs)))
    return start_flow(network, parameters, inputs, targets, richness), parameters


def descended(flow, snapshot, rate, weights):
    """Modes after one step of stochastic gradient descent."""
    return of_snapshot(take_snapshot(flow, rate, _moved(flow, snapshot, rate, weights)))


def test_a_step_on_a_batch_is_that_of_the_flow_on_the_batch_alone():
    """Weighting by n / b over n samples is plain gradient descent on the b samples of the batch."""
    flow, parameters = small_flow(n_outputs=2)
    chosen, weights = [1, 4], np.array([0.0, 3.0, 0.0, 0.0, 3.0, 0.0])
    alone = replace(
        flow, inputs=flow.inputs[chosen], targets=flow.targets[chosen], initial_outputs=flow.initial_outputs[chosen]
    )
    ours = _moved(flow, take_snapshot(flow, 0.0, parameters), 0.3, weights)
    expected = gradient_descent_step(alone, take_snapshot(alone, 0.0, parameters), 0.3)
    for one, two in zip(ours, expected, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_curvature_is_second_order_in_the_learning_rate_and_drift_and_noise_are_first(n_outputs):
    """Halving a small rate quarters the curvature (to a third-order share of the rate) and halves the others."""
    flow, parameters = small_flow(n_outputs)
    snapshot, weights = take_snapshot(flow, 0.0, parameters), draw_batch(np.random.default_rng(1), 6, 2)
    before = of_snapshot(snapshot)
    coarse, fine = (
        split_change(before, descended(flow, snapshot, rate, weights), rate, weights) for rate in (2e-3, 1e-3)
    )
    for name, factor in (("drift", 2), ("noise", 2), ("curvature", 4)):
        ratio = np.linalg.norm(coarse[name]) / np.linalg.norm(fine[name])
        assert ratio == pytest.approx(factor, rel=0.02), name


def test_the_noise_of_a_network_injects_what_its_covariance_says_to_first_order():
    """Over all batches of 2, in all shells together: what is left out is of relative order of the rate, and halves."""
    flow, parameters = small_flow()
    snapshot, shells = take_snapshot(flow, 0.0, parameters), SplineShells(EDGES)
    before, errors = of_snapshot(snapshot), []
    for rate in (4e-3, 2e-3):
        steps = [(weights, descended(flow, snapshot, rate, weights)) for weights in all_batches(6, 2)]
        splits = [split_budgets(before, end, split_change(before, end, rate, w), [shells])[0][1] for w, end in steps]
        injected = -np.mean([split.quadratic["noise"].sum() for split in splits])
        expected = expected_injection(before, rate, 2, shells).sum()
        assert np.mean([split.linear["noise"].sum() for split in splits]) == pytest.approx(0, abs=1e-15)
        errors.append(injected / expected - 1)
    assert abs(errors[0]) < 0.1
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.1)


# --- bad input ------------------------------------------------------------------------------------------------------

MODES = random_modes(7)
WEIGHTS = np.ones(6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: draw_batch(np.random.default_rng(0), 6, 7), r"batch_size = 7 must be at most n_samples = 6"),
        (lambda: draw_batch(np.random.default_rng(0), 6, 0), r"batch_size = 0 must be an integer >= 1"),
        (lambda: draw_batch(np.random.default_rng(0), 0, 1), r"n_samples = 0 must be an integer >= 1"),
        (lambda: split_change(MODES, MODES, 0.0, WEIGHTS), r"learning_rate = 0\.0 must be finite and > 0"),
        (lambda: split_change(MODES, MODES, 0.1, np.ones(5)), r"weights have 5 entries and must have 6"),
        (lambda: split_change(MODES, MODES, 0.1, np.full(6, np.nan)), r"weights\[0\] = nan must be finite"),
        (lambda: noise_scale(6, 9, 0.1), r"batch_size = 9 must be at most n_samples = 6"),
        (lambda: noise_scale(1, 1, 0.1), r"n_samples = 1 must be an integer >= 2"),
        (
            lambda: expected_injection(MODES, -1.0, 2, SharpShells(EDGES)),
            r"learning_rate = -1\.0 must be finite and > 0",
        ),
        (lambda: split_budgets(MODES, MODES, {"all": np.ones(6)}, [EDGES]), r"increments add up .* only to 1, of"),
        (lambda: split_budgets(MODES, MODES, {"all": np.zeros(5)}, [EDGES]), r"increments have shapes \[\(5,\)\] and"),
        (
            lambda: split_budgets(MODES, MODES, {"a": np.full(6, np.inf)}, [EDGES]),
            r"increments\['a'\]\[0\] = inf must be",
        ),
        (lambda: split_budgets(MODES, MODES, {}, [EDGES]), r"increments = \{\} must name at least one part"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_steps_whose_modes_cannot_be_followed_are_refused():
    """Half a circle in one plane oblique to all modes, which no renumbering undoes."""
    a, b = np.ones(16), np.tile([1.0, -1.0], 8)
    turn = np.eye(16) - 2 * (np.outer(a, a) + np.outer(b, b)) / 16
    before = Modes(np.geomspace(0.1, 20, 16), np.eye(16), np.ones(16), 16)
    after = Modes(before.eigenvalues, turn, 0.9 * before.residual, 16)
    with pytest.raises(StepTooLarge, match="halve"):
        split_budgets(before, after, {"all": -0.1 * before.residual}, [EDGES])
