"""What is concluded from the header of a DICOM file, and that no more than that is."""

import dataclasses

import numpy as np
import pytest

from pneumonia.imaging import Reading, read_image
from tests.support import hostile_files

PIXELS = np.add.outer(np.arange(64), np.arange(80)).astype(np.uint16)


def said(**elements) -> set[str]:
    reading = read_image(hostile_files.dicom(PIXELS, **elements))
    flags = ("is_adult", "is_other_view", "is_other_part")
    assert all(type(getattr(reading, name)) is bool for name in flags)
    return {name for name in flags if getattr(reading, name)}


@pytest.mark.parametrize(
    "age, is_adult",
    [
        ("045Y", True),
        ("018Y", True),
        ("017Y", False),
        ("215M", False),  # 17 years and 11 months
        ("216M", True),
        ("999D", False),
        ("940W", True),
        ("45Y", True),  # against PS3.5, as some machines write them
        ("045", True),
        ("003", False),
        ("", False),
        ("UNKN", False),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR AS")
def test_age(age, is_adult):
    assert said(PatientAge=age) == ({"is_adult"} if is_adult else set())


@pytest.mark.parametrize(
    "view",
    ["LL", "RL", "LLD", "RLO", "LAO", "LATERAL", "L-LAT", "LATERAL_L", "LLAT", "LAT",
     "Left Lateral", "OBLIQUE", "DECUBITUS", ["LATERAL", "ERECT"]],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Invalid value for VR CS")
def test_other_views(view):
    assert said(ViewPosition=view) == {"is_other_view"}


@pytest.mark.parametrize("view", ["PA", "AP", "", "AP SUPINE", "PA LAT", "X", "CHEST"])
def test_views_that_may_be_frontal(view):
    assert said(ViewPosition=view) == set()


@pytest.mark.parametrize(
    "part",
    ["HAND", "ABDOMEN", "SKULL", "KNEE", "LSPINE", "TSPINE", "THORACIC SPINE", "BREAST",
     "LT FOOT", "PELVIS", "hip"],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Invalid value for VR CS")
def test_other_parts(part):
    assert said(BodyPartExamined=part) == {"is_other_part"}


@pytest.mark.parametrize(
    "part", ["CHEST", "THORAX", "CHEST PORT", "CHESTABDOMEN", "LUNG", "", "WHOLEBODY"]
)
def test_parts_that_may_be_the_chest(part):
    assert said(BodyPartExamined=part) == set()


def test_nothing_of_the_header_leaves_the_reader():
    reading = read_image(
        hostile_files.dicom(
            PIXELS, PatientAge="045Y", ViewPosition="LL", BodyPartExamined="HAND"
        )
    )
    values = dataclasses.asdict(reading)
    np.testing.assert_array_equal(values.pop("image"), reading.image)
    assert values == {
        "colour": 0.0,
        "is_adult": True,
        "is_other_view": True,
        "is_other_part": True,
    }


def test_other_files_say_nothing():
    reading = read_image(PIXELS)
    assert dataclasses.replace(reading, image=None) == Reading(None)
