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
_OUTLINE = (255, 230, 90)  # a yellow that neither end of the scale has
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


def resize_map(
    cam_grid: np.ndarray,
    shape: tuple[int, int],
    crop: Sequence[float] = (0.0, 0.0, 1.0, 1.0),
) -> np.ndarray:
    """Carries a map, float (h, w), back onto an image of `shape` (H, W).

    Bilinear; the network saw the crop stretched to a square, so the whole map is
    stretched back onto it. Two products of matrices take a quarter of the time of
    Pillow's resize.

    Args:
        cam_grid: finite.
        shape: where a side is shorter than the map's, some of its cells are left out.
        crop: left, top, right, bottom of what the network saw, as shares of the image.
    Returns:
        float32 (H, W), NaN where the network did not look.
    """
    left, top, right, bottom = crop
    rows, seen_rows = _stretch(cam_grid.shape[0], shape[0], top, bottom)
    columns, seen_columns = _stretch(cam_grid.shape[1], shape[1], left, right)
    wide = cam_grid.astype(np.float32) @ columns.T
    cam = np.empty(shape, np.float32)
    # so few at once that BLAS leaves its threads asleep: awake, they take the processor
    # from the next network run
    step = max(1, _PRODUCTS // wide.size)
    for start in range(0, len(rows), step):
        np.matmul(rows[start : start + step], wide, out=cam[start : start + step])
    cam[~seen_rows] = np.nan
    cam[:, ~seen_columns] = np.nan
    return cam


def _stretch(
    count: int, length: int, start: float, end: float
) -> tuple[np.ndarray, np.ndarray]:
    """Linear interpolation from `count` points, spread over a part of `length` others.

    Returns:
        Weights, float32 (length, count), and which of them lie in that part.
    """
    points, shares = np.arange(count), (np.arange(length) + 0.5) / length
    positions = (shares - start) / (end - start) * count - 0.5
    weights = [np.interp(positions, points, unit) for unit in np.eye(count)]
    inside = (shares >= start) & (shares <= end)
    return np.stack(weights, axis=1).astype(np.float32), inside


def overlay(image: np.ndarray, cam: np.ndarray, limit: float) -> np.ndarray:
    """Draws a map over its radiograph.

    Args:
        image: uint8 (H, W).
        cam: float32 (H, W), log-odds; NaN where the network did not look.
        limit: log-odds at which colour and opacity saturate.
    Returns:
        uint8 (H, W, 3), RGB; uncoloured where the evidence is even: `cam` is 0 or NaN.
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


def outline(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Draws the lungs' outline.

    Args:
        picture: uint8 (H, W, 3), such as `overlay` gives.
        mask: float32 (64, 64), probability of lung; see `Lungs`.
    Returns:
        uint8 (H, W, 3), with a thin bright line where the probability crosses one half.
    """
    height, width = picture.shape[:2]
    inside = resize_map(mask, (height, width)) > 0.5
    thickness = max(1, round(max(height, width) / 500))
    edge = np.zeros_like(inside)
    edge[thickness:] |= inside[thickness:] != inside[:-thickness]
    edge[:, thickness:] |= inside[:, thickness:] != inside[:, :-thickness]
    drawn = picture.copy()
    drawn[edge] = _OUTLINE
    return drawn


def share_outside(
    cam_grid: np.ndarray, mask: np.ndarray, crop: Sequence[float]
) -> float:
    """How much of the evidence for the finding lies outside the chest.

    Between the lungs counts as inside: a consolidation may lie behind the heart.

    Args:
        cam_grid: float32 (h, w), log-odds.
        mask: float32 (64, 64), probability of lung; see `Lungs`.
        crop: of the map, see `resize_map`.
    Returns:
        In [0, 1]; 0 where nothing speaks for the finding.
    """
    evidence = np.nan_to_num(np.maximum(resize_map(cam_grid, mask.shape, crop), 0))
    is_lung = mask > 0.5
    # from the outer edge of one lung to that of the other, one place wider all around
    chest = np.logical_or.accumulate(is_lung, axis=1)
    chest &= np.logical_or.accumulate(is_lung[:, ::-1], axis=1)[:, ::-1]
    padded = np.pad(chest, 1)
    chest = padded[1:-1, :-2] | padded[1:-1, 2:] | padded[:-2, 1:-1] | padded[2:, 1:-1]
    total = evidence.sum()
    return float(evidence[~chest].sum() / total) if total > 0 else 0.0


def agreement(cam_grid: np.ndarray) -> float:
    """How far the places of a map agree about the finding.

    Args:
        cam_grid: float32 (h, w), log-odds.
    Returns:
        In [0, 1]: 1 where no place speaks against the sum, 0 where for and against
        cancel out.
    """
    total = np.abs(cam_grid).sum()
    return float(np.abs(cam_grid.sum()) / total) if total > 0 else 0.0


def colour_scale(width: int, height: int) -> np.ndarray:
    """The legend of `overlay`: uint8 (height, width, 3), from -limit to +limit."""
    cam = np.tile(np.linspace(-1, 1, width, dtype=np.float32), (height, 1))
    return overlay(np.full((height, width), 96, np.uint8), cam, 1.0)


def _level(cam: np.ndarray, limit: float) -> np.ndarray:
    """Indices into the palette, uint8, of log-odds."""
    level = np.clip(cam * (127.5 / limit) + 127.5, 0, 255)
    return np.nan_to_num(level, copy=False, nan=127.5).astype(np.uint8)


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
