"""A path, bytes, file object, PIL image, array or DICOM file -> one grayscale image.

What a source is, is told by its content, never by its name. The limits are checked on
the header, before a pixel is decoded, and hold what a file costs, whoever made it, to
500 MB of memory. The rules for pixel values:

- 8-bit gray is taken as it is; color becomes gray by ITU-R 601-2 luma, Pillow's `L`;
- transparency lies on black;
- anything deeper than 8 bits (16-bit, 32-bit, float) is scaled from its own minimum and
  maximum to 0 and 255, because files rarely say how many of their bits are used. NaN
  and infinity are missing data, and black; so is an image that is constant;
- EXIF orientation is applied. Of GIF and of a phone's multi-picture JPEG, the first
  picture counts; several pages or frames in any other format are an error.
"""

import io
import os
import re
import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
from PIL import Image

from .errors import ImageError, Message
from .raster import MAX_PIXELS, open_image, plugin_of

_Bytes = bytes | bytearray | memoryview
Source = str | os.PathLike | _Bytes | BinaryIO | Image.Image | np.ndarray

MAX_BYTES = 128 * 2**20  # of a file: 64 megapixels of 16 bits, uncompressed
MAX_READS = 500_000  # of a decoder, a second's work; few files need a hundredth
MIN_SIDE = 64  # pixels; less is an icon
_CHROMA = 40  # of 255, between the channels of a pixel that is clearly coloured
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
_URL = re.compile(r"[a-z][a-z0-9+.-]+://|data:", re.IGNORECASE)

_EXIF_ORIENTATION = 0x0112
_UPRIGHT = {  # EXIF orientation -> how to undo it
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.T,
    6: lambda image: image[::-1].T,
    7: lambda image: image[::-1, ::-1].T,
    8: lambda image: image.T[::-1],
}
_TIFF_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0
_STRIP = 2**22  # pixels converted at once


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
            image, colour = _from_array(np.asarray(source))
            if np.may_share_memory(image, source):
                image = image.copy()
        elif isinstance(source, Image.Image):
            image, colour = _from_pil(source, MAX_PIXELS)
        else:
            image, colour = _from_content(read_bytes(source))
        return np.ascontiguousarray(image), colour


def is_image(content: bytes) -> bool:
    """Whether a file begins as one of `FORMATS` does; the rest may be damaged."""
    return bool(_DICOM.match(content)) or plugin_of(content) is not None


def read_bytes(source: str | os.PathLike | _Bytes | BinaryIO) -> bytes:
    """The content of a file, wherever it is, undecoded.

    Raises:
        ImageError: it cannot be opened, is no regular file, or is over `MAX_BYTES`.
    """
    if isinstance(source, _Bytes):
        _check_bytes(memoryview(source).nbytes)
        return bytes(source)
    if isinstance(source, str | os.PathLike):
        return _read_path(source)
    if not hasattr(source, "read"):
        raise ImageError(
            "Expected a path, bytes, an open binary file, a PIL image or a NumPy "
            "array; found {found}. Convert it to one of these.",
            found=type(source).__name__,
        )
    if hasattr(source, "seekable") and source.seekable():
        source.seek(0)
    return _read_stream(source)


def _read_path(path: str | os.PathLike) -> bytes:
    if isinstance(path, str) and _URL.match(path):
        raise ImageError(
            "Expected the path of a file, found a URL. Download the file first, then "
            "pass its path or its bytes."
        )
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):  # a FIFO or a device could block for ever
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
            raise ImageError(
                "Expected the path of a file, found {found}. Name a file.", found=kind
            )
        _check_bytes(status.st_size)
        with open(path, "rb") as stream:
            content = stream.read(MAX_BYTES + 1)
        _check_bytes(len(content))  # it may have grown
        return content
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not a valid path"
        raise ImageError(
            "Expected the path of a readable file, but it cannot be opened: {reason}. "
            "Check the path and its permissions.",
            reason=reason,
        ) from error


