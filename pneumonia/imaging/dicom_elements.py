"""Elements of a DICOM data set as they are meant, not as pydicom insists on them.

Empty is absent, a decimal comma is a point, and what an enhanced object says in its
functional groups is said of its one frame.
"""

import functools
import math
from typing import Any

from pydicom.datadict import (
    dictionary_description,
    dictionary_has_tag,
    dictionary_VR,
)
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from ..errors import ImageError, Message

# Where an enhanced object has them: PS3.3 C.7.6.16.2.9, C.7.6.16.2.10 and 10b.
FUNCTIONAL_GROUPS = (
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",  # of the frame itself, so it comes last
)
_OF_FRAMES = {
    "PixelValueTransformationSequence": ("RescaleSlope", "RescaleIntercept"),
    "FrameVOILUTSequence": (
        "WindowCenter",
        "WindowWidth",
        "VOILUTFunction",
        "VOILUTSequence",
    ),
}
_TEXT = {"AS", "CS", "DS", "IS", "LO", "UI"}  # padded with spaces or a zero


def drop_empty(dataset: Dataset) -> None:
    """Removes what is present and empty: that is to be treated as if it were absent."""
    for element in list(dataset.values()):
        value = element.value
        if isinstance(value, bytes) and vr_of(element) in _TEXT:
            value = value.strip(b" \0")
        if not isinstance(value, int | float) and not value:
            del dataset[element.tag]


def lift_functional_groups(dataset: Dataset) -> None:
    """Copies what functional groups say of the one frame to where plain objects have
    it; the groups win."""
    for keyword in FUNCTIONAL_GROUPS:
        group = first_item(dataset, keyword)
        for sequence, keywords in _OF_FRAMES.items():
            item = first_item(group, sequence)
            for tag in map(Tag, keywords):
                if tag in item:
                    dataset[tag] = item.get_item(tag)


def first_item(dataset: Dataset, keyword: str) -> Dataset:
    """The first item of a sequence, less what is empty in it; empty where none is."""
    items = dataset.get(keyword)
    item = items[0] if items else Dataset()
    drop_empty(item)
    return item


def numbers(dataset: Dataset, keyword: str) -> list[float]:
    """The values of a decimal string; NaN where one is no finite number.

    pydicom reads none of them where one is not as it should be.
    """
    if keyword not in dataset:
        return []
    element = dataset.get_item(Tag(keyword))
    if isinstance(element, RawDataElement) and vr_of(element) in (*_TEXT, "UN"):
        return [_number(part) for part in element.value.decode("latin-1").split("\\")]
    value = dataset[keyword].value
    return [
        _number(str(part)) for part in (value if isinstance(value, list) else [value])
    ]


def _number(text: str) -> float:
    try:
        value = float(text.strip(" \0").replace(",", "."))
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def number(dataset: Dataset, keyword: str) -> float:
    """The first of `numbers`; NaN where there is none."""
    return next(iter(numbers(dataset, keyword)), math.nan)


def expect(dataset: Dataset, keyword: str, allowed: Any, words: str = "") -> None:
    """Refuses a file whose element is missing or has another value."""
    value = dataset.get(keyword)
    if value not in allowed:
        raise ImageError(
            "{element} is {found}; expected {expected}. Export it as a "
            "single-frame X-ray of 8 to 16 bits.",
            element=name_of(keyword),
            found=f"{value!s:.40}" if keyword in dataset else "missing",
            expected=words or functools.reduce(_either, map(str, allowed)),
        )


def _either(one: str, other: str) -> Message:
    return Message("{one} or {other}", one=one, other=other)


def name_of(keyword: str | int) -> str:
    """PixelData -> (7FE0,0010) Pixel Data, in English as the standard is."""
    return f"{Tag(keyword)} {dictionary_description(keyword)}"


def vr_of(element: RawDataElement) -> str:
    """Its value representation, which a file of implicit VR does not tell."""
    known = dictionary_has_tag(element.tag)
    return element.VR or (dictionary_VR(element.tag) if known else "UN")
