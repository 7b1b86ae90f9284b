"""Members of the loss exponents: the population problem, the clock of finite nets, and their way to infinite width."""

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from scalinglaws.networks import initialise, linearise, tangent_kernel
from scalinglaws.shells.experiments import exponents
from scalinglaws.shells.experiments.exponents import LossMember
from scalinglaws.shells.experiments.setup import member_rng, reproducible
from scalinglaws.shells.exponents import PowerLawTask, lazy_loss
from scalinglaws.spectra import unlearned_tail

SETTINGS = {
    "device": "cpu",
    "dtype": "float64",
    "capacities": [1.5, 2.0],
    "task_exponents": [0.5, 1.5],
    "richness0": [0.0, 10.0],
    "n_modes": 40,
    "learned": 0.02,
    "networks": {
        "capacities": [2.0],
        "task_exponents": [0.5],
        "richness0": [0.5, 3.0],
        "n_modes": 6,
        "widths": [8, 16],
    },
    "tolerance": 1e-5,
    "seeds": [0, 3],
}
NET = LossMember("network", 2.0, 0.5, 3.0, 6, 16, 3)


def test_members_are_the_limits_and_the_networks():
    members = exponents.members(SETTINGS)
    limits = [member for member in members if member.model != "network"]
    networks = [member for member in members if member.model == "network"]
    assert len(set(members)) == len(members) == 8 + 8
    assert {(m.model, m.richness0) for m in limits} == {("lazy", 0.0), ("infinite", 10.0)}
    assert {(m.width, m.seed, m.n_modes) for m in limits} == {(math.inf, 0, 40)}
    assert {(m.richness0, m.width, m.seed) for m in networks} == {
        (g, n, s) for g in (0.5, 3.0) for n in (8, 16) for s in (0, 3)
    }


@pytest.mark.parametrize("member", exponents.members(SETTINGS)[::5], ids=str)
def test_a_record_names_its_member_and_is_its_own(member):
    with reproducible():
        one, again = (exponents.run(SETTINGS, member) for _ in range(2))
    for name in one:
        np.testing.assert_array_equal(one[name], again[name])
    names = ("model", "capacity", "task_exponent", "richness0", "n_modes", "width", "seed")
    assert LossMember(**{name: one[name] for name in names}) == member
    assert len(one["time"]) == len(one["loss"]) == len(one["infinite_loss"]) > 5
    assert one["tail"] == unlearned_tail(member.capacity, member.task_exponent / 2, member.n_modes)


def test_the_lazy_record_is_the_closed_form_with_its_tail():
    record = exponents.run(SETTINGS, LossMember("lazy", 1.5, 0.5, 0.0, 40))
    task = PowerLawTask(1.5, 0.5, 40)
    direct = lazy_loss(2 * record["time"], task.eigenvalues, task.target) + task.tail
    np.testing.assert_array_equal(record["loss"], direct)
    # All modes of the infinite spectrum start unlearned: half of zeta(1.75).
    assert record["loss"][0] == pytest.approx(unlearned_tail(1.5, 0.25, 0))


def test_the_infinite_record_ends_with_the_share_that_the_slowest_mode_has_learned():
    """At richness0 > 0 the last mode is learned sooner than by the lazy net."""
    lazy = exponents.run(SETTINGS, LossMember("lazy", 2.0, 0.5, 0.0, 40))
    rich = exponents.run(SETTINGS, LossMember("infinite", 2.0, 0.5, 10.0, 40))
    assert rich["time"][-1] < 0.5 * lazy["time"][-1]
    assert rich["loss"][-1] < rich["loss"][0] / 2


@pytest.mark.parametrize(("capacity", "task_exponent", "n_modes"), [(2.0, 0.5, 6), (1.2, 1.7, 11)])
def test_the_population_problem_has_the_spectrum_and_the_loss_of_the_task(capacity, task_exponent, n_modes):
    task = PowerLawTask(capacity, task_exponent, n_modes)
    problem = exponents.population_problem(task)
    inputs, targets = problem.inputs, problem.targets[:, 0]
    np.testing.assert_allclose(inputs.T @ inputs / n_modes, np.diag(task.eigenvalues), atol=1e-15)
    np.testing.assert_allclose(inputs @ task.target, targets, rtol=1e-14)
    loss = lazy_loss([0.0], task.eigenvalues, task.target)[0]
    assert targets @ targets / (2 * n_modes) == pytest.approx(loss, rel=1e-13)


