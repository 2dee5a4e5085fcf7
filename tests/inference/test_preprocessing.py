"""What the network eats, worked out by hand."""

import numpy as np
import pytest

from pneumonia.inference.preprocessing import preprocess
from tests.support.toy_model import SIDE, toy_config


@pytest.mark.parametrize("grey, value", [(0, -1.0), (255, 1.0), (51, -0.6)])
def test_grey_becomes_value_range(grey, value):
    inputs = preprocess(np.full((100, 200), grey, np.uint8), toy_config())
    assert inputs.shape == (SIDE, SIDE, 3)
    assert inputs.dtype == np.float32
    np.testing.assert_allclose(inputs, value, atol=1e-6)


def test_image_of_the_right_size_is_only_rescaled():
    image = np.arange(SIDE * SIDE, dtype=np.uint32).reshape(SIDE, SIDE) % 256
    inputs = preprocess(image.astype(np.uint8), toy_config())
    for channel in range(3):
        np.testing.assert_allclose(inputs[..., channel], image / 127.5 - 1, atol=1e-6)


def test_the_whole_image_is_stretched_to_the_square():
    image = np.zeros((2 * SIDE, 4 * SIDE), np.uint8)
    image[SIDE:, 2 * SIDE :] = 255  # the lower right quarter
    inputs = preprocess(image, toy_config())[..., 0]
    half = SIDE // 2
    assert (inputs[half + 2 :, half + 2 :] == 1).all()
    assert (inputs[: half - 2] == -1).all()
    assert (inputs[:, : half - 2] == -1).all()


def test_shrinking_averages_instead_of_picking():
    image = np.zeros((8 * SIDE, 8 * SIDE), np.uint8)
    image[::2] = 255  # lines finer than the grid of the result
    inputs = preprocess(image, toy_config())
    assert np.abs(inputs).max() < 0.05
