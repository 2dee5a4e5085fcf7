"""`batch`: answers for a whole archive, into a table."""

import argparse
import contextlib
import json
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

from ..errors import PneumoniaError
from .notice import NOTICE

_OUTCOMES = ("answered", "refused", "failed", "skipped")


def add(verbs: Any) -> None:
    """Adds the verb to the command line's parser."""
    batch = verbs.add_parser(
        "batch",
        help="answer for a whole archive, into a table",
        description="Answers for every file of an archive, a row each, also for what "
        "is refused or cannot be read. Started again, it goes on where it stopped: "
        "only files that are new or have changed since are answered for. In folders, "
        "hidden files and what is no image by its bytes nor by its name are skipped. "
        + NOTICE,
        epilog="Exit code: 0 all files answered, 1 some were refused or failed, 2 "
        "misuse.",
    )
    batch.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="folder, file, pattern, or URL that fsspec knows, such as s3://...",
    )
    batch.add_argument(
        "--out",
        required=True,
        metavar="OUT",
        help="table to write or to go on with: .csv, .jsonl, or .parquet, which is a "
        "folder of parts",
    )
    batch.add_argument("--model", help="OWNER/NAME[@REVISION] on the Hub, or a folder")
    batch.add_argument(
        "--workers", type=_count, metavar="N", help="files at once; default: per core"
    )
    batch.add_argument(
        "--ray",
        nargs="?",
        const="local",
        metavar="ADDRESS",
        help="work on a Ray cluster; without an address, on a new one of this machine",
    )
    batch.add_argument(
        "--json", action="store_true", help="print the counts as JSON to stdout"
    )
    batch.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the verb and returns the exit code."""
    from tqdm import tqdm

    from ..batch.rows import answer_all, model_name
    from ..batch.tables import open_table
    from ..imaging.files import find_files
    from ..predictor import load_predictor

    table = open_table(arguments.out)
    files = find_files(arguments.inputs, leave_out=arguments.out)
    predictor = load_predictor(arguments.model, threads=1)
    print(f"model {predictor.folder.label}. {NOTICE}", file=sys.stderr)
    with _told(arguments.out):
        done, left = table.resume(files, model_name(predictor))
    counts = Counter(done)
    if arguments.ray:
        from ..batch.on_ray import answer_on_ray

        rows = answer_on_ray(left, predictor, arguments.ray, arguments.workers)
    else:
        rows = answer_all(left, predictor, arguments.workers)
    bar = tqdm(rows, "files", len(files), initial=done.total(), disable=None)
    try:
        with _told(arguments.out), table, contextlib.closing(rows):
            for row in bar:
                if row:
                    table.append(row)
                counts[row["status"] if row else "skipped"] += 1
    except KeyboardInterrupt:
        print("Interrupted; the same command goes on.", file=sys.stderr)
        raise
    words = ", ".join(f"{counts[name]:,} {name}" for name in _OUTCOMES)
    print(f"{arguments.out}: {words}; {done.total():,} before.", file=sys.stderr)
    if arguments.json:
        counted = {name: counts[name] for name in _OUTCOMES}
        print(json.dumps({**counted, "before": done.total()}))
    return 1 if counts["refused"] or counts["failed"] else 0


@contextlib.contextmanager
def _told(out: str) -> Iterator[None]:
    """Says of a table that the system refuses to read or to write why it does."""
    try:
        yield
    except OSError as error:
        raise PneumoniaError(
            f"{out} cannot be read or written: {error.strerror}. See to it; the same "
            "command goes on where it stopped."
        ) from error


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, found {text!r}")
    return int(text)