def _read_stream(stream: BinaryIO) -> bytes:
    """Reads to the end, in pieces because sockets and pipes may return less."""
    content = bytearray()
    while piece := stream.read(min(2**24, MAX_BYTES + 1)):
        if not isinstance(piece, _Bytes):
            raise ImageError(
                "Expected a binary file, found one that reads {found}. Open it with "
                "mode 'rb'.",
                found=type(piece).__name__,
            )
        content += piece
        _check_bytes(len(content))
    return bytes(content)


class _Stream(io.BytesIO):
    """What decoders read from: ends a file that is made of millions of tiny parts.

    Each part costs a read, an object and some microseconds, which no limit of bytes or
    pixels bounds.
    """

    reads = 0

    def read(self, size: int | None = -1) -> bytes:
        self.reads += 1
        if self.reads > MAX_READS:
            raise ImageError(
                "The file is made of too many small parts. Expected one image, as "
                "common programs write it; save or export it again."
            )
        return super().read(size)


def _from_content(data: bytes) -> tuple[np.ndarray, float]:
    """Decodes the content of a file, by what it is."""
    if not data:
        raise ImageError(
            "Expected a {formats} file, found no data. Save it again.", formats=FORMATS
        )
    if _DICOM.match(data):
        from . import dicom  # here, because pydicom is slow to import

        with _explained(_DAMAGED, format="DICOM"):
            dataset = dicom.parse(_Stream(data))
            del data  # the data set has its own
            _check_size(dataset.Rows, dataset.Columns, dicom.max_pixels(dataset))
            return _from_array(dicom.decode(dataset))
    name = plugin_of(data)
    if name is None:
        raise ImageError(
            "Expected a {formats} file, found {found}. Export the radiograph in one of "
            "these formats.",
            formats=FORMATS,
            found=_describe(data),
        )
    with _explained(_DAMAGED, format=name.upper()):
        return _from_pil(*open_image(_Stream(data)))


def _from_pil(image: Image.Image, max_pixels: int) -> tuple[np.ndarray, float]:
    _check_size(image.height, image.width, max_pixels)
    if image.format not in ("GIF", "MPO") and getattr(image, "is_animated", False):
        raise ImageError(
            "Expected one image, found a multi-frame {format} file. Save the page or "
            "frame that shows the radiograph as a file of its own.",
            format=image.format,
        )
    image.load()
    gray, colour = _gray(image)
    return _UPRIGHT.get(_orientation(image), np.asarray)(gray), colour


def _orientation(image: Image.Image) -> object:
    try:
        return image.getexif().get(_EXIF_ORIENTATION)
    except Exception:  # a damaged EXIF block says nothing about the pixels
        return None


def _gray(image: Image.Image) -> tuple[np.ndarray, float]:
    """Any mode of Pillow -> uint8, (H, W), and the share of coloured pixels."""
    if image.mode[0] in "IF":  # I, I;16, I;16B, F
        values = _scale(image, (image.height, image.width))
        if getattr(image, "tag_v2", {}).get(_TIFF_PHOTOMETRIC) == _WHITE_IS_ZERO:
            np.subtract(255, values, out=values)  # Pillow inverts up to 8 bits only
        return values, 0.0
    if image.mode == "L" and not image.has_transparency_data:
        return np.array(image), 0.0
    gray = np.empty((image.height, image.width), np.uint8)
    for rows, strip in _strips(image):
        gray[rows] = _luma(strip)
    return gray, _colour(image)


def _from_array(array: np.ndarray) -> tuple[np.ndarray, float]:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    is_color = array.ndim == 3 and array.shape[2] in (3, 4)
    if array.dtype.kind not in "buif" or not (array.ndim == 2 or is_color):
        raise ImageError(
            "Expected an array of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) and "
            "of bool, integers or floats; found {shape} of {dtype}. Reshape or convert "
            "it; for several images, pass them one by one.",
            shape=str(array.shape),
            dtype=str(array.dtype),
        )
    _check_size(*array.shape[:2], MAX_PIXELS)
    if array.dtype == bool:
        array = array * np.uint8(255)
    if array.dtype != np.uint8:
        if array.shape[2:] == (4,):
            opaque = 1.0 if array.dtype.kind == "f" else np.iinfo(array.dtype).max
            array = array[:, :, :3] * (array[:, :, 3:] / opaque)
        array = _scale(array, array.shape)
    return _gray(Image.fromarray(array)) if is_color else (array, 0.0)


