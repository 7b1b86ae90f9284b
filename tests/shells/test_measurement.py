"""Shells of torch modules by Lanczos' method against exact modes, what they add up to, and how honest their error is.

Three small networks with more than 140 outputs in all, so that 120 + 20 products cannot give every mode.
"""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call, jacrev

from scalinglaws.networks.operators import TangentOperator
from scalinglaws.shells import SplineShells, decompose, energies, measure, measure_operator, rates

# What Lanczos' shells must reach: error in L1 relative to the total.
PROMISED = 1e-3
ROUNDING = 1e-12


class Tokens(nn.Module):
    """A small transformer on integer tokens with four outputs per sample."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(13, 16)
        layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, batch_first=True)
        self.encoder, self.head = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), nn.Linear(16, 4)

    def forward(self, tokens):
        return self.head(self.encoder(self.embedding(tokens)).mean(1))


def convolution():
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(8, 8, 3), nn.ReLU(), nn.Flatten()
    ).append(nn.Linear(32, 1))


def perceptron():
    return nn.Sequential(nn.Linear(6, 40), nn.Tanh(), nn.Linear(40, 40), nn.Tanh(), nn.Linear(40, 3))


TASKS = {
    "convolution": (convolution, lambda: torch.randn(200, 1, 8, 8), (200, 1)),
    "transformer": (Tokens, lambda: torch.randint(13, (60, 6)), (60, 4)),
    "perceptron": (perceptron, lambda: torch.randn(80, 6), (80, 3)),
}


@pytest.fixture(scope="module", params=TASKS)
def task(request):
    """A model in evaluation mode, inputs and targets, and the exact modes of its tangent kernel from its Jacobian."""
    make, draw, shape = TASKS[request.param]
    with torch.random.fork_rng([]):
        torch.manual_seed(1)
        model, inputs, targets = make().double().eval(), draw(), torch.randn(shape, dtype=torch.float64)
    inputs = inputs.double() if inputs.is_floating_point() else inputs
    parameters = {name: value.detach() for name, value in model.named_parameters()}
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        blocks = jacrev(lambda values: functional_call(model, values, (inputs,)).flatten(), chunk_size=1)(parameters)
    rows = torch.cat([block.flatten(1) for block in blocks.values()], dim=1).numpy()
    residual = (model(inputs) - targets).detach().numpy().ravel()
    return model, inputs, targets, decompose(rows @ rows.T / shape[0], residual, shape[0])


def l1(ours, exact):
    """Sum of absolute errors relative to the total."""
    assert ours.shape == exact.shape
    return np.abs(ours - exact).sum() / np.abs(exact).sum()


def exact_shells(modes, edges):
    """Energies and dissipations of the budget's own functions."""
    shells = SplineShells(edges)
    return energies(modes, shells), rates(modes, np.zeros((modes.residual.size,) * 2), shells).dissipation


# --- against exact modes --------------------------------------------------------------------------------------------


def test_lanczos_shells_are_the_exact_smooth_shells(task):
    model, inputs, targets, modes = task
    assert modes.residual.size > 140
    found = measure(model, inputs, targets)
    energy, dissipation = exact_shells(modes, found.edges)
    assert (found.method, found.n_samples) == ("lanczos", len(inputs))
    assert l1(found.energy, energy) < PROMISED
    assert l1(found.dissipation, dissipation) < PROMISED
    assert found.nodes[-1] == pytest.approx(modes.eigenvalues[-1], rel=ROUNDING)


def test_exact_shells_are_those_of_the_modes(task):
    model, inputs, targets, modes = task
    found = measure(model, inputs, targets, method="exact")
    energy, dissipation = exact_shells(modes, found.edges)
    assert (found.method, found.error) == ("exact", 0)
    assert l1(found.energy, energy) < 1e-9
    assert l1(found.dissipation, dissipation) < 1e-9
    np.testing.assert_allclose(found.nodes, modes.eigenvalues, atol=ROUNDING * modes.eigenvalues.max())


