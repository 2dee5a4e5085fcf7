"""Many files -> rows: one flat row of plain values per file, whatever becomes of it."""

import csv
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from ..config import NORMAL, PNEUMONIA
from ..errors import ImageError, out_of_memory
from ..imaging import Source
from ..imaging.bytes import MAX_BYTES
from ..imaging.files import File, as_text, is_another_thing, read
from ..inference.processors import processors
from ..predictor import Prediction, Predictor, in_order

ANSWERED, REFUSED, FAILED = "answered", "refused", "failed"

# of every table, in this order, and what a value is where it is not None
COLUMNS: dict[str, type] = {
    "file": str,
    "status": str,  # answered, refused or failed
    "verdict": str,  # NORMAL, PNEUMONIA or UNCERTAIN
    PNEUMONIA: float,  # calibrated probabilities, in [0, 1], that sum to 1
    NORMAL: float,
    "BACTERIAL": float,  # shares of the pneumonia, if it is pneumonia; sum to 1
    "VIRAL": float,
    "accepted": bool,
    "unfamiliar": bool,  # answered, but unlike what the model was measured on
    "caveats": str,  # codes of reasons to doubt the answer, separated by spaces
    "ood_score": float,  # above 1 the image is refused
    "error": str,  # why there is no answer, a sentence; of a refusal too
}

# of the table of an archive: a row of `batch`, and what it was made from
ARCHIVE_COLUMNS: dict[str, type] = {
    **COLUMNS,
    "bytes": int,  # these two None: the file could not be read, a later run tries again
    "modified": str,  # ISO 8601, UTC; or what a remote file system tells versions by
    "model": str,  # name, version, and a digest of all that it is
}

_UNKNOWN = 2**24  # bytes that a file is taken to have, where its server tells none

# What a spreadsheet may take for the start of a formula, in whatever language, by
# https://owasp.org/www-community/attacks/CSV_Injection; and the apostrophe itself, so
# that `plain` gets every text back.
_FORMULA = tuple("=+-@\t\r\n＝＋－＠'")


def row(file: str | os.PathLike[str], prediction: Prediction) -> dict[str, Any]:
    """What is known of one file, under the names of `COLUMNS`.

    Args:
        file: how to name it; what UTF-8 cannot hold of a name is written as `\\udcff`.
        prediction: of `Predictor.batch`. A model with other classes within pneumonia
            than BACTERIAL and VIRAL leaves those two None.
    """
    probabilities = prediction.probabilities or {}
    subtypes = prediction.subtypes or {}
    status = REFUSED if prediction.refusal else FAILED if prediction.error else ANSWERED
    return {
        "file": as_text(file),
        "status": status,
        "verdict": prediction.verdict,
        PNEUMONIA: probabilities.get(PNEUMONIA),
        NORMAL: probabilities.get(NORMAL),
        "BACTERIAL": subtypes.get("BACTERIAL"),
        "VIRAL": subtypes.get("VIRAL"),
        "accepted": prediction.accepted,
        "unfamiliar": prediction.unfamiliar if probabilities else None,
        "caveats": " ".join(caveat.code for caveat in prediction.caveats) or None,
        "ood_score": prediction.ood_score,
        "error": as_text(prediction.error or prediction.refusal or "") or None,
    }


def rows(
    files: Iterable[Source],
    predictor: Predictor,
    names: Iterable[str | os.PathLike[str]] | None = None,
) -> Iterator[dict[str, Any]]:
    """One row per file, in order, each as soon as it is known.

    Args:
        files: to answer for; what cannot be read is a row with its error.
        predictor: see `load_predictor`.
        names: how to name the files, one each; None: by their paths.
    """
    files = list(files)
    named = files if names is None else names
    for name, prediction in zip(named, predictor.batch(files), strict=True):
        yield row(name, prediction)


def answer(file: File, predictor: Predictor, model: str) -> dict[str, Any] | None:
    """One row of `ARCHIVE_COLUMNS`, whatever becomes of the file.

    None: it was found in a folder of images, and is another thing: by its bytes no
    image, by its name none either (a damaged `image.png` is a row with an error).

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
    if prediction.error == out_of_memory().message:  # is not the file's fault
        known = {"bytes": None, "modified": None, "model": model}
    return {**row(file.path, prediction), **known}


def answer_all(
    files: Sequence[File], predictor: Predictor, workers: int | None = None
) -> Iterator[dict[str, Any] | None]:
    """`answer` for each file, in order, reading ahead a little.

    Args:
        predictor: loaded with `threads=1`.
        workers: files at once, if they are small; None: one per core.
    """
    model = model_name(predictor)
    workers = workers or processors()
    share = _Share(MAX_BYTES)

    def work(file: File) -> dict[str, Any] | None:
        with share.of(_UNKNOWN if file.bytes is None else file.bytes):
            return answer(file, predictor, model)

    return in_order(work, files, workers, ahead=2 * workers)


class _Share:
    """Bytes of files that are held at once, however many work: one file or several."""

    def __init__(self, limit: int):
        self._limit, self._held = limit, 0
        self._changed = threading.Condition()

    @contextmanager
    def of(self, count: int) -> Iterator[None]:
        """Waits until there is room for as many, or nobody holds any."""
        with self._changed:
            self._changed.wait_for(
                lambda: not self._held or self._held + count <= self._limit
            )
            self._held += count
        try:
            yield
        finally:
            with self._changed:
                self._held -= count
                self._changed.notify_all()


def model_name(predictor: Predictor) -> str:
    """Which model answered: two that differ in anything have different names."""
    config = predictor.config
    return f"{config.name} {config.version} {config.digest[:12]}"


def write_csv(rows: Iterable[Mapping[str, Any]], stream: TextIO) -> None:
    """Writes rows as CSV with a header; no text in it is a formula to a spreadsheet.

    A text that starts as a formula does gets an apostrophe before it, which
    spreadsheets take for "what follows is text"; `plain` takes it away again. Numbers
    are never touched. None is an empty field.

    Args:
        rows: of `row`.
        stream: open for writing with `newline=""` and UTF-8.
    """
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)
    for values in rows:
        writer.writerow(csv_fields(values))


def csv_fields(
    values: Mapping[str, Any], columns: Iterable[str] = COLUMNS
) -> Sequence[Any]:
    """The fields of one line of CSV, in the order of `columns`; see `write_csv`."""
    return [_not_a_formula(values[name]) for name in columns]


def plain(field: str) -> str:
    """The text that `write_csv` wrote as this field."""
    return field[1:] if field[:1] == "'" and field[1:].startswith(_FORMULA) else field


def _not_a_formula(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return value
