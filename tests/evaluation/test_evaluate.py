"""The report says what the served model answered, and how often it was right."""

import dataclasses
import hashlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pneumonia import Prediction, load_predictor
from pneumonia.cli import main
from pneumonia.config import GATE_FILE, ModelConfig
from pneumonia.dataset import Radiograph, read_radiographs
from pneumonia.errors import PneumoniaError
from pneumonia.evaluation.evaluate import evaluate, evaluate_folder
from pneumonia.evaluation.perturbations import PERTURBATIONS
from pneumonia.evaluation.report import REPORT_FILE
from pneumonia.evaluation.report_html import write_report
from pneumonia.inference.calibration import calibrate
from pneumonia.inference.preprocessing import preprocess
from tests.support.toy_model import toy_images

NAMES = [
    "NORMAL/IM-0115-0001.png",
    "NORMAL/NORMAL2-IM-0383-0001.png",
    "NORMAL/IM-0120-0001.png",
    "PNEUMONIA/person1_bacteria_1.png",
    "PNEUMONIA/person1_bacteria_2.png",
    "PNEUMONIA/person1_virus_6.png",
    "PNEUMONIA/person9_virus_7.png",
]


@pytest.fixture(scope="module")
def model(toy_folder, tmp_path_factory):
    """The toy's model folder without its gate: here every radiograph gets an answer."""
    folder = tmp_path_factory.mktemp("models") / "toy"
    shutil.copytree(toy_folder, folder)
    (folder / GATE_FILE).unlink()
    config = ModelConfig.load(folder)
    files = {name: config.files[name] for name in config.files if name != GATE_FILE}
    dataclasses.replace(config, files=files).save(folder)
    return folder


