"""Fits the gate on films: which copies of them, through which graph."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from PIL import Image

from ..config import ModelConfig
from ..inference.gate import POSES, SIDE, Gate, root_shares, thumbnail
from ..inference.preprocessing import preprocess, to_square
from ..inference.runtime import Runtime
from ..training.augment import augment

_AXES = 128  # that films and their copies span; at 64 or 192 the gate is about as good
# What is refused lies a tenth beyond where 99.5 % of altered copies of unseen films
# are: films of other hospitals and ages differ in ways that no copy shows, and to turn
# one of them away is worse than to answer a rare stranger.
_KEPT, _MARGIN = 0.995, 1.1
_RIDGE = 0.01
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


def fit_gate(
    thumbnails: np.ndarray,
    pre_logits: np.ndarray,
    turned: np.ndarray,
    unseen_thumbnails: np.ndarray,
    unseen_pre_logits: np.ndarray,
) -> Gate:
    """Learns what films look like; the same input gives the same gate.

    Args:
        thumbnails: float32 (N, 256), of training films and altered copies of them.
        pre_logits: float32 (N, F), of the same.
        turned: float32 (M, F), of training films on their sides or heads.
        unseen_thumbnails: float32 (U, 256), of altered copies of films of other
            patients: they decide what is refused.
        unseen_pre_logits: float32 (U, F), of the same.
    """
    roots = root_shares(pre_logits).astype(np.float64)
    mean = roots.mean(axis=0)
    variances, axes = np.linalg.eigh(np.cov(roots - mean, rowvar=False))
    count = min(_AXES, len(mean) // 4)
    # as it will be stored, so that the gate that is read is the gate that was fitted
    axes = axes[:, ::-1].T[:count].astype(np.float16).astype(np.float32, order="C")
    variances = np.maximum(variances[::-1], np.finfo(np.float32).eps)
    turn = ((root_shares(turned) - mean) @ axes.T / variances[:count]).mean(axis=0)
    turn /= np.sqrt((turn**2 * variances[:count]).sum())
    gate = Gate(
        mean=mean.astype(np.float32),
        axes=axes,
        turn=turn.astype(np.float32),
        templates=_fit_templates(thumbnails),
        spread=float(variances[count:].sum()),
        threshold=1.0,
    )
    poses = gate.poses(unseen_thumbnails).max(axis=1)
    evidence = gate.evidence(poses, unseen_pre_logits)
    threshold = _MARGIN * float(np.quantile(evidence, _KEPT))
    return dataclasses.replace(gate, threshold=threshold)


def _fit_templates(thumbnails: np.ndarray) -> np.ndarray:
    """Ridge regression from pixels to the pose; (4, 256)."""
    films = thumbnails.reshape(-1, SIDE, SIDE)
    turned = [np.rot90(films, quarters, axes=(1, 2)) for quarters in (3, 1, 2)]
    pixels = np.concatenate([films, -films, *turned]).reshape(-1, SIDE**2)
    poses = np.repeat(np.eye(1 + len(POSES)), len(films), axis=0)
    gram = pixels.T @ pixels / len(pixels) * SIDE**2 + _RIDGE * np.eye(SIDE**2)
    moments = pixels.T @ (poses - poses.mean(axis=0)) / len(pixels) * SIDE**2
    weights = np.linalg.solve(gram, moments).T
    return (weights[1:] - weights[0]).astype(np.float32)


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
