"""Keras == float32 graph, int8 close; a folder only appears when it is right."""

import dataclasses
import shutil

import numpy as np
import onnxruntime
import pytest

from pneumonia import load_predictor
from pneumonia.config import ModelConfig
from pneumonia.errors import ModelError
from pneumonia.export import export as module
from pneumonia.export import keras_to_onnx as compiler
from pneumonia.export.export import balance, export
from pneumonia.export.fit_calibration import fit_head
from pneumonia.export.groups import (
    Group,
    answer_all,
    cross_fitted,
    fit,
    fitting_groups,
    pooled,
)
from pneumonia.export.keras_to_onnx import compile_weights, export_onnx
from pneumonia.inference.calibration import calibrate
from pneumonia.inference.preprocessing import preprocess
from pneumonia.inference.runtime import Runtime
from tests.support.toy_model import toy_config, toy_images, toy_radiographs


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


@pytest.fixture(scope="module")
def graph(toy, tmp_path_factory):
    """The toy's float32 graph."""
    path = tmp_path_factory.mktemp("graph") / "model.onnx"
    export_onnx(toy, path)
    return path


def test_float32_graph_equals_keras(graph, inputs, expected):
    session = onnxruntime.InferenceSession(graph)
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


@pytest.fixture
def draft(toy, graph, monkeypatch):
    """Exports the toy from its float32 graph."""

    def run(folder):
        images, radiographs = toy_images(12), toy_radiographs(12)
        few, more = toy_images(4), toy_images(8)
        return export(toy, toy_config(), few, more, images, radiographs, folder)

    monkeypatch.setattr(
        module, "export_onnx", lambda model, path: shutil.copyfile(graph, path)
    )
    return run


def test_int8_parity_is_required(draft, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_INT8_TOLERANCE", 0.0)
    with pytest.raises(ModelError, match="int8 graph's probabilities"):
        draft(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_float32_parity_is_required(draft, tmp_path, monkeypatch):
    honest = module._run

    def drifted(*arguments):
        outputs = honest(*arguments)
        return dataclasses.replace(outputs, logits=outputs.logits + 0.01)

    monkeypatch.setattr(module, "_run", drifted)
    with pytest.raises(ModelError, match="float32 graph's logits"):
        draft(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(draft, tmp_path):
    (tmp_path / "precious").write_text("notes")
    with pytest.raises(ModelError, match="is not empty"):
        draft(tmp_path)
    assert (tmp_path / "precious").read_text() == "notes"


def test_thresholds_cover_the_validation_images(toy_folder):
    predictor = load_predictor(toy_folder)
    predictions = list(predictor.batch(toy_images(60)))
    normal = [p.probabilities["NORMAL"] for p in predictions[::3]]
    covered = np.mean(np.array(normal) >= predictor.config.thresholds["NORMAL"])
    assert covered >= 0.95


def test_balance_weighs_the_findings_alike(toy):
    """At the least cross-entropy, probabilities are as large as the weights."""
    images, head = toy_images(48, seed=5), toy.get_layer("predictions")
    labels, before = [0, 0, 0, 0, 0, 0, 1, 2] * 6, head.get_weights()
    radiographs = [
        dataclasses.replace(one, class_name=toy_config().class_names[label])
        for one, label in zip(toy_radiographs(48), labels, strict=True)
    ]
    groups = fitting_groups(radiographs, images, (), (), toy_config())
    assert [group.name for group in groups] == ["as it is", "changed"]
    assert len(groups[1].squares) == 6 * 48

    def answered():
        def logits(squares):
            inputs = np.stack([preprocess(one, toy_config()) for one in squares])
            return toy.predict(inputs, verbose=0)["logits"]

        return pooled(answer_all(groups, logits))

    try:
        raw, allowed, weights = answered()
        balance(toy, toy_config(), answer_all(groups, _precomputed(raw)))
        found, _, _ = answered()
    finally:
        head.set_weights(before)
    matrix, bias = fit_head(raw, allowed, np.array([0, 1, 1]), weights)
    np.testing.assert_allclose(found, raw @ matrix + bias, atol=0.02)
    shares = weights @ calibrate(found, 1.0) / weights.sum()
    np.testing.assert_allclose(shares, [0.5, 0.25, 0.25], atol=0.01)


def _precomputed(logits):
    """Answers in the order in which they were asked for."""
    rows = iter(logits)
    return lambda squares: np.stack([next(rows) for _ in squares])


def _group(name, positive, logits):
    positive = np.array(positive)
    allowed = np.where(positive[:, None], [[False, True, True]], [[True, False, False]])
    fold = np.arange(len(positive)) % 5
    return Group(name, (), allowed, positive, fold, np.array(logits, float))


def test_thresholds_keep_the_promise_in_every_group():
    """Another hospital's normals are called pneumonia: NORMAL is excluded less."""
    random = np.random.default_rng(0)
    positive = np.arange(200) % 2 == 1

    def logits(shift):
        odds = np.where(positive, 4, -4) + shift + random.normal(0, 1, 200)
        return np.stack([-odds, np.zeros(200), np.zeros(200)], axis=1)

    archive = [_group(name, positive, logits(0)) for name in ("as it is", "changed")]
    alone = fit(archive, toy_config())
    foreign = _group("abroad", positive, logits(4))
    both = fit([*archive, foreign], toy_config())
    assert both.temperature > alone.temperature
    assert both.thresholds["NORMAL"] < alone.thresholds["NORMAL"]
    normals = calibrate(foreign.logits, both.temperature)[~positive, 0]
    assert (normals >= both.thresholds["NORMAL"]).mean() >= 0.9
    judged = cross_fitted([*archive, foreign], toy_config())
    assert judged["abroad, NORMAL"]["images"] == 100
    assert judged["abroad, NORMAL"]["covered"] >= 0.85
    assert judged["as it is, PNEUMONIA"]["covered"] >= 0.9


def test_a_source_of_one_finding_weighs_as_much_as_another():
    groups = [
        _group("as it is", [True, False], np.zeros((2, 3))),
        _group("changed", [True, False] * 3, np.zeros((6, 3))),
        _group("one", [True] * 4, np.zeros((4, 3))),
        _group("other", [True, True, False], np.zeros((3, 3))),
    ]
    weights = np.split(pooled(groups)[2], [2, 8, 12])
    assert [w.sum() for w in weights] == pytest.approx([2, 2, 0.5, 1.5])
