"""What may not be read or written is said: a failed row, or a sentence at the start."""

import csv
import subprocess
import sys

import pytest
from PIL import Image

from pneumonia.cli import main
from tests.support.toy_model import toy_images


@pytest.fixture
def example(tmp_path):
    """An image that the toy's gate lets through."""
    path = tmp_path / "example.png"
    Image.fromarray(toy_images(1)[0]).save(path)
    return path


@pytest.fixture
def batch(unprivileged, toy_folder, tmp_path):
    """Runs `batch` on inputs, as a user whom permissions hold; the table is `out`."""

    def run(*inputs):
        command = [sys.executable, "-m", "pneumonia", "batch", *map(str, inputs)]
        command += ["--out", str(run.out), "--model", str(toy_folder)]
        done = subprocess.run(
            [*unprivileged, *command], capture_output=True, text=True, timeout=300
        )
        assert "Traceback" not in done.stderr
        return done

    run.out = tmp_path / "table" / "out.csv"
    run.out.parent.mkdir()
    return run


@pytest.fixture
def archive(tmp_path, example):
    """Two radiographs, one in a folder of its own."""
    for name in ("archive/1.jpg", "archive/closed/2.jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(example.read_bytes())
    return tmp_path / "archive"


def _rows(out):
    with out.open(encoding="utf-8", newline="") as stream:
        return [*csv.DictReader(stream)]


@pytest.mark.parametrize("given", ["", "closed", "closed/2.jpg", "closed/*.jpg"])
def test_a_folder_that_cannot_be_listed_is_a_failed_row(batch, archive, given):
    closed = archive / "closed"
    closed.chmod(0)
    try:
        done = batch(archive / given)
    finally:
        closed.chmod(0o700)
    assert done.returncode == 1
    (failed,) = (row for row in _rows(batch.out) if row["status"] == "failed")
    assert "closed" in failed["file"] and "Permission denied" in failed["error"]
    assert len(_rows(batch.out)) == (2 if not given else 1)
    if not given:  # and once it can, nothing is lost
        assert batch(archive).returncode == 0
        assert sum(row["status"] == "answered" for row in _rows(batch.out)) == 2


@pytest.mark.parametrize("place, mode", [("out", 0), ("out", 0o444), ("folder", 0o555)])
def test_a_table_that_may_not_be_gone_on_with_is_a_sentence(
    batch, archive, place, mode
):
    assert batch(archive / "1.jpg").returncode == 0
    before = batch.out.read_bytes()
    closed = batch.out if place == "out" else batch.out.parent
    usual = closed.stat().st_mode
    closed.chmod(mode)
    try:
        done = batch(archive)
    finally:
        closed.chmod(usual)
    assert done.returncode == 2 and done.stderr.count("\n") == 2
    assert "out.csv cannot be read or written: Permission denied" in done.stderr
    assert batch.out.read_bytes() == before
    assert [path.name for path in batch.out.parent.iterdir()] == ["out.csv"]


def test_a_disk_that_is_full_when_a_table_is_gone_on_with(
    toy_folder, tmp_path, monkeypatch, capsys, example
):
    out = tmp_path / "out.csv"
    command = ["batch", str(example), "--out", str(out), "--model", str(toy_folder)]
    assert main(command) in (0, 1)
    before = out.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pneumonia.batch.tables.os.replace", full)
    assert main(command) == 2
    assert "No space left" in capsys.readouterr().err
    assert out.read_bytes() == before
