"""Films -> those to learn from and those to choose by, by patient."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from ..config import PNEUMONIA
from ..errors import PneumoniaError
from .film import CLASS_NAMES, Film, class_among, content_of

FOLDS = 5
VALIDATION_FILE = "validation.txt"  # names of held-out films; see `names_of`


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
        content = content_of(film)
        one, other = (
            root(film.patient),
            root(first_with.setdefault(content, film.patient)),
        )
        group[max(one, other)] = min(one, other)
    return {patient: root(patient) for patient in group}


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


def require_classes(
    films: Iterable[Film], use: str, class_names: Sequence[str] = CLASS_NAMES
) -> None:
    """Raises a `PneumoniaError` where a class has no film, or a film no class.

    Args:
        films: of one side of a split.
        use: what they are for, to end a sentence.
        class_names: of the network.
    """
    found = {class_among(film, class_names) or film.class_name for film in films}
    for name in class_names:
        if name not in found:
            raise PneumoniaError(
                f"There is no film of class {name} {use}; found {sorted(found)}. "
                f"Expected all of {tuple(class_names)}: from folders of these names, "
                "from a CSV file, or by Kermany's file names (person1_virus_2.jpeg)."
            )
    if found - {*class_names}:
        raise PneumoniaError(
            f"Some films {use} are of class {PNEUMONIA} without a pathogen. Expected "
            f"{tuple(class_names)}; leave them out or name their pathogen."
        )


def hold_out(
    films: Iterable[Film],
    names: Iterable[str],
    class_names: Sequence[str] = CLASS_NAMES,
) -> tuple[list[Film], list[Film]]:
    """Splits films by a list: those of the named files' patients, and the others.

    Args:
        films: from `read_films`.
        names: see `named`; not of test films.
        class_names: of the network.
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
    require_classes(sides["train"], "outside the list", class_names)
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
