"""Time and memory of an answer, against the same network served in other ways.

    python benchmarks/speed.py

Everything runs interleaved in one process on the same cores, so that the ratios hold on
a noisy machine; times are medians. Cold starts are processes of their own.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import onnxruntime
from PIL import Image

from pneumonia import load_predictor
from pneumonia.config import ONNX_FILE, WEIGHTS_FILE
from pneumonia.hub import BUNDLED

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Prints one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        path = film(Path(folder) / "film.jpg")
        cold = _cold_starts(path)
        tasks = _tasks(path, Path(folder))
        times = _interleaved(tasks, rounds)
    base = times["int8 network"]
    print(f"one image at a time, {os.cpu_count()} cores, median of {rounds} rounds")
    for name, seconds in times.items():
        print(f"{name:<44} {seconds * 1000:8.1f} ms {seconds / base:8.2f} x int8")
    for name, (seconds, megabytes) in cold.items():
        print(f"{name:<44} {seconds:8.2f} s  {megabytes:8.0f} MB peak")


def film(path: Path) -> Path:
    """A 1,300 x 1,000 JPEG."""
    sample = next((ROOT / "examples").glob("normal_1.*"))
    with Image.open(sample) as image:
        image.convert("L").resize((1300, 1000)).save(path, quality=90)
    return path


def _tasks(film: Path, folder: Path) -> dict[str, Callable[[], object]]:
    from pneumonia.training.compile import export_onnx
    from pneumonia.training.model import build_model, load_weights

    predictor = load_predictor(BUNDLED)
    model = build_model(predictor.config.class_names, predictor.config.image_size)
    load_weights(model, BUNDLED / WEIGHTS_FILE)
    export_onnx(model, folder / ONNX_FILE)
    float32 = onnxruntime.InferenceSession(folder / ONNX_FILE)
    side = predictor.config.image_size
    inputs = np.random.default_rng(0).uniform(-1, 1, (1, side, side, 3))
    inputs = inputs.astype(np.float32)
    return {
        "int8 network": lambda: predictor.runtime(inputs),
        "float32 ONNX Runtime": lambda: float32.run(None, {"inputs": inputs}),
        "Keras model.predict": lambda: model.predict(inputs, verbose=0),
        "Predictor, 1,300 x 1,000 JPEG to map": lambda: predictor(film),
    }


def _interleaved(
    tasks: dict[str, Callable[[], object]], rounds: int
) -> dict[str, float]:
    """Median seconds of each task, taken in turn."""
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for turn in range(rounds + 3):
        for name, task in tasks.items():
            start = time.perf_counter()
            task()
            if turn >= 3:  # the first ones allocate and trace
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def _cold_starts(film: Path) -> dict[str, tuple[float, float]]:
    """Seconds and peak megabytes of whole processes."""
    command = [sys.executable, "-m", "pneumonia", "predict", str(film)]
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024  # KiB on Linux
    return {"python -m pneumonia predict, cold": (statistics.median(seconds), peak)}


if __name__ == "__main__":
    main()
