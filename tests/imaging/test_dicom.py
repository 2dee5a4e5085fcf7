import io
import struct

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import uid
from pydicom.data import get_testdata_file
from pydicom.datadict import dictionary_description, dictionary_VR
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate

from pneumonia.errors import ImageError
from pneumonia.imaging import dicom, load_image


def dataset(pixels: np.ndarray, **elements) -> Dataset:
    """A digital X-ray of 12 bits in 16, or 8 in 8, that `elements` may alter."""
    bits = 8 * pixels.dtype.itemsize
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    made.SOPClassUID = uid.DigitalXRayImageStorageForPresentation
    made.SOPInstanceUID = "1.2.3"
    made.Rows, made.Columns = pixels.shape[:2]
    made.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
    if pixels.ndim == 3:
        made.PlanarConfiguration = 0
    made.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    made.BitsAllocated, made.BitsStored = bits, 8 if bits == 8 else 12
    made.PixelRepresentation = int(pixels.dtype.kind == "i")
    made.PixelData = pixels.tobytes()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    made.HighBit = made.BitsStored - 1
    return made


def write(made: Dataset) -> bytes:
    stream = io.BytesIO()
    made.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def pixels_of(*levels: int, dtype=np.uint16) -> np.ndarray:
    """(64, 64): the first row starts with the levels, the last one fills the rest."""
    pixels = np.full((64, 64), levels[-1], dtype)
    pixels[0, : len(levels)] = levels
    return pixels


def shown(*levels: int, dtype=np.uint16, **elements) -> list[int]:
    """What becomes of the levels."""
    image = load_image(write(dataset(pixels_of(*levels, dtype=dtype), **elements)))
    assert image.shape == (64, 64) and image.dtype == np.uint8
    assert image.flags.c_contiguous
    return image[0, : len(levels)].tolist()


def encapsulated(stream: bytes, syntax: str, pixels: np.ndarray, **elements) -> bytes:
    made = dataset(pixels, **elements)
    made.file_meta.TransferSyntaxUID = syntax
    made.PixelData = encapsulate([stream])
    made["PixelData"].is_undefined_length = True
    return write(made)


def refusal(data: bytes) -> str:
    with pytest.raises(ImageError) as caught:
        load_image(data)
    message = str(caught.value)
    assert message.endswith(".") and len(message) > 40
    return message


def noise(dtype=np.uint16) -> np.ndarray:
    high = 4096 if dtype == np.uint16 else 256
    return np.random.default_rng(0).integers(0, high, (64, 80)).astype(dtype)


# --- gray levels, worked out by hand


@pytest.mark.parametrize("stored, level", [(0, 255), (4095, 0), (1000, 193)])
def test_monochrome1_is_inverted(stored, level):
    """1000 * 255 / 4095 = 62.3."""
    levels = shown(0, 4095, stored, PhotometricInterpretation="MONOCHROME1")
    assert levels[2] == level


def test_without_window_the_values_present_span_the_range():
    assert shown(1000, 1001, 1100, 1200) == [0, 1, 128, 255]  # 127.5, halves up
    assert shown(3, 5, dtype=np.uint8) == [0, 255]


def test_constant_images_are_black():
    assert shown(7) == [0]
    assert shown(7, PhotometricInterpretation="MONOCHROME1") == [0]


@pytest.mark.parametrize(
    "function, expected",
    [
        # PS3.3 C.11.2.1.2: center 1000, width 200
        (None, [0, 0, 128, 255, 255]),  # (1000 - 999.5) / 199 + 0.5 = 0.5025
        ("LINEAR", [0, 0, 128, 255, 255]),
        ("LINEAR_EXACT", [0, 0, 128, 255, 255]),  # 0.5
        ("SIGMOID", [0, 30, 128, 225, 255]),  # 1 / (1 + e^2) = 0.119, 0.881
    ],
)
def test_windows(function, expected):
    elements = {"VOILUTFunction": function} if function else {}
    levels = shown(
        0, 900, 1000, 1100, 4095, WindowCenter=1000, WindowWidth=200, **elements
    )
    assert levels == expected


def test_edges_of_a_linear_window():
    """Black up to c - 0.5 - (w - 1) / 2 = 100, white from there plus w - 1 = 110."""
    elements = {"WindowCenter": 105.5, "WindowWidth": 11}
    assert shown(99, 100, 102, 108, 110, 111, **elements) == [0, 0, 51, 204, 255, 255]


def test_a_window_keeps_the_brightness_of_a_constant_image():
    assert shown(2048, WindowCenter=2048, WindowWidth=4096) == [128]  # 2048/4095


def test_first_of_several_windows():
    levels = shown(
        0, 100, 2000, WindowCenter=[50, 2000], WindowWidth=[101, 4000], BitsStored=16
    )
    assert levels == [1, 255, 255]  # 0.5 / 100 * 255 = 1.3


