"""The map and its picture: fixed colours, image coordinates, no per-image stretch."""

import math

import numpy as np
import pytest
from PIL import Image

from pneumonia.inference.cam import (
    agreement,
    colour_scale,
    log_odds_map,
    overlay,
    resize_map,
)


def test_log_odds_by_hand():
    # odds of the classes 1 : 2 : 4, so pneumonia : normal = 6 : 1
    logits_2d = np.log(np.array([[[1.0, 2.0, 4.0]]], np.float32))
    places = log_odds_map(logits_2d, finding=[1, 2], others=[0])
    np.testing.assert_allclose(places, [[math.log(6)]], rtol=1e-6)


def test_log_odds_do_not_overflow():
    places = log_odds_map(np.array([[[-1e4, 1e4, 1e4]]]), [1, 2], [0])
    np.testing.assert_allclose(places, [[2e4 + math.log(2)]])


def test_map_lies_where_the_evidence_is():
    places = np.zeros((4, 4), np.float32)
    places[0, 3] = 1  # upper right
    cam = resize_map(places, (100, 200))
    assert cam.shape == (100, 200)
    assert cam.dtype == np.float32
    row, column = np.unravel_index(cam.argmax(), cam.shape)
    assert row < 25 and column >= 150
    assert cam[50:].max() == 0


@pytest.mark.parametrize("shape", [(7, 7), (64, 100), (1000, 1300), (9, 9000)])
def test_map_is_pillows_bilinear(shape):
    places = np.random.default_rng(0).normal(0, 5, (7, 7)).astype(np.float32)
    size = shape[::-1]
    expected = Image.fromarray(places).resize(size, Image.Resampling.BILINEAR)
    np.testing.assert_allclose(resize_map(places, shape), expected, atol=1e-4)


def test_constant_map_stays_constant():
    cam = resize_map(np.full((7, 7), -2.5), (33, 65))
    np.testing.assert_allclose(cam, -2.5, rtol=1e-6)


def test_no_evidence_leaves_the_radiograph_grey():
    image = np.array([[0, 100, 255]], np.uint8)
    picture = overlay(image, np.zeros((1, 3), np.float32), limit=5.0)
    assert picture.shape == (1, 3, 3)
    assert np.ptp(picture, axis=2).max() <= 2
    assert np.abs(picture[..., 0].astype(int) - image).max() <= 2


def test_colours_and_their_limit():
    image = np.full((1, 4), 128, np.uint8)
    cam = np.array([[5.0, 50.0, -5.0, -50.0]], np.float32)
    hot, hotter, cold, colder = overlay(image, cam, limit=5.0)[0].astype(int)
    assert hot[0] > hot[2] + 50  # red for pneumonia
    assert cold[2] > cold[0] + 50  # blue against it
    np.testing.assert_array_equal(hot, hotter)
    np.testing.assert_array_equal(cold, colder)


def test_overlay_is_the_mixture_of_colour_and_grey():
    """More pixels than are drawn at once; levels and greys of all kinds."""
    chance = np.random.default_rng(0)
    image = chance.integers(0, 256, (700, 400), dtype=np.uint8)
    cam = chance.normal(0, 6, image.shape).astype(np.float32)
    cam[::9, ::7] = 0
    limit = 10.0
    picture = overlay(image, cam, limit).astype(float)
    level = np.clip(cam * (127.5 / limit) + 127.5, 0, 255) // 1
    position = level / 127.5 - 1
    blend = 0.55 * np.clip((np.abs(position) - 0.1) / 0.9, 0, 1)[..., None]
    ends = np.linspace(-1, 1, 5)
    anchors = [
        [33, 102, 172],
        [103, 169, 207],
        [255] * 3,
        [253, 141, 60],
        [215, 25, 28],
    ]
    colours = [np.interp(position, ends, channel) for channel in np.transpose(anchors)]
    expected = image[..., None] * (1 - blend) + np.stack(colours, axis=-1) * blend
    assert np.abs(picture - expected).max() < 1.001  # truncated, of float32


def test_overlay_takes_arrays_in_any_order():
    image = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
    cam = np.linspace(-9, 9, 12, dtype=np.float32).reshape(3, 4)
    turned = overlay(image.T, cam.T, limit=5.0)
    np.testing.assert_array_equal(
        turned.transpose(1, 0, 2), overlay(image, cam, limit=5.0)
    )


def test_little_evidence_has_no_colour():
    image = np.full((1, 2), 128, np.uint8)
    cam = np.array([[-0.45, 0.45]], np.float32)
    assert np.abs(overlay(image, cam, limit=5.0).astype(int) - 128).max() <= 1


def test_weak_evidence_is_not_stretched():
    image = np.full((8, 8), 128, np.uint8)
    cam = np.linspace(0, 0.01, 64, dtype=np.float32).reshape(8, 8)
    assert np.abs(overlay(image, cam, limit=5.0).astype(int) - 128).max() <= 2


def test_colour_scale_runs_from_cold_to_hot():
    scale = colour_scale(101, 5).astype(int)
    assert scale.shape == (5, 101, 3)
    assert scale[0, 0, 2] > scale[0, 0, 0]
    assert scale[0, -1, 0] > scale[0, -1, 2]
    assert np.ptp(scale[0, 50]) <= 4


@pytest.mark.parametrize(
    ("cam_grid", "expected"),
    [([[2.0, 1.0]], 1.0), ([[-3.0, 1.0]], 0.5), ([[1.0, -1.0]], 0.0), ([[0.0]], 0.0)],
)
def test_agreement_of_places(cam_grid, expected):
    assert agreement(np.array(cam_grid, np.float32)) == expected
