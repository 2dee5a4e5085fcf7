"""A DICOM file -> the pixels that a workstation would show.

pydicom's functions in pydicom's order: decode, modality LUT or rescale, VOI LUT or else
the first window, then polarity from Photometric Interpretation. Presentation LUT Shape
is not applied: for radiographs INVERSE only restates MONOCHROME1 (PS3.3 C.8.11.3.1.2).
Without VOI LUT and window, the values present are shown from minimum to maximum,
padding left out. Padding is black.

Only the elements that the pixels need are read, and those of `dicom_header`: nobody's
name becomes an object, and a million other elements none either.
"""

import functools
import io
import struct
import zlib
from typing import Any

import numpy as np
from pydicom import dcmread, uid
from pydicom.datadict import dictionary_description, dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.filereader import read_dataset, read_preamble
from pydicom.pixels import (
    apply_color_lut,
    apply_modality_lut,
    apply_voi,
    apply_windowing,
    get_decoder,
    pixel_array,
)
from pydicom.tag import Tag

from ..errors import ImageError, Message
from . import dicom_header
from .pillow import MAX_PIXELS

MAX_INFLATED = 2 * MAX_PIXELS + 2**20  # bytes of a deflated data set: 16-bit pixels
MAX_PIXELS_COMPRESSED = 20_000_000  # decoding needs more time and memory a pixel
MAX_SEQUENCE = 2**20  # bytes, of a sequence of LUTs
MAX_VALUE = 2**18  # bytes, of any other element; a LUT of 16 bits has half
MAX_FRAGMENTS = 4096  # of a frame; encoders write one, or one for each 64 KiB
MAX_MARKERS = 1024  # of a JPEG codestream, before its frame header
_READ = [
    "SOPClassUID",
    *dicom_header.ELEMENTS,
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "WindowCenter",
    "WindowWidth",
    "VOILUTFunction",
    "RescaleIntercept",
    "RescaleSlope",
    "ModalityLUTSequence",
    "VOILUTSequence",
    "RedPaletteColorLookupTableDescriptor",
    "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor",
    "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData",
    "PixelData",
]
GRAY = ("MONOCHROME1", "MONOCHROME2")
COLOR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
_VOI_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
_OPTIONAL = ("RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth")
_UNCOMPRESSED = {  # implicit VR, little endian
    (True, True): uid.ImplicitVRLittleEndian,
    (False, True): uid.ExplicitVRLittleEndian,
    (False, False): uid.ExplicitVRBigEndian,
}
_ITEM = b"\xfe\xff\x00\xe0"
_END_OF_IMAGE = b"\xff\xd9"  # of JPEG, JPEG-LS and JPEG 2000 alike
_FRAME_HEADERS = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # SOF0-15, SOF55


def parse(stream: io.BytesIO) -> Dataset:
    """Reads the header of a DICOM file, with or without preamble and file meta.

    Args:
        stream: the file; from its `read`, an `ImageError` passes through.
    Returns:
        A data set with Pixel Data of one frame, integer Rows and Columns, and a
        Transfer Syntax UID; nothing is decoded yet.

    Raises:
        ImageError: it is something else; the message names the element.
    """
    dataset = dcmread(_inflated(stream), force=True, specific_tags=_READ)
    for element in dataset.values():
        _check_length(element)
    if "PixelData" not in dataset:
        kind = dataset.get("SOPClassUID")
        kind = kind or dataset.file_meta.get("MediaStorageSOPClassUID")
        found = uid.UID(str(kind)).name[:64] if kind else "a damaged or cut-off file"
        raise ImageError(
            "{element} is missing: expected an image, found {found}. Choose the file "
            "that holds the radiograph itself, or export it again.",
            element=_name("PixelData"),
            found=found,
        )
    _expect(dataset, "NumberOfFrames", (1, None), "1, not a multi-frame image")
    _expect(dataset, "PhotometricInterpretation", (*GRAY, *COLOR, "PALETTE COLOR"))
    is_color = dataset.PhotometricInterpretation in COLOR
    _expect(dataset, "SamplesPerPixel", (3,) if is_color else (1,))
    _expect(dataset, "BitsAllocated", (8, 16))
    _expect(dataset, "Rows", range(1, 2**16), "1 to 65535")
    _expect(dataset, "Columns", range(1, 2**16), "1 to 65535")
    for keyword in _OPTIONAL:
        if dataset.get(keyword) in (None, ""):  # pydicom stumbles over empty elements
            dataset.pop(keyword, None)
    if "TransferSyntaxUID" not in dataset.file_meta:
        dataset.file_meta.TransferSyntaxUID = _UNCOMPRESSED[dataset.original_encoding]
    return dataset


def max_pixels(dataset: Dataset) -> int:
    """How many pixels the image may have."""
    is_compressed = dataset.file_meta.TransferSyntaxUID.is_encapsulated
    return MAX_PIXELS_COMPRESSED if is_compressed else MAX_PIXELS


