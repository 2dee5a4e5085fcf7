"""`logits_2d` becomes a map on the radiograph, and a picture of it. Arrays only.

The colours mean the same on every image: log-odds on one fixed scale. A scale fitted
to each image would paint the strongest place of a normal chest as hot as pneumonia.
"""

import functools
from collections.abc import Sequence

import numpy as np
from PIL import Image

# Anchors of the scale from -limit to +limit: blue, nothing, red through orange.
# Blue against orange-red is told apart with every common colour vision.
_ANCHORS = np.array(
    [[33, 102, 172], [103, 169, 207], [255, 255, 255], [253, 141, 60], [215, 25, 28]]
)
_LITTLE = 0.1  # of the limit: evidence that gets no colour
_STRONGEST = 0.55  # opacity at the limit: the radiograph stays visible
_STRIP = 2**17  # pixels drawn at once
_PRODUCTS = 2**17  # multiplied at once; OpenBLAS wakes its threads from 2**18 on


def log_odds_map(
    logits_2d: np.ndarray, finding: Sequence[int], others: Sequence[int]
) -> np.ndarray:
    """Evidence for a finding at each place, in log-odds.

    Args:
        logits_2d: float32 (..., h, w, C).
        finding: indices of the classes that are reported as the finding.
        others: indices of the other classes.
    Returns:
        float32 (..., h, w): logsumexp over `finding` minus logsumexp over `others`.
    """
    return _logsumexp(logits_2d[..., finding]) - _logsumexp(logits_2d[..., others])


def _logsumexp(values: np.ndarray) -> np.ndarray:
    return np.logaddexp.reduce(values, axis=-1)


def resize_map(cam_grid: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Carries a coarse map, float (h, w), onto an image of `shape` (H, W).

    Bilinear; the network saw the whole image stretched, so the whole map is stretched
    back. Two products of matrices take a quarter of the time of Pillow's resize.

    Args:
        cam_grid: finite.
        shape: where a side is shorter than the map's, some of its cells are left out.
    Returns:
        float32 (H, W).
    """
    rows, columns = (
        _stretch(*sides) for sides in zip(cam_grid.shape, shape, strict=True)
    )
    wide = cam_grid.astype(np.float32) @ columns.T
    cam = np.empty(shape, np.float32)
    # so few at once that BLAS leaves its threads asleep: awake, they take the processor
    # from the next network run
    step = max(1, _PRODUCTS // wide.size)
    for top in range(0, len(rows), step):
        np.matmul(rows[top : top + step], wide, out=cam[top : top + step])
    return cam


def _stretch(count: int, length: int) -> np.ndarray:
    """Linear interpolation from `count` points to `length`, float32 (length, count)."""
    points = np.arange(count)
    positions = (np.arange(length) + 0.5) * count / length - 0.5
    weights = [np.interp(positions, points, unit) for unit in np.eye(count)]
    return np.stack(weights, axis=1).astype(np.float32)


def overlay(image: np.ndarray, cam: np.ndarray, limit: float) -> np.ndarray:
    """Draws a map over its radiograph.

    Args:
        image: uint8 (H, W).
        cam: float32 (H, W), log-odds, finite.
        limit: log-odds at which colour and opacity saturate.
    Returns:
        uint8 (H, W, 3), RGB; uncoloured where the evidence is even: `cam` is 0.
    """
    height, width = image.shape
    mixed = np.empty((height, width, 3), np.uint8)
    step = max(1, _STRIP // width)  # what is made on the way stays in the cache
    for top in range(0, height, step):
        rows = slice(top, top + step)
        level = _level(cam[rows], limit)
        pixels = _mixtures()[(level.astype(np.uint16) << 8) | image[rows]]
        pixels, size = np.ascontiguousarray(pixels), (width, len(pixels))
        mixed[rows] = Image.frombuffer("RGBX", size, pixels).convert("RGB")
    return mixed


def colour_scale(width: int, height: int) -> np.ndarray:
    """The legend of `overlay`: uint8 (height, width, 3), from -limit to +limit."""
    cam = np.tile(np.linspace(-1, 1, width, dtype=np.float32), (height, 1))
    return overlay(np.full((height, width), 96, np.uint8), cam, 1.0)


def _level(cam: np.ndarray, limit: float) -> np.ndarray:
    """Indices into the palette, uint8, of log-odds."""
    return np.clip(cam * (127.5 / limit) + 127.5, 0, 255).astype(np.uint8)


def _palette() -> tuple[np.ndarray, np.ndarray]:
    """For each of 256 levels: the colour, float32 (256, 3), and its opacity (256,)."""
    position = np.linspace(-1, 1, 256)
    anchors = np.linspace(-1, 1, len(_ANCHORS))
    colours = [np.interp(position, anchors, channel) for channel in _ANCHORS.T]
    opacity = _STRONGEST * np.clip((np.abs(position) - _LITTLE) / (1 - _LITTLE), 0, 1)
    return np.stack(colours, axis=1).astype(np.float32), opacity.astype(np.float32)


@functools.cache
def _mixtures() -> np.ndarray:
    """What each level makes of each grey: RGBX as uint32, at 256 * level + grey."""
    colours, opacity = (values[:, None] for values in _palette())
    blend = opacity[..., None]
    mixed = np.zeros((256, 256, 4), np.uint8)
    greys = np.arange(256, dtype=np.float32)[:, None]
    mixed[..., :3] = greys * (1 - blend) + colours * blend
    return mixed.view(np.uint32).ravel()