def test_window_applies_after_rescale():
    levels = shown(
        500, 512, 524, RescaleSlope=2, RescaleIntercept=-1024, WindowCenter=0.5,
        WindowWidth=49,
    )  # fmt: skip
    assert levels == [0, 128, 255]  # -24, 0, 24


def test_negative_rescale_slope_inverts():
    assert shown(0, 100, 200, RescaleSlope=-1, RescaleIntercept=0) == [255, 128, 0]


def test_empty_optional_elements_count_as_absent():
    levels = shown(
        0, 200, RescaleSlope=None, RescaleIntercept=None, WindowCenter=None,
        WindowWidth=None, NumberOfFrames=None, PixelPaddingValue=None,
    )  # fmt: skip
    assert levels == [0, 255]


def lut(first: int, bits: int, data: list[int]) -> list[Dataset]:
    item = Dataset()
    item.LUTDescriptor = [len(data), first, bits]
    item["LUTDescriptor"].VR = "US"
    item.LUTData = data
    item["LUTData"].VR = "US"
    return [item]


def test_modality_lut():
    levels = shown(9, 10, 11, 12, 13, ModalityLUTSequence=lut(10, 16, [50, 70, 100]))
    assert levels == [0, 0, 102, 255, 255]  # 20 * 255 / 50


def test_voi_lut_is_preferred_over_windows():
    levels = shown(
        9, 10, 11, 12, 4000, VOILUTSequence=lut(10, 12, [0, 819, 4095]),
        WindowCenter=1, WindowWidth=1,
    )  # fmt: skip
    assert levels == [0, 0, 51, 255, 255]


