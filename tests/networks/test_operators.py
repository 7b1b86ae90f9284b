"""Tangent operators of torch modules against explicit Jacobians; what they leave untouched, and what they refuse."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call, jacrev

from scalinglaws.networks.operators import SHORTENED, TangentOperator

N = 7
# Sums over layers and parameters, relative to the largest entry.
ROUNDING = 1e-12


class Tied(nn.Module):
    """An autoencoder whose decoder is its encoder's weight."""

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
        self.decoder.weight = self.encoder.weight

    def forward(self, inputs):
        return self.decoder(torch.tanh(self.encoder(inputs)))


class Tokens(nn.Module):
    """A transformer on integer tokens; outputs (n, positions, 2)."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, activation="gelu", batch_first=True)
        self.encoder, self.head = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), nn.Linear(8, 2)

    def forward(self, tokens):
        return self.head(self.encoder(self.embedding(tokens)))


class Calling(nn.Module):
    """A linear layer and whatever a function makes of it."""

    def __init__(self, function):
        super().__init__()
        self.linear, self.function = nn.Linear(4, 1), function
        self.register_buffer("passes", torch.zeros(()))

    def forward(self, inputs):
        return self.function(self, self.linear(inputs))


def frozen(model):
    """A model whose first parameter is a constant."""
    next(model.parameters()).requires_grad_(False)
    return model


def unused(model):
    """A model with a parameter that no output sees."""
    model.register_parameter("spare", nn.Parameter(torch.ones(3)))
    return model


def normalised():
    """A convolutional net with batch statistics that are not those of a fresh layer."""
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 3)
    )
    model[1].running_mean.fill_(0.3)
    model[1].running_var.fill_(2.0)
    return model


def perceptron(n_outputs=1):
    return nn.Sequential(nn.Linear(4, 9), nn.Tanh(), nn.Linear(9, n_outputs))


DRAWN = {"vectors": lambda: torch.randn(N, 4), "images": lambda: torch.randn(N, 2, 4, 4)}
DRAWN |= {"tokens": lambda: torch.randint(11, (N, 3))}
MODELS = {
    "perceptron": (perceptron, "vectors"),
    "outputs": (lambda: perceptron(3), "vectors"),
    "one axis": (lambda: nn.Sequential(perceptron(), nn.Flatten(0)), "vectors"),
    "layer norm": (lambda: nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 2)), "vectors"),
    "dropout": (lambda: nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, 2)), "vectors"),
    "weight norm": (lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 2))), "vectors"),
    "frozen": (lambda: frozen(perceptron(2)), "vectors"),
    "tied": (Tied, "vectors"),
    "unused": (lambda: unused(perceptron()), "vectors"),
    "convolution": (normalised, "images"),
    "transformer": (Tokens, "tokens"),
}


def drawn(name, dtype=torch.float64):
    """A model of the table in evaluation mode, with inputs."""
    make, kind = MODELS[name]
    with torch.random.fork_rng([]):
        torch.manual_seed(3)
        model, inputs = make().to(dtype).eval(), DRAWN[kind]()
    return model, inputs.to(dtype) if inputs.is_floating_point() else inputs


def jacobian(model, inputs):
    """J by reverse-mode differentiation, rows sample first; attention by its plain formula."""
    parameters = {name: value.detach() for name, value in model.named_parameters() if value.requires_grad}
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        blocks = jacrev(lambda values: functional_call(model, values, (inputs,)).reshape(-1), chunk_size=1)(parameters)
    return torch.cat([block.flatten(1) for block in blocks.values()], dim=1).numpy()


def kernel_of(operator):
    """M, column by column."""
    return np.stack([operator(column) for column in np.eye(operator.size)], axis=1)


def largest_error(ours, expected):
    """The largest error relative to the largest entry, after a look at the shapes."""
    assert ours.shape == expected.shape
    return np.abs(ours - expected).max() / np.abs(expected).max()


# --- against the Jacobian -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_products_are_those_of_the_jacobian(name):
    model, inputs = drawn(name)
    operator, rows = TangentOperator(model, inputs), jacobian(model, inputs)
    kernel = kernel_of(operator)
    assert largest_error(kernel, rows @ rows.T / N) < ROUNDING
    assert largest_error(kernel, kernel.T) < ROUNDING
    rng = np.random.default_rng(0)
    vector, direction = rng.standard_normal(operator.size), rng.standard_normal(rows.shape[1])
    pulled = operator.pull_back(vector)
    assert largest_error(np.concatenate([part.flatten() for part in pulled.values()]), vector @ rows) < ROUNDING
    assert {name: part.shape for name, part in pulled.items()} == {n: p.shape for n, p in operator.parameters.items()}
    parts = torch.as_tensor(direction).split([part.numel() for part in pulled.values()])
    tangents = {name: part.reshape(pulled[name].shape) for name, part in zip(pulled, parts, strict=True)}
    assert largest_error(operator.push_forward(tangents), rows @ direction) < ROUNDING
    np.testing.assert_allclose(
        operator.outputs(), model(inputs).detach().numpy().reshape(N, -1), rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize("name", MODELS)
def test_chunks_follow_the_memory_and_change_nothing(name):
    model, inputs = drawn(name)
    operators = [TangentOperator(model, inputs, memory_gb=memory) for memory in (1e-12, 1.0)]
    assert [len(operator._chunks) for operator in operators] == [N, 1]
    assert [operator._kept is None for operator in operators] == [True, False]
    vector = np.random.default_rng(1).standard_normal(operators[0].size)
    assert largest_error(operators[0](vector), operators[1](vector)) < ROUNDING


def test_a_shared_parameter_counts_once_and_a_constant_not_at_all():
    assert list(TangentOperator(*drawn("tied")).parameters) == ["encoder.weight"]
    assert "0.weight" not in TangentOperator(*drawn("frozen")).parameters


def test_single_precision_is_that_of_the_module():
    """Rounding of 6e-8 in sums over some ten units and layers."""
    double, single = (TangentOperator(*drawn("outputs", dtype)) for dtype in (torch.float64, torch.float32))
    vector = np.random.default_rng(2).standard_normal(double.size)
    product = single(vector)
    assert product.dtype == np.float64
    assert 1e-10 < largest_error(product, double(vector)) < 1e-5


def test_a_module_of_both_precisions_is_as_exact_as_the_lower():
    model, inputs = drawn("perceptron")
    mixed = nn.Sequential(model, Calling(lambda _, f: f.double()))
    mixed[1].linear = nn.Sequential(Calling(lambda _, f: f.float()), nn.Linear(1, 1))
    mixed[1].linear[0].linear = nn.Identity()
    kernel, rows = kernel_of(TangentOperator(mixed, inputs)), jacobian(mixed, inputs)
    assert largest_error(kernel, rows @ rows.T / N) < 1e-5


def with_nothing_kept(model, inputs):
    """The operator with so little memory that it keeps no graph."""
    return TangentOperator(model, inputs, memory_gb=1e-12)


@pytest.mark.parametrize("make", [TangentOperator, with_nothing_kept])
@pytest.mark.parametrize("moved", [lambda value: value.mul_(1.5), lambda value: value.data.mul_(1.5)])
def test_the_operator_follows_the_module_and_moves_it(make, moved):
    """Whether the module's parameters or the operator's are changed, and by whatever way, they stay the same."""
    model, inputs = drawn("perceptron")
    operator, vector = make(model, inputs), np.arange(7.0)
    before = operator(vector)
    for values in (model.parameters(), operator.parameters.values()):
        with torch.no_grad():
            for value in values:
                moved(value)
        after = operator(vector)
        np.testing.assert_array_equal(after, make(model, inputs)(vector))
        np.testing.assert_allclose(operator.outputs(), model(inputs).detach().numpy(), rtol=1e-12)
        assert largest_error(after, before) > 0.1
        before = after


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_products_are_the_same_where_no_gradients_are_recorded(mode):
    vector = np.arange(14.0)
    expected = TangentOperator(*drawn("dropout"))(vector)
    with mode():
        model, inputs = drawn("dropout")
        np.testing.assert_array_equal(TangentOperator(model, inputs)(vector), expected)
    np.testing.assert_array_equal(TangentOperator(model, inputs)(vector), expected)


# --- what is left untouched -----------------------------------------------------------------------------------------


def state(model):
    """Everything that a caller may see of a model and of torch, as bytes."""
    gradients = [None if value.grad is None else value.grad.clone() for value in model.parameters()]
    modes = [module.training for module in model.modules()]
    switches = (torch.is_grad_enabled(), torch.backends.mha.get_fastpath_enabled(), torch.get_num_threads())
    switches += (torch.backends.cuda.flash_sdp_enabled(), torch.backends.cuda.math_sdp_enabled())
    history = [value.requires_grad for value in model.parameters()]
    tensors = {name: value.detach().numpy() for name, value in model.state_dict().items()}
    gradients = [None if gradient is None else gradient.numpy() for gradient in gradients]
    return pickle.dumps((tensors, gradients, modes, switches, history, torch.get_rng_state().numpy()))


@pytest.mark.parametrize("name", MODELS)
def test_modules_and_random_numbers_are_left_as_they_are(name):
    model, inputs = drawn(name)
    model(inputs).square().sum().backward()
    before = state(model)
    operator = TangentOperator(model, inputs)
    operator(operator.residual(torch.ones_like(model(inputs))))
    assert state(model) == before


def test_modules_and_random_numbers_are_left_as_they_are_by_a_refusal():
    model, inputs = drawn("dropout")
    model.train()
    random = Calling(lambda module, outputs: outputs + torch.randn_like(outputs)).double()
    before = state(model), state(random)
    for refused in (model, random):
        with pytest.raises(ValueError, match="always the same"):
            TangentOperator(refused, inputs)
    assert (state(model), state(random)) == before


def test_chance_that_does_not_matter_is_allowed_and_put_back():
    model, inputs = drawn("perceptron")
    model.register_forward_hook(lambda module, arguments, outputs: outputs + 0 * torch.randn_like(outputs))
    before = state(model[:])
    TangentOperator(model, inputs)(np.ones(N))
    assert state(model[:]) == before


def precisions():
    return torch.get_float32_matmul_precision(), [kind.fp32_precision for kind in SHORTENED]


@pytest.mark.parametrize("chosen", ["highest", "high", "medium"])
def test_products_in_single_precision_keep_all_its_digits_whatever_was_chosen(chosen):
    """Torch may round factors to 10 bits (convolutions on CUDA: unless told otherwise), and is left as it was."""
    model, inputs = drawn("perceptron")
    seen, outside = [], torch.get_float32_matmul_precision()
    model.register_forward_hook(lambda module, arguments, outputs: seen.append(precisions()[1]))
    try:
        torch.set_float32_matmul_precision(chosen)
        before = precisions()
        TangentOperator(model, inputs)(np.ones(N))
        with pytest.raises(ValueError, match="always the same"):
            TangentOperator(Calling(lambda module, outputs: outputs + torch.randn_like(outputs)).double(), inputs)
        assert precisions() == before
    finally:
        torch.set_float32_matmul_precision(outside)
    assert seen
    assert {precision for kinds in seen for precision in kinds} == {"ieee"}


# --- refusals -------------------------------------------------------------------------------------------------------


def count_passes(module, outputs):
    """A running statistic."""
    module.passes += 1
    return outputs


def with_parameter(value):
    """A model with that weight."""
    model = perceptron().double()
    with torch.no_grad():
        model[0].weight[0, 0] = value
    return model


INPUTS = torch.linspace(-1, 1, 4 * N, dtype=torch.float64).reshape(N, 4)
REFUSED = {
    "dropout": (lambda: nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.1)).double(), INPUTS, "look at the batch: 1;"),
    "batch norm": (lambda: nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8)).double(), INPUTS, "call model.eval()"),
    "attention": (lambda: nn.MultiheadAttention(4, 2, dropout=0.1).double(), INPUTS, "MultiheadAttention; call"),
    "batch in eval": (
        lambda: nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8, track_running_stats=False)).double().eval(),
        INPUTS,
        "look at the batch: 1;",
    ),
    "mean of batch": (lambda: Calling(lambda _, f: f - f.mean(0)).double(), INPUTS, "alone and among others differ"),
    "buffers": (lambda: Calling(count_passes).double(), INPUTS, "changes its passes in a pass"),
    "max norm": (lambda: nn.Embedding(5, 3, max_norm=0.1), torch.arange(4), "changes its weight in a pass"),
    "tuple": (lambda: Calling(lambda _, f: (f, f)).double(), INPUTS, "returns a tuple and must return one tensor"),
    "scalar": (lambda: Calling(lambda _, f: f.sum()).double(), INPUTS, "must have one row each"),
    "no outputs": (lambda: Calling(lambda _, f: f[:, :0]).double(), INPUTS, "must have one row each"),
    "integers": (lambda: Calling(lambda _, f: f.long()).double(), INPUTS, "must be float32 or float64"),
    "half": (lambda: perceptron().bfloat16(), INPUTS.bfloat16(), "torch.bfloat16 and must be float32 or float64"),
    "NaN outputs": (lambda: Calling(lambda _, f: f / 0 * 0).double(), INPUTS, "outputs of the model must be finite"),
    "NaN weight": (lambda: with_parameter(torch.nan), INPUTS, "parameter '0.weight' of the model must be finite"),
    "infinite weight": (lambda: with_parameter(torch.inf), INPUTS, "parameter '0.weight' of the model must be finite"),
    "no parameters": (lambda: nn.Tanh(), INPUTS, "has no parameters"),
    "all frozen": (lambda: nn.Linear(4, 1).double().requires_grad_(False), INPUTS, "has no parameters"),
    "no gradient": (lambda: Calling(lambda _, f: f.detach()).double(), INPUTS, "must be twice differentiable"),
    "devices": (lambda: perceptron().double(), INPUTS.to("meta"), "on cpu, meta and must be on one device"),
    "one sample": (lambda: perceptron().double(), INPUTS[:1], "at least 2 samples"),
    "an array": (lambda: perceptron().double(), INPUTS.numpy(), "inputs must be a tensor"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_tangent_kernel_is_refused_in_one_line(name):
    make, inputs, words = REFUSED[name]
    with pytest.raises(ValueError, match=r"^[^\n]*$") as refusal:
        TangentOperator(make(), inputs)
    assert words in str(refusal.value)


def test_dropout_that_drops_nothing_is_allowed_in_training_mode():
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.0)).double().train()
    assert TangentOperator(model, INPUTS).size == 8 * N


@pytest.mark.parametrize(
    ("memory_gb", "vector", "words"),
    [(0.0, np.ones(N), "memory_gb = 0.0"), (1.0, np.ones(N + 1), "must have one per"), (1.0, [np.nan] * N, "vector")],
)
def test_arguments_out_of_range_are_named(memory_gb, vector, words):
    with pytest.raises(ValueError, match=words):
        TangentOperator(perceptron().double(), INPUTS, memory_gb=memory_gb)(vector)


def test_outputs_that_are_not_finite_further_on_are_named():
    operator = TangentOperator(Calling(lambda _, f: torch.where(f == f[-1], f, f)).double(), INPUTS)
    operator.parameters["linear.weight"].fill_(torch.inf)
    with pytest.raises(ValueError, match="outputs of the model"):
        operator.outputs()


@pytest.mark.parametrize(
    ("name", "shape", "allowed"),
    [
        ("perceptron", (N,), True),
        ("perceptron", (N, 1), True),
        ("one axis", (N, 1), True),
        ("one axis", (N,), True),
        ("perceptron", (1, N), False),
        ("perceptron", (N, 2), False),
        ("perceptron", (), False),
        ("outputs", (N, 3), True),
        ("outputs", (N,), False),
        ("outputs", (3, N), False),
        ("outputs", (3 * N,), False),
        ("transformer", (N, 3, 2), True),
        ("transformer", (N, 2, 3), False),
    ],
)
def test_targets_have_the_shape_of_the_outputs(name, shape, allowed):
    model, inputs = drawn(name)
    operator, targets = TangentOperator(model, inputs), torch.ones(shape)
    if allowed:
        expected = model(inputs).detach().numpy().ravel() - 1
        np.testing.assert_allclose(operator.residual(targets), expected, rtol=1e-12, atol=1e-13)
    else:
        with pytest.raises(ValueError, match="must have the outputs' shape"):
            operator.residual(targets)


def test_targets_that_are_not_finite_are_named():
    targets = torch.ones(N, 1)
    targets[2] = torch.nan
    with pytest.raises(ValueError, match=r"targets\[2, 0\] = nan must be finite"):
        TangentOperator(*drawn("perceptron")).residual(targets)


# --- memory ---------------------------------------------------------------------------------------------------------

PEAKS = """
import torch
from scalinglaws.networks.operators import TangentOperator

def peak():
    # In GB. Not getrusage: its peak is inherited from the process that started this one.
    (line,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1e6

layers = [layer for _ in range(5) for layer in (torch.nn.Linear(256, 256), torch.nn.Tanh())]
model, inputs = torch.nn.Sequential(*layers, torch.nn.Linear(256, 1)).double(), torch.randn(4000, 256).double()
small = TangentOperator(model, inputs[:9])
small(torch.ones(small.size))
before = peak()
for memory_gb in (0.03, 1.0):
    operator = TangentOperator(model, inputs, memory_gb=memory_gb)
    operator(torch.ones(operator.size))
    print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_is_that_allowed_and_a_few_copies_of_the_parameters():
    """Parameters of 2.6 MB: as much again as is allowed has room for ten; all graphs would take 100 MB and more."""
    done = subprocess.run([sys.executable, "-c", PEAKS], capture_output=True, text=True)
    assert done.stderr == ""
    bounded, free = map(float, done.stdout.split())
    assert bounded < 2 * 0.03
    assert free > 0.1
