"""Folders of radiographs -> films with a class, a patient and a side of the split."""

import csv
import hashlib
import os
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

import numpy as np
from tqdm import tqdm

from .config import NORMAL, PNEUMONIA
from .errors import ImageError, PneumoniaError
from .imaging import load_image

CLASS_NAMES = (NORMAL, "BACTERIAL", "VIRAL")
FINDINGS_OF = {NORMAL: NORMAL, "BACTERIAL": PNEUMONIA, "VIRAL": PNEUMONIA}
FOLDS = 5
VALIDATION_FILE = "validation.txt"  # names of held-out films; see `names_of`

KERMANY_2018 = "kermany-2018"  # `dataset` of config.json
KERMANY = "Kermany 2018, Mendeley Data, doi 10.17632/rscbjbr9sj.2, CC BY 4.0"

_SUFFIXES = {".bmp", ".dcm", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
_NORMAL_NAME = re.compile(r"((?:NORMAL2-)?IM-\d+)")
_PNEUMONIA_NAME = re.compile(r"(person\d+_(bacteria|virus))")
_PATHOGENS = {"bacteria": "BACTERIAL", "virus": "VIRAL"}
_LABELS = (*CLASS_NAMES, PNEUMONIA)
_SPLITS = ("", "train", "validation", "test")

T = TypeVar("T")


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
            PNEUMONIA), where each file counts as a patient of its own, and the folder
            is believed where a file's name says something else;
            a CSV file with the columns `path` (relative to it) and `class`, and
            optionally `patient` and `split`.
    Raises:
        PneumoniaError: it cannot be read, or has no radiograph.
    """
    source = Path(source)
    if source.is_dir():
        paths = (p for p in sorted(source.rglob("*")) if _is_image(p, source))
        films = _once([film for path in paths if (film := _film(path, source))])
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


def _is_image(path: Path, root: Path) -> bool:
    """Not what an archive of a Mac has beside each file: `__MACOSX/._film.jpeg`."""
    parts = path.relative_to(root).parts
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return path.suffix.lower() in _SUFFIXES and not hidden


def _film(path: Path, root: Path) -> Film | None:
    inside = path.relative_to(root)
    folders = [part.upper() for part in (root.resolve().name, *inside.parts[:-1])]
    split = "test" if "TEST" in folders else ""
    depths = [depth for depth, name in enumerate(folders) if name in _LABELS]
    if depths == [0] and len(folders) > 1:  # the root's own name, of folders of others
        depths = []
    label = folders[depths[-1]] if depths else ""
    # what lies in the class's folder is a patient's folder, or else a film
    patient = "/".join(inside.parts[: depths[-1] + 1]) if depths else ""
    if match := _NORMAL_NAME.match(path.name):
        film = Film(path, NORMAL, match[1], split)
    elif match := _PNEUMONIA_NAME.match(path.name):
        film = Film(path, _PATHOGENS[match[2]], match[1], split)
    elif label:
        film = Film(path, label, patient, split)
    else:
        return None
    # viewers export films of any class as IM-0001-0001
    if label and label not in (film.class_name, film.finding):
        return Film(path, label, patient, split)
    return film


def _once(films: Iterable[Film]) -> list[Film]:
    """Without copies of whole folders: Kaggle's archive has one within another."""
    kept = defaultdict(list)
    for film in films:
        copies = kept[film.path.name, film.patient, film.split]
        if not any(_content(film) == _content(copy) for copy in copies):
            copies.append(film)
    return [film for copies in kept.values() for film in copies]


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
        drawn = "validation" if fold_of(groups[film.patient]) == fold else "train"
        sides[film.split or drawn].append(film)
    _require_apart(sides, groups)
    require_classes(sides["train"], "to train on")
    require_classes(sides["validation"], "to validate on")
    return sides["train"], sides["validation"]


def fold_of(patient: str) -> int:
    """Which of the `FOLDS` parts a patient is in, by the key alone."""
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


