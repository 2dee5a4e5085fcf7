"""A JPEG, JPEG-LS or JPEG 2000 codestream in a DICOM file, compared with the header.

The decoders allocate whatever size a codestream claims, and fill up what it lacks.
"""

import struct

from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame

from ..errors import ImageError
from .dicom_elements import name_of

MAX_FRAGMENTS = 4096  # of a frame; encoders write one, or one for each 64 KiB
MAX_MARKERS = 1024  # of a JPEG codestream, before its frame header
_ITEM = b"\xfe\xff\x00\xe0"
_END_OF_IMAGE = b"\xff\xd9"  # of JPEG, JPEG-LS and JPEG 2000 alike
_FRAME_HEADERS = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # SOF0-15, SOF55


def check(dataset: Dataset, syntax: uid.UID) -> None:
    """Refuses a codestream that does not fit its header or ends early.

    Of a JPEG, the bits of its samples are put right in the header: that of 8 bits in 16
    allocated is common, and pydicom looks for twice the bytes.
    """
    if dataset.PixelData.count(_ITEM) > MAX_FRAGMENTS:
        raise ImageError(
            "{element} is in more than {limit} fragments. Export the X-ray again.",
            element=name_of("PixelData"),
            limit=MAX_FRAGMENTS,
        )
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    if syntax in uid.JPEG2000TransferSyntaxes or "HTJ2K" in syntax.keyword:
        found = _jpeg2000_size(frame)
    else:
        bits, *found = _jpeg_frame(frame)
        if syntax not in uid.JPEGLSTransferSyntaxes:  # pydicom puts them right itself
            if bits > dataset.BitsAllocated:
                dataset.BitsStored = bits
            dataset.BitsAllocated = 8 if bits <= 8 else 16
            dataset.BitsStored = min(dataset.BitsStored, dataset.BitsAllocated)
    expected = (dataset.Rows, dataset.Columns, dataset.SamplesPerPixel)
    if tuple(found) != expected:
        raise ImageError(
            "{element} holds rows, columns and samples {found}; the header says "
            "{expected}. Export the X-ray again.",
            element=name_of("PixelData"),
            found=str(tuple(found)),
            expected=str(expected),
        )
    if _END_OF_IMAGE not in frame.rstrip(b"\0")[-16:]:
        raise ImageError(
            "{element} ends too early: expected an end-of-image marker, found none. "
            "Copy or export the X-ray again.",
            element=name_of("PixelData"),
        )


def _jpeg_frame(frame: bytes) -> tuple[int, int, int, int]:
    """Walks the markers to the frame header: bits, rows, columns, samples."""
    at = 2
    for _ in range(MAX_MARKERS):
        prefix, marker, length = struct.unpack_from(">BBH", frame, at)
        if prefix != 0xFF:
            raise ValueError("no marker where one belongs")
        if marker in _FRAME_HEADERS:
            return struct.unpack_from(">BHHB", frame, at + 4)
        at += 1 if marker == 0xFF else 2 + length  # 0xFF may be repeated to fill
    raise ValueError("no frame header")


def _jpeg2000_size(frame: bytes) -> tuple[int, int, int]:
    import openjpeg  # a plugin of pydicom; reads the header only

    found = openjpeg.get_parameters(frame)
    return found["rows"], found["columns"], found["samples_per_pixel"]
