"""Two worlds and one wall: serving starts without TensorFlow, Keras or the Hub."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

import pneumonia

PACKAGE = Path(pneumonia.__file__).parent
ROOT = PACKAGE.parent
EXAMPLE = str(ROOT / "examples" / "normal_1.jpg")

# A room is a folder of the package, or a module that lies in none. Rooms of one rank
# do not import each other, nor any of a later rank.
ORDER = [
    {"errors", "version"},
    {"config", "imaging"},
    {"inference", "hub", "dataset"},
    {"predictor", "training"},
    {"batch", "evaluation"},
    {"export", "web"},
    {"cli"},
]
RANK = {room: rank for rank, rooms in enumerate(ORDER) for room in rooms}
COMPILING = ("hub", "export")  # weights without a graph, on first use

# What only these rooms may import
WALLS = {
    "keras tensorflow jax torch onnx": {"training", "export"},
    "sklearn matplotlib": {"evaluation", "export"},
    "scipy": {"training", "evaluation", "export"},
    "gradio fastapi": {"web"},
}


def _module(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


MODULES = {_module(path): path for path in PACKAGE.rglob("*.py")}


def _imported(module, top_level_only=False):
    """What a module imports of the package, as tuples of names."""
    path = MODULES[module]
    package = module if path.stem == "__init__" else module[:-1]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if top_level_only else ast.walk(tree):
        if not isinstance(node, ast.ImportFrom):
            continue
        base = tuple(node.module.split(".")) if node.module else ()
        if node.level:
            base = package[: len(package) - node.level + 1] + base
        if base[0] == "pneumonia":
            for alias in node.names:
                name = (*base, alias.name) if (*base, alias.name) in MODULES else base
                # the package's own names are those of its front door
                yield name if name[1:] else ("pneumonia", "predictor")


INSIDE = [module for module in MODULES if module[1:] and module[1] != "__main__"]


@pytest.mark.parametrize("module", INSIDE, ids=".".join)
def test_imports_point_one_way(module):
    room = module[1]
    others = {imported[1] for imported in _imported(module)} - {room}
    for other in others:
        if (room, other) != COMPILING:
            assert RANK[other] < RANK[room], f"{room} imports {other}"


def test_no_import_closes_a_circle():
    circles = graphlib.TopologicalSorter(
        {
            module: [other for other in _imported(module, True) if other != module]
            for module in INSIDE
        }
    )
    circles.prepare()  # raises CycleError


def _run(code):
    """Runs it in a process of its own; what it exits with is no error if it is 0."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", INSIDE, ids=".".join)
def test_walls_stand_in_the_source(module):
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    libraries = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            libraries |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            libraries.add(node.module.split(".")[0])
    for behind, rooms in WALLS.items():
        if module[1] not in rooms:
            assert not libraries & set(behind.split())


@pytest.mark.parametrize("last", ["evaluation", "web"])
def test_walls_hold(last):
    """All else is imported, room by room, and no such library comes along.

    Not training and export: Keras itself imports what of these is installed.
    """
    apart = {"evaluation", "web", "training", "export"}
    steps = []
    for room in [*(room for room in RANK if room not in apart), last]:
        shut = " ".join(names for names, rooms in WALLS.items() if room not in rooms)
        steps += [(".".join(name), shut) for name in INSIDE if name[1] == room]
    if last == "web":
        steps.append(("app", shut))
    _run(
        "import importlib, sys\n"
        f"for name, shut in {steps}:\n"
        "    importlib.import_module(name)\n"
        "    found = set(shut.split()) & set(sys.modules)\n"
        "    if found: sys.exit(f'{name} imports {found}')\n"
    )


@pytest.mark.parametrize(
    "code",
    [
        "import pneumonia; pneumonia.predict(IMAGE)",
        "from pneumonia.cli import main; main(['predict', IMAGE])",
    ],
)
def test_serving_needs_no_training(code):
    _run(
        f"IMAGE = {EXAMPLE!r}\n{code}\nimport sys\n"
        "heavy = {'tensorflow', 'keras', 'jax', 'torch', 'scipy', 'sklearn', 'onnx'}\n"
        "sys.exit(' '.join(heavy & set(sys.modules)) or 0)"
    )


def test_compiling_needs_what_a_space_installs_and_no_more():
    """The libraries of the extra [train] are not on a Space."""
    _run(
        "import sys\n"
        "for name in ('sklearn', 'scipy', 'matplotlib', 'tensorboardX'):\n"
        "    sys.modules[name] = None\n"
        "from pneumonia.export.keras_to_onnx import compile_weights\n"
    )


def test_bundled_model_needs_neither_the_hub_nor_dicom():
    _run(
        f"import pneumonia, sys; pneumonia.predict({EXAMPLE!r})\n"
        "sys.exit(' '.join({'huggingface_hub', 'pydicom'} & set(sys.modules)) or 0)"
    )


def test_public_names_are_sorted_and_exact():
    assert pneumonia.__all__ == sorted(pneumonia.__all__)
    for name in pneumonia.__all__:
        assert getattr(pneumonia, name).__module__.startswith("pneumonia")
