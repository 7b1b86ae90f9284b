"""The tangent kernel of any torch module as an operator: M v = J J^T v / n without the kernel and without the Jacobian.

J^T v is one backward pass, a vector as long as the parameters. It is linear in v, so that its own gradient with respect
to v, weighted with u, is J u: a second backward pass through the first (Townsend's trick), with no forward derivatives,
which many kernels of torch lack. Samples go through in chunks whose size follows from the memory allowed.
"""

from contextlib import contextmanager
from functools import cached_property

import numpy as np
import torch
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

from scalinglaws import checks

# Outputs of a sample by itself and among others agree to this share of the largest, in units of the type's rounding.
ROUNDINGS = 1e4
# What is being computed needs at most as much again as the graph has saved.
COPIES = 2
# On a CPU passes are fastest while what a chunk saves is about this large: more misses the caches.
CACHED_BYTES = 3e7
# Operations whose products torch may shorten in single precision.
SHORTENED = (
    *(torch.backends.cuda.matmul, torch.backends.cudnn.conv, torch.backends.cudnn.rnn),
    *(torch.backends.mkldnn.matmul, torch.backends.mkldnn.conv, torch.backends.mkldnn.rnn),
)
# Samples that tell whether a sample's outputs are its own.
WITNESSES = 4


class TangentOperator:
    """M = J J^T / n of a module, for inputs (n_samples, ...), as a linear operator.

    Each product is at the parameters that the module has at that time; `parameters` are those, not copies. Buffers and
    parameters that require no gradient are taken when the operator is made.

    J has a row per output and sample, samples first, and a column per parameter that requires a gradient (shared ones
    count once; others are constants). Vectors are float64 with n_samples * n_outputs entries; products are made in the
    module's precision, so that M is exact to about 1e-15 of its norm for float64 and 1e-6 for float32, and smaller
    eigenvalues are rounding. The module's mode is respected; its parameters, gradients, buffers and the state of
    torch's random numbers are left as they are; hooks run in these passes as in any. memory_gb bounds what passes
    hold, besides a few copies of the parameters; whatever fits in it is kept from product to product, which halves
    their time.

    ValueError on a module without such parameters or with some not finite; on more than one device; on outputs that
    are not one finite tensor in single or double precision with an axis of samples; on outputs that cannot be
    differentiated twice; and on a module whose outputs for a sample depend on the other samples, on chance, or on
    earlier passes: dropout or batch normalisation in training mode.
    """

    def __init__(self, model, inputs, *, memory_gb=1.0):
        checks.positive("memory_gb", memory_gb)
        self._device = _one_device(model, inputs)
        with self._untouched():
            self.model, self.inputs = model, _plain(inputs)
            self.parameters, self.constants = _check_parameters(model)
            self._held, self._kept = {}, None
            with torch.no_grad():
                outputs = _check_outputs(self)
            self.n_samples, self.output_shape, self._dtype = len(inputs), tuple(outputs.shape[1:]), outputs.dtype
            self.n_outputs = outputs[0].numel()
            self._chunks, keep = _split(self, memory_gb * 1e9)
        self._kept = [None] * len(self._chunks) if keep else None

    @property
    def size(self):
        """Number of entries of the vectors: n_samples * n_outputs."""
        return self.n_samples * self.n_outputs

    def outputs(self):
        """f(x) of all samples, shape (n_samples, n_outputs), as a float64 array; ValueError on NaN or inf."""
        with self._untouched(), torch.no_grad():
            self._take_parameters()
            parts = [_as_numpy(self._forward(self._held, chunk)) for chunk in self._chunks]
        return checks.array("outputs of the model", np.concatenate(parts))

    def residual(self, targets):
        """e = f - y as a float64 vector; ValueError unless targets are finite and of the outputs' shape.

        For one output per sample, (n_samples,) and (n_samples, 1) are the same; any device and type will do.
        """
        targets = checks.array("targets", _as_numpy(torch.as_tensor(targets)))
        shapes = {(self.n_samples, *self.output_shape)}
        if self.n_outputs == 1:
            shapes |= {(self.n_samples,), (self.n_samples, 1)}
        if targets.shape not in shapes:
            allowed = " or ".join(map(str, sorted(shapes)))
            raise ValueError(f"targets have shape {targets.shape} and must have the outputs' shape, {allowed}")
        return self.outputs().ravel() - targets.ravel()

    def pull_back(self, vector):
        """J^T v as a dict of tensors shaped as the parameters."""
        parts = self._as_outputs(vector).split([len(chunk) for chunk in self._chunks])
        with self._untouched():
            self._take_parameters()
            pulled = {name: torch.zeros_like(value) for name, value in self._held.items()}
            for index, part in enumerate(parts):
                for total, gradient in zip(pulled.values(), self._linearised(index).pull(part), strict=True):
                    total += gradient
        return pulled

    def push_forward(self, tangents):
        """J u for u a dict of tensors shaped as the parameters, as a float64 vector."""
        values = [tangents[name] for name in self.parameters]
        with self._untouched():
            self._take_parameters()
            parts = [_as_numpy(self._linearised(index).push(values)) for index in range(len(self._chunks))]
        return np.concatenate(parts).ravel()

    def __call__(self, vector):
        """M v as a float64 vector."""
        return self.push_forward(self.pull_back(vector)) / self.n_samples

    def _forward(self, values, chunk):
        outputs = functional_call(self.model, {**self.constants, **values}, (chunk,))
        return outputs.reshape(len(chunk), -1)

    def _take_parameters(self):
        """Copy the parameters, if they have moved, since graphs must not see them move, and drop the graphs kept."""
        held = self._held
        if not held or any(not torch.equal(held[name], value) for name, value in self.parameters.items()):
            self._kept = None if self._kept is None else [None] * len(self._kept)
            self._held = {name: value.clone() for name, value in self.parameters.items()}

    def _linearised(self, index):
        if self._kept is None:
            return _Linearised(self, self._chunks[index])
        if self._kept[index] is None:
            self._kept[index] = _Linearised(self, self._chunks[index])
        return self._kept[index]

    def _as_outputs(self, vector):
        vector = checks.array("vector", vector, ndim=1)
        if vector.size != self.size:
            raise ValueError(f"vector has {vector.size} entries and must have one per sample and output, {self.size}")
        return torch.as_tensor(vector, dtype=self._dtype, device=self._device).reshape(self.n_samples, -1)

    @contextmanager
    def _untouched(self):
        """Within the block random numbers may be drawn, which are put back, and everything can be differentiated twice.

        The kernels of attention that are fast have no second derivative, and nothing has one in inference mode.
        """
        fast, cuda = torch.backends.mha.get_fastpath_enabled(), self._device.type == "cuda"
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            with (
                torch.inference_mode(False),
                torch.enable_grad(),
                torch.random.fork_rng([self._device] if cuda else []),
                sdpa_kernel(SDPBackend.MATH),
                _whole_mantissas(),
            ):
                yield
        finally:
            torch.backends.mha.set_fastpath_enabled(fast)


