"""Many files, wherever they are: read, and answered for in order."""

import os
from collections.abc import Iterator, Sequence
from typing import Any

from .batch import COLUMNS, row
from .errors import ImageError
from .imaging.files import File, is_another_thing, read
from .pool import in_order
from .predictor import Prediction, Predictor

# of the table of an archive: a row of `batch`, and what it was made from
ARCHIVE_COLUMNS: dict[str, type] = {
    **COLUMNS,
    "bytes": int,  # these two None: the file could not be read, a later run tries again
    "modified": str,  # ISO 8601, UTC; or what a remote file system tells versions by
    "model": str,  # name, version, and a digest of all that it is
}


def answer(file: File, predictor: Predictor, model: str) -> dict[str, Any] | None:
    """One row of `ARCHIVE_COLUMNS`, whatever becomes of the file.

    None: it was found in a folder of images, and is another thing: by its bytes no
    image, by its name none either (a damaged `film.png` is a row with an error).

    Args:
        model: see `model_name`.
    """
    try:
        content = read(file)
    except ImageError as error:
        known = {"bytes": None, "modified": None, "model": model}
        return {**row(file.path, Prediction(error=str(error))), **known}
    if not file.was_named and is_another_thing(file.path, content):
        return None
    (prediction,) = predictor.batch([content])
    known = {"bytes": file.bytes, "modified": file.modified, "model": model}
    return {**row(file.path, prediction), **known}


def answer_all(
    files: Sequence[File], predictor: Predictor, workers: int | None = None
) -> Iterator[dict[str, Any] | None]:
    """`answer` for each file, in order, reading ahead a little.

    Args:
        predictor: loaded with `threads=1`.
        workers: files at once; None: one per core.
    """
    model = model_name(predictor)
    workers = workers or os.cpu_count() or 1
    return in_order(
        lambda file: answer(file, predictor, model), files, workers, ahead=2 * workers
    )


def model_name(predictor: Predictor) -> str:
    """Which model answered: two that differ in anything have different names."""
    config = predictor.config
    return f"{config.name} {config.version} {config.digest[:12]}"
