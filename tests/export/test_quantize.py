"""int8 is close to float32, and cannot overflow on a processor without VNNI."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from pneumonia.export.quantize import safe_steps
from pneumonia.hub import BUNDLED


def test_steps_of_neighbours_by_hand():
    # 100 + 27 fits 127 steps of 1; 100 + 100 needs steps of 200 / 127
    kernel = np.array([[100, 27, 1, 2], [100, 100, 1, 2], [100, -100, 0, 0]])
    steps = safe_steps(kernel[:, :, None, None].astype(np.float32))
    np.testing.assert_allclose(steps, [1, 200 / 127, 100 / 127], rtol=1e-6)


def test_steps_of_an_odd_number_of_channels():
    steps = safe_steps(np.array([1.0, 1.0, 127.0], np.float32).reshape(1, 3, 1, 1))
    np.testing.assert_allclose(steps, [1])


def test_steps_of_larger_and_of_depthwise_kernels():
    kernel = np.full((1, 2, 3, 3), 64, np.float32)
    np.testing.assert_allclose(safe_steps(kernel), [1])
    np.testing.assert_allclose(safe_steps(kernel[:, :1] * 127 / 64), [1])


def test_a_channel_of_zeros_has_a_step():
    assert safe_steps(np.zeros((1, 4, 1, 1), np.float32)) > 0


def _int8_kernels(folder):
    """Each quantised convolution's kernel, int8 (O, I, kh, kw), by its name."""
    graph = onnx.load(folder / "model.onnx").graph
    arrays = {array.name: array for array in graph.initializer}
    producers = {name: node for node in graph.node for name in node.output}
    for node in graph.node:
        if node.op_type == "Conv":
            source = producers[node.input[1]]
            assert source.op_type == "DequantizeLinear"
            yield node.name, numpy_helper.to_array(arrays[source.input[0]])


@pytest.mark.parametrize("model", ["bundled", "toy"])
def test_pair_sums_of_int8_weights_stay_in_16_bits(model, toy_folder):
    """vpmaddubsw adds two uint8 x int8 products into a saturating int16.

    The uint8 side is at most 255, so the weights alone decide.
    """
    count = 0
    for name, kernel in _int8_kernels(BUNDLED if model == "bundled" else toy_folder):
        assert kernel.dtype == np.int8
        count += 1
        if kernel.shape[1] == 1:
            continue  # depthwise: multiplied in 16 bits
        for side in (np.maximum(kernel, 0), np.maximum(-kernel.astype(int), 0)):
            rows = side.reshape(len(kernel), -1).astype(int)
            if kernel.shape[2:] == (1, 1):
                rows = np.pad(rows, ((0, 0), (0, rows.shape[1] % 2)))
                worst = (rows[:, 0::2] + rows[:, 1::2]).max()
            else:
                worst = np.sort(rows, axis=1)[:, -2:].sum(axis=1).max()
            assert 255 * worst <= 2**15 - 1, name
    assert count == (74 if model == "bundled" else 30)


def test_weights_use_most_of_their_bits():
    """A safe step must not have cost a whole bit: most kernels reach beyond 64."""
    largest = [
        np.abs(kernel.astype(int)).reshape(len(kernel), -1).max(axis=1)
        for _, kernel in _int8_kernels(BUNDLED)
        if kernel.shape[2:] == (1, 1)
    ]
    assert np.median(np.concatenate(largest)) > 90
