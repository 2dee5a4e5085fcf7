"""TIFF's kinds of samples that Pillow does not read, or reads wrongly, by tifffile.

Fiji, MATLAB and Python write floats of 16 and 64 bits, signed bytes, words of 32 bits
and gray with alpha. Everything else stays with Pillow, whose libtiff knows more
compressions.
"""

import io
import logging
import math
import struct
import zlib

import numpy as np

from ..errors import ImageError
from .pillow import MAX_PIXELS

MAX_VALUES = 2**18  # of a TIFF field: enough for tiles of 16 x 16 pixels
MAX_SEGMENTS = 2**15  # each costs tifffile some microseconds
MAX_DECODED = 160 * 2**20  # bytes
_BYTES = {1, 2, 6, 7}  # types of which Pillow makes one object, however many
_INTEGERS = {3: "H", 4: "L", 16: "Q"}  # types, as struct names them
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_ORIENTATION, _SAMPLES, _PLANAR, _EXTRA, _FORMAT = 274, 277, 284, 338, 339
_TILE = (322, 323)  # width and height
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
_ASSOCIATED, _UNASSOCIATED = 1, 2  # alpha that the samples were multiplied with, or not
_PREDICTORS = {1, 2}  # none, differences
_DEFLATE = {8, 32946}
_READABLE = {1, *_DEFLATE}  # compressions; of others tifffile knows none fast enough

# tifffile tells a log what it finds odd in a file
logging.getLogger("tifffile").addHandler(logging.NullHandler())
logging.getLogger("tifffile").propagate = False


def fields(data: bytes) -> dict[int, tuple[int, ...]]:
    """The short integers of a TIFF's first directory, by tag; 0 -> offset of the next.

    Raises:
        ImageError: a field has a million values: Pillow makes an object of each.
        ValueError: a tile is far larger than the image.
    """
    order = "<" if data.startswith(b"II") else ">"
    is_big = 43 in data[2:4]  # BigTIFF: counts and offsets have 8 bytes
    offset, counter, inline = ("Q", "Q", 8) if is_big else ("L", "H", 4)
    (at,) = struct.unpack_from(order + offset, data, 8 if is_big else 4)
    (count,) = struct.unpack_from(order + counter, data, at)
    at += struct.calcsize(counter)
    head = struct.Struct(f"{order}HH{offset}")
    found = {}
    for _ in range(min(count, 2**16)):
        if at + head.size + inline > len(data):
            break
        tag, kind, values = head.unpack_from(data, at)
        if values > MAX_VALUES and kind not in _BYTES:
            raise ImageError(
                "Expected a TIFF file with strips or tiles of a usual size, found "
                "{found:,} values in one of its fields. Save or export it again.",
                found=values,
            )
        if kind in _INTEGERS and values <= 16:
            numbers = struct.Struct(f"{order}{values}{_INTEGERS[kind]}")
            place = at + head.size
            if numbers.size > inline:
                (place,) = struct.unpack_from(order + offset, data, place)
            if place + numbers.size <= len(data):
                found[tag] = numbers.unpack_from(data, place)
        at += head.size + inline
    else:
        if at + inline <= len(data):
            found[0] = struct.unpack_from(order + offset, data, at)
    # Both libraries make room for a whole tile, whatever the size of the image.
    (wide,), (high,) = (found.get(tag, (1,))[:1] for tag in _TILE)
    if wide * high > 4 * max(math.prod(size(found)), 2**18):
        raise ValueError("a tile that is larger than the image")
    return found


def is_pillows(data: bytes, found: dict[int, tuple[int, ...]]) -> bool:
    """Whether Pillow reads such samples as they are; of big-endian ones that are
    compressed, it swaps the bytes of those with a sign once too often."""
    bits, kinds = {*found.get(_BITS, (1,))}, {*found.get(_FORMAT, (_UNSIGNED,))}
    samples = found.get(_SAMPLES, (1,))[0]
    if kinds == {_UNSIGNED}:
        is_usual = samples == 1 or (
            samples in (3, 4)
            and found.get(_PLANAR, (1,)) == (1,)
            and _ASSOCIATED not in found.get(_EXTRA, ())
        )
        return max(bits, default=1) <= 12 or (bits == {16} and is_usual)
    is_swapped = data.startswith(b"MM") and found.get(_COMPRESSION, (1,)) != (1,)
    return (
        not is_swapped
        and samples == 1
        and (
            (kinds == {_SIGNED} and bits <= {16, 32})
            or (kinds == {_FLOAT} and bits == {32})
        )
    )


