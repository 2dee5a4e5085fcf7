"""A radiograph becomes what the network eats."""

import numpy as np
from PIL import Image

from ..config import ModelConfig


def preprocess(image: np.ndarray, config: ModelConfig) -> np.ndarray:
    """Turns a radiograph into one input of the network.

    The whole image is stretched to a square, as every training image was: nothing is
    cut off, so a map of the network's h by w places lies on the image by stretching it
    back. The filter is Pillow's antialiased triangle, the one that reproduces the
    224-pixel training copies from their originals with the least error.

    Args:
        image: uint8 (H, W), 0 = black (air), 255 = white (bone).
        config: gives the side S and the value range.
    Returns:
        float32 (S, S, 3), three equal channels, in `config.value_range`.
    """
    low, high = config.value_range
    levels = np.linspace(low, high, 256, dtype=np.float32)  # what each grey becomes
    return np.repeat(levels[to_square(image, config)][:, :, None], 3, axis=2)


def to_square(image: np.ndarray, config: ModelConfig) -> np.ndarray:
    """The first half of `preprocess`: uint8 (H, W) -> uint8 (S, S)."""
    side = (config.image_size, config.image_size)
    resized = Image.fromarray(image).resize(side, Image.Resampling.BILINEAR)
    return np.asarray(resized)
