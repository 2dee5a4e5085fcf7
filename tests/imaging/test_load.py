import base64
import io
import os
import struct
import subprocess
import sys
import threading
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from pneumonia.errors import ImageError
from pneumonia.imaging import bytes as content
from pneumonia.imaging import grayscale, load_image, read_image
from tests.support import hostile_files

ORIENTATION = 0x0112


@pytest.fixture
def gray() -> np.ndarray:
    """uint8, (64, 80), every level; neither symmetric nor spanning 0 to 255."""
    return (np.arange(64 * 80) % 199 + 20).astype(np.uint8).reshape(64, 80)


def encode(image: Image.Image | np.ndarray, format: str = "PNG", **options) -> bytes:
    image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def filled(mode: str, color) -> Image.Image:
    return Image.new(mode, (64, 64), color)


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises much and holds nothing."""
    content = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + content
    checksum = struct.pack(">I", zlib.crc32(chunk))
    idat = struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + checksum + idat


def refusal(source) -> str:
    with pytest.raises(ImageError) as caught:
        load_image(source)
    message = str(caught.value)
    assert message.endswith(".") and len(message) > 40
    return message


# --- the same pixels, whatever they come in


def test_all_kinds_of_source_agree(gray, tmp_path):
    data = encode(gray)
    path = tmp_path / "image.dcm"  # the name lies: content decides
    path.write_bytes(data)
    at_its_end = io.BytesIO(data)
    at_its_end.read()
    with path.open("rb") as opened:
        for source in (
            path,
            str(path),
            data,
            bytearray(data),
            memoryview(data),
            at_its_end,
            opened,
            Image.open(io.BytesIO(data)),
            Image.fromarray(gray),
            gray,
            gray[:, :, None],
            np.asfortranarray(gray),
        ):
            np.testing.assert_array_equal(load_image(source), gray)


def test_reads_a_stream_that_returns_little_and_cannot_seek(gray):
    reading, writing = os.pipe()
    with open(writing, "wb") as sink, open(reading, "rb", buffering=0) as stream:
        sink.write(encode(gray))
        sink.close()
        np.testing.assert_array_equal(load_image(stream), gray)


def test_result_is_contiguous_writable_and_not_a_view(gray):
    for source in (gray, gray[:, :, None], encode(gray), Image.fromarray(gray)):
        image = load_image(source)
        assert image.dtype == np.uint8 and image.shape == (64, 80)
        assert image.flags.c_contiguous and image.flags.writeable
        assert not np.shares_memory(image, gray)


@pytest.mark.parametrize(
    "format, options",
    [
        ("PNG", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"big_tiff": True}),
        ("WEBP", {"lossless": True}),
        ("BMP", {}),
        ("GIF", {}),
    ],
)
def test_lossless_formats(gray, format, options):
    np.testing.assert_array_equal(load_image(encode(gray, format, **options)), gray)


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_jpeg(gray, options):
    data = encode(gray, "JPEG", **options)
    expected = np.asarray(Image.open(io.BytesIO(data)))
    np.testing.assert_array_equal(load_image(data), expected)


def test_first_picture_of_a_phones_multi_picture_jpeg(gray):
    data = encode(gray, "MPO", save_all=True, append_images=[filled("L", 9)])
    expected = np.asarray(Image.open(io.BytesIO(data)))
    np.testing.assert_array_equal(load_image(data), expected)
    np.testing.assert_array_equal(load_image(Image.open(io.BytesIO(data))), expected)


# --- every mode becomes gray in one way: ITU-R 601-2 luma, on black


@pytest.mark.parametrize(
    "image, level",
    [
        (filled("1", 1), 255),
        (filled("L", 77), 77),
        (filled("RGB", (255, 0, 0)), 76),  # 0.299 * 255 = 76.2
        (filled("RGB", (0, 255, 0)), 150),  # 0.587 * 255 = 149.7
        (filled("RGB", (0, 0, 255)), 29),  # 0.114 * 255 = 29.1
        (filled("RGBA", (255, 255, 255, 128)), 128),
        (filled("RGBA", (255, 0, 0, 0)), 76),  # all clear is no transparency
        (filled("LA", (90, 0)), 90),
        (filled("LA", (200, 51)), 40),  # 200 * 51 / 255
        (filled("RGB", (255, 0, 0)).convert("P"), 76),
        (filled("CMYK", (0, 0, 0, 0)), 255),
        (filled("CMYK", (0, 0, 0, 255)), 0),
        (filled("YCbCr", (90, 128, 128)), 90),
        (filled("HSV", (0, 0, 60)), 60),
        (filled("RGB", (90, 90, 90)).convert("LAB"), 90),
    ],
)
def test_modes(image, level):
    assert np.unique(load_image(image)).tolist() == [level]


def test_modes_inside_files():
    red = filled("RGB", (255, 0, 0))
    clear = filled("P", 0)
    clear.putpalette([255, 0, 0])
    ink = encode(filled("CMYK", (0, 0, 0, 255)), "JPEG")
    for data, level in (
        (encode(red), 76),
        (encode(red, "GIF"), 76),
        (encode(filled("RGBA", (255, 255, 255, 128))), 128),
        (encode(clear, transparency=b"\x80"), 38),  # 76 * 128 / 255 = 38.1
        (encode(red, transparency=(255, 0, 0)), 0),
        (encode(filled("L", 90), transparency=90), 0),
        (encode(filled("1", 1), "TIFF", compression="packbits"), 255),
        (ink, 0),
    ):
        assert np.unique(load_image(data)).tolist() == [level]


@pytest.mark.parametrize(
    "array, level",
    [
        (np.full((64, 64, 3), (255, 0, 0), np.uint8), 76),
        (np.full((64, 64, 4), (255, 255, 255, 128), np.uint8), 128),
        (np.ones((64, 64), bool), 255),
        (np.zeros((64, 64, 1), bool), 0),
        (np.ones((64, 64, 4), bool), 255),
    ],
)
def test_arrays_of_eight_bits_or_less(array, level):
    assert np.unique(load_image(array)).tolist() == [level]


def test_alpha_counts_where_some_of_it_is_not_0():
    for mode, color in (("RGBA", (255, 255, 255, 0)), ("LA", (255, 0))):
        image = filled(mode, color)
        assert np.unique(load_image(image)).tolist() == [255]
        image.putpixel((5, 0), (*color[:-1], 255))
        for source in (image, encode(image), np.asarray(image)):
            if np.ndim(source) == 3 and mode == "LA":
                continue  # no array that is documented
            assert np.argwhere(load_image(source)).tolist() == [[0, 5]]


def test_a_palette_that_is_clear_throughout_is_not_transparent():
    image = filled("P", 1)
    image.putpalette([9, 9, 9, 90, 90, 90])
    for alpha, level in ((b"\0\0", 90), (b"\1\0", 0), (b"\0", 90)):
        data = encode(image, transparency=alpha)
        assert np.unique(load_image(data)).tolist() == [level]


def test_alpha_of_the_windows_clipboard():
    """A BMP of version 5 with 32 bits a pixel, whose alpha nobody has set."""
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    head = struct.pack("<IiiHHIIiiII", 124, 64, 64, 1, 32, 3, 64 * 64 * 4, 0, 0, 0, 0)
    head += masks + bytes(124 - len(head) - 16)
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[:, :, :3] = np.arange(64)[:, None, None] * 4
    data = struct.pack("<2sIHHI", b"BM", 138 + pixels.size, 0, 0, 138) + head
    image = load_image(data + pixels[::-1].tobytes())
    assert image[:, 9].tolist() == [*range(0, 256, 4)]


# --- levels of 4 or 5 bits in 8


@pytest.mark.parametrize(
    "low, high", [(0, 15), (240, 255), (0, 31), (100, 147), (7, 8), (0, 1)]
)
def test_few_levels_are_spread(low, high):
    stored = np.linspace(low, high, 64).round().astype(np.uint8)
    expected = np.floor((stored.astype(float) - low) / (high - low) * 255 + 0.5)
    stored = np.tile(stored, (70, 1))
    for source in (stored, encode(stored), encode(stored, "BMP")):
        assert load_image(source)[3].tolist() == expected.tolist()


def test_levels_are_counted_on_a_part_of_a_large_image(monkeypatch):
    few = np.tile(np.arange(16, dtype=np.uint8), (100, 10))
    many = np.tile(np.arange(160, dtype=np.uint8), (100, 1))
    expected = load_image(few)
    assert expected[0, :16].tolist() == [*range(0, 256, 17)]
    monkeypatch.setattr(grayscale, "_SAMPLE", 400)
    np.testing.assert_array_equal(load_image(few), expected)
    np.testing.assert_array_equal(load_image(many), many)


@pytest.mark.parametrize("low, high", [(0, 48), (200, 255), (5, 5), (0, 255)])
def test_more_levels_and_one_alone_are_as_they_were(low, high):
    stored = np.tile(np.linspace(low, high, 64).round().astype(np.uint8), (70, 1))
    np.testing.assert_array_equal(load_image(stored), stored)


def test_a_few_bright_pixels_hide_no_dark_image():
    stored = np.tile(np.arange(100, dtype=np.uint8) // 7, (100, 1))  # 0 to 14
    stored[0, :9] = 255  # of 10,000
    image = load_image(stored)
    assert image[1, [0, 7, 98]].tolist() == [0, 18, 255] and image[0, 0] == 255


# --- deeper pixels are scaled from their own minimum and maximum, not clipped


def ramp(low, high, dtype) -> np.ndarray:
    """(64, 64): low in the first row, high in the last, their middle in between."""
    values = np.full((64, 64), low, dtype)
    values[1:-1] = (float(low) + float(high)) / 2
    values[-1] = high
    return values


@pytest.mark.parametrize(
    "values, middle",
    [
        (ramp(0, 4095, np.uint16), 127),  # 2047 * 255 / 4095 = 127.47
        (ramp(0, 65534, np.uint16), 128),  # 127.5, halves up
        (ramp(100, 200, np.uint16), 128),
        (ramp(0, 4095, ">u2"), 127),
        (ramp(-1024, 3072, np.int16), 128),
        (ramp(-(2**31), 2**31 - 2, np.int32), 128),
        (ramp(10, 20, np.int64), 128),
        (ramp(0, 1, np.float32), 128),
        (ramp(-0.5, 1.5, np.float64), 128),
        (ramp(0, 1, np.float16), 128),
    ],
)
def test_deep_arrays_are_scaled(values, middle):
    image = load_image(values)
    assert image[:, 5].tolist() == [0, *[middle] * 62, 255]


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bit_file_equals_array(format):
    values = ramp(0, 4095, np.uint16)
    image = load_image(encode(values, format))
    assert image[:, 0].tolist() == [0, *[127] * 62, 255]
    np.testing.assert_array_equal(image, load_image(values))
    np.testing.assert_array_equal(image, load_image(Image.fromarray(values)))


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_thirty_two_bit_tiff_equals_array(dtype):
    values = ramp(-7, 9, dtype)
    image = load_image(encode(values, "TIFF"))
    assert image[:, 0].tolist() == [0, *[128] * 62, 255]


def test_big_endian_sixteen_bit_tiff():
    header = b"MM\0*\0\0\0\x08" + struct.pack(">H", 8)
    pixels_at = 8 + 2 + 8 * 12 + 4
    fields = ((256, 64), (257, 64), (258, 16), (259, 1), (262, 1), (277, 1))
    for tag, value in fields:
        header += struct.pack(">HHIHH", tag, 3, 1, value, 0)
    for tag, value in ((273, pixels_at), (279, 64 * 64 * 2)):
        header += struct.pack(">HHII", tag, 4, 1, value)
    data = header + bytes(4) + ramp(0, 4095, ">u2").tobytes()
    assert load_image(data)[:, 0].tolist() == [0, *[127] * 62, 255]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_white_is_zero_tiff(dtype):
    stored = ramp(0, 200, dtype)
    data = encode(stored, "TIFF")
    field = struct.pack("<HHIHH", 262, 3, 1, 1, 0)  # photometric: 1, black is zero
    assert field in data
    white_is_zero = data.replace(field, struct.pack("<HHIHH", 262, 3, 1, 0, 0))
    np.testing.assert_array_equal(load_image(white_is_zero), 255 - load_image(data))


def test_values_that_are_not_finite_are_black():
    values = ramp(1, 3, np.float32)
    values[5, :3] = np.nan, np.inf, -np.inf
    image = load_image(values)
    assert image[5, :4].tolist() == [0, 0, 0, 128] and image[-1, 0] == 255
    assert "finite" in refusal(np.full((64, 64), np.nan))


@pytest.mark.parametrize("value", [0, 7, 65535])
def test_constant_images_are_black_beyond_eight_bits(value):
    assert not load_image(np.full((64, 64), value, np.uint16)).any()
    assert not load_image(np.full((64, 64), value, np.float64)).any()


@pytest.mark.parametrize(
    ("source", "share"),
    [
        (Image.new("L", (64, 64), 90), 0),
        (Image.new("RGB", (64, 64), (90, 90, 90)), 0),
        (Image.new("RGB", (64, 64), (70, 90, 110)), 0),  # a tint
        (Image.new("RGB", (64, 64), (90, 20, 90)), 1),
        (Image.new("P", (64, 64), 0), 0),
        (np.zeros((64, 64), np.uint16), 0),
        (np.full((64, 64, 4), (250, 0, 0, 255), np.uint8), 1),
        (np.full((64, 64, 4), (250, 0, 0, 0), np.uint8), 1),  # clear everywhere
    ],
)
def test_share_of_colour(source, share):
    assert read_image(source).colour == share


def test_a_few_coloured_marks_are_a_small_share(gray):
    tinted = np.repeat(gray[:, :, None], 3, axis=2)
    tinted[5:15, 5:15] = (255, 0, 0)
    reading = read_image(tinted)
    image, share = reading.image, reading.colour
    np.testing.assert_array_equal(image, load_image(tinted))
    assert share == pytest.approx(100 / tinted[:, :, 0].size, abs=0.01)


def test_deep_color_arrays():
    values = np.zeros((64, 64, 3), np.uint16)
    values[:, :, 0] = 4095
    assert np.unique(load_image(values)).tolist() == [76]
    rgba = np.zeros((64, 64, 4), np.float32)
    rgba[32:, :] = 1  # below: opaque white; above: clear black
    rgba[:16, :, :3] = 1  # at the top: clear white
    assert load_image(rgba)[:, 0].tolist() == [0] * 32 + [255] * 32


def deep(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """12 bits in 16; no byte of them alone would do."""
    return np.random.default_rng(seed).integers(0, 4096, shape).astype(np.uint16)


def png16(samples: np.ndarray, *chunks: bytes) -> bytes:
    """Gray, gray with alpha, RGB or RGBA of 16 bits, which Pillow does not write."""
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[samples.shape[2]]
    rows = [b"\0" + row.astype(">u2").tobytes() for row in samples]
    data = hostile_files.chunk(b"IDAT", zlib.compress(b"".join(rows)))
    height, width = samples.shape[:2]
    return hostile_files.png(width, height, *chunks, data, bits=16, kind=kind)


ALPHA = deep((64, 80, 1), 1) * np.uint16(16)  # up to 65520


@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize("alpha", [None, np.full_like(ALPHA, 65535), 0 * ALPHA, ALPHA])
def test_png_of_sixteen_bits_equals_its_array(bands, alpha):
    """Black is 0 and white 4095, or what the alpha leaves of it."""
    samples = deep((64, 80, bands))
    on_black = samples.astype(float)
    if alpha is not None:
        on_black *= alpha / 65535 if alpha.any() else 1
        samples = np.dstack([samples, alpha])
    levels = (on_black - on_black.min()) / np.ptp(on_black) * 255
    levels = np.floor(levels + 0.5).astype(np.uint8).squeeze()
    expected = np.asarray(Image.fromarray(levels).convert("L"))
    image = load_image(png16(samples))
    np.testing.assert_allclose(image, expected, atol=1)  # float32 where there is alpha


def test_clear_colour_of_a_png_of_sixteen_bits():
    samples = deep((64, 80, 3)) + 1000
    samples[:9] = 3000, 3001, 4000
    clear = hostile_files.chunk(b"tRNS", struct.pack(">3H", 3000, 3001, 4000))
    expected = samples.copy()
    expected[:9] = 0
    np.testing.assert_array_equal(
        load_image(png16(samples, clear)), load_image(png16(expected))
    )


def test_clear_gray_of_a_png_of_sixteen_bits():
    """1000 and 3000 on the black of 0: 85 and 255."""
    samples = np.full((64, 64, 1), 1000, np.uint16)
    samples[:9], samples[9:20] = 65535, 3000
    clear = hostile_files.chunk(b"tRNS", struct.pack(">H", 65535))
    image = load_image(png16(samples, clear))
    assert image[:, 5].tolist() == [0] * 9 + [255] * 11 + [85] * 44


# --- EXIF orientation


@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize(
    "orientation, first, last",  # where the stored top left and top right belong
    [
        (1, (0, 0), (0, -1)),
        (2, (0, -1), (0, 0)),
        (3, (-1, -1), (-1, 0)),
        (4, (-1, 0), (-1, -1)),
        (5, (0, 0), (-1, 0)),
        (6, (0, -1), (-1, -1)),
        (7, (-1, -1), (0, -1)),
        (8, (-1, 0), (0, 0)),
    ],
)
def test_exif_orientation(format, orientation, first, last):
    stored = np.zeros((64, 80), np.uint8)
    stored[0, 0], stored[0, -1] = 255, 100
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    options = {"lossless": True} if format == "WEBP" else {}
    data = encode(stored, format, exif=exif, **options)
    for source in (data, Image.open(io.BytesIO(data))):
        image = load_image(source)
        assert image.shape == ((64, 80) if orientation < 5 else (80, 64))
        assert image[first] == 255 and image[last] == 100
        assert np.count_nonzero(image) == 2 and image.flags.c_contiguous


def test_damaged_exif_leaves_the_image_as_stored(gray):
    data = encode(gray, exif=b"Exif\0\0not a TIFF header at all")
    np.testing.assert_array_equal(load_image(data), gray)


# --- what is refused


@pytest.mark.parametrize("format", ["TIFF", "PNG", "WEBP"])
def test_multi_frame_files(gray, format):
    data = encode(gray, format, save_all=True, append_images=[gray_image(gray)])
    assert f"multi-frame {format}" in refusal(data)
    assert "multi-frame" in refusal(Image.open(io.BytesIO(data)))


def gray_image(gray: np.ndarray) -> Image.Image:
    return Image.fromarray(255 - gray)


def test_first_frame_of_a_gif(gray):
    data = encode(gray, "GIF", save_all=True, append_images=[gray_image(gray)])
    np.testing.assert_array_equal(load_image(data), gray)


def test_pixel_limits_are_checked_before_decoding(monkeypatch):
    message = refusal(png_header(8001, 8000))
    assert "at most 64 megapixels" in message and "8,001 x 8,000" in message
    assert "megapixels" in refusal(png_header(2**31 - 1, 2**31 - 1))
    assert "megapixels" in refusal(np.broadcast_to(np.uint8(0), (8001, 8000)))
    monkeypatch.setattr(grayscale, "MAX_PIXELS", 64 * 64)
    assert load_image(encode(filled("L", 1))).shape == (64, 64)
    assert "too large" in refusal(np.zeros((65, 64), np.uint8))


@pytest.mark.parametrize("shape", [(63, 500), (500, 63), (1, 1), (0, 0), (0, 64)])
def test_small_and_empty_arrays(shape):
    assert "at least 64 pixels" in refusal(np.zeros(shape, np.uint8))


def test_small_files():
    assert load_image(encode(filled("L", 1))).shape == (64, 64)
    assert "63 x 64" in refusal(encode(Image.new("L", (63, 64))))
    assert "too small" in refusal(Image.new("L", (0, 0)))


def test_byte_limit(monkeypatch, tmp_path, gray):
    data = encode(gray)
    path = tmp_path / "image.png"
    path.write_bytes(data)
    monkeypatch.setattr(content, "MAX_BYTES", len(data))
    for source in (data, path, io.BytesIO(data)):
        np.testing.assert_array_equal(load_image(source), gray)
    monkeypatch.setattr(content, "MAX_BYTES", len(data) - 1)
    for source in (data, path, io.BytesIO(data)):
        assert "too large" in refusal(source)


def test_a_huge_file_is_not_read_at_all(monkeypatch, tmp_path):
    path = tmp_path / "huge"
    with path.open("wb") as stream:
        stream.truncate(content.MAX_BYTES + 1)  # takes no room on disk
    monkeypatch.setattr(content, "_read_stream", None)
    assert "at most 128 MiB" in refusal(path)


@pytest.mark.parametrize(
    "data, found",
    [
        (b"", "no data"),
        (b"%PDF-1.7 and so on", "a PDF document"),
        (b"PK\x03\x04" + bytes(60), "a ZIP archive"),
        (b"<!doctype html>", "a web page"),
        (b"\0\0\0\x18ftypheic" + bytes(60), "HEIC"),
        (b"hello", "5 bytes that begin with 68 65 6c 6c 6f"),
        (bytes(1000), "1,000 bytes that begin with 00 00"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "52 49 46 46"),
        (encode(Image.new("L", (64, 64)), "JPEG2000"), "a JPEG 2000 file"),
        (encode(Image.new("L", (64, 64)), "JPEG2000", no_jp2=True), "JPEG 2000"),
        (b"\xff\x0a\xfa\x1f\x01" + bytes(60), "a JPEG XL file"),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(60), "a JPEG XL file"),
        (b"\x5c\1\0\0" + bytes(340) + b"n+1\0" + bytes(60), "a NIfTI file"),
        (b"\x1c\2\0\0n+2\0\r\n\x1a\n" + bytes(60), "a NIfTI file"),
        (b"NRRD0004\ntype: short\n", "an NRRD file"),
        (b"\x89HDF\r\n\x1a\n" + bytes(60), "an HDF5 file"),
        (b"7z\xbc\xaf\x27\x1c\0\4" + bytes(60), "a 7z archive"),
        (b"image.png".ljust(257, b"\0") + b"ustar\x0000" + bytes(240), "a tar archive"),
        (base64.b64encode(encode(Image.new("L", (64, 64)))), "base64 text"),
        (base64.encodebytes(encode(Image.new("L", (64, 64)), "TIFF")), "base64 text"),
        (base64.urlsafe_b64encode(b"\xff\xd8\xff\xfb\xef" + bytes(60)), "base64 text"),
        (b"data:image/gif;base64," + base64.b64encode(b"GIF89a" + bytes(60)), "base64"),
        (base64.b64encode(bytes(128) + b"DICM" + bytes(60)), "base64 text"),
        (base64.b64encode(b"hello, this is no image"), "32 bytes that begin with 61"),
    ],
)
def test_content_that_is_no_image(data, found):
    assert found in refusal(data)


def test_a_numpy_file_is_named():
    stream = io.BytesIO()
    np.save(stream, np.zeros((64, 64), np.uint16))
    assert "a NumPy file" in refusal(stream.getvalue())


@pytest.mark.parametrize("format", ["PPM", "ICO", "PCX", "TGA", "EPS", "JPEG2000"])
def test_other_formats_of_pillow_are_not_opened(gray, format):
    assert "Expected a JPEG, PNG" in refusal(encode(gray, format))


def test_paths_that_are_no_file(tmp_path):
    for source, reason in (
        (tmp_path / "missing.png", "No such file"),
        (str(tmp_path / "missing.png"), "No such file"),
        (tmp_path, "found a folder"),
        ("", "No such file"),
        ("a\0b", "not a valid path"),
        ("x" * 5000, "cannot be opened"),
        ("https://example.org/image.png", "Download"),
        ("data:image/png;base64,AAAA", "Download"),
    ):
        message = refusal(source)
        assert reason in message
        assert tmp_path.name not in message and "missing" not in message


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "no regular file" in refusal(tmp_path / "pipe")


@pytest.mark.parametrize("source", [None, 3, 2.5, [1, 2], {"path": "a"}, object()])
def test_other_types(source):
    message = refusal(source)
    assert type(source).__name__ in message and "a NumPy array" in message


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(4096, np.uint8),
        np.zeros((64, 64, 2), np.uint8),
        np.zeros((3, 64, 64), np.uint8),
        np.zeros((2, 64, 64, 3), np.uint8),
        np.zeros((64, 64), complex),
        np.zeros((64, 64), object),
        np.zeros((64, 64), "U3"),
        np.zeros((64, 64), "datetime64[s]"),
        np.array(5),
    ],
)
def test_arrays_that_are_no_image(array):
    message = refusal(array)
    assert str(array.shape) in message and str(array.dtype) in message


def test_file_objects_that_cannot_be_read(tmp_path, gray):
    path = tmp_path / "image.png"
    path.write_bytes(encode(gray))
    with path.open("rb") as stream:
        pass
    assert "closed" in refusal(stream)
    with path.open("r", encoding="latin-1") as text:
        assert "mode 'rb'" in refusal(text)


def test_pil_images_that_cannot_be_loaded(gray):
    data = encode(gray)
    refusal(Image.open(io.BytesIO(data[:-200])))
    closed = Image.open(io.BytesIO(data))
    closed.close()
    assert "closed" in refusal(closed)


@pytest.mark.parametrize(
    "format, options",
    [
        ("JPEG", {}),
        ("PNG", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("WEBP", {}),
        ("BMP", {}),
        ("GIF", {}),
    ],
)
def test_truncated_files(gray, format, options):
    data = encode(gray, format, **options)
    for tenths in range(10):
        refusal(data[: len(data) * tenths // 10])


def test_truncated_tiff_directory(gray):
    """Pillow only warns, and forgets the orientation, which comes after the maker."""
    exif = Image.Exif()
    exif[ORIENTATION], exif[0x010F] = 6, "Maker"
    data = encode(gray, "TIFF", compression="packbits", exif=exif)
    assert load_image(data).shape == (80, 64)
    assert "incomplete directory" in refusal(data[:-5])


def test_damaged_files_are_image_errors_or_images(gray):
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    random = np.random.default_rng(0)
    outcomes = set()
    for format in ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF"):
        whole = encode(gray, format, exif=exif)
        for _ in range(60):
            data = bytearray(whole)
            for place in random.integers(8, len(data), 4):
                data[place] = random.integers(256)
            try:
                outcomes.add(load_image(bytes(data)).dtype.name)
            except ImageError:
                outcomes.add("error")
    assert outcomes == {"uint8", "error"}


# --- warnings: none escapes, and nobody else's is lost


def too_many_entries() -> bytes:
    """A TIFF with two values where the format knows one, as scanners write it."""
    data = encode(filled("L", 5), "TIFF")
    one, two = struct.pack("<HHI", 262, 3, 1), struct.pack("<HHI", 262, 3, 2)
    assert one in data
    return data.replace(one, two)


def corrupt_exif() -> bytes:
    ifd = b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 0x010F, 2, 900, 9999)
    return encode(filled("L", 5), "JPEG", exif=b"Exif\0\0" + ifd)


def invalid_apng() -> bytes:
    data = encode(filled("L", 5))
    chunk = b"acTL" + bytes(8)
    chunk = struct.pack(">I", 8) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return data[:33] + chunk + data[33:]


@pytest.mark.parametrize("make", [too_many_entries, corrupt_exif, invalid_apng])
def test_warnings_of_pillow_do_not_escape(make):
    data = make()
    with pytest.warns(UserWarning):
        Image.open(io.BytesIO(data)).getexif()
    assert np.unique(load_image(data)).tolist() == [5]


def test_other_threads_keep_their_warnings(gray):
    """warnings.catch_warnings would silence them too, and not always give them back."""
    raised = []

    def warn():
        try:
            warnings.warn("mine", UserWarning, stacklevel=1)
        except UserWarning as error:
            raised.append(str(error))

    class Stream(io.BytesIO):
        def read(self, size=-1):
            other = threading.Thread(target=warn)
            other.start()
            other.join()
            warn()  # in the thread that reads: silenced
            return super().read(size)

    load_image(Stream(encode(gray)))
    assert raised == ["mine", "mine"]  # one for each piece read, the last one empty
    warn()
    assert len(raised) == 3


def test_warning_filters_do_not_pile_up(gray):
    for _ in range(3):
        load_image(gray)
        before = len(warnings.filters)
        warnings.simplefilter("error")  # moves to the front
        load_image(too_many_entries())
        assert len(warnings.filters) == before


def test_threads(gray):
    sources = [encode(gray, "PNG"), encode(gray, "TIFF"), encode(gray, "GIF"), gray] * 8
    with ThreadPoolExecutor(4) as pool:
        for image in pool.map(load_image, sources):
            np.testing.assert_array_equal(image, gray)


def test_pydicom_is_imported_for_dicom_only(tmp_path, gray):
    path = tmp_path / "image.png"
    path.write_bytes(encode(gray))
    code = (
        "import sys; from pneumonia.imaging import load_image; load_image(sys.argv[1]);"
        "sys.exit('pydicom' in sys.modules or 'PIL.TiffImagePlugin' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code, str(path)])
    assert result.returncode == 0
