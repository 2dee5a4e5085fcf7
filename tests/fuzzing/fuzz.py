"""Feeds the reader spoiled files: `python -m tests.fuzzing.fuzz --inputs 100000`.

Each must end in an image or an `ImageError`, within 2 s of the processor and 500 MB: no
other exception, no warning, no crash and no hang of the process. What decoders in C and
Rust write to stderr, nothing in Python can stop: it must be short. `--files FOLDER`
takes the files of a folder instead (Pillow's and pydicom's own, for instance), as they
are; `--crafted` those made by hand. Linux only: it reads and resets the peak of memory.
"""

import argparse
import itertools
import json
import os
import selectors
import subprocess
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))  # of a worker, which is run as a file

SECONDS, MEGABYTES, WORDS = 2.0, 500, 8192  # words: bytes on stderr, a backtrace
HANG = 60  # seconds after which a process is given up


@dataclass(frozen=True)
class Outcome:
    """What became of one input.

    Attributes:
        name: of the input.
        kind: `image`, `ImageError`, another exception's name, `crash`, `hang`, or
            `noise`: too many words on stderr.
        seconds: of the processor.
        megabytes: that the process grew by at most.
        words: of an exception other than `ImageError`, or on stderr.
        said: bytes on stderr.
    """

    name: str
    kind: str
    seconds: float = 0.0
    megabytes: float = 0.0
    words: str = ""
    said: int = 0

    @property
    def is_promised(self) -> bool:
        return (
            self.kind in ("image", "ImageError")
            and self.seconds <= SECONDS
            and self.megabytes <= MEGABYTES
        )


def inputs(arguments: list[str]) -> list[tuple[str, Callable[[], bytes]]]:
    """The same list in every process: names, and how each file is made."""
    from tests.support import hostile_files

    what, value, seed = arguments
    if what == "files":
        paths = sorted(path for path in Path(value).rglob("*") if path.is_file())
        return [(str(path.relative_to(value)), path.read_bytes) for path in paths]
    if what == "crafted":
        return list(hostile_files.crafted().items())
    files = list(hostile_files.seeds().items())

    def spoiled(number: int) -> bytes:
        random = np.random.default_rng([int(seed), number])
        other = files[random.integers(len(files))][1]
        return hostile_files.spoiled(files[number % len(files)][1], random, other)

    return [
        (f"{files[n % len(files)][0]} #{n}", lambda n=n: spoiled(n))
        for n in range(int(value))
    ]


def run(what: str, value: object = "", seed: int = 0) -> Iterator[Outcome]:
    """Reads every input, on every core; a process that dies costs one input."""
    arguments = [what, str(value), str(seed)]
    total, workers = len(inputs(arguments)), os.cpu_count() or 1
    bounds = np.linspace(0, total, workers + 1).astype(int)
    with selectors.DefaultSelector() as selector:
        for start, end in itertools.pairwise(bounds):
            _start(selector, arguments, start, end)
        while selector.get_map():
            ready = {key.fileobj for key, _ in selector.select(1)}
            for key in list(selector.get_map().values()):
                yield from _listen(selector, key, key.fileobj in ready, arguments)


def _start(selector, arguments: list[str], start: int, end: int) -> None:
    if start >= end:
        return
    command = [sys.executable, __file__, "--worker", *arguments, str(start), str(end)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    selector.register(
        process.stdout,
        selectors.EVENT_READ,
        {"process": process, "at": start, "end": end, "heard": time.monotonic()},
    )


def _listen(selector, key, is_ready: bool, arguments: list[str]) -> Iterator[Outcome]:
    state = key.data
    line = key.fileobj.readline() if is_ready else None
    if line:
        state["heard"], state["at"] = time.monotonic(), state["at"] + 1
        yield Outcome(**json.loads(line))
        return
    is_hung = line is None and time.monotonic() - state["heard"] > HANG
    if line is None and not is_hung:
        return
    selector.unregister(key.fileobj)
    state["process"].kill()
    code = state["process"].wait()
    key.fileobj.close()
    if state["at"] < state["end"]:
        name = inputs(arguments)[state["at"]][0]
        yield Outcome(name, "hang" if is_hung else "crash", words=f"exit code {code}")
        _start(selector, arguments, state["at"] + 1, state["end"])


# --- in a process of its own -------------------------------------------------------


def work(arguments: list[str], start: int, end: int) -> None:
    """Prints an outcome for each input, as it is known."""
    from pneumonia.imaging import load_image

    warnings.simplefilter("error")
    noise = os.memfd_create("stderr")
    os.dup2(noise, 2)  # decoders in C write there
    for name, make in inputs(arguments)[start:end]:
        data = make()
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak
        before, began = _peak(), time.process_time()
        kind, words = _read(load_image, data)
        seconds, megabytes = time.process_time() - began, _peak() - before
        said = os.fstat(noise).st_size
        if said > WORDS:
            kind, words = "noise", os.pread(noise, 200, 0).decode(errors="replace")
        os.ftruncate(noise, 0)
        os.lseek(noise, 0, os.SEEK_SET)
        outcome = Outcome(name, kind, seconds, megabytes, words, said)
        print(json.dumps(outcome.__dict__), flush=True)


def _read(load_image: Callable, data: bytes) -> tuple[str, str]:
    from pneumonia.errors import ImageError

    try:
        image = load_image(data)
    except ImageError as error:
        is_sentence = str(error).endswith(".") and len(str(error)) < 400
        return "ImageError" if is_sentence else "no sentence", str(error)[:200]
    except BaseException as error:
        return type(error).__name__, str(error)[:200]
    is_image = image.ndim == 2 and image.dtype == np.uint8 and image.flags.c_contiguous
    return "image" if is_image else f"{image.dtype} {image.shape}", ""


def _peak() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--files", metavar="FOLDER")
    parser.add_argument("--crafted", action="store_true")
    parser.add_argument("--worker", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        *arguments, start, end = options.worker
        work(arguments, int(start), int(end))
        return 0
    if options.files:
        outcomes = run("files", options.files)
    elif options.crafted:
        outcomes = run("crafted")
    else:
        outcomes = run("spoiled", options.inputs, options.seed)
    return _report(outcomes)


def _report(outcomes: Iterator[Outcome]) -> int:
    kinds, bad, slowest, largest = Counter(), 0, Outcome("", ""), Outcome("", "")
    loud = loudest = 0
    for outcome in outcomes:
        kinds[outcome.kind] += 1
        slowest = max(slowest, outcome, key=lambda it: it.seconds)
        largest = max(largest, outcome, key=lambda it: it.megabytes)
        loud, loudest = loud + bool(outcome.said), max(loudest, outcome.said)
        if not outcome.is_promised:
            bad += 1
            print(outcome, file=sys.stderr)
    print(f"{kinds.total():,} inputs: {dict(kinds.most_common())}")
    print(f"slowest: {slowest.seconds:.2f} s ({slowest.name})")
    print(f"largest: {largest.megabytes:.0f} MB ({largest.name})")
    print(f"words of decoders on stderr: {loud:,} inputs, at most {loudest:,} bytes")
    print(f"{bad} broke a promise")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
