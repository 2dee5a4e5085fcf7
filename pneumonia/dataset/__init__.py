"""Labelled radiographs: found, split by patient, read."""

from .elsewhere import OTHER, Elsewhere, read_elsewhere
from .images import read_images, read_what_can_be
from .radiograph import (
    CLASS_NAMES,
    FINDINGS_OF,
    KERMANY,
    KERMANY_2018,
    Radiograph,
    are_kermany,
    class_among,
    class_of,
    labels_of,
)
from .read import Dataset, LeftOut, read_dataset, read_radiographs
from .split import (
    FOLDS,
    VALIDATION_FILE,
    fold_of,
    hold_out,
    named,
    names_of,
    read_names,
    require_classes,
    split_by_patient,
)

__all__ = [
    "CLASS_NAMES",
    "FINDINGS_OF",
    "FOLDS",
    "KERMANY",
    "KERMANY_2018",
    "OTHER",
    "VALIDATION_FILE",
    "Dataset",
    "Elsewhere",
    "LeftOut",
    "Radiograph",
    "are_kermany",
    "class_among",
    "class_of",
    "fold_of",
    "hold_out",
    "labels_of",
    "named",
    "names_of",
    "read_dataset",
    "read_elsewhere",
    "read_images",
    "read_names",
    "read_radiographs",
    "read_what_can_be",
    "require_classes",
    "split_by_patient",
]
