"""What a radiograph may look like and still mean the same.

The appearance of a film (exposure, processing, resolution, borders, lettering) comes
from the machine and the archive, not from the lungs. On these data it differs between
the classes, so a network that may use it does; each change here takes one such cue
away. Geometry stays that of a child lying or standing a little askew: nothing is turned
upside down or sideways, and black stays air. A mirrored chest still shows its disease.
"""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

_BLACK = 0
_LETTERS = ("R", "L", "AP", "PA", "SUPINE", "PORTABLE", "ERECT", "12:45")


def augment(
    image: np.ndarray, random: np.random.Generator, other: np.ndarray | None = None
) -> np.ndarray:
    """One more film of the same chest.

    Args:
        image: square radiograph, uint8 (S, S), 0 = black.
        random: decides everything, so equal generators give equal films.
        other: another film, of any class and of the same shape, which may lend its
            exposure and its border.
    Returns:
        uint8 (S, S).
    """
    film = Image.fromarray(image)
    if other is not None:
        film = _borrow(film, Image.fromarray(other), random)
    if random.random() < 0.5:
        film = film.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if random.random() < 0.85:
        film = _move(film, random)
    film = _expose(film, random)
    if random.random() < 0.3:
        film = _equalize(film, random)
    if random.random() < 0.5:
        film = _resolve(film, random)
    if random.random() < 0.3:
        film = _grain(film, random)
    if random.random() < 0.35:
        film = _collimate(film, random)
    if random.random() < 0.2:
        _letter(film, random)
    if random.random() < 0.3:
        film = _compress(film, random)
    return np.asarray(film)


def mix(
    inputs: np.ndarray, targets: np.ndarray, strength: float, random
) -> tuple[np.ndarray, np.ndarray]:
    """Mixup within a batch (Zhang 2018, arXiv:1710.09412), one share per film.

    Args:
        inputs: float32 (N, S, S, 3).
        targets: float32 (N, C), class probabilities.
        strength: alpha of the Beta distribution of the shares; 0 changes nothing.
        random: numpy Generator.
    """
    if not strength:
        return inputs, targets
    share = random.beta(strength, strength, len(inputs)).astype(np.float32)
    share = np.maximum(share, 1 - share)  # each film stays mostly itself
    other = random.permutation(len(inputs))
    across = share[:, None, None, None]
    return (
        across * inputs + (1 - across) * inputs[other],
        share[:, None] * targets + (1 - share[:, None]) * targets[other],
    )


def _borrow(
    film: Image.Image, other: Image.Image, random: np.random.Generator
) -> Image.Image:
    """The chest of one film as another's machine might have shown it.

    Brightness and borders tell the classes of these data apart by themselves. Borrowed
    from a film of whichever class, they tell nothing.
    """
    if random.random() < 0.3:
        film = match_exposure(film, other, random.uniform(0.3, 1))
    if random.random() < 0.3:
        film = swap_border(film, other, random.uniform(0.04, 0.14, 4))
    return film


def match_exposure(film: Image.Image, other: Image.Image, share: float) -> Image.Image:
    """Moves the film's histogram that share of the way to the other's."""
    ranks, wanted = (
        np.cumsum(one.histogram()) / (one.width * one.height) for one in (film, other)
    )
    levels = np.arange(256)
    wanted, first = np.unique(wanted, return_index=True)  # not the levels it lacks
    matched = np.interp(ranks, wanted, levels[first])
    return film.point(((1 - share) * levels + share * matched).round().tolist())


def swap_border(
    film: Image.Image, other: Image.Image, widths: Sequence[float]
) -> Image.Image:
    """Lays the film's middle on the other film.

    Args:
        widths: of the border, left, top, right and bottom, as shares of the side.
    """
    side = film.width
    left, top, right, bottom = (int(side * width) for width in widths)
    mask = Image.new("L", film.size, 0)
    mask.paste(255, (left, top, side - right, side - bottom))
    # no edge that a network could learn to see
    mask = mask.filter(ImageFilter.GaussianBlur(0.015 * side))
    return Image.composite(film, other, mask)


def _move(film: Image.Image, random: np.random.Generator) -> Image.Image:
    """Rotation, zoom, change of aspect, shear and shift about the centre."""
    side = film.width
    angle = np.deg2rad(np.clip(random.normal(0, 5), -15, 15))
    zoom = np.exp(random.normal(0, 0.10))
    aspect = np.exp(random.normal(0, 0.07))
    shear = random.normal(0, 0.03)
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, -sin], [sin, cos]]) @ np.array([[1, shear], [0, 1]])
    matrix = turn @ np.diag([zoom * aspect, zoom / aspect])
    centre = np.full(2, (side - 1) / 2)
    shift = centre - matrix @ centre + random.normal(0, 0.04 * side, 2)
    coefficients = np.column_stack([matrix, shift]).ravel()
    return film.transform(
        film.size,
        Image.Transform.AFFINE,
        tuple(coefficients),
        Image.Resampling.BICUBIC,
        fillcolor=_BLACK,
    )


