"""A variable that is set wrongly is named, in one sentence."""

import os
import shutil
import subprocess
import sys

import pytest
from huggingface_hub import constants

from pneumonia import ModelError, PneumoniaError, load_predictor
from pneumonia.config import CONFIG_FILE, GATE_FILE, ONNX_FILE, ModelConfig
from pneumonia.hub.download import fetch
from pneumonia.hub.publish import prepare
from tests.support.fake_hub import connected


@pytest.mark.parametrize("address", ["", "huggingface.co", "ftp://hub", "https://"])
def test_address_of_the_hub(monkeypatch, tmp_path, address):
    with connected(tmp_path, monkeypatch):
        monkeypatch.setattr(constants, "ENDPOINT", address)
        url = address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url)
        monkeypatch.setenv("HF_TOKEN", "hf_abc")
        with pytest.raises(ModelError, match="HF_ENDPOINT is .*https://"):
            fetch("owner/name", "main", CONFIG_FILE)
        with pytest.raises(PneumoniaError, match="HF_ENDPOINT is .*https://"):
            prepare("owner/name")


def test_token_with_a_letter_that_no_token_has(monkeypatch, tmp_path):
    with connected(tmp_path, monkeypatch):
        monkeypatch.setenv("HF_TOKEN", "hf_abcé")
        with pytest.raises(ModelError, match="characters that no token has"):
            fetch("owner/name", "main", CONFIG_FILE)


@pytest.mark.parametrize("number", ["two", "-3", "1.5"])
def test_number_of_threads(monkeypatch, toy_folder, number):
    monkeypatch.setenv("ORT_INTRA_OP_NUM_THREADS", number)
    with pytest.raises(ModelError, match="ORT_INTRA_OP_NUM_THREADS is .*number"):
        load_predictor(toy_folder)


def test_number_of_threads_is_taken(monkeypatch, toy_folder):
    monkeypatch.setenv("ORT_INTRA_OP_NUM_THREADS", "1")
    load_predictor(toy_folder)


def test_nothing_but_data_on_stdout(toy_folder, tmp_path):
    """ONNX Runtime prints there what it cannot load."""
    folder = tmp_path / "model"
    shutil.copytree(toy_folder, folder)
    code = (
        "import onnxruntime, sys\n"
        "def fails(*_): print('EP Error'); raise RuntimeError('no')\n"
        "onnxruntime.InferenceSession = lambda *_, **__: fails()\n"
        "from pneumonia.cli import main\n"
        f"sys.exit(main(['predict', '--json', 'a.png', '--model', {str(folder)!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ
    )
    assert done.returncode == 2 and not done.stdout and "EP Error" in done.stderr


@pytest.mark.parametrize("name", [CONFIG_FILE, ONNX_FILE, GATE_FILE])
def test_a_clone_without_git_lfs_is_told(toy_folder, tmp_path, name):
    folder = tmp_path / "model"
    shutil.copytree(toy_folder, folder)
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:1a\nsize 9\n"
    (folder / name).write_text(pointer)
    with pytest.raises(ModelError, match=f"{name} is a pointer of Git LFS.*lfs pull"):
        load_predictor(folder)


def test_line_endings_of_windows_are_told(toy_folder, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(toy_folder, folder)
    gate = folder / GATE_FILE
    gate.write_bytes(gate.read_bytes().replace(b"\n", b"\r\n"))
    with pytest.raises(ModelError, match="line endings of Windows.*autocrlf=false"):
        ModelConfig.load(folder).verified(folder, GATE_FILE)
    gate.write_bytes(gate.read_bytes() + b" ")  # and something else
    with pytest.raises(ModelError, match="damaged or altered"):
        ModelConfig.load(folder).verified(folder, GATE_FILE)