@pytest.mark.parametrize("method", ["lanczos", "exact"])
def test_energies_add_up_to_the_loss_and_dissipations_to_its_rate(task, method):
    """e^T e, e^T M e and e^T M^2 e are polynomials, which the first two steps already give exactly."""
    model, inputs, targets, modes = task
    found = measure(model, inputs, targets, method=method, n_steps=30)
    kernel = (modes.eigenvectors * modes.eigenvalues) @ modes.eigenvectors.T
    once, n = kernel @ modes.residual, len(inputs)
    assert found.energy.sum() == pytest.approx(modes.loss, rel=ROUNDING)
    assert found.loss == pytest.approx(modes.loss, rel=ROUNDING)
    assert found.dissipation.sum() == pytest.approx(modes.residual @ once / n, rel=ROUNDING)
    assert found.position == pytest.approx(once @ once / (modes.residual @ once), rel=ROUNDING)
    assert min(found.energy.min(), found.dissipation.min()) >= 0


def test_dissipation_is_the_rate_at_which_a_small_step_of_gradient_descent_lowers_the_loss(task):
    """A central difference: third derivatives of the loss times step^2, and rounding over the step."""
    model, inputs, targets, _ = task
    found, step = measure(model, inputs, targets), 1e-4
    operator = TangentOperator(model, inputs)
    gradient = operator.pull_back(operator.residual(targets) / len(inputs))

    def loss(distance):
        moved = {name: value - distance * gradient[name] for name, value in operator.parameters.items()}
        outputs = functional_call(model, {**operator.constants, **moved}, (inputs,))
        return float((outputs - targets).square().sum()) / (2 * len(inputs))

    with torch.no_grad():
        rate = (loss(-step) - loss(step)) / (2 * step)
    assert found.dissipation.sum() == pytest.approx(rate, rel=1e-4)


@pytest.mark.parametrize("n_steps", [10, 25, 50, 100])
def test_the_error_told_is_honest(task, n_steps):
    model, inputs, targets, modes = task
    found = measure(model, inputs, targets, n_steps=n_steps, method="lanczos")
    energy, _ = exact_shells(modes, found.edges)
    assert found.error >= l1(found.energy, energy) / 10


def test_edges_given_again_are_kept_and_others_are_anchored(task):
    model, inputs, targets, modes = task
    first = measure(model, inputs, targets, n_steps=20, shell_ratio=3.0)
    again = measure(model, inputs, targets, n_steps=20, edges=first.edges)
    np.testing.assert_array_equal(again.edges, first.edges)
    np.testing.assert_array_equal(again.energy, first.energy)
    inner = first.edges[1:-1]
    np.testing.assert_allclose(inner[1:] / inner[:-1], 3.0)
    assert np.abs(np.log(inner / modes.eigenvalues[-1]) / np.log(3.0) % 1 - 0.5).max() < 1e-6


# --- operators ------------------------------------------------------------------------------------------------------

EIGENVALUES = {
    "power law": np.arange(1.0, 601.0) ** -1.5,
    "steep": np.arange(1.0, 601.0) ** -3.0,
    "two bands": np.concatenate([np.linspace(1, 2, 300), np.linspace(1e-4, 2e-4, 300)]),
    "uniform": np.linspace(0.01, 1, 600),
    "degenerate": np.repeat([1.0, 0.1, 0.01, 0.001], 150),
}
STARTS = {"white": np.ones(600), "falling": np.arange(1.0, 601.0) ** -0.7, "last": np.linspace(0, 1, 600) ** 4}


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("spectrum", EIGENVALUES)
@pytest.mark.parametrize("n_steps", [10, 30, 90])
def test_the_error_told_of_any_spectrum_is_honest(spectrum, start, n_steps):
    """Down to rounding; what is told and what is true are both of the energy, in L1 relative to the loss."""
    eigenvalues, residual = EIGENVALUES[spectrum], STARTS[start]
    found = measure_operator(lambda vector: eigenvalues * vector, residual, 600, n_steps=n_steps)
    exact = SplineShells(found.edges).windows(eigenvalues) @ residual**2 / 1200
    assert found.error >= l1(found.energy, exact) / 10 - 1e-11


@pytest.mark.parametrize(("size", "method"), [(1, "exact"), (30, "exact"), (31, "lanczos")])
def test_auto_takes_what_needs_fewer_products(size, method):
    products = []
    eigenvalues = np.arange(1.0, size + 1)
    found = measure_operator(
        lambda vector: products.append(1) or eigenvalues * vector, np.ones(size), size, n_steps=10, edges=None
    )
    assert (found.method, len(products)) == (method, min(size, 30))


