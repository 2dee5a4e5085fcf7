"""The notebook runs from top to bottom, on a few radiographs of the samples."""

import subprocess
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from PIL import Image

from pneumonia.imaging import load_image
from pneumonia.training.model import save_weights
from tests.support.toy_model import CLASS_NAMES, build_toy

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "docs" / "transfer_learning.ipynb"
NAMES = {
    "normal": "NORMAL/IM-{:04d}-0001.jpeg",
    "bacterial": "PNEUMONIA/person{}_bacteria_1.jpeg",
    "viral": "PNEUMONIA/person{}_virus_1.jpeg",
}


# A network of Xception's form with few channels, in place of the one that people train
TOY = f"""
import functools, sys
sys.path.insert(0, {str(ROOT)!r})
from pneumonia.export import export, keras_weights
from pneumonia.training import train
from pneumonia.training.train import Stage
from tests.support.toy_model import CLASS_NAMES, build_toy
train.train = functools.partial(train.train, build=build_toy)
export.build_model = functools.partial(build_toy, dropout=0.0)
export.look = lambda path: keras_weights.Found(path, True, CLASS_NAMES, "a toy")
"""


@pytest.fixture
def data(tmp_path):
    """Twelve patients of each class: samples, each a little brighter or darker."""
    for kind, name in NAMES.items():
        samples = sorted((ROOT / "examples").glob(f"{kind}_*.jpg"))
        for number in range(12):
            image = load_image(samples[number % len(samples)]).astype(np.float32)
            shade = np.clip(image * (0.8 + 0.03 * number), 0, 255).astype(np.uint8)
            path = tmp_path / "chest_xray" / "train" / name.format(number)
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(shade).resize((160, 160)).save(path)
    return tmp_path / "chest_xray"


def test_it_runs(data, tmp_path, monkeypatch):
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the page sets it, for itself
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    (parameters,) = (
        cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ())
    )
    save_weights(build_toy(CLASS_NAMES, 64, 0.2), tmp_path / "first.weights.h5")
    parameters.source += (
        TOY
        + f"""
DATA, INITIAL = Path({str(data)!r}), "first.weights.h5"
RECIPE = Recipe(
    stages=(Stage(1, image_size=64, frozen_blocks=13, rate=1e-4),),
    batch_size=8,
    precision="float32",
)
"""
    )
    NotebookClient(
        notebook, timeout=900, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    pictures = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", {})
    ]
    assert len(pictures) == 3, "augmented X-rays, curves, heatmaps"
    assert (tmp_path / "work" / "model" / "model.onnx").exists()
    assert (tmp_path / "work" / "report" / "report.json").exists()


# A session on somebody's machine: `oldlib` is loaded, and pip replaces it or does not
SESSION = """
import importlib.util, pathlib, sys
site = pathlib.Path("site").absolute()
def install(version):
    (site / "oldlib.py").write_text("")
    about = site / "oldlib.dist-info"
    about.mkdir(parents=True, exist_ok=True)
    about.joinpath("METADATA").write_text(f"Name: oldlib\\nVersion: {version}\\n")
    about.joinpath("top_level.txt").write_text("oldlib\\n")
site.mkdir(exist_ok=True)
install("1.0")
sys.path.insert(0, str(site))
import oldlib
def pip(line):
    pathlib.Path("asked").write_text(line)
    install(INSTALLED)
    importlib.util.find_spec = find
find = importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name == "pneumonia" else find(name)
get_ipython().register_magic_function(pip, "line", "pip")
"""


@pytest.fixture
def begin(tmp_path):
    """Runs the cell that installs, in a session where pip installs that `oldlib`."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    (install,) = (cell for cell in notebook.cells if "%pip" in cell.source)

    def run(installed, session=SESSION, times=1, repository=""):
        address = f'REPOSITORY = "{repository}"'
        install.source = install.source.replace('REPOSITORY = ""', address)
        first = nbformat.v4.new_code_cell(f"INSTALLED = {installed!r}\n{session}")
        tried = nbformat.v4.new_code_cell(install.source)
        tried.metadata.tags = ["raises-exception"]  # and the session goes on
        begun = nbformat.v4.new_notebook(cells=[first, *[tried] * (times - 1), install])
        (tmp_path / "docs").mkdir()
        place = {"metadata": {"path": str(tmp_path / "docs")}}
        NotebookClient(begun, timeout=100, resources=place).execute()

    return run


def test_what_pip_replaced_under_a_session_is_told_each_time(begin, tmp_path):
    (tmp_path / "pyproject.toml").touch()
    with pytest.raises(CellExecutionError, match="Restart the session.*oldlib"):
        begin("2.0", times=2)


def test_a_session_that_pip_left_alone_goes_on(begin, tmp_path):
    (tmp_path / "pyproject.toml").touch()
    begin("1.0")


def test_a_notebook_that_is_alone_asks_for_its_repository(begin):
    with pytest.raises(CellExecutionError, match="name its REPOSITORY"):
        begin("1.0")


def test_a_repository_is_cloned_and_installed_as_a_folder(begin, tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path / "origin"], check=True)
    begin("1.0", repository=tmp_path / "origin")
    # without a slash pip would look for a package of this name
    assert "./pneumonia-demo[train]" in (tmp_path / "docs" / "asked").read_text()
    assert (tmp_path / "docs" / "pneumonia-demo" / ".git").is_dir()


def test_a_repository_that_cannot_be_had_is_told(begin, tmp_path):
    (tmp_path / "pyproject.toml").touch()
    fails = SESSION + 'get_ipython().register_magic_function(print, "line", "pip")'
    with pytest.raises(CellExecutionError, match="Nothing was installed"):
        begin("1.0", session=fails)


def test_it_holds_no_outputs():
    """What it prints comes from whoever runs it, and no path of ours stays in it."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in cells)