def read(stream: io.BytesIO, found: dict[int, tuple[int, ...]]) -> np.ndarray:
    """Reads the samples of what is not Pillow's.

    Args:
        stream: the file.
        found: its `fields`.
    Returns:
        (H, W), (H, W, 3), or with alpha (H, W, 2) or (H, W, 4); any type of NumPy's.
    Raises:
        ImageError: there are several pages, too many bytes, or samples of a kind that
            tifffile does not read either. Damaged files raise many other exceptions.
    """
    from tifffile import TiffFile  # here, because few files need it

    if found.get(0, (0,))[0]:
        raise ImageError(
            "Expected one image, found a multi-frame {format} file. Save the page or "
            "frame that shows the X-ray as a file of its own.",
            format="TIFF",
        )
    with TiffFile(stream) as file:
        page = file.pages.first
        samples = page.samplesperpixel
        if (
            page.dtype is None
            or page.dtype.kind not in "uif"
            or page.bitspersample != 8 * page.dtype.itemsize
            or page.compression not in _READABLE
            or page.predictor not in _PREDICTORS
            or page.imagedepth != 1
            or samples > 4
        ):
            compression = getattr(page.compression, "name", page.compression)
            kind = f"{page.bitspersample}-bit {page.dtype or 'samples'}"
            raise _unsupported(samples, kind, compression)
        _check_whole(page, stream.getvalue())
        values = page.asarray(maxworkers=1)
        if values.ndim == 3 and page.axes.startswith("S"):
            values = np.moveaxis(values, 0, 2)
        has_alpha = [*page.extrasamples][:1] == [_UNASSOCIATED]
    if values.ndim == 2:
        return values
    # what was multiplied with its alpha lies on black already
    return values if has_alpha else values[:, :, : 3 if samples >= 3 else 1]


def expect_pillows(found: dict[int, tuple[int, ...]]) -> None:
    """Refuses samples that Pillow turned out not to know, if the header is whole.

    Raises:
        ImageError: of what kind they are.
    """
    if all(size(found)):
        bits = max(found.get(_BITS, (1,)))
        compression = found.get(_COMPRESSION, (1,))[0]
        samples = found.get(_SAMPLES, (1,))[0]
        raise _unsupported(samples, f"{bits}-bit samples", f"compression {compression}")


def max_pixels(found: dict[int, tuple[int, ...]]) -> int:
    """How many pixels the image may have."""
    size = max(found.get(_BITS, (64,))) * found.get(_SAMPLES, (1,))[0] / 8
    return min(MAX_PIXELS, int(MAX_DECODED / max(size, 1)))


def size(found: dict[int, tuple[int, ...]]) -> tuple[int, int]:
    """Height and width; of what lacks them, 0."""
    return found.get(_HEIGHT, (0,))[0], found.get(_WIDTH, (0,))[0]


def is_white_zero(found: dict[int, tuple[int, ...]]) -> bool:
    return found.get(_PHOTOMETRIC) == (0,)


def orientation(found: dict[int, tuple[int, ...]]) -> int:
    return found.get(_ORIENTATION, (1,))[0]


def _check_whole(page, data: bytes) -> None:
    """Refuses what tifffile would fill up with zeros, and what it would inflate to any
    size."""
    segments = [*zip(page.dataoffsets, page.databytecounts, strict=True)]
    most = math.prod(page.chunks) * page.dtype.itemsize
    if not segments or len(segments) > MAX_SEGMENTS:
        raise ValueError("no strips or tiles, or too many")
    if page.nbytes > MAX_DECODED or most > max(4 * page.nbytes, 2**20):
        raise ValueError("strips or tiles that are larger than the image")
    stored = 0
    for at, count in segments:
        if at == 0 or count == 0 or at + count > len(data):
            raise ValueError("cut off")
        if page.compression in _DEFLATE:
            inflated = zlib.decompressobj().decompress(data[at : at + count], most + 1)
            count = len(inflated)
            if count > most:
                raise ValueError("more than the header promises")
        stored += count
    if stored < page.nbytes:
        raise ValueError("less than the header promises")


def _unsupported(samples: object, kind: object, compression: object) -> ImageError:
    return ImageError(
        "Expected a TIFF file of 8 or 16 bits, found samples of a kind that is not "
        "supported: {found}. Save it as gray of 16 bits, uncompressed.",
        found=f"{samples!s:.5} x {kind!s:.24}, {compression!s:.20}",
    )