def test_scale_of_the_operator_moves_the_shells_and_that_of_the_residual_the_energies():
    eigenvalues, residual = EIGENVALUES["power law"], STARTS["falling"]
    first = measure_operator(lambda vector: eigenvalues * vector, residual, 600, n_steps=40)
    second = measure_operator(lambda vector: 1e4 * eigenvalues * vector, 1e-3 * residual, 300, n_steps=40)
    np.testing.assert_allclose(second.edges, 1e4 * first.edges)
    np.testing.assert_allclose(second.energy, 2e-6 * first.energy, rtol=1e-6, atol=1e-12 * second.loss)
    assert second.dissipation.sum() == pytest.approx(2e-2 * first.dissipation.sum(), rel=1e-9)
    assert second.position == pytest.approx(1e4 * first.position, rel=1e-9)
    assert second.error == pytest.approx(first.error, rel=1e-6)


@pytest.mark.parametrize("method", ["exact", "lanczos"])
def test_nothing_to_learn_has_energy_in_the_lowest_shell_and_no_position(method):
    options = {"edges": [0.0, 0.1, 1.0, 10.0, np.inf], "method": method}
    found = measure_operator(np.zeros_like, np.ones(4), 4, **options)
    np.testing.assert_allclose(found.energy, [0.5, 0, 0, 0], rtol=1e-14)
    assert (found.position, found.dissipation.sum(), found.error) == (0, 0, 0)


@pytest.mark.parametrize("method", ["exact", "lanczos"])
def test_a_model_in_single_precision_is_measured_to_its_precision(method):
    """Rounding of 6e-8 moves eigenvalues by some 1e-6 of the largest, and the energy below that between shells."""
    with torch.random.fork_rng([]):
        torch.manual_seed(2)
        model, inputs, targets = perceptron(), torch.randn(60, 6), torch.randn(60, 3)
    edges = np.array([0.0, 1e-3, 1e-2, 1e-1, 1.0, np.inf])
    single = measure(model, inputs, targets, edges=edges, method=method)
    double = measure(model.double(), inputs.double(), targets.double(), edges=edges, method="exact")
    assert l1(single.energy, double.energy) < 1e-3
    assert single.loss == pytest.approx(double.loss, rel=1e-5)
    assert single.position == pytest.approx(double.position, rel=1e-5)


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operator", "residual", "options", "words"),
    [
        (np.copy, np.zeros(4), {}, "residual = 0 must have"),
        (np.copy, [1.0, np.inf], {}, "residual"),
        (np.copy, np.ones(4), {"n_steps": 0}, "n_steps = 0"),
        (np.copy, np.ones(4), {"method": "dense"}, "method = 'dense' must be one of"),
        (np.copy, np.ones(4), {"shell_ratio": 1.0}, "shell_ratio = 1.0"),
        (np.copy, np.ones(4), {"edges": [0.0, 1.0, 2.0, 5.0, np.inf]}, "edges must be geometric"),
        (np.zeros_like, np.ones(4), {}, "takes the residual to 0"),
        (np.zeros_like, np.ones(4), {"method": "lanczos"}, "takes the residual to 0"),
        (np.negative, np.ones(4), {}, "operator has the eigenvalue -1"),
        (np.negative, np.ones(4), {"method": "lanczos"}, "operator has the eigenvalue -1"),
        (lambda vector: vector[:1], np.ones(4), {}, "operator.vector. has 1 entries"),
    ],
)
def test_what_cannot_be_measured_is_named(operator, residual, options, words):
    with pytest.raises(ValueError, match=words):
        measure_operator(operator, residual, 4, **options)


def test_a_perfect_fit_has_no_shells():
    model, inputs = nn.Linear(3, 1).double(), torch.ones(5, 3, dtype=torch.float64)
    with pytest.raises(ValueError, match="residual = 0"):
        measure(model, inputs, model(inputs))


def test_the_package_loads_torch_only_for_a_measurement():
    program = "import sys, scalinglaws.shells; scalinglaws.shells.measure; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("False\n", "")
