"""The running app, as programs see it."""

import csv
import json
import os
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from html import escape
from pathlib import Path

import numpy as np
import pydicom
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError, ValidationError
from PIL import Image, ImageOps
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from pneumonia import ImageError, load_predictor
from pneumonia.inference.cam import overlay
from pneumonia.web.translations import translate

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(ROOT.glob("examples/*.jpg"))
LIMITS = ROOT / "examples" / "limits"


@pytest.fixture(scope="module")
def predictor():
    return load_predictor()


@pytest.fixture(scope="module")
def client(app, tmp_path_factory):
    downloads = tmp_path_factory.mktemp("downloads")
    return Client(
        app.url, verbose=False, analytics_enabled=False, download_files=str(downloads)
    )


@pytest.fixture(scope="module")
def deep():
    """A radiograph of 12 bits, uint16 (300, 400), as detectors write it."""
    small = Image.open(EXAMPLES[0]).convert("L").resize((400, 300))
    return np.asarray(small).astype(np.uint16) * 16


@pytest.fixture
def png_16_bit(deep, tmp_path):
    path = tmp_path / "deep.png"
    Image.fromarray(deep).save(path)
    return path


@pytest.fixture
def dicom(deep, tmp_path):
    """An inverted X-ray, named as hospitals do: without an ending."""
    meta = pydicom.dataset.FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset = pydicom.Dataset()
    dataset.file_meta = meta
    dataset.SOPClassUID, dataset.SOPInstanceUID = SecondaryCaptureImageStorage, "1.2.3"
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = *deep.shape, 1
    dataset.PhotometricInterpretation = "MONOCHROME1"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.PixelData = (4095 - deep).tobytes()
    path = tmp_path / "IM000001"
    dataset.save_as(path, enforce_file_format=True)
    return path


def wire(prediction):
    """The contract of /predict, worked out from the package's own answer."""
    confidences = [
        {"label": name, "confidence": pytest.approx(value)}
        for name, value in prediction.probabilities.items()
    ]
    return {"label": confidences[0]["label"], "confidences": confidences}


def test_endpoints_are_the_contract(client):
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert set(endpoints) == {"/predict", "/explain", "/assess", "/batch"}
    for name, endpoint in endpoints.items():
        given = ["files" if name == "/batch" else "image"]
        assert [p["parameter_name"] for p in endpoint["parameters"]] == given
        assert "Not a medical device" in endpoint["description"]
        assert len(endpoint["returns"]) == (2 if name == "/batch" else 1)


@pytest.mark.parametrize("path", EXAMPLES[::3], ids=lambda path: path.stem)
def test_predict_answers_like_the_package(client, predictor, path):
    answer = client.predict(image=handle_file(path), api_name="/predict")
    assert answer == wire(predictor(path))


@pytest.mark.parametrize("kind", ["dicom", "png_16_bit"])
def test_predict_reads_what_the_package_reads(client, predictor, request, kind):
    path = request.getfixturevalue(kind)
    answer = client.predict(image=handle_file(path), api_name="/predict")
    assert answer == wire(predictor(path))


@pytest.mark.parametrize("kind", ["dicom", "png_16_bit"])
def test_explain_draws_the_heatmap_at_full_size(client, predictor, request, kind):
    path = request.getfixturevalue(kind)
    png = client.predict(image=handle_file(path), api_name="/explain")
    prediction = predictor(path)
    expected = overlay(prediction.image, prediction.cam, predictor.config.cam_limit)
    with Image.open(png) as picture:
        assert picture.format == "PNG"
        np.testing.assert_array_equal(np.asarray(picture), expected)