def decode(dataset: Dataset) -> np.ndarray:
    """Decodes the pixels of what `parse` returned, which keeps none.

    Returns:
        uint8, (H, W), 0 = black, 255 = white; or RGB, (H, W, 3), from color.

    Raises:
        ImageError: an element does not fit the pixels. Damaged pixel data make pydicom
            and its decoders raise many other exceptions.
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    try:
        get_decoder(syntax)
    except NotImplementedError as error:
        raise ImageError(
            "{element} is '{found}'; expected no compression, or JPEG, JPEG-LS, JPEG "
            "2000 or RLE. Export it as one of them.",
            element=_name("TransferSyntaxUID"),
            found=syntax.name[:64],
        ) from error
    if syntax.is_encapsulated and syntax != uid.RLELossless:
        _check_codestream(dataset, syntax)
    pixels = pixel_array(dataset, index=0)
    del dataset.PixelData  # as large again
    if pixels.ndim == 3:
        deep = max(dataset.BitsStored - 8, 0)
        return (pixels >> deep if deep else pixels).astype(np.uint8, copy=False)
    # Every step is a function of one stored value: work it out for each value that a
    # pixel can have, not for each pixel.
    codes = pixels.view(f"u{pixels.itemsize}")
    stored = np.arange(256**pixels.itemsize, dtype=codes.dtype).view(pixels.dtype)
    is_color = dataset.PhotometricInterpretation == "PALETTE COLOR"
    table = (
        _palette(stored.astype(np.int64), dataset)
        if is_color
        else _gray_levels(stored, codes, dataset)
    )
    image = np.empty(codes.shape + table.shape[1:], np.uint8)
    for row, target in zip(codes, image, strict=True):  # spares an array of indices
        target[...] = table[row]
    return image


def _gray_levels(stored: np.ndarray, codes: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Returns the gray level, uint8, of each `stored` value, in the order of codes."""
    padding = _padding(stored, dataset)
    values = apply_modality_lut(stored.astype(np.int64), dataset)
    if _has_voi_lut(dataset):
        values, black, white = _through_voi_lut(values, dataset)
    elif "WindowCenter" in dataset and "WindowWidth" in dataset:
        values, black, white = _through_window(values, dataset)
    else:
        present = np.zeros(len(stored), bool)
        for row in codes:
            present[row] = True
        shown = values[present & ~padding]
        black, white = (shown.min(), shown.max()) if shown.size else (0, 0)
    if not np.isfinite(float(white) - float(black)):
        raise ImageError(
            "Expected finite numbers in the rescale or window elements of group 0028, "
            "found none. Export the radiograph again."
        )
    if white == black:
        return np.zeros(len(stored), np.uint8)
    levels = np.clip((values - float(black)) / (float(white) - float(black)), 0, 1)
    levels = (levels * 255 + 0.5).astype(np.uint8)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        levels = 255 - levels
    levels[padding] = 0
    return levels


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


def _has_voi_lut(dataset: Dataset) -> bool:
    items = dataset.get("VOILUTSequence")
    return bool(items) and "LUTDescriptor" in items[0] and "LUTData" in items[0]


def _through_voi_lut(values: np.ndarray, dataset: Dataset) -> tuple:
    """Returns the values after the VOI LUT, and its smallest and largest entry."""
    item = dataset.VOILUTSequence[0]
    count, first, _ = item.LUTDescriptor
    # pydicom computes indices in the width of the entries: 8 bits wrap at 256.
    item.LUTDescriptor = [count, first, 16]
    count = count or 2**16
    table = apply_voi(np.arange(first, first + count), dataset).astype(np.int64)
    index = np.clip(np.rint(values) - first, 0, count - 1).astype(np.int64)
    return table[index], table.min(), table.max()


def _through_window(values: np.ndarray, dataset: Dataset) -> tuple:
    """Returns the values after the first window, and what it makes black and white."""
    if str(dataset.get("VOILUTFunction", "LINEAR")).upper() not in _VOI_FUNCTIONS:
        _expect(dataset, "VOILUTFunction", _VOI_FUNCTIONS)
    try:
        black, white = apply_windowing(np.array([-np.inf, np.inf]), dataset)
        return apply_windowing(values, dataset), black, white
    except ValueError as error:  # pydicom's sentence names the element
        raise ImageError(
            "{reason}; found {found}. Export the radiograph again, or without a "
            "window.",
            reason=str(error).rstrip("."),
            found=f"{dataset.WindowWidth!s:.20}",
        ) from error


