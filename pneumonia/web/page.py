"""What the page's events answer: an image, many, a sample, another language.

Nothing here raises for what a visitor gives: `show` and its like return the whole
answer, or why there is none, so that no answer stands beside another image.
"""

import functools
import time
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path

import gradio as gr
import numpy as np
from PIL import Image

from ..batch import row, write_csv
from ..errors import ImageError, PneumoniaError
from ..evaluation.published import Report, card_text
from ..imaging import load_image
from ..predictor import Prediction, Predictor, load_predictor
from . import many, model_page, result
from .limits import FAILED, report, uploaded
from .printout import printout
from .server import spoken, work, written
from .texts import TEXTS
from .translations import LANGUAGES, html, language_of, say

EXAMPLES = Path(__file__).parents[2] / "examples"
SAMPLES = {
    group: sorted(EXAMPLES.glob(f"{group}_*.jpg"))
    for group in ("normal", "bacterial", "viral")
}
SAMPLES["limits"] = [
    EXAMPLES / "limits" / name
    for name in ("uncertain.jpg", "unfamiliar.dcm", "refused.jpg")
]
_REFRESH = 0.5  # seconds between two looks at a table that grows
_THUMBNAIL = 220  # pixels of a sample's longer side


@functools.cache
def model() -> Predictor:
    """The model of `PNEUMONIA_MODEL`, else the bundled one; loaded at first use."""
    return load_predictor()


@functools.cache
def _report() -> Report | None:
    return Report.load(model().folder.path, model().config)


def read(image: str | None) -> Prediction:
    """What the model says of a file; waits for a worker.

    Raises:
        ImageError: there is none, or it cannot be read.
    """
    if not image:
        raise ImageError("Expected an X-ray, found no file. Upload one.")
    return work(model(), image)


def read_all(files: Sequence[str]) -> Iterator[Prediction]:
    """One prediction per file, in order; an unreadable one carries its error."""
    for file in files:
        yield work(next, model().batch([file]))


def png(pixels: np.ndarray) -> str:
    """Writes a picture for Gradio to serve.

    By runs alone it takes a fifth of the time of Gradio's own PNG, and 7 % more bytes.
    """
    save = functools.partial(Image.fromarray(pixels).save, compress_type=zlib.Z_RLE)
    return written("x-ray.png", save)


# ---- one X-ray


def show(image: str | None, child: str, language: str) -> tuple:
    """All that the page shows of one image: card, pictures, legend, the save button."""
    if not image:
        return without("")
    name = f'<p class="own">{escape(Path(image).name)}</p>{_hint(image, language)}'
    try:
        prediction = read(image)
    except PneumoniaError as error:
        return without(name + result.failed(error.message, language))
    except Exception as error:
        report(error)
        return without(name + result.failed(FAILED, language))
    card, limit = _card(prediction, child, language), model().config.cam_limit
    if prediction.refusal:
        return *without(name + card)[:3], gr.Button(visible=True)
    pictures = tuple(map(png, result.pictures(prediction, limit)))
    legend = result.legend(prediction, limit, language)
    shown = gr.ImageSlider(pictures, visible=True)
    return name + card, shown, legend, gr.Button(visible=True)


def without(card: str) -> tuple:
    """A card that stands alone."""
    return card, gr.ImageSlider(None, visible=False), "", gr.Button(visible=False)


def _card(prediction: Prediction, child: str, language: str) -> str:
    config, label = model().config, model().folder.label
    is_child = child != "no"
    return result.answer(prediction, config, label, _report(), language, is_child)


def offer(files: Sequence[str] | None, language: str) -> gr.Button:
    """Says that one of several X-rays is answered, and offers the rest."""
    count = len(files or ())
    return gr.Button(say("several", language, count=count), visible=count > 1)


def save(image: str | None, child: str, language: str, request: gr.Request) -> str:
    """The sheet of a result, as HTML; nothing of it is kept."""
    with spoken(request):
        prediction = read(image)
        card = _card(prediction, child, language)
        return printout(prediction, card, model().config, language, datetime.now(UTC))


# ---- samples


@functools.cache
def _thumbnails(group: str) -> list[Image.Image]:
    images = map(load_image, SAMPLES[group])
    return [Image.fromarray(result.scaled(image, _THUMBNAIL)) for image in images]


def galleries(language: str) -> list[list[tuple[Image.Image, str]]]:
    """The pictures of each group, and what is written under them."""
    words = {path: say(f"sample {path.stem}", language) for path in SAMPLES["limits"]}
    return [
        [
            (picture, words.get(path, path.stem[-1]))
            for path, picture in zip(paths, _thumbnails(group), strict=True)
        ]
        for group, paths in SAMPLES.items()
    ]