def test_voi_lut_with_more_entries_than_its_width_can_count():
    """pydicom alone fails on this common table: 12 bits in, 8 bits out."""
    table = [index // 16 for index in range(4096)]
    levels = shown(0, 1600, 4095, VOILUTSequence=lut(0, 8, table))
    assert levels == [0, 100, 255]


def test_voi_lut_after_rescale_and_without_data():
    elements = {"RescaleSlope": 0.5, "RescaleIntercept": -5}
    sequence = lut(10, 16, [0, 51, 255])  # of 10, 11 and 12
    levels = shown(0, 30, 32, 33, 36, VOILUTSequence=sequence, **elements)
    assert levels == [0, 0, 51, 255, 255]  # of -5, 10, 11, 11.5 and 13
    del sequence[0].LUTData
    levels = shown(0, 9, 4095, VOILUTSequence=sequence, WindowCenter=5, WindowWidth=9)
    assert levels == [0, 255, 255]


@pytest.mark.parametrize("function", ["IDENTITY", "INVERSE"])
def test_presentation_lut_shape_only_restates_polarity(function):
    for polarity, expected in (("MONOCHROME1", [255, 0]), ("MONOCHROME2", [0, 255])):
        levels = shown(
            0, 9, PresentationLUTShape=function, PhotometricInterpretation=polarity
        )
        assert levels == expected


def test_signed_pixels():
    assert shown(-1000, 0, 1000, dtype=np.int16) == [0, 128, 255]
    levels = shown(
        -1024, 0, 1023, dtype=np.int16, WindowCenter=0, WindowWidth=2048, BitsStored=11
    )
    assert levels == [0, 128, 255]
    assert shown(-128, 127, dtype=np.int8) == [0, 255]


def test_bits_that_are_not_stored_are_ignored():
    assert shown(0xF000, 0x5FFF, 0x0800) == [0, 255, 128]
    # 12 bits signed, sign not extended: 0xFFF is -1
    pixels = pixels_of(0x800, 0xFFF, 0x7FF).view(np.int16)
    image = load_image(write(dataset(pixels)))
    assert image[0, :3].tolist() == [0, 127, 255]  # 2047 * 255 / 4095


@pytest.mark.parametrize("polarity", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_left_out_of_the_range(polarity):
    expected = [0, 255, 0] if polarity == "MONOCHROME1" else [0, 0, 255]
    for value in (4095, 0):
        levels = shown(
            value, 100, 200, PixelPaddingValue=value, PhotometricInterpretation=polarity
        )
        assert levels == expected


def test_padding_range_and_padding_with_the_wrong_sign():
    levels = shown(
        10, 15, 20, 100, 200, PixelPaddingValue=20, PixelPaddingRangeLimit=10,
        PhotometricInterpretation="MONOCHROME1",
    )  # fmt: skip
    assert levels == [0, 0, 0, 255, 0]
    made = dataset(pixels_of(-2000, 100, 200, dtype=np.int16), BitsStored=16)
    made.add_new("PixelPaddingValue", "US", 63536)  # 65536 - 2000
    assert load_image(write(made))[0, :3].tolist() == [0, 0, 255]
    assert shown(5, PixelPaddingValue=5) == [0]  # nothing else


# --- lookup tables


def table(descriptor: list[int], data: bytes | list[int], vr: str = "US") -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", vr, descriptor)
    item.add_new("LUTData", "OW" if isinstance(data, bytes) else "US", data)
    return item


SEQUENCES = ("ModalityLUTSequence", "VOILUTSequence")
STRETCHED = [0, 0, 51, 255, 255]  # of 9 to 13, where 10 to 12 give 0, 51 and 255


@pytest.mark.parametrize("sequence", SEQUENCES)
@pytest.mark.parametrize(
    "descriptor, data",
    [
        ([3, 10, 16], [0, 51, 255]),
        ([3, 10, 12], [0, 819, 4095]),
        ([3, 10, 8], [0, 51, 255]),  # a word each
        ([3, 10, 8], bytes([0, 51, 255, 0])),  # packed, and filled up to a word
        ([3, 10, 16], bytes([0, 51, 255, 0])),  # two words: 51 * 256 and 255
        ([3, 10, 16], [0, 51, 255, 9999]),  # longer than its descriptor
        ([3, 10, 8], [0, 51, 255, 9, 9]),
        ([4096, 10, 16], [0, 51, 255]),  # shorter: the last entry goes on
        ([0, 10, 16], [0, 51, 255]),  # 0 counts 65536
    ],
)
def test_tables(sequence, descriptor, data):
    made = {sequence: [table(descriptor, data)]}
    levels = shown(9, 10, 11, 12, 13, **made)
    is_packed_words = descriptor[2] == 16 and isinstance(data, bytes)
    # 51 * 256 = 13056 is the largest of the two words, 255 the least
    assert levels == ([255, 255, 0, 0, 0] if is_packed_words else STRETCHED)


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_packed_tables_of_big_endian_words(sequence):
    """The first entry is in the lesser byte of its word, so the bytes are swapped."""
    made = dataset(pixels_of(9, 10, 11, 12, 13).astype(">u2"))
    made.PixelRepresentation = 0
    setattr(made, sequence, [table([3, 10, 8], bytes([51, 0, 0, 255]))])
    made.file_meta.TransferSyntaxUID = uid.ExplicitVRBigEndian
    made["PixelData"].VR = "OW"
    assert load_image(write(made))[0, :5].tolist() == STRETCHED


@pytest.mark.parametrize("sequence", SEQUENCES)
@pytest.mark.parametrize("missing", ["LUTData", "LUTDescriptor"])
def test_a_table_that_is_not_there_is_left_out(sequence, missing):
    item = table([3, 10, 16], [0, 51, 255])
    delattr(item, missing)
    assert shown(9, 10, 11, 14, **{sequence: [item]}) == [0, 51, 102, 255]
    item[missing] = pydicom.DataElement(missing, "US", None)
    assert shown(9, 10, 11, 14, **{sequence: [item]}) == [0, 51, 102, 255]


@pytest.mark.parametrize(
    "syntax", [uid.ExplicitVRLittleEndian] * 2 + [uid.ImplicitVRLittleEndian]
)
@pytest.mark.parametrize("vr, first", [("SS", -2), ("US", 65534)])
def test_first_input_has_a_sign_where_rescaled_values_may_have_one(syntax, vr, first):
    """PS3.3 C.11.2.1.1: 2048 - 2050 = -2 is the first input; implicit VR tells no sign,
    and explicit VR is often wrong."""
    made = dataset(pixels_of(2047, 2048, 2049, 2050, 2051))
    made.RescaleSlope, made.RescaleIntercept = 1, -2050
    made.VOILUTSequence = [table([3, first, 8], [0, 51, 255], vr)]
    made.file_meta.TransferSyntaxUID = syntax
    assert load_image(write(made))[0, :5].tolist() == STRETCHED


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_first_input_has_the_sign_of_the_pixels(sequence):
    made = {sequence: [table([3, 65534, 8], [0, 51, 255])]}
    levels = shown(-3, -2, -1, 0, 1, dtype=np.int16, **made)
    assert levels == STRETCHED
    made = {sequence: [table([3, 40000, 8], [0, 51, 255])]}
    levels = shown(39999, 40000, 40001, 40002, 40003, BitsStored=16, **made)
    assert levels == STRETCHED


def test_modality_table_of_signed_pixels_gives_unsigned_values():
    levels = shown(
        -3, -2, -1, 0, 1, dtype=np.int16,
        ModalityLUTSequence=[table([5, 65533, 16], list(range(39999, 40004)))],
        VOILUTSequence=[table([3, 40000, 8], [0, 51, 255])],
    )  # fmt: skip
    assert levels == STRETCHED


# --- the bits that High Bit names


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.RLELossless])
def test_high_bit(syntax):
    """12 bits that end with the highest of 16; what lies below is no part of them."""
    stored = pixels_of(0, 2048, 4095)
    made = dataset(stored << 4 | 0b1010)
    made.HighBit = 15
    if syntax == uid.RLELossless:
        made.compress(syntax, generate_instance_uid=False)
    assert load_image(write(made))[0, :3].tolist() == [0, 128, 255]


