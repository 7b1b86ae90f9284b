"""Networks and data sets that settings name as "package.module:factory": the factory is called when a member runs.

Settings are text, and so anybody's network can be an entry in them. The random numbers that a factory takes from torch
follow from the member's seed and are put back afterwards: which members ran before changes nothing.
"""

import importlib
import inspect
from contextlib import contextmanager

import torch

# Names of data sets that end so are files, which are loaded before.
FILE_SUFFIX = ".npz"


def named_network(name, seed, options, *, device, dtype):
    """The module that the factory `name` makes of `options`, its keywords, on `device` and with weights of `dtype`.

    Whether it is in training mode is the factory's business. ValueError, one line, if the factory cannot be had, fails
    with these options, or returns anything but a torch.nn.Module.
    """
    network = _made("network", name, seed, options)
    if not isinstance(network, torch.nn.Module):
        raise ValueError(f"network = {name!r}: returned {_kind(network)}, must return a torch.nn.Module")
    return network.to(device=device, dtype=dtype)


def named_data(name, seed, options, files, *, device, dtype):
    """Tensors (inputs, targets), n_samples each, from a factory as above or, for the name of an .npz, from `files`.

    files: by name, a dict of the arrays inputs and targets. A factory with a parameter `seed` is given the seed by that
    name too, unless `options` hold one: then every seed has the same data. Integer inputs stay integers, as int64,
    which tokens must be; other inputs and all targets become `dtype`. ValueError, one line, as above, and unless both
    are numbers, finite, and as many of one as of the other.
    """
    if name.endswith(FILE_SUFFIX):
        if name not in files:
            raise ValueError(f"data = {name!r}: not among the files loaded: {', '.join(files) or 'none'}")
        found = files[name]["inputs"], files[name]["targets"]
    else:
        found = _made("data", name, seed, options, told="seed")
        if not isinstance(found, tuple | list) or len(found) != 2:
            raise ValueError(f"data = {name!r}: returned {_kind(found)}, must return a pair (inputs, targets)")
    inputs, targets = (_tensor(name, part, value) for part, value in zip(("inputs", "targets"), found, strict=True))
    if len(inputs) != len(targets):
        raise ValueError(f"data = {name!r}: has {len(inputs)} inputs and {len(targets)} targets, must have as many")
    kept = dtype if inputs.is_floating_point() else torch.int64
    return inputs.to(device=device, dtype=kept), targets.to(device=device, dtype=dtype)


def _made(entry, name, seed, options, told=None):
    """What the factory `name` returns for `options`, and for the seed as its parameter `told` if it has one."""
    factory = _factory(entry, name)
    keywords = {told: seed, **options} if told in _parameters(factory) else options
    with _seeded(seed):
        try:
            return factory(**keywords)
        except (Exception, SystemExit) as error:
            raise ValueError(f"{entry} = {name!r}: refuses its options {keywords}: {_line(error)}") from error


def _factory(entry, name):
    module, _, attribute = name.partition(":")
    if not (module and attribute):
        raise ValueError(f"{entry} = {name!r}: must be written package.module:factory")
    try:
        found = importlib.import_module(module)
    except (Exception, SystemExit) as error:
        # Whatever a module of others raises: its own trace follows from the cause. One that exits would end the job.
        raise ValueError(f"{entry} = {name!r}: {module} cannot be imported: {_line(error)}") from error
    if not hasattr(found, attribute):
        raise ValueError(f"{entry} = {name!r}: {module} has no attribute {attribute}")
    factory = getattr(found, attribute)
    if not callable(factory):
        raise ValueError(f"{entry} = {name!r}: {attribute} is {_kind(factory)}, must be callable")
    return factory


def _parameters(factory):
    """Names of a callable's parameters; none for one written in C, which does not tell."""
    try:
        return inspect.signature(factory).parameters
    except ValueError:
        return {}


@contextmanager
def _seeded(seed):
    """Torch's random numbers begin at `seed` in the block and go on afterwards as if it had not been.

    They are drawn in double precision, whatever becomes of them: the last digit of a draw depends on the processor, and
    in single precision that would be 1e-7 of a weight.
    """
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    with torch.random.fork_rng(devices), _double():
        torch.manual_seed(seed)
        yield


@contextmanager
def _double():
    """What says nothing of its precision has double precision in the block."""
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(usual)


def _tensor(name, part, value):
    """An array or tensor with an axis of samples, its numbers finite."""
    try:
        with _double():
            tensor = torch.as_tensor(value).detach()
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"data = {name!r}: {part} must be an array or a tensor: {_line(error)}") from error
    if tensor.is_complex() or not tensor.ndim or not tensor.numel():
        shape, kind = tuple(tensor.shape), str(tensor.dtype).removeprefix("torch.")
        raise ValueError(
            f"data = {name!r}: {part} has shape {shape} of {kind}, must have real numbers for >= 1 samples"
        )
    if not torch.isfinite(tensor).all():
        raise ValueError(f"data = {name!r}: {part} must be finite")
    return tensor


def _kind(value):
    return f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")


def _line(error):
    """What an error is and says, in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())