def _hint(image: str, language: str) -> str:
    """What to look for in a sample, as HTML; nothing for other files."""
    path = Path(image)
    for group, samples in SAMPLES.items():
        for ours in samples:
            if ours.name == path.name and ours.stat().st_size == path.stat().st_size:
                own = f"look {ours.stem}"
                key = own if own in TEXTS else f"look {group}"
                return f'<p class="own hint">{html(key, language)}</p>'
    return ""


# ---- many X-rays


def show_many(
    files: Sequence[str] | None, entries: list[many.Row], language: str
) -> Iterator[tuple]:
    """The table of many images, time and again while it grows; and the CSV file.

    Args:
        files: all that were given.
        entries: of those that were answered before.
    """
    files, shown = files or [], time.monotonic()
    entries = [entry for entry in entries if entry["path"] in files]
    known = {entry["path"] for entry in entries}
    waiting = [file for file in files if file not in known]
    for path, prediction in zip(waiting, read_all(waiting), strict=True):
        entries.append(many.entry(path, Path(path).name, prediction))
        # a longer table takes longer to send
        if time.monotonic() - shown > _REFRESH + len(entries) / 100:
            shown = time.monotonic()
            yield *in_table(entries, language, len(files)), None, entries
    csv = write_csv_file([entry["row"] for entry in entries]) if entries else None
    shown = gr.File(csv, visible=bool(csv))
    yield *in_table(entries, language), shown, entries


def in_table(
    entries: list[many.Row], language: str, total: int = 0
) -> tuple[str, gr.Dataframe]:
    """What was found so far, in a language: the progress, and the table."""
    told = many.progress(entries, total or len(entries), language)
    heads = [say(f"column {name}", language) for name in many.COLUMNS]
    rows = many.table(entries, language)
    return told, gr.Dataframe(rows, headers=heads, visible=bool(entries))


def row_number(event: gr.SelectData) -> int:
    """The number of a row of the table, wherever sorting has put it."""
    return int(event.row_value[0])


def show_row(
    entries: list[many.Row], number: int | None, child: str, language: str
) -> tuple:
    """The whole answer for one row of the table.

    The table may be older than the files beside it, so it is asked for its own.
    """
    if not number or number > len(entries):
        return without("")
    path = entries[number - 1]["path"]
    if not uploaded(path):
        return without(f'<p class="own">{html("gone", language)}</p>')
    return *show(path, child, language)[:3], gr.Button(visible=False)


def batch(files: Sequence[str] | None) -> tuple[list[list], str]:
    """The table of many images for programs, and the same as a CSV file."""
    if not files:
        raise ImageError("Expected X-rays, found no file. Upload some.")
    named = zip(files, read_all(files), strict=True)
    rows = [row(Path(path).name, prediction) for path, prediction in named]
    return [[*values.values()] for values in rows], write_csv_file(rows)


def write_csv_file(rows: Sequence[many.Row]) -> str:
    """Writes the table for Gradio to serve."""

    def write(path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="") as stream:
            write_csv(rows, stream)

    return written("pneumonia.csv", write)


# ---- the model


def show_model(threshold: float, prevalence: float, language: str) -> tuple:
    """What is known of the served model: words, curves, costs, card."""
    plots = [
        plot(
            curve(_report(), language),
            title=say(f"{name} title", language),
            x_title=say(f"{name} x", language),
            y_title=say(f"{name} y", language),
        )
        for name, plot, curve in (
            ("roc", gr.LinePlot, model_page.roc),
            ("reliability", gr.ScatterPlot, model_page.reliability),
        )
    ]
    config, folder = model().config, model().folder
    return (
        model_page.overview(config, folder.label, _report(), language),
        *plots,
        show_costs(threshold, prevalence, language),
        card_text(folder.path),
    )


def show_costs(threshold: float, prevalence: float, language: str) -> str:
    """What a threshold costs on the images that were measured."""
    return model_page.costs(_report(), threshold, prevalence, language)


# ---- a visit


def tab(name: str) -> gr.Tabs:
    """The tab that an address names."""
    return gr.Tabs(selected=name if name in ("many", "model") else "one")


def first_values(kept: dict | None, request: gr.Request) -> tuple:
    """Language and age group of a visit: those of the last one, else the browser's."""
    kept = kept if isinstance(kept, dict) else {}
    language = kept.get("language")
    if language not in LANGUAGES:
        language = language_of(request.headers)
    child = kept.get("child")
    child = child if child in ("yes", "no") else "unknown"
    return language, child, *galleries(language)
