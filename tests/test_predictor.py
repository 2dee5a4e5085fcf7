"""The pipeline as a whole, on the toy network and on the bundled model."""

import dataclasses
import io
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pneumonia
from pneumonia import ImageError, ModelError, OutOfScopeError, predictor
from pneumonia.config import GATE_FILE, ModelConfig
from pneumonia.inference.cam import agreement
from pneumonia.inference.gate import CORRECTIONS, REFUSALS
from tests.support import hostile_files
from tests.support.toy_model import toy_images

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.jpg"))


@pytest.fixture(scope="module")
def toy_predictor(toy_folder):
    return pneumonia.load_predictor(toy_folder)


@pytest.fixture(scope="module")
def bundled():
    return pneumonia.load_predictor()


@pytest.fixture
def radiograph(tmp_path):
    """A lossless file and its pixels."""
    (image,) = toy_images(1, seed=9)
    Image.fromarray(image).save(tmp_path / "image.png")
    return tmp_path / "image.png", image


def test_prediction_is_whole(toy_predictor, radiograph):
    path, image = radiograph
    prediction = toy_predictor(path)
    np.testing.assert_array_equal(prediction.image, image)
    assert prediction.cam.shape == image.shape
    assert prediction.cam.dtype == np.float32
    assert set(prediction.probabilities) == {"NORMAL", "PNEUMONIA"}
    assert sum(prediction.probabilities.values()) == pytest.approx(1)
    assert set(prediction.subtypes) == {"BACTERIAL", "VIRAL"}
    assert sum(prediction.subtypes.values()) == pytest.approx(1)
    assert prediction.verdict in ("NORMAL", "PNEUMONIA", "UNCERTAIN")
    assert prediction.refusal is prediction.error is None
    assert prediction.accepted is True
    assert prediction.ood_score <= 1


def test_prediction_is_frozen(toy_predictor, radiograph):
    with pytest.raises(dataclasses.FrozenInstanceError):
        toy_predictor(radiograph[0]).verdict = "NORMAL"


def test_numbers_are_those_of_the_graph(toy_predictor, radiograph):
    from pneumonia.inference.preprocessing import preprocess

    path, image = radiograph
    config = toy_predictor.config
    outputs = toy_predictor.runtime(preprocess(image, config)[None])
    odds = np.exp(outputs.logits[0].astype(float) / config.temperature)
    normal, bacterial, viral = odds / odds.sum()
    prediction = toy_predictor(path)
    assert prediction.probabilities["NORMAL"] == pytest.approx(normal)
    assert prediction.subtypes["VIRAL"] == pytest.approx(viral / (bacterial + viral))
    places = outputs.logits_2d[0]
    evidence = np.logaddexp(places[..., 1], places[..., 2]) - places[..., 0]
    assert prediction.cam.min() >= evidence.min() - 1e-4
    assert prediction.cam.max() <= evidence.max() + 1e-4
    assert prediction.cam.mean() == pytest.approx(evidence.mean(), abs=0.1)


def test_the_same_answer_for_path_bytes_file_image_and_array(toy_predictor, radiograph):
    path, image = radiograph
    content = path.read_bytes()
    sources = [path, str(path), content, io.BytesIO(content), Image.open(path), image]
    answers = [toy_predictor(source).probabilities for source in sources]
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize(
    "thresholds, verdict",
    [
        ({"NORMAL": 0.0, "PNEUMONIA": 0.0}, "UNCERTAIN"),  # both are possible
        ({"NORMAL": 1.0, "PNEUMONIA": 1.0}, "UNCERTAIN"),  # neither is likely
        ({"NORMAL": 0.5, "PNEUMONIA": 0.5}, "the likelier"),
    ],
)
def test_verdict_follows_the_thresholds(toy_folder, radiograph, thresholds, verdict):
    model = pneumonia.load_predictor(toy_folder)
    model.config = dataclasses.replace(model.config, thresholds=thresholds)
    prediction = model(radiograph[0])
    likelier = max(prediction.probabilities, key=prediction.probabilities.get)
    assert prediction.verdict == verdict.replace("the likelier", likelier)


