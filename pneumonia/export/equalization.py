"""Rescales channels of a float32 graph so that each uses its tensor's whole range.

Cross-layer equalisation (Nagel 2019, arXiv:1906.04721): ReLU, max pooling and addition
commute with a positive factor per channel, so what one convolution's output is divided
by, the next one's input takes back; in float32 nothing changes. A depthwise kernel
takes it for free. For a dense one, which pays with its weights' precision, the factor
is SmoothQuant's compromise (Xiao 2022, arXiv:2211.10438).
"""

from collections.abc import Callable

import numpy as np
import onnx
from onnx import numpy_helper

from .onnx_graph import activations, body, convolutions, initializers

# A channel that a dense convolution reads is divided by
# activation**a / weight**(1 - a); 1 would ignore the weights' own rounding.
# 0.75 gave a smaller error than 0.5 and 1 on validation radiographs.
_MIGRATION = 0.75


def equalize(graph: onnx.ModelProto, inputs: np.ndarray) -> None:
    """Rescales the channels of the network's body, in place.

    Args:
        graph: float32; convolutions, ReLU, max pooling and additions, then the head.
        inputs: float32 (N, S, S, 3), images that show each channel's range.
    """
    group_of = _tied_tensors(graph)
    inner = body(graph)
    outer = [node for node in graph.graph.node if node not in inner]
    fixed = {group_of(name) for node in outer for name in (*node.input, *node.output)}
    factors = {
        group: _factor(maximum, _dense_kernels(graph, group, group_of))
        for group, maximum in _channel_maxima(graph, inputs, group_of).items()
        if group not in fixed
    }
    arrays = initializers(graph)
    for node in convolutions(graph):
        old = [numpy_helper.to_array(arrays[name]) for name in node.input[1:]]
        before = factors.get(group_of(node.input[0]), 1.0)
        after = factors.get(group_of(node.output[0]), 1.0)
        new = _rescaled(*old, before=before, after=after)
        for name, values in zip(node.input[1:], new, strict=True):
            arrays[name].CopyFrom(numpy_helper.from_array(values, name))


def _tied_tensors(graph: onnx.ModelProto) -> Callable[[str], str]:
    """Groups the tensors that must share their factors: tensor -> group."""
    parent: dict[str, str] = {}

    def group_of(name: str) -> str:
        while name in parent:
            name = parent[name]
        return name

    for node in body(graph):
        if node.op_type != "Conv":
            for name in node.input:
                if group_of(name) != group_of(node.output[0]):
                    parent[group_of(name)] = group_of(node.output[0])
    return group_of


def _channel_maxima(
    graph: onnx.ModelProto, inputs: np.ndarray, group_of: Callable[[str], str]
) -> dict[str, np.ndarray]:
    """Group -> each channel's largest absolute value, (C,), in a typical image."""
    sums: dict[str, np.ndarray] = {}
    names = _stored_tensors(graph)
    for tensors in activations(graph, names, inputs):
        for name, values in tensors.items():
            maximum = np.abs(values).max(axis=(1, 2))
            sums[name] = sums.get(name, 0) + maximum
    maxima: dict[str, np.ndarray] = {}
    for name, total in sums.items():
        maximum = total / len(inputs)  # one image's lettering shall not set the scale
        maxima[group_of(name)] = np.maximum(maxima.get(group_of(name), 0), maximum)
    return maxima


def _stored_tensors(graph: onnx.ModelProto) -> list[str]:
    """Outputs of the body that the int8 graph keeps: ReLU is fused into what it ends.

    What a convolution gives below 0 is never stored where only a ReLU reads it.
    """
    readers: dict[str, set[str]] = {}
    for node in graph.graph.node:
        for name in node.input:
            readers.setdefault(name, set()).add(node.op_type)
    outputs = (node.output[0] for node in body(graph))
    return [name for name in outputs if readers[name] != {"Relu"}]


def _dense_kernels(
    graph: onnx.ModelProto, group: str, group_of: Callable[[str], str]
) -> list[np.ndarray]:
    """Kernels (O, I, kh, kw) that mix the channels of a group of tensors."""
    arrays = initializers(graph)
    readers = [n for n in convolutions(graph) if group_of(n.input[0]) == group]
    kernels = [numpy_helper.to_array(arrays[node.input[1]]) for node in readers]
    return [kernel for kernel in kernels if kernel.shape[1] > 1]


def _factor(maximum: np.ndarray, dense: list[np.ndarray]) -> np.ndarray:
    """What to divide each channel by: (C,), geometric mean 1."""
    factor = np.maximum(maximum, 0.02 * np.median(maximum) + 1e-6)  # dead channels
    if dense:
        shares = [
            np.abs(kernel) / np.abs(kernel).max(axis=(1, 2, 3), keepdims=True)
            for kernel in dense
        ]
        weight = np.max([share.max(axis=(0, 2, 3)) for share in shares], axis=0)
        factor = factor**_MIGRATION / np.maximum(weight, 1e-3) ** (1 - _MIGRATION)
    return factor / np.exp(np.log(factor).mean())


def _rescaled(
    kernel: np.ndarray, *bias: np.ndarray, before: np.ndarray, after: np.ndarray
) -> list[np.ndarray]:
    """A convolution whose input was divided by `before`, and output is by `after`."""
    depthwise = kernel.shape[1] == 1
    rows = np.broadcast_to(after, len(kernel)).reshape(-1, 1, 1, 1)
    columns = np.broadcast_to(before, len(kernel) if depthwise else kernel.shape[1])
    columns = columns.reshape((-1, 1, 1, 1) if depthwise else (1, -1, 1, 1))
    scaled = [kernel * columns / rows, *(values / rows.ravel() for values in bias)]
    return [values.astype(np.float32) for values in scaled]
