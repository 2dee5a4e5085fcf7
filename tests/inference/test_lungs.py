"""The lung finder: boxes and shapes by hand, the crop there and back, its caveats."""

import json
import shutil

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from pneumonia import load_predictor
from pneumonia.config import LUNGS_FILE, ModelConfig, fingerprint
from pneumonia.errors import ModelError
from pneumonia.inference.cam import outline, resize_map, share_outside
from pneumonia.inference.lungs import SHAPE, LungFinder, Lungs, box_of, shape_of
from pneumonia.inference.preprocessing import WHOLE, Crop, look_at
from tests.support.toy_model import toy_config

ROWS, COLUMNS = (np.mgrid[:224, :224] + 0.5) / 224


def chest(left: float = 0.3, right: float = 0.7) -> np.ndarray:
    """A drawn chest, uint8 (224, 224): two dark lungs on bright ground."""
    lungs = [
        ((COLUMNS - centre) / 0.11) ** 2 + ((ROWS - 0.45) / 0.25) ** 2 < 1
        for centre in (left, right)
    ]
    shade = 20 * ROWS  # a drawing of two shades would be refused as one
    return (np.where(lungs[0] | lungs[1], 40, 220) + shade).astype(np.uint8)


def two_lungs() -> np.ndarray:
    """Their mask, float (64, 64): columns 8 to 23 and 40 to 55, rows 16 to 47."""
    mask = np.zeros((64, 64))
    mask[16:48, 8:24] = mask[16:48, 40:56] = 1
    return mask


def finder_of(square: np.ndarray, limit: float = 10.0) -> bytes:
    """A graph that takes what is dark for lung; shapes like the square's are right."""
    nodes = [
        helper.make_node("Transpose", ["inputs"], ["a"], perm=[0, 3, 1, 2]),
        helper.make_node(
            "AveragePool", ["a"], ["b"], kernel_shape=[2, 2], strides=[2, 2]
        ),
        helper.make_node("Transpose", ["b"], ["c"], perm=[0, 2, 3, 1]),
        helper.make_node("Mul", ["c", "minus_ten"], ["mask"]),
    ]
    graph = helper.make_graph(
        nodes,
        "finder",
        [
            helper.make_tensor_value_info(
                "inputs", TensorProto.FLOAT, ["N", 128, 128, 1]
            )
        ],
        [helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["N", 64, 64, 1])],
        [helper.make_tensor("minus_ten", TensorProto.FLOAT, [], [-10.0])],
    )
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=9)
    facts = {
        "mean": json.dumps([0.0] * len(SHAPE)),
        "precision": json.dumps(np.eye(len(SHAPE)).tolist()),
        "limit": "1",
        "square_side": "224",
        "margin": "0.1",
    }
    helper.set_model_props(model, facts)
    found = LungFinder(model.SerializeToString())(square)
    facts["mean"] = json.dumps(shape_of(found.mask).tolist())
    facts["precision"] = json.dumps((1e4 * np.eye(len(SHAPE))).tolist())
    facts["limit"] = str(limit)
    del model.metadata_props[:]
    helper.set_model_props(model, facts)
    return model.SerializeToString()


@pytest.fixture(scope="module")
def finder():
    return LungFinder(finder_of(chest()))


def test_box_leaves_out_a_hundredth_of_the_mass_on_each_side():
    # in x: 32 equal columns with a gap; in y: 32 equal rows
    left, top, right, bottom = np.array(box_of(two_lungs())) * 64
    # the mass up to the middle of the first full column is 1/32 of it
    assert left == pytest.approx(8 - 0.5 + 32 * 0.01, abs=0.01)
    assert right == pytest.approx(55.5 - 32 * 0.01, abs=0.01)
    assert top == pytest.approx(16 - 0.5 + 32 * 0.01, abs=0.01)
    assert bottom == pytest.approx(47.5 - 32 * 0.01, abs=0.01)


def test_shape_by_hand():
    shape = dict(zip(SHAPE, shape_of(two_lungs()), strict=True))
    assert shape["area"] == pytest.approx(0.9 * 2 * 16 * 32 / 64**2, rel=1e-3)
    assert shape["imbalance"] == pytest.approx(0, abs=1e-6)
    assert shape["gap"] == 0
    assert shape["overlap"] == pytest.approx(1)
    assert shape["certainty"] == 1
    assert shape["confidence"] == pytest.approx(1, rel=1e-3)
    one = two_lungs()
    one[:, 32:] = 0
    assert dict(zip(SHAPE, shape_of(one), strict=True))["gap"] > 0.9


def test_nothing_there_is_no_error():
    assert np.isfinite(shape_of(np.zeros((64, 64)))).all()
    assert np.isfinite(shape_of(np.full((64, 64), 0.5))).all()


def test_the_lungs_are_found_and_cut_out(finder):
    view = look_at(chest(), toy_config(), finder)
    assert view.lungs.found
    expected = (0.19, 0.2, 0.81, 0.7)
    np.testing.assert_allclose(view.lungs.box, expected, atol=0.025)
    assert view.crop == Crop.around(view.lungs, 0.1)
    inside = view.inputs[:, :, 0]  # dark at both sides, bright between
    assert inside[32, 10] < -0.5 and inside[32, 53] < -0.5 and inside[32, 32] > 0.5


