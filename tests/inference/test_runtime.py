"""The compiled graph answers alike in any batch, and only if it is the right one."""

import dataclasses
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from pneumonia.config import ONNX_FILE, ModelConfig, fingerprint
from pneumonia.errors import ModelError
from pneumonia.inference.onnx_check import (
    DATA_LOCATION,
    EXTERNAL_DATA,
    PATHS,
    require_self_contained,
)
from pneumonia.inference.preprocessing import preprocess
from pneumonia.inference.runtime import Runtime
from tests.support.toy_model import SIDE, toy_images


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


def test_bytes_that_were_hashed_are_the_bytes_that_are_loaded(
    toy_folder, config, monkeypatch
):
    loaded = []
    note = lambda *arguments, **_: loaded.append(arguments)  # noqa: E731
    monkeypatch.setattr(onnxruntime, "InferenceSession", note)
    with pytest.raises(AttributeError):  # no session to look at
        Runtime(toy_folder, config)
    ((content, options),) = loaded
    assert type(content) is bytes
    assert fingerprint(content) == config.files[ONNX_FILE]
    # a file named in the options would be read as well
    entry = options.get_session_config_entry
    assert entry("session.load_model_format") == "ONNX"
    with pytest.raises(RuntimeError):
        entry("session.model_external_initializers_file_folder_path")


# --- arrays in other files -----------------------------------------------------------


def outside(location: str = "secret.bin") -> onnx.TensorProto:
    """Sixteen bytes of another file, as an array."""
    tensor = onnx.TensorProto(name="w", data_type=onnx.TensorProto.UINT8, dims=[16])
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", "16")):
        tensor.external_data.add(key=key, value=value)
    return tensor


def node_with(**attributes) -> onnx.NodeProto:
    return onnx.helper.make_node("Constant", [], ["w"], **attributes)


def a_graph(*nodes, arrays=()) -> onnx.GraphProto:
    return onnx.GraphProto(name="g", node=nodes, initializer=arrays)


def a_model(graph=None, **parts) -> onnx.ModelProto:
    return onnx.ModelProto(ir_version=8, graph=graph or a_graph(), **parts)


def sparse(values=None, indices=None) -> onnx.SparseTensorProto:
    return onnx.SparseTensorProto(values=values, indices=indices)


def branch(graph) -> onnx.NodeProto:
    return onnx.helper.make_node("If", ["c"], ["w"], then_branch=graph)


