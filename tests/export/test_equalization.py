"""Equalising changes no answer in float32, only how well the ranges are used."""

import numpy as np
import onnx
import onnxruntime
import pytest

from pneumonia.export.equalization import equalize
from pneumonia.export.keras_to_onnx import export_onnx
from pneumonia.export.onnx_graph import activations, body, convolutions
from pneumonia.inference.preprocessing import preprocess
from tests.support.toy_model import toy_config, toy_images


@pytest.fixture(scope="module")
def graph(toy, tmp_path_factory):
    path = tmp_path_factory.mktemp("float32") / "model.onnx"
    export_onnx(toy, path)
    return onnx.load(path)


@pytest.fixture(scope="module")
def inputs():
    return np.stack([preprocess(image, toy_config()) for image in toy_images(6)])


def _run(graph, inputs):
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(["logits", "pre_logits", "logits_2d"], {"inputs": inputs})


def _copy(graph):
    copy = onnx.ModelProto()
    copy.CopyFrom(graph)
    return copy


def test_answers_stay(graph, inputs):
    equal = _copy(graph)
    equalize(equal, inputs)
    assert equal != graph
    for before, after in zip(_run(graph, inputs), _run(equal, inputs), strict=True):
        np.testing.assert_allclose(after, before, atol=2e-4)


def _spread(graph, inputs):
    """Of each inner convolution's output: largest over median channel maximum."""
    names = [node.input[0] for node in convolutions(graph)][1:]
    maxima = {name: 0 for name in names}
    for tensors in activations(graph, names, inputs):
        for name, values in tensors.items():
            maxima[name] = maxima[name] + np.abs(values).max(axis=(1, 2))
    return np.mean([m.max() / (np.median(m) + 1e-6) for m in maxima.values()])


def test_channels_become_alike(graph, inputs):
    equal = _copy(graph)
    equalize(equal, inputs)
    assert _spread(equal, inputs) < 0.8 * _spread(graph, inputs)


def test_a_wild_channel_is_tamed(graph, inputs):
    wild = _copy(graph)
    kernel = convolutions(wild)[3].input[1]
    array = next(a for a in wild.graph.initializer if a.name == kernel)
    values = onnx.numpy_helper.to_array(array).copy()
    values[0] *= 50
    array.CopyFrom(onnx.numpy_helper.from_array(values, kernel))
    before = _spread(wild, inputs)
    answers = _run(wild, inputs)
    equalize(wild, inputs)
    assert _spread(wild, inputs) < before / 2
    for found, expected in zip(_run(wild, inputs), answers, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_body_is_all_but_the_head(graph):
    kinds = [node.op_type for node in body(graph)]
    assert kinds.count("Conv") == len(convolutions(graph)) == 30
    assert kinds.count("Add") == 5  # four skips and one residual; not the head's biases
    assert kinds.count("MaxPool") == 4
