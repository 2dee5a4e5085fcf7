"""The page around the answers: its head, its style, its script, its first words."""

import json
from collections.abc import Sequence
from pathlib import Path

from ..config import GATE_FILE, ModelConfig
from ..imaging import load_image
from . import about
from .answer import card, prevalence, thumbnail
from .texts import LANGUAGES, TEXTS, both, say

_FOLDER = Path(__file__).parent
_WIDGETS = [key for key in TEXTS if key.startswith("widget ")]

FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
CSS = (_FOLDER / "page.css").read_text(encoding="utf-8")
REVEAL = "() => document.querySelector('#verdict').scrollIntoView({block: 'nearest'})"

# A click on a sample, or on a row of the table of many, says which one it is.
PICK = """element.addEventListener("click", event => {
  const pick = event.target.closest(".pick, tr:has(.pick)");
  const { index, film } = (pick?.querySelector(".pick") ?? pick)?.dataset ?? {};
  if (index || film) trigger("click", { index: Number(index), film });
});"""


def script() -> str:
    """What the page's <head> holds: page.js, after the widgets' texts."""
    texts = [[say(key, code) for code in LANGUAGES] for key in _WIDGETS]
    code = (_FOLDER / "page.js").read_text(encoding="utf-8")
    data = json.dumps(texts, ensure_ascii=False).replace("<", "\\u003c")
    return f"<script>const TEXTS = {data};\n{code}</script>"


def widget(key: str) -> str:
    """The text of a widget of Gradio's, in English; page.js puts it in French."""
    return say(f"widget {key}", "en")


def header() -> str:
    """Title, what to do, the notice, and the switch of language."""
    switch = "".join(
        f'<button type="button" lang="{code}" data-speak="{code}">{name}</button>'
        for code, name in LANGUAGES.items()
    )
    return (
        f'<header class="own head"><div class="switch">{switch}</div>'
        f"<h1>{both('title')}</h1><p>{both('description')} "
        f"<b>{both('demonstration')}</b></p></header>"
    )


def samples(paths: Sequence[Path]) -> str:
    """The sample radiographs as buttons; a click on one is an event, see `PICK`.

    Args:
        paths: image files `KIND_NUMBER.jpg`.
    """
    buttons = []
    for index, path in enumerate(paths):
        kind, number = path.stem.split("_")
        name = both("sample " + kind, number=number)
        buttons.append(
            f'<button type="button" class="pick" data-index="{index}">'
            f'<img src="{thumbnail(load_image(path), 200)}" alt="">'
            f'<span class="hidden">{name}</span></button>'
        )
    return (
        f'<section class="own samples"><h2>{both("samples")}</h2>'
        f"<div>{''.join(buttons)}</div></section>"
    )


def explained(config: ModelConfig) -> str:
    """What an answer means and what the model knows, to be opened.

    Args:
        config: of the model.
    """
    known, values = about.knows(config, "explained knows")
    refuses = "explained refuses" if GATE_FILE in config.files else "doubt no gate"
    parts = (
        f"{both('explained probability')} {both(prevalence(config))}",
        both("explained verdict"),
        both(known, **values),
        both(refuses),
    )
    paragraphs = "".join(f"<p>{part}</p>" for part in parts)
    return (
        f'<details class="own explained"><summary>{both("explained")}</summary>'
        f"{paragraphs}</details>"
    )


def clear(kind: str) -> str:
    """A function of JavaScript: takes the image, returns the page without an answer.

    Args:
        kind: `asked` or `unfinished`, why there is none; where there is no image,
            `waiting`.
    """
    cards = [card(word) for word in (kind, "waiting")]
    hidden = ["{__type__: 'update', visible: false}"] * 2
    return f"image => [{json.dumps(cards)}[image ? 0 : 1], {', '.join(hidden)}]"
