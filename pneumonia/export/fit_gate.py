"""Fits the gate on radiographs: which copies of them, through which graph."""

import dataclasses
from collections.abc import Sequence
from functools import partial

import numpy as np
from PIL import Image

from ..config import ModelConfig
from ..evaluation.shift import SIDE as COPY_SIDE
from ..inference.gate import POSES, SIDE, Gate, root_shares, thumbnail, unlikeness_of
from ..inference.lungs import LungFinder
from ..inference.preprocessing import look_at, to_square
from ..inference.runtime import Runtime
from ..training.augment import change_appearance

_AXES = 128  # that images and their copies span; 64 or 192 make about as good a gate
# What is refused lies a twentieth beyond where 99.5 % of altered copies of unseen
# images are: those of other hospitals and ages differ in ways that no copy shows, and
# to turn one of them away is worse than to answer a rare stranger.
_KEPT, _MARGIN = 0.995, 1.05
_RIDGE = 0.01
_COPIES = 2  # of each radiograph
_BATCH = 8


def gate_of(
    runtime: Runtime,
    config: ModelConfig,
    finder: LungFinder | None,
    training: Sequence[np.ndarray],
    unseen: Sequence[np.ndarray],
    elsewhere: Sequence[np.ndarray] = (),
) -> Gate:
    """Fits the gate of the graph that is served. Takes about two minutes on two cores.

    Args:
        runtime: of the model folder.
        config, finder: of the same.
        training: radiographs, uint8 (H, W); a thousand are enough.
        unseen: radiographs of other patients, which the network never saw.
        elsewhere: of other hospitals, which it never saw either.
    """
    random = np.random.default_rng(0)
    squares = [to_square(image, COPY_SIDE) for image in training]
    copies = [_another(square, random) for square in squares for _ in range(_COPIES)]
    turned = [np.rot90(square, 1 + n % 3) for n, square in enumerate(squares[::2])]
    whole = [to_square(image, COPY_SIDE) for image in unseen]
    held_out = [_another(square, random) for square in whole for _ in range(_COPIES)]
    held_out += whole + [to_square(image, COPY_SIDE) for image in elsewhere]
    views = partial(_views, runtime, config, finder)
    thumbnails, features, _ = views(squares + copies)
    _, turned_features, _ = views(turned)
    return fit_gate(thumbnails, features, turned_features, *views(held_out))


def fit_gate(
    thumbnails: np.ndarray,
    pre_logits: np.ndarray,
    turned: np.ndarray,
    unseen_thumbnails: np.ndarray,
    unseen_pre_logits: np.ndarray,
    unseen_unlikeness: np.ndarray,
) -> Gate:
    """Learns what radiographs look like; the same input gives the same gate.

    Args:
        thumbnails: float32 (N, 256), of training images and altered copies of them.
        pre_logits: float32 (N, F), of the same.
        turned: float32 (M, F), of training radiographs on their sides or heads.
        unseen_thumbnails: float32 (U, 256), of altered copies of radiographs of other
            patients: they decide what is refused.
        unseen_pre_logits: float32 (U, F), of the same.
        unseen_unlikeness: float (U,), of the same, from `unlikeness_of`.
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
    evidence = gate.evidence(poses, unseen_pre_logits, unseen_unlikeness)
    threshold = _MARGIN * float(np.quantile(evidence, _KEPT))
    return dataclasses.replace(gate, threshold=threshold)


def _fit_templates(thumbnails: np.ndarray) -> np.ndarray:
    """Ridge regression from pixels to the pose; (4, 256)."""
    images = thumbnails.reshape(-1, SIDE, SIDE)
    turned = [np.rot90(images, quarters, axes=(1, 2)) for quarters in (3, 1, 2)]
    pixels = np.concatenate([images, -images, *turned]).reshape(-1, SIDE**2)
    poses = np.repeat(np.eye(1 + len(POSES)), len(images), axis=0)
    gram = pixels.T @ pixels / len(pixels) * SIDE**2 + _RIDGE * np.eye(SIDE**2)
    moments = pixels.T @ (poses - poses.mean(axis=0)) / len(pixels) * SIDE**2
    weights = np.linalg.solve(gram, moments).T
    return (weights[1:] - weights[0]).astype(np.float32)


def _another(square: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A copy as another hospital might have made it, of a larger or smaller chest.

    The gate must not turn away an adult's longer chest, an image cut close, one with a
    border, or one that lies a little askew or is mirrored, so it learns all these.
    """
    side = len(square)
    zoom = np.exp(random.uniform(-0.3, 0.35, 2))
    angle = np.deg2rad(np.clip(random.normal(0, 5), -15, 15))
    cos, sin = np.cos(angle), np.sin(angle)
    mirror = random.choice([-1, 1])
    matrix = np.array([[cos, -sin], [sin, cos]]) @ np.diag([mirror, 1] / zoom)
    middle = np.full(2, side / 2)
    shift = middle - matrix @ middle + random.uniform(-0.08, 0.08, 2) * side
    framed = Image.fromarray(square).transform(
        (side, side),
        Image.Transform.AFFINE,
        tuple(np.column_stack([matrix, shift]).ravel()),
        Image.Resampling.BILINEAR,
        fillcolor=int(random.choice([0, 0, 0, 30, 255])),
    )
    return change_appearance(np.asarray(framed), random)


def _views(
    runtime: Runtime,
    config: ModelConfig,
    finder: LungFinder | None,
    squares: Sequence[np.ndarray],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Thumbnails (N, 256), pre_logits (N, F) and the lungs' unlikeness (N,)."""
    thumbnails, features, unlikeness = [], [], []
    for start in range(0, len(squares), _BATCH):
        views = [
            look_at(square, config, finder)
            for square in squares[start : start + _BATCH]
        ]
        thumbnails += [thumbnail(view.square) for view in views]
        unlikeness += [unlikeness_of(view.lungs) for view in views]
        inputs = np.stack([view.inputs for view in views])
        features.append(runtime(inputs).pre_logits)
    return np.stack(thumbnails), np.concatenate(features), np.array(unlikeness)