def _strips(
    pixels: Image.Image | np.ndarray,
) -> Iterator[tuple[slice, Image.Image | np.ndarray]]:
    """Cuts rows of some megapixels, so that what is made of them costs little."""
    is_array = isinstance(pixels, np.ndarray)
    height, width = pixels.shape[:2] if is_array else (pixels.height, pixels.width)
    step = max(1, _STRIP // width)
    for top in range(0, height, step):
        rows = slice(top, min(top + step, height))
        if is_array:
            yield rows, pixels[rows]
        else:
            yield rows, pixels.crop((0, rows.start, width, rows.stop))


def _luma(image: Image.Image) -> Image.Image:
    """Any mode up to 8 bits -> `L`."""
    image = _opaque(image)
    if image.mode not in ("1", "L", "P", "RGB"):
        image = image.convert("RGB")  # from LAB, Pillow reaches L no other way
    return image.convert("L")


def _opaque(image: Image.Image) -> Image.Image:
    """Puts on black what is transparent."""
    if not image.has_transparency_data:
        return image
    black = Image.new("RGBA", image.size, (0, 0, 0, 255))
    return Image.alpha_composite(black, image.convert("RGBA"))


def _colour(image: Image.Image) -> float:
    """The share of a sample of pixels whose channels are far apart."""
    if image.mode == "L":
        return 0.0
    sample = _opaque(image.resize((64, 64), Image.Resampling.NEAREST)).convert("RGB")
    return float((np.ptp(np.asarray(sample), axis=2) > _CHROMA).mean())


def _scale(pixels: Image.Image | np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Maps the minimum to 0 and the maximum to 255, halves rounded up.

    Args:
        pixels: integers or floats, (H, W) or (H, W, C).
        shape: theirs.

    Returns:
        uint8, same shape; 0 where the value is not finite, or everywhere if constant.
    """
    low, high = np.inf, -np.inf
    for _, strip in _strips(pixels):
        known = np.asarray(strip)
        if known.dtype.kind == "f":
            known = known[np.isfinite(known)]
        if known.size:
            low, high = min(low, float(known.min())), max(high, float(known.max()))
    if low > high:
        raise ImageError(
            "Expected an image with finite values, found only NaN or infinity. "
            "Check how the file or array was made."
        )
    scaled = np.zeros(shape, np.uint8)
    if high > low:
        for rows, strip in _strips(pixels):
            levels = np.subtract(strip, low, dtype=np.float64)
            levels *= 255
            levels /= high - low
            levels += 0.5
            if np.asarray(strip).dtype.kind == "f":
                levels[~np.isfinite(levels)] = 0
            scaled[rows] = levels
    return scaled


def _check_bytes(count: int) -> None:
    if count > MAX_BYTES:
        raise ImageError(
            "The file is too large: expected at most {limit} MiB, found {found:,.0f} "
            "MiB or more. Export the radiograph compressed.",
            limit=MAX_BYTES // 2**20,
            found=count / 2**20,
        )


def _check_size(height: int, width: int, max_pixels: int) -> None:
    if height * width > max_pixels:
        raise ImageError(
            "The image is too large: expected at most {limit} megapixels, found "
            "{width:,} x {height:,}. Scale it down.",
            limit=max_pixels // 10**6,
            width=width,
            height=height,
        )
    if min(height, width) < MIN_SIDE:
        raise ImageError(
            "The image is too small: expected at least {limit} pixels a side, found "
            "{width:,} x {height:,}. Use the original, not a thumbnail.",
            limit=MIN_SIDE,
            width=width,
            height=height,
        )


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
