"""Data to stdout, words to stderr, and the exit codes of the contract."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pneumonia.cli import main

EXAMPLES = Path(__file__).parents[1] / "examples"
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


def test_another_model(capsys, toy_folder):
    assert main(["predict", "--model", str(toy_folder), NORMAL]) == 0
    assert "model toy" in capsys.readouterr().err


@pytest.mark.parametrize(
    "verb", ["", "predict", "train", "evaluate", "export", "publish"]
)
def test_every_verb_has_help(capsys, verb):
    with pytest.raises(SystemExit) as caught:
        main([*verb.split(), "--help"])
    assert caught.value.code == 0
    assert "usage: python -m pneumonia" in capsys.readouterr().out


def test_verb_whose_libraries_are_not_installed(capsys, monkeypatch, tmp_path):
    """A Space, and README's first command, install what serving needs and no more."""
    monkeypatch.setitem(sys.modules, "sklearn.metrics", None)
    for module in [name for name in sys.modules if name.startswith("pneumonia.tr")]:
        monkeypatch.delitem(sys.modules, module)
    assert main(["evaluate", str(EXAMPLES), "--out", str(tmp_path / "r")]) == 2
    words = capsys.readouterr().err
    assert "needs sklearn.metrics" in words and ".[train]" in words


def test_module_is_the_command_line():
    command = [sys.executable, "-m", "pneumonia", "predict", "--json", "none.png"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert json.loads(done.stdout)[0]["file"] == "none.png"
    assert "Traceback" not in done.stderr


def test_reader_that_stops_early_is_no_crash():
    command = f"{sys.executable} -m pneumonia predict {NORMAL} {SICK} | head -n 1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr
