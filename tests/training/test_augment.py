"""Appearance changes, the chest stays upright, equal draws give equal images."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pneumonia.imaging import load_image
from pneumonia.inference.preprocessing import WHOLE, Crop
from pneumonia.training.augment import (
    augment,
    change_appearance,
    match_exposure,
    swap_border,
)
from pneumonia.training.look import lend, look_of

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def image():
    image = Image.fromarray(load_image(EXAMPLES / "normal_1.jpg"))
    return np.asarray(image.resize((160, 160)))


CROP = Crop(0.1, 0.05, 0.95, 0.9)


def test_shape_dtype_and_variety(image):
    random = np.random.default_rng(0)
    images = [augment(image, CROP, 96, random, look_of(image)) for _ in range(40)]
    assert {(f.shape, f.dtype) for f in images} == {((96, 96), image.dtype)}
    assert len({f.tobytes() for f in images}) == 40


def test_draws_decide_everything(image):
    first, second = (
        augment(image, CROP, 96, np.random.default_rng(7), look_of(image))
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


def test_the_original_is_left_alone(image):
    before = image.copy()
    random = np.random.default_rng(1)
    for _ in range(20):
        augment(image, CROP, 96, random, look_of(image))
    np.testing.assert_array_equal(image, before)


def test_down_stays_down_and_white_stays_white():
    random = np.random.default_rng(2)
    image = np.full((96, 96), 40, np.uint8)
    image[48:] = 210
    for _ in range(200):
        changed = augment(image, WHOLE, 96, random, soft=0).astype(int)
        assert changed[64:80, 24:72].mean() > changed[16:32, 24:72].mean() + 15


def test_blank_image_survives():
    random = np.random.default_rng(3)
    for level in (0, 255):
        blank = np.full((96, 96), level, np.uint8)
        for _ in range(40):
            assert augment(blank, CROP, 96, random, look_of(blank)).shape == (96, 96)


def test_soft_images_have_less_contrast(image):
    plain, soft = (
        np.mean(
            [
                change_appearance(image, np.random.default_rng(s), share).std()
                for s in range(30)
            ]
        )
        for share in (0, 1)
    )
    assert soft < 0.8 * plain


def test_a_look_is_measured_and_lent():
    """Of two noises, one takes on the other's detail; its own look changes nothing."""
    random = np.random.default_rng(4)
    faint = 128 + random.normal(0, 5, (128, 128)).astype(np.float32)
    strong = 128 + random.normal(0, 15, (128, 128)).astype(np.float32)
    lent = lend(faint, look_of(strong), greys=0)
    # the mean: of this flat field a level of brightness may have few pixels
    wanted = look_of(strong).detail.mean(axis=1)
    np.testing.assert_allclose(look_of(lent).detail.mean(axis=1), wanted, rtol=0.15)
    np.testing.assert_allclose(lend(faint, look_of(faint)), faint, atol=0.5)
    half = lend(faint, look_of(strong), detail=0.5, greys=0)
    assert faint.std() < half.std() < lent.std()


def test_greys_are_lent_by_rank():
    ramp = np.linspace(0, 100, 64 * 64).reshape(64, 64).astype(np.float32)
    other = np.linspace(50, 250, 64 * 64).reshape(64, 64)
    lent = lend(ramp, look_of(other), detail=0)
    np.testing.assert_allclose(lent, other, atol=1)


@pytest.mark.parametrize("share", [0, 0.5, 1])
def test_exposure_goes_its_share_of_the_way(share):
    """From levels 0 to 100 towards 100 to 227, each as frequent as the next."""
    own, others = np.linspace(0, 100, 128), np.linspace(100, 227, 128)
    image, other = (
        Image.fromarray(np.rint(levels).astype(np.uint8)[:, None].repeat(128, axis=1))
        for levels in (own, others)
    )
    matched = np.asarray(match_exposure(image, other, share))[:, 0]
    np.testing.assert_allclose(matched, own + share * (others - own), atol=2)


def test_border_is_the_others_and_the_middle_the_images_own():
    image, other = Image.new("L", (100, 100), 200), Image.new("L", (100, 100), 10)
    swapped = np.asarray(swap_border(image, other, (0.1, 0.2, 0.3, 0.4)))
    outside = [swapped[:, :5], swapped[:15], swapped[:, -25:], swapped[-35:]]
    assert all((part == 10).all() for part in outside)
    assert (swapped[25:55, 15:65] == 200).all()
