"""config.json: one reader, and no silence about what it does not know."""

import dataclasses
import json
import os
from hashlib import sha256

import pytest

from pneumonia.config import CONFIG_FILE, ModelConfig
from pneumonia.errors import ModelError

VALUES = {
    "name": "toy",
    "version": "1.0.0",
    "class_names": ["NORMAL", "BACTERIAL", "VIRAL"],
    "findings": {"NORMAL": "NORMAL", "BACTERIAL": "PNEUMONIA", "VIRAL": "PNEUMONIA"},
    "image_size": 224,
    "value_range": [-1, 1],
    "resize": "stretch",
    "temperature": 1.5,
    "thresholds": {"NORMAL": 0.2, "PNEUMONIA": 0.3},
    "coverage": 0.95,
    "prior": {"NORMAL": 0.4, "PNEUMONIA": 0.6},
    "cam_limit": 8.0,
    "agreement": 0.2,
    "known_answer": {"NORMAL": 0.2, "BACTERIAL": 0.3, "VIRAL": 0.5},
    "files": {"model.onnx": {"sha256": sha256(b"graph").hexdigest(), "size": 5}},
    "dataset": "",
    "provenance": {"weights": "nobody's"},
}


def test_what_is_saved_is_loaded(tmp_path):
    config = ModelConfig.from_dict(VALUES)
    config.save(tmp_path)
    assert ModelConfig.load(tmp_path) == config
    assert json.loads((tmp_path / CONFIG_FILE).read_text()) == VALUES


def test_classes_of_a_finding():
    config = ModelConfig.from_dict(VALUES)
    assert config.classes_of("PNEUMONIA") == [1, 2]
    assert config.classes_of("NORMAL") == [0]


def test_config_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ModelConfig.from_dict(VALUES).temperature = 2.0


@pytest.mark.parametrize("key", VALUES)
def test_missing_key_is_named(key):
    values = {name: value for name, value in VALUES.items() if name != key}
    with pytest.raises(ModelError, match=f"missing keys \\['{key}'\\]"):
        ModelConfig.from_dict(values)


def test_unknown_key_is_named():
    with pytest.raises(ModelError, match="unknown keys \\['temprature'\\]"):
        ModelConfig.from_dict({**VALUES, "temprature": 1.0})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", None),
        ("version", 1),
        ("class_names", "NORMAL"),
        ("class_names", ["NORMAL"]),
        ("class_names", ["NORMAL", "NORMAL", "VIRAL"]),
        ("class_names", ["NORMAL", 2]),
        ("findings", {"NORMAL": "NORMAL"}),
        ("findings", {"NORMAL": "NORMAL", "BACTERIAL": "NORMAL", "VIRAL": "NORMAL"}),
        ("findings", {"NORMAL": [], "BACTERIAL": {}, "VIRAL": None}),
        ("findings", []),
        ("image_size", 16),
        ("image_size", 224.5),
        ("image_size", True),
        ("image_size", "224"),
        ("value_range", [1, -1]),
        ("value_range", [0, 1, 2]),
        ("value_range", 1),
        ("resize", "crop"),
        ("temperature", 0),
        ("temperature", float("nan")),
        ("temperature", "1"),
        ("thresholds", {"NORMAL": 0.2}),
        ("thresholds", {"NORMAL": 0.2, "PNEUMONIA": 1.2}),
        ("coverage", 1),
        ("cam_limit", -1),
        ("agreement", 1.5),
        ("known_answer", 0.5),
        ("known_answer", {"NORMAL": 1.0}),
        ("known_answer", {"NORMAL": 0.2, "BACTERIAL": 0.3, "VIRAL": 0.4}),
        ("known_answer", {"NORMAL": 2, "BACTERIAL": -1, "VIRAL": 0}),
        ("known_answer", {"NORMAL": float("nan"), "BACTERIAL": 0, "VIRAL": 0}),
        ("files", {"../model.onnx": {"sha256": "0" * 64, "size": 1}}),
        ("files", {"model.onnx": {"sha256": "0" * 63, "size": 1}}),
        ("files", {"model.onnx": {"sha256": None, "size": 1}}),
        ("files", {"model.onnx": {"sha256": "0" * 64, "size": -1}}),
        ("files", {"model.onnx": {"sha256": "0" * 64, "size": 1.5}}),
        ("files", {"model.onnx": {"sha256": "0" * 64, "size": 50_000_000_000}}),
        ("files", {"model.onnx": {"sha256": "0" * 64}}),
        ("files", {"model.onnx": "0" * 64}),
        ("files", {"model.onnx": None}),
        ("prior", None),
        ("prior", {"NORMAL": 0.4}),
        ("prior", {"NORMAL": 0, "PNEUMONIA": 1}),
        ("prior", {"NORMAL": 0.5, "PNEUMONIA": 0.6}),
        ("dataset", None),
        ("provenance", "somewhere"),
    ],
)
def test_impossible_value_is_named(key, value):
    with pytest.raises(ModelError, match=f"config.json: {key} should"):
        ModelConfig.from_dict({**VALUES, key: value})


@pytest.mark.parametrize("values", [None, [], "text", 3])
def test_json_that_is_no_object(values):
    with pytest.raises(ModelError, match="expected an object"):
        ModelConfig.from_dict(values)


def test_folder_without_config(tmp_path):
    with pytest.raises(ModelError, match="has no config.json"):
        ModelConfig.load(tmp_path)


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe\x00", b"[" * 100_000])
def test_no_json(tmp_path, content):
    (tmp_path / CONFIG_FILE).write_bytes(content)
    with pytest.raises(ModelError, match="cannot be read as JSON"):
        ModelConfig.load(tmp_path)


def test_verified_returns_the_bytes_that_it_checked(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"graph")
    assert ModelConfig.from_dict(VALUES).verified(tmp_path, "model.onnx") == b"graph"


@pytest.mark.parametrize("content", [b"", b"grap", b"Graph", b"graphs"])
def test_damaged_file_is_refused(tmp_path, content):
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(ModelError, match="damaged or altered"):
        ModelConfig.from_dict(VALUES).verified(tmp_path, "model.onnx")


def test_missing_and_unlisted_files(tmp_path):
    config = ModelConfig.from_dict(VALUES)
    with pytest.raises(ModelError, match="cannot be read"):
        config.verified(tmp_path, "model.onnx")
    with pytest.raises(ModelError, match="lists no model.weights.h5"):
        config.verified(tmp_path, "model.weights.h5")


@pytest.mark.parametrize("size", [1_000_001, 50_000_000_000])
def test_config_of_another_order_is_not_read(tmp_path, size):
    with open(tmp_path / CONFIG_FILE, "wb") as file:
        os.truncate(file.fileno(), size)  # holes: it takes no room here
    with pytest.raises(ModelError, match="more than 1,000,000 bytes"):
        ModelConfig.load(tmp_path)


def test_file_of_another_order_is_not_read(tmp_path):
    with open(tmp_path / "model.onnx", "wb") as file:
        os.truncate(file.fileno(), 50_000_000_000)
    with pytest.raises(ModelError, match="expected 5 bytes, .*, found more"):
        ModelConfig.from_dict(VALUES).verified(tmp_path, "model.onnx")
