"""The same network, weights, images and cores, served in other ways: time and memory.

    python benchmarks/speed/speed.py [--json benchmarks/speed/results/speed.json]

Each way is a process of its own, and all take turns within one run, so that the ratios
hold on a machine whose speed changes from minute to minute. Takes under ten minutes, on
Linux. `pip install -e '.[dev,bench]'` brings what the other ways need; without it their
rows say so. `tables.py` makes the table of `docs/speed.md` of the JSON.
"""

import argparse
import dataclasses
import importlib.metadata
import json
import os
import platform
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from measured import command_line
from packaging.requirements import Requirement
from samples import folder_of, sample
from tables import OURS, speed_rows, speed_sentences
from ways import FLOAT32, LITERT, TENSORFLOW, WAYS, Process

from pneumonia.config import (
    GATE_FILE,
    LUNGS_FILE,
    ONNX_FILE,
    WEIGHTS_FILE,
    ModelConfig,
    fingerprint,
)
from pneumonia.hub import BUNDLED

MB = 2**20


def main() -> None:
    """Prints tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=6)
    parser.add_argument("--images", type=int, default=8, help="of a turn")
    parser.add_argument("--folder", type=int, default=64, help="images of a folder")
    parser.add_argument("--batch", type=int, default=1000, help="images for `batch`")
    parser.add_argument("--json", type=Path, help="file for the figures")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        figures = measure(Path(scratch), arguments)
    show(figures)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")


def measure(scratch: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """All figures; what a way does not have is not there."""
    from peak import multiply_adds, peaks

    models = prepare(scratch)
    path = sample(scratch / "image.jpg")
    many = [str(path) for path in folder_of(scratch / "images", arguments.batch)]
    ways = {name: installed(way.packages) for name, way in WAYS.items()}
    present = [name for name, size in ways.items() if size is not None]
    figures: dict[str, Any] = {
        "machine": machine(),
        "ways": {name: {"installed_mb": size} for name, size in ways.items()},
        "folder_images": min(arguments.folder, arguments.batch),
        "multiply_adds": multiply_adds(models / FLOAT32 / ONNX_FILE),
        "peaks": [],
    }
    cold_starts(figures, present, models, path)

    processes = {name: Process(name, models) for name in present}
    once = [str(path)] * arguments.images
    some = many[: arguments.folder]
    for turn in range(arguments.turns + 1):
        for name, process in processes.items():
            for job in ("image", "network"):
                reply = process.ask(job, once)
                if job == "image":
                    figures["ways"][name]["probability"] = reply["found"][0]
                if turn:  # the one before warms up
                    kept = figures["ways"][name].setdefault(job, [])
                    kept.append(reply["seconds"])
        if turn:
            figures["peaks"].append(peaks())
    for turn in range(4):
        for name, process in processes.items():
            (seconds,) = process.ask("folder", some if turn else some[:4])["seconds"]
            if turn:
                figures["ways"][name].setdefault("folder", []).append(seconds)
    ours = processes[OURS]
    figures["stages"] = ours.ask("stages", once * 3)["seconds"]
    quarter = max(1, len(many) // 4)
    batch = {"images": quarter, "folder": [], "bare": [], "network": []}
    figures["batch"] = batch
    for start in range(0, 4 * quarter, quarter):
        part = many[start : start + quarter]
        for job in ("folder", "bare"):
            batch[job] += ours.ask(job, part)["seconds"]
        batch["network"].append(ours.ask("network", once * 5)["seconds"])
    for process in processes.values():
        process.stop()
    return figures


def prepare(scratch: Path) -> Path:
    """The bundled model in the formats of the other ways."""
    from pneumonia.export.keras_to_onnx import export_onnx
    from pneumonia.training.model import build_model, load_weights

    config = ModelConfig.load(BUNDLED)
    model = build_model(config.class_names, config.image_size)
    load_weights(model, BUNDLED / WEIGHTS_FILE)
    folder = scratch / FLOAT32
    folder.mkdir()
    export_onnx(model, folder / ONNX_FILE)
    for name in (GATE_FILE, LUNGS_FILE):
        shutil.copy(BUNDLED / name, folder)
    files = {
        name: fingerprint((folder / name).read_bytes())
        for name in (ONNX_FILE, GATE_FILE, LUNGS_FILE)
    }
    dataclasses.replace(config, files=files).save(folder)
    (scratch / "int8").mkdir()
    shutil.copy(BUNDLED / ONNX_FILE, scratch / "int8")
    if installed(WAYS["LiteRT, float32"].packages) is not None:
        model.export(scratch / LITERT, format="litert", verbose=False)
    return scratch


def cold_starts(
    figures: dict[str, Any], present: list[str], models: Path, path: Path
) -> None:
    """Seconds from the start of a process to its first answer, and its peak memory.

    Of `python -m pneumonia predict FILE`, the whole process.
    """
    cold: dict[str, list[float]] = {}
    for _ in range(3):
        for name in present:
            start = time.perf_counter()
            process = Process(name, models)
            reply = process.ask("image", [str(path)])
            cold.setdefault(name, []).append(time.perf_counter() - start)
            figures["ways"][name]["peak_mb"] = reply["peak"]
            process.stop()
        seconds, peak = command_line("predict", path)
        cold.setdefault("command", []).append(seconds)
    figures["command"] = {"cold": cold.pop("command"), "peak_mb": peak}
    for name, seconds in cold.items():
        figures["ways"][name]["cold"] = seconds


def installed(packages: tuple[str, ...]) -> float | None:
    """Megabytes on disk of packages and what they require; None: one is missing."""
    seen: dict[str, int] = {}
    left = list(packages)
    while left:
        name = left.pop().lower().replace("_", "-")
        if name in seen:
            continue
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            if name in packages:
                return None
            continue
        sizes = [file.locate() for file in distribution.files or ()]
        seen[name] = sum(file.stat().st_size for file in sizes if file.is_file())
        for line in distribution.requires or ():
            requirement = Requirement(line)
            if not requirement.marker or requirement.marker.evaluate({"extra": ""}):
                left.append(requirement.name)
    return sum(seen.values()) / MB


def machine() -> dict[str, Any]:
    names = ("onnxruntime", TENSORFLOW, "keras", "openvino", "ai-edge-litert")
    versions = {}
    for name in names:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    flags = Path("/proc/cpuinfo")
    text = flags.read_text() if flags.exists() else ""
    model = next((x.split(":")[1] for x in text.splitlines() if "model name" in x), "")
    return {
        "processor": model.strip() or platform.processor(),
        "cores": os.cpu_count(),
        "vnni": "avx512_vnni" in text or "avx_vnni" in text,
        "python": platform.python_version(),
        **versions,
    }


def show(figures: dict[str, Any]) -> None:
    """Prints what was found."""
    for cells in speed_rows(figures):
        print("  ".join(f"{cell:<20}" for cell in cells))
    print()
    for sentence in speed_sentences(figures):
        print(sentence)
    for name, way in figures["ways"].items():
        if "probability" in way:
            print(f"probability, {name}: {way['probability']:.4f}")


if __name__ == "__main__":
    main()
