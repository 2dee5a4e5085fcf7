"""The gate on pictures and features made here: what it learns, says and reads back."""

import json

import numpy as np
import pytest

from pneumonia.errors import ModelError
from pneumonia.export.fit_gate import fit_gate
from pneumonia.inference.gate import (
    CORRECTIONS,
    REFUSALS,
    Gate,
    thumbnail,
    unlikeness_of,
)
from pneumonia.inference.lungs import Lungs
from pneumonia.inference.preprocessing import WHOLE, View

FEATURES, SIDE = 64, 32


def pictures(count: int, seed: int) -> np.ndarray:
    """Noisy "images", float32 (N, 32, 32): bright head above, one bright side."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE] / SIDE
    image = 60 * (rows < 0.3) + 40 * (columns > 0.6) * rows
    return (image + random.normal(0, 15, (count, SIDE, SIDE))).astype(np.float32)


def features(count: int, seed: int, way: int = 0) -> np.ndarray:
    """Positive features, float32 (N, 64), along a few directions that `way` draws."""
    random, ways = np.random.default_rng(seed), np.random.default_rng(way)
    spanned = random.uniform(0, 1, (count, 5)) @ ways.uniform(0, 1, (5, FEATURES))
    return (spanned + random.uniform(0, 0.1, spanned.shape)).astype(np.float32)


def view(inputs: np.ndarray) -> View:
    return View(inputs[:, :, 0], None, WHOLE, inputs)


def thumbnails(squares: np.ndarray) -> np.ndarray:
    return np.stack([thumbnail(square) for square in squares])


def fitted() -> Gate:
    return fit_gate(
        thumbnails(pictures(300, 1)),
        features(300, 1),
        features(50, 2, way=1),
        thumbnails(pictures(200, 3)),
        features(200, 3),
        np.zeros(200),
    )


@pytest.fixture(scope="module")
def gate():
    return fitted()


@pytest.fixture
def radiograph():
    """A radiograph of a patient that the gate never saw: inputs and its features."""
    square = pictures(1, 9)[0]
    return np.repeat(square[:, :, None], 3, axis=2), features(1, 9)[0]


def test_radiographs_pass_and_strangers_do_not(gate):
    unseen = thumbnails(pictures(400, 4))
    assert (gate.score(unseen, features(400, 4)) > 1).mean() < 0.03
    assert (gate.score(unseen, features(400, 4, way=7)) > 1).mean() > 0.97


def test_threshold_keeps_the_promised_share_of_unseen_radiographs(gate):
    scores = gate.score(thumbnails(pictures(200, 3)), features(200, 3))
    assert (scores * 1.05 <= 1).sum() == 199  # 99.5 % of 200, and a margin


def test_the_same_radiographs_give_the_same_gate(gate):
    assert fitted().to_bytes() == gate.to_bytes()


def test_radiograph_is_answered(gate, radiograph):
    score, look = gate.judge(view(radiograph[0]), radiograph[1], colour=0.0)
    assert 0 < score < 1
    assert look is None


def test_score_is_that_of_the_batch(gate, radiograph):
    inputs, pre_logits = radiograph
    together = gate.score(
        thumbnails(inputs[None, :, :, 0]), pre_logits[None], colour=0.2
    )
    assert gate.judge(view(inputs), pre_logits, 0.2)[0] == pytest.approx(together[0])


def test_exposure_and_scale_of_features_do_not_count(gate, radiograph):
    inputs, pre_logits = radiograph
    score, _ = gate.judge(view(inputs), pre_logits, 0.0)
    again, _ = gate.judge(view(inputs * 0.3 - 20), pre_logits * 7, 0.0)
    assert again == pytest.approx(score, rel=1e-3)


@pytest.mark.parametrize(
    ("change", "look"),
    [
        (lambda inputs: -inputs, "inverted"),
        (lambda inputs: np.rot90(inputs, 1), "turned left"),
        (lambda inputs: np.rot90(inputs, 3), "turned right"),
        (lambda inputs: np.rot90(inputs, 2), "upside down"),
    ],
)
def test_wrong_pose_is_refused_by_name(gate, radiograph, change, look):
    inputs, pre_logits = radiograph
    score, found = gate.judge(view(change(inputs)), pre_logits, 0.0)
    assert score > 1
    assert found == look


@pytest.mark.parametrize("look", CORRECTIONS)
def test_what_is_named_so_can_be_put_right(look):
    image = pictures(1, 9)[0].clip(0, 255).astype(np.uint8)
    wrong = {
        "inverted": 255 - image,
        "turned right": np.rot90(image, -1),
        "turned left": np.rot90(image),
        "upside down": image[::-1, ::-1],
    }
    np.testing.assert_array_equal(CORRECTIONS[look](wrong[look]), image)


def test_what_a_stranger_looks_like(gate, radiograph):
    inputs, _ = radiograph
    stranger = features(1, 9, way=7)[0]
    page = np.where(inputs > 50, inputs, 200).astype(np.float32)  # mostly one shade
    page[0] = -10
    air = np.where(inputs > 50, inputs, -10).astype(np.float32)  # the blackest may be
    assert gate.judge(view(inputs), stranger, 0.0)[1] == "other"
    assert gate.judge(view(inputs), stranger, 0.9)[1] == "coloured"
    assert gate.judge(view(page), stranger, 0.0)[1] == "flat"
    assert gate.judge(view(air), stranger, 0.0)[1] != "flat"


def test_colour_makes_strange(gate, radiograph):
    plain, coloured = (
        gate.judge(view(radiograph[0]), radiograph[1], colour)[0]
        for colour in (0.0, 1.0)
    )
    assert coloured - plain == pytest.approx(2.0 / gate.threshold)


@pytest.mark.parametrize("sentence", REFUSALS.values(), ids=REFUSALS)
def test_refusals_say_what_was_expected_what_was_found_and_what_to_do(sentence):
    assert sentence.startswith("Expected ")
    assert " found " in sentence and "ive " in sentence
    assert sentence.endswith(".")


def test_thumbnail_by_hand():
    square = np.zeros((32, 32), np.float32)
    square[:, 16:] = 255
    expected = np.tile([-1 / 16] * 8 + [1 / 16] * 8, 16)
    np.testing.assert_allclose(thumbnail(square), expected, atol=1e-6)
    assert not thumbnail(np.full((32, 32), 7, np.float32)).any()


def test_what_is_written_is_read(gate, radiograph):
    content = gate.to_bytes()
    again = Gate.from_bytes(content, FEATURES)
    assert again.to_bytes() == content
    assert again.judge(view(radiograph[0]), radiograph[1], 0.1) == gate.judge(
        view(radiograph[0]), radiograph[1], 0.1
    )


def test_gate_of_the_real_network_is_small():
    shapes = {"mean": 2048, "axes": (128, 2048), "turn": 128, "templates": (4, 256)}
    arrays = {name: np.ones(shape) for name, shape in shapes.items()}
    assert len(Gate(**arrays, spread=1.0, threshold=1.0).to_bytes()) < 1_000_000


def _with(**changes):
    """Replaces entries of gate.json; None removes one."""

    def change(values):
        values |= changes
        return {key: value for key, value in values.items() if value is not None}

    return change


def _array(name, **changes):
    return lambda values: {**values, name: {**values[name], **changes}}


@pytest.mark.parametrize(
    "change",
    [
        _with(mean=None),
        _with(threshold=None),
        _with(threshold=0),
        _with(threshold=float("nan")),
        _with(spread=-1),
        _with(spread=[]),
        _with(extra=1.0),
        _with(axes="none"),
        _array("axes", shape=[32, 32]),
        _array("axes", dtype="|O"),
        _array("turn", data="!"),
        _array("turn", data=""),
        _array("turn", shape=[-1, 2]),
        _array("templates", shape=[256, 4]),
        _array("mean", data=str("AADAfwAA" * 43)[:344]),
        lambda values: [],
    ],
)
def test_damaged_gate_is_a_model_error(gate, change):
    content = json.dumps(change(json.loads(gate.to_bytes()))).encode()
    with pytest.raises(ModelError, match="gate of the model folder cannot be read"):
        Gate.from_bytes(content, FEATURES)


@pytest.mark.parametrize("content", [b"", b"\xff", b"[" * 100_000])
def test_gate_that_is_no_json(content):
    with pytest.raises(ModelError, match="expected arrays for 64 features"):
        Gate.from_bytes(content, FEATURES)


def test_gate_of_another_network(gate):
    with pytest.raises(ModelError, match="expected arrays for 2048 features"):
        Gate.from_bytes(gate.to_bytes(), 2048)


def test_unlikely_lungs_are_evidence(gate, radiograph):
    small, pre_logits = thumbnails(radiograph[0][None, :, :, 0]), radiograph[1][None]
    lungs = [Lungs(np.zeros((64, 64)), (0, 0, 1, 1), share) for share in (3, 1, 0.5)]
    scores = [
        gate.score(small, pre_logits, unlikeness_of(one))[0] for one in (None, *lungs)
    ]
    assert scores[0] == scores[1] == scores[2] < scores[3]