@pytest.fixture(scope="module")
def predictor(model):
    return load_predictor(model, threads=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Seven radiographs of six patients, the last two of equal pixels."""
    root = tmp_path_factory.mktemp("images")
    images = toy_images(len(NAMES), seed=7)
    images[-1] = images[-2]
    for name, image in zip(NAMES, images, strict=True):
        (root / name).parent.mkdir(exist_ok=True)
        Image.fromarray(image).save(root / name)
    return root


@pytest.fixture(scope="module")
def radiographs(folder):
    return read_radiographs(folder)


@pytest.fixture(scope="module")
def report(predictor, radiographs):
    return evaluate(predictor, radiographs, about="Toys.")


def test_every_radiograph_has_the_answer_that_a_user_gets(
    report, predictor, radiographs
):
    for radiograph, row in zip(radiographs, report["images"], strict=True):
        prediction = predictor(radiograph.path)
        assert row["label"] == radiograph.class_name
        assert row["verdict"] == prediction.verdict
        expected = prediction.probabilities["PNEUMONIA"]
        assert row["probability"] == pytest.approx(expected, rel=1e-5)
        normal, bacterial, viral = row["classes"]
        assert normal == pytest.approx(1 - expected, rel=1e-4)
        share = bacterial / (bacterial + viral)
        assert share == pytest.approx(prediction.subtypes["BACTERIAL"], rel=1e-4)


def test_uncalibrated_is_the_network_at_temperature_one(report, predictor, radiographs):
    inputs = preprocess(predictor(radiographs[0].path).image, predictor.config)
    classes = calibrate(predictor.runtime(inputs[None]).logits[0], 1.0)
    assert report["images"][0]["uncalibrated"] == pytest.approx(
        classes[1:].sum(), rel=1e-5
    )


def test_counts_and_rates_agree_with_the_rows(report):
    rows = report["images"]
    called = [row["probability"] >= 0.5 for row in rows]
    positive = [row["label"] != "NORMAL" for row in rows]
    (tn, fp), (fn, tp) = report["confusion"]["findings"]["counts"]
    pairs = list(zip(positive, called, strict=True))
    assert [tn, fp, fn, tp] == [
        pairs.count(pair)
        for pair in ((False, False), (False, True), (True, False), (True, True))
    ]
    found = report["figures"]["answered"]
    assert found["sensitivity"]["value"] == pytest.approx(tp / 4)
    assert found["specificity"]["value"] == pytest.approx(tn / 3, rel=1e-5)
    likeliest = [int(np.argmax(row["classes"])) for row in rows]
    names = report["confusion"]["classes"]["names"]
    right = [names[k] == row["label"] for k, row in zip(likeliest, rows, strict=True)]
    counts = np.array(report["confusion"]["classes"]["counts"])
    assert counts.trace() == sum(right)
    accuracy = report["classes"]["accuracy"]["value"]
    assert accuracy == pytest.approx(np.mean(right), rel=1e-5)


def test_verdicts_and_what_the_thresholds_let_through(report, predictor):
    """Where the thresholds exclude both, UNCERTAIN names no wrong finding."""
    rows, thresholds = report["images"], predictor.config.thresholds
    kept = [
        row["probability"] >= thresholds["PNEUMONIA"]
        if row["label"] != "NORMAL"
        else 1 - row["probability"] >= thresholds["NORMAL"]
        for row in rows
    ]
    fine = [
        row["verdict"] in ("UNCERTAIN", "NORMAL")
        if row["label"] == "NORMAL"
        else row["verdict"] != "NORMAL"
        for row in rows
    ]
    found = report["verdicts"]["all"]
    assert found["conformal"]["value"] == pytest.approx(np.mean(kept), rel=1e-5)
    assert found["covered"]["value"] == pytest.approx(np.mean(fine), rel=1e-5)


def test_data_are_described(report):
    data = report["data"]
    assert data["about"] == "Toys."
    assert data["images"] == 7 and data["patients"] == 6
    assert data["classes"] == {"NORMAL": 3, "BACTERIAL": 2, "VIRAL": 2}
    assert data["duplicates"] == 1
    assert data["widths"] == [96, 96]


def test_copies_count_once(report):
    rows = report["images"][:-1]
    right = [(r["probability"] >= 0.5) == (r["label"] != "NORMAL") for r in rows]
    found = report["figures"]["without duplicates"]["accuracy"]
    assert found["value"] == pytest.approx(np.mean(right), rel=1e-5)


def test_report_names_the_model_and_no_patient(report, predictor, radiographs):
    assert report["model"]["sha256"] == predictor.config.files["model.onnx"]["sha256"]
    text = json.dumps(report)
    for radiograph in radiographs:
        assert radiograph.path.name not in text and radiograph.patient not in text
    assert {row["patient"] for row in report["images"]} == set(range(6))


def test_images_that_are_read_already(report, predictor, radiographs):
    images = [predictor(one.path).image for one in radiographs]
    assert evaluate(predictor, radiographs, images, about="Toys.") == report


def test_pathogen_unknown(predictor, radiographs):
    unknown = [
        dataclasses.replace(one, class_name="PNEUMONIA")
        if one.class_name == "VIRAL"
        else one
        for one in radiographs
    ]
    report = evaluate(predictor, unknown)
    assert report["data"]["classes"]["PNEUMONIA"] == 2
    assert np.sum(report["confusion"]["classes"]["counts"]) == 5
    assert np.sum(report["confusion"]["findings"]["counts"]) == 7
    assert report["classes"]["pathogen recall"]["VIRAL"]["value"] is None


class Gated:
    """A predictor whose gate refuses the brighter half of what it sees."""

    def __init__(self, predictor, limit):
        self.predictor, self.limit = predictor, limit
        self.config, self.runtime = predictor.config, predictor.runtime
        self.finder = predictor.finder

    def __call__(self, source):
        answer = self.predictor(source)
        if answer.image.mean() <= self.limit:
            return dataclasses.replace(answer, ood_score=0.5, accepted=True)
        return Prediction(
            image=answer.image, ood_score=2.0, accepted=False, refusal="Bright."
        )


def test_refused_radiographs(report, predictor, radiographs):
    brightness = [predictor(one.path).image.mean() for one in radiographs]
    limit = np.median(brightness)
    gated = evaluate(Gated(predictor, limit), radiographs)
    silent = [k for k, value in enumerate(brightness) if value > limit]
    assert 0 < len(silent) == gated["data"]["refused"]
    assert gated["refused"] == [{"image": k, "reason": "Bright."} for k in silent]
    correct = []
    for row, free in zip(gated["images"], report["images"], strict=True):
        positive = row["label"] != "NORMAL"
        if row["image"] in silent:
            assert row["probability"] is None and row["classes"] == [None] * 3
            assert row["ood_score"] == 2.0
        else:
            assert row["probability"] == free["probability"]
            correct.append((row["probability"] >= 0.5) == positive)
    strict = gated["figures"]["refused counted as wrong"]["accuracy"]["value"]
    answered = gated["figures"]["answered"]["accuracy"]["value"]
    assert answered == pytest.approx(np.mean(correct), rel=1e-5)
    assert strict == pytest.approx(sum(correct) / 7, rel=1e-5)
    # what the network would have said is measured all the same
    under, free = (r["robustness"]["as it is"] for r in (gated, report))
    assert under["AUROC"] == free["AUROC"]
    assert under["refused"] == pytest.approx(len(silent) / 7, rel=1e-5)
    assert free["refused"] == 0


def test_all_refused(predictor, radiographs, tmp_path):
    gated = evaluate(Gated(predictor, limit=-1), radiographs)
    assert gated["data"]["refused"] == 7
    assert gated["figures"]["answered"]["accuracy"]["value"] is None
    assert gated["figures"]["refused counted as wrong"]["accuracy"]["value"] == 0
    assert gated["curves"]["roc"] is None and gated["worst"] == {
        "NORMAL": [],
        "PNEUMONIA": [],
    }
    write_report(gated, predictor, radiographs, tmp_path)
    assert "refused" in (tmp_path / "index.html").read_text()


def test_worst_errors_come_first(report):
    rows = {row["image"]: row for row in report["images"]}
    for finding, worst in report["worst"].items():
        wrong = [rows[one] for one in worst]
        surety = [abs(row["probability"] - 0.5) for row in wrong]
        assert surety == sorted(surety, reverse=True)
        for row in wrong:
            assert (row["label"] == "NORMAL") == (finding == "NORMAL")
            assert (row["probability"] >= 0.5) == (finding == "NORMAL")
    (_, fp), (fn, _) = report["confusion"]["findings"]["counts"]
    assert [len(worst) for worst in report["worst"].values()] == [fp, fn]


def test_parts_of_the_data(predictor):
    images = toy_images(44, seed=9)
    images[:22] = [image[:, :64] for image in images[:22]]
    names = [f"{'ward' if k % 2 else 'clinic'}{k}.png" for k in range(44)]
    radiographs = [
        Radiograph(Path(name), "NORMAL" if k < 11 else "VIRAL", name)
        for k, name in enumerate(names)
    ]
    groups = evaluate(predictor, radiographs, images)["subgroups"]
    assert {name: row["images"] for name, row in groups["file name"].items()} == {
        "clinic…": 22,
        "ward…": 22,
    }
    assert [*groups["width of the image"].items()][0][1]["images"] == 22
    assert groups["pathogen"] == {}  # VIRAL and all NORMAL are all radiographs


@pytest.mark.parametrize("change", PERTURBATIONS.values(), ids=PERTURBATIONS)
def test_changes_keep_shape_and_are_deterministic(change):
    image = toy_images(1)[0][:70, :61].copy()
    before = image.copy()
    changed = change(image)
    assert changed.shape == image.shape and changed.dtype == np.uint8
    np.testing.assert_array_equal(changed, change(image))
    np.testing.assert_array_equal(image, before)
    if change is not PERTURBATIONS["as it is"]:
        assert (changed != image).any()


def test_changes_do_what_they_say():
    image = toy_images(1)[0] // 2 + 60
    changed = {name: change(image) for name, change in PERTURBATIONS.items()}
    border, lungs = changed["border blacked out"], changed["lungs blacked out"]
    np.testing.assert_array_equal(border + lungs, image)  # each hides what one shows
    assert border[8:-8, 10:-10].all() and not border[:8].any()
    assert changed["gamma 0.7"].mean() > image.mean() > changed["gamma 1.4"].mean()
    assert changed["contrast 0.7"].std() < image.std() < changed["contrast 1.3"].std()
    assert changed["blur, sigma 1.5 px of 224"].std() < image.std()
    dot = np.zeros((101, 101), np.uint8)
    dot[50, 90] = 255
    height = {
        side: PERTURBATIONS[f"rotated 7° {side}"](dot).max(axis=1).argmax()
        for side in ("left", "right")
    }
    assert height["left"] < 50 < height["right"]  # counter-clockwise lifts the right


def _digests(folder):
    return {
        path: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()
    }


def test_command_line(capsys, folder, model, tmp_path, report):
    before, out = _digests(model), tmp_path / "report"
    arguments = [str(folder), "--out", str(out), "--model", str(model)]
    assert main(["evaluate", *arguments]) == 0
    output, words = capsys.readouterr()
    accuracy = report["figures"]["answered"]["accuracy"]["value"]
    assert re.search(rf"^accuracy +{accuracy:.3f}  ", output, re.MULTILINE)
    assert "Not a medical device" in words
    assert _digests(model) == before
    saved = json.loads((out / REPORT_FILE).read_text(encoding="utf-8"))
    assert saved["data"].pop("about") == f"All of {folder.name}."
    assert saved["figures"] == report["figures"] and saved["images"] == report["images"]


def test_page_shows_the_report_and_needs_no_network(folder, model, tmp_path):
    (folder / "NORMAL" / "IM-0130-0001.png").write_bytes(b"no image")
    try:
        report = evaluate_folder(folder, tmp_path / "r", model)
    finally:
        (folder / "NORMAL" / "IM-0130-0001.png").unlink()
    page = (tmp_path / "r" / "index.html").read_text(encoding="utf-8")
    linked = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert all((tmp_path / "r" / name).is_file() for name in linked)
    assert {"curves.svg", "scores.svg", "reliability.svg", "robustness.svg"} <= {
        *linked
    }
    shown = sum(name.startswith("errors/") for name in linked)
    assert shown == sum(map(len, report["worst"].values()))
    assert page.count("alt=") == page.count("<img")
    assert f"<b>{report['figures']['answered']['AUROC']['value']:.3f}</b>" in page
    assert "IM-0130-0001.png" in page and report["unreadable"][0]["reason"][:20] in page
    unread, read = report["unreadable"][0], {row["image"] for row in report["images"]}
    assert unread["image"] not in read
    for plot in (tmp_path / "r").glob("*.svg"):
        assert not re.search(r'(href|src)="(?!#)', plot.read_text(encoding="utf-8"))


def test_unreadable_radiographs_fail_the_exit_code(folder, model, tmp_path, capsys):
    (tmp_path / "data" / "NORMAL").mkdir(parents=True)
    good = (folder / NAMES[0]).read_bytes()
    (tmp_path / "data" / "NORMAL" / "a.png").write_bytes(good)
    (tmp_path / "data" / "NORMAL" / "b.png").write_bytes(good[:50])
    arguments = [
        str(tmp_path / "data"),
        "--out",
        str(tmp_path / "r"),
        "--model",
        str(model),
    ]
    assert main(["evaluate", *arguments]) == 1
    output, _ = capsys.readouterr()
    assert re.search(r"^AUROC +not measured$", output, re.MULTILINE)  # one class alone
    assert (tmp_path / "r" / "index.html").is_file()
    assert not (tmp_path / "r" / "curves.svg").exists()
    arguments[2] = str(tmp_path / "r2")
    assert main(["evaluate", *arguments, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["AUROC"]["value"] is None


def test_only_the_named_radiographs(folder, model, tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("IM-0115-0001.png\nperson1_virus_6.png\n")
    report = evaluate_folder(folder, tmp_path / "r", model, names)
    assert report["data"]["classes"] == {"NORMAL": 1, "VIRAL": 1}
    assert "names.txt" in report["data"]["about"]
    names.write_text("IM-9999-0001.png\n")
    with pytest.raises(PneumoniaError, match="1 of 1 names .*IM-9999"):
        evaluate_folder(folder, tmp_path / "s", model, names)
    with pytest.raises(PneumoniaError, match="none.txt cannot be read"):
        evaluate_folder(folder, tmp_path / "s", model, tmp_path / "none.txt")


def test_nothing_to_measure(predictor, model, tmp_path):
    with pytest.raises(PneumoniaError, match="found 0 files"):
        evaluate(predictor, [])
    (tmp_path / "NORMAL").mkdir()
    (tmp_path / "NORMAL" / "a.png").write_bytes(b"no image")
    with pytest.raises(PneumoniaError, match="found 1 files .* first: "):
        evaluate_folder(tmp_path, tmp_path / "r", model)
    assert not (tmp_path / "r").exists()


def test_nothing_is_overwritten(folder, model):
    with pytest.raises(PneumoniaError, match="toy is in use"):
        evaluate_folder(folder, model, model)
