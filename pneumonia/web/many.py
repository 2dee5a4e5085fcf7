"""Many X-rays as a table that Gradio shows and sorts."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from PIL import Image

from ..batch import row
from ..batch.rows import ANSWERED
from ..config import PNEUMONIA
from ..inference.calibration import UNCERTAIN
from ..predictor import Prediction
from .result import data_url, scaled, share
from .translations import html, say, word

# columns, and what `gr.Dataframe` calls their kinds
COLUMNS = {
    "number": "number",
    "image": "html",
    "verdict": "str",
    "p": "number",
    "kind": "str",
    "file": "str",
}
_SIDE = 56  # pixels, the longer side of a thumbnail

Row = dict[str, Any]


def entry(path: str, name: str, prediction: Prediction) -> Row:
    """What is kept of one file while its table is shown: plain values.

    Returns:
        `row`, as `pneumonia.batch` has it, `path`, `image`, a URL, and `kind`: a
        verdict, `unfamiliar`, `refused` or `failed`.
    """
    values, picture = row(name, prediction), ""
    kind = values["status"]
    if kind == ANSWERED:
        kind = "unfamiliar" if prediction.unfamiliar else values["verdict"]
    if prediction.image is not None:
        picture = data_url(Image.fromarray(scaled(prediction.image, _SIDE)), "JPEG")
    return {"row": values, "path": path, "image": picture, "kind": kind}


def table(entries: Sequence[Row], language: str) -> list[list[Any]]:
    """The rows of the table, in the order of `COLUMNS`."""
    return [
        [
            number,
            f'<img src="{entry["image"]}" alt="">' if entry["image"] else "–",
            say(f"row {entry['kind']}", language),
            _percent(entry),
            _cause(entry, language),
            entry["row"]["file"],
        ]
        for number, entry in enumerate(entries, start=1)
    ]


def progress(entries: Sequence[Row], total: int, language: str) -> str:
    """How far it is, and what was found, as HTML."""
    if not total:
        return ""
    done = html("progress", language, done=len(entries), total=total)
    bar = f'<progress max="{total}" value="{len(entries)}" aria-hidden="true">'
    bar = f"{bar}</progress>" if len(entries) < total else ""
    found = Counter(say(f"row {entry['kind']}", language) for entry in entries)
    counts = " · ".join(f"{name} {count}" for name, count in found.items())
    return (
        f'<div class="own progress"><p role="status">{done}</p>'
        f'{bar}<p>{counts}</p><p class="notice">{html("notice", language)}</p></div>'
    )


def _percent(entry: Row) -> float | None:
    """A probability to sort by, in percent, never as a certainty."""
    p = entry["row"][PNEUMONIA]
    if p is None or entry["kind"] == "unfamiliar":
        return None
    return min(max(round(100 * p, 1), 0.1), 99.9)


def _cause(entry: Row, language: str) -> str:
    """The likelier cause, where pneumonia is the likelier finding."""
    found = entry["row"]
    if entry["kind"] not in (PNEUMONIA, UNCERTAIN) or found[PNEUMONIA] < 0.5:
        return "–"
    name = max(("BACTERIAL", "VIRAL"), key=lambda it: found[it] or 0.0)
    return f"{word(name, language)} {share(found[name] or 0.0)} %"