def test_high_bit_of_signed_pixels_between_bits_that_are_not_stored():
    """10 bits from 2 to 11: -512, -1 and 511."""
    stored = pixels_of(-512, -1, 511, dtype=np.int16)
    pixels = (stored << 2 & 0x0FFC).view(np.uint16) | 0xA003
    made = dataset(pixels.view(np.int16), BitsStored=10)
    made.HighBit = 11
    # 511 * 255 / 1023 = 127.4
    assert load_image(write(made))[0, :3].tolist() == [0, 127, 255]


@pytest.mark.parametrize("high", [0, 10, 16, 999])
def test_a_high_bit_that_cannot_be_is_left_out(high):
    made = dataset(pixels_of(0, 2048, 4095))
    made.HighBit = high
    assert load_image(write(made))[0, :3].tolist() == [0, 128, 255]


# --- what enhanced objects say in functional groups


def groups(voi: Dataset | None = None, transformation: Dataset | None = None):
    group = Dataset()
    if voi:
        group.FrameVOILUTSequence = [voi]
    if transformation:
        group.PixelValueTransformationSequence = [transformation]
    return [group]


def header(**elements) -> Dataset:
    made = Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


WIDE = header(WindowCenter=2048, WindowWidth=4096)
NARROW = header(WindowCenter=100, WindowWidth=200, VOILUTFunction="LINEAR_EXACT")
SHARED, OWN = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"


@pytest.mark.parametrize(
    "elements",
    [
        {SHARED: groups(NARROW)},
        {OWN: groups(NARROW)},
        {SHARED: groups(WIDE), OWN: groups(NARROW)},
        {SHARED: groups(NARROW), OWN: groups(header(WindowCenter=None))},
        {SHARED: groups(NARROW), "WindowCenter": 2048, "WindowWidth": 4096},
    ],
)
@pytest.mark.parametrize(
    "syntax", [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian]
)
def test_window_of_a_functional_group(elements, syntax):
    made = dataset(pixels_of(0, 100, 200, 4095), NumberOfFrames=1, **elements)
    made.file_meta.TransferSyntaxUID = syntax
    assert load_image(write(made))[0, :4].tolist() == [0, 128, 255, 255]


def test_rescale_of_a_functional_group():
    elements = {OWN: groups(transformation=header(RescaleSlope=-1, RescaleIntercept=9))}
    assert shown(0, 2048, 4095, **elements) == [255, 127, 0]  # 2047 * 255 / 4095


def test_table_of_a_functional_group():
    item = table([3, 10, 8], [0, 51, 255])
    assert shown(
        9, 10, 11, 12, 13, **{SHARED: groups(header(VOILUTSequence=[item]))}
    ) == (STRETCHED)


# --- what is present and says nothing

OPTIONAL = [
    "PatientAge", "ViewPosition", "BodyPartExamined", "NumberOfFrames", "HighBit",
    "PixelPaddingValue", "PixelPaddingRangeLimit", "WindowCenter", "WindowWidth",
    "VOILUTFunction", "RescaleIntercept", "RescaleSlope", *SEQUENCES, SHARED, OWN,
]  # fmt: skip


@pytest.mark.parametrize("keyword", OPTIONAL)
def test_empty_is_absent(keyword):
    made = dataset(pixels_of(0, 100, 200))
    if hasattr(made, keyword):
        del made[keyword]
    made.add_new(keyword, dictionary_VR(keyword).split()[0], None)
    assert load_image(write(made))[0, :3].tolist() == [0, 128, 255]


@pytest.mark.parametrize(
    "keyword", [it for it in OPTIONAL if dictionary_VR(it) in ("CS", "AS", "DS", "IS")]
)
def test_blank_is_absent(keyword):
    made = dataset(pixels_of(0, 100, 200))
    text = "001Y" if keyword == "PatientAge" else "0001"
    made.add_new(keyword, dictionary_VR(keyword), text)
    data = write(made)
    assert data.count(text.encode()) == 1
    assert load_image(data.replace(text.encode(), b"    "))[0, :3].tolist() == [
        0,
        128,
        255,
    ]