def test_subtypes_of_a_very_sure_normal_are_numbers(toy_folder, radiograph):
    model = pneumonia.load_predictor(toy_folder)
    model.config = dataclasses.replace(model.config, temperature=1e-4)
    assert sum(model(radiograph[0]).subtypes.values()) == pytest.approx(1)


@pytest.mark.parametrize("workers", [1, 3])
def test_batch_keeps_order_and_survives_bad_files(
    toy_predictor, radiograph, tmp_path, workers
):
    path, image = radiograph
    (tmp_path / "bad.png").write_bytes(b"no image")
    flipped = np.ascontiguousarray(image[:, ::-1])
    sources = [path, tmp_path / "bad.png", flipped, tmp_path / "none.png", path]
    first, bad, second, missing, again = toy_predictor.batch(sources, workers)
    assert (
        first.probabilities == again.probabilities == toy_predictor(path).probabilities
    )
    assert second.probabilities == toy_predictor(flipped).probabilities
    assert second.probabilities != first.probabilities
    for failed in (bad, missing):
        assert failed.error
        assert failed.probabilities is failed.verdict is failed.image is None


@pytest.mark.parametrize("workers", [1, 3])
def test_batch_reads_at_once_what_may_change(toy_predictor, radiograph, workers):
    """An array that is used again, and a file that is closed after its turn."""
    path, image = radiograph
    reused = image.copy()

    def sources():
        yield reused
        reused[:] = 255 - image
        with open(path, "rb") as stream:
            yield stream
        yield reused

    first, second, third = toy_predictor.batch(sources(), workers)
    assert first.probabilities == second.probabilities
    np.testing.assert_array_equal(first.image, image)
    np.testing.assert_array_equal(third.image, 255 - image)


def test_batch_takes_a_source_when_it_is_its_turn(toy_predictor, radiograph, tmp_path):
    """A program may write its radiographs, one after the other, to one file."""
    path = tmp_path / "image.png"

    def sources():
        for image in (radiograph[1], 255 - radiograph[1], radiograph[1]):
            Image.fromarray(image).save(path)
            yield path

    first, second, third = toy_predictor.batch(sources())
    np.testing.assert_array_equal(first.image, third.image)
    np.testing.assert_array_equal(second.image, 255 - first.image)


def test_the_map_is_made_once_when_asked_for(toy_predictor, radiograph):
    prediction = toy_predictor(radiograph[0])
    assert "cam" not in vars(prediction)
    assert prediction.cam is prediction.cam
    assert prediction.cam.shape == radiograph[1].shape


def tiled(image):
    return np.tile(image[::3, ::3], (3, 3))[: image.shape[0], : image.shape[1]]


CHANGES = {
    "inverted": lambda image: 255 - image,
    "turned left": np.rot90,
    "turned right": lambda image: np.rot90(image, 3),
    "upside down": lambda image: np.rot90(image, 2),
    "coloured": lambda image: np.stack([tiled(image), image, 255 - image], axis=2),
    "flat": lambda image: np.where(image > 220, 0, 240).astype(np.uint8),
    "other": lambda image: tiled(image),
}


@pytest.mark.parametrize("look", CHANGES)
def test_what_is_no_radiograph_is_refused_with_the_reason(bundled, look):
    image = np.asarray(Image.open(EXAMPLES[0]).convert("L"))
    prediction = bundled(CHANGES[look](image))
    assert prediction.refusal == REFUSALS[look]
    assert prediction.accepted is False
    assert prediction.ood_score > 1
    assert prediction.image.size == image.size
    assert prediction.probabilities is prediction.subtypes is prediction.verdict is None
    assert prediction.cam is prediction.error is None


class ScriptedGate:
    """Judges one image after the other as it is scripted, and keeps what it saw."""

    def __init__(self, *looks):
        self.looks, self.seen = list(looks), []

    def judge(self, view, pre_logits, colour):
        self.seen.append((view.inputs, pre_logits))
        look = self.looks.pop(0)
        return 2.0 if look else 0.5, look


