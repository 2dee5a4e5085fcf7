"""What the processor can do at most, and what the network asks of it.

The peak is that of matrix products, int8 and float32, in ONNX Runtime on all cores: the
best of some shapes, those of the network's larger layers among them. That is what its
own kernels reach where nothing else is in the way; the processor's data sheet may
promise more.
"""

import os
import statistics
import time
from pathlib import Path

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper, shape_inference

# rows, inner, columns: two squares, then 1 x 1 convolutions of the network
SHAPES = [(1024, 1024, 1024), (2048, 2048, 2048), (784, 728, 728), (3025, 256, 256)]


def peaks(rounds: int = 3) -> dict[str, float]:
    """Multiply-adds a second of int8 and of float32, the best of all shapes."""
    return {
        name: max(_rate(kind, *shape, rounds) for shape in SHAPES)
        for name, kind in (("int8", np.uint8), ("float32", np.float32))
    }


def _rate(kind: type, rows: int, inner: int, columns: int, rounds: int) -> float:
    chance = np.random.default_rng(0)
    is_int8 = kind is np.uint8
    weights = chance.integers(-64, 64, (inner, columns))
    weights = weights.astype(np.int8 if is_int8 else np.float32)
    types = (
        (TensorProto.UINT8, TensorProto.INT32) if is_int8 else 2 * (TensorProto.FLOAT,)
    )
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger" if is_int8 else "MatMul", ["a", "b"], ["c"])],
        "product",
        [helper.make_tensor_value_info("a", types[0], [rows, inner])],
        [helper.make_tensor_value_info("c", types[1], [rows, columns])],
        [numpy_helper.from_array(weights, "b")],
    )
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    inputs = {"a": chance.integers(0, 128, (rows, inner)).astype(kind)}
    seconds = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        for _ in range(10):
            session.run(None, inputs)
        seconds.append(time.perf_counter() - start)
    return 10 * rows * inner * columns / statistics.median(seconds[1:])


def multiply_adds(path: Path) -> int:
    """Of one image through the convolutions and products of a float32 graph."""
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    graph = shape_inference.infer_shapes(model).graph
    shapes = {
        value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in [*graph.value_info, *graph.output, *graph.input]
    }
    weights = {array.name: list(array.dims) for array in graph.initializer}
    total = 0
    for node in graph.node:
        if node.op_type == "Conv":  # (O, I / groups, kh, kw), at each place
            total += int(
                np.prod(weights[node.input[1]]) * np.prod(shapes[node.output[0]][2:])
            )
        elif node.op_type in ("MatMul", "Gemm"):
            inner = shapes.get(node.input[0]) or weights[node.input[0]]
            total += int(np.prod(shapes[node.output[0]]) * inner[-1])
    return total
