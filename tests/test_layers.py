"""Two worlds and one wall: serving starts without TensorFlow, Keras or the Hub."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import pneumonia

PACKAGE = Path(pneumonia.__file__).parent
ROOT = PACKAGE.parent

# Left never imports right; modules of one group do not import each other.
ORDER = [
    {"errors", "pool"},
    {"config", "images", "dicom", "raster"},
    {"preprocessing", "calibration", "ood", "cam"},
    {"onnx_file", "compiled", "runtime", "hub", "download", "repository", "space"},
    {"sample"},
    {"predictor", "publish"},
    {"batch"},
    {"archive"},
    {"table", "cluster"},
    {"cli", "app"},
]
WITHIN_A_GROUP = {
    ("images", "dicom"),
    ("images", "raster"),
    ("dicom", "raster"),
    ("hub", "compiled"),
    ("hub", "download"),
    ("runtime", "onnx_file"),
}
RANK = {name: rank for rank, names in enumerate(ORDER) for name in names}
MODULES = [path for path in PACKAGE.glob("*.py") if not path.stem.startswith("__")]


def _imported(path, top_level_only=False):
    """Modules of the package that a file imports, and whether inside a function."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module:
            yield node.module.split(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.level == 1:
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_imports_point_one_way(path):
    for module in _imported(path):
        if module == "training":
            assert path.stem in ("compiled", "cli")
        elif (path.stem, module) not in WITHIN_A_GROUP:
            assert RANK[module] < RANK[path.stem], f"{path.stem} imports {module}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_training_is_only_imported_inside_functions(path):
    assert "training" not in _imported(path, top_level_only=True)


@pytest.mark.parametrize(
    "code",
    [
        "import pneumonia; pneumonia.predict(FILM)",
        "from pneumonia.cli import main; main(['predict', FILM])",
        "import app",
    ],
)
def test_serving_never_imports_training(code):
    film = str(ROOT / "examples" / "normal_1.jpg")
    check = (
        f"FILM = {film!r}\n{code}\nimport sys\n"
        "heavy = {'tensorflow', 'keras', 'jax', 'torch', 'scipy', 'sklearn', 'onnx'}\n"
        "sys.exit(' '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_compiling_needs_what_a_space_installs_and_no_more():
    """The libraries of the extra [train] are not on a Space."""
    check = (
        "import sys\n"
        "for name in ('sklearn', 'scipy', 'matplotlib', 'tensorboardX'):\n"
        "    sys.modules[name] = None\n"
        "from pneumonia.training.compile import compile_weights\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_bundled_model_needs_neither_the_hub_nor_dicom():
    film = str(ROOT / "examples" / "normal_1.jpg")
    check = (
        f"import pneumonia, sys; pneumonia.predict({film!r})\n"
        "sys.exit(' '.join({'huggingface_hub', 'pydicom'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_public_names_are_sorted_and_exact():
    assert pneumonia.__all__ == sorted(pneumonia.__all__)
    for name in pneumonia.__all__:
        assert getattr(pneumonia, name).__module__.startswith("pneumonia")
