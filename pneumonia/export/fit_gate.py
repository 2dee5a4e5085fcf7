"""Fits the gate on films: which copies of them, through which graph."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from PIL import Image

from ..config import ModelConfig
from ..inference.gate import Gate, fit_gate, thumbnail
from ..inference.preprocessing import preprocess, to_square
from ..inference.runtime import Runtime
from ..training.augment import augment

_COPIES = 2  # of each film
_BATCH = 8


def gate_of(
    runtime: Runtime,
    config: ModelConfig,
    training: Sequence[np.ndarray],
    unseen: Sequence[np.ndarray],
) -> Gate:
    """Fits the gate of the graph that is served. Takes about two minutes on two cores.

    Args:
        runtime: of the model folder.
        config: of the same.
        training: radiographs, uint8 (H, W); a thousand are enough.
        unseen: radiographs of other patients, which the network never saw.
    """
    random = np.random.default_rng(0)
    films = [to_square(image, config) for image in training]
    copies = [_another(film, random) for film in films for _ in range(_COPIES)]
    turned = [np.rot90(film, 1 + n % 3) for n, film in enumerate(films[::2])]
    held_out = [
        _another(to_square(image, config), random)
        for image in unseen
        for _ in range(_COPIES)
    ]
    return fit_gate(
        *_views(runtime, config, films + copies),
        _views(runtime, config, turned)[1],
        *_views(runtime, config, held_out),
    )


def _another(film: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A copy as another hospital might have made it, of a larger or smaller chest.

    `augment` keeps to what a child's film may be. The gate must not turn away an
    adult's longer chest, a film cut close, or one with a border, so it learns more.
    """
    side = len(film)
    zoom = np.exp(random.uniform(-0.3, 0.35, 2))
    shift = (1 - 1 / zoom) * side / 2 + random.uniform(-0.08, 0.08, 2) * side
    framed = Image.fromarray(film).transform(
        (side, side),
        Image.Transform.AFFINE,
        (1 / zoom[0], 0, shift[0], 0, 1 / zoom[1], shift[1]),
        Image.Resampling.BILINEAR,
        fillcolor=int(random.choice([0, 0, 0, 30, 255])),
    )
    return augment(np.asarray(framed), random)


def _views(
    runtime: Runtime, config: ModelConfig, squares: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Thumbnails, float32 (N, 256), and pre_logits, float32 (N, F)."""
    thumbnails, features = [], []
    for batch in _batches(squares):
        inputs = np.stack([preprocess(square, config) for square in batch])
        thumbnails += [thumbnail(one[:, :, 0]) for one in inputs]
        features.append(runtime(inputs).pre_logits)
    return np.stack(thumbnails), np.concatenate(features)


def _batches(squares: Sequence[np.ndarray]) -> Iterator[Iterable[np.ndarray]]:
    for start in range(0, len(squares), _BATCH):
        yield squares[start : start + _BATCH]
