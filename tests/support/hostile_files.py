"""Files to try the reader with: one of each kind that it takes, ways to spoil them,
and files made by hand to cost or to lie."""

import io
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable

import numpy as np
import tifffile
from PIL import Image, ImageDraw
from pydicom import uid
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID

SIDE = 96  # pixels; small files are decoded often
COMPRESSED_DICOM = {
    "JPEG": "SC_rgb_jpeg_dcmtk.dcm",
    "JPEG extended": "JPGExtended.dcm",
    "JPEG lossless": "SC_rgb_jpeg_gdcm.dcm",
    "JPEG-LS": "MR_small_jpeg_ls_lossless.dcm",
    "JPEG-LS near-lossless": "SC_rgb_jls_lossy_sample.dcm",
    "JPEG 2000": "MR_small_jp2klossless.dcm",
    "RLE": "MR_small_RLE.dcm",
    "palette": "examples_palette.dcm",
    "deflated": "image_dfl.dcm",
    "big endian": "MR_small_bigendian.dcm",
    "YBR": "SC_ybr_full_422_uncompressed.dcm",
}


def picture(mode: str = "L") -> Image.Image:
    """A small image with edges, gradients and noise."""
    y, x = np.mgrid[:SIDE, :SIDE]
    noise = np.random.default_rng(0).integers(0, 20, (SIDE, SIDE))
    gray = Image.fromarray((x + y // 2 + noise).astype(np.uint8))
    ImageDraw.Draw(gray).ellipse((20, 20, 70, 80), 200)
    if mode in ("I;16", "I", "F"):
        return Image.fromarray(np.asarray(gray).astype("uint16") * 200).convert(mode)
    if mode in ("RGBA", "LA"):
        gray = gray.convert("RGB" if mode == "RGBA" else "L")
        gray.putalpha(Image.fromarray((255 - x).astype(np.uint8)))
        return gray
    return gray.convert("RGB").convert(mode) if mode != "L" else gray


def encoded(image: Image.Image, format: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def dicom(pixels: np.ndarray, syntax: UID = uid.ExplicitVRLittleEndian, **elements):
    """A DICOM file of 12-bit pixels, (H, W) uint16."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.SOPClassUID = uid.DigitalXRayImageStorageForPresentation
    made.SOPInstanceUID = "1.2.3"
    made.Rows, made.Columns = pixels.shape
    made.SamplesPerPixel, made.PixelRepresentation = 1, 0
    made.PhotometricInterpretation = "MONOCHROME2"
    made.BitsAllocated, made.BitsStored, made.HighBit = 16, 12, 11
    made.PixelData = pixels.tobytes()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    made.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    if syntax.is_encapsulated:
        made.compress(syntax, generate_instance_uid=False)
    made.file_meta.TransferSyntaxUID = syntax
    stream = io.BytesIO()
    made.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def seeds() -> dict[str, bytes]:
    """A file of every kind that the reader takes."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    gray, colour = picture(), picture("RGB")
    files = {
        "PNG": encoded(gray, "PNG", exif=exif),
        "PNG 1": encoded(picture("1"), "PNG"),
        "PNG 16": encoded(picture("I;16"), "PNG"),
        "PNG P": encoded(picture("P"), "PNG", transparency=3),
        "PNG RGBA": encoded(picture("RGBA"), "PNG"),
        "JPEG": encoded(gray, "JPEG", exif=exif),
        "JPEG RGB": encoded(colour, "JPEG", icc_profile=bytes(500), comment=b"hello"),
        "JPEG progressive": encoded(colour, "JPEG", progressive=True),
        "JPEG CMYK": encoded(picture("CMYK"), "JPEG"),
        "MPO": encoded(colour, "MPO", save_all=True, append_images=[gray]),
        "GIF": encoded(picture("P"), "GIF", save_all=True, append_images=[gray]),
        "BMP": encoded(gray, "BMP"),
        "BMP RGB": encoded(colour, "BMP"),
        "WebP": encoded(colour, "WEBP", exif=exif),
        "WebP lossless": encoded(picture("RGBA"), "WEBP", lossless=True),
        "TIFF BigTIFF": encoded(gray, "TIFF", big_tiff=True),
        "TIFF 16": encoded(picture("I;16"), "TIFF"),
        "TIFF F": encoded(picture("F"), "TIFF", compression="tiff_lzw"),
        "TIFF LAB": encoded(picture("LAB"), "TIFF"),
        "TIFF RGBA": encoded(picture("RGBA"), "TIFF", compression="tiff_lzw"),
    }
    deep = np.asarray(picture("I;16"))
    for bands, kind in ((1, 0), (3, 2), (2, 4), (4, 6)):
        rows = np.repeat(deep[:, :, None], bands, axis=2).astype(">u2")
        data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
        name = f"PNG 16 x {bands}"
        files[name] = png(SIDE, SIDE, chunk(b"IDAT", data), bits=16, kind=kind)
    for name, samples, options in (
        ("float16", deep / 2**16, {"compression": "zlib"}),
        ("float64", deep / 1.5, {}),
        ("int8", deep // 512, {"byteorder": ">"}),
        ("uint32", deep * 2**12, {"rowsperstrip": 16}),
        ("uint16", np.dstack([deep, deep]), {"planarconfig": "contig"}),
        ("uint16", np.stack([deep] * 3), {"planarconfig": "separate"}),
        ("uint16", np.dstack([deep] * 3), {"tile": (32, 32), "compression": "zlib"}),
    ):
        stream = io.BytesIO()
        kind = "rgb" if samples.shape[-1] == 3 or len(samples) == 3 else "minisblack"
        tifffile.imwrite(stream, samples.astype(name), photometric=kind, **options)
        files[f"TIFF {name} {samples.shape}"] = stream.getvalue()
    for compression in ("raw", "tiff_adobe_deflate", "packbits", "jpeg"):
        name = f"TIFF {compression}"
        files[name] = encoded(colour, "TIFF", compression=compression, exif=exif)
    pixels = np.asarray(gray).astype(np.uint16) * 16
    table, packed, group = Dataset(), Dataset(), Dataset()
    table.LUTDescriptor, table.LUTData = [4096, 0, 16], bytes(8192)
    packed.LUTDescriptor, packed.LUTData = [4096, 0, 8], bytes(range(256)) * 16
    group.FrameVOILUTSequence = [Dataset()]
    group.FrameVOILUTSequence[0].WindowCenter = 800
    group.FrameVOILUTSequence[0].WindowWidth = 2000
    files |= {
        "DICOM": dicom(pixels, WindowCenter=[800, 900], WindowWidth=[2000, 100]),
        "DICOM implicit": dicom(pixels, uid.ImplicitVRLittleEndian),
        "DICOM LUT": dicom(pixels, VOILUTSequence=[table], RescaleSlope="1.5"),
        "DICOM packed LUT": dicom(pixels, ModalityLUTSequence=[packed]),
        "DICOM enhanced": dicom(pixels, SharedFunctionalGroupsSequence=[group]),
        "DICOM high bit": dicom(pixels, HighBit=15),
        "DICOM says more": dicom(
            pixels, PatientAge="004Y", ViewPosition="AP", BodyPartExamined="CHEST"
        ),
        "DICOM padding": dicom(pixels, PixelPaddingValue=0, PatientName="Doe^Jane"),
        "DICOM RLE": dicom(pixels, uid.RLELossless),
        "DICOM JPEG 2000": dicom(pixels, uid.JPEG2000Lossless),
        "DICOM deflated": dicom(pixels, uid.DeflatedExplicitVRLittleEndian),
    }
    for name, file in COMPRESSED_DICOM.items():
        path = get_testdata_file(file, download=False)
        with open(path, "rb") as stream:
            files[f"pydicom's {name}"] = stream.read()
    return files


# --- spoiling ----------------------------------------------------------------------

_ODD = [
    struct.pack(order + kind, value)
    for order in "<>"
    for kind, values in {
        "B": (0, 1, 0x7F, 0x80, 0xFF),
        "H": (0, 1, 0x7FFF, 0x8000, 0xFFFF, 256),
        "I": (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x10000),
    }.items()
    for value in values
]


def _place(data: bytearray, random: np.random.Generator) -> int:
    """Somewhere; half the time among the first bytes, where headers are."""
    end = len(data) if random.random() < 0.5 else min(len(data), 512)
    return int(random.integers(max(end, 1)))


def _change(data, random, other):
    for _ in range(random.integers(1, 9)):
        at = _place(data, random)
        data[at : at + 1] = bytes([random.integers(256)])


def _flip(data, random, other):
    at = _place(data, random)
    data[at : at + 1] = bytes(byte ^ 1 << random.integers(8) for byte in data[at:][:1])


def _set_odd(data, random, other):
    value = _ODD[random.integers(len(_ODD))]
    at = _place(data, random)
    data[at : at + len(value)] = value


def _cut_off(data, random, other):
    del data[_place(data, random) :]


def _cut_out(data, random, other):
    at = _place(data, random)
    del data[at : at + random.integers(1, 64)]


def _repeat(data, random, other):
    at, to = _place(data, random), _place(data, random)
    piece = data[at : at + random.integers(1, 256)]
    data[to:to] = piece * random.integers(1, 64)


def _insert(data, random, other):
    at = _place(data, random)
    data[at:at] = random.bytes(random.integers(1, 64))


def _splice(data, random, other):
    at, length = _place(bytearray(other), random), random.integers(1, 1024)
    to = _place(data, random)
    data[to : to + length] = other[at : at + length]


def _blank(data, random, other):
    at, length = _place(data, random), random.integers(1, 256)
    data[at : at + length] = bytes([random.choice([0, 255])]) * length


_WAYS = (
    (_change, _flip, _set_odd, _cut_off, _cut_out, _repeat, _insert, _splice, _blank)
)  # fmt: skip


def spoiled(data: bytes, random: np.random.Generator, other: bytes) -> bytes:
    """Changes a file in one to four ways; of a PNG, the checksums are put right."""
    changed = bytearray(data)
    for _ in range(random.integers(1, 5)):
        _WAYS[random.integers(len(_WAYS))](changed, random, other)
    return _checked(bytes(changed)) if random.random() < 0.8 else bytes(changed)


def _checked(data: bytes) -> bytes:
    """Puts right the checksums of a PNG, at which its reader would stop."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return data
    parts, at = [data[:8]], 8
    while at + 12 <= len(data):
        length = struct.unpack(">I", data[at : at + 4])[0]
        body = data[at + 4 : at + 8 + length]
        parts.append(data[at : at + 4] + body + struct.pack(">I", zlib.crc32(body)))
        at += 12 + length
    return b"".join(parts)


# --- made by hand ------------------------------------------------------------------


def png(width: int, height: int, *chunks: bytes, bits: int = 8, kind: int = 0) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [chunk(b"IHDR", header), *chunks, chunk(b"IEND", b"")]
    )


def chunk(name: bytes, body: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(name + body))
    return struct.pack(">I", len(body)) + name + body + checksum


def deflated_zeros(count: int, wbits: int = zlib.MAX_WBITS) -> bytes:
    compressor = zlib.compressobj(1, wbits=wbits)
    parts = [compressor.compress(bytes(2**20)) for _ in range(count >> 20)]
    parts.append(compressor.compress(bytes(count % 2**20)))
    return b"".join([*parts, compressor.flush()])


def tiff(*fields: tuple[int, int, int, int], extra: bytes = b"") -> bytes:
    """A TIFF whose directory has the fields (tag, type, count, value)."""
    entries = b"".join(struct.pack("<HHII", *field) for field in sorted(fields))
    head = b"II*\0\x08\0\0\0" + struct.pack("<H", len(fields))
    return head + entries + bytes(4) + extra


def tiff_of_tiny_tiles(count: int) -> bytes:
    side = int(count**0.5)
    at = 8 + 2 + 12 * 9 + 4
    return tiff(
        (256, 4, 1, side), (257, 4, 1, side), (258, 3, 1, 8), (259, 3, 1, 1),
        (262, 3, 1, 1), (277, 3, 1, 1), (322, 4, 1, 1), (323, 4, 1, 1),
        (324, 4, side * side, at),
        extra=bytes(4 * side * side),
    )  # fmt: skip


def jpeg_of_scans(count: int, side: int = 4000) -> bytes:
    """A progressive JPEG that passes over its whole image again and again."""
    data = encoded(Image.new("L", (side, side)), "JPEG", progressive=True)
    start = data.rindex(b"\xff\xda")
    return data[:start] + data[start:-2] * count + data[-2:]


def _ring(data: bytes) -> bytes:
    """Lets the directory of a TIFF be followed by itself."""
    (start,) = struct.unpack_from("<I", data, 4)
    (fields,) = struct.unpack_from("<H", data, start)
    end = start + 2 + 12 * fields
    return data[:end] + data[4:8] + data[end + 4 :]


def elements(count: int, group: int = 0x0009) -> bytes:
    return b"".join(
        struct.pack("<HH2sH", group + 2 * (n >> 15), n & 0x7FFF, b"LO", 0)
        for n in range(count)
    )


def _with_elements(data: bytes, extra: bytes) -> bytes:
    """Puts DICOM elements before those of group 0028."""
    at = data.index(struct.pack("<HH", 0x28, 2))
    return data[:at] + extra + data[at:]


def _long(group: int, element: int, kind: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sHI", group, element, kind, 0, len(value)) + value


def _bmp(width: int, height: int) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 1, 1, 0, 0)
    return struct.pack("<2sIHHI", b"BM", 54, 0, 0, 54) + header


def crafted() -> dict[str, Callable[[], bytes]]:
    """Files that no camera makes, by what they are; some are large, so each is made
    when it is wanted."""
    jpeg, pixels = encoded(picture("RGB"), "JPEG"), np.zeros((SIDE, SIDE), np.uint16)
    image = dicom(pixels)
    meta_end = image.index(struct.pack("<HH2s", 8, 0x16, b"UI"))
    deflated = image.replace(
        b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99"
    )  # the length of the element is put right below
    sof = jpeg.index(b"\xff\xc0") + 5
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("image.png", b"\x89PNG")
    icc = struct.pack(">I", 2**31 - 1) + bytes(124)
    return {
        "zero bytes": lambda: b"",
        "one byte": lambda: b"\xff",
        "zeros": lambda: bytes(10_000),
        "SVG": lambda: b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
        "HTML": lambda: b"<!doctype html><script>alert(1)</script>",
        "shell script": lambda: b"#!/bin/sh\nrm -rf ~\n",
        "PDF": lambda: b"%PDF-1.7\n",
        "ZIP": archive.getvalue,
        "pickle": lambda: pickle.dumps({"image": [1, 2, 3]}),
        "ELF": lambda: b"\x7fELF" + bytes(100),
        "NumPy": lambda: b"\x93NUMPY\x01\0" + bytes(100),
        "EPS": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n",
        "XBM": lambda: b"#define im_width 64\n#define im_height 64\n",
        "PNG signature alone": lambda: b"\x89PNG\r\n\x1a\n",
        "PNG that claims 2^31": lambda: png(2**31 - 1, 2**31 - 1),
        "PNG bomb, 64 megapixels": lambda: png(
            8000, 8000, chunk(b"IDAT", deflated_zeros(8001 * 8000))
        ),
        "PNG bomb, RGBA of 16 bits": lambda: png(
            8000, 8000, chunk(b"IDAT", deflated_zeros(64001 * 8000)), bits=16, kind=6
        ),
        "PNG whose data go on": lambda: png(
            SIDE, SIDE, chunk(b"IDAT", deflated_zeros(2**28))
        ),
        "PNG with a text bomb": lambda: png(
            SIDE,
            SIDE,
            *[chunk(b"zTXt", b"a\0\0" + deflated_zeros(2**28))] * 8,
            chunk(b"IDAT", deflated_zeros(2**20)),
        ),
        "PNG with an ICC bomb": lambda: png(
            SIDE,
            SIDE,
            chunk(b"iCCP", b"a\0\0" + deflated_zeros(2**28)),
            chunk(b"IDAT", deflated_zeros(2**20)),
        ),
        "PNG of a million chunks": lambda: png(
            SIDE, SIDE, *[chunk(b"teXt", b"")] * 1_000_000
        ),
        "PNG with EXIF that points to itself": lambda: png(
            SIDE,
            SIDE,
            chunk(b"eXIf", tiff((0x8769, 4, 1, 8))),
            chunk(b"IDAT", zlib.compress(bytes((SIDE + 1) * SIDE))),
        ),
        "APNG that claims 2^31 frames": lambda: png(
            SIDE,
            SIDE,
            chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0)),
            chunk(b"IDAT", zlib.compress(bytes((SIDE + 1) * SIDE))),
        ),
        "JPEG that claims 65500": lambda: (
            jpeg[:sof] + struct.pack(">HH", 65500, 65500) + jpeg[sof + 4 :]
        ),
        "JPEG that claims 8000": lambda: (
            jpeg[:sof] + struct.pack(">HH", 8000, 8000) + jpeg[sof + 4 :]
        ),
        "JPEG of 50,000 scans": lambda: jpeg_of_scans(50_000),
        "JPEG of 60 scans": lambda: jpeg_of_scans(50),
        "JPEG of a million comments": lambda: (
            jpeg[:2] + b"\xff\xfe\0\2" * 1_000_000 + jpeg[2:]
        ),
        "JPEG of junk between markers": lambda: jpeg[:2] + bytes(20_000_000) + jpeg[2:],
        "JPEG with a broken ICC profile": lambda: encoded(
            picture("RGB"), "JPEG", icc_profile=icc
        ),
        "GIF that claims 65535": lambda: b"GIF89a" + struct.pack("<HH", 65535, 65535),
        "GIF bomb": lambda: encoded(Image.new("P", (8000, 8000)), "GIF"),
        "GIF frame larger than its screen": lambda: encoded(
            Image.new("P", (SIDE, SIDE)), "GIF"
        ).replace(struct.pack("<HH", SIDE, SIDE), struct.pack("<HH", 65, 65), 1),
        "GIF of a million comments": lambda: (
            b"GIF89a" + struct.pack("<HHBBB", SIDE, SIDE, 0, 0, 0)
            + b"!\xfe\1a\0" * 1_000_000 + b";"
        ),  # fmt: skip
        "BMP that claims 2^31": lambda: _bmp(2**31 - 1, -(2**31)),
        "BMP that claims 60000": lambda: _bmp(60000, 1000),
        "WebP bomb": lambda: encoded(
            Image.new("RGB", (5000, 5000)), "WEBP", lossless=True, quality=0, method=0
        ),
        "WebP of 50 frames": lambda: encoded(
            picture("RGB"),
            "WEBP",
            save_all=True,
            append_images=[picture("L").rotate(n) for n in range(49)],
        ),
        "TIFF bomb": lambda: encoded(
            Image.new("RGB", (7900, 7900)), "TIFF", compression="tiff_adobe_deflate"
        ),
        "TIFF bomb of floats": lambda: encoded(
            Image.new("F", (6000, 6000)), "TIFF", compression="tiff_lzw"
        ),
        "TIFF of tiny tiles": lambda: tiff_of_tiny_tiles(20_000_000),
        "TIFF of a billion strips": lambda: tiff(
            (256, 4, 1, SIDE), (257, 4, 1, SIDE), (273, 4, 2**30, 0)
        ),
        "TIFF whose directories are a ring": lambda: _ring(encoded(picture(), "TIFF")),
        "TIFF that claims 2^32": lambda: tiff(
            (256, 4, 1, 2**32 - 1), (257, 4, 1, 2**32 - 1), (258, 3, 1, 8),
            (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8),
        ),  # fmt: skip
        "TIFF fax": lambda: encoded(picture("1"), "TIFF", compression="group4"),
        "TIFF of 200 pages": lambda: encoded(
            picture("1"), "TIFF", save_all=True, append_images=[picture("1")] * 199
        ),
        "DICOM that claims 65535": lambda: dicom(pixels, Rows=65535, Columns=65535),
        "DICOM of 3 million elements": lambda: _with_elements(
            image, elements(3_000_000)
        ),
        "DICOM of one element again and again": lambda: _with_elements(
            image, elements(1) * 5_000_000
        ),
        "DICOM of nested sequences": lambda: _with_elements(
            image,
            (struct.pack("<HH2sHI", 9, 0x10, b"SQ", 0, 2**32 - 1)
             + struct.pack("<HHI", 0xFFFE, 0xE000, 2**32 - 1)) * 100_000,
        ),  # fmt: skip
        "DICOM of a million windows": lambda: _with_elements(
            dicom(pixels, uid.ImplicitVRLittleEndian),
            struct.pack("<HHI", 0x28, 0x1050, 20_000_000) + b"1\\" * 10_000_000,
        ),
        "DICOM with a LUT sequence of a million items": lambda: _with_elements(
            image,
            _long(0x28, 0x3010, b"SQ", struct.pack("<HHI", 0xFFFE, 0xE000, 0) * 10**6),
        ),
        "DICOM of a million fragments": lambda: dicom(
            pixels, uid.RLELossless
        ).replace(
            struct.pack("<HHI", 0xFFFE, 0xE0DD, 0),
            struct.pack("<HHI", 0xFFFE, 0xE000, 0) * 1_000_000
            + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0),
        ),
        "DICOM bomb, deflated": lambda: _deflated_bomb(deflated, meta_end + 2),
        "DICOM bomb, JPEG 2000": lambda: dicom(
            np.zeros((4400, 4400), np.uint16), uid.JPEG2000Lossless
        ),
        "DICOM bomb, RLE": lambda: dicom(
            np.zeros((4400, 4400), np.uint16), uid.RLELossless
        ),
        "DICOM of video": lambda: image.replace(
            b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.4.100"[:20]
        ),
    }  # fmt: skip


def _deflated_bomb(data: bytes, meta_end: int) -> bytes:
    """File meta that announce deflation, and twice as many zeros as are allowed."""
    field = data.index(b"1.2.840.10008.1.2.1.99") - 2
    head = bytearray(data[:meta_end])
    head[field : field + 2] = struct.pack("<H", 22)
    return bytes(head) + deflated_zeros(2**28, wbits=-zlib.MAX_WBITS)
