"""Files found in an order that is always the same, and a row for each."""

import importlib
import os
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import fsspec
import pytest

from pneumonia import PneumoniaError, load_predictor
from pneumonia.batch.rows import ARCHIVE_COLUMNS, answer, answer_all, model_name
from pneumonia.imaging.files import File, find_files

batch_rows = importlib.import_module("pneumonia.batch.rows")  # a function's name, too
EXAMPLES = Path(__file__).parents[2] / "examples"
IMAGE = (EXAMPLES / "normal_1.jpg").read_bytes()


@pytest.fixture(scope="module")
def predictor():
    return load_predictor(threads=1)


@pytest.fixture
def archive(tmp_path):
    """A folder as hospitals and people leave them."""
    files = {
        "b/2.jpg": IMAGE,
        "b/1": IMAGE,
        "a.png": b"no image",
        "empty": b"",
        "b/notes.txt": b"notes",
        "DICOMDIR": b"\0" * 128 + b"DICM",
        "disguised.txt": IMAGE,
        ".hidden.jpg": IMAGE,
        ".folder/x.jpg": IMAGE,
    }
    for name, content in files.items():
        path = tmp_path / "archive" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "archive"


def _names(files, root):
    return [file.name.removeprefix(f"{root}/") for file in files]


def test_a_folder_is_walked_in_order(archive):
    files = find_files([str(archive)])
    found = "DICOMDIR a.png disguised.txt empty b/1 b/2.jpg b/notes.txt".split()
    assert _names(files, archive) == found
    assert files == find_files([str(archive)])
    assert files[1].bytes == 8 and files[1].modified.endswith("+00:00")


def test_each_file_once_and_never_the_table_itself(archive):
    inputs = [str(archive), str(archive / "b"), str(archive / "b" / "*")]
    assert find_files(inputs) == find_files([str(archive)])
    names = _names(find_files(inputs, leave_out=str(archive / "b")), archive)
    assert names == ["DICOMDIR", "a.png", "disguised.txt", "empty"]
    beside = find_files(inputs, leave_out=str(archive / "b" / "notes"))
    assert "b/notes.txt" in _names(beside, archive)  # begins alike, no more


def test_patterns(archive):
    assert _names(find_files([f"{archive}/**/*.jpg"]), archive) == ["b/2.jpg"]
    assert _names(find_files([f"{archive}/[b]"]), archive)[0] == "b/1"


@pytest.mark.parametrize("missing", ["none", "none/*.png", "memory://none/*"])
def test_what_is_not_there_is_told(tmp_path, missing):
    path = missing if "://" in missing else str(tmp_path / missing)
    with pytest.raises(PneumoniaError, match="found no file"):
        find_files([path])


def test_url_of_an_unknown_kind():
    with pytest.raises(PneumoniaError, match="fsspec"):
        find_files(["nonsense://images"])


def test_rows_of_an_archive(archive, predictor):
    files = find_files([str(archive)])
    rows = [answer(file, predictor, "m 1") for file in files]
    known = {Path(row["file"]).name: row["status"] for row in rows if row}
    assert known == {
        "a.png": "failed",
        "disguised.txt": "answered",
        "empty": "failed",
        "1": "answered",
        "2.jpg": "answered",
    }
    for row in filter(None, rows):
        assert set(row) == set(ARCHIVE_COLUMNS) and row["model"] == "m 1"
        assert row["bytes"] == os.path.getsize(row["file"])


def test_what_is_named_gets_a_row_whatever_it_is(archive, predictor):
    (file,) = find_files([str(archive / "b" / "notes.txt")])
    assert answer(file, predictor, "m")["status"] == "failed"


def test_a_file_that_cannot_be_read_is_tried_again(archive, predictor):
    (file,) = find_files([str(archive / "b" / "1")])
    os.remove(file.path)
    row = answer(file, predictor, "m")
    assert row["status"] == "failed" and "cannot be opened" in row["error"]
    assert row["bytes"] is row["modified"] is None


def test_a_folder_that_cannot_be_listed_is_a_failed_row(predictor):
    closed = File("scans/b", None, None, problem="Permission denied")
    row = answer(closed, predictor, "m")
    assert row["file"] == "scans/b" and row["status"] == "failed"
    assert "cannot be opened: Permission denied" in row["error"]
    assert row["bytes"] is row["modified"] is None  # a later run tries again


def test_archive_behind_a_url(archive, predictor):
    memory = fsspec.filesystem("memory")
    memory.pipe({"/images/1.jpg": IMAGE, "/images/.x/2.jpg": IMAGE, "/images/z": b"z"})
    first, other = find_files(["memory://images"])
    assert first.name == "memory:///images/1.jpg" and first.bytes == len(IMAGE)
    row = answer(first, predictor, "m")
    local = answer(File(str(EXAMPLES / "normal_1.jpg"), 1, ""), predictor, "m")
    assert row["PNEUMONIA"] == local["PNEUMONIA"]
    assert answer(other, predictor, "m") is None
    assert first.modified and find_files(["memory://images/*.jpg"]) == [first]
    memory.rm("/images/1.jpg")
    assert answer(first, predictor, "m")["bytes"] is None


def test_errors_of_a_file_systems_own_become_words(predictor, monkeypatch):
    class NoCredentials(Exception):
        pass

    def fails(*_, **__):
        raise NoCredentials("none")

    monkeypatch.setattr(fsspec, "open", fails)
    row = answer(File("s3://images/1.jpg", 7, "then"), predictor, "m")
    assert row["status"] == "failed" and "NoCredentials" in row["error"]
    monkeypatch.setattr(fsspec, "url_to_fs", fails)
    with pytest.raises(PneumoniaError, match="fsspec can open"):
        find_files(["s3://images"])


def test_threads_keep_the_order(archive, predictor):
    files = find_files([str(EXAMPLES)])
    rows = [*answer_all(files, predictor, workers=3)]
    assert rows == [answer(file, predictor, model_name(predictor)) for file in files]


def test_as_many_work_as_there_are_processors_for_this_process(monkeypatch):
    at_once = []

    def in_order(work, items, workers, ahead):
        at_once.append(workers)
        return iter(())

    monkeypatch.setattr(batch_rows, "in_order", in_order)
    monkeypatch.setattr(batch_rows, "processors", lambda: 2)
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    predictor = SimpleNamespace(config=SimpleNamespace(name="", version="", digest=""))
    answer_all([], predictor)
    answer_all([], predictor, workers=3)
    assert at_once == [2, 3]


@pytest.mark.parametrize(
    "sizes, most",
    [([60, 60, 30, None, 90, 128, 1, 1, 120], 128), ([50, 2000, 50, 50], 2000)],
)
def test_large_files_wait_for_each_other(predictor, monkeypatch, sizes, most):
    held, peak, lock = [0], [0], threading.Lock()

    def answer(file, *_):
        with lock:
            held[0] += file.bytes or 0
            peak[0] = max(peak[0], held[0])
        time.sleep(0.01)
        with lock:
            held[0] -= file.bytes or 0
        return file.path

    monkeypatch.setattr(batch_rows, "answer", answer)
    sizes = [size and size * 2**20 for size in sizes]
    files = [File(str(index), size, "") for index, size in enumerate(sizes)]
    assert [*answer_all(files, predictor, workers=8)] == [file.path for file in files]
    assert peak[0] <= most * 2**20


def test_the_models_name_changes_with_the_model(predictor, toy_folder):
    toy = load_predictor(toy_folder)
    assert model_name(toy) != model_name(predictor)
    assert model_name(toy).startswith("toy 0.0.1 ")
    assert model_name(toy) == model_name(load_predictor(toy_folder))
