"""A list of files with their classes -> radiographs."""

import csv
import io
import re
from pathlib import Path

from ..errors import PneumoniaError
from .radiograph import LABELS, Radiograph, class_of

_SPLITS = {
    "": "",
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
LISTS = (".csv", ".tsv", ".txt")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def read_manifest(source: Path) -> list[Radiograph]:
    """Reads a CSV file with the columns `path` and `class`, a line for each file.

    Columns are separated by commas, semicolons or tabs, and their names may be in any
    case and order; `patient` and `split` may be there, others are not looked at. Paths
    are relative to the file, with either slash.

    Raises:
        PneumoniaError: it cannot be read, or a line says something else.
    """
    text = _text(source)
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    try:
        rows = [*csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)]
    except csv.Error as error:
        raise PneumoniaError(
            f"{source.name} cannot be read as CSV: {error}. Save it again."
        ) from error
    columns = [name.strip().lower() for name in rows[0]] if rows else []
    if not {"path", "class"} <= {*columns}:
        raise PneumoniaError(
            f"{source.name}: expected the columns path and class, and if known patient "
            "and split, separated by commas, semicolons or tabs; found "
            f"{', '.join(map(repr, columns)) or 'none'}. Name them in the first line."
        )
    radiographs = [
        _radiograph(
            source, number, dict(zip(columns, map(str.strip, row), strict=False))
        )
        for number, row in enumerate(rows[1:], start=2)
        if any(map(str.strip, row))
    ]
    missing = [one for one in radiographs if not one.path.exists()]
    if missing and len(missing) == len(radiographs):
        raise PneumoniaError(
            f"{source.name} lists {len(missing):,} files, and none of them is there, "
            f"{missing[0].patient!r} the first. Paths are relative to the list: put it "
            "beside the files, or correct them."
        )
    return radiographs


def _text(source: Path) -> str:
    try:
        content = source.read_bytes()
        is_wide = content.startswith(_UTF_16)  # "Unicode text" of Excel
        return content.decode("utf-16" if is_wide else "utf-8").removeprefix("\ufeff")
    except OSError as error:
        raise PneumoniaError(
            f"{source.name} cannot be read: {error.strerror}. Check its permissions."
        ) from error
    except UnicodeDecodeError as error:
        raise PneumoniaError(
            f"{source.name} is no text in UTF-8. Expected a list of files and classes; "
            'save it as "CSV UTF-8".'
        ) from error


def _radiograph(source: Path, line: int, row: dict[str, str]) -> Radiograph:
    path, label = row.get("path", ""), row.get("class", "")
    class_name, split = class_of(label), _SPLITS.get(row.get("split", "").lower())
    if not path or class_name is None or split is None:
        raise PneumoniaError(
            f"{source.name}, line {line}: expected a path, a class of "
            f"{', '.join(LABELS)} and a split of train, validation, test or none; "
            f"found {path!r}, {label!r} and {row.get('split', '')!r}. Correct it."
        )
    found = source.parent / path
    if "\\" in path and not found.exists():  # a list made on Windows
        found = source.parent / re.sub(r"\\+", "/", path)
    return Radiograph(found, class_name, row.get("patient") or path, split)