def require_classes(films: Iterable[Film], use: str) -> None:
    """Raises a `PneumoniaError` where a class has no film, or a film no pathogen.

    Args:
        films: of one side of a split.
        use: what they are for, to end a sentence.
    """
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

    Args:
        films: from `read_films`.
        names: see `named`; not of test films.
    Returns:
        The others' films, none of them a test film, and the named films.
    Raises:
        PneumoniaError: a name is not among the films or names several patients' or a
            test film, or a class is missing outside the list.
    """
    films = list(films)
    groups = _groups(films)
    held = named(films, names)
    patients = {groups[film.patient] for film in held}
    sides = {"train": [], "validation": held, "test": []}
    for film in films:
        if film.split == "test":
            sides["test"].append(film)
        elif groups[film.patient] not in patients:
            sides["train"].append(film)
    _require_apart(sides, groups)
    require_classes(sides["train"], "outside the list")
    return sides["train"], held


def named(films: Iterable[Film], names: Iterable[str]) -> list[Film]:
    """The films that a list names.

    Args:
        films: to choose from.
        names: the ends of their paths, as `names_of` gives them: a file's name, with
            as many of its folders as tell it from the others.
    Raises:
        PneumoniaError: a name fits no film, or films of several patients.
    """
    films, names = list(films), list(names)
    by_name = defaultdict(list)
    for film in films:
        by_name[film.path.name].append(film)
    found, missing = set(), []
    for name in names:
        parts = PurePosixPath(name).parts
        fits = [
            film
            for film in by_name[parts[-1] if parts else ""]
            if film.path.parts[-len(parts) :] == parts
        ]
        # a list that `train` leaves was made where no test film was known
        fits = [film for film in fits if film.split != "test"] or fits
        if len({film.patient for film in fits}) > 1:
            raise PneumoniaError(
                f"{name} is the name of {len(fits)} files. Name its folder too, as in "
                f"{'/'.join(fits[0].path.parts[-len(parts) - 1 :])}."
            )
        found.update(fits)
        if not fits:
            missing.append(name)
    if missing:
        raise PneumoniaError(
            f"{len(missing)} of {len(names)} names of the list are not in the folder: "
            f"{sorted(missing)[:3]}... Name the folder that the list was made from."
        )
    return [film for film in films if film in found]


def names_of(films: Sequence[Film], among: Iterable[Film]) -> list[str]:
    """What to write into a list, so that `named` finds these films again.

    Args:
        films: to name.
        among: all films of the data set that they are told from.
    """
    root = os.path.commonpath([film.path.parent for film in (*films, *among)])
    return [Path(os.path.relpath(film.path, root)).as_posix() for film in films]


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
    films: Iterable[Film], change: Callable[[np.ndarray], T] = lambda image: image
) -> tuple[list[Film], list[T], dict[str, str]]:
    """Reads the radiographs.

    Args:
        films: to read.
        change: what to keep of an image, uint8 (H, W); the whole archive may not fit
            into memory.
    Returns:
        The films that could be read; what is kept of their images; and for each other
        file, by name, a sentence that says why not.
    """
    readable, images, unreadable = [], [], {}
    for film in tqdm(films, "films read", disable=None):  # silent where nobody watches
        try:
            images.append(change(load_image(film.path)))
            readable.append(film)
        except ImageError as error:
            unreadable[film.path.name] = str(error)
    return readable, images, unreadable


def read_what_can_be(
    films: Iterable[Film], change: Callable[[np.ndarray], T] = lambda image: image
) -> tuple[list[Film], list[T]]:
    """`read_images` that tells stderr which files are left out, and goes on without."""
    readable, images, unreadable = read_images(films, change)
    for name, reason in unreadable.items():
        print(f"left out {name}: {reason}", file=sys.stderr)
    return readable, images


def are_kermany(films: Iterable[Film]) -> bool:
    """Whether all patients' keys are of the form that the Kermany 2018 data has."""
    forms = _NORMAL_NAME, _PNEUMONIA_NAME
    return all(any(form.fullmatch(f.patient) for form in forms) for f in films)


def labels_of(films: Iterable[Film]) -> np.ndarray:
    """Indices into `CLASS_NAMES`, int64 (N,)."""
    return np.array([CLASS_NAMES.index(film.class_name) for film in films])
