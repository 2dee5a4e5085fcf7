"""What a Space holds, and that it runs."""

import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest
import space_build
from gradio.utils import get_space
from huggingface_hub import SpaceCard

from pneumonia.config import CARD_FILE
from pneumonia.errors import PneumoniaError
from pneumonia.hub import BUNDLED
from pneumonia.hub import space_files as space
from pneumonia.hub.space_files import ROOT, space_files
from pneumonia.web import server

MODEL, REVISION = "ward/lungs", "0123456789" * 4


def files(preload=("config.json", "model.onnx"), space=None):
    return space_files(MODEL, REVISION, preload, space)


def test_runs_with_the_model_of_its_variable(tmp_path):
    for name, content in files().items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    code = (
        "import app, pneumonia\n"
        "assert app.page.model().folder.label == 'pretrained'\n"
        "assert len(app.page.SAMPLES['limits']) == 3\n"
        "print(pneumonia.__file__, app.predict(str(app.page.SAMPLES['normal'][0])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PNEUMONIA_MODEL": str(BUNDLED)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    path, answer = done.stdout.split(maxsplit=1)
    assert path == str(tmp_path / "pneumonia" / "__init__.py")
    assert "PNEUMONIA" in answer


def test_holds_the_code_and_nothing_else():
    names = set(files())
    assert {"app.py", "requirements.txt", CARD_FILE, "LICENSE"} <= names
    assert {
        "pneumonia/web/texts.py",
        "pneumonia/web/style.css",
        "docs/README.fr.md",
    } <= names  # French, too
    assert (
        "pneumonia/export/keras_to_onnx.py" in names
    )  # compiles weights without a graph
    tops = {name.split("/")[0] for name in names if "/" in name}
    assert tops == {"pneumonia", "examples", "docs"}
    assert not [name for name in names if re.search(r"pretrained|__pycache__", name)]
    assert not [name for name in names if name.endswith((".onnx", ".h5", ".npz"))]


def test_has_every_picture_that_its_readme_shows():
    readme = (ROOT / CARD_FILE).read_text(encoding="utf-8")
    pictures = re.findall(r"!\[.*\]\((.+?)\)", readme)
    assert pictures and set(pictures) <= set(files())


def test_contents_are_the_source_trees():
    for name, content in files().items():
        if name != CARD_FILE:
            assert content == (ROOT / name).read_bytes()


def test_head_names_the_model_and_keeps_the_rest():
    source = (ROOT / CARD_FILE).read_text(encoding="utf-8")
    readme = files()[CARD_FILE].decode()
    assert (
        readme.split("\n---\n", 1)[1].lstrip() == source.split("\n---\n", 1)[1].lstrip()
    )
    before, after = SpaceCard(source).data.to_dict(), SpaceCard(readme).data.to_dict()
    assert after == before | {
        "models": [MODEL],
        "preload_from_hub": [f"{MODEL} config.json,model.onnx {REVISION}"],
    }


def test_thumbnail_is_a_picture_of_the_space():
    sent = files(space="ward/demo")
    thumbnail = SpaceCard(sent[CARD_FILE].decode()).data["thumbnail"]
    place = "https://huggingface.co/spaces/ward/demo/resolve/main/"
    assert thumbnail.startswith(place)
    assert sent[thumbnail.removeprefix(place)].startswith(b"\x89PNG")


def test_nothing_to_preload():
    readme = files(preload=())[CARD_FILE].decode()
    assert "preload_from_hub" not in readme and f"- {MODEL}\n" in readme


def test_leaves_out_what_editors_and_python_leave_behind(tmp_path, monkeypatch):
    wanted = {
        "app.py",
        CARD_FILE,
        "examples/a.jpg",
        "examples/limits/a.dcm",
        "pneumonia/cli/__init__.py",
        "pneumonia/evaluation/b.html",
    }
    others = {
        "examples/.hidden.jpg",
        "examples/image.dcm",
        "pneumonia/run.npz",
        "examples/.ipynb_checkpoints/a.jpg",
        "pneumonia/cli/__pycache__/batch.pyc",
        "pneumonia/pretrained/model.onnx",
        "pneumonia/.DS_Store",
        "tests/test_a.py",
        ".git/config",
        ".env",
    }
    for name in wanted | others:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    monkeypatch.setattr(space, "ROOT", tmp_path)
    assert set(files()) == wanted


def test_without_a_source_tree(tmp_path, monkeypatch):
    monkeypatch.setattr(space, "ROOT", tmp_path)
    with pytest.raises(PneumoniaError, match="no app.py beside the package"):
        files()


# ---- on the Hub


def test_space_starts_as_anywhere_else(monkeypatch, tmp_path, capsys):
    """With a function for ZeroGPU, and no second server that takes source code."""
    launched, found = [], []

    class Demo:
        def get_config_file(self):
            return {"dependencies": []}

        def launch(self, **settings):
            launched.append((settings, get_space()))
            raise OSError

    monkeypatch.setattr(server, "FOLDER", tmp_path)
    monkeypatch.setitem(sys.modules, "spaces", SimpleNamespace(GPU=found.append))
    for name in ("SPACES_ZERO_GPU", "SYSTEM", "SPACE_ID"):
        monkeypatch.setenv(name, {"SYSTEM": "spaces"}.get(name, "true"))
    with pytest.raises(OSError):
        server.serve(Demo(), "", server_name=None)
    ((settings, space),) = launched
    assert space is None and settings["server_name"] == "0.0.0.0"
    (function,) = found
    assert callable(function)


def test_build_is_the_hubs_resolve():
    readme = (ROOT / CARD_FILE).read_text(encoding="utf-8")
    sdk = SpaceCard(readme).data["sdk_version"]
    command = space_build.command(readme, "python")
    assert command[:4] == ["python", "-m", "pip", "install"]
    assert command[command.index("-r") + 1 :] == [
        "requirements.txt",
        f"gradio[oauth,mcp]=={sdk}",
        "uvicorn>=0.14.0",
        "websockets>=10.4",
        "spaces",
    ]


def test_space_has_nothing_of_the_machine_that_builds_it(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    variables = space_build.environment(tmp_path, "http://hub", REVISION, 7860)
    assert not {"HF_TOKEN", "PYTHONPATH"} & set(variables)
    assert variables["SYSTEM"] == "spaces" and variables["HOME"] == str(tmp_path)
    assert variables["PNEUMONIA_MODEL"].endswith(f"@{REVISION}")