def start(member):
    return exponents._start(SETTINGS, member)


def test_the_kernel_of_a_wide_net_is_twice_the_spectrum():
    """At width N its entries fluctuate by about sqrt(lam_j lam_k / N); 5 of these, 1/20, at N = 10,000."""
    flow, parameters = start(LossMember("network", 2.0, 0.5, 1.0, 5, 10_000, 0))
    kernel = tangent_kernel(flow.network, linearise(flow.network, parameters, flow.inputs)).numpy()
    roots = PowerLawTask(2.0, 0.5, 5).eigenvalues ** 0.5
    np.testing.assert_allclose(kernel / np.outer(roots, roots), 2 * np.eye(5), atol=0.05)
    assert flow.richness == pytest.approx(100.0)


def test_draws_depend_on_the_seed_alone():
    one, other = start(NET)[1], start(LossMember("network", 3.0, 1.5, 0.5, 6, 16, 3))[1]
    expected = initialise(member_rng("shells/exponents", "population", 3), start(NET)[0].network)
    different = start(LossMember("network", 2.0, 0.5, 3.0, 6, 16, 0))[1]
    for ours, theirs, drawn, third in zip(one, other, expected, different, strict=True):
        assert (ours == theirs).all()
        assert (ours == drawn).all()
        assert not (ours == third).any()


@pytest.mark.parametrize("member", [NET, LossMember("network", 1.5, 1.5, 10.0, 6, 9, 0)], ids=str)
def test_a_finite_net_obeys_the_closed_system_from_its_own_start(member):
    """With a(0), Q(0) and the first output h_0 of its draw the closed system is exact at any width.

    p = h_0 / sqrt(N) + g v takes the place of g v: a' = 2 g p.r, Q' = g (p r^T + r p^T), v' = (a + Q) r.
    """
    record = exponents.run(SETTINGS | {"tolerance": 1e-7, "learned": 0.5}, member)
    (first, readout), task, g = (tensor.numpy() for tensor in start(member)[1]), member.task, member.richness0
    n, readout = member.n_modes, readout[0]
    norm, gram, output = (
        readout @ readout / member.width,
        first.T @ first / member.width,
        readout @ first / member.width,
    )

    def rate(_, state):
        a, v, q = state[0], state[1 : n + 1], state[n + 1 :].reshape(n, n)
        r, p = task.eigenvalues * (task.target - v), output + g * v
        turned = g * np.outer(p, r)
        return np.concatenate([[2 * g * p @ r], a * r + q @ r, (turned + turned.T).ravel()])

    begin = np.concatenate([[norm], np.zeros(n), gram.ravel()])
    way = {"t_eval": record["time"], "rtol": 1e-10, "atol": 1e-12, "method": "DOP853"}
    v = solve_ivp(rate, (0, record["time"][-1]), begin, **way).y[1 : n + 1].T
    loss = (task.eigenvalues * (task.target - v) ** 2).sum(1) / 2 + task.tail
    # A hundred steps of 1e-7 each.
    np.testing.assert_allclose(record["loss"], loss, rtol=1e-4)


@pytest.mark.parametrize("richness0", [0.5, 5.0])
def test_wider_nets_come_nearer_to_the_infinite_one(richness0):
    """Root mean square over 4 seeds of the largest |log ratio|; 64 times the width should divide it by about 8."""
    rms = []
    for width in (32, 2048):
        members = [LossMember("network", 2.0, 0.5, richness0, 8, width, seed) for seed in range(4)]
        records = [exponents.run(SETTINGS | {"tolerance": 1e-4}, member) for member in members]
        gaps = [np.abs(np.log(record["loss"] / record["infinite_loss"])).max() for record in records]
        rms.append(np.sqrt(np.mean(np.square(gaps))))
    # With 4 seeds an rms is known to about a third; a net whose clock or richness were wrong would stay away.
    assert rms[1] < rms[0] / 3
    assert rms[1] < 0.1
