"""The benchmarks of speed: they run, count right, and the README says what they saw."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from peak import multiply_adds
from samples import folder_of, sample
from speed import installed
from tables import replaced, speed_rows

from pneumonia import load_predictor
from pneumonia.hub import BUNDLED
from pneumonia.imaging import load_image

ROOT = Path(__file__).parents[2]


def test_the_readme_says_what_was_measured():
    text = (ROOT / "docs" / "speed.md").read_text(encoding="utf-8")
    assert replaced(text) == text


def test_a_missing_library_is_a_row_that_says_so():
    assert installed(("numpy", "no-such-library")) is None
    assert installed(("numpy",)) > 10
    figures = json.loads((ROOT / "benchmarks/speed/results/speed.json").read_text())
    figures["ways"]["LiteRT, float32"] = {"installed_mb": None}
    header, *rows = speed_rows(figures)
    (row,) = (row for row in rows if row[0] == "LiteRT, float32")
    assert row[1] == "not installed" and len(row) == len(header)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_our_way_answers_as_the_package_does(tmp_path):
    path = sample(tmp_path / "image.jpg")
    requests = [{"job": job, "files": [str(path)] * 2} for job in ("image", "folder")]
    script = ROOT / "benchmarks/speed/ways.py"
    ended = subprocess.run(
        [sys.executable, script, "ours", tmp_path],
        input="\n".join(map(json.dumps, requests)),
        capture_output=True,
        check=True,
        text=True,
    )
    one, many = map(json.loads, ended.stdout.splitlines())
    expected = load_predictor(BUNDLED)(path).probabilities["PNEUMONIA"]
    assert one["found"] == [expected] * 2 and len(one["seconds"]) == 2
    assert many["found"] == [expected]  # a file is answered once
    assert one["peak"] > 50


def test_images_are_of_the_size_that_is_said(tmp_path):
    paths = folder_of(tmp_path / "images", 13)
    assert len(set(paths)) == 13
    assert {load_image(path).shape for path in paths[::6]} == {(1000, 1300)}


def test_multiply_adds_by_hand(tmp_path):
    """Of a convolution, 2 -> 4 channels, 3 x 3, on 5 x 5, and a product, 4 -> 3."""
    arrays = [
        numpy_helper.from_array(np.zeros((4, 2, 3, 3), np.float32), "kernel"),
        numpy_helper.from_array(np.zeros((4, 3), np.float32), "weights"),
    ]
    nodes = [
        helper.make_node("Conv", ["inputs", "kernel"], ["a"], kernel_shape=[3, 3]),
        helper.make_node("GlobalAveragePool", ["a"], ["b"]),
        helper.make_node("Flatten", ["b"], ["c"]),
        helper.make_node("MatMul", ["c", "weights"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("inputs", TensorProto.FLOAT, ["N", 2, 7, 7])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 3])],
        arrays,
    )
    onnx.save(helper.make_model(graph), tmp_path / "small.onnx")
    assert multiply_adds(tmp_path / "small.onnx") == 4 * 2 * 9 * 25 + 4 * 3
