"""Folders of radiographs -> films with a class, a patient and a side of the split."""

import csv
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..config import NORMAL, PNEUMONIA
from ..errors import ImageError, PneumoniaError
from ..images import load_image

CLASS_NAMES = (NORMAL, "BACTERIAL", "VIRAL")
FINDINGS_OF = {NORMAL: NORMAL, "BACTERIAL": PNEUMONIA, "VIRAL": PNEUMONIA}
FOLDS = 5

_SUFFIXES = {".bmp", ".dcm", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
_NORMAL_NAME = re.compile(r"((?:NORMAL2-)?IM-\d+)")
_PNEUMONIA_NAME = re.compile(r"(person\d+_(bacteria|virus))")
_PATHOGENS = {"bacteria": "BACTERIAL", "virus": "VIRAL"}
_LABELS = (*CLASS_NAMES, PNEUMONIA)
_SPLITS = ("", "train", "validation", "test")


@dataclass(frozen=True)
class Film:
    """One radiograph of a data set.

    Attributes:
        path: its file.
        class_name: one of `CLASS_NAMES`, or `PNEUMONIA` where nobody noted a pathogen:
            good for evaluation, no use for training.
        patient: key of the child; films of one child have the same.
        split: the side that the data set itself names: `train`, `validation`, `test`,
            or nothing.
    """

    path: Path
    class_name: str
    patient: str
    split: str = ""

    @property
    def finding(self) -> str:
        """`NORMAL` or `PNEUMONIA`."""
        return FINDINGS_OF.get(self.class_name, PNEUMONIA)


def read_films(source: str | Path) -> list[Film]:
    """Lists the radiographs of a data set, sorted by file name.

    Args:
        source: one of
            the Kermany 2018 folder, from Mendeley or Kaggle, where class and patient
            are in the file names: `IM-0115-0001`, `NORMAL2-IM-0383-0001`,
            `person1_bacteria_2`, `person3_virus_15`. Numbering restarts for each prefix
            and pathogen, so both belong to the patient's key;
            any folder with sub-folders named after classes (NORMAL, BACTERIAL, VIRAL,
            PNEUMONIA), where each file counts as a patient of its own;
            a CSV file with the columns `path` (relative to it) and `class`, and
            optionally `patient` and `split`.
    Raises:
        PneumoniaError: it cannot be read, or has no radiograph.
    """
    source = Path(source)
    if source.is_dir():
        paths = (p for p in source.rglob("*") if p.suffix.lower() in _SUFFIXES)
        films = [film for path in paths if (film := _film(path, source))]
    elif source.suffix.lower() == ".csv" and source.is_file():
        films = _read_manifest(source)
    else:
        raise PneumoniaError(
            f"{source.name} is no folder and no .csv file. Name a folder with "
            f"{NORMAL} and {PNEUMONIA} in it, or a list of files."
        )
    if not films:
        raise PneumoniaError(
            f"{source.name} holds no radiograph. Expected sub-folders {NORMAL} and "
            f"{PNEUMONIA} (or {', '.join(CLASS_NAMES[1:])}) with image files."
        )
    return sorted(films, key=lambda film: (film.path.name, film.path))


def _film(path: Path, root: Path) -> Film | None:
    folders = [part.upper() for part in path.relative_to(root.parent).parts[:-1]]
    split = "test" if "TEST" in folders else ""
    if match := _NORMAL_NAME.match(path.name):
        return Film(path, NORMAL, match[1], split)
    if match := _PNEUMONIA_NAME.match(path.name):
        return Film(path, _PATHOGENS[match[2]], match[1], split)
    if folders[-1] in _LABELS:
        return Film(path, folders[-1], f"{folders[-1]}/{path.name}", split)
    return None


def _read_manifest(source: Path) -> list[Film]:
    try:
        with source.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PneumoniaError(
            f"{source.name} cannot be read as CSV ({type(error).__name__}). Expected "
            "UTF-8 with the columns path, class and, if known, patient and split."
        ) from error
    films = []
    for line, row in enumerate(rows, start=2):
        path, label = row.get("path") or "", (row.get("class") or "").upper()
        split = row.get("split") or ""
        if not path or label not in _LABELS or split not in _SPLITS:
            raise PneumoniaError(
                f"{source.name}, line {line}: expected a path, a class of {_LABELS} "
                f"and a split of {_SPLITS[1:]} or none; found {path!r}, {label!r} and "
                f"{split!r}. Correct the line."
            )
        films.append(
            Film(source.parent / path, label, row.get("patient") or path, split)
        )
    return films


def split_films(films: Iterable[Film], fold: int = 0) -> tuple[list[Film], list[Film]]:
    """Splits films by patient into those to learn from and those to choose by.

    Split by patient, not by file: one child can have several films, and a film of a
    child that the network has seen would flatter every figure. Films of equal content
    stay on one side whatever their names say. A data set's test films are on neither.

    Args:
        films: from `read_films`; the split that they name themselves comes first.
        fold: which of the `FOLDS` parts of the patients to choose by. A patient's part
            hangs on the patient's key alone, so more films do not move it.
    Returns:
        Training films and validation films.
    Raises:
        PneumoniaError: a patient is on both sides, or a class is missing on one.
    """
    if not 0 <= fold < FOLDS:
        raise PneumoniaError(f"There are folds 0 to {FOLDS - 1}; found fold {fold}.")
    films = list(films)
    groups = _groups(films)
    sides = defaultdict(list)
    for film in films:
        drawn = "validation" if _fold(groups[film.patient]) == fold else "train"
        sides[film.split or drawn].append(film)
    _require_apart(sides, groups)
    _require_classes(sides["train"], "to train on")
    _require_classes(sides["validation"], "to validate on")
    return sides["train"], sides["validation"]


def _fold(patient: str) -> int:
    return int.from_bytes(hashlib.sha256(patient.encode()).digest()[:8]) % FOLDS


def _groups(films: Sequence[Film]) -> dict[str, str]:
    """Patient -> the first of the patients that share a file of equal content."""
    first_with = {}  # content -> patient
    group = {}  # patient -> an earlier patient, or itself

    def root(patient: str) -> str:
        while group.setdefault(patient, patient) != patient:
            patient = group[patient]
        return patient

    for film in films:
        content = _content(film)
        one, other = (
            root(film.patient),
            root(first_with.setdefault(content, film.patient)),
        )
        group[max(one, other)] = min(one, other)
    return {patient: root(patient) for patient in group}


def _content(film: Film) -> str:
    """Equal for equal files; an unreadable file equals only itself."""
    try:
        return hashlib.sha256(film.path.read_bytes()).hexdigest()
    except OSError:
        return str(film.path)


def _require_apart(sides: dict[str, list[Film]], groups: dict[str, str]) -> None:
    patients = {
        side: {groups[film.patient] for film in films} for side, films in sides.items()
    }
    for one, other in (
        ("train", "validation"),
        ("train", "test"),
        ("validation", "test"),
    ):
        if both := patients.get(one, set()) & patients.get(other, set()):
            raise PneumoniaError(
                f"{len(both)} patients have films in both {one} and {other}, for "
                f"example {min(both)}; figures would be flattered. Put all films of a "
                "patient, and all copies of a film, on one side."
            )


def _require_classes(films: Iterable[Film], use: str) -> None:
    found = {film.class_name for film in films}
    for name in CLASS_NAMES:
        if name not in found:
            raise PneumoniaError(
                f"There is no film of class {name} {use}; found {sorted(found)}. "
                f"Expected all of {CLASS_NAMES}: from folders of these names, from a "
                "CSV file, or by Kermany's file names (person1_virus_2.jpeg)."
            )
    if PNEUMONIA in found:
        raise PneumoniaError(
            f"Some films {use} are of class {PNEUMONIA} without a pathogen. Expected "
            f"{CLASS_NAMES}; leave them out or name their pathogen."
        )


def hold_out(
    films: Iterable[Film], names: Iterable[str]
) -> tuple[list[Film], list[Film]]:
    """Splits films by a list: those of the named files' patients, and the others.

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
    groups = _groups(films)
    patients = {groups[film.patient] for film in held}
    others = [
        film
        for film in films
        if groups[film.patient] not in patients and film.split != "test"
    ]
    _require_classes(others, "outside the list")
    return others, held


def read_names(path: str | Path) -> list[str]:
    """File names from a text file, one a line, as `train` leaves in `validation.txt`.

    Raises:
        PneumoniaError: it cannot be read, or names nothing.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PneumoniaError(
            f"{path.name} cannot be read as a list of file names "
            f"({type(error).__name__}). Expected UTF-8 text, one name a line."
        ) from error
    if not (names := [line.strip() for line in lines if line.strip()]):
        raise PneumoniaError(
            f"{path.name} is empty. Expected the names of films to hold out."
        )
    return names


def read_images(
    films: Iterable[Film],
) -> tuple[list[Film], list[np.ndarray], dict[str, str]]:
    """Reads the radiographs.

    Returns:
        The films that could be read; their images, uint8 (H, W) each; and for each
        other file, by name, a sentence that says why not.
    """
    readable, images, unreadable = [], [], {}
    for film in films:
        try:
            images.append(load_image(film.path))
            readable.append(film)
        except ImageError as error:
            unreadable[film.path.name] = str(error)
    return readable, images, unreadable


def labels_of(films: Iterable[Film]) -> np.ndarray:
    """Indices into `CLASS_NAMES`, int64 (N,)."""
    return np.array([CLASS_NAMES.index(film.class_name) for film in films])