def _expose(film: Image.Image, random: np.random.Generator) -> Image.Image:
    """Window and gamma: where black and white lie, and what is between."""
    low, high = 0.0, 255.0
    if random.random() < 0.3:  # to percentiles, as many archives do
        low, high = np.percentile(film, [random.uniform(0, 3), random.uniform(97, 100)])
    middle, half = (low + high) / 2, max(high - low, 32) / 2
    half *= np.exp(random.normal(0.05, 0.15))
    middle += random.normal(0, 12)
    levels = (np.arange(256) - (middle - half)) / (2 * half)
    levels = np.clip(levels, 0, 1) ** np.exp(random.normal(0, 0.25))
    if random.random() < 0.3:  # a film that reaches neither black nor white
        floor, ceiling = random.uniform(0, 0.2), random.uniform(0.8, 1)
        levels = floor + levels * (ceiling - floor)
    return film.point((levels * 255).round().astype(int).tolist())


def _equalize(film: Image.Image, random: np.random.Generator) -> Image.Image:
    """Evens out the exposure of regions, as CLAHE and vendors' processing do."""
    values = np.asarray(film, np.float32)
    radius = film.width * random.uniform(0.06, 0.2)
    mean = np.asarray(film.filter(ImageFilter.GaussianBlur(radius)), np.float32)
    detail = values - mean
    flat = 128 + detail * random.uniform(1, 2)
    share = random.uniform(0.1, 0.6)
    return _image((1 - share) * values + share * flat)


def _resolve(film: Image.Image, random: np.random.Generator) -> Image.Image:
    """Sharper, softer, or through fewer pixels."""
    kind = random.integers(3)
    if kind == 0:
        return film.filter(
            ImageFilter.GaussianBlur(film.width / 224 * random.uniform(0.3, 1.5))
        )
    if kind == 1:
        percent = int(random.uniform(50, 250))
        radius = film.width / 224 * random.uniform(0.6, 2.5)
        return film.filter(ImageFilter.UnsharpMask(radius, percent, 0))
    side = int(film.width * random.uniform(0.4, 0.9))
    small = film.resize((side, side), Image.Resampling.BILINEAR)
    return small.resize(film.size, Image.Resampling.BICUBIC)


def _grain(film: Image.Image, random: np.random.Generator) -> Image.Image:
    values = np.asarray(film, np.float32)
    return _image(values + random.normal(0, random.uniform(1, 8), values.shape))


def _collimate(film: Image.Image, random: np.random.Generator) -> Image.Image:
    """Black borders: over the film's edge, or around a smaller film."""
    side = film.width
    left, top, right, bottom = (
        int(side * width * (random.random() < 0.6))
        for width in random.uniform(0.01, 0.12, 4)
    )
    box = (left, top, side - right, side - bottom)
    framed = Image.new("L", film.size, _BLACK)
    inside = (box[2] - box[0], box[3] - box[1])
    if random.random() < 0.5:
        framed.paste(film.crop(box), box)
    else:
        framed.paste(film.resize(inside, Image.Resampling.BILINEAR), box)
    return framed


def _letter(film: Image.Image, random: np.random.Generator) -> None:
    """A marker or a line of text near a corner, or a corner blacked out."""
    side = film.width
    x = side * (
        random.uniform(0.01, 0.15)
        if random.random() < 0.5
        else random.uniform(0.75, 0.92)
    )
    y = side * (
        random.uniform(0.01, 0.15)
        if random.random() < 0.7
        else random.uniform(0.8, 0.95)
    )
    draw = ImageDraw.Draw(film)
    if random.random() < 0.3:
        draw.rectangle(
            (x - side * 0.08, y - side * 0.05, x + side * 0.08, y + side * 0.05),
            fill=_BLACK,
        )
    else:
        draw.text(
            (x, y),
            str(random.choice(_LETTERS)),
            fill=int(random.uniform(180, 255)),
            font_size=side * random.uniform(0.04, 0.1),
        )


def _compress(film: Image.Image, random: np.random.Generator) -> Image.Image:
    file = io.BytesIO()
    film.save(file, "JPEG", quality=int(random.uniform(25, 90)))
    return Image.open(file)


def _image(values: np.ndarray) -> Image.Image:
    return Image.fromarray(np.clip(values, 0, 255).round().astype(np.uint8))
