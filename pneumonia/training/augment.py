"""What a radiograph may look like and still mean the same.

What an image looks like (exposure, processing, resolution, frame, lettering) comes from
the machine and the archive, not from the lungs. In these data it differs between the
classes, so a network that may use it does; each change here takes one such cue away.
Geometry stays that of a child lying or standing a little askew: nothing is turned
upside down or sideways, and black stays air. A mirrored chest still shows its disease.
"""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from ..inference.preprocessing import WHOLE, Crop
from .look import Look, lend

_LETTERS = ("R", "L", "AP", "PA", "SUPINE", "PORTABLE", "ERECT", "12:45")


def augment(
    square: np.ndarray,
    crop: Crop,
    side: int,
    random: np.random.Generator,
    look: Look | None = None,
    soft: float = 0.2,
) -> np.ndarray:
    """What the network is shown of one more image of the same chest.

    Args:
        square: the whole radiograph, uint8 (S, S), 0 = black.
        crop: the lungs' box with its margin.
        side: of the result, in pixels.
        random: decides everything, so equal generators give equal images.
        look: of another image, whatever it shows; lent to three images of four.
        soft: share of images that become soft and dark, with little contrast.
    Returns:
        uint8 (side, side).
    """
    values = _cut(square, crop, side, random).astype(np.float32)
    if look and random.random() < 0.75:
        detail = random.uniform(0.7, 1.0) if random.random() < 0.9 else 0.0
        greys = random.uniform(0.4, 1.0) if random.random() < 0.6 else 0.0
        values = lend(values, look, detail, greys)
    return change_appearance(values, random, soft)


def change_appearance(
    values: np.ndarray, random: np.random.Generator, soft: float = 0.2
) -> np.ndarray:
    """Exposure, sharpness, lettering, noise, patches and coding; no geometry.

    Args:
        values: uint8 or float32 (S, S), 0 to 255.
        random, soft: see `augment`.
    Returns:
        uint8 (S, S).
    """
    if random.random() < soft:  # young infants lying down: soft, dark, little contrast
        image = _expose(
            values,
            contrast=random.uniform(0.45, 0.85),
            brightness=random.normal(0, 0.06),
            gamma=np.exp(random.uniform(0, 0.5)),
        )
        image = image.filter(ImageFilter.GaussianBlur(random.uniform(0.4, 1.4)))
    else:
        image = _expose(
            values,
            contrast=np.exp(random.normal(0.03, 0.17)),
            brightness=random.normal(0, 0.05),
            gamma=np.exp(random.normal(0, 0.25)),
        )
        image = _resolve(image, random)
    if random.random() < 0.15:
        image = _letter(image, random)
    if random.random() < 0.3:
        image = _grain(image, random)
    if random.random() < 0.35:
        image = _erase(image, random)
    if random.random() < 0.3:
        image = _compress(image, random)
    return np.asarray(image)


def _cut(
    square: np.ndarray, crop: Crop, side: int, random: np.random.Generator
) -> np.ndarray:
    """A crop as another finder might have made it, rotated and mirrored.

    A few show the whole image, as is served where the lungs are not found.
    """
    box = np.array(WHOLE if random.random() < 0.05 else crop)
    size = np.tile(box[2:] - box[:2], 2)
    box = box + random.normal(0, 0.05, 4) * size
    if random.random() < 0.3:  # narrower or wider chests, once they are stretched
        middle, half = (box[:2] + box[2:]) / 2, size[:2] / 2
        half = half * np.exp(random.normal(0, 0.12, 2))
        box = np.concatenate([middle - half, middle + half])
    angle = np.deg2rad(np.clip(random.normal(0, 4), -12, 12))
    cos, sin = np.cos(angle), np.sin(angle)
    scale = len(square) * (box[2:] - box[:2]) / side
    mirror = random.choice([-1, 1])
    matrix = np.array([[cos, -sin], [sin, cos]]) @ np.diag(scale * [mirror, 1])
    shift = len(square) * (box[:2] + box[2:]) / 2 - matrix @ np.full(2, side / 2)
    return np.asarray(
        Image.fromarray(square).transform(
            (side, side),
            Image.Transform.AFFINE,
            tuple(np.column_stack([matrix, shift]).ravel()),
            Image.Resampling.BICUBIC,
        )
    )


