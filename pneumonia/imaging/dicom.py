"""A DICOM file -> the pixels that a workstation would show.

Here is what a file holds and how it is decoded; `dicom_levels` makes gray of the stored
values, `dicom_codestream` looks at compressed ones before they are decoded.

Only the elements that the pixels need are read, and those of `dicom_header`: nobody's
name becomes an object, and a million other elements none either.
"""

import io
import zlib

import numpy as np
from pydicom import dcmread, uid
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset, read_preamble
from pydicom.pixels import get_decoder, pixel_array
from pydicom.tag import Tag

from ..errors import ImageError, Message
from . import dicom_codestream, dicom_header
from .dicom_elements import (
    FUNCTIONAL_GROUPS,
    drop_empty,
    expect,
    lift_functional_groups,
    name_of,
)
from .dicom_levels import gray_levels, palette
from .pillow import MAX_PIXELS

MAX_INFLATED = 2 * MAX_PIXELS + 2**20  # bytes of a deflated data set: 16-bit pixels
MAX_PIXELS_COMPRESSED = 20_000_000  # decoding needs more time and memory a pixel
MAX_SEQUENCE = 2**20  # bytes, of a sequence of LUTs
MAX_VALUE = 2**18  # bytes, of any other element; a LUT of 16 bits has half
_READ = [
    *dicom_header.ELEMENTS,
    *FUNCTIONAL_GROUPS,
    "SOPClassUID",
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
_UNCOMPRESSED = {  # implicit VR, little endian
    (True, True): uid.ImplicitVRLittleEndian,
    (False, True): uid.ExplicitVRLittleEndian,
    (False, False): uid.ExplicitVRBigEndian,
}


def parse(stream: io.BytesIO) -> Dataset:
    """Reads the header of a DICOM file, with or without preamble and file meta.

    Args:
        stream: the file; from its `read`, an `ImageError` passes through.
    Returns:
        A data set with Pixel Data of one frame, the elements that describe them, and a
        Transfer Syntax UID that can be decoded; nothing is decoded yet.

    Raises:
        ImageError: it is something else; the message names the element.
    """
    dataset = dcmread(_inflated(stream), force=True, specific_tags=_READ)
    groups = {*map(Tag, FUNCTIONAL_GROUPS)}  # as long as there are frames
    for element in dataset.values():
        if element.tag not in groups:
            _check_length(element)
    drop_empty(dataset)
    if "PixelData" not in dataset:
        kind = dataset.get("SOPClassUID")
        kind = kind or dataset.file_meta.get("MediaStorageSOPClassUID")
        found = uid.UID(str(kind)).name[:64] if kind else "a damaged or cut-off file"
        raise ImageError(
            "{element} is missing: expected an image, found {found}. Choose the file "
            "that holds the X-ray itself, or export it again.",
            element=name_of("PixelData"),
            found=found,
        )
    # 0 is what some write of an image that is not one of several
    expect(dataset, "NumberOfFrames", (0, 1, None), "1, not a multi-frame image")
    for tag in groups & dataset.keys():
        _check_length(dataset.get_item(tag))
    lift_functional_groups(dataset)
    expect(dataset, "PhotometricInterpretation", (*GRAY, *COLOR, "PALETTE COLOR"))
    is_color = dataset.PhotometricInterpretation in COLOR
    expect(dataset, "SamplesPerPixel", (3,) if is_color else (1,))
    if is_color:
        expect(dataset, "PlanarConfiguration", (0, 1))
    expect(dataset, "BitsAllocated", (8, 16))
    _expect_up_to(dataset, "BitsStored", dataset.BitsAllocated)
    expect(dataset, "PixelRepresentation", (0, 1))
    _expect_up_to(dataset, "Rows", 2**16 - 1)
    _expect_up_to(dataset, "Columns", 2**16 - 1)
    dataset.NumberOfFrames = 1
    _check_syntax(dataset)
    return dataset


def max_pixels(dataset: Dataset) -> int:
    """How many pixels the image may have."""
    is_compressed = dataset.file_meta.TransferSyntaxUID.is_encapsulated
    return MAX_PIXELS_COMPRESSED if is_compressed else MAX_PIXELS


def decode(dataset: Dataset) -> np.ndarray:
    """Decodes the pixels of what `parse` returned, which keeps none.

    Returns:
        uint8, (H, W), 0 = black, 255 = white; or RGB, uint8 or deeper, (H, W, 3).

    Raises:
        ImageError: an element does not fit the pixels. Damaged pixel data make pydicom
            and its decoders raise many other exceptions.
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    unused = 0  # low bits that hold no part of a value
    if not syntax.is_encapsulated or syntax == uid.RLELossless:
        unused = _unused_bits(dataset)
        dataset.BitsStored += unused  # with which pydicom masks what lies above
    else:
        dicom_codestream.check(dataset, syntax)
    pixels = pixel_array(dataset, index=0)
    dataset.BitsStored -= unused
    del dataset.PixelData  # as large again
    if unused:
        pixels >>= unused
    if pixels.ndim == 3:
        is_deep = dataset.BitsStored > 8
        return pixels if is_deep else pixels.astype(np.uint8, copy=False)
    codes = pixels.view(f"u{pixels.itemsize}")
    stored = np.arange(256**pixels.itemsize, dtype=codes.dtype).view(pixels.dtype)
    is_color = dataset.PhotometricInterpretation == "PALETTE COLOR"
    table = (
        palette(stored, dataset) if is_color else gray_levels(stored, codes, dataset)
    )
    image = np.empty(codes.shape + table.shape[1:], np.uint8)
    for row, target in zip(codes, image, strict=True):  # spares an array of indices
        target[...] = table[row]
    return image


def _expect_up_to(dataset: Dataset, keyword: str, most: int) -> None:
    expect(dataset, keyword, range(1, most + 1), Message("1 to {most:,}", most=most))


def _unused_bits(dataset: Dataset) -> int:
    """How many bits lie below the stored ones, which High Bit tells."""
    unused = dataset.get("HighBit", 0) + 1 - dataset.BitsStored
    return unused if 0 < unused <= dataset.BitsAllocated - dataset.BitsStored else 0


def _check_syntax(dataset: Dataset) -> None:
    """Finds the transfer syntax, and refuses one that pydicom has no decoder for."""
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if not syntax and not dataset["PixelData"].is_undefined_length:
        # pydicom has found out by itself how the header is encoded
        syntax = _UNCOMPRESSED[dataset.original_encoding]
    dataset.file_meta.TransferSyntaxUID = syntax = uid.UID(str(syntax or ""))
    try:
        get_decoder(syntax)
    except NotImplementedError as error:
        raise ImageError(
            "{element} is '{found}'; expected no compression, or JPEG, JPEG-LS, JPEG "
            "2000 or RLE. Export it as one of them.",
            element=name_of("TransferSyntaxUID"),
            found=syntax.name[:64] if syntax else "missing",
        ) from error


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
            "X-ray again.",
            element=name_of(element.tag),
            found=element.length,
            limit=limit,
        )
