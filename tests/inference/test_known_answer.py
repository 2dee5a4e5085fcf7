"""A model that does not answer the sample as its config says is not served."""

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from pneumonia import ModelError, load_predictor
from pneumonia.cli import main
from pneumonia.config import ONNX_FILE, ModelConfig, fingerprint
from pneumonia.hub import BUNDLED
from pneumonia.inference.known_answer import (
    SAMPLE,
    TOLERANCE,
    answer,
    require_known_answer,
)
from pneumonia.inference.runtime import Runtime
from pneumonia.predictor import Predictor

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bundled():
    return load_predictor()


@pytest.fixture
def folder(toy_folder, tmp_path):
    """A copy of the toy's folder, to break."""
    return Path(shutil.copytree(toy_folder, tmp_path / "model"))


def rewritten(folder: Path, **values) -> Path:
    dataclasses.replace(ModelConfig.load(folder), **values).save(folder)
    return folder


def test_sample_is_made_of_our_composites_and_says_so():
    halves = [
        Image.open(ROOT / "examples" / name)
        .convert("L")
        .resize((224, 224), Image.Resampling.BILINEAR)
        for name in ("normal_3.jpg", "viral_1.jpg")
    ]
    mean = np.mean(halves, axis=0)
    with Image.open(SAMPLE) as sample:
        assert (sample.mode, sample.size) == ("L", (224, 224))
        for words in ("Composite", "not a patient's X-ray", "CC BY 4.0"):
            assert words in sample.info["Comment"]
        # decoders of JPEG may differ by a grey level
        difference = np.asarray(sample) - mean
    assert np.abs(difference).max() <= 2
    assert SAMPLE.stat().st_size < 30_000


def test_bundled_model_gives_its_known_answer_to_the_last_digit(bundled):
    """Int8 is the same on every processor; so a looser one would hide a change."""
    found = answer(bundled.runtime, bundled.config, bundled.finder)
    assert found == pytest.approx(bundled.config.known_answer, abs=2e-6)


def test_known_answer_says_something(bundled):
    """A saturated one would stay the same whatever went wrong."""
    values = bundled.config.known_answer.values()
    assert min(values) > TOLERANCE and max(values) < 0.7


def test_bundled_gate_lets_the_sample_through(bundled):
    prediction = bundled(SAMPLE)
    assert prediction.accepted is True
    known = bundled.config.known_answer
    assert prediction.probabilities["NORMAL"] == pytest.approx(
        known["NORMAL"], abs=1e-5
    )


def test_export_writes_the_answer_of_its_graph(toy_folder):
    config = ModelConfig.load(toy_folder)
    assert answer(Runtime(toy_folder, config), config) == config.known_answer
    assert load_predictor(toy_folder).config == config


def test_another_answer_is_refused(folder):
    known = ModelConfig.load(folder).known_answer
    (first, second, third) = known
    moved = {**known, first: known[first] + 0.06, second: known[second] - 0.06}
    rewritten(folder, known_answer=moved)
    with pytest.raises(ModelError) as caught:
        load_predictor(folder)
    sentence = str(caught.value)
    assert "does not answer as config.json promises, so it is not served" in sentence
    assert f"{first} {moved[first]:.3f}" in sentence
    assert f"{first} {known[first]:.3f}" in sentence
    assert str(folder) not in sentence


def test_small_difference_is_float32_and_served(folder):
    known = ModelConfig.load(folder).known_answer
    (first, second, third) = known
    moved = {**known, first: known[first] + 0.04, second: known[second] - 0.04}
    assert load_predictor(rewritten(folder, known_answer=moved))


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": 0.5},
        {"value_range": (0.0, 255.0)},
        {"value_range": (0.0, 1.0)},
        {"class_names": ("VIRAL", "BACTERIAL", "NORMAL")},
    ],
    ids=["temperature", "bytes", "unit", "classes"],
)
def test_config_that_does_not_belong_to_the_graph_is_refused(bundled, change):
    config = dataclasses.replace(bundled.config, **change)
    with pytest.raises(ModelError, match="does not answer as config.json promises"):
        require_known_answer(bundled.runtime, config, bundled.finder)