@pytest.mark.parametrize(
    "center, width, function",
    [
        (5, 0, None),
        (5, 0.5, None),
        (5, 0.5, "LINEAR"),
        (5, 0, "LINEAR_EXACT"),
        (5, 0, "SIGMOID"),
        (5, -9, "SIGMOID"),
        (5, float("nan"), None),
        (float("nan"), 9, None),
        (float("inf"), 9, None),
        (5, float("inf"), "SIGMOID"),
        (None, 9, None),
        (5, None, None),
    ],
)
def test_a_window_that_is_none_is_left_out(center, width, function):
    elements = {"WindowCenter": center, "WindowWidth": width}
    if function:
        elements["VOILUTFunction"] = function
    assert shown(0, 100, 200, **elements) == [0, 128, 255]


def test_the_first_window_that_is_one_serves():
    elements = {"WindowCenter": [5, 100], "WindowWidth": [0, 200]}
    levels = shown(0, 100, 200, 4095, VOILUTFunction="LINEAR_EXACT", **elements)
    assert levels == [0, 128, 255, 255]


def test_a_decimal_comma_is_a_point():
    values = (99, 100, 102, 108, 110, 111)
    data = write(dataset(pixels_of(*values), WindowCenter=105.5, WindowWidth=11))
    assert data.count(b"105.5") == 1
    levels = load_image(data.replace(b"105.5", b"105,5"))[0, :6].tolist()
    assert levels == [0, 0, 51, 204, 255, 255]


def test_a_window_of_no_number_is_left_out():
    data = write(dataset(pixels_of(0, 100, 200), WindowCenter=105.5, WindowWidth=11))
    image = load_image(data.replace(b"105.5", b"1O5.5"))
    assert image[0, :3].tolist() == [0, 128, 255]


@pytest.mark.parametrize(
    "slope, intercept",
    [(0, 5), (float("nan"), 0), (1, float("nan")), (1e308, 0), (1, 1e308)],
)
def test_a_rescale_that_is_none_is_left_out(slope, intercept):
    elements = {"RescaleSlope": slope, "RescaleIntercept": intercept}
    assert shown(0, 100, 200, **elements) == [0, 128, 255]
    assert shown(50, 100, 150, WindowCenter=100.5, WindowWidth=101, **elements) == (
        [0, 128, 255]
    )


def test_half_of_a_rescale_is_taken_as_meant():
    levels = shown(
        50, 100, 150, RescaleIntercept=-100, WindowCenter=0.5, WindowWidth=101
    )
    assert levels == [0, 128, 255]


def test_no_frames_are_one():
    assert shown(0, 9, NumberOfFrames=0) == [0, 255]


# --- color


@pytest.mark.parametrize("planar", [0, 1])
def test_rgb(planar):
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[0, :3] = np.diag([255, 255, 255])
    made = dataset(pixels, PlanarConfiguration=planar)
    if planar:
        made.PixelData = pixels.transpose(2, 0, 1).tobytes()
    assert load_image(write(made))[0, :4].tolist() == [76, 150, 29, 0]


def test_rgb_of_more_than_eight_bits_allocated():
    for bits, white in ((16, 65535), (12, 4095), (8, 255)):
        pixels = np.full((64, 64, 3), white, np.uint16)
        pixels[0, 0] = 0, white, 0
        image = load_image(write(dataset(pixels, BitsStored=bits)))
        assert image[0, :2].tolist() == [150, 255]


def test_rgb_of_sixteen_bits_that_hold_twelve():
    """White is the greatest value; the high byte alone would leave 16 levels."""
    levels = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    pixels = np.repeat(levels[:, :, None], 3, axis=2)
    image = load_image(write(dataset(pixels, BitsStored=16)))
    expected = np.floor(levels * (255 / 4095) + 0.5)
    np.testing.assert_allclose(image, expected, atol=1)  # Pillow's luma rounds down
    assert len(np.unique(image)) == 256


