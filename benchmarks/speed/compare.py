"""Is the working tree faster or slower than a revision? Run before and after a change.

    python benchmarks/speed/compare.py [REVISION]

Checks the revision (one whose package has the folders of today) out beside the working
tree, answers the same images from both in turns, each in a process of its own, and
prints how the times compare, with the spread of the turns. A ratio whose spread has 1
within is no difference. What is
counted here is time, not instructions: emulators that count know neither AVX-512 nor
VNNI, in which the network runs.
"""

import argparse
import statistics
import subprocess
import tempfile
from pathlib import Path

from measured import command_line
from samples import folder_of, sample
from tables import OURS
from ways import ROOT, Process


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
    path = sample(scratch / "image.jpg")
    once, many = [str(path)] * 10, [str(scratch / "images")]
    folder_of(scratch / "images", 50)
    ways = {name: Process(OURS, scratch, tree) for name, tree in trees.items()}
    seconds: dict[str, dict[str, list[float]]] = {name: {} for name in trees}
    for turn in range(turns + 1):
        for job, files in (("image", once), ("stages", once), ("folder", many)):
            for name, way in ways.items():
                spans = way.ask(job, files)["seconds"]
                if not turn:  # which warms up
                    continue
                if job == "stages":
                    spans, kept = [stage["overlay"] for stage in spans], "overlay"
                else:
                    kept = job
                seconds[name].setdefault(kept, []).append(statistics.median(spans))
        for name, tree in trees.items():
            span, _ = command_line("predict", path, tree=tree)
            if turn:
                seconds[name].setdefault("cold start", []).append(span)
    for way in ways.values():
        way.stop()
    for job, before in seconds["before"].items():
        tell(job, before, seconds["after"][job])


def tell(job: str, before: list[float], after: list[float]) -> None:
    ratios = [new / old for old, new in zip(before, after, strict=True)]
    print(
        f"{job:<12} {statistics.median(ratios):.3f} of the time before "
        f"({min(ratios):.3f} to {max(ratios):.3f})"
    )


if __name__ == "__main__":
    main()