@pytest.mark.parametrize("endpoint", ["/predict", "/explain"])
@pytest.mark.parametrize(
    "name, content",
    [
        ("secret.txt", b"a letter, not an image"),
        ("secret.jpg", EXAMPLES[0].read_bytes()[:9000]),
        ("secret.png", b"\x89PNG\r\n\x1a\n"),
        ("secret.dcm", b"\0" * 128 + b"DICM"),
        ("secret.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    ],
)
def test_unreadable_file_is_the_packages_sentence(
    app, client, predictor, tmp_path, endpoint, name, content
):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ImageError) as expected:
        predictor(path)
    with pytest.raises(AppError) as found:
        client.predict(image=handle_file(path), api_name=endpoint)
    assert str(found.value) == escape(str(expected.value), quote=False)
    log = app.log.read_text()
    assert "Traceback" not in log and "secret" not in log


@pytest.mark.parametrize("endpoint", ["/predict", "/explain"])
def test_refused_image_is_the_reason(client, predictor, tmp_path, endpoint):
    path = tmp_path / "negative.png"
    ImageOps.invert(Image.open(EXAMPLES[0]).convert("L")).save(path)
    with pytest.raises(AppError) as found:
        client.predict(image=handle_file(path), api_name=endpoint)
    assert str(found.value) == predictor(path).refusal


def test_no_file_is_a_sentence(client):
    with pytest.raises(ValidationError, match="an uploaded file as image"):
        client.predict(image=None, api_name="/predict")


@pytest.mark.parametrize("endpoint", ["/predict", "/explain"])
def test_error_is_in_the_language_of_the_caller(app, predictor, tmp_path, endpoint):
    letter, negative = tmp_path / "letter.png", tmp_path / "negative.png"
    letter.write_bytes(b"<a letter>")
    ImageOps.invert(Image.open(EXAMPLES[0]).convert("L")).save(negative)
    refusal = predictor(negative).refusal
    sentences = {None: refusal, "en": refusal, "fr,en;q=0.5": translate(refusal, "fr")}
    for language, sentence in sentences.items():
        headers = {"Accept-Language": language} if language else None
        caller = Client(
            app.url, headers=headers, verbose=False, analytics_enabled=False
        )
        with pytest.raises(AppError) as found:
            caller.predict(image=handle_file(negative), api_name=endpoint)
        assert str(found.value) == sentence
    with pytest.raises(AppError, match="reçu\u202f: une page web"):
        caller.predict(image=handle_file(letter), api_name=endpoint)


def test_many_at_once_get_their_own_answers(client, predictor):
    paths = EXAMPLES[:4] * 3
    with ThreadPoolExecutor(len(paths)) as pool:
        answers = pool.map(
            lambda path: client.predict(image=handle_file(path), api_name="/predict"),
            paths,
        )
        expected = [wire(prediction) for prediction in predictor.batch(paths)]
        assert [*answers] == expected


@pytest.mark.parametrize("path", [EXAMPLES[0], LIMITS / "uncertain.jpg"])
def test_assess_says_what_predict_cannot(client, predictor, path):
    answer = client.predict(image=handle_file(path), api_name="/assess")
    expected = predictor(path)
    assert answer == {
        "verdict": expected.verdict,
        "probabilities": pytest.approx(dict(expected.probabilities)),
        "subtypes": pytest.approx(dict(expected.subtypes)),
        "accepted": True,
        "unfamiliar": False,
        "caveats": [],
        "ood_score": pytest.approx(expected.ood_score),
        "model": f"{predictor.config.name} {predictor.config.version}",
        "revision": "bundled",
    }


def test_assess_names_the_reason_for_no_verdict(client):
    image = handle_file(LIMITS / "unfamiliar.dcm")
    answer = client.predict(image=image, api_name="/assess")
    assert (answer["verdict"], answer["unfamiliar"]) == ("UNCERTAIN", True)
    (caveat,) = answer["caveats"]
    assert caveat["code"] == "adult" and "adult" in caveat["sentence"]


@pytest.mark.parametrize(
    "name, outcome",
    [
        ("uncertain.jpg", "UNCERTAIN"),
        ("unfamiliar.dcm", "UNCERTAIN"),
        ("refused.jpg", None),
    ],
)
def test_samples_fail_as_their_captions_say(predictor, name, outcome):
    prediction = predictor(LIMITS / name)
    assert prediction.verdict == outcome
    assert prediction.unfamiliar == name.startswith("unfamiliar")
    assert bool(prediction.refusal) == name.startswith("refused")


def test_batch_is_a_table_and_a_csv_file(client, predictor, tmp_path):
    letter = tmp_path / "letter.txt"
    letter.write_text("a letter")
    files = [handle_file(EXAMPLES[0]), handle_file(letter)]
    table, csv_file = client.predict(files=files, api_name="/batch")
    with open(csv_file, newline="", encoding="utf-8") as stream:
        rows = [*csv.DictReader(stream)]
    assert [row["status"] for row in rows] == ["answered", "failed"]
    assert [row["file"] for row in rows] == [EXAMPLES[0].name, "letter.txt"]
    assert table["headers"] == [*rows[0]]
    assert float(rows[0]["PNEUMONIA"]) == pytest.approx(
        predictor(EXAMPLES[0]).probabilities["PNEUMONIA"]
    )


def test_row_opens_its_own_image_or_none():
    """A table may outlive its list, of which a file was taken away."""
    code = """
import app
from pneumonia.web import many, page
from pneumonia.web.server import FOLDER
FOLDER.mkdir(parents=True, exist_ok=True)
entries = []
for name in ("normal_1", "viral_1"):
    path = FOLDER / f"{name}.jpg"
    path.write_bytes((page.EXAMPLES / path.name).read_bytes())
    entries.append(many.entry(str(path), path.name, page.read(str(path))))
(FOLDER / "normal_1.jpg").unlink()
for number in (2, 1, 3, None):
    card = page.show_row(entries, number, "unknown", "en")[0]
    print("viral_1.jpg" in card, "no longer" in card, len(card) > 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.splitlines() == [
        "True False True",
        "False True True",
        *["False False False"] * 2,
    ], done.stderr


def test_settings_for_a_medical_demo(app):
    with urllib.request.urlopen(app.url + "/config") as response:
        config = json.load(response)
    assert config["analytics_enabled"] is False
    assert config["run_history"] is False
    assert config["show_error"] is False
    assert config["pwa"] is False
    assert config["max_file_size"] == 100 * 2**20
    assert config["footer_links"] == ["api"]
    words = json.dumps(config["components"])
    assert "deeplink" not in words.lower() and "Flag" not in words
    assert '"share"' not in words  # the button that posts an image to a forum


def test_model_that_cannot_be_loaded_stops_the_start(tmp_path):
    done = subprocess.run(
        [sys.executable, "app.py", "--model", tmp_path],
        cwd=ROOT,
        env={**os.environ, "PNEUMONIA_MODEL": str(ROOT / "pneumonia" / "pretrained")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("app.py: The model folder has no config.json.")
    assert "Traceback" not in done.stderr
