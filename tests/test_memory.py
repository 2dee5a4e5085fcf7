"""Little memory: a file takes its own size; one image too many is one failed row."""

import os
import subprocess
import sys
import tracemalloc
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from pneumonia import ImageError, ModelError, load_predictor
from pneumonia.batch.rows import answer
from pneumonia.cli import main
from pneumonia.imaging import load, read_bytes
from pneumonia.imaging.files import find_files
from pneumonia.predictor import in_order

EXAMPLE = Path(__file__).parents[1] / "examples" / "normal_1.jpg"


def _fails(*_, **__):
    raise MemoryError


def _fails_as_onnx_runtime_does(*_, **__):
    raise RuntimeError("Non-zero status code. Status Message: std::bad_alloc")


@pytest.fixture
def predictor(toy_folder):
    return load_predictor(toy_folder)


@pytest.mark.parametrize("given", [nullcontext, lambda path: open(path, "rb")])
def test_a_file_is_read_by_its_size(given):
    with given(EXAMPLE) as source:
        tracemalloc.start()
        content = read_bytes(source)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert content == EXAMPLE.read_bytes()
    assert peak < 3 * 2**20, "128 MiB is the most that a file may have"


def test_a_file_that_grows_is_read_to_its_end(tmp_path, monkeypatch):
    (tmp_path / "1.bin").write_bytes(b"12345")
    whole = os.stat

    def stat(path):  # as it was before three bytes were added
        status = whole(path)
        return SimpleNamespace(st_mode=status.st_mode, st_size=2)

    monkeypatch.setattr(os, "stat", stat)
    assert read_bytes(tmp_path / "1.bin") == b"12345"


def test_an_image_too_large_for_memory_is_told_as_such(monkeypatch):
    monkeypatch.setattr(load, "open_image", _fails)
    with pytest.raises(ImageError, match="not enough memory"):
        load.load_image(EXAMPLE)


@pytest.mark.parametrize("fails", [_fails, _fails_as_onnx_runtime_does])
def test_one_image_is_one_failed_row_that_a_later_run_tries_again(
    predictor, monkeypatch, fails
):
    (file,) = find_files([str(EXAMPLE)])
    monkeypatch.setattr(predictor.runtime, "_session", SimpleNamespace(run=fails))
    row = answer(file, predictor, "m")
    assert row["status"] == "failed" and "not enough memory" in row["error"]
    assert row["bytes"] is row["modified"] is None


@pytest.mark.parametrize("place", ["known_answer", "session"])
def test_a_start_without_memory_is_told_as_such(toy_folder, monkeypatch, place):
    if place == "session":
        import onnxruntime

        monkeypatch.setattr(
            onnxruntime, "InferenceSession", _fails_as_onnx_runtime_does
        )
    else:
        monkeypatch.setattr(load, "open_image", _fails)
    with pytest.raises(ModelError, match="not enough memory") as caught:
        load_predictor(toy_folder)
    assert "export it again" not in str(caught.value)


def test_threads_that_cannot_be_started_are_a_lack_of_memory(monkeypatch):
    def fails(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("concurrent.futures.ThreadPoolExecutor.submit", fails)
    with pytest.raises(MemoryError):
        [*in_order(str, [1], workers=2, ahead=2)]


def test_the_command_line_says_so(monkeypatch, capsys):
    monkeypatch.setattr("pneumonia.predictor.load_predictor", _fails)
    assert main(["predict", str(EXAMPLE)]) == 2
    assert "not enough memory" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS")
def test_600_megabytes_are_enough(tmp_path):
    command = (
        f"ulimit -v 600000; exec {sys.executable} -m pneumonia batch {EXAMPLE} "
        f"--out {tmp_path / 'table.csv'} --workers 1"
    )
    # BLAS reserves memory for a thread of each core
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    done = subprocess.run(
        ["bash", "-c", command], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
