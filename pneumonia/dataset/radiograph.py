"""One radiograph of a data set, and the classes that people's words mean."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..config import NORMAL, PNEUMONIA

CLASS_NAMES = (NORMAL, "BACTERIAL", "VIRAL")
FINDINGS_OF = {NORMAL: NORMAL, "BACTERIAL": PNEUMONIA, "VIRAL": PNEUMONIA}
LABELS = (*CLASS_NAMES, PNEUMONIA)

KERMANY_2018 = "kermany-2018"  # `dataset` of config.json
KERMANY = "Kermany 2018, Mendeley Data, doi 10.17632/rscbjbr9sj.2, CC BY 4.0"
NORMAL_NAME = re.compile(r"((?:NORMAL2-)?IM-\d+)")
PNEUMONIA_NAME = re.compile(r"(person\d+_(bacteria|virus))")

# What people call a class, in English and French, without accents
_WORDS = {
    NORMAL: "normal normals normale normales normaux healthy sain saine sains saines",
    PNEUMONIA: "pneumonia pneumonias pneumonie pneumonies",
    "BACTERIAL": "bacterial bacteria bacterium bacterien bacteriens bacterienne "
    "bacteriennes bacterie bacteries",
    "VIRAL": "viral virus viruses virale virales viraux",
}
_CLASS_OF = {word: name for name, words in _WORDS.items() for word in words.split()}


@dataclass(frozen=True)
class Radiograph:
    """One radiograph of a data set.

    Attributes:
        path: its file.
        class_name: one of `CLASS_NAMES`, or `PNEUMONIA` where nobody noted a pathogen:
            good for evaluation, no use for training.
        patient: key of the child; radiographs of one child have the same.
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


def content_of(radiograph: Radiograph) -> str:
    """Equal for equal files; an unreadable file equals only itself."""
    try:
        with radiograph.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return str(radiograph.path)


def class_of(text: str) -> str | None:
    """The class that a folder's name or a word in a table means, if it means one.

    `Normaux`, `2_pneumonia` and `Viral Pneumonia` mean one each; numbers say nothing.
    Where a word is not known, as in `no pneumonia`, or words contradict each other,
    nobody can tell.
    """
    letters = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(char for char in letters if not unicodedata.combining(char))
    names = {_CLASS_OF.get(word) for word in re.findall(r"[^\W\d_]+", plain)}
    if names & {"BACTERIAL", "VIRAL"}:  # which says that it is pneumonia, too
        names.discard(PNEUMONIA)
    return names.pop() if len(names) == 1 else None


def are_kermany(radiographs: Iterable[Radiograph]) -> bool:
    """Whether all patients' keys are of the form that the Kermany 2018 data has."""
    forms = NORMAL_NAME, PNEUMONIA_NAME
    return all(
        any(form.fullmatch(one.patient) for form in forms) for one in radiographs
    )


def class_among(radiograph: Radiograph, class_names: Sequence[str]) -> str | None:
    """What it is to a network of these classes: its class, or else its finding."""
    names = (radiograph.class_name, radiograph.finding)
    return next((name for name in names if name in class_names), None)


def labels_of(
    radiographs: Iterable[Radiograph], class_names: Sequence[str] = CLASS_NAMES
) -> np.ndarray:
    """Indices into the classes, int64 (N,)."""
    return np.array(
        [class_names.index(class_among(one, class_names)) for one in radiographs]
    )
