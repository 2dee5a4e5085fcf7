"""A path, bytes, file object, PIL image, array or DICOM file -> one grayscale image.

What a source is, is told by its content, never by its name. The limits are checked on
the header, before a pixel is decoded, and hold what a file costs, whoever made it, to
500 MB of memory. `grayscale` has the rules for pixel values.
"""

import os
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
from PIL import Image

from ..errors import ImageError, Message
from .bytes import Bytes, Stream, read_bytes
from .grayscale import check_size, from_array, from_pil
from .pillow import MAX_PIXELS, open_image, plugin_of

Source = str | os.PathLike | Bytes | BinaryIO | Image.Image | np.ndarray
FORMATS = "JPEG, PNG, TIFF, WebP, BMP, GIF or DICOM"
# With its preamble, or without: an element of group 0002 or 0008 with a value
# representation (either byte order), or with a length below 1,024.
_DICOM = re.compile(
    rb".{128}DICM|[\x02\x08]\0.\0(?:[A-Z]{2}|.[\0-\3]\0\0)|\0[\x02\x08]\0.[A-Z]{2}",
    re.DOTALL,
)
_FOREIGN = {
    b"%PDF": "a PDF document",
    b"PK": "a ZIP archive or an office document",
    b"\x1f\x8b": "a gzip archive",
    b"<": "a web page or another text",
}
_UNREADABLE = (
    "The source cannot be read: it is closed, damaged, incomplete or too unusual. "
    "Expected a whole {formats} image; save or export it again."
)
_DAMAGED = (
    "The {format} file cannot be decoded: it is damaged, incomplete or too unusual. "
    "Expected a whole {formats} image; save or export it again."
)


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
    return read_image(source)[0]


def read_image(source: Source) -> tuple[np.ndarray, float]:
    """Reads one radiograph, and how much of it was in colour; see `load_image`.

    Returns:
        The image; and the share of its pixels, in [0, 1], that were clearly coloured in
        the source. Gray saved as RGB has 0, as has a slight tint of the whole film.
    """
    with _quiet(), _explained(_UNREADABLE):
        if isinstance(source, np.ndarray):
            image, colour = from_array(np.asarray(source))
            if np.may_share_memory(image, source):
                image = image.copy()
        elif isinstance(source, Image.Image):
            image, colour = from_pil(source, MAX_PIXELS)
        else:
            image, colour = _from_content(read_bytes(source))
        return np.ascontiguousarray(image), colour


def is_image(content: bytes) -> bool:
    """Whether a file begins as one of `FORMATS` does; the rest may be damaged."""
    return bool(_DICOM.match(content)) or plugin_of(content) is not None


def _from_content(data: bytes) -> tuple[np.ndarray, float]:
    """Decodes the content of a file, by what it is."""
    if not data:
        raise ImageError(
            "Expected a {formats} file, found no data. Save it again.", formats=FORMATS
        )
    if _DICOM.match(data):
        from . import dicom  # here, because pydicom is slow to import

        with _explained(_DAMAGED, format="DICOM"):
            dataset = dicom.parse(Stream(data))
            del data  # the data set has its own
            check_size(dataset.Rows, dataset.Columns, dicom.max_pixels(dataset))
            return from_array(dicom.decode(dataset))
    name = plugin_of(data)
    if name is None:
        raise ImageError(
            "Expected a {formats} file, found {found}. Export the radiograph in one of "
            "these formats.",
            formats=FORMATS,
            found=_describe(data),
        )
    with _explained(_DAMAGED, format=name.upper()):
        return from_pil(*open_image(Stream(data)))


def _describe(data: bytes) -> str:
    for start, name in _FOREIGN.items():
        if data.startswith(start):
            return name
    if data[4:8] == b"ftyp":
        return "a HEIC, AVIF or video file"
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
    except BaseException as error:  # the panic of a decoder in Rust is no Exception
        raise ImageError(template, formats=FORMATS, **values) from error


class _Reading(threading.local):
    """Stands for the pattern in a warnings filter; matches in threads that read."""

    active = False

    def match(self, message: str) -> bool:
        return self.active


_READING = _Reading()
_IGNORE = ("ignore", _READING, Warning, None, 0)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences the decoders' warnings (odd metadata, mostly) in this thread alone.

    `warnings.catch_warnings` would do it for the whole process, and two threads that
    leave it in the wrong order would make that permanent.
    """
    if warnings.filters[:1] != [_IGNORE]:
        others = [entry for entry in warnings.filters if entry is not _IGNORE]
        warnings.filters[:] = [_IGNORE, *others]
    _READING.active = True
    try:
        yield
    finally:
        _READING.active = False
