"""Folders of radiographs -> films with a class and a patient."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..config import NORMAL, PNEUMONIA
from ..errors import PneumoniaError
from ..images import load_image

CLASS_NAMES = (NORMAL, "BACTERIAL", "VIRAL")
FINDINGS_OF = {NORMAL: NORMAL, "BACTERIAL": PNEUMONIA, "VIRAL": PNEUMONIA}

_NORMAL_NAME = re.compile(r"((?:NORMAL2-)?IM-\d+)")
_PNEUMONIA_NAME = re.compile(r"(person\d+_(bacteria|virus))")


@dataclass(frozen=True)
class Film:
    """One radiograph of the data set: its file, class and patient."""

    path: Path
    class_name: str
    patient: str


def read_kermany(folder: str | Path) -> list[Film]:
    """Lists the Kermany 2018 data set, sorted by file name.

    Class and patient are in the name: `IM-0115-0001`, `NORMAL2-IM-0383-0001`,
    `person1_bacteria_2`, `person3_virus_15`. Numbering restarts for each prefix and
    pathogen, so both belong to the patient's key.

    Args:
        folder: holds `NORMAL` and `PNEUMONIA`, at any depth.
    Raises:
        PneumoniaError: a class has no film.
    """
    paths = sorted(Path(folder).rglob("*.jp*g"), key=lambda path: path.name)
    films = [film for path in paths if (film := _film(path))]
    for name in CLASS_NAMES:
        if not any(film.class_name == name for film in films):
            raise PneumoniaError(
                f"Found {len(films)} radiographs, none of class {name}. Expected files "
                "named as in Kermany 2018 (IM-0115-0001.jpeg, person1_virus_2.jpeg)."
            )
    return films


def _film(path: Path) -> Film | None:
    if match := _NORMAL_NAME.match(path.name):
        return Film(path, NORMAL, match[1])
    if match := _PNEUMONIA_NAME.match(path.name):
        class_name = {"bacteria": "BACTERIAL", "virus": "VIRAL"}[match[2]]
        return Film(path, class_name, match[1])
    return None


def hold_out(
    films: Iterable[Film], names: Iterable[str]
) -> tuple[list[Film], list[Film]]:
    """Splits films by patient: those of the named files' patients, and the others.

    Split by patient, not by file: one child can have several films, and a film of a
    child that the network has seen would flatter every figure.

    Returns:
        The others' films, and the named films.
    Raises:
        PneumoniaError: a name is not among the films.
    """
    films, names = list(films), set(names)
    held = [film for film in films if film.path.name in names]
    missing = names - {film.path.name for film in held}
    if missing:
        raise PneumoniaError(
            f"{len(missing)} files of the list are not in the folder: "
            f"{sorted(missing)[:3]}... Name the folder that the list was made from."
        )
    patients = {film.patient for film in held}
    return [film for film in films if film.patient not in patients], held


def read_images(films: Iterable[Film]) -> list[np.ndarray]:
    """The radiographs, uint8 (H, W) each."""
    return [load_image(film.path) for film in films]


def labels_of(films: Iterable[Film]) -> np.ndarray:
    """Indices into `CLASS_NAMES`, int64 (N,)."""
    return np.array([CLASS_NAMES.index(film.class_name) for film in films])
