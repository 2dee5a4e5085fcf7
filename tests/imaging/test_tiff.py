"""TIFF's kinds of samples, as tifffile and OpenCV write them.

Right is what the values themselves say: the least is black, the greatest white.
"""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from pneumonia.errors import ImageError
from pneumonia.imaging import load_image, tiff

VALUES = np.random.default_rng(0).integers(0, 4096, (64, 80)).astype(np.float64)


def write(values: np.ndarray, **options) -> bytes:
    stream = io.BytesIO()
    options.setdefault("photometric", "rgb" if values.ndim == 3 else "minisblack")
    tifffile.imwrite(stream, values, **options)
    return stream.getvalue()


def levels(values: np.ndarray) -> np.ndarray:
    values = values.astype(np.float64)
    scaled = (values - values.min()) / np.ptp(values) * 255
    image = np.floor(scaled + 0.5).astype(np.uint8)
    return np.asarray(Image.fromarray(image).convert("L"))


def refusal(data: bytes) -> str:
    with pytest.raises(ImageError) as caught:
        load_image(data)
    return str(caught.value)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize(
    "kind, scale, offset",
    [
        ("i1", 1 / 16, -128),
        ("u2", 1, 0),
        ("i2", 1, -2000),
        ("u4", 2**20, 0),  # up to 2^32, which a signed 32-bit value cannot hold
        ("i4", 2**19, -(2**30)),
        ("u8", 2**50, 0),
        ("i8", 2**50, -(2**61)),
        ("f2", 1 / 4095, 0),
        ("f4", 1e-3, -1),
        ("f8", 1e200, -1e203),
    ],
)
def test_kinds_of_samples(kind, scale, offset, compression, order):
    values = np.floor(VALUES * scale + offset) if kind[0] != "f" else VALUES * scale
    values = values.astype(order + kind)
    data = write(values, byteorder=order, compression=compression)
    np.testing.assert_array_equal(load_image(data), levels(values))


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", ["u2", "f4", "i1"])
def test_colour_deeper_than_eight_bits(kind, order, planar):
    values = np.stack([VALUES, VALUES / 2, 4095 - VALUES], axis=2)
    values = (values / 40 if kind == "i1" else values).astype(kind)
    stored = np.moveaxis(values, 2, 0) if planar == "separate" else values
    data = write(stored, byteorder=order, planarconfig=planar, photometric="rgb")
    np.testing.assert_array_equal(load_image(data), levels(values))


@pytest.mark.parametrize("compression", [1, 5, 8, 32946])  # none, LZW, deflate
def test_colour_of_sixteen_bits_of_opencv(compression):
    values = np.stack([VALUES, VALUES / 2, 4095 - VALUES], axis=2).astype(np.uint16)
    options = [cv2.IMWRITE_TIFF_COMPRESSION, compression]
    data = cv2.imencode(".tif", values[:, :, ::-1], options)[1].tobytes()
    np.testing.assert_array_equal(load_image(data), levels(values))


@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize("extra", ["unassalpha", "assocalpha", "unspecified"])
def test_a_further_sample(bands, extra):
    """Alpha multiplies what was not yet multiplied with it; all else is no alpha."""
    samples = np.stack([VALUES, VALUES / 2, VALUES / 3], axis=2)[:, :, :bands]
    alpha = np.linspace(0, 65535, 64 * 80).reshape(64, 80, 1)
    stored = np.dstack([samples, alpha]).astype(np.uint16)
    data = write(
        stored,
        extrasamples=[extra],
        planarconfig="contig",
        photometric="rgb" if bands == 3 else "minisblack",
    )
    shown = stored[:, :, :bands].astype(np.float64)
    if extra == "unassalpha":
        shown *= stored[:, :, bands:] / 65535
    np.testing.assert_allclose(load_image(data), levels(shown.squeeze()), atol=1)


