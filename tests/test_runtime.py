"""The compiled graph answers alike in any batch, and only if it is the right one."""

import dataclasses
import threading

import numpy as np
import onnx
import pytest
from toy import SIDE, toy_images

from pneumonia.config import ModelConfig, fingerprint
from pneumonia.errors import ModelError
from pneumonia.preprocessing import preprocess
from pneumonia.runtime import Runtime


@pytest.fixture(scope="module")
def config(toy_folder):
    return ModelConfig.load(toy_folder)


@pytest.fixture(scope="module")
def runtime(toy_folder, config):
    return Runtime(toy_folder, config)


@pytest.fixture(scope="module")
def inputs(config):
    return np.stack([preprocess(image, config) for image in toy_images(8, seed=5)])


def test_shapes_and_types(runtime, inputs):
    outputs = runtime(inputs)
    assert outputs.logits.shape == (8, 3)
    assert outputs.pre_logits.shape == (8, 32)
    assert outputs.logits_2d.shape[::3] == (8, 3)
    assert {v.dtype.name for v in dataclasses.astuple(outputs)} == {"float32"}


def test_map_averages_to_the_logits(runtime, inputs):
    outputs = runtime(inputs)
    mean = outputs.logits_2d.mean(axis=(1, 2))
    np.testing.assert_allclose(mean, outputs.logits, atol=1e-5)


def test_batch_of_one_equals_batch_of_eight(runtime, inputs):
    together = runtime(inputs)
    for index in range(8):
        alone = runtime(inputs[index : index + 1])
        np.testing.assert_allclose(alone.logits[0], together.logits[index], atol=1e-5)
    assert np.ptp(together.logits, axis=0).min() > 1e-3  # the images do differ


def test_threads_do_not_disturb_each_other(runtime, inputs):
    expected = [runtime(inputs[index : index + 1]).logits for index in range(8)]
    wrong = []

    def work(index):
        for _ in range(20):
            found = runtime(inputs[index : index + 1]).logits
            if not np.array_equal(found, expected[index]):
                wrong.append(index)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def _rewritten(toy_folder, folder, config, change):
    """A folder with a changed graph, and the config to match."""
    graph = onnx.load(toy_folder / "model.onnx")
    change(graph)
    content = graph.SerializeToString()
    (folder / "model.onnx").write_bytes(content)
    return dataclasses.replace(config, files={"model.onnx": fingerprint(content)})


def test_graph_with_another_output_is_refused(toy_folder, tmp_path, config):
    changed = _rewritten(toy_folder, tmp_path, config, lambda g: g.graph.output.pop())
    with pytest.raises(ModelError, match="gives .* expected"):
        Runtime(tmp_path, changed)


def test_graph_of_another_size_is_refused(toy_folder, config):
    with pytest.raises(ModelError, match=rf"\[{SIDE}, {SIDE}, 3\].*96, 96, 3"):
        Runtime(toy_folder, dataclasses.replace(config, image_size=96))


def test_graph_of_other_classes_is_refused(toy_folder, config):
    two = dataclasses.replace(
        config,
        class_names=("NORMAL", "VIRAL"),
        findings={"NORMAL": "NORMAL", "VIRAL": "PNEUMONIA"},
        known_answer={"NORMAL": 0.5, "VIRAL": 0.5},
    )
    with pytest.raises(ModelError, match="2 classes"):
        Runtime(toy_folder, two)


def test_what_is_no_graph_is_refused(tmp_path, config):
    (tmp_path / "model.onnx").write_bytes(b"not a graph")
    facts = fingerprint(b"not a graph")
    with pytest.raises(ModelError, match="cannot be loaded"):
        Runtime(tmp_path, dataclasses.replace(config, files={"model.onnx": facts}))


def test_altered_graph_is_refused(toy_folder, tmp_path, config):
    content = bytearray((toy_folder / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(ModelError, match="damaged or altered"):
        Runtime(tmp_path, config)
