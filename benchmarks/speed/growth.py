"""Time and memory of `batch` against the number of images, and against their size.

    python benchmarks/speed/growth.py [--json benchmarks/speed/results/growth.json]

Time should grow with the images, memory not at all; and both with the pixels of one.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from measured import command_line
from samples import SIZE, folder_of, sample

COUNTS = 1, 10, 100, 1_000, 10_000
MEGAPIXELS = 0.1, 1.3, 5, 20, 50


def main() -> None:
    """Prints two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=COUNTS[-1], help="images")
    parser.add_argument("--json", type=Path, help="file for the figures")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {"cores": os.cpu_count(), "files": [], "megapixels": []}
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        for count in (count for count in COUNTS if count <= arguments.most):
            folder = scratch / str(count)
            folder_of(folder, count)
            out = scratch / f"{count}.csv"
            seconds, peak = command_line("batch", folder, "--out", out)
            figures["files"].append(
                {"count": count, "seconds": seconds, "peak_mb": peak}
            )
            print(f"{count:>6} images {seconds:8.2f} s {peak:8.0f} MB", flush=True)
        for megapixels in MEGAPIXELS:
            scale = (1e6 * megapixels / (SIZE[0] * SIZE[1])) ** 0.5
            size = tuple(round(scale * side) for side in SIZE)
            path = sample(scratch / "image.jpg", size)
            peak = command_line("predict", path)[1]
            seconds = answer_seconds(path)
            row = {"megapixels": megapixels, "seconds": seconds, "peak_mb": peak}
            figures["megapixels"].append(row)
            print(f"{megapixels:>6} megapixels {1000 * seconds:8.1f} ms {peak:8.0f} MB")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")


def answer_seconds(path: Path) -> float:
    """Of one image, with its heatmap, in a process that is warm."""
    from pneumonia import load_predictor

    predictor, seconds = load_predictor(), []
    for _ in range(7):
        start = time.perf_counter()
        predictor(path).cam  # noqa: B018 - made when asked for
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[2:])


if __name__ == "__main__":
    main()