def _palette(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Returns the color, uint8, (N, 3), of each `stored` value."""
    table = "RedPaletteColorLookupTableData"
    if table not in dataset:  # a segmented one could grow to any size
        raise ImageError(
            "{element} is missing; expected a palette, not a segmented one. Export the "
            "radiograph in gray.",
            element=_name(table),
        )
    count, first, _ = dataset.RedPaletteColorLookupTableDescriptor
    # pydicom computes indices in the width of the entries: keep them inside the table.
    inside = np.clip(stored, first, first + (count or 2**16) - 1)
    colors = apply_color_lut(inside, dataset)[:, :3]
    return colors if colors.dtype == np.uint8 else (colors >> 8).astype(np.uint8)


def _check_codestream(dataset: Dataset, syntax: uid.UID) -> None:
    """Compares a JPEG, JPEG-LS or JPEG 2000 codestream with the header.

    The decoders allocate whatever size a codestream claims, and fill up what it lacks.
    """
    if dataset.PixelData.count(_ITEM) > MAX_FRAGMENTS:
        raise ImageError(
            "{element} is in more than {limit} fragments. Export the radiograph again.",
            element=_name("PixelData"),
            limit=MAX_FRAGMENTS,
        )
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    if syntax in uid.JPEG2000TransferSyntaxes or "HTJ2K" in syntax.keyword:
        found = _jpeg2000_size(frame)
    else:
        found = _jpeg_size(frame)
    expected = (dataset.Rows, dataset.Columns, dataset.SamplesPerPixel)
    if found != expected:
        raise ImageError(
            "{element} holds rows, columns and samples {found}; the header says "
            "{expected}. Export the radiograph again.",
            element=_name("PixelData"),
            found=str(found),
            expected=str(expected),
        )
    if _END_OF_IMAGE not in frame[-16:]:
        raise ImageError(
            "{element} ends too early: expected an end-of-image marker, found none. "
            "Copy or export the radiograph again.",
            element=_name("PixelData"),
        )


def _jpeg_size(frame: bytes) -> tuple[int, int, int]:
    """Walks the markers to the frame header: rows, columns, samples."""
    at = 2
    for _ in range(MAX_MARKERS):
        prefix, marker, length = struct.unpack_from(">BBH", frame, at)
        if prefix != 0xFF:
            raise ValueError("no marker where one belongs")
        if marker in _FRAME_HEADERS:
            return struct.unpack_from(">HHB", frame, at + 5)
        at += 1 if marker == 0xFF else 2 + length  # 0xFF may be repeated to fill
    raise ValueError("no frame header")


def _jpeg2000_size(frame: bytes) -> tuple[int, int, int]:
    import openjpeg  # a plugin of pydicom; reads the header only

    found = openjpeg.get_parameters(frame)
    return found["rows"], found["columns"], found["samples_per_pixel"]


def _inflated(stream: io.BytesIO) -> io.BytesIO:
    """Undoes the deflated transfer syntax, with a limit that pydicom lacks."""
    if uid.DeflatedExplicitVRLittleEndian.encode() not in stream.getvalue():
        return stream
    for implicit in (False, True):  # pydicom accepts both in the file meta
        stream.seek(0)
        read_preamble(stream, force=True)
        meta = read_dataset(stream, implicit, True, stop_when=_is_past_meta)
        if meta.get("TransferSyntaxUID") == uid.DeflatedExplicitVRLittleEndian:
            inflater = zlib.decompressobj(-zlib.MAX_WBITS)
            dataset = inflater.decompress(stream.read(), MAX_INFLATED)
            if inflater.eof:
                return type(stream)(dataset)
            raise ImageError(
                "The deflated DICOM file is incomplete, or larger than {limit} MiB "
                "when inflated. Export it again, without deflation.",
                limit=MAX_INFLATED // 2**20,
            )
    stream.seek(0)
    return stream


def _is_past_meta(tag: int, vr: str | None, length: int) -> bool:
    return tag >> 16 != 2


def _check_length(element: RawDataElement) -> None:
    """Refuses values of a million parts: pydicom makes an object of each."""
    is_parsed = not isinstance(element, RawDataElement)  # of undefined length
    if element.tag == Tag("PixelData") or is_parsed:
        return
    is_sequence = dictionary_VR(element.tag) == "SQ"
    limit = MAX_SEQUENCE if is_sequence else MAX_VALUE
    if element.length > limit:
        raise ImageError(
            "{element} has {found:,} bytes; expected at most {limit:,}. Export the "
            "radiograph again.",
            element=_name(element.tag),
            found=element.length,
            limit=limit,
        )


def _expect(dataset: Dataset, keyword: str, allowed: Any, words: str = "") -> None:
    value = dataset.get(keyword)
    if value not in allowed:
        raise ImageError(
            "{element} is {found}; expected {expected}. Export the study as a "
            "single-frame radiograph of 8 to 16 bits.",
            element=_name(keyword),
            found=f"{value!s:.40}" if keyword in dataset else "missing",
            expected=words or functools.reduce(_either, map(str, allowed)),
        )


def _either(one: str, other: str) -> Message:
    return Message("{one} or {other}", one=one, other=other)


def _name(keyword: str | int) -> str:
    """PixelData -> (7FE0,0010) Pixel Data, in English as the standard is."""
    return f"{Tag(keyword)} {dictionary_description(keyword)}"
