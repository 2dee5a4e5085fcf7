"""Labelled radiographs -> those to train on and those to validate on, by patient."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from ..config import PNEUMONIA
from ..errors import PneumoniaError
from .radiograph import CLASS_NAMES, Radiograph, class_among, content_of

FOLDS = 5
VALIDATION_FILE = "validation.txt"  # names of held-out radiographs; see `names_of`


def split_by_patient(
    radiographs: Iterable[Radiograph], fold: int = 0
) -> tuple[list[Radiograph], list[Radiograph]]:
    """Splits radiographs by patient, into those to train on and to validate on.

    Split by patient, not by file: one child can have several radiographs, and one of a
    child that the network has seen would flatter every figure. Files of equal content
    stay on one side whatever their names say. A data set's test set is on neither.

    Args:
        radiographs: from `read_radiographs`; the split that they name themselves comes
            first.
        fold: which of the `FOLDS` parts of the patients to validate on. A patient's
            part depends on the patient's key alone, so more radiographs do not move it.
    Returns:
        Training radiographs and validation radiographs.
    Raises:
        PneumoniaError: a patient is on both sides, or a class is missing on one.
    """
    if not 0 <= fold < FOLDS:
        raise PneumoniaError(f"There are folds 0 to {FOLDS - 1}; found fold {fold}.")
    radiographs = list(radiographs)
    groups = _groups(radiographs)
    sides = defaultdict(list)
    for radiograph in radiographs:
        drawn = "validation" if fold_of(groups[radiograph.patient]) == fold else "train"
        sides[radiograph.split or drawn].append(radiograph)
    _require_apart(sides, groups)
    require_classes(sides["train"], "to train on")
    require_classes(sides["validation"], "to validate on")
    return sides["train"], sides["validation"]


def fold_of(patient: str) -> int:
    """Which of the `FOLDS` parts a patient is in, by the key alone."""
    return int.from_bytes(hashlib.sha256(patient.encode()).digest()[:8]) % FOLDS


def _groups(radiographs: Sequence[Radiograph]) -> dict[str, str]:
    """Patient -> the first of the patients that share a file of equal content."""
    first_with = {}  # content -> patient
    group = {}  # patient -> an earlier patient, or itself

    def root(patient: str) -> str:
        while group.setdefault(patient, patient) != patient:
            patient = group[patient]
        return patient

    for radiograph in radiographs:
        content = content_of(radiograph)
        one, other = (
            root(radiograph.patient),
            root(first_with.setdefault(content, radiograph.patient)),
        )
        group[max(one, other)] = min(one, other)
    return {patient: root(patient) for patient in group}


def _require_apart(sides: dict[str, list[Radiograph]], groups: dict[str, str]) -> None:
    patients = {
        side: {groups[one.patient] for one in radiographs}
        for side, radiographs in sides.items()
    }
    for one, other in (
        ("train", "validation"),
        ("train", "test"),
        ("validation", "test"),
    ):
        if both := patients.get(one, set()) & patients.get(other, set()):
            raise PneumoniaError(
                f"{len(both)} patients have X-rays in both {one} and {other}, for "
                f"example {min(both)}; figures would be flattered. Put all X-rays of a "
                "patient, and all copies of an X-ray, on one side."
            )


def require_classes(
    radiographs: Iterable[Radiograph],
    use: str,
    class_names: Sequence[str] = CLASS_NAMES,
) -> None:
    """Raises a `PneumoniaError` if a class has no radiograph, or a radiograph no class.

    Args:
        radiographs: of one side of a split.
        use: what they are for, to end a sentence.
        class_names: of the network.
    """
    found = {class_among(one, class_names) or one.class_name for one in radiographs}
    for name in class_names:
        if name not in found:
            raise PneumoniaError(
                f"There is no X-ray of class {name} {use}; found {sorted(found)}. "
                f"Expected all of {tuple(class_names)}: from folders of these names, "
                "from a CSV file, or by Kermany's file names (person1_virus_2.jpeg)."
            )
    if found - {*class_names}:
        raise PneumoniaError(
            f"Some X-rays {use} are of class {PNEUMONIA} without a pathogen. Expected "
            f"{tuple(class_names)}; leave them out or name their pathogen."
        )


def hold_out(
    radiographs: Iterable[Radiograph],
    names: Iterable[str],
    class_names: Sequence[str] = CLASS_NAMES,
) -> tuple[list[Radiograph], list[Radiograph]]:
    """Splits radiographs by a list: those of the named files' patients, and the others.

    Args:
        radiographs: from `read_radiographs`.
        names: see `named`; not of the test set.
        class_names: of the network.
    Returns:
        The others' radiographs, none of them of the test set, and the named ones.
    Raises:
        PneumoniaError: a name is not among the radiographs or names several patients'
            or one of the test set, or a class is missing outside the list.
    """
    radiographs = list(radiographs)
    groups = _groups(radiographs)
    held = named(radiographs, names)
    patients = {groups[one.patient] for one in held}
    sides = {"train": [], "validation": held, "test": []}
    for radiograph in radiographs:
        if radiograph.split == "test":
            sides["test"].append(radiograph)
        elif groups[radiograph.patient] not in patients:
            sides["train"].append(radiograph)
    _require_apart(sides, groups)
    require_classes(sides["train"], "outside the list", class_names)
    return sides["train"], held


def named(radiographs: Iterable[Radiograph], names: Iterable[str]) -> list[Radiograph]:
    """The radiographs that a list names.

    Args:
        radiographs: to choose from.
        names: the ends of their paths, as `names_of` gives them: a file's name, with
            as many of its folders as tell it from the others.
    Raises:
        PneumoniaError: a name fits no radiograph, or radiographs of several patients.
    """
    radiographs, names = list(radiographs), list(names)
    by_name = defaultdict(list)
    for radiograph in radiographs:
        by_name[radiograph.path.name].append(radiograph)
    found, missing = set(), []
    for name in names:
        parts = PurePosixPath(name).parts
        fits = [
            one
            for one in by_name[parts[-1] if parts else ""]
            if one.path.parts[-len(parts) :] == parts
        ]
        # a list that `train` leaves was made where no test set was known
        fits = [one for one in fits if one.split != "test"] or fits
        if len({one.patient for one in fits}) > 1:
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
    return [one for one in radiographs if one in found]


def names_of(
    radiographs: Sequence[Radiograph], among: Iterable[Radiograph]
) -> list[str]:
    """What to write into a list, so that `named` finds these radiographs again.

    Args:
        radiographs: to name.
        among: all radiographs of the data set.
    """
    root = os.path.commonpath([one.path.parent for one in (*radiographs, *among)])
    return [Path(os.path.relpath(one.path, root)).as_posix() for one in radiographs]


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
            f"{path.name} is empty. Expected the names of X-rays to hold out."
        )
    return names