def test_white_is_zero_and_orientation():
    values = (VALUES / 4095).astype(np.float16)
    inverted = load_image(write(values, photometric="miniswhite"))
    np.testing.assert_array_equal(inverted, 255 - levels(values))
    turned = write(values, extratags=[(274, "H", 1, 6, True)])
    np.testing.assert_array_equal(load_image(turned), np.rot90(levels(values), -1))


@pytest.mark.parametrize(
    "values, options, words",
    [
        (VALUES.astype(np.complex64), {}, "complex64"),
        (VALUES.astype(np.float16), {"compression": "lzma"}, "16-bit float16, LZMA"),
        (VALUES[:, :, None].repeat(5, 2).astype(np.float16),
         {"planarconfig": "contig", "photometric": "minisblack"}, "5 x 16-bit float16"),
    ],
)  # fmt: skip
def test_kinds_that_nobody_reads_are_named(values, options, words):
    message = refusal(write(values, **options))
    assert "not supported" in message and words in message


@pytest.mark.parametrize(
    "old, new, words",
    [
        ((258, 3, 1, 8), (258, 3, 1, 12), "1 x 12-bit samples, compression 1"),
        ((258, 3, 1, 8), (258, 3, 1, 24), "1 x 24-bit uint32, NONE"),
        ((259, 3, 1, 1), (259, 3, 1, 34712), "1 x 8-bit samples, compression 34712"),
    ],
)
def test_kinds_that_pillow_does_not_know_are_named(old, new, words):
    """Of big-endian words; 34712 is JPEG 2000."""
    data = write((VALUES / 16).astype(np.uint8), byteorder=">")
    old, new = (struct.pack(">HHIHH", *field, 0) for field in (old, new))
    assert data.count(old) == 1
    message = refusal(data.replace(old, new))
    assert "not supported" in message and words in message


def test_pages_and_sizes():
    values = VALUES.astype(np.float64)
    assert "multi-frame TIFF" in refusal(
        write(np.stack([values, values]), photometric="minisblack")
    )
    assert "at least 64 pixels" in refusal(write(values[:60]))
    huge = np.broadcast_to(np.float64(0), (6000, 6000))
    assert "at most 20 megapixels" in refusal(write(huge, compression="zlib"))


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_what_is_cut_off_is_damaged(compression):
    data = write(VALUES, compression=compression, rowsperstrip=8)
    assert np.array_equal(load_image(data), levels(VALUES))
    for end in (len(data) - 9, len(data) // 2, 300):
        assert "damaged" in refusal(data[:end])


def test_nothing_inflates_to_any_size():
    """A strip of 64 x 80 float64 and a MiB of zeros: tifffile would make them all."""
    data = write(VALUES, compression="zlib")
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        tags = file.pages.first.tags
        count = tags["StripByteCounts"]
        start = file.pages.first.dataoffsets[0]
    strip = zlib.compress(bytes(VALUES.nbytes + 2**20), 9)
    assert len(strip) < len(data) - start  # so that it fits in the other's place
    data = bytearray(data)
    data[start : start + len(strip)] = strip
    assert np.frombuffer(data, "<u4", 1, count.valueoffset)[0] > len(strip)
    assert "damaged" in refusal(bytes(data))


@pytest.mark.parametrize("kind", ["u2", "f8"])  # Pillow's and tifffile's
def test_tiles_may_not_be_much_larger_than_the_image(kind):
    data = write(VALUES.astype(kind), tile=(64, 80), compression="zlib")
    assert np.array_equal(load_image(data), levels(VALUES))
    side = struct.pack("<HHII", 322, 4, 1, 80), struct.pack("<HHIHH", 322, 3, 1, 80, 0)
    (old,) = [field for field in side if field in data]
    wide = data.replace(old, struct.pack("<HHII", 322, 4, 1, 2**20))
    assert "damaged" in refusal(wide)


def test_directories_are_limited(monkeypatch):
    monkeypatch.setattr(tiff, "MAX_VALUES", 7)
    assert "usual size" in refusal(write(VALUES, rowsperstrip=8))
