"""Stored values of a DICOM image -> gray levels or colours, by PS3.3 C.11.1 and C.11.2.

Modality LUT or rescale, then VOI LUT or else the first usable window, then polarity
from Photometric Interpretation. Presentation LUT Shape is not applied: for radiographs
INVERSE only restates MONOCHROME1 (PS3.3 C.8.11.3.1.2). Without VOI LUT and window, the
values present are shown from minimum to maximum, padding left out. Padding is black.

Every step is a function of one stored value, so it is worked out for each value that a
pixel can have, not for each pixel.
"""

from dataclasses import dataclass

import numpy as np
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from ..errors import ImageError
from .dicom_elements import expect, first_item, name_of, number, numbers

_VOI_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
_HUGE = 1e100  # that no computation overflows
_COLORS = ("Red", "Green", "Blue")


@dataclass(frozen=True)
class Lut:
    """A lookup table.

    Attributes:
        first: the input that `entries[0]` is for.
        entries: uint16 (N,), N > 0. Inputs outside get the first or last entry.
    """

    first: int
    entries: np.ndarray

    def __call__(self, values: np.ndarray) -> np.ndarray:
        index = np.clip(np.rint(values) - self.first, 0, len(self.entries) - 1)
        return self.entries[index.astype(np.int64)]


def gray_levels(stored: np.ndarray, codes: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Returns the gray level, uint8, of each `stored` value.

    Args:
        stored: (N,), every value that a pixel can have.
        codes: (H, W), the pixels as indices into `stored`.
        dataset: the header, in its own words.
    Raises:
        ImageError: an element is not what it may be.
    """
    padding = _padding(stored, dataset)
    values, voi_is_signed = _through_modality(stored.astype(np.float64), dataset)
    voi = _lut(first_item(dataset, "VOILUTSequence"), voi_is_signed)
    if not voi and (window := _window(dataset)):
        levels = _through_window(values, *window)
    else:
        if voi:
            values, shown = voi(values), voi.entries
        else:
            present = np.zeros(len(stored), bool)
            for row in codes:
                present[row] = True
            shown = values[present & ~padding]
        black, white = (shown.min(), shown.max()) if shown.size else (0, 0)
        if black == white:
            return np.zeros(len(stored), np.uint8)
        levels = np.clip((values - float(black)) / (float(white) - float(black)), 0, 1)
    levels = (levels * 255 + 0.5).astype(np.uint8)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        levels = 255 - levels
    levels[padding] = 0
    return levels


def palette(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Returns the colour, uint8, (N, 3), of each `stored` value, (N,)."""
    tables = []
    for color in _COLORS:
        name = f"{color}PaletteColorLookupTable"
        table = _lut(
            dataset, stored.dtype.kind == "i", f"{name}Descriptor", f"{name}Data"
        )
        if table is None:  # a segmented one could grow to any size
            raise ImageError(
                "{element} is missing; expected a palette, not a segmented one. Export "
                "the X-ray in gray.",
                element=name_of(f"{name}Data"),
            )
        tables.append(table(stored))
    colors = np.stack(tables, axis=1)
    deep = max(int(colors.max()).bit_length() - 8, 0)
    return (colors >> deep).astype(np.uint8)


def _padding(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Returns which `stored` values are pixel padding, bool."""
    first = dataset.get("PixelPaddingValue")
    if first is None:
        return np.zeros(len(stored), bool)
    last = dataset.get("PixelPaddingRangeLimit")
    # Often written with the wrong sign: read it with the sign of the pixels.
    ends = np.array([first, first if last is None else last], np.int64)
    ends = ends.astype(stored.dtype)
    return (stored >= ends.min()) & (stored <= ends.max())


def _through_modality(values: np.ndarray, dataset: Dataset) -> tuple[np.ndarray, bool]:
    """Returns the values after modality LUT or rescale, and whether they have a sign,
    which is how the first input of a VOI LUT is to be read (PS3.3 C.11.2.1.1)."""
    is_signed = dataset.PixelRepresentation == 1
    modality = _lut(first_item(dataset, "ModalityLUTSequence"), is_signed)
    if modality:
        return modality(values), False
    slope, intercept = (
        number(dataset, keyword) if keyword in dataset else default
        for keyword, default in (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0))
    )
    with np.errstate(over="ignore"):
        rescaled = values * slope + intercept
    if slope == 0 or not (np.abs(rescaled) < _HUGE).all():
        return values, is_signed  # nonsense, which is left out as a window of it is
    bits = dataset.BitsStored
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if is_signed else (0, 2**bits)
    least = min(low * slope, high * slope) + intercept
    return rescaled, least < 0


def _lut(
    item: Dataset,
    is_signed: bool,
    descriptor: str = "LUTDescriptor",
    data: str = "LUTData",
) -> Lut | None:
    """Decodes a lookup table; None where there is none.

    Its entries are words, or of 8 bits packed two to a word, which only their number
    tells. Where there are more than the descriptor counts, they are left out; where
    there are less, the last one stands for those that are missing.
    """
    if descriptor not in item or data not in item:
        return None
    heads, explicit = _words(item, descriptor), item.get_item(Tag(descriptor)).VR
    entries = _words(item, data)
    if len(heads) != 3 or not len(entries):
        return None
    count, first = int(heads[0]) or 2**16, int(heads[1])
    if heads[2] <= 8 and 2 * len(entries) <= count + 1:
        entries = entries.astype("<u2").view(np.uint8)
    if (is_signed or explicit == "SS") and first >= 2**15:
        first -= 2**16
    return Lut(first, entries[:count])


def _words(item: Dataset, keyword: str) -> np.ndarray:
    """The value of an element as unsigned words, whatever it claims to be."""
    element = item.get_item(Tag(keyword))
    if isinstance(element, RawDataElement):
        order = "<" if element.is_little_endian else ">"
        even = element.value[: len(element.value) // 2 * 2]
        return np.frombuffer(even, f"{order}u2").astype(np.uint16)
    value = element.value
    if isinstance(value, bytes):
        return np.frombuffer(value[: len(value) // 2 * 2], "<u2")
    return np.atleast_1d(np.array(value, np.int64)).astype(np.uint16)


def _window(dataset: Dataset) -> tuple[float, float, str] | None:
    """Center, width and function of the first window that is one."""
    function = str(dataset.get("VOILUTFunction", "LINEAR")).upper()
    if function not in _VOI_FUNCTIONS:
        expect(dataset, "VOILUTFunction", _VOI_FUNCTIONS)
    centers, widths = (
        numbers(dataset, keyword) for keyword in ("WindowCenter", "WindowWidth")
    )
    for center, width in zip(centers, widths, strict=False):
        is_wide = width >= 1 if function == "LINEAR" else width > 0
        if is_wide and np.isfinite(center):
            return center, width, function
    return None


def _through_window(
    values: np.ndarray, center: float, width: float, function: str
) -> np.ndarray:
    """Returns levels in [0, 1]; PS3.3 C.11.2.1.2 and C.11.2.1.3."""
    if function == "SIGMOID":
        with np.errstate(over="ignore"):
            return 1 / (1 + np.exp(-4 * (values - center) / width))
    if function == "LINEAR":
        center, width = center - 0.5, width - 1
    if width == 0:
        return (values > center).astype(np.float64)
    with np.errstate(over="ignore"):
        return np.clip((values - center) / width + 0.5, 0, 1)