@pytest.mark.parametrize("look", CORRECTIONS)
@pytest.mark.parametrize(
    ("corrected", "named"), [(None, "the look"), ("other", "other"), ("flat", "other")]
)
def test_pose_is_named_only_where_its_correction_is_accepted(
    toy_folder, radiograph, look, corrected, named
):
    path, image = radiograph
    model = pneumonia.load_predictor(toy_folder)
    model.gate = ScriptedGate(None)
    model(path)
    ((inputs, pre_logits),) = model.gate.seen
    model.gate = ScriptedGate(look, corrected)
    prediction = model(CHANGES[look](image))
    assert prediction.refusal == REFUSALS[named.replace("the look", look)]
    assert prediction.ood_score == 2.0
    np.testing.assert_allclose(model.gate.seen[1][0], inputs, atol=1e-5)
    np.testing.assert_allclose(model.gate.seen[1][1], pre_logits, atol=1e-4)


@pytest.mark.parametrize(
    "change",
    [
        np.fliplr,
        lambda image: np.repeat(image[:, :, None], 3, axis=2),
        lambda image: np.stack([image * 0.9, image * 0.95, image], 2).astype(np.uint8),
        lambda image: (image * 0.6 + 40).astype(np.uint8),
        lambda image: np.pad(image, 60),
        lambda image: image[40:-20, 30:-30],
        lambda image: image[::3],
    ],
    ids=["mirrored", "RGB", "tinted", "faint", "framed", "cropped", "squeezed"],
)
def test_altered_radiograph_is_answered(bundled, change):
    image = np.asarray(Image.open(EXAMPLES[0]).convert("L"))
    assert bundled(change(image)).accepted is True


@pytest.mark.parametrize("shades", [2, 7, 8, 16])
def test_black_and_white_gets_no_answer(bundled, shades):
    """A chest of so few shades looks like one to the gate."""
    with Image.open(EXAMPLES[0]) as opened:
        image = np.asarray(opened.convert("L"))
    levels = image.astype(np.float64) * shades // 256 * 255 / (shades - 1)
    bundled.gate, gate = None, bundled.gate
    try:
        prediction = bundled(levels.astype(np.uint8))
    finally:
        bundled.gate = gate
    if shades < 8:
        assert f"found {shades} shades in all" in prediction.refusal
        assert prediction.accepted is False and prediction.probabilities is None
    else:
        assert prediction.refusal is None and prediction.probabilities


def as_dicom(path, **elements):
    """An example as a DICOM file of 12 bits whose header says more."""
    with Image.open(path) as opened:
        image = np.asarray(opened.convert("L")).astype(np.uint16) * 16
    return hostile_files.dicom(image, WindowCenter=2048, WindowWidth=4096, **elements)


def test_an_adults_radiograph_is_answered_without_a_promise(bundled):
    child = bundled(as_dicom(EXAMPLES[0], PatientAge="004Y"))
    assert not child.unfamiliar and child.caveats == ()
    assert child.verdict != "UNCERTAIN"
    adult = bundled(as_dicom(EXAMPLES[0], PatientAge="045Y"))
    assert adult.accepted is True and adult.unfamiliar is True
    assert adult.verdict == "UNCERTAIN"
    assert [caveat.code for caveat in adult.caveats] == ["adult"]
    assert "adult" in adult.caveats[0].sentence and "45" not in str(adult.caveats)
    assert adult.probabilities == child.probabilities
    np.testing.assert_array_equal(adult.cam_grid, child.cam_grid)


def test_contradictory_evidence_has_no_verdict(bundled):
    found, example = min((agreement(bundled(e).cam_grid), e) for e in EXAMPLES)
    config = bundled.config
    assert 0 < found < 1
    try:
        bundled.config = dataclasses.replace(config, agreement=found)
        plain = bundled(example)
        bundled.config = dataclasses.replace(config, agreement=found + 1e-6)
        doubtful = bundled(example)
    finally:
        bundled.config = config
    assert not plain.unfamiliar and doubtful.unfamiliar
    assert doubtful.verdict == "UNCERTAIN"
    assert [caveat.code for caveat in doubtful.caveats] == ["unfamiliar"]
    assert doubtful.probabilities == plain.probabilities


@pytest.mark.parametrize(
    "elements, words",
    [
        ({"ViewPosition": "LL"}, "lateral"),
        ({"BodyPartExamined": "HAND"}, "another part of the body"),
    ],
)
def test_what_a_file_itself_calls_no_frontal_chest_is_refused(bundled, elements, words):
    prediction = bundled(as_dicom(EXAMPLES[0], **elements))
    assert prediction.accepted is False and not prediction.unfamiliar
    assert words in prediction.refusal and "PNG" in prediction.refusal
    assert prediction.probabilities is prediction.verdict is prediction.cam is None
    assert prediction.image is not None
    with pytest.raises(OutOfScopeError, match=words):
        pneumonia.predict(as_dicom(EXAMPLES[0], **elements))


