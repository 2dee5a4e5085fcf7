"""The reader against spoiled files: a fixed few of what `fuzz.py` tries at length."""

import io
import sys
from pathlib import Path

import numpy as np
import pydicom.data
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from pneumonia.errors import ImageError
from pneumonia.imaging import load_image
from tests.fuzzing import fuzz
from tests.support import hostile_files

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
# the same examples in every run; as many seconds as they take
given_examples = settings(
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
SEEDS = hostile_files.seeds()


def broken(outcomes) -> list[fuzz.Outcome]:
    """Those that ended otherwise than promised; time is for `fuzz.py` to judge."""
    return [
        outcome
        for outcome in outcomes
        if outcome.kind not in ("image", "ImageError")
        or outcome.megabytes > fuzz.MEGABYTES
    ]


@pytest.mark.parametrize("name", SEEDS)
def test_seeds_are_readable(name):
    assert load_image(SEEDS[name]).ndim == 2


@needs_linux
def test_spoiled_files():
    outcomes = list(fuzz.run("spoiled", 1500))
    assert broken(outcomes) == []
    assert len({outcome.name for outcome in outcomes}) == 1500
    assert {outcome.kind for outcome in outcomes} == {"image", "ImageError"}


READABLE = {  # what is odd, but whole
    "DICOM bomb, JPEG 2000",
    "DICOM bomb, RLE",
    "GIF bomb",
    "GIF frame larger than its screen",
    "JPEG of 60 scans",
    "JPEG that claims 8000",
    "JPEG with a broken ICC profile",
    "PNG bomb, 64 megapixels",
    "PNG whose data go on",
    "PNG with EXIF that points to itself",
    "TIFF bomb",
    "TIFF whose directories are a ring",
}


@needs_linux
def test_files_made_by_hand():
    outcomes = {outcome.name: outcome for outcome in fuzz.run("crafted")}
    assert broken(outcomes.values()) == []
    assert set(outcomes) == set(hostile_files.crafted())
    assert {name for name, it in outcomes.items() if it.kind == "image"} == READABLE


@needs_linux
def test_pydicoms_own_files():
    folder = Path(pydicom.data.__file__).parent / "test_files"
    outcomes = list(fuzz.run("files", folder))
    assert broken(outcomes) == []
    assert sum(outcome.kind == "image" for outcome in outcomes) >= 20


@needs_linux
@pytest.mark.parametrize(
    "code, kind",
    [
        ("import os; os.abort()", "crash"),
        ("raise RecursionError", "RecursionError"),
        ("import warnings; warnings.warn('odd')", "UserWarning"),
        ("import os; os.write(2, b'x' * 9000)", "noise"),
        ("import time; time.sleep(999)", "hang"),
        ("b'x' * 600_000_000", "image"),
    ],
)
def test_the_fuzzer_sees_what_goes_wrong(monkeypatch, tmp_path, code, kind):
    """In place of the reader's module: one that does what it must not."""
    fake = tmp_path / "pneumonia"
    fake.mkdir()
    (fake / "__init__.py").touch()
    (fake / "errors.py").write_text("class ImageError(Exception): pass")
    (fake / "imaging.py").write_text(
        "import numpy\n"
        "def load_image(data):\n"
        "    if data == b'bad':\n"
        f"        {code}\n"
        "    return numpy.zeros((64, 64), numpy.uint8)\n"
    )
    files = tmp_path / "files"
    files.mkdir()
    for name, content in (("1", b"good"), ("2", b"bad"), ("3", b"good")):
        (files / name).write_bytes(content)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    if kind == "hang":
        monkeypatch.setattr(fuzz, "HANG", 5)
    outcomes = {outcome.name: outcome for outcome in fuzz.run("files", files)}
    assert {name: outcome.kind for name, outcome in outcomes.items()} == {
        "1": "image",
        "2": kind,
        "3": "image",
    }
    assert not outcomes["2"].is_promised and outcomes["1"].is_promised


# --- properties --------------------------------------------------------------------

gray_images = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, min_side=64))


def read(data: bytes) -> np.ndarray | None:
    try:
        image = load_image(data)
    except ImageError as error:
        assert str(error).endswith(".") and len(str(error)) > 40
        return None
    assert image.dtype == np.uint8 and image.ndim == 2 and min(image.shape) >= 64
    assert image.flags.c_contiguous and image.flags.writeable
    return image


@given_examples
@given(st.binary(max_size=4096), st.sampled_from([s[:24] for s in SEEDS.values()]))
def test_any_bytes_after_any_signature(tail, head):
    read(head + tail)


@given_examples
@given(st.data())
def test_any_file_with_any_bytes_replaced(data):
    changed = bytearray(SEEDS[data.draw(st.sampled_from(sorted(SEEDS)))])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(changed)))
        changed[at : at + data.draw(st.integers(0, 8))] = data.draw(
            st.binary(max_size=8)
        )
    read(bytes(changed))


@given_examples
@given(gray_images, st.sampled_from(["PNG", "TIFF", "BMP", "GIF"]))
def test_lossless_formats_give_back_any_image(image, format):
    found = read(hostile_files.encoded(Image.fromarray(image), format))
    low, high = np.quantile(image, [0.001, 0.999], method="inverted_cdf")
    is_spread = 0 < high - low < 48
    np.testing.assert_array_equal(found, load_image(image) if is_spread else image)


@given_examples
@given(arrays(np.uint16, array_shapes(min_dims=2, max_dims=2, min_side=64)))
def test_any_deep_image_keeps_its_order(values):
    image = read(hostile_files.encoded(Image.fromarray(values), "PNG"))
    order = np.argsort(values, axis=None)
    assert (np.diff(image.ravel()[order].astype(int)) >= 0).all()
    if np.ptp(values):
        assert image.min() == 0 and image.max() == 255
    np.testing.assert_array_equal(load_image(values), image)


@given_examples
@given(gray_images)
def test_any_kind_of_source_gives_the_same(image):
    data = hostile_files.encoded(Image.fromarray(image), "PNG")
    found = load_image(image)
    for source in (data, io.BytesIO(data), Image.fromarray(image)):
        np.testing.assert_array_equal(load_image(source), found)
