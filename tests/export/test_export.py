"""Keras == float32 graph, int8 close; a folder only appears when it is right."""

import dataclasses

import numpy as np
import onnxruntime
import pytest

from pneumonia import load_predictor
from pneumonia.config import ModelConfig
from pneumonia.errors import ModelError
from pneumonia.evaluation.perturbations import LUNGS_BLACK, PERTURBATIONS
from pneumonia.export import export as module
from pneumonia.export import keras_to_onnx as compiler
from pneumonia.export.export import balance, export
from pneumonia.export.fit_calibration import fit_head
from pneumonia.export.keras_to_onnx import compile_weights, export_onnx
from pneumonia.inference.calibration import calibrate
from pneumonia.inference.preprocessing import preprocess
from pneumonia.inference.runtime import Runtime
from tests.support.toy_model import toy_config, toy_films, toy_images


@pytest.fixture(scope="module")
def inputs():
    images = toy_images(16, seed=3)
    return np.stack([preprocess(image, toy_config()) for image in images])


@pytest.fixture(scope="module")
def expected(toy, inputs):
    return toy.predict(inputs, verbose=0)


def test_folder_is_whole(toy_folder):
    names = {path.name for path in toy_folder.iterdir()}
    made = {"model.onnx", "model.weights.h5", "gate.json", "README.md", "report.json"}
    assert names == made | {"config.json"}
    config = ModelConfig.load(toy_folder)
    assert set(config.files) == names - {"config.json"}
    for name in config.files:
        config.verified(toy_folder, name)
    assert [path.name for path in toy_folder.parent.iterdir()] == ["toy"]


def test_float32_graph_equals_keras(toy, inputs, expected, tmp_path):
    export_onnx(toy, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    names = list(expected)
    for size in (1, 16):  # the batch dimension is free
        found = session.run(names, {"inputs": inputs[:size]})
        for name, values in zip(names, found, strict=True):
            np.testing.assert_allclose(values, expected[name][:size], atol=1e-4)


def test_int8_graph_is_close_to_keras(toy_folder, inputs, expected):
    config = ModelConfig.load(toy_folder)
    found = Runtime(toy_folder, config)(inputs)
    error = np.abs(calibrate(found.logits, 1) - calibrate(expected["logits"], 1))
    assert error.mean() < 0.01
    assert np.ptp(expected["logits"], axis=0).min() > 0.01  # it does say something


def test_int8_is_smaller_than_the_weights(toy_folder):
    from pneumonia.hub import BUNDLED

    assert (BUNDLED / "model.onnx").stat().st_size < 24e6
    assert (BUNDLED / "model.weights.h5").stat().st_size < 43e6


def test_weights_alone_are_compiled(toy, inputs, expected, tmp_path, monkeypatch):
    from pneumonia.training.model import save_weights

    monkeypatch.setattr(compiler, "build_model", lambda names, size: toy)
    save_weights(toy, tmp_path / "w.weights.h5")
    content = (tmp_path / "w.weights.h5").read_bytes()
    compile_weights(toy_config(), content, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    (found,) = session.run(["logits"], {"inputs": inputs})
    # kernels went through float16
    np.testing.assert_allclose(
        found, toy.predict(inputs, verbose=0)["logits"], atol=1e-3
    )


def _export(toy, folder):
    images, films = toy_images(12), toy_films(12)
    return export(
        toy, toy_config(), toy_images(4), toy_images(8), images, films, folder
    )


def test_int8_parity_is_required(toy, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_INT8_TOLERANCE", 0.0)
    with pytest.raises(ModelError, match="int8 graph's probabilities"):
        _export(toy, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_float32_parity_is_required(toy, tmp_path, monkeypatch):
    honest = module._run

    def drifted(*arguments):
        outputs = honest(*arguments)
        return dataclasses.replace(outputs, logits=outputs.logits + 0.01)

    monkeypatch.setattr(module, "_run", drifted)
    with pytest.raises(ModelError, match="float32 graph's logits"):
        _export(toy, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(toy, tmp_path):
    (tmp_path / "precious").write_text("notes")
    with pytest.raises(ModelError, match="is not empty"):
        _export(toy, tmp_path)
    assert (tmp_path / "precious").read_text() == "notes"


def test_thresholds_cover_the_validation_images(toy_folder):
    predictor = load_predictor(toy_folder)
    predictions = list(predictor.batch(toy_images(60)))
    normal = [p.probabilities["NORMAL"] for p in predictions[::3]]
    covered = np.mean(np.array(normal) >= predictor.config.thresholds["NORMAL"])
    assert covered >= 0.95


def test_balance_weighs_the_findings_alike(toy):
    """What the head says afterwards, worked out from what it said before."""
    images, head = toy_images(24, seed=5), toy.get_layer("predictions")
    labels, before = np.array([0, 0, 0, 0, 0, 0, 1, 2] * 3), head.get_weights()
    changes = [c for name, c in PERTURBATIONS.items() if name != LUNGS_BLACK]

    def logits():
        shown = [change(image) for change in changes for image in images]
        inputs = np.stack([preprocess(image, toy_config()) for image in shown])
        return toy.predict(inputs, verbose=0)["logits"]

    raw = logits()
    try:
        judged = balance(toy, toy_config(), images, labels, np.arange(24) // 8)
        found = logits()
    finally:
        head.set_weights(before)
    right, parts = [], np.arange(24) // 8
    for part in range(3):
        others = np.tile(parts != part, len(changes))
        known = np.tile(labels, len(changes))[others]
        weights = np.where(known == 0, 2 / 3, 2)
        matrix, bias = fit_head(raw[others], known, np.array([0, 1, 1]), weights)
        said = calibrate(raw[:24][parts == part] @ matrix + bias, 1.0)
        right.extend((said[:, 0] <= 0.5) == (labels[parts == part] != 0))
    assert judged["accuracy"] == pytest.approx(np.mean(right))
    labels = np.tile(labels, len(changes))
    weights = np.where(labels == 0, 2 / 3, 2)  # 18 and 6 of 24
    matrix, bias = fit_head(raw, labels, np.array([0, 1, 1]), weights)
    np.testing.assert_allclose(found, raw @ matrix + bias, atol=0.02)
    # at the least cross-entropy, probabilities are as large as the weights
    shares = (weights[:, None] * calibrate(found, 1.0)).mean(axis=0)
    np.testing.assert_allclose(shares, [0.5, 0.25, 0.25], atol=0.01)
