"""What the quantiser needs to know of the ONNX graph of our network."""

from collections.abc import Iterator

import numpy as np
import onnx
import onnxruntime

_CONVOLUTIONAL = ("Conv", "Relu", "Add", "MaxPool")


def body(graph: onnx.ModelProto) -> list[onnx.NodeProto]:
    """The convolutional part, all that is quantised; only the head adds constants."""
    constants = initializers(graph).keys()
    return [
        node
        for node in graph.graph.node
        if node.op_type in _CONVOLUTIONAL
        and (node.op_type == "Conv" or not constants & set(node.input))
    ]


def convolutions(graph: onnx.ModelProto) -> list[onnx.NodeProto]:
    """All convolutions, in order; input 1 is the kernel (O, I, kh, kw), 2 the bias."""
    return [node for node in graph.graph.node if node.op_type == "Conv"]


def initializers(graph: onnx.ModelProto) -> dict[str, onnx.TensorProto]:
    """The graph's own arrays by name; to change one, change it in place."""
    return {array.name: array for array in graph.graph.initializer}


def setting(node: onnx.NodeProto, name: str, default: list[int]) -> list[int]:
    """A list attribute of a node, such as `strides` or `pads`."""
    found = (list(item.ints) for item in node.attribute if item.name == name)
    return next(found, default)


def activations(
    graph: onnx.ModelProto, names: list[str], inputs: np.ndarray
) -> Iterator[dict[str, np.ndarray]]:
    """Runs the network image by image and yields inner tensors.

    Args:
        graph: float32.
        names: tensors to yield.
        inputs: float32 (N, S, S, 3).
    Yields:
        N times, tensor name -> float32 (C, H, W).
    """
    probe = onnx.ModelProto()
    probe.CopyFrom(graph)
    kind = onnx.TensorProto.FLOAT
    probe.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, kind, None) for name in names
    )
    session = onnxruntime.InferenceSession(
        probe.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    for one in inputs[:, None]:
        values = session.run(names, {"inputs": one})
        yield {name: value[0] for name, value in zip(names, values, strict=True)}
