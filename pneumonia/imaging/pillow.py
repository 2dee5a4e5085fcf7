"""The content of a JPEG, PNG, GIF, BMP, TIFF or WebP file -> an image of Pillow.

Pillow's plugins read them. Here is what they do not refuse: several pages, and files
that cost far more than their pixels are worth.
"""

import io
import re
import sys
from importlib import import_module

from PIL import Image

from ..errors import ImageError

MAX_PIXELS = 64_000_000  # the largest flat panel detectors have less than 20 million
_DEMANDING = {  # bytes or seconds a pixel are two to six times the usual
    "WEBP": 20_000_000,
    "JPEG of several scans": 32_000_000,
    "32 bits of gray": 32_000_000,
    "colour of 16 bits": 16_000_000,
    "CMYK": 32_000_000,
}
MAX_SCANS = 64  # of a JPEG: each passes over the whole image; encoders write about ten

# The first bytes of what Pillow may decode; a group's name is that of Pillow's plugin.
_START = re.compile(
    rb"(?P<Jpeg>\xff\xd8\xff)|(?P<Png>\x89PNG\r\n\x1a\n)|(?P<Gif>GIF8[79]a)|(?P<Bmp>BM)"
    rb"|(?P<Tiff>II[*+]\0|MM\0[*+])|(?P<WebP>RIFF....WEBP)",
    re.DOTALL,
)
_START_OF_SCAN = b"\xff\xda"
_TIFF_OFFSETS = {273, 324}  # of strips or tiles: every directory has one of them
_FAX = {"tiff_ccitt", "group3", "group4"}  # libtiff complains of each damaged line
# Pillow keeps one byte of each 16-bit sample of a colour. What it calls the order of
# the bytes tells which one; N is the machine's. Of gray with alpha, four bytes a pixel,
# one reading as if they were RGBA fetches all.
GRAY_WITH_ALPHA = "gray with alpha"  # in the `info` of such a second reading
_OTHER = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
_LOW = {
    f"{bands};16{order}": f"{bands};16{other}"
    for bands in ("RGB", "RGBA", "RGBX")
    for order, other in _OTHER.items()
} | {"LA;16B": "RGBA"}


def plugin_of(data: bytes) -> str | None:
    """Names the plugin of Pillow that may read a file, by its first bytes."""
    match = _START.match(data)
    return match and match.lastgroup


def open_image(
    stream: io.BytesIO,
) -> tuple[Image.Image, int, Image.Image | None]:
    """Reads the header of a file that `plugin_of` knows; nothing is decoded yet.

    Returns:
        The image; how many pixels it may have; and of colour of 16 bits, or gray with
        alpha, a second image with the lower bytes, see `grayscale.from_pil`.
    Raises:
        ImageError: its structure is one that no common encoder writes. Damaged files
            make Pillow raise many other exceptions.
    """
    data = stream.getvalue()  # shared, not copied
    name = plugin_of(data)
    # The plugin itself, not Image.open: its limits are ours, and no other format gets a
    # chance.
    plugin = import_module(f"PIL.{name}ImagePlugin")
    reader = getattr(plugin, f"{name}ImageFile")
    image, low = reader(stream), None
    # Pillow forgives a directory that is cut off, and loses the orientation with it.
    if name == "Tiff" and _TIFF_OFFSETS.isdisjoint(image.tag_v2):
        raise ImageError(
            "Expected a whole TIFF file, found an incomplete directory of tags. Copy "
            "or export the file again."
        )
    if image.info.get("compression") in _FAX:
        raise ImageError(
            "Expected shades of gray, found a fax: black and white alone. Export the "
            "X-ray in gray."
        )
    kind = image.format
    if name == "Jpeg" and _scans(image, data) > 1:
        kind = "JPEG of several scans"
    elif image.mode in ("I", "F"):
        kind = "32 bits of gray"
    elif image.mode == "CMYK":
        kind = "CMYK"
    elif image.tile and _raw_mode(image) in _LOW:
        kind = "colour of 16 bits"
        low = _low_bytes(reader(type(stream)(data)))
    return image, _DEMANDING.get(kind, MAX_PIXELS), low


def _raw_mode(image: Image.Image) -> object:
    """How Pillow reads the bytes of an image: `RGB;16B`."""
    args = image.tile[0].args
    return args if isinstance(args, str) or not args else args[0]


def _low_bytes(image: Image.Image) -> Image.Image:
    """Lets a reading fetch the bytes of 16-bit samples that Pillow leaves out."""
    low = _LOW[_raw_mode(image)]
    image.info[GRAY_WITH_ALPHA] = low == "RGBA"
    image.tile = [
        tile._replace(args=low if isinstance(tile.args, str) else (low, *tile.args[1:]))
        for tile in image.tile
    ]
    return image


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
