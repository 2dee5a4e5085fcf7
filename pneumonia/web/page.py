"""What the page's events answer: an image, many, a sample, another language.

Nothing here raises for what a visitor gives: `show` and its like return the whole
answer, or why there is none, so that no answer stands beside another image.
"""

import functools
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from ..batch import row, write_csv
from ..errors import ImageError, PneumoniaError
from ..imaging import load_image
from ..predictor import Prediction, Predictor, load_predictor
from . import many, model_page, result
from .printout import printout
from .server import FAILED, TURNS, new_file, report, uploaded
from .texts import TEXTS
from .translations import LANGUAGES, html, language_of, say, translate

EXAMPLES = Path(__file__).parents[2] / "examples"
GROUPS = ("normal", "bacterial", "viral", "limits")
_REFRESH = 0.5  # seconds between two looks at a table that grows
_THUMBNAIL = 220  # pixels of a sample's longer side


@functools.cache
def model() -> Predictor:
    """The model of `PNEUMONIA_MODEL`, else the bundled one; loaded at first use."""
    return load_predictor()


@functools.cache
def _report() -> model_page.Report | None:
    return model_page.read_report(model().folder.path, model().config)


def read(image: str | None) -> Prediction:
    """What the model says of a file; waits for a worker.

    Raises:
        ImageError: there is none, or it cannot be read.
    """
    if not image:
        raise ImageError("Expected a radiograph, found no file. Upload one.")
    with TURNS.turn():
        return model()(image)


def read_all(files: Sequence[str]) -> Iterator[Prediction]:
    """One prediction per file, in order; an unreadable one carries its error."""
    for file in files:
        with TURNS.turn():
            (prediction,) = model().batch([file])
        yield prediction


def png(pixels: np.ndarray) -> str:
    """Writes a picture where Gradio serves it and the server deletes it.

    Compression level 1 takes a fifth of the time of Gradio's own PNG, and a fifth more
    bytes.
    """
    path = new_file("x-ray.png")
    Image.fromarray(pixels).save(path, compress_level=1)
    return str(path)


# ---- one X-ray


def show(image: str | None, child: str, language: str) -> tuple:
    """All that the page shows of one image: card, pictures, legend, the save button."""
    if not image:
        return without("")
    try:
        prediction = read(image)
    except PneumoniaError as error:
        return without(result.failed(error.message, language))
    except Exception as error:
        report(error)
        return without(result.failed(FAILED, language))
    card = _hint(image, language) + _card(prediction, child, language)
    if prediction.refusal:
        return *without(card)[:3], gr.Button(visible=True)
    limit = model().config.cam_limit
    pictures = tuple(map(png, result.pictures(prediction, limit)))
    legend = result.legend(prediction, limit, language)
    shown = gr.ImageSlider(pictures, visible=True)
    return card, shown, legend, gr.Button(visible=True)


def without(card: str) -> tuple:
    """A card that stands alone."""
    return card, gr.ImageSlider(None, visible=False), "", gr.Button(visible=False)


def _card(prediction: Prediction, child: str, language: str) -> str:
    config, label = model().config, model().folder.label
    is_child = child != "no"
    return result.answer(prediction, config, label, _report(), language, is_child)


def save(image: str | None, child: str, language: str) -> str:
    """The sheet of a result, as HTML; nothing of it is kept."""
    try:
        prediction = read(image)
    except PneumoniaError as error:
        why = escape(translate(error.message, language))
        raise gr.Error(why, print_exception=False) from error
    card = _card(prediction, child, language)
    return printout(prediction, card, model().config, language, datetime.now(UTC))


# ---- samples


@functools.cache
def samples(group: str) -> tuple[Path, ...]:
    """The sample files of a group."""
    if group == "limits":
        names = ("uncertain.jpg", "unfamiliar.dcm", "refused.jpg")
        return tuple(EXAMPLES / group / name for name in names)
    return tuple(sorted(EXAMPLES.glob(f"{group}_*.jpg")))


@functools.cache
def _thumbnails(group: str) -> tuple[Image.Image, ...]:
    return tuple(
        Image.fromarray(result.scaled(load_image(path), _THUMBNAIL))
        for path in samples(group)
    )


def gallery(group: str, language: str) -> list[tuple[Image.Image, str]]:
    """The pictures of a group, and what is written under them."""
    captions = [
        say(f"sample {path.stem}", language)
        if group == "limits"
        else path.stem.rpartition("_")[2]
        for path in samples(group)
    ]
    return [*zip(_thumbnails(group), captions, strict=True)]


def sample(group: str, index: Any) -> str | None:
    """The sample that was chosen; None where that is no such thing."""
    paths = samples(group)
    is_one = isinstance(index, int) and 0 <= index < len(paths)
    return str(paths[index]) if is_one else None


