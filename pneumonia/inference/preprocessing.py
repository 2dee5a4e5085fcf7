"""A radiograph becomes what the network eats."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image

from ..config import ModelConfig
from .lungs import LungFinder, Lungs


class Crop(NamedTuple):
    """The part of an image that the network is shown, stretched to a square.

    Edges are shares of the image's sides: a little below 0 or above 1 where the lungs
    reach the image's edge; what lies outside is black.
    """

    left: float = 0.0
    top: float = 0.0
    right: float = 1.0
    bottom: float = 1.0

    @classmethod
    def around(cls, lungs: Lungs, margin: float) -> "Crop":
        """The lungs' box with a margin, a share of its sides, all around."""
        left, top, right, bottom = lungs.box
        wide, high = margin * (right - left), margin * (bottom - top)
        return cls(left - wide, top - high, right + wide, bottom + high)

    def cut(self, square: np.ndarray, side: int) -> np.ndarray:
        """Cuts it out: uint8 (S, S) -> uint8 (side, side)."""
        if self == WHOLE:
            return to_square(square, side)
        extent = tuple(len(square) * edge for edge in self)
        cut = Image.fromarray(square).transform(
            (side, side), Image.Transform.EXTENT, extent, Image.Resampling.BICUBIC
        )
        return np.asarray(cut)


WHOLE = Crop()


@dataclass(frozen=True)
class View:
    """What a model looks at of one image.

    Attributes:
        square: the whole image, uint8 (Q, Q).
        lungs: what the finder says of it; None where the model has no finder.
        crop: the lungs' box with a margin; the whole image where the finder is unsure
            or missing.
        inputs: the crop as the network eats it, float32 (S, S, 3), three equal
            channels, in `config.value_range`.
    """

    square: np.ndarray
    lungs: Lungs | None
    crop: Crop
    inputs: np.ndarray


def look_at(
    image: np.ndarray, config: ModelConfig, finder: LungFinder | None = None
) -> View:
    """Finds the lungs and cuts them out.

    Every image is stretched to the finder's small square first, as the training images
    are, so that an original and its small copy get the same answer. The filter is
    Pillow's antialiased triangle, the one that reproduces the 224-pixel training copies
    from their originals with the least error.

    Args:
        image: uint8 (H, W), 0 = black (air), 255 = white (bone).
        config: gives the side S of the input and the value range.
        finder: of the same model folder; None: the network sees the whole image.
    """
    square = to_square(image, finder.square_side if finder else config.image_size)
    lungs = finder(square) if finder else None
    crop = Crop.around(lungs, finder.margin) if lungs and lungs.found else WHOLE
    return View(
        square, lungs, crop, to_inputs(crop.cut(square, config.image_size), config)
    )


def preprocess(
    image: np.ndarray, config: ModelConfig, finder: LungFinder | None = None
) -> np.ndarray:
    """The inputs of `look_at` alone, float32 (S, S, 3)."""
    return look_at(image, config, finder).inputs


def to_inputs(shown: np.ndarray, config: ModelConfig) -> np.ndarray:
    """What is shown, uint8 (S, S) -> float32 (S, S, 3) in `config.value_range`."""
    low, high = config.value_range
    levels = np.linspace(low, high, 256, dtype=np.float32)  # what each grey becomes
    return np.repeat(levels[shown][:, :, None], 3, axis=2)


def to_square(image: np.ndarray, side: int) -> np.ndarray:
    """Stretches an image, uint8 (H, W), to uint8 (side, side)."""
    resized = Image.fromarray(image).resize((side, side), Image.Resampling.BILINEAR)
    return np.asarray(resized)
