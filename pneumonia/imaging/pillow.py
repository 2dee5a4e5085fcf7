"""The content of a JPEG, PNG, GIF, BMP, TIFF or WebP file -> an image of Pillow.

Pillow's plugins read them. Here is what they do not refuse: several pages, and files
that cost far more than their pixels are worth.
"""

import io
import re
import struct
from importlib import import_module

from PIL import Image

from ..errors import ImageError

MAX_PIXELS = 64_000_000  # the largest flat panel detectors have less than 20 million
_DEMANDING = {  # bytes or seconds a pixel are two to six times the usual
    "WEBP": 20_000_000,
    "JPEG of several scans": 32_000_000,
    "32 bits of gray": 32_000_000,
    "colour of 16 bits": 32_000_000,
    "CMYK": 32_000_000,
}
MAX_SCANS = 64  # of a JPEG: each passes over the whole image; encoders write about ten
MAX_VALUES = 2**18  # of a TIFF field: enough for tiles of 16 x 16 pixels

# The first bytes of what Pillow may decode; a group's name is that of Pillow's plugin.
_START = re.compile(
    rb"(?P<Jpeg>\xff\xd8\xff)|(?P<Png>\x89PNG\r\n\x1a\n)|(?P<Gif>GIF8[79]a)|(?P<Bmp>BM)"
    rb"|(?P<Tiff>II[*+]\0|MM\0[*+])|(?P<WebP>RIFF....WEBP)",
    re.DOTALL,
)
_START_OF_SCAN = b"\xff\xda"
_TIFF_OFFSETS = {273, 324}  # of strips or tiles: every directory has one of them
_FAX = {"tiff_ccitt", "group3", "group4"}  # libtiff complains of each damaged line
_TIFF_BYTES = {1, 2, 6, 7}  # types of which Pillow makes one object, however many


def plugin_of(data: bytes) -> str | None:
    """Names the plugin of Pillow that may read a file, by its first bytes."""
    match = _START.match(data)
    return match and match.lastgroup


def open_image(stream: io.BytesIO) -> tuple[Image.Image, int]:
    """Reads the header of a file that `plugin_of` knows; nothing is decoded yet.

    Returns:
        The image, and how many pixels it may have.
    Raises:
        ImageError: its structure is one that no common encoder writes. Damaged files
            make Pillow raise many other exceptions.
    """
    data = stream.getvalue()  # shared, not copied
    name = plugin_of(data)
    if name == "Tiff":
        _check_directory(data)
    # The plugin itself, not Image.open: its limits are ours, and no other format gets a
    # chance.
    plugin = import_module(f"PIL.{name}ImagePlugin")
    image = getattr(plugin, f"{name}ImageFile")(stream)
    # Pillow forgives a directory that is cut off, and loses the orientation with it.
    if name == "Tiff" and _TIFF_OFFSETS.isdisjoint(image.tag_v2):
        raise ImageError(
            "Expected a whole TIFF file, found an incomplete directory of tags. Copy "
            "or export the file again."
        )
    if image.info.get("compression") in _FAX:
        raise ImageError(
            "Expected shades of gray, found a fax: black and white alone. Export the "
            "radiograph in gray."
        )
    kind = image.format
    if name == "Jpeg" and _scans(image, data) > 1:
        kind = "JPEG of several scans"
    elif image.mode in ("I", "F"):
        kind = "32 bits of gray"
    elif image.mode == "CMYK":
        kind = "CMYK"
    elif name == "Png" and image.tile[0].args in ("RGB;16B", "RGBA;16B"):
        kind = "colour of 16 bits"
    return image, _DEMANDING.get(kind, MAX_PIXELS)


def _check_directory(data: bytes) -> None:
    """Refuses fields of a million values: Pillow makes an object of each."""
    order = "<" if data.startswith(b"II") else ">"
    is_big = 43 in data[2:4]  # BigTIFF: counts and offsets have 8 bytes
    offset, counter, field = ("Q", "Q", "HHQ8x") if is_big else ("L", "H", "HHL4x")
    (at,) = struct.unpack_from(order + offset, data, 8 if is_big else 4)
    (fields,) = struct.unpack_from(order + counter, data, at)
    at, size = at + struct.calcsize(counter), struct.calcsize(order + field)
    fields = min(fields, 2**16, len(data[at : at + 2**16 * size]) // size)
    for _, kind, values in struct.iter_unpack(
        order + field, data[at : at + fields * size]
    ):
        if values > MAX_VALUES and kind not in _TIFF_BYTES:
            raise ImageError(
                "Expected a TIFF file with strips or tiles of a usual size, found "
                "{found:,} values in one of its fields. Save or export it again.",
                found=values,
            )


def _scans(image: Image.Image, data: bytes) -> int:
    """Counts the scans of a JPEG.

    Pillow has read the marker of the first; no later one can be part of anything else.
    """
    scans = 1 + data.count(_START_OF_SCAN, image.fp.tell())
    if scans > MAX_SCANS:
        raise ImageError(
            "Expected a JPEG file with at most {limit} scans, found {found:,}. Save or "
            "export it again.",
            limit=MAX_SCANS,
            found=scans,
        )
    return scans