def _without_gate(toy_folder, folder):
    shutil.copytree(toy_folder, folder)
    config = ModelConfig.load(folder)
    files = {name: sha for name, sha in config.files.items() if name != GATE_FILE}
    dataclasses.replace(config, files=files).save(folder)
    return folder


def test_folder_without_a_gate_answers_everything(toy_folder, tmp_path):
    model = pneumonia.load_predictor(_without_gate(toy_folder, tmp_path / "model"))
    noise = np.random.default_rng(0).integers(0, 256, (80, 96), np.uint8)
    prediction = model(noise)
    assert prediction.verdict
    assert prediction.accepted is prediction.ood_score is None


def test_damaged_gate_stops_the_start(toy_folder, tmp_path):
    shutil.copytree(toy_folder, tmp_path / "model")
    (tmp_path / "model" / GATE_FILE).write_bytes(b"{}")
    with pytest.raises(ModelError, match="gate.json is damaged or altered"):
        pneumonia.load_predictor(tmp_path / "model")


def test_one_call_raises_what_a_batch_reports(toy_predictor):
    with pytest.raises(ImageError) as caught:
        toy_predictor(b"no image")
    (reported,) = toy_predictor.batch([b"no image"])
    assert reported.error == str(caught.value)


def test_bundled_model_answers_the_samples(bundled):
    assert len(EXAMPLES) >= 9
    for path, prediction in zip(EXAMPLES, bundled.batch(EXAMPLES), strict=True):
        expected = "NORMAL" if path.stem.startswith("normal") else "PNEUMONIA"
        assert prediction.verdict == expected, path.name
        if expected == "PNEUMONIA":
            likelier = max(prediction.subtypes, key=prediction.subtypes.get)
            assert path.stem.upper().startswith(likelier)


def test_normal_chest_looks_cold_and_a_diseased_one_hot(bundled):
    for path, prediction in zip(EXAMPLES, bundled.batch(EXAMPLES), strict=True):
        if path.stem.startswith("normal"):
            assert np.nanmean(prediction.cam) < 0, path.name
        else:
            assert np.nanmean(prediction.cam) > 0, path.name


def test_bundled_folder_is_what_its_config_says():
    folder = Path(pneumonia.__file__).parent / "pretrained"
    config = ModelConfig.load(folder)
    served = {"README.md", "model.onnx", "model.weights.h5", GATE_FILE}
    assert served <= set(config.files)
    for name in config.files:
        config.verified(folder, name)


def test_predict_gives_probabilities_of_the_default_model(bundled):
    answer = pneumonia.predict(EXAMPLES[0])
    assert answer == bundled(EXAMPLES[0]).probabilities
    assert list(answer.values()) == sorted(answer.values(), reverse=True)


def test_predict_loads_one_model_for_many_first_callers(monkeypatch):
    loaded = []

    def load():
        loaded.append(1)
        return lambda source: predictor.Prediction(probabilities={"NORMAL": 1.0})

    monkeypatch.setattr(
        predictor, "_default_predictor", predictor.functools.cache(load)
    )
    threads = [
        threading.Thread(target=pneumonia.predict, args=("x",)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loaded) == 1


def test_predict_raises_a_refusal(monkeypatch):
    refused = predictor.Prediction(refusal="This is a photograph.")
    monkeypatch.setattr(predictor, "_default_predictor", lambda: lambda source: refused)
    with pytest.raises(OutOfScopeError, match="This is a photograph."):
        pneumonia.predict("cat.png")


def test_environment_names_the_model(toy_folder, monkeypatch):
    monkeypatch.setenv("PNEUMONIA_MODEL", str(toy_folder))
    assert pneumonia.load_predictor().config.name == "toy"


def test_missing_model_is_a_sentence(tmp_path):
    with pytest.raises(ModelError, match="Expected a model folder"):
        pneumonia.load_predictor(str(tmp_path / "none"))