def test_palette_of_sixteen_bits_that_hold_twelve_or_eight():
    elements = {"PhotometricInterpretation": "PALETTE COLOR"}
    for white in (65535, 4095, 255):
        for color in ("Red", "Green", "Blue"):
            name = f"{color}PaletteColorLookupTable"
            elements[f"{name}Descriptor"] = [4, 0, 16]
            entries = np.array([0, white // 2, white, 0], np.uint16)
            elements[f"{name}Data"] = entries.tobytes()
        assert shown(0, 1, 2, 3, dtype=np.uint8, **elements) == [0, 127, 255, 0]


def test_ybr():
    pixels = np.full((64, 64, 3), (90, 128, 128), np.uint8)
    data = write(dataset(pixels, PhotometricInterpretation="YBR_FULL"))
    assert np.unique(load_image(data)).tolist() == [90]


@pytest.mark.parametrize("bits, dtype", [(8, np.uint8), (16, np.uint16)])
def test_palette(bits, dtype):
    """Red, green, blue from stored value 2 on; 65280 >> 8 = 255."""
    full = 255 if bits == 8 else 65280
    elements = {"PhotometricInterpretation": "PALETTE COLOR"}
    for index, color in enumerate(("Red", "Green", "Blue")):
        table = np.zeros(4, dtype)
        table[index] = full
        name = f"{color}PaletteColorLookupTable"
        elements[f"{name}Descriptor"] = [4, 2, bits]
        elements[f"{name}Data"] = table.tobytes()
    levels = shown(0, 2, 3, 4, 5, 258, **elements)  # 258 - 2 wraps in 8 bits
    assert levels == [76, 76, 150, 29, 0, 0]
    del elements["RedPaletteColorLookupTableData"]
    message = refusal(write(dataset(pixels_of(0, dtype=np.uint8), **elements)))
    assert "(0028,1201)" in message


# --- ways to store the same data set


@pytest.mark.parametrize(
    "syntax",
    [
        uid.ImplicitVRLittleEndian,
        uid.ExplicitVRLittleEndian,
        uid.ExplicitVRBigEndian,
        uid.DeflatedExplicitVRLittleEndian,
    ],
)
def test_uncompressed_transfer_syntaxes(syntax):
    pixels = noise()
    big = syntax == uid.ExplicitVRBigEndian
    made = dataset(pixels)
    made.PixelData = pixels.astype(">u2" if big else "<u2").tobytes()
    made.file_meta.TransferSyntaxUID = syntax
    made["PixelData"].VR = "OW"
    np.testing.assert_array_equal(load_image(write(made)), load_image(pixels))


@pytest.mark.parametrize("syntax", [uid.RLELossless, uid.JPEG2000Lossless])
def test_lossless_compression(syntax):
    pixels = noise()
    made = dataset(pixels)
    made.compress(syntax, generate_instance_uid=False)
    np.testing.assert_array_equal(load_image(write(made)), load_image(pixels))


@pytest.mark.parametrize("color", [False, True])
def test_baseline_jpeg(color):
    pixels = np.add.outer(np.arange(64), np.arange(80)).astype(np.uint8)
    image = Image.fromarray(pixels)
    image = image.convert("RGB") if color else image
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=95)
    elements = {"PhotometricInterpretation": "YBR_FULL_422"} if color else {}
    data = encapsulated(
        stream.getvalue(), uid.JPEGBaseline8Bit, np.asarray(image),
        WindowCenter=128, WindowWidth=256, **elements,
    )  # fmt: skip
    difference = load_image(data).astype(int) - pixels
    assert np.abs(difference).max() <= 4


def jpeg(pixels: np.ndarray, after: bytes = b"", **elements) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=95)
    stream = stream.getvalue() + after
    return encapsulated(stream, uid.JPEGBaseline8Bit, pixels, **elements)


