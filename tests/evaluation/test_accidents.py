"""What cannot be measured or written is said in words, and before an hour's work."""

import subprocess
import sys

import pytest
from PIL import Image

from pneumonia.cli import main
from pneumonia.evaluation.evaluate import evaluate_folder
from tests.support.toy_model import toy_images


@pytest.fixture
def write(tmp_path):
    """Writes an image for each place, under `images`."""

    def images(*places):
        for place, image in zip(places, toy_images(len(places), seed=7), strict=True):
            path = tmp_path / "images" / place
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
        return tmp_path / "images"

    return images


@pytest.fixture
def evaluate(toy_folder, tmp_path, capsys):
    """Measures the toy on a folder; gives exit code, data and words."""

    def run(folder, *more):
        out = ["--out", str(tmp_path / "report"), "--model", str(toy_folder)]
        code = main(["evaluate", str(folder), *out, *more])
        return code, *capsys.readouterr()

    return run


def test_a_class_without_images_is_said_in_words(evaluate, write):
    code, data, words = evaluate(write("PNEUMONIA/a.png", "VIRAL/b.png"))
    assert code == 0
    assert "No image that was answered is labelled NORMAL, so specificity" in data
    assert "the accuracy is that of PNEUMONIA alone" in data
    assert "–" not in data


def test_what_was_read_and_left_out_is_one_table(evaluate, write, tmp_path):
    folder = write("Normaux/a.png", "VIRAL/b.png", "Autres/c.png", "Autres/d.png")
    code, data, words = evaluate(folder)
    assert code == 2 and "'Autres' (2)" in words and not data
    code, data, words = evaluate(folder, "--skip-unknown", "--json")
    assert code == 0 and data.startswith("{")
    assert words.splitlines()[:4] == [
        "  images             images",
        "       1  NORMAL",
        "       1  VIRAL",
        "       2  left out   Autres: no known class",
    ]
    about = "All of images, without 2 that could not be counted."
    assert about in (tmp_path / "report" / "index.html").read_text("utf-8")


def test_a_file_that_cannot_be_read_is_named(evaluate, write):
    folder = write("NORMAL/a.png", "VIRAL/b.png")
    (folder / "VIRAL" / "torn.dicom").write_bytes(b"torn")
    code, data, words = evaluate(folder)
    assert code == 1 and "torn.dicom: Expected" in words


def test_a_folder_that_cannot_be_opened_is_named(
    unprivileged, write, toy_folder, tmp_path
):
    folder = write("NORMAL/a.png", "VIRAL/b.png", "VIRAL/closed/c.png")
    (folder / "VIRAL" / "closed").chmod(0)
    command = [*unprivileged, sys.executable, "-m", "pneumonia", "evaluate", folder]
    command += ["--out", tmp_path / "report", "--model", toy_folder]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    finally:
        (folder / "VIRAL" / "closed").chmod(0o700)
    assert done.returncode == 1
    assert "VIRAL/closed: cannot be opened: Permission denied" in done.stderr
    assert "accuracy" in done.stdout


def test_what_cannot_be_written_is_told_before_anything_is_measured(
    evaluate, write, tmp_path, monkeypatch
):
    folder = write("NORMAL/a.png", "VIRAL/b.png")

    def denied(*_, **__):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr("tempfile.TemporaryFile", denied)
        patch.setattr("pneumonia.predictor.Predictor.__call__", None)
        code, data, words = evaluate(folder)
    assert code == 2 and "report cannot be written: Permission denied" in words
    assert not (tmp_path / "report").exists()


def test_a_disk_that_is_full_at_the_end_costs_no_figure(
    evaluate, write, monkeypatch, tmp_path
):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    folder = write("NORMAL/a.png", "VIRAL/b.png")
    with monkeypatch.context() as patch:
        patch.setattr(sys.modules[evaluate_folder.__module__], "write_report", full)
        code, data, words = evaluate(folder)
    assert code == 2 and "sensitivity" in data
    assert "report was not written whole: No space left" in words
