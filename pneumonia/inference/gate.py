"""The gate: is this a frontal chest radiograph at all? Arrays in, arrays out.

Everything is fitted on chest radiographs and altered copies of them, nothing on other
pictures, so that a kind of picture that nobody thought of scores as high as any.
Evidence of three kinds is added up:

- features: how far `pre_logits` lie from the subspace that radiographs and their copies
  span, the residual of ViM (Wang 2022, arXiv:2203.10807), taken of the square roots of
  the features' shares, so that neither contrast nor a few large features decide; and
  how far they lie along the direction in which turning a radiograph moves them;
- arrangement: whether the image at 16 by 16 pixels looks more like a radiograph turned
  or inverted than like an upright one, by four templates of least squares;
- colour, which a radiograph has little of.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from ..errors import ModelError
from .lungs import Lungs
from .preprocessing import View

SIDE = 16  # of the thumbnail, in pixels
# What each kind of evidence weighs against the features' distance, on average 1 for a
# radiograph. Round numbers: half or twice as much makes little difference.
_TURN, _POSE, _COLOUR, _LUNGS = 0.1, 0.7, 2.0, 0.7
_LUNGS_LIMIT = 3  # of `unlikeness_of`: what is no chest at all is no more than that
_POSE_FLOOR = -0.4  # a more upright look than that proves no more
_POSE_LIMIT = 0.4  # upright radiographs stay below it, whatever else was done to them
_COLOURED, _FLAT = 0.25, 0.5  # shares of the pixels

# What was done to a radiograph -> what undoes it, uint8 (H, W) to the like.
CORRECTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "inverted": lambda image: 255 - image,
    "turned right": lambda image: np.rot90(image, 1),
    "turned left": lambda image: np.rot90(image, 3),
    "upside down": lambda image: np.rot90(image, 2),
}
POSES = tuple(CORRECTIONS)
REFUSALS = {
    "coloured": "Expected a frontal chest X-ray, found a picture in colour. Give the "
    "X-ray itself, in grey, not a photograph or a drawing.",
    "flat": "Expected a frontal chest X-ray, found what looks like a drawing, a "
    "document or a screenshot: half of it or more is one shade. Give the X-ray alone.",
    "inverted": "Expected a chest X-ray with white bones on black air, found what "
    "looks like its negative. If it is one, invert it and give it again.",
    "turned right": "Expected an upright frontal chest X-ray, found what looks like "
    "one turned to the right. If it is one, turn it upright and give it again.",
    "turned left": "Expected an upright frontal chest X-ray, found what looks like one "
    "turned to the left. If it is one, turn it upright and give it again.",
    "upside down": "Expected an upright frontal chest X-ray, found what looks like one "
    "upside down. If it is one, turn it upright and give it again.",
    "other": "Expected a frontal chest X-ray, found an image unlike those that the "
    "model knows: another view, another part of the body, or something else. If it is "
    "a frontal chest X-ray, give it whole, upright and unedited.",
}
_NUMBERS = ("spread", "threshold")
_ARRAYS = {"mean": "<f4", "axes": "<f2", "turn": "<f4", "templates": "<f4"}


@dataclass(frozen=True)
class Gate:
    """What a model folder knows of what radiographs look like.

    Attributes:
        mean: float32 (F,), of the square roots of the radiographs' features.
        axes: float32 (K, F), orthonormal; the subspace that radiographs span around it.
        turn: float32 (K,), a direction in it: where turned radiographs lie.
        templates: float32 (4, 256), one per wrong pose, against the upright one.
        spread: mean squared distance of radiographs from the subspace; > 0.
        threshold: evidence at which an image is refused; > 0.
    """

    mean: np.ndarray
    axes: np.ndarray
    turn: np.ndarray
    templates: np.ndarray
    spread: float
    threshold: float

    def score(
        self,
        thumbnails: np.ndarray,
        pre_logits: np.ndarray,
        unlikeness: np.ndarray | float = 0.0,
        colour: float = 0.0,
    ) -> np.ndarray:
        """The out-of-distribution score: 1 is the limit of what is answered.

        Args:
            thumbnails: float32 (N, 256), from `thumbnail`.
            pre_logits: float32 (N, F), of the network.
            unlikeness: float (N,), from `unlikeness_of`.
            colour: share of coloured pixels, in [0, 1], of `imaging.Reading`.
        Returns:
            float64 (N,): above 1 is refused; radiographs have about 0.4.
        """
        poses = self.poses(thumbnails).max(axis=1)
        evidence = self.evidence(poses, pre_logits, unlikeness) + _COLOUR * colour
        return np.maximum(evidence / self.threshold, poses / _POSE_LIMIT)

    def judge(
        self, view: View, pre_logits: np.ndarray, colour: float
    ) -> tuple[float, str | None]:
        """The score of one image, and what it looks like, if it is refused.

        Many other images look a little like a radiograph in one of the wrong poses. It
        is one if, put right by `CORRECTIONS`, it is not refused.

        Args:
            view: what the model looked at.
            pre_logits: float32 (F,), what the network made of it.
            colour: see `score`.
        Returns:
            The score, and a key of `REFUSALS` or None.
        """
        small = thumbnail(view.square)[None]
        unlikeness = unlikeness_of(view.lungs)
        score = float(self.score(small, pre_logits[None], unlikeness, colour)[0])
        if score <= 1:
            return score, None
        return score, self._look(view.square, small, colour)

    def _look(self, square: np.ndarray, small: np.ndarray, colour: float) -> str:
        """What a refused image looks most like."""
        if colour >= _COLOURED:
            return "coloured"
        shades = np.histogram(square, 64)[0] / square.size
        if shades[1:].max() >= _FLAT:  # not the blackest: that is the air around a body
            return "flat"
        poses = self.poses(small)[0]
        return POSES[poses.argmax()] if poses.max() > 0 else "other"

    def poses(self, thumbnails: np.ndarray) -> np.ndarray:
        """(N, 4): above 0 where an image looks more like a wrong pose than upright."""
        return thumbnails @ self.templates.T

    def evidence(
        self, poses: np.ndarray, pre_logits: np.ndarray, unlikeness: np.ndarray | float
    ) -> np.ndarray:
        """Features, arrangement and lungs together; radiographs have about 1."""
        offsets = root_shares(pre_logits) - self.mean
        # not `@`: it would wake BLAS's threads, which then disturb the next network run
        along = np.vecdot(offsets[:, None], self.axes)
        residual = (offsets**2).sum(axis=1) - (along**2).sum(axis=1)
        return (
            residual / self.spread
            + _TURN * along @ self.turn
            + _POSE * np.maximum(poses, _POSE_FLOOR)
            + _LUNGS * np.minimum(unlikeness, _LUNGS_LIMIT)
        ).astype(np.float64)

    def to_bytes(self) -> bytes:
        """The content of `gate.json`: numbers as text, arrays as base64."""
        values: dict[str, Any] = {name: getattr(self, name) for name in _NUMBERS}
        for name, dtype in _ARRAYS.items():
            array = getattr(self, name)
            content = base64.b64encode(array.astype(dtype).tobytes()).decode()
            values[name] = {"dtype": dtype, "shape": array.shape, "data": content}
        return json.dumps(values, indent=1).encode()

    @classmethod
    def from_bytes(cls, content: bytes, features: int) -> "Gate":
        """Reads `gate.json`.

        Args:
            content: from `to_bytes`.
            features: F, of the network whose folder it is.
        Raises:
            ModelError: it is anything else than the gate of such a network.
        """
        try:
            values = json.loads(content)
            arrays = {name: _array(values.pop(name), name) for name in _ARRAYS}
            gate = cls(**arrays, **{name: float(values[name]) for name in values})
            axes = len(gate.axes)
            shapes = [gate.mean.shape, gate.axes.shape, gate.turn.shape]
            if (
                shapes != [(features,), (axes, features), (axes,)]
                or gate.templates.shape != (len(POSES), SIDE**2)
                or not all(np.isfinite(array).all() for array in arrays.values())
                or not all(0 < getattr(gate, name) < np.inf for name in _NUMBERS)
            ):
                raise ValueError
        # json answers brackets within brackets within ... with a RecursionError
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise ModelError(
                f"The gate of the model folder cannot be read: expected arrays for "
                f"{features} features and two numbers. Fetch or export the model "
                "again."
            ) from None
        return gate


def unlikeness_of(lungs: Lungs | None) -> float:
    """How unlike real lungs the found ones are: 0 where they are plausible."""
    return max(0.0, 1 / lungs.plausibility - 1) if lungs else 0.0


def thumbnail(square: np.ndarray) -> np.ndarray:
    """What is where, without brightness and contrast.

    Args:
        square: the whole image, uint8 (S, S).
    Returns:
        float32 (256,) of mean 0 and length 1, or all 0 where the square is constant.
    """
    size = (SIDE, SIDE)
    image = Image.fromarray(square.astype(np.float32))
    small = np.asarray(image.resize(size, Image.Resampling.BOX))
    small = small.ravel() - small.mean()
    length = np.linalg.norm(small)
    return small / length if length > 0.1 else np.zeros_like(small)


def root_shares(pre_logits: np.ndarray) -> np.ndarray:
    """Square roots of each feature's share in the sum: rows of length 1.

    The features come after a ReLU; what int8 makes of a 0 is not far from it.
    """
    positive = np.maximum(pre_logits, 0)
    return np.sqrt(positive / np.maximum(positive.sum(axis=1, keepdims=True), 1e-9))


def _array(value: dict[str, Any], name: str) -> np.ndarray:
    if value["dtype"] != _ARRAYS[name]:
        raise ValueError
    content = base64.b64decode(value["data"], validate=True)
    array = np.frombuffer(content, _ARRAYS[name]).reshape(value["shape"])
    return array.astype(np.float32)