@pytest.mark.parametrize("count", [1, 64, 5000])
def test_zeros_after_the_end_of_the_image(count):
    pixels = noise(np.uint8)
    np.testing.assert_array_equal(
        load_image(jpeg(pixels, bytes(count))), load_image(jpeg(pixels))
    )
    made = dataset(pixels)
    made.compress(uid.JPEG2000Lossless, generate_instance_uid=False)
    frame = pydicom.encaps.get_frame(made.PixelData, 0, number_of_frames=1)
    frame = frame[: frame.rindex(b"\xff\xd9") + 2] + bytes(count)
    np.testing.assert_array_equal(
        load_image(encapsulated(frame, uid.JPEG2000Lossless, pixels)),
        load_image(pixels),
    )


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_jpeg_of_eight_bits_in_sixteen_allocated(bits):
    smooth = np.add.outer(np.arange(64), np.arange(80)).astype(np.uint8)
    elements = {"BitsAllocated": 16, "BitsStored": bits}
    np.testing.assert_array_equal(
        load_image(jpeg(smooth, **elements)), load_image(jpeg(smooth))
    )
    color = np.stack([smooth, smooth // 2, 255 - smooth], axis=2)
    elements["PhotometricInterpretation"] = "YBR_FULL_422"
    expected = jpeg(color, PhotometricInterpretation="YBR_FULL_422")
    np.testing.assert_array_equal(
        load_image(jpeg(color, **elements)), load_image(expected)
    )


@pytest.mark.parametrize(
    "name, reference",
    [
        ("MR_small_jpeg_ls_lossless.dcm", "MR_small.dcm"),
        ("MR_small_jp2klossless.dcm", "MR_small.dcm"),
        ("MR_small_RLE.dcm", "MR_small.dcm"),
        ("MR_small_bigendian.dcm", "MR_small.dcm"),
        ("MR_small_padded.dcm", "MR_small.dcm"),  # pydicom warns about the excess
        ("SC_rgb_jpeg_gdcm.dcm", "SC_rgb_rle.dcm"),  # lossless JPEG
    ],
)
def test_files_that_pydicom_brings_along(name, reference):
    expected = load_image(get_testdata_file(reference, download=False))
    image = load_image(get_testdata_file(name, download=False))
    np.testing.assert_array_equal(image, expected)


def test_jpeg_of_twelve_bits_that_pydicom_brings_along():
    image = load_image(get_testdata_file("JPGExtended.dcm", download=False))
    assert image.shape == (1024, 256) and image.max() == 255


@pytest.mark.parametrize("syntax", [0, 1, 2])
def test_without_preamble_and_without_file_meta(syntax):
    """As old workstations export it: what remains starts with group 0002 or 0008."""
    implicit, little = [(True, True), (False, True), (False, False)][syntax]
    pixels = noise()
    made = dataset(pixels.astype("<u2" if little else ">u2"))
    made["PixelData"].VR = "OW"
    stream = io.BytesIO()
    del made.file_meta
    made.save_as(stream, implicit_vr=implicit, little_endian=little)
    assert b"DICM" not in stream.getvalue()
    expected = load_image(pixels)
    np.testing.assert_array_equal(load_image(stream.getvalue()), expected)
    whole = write(dataset(pixels))
    np.testing.assert_array_equal(load_image(whole[132:]), expected)


# --- what is refused


def without(made: Dataset, keyword: str) -> Dataset:
    delattr(made, keyword)
    return made


@pytest.mark.parametrize(
    "elements, words",
    [
        ({"NumberOfFrames": 2}, "(0028,0008) Number of Frames is 2; expected 1, not a"),
        ({"PhotometricInterpretation": "CMYK"}, "(0028,0004) Photometric Interpretati"),
        ({"SamplesPerPixel": 3}, "(0028,0002) Samples per Pixel is 3; expected 1"),
        ({"BitsAllocated": 32}, "(0028,0100) Bits Allocated is 32; expected 8 or 16"),
        ({"Rows": 0}, "(0028,0010) Rows is 0; expected 1 to 65,535"),
        ({"Rows": 60000, "Columns": 60000}, "at most 64 megapixels"),
        ({"Columns": 63}, "at least 64 pixels"),
        ({"Rows": 65}, "DICOM file cannot be decoded"),  # less pixel data than that
        ({"BitsStored": 17}, "(0028,0101) Bits Stored is 17; expected 1 to 16"),
        ({"PixelRepresentation": 2}, "Pixel Representation is 2; expected 0 or 1"),
    ],
)
def test_headers_that_do_not_fit(elements, words):
    assert words in refusal(write(dataset(pixels_of(0, 9), **elements)))


@pytest.mark.parametrize(
    "keyword",
    ["Rows", "Columns", "BitsAllocated", "BitsStored", "PixelRepresentation",
     "SamplesPerPixel", "PhotometricInterpretation"],
)  # fmt: skip
def test_missing_elements_are_named(keyword):
    made = without(dataset(pixels_of(0, 9)), keyword)
    made["PixelData"].VR = "OW"  # pydicom derives it from Bits Allocated
    message = refusal(write(made))
    assert f"{dictionary_description(keyword)} is missing; expected" in message


@pytest.mark.parametrize(
    "old, new, found",
    [
        (b"\2\0\x10\0UI", b"\2\0\x11\0UI", "missing"),  # another element instead
        (
            uid.JPEGBaseline8Bit.encode(),
            b"1.2.840.113619.5.2".ljust(22, b"\0"),
            "1.2.8",
        ),
        (uid.JPEGBaseline8Bit.encode(), b"nonsense".ljust(22, b"\0"), "nonsense"),
        (uid.JPEGBaseline8Bit.encode(), b"".ljust(22, b"\0"), "missing"),
    ],
)
def test_transfer_syntaxes_that_are_none_are_named(old, new, found):
    data = jpeg(noise(np.uint8))
    assert data.count(old) == 1
    message = refusal(data.replace(old, new))
    assert f"(0002,0010) Transfer Syntax UID is '{found}" in message


def test_multi_frame_says_so():
    assert "multi-frame" in refusal(write(dataset(pixels_of(0, 9), NumberOfFrames=2)))


@pytest.mark.parametrize(
    "kind", [uid.EncapsulatedPDFStorage, uid.BasicTextSRStorage, uid.RTPlanStorage]
)
def test_objects_without_pixels_are_named(kind):
    message = refusal(
        write(without(dataset(pixels_of(0, 9), SOPClassUID=kind), "PixelData"))
    )
    assert message.startswith("(7FE0,0010) Pixel Data is missing")
    assert kind.name in message


def test_transfer_syntaxes_that_are_no_still_image():
    made = dataset(pixels_of(0, 9))
    made.PixelData = encapsulate([b"video"])
    made["PixelData"].is_undefined_length = True
    made.file_meta.TransferSyntaxUID = uid.MPEG2MPML
    message = refusal(write(made))
    assert "(0002,0010) Transfer Syntax UID is 'MPEG2" in message


@pytest.mark.parametrize(
    "syntax",
    [
        uid.ExplicitVRLittleEndian,
        uid.DeflatedExplicitVRLittleEndian,
        uid.RLELossless,
        uid.JPEG2000Lossless,
    ],
)
def test_truncated_files(syntax):
    made = dataset(noise())
    if syntax.is_compressed and syntax.is_encapsulated:
        made.compress(syntax, generate_instance_uid=False)
    made.file_meta.TransferSyntaxUID = syntax
    data = write(made)
    for tenths in range(10):
        refusal(data[: len(data) * tenths // 10])
    refusal(data[:-100])


def test_codestreams_that_lie_about_their_size_or_end_early():
    stream = io.BytesIO()
    Image.fromarray(noise(np.uint8)).save(stream, "JPEG")
    whole = stream.getvalue()
    start = whole.index(b"\xff\xc0") + 5
    huge = whole[:start] + struct.pack(">HH", 60000, 60000) + whole[start + 4 :]
    for stream, words in (
        (whole, None),
        (huge, "(60000, 60000, 1); the header says (64, 80, 1)"),
        (whole[: len(whole) // 2], "ends too early"),
        (b"no JPEG at all", "cannot be decoded"),
    ):
        data = encapsulated(stream, uid.JPEGBaseline8Bit, noise(np.uint8))
        if words is None:
            assert load_image(data).shape == (64, 80)
        else:
            assert words in refusal(data)


def test_jpeg_2000_that_lies_about_its_size_or_ends_early():
    stream = io.BytesIO()
    Image.fromarray(noise(np.uint8)).save(stream, "JPEG2000", no_jp2=True)
    whole = stream.getvalue()
    sizes = struct.pack(">2I", 60000, 60000)
    huge = whole[:8] + sizes + whole[16:24] + sizes + whole[32:]
    for stream, words in (
        (huge, "(60000, 60000, 1); the header says (64, 80, 1)"),
        (whole[: len(whole) // 2], "ends too early"),
    ):
        data = encapsulated(stream, uid.JPEG2000Lossless, noise(np.uint8))
        assert words in refusal(data)


def test_deflated_files_may_not_grow_without_limit(monkeypatch):
    made = dataset(noise())
    made.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
    data = write(made)
    assert load_image(data).shape == (64, 80)
    monkeypatch.setattr(dicom, "MAX_INFLATED", 64 * 80)
    assert "when inflated" in refusal(data)


def test_a_panic_in_a_decoder_is_an_image_error_but_an_interrupt_is_not(monkeypatch):
    class Panic(BaseException):
        """As Rust raises it through pylibjpeg-rle, on a run too many."""

    data = write(dataset(pixels_of(0, 9)))
    for raised, expected in ((Panic, ImageError), (KeyboardInterrupt,) * 2):

        def pixel_array(*_, raised=raised, **__):
            raise raised

        monkeypatch.setattr(dicom, "pixel_array", pixel_array)
        with pytest.raises(expected):
            load_image(data)


def test_deep_nesting_is_an_image_error():
    data = write(dataset(pixels_of(0, 9)))
    sequence = struct.pack("<HH2sHI", 8, 0x1115, b"SQ", 0, 2**32 - 1)
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 2**32 - 1)
    start = data.index(struct.pack("<HH2s", 8, 0x16, b"UI"))
    refusal(data[:start] + (sequence + item) * 2000)


def test_damaged_files_are_image_errors_or_images():
    random = np.random.default_rng(0)
    whole = write(dataset(pixels_of(0, 9), WindowCenter=5, WindowWidth=9))
    outcomes = set()
    for _ in range(200):
        data = bytearray(whole)
        for place in random.integers(132, 700, 3):
            data[place] = random.integers(256)
        try:
            outcomes.add(load_image(bytes(data)).dtype.name)
        except ImageError:
            outcomes.add("error")
    assert outcomes == {"uint8", "error"}


def test_warnings_of_pydicom_do_not_escape():
    made = dataset(pixels_of(0, 9))
    made.PixelData += bytes(100)
    data = write(made)
    with pytest.warns(UserWarning, match="excess padding"):
        assert pydicom.dcmread(io.BytesIO(data)).pixel_array.shape == (64, 64)
    assert load_image(data)[0, :2].tolist() == [0, 255]