@contextmanager
def _whole_mantissas():
    """In the block single precision has its 24 bits: by default convolutions on CUDA drop 13 of them in products."""
    before = [kind.fp32_precision for kind in SHORTENED]
    try:
        for kind in SHORTENED:
            kind.fp32_precision = "ieee"
        yield
    finally:
        for kind, precision in zip(SHORTENED, before, strict=True):
            kind.fp32_precision = precision


class _Linearised:
    """J of one chunk of samples, ready for products from either side."""

    def __init__(self, operator, chunk):
        leaves = {name: value.detach().requires_grad_() for name, value in operator._held.items()}
        self.leaves = tuple(leaves.values())
        self.outputs = operator._forward(leaves, chunk)

    def pull(self, cotangents):
        return torch.autograd.grad(
            self.outputs, self.leaves, cotangents, retain_graph=True, allow_unused=True, materialize_grads=True
        )

    def push(self, tangents):
        cotangents, pulled = self.pulled
        used = [index for index, gradient in enumerate(pulled) if gradient.requires_grad]
        return torch.autograd.grad(
            [pulled[index] for index in used], cotangents, [tangents[index] for index in used], retain_graph=True
        )[0]

    @cached_property
    def pulled(self):
        """J^T v as a function of v: where it is taken does not matter, since it is linear."""
        cotangents = torch.zeros_like(self.outputs, requires_grad=True)
        options = {"create_graph": True, "allow_unused": True, "materialize_grads": True}
        return cotangents, torch.autograd.grad(self.outputs, self.leaves, cotangents, **options)


def _as_numpy(tensor):
    return tensor.detach().cpu().double().numpy()


def _plain(tensor):
    """The tensor without its history; one made in inference mode, which no graph can save, as a copy."""
    return tensor.clone() if tensor.is_inference() else tensor.detach()


def _one_device(model, inputs):
    if not isinstance(inputs, torch.Tensor) or inputs.ndim < 1 or len(inputs) < 2:
        raise ValueError("inputs must be a tensor of at least 2 samples along its first axis")
    devices = {f"{inputs.device}": inputs.device} | {f"{value.device}": value.device for value in model.parameters()}
    if len(devices) > 1:
        raise ValueError(f"model and inputs are on {', '.join(sorted(devices))} and must be on one device")
    return inputs.device


