"""Many radiographs as a table that Gradio shows and sorts."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..batch import COLUMNS as CSV_COLUMNS
from ..batch import row
from ..batch.rows import ANSWERED
from ..config import PNEUMONIA
from ..inference.calibration import UNCERTAIN
from ..predictor import Prediction
from .result import is_familiar, share, thumbnail
from .translations import html, say, word

COLUMNS = ("number", "image", "file", "verdict", "p", "kind")
KINDS = ("number", "html", "str", "str", "number", "str")  # of `gr.Dataframe`
_SIDE = 56  # pixels, the longer side of a thumbnail

Row = dict[str, Any]


def entry(number: int, path: str, name: str, prediction: Prediction) -> Row:
    """What is kept of one file while its table is shown: plain values.

    Returns:
        A row of `pneumonia.batch`, and `number`, `path`, `image` (a URL) and `kind`: a
        verdict, `unfamiliar`, `refused` or `failed`.
    """
    values = row(name, prediction)
    kind = values["status"]
    if kind == ANSWERED:
        kind = values["verdict"] if is_familiar(prediction) else "unfamiliar"
    image = prediction.image
    picture = "" if image is None else thumbnail(image, _SIDE)
    return values | {"number": number, "path": path, "image": picture, "kind": kind}


def only(entry: Row) -> Row:
    """The row of `pneumonia.batch` in an entry."""
    return {name: entry[name] for name in CSV_COLUMNS}


def table(entries: Sequence[Row], language: str) -> list[list[Any]]:
    """The rows of the table, in the order of `COLUMNS`."""
    return [
        [
            entry["number"],
            f'<img src="{entry["image"]}" alt="">' if entry["image"] else "–",
            entry["file"],
            say(f"row {entry['kind']}", language),
            None if entry["kind"] == "unfamiliar" else _percent(entry[PNEUMONIA]),
            _kind(entry, language),
        ]
        for entry in entries
    ]


def heads(language: str) -> list[str]:
    """The table's column names."""
    return [say(f"column {name}", language) for name in COLUMNS]


def progress(entries: Sequence[Row], total: int, language: str) -> str:
    """How far it is, and what was found, as HTML."""
    if not total:
        return f'<p class="own">{html("no files", language)}</p>'
    done = html("progress", language, done=len(entries), total=total)
    found = Counter(say(f"row {entry['kind']}", language) for entry in entries)
    counts = "".join(
        f"<li>{html('count', language, name=name, count=count)}</li>"
        for name, count in found.items()
    )
    return (
        f'<div class="own progress"><p role="status">{done}</p>'
        f'<progress max="{total}" value="{len(entries)}" aria-hidden="true"></progress>'
        f'<ul>{counts}</ul><p class="notice">{html("notice", language)}</p></div>'
    )


def _percent(p: float | None) -> float | None:
    """A probability to sort by, in percent, never as a certainty."""
    return None if p is None else min(max(round(100 * p, 1), 0.1), 99.9)


def _kind(entry: Row, language: str) -> str:
    """The likelier cause, where pneumonia is the likelier finding."""
    if entry["kind"] not in (PNEUMONIA, UNCERTAIN) or entry[PNEUMONIA] < 0.5:
        return "–"
    shares = {name: entry[name] or 0.0 for name in ("BACTERIAL", "VIRAL")}
    kind = max(shares, key=shares.get)
    return f"{word(kind, language)} {share(shares[kind])} %"
