"""The same rows from Ray as from one process, on a local Ray of two workers."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pneumonia import PneumoniaError, load_predictor
from pneumonia.batch.on_ray import _Worker, answer_on_ray
from pneumonia.cli import main

EXAMPLES = Path(__file__).parents[2] / "examples"


def _table(out):
    rows = map(json.loads, out.read_text("utf-8").splitlines())
    return {row["file"]: row for row in rows}


def test_ray_answers_as_one_process_does(tmp_path, capsys, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "")  # is put back
    Path("images").mkdir()
    for name in ("normal_1.jpg", "viral_1.jpg", "README.md"):
        (Path("images") / name).write_bytes((EXAMPLES / name).read_bytes())
    Path("images/bad.png").write_bytes(b"no image")
    assert main(["batch", "images", "--out", "local.jsonl"]) == 1
    command = ["batch", "images", "--out", "ray.jsonl", "--json", "--ray"]
    assert main([*command, "--workers", "2"]) == 1
    assert _table(Path("ray.jsonl")) == _table(Path("local.jsonl"))
    assert len(_table(Path("ray.jsonl"))) == 3
    counts = json.loads(capsys.readouterr().out)
    assert counts == {
        "answered": 2,
        "refused": 0,
        "failed": 1,
        "skipped": 1,
        "before": 0,
    }


def test_nothing_to_do_starts_no_cluster(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert [*answer_on_ray([], load_predictor())] == []


def test_an_address_where_nobody_listens(capsys, tmp_path):
    pytest.importorskip("ray")
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"  # free, once it is closed
    command = ["batch", str(EXAMPLES), "--out", str(tmp_path / "out.csv")]
    assert main([*command, f"--ray={address}"]) == 2
    assert f"No Ray cluster answers at '{address}'" in capsys.readouterr().err


def test_without_ray_the_extra_is_named(capsys, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", None)
    out = tmp_path / "out.csv"
    assert main(["batch", str(EXAMPLES), "--out", str(out), "--ray"]) == 2
    assert ".[ray]" in capsys.readouterr().err


def test_ray_is_not_imported_without_being_asked_for(tmp_path):
    check = (
        "from pneumonia.cli import main; import sys\n"
        f"main(['batch', {str(EXAMPLES)!r}, '--out', {str(tmp_path / 'o.csv')!r}])\n"
        "sys.exit(' '.join({'ray', 'pyarrow', 'fsspec'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_machine_with_another_model_does_not_answer():
    with pytest.raises(PneumoniaError, match="Install the same version"):
        _Worker("", "another 1.0.0 abc")
