"""Networks and data named in settings: what factories are given, what becomes of what they return, what is refused."""

import sys

import numpy as np
import pytest
import torch

from scalinglaws.networks.named import named_data, named_network

MODULE = """
import numpy as np
import torch

LIMIT = 3


def dense(width=2, dropout=0.0):
    return torch.nn.Sequential(torch.nn.Linear(3, width), torch.nn.Dropout(dropout), torch.nn.BatchNorm1d(width))


def frozen(**options):
    return dense(**options).eval()


class Net(torch.nn.Linear):
    def __init__(self):
        super().__init__(2, 2)


def drawn(n_samples=4):
    return torch.randn(n_samples, 3), torch.randn(n_samples)


def seeded(seed, n_samples=4):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n_samples, 3)), rng.integers(2, size=n_samples)


def tokens(kind="int16"):
    return np.arange(6, dtype=kind).reshape(3, 2), [[0.0], [1.0], [2.0]]


def given(inputs=(1.0, 2.0), targets=(1.0, 2.0)):
    return inputs, targets


def alone():
    return torch.ones(3)


def broken():
    raise RuntimeError("out of\\nsorts")
"""
PLACE = {"device": "cpu", "dtype": torch.float64}


@pytest.fixture(autouse=True)
def my_nets(tmp_path, monkeypatch):
    """A module of somebody's own, and one that fails as soon as it is imported."""
    (tmp_path / "my_nets.py").write_text(MODULE, encoding="utf-8")
    (tmp_path / "my_ruin.py").write_text("raise OSError('no\\nlicence')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in ("my_nets", "my_ruin"):
        sys.modules.pop(name, None)


def weights(network):
    return torch.nn.utils.parameters_to_vector(network.parameters())


def test_a_network_follows_from_its_seed_and_leaves_random_numbers_alone():
    torch.manual_seed(3)
    expected = torch.randn(5)
    torch.manual_seed(3)
    one, again, other = (weights(named_network("my_nets:dense", seed, {}, **PLACE)) for seed in (0, 0, 1))
    assert torch.equal(torch.randn(5), expected)
    assert torch.equal(one, again)
    assert not torch.isclose(one[:8], other[:8]).any()
    torch.manual_seed(0)
    assert torch.equal(one[:6], torch.nn.Linear(3, 2, dtype=torch.float64).weight.flatten().detach())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_network_has_its_options_its_type_and_the_mode_of_its_factory(dtype):
    options = {"width": 5, "dropout": 0.25}
    built, frozen = (named_network(f"my_nets:{n}", 0, options, device="cpu", dtype=dtype) for n in ("dense", "frozen"))
    assert built[0].weight.shape == (5, 3)
    assert built[1].p == 0.25
    assert {value.dtype for value in built.parameters()} == {dtype}
    assert torch.get_default_dtype() == torch.float32
    assert (built.training, frozen.training) == (True, False)


def test_single_precision_is_a_rounding_of_double():
    """What is drawn in single precision has digits that the processor chooses."""
    single, double = (
        named_network("my_nets:dense", 0, {}, device="cpu", dtype=d) for d in (torch.float32, torch.float64)
    )
    assert torch.equal(weights(single), weights(double).float())
    assert not torch.equal(weights(double), weights(double).float().double())


def test_a_class_is_a_factory():
    assert named_network("my_nets:Net", 0, {}, **PLACE).weight.shape == (2, 2)


def test_data_from_torch_and_from_a_seed_follow_from_the_seed():
    for name in ("my_nets:drawn", "my_nets:seeded"):
        one, again, other = (named_data(name, seed, {"n_samples": 5}, {}, **PLACE) for seed in (0, 0, 1))
        assert [tuple(value.shape) for value in one] == [(5, 3), (5,)]
        assert {value.dtype for value in one} == {torch.float64}
        assert torch.equal(one[0], again[0])
        assert not torch.isclose(one[0], other[0]).any()


def test_numbers_without_a_precision_keep_all_their_digits():
    inputs, _ = named_data("my_nets:given", 0, {"inputs": [0.1, 1 / 3]}, {}, **PLACE)
    assert inputs.tolist() == [0.1, 1 / 3]


def test_a_seed_among_the_options_gives_every_seed_the_same_data():
    first, second = (named_data("my_nets:seeded", seed, {"seed": 7}, {}, **PLACE)[0] for seed in (0, 1))
    assert torch.equal(first, second)
    assert np.array_equal(first, np.random.default_rng(7).standard_normal((4, 3)))


@pytest.mark.parametrize("kind", ["uint8", "int16", "int64"])
def test_tokens_stay_whole_numbers_and_targets_become_floats(kind):
    inputs, targets = named_data("my_nets:tokens", 0, {"kind": kind}, {}, device="cpu", dtype=torch.float32)
    assert inputs.dtype == torch.int64
    assert inputs.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert (targets.dtype, targets.tolist()) == (torch.float32, [[0.0], [1.0], [2.0]])


def test_a_file_is_taken_as_it_was_loaded():
    arrays = {"inputs": np.arange(6.0).reshape(3, 2), "targets": np.array([1, 0, 1])}
    inputs, targets = named_data("a/b.npz", 0, {}, {"a/b.npz": arrays}, device="cpu", dtype=torch.float32)
    assert np.array_equal(inputs, arrays["inputs"])
    assert (targets.dtype, targets.tolist()) == (torch.float32, [1.0, 0.0, 1.0])


NAMED = {
    "nets": "must be written package.module:factory",
    ":dense": "must be written package.module:factory",
    "my_net:dense": "my_net cannot be imported: ModuleNotFoundError: No module named 'my_net'",
    "my_ruin:dense": "my_ruin cannot be imported: OSError: no licence",
    "my_nets:dens": "my_nets has no attribute dens",
    "my_nets:LIMIT": "LIMIT is int, must be callable",
    "my_nets:broken": "refuses its options {}: RuntimeError: out of sorts",
}
OF_NETWORKS = [
    ("my_nets:dense", {"hidden": 3}, "refuses its options {'hidden': 3}: TypeError: dense() got an unexpected"),
    ("my_nets:alone", {}, "returned torch.Tensor, must return a torch.nn.Module"),
]
OF_DATA = [
    ("my_nets:alone", {}, "returned torch.Tensor, must return a pair (inputs, targets)"),
    ("my_nets:seeded", {"size": 3}, "refuses its options {'seed': 0, 'size': 3}: TypeError: seeded() got"),
    ("my_nets:given", {"targets": [1.0]}, "has 2 inputs and 1 targets, must have as many"),
    ("my_nets:given", {"targets": [1.0, np.nan]}, "targets must be finite"),
    ("my_nets:given", {"inputs": [np.inf, 1.0]}, "inputs must be finite"),
    ("my_nets:given", {"inputs": ["a", "b"]}, "inputs must be an array or a tensor: "),
    ("my_nets:given", {"inputs": 1.0}, "inputs has shape () of float64, must have real numbers for >= 1 samples"),
    ("my_nets:given", {"inputs": []}, "inputs has shape (0,) of float64, must have real numbers"),
    ("my_nets:given", {"targets": [1j, 1.0]}, "targets has shape (2,) of complex128, must have real numbers"),
    ("mine.npz", {}, "not among the files loaded: yours.npz"),
]


def refusal(call, *arguments):
    with pytest.raises(ValueError, match=r"^(network|data) = ") as refused:
        call(*arguments, **PLACE)
    assert len(str(refused.value).splitlines()) == 1
    return str(refused.value)


@pytest.mark.parametrize(("name", "message"), NAMED.items())
def test_a_factory_that_cannot_be_had_is_named(name, message):
    assert refusal(named_network, name, 0, {}) == f"network = {name!r}: {message}"
    assert refusal(named_data, name, 0, {}, {}) == f"data = {name!r}: {message}"


@pytest.mark.parametrize(("name", "options", "message"), OF_NETWORKS)
def test_what_is_no_network_is_refused(name, options, message):
    assert refusal(named_network, name, 0, options).startswith(f"network = {name!r}: {message}")


@pytest.mark.parametrize(("name", "options", "message"), OF_DATA)
def test_what_is_no_data_is_refused(name, options, message):
    refused = refusal(named_data, name, 0, options, {"yours.npz": {}})
    assert refused.startswith(f"data = {name!r}: {message}")
