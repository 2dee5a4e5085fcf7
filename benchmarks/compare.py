"""Is the working tree faster or slower than a revision? Run before and after a change.

    python benchmarks/compare.py [REVISION]

Checks the revision out beside the working tree, answers the same films from both in
turns, each in a process of its own, and prints how the times compare, with the spread
of the turns. A ratio whose spread has 1 within is no difference. What is counted here
is time, not instructions: emulators that count know neither AVX-512 nor VNNI, in which
the network runs.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from films import film, folder_of

ROOT = Path(__file__).parents[1]
# Each tree runs this with its own package: revisions since 0.2.0 can.
WORKER = """
import sys, time
from pneumonia import load_predictor
from pneumonia.archive import answer_all, find_files
from pneumonia.cam import overlay
predictor, narrow = load_predictor(), load_predictor(threads=1)
film, folder = sys.argv[1:]
files = find_files([folder])
def answer():
    return predictor(film).cam
def explain():
    prediction = predictor(film)
    overlay(prediction.image, prediction.cam, predictor.config.cam_limit)
def batch():
    assert all(answer_all(files, narrow))
for line in sys.stdin:
    job = {"answer": answer, "explain": explain, "batch": batch}[line.strip()]
    start = time.perf_counter()
    for _ in range(1 if job is batch else 10):
        job()
    print(time.perf_counter() - start, flush=True)
"""
JOBS = "answer", "explain", "batch"


def main() -> None:
    """Prints a line for each job."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("revision", nargs="?", default="HEAD")
    parser.add_argument("--turns", type=int, default=8)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        before = scratch / "before"
        git = ["git", "-C", ROOT, "worktree"]
        subprocess.run(
            [*git, "add", "--detach", before, arguments.revision],
            check=True,
            capture_output=True,
        )
        try:
            compare({"before": before, "after": ROOT}, scratch, arguments.turns)
        finally:
            subprocess.run([*git, "remove", "--force", before], check=True)


def compare(trees: dict[str, Path], scratch: Path, turns: int) -> None:
    path = film(scratch / "film.jpg")
    folder_of(scratch / "films", 50)
    workers = {
        name: subprocess.Popen(
            [sys.executable, "-c", WORKER, path, scratch / "films"],
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name, tree in trees.items()
    }
    seconds: dict[tuple[str, str], list[float]] = {}
    starts: dict[str, list[float]] = {}
    for turn in range(turns + 1):
        for job in JOBS:
            for name, worker in workers.items():
                with contextlib.suppress(BrokenPipeError):
                    print(job, file=worker.stdin, flush=True)
                taken = float(worker.stdout.readline() or "nan")
                if worker.poll() is not None:
                    raise SystemExit(f"{job!r} fails with the package of {name!r}")
                if turn:  # the one before warms up
                    seconds.setdefault((name, job), []).append(taken)
        for name, tree in trees.items():
            start = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "pneumonia", "predict", path],
                cwd=tree,
                env={**os.environ, "PYTHONPATH": str(tree)},
                check=True,
                capture_output=True,
            )
            starts.setdefault(name, []).append(time.perf_counter() - start)
    for worker in workers.values():
        worker.communicate()
    for job in JOBS:
        tell(job, seconds["before", job], seconds["after", job])
    tell("cold start", starts["before"][1:], starts["after"][1:])


def tell(job: str, before: list[float], after: list[float]) -> None:
    ratios = [new / old for old, new in zip(before, after, strict=True)]
    print(
        f"{job:<12} {statistics.median(ratios):.3f} of the time before "
        f"({min(ratios):.3f} to {max(ratios):.3f})"
    )


if __name__ == "__main__":
    main()
