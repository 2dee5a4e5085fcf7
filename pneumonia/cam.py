"""`logits_2d` becomes a map on the radiograph, and a picture of it. Arrays only.

The colours mean the same on every image: log-odds on one fixed scale. A scale fitted
to each image would paint the strongest place of a normal chest as hot as pneumonia.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image

# Anchors of the scale from -limit to +limit: blue, nothing, red through orange.
# Blue against orange-red is told apart with every common colour vision.
_ANCHORS = np.array(
    [[33, 102, 172], [103, 169, 207], [255, 255, 255], [253, 141, 60], [215, 25, 28]]
)
_STRONGEST = 0.55  # opacity at the limit: the radiograph stays visible


def log_odds_map(
    logits_2d: np.ndarray, finding: Sequence[int], others: Sequence[int]
) -> np.ndarray:
    """Evidence for a finding at each place, in log-odds.

    Args:
        logits_2d: float32 (..., h, w, C).
        finding: indices of the classes that are told as the finding.
        others: indices of the other classes.
    Returns:
        float32 (..., h, w): logsumexp over `finding` minus logsumexp over `others`.
    """
    return _logsumexp(logits_2d[..., finding]) - _logsumexp(logits_2d[..., others])


def _logsumexp(values: np.ndarray) -> np.ndarray:
    return np.logaddexp.reduce(values, axis=-1)


def resize_map(places: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Carries a map of places, float32 (h, w), onto an image of `shape` (H, W).

    Bilinear; the network saw the whole image stretched, so the whole map is stretched
    back. Returns float32 (H, W).
    """
    height, width = shape
    picture = Image.fromarray(np.ascontiguousarray(places, np.float32))
    return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))


def overlay(image: np.ndarray, cam: np.ndarray, limit: float) -> np.ndarray:
    """Draws a map over its radiograph.

    Args:
        image: uint8 (H, W).
        cam: float32 (H, W), log-odds; NaN where the network did not look.
        limit: log-odds at which colour and opacity saturate.
    Returns:
        uint8 (H, W, 3), RGB; uncoloured where `cam` is 0 or NaN.
    """
    colours, opacity = _palette()
    level = _level(np.nan_to_num(cam), limit)
    blend = opacity[level][..., None]
    mixed = image[..., None] * (1 - blend) + colours[level] * blend
    return mixed.astype(np.uint8)


def layer(cam: np.ndarray, limit: float, side: int) -> np.ndarray:
    """A map by itself, to lay over its radiograph: what `overlay` adds to it.

    Args:
        cam: float32 (H, W), log-odds; NaN where the network did not look.
        limit: log-odds at which colour and opacity saturate.
        side: pixels of the longer side, at most; the map is smooth, so that it can be
            scaled up again.
    Returns:
        uint8 (h, w, 4), RGBA; transparent where `cam` is 0 or NaN.
    """
    height, width = cam.shape
    scale = min(1.0, side / max(cam.shape))
    shape = max(1, round(height * scale)), max(1, round(width * scale))
    level = _level(resize_map(np.nan_to_num(cam), shape), limit)
    colours, opacity = _palette()
    alpha = 255 * opacity[level][..., None]
    return np.concatenate([colours[level], alpha], axis=2).round().astype(np.uint8)


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
    opacity = _STRONGEST * np.abs(position)
    return np.stack(colours, axis=1).astype(np.float32), opacity.astype(np.float32)