class Broken:
    """Stands in for a graph that loads and then goes wrong."""

    def __init__(self, logits):
        self.logits = np.array(logits, np.float32)

    def __call__(self, inputs):
        return self


@pytest.mark.parametrize("logits", [3 * [np.nan], [np.inf, 0, 0], [-np.inf] * 3])
def test_numbers_that_are_none_are_refused(bundled, logits):
    with pytest.raises(ModelError, match="found NORMAL nan"):
        require_known_answer(Broken([logits]), bundled.config)


@pytest.mark.parametrize("logits", [[[0.0, 1.0]], [3 * [0.0]] * 2, 0.0])
def test_another_shape_than_declared_is_refused(bundled, logits):
    with pytest.raises(ModelError, match="can be loaded but not run"):
        require_known_answer(Broken(logits), bundled.config)


def test_graph_that_fails_when_it_is_run_is_refused(folder):
    """The shapes agree when it is loaded, not when the numbers are there."""
    graph = onnx.load(folder / ONNX_FILE)
    for node in graph.graph.node:
        node.output[:] = ["inner" if n == "logits" else n for n in node.output]
        node.input[:] = ["inner" if n == "logits" else n for n in node.input]
    shape = onnx.helper.make_tensor("shape", onnx.TensorProto.INT64, [2], [7, 3])
    graph.graph.initializer.append(shape)
    reshape = onnx.helper.make_node("Reshape", ["inner", "shape"], ["logits"])
    graph.graph.node.append(reshape)
    (folder / ONNX_FILE).write_bytes(graph.SerializeToString())
    files = {ONNX_FILE: fingerprint((folder / ONNX_FILE).read_bytes())}
    with pytest.raises(ModelError, match="can be loaded but not run"):
        load_predictor(rewritten(folder, files=files))


def test_the_command_line_refuses_in_one_line(tmp_path, capsys):
    folder = shutil.copytree(BUNDLED, tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    config["known_answer"] = {"NORMAL": 0.98, "BACTERIAL": 0.01, "VIRAL": 0.01}
    (folder / "config.json").write_text(json.dumps(config))
    example = str(ROOT / "examples" / "normal_1.jpg")
    assert main(["predict", example, "--model", str(folder)]) == 2
    output, words = capsys.readouterr()
    (line,) = words.splitlines()
    assert not output and "does not answer as config.json promises" in line


def test_loading_asks_once(monkeypatch, toy_folder):
    asked = []
    monkeypatch.setattr(
        "pneumonia.predictor.require_known_answer", lambda *_: asked.append(1)
    )
    folder = load_predictor(toy_folder).folder
    Predictor(folder)(SAMPLE)
    assert len(asked) == 2


def test_of_a_model_folder_only_four_files_are_opened(tmp_path):
    """Whatever else lies there, and whatever else `config.json` lists."""
    folder = shutil.copytree(BUNDLED, tmp_path / "model")
    others = ("model.pkl", "model.keras", "train.py", "tokenizer.json", "x.bin")
    for name in others:
        (folder / name).write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    content = (folder / "x.bin").read_bytes()
    config = ModelConfig.load(folder)
    more = {name: fingerprint(content) for name in others}
    rewritten(folder, files={**config.files, **more})
    code = (
        "import sys, pneumonia, os\n"
        "seen = set()\n"
        "def look(event, arguments):\n"
        "    if event == 'open' and str(arguments[0]).startswith(sys.argv[1]):\n"
        "        seen.add(os.path.basename(arguments[0]))\n"
        "sys.addaudithook(look)\n"
        "pneumonia.load_predictor(sys.argv[1])(sys.argv[2])\n"
        "print(*sorted(seen))"
    )
    example = ROOT / "examples" / "normal_1.jpg"
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder), str(example)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    served = ["config.json", "gate.json", "lungs.onnx", "model.onnx"]
    assert done.stdout.split() == served
