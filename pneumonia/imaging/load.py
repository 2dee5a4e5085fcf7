"""A path, bytes, file object, PIL image, array or DICOM file -> one grayscale image.

What a source is, is told by its content, never by its name. The limits are checked on
the header, before a pixel is decoded, and hold what a file costs, whoever made it, to
500 MB of memory. `grayscale` has the rules for pixel values.
"""

import base64
import os
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np
from PIL import Image

from ..errors import ImageError, Message, out_of_memory
from . import tiff
from .bytes import Bytes, Stream, read_bytes
from .grayscale import check_size, from_array, from_pil, from_samples, spread
from .pillow import MAX_PIXELS, open_image, plugin_of

Source = str | os.PathLike | Bytes | BinaryIO | Image.Image | np.ndarray
FORMATS = "JPEG, PNG, TIFF, WebP, BMP, GIF or DICOM"
# With its preamble, or without: an element of group 0002 or 0008 with a value
# representation (either byte order), or with a length below 1,024.
_DICOM = re.compile(
    rb".{128}DICM|[\x02\x08]\0.\0(?:[A-Z]{2}|.[\0-\3]\0\0)|\0[\x02\x08]\0.[A-Z]{2}",
    re.DOTALL,
)
_FOREIGN = (  # where a file of a kind has which bytes
    (0, b"%PDF", "a PDF document"),
    (0, b"PK", "a ZIP archive or an office document"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (257, b"ustar", "a tar archive"),
    (0, b"version https://git-lfs", "a pointer of Git LFS in place of the file"),
    (0, b"<", "a web page or another text"),
    (4, b"ftyp", "a HEIC, AVIF or video file"),
    (4, b"jP  \r\n\x87\n", "a JPEG 2000 file"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 file"),
    (4, b"JXL \r\n\x87\n", "a JPEG XL file"),
    (0, b"\xff\x0a", "a JPEG XL file"),
    (344, b"n+1\0", "a NIfTI file"),
    (344, b"ni1\0", "a NIfTI file"),
    (4, b"n+2\0", "a NIfTI file"),
    (4, b"ni2\0", "a NIfTI file"),
    (0, b"\x93NUMPY", "a NumPy file"),
    (0, b"NRRD000", "an NRRD file"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
)
_BASE64 = re.compile(rb"\s*(?:data:[\w.+/;=-]*,)?([\w+/\s-]{16,})=*\s*", re.ASCII)
_LOOKED_AT = 200  # characters of a text: as many bytes as tell DICOM
_UNREADABLE = (
    "The source cannot be read: it is closed, damaged, incomplete or too unusual. "
    "Expected a whole {formats} image; save or export it again."
)
_DAMAGED = (
    "The {format} file cannot be decoded: it is damaged, incomplete or too unusual. "
    "Expected a whole {formats} image; save or export it again."
)


@dataclass(frozen=True)
class Reading:
    """A radiograph, and what else its file says; of DICOM's header, conclusions alone.

    Attributes:
        image: uint8, (H, W), C-contiguous, 0 = black (air), 255 = white (bone).
        colour: the share of its pixels, in [0, 1], that were clearly coloured in the
            source. Gray saved as RGB has 0, as has a slight tint of the whole image.
        is_adult: DICOM's Patient's Age is 18 years or more.
        is_other_view: DICOM's View Position is not frontal.
        is_other_part: DICOM's Body Part Examined is not the chest.
    """

    image: np.ndarray
    colour: float = 0.0
    is_adult: bool = False
    is_other_view: bool = False
    is_other_part: bool = False


def load_image(source: Source) -> np.ndarray:
    """Reads one radiograph; the module's docstring has the rules.

    Args:
        source: the path of a file; or its content as bytes or as an object with `read`
            (read from its start where it can seek); or a PIL image; or an array,
            (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA, of bool, integers or
            floats. RGBA beyond 8 bits has alpha up to 1 (floats) or the type's maximum.

    Returns:
        The image, uint8, (H, W), C-contiguous, 0 = black (air), 255 = white (bone);
        never a view of the source.

    Raises:
        ImageError: the source is unreadable, empty, damaged, of another kind or format,
            over `MAX_PIXELS` or `MAX_BYTES`, under `MIN_SIDE`, or multi-frame.
    """
    return read_image(source).image


def read_image(source: Source) -> Reading:
    """Reads one radiograph, and what else its file says; see `load_image`."""
    with _quiet(), _explained(_UNREADABLE):
        if isinstance(source, np.ndarray):
            reading = Reading(*from_array(np.asarray(source)))
            if np.may_share_memory(reading.image, source):
                reading = replace(reading, image=reading.image.copy())
        elif isinstance(source, Image.Image):
            reading = Reading(*from_pil(source, MAX_PIXELS))
        else:
            reading = _from_content(read_bytes(source))
        return replace(reading, image=spread(np.ascontiguousarray(reading.image)))


def is_image(content: bytes) -> bool:
    """Whether a file begins as one of `FORMATS` does; the rest may be damaged."""
    return bool(_DICOM.match(content)) or plugin_of(content) is not None


def _from_content(data: bytes) -> Reading:
    """Decodes the content of a file, by what it is."""
    if not data:
        raise ImageError(
            "Expected a {formats} file, found no data. Save it again.", formats=FORMATS
        )
    if _DICOM.match(data):
        from . import dicom, dicom_header  # here, because pydicom is slow to import

        with _explained(_DAMAGED, format="DICOM"):
            dataset = dicom.parse(Stream(data))
            del data  # the data set has its own
            check_size(dataset.Rows, dataset.Columns, dicom.max_pixels(dataset))
            says = dicom_header.conclusions(dataset)
            return Reading(*from_array(dicom.decode(dataset)), **says)
    name = plugin_of(data)
    if name is None:
        raise ImageError(
            "Expected a {formats} file, found {found}. Export the X-ray in one of "
            "these formats.",
            formats=FORMATS,
            found=_describe(data),
        )
    with _explained(_DAMAGED, format=name.upper()):
        if name == "Tiff":
            fields = tiff.fields(data)
            if not tiff.is_pillows(data, fields):
                check_size(*tiff.size(fields), tiff.max_pixels(fields))
                return Reading(
                    *from_samples(
                        tiff.read(Stream(data), fields),
                        tiff.is_white_zero(fields),
                        tiff.orientation(fields),
                    )
                )
        try:
            opened = open_image(Stream(data))
        except (SyntaxError, KeyError):  # so Pillow says that it knows no such mode
            if name == "Tiff":
                tiff.expect_pillows(fields)
            raise
        return Reading(*from_pil(*opened))


def _describe(data: bytes) -> str:
    for at, mark, name in _FOREIGN:
        if data.startswith(mark, at):
            return name
    text = _BASE64.match(data[: 2 * _LOOKED_AT])
    if text:
        characters = b"".join(text[1].split())[:_LOOKED_AT]
        if is_image(base64.b64decode(characters[: len(characters) // 4 * 4], b"-_")):
            return "an image written as base64 text"
    return Message(
        "{count:,} bytes that begin with {start}",
        count=len(data),
        start=data[:8].hex(" "),
    )


@contextmanager
def _explained(template: str, **values: str) -> Iterator[None]:
    """Decoders raise anything, from SyntaxError to struct.error: here it gets words."""
    try:
        yield
    except (ImageError, KeyboardInterrupt, SystemExit):
        raise
    except MemoryError as error:
        raise out_of_memory() from error
    except BaseException as error:  # the panic of a decoder in Rust is no Exception
        raise ImageError(template, formats=FORMATS, **values) from error


class _Silence(threading.local):
    """Stands for the pattern in a warnings filter; matches in threads that read."""

    active = False

    def match(self, message: str) -> bool:
        return self.active


_SILENCE = _Silence()
_IGNORE = ("ignore", _SILENCE, Warning, None, 0)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences the decoders' warnings (odd metadata, mostly) in this thread alone.

    `warnings.catch_warnings` would do it for the whole process, and two threads that
    leave it in the wrong order would make that permanent.
    """
    if warnings.filters[:1] != [_IGNORE]:
        others = [entry for entry in warnings.filters if entry is not _IGNORE]
        warnings.filters[:] = [_IGNORE, *others]
    _SILENCE.active = True
    try:
        yield
    finally:
        _SILENCE.active = False