PLACES = {
    "initializer": lambda: a_model(a_graph(arrays=[outside()])),
    "sparse values": lambda: a_model(
        onnx.GraphProto(sparse_initializer=[sparse(values=outside())])
    ),
    "sparse indices": lambda: a_model(
        onnx.GraphProto(sparse_initializer=[sparse(indices=outside())])
    ),
    "attribute": lambda: a_model(a_graph(node_with(value=outside()))),
    "attributes": lambda: a_model(a_graph(node_with(values=[outside()]))),
    "sparse attribute": lambda: a_model(
        a_graph(node_with(sparse_value=sparse(values=outside())))
    ),
    "subgraph": lambda: a_model(a_graph(branch(a_graph(arrays=[outside()])))),
    "deep subgraph": lambda: a_model(
        a_graph(branch(a_graph(branch(a_graph(node_with(value=outside()))))))
    ),
    "function": lambda: a_model(
        functions=[onnx.FunctionProto(node=[node_with(value=outside())])]
    ),
    "training": lambda: a_model(
        training_info=[onnx.TrainingInfoProto(algorithm=a_graph(arrays=[outside()]))]
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_array_in_another_file_is_refused_wherever_it_hides(place):
    content = PLACES[place]().SerializeToString()
    with pytest.raises(ModelError, match="keeps arrays in other files"):
        require_self_contained(content)


@pytest.mark.parametrize(
    "location", ["secret.bin", "/etc/hostname", "../secret.bin", "*/_ORT_MEM_ADDR_/*"]
)
def test_file_beside_the_server_is_never_opened(
    toy_folder, tmp_path, config, monkeypatch, location
):
    """ONNX Runtime 1.32 alone opens the first of these, as the next test shows."""
    (tmp_path / "secret.bin").write_bytes(bytes(range(16)))
    monkeypatch.chdir(tmp_path)
    changed = _rewritten(
        toy_folder,
        tmp_path,
        config,
        lambda g: g.graph.initializer.append(outside(location)),
    )
    with pytest.raises(ModelError, match="keeps arrays in other files"):
        Runtime(tmp_path, changed)


def test_why_this_is_not_left_to_onnx_runtime(tmp_path, monkeypatch):
    """If this fails, ONNX Runtime has learnt to refuse; `onnx_file` may still stay."""
    (tmp_path / "secret.bin").write_bytes(bytes(range(100, 116)))
    monkeypatch.chdir(tmp_path)
    describe = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Gather", ["w", "i"], ["y"])],
        "g",
        [describe("i", onnx.TensorProto.INT64, [1])],
        [describe("y", onnx.TensorProto.UINT8, [1])],
        [outside()],
    )
    versions = [onnx.helper.make_opsetid("", 17)]
    model = onnx.helper.make_model(graph, opset_imports=versions, ir_version=8)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (found,) = session.run(["y"], {"i": np.array([3])})
    assert found == [103]


def test_every_way_to_an_array_is_known():
    """`PATHS` against the descriptors of onnx.proto, as `onnx` has them."""
    messages, left = {}, [onnx.ModelProto.DESCRIPTOR]
    while left:
        message = left.pop()
        if message.name not in messages:
            fields = [field for field in message.fields if field.message_type]
            messages[message.name] = {f.number: f.message_type.name for f in fields}
            left += [field.message_type for field in fields]
    leads = {"TensorProto"}
    for _ in messages:
        leads |= {
            name for name, fields in messages.items() if leads & {*fields.values()}
        }
    assert PATHS == {
        name: {
            number: target
            for number, target in messages[name].items()
            if target in leads and name != "TensorProto"
        }
        for name in leads
    }
    numbers = onnx.TensorProto.DESCRIPTOR.fields_by_name
    assert numbers["external_data"].number == EXTERNAL_DATA
    assert numbers["data_location"].number == DATA_LOCATION


@pytest.mark.parametrize(
    "content",
    [
        b"\x3a",  # a graph of no length
        b"\x3a\x05\x00",  # that ends before its length
        b"\x3a" + b"\xff" * 11,  # whose length has no end
        b"\x3b\x3c",  # a group
        b"\xba\x80\x80\x80\x10\x00",  # a graph's tag, and a bit that others drop
        b"\x08\x00\x00\x00ORTM\x00\x00",  # the beginning of ONNX Runtime's own format
        b"\x80\x02]q\x00.",  # a pickle
    ],
)
def test_what_is_no_onnx_is_refused(content):
    with pytest.raises(ModelError, match="it is no ONNX file"):
        require_self_contained(content)


@pytest.mark.parametrize("domain", ["evil.ops", "com.microsoft", "ai.onnx.training"])
def test_operators_of_others_are_refused(toy_folder, tmp_path, config, domain):
    """Nobody registers any here; ONNX Runtime's own EPContext would name a file."""

    def add(graph):
        graph.opset_import.append(onnx.helper.make_opsetid(domain, 1))
        node = onnx.helper.make_node("EPContext", ["inputs"], ["out"], domain=domain)
        node.attribute.append(onnx.helper.make_attribute("ep_cache_context", "x.bin"))
        graph.graph.node.append(node)

    changed = _rewritten(toy_folder, tmp_path, config, add)
    with pytest.raises(ModelError, match="cannot be loaded"):
        Runtime(tmp_path, changed)


@pytest.mark.parametrize("output", ["logits", "pre_logits", "logits_2d"])
def test_graph_of_other_ranks_is_refused(toy_folder, tmp_path, config, output):
    def flatten(model):
        graph = model.graph
        for node in graph.node:
            node.output[:] = ["inner" if n == output else n for n in node.output]
            node.input[:] = ["inner" if n == output else n for n in node.input]
        whole = onnx.helper.make_tensor("whole", onnx.TensorProto.INT64, [1], [-1])
        graph.initializer.append(whole)
        graph.node.append(
            onnx.helper.make_node("Reshape", ["inner", "whole"], [output])
        )
        (value,) = [value for value in graph.output if value.name == output]
        value.type.tensor_type.ClearField("shape")

    changed = _rewritten(toy_folder, tmp_path, config, flatten)
    with pytest.raises(ModelError, match="gives .* expected"):
        Runtime(tmp_path, changed)


# --- what a start leaves behind ------------------------------------------------------


def test_nothing_is_kept_for_the_maker_of_the_runtime(tmp_path):
    """ONNX Runtime 1.32 would write an identifier of this device into the home."""
    example = Path(__file__).parents[2] / "examples" / "normal_1.jpg"
    environment = {
        **{name: value for name, value in os.environ.items() if name[:4] != "XDG_"},
        "HOME": str(tmp_path),
        "TMPDIR": str(tmp_path),
    }
    del environment["ORT_DISABLE_TELEMETRY"]
    code = f"import pneumonia; print(pneumonia.predict({str(example)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=example.parents[1],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert not [*tmp_path.rglob("*")]
