"""Data to stdout, words to stderr, and the exit codes of the contract."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pneumonia.cli import main
from pneumonia.version import version
from tests.support import hostile_files
from tests.support.app_server import until
from tests.support.toy_model import toy_images

EXAMPLES = Path(__file__).parents[2] / "examples"
NORMAL, SICK = (str(EXAMPLES / name) for name in ("normal_1.jpg", "bacterial_1.jpg"))


def test_table(capsys):
    assert main(["predict", NORMAL, SICK]) == 0
    output, words = capsys.readouterr()
    head, *rows = output.splitlines()
    assert head.split() == ["VERDICT", "PNEUMONIA", "BACTERIAL", "VIRAL", "FILE"]
    assert [row.split()[0] for row in rows] == ["NORMAL", "PNEUMONIA"]
    assert [row.split()[-1] for row in rows] == [NORMAL, SICK]
    assert "Not a medical device" in words and "bundled" in words


def test_json(capsys):
    assert main(["predict", "--json", NORMAL, SICK]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert first["file"] == NORMAL and first["verdict"] == "NORMAL"
    assert second["probabilities"]["PNEUMONIA"] > 0.5
    assert set(second["subtypes"]) == {"BACTERIAL", "VIRAL"}
    assert first["error"] is None


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_caveats_are_told(capsys, tmp_path, form):
    adult = tmp_path / "adult.dcm"
    with Image.open(NORMAL) as opened:
        pixels = np.asarray(opened.convert("L")).astype(np.uint16)
    adult.write_bytes(hostile_files.dicom(pixels, PatientAge="045Y"))
    assert main(["predict", *form, str(adult)]) == 0
    output, words = capsys.readouterr()
    assert "UNCERTAIN" in output
    if form:
        (row,) = json.loads(output)
        assert row["unfamiliar"] is True
        (caveat,) = row["caveats"]
        assert caveat["code"] == "adult" and caveat["sentence"].endswith(".")
    else:
        assert "adult.dcm: The file says that this is the X-ray of an adult" in words


def test_json_equals_python(capsys):
    import pneumonia

    main(["predict", "--json", SICK])
    (row,) = json.loads(capsys.readouterr().out)
    assert row["probabilities"] == pneumonia.predict(SICK)


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_one_bad_file_costs_only_itself(capsys, tmp_path, form):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no image")
    assert main(["predict", *form, str(bad), NORMAL]) == 1
    output, words = capsys.readouterr()
    assert "NORMAL" in output and "bad.png" in output
    assert "Traceback" not in output + words
    if form:
        assert json.loads(output)[0]["error"]
    else:
        assert "bad.png: " in words


def test_misuse(capsys, tmp_path):
    for arguments in ([], ["predict"], ["diagnose", NORMAL]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
    assert main(["predict", "--model", str(tmp_path / "none"), NORMAL]) == 2
    assert "Expected a model folder" in capsys.readouterr().err


def test_version(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.split() == ["pneumonia", version()]


def test_a_folder_is_for_batch(capsys, tmp_path):
    assert main(["predict", str(tmp_path)]) == 1
    words = capsys.readouterr().err
    assert "python -m pneumonia batch FOLDER" in words and "found a folder" in words


def test_another_model(capsys, toy_folder, tmp_path):
    Image.fromarray(toy_images(1)[0]).save(tmp_path / "toy.png")
    command = ["predict", "--model", str(toy_folder), str(tmp_path / "toy.png")]
    assert main(command) == 0
    assert "model toy" in capsys.readouterr().err


@pytest.mark.parametrize(
    "verb", ["", "predict", "batch", "train", "evaluate", "export", "publish"]
)
def test_every_verb_has_help(capsys, verb):
    with pytest.raises(SystemExit) as caught:
        main([*verb.split(), "--help"])
    assert caught.value.code == 0
    assert "usage: python -m pneumonia" in capsys.readouterr().out


def test_verb_whose_libraries_are_not_installed(capsys, monkeypatch, tmp_path):
    """A Space, and README's first command, install what serving needs and no more."""
    monkeypatch.setitem(sys.modules, "sklearn.metrics", None)
    for module in [name for name in sys.modules if name.startswith("pneumonia.ev")]:
        monkeypatch.delitem(sys.modules, module)
    assert main(["evaluate", str(EXAMPLES), "--out", str(tmp_path / "r")]) == 2
    words = capsys.readouterr().err
    assert "needs sklearn.metrics" in words and ".[train]" in words


def _copies(folder, count):
    """Copies of one image; a folder of an archive."""
    folder.mkdir()
    for index in range(count):
        (folder / f"{index:03}.jpg").write_bytes(Path(NORMAL).read_bytes())
    return str(folder)


def _lines(out):
    return out.read_text(encoding="utf-8").splitlines()