def _hint(image: str, language: str) -> str:
    """What to look for in a sample, as HTML; nothing for other files."""
    path = Path(image)
    for group in GROUPS:
        for ours in samples(group):
            if ours.name == path.name and ours.stat().st_size == path.stat().st_size:
                keys = (f"look {ours.stem}", f"look {group}")
                known = next(key for key in keys if key in TEXTS)
                return f'<p class="own hint">{html(known, language)}</p>'
    return ""


# ---- many X-rays


def show_many(files: Sequence[str] | None, language: str) -> Iterator[tuple]:
    """The table of many images, time and again while it grows; and the CSV file."""
    files, entries, shown = files or [], [], time.monotonic()
    for path, prediction in zip(files, read_all(files), strict=True):
        number, name = len(entries) + 1, Path(path).name
        entries.append(many.entry(number, path, name, prediction))
        # a longer table takes longer to send
        if time.monotonic() - shown > _REFRESH + len(entries) / 100:
            shown = time.monotonic()
            yield *in_table(entries, language, len(files)), None, entries
    csv = write_csv_file([many.only(entry) for entry in entries]) if entries else None
    yield (
        *in_table(entries, language),
        gr.File(csv, visible=csv is not None),
        entries,
    )


def in_table(entries: list[many.Row], language: str, total: int = 0) -> tuple[str, Any]:
    """What was found so far, in a language: the progress, and the table."""
    told = many.progress(entries, total or len(entries), language)
    rows, heads = many.table(entries, language), many.heads(language)
    return told, gr.Dataframe(rows, headers=heads, visible=bool(entries))


def row_number(event: gr.SelectData) -> int | None:
    """The number of a row of the table, wherever sorting has put it."""
    try:
        return int(event.row_value[0])
    except (TypeError, ValueError, IndexError):
        return None


def show_row(
    entries: list[many.Row], number: int | None, child: str, language: str
) -> tuple:
    """The whole answer for one row of the table.

    The table may be older than the files beside it, so it is asked for its own.
    """
    entry = next((entry for entry in entries if entry["number"] == number), None)
    if entry is None:
        return without("")
    if not uploaded(entry["path"]):
        return without(f'<p class="own">{html("gone", language)}</p>')
    card, *others = show(entry["path"], child, language)
    title = f'<h2 class="own file">{number}. {escape(entry["file"])}</h2>'
    return title + card, *others[:2], gr.Button(visible=False)


def batch(files: Sequence[str] | None) -> tuple[list[list], str]:
    """The table of many images for programs, and the same as a CSV file."""
    if not files:
        raise ImageError("Expected radiographs, found no file. Upload some.")
    named = zip(files, read_all(files), strict=True)
    rows = [row(Path(path).name, prediction) for path, prediction in named]
    return [[*values.values()] for values in rows], write_csv_file(rows)


def write_csv_file(rows: Sequence[many.Row]) -> str:
    """Writes the table where Gradio serves it and the server deletes it."""
    path = new_file("pneumonia.csv")
    with path.open("w", encoding="utf-8", newline="") as stream:
        write_csv(rows, stream)
    return str(path)


# ---- the model


def show_model(threshold: float, prevalence: float, language: str) -> tuple:
    """What is known of the served model: words, curves, costs, card."""
    config, folder = model().config, model().folder
    found, label = _report(), folder.label
    plots = [
        plot(
            curve(found, language),
            title=say(f"{name} title", language),
            x_title=say(f"{name} x", language),
            y_title=say(f"{name} y", language),
        )
        for name, plot, curve in (
            ("roc", gr.LinePlot, model_page.roc),
            ("reliability", gr.ScatterPlot, model_page.reliability),
        )
    ]
    costs = show_costs(threshold, prevalence, language)
    return (
        model_page.overview(folder.path, config, label, found, language),
        *plots,
        costs,
        model_page.background(config, label, found, language),
        model_page.card_text(folder.path),
    )


def show_costs(threshold: float, prevalence: float, language: str) -> str:
    """What a threshold costs on the images that were measured."""
    return model_page.costs(_report(), model().config, threshold, prevalence, language)


# ---- a visit


def galleries(language: str) -> list[list]:
    """The pictures of all groups."""
    return [gallery(group, language) for group in GROUPS]


def tab(name: str) -> gr.Tabs:
    """The tab that an address names."""
    return gr.Tabs(selected=name if name in ("many", "model") else "one")


def pasted(value: Any) -> str | None:
    """The path of a file that came from the clipboard."""
    return value.get("path") if isinstance(value, dict) else None


def first_values(kept: dict | None, request: gr.Request) -> tuple:
    """Language and age group of a visit: those of the last one, else the browser's."""
    kept = kept if isinstance(kept, dict) else {}
    language = kept.get("language")
    if language not in LANGUAGES:
        language = language_of(request.headers)
    child = kept.get("child")
    child = child if child in ("yes", "no") else "unknown"
    return language, child, *galleries(language)