def test_a_larger_frame_shows_the_network_the_same(finder):
    """What the lung finder is for: the frame around the chest does not matter."""
    small = look_at(chest(), toy_config(), finder)
    framed = np.full((400, 300), 220, np.uint8)
    framed[100:324, 40:264] = chest()
    large = look_at(framed, toy_config(), LungFinder(finder_of(chest(), limit=50)))
    assert large.lungs.found
    difference = np.abs(small.inputs - large.inputs)
    assert np.median(difference) < 0.1 and difference.mean() < 0.2


def test_where_the_finder_is_unsure_the_whole_image_is_shown(finder):
    grey = np.tile(np.linspace(0, 255, 224).astype(np.uint8), (224, 1))
    view = look_at(grey, toy_config(), finder)
    assert not view.lungs.found
    assert view.crop == WHOLE


def test_a_crop_beyond_the_edge_is_black():
    shown = Crop(-0.5, 0, 0.5, 1).cut(np.full((100, 100), 200, np.uint8), 64)
    assert (shown[:, :30] == 0).all() and (shown[:, 34:] == 200).all()


def test_the_map_lies_on_the_crop_and_nowhere_else():
    grid = np.arange(4, dtype=np.float32).reshape(2, 2)
    cam = resize_map(grid, (100, 200), (0.25, 0.5, 0.75, 1.0))
    inside = np.zeros((100, 200), bool)
    inside[50:, 50:150] = True
    np.testing.assert_array_equal(np.isnan(cam), ~inside)
    np.testing.assert_allclose(cam[50:, 50:150], resize_map(grid, (50, 100)), atol=1e-5)


def test_evidence_outside_the_chest_is_told_from_evidence_within():
    mask, crop = two_lungs(), (0.0, 0.0, 1.0, 1.0)
    within = np.full((64, 64), -3.0)
    within[20:40, 26:38] = 5  # between the lungs: behind the heart
    outside = np.full((64, 64), -3.0)
    outside[56:, 10:50] = 5
    assert share_outside(within, mask, crop) == 0
    assert share_outside(outside, mask, crop) == 1
    assert share_outside(within - 9, mask, crop) == 0  # nothing speaks for it


def test_outline_follows_the_mask():
    picture = np.zeros((640, 640, 3), np.uint8)
    drawn = outline(picture, two_lungs().astype(np.float32)).any(axis=2)
    assert drawn[300, 78:84].any() and drawn[158:163, 120].any()
    assert not drawn[300, 100:200].any() and not drawn[:140].any()
    assert not picture.any()


@pytest.fixture
def folder(toy_folder, tmp_path):
    """The toy model with a finder that knows the drawn chest."""
    folder = tmp_path / "model"
    shutil.copytree(toy_folder, folder)
    content = finder_of(chest())
    (folder / LUNGS_FILE).write_bytes(content)
    values = json.loads((folder / "config.json").read_text())
    values["files"][LUNGS_FILE] = fingerprint(content)
    del values["files"]["gate.json"]  # it knows no chest
    ModelConfig.from_dict(values).save(folder)
    return folder


def test_predictor_looks_at_the_lungs(folder):
    prediction = load_predictor(folder)(chest())
    assert prediction.lungs.found
    assert 0.1 < np.isnan(prediction.cam).mean() < 0.9
    known = prediction.cam[~np.isnan(prediction.cam)]
    assert known.min() >= prediction.cam_grid.min() - 1e-4
    assert "lungs_not_found" not in [caveat.code for caveat in prediction.caveats]


def test_predictor_says_that_it_saw_no_lungs(folder):
    grey = np.tile(np.linspace(0, 255, 224).astype(np.uint8), (224, 1))
    prediction = load_predictor(folder)(grey)
    assert prediction.crop == WHOLE
    assert [caveat.code for caveat in prediction.caveats] == ["lungs_not_found"]
    assert not np.isnan(prediction.cam).any()


def test_an_altered_finder_is_not_served(folder):
    (folder / LUNGS_FILE).write_bytes(finder_of(chest(), limit=11))
    with pytest.raises(ModelError, match="lungs.onnx is damaged or altered"):
        load_predictor(folder)


@pytest.mark.parametrize("missing", ["mean", "limit", "margin"])
def test_a_graph_that_lacks_its_facts_is_no_finder(missing):
    model = onnx.load_from_string(finder_of(chest()))
    kept = {p.key: p.value for p in model.metadata_props if p.key != missing}
    del model.metadata_props[:]
    helper.set_model_props(model, kept)
    with pytest.raises(ModelError, match="no lung finder|not a lung finder"):
        LungFinder(model.SerializeToString())


def test_plausibility_halves_where_a_mask_is_twice_as_unlike():
    assert Lungs(np.zeros((64, 64)), (0, 0, 1, 1), 1.0).found
    assert not Lungs(np.zeros((64, 64)), (0, 0, 1, 1), 0.99).found