def _expose(
    values: np.ndarray, contrast: float, brightness: float, gamma: float
) -> Image.Image:
    """Contrast about mid-grey, then gamma; above 1 it darkens."""
    shares = np.clip(values, 0, 255) / 255
    shares = np.clip((shares - 0.5) * contrast + 0.5 + brightness, 0, 1) ** gamma
    return _image(255 * shares)


def _resolve(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """One image of two: softer, sharper, or through fewer pixels."""
    kind = random.random()
    if kind < 0.2:
        return image.filter(ImageFilter.GaussianBlur(random.uniform(0.3, 1.2)))
    if kind < 0.35:
        percent = int(random.uniform(50, 250))
        return image.filter(
            ImageFilter.UnsharpMask(random.uniform(0.6, 2.5), percent, 0)
        )
    if kind < 0.5:
        side = int(image.width * random.uniform(0.45, 0.9))
        small = image.resize((side, side), Image.Resampling.BILINEAR)
        return small.resize(image.size, Image.Resampling.BICUBIC)
    return image


def _letter(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """A marker or a line of text near a corner, or a corner blacked out."""
    place = (
        random.uniform(*((0.01, 0.15) if random.random() < 0.5 else (0.75, 0.92))),
        random.uniform(*((0.01, 0.15) if random.random() < 0.7 else (0.8, 0.95))),
    )
    if random.random() < 0.3:
        image, side = image.copy(), image.width
        x, y = (side * share for share in place)
        corners = (x - 0.08 * side, y - 0.05 * side, x + 0.08 * side, y + 0.05 * side)
        ImageDraw.Draw(image).rectangle(corners, fill=0)
        return image
    text, grey = str(random.choice(_LETTERS)), int(random.uniform(180, 255))
    return write(image, text, place, random.uniform(0.04, 0.1), grey)


def write(
    image: Image.Image,
    text: str,
    place: tuple[float, float],
    height: float,
    grey: int = 230,
) -> Image.Image:
    """Burns lettering in; place and height are shares of the image's width."""
    image, side = image.copy(), image.width
    at = (side * place[0], side * place[1])
    ImageDraw.Draw(image).text(at, text, fill=grey, font_size=side * height)
    return image


def _grain(image: Image.Image, random: np.random.Generator) -> Image.Image:
    values = np.asarray(image, np.float32)
    return _image(values + random.normal(0, random.uniform(1, 8), values.shape))


def _erase(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """A patch of one shade, so that no place decides alone (arXiv:1708.04896)."""
    values = np.array(image)
    height, width = (len(values) * random.uniform(0.08, 0.28, 2)).astype(int)
    top, left = (random.integers(0, len(values) - size) for size in (height, width))
    values[top : top + height, left : left + width] = int(random.uniform(0, 255))
    return Image.fromarray(values)


def _compress(image: Image.Image, random: np.random.Generator) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=int(random.uniform(25, 92)))
    return Image.open(file)


def match_exposure(image: Image.Image, other: Image.Image, share: float) -> Image.Image:
    """Moves the image's histogram that share of the way to the other's."""
    ranks, wanted = (
        np.cumsum(one.histogram()) / (one.width * one.height) for one in (image, other)
    )
    levels = np.arange(256)
    wanted, first = np.unique(wanted, return_index=True)  # not the levels it lacks
    matched = np.interp(ranks, wanted, levels[first])
    return image.point(((1 - share) * levels + share * matched).round().tolist())


def swap_border(
    image: Image.Image, other: Image.Image, widths: Sequence[float]
) -> Image.Image:
    """Lays the image's middle on the other image.

    Args:
        widths: of the border, left, top, right and bottom, as shares of the side.
    """
    side = image.width
    left, top, right, bottom = (int(side * width) for width in widths)
    mask = Image.new("L", image.size, 0)
    mask.paste(255, (left, top, side - right, side - bottom))
    # no edge that a network could learn to see
    mask = mask.filter(ImageFilter.GaussianBlur(0.015 * side))
    return Image.composite(image, other, mask)


def _image(values: np.ndarray) -> Image.Image:
    return Image.fromarray(np.clip(values, 0, 255).round().astype(np.uint8))