def _check_parameters(model):
    """The parameters that move, and copies of all else; ValueError on none, or some not finite."""
    moving = {name: value.detach() for name, value in model.named_parameters() if value.requires_grad}
    if not moving:
        raise ValueError("model has no parameters that require a gradient and must have at least one")
    for name, value in moving.items():
        if not torch.isfinite(value).all():
            raise ValueError(f"parameter {name!r} of the model must be finite")
    constants = {name: value.detach().clone() for name, value in model.named_parameters() if not value.requires_grad}
    return moving, constants | {name: value.detach().clone() for name, value in model.named_buffers()}


def _check_outputs(operator):
    """Outputs of a few samples; ValueError unless they are functions of each sample by itself."""
    _refuse_layers(operator.model)
    operator._take_parameters()
    values, count = {**operator.constants, **operator._held}, len(operator.inputs)
    some = operator.inputs[np.unique(np.linspace(0, count - 1, WITNESSES).astype(int))]
    outputs = functional_call(operator.model, values, (some,))
    _check_tensor(outputs, len(some))
    alone = torch.cat([operator._forward(operator._held, sample) for sample in some.split(1)])
    gap = float((outputs.reshape(len(some), -1) - alone).abs().max())
    types = {outputs.dtype} | {value.dtype for value in operator.parameters.values()}
    if gap > ROUNDINGS * max(torch.finfo(kind).eps for kind in types) * float(outputs.abs().max()):
        raise ValueError(
            "model must give every sample outputs of its own, always the same: "
            f"those of a sample alone and among others differ by {gap:.3g}"
        )
    live = dict(operator.model.named_parameters()) | dict(operator.model.named_buffers())
    changed = [name for name, value in values.items() if not torch.equal(value, live[name])]
    if changed:
        raise ValueError(f"model changes its {', '.join(changed)} in a pass and must not: call model.eval() first")
    return outputs


def _check_tensor(outputs, n_samples):
    if not isinstance(outputs, torch.Tensor):
        kind = type(outputs).__name__
        raise ValueError(f"model returns a {kind} and must return one tensor: wrap it in a module that picks that one")
    if outputs.ndim < 1 or len(outputs) != n_samples or outputs.numel() == 0:
        raise ValueError(f"outputs of {n_samples} samples have shape {tuple(outputs.shape)} and must have one row each")
    if outputs.dtype not in (torch.float32, torch.float64):
        raise ValueError(f"outputs are of {outputs.dtype} and must be float32 or float64")
    if not torch.isfinite(outputs).all():
        raise ValueError("outputs of the model must be finite")


def _refuse_layers(model):
    """ValueError on layers that depend on chance or on the batch, by name."""
    found = [name or type(module).__name__ for name, module in model.named_modules() if _depends(module)]
    if found:
        raise ValueError(
            f"model must give every sample outputs of its own, always the same, and has layers that draw at random or "
            f"look at the batch: {', '.join(found)}; call model.eval() first, and let batch norms track statistics"
        )


def _depends(module):
    drawing = isinstance(module, torch.nn.modules.dropout._DropoutNd) and module.p > 0
    drawing |= isinstance(module, torch.nn.MultiheadAttention | torch.nn.RNNBase) and module.dropout > 0
    drawing |= isinstance(module, torch.nn.RReLU)
    batch = isinstance(module, torch.nn.modules.batchnorm._BatchNorm)
    return (module.training and (drawing or batch)) or (batch and module.running_mean is None)


def _split(operator, memory):
    """Chunks of the inputs, and whether the graphs of all of them may be kept."""
    count = len(operator.inputs)
    per_sample = max(_saved_bytes(operator, 2) - _saved_bytes(operator, 1), 1)
    keep = COPIES * per_sample * count <= memory
    fitting = memory / (COPIES * per_sample)
    if operator._device.type == "cpu":
        fitting = min(fitting, CACHED_BYTES / per_sample)
    return operator.inputs.split(max(int(fitting), 1)), keep


def _saved_bytes(operator, n_samples):
    """What the graphs of both passes hold, each storage once; ValueError where there are no such graphs."""
    saved = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    try:
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            linearised = _Linearised(operator, operator.inputs[:n_samples])
            linearised.push(linearised.pulled[1])
    except (RuntimeError, NotImplementedError) as error:
        raise ValueError(f"outputs of the model must be twice differentiable: {str(error).splitlines()[0]}") from error
    return sum(saved.values())
