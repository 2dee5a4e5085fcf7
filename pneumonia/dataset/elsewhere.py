"""Radiographs of other hospitals than the data set's: to learn from, or to judge by."""

import csv
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..config import FINDINGS
from ..errors import PneumoniaError

OTHER = "OTHER"  # neither normal nor known pneumonia


@dataclass(frozen=True)
class Elsewhere:
    """A radiograph of another hospital than the data set's.

    Attributes:
        path: its file.
        finding: `NORMAL`, `PNEUMONIA`, or `OTHER`: neither normal nor known pneumonia.
        source: the collection that it comes from.
        patient: key of the person.
        side: `learn` or `judge`; what judges is never learnt from.
    """

    path: Path
    finding: str
    source: str
    patient: str
    side: str


def read_elsewhere(manifest: str | Path) -> list[Elsewhere]:
    """Radiographs of other hospitals, from a CSV file.

    Args:
        manifest: with the columns `path` (`SOURCE/FINDING/FILE`, relative to it),
            `patient` and `side`; more are left alone.
    Raises:
        PneumoniaError: it cannot be read, or a line is not of this form.
    """
    manifest = Path(manifest)
    try:
        with manifest.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PneumoniaError(
            f"{manifest.name} cannot be read as CSV ({type(error).__name__}). Expected "
            "UTF-8 with the columns path, patient and side."
        ) from error
    images = []
    for line, row in enumerate(rows, start=2):
        path, side = PurePosixPath(row.get("path") or ""), row.get("side") or ""
        source, finding = (*path.parts[:2], "", "")[:2]
        if finding not in (*FINDINGS, OTHER) or side not in ("learn", "judge"):
            raise PneumoniaError(
                f"{manifest.name}, line {line}: expected a path SOURCE/FINDING/FILE "
                f"with a finding of {(*FINDINGS, OTHER)}, and a side, learn or judge; "
                f"found {str(path)!r} and {side!r}. Correct the line."
            )
        patient = row.get("patient") or path.name
        images.append(Elsewhere(manifest.parent / path, finding, source, patient, side))
    return images
