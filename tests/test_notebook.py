"""The notebook runs from top to bottom, on a few films of the samples."""

from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image

from pneumonia.imaging import load_image

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "notebooks" / "transfer_learning.ipynb"
NAMES = {
    "normal": "NORMAL/IM-{:04d}-0001.jpeg",
    "bacterial": "PNEUMONIA/person{}_bacteria_1.jpeg",
    "viral": "PNEUMONIA/person{}_virus_1.jpeg",
}


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


def test_it_runs(data, tmp_path):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    (parameters,) = (
        cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ())
    )
    parameters.source += f"""
from pneumonia.training.train import Stage
DATA = Path({str(data)!r})
INITIAL = {str(ROOT / "pneumonia" / "pretrained" / "model.weights.h5")!r}
RECIPE = Recipe(
    stages=(Stage(1, image_size=96, frozen_blocks=13, rate=1e-4),),
    batch_size=8,
    precision="float32",
)
"""
    NotebookClient(
        notebook, timeout=900, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    pictures = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", {})
    ]
    assert len(pictures) == 3, "augmented films, curves, heatmaps"
    assert (tmp_path / "work" / "model" / "model.onnx").exists()
    assert (tmp_path / "work" / "report" / "report.json").exists()


def test_it_holds_no_outputs():
    """What it prints comes from whoever runs it, and no path of ours stays in it."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in cells)
