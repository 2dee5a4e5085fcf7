"""How fast is `python -m pneumonia batch`, and what would a million images cost?

    python benchmarks/speed/archive.py [--ray] [--folder IMAGES]

One worker and two take turns in one run, since a machine's speed changes from minute to
minute: trust the ratios. A rate is that of the middle half of the rows, without the
start of the model or of Ray. The cost is arithmetic, not a measurement: that rate, held
by every core of a cluster of which two cores were seen.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from samples import folder_of

from pneumonia import load_predictor
from pneumonia.batch.on_ray import answer_on_ray
from pneumonia.batch.rows import answer_all
from pneumonia.imaging.files import find_files

# An assumption: AWS's list price on demand, us-east-1, Linux, as of November 2026
MACHINE, CORES, DOLLARS_PER_HOUR = "c7i.4xlarge", 16, 0.714
MILLION = 1_000_000


def main() -> None:
    """Prints the rates, their ratio, and what a million images cost on paper."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", help="default: copies of the examples")
    parser.add_argument("--images", type=int, default=440)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--ray", action="store_true", help="on a local Ray, too")
    parser.add_argument("--machines", type=int, default=10, help="of the cluster")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch) / "images"
        if not arguments.folder:
            folder_of(folder, arguments.images)
        files, predictor = find_files([str(folder)]), load_predictor(threads=1)
        print(f"{len(files)} images, {arguments.rounds} rounds")
        ways = {"threads": lambda n: answer_all(files, predictor, n)}
        if arguments.ray:
            ways["ray"] = lambda n: answer_on_ray(files, predictor, workers=n)
        rates: dict[tuple[str, int], list[float]] = {}
        for _ in range(arguments.rounds):
            for way, answers in ways.items():
                for workers in (1, 2):
                    rate = _rate(answers(workers))
                    rates.setdefault((way, workers), []).append(rate)
    for way in ways:
        one, two = (rates[way, workers] for workers in (1, 2))
        ratios = [b / a / 2 for a, b in zip(one, two, strict=True)]
        print(
            f"{way:<8} one worker {statistics.median(one):.1f}/s, two "
            f"{statistics.median(two):.1f}/s, efficiency of two "
            f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        )
        _print_cost(statistics.median(two) / 2, arguments.machines)


def _rate(rows: Iterator) -> float:
    """Rows per second in the middle half: Ray's first and last come in heaps."""
    times = [time.perf_counter() for _ in rows]
    middle = slice(len(times) // 4, len(times) * 3 // 4)
    return statistics.linear_regression(times[middle], range(len(times))[middle]).slope


def _print_cost(rate: float, machines: int) -> None:
    """What a million images take, at a rate per core."""
    hours = MILLION / rate / CORES / machines / 3600
    dollars = hours * machines * DOLLARS_PER_HOUR
    print(
        f"  {rate:.1f}/s per core; a million on {machines} {MACHINE} of {CORES} cores: "
        f"{hours:.2f} h, {dollars:.2f} USD at {DOLLARS_PER_HOUR} USD an hour each"
    )


if __name__ == "__main__":
    main()