def test_batch_goes_on_where_it_stopped(capsys, tmp_path):
    images, out = _copies(tmp_path / "images", 2), tmp_path / "out.csv"
    command = ["batch", images, "--out", str(out), "--json"]
    assert main(command) == 0
    before = out.read_bytes()
    assert json.loads(capsys.readouterr().out)["answered"] == 2
    (tmp_path / "images" / "bad.png").write_bytes(b"no image")
    (tmp_path / "images" / "notes.txt").write_bytes(b"notes")
    for again in (2, 3):
        assert main(command) == 1
        output, words = capsys.readouterr()
        assert json.loads(output) == {
            "answered": 2,
            "refused": 0,
            "failed": 1,
            "skipped": 1,
            "before": again,
        }
        assert "Not a medical device" in words and "1 failed" in words
        assert out.read_bytes().startswith(before) and len(_lines(out)) == 4


def test_batch_equals_predict(capsys, tmp_path):
    out = tmp_path / "out.jsonl"
    assert main(["batch", SICK, "--out", str(out)]) == 0
    assert capsys.readouterr().out == ""
    main(["predict", "--json", SICK])
    (expected,) = json.loads(capsys.readouterr().out)
    (row,) = map(json.loads, _lines(out))
    assert row["PNEUMONIA"] == expected["probabilities"]["PNEUMONIA"]
    assert row["VIRAL"] == expected["subtypes"]["VIRAL"]
    assert row["ood_score"] == expected["ood_score"]


def test_batch_does_not_mix_models(capsys, tmp_path, toy_folder):
    command = ["batch", NORMAL, "--out", str(tmp_path / "out.jsonl")]
    assert main(command) == 0
    assert main([*command, "--model", str(toy_folder)]) == 2
    assert "holds answers of the model" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [NORMAL, "--out", "out.xlsx"],
        ["no such folder", "--out", "out.csv"],
    ],
)
def test_misuse_of_batch_creates_nothing(capsys, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    assert main(["batch", *arguments]) == 2
    assert "xpected" in capsys.readouterr().err and not [*tmp_path.iterdir()]


@pytest.mark.parametrize("workers", ["0", "-1", "two"])
def test_workers_are_one_or_more(capsys, tmp_path, workers):
    with pytest.raises(SystemExit) as caught:
        main(["batch", NORMAL, "--out", "out.csv", "--workers", workers])
    assert caught.value.code == 2
    assert "expected 1 or more" in capsys.readouterr().err


def test_full_disk_is_a_sentence(capsys, tmp_path, monkeypatch):
    def full(self, row):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pneumonia.batch.tables._Lines.append", full)
    assert main(["batch", NORMAL, "--out", str(tmp_path / "out.csv")]) == 2
    assert "No space left" in capsys.readouterr().err


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_an_ended_batch_loses_no_row(tmp_path, end):
    images, out = _copies(tmp_path / "images", 100), tmp_path / "out.jsonl"
    command = [sys.executable, "-m", "pneumonia", "batch", images, "--out", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        until(lambda: out.exists() and len(_lines(out)) >= 3)
        process.send_signal(end)
        words = process.communicate(timeout=60)[1].decode()
    assert "Traceback" not in words
    if end == signal.SIGINT:
        assert process.returncode == 130 and "Interrupted" in words
    known = len(_lines(out))
    assert 3 <= known < 100
    done = subprocess.run([*command, "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    before = json.loads(done.stdout)["before"]
    assert before >= known - (end == signal.SIGKILL)  # the last line may be a part
    files = [json.loads(line)["file"] for line in _lines(out)]
    assert len(files) == len(set(files)) == 100


def test_module_is_the_command_line():
    command = [sys.executable, "-m", "pneumonia", "predict", "--json", "none.png"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert json.loads(done.stdout)[0]["file"] == "none.png"
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "darwin", reason="its names are UTF-8")
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_name_that_is_not_utf_8_is_escaped(tmp_path, form):
    folder = os.fsencode(tmp_path)
    images = [folder + b"/\xff.jpg", folder + b"/\xfe\n.png"]
    shutil.copy(NORMAL, images[0])
    Path(os.fsdecode(images[1])).write_bytes(b"no image")
    done = subprocess.run(
        [sys.executable, "-m", "pneumonia", "predict", *form, *images],
        env={**os.environ, "PYTHONIOENCODING": "utf-8:strict", "PYTHONUTF8": "1"},
        capture_output=True,
    )
    output, words = done.stdout.decode(), done.stderr.decode()
    names = [f"{tmp_path}/\\udcff.jpg", f"{tmp_path}/\\udcfe\\n.png"]
    assert done.returncode == 1 and "Traceback" not in words
    if form:
        assert [row["file"] for row in json.loads(output)] == names
    else:
        assert [row.split("  ")[-1] for row in output.splitlines()[1:]] == names
        assert f"{names[1]}: " in words


def test_reader_that_stops_early_is_no_crash():
    command = f"{sys.executable} -m pneumonia predict {NORMAL} {SICK} | head -n 1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr
