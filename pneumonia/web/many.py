"""Many radiographs as HTML, in both languages: a table that grows as answers come."""

import hashlib
from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np

from ..config import PNEUMONIA
from .answer import share, thumbnail, told
from .texts import both

_SIDE = 64  # pixels, the longer side of a thumbnail
_COUNTED = {"failed": "unreadable"}  # what a count is called, if not by its name
_COLUMNS = ("film", "file", "verdict", "likelihood", "kind", "strangeness")


def head() -> str:
    """The table's beginning; `row` adds to it, and no end is needed in HTML."""
    cells = f"<th>{both('column film')}</th>" + "".join(
        f'<th scope="col"><button type="button">{both("column " + name)}</button></th>'
        for name in _COLUMNS[1:]
    )
    return f'<table class="own rows"><thead><tr>{cells}</tr></thead><tbody>'


def key(path: str) -> str:
    """Tells a file from all others, those of its name too, without saying its path."""
    return hashlib.sha256(path.encode(errors="surrogatepass")).hexdigest()[:16]


def row(film: str, values: Mapping[str, Any], image: np.ndarray) -> str:
    """One answered radiograph; a click on it asks for its heatmap.

    Args:
        film: `key` of the file.
        values: a row of `pneumonia.batch`.
        image: uint8 (H, W).
    """
    p = values[PNEUMONIA]
    name = escape(values["file"])
    pick = (
        f'<button type="button" class="pick" data-film="{film}">'
        f'<img src="{thumbnail(image, _SIDE)}" alt="">'
        f'<span class="hidden">{both("show")} {name}</span></button>'
    )
    verdict = values["verdict"]
    part, subtype = _subtype(values)
    return (
        f'<tr><td>{pick}</td><td data-value="{name}">{name}</td>'
        f'<td data-value="{verdict}" class="{verdict}"><b>{both(verdict)}</b></td>'
        f'<td data-value="{p:.5f}">{share(p)}\u202f%</td>'
        f'<td data-value="{part:.5f}">{subtype}</td>'
        f'<td data-value="{values["ood_score"] or -1:.5f}">'
        f"{_strangeness(values['ood_score'])}</td></tr>"
    )


def _subtype(values: Mapping[str, Any]) -> tuple[float, str]:
    """The likelier kind of pneumonia, where that is the likelier finding."""
    shares = {name: values[name] or 0.0 for name in ("BACTERIAL", "VIRAL")}
    kind = max(shares, key=lambda name: shares[name])
    if values[PNEUMONIA] < 0.5 or not shares[kind]:
        return -1, "–"
    return shares[kind], f"{both(kind)} {share(shares[kind])}\u202f%"


def _strangeness(score: float | None) -> str:
    return "–" if score is None else both("score", score=score)


def head_apart() -> str:
    """The beginning of the list of files without an answer; `apart` adds to it."""
    return f'<section class="own apart"><h2>{both("apart")}</h2><ul>'


def apart(values: Mapping[str, Any], message: str, image: np.ndarray | None) -> str:
    """One file without an answer, and why.

    Args:
        values: a row of `pneumonia.batch`.
        message: of the package.
        image: uint8 (H, W); None where the file could not be read.
    """
    picture = "" if image is None else f'<img src="{thumbnail(image, _SIDE)}" alt="">'
    name = escape(values["file"])
    return f"<li>{picture}<div><b>{name}</b> {told(message)}</div></li>"


def progress(done: int, total: int, found: Mapping[str, int], csv: str = "") -> str:
    """How far it is, and what was found.

    Args:
        done: files of `total`.
        found: verdict, `refused` or `failed` -> number of files.
        csv: URL of the table, once it is there.
    """
    link = (
        f'<a class="button" href="{escape(csv)}" download="pneumonia.csv">'
        f"{both('download')}</a>"
        if csv
        else ""
    )
    counts = "".join(
        f'<li class="{name}"><b>{count}</b> {both(_COUNTED.get(name, name))}</li>'
        for name, count in found.items()
        if count
    )
    return (
        f'<section class="own progress"><p role="status">'
        f"{both('progress', done=done, total=total)}</p>"
        f'<progress max="{total}" value="{done}" aria-hidden="true"></progress>'
        f'<ul>{counts}</ul>{link}<p class="notice">{both("notice")}</p></section>'
    )
