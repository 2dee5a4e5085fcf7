"""float32 ONNX -> int8 ONNX that answers the same on every processor.

Weights are int8 per output channel, activations uint8 per tensor, the head stays
float32. Four things keep the answers close to float32; together they take the mean
error of a probability from 0.008 (all defaults) to less than half of that:

1. channels are equalised, since one scale serves all channels of a tensor;
2. activation ranges are percentiles: burnt-in lettering and black borders would
   otherwise stretch the range of the first blocks;
3. weights are rounded together, not one by one (`rounding`);
4. weight steps leave room for processors without VNNI, at less than the whole bit that
   ONNX Runtime's `reduce_range` costs (`safe_steps`).
"""

import contextlib
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from .equalization import equalize
from .onnx_graph import activations, body, convolutions, initializers, setting
from .rounding import input_products, round_kernel

_PERCENTILE = 99.999  # 99.99 and the extremes: a larger error on validation images


def quantize(source: Path, inputs: np.ndarray, destination: Path) -> None:
    """Writes the int8 twin of a float32 network.

    Args:
        source: the float32 ONNX file, input `inputs` (N, S, S, 3).
        inputs: float32 (N, S, S, 3), training images to calibrate with; 60 or more.
        destination: the int8 ONNX file to write.
    """
    graph = onnx.load(source)
    equalize(graph, inputs)
    steps = _round_weights(graph, inputs)
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.redirect_stdout(sys.stderr),  # it prints its progress
    ):
        prepared = Path(folder) / "prepared.onnx"
        onnx.save(graph, prepared)
        quantize_static(
            prepared,
            destination,
            _Reader(inputs),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            nodes_to_quantize=[node.name for node in body(graph)],
            calibrate_method=CalibrationMethod.Percentile,
            extra_options={
                "CalibPercentile": _PERCENTILE,
                "TensorQuantOverrides": {
                    name: [_per_channel(step) for step in values]
                    for name, values in steps.items()
                },
            },
        )


class _Reader(CalibrationDataReader):
    def __init__(self, inputs: np.ndarray):
        self._batches = iter(inputs[:, None])

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self._batches, None)
        return None if batch is None else {"inputs": batch}


def _per_channel(step: float) -> dict:
    return {
        "axis": 0,
        "quant_type": QuantType.QInt8,
        "scale": np.array(step, np.float32),
        "zero_point": np.array(0, np.int8),
    }


def safe_steps(kernel: np.ndarray) -> np.ndarray:
    """Steps at which int8 weights cannot overflow the pair sums of older processors.

    Without VNNI, ONNX Runtime multiplies with `vpmaddubsw`, which adds two neighbouring
    uint8 x int8 products into a saturating int16: 255 (a + b) must stay below 32,768,
    so two neighbouring weights of one sign may add up to 128. Halving every weight
    ensures that at the cost of a bit for each; here a channel's step grows only as far
    as its worst pair needs, a fifth on average.

    Args:
        kernel: float32 (O, I, kh, kw).
    Returns:
        float32 (O,), the step of each output channel's int8 weights.
    """
    rows = np.abs(kernel.reshape(len(kernel), -1))
    steps = rows.max(axis=1) / 127
    if kernel.shape[1] > 1 and kernel.shape[2:] == (1, 1):
        signed = np.maximum(np.stack([kernel, -kernel])[..., 0, 0], 0)  # (2, O, I)
        signed = np.pad(signed, ((0, 0), (0, 0), (0, signed.shape[2] % 2)))
        pairs = signed[..., 0::2] + signed[..., 1::2]
        steps = np.maximum(steps, pairs.max(axis=(0, 2)) / 127)
    elif kernel.shape[1] > 1:
        # which weights of a larger kernel are neighbours depends on the memory layout
        steps = rows.max(axis=1) / 64
    # depthwise kernels are widened to 16 bits before they are multiplied
    return np.maximum(steps, np.finfo(np.float32).tiny).astype(np.float32)


def _round_weights(graph: onnx.ModelProto, inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Rounds every kernel in place; returns kernel name -> its steps (O,)."""
    arrays = initializers(graph)
    products = _input_products(graph, inputs)
    steps = {}
    for node in convolutions(graph):
        name = node.input[1]
        kernel = numpy_helper.to_array(arrays[name])
        steps[name] = safe_steps(kernel)
        rounded = round_kernel(kernel, steps[name], products[name])
        arrays[name].CopyFrom(numpy_helper.from_array(rounded, name))
    return steps


def _input_products(
    graph: onnx.ModelProto, inputs: np.ndarray
) -> dict[str, np.ndarray]:
    """Kernel name -> `input_products` of its convolution, summed over the images."""
    arrays = initializers(graph)
    nodes = convolutions(graph)
    names = list(dict.fromkeys(node.input[0] for node in nodes))
    sums: dict[str, np.ndarray] = {}
    for tensors in activations(graph, names, inputs):
        for node in nodes:
            top, left, bottom, right = setting(node, "pads", [0, 0, 0, 0])
            padding = ((0, 0), (top, bottom), (left, right))
            products = input_products(
                np.pad(tensors[node.input[0]], padding),
                shape=tuple(arrays[node.input[1]].dims),
                strides=setting(node, "strides", [1, 1]),
            )
            sums[node.input[1]] = sums.get(node.input[1], 0) + products
    return sums
