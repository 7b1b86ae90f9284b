"""A device that is not the host, made of the host: for tests of where tensors are, on machines without any other.

Its tensors call themselves `meta`, hold their numbers out of sight in a tensor on the host, and refuse what a GPU's
refuse: to meet tensors of the host (but scalars), and to be read as an array before they are brought back by `.cpu()`.
What is computed with them is computed on the host, so that results must be the same to the last bit.
"""

import torch
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_flatten, tree_map_only

NAME = "meta"
# Operations that take tensors from one place to another.
MOVES = {torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default}
# Operations that bring a number to the host.
READS = {torch.ops.aten._local_scalar_dense.default, torch.ops.aten.equal.default}


class Mixed(AssertionError):
    """An operation on tensors of two devices."""


class OtherTensor(torch.Tensor):
    """A tensor elsewhere; `held` has its numbers."""

    @staticmethod
    def __new__(cls, held):
        layout = {"strides": held.stride(), "storage_offset": held.storage_offset(), "dtype": held.dtype}
        return torch.Tensor._make_wrapper_subclass(cls, held.shape, device=NAME, **layout)

    def __init__(self, held):
        self.held = held

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        with OtherDevice():
            return function(*args, **(kwargs or {}))


class OtherDevice(TorchDispatchMode):
    """Within the block what is made on the device `meta` is an `OtherTensor`."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        tensors = [value for value in tree_flatten((args, kwargs))[0] if isinstance(value, torch.Tensor)]
        away = [tensor for tensor in tensors if isinstance(tensor, OtherTensor)]
        here = [tensor for tensor in tensors if not isinstance(tensor, OtherTensor) and tensor.ndim]
        if away and here and function not in MOVES:
            raise Mixed(f"{function} was given tensors on {NAME} and on the host")
        asked = kwargs.get("device")
        stays = bool(away) if asked is None else torch.device(asked).type == NAME
        if asked is not None:
            kwargs["device"] = "cpu"
        held_args, held_kwargs = tree_map_only(OtherTensor, lambda tensor: tensor.held, (args, kwargs))
        result = function(*held_args, **held_kwargs)
        if not stays or function in READS:
            return result
        wrapped = tree_map_only(torch.Tensor, OtherTensor, result)
        return return_and_correct_aliasing(function, args, kwargs, wrapped) if away else wrapped
